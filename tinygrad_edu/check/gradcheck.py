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
    """Compare the gradients of a function with central differences.

        dJ/dx_i ~ (J(x + h e_i) - J(x - h e_i)) / 2h

    A result that is no scalar is weighed with fixed random numbers, so that every entry counts. The
    step h is the cube root of the dtype's epsilon, times max(1, |x_i|): there the error of the
    difference, about h^2, and its round-off, about epsilon/h, are equal. An entry is right if it agrees to
    `tolerance` relative to the larger of the two, or of the largest gradient of its input.

    Shapes:  inputs of any shape, floats (arrays or Tensors); they are not changed
    Raises:  TypeError for integer inputs or a result cut from the graph; ValueError for a function that
             gives another value on the same inputs
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

    def cost() -> float:
        with autograd.no_grad():
            return float(np.sum(weights * function(*(Tensor.wrap(x) for x in arrays)).data.astype(float)))

    if not np.array_equal(first := cost(), cost(), equal_nan=True):
        raise ValueError(
            f"gradcheck: the function must give one value for the same inputs; got {first} and then another. "
            "Fix the rng inside it, or switch dropout off with .eval()."
        )
    entries = []
    coarsest = max(float(np.finfo(x.dtype).eps) for x in (*arrays, result.data))
    h = step or coarsest ** (1 / 3)
    tolerance = tolerance or 50 * coarsest ** (2 / 3)
    for name, x, gradient in zip(names, arrays, gradients, strict=True):
        g = np.zeros(x.shape) if gradient is None else gradient.data.astype(float)
        scale = float(np.max(np.abs(g), initial=0))
        for index in np.ndindex(x.shape):
            entries.append(
                entry(cost, name, x, index, float(g[index]), h * max(1.0, abs(float(x[index]))), tolerance, scale)
            )
    return GradCheck(tuple(entries), tolerance)


def entry(
    cost: Callable[[], float],
    name: str,
    x: np.ndarray,
    index: tuple[int, ...],
    gradient: float,
    h: float,
    tolerance: float,
    scale: float,
) -> Entry:
    """Judge one entry; x is moved and put back."""
    before = x[index]

    def slopes(h: float) -> tuple[float, float]:
        """To the left and to the right, over the steps that x could really take."""
        x[index] = before
        middle = cost()
        x[index] = before - h
        left = (middle - cost()) / float(before - x[index])
        x[index] = before + h
        right = (cost() - middle) / float(x[index] - before)
        x[index] = before
        return left, right

    left, right = slopes(h)
    difference = (left + right) / 2
    allowed = tolerance * max(abs(gradient), abs(difference), scale, 1e-3)
    if abs(gradient - difference) <= allowed:
        verdict = "right"
    else:
        nearer = slopes(h / 4)
        jump, jump_nearer = abs(right - left), abs(nearer[1] - nearer[0])
        # Where the function is smooth the two slopes approach each other with h; at a kink they do not.
        verdict = "kink" if jump > 10 * allowed and jump_nearer > jump / 2 else "WRONG"
    return Entry(name, index, gradient, difference, verdict)
