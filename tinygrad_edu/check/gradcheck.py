"""Gradients against differences: is the derivative that autograd gives the slope that is there?

    report = gradcheck(lambda W, b: (x @ W + b).sum(), W, b)
    print(report)

Each entry of each input is moved a little up and down, and the change of the function compared with
its gradient. An entry that sits at a kink (relu at 0) has a slope to the left and another to the
right; it is reported as a kink, neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import autograd
from tinygrad_edu.tensor import Tensor

__all__ = ["GradCheck", "gradcheck"]


@dataclass(frozen=True)
class Entry:
    """One number of one input: its gradient by autograd and by differences."""

    tensor: str
    index: tuple[int, ...]
    gradient: float
    difference: float
    verdict: str

    @property
    def error(self) -> float:
        return abs(self.gradient - self.difference)


@dataclass(frozen=True)
class GradCheck:
    """What `gradcheck` found: entries with their verdict, right, WRONG or kink. True if none is wrong."""

    entries: tuple[Entry, ...]
    tolerance: float

    @property
    def wrong(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.verdict == "WRONG")

    @property
    def kinks(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.verdict == "kink")

    @property
    def ok(self) -> bool:
        return not self.wrong

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        largest = max((entry.error for entry in self.entries), default=0.0)
        lines = [
            f"gradcheck: {len(self.wrong)} of {len(self.entries)} entries wrong, {len(self.kinks)} at a kink; "
            f"largest error {largest:.1e}, tolerance {self.tolerance:.0e}"
        ]
        shown = sorted((*self.wrong, *self.kinks), key=lambda entry: -entry.error)[:20]
        if shown:
            lines.append(f"{'input':<12} {'entry':<12} {'autograd':>14} {'difference':>14} {'error':>9}  verdict")
        for entry in shown:
            lines.append(
                f"{entry.tensor:<12} {entry.index!s:<12} {entry.gradient:>14.7g} {entry.difference:>14.7g} "
                f"{entry.error:>9.1e}  {entry.verdict}"
            )
        return "\n".join(lines)


def gradcheck(
    function: Callable[..., Any], *inputs: Any, step: float | None = None, tolerance: float | None = None
) -> GradCheck:
    """Compare the gradients of a function with differences.

        dJ/dx_i ~ (J(x + h e_i) - J(x - h e_i)) / 2h,   extrapolated to h = 0

    A result that is no scalar is weighed with fixed random numbers, so that every entry counts. The
    first step h is `step` times max(1, |x_i|), and it is made smaller by 4 until the extrapolated slope is
    sure enough. An entry is right if it agrees with that slope to `tolerance`, relative to the larger of
    the two, or to what the slope itself is sure of. Defaults: step 1e-3 and tolerance 1e-6 in float64, step 0.05
    and tolerance 1e-2 in float32.

    Shapes:  inputs of any shape, floats (arrays or Tensors); they are not changed
    Raises:  TypeError for integer inputs or a result cut from the graph; ValueError for a function that
             gives another value on the same inputs
    Source:  C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), 1982
    """
    arrays = [np.array(x.data if isinstance(x, Tensor) else x) for x in inputs]
    for position, x in enumerate(arrays):
        if x.dtype.kind != "f":
            raise TypeError(
                f"gradcheck: inputs must be floats; got {x.dtype} for input {position}. "
                "Pass class numbers and the like inside the function: lambda x: f(x, labels)."
            )
    names = [x.name if isinstance(x, Tensor) and x.name else f"input {k}" for k, x in enumerate(inputs)]
    tensors = [Tensor(x, requires_grad=True, name=name) for x, name in zip(arrays, names, strict=True)]
    result = function(*tensors)
    if not isinstance(result, Tensor) or not result.requires_grad:
        raise TypeError(
            f"gradcheck: the function must return a Tensor that depends on its inputs; got {type(result).__name__}. "
            "float(), .item() or .numpy() inside it cut the graph."
        )
    weights = np.random.default_rng(0).uniform(0.5, 1.5, result.shape) if result.ndim else np.ones(())
    gradients = autograd.grad(result, tensors, weights.astype(result.dtype), allow_unused=True)

    def terms() -> np.ndarray:
        """The entries of the result, weighed; their sum is J."""
        with autograd.no_grad(), np.errstate(all="ignore"):
            result: np.ndarray = weights * function(*(Tensor.wrap(x) for x in arrays)).data.astype(float)
            return result

    here = terms()
    if not np.array_equal(here, terms(), equal_nan=True):
        raise ValueError(
            f"gradcheck: the function must give one value for the same inputs; got {here.sum():.9g} and then another. "
            "Fix the rng inside it, or switch dropout off with .eval()."
        )
    coarse = any(x.dtype.itemsize < 8 for x in (*arrays, result.data))
    tolerance = tolerance or (1e-2 if coarse else 1e-6)
    slopes = Slopes(terms, here, coarsest=max(np.finfo(x.dtype).eps for x in (*arrays, result.data)))
    entries = []
    for name, x, gradient in zip(names, arrays, gradients, strict=True):
        for index in np.ndindex(x.shape):
            g = 0.0 if gradient is None else float(gradient.data[index])
            h = (step or (0.05 if coarse else 1e-3)) * max(1.0, abs(float(x[index])))
            entries.append(slopes.judge(name, x, index, g, h, tolerance))
    return GradCheck(tuple(entries), tolerance)


class Slopes:
    """The slopes of J = sum of terms(), as the arrays that it is computed from are moved."""

    LEVELS = 10

    def __init__(self, terms: Callable[[], np.ndarray], here: np.ndarray, coarsest: float) -> None:
        self.terms, self.here = terms, here
        self.noise = 4 * float(coarsest) * float(np.abs(here).sum())  # of J, by round-off

    def around(self, x: np.ndarray, index: tuple[int, ...], h: float) -> tuple[float, float, float]:
        """To the left and to the right of x[index], and the step that x really took."""
        before = x[index]
        x[index] = before + h
        right, step_right = float((self.terms() - self.here).sum()), float(x[index] - before)
        x[index] = before - h
        left, step_left = float((self.here - self.terms()).sum()), float(before - x[index])
        x[index] = before
        return left / step_left, right / step_right, step_left

    def judge(
        self, name: str, x: np.ndarray, index: tuple[int, ...], gradient: float, h: float, tolerance: float
    ) -> Entry:
        """Step nearer until the slope is sure, then compare; a kink is where left and right stay apart."""
        row: list[float] = []
        best, sure, bent = np.nan, np.inf, False
        left = right = last_jump = np.nan
        for _ in range(self.LEVELS):
            left, right, h_taken = self.around(x, index, h)
            h, noise = h / 4, self.noise / h_taken
            previous, row = row, [(left + right) / 2]
            for k, value in enumerate(previous, start=1):  # the error is even in h: Richardson, h -> h/4
                row.append(row[-1] + (row[-1] - value) / (16**k - 1))
            for k in range(1, len(row)):
                error = max(abs(row[k] - row[k - 1]), abs(row[k] - previous[k - 1])) + noise
                if error < sure:
                    best, sure = row[k], error
            jump, jump_noise = abs(right - left), 4 * noise + tolerance * max(abs(left), abs(right))
            bent = jump > jump_noise and jump > 0.6 * last_jump
            last_jump = jump
            close = abs(gradient - best) <= tolerance * max(abs(gradient), abs(best))
            if len(row) > 2 and not bent and close and sure <= tolerance * max(abs(best), noise):
                break
        allowed = tolerance * max(abs(gradient), abs(left), abs(right))
        if bent and min(left, right) - allowed <= gradient <= max(left, right) + allowed:
            verdict = "kink"
        elif abs(gradient - best) <= tolerance * max(abs(gradient), abs(best)) + min(sure, 0.05 * abs(best) + noise):
            verdict = "right"
        else:
            verdict = "WRONG"
        return Entry(name, index, gradient, best, verdict)
