"""What the fused op is for: where the textbook's steps lose digits, and what happens when nothing cancels.

    print(cancellation())            # sigmoid, then cross-entropy, against the fused op, from z = -40 to 40
    print(slow_start())              # squared error and cross-entropy from a neuron that is badly wrong

The right digits come from Python's decimal with 60 of them, not from the engine.
Plots of both: `plot.right_digits`, `plot.slow_start`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from tinygrad_edu import autograd, functional
from tinygrad_edu.check.pairs import COMPOSED
from tinygrad_edu.data import arguments
from tinygrad_edu.tensor import Tensor

__all__ = ["Cancellation", "SlowStart", "cancellation", "slow_start"]

DTYPES = ("float32", "float64")
ROUTES = ("composed", "fused")
SHOWN = (-40, -30, -20, -15, -10, -5, 0, 5, 10, 15, 20, 30, 36, 37, 40)


@dataclass(frozen=True)
class Cancellation:
    """Loss and gradient of sigmoid and cross-entropy at each z.

    exact    "loss" and "dL/dz", rounded to float64 from 60 digits
    numbers  by dtype, route ("composed", "fused") and quantity
    """

    z: np.ndarray
    target: float
    exact: Mapping[str, np.ndarray]
    numbers: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]

    def error(self, dtype: str, route: str, quantity: str) -> np.ndarray:
        """The absolute error; infinite where the number is not finite."""
        got = self.numbers[dtype][route][quantity].astype(float)
        return np.where(np.isfinite(got), np.abs(np.where(np.isfinite(got), got, 0) - self.exact[quantity]), np.inf)

    def digits(self, dtype: str, route: str, quantity: str) -> np.ndarray:
        """How many decimal digits are right: from 0 to what the dtype can hold."""
        most = -np.log10(np.finfo(dtype).eps / 2)
        exact = np.abs(self.exact[quantity])
        relative = self.error(dtype, route, quantity) / np.where(exact > 0, exact, 1)
        result: np.ndarray = np.clip(-np.log10(np.maximum(relative, 10.0**-most)), 0.0, most) + 0.0  # no -0
        return result

    def __str__(self) -> str:
        """The table for the z of SHOWN, or for all if they are few."""
        shown = [k for k, z in enumerate(self.z) if z in SHOWN] if len(self.z) > 30 else list(range(len(self.z)))
        lines = [f"sigmoid and cross-entropy, target {self.target:g}; in brackets the digits that are right"]
        widths = {"loss": 12, "dL/dz": 14}
        titles = "".join(f"{name:>{width}}{'composed':>15}{'fused':>15}" for name, width in widths.items())
        for dtype in self.numbers:
            lines += ["", f"{dtype:<9}{titles}"]
            for k in shown:
                line = f"z = {self.z[k]:<5g}"
                for quantity, width in widths.items():
                    line += f"{self.exact[quantity][k]:>{width}.3g}"
                    for route in ROUTES:
                        number = self.numbers[dtype][route][quantity][k]
                        line += f"{number + 0:>10.3g} [{self.digits(dtype, route, quantity)[k]:>2.0f}]"
                lines.append(line)
        return "\n".join([*lines, "", *self.notes()])

    def notes(self) -> list[str]:
        """What the table shows, in a sentence for each dtype."""
        notes = []
        for dtype, by in self.numbers.items():
            broken = ~(np.isfinite(by["composed"]["loss"]) & np.isfinite(by["composed"]["dL/dz"]))
            gone = (self.digits(dtype, "composed", "loss") < 1) & ~broken
            text = f"{dtype}: composed, "
            text += f"no number at all for {spans(self.z, broken)}" if broken.any() else "a number everywhere"
            text += f", and no digit of the loss right for {spans(self.z, gone)}" if gone.any() else ""
            worst = np.max([np.max(self.error(dtype, "fused", quantity)) for quantity in self.exact])
            notes.append(f"{text}. Fused, no error above {worst:.0e}.")
        return notes


def spans(z: np.ndarray, where: np.ndarray) -> str:
    """The stretches of z where something holds, as 'z from 17 to 40'."""
    first, after = np.flatnonzero(np.diff(where, prepend=False, append=False)).reshape(-1, 2).T
    stretches = zip(z[first], z[after - 1], strict=True)
    return " and ".join(f"z from {a:g} to {b:g}" if a < b else f"z = {a:g}" for a, b in stretches)


def cancellation(z: Any = None, target: float = 0.0) -> Cancellation:
    """Loss and gradient, composed and fused, in float32 and float64, against 60 digits.

        L = -(t log a + (1 - t) log(1 - a)),  a = 1 / (1 + exp(-z))        the textbook's steps
        L = log(1 + exp(z)) - t z                                          what the fused op computes

    With target 0, a large z is a neuron that is badly wrong: 1 - a rounds to 0, and loss and gradient are infinite. A
    very negative one is right: 1 - a rounds to 1, and the digits of the loss are lost. With target 1, a large z is
    right, and 0 times the infinite log(1 - a) is no number. exp(-z) itself overflows below -88 in float32.
    The fused gradient a - t has few digits where a is close to t; its absolute error is then below the rounding of 1.

    Raises:  ValueError for a target outside [0, 1], or a z that float32 does not hold exactly
    """
    z = np.linspace(-40, 40, 81) if z is None else np.atleast_1d(np.asarray(z, float))
    if not 0 <= target <= 1:
        raise ValueError(f"cancellation: the target must be in [0, 1]; got {target:g}. It is a probability.")
    with np.errstate(over="ignore"):
        exact = np.isfinite(z).all() and np.array_equal(z, z.astype(np.float32))
    if z.ndim != 1 or not z.size or not exact:
        raise ValueError(
            f"cancellation: z must be one axis of numbers that float32 holds exactly; got shape {z.shape}, "
            f"{np.array2string(z, threshold=6)}. Round it: z.astype(np.float32)."
        )
    if target != float(np.float32(target)):
        raise ValueError(f"cancellation: float32 must hold the target exactly; got {target!r}. Try 0, 0.25 or 1.")
    numbers = {
        dtype: {route: loss_and_gradient(z.astype(dtype), target, route) for route in ROUTES} for dtype in DTYPES
    }
    return Cancellation(z, target, exact_numbers(z, target), numbers)


def loss_and_gradient(z: np.ndarray, target: float, route: str) -> dict[str, np.ndarray]:
    """The loss of each z and its gradient, by autograd."""
    Z, t = Tensor(z, requires_grad=True), np.full(z.shape, target, z.dtype)
    with np.errstate(all="ignore"):
        if route == "fused":
            losses = functional.binary_cross_entropy_with_logits(Z, t, "none")
        else:
            losses = COMPOSED["sigmoid-bce"].losses(COMPOSED["sigmoid-bce"].activation(Z, "rows"), t)
        gradient = autograd.grad(losses, Z, np.ones_like(z))
    return {"loss": losses.numpy(), "dL/dz": gradient.numpy()}


def exact_numbers(z: np.ndarray, target: float) -> dict[str, np.ndarray]:
    """The same in decimal arithmetic."""
    with localcontext() as context:
        context.prec = 60
        t, losses, slopes = Decimal(target), [], []
        for x in map(Decimal, z.tolist()):
            e = x.exp()
            losses.append(float((1 + e).ln() - t * x))
            slopes.append(float(e / (1 + e) - t))
    return {"loss": np.array(losses), "dL/dz": np.array(slopes)}


# The slow start


@dataclass(frozen=True)
class SlowStart:
    """Cost and output of one neuron by epoch, before the first step and after each; by the name of each run."""

    costs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    target: float

    def half_way(self, run: str) -> int | None:
        """The first epoch at which the output is half way to the target; None if it never is."""
        distance = np.abs(self.outputs[run] - self.target)
        reached = np.flatnonzero(distance <= distance[0] / 2)
        return int(reached[0]) if len(reached) else None

    def __str__(self) -> str:
        epochs = len(next(iter(self.costs.values()))) - 1
        shown = sorted({*range(0, epochs + 1, max(1, epochs // 6)), epochs})
        width = max(map(len, self.costs)) + 8
        lines = [f"{'epoch':<{width}}" + "".join(f"{epoch:>8}" for epoch in shown)]
        for name, by in (("cost", self.costs), ("output", self.outputs)):
            for run, series in by.items():
                lines.append(f"{f'{name}, {run}':<{width}}" + "".join(f"{series[epoch]:>8.4f}" for epoch in shown))
        for run in self.costs:
            epoch = self.half_way(run)
            when = "not yet half way to the target" if epoch is None else f"half way to the target after epoch {epoch}"
            lines.append(f"{run}: {when}")
        return "\n".join(lines)


def slow_start(
    w: float = 2.0,
    b: float = 2.0,
    x: float = 1.0,
    target: float = 0.0,
    epochs: int = 300,
    rates: Mapping[str, Sequence[float]] | None = None,
) -> SlowStart:
    """One sigmoid neuron that starts badly wrong, by squared error and by cross-entropy.

        squared error  L = (a - t)^2 / 2     dL/dz = (a - t) a (1 - a)     a is near 1, so this is near 0
        cross-entropy                        dL/dz = a - t                 large, as the error is

    Rates are those of the source, 0.15 and 0.005, and 0.15 for both; give others by the name of the loss.

    Raises:  ValueError, TypeError for another loss, or for epochs that are no whole number above 0
    Source:  M. Nielsen, Neural Networks and Deep Learning, chapter 3, The cross-entropy cost function
    """
    epochs = arguments.whole_number("slow_start", "epochs", epochs, 1, "One is one step.")
    rates = {"squared error": (0.15,), "cross-entropy": (0.15, 0.005)} if rates is None else rates
    losses: dict[str, Callable[[Any, Any], Any]] = {
        "squared error": COMPOSED["linear-mse-half"].losses,
        "cross-entropy": COMPOSED["sigmoid-bce"].losses,
    }
    if not rates or rates.keys() - losses.keys():
        raise ValueError(
            f"slow_start: losses are {' and '.join(losses)}; got {', '.join(rates) or 'none'}. Give rates for these."
        )
    costs: dict[str, np.ndarray] = {}
    outputs: dict[str, np.ndarray] = {}
    for name, of_loss in rates.items():
        for rate in of_loss:
            run = f"{name}, rate {rate:g}"
            parameters = [Tensor(w, requires_grad=True, name="w"), Tensor(b, requires_grad=True, name="b")]
            series = []
            for _ in range(epochs + 1):
                a = COMPOSED["sigmoid-bce"].activation(parameters[0] * x + parameters[1], "rows")
                L = losses[name](a, target)
                series.append((L.item(), a.item()))
                for parameter, g in zip(parameters, autograd.grad(L, parameters), strict=True):
                    parameter.data = parameter.data - rate * g.data
            costs[run], outputs[run] = np.array(series).T
    return SlowStart(costs, outputs, target)
