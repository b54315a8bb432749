"""Steps that NumPy does faster, written in their place: each rewrite is an identity.

    sum(x), mean(x)         add.reduce(x), add.reduce(x) / n
    matmul(a, b)            dot(a, b), for matrices
    clip(x, 0, inf)         the ufunc behind it
    (x > 0).astype(float)   a comparison that gives 0.0 and 1.0 itself
    A - onehot              A, with 1 taken off at the true classes
    stretched(c) * x        c * x
    sigmoid(z)              exp(z - t z - L), where the loss L of z is known
    W - lr * dot(a, b)      one call of MKL, where it is installed: the gradient of a large weight is never written

A rewrite looks at one step, and at the steps that made its inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu import mkl
from tinygrad_edu.read.program import Program, Step, Value, added_at, placed, tidied

__all__ = [
    "InFloats",
    "clip",
    "elementwise",
    "fresh",
    "joined",
    "less_product",
    "reduces",
    "rewritten",
    "spread",
    "taken_off",
]

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]

#: NumPy's clip as a ufunc, where it can be had: relu by clip is faster than by maximum.
clip: Any = getattr(getattr(getattr(np, "_core", None), "umath", None), "clip", np.clip)

COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}
REDUCTIONS: dict[Any, Any] = {np.sum: np.add.reduce, np.max: np.maximum.reduce, np.min: np.minimum.reduce}


@dataclass(frozen=True)
class InFloats:
    """A comparison that gives 0.0 and 1.0."""

    ufunc: np.ufunc
    dtype: np.dtype

    @property
    def name(self) -> str:
        return self.ufunc.__name__

    def __call__(self, a: Any, b: Any) -> Any:
        return self.ufunc(a, b).astype(self.dtype)


@cache
def spread(function: np.ufunc) -> Callable[..., None]:
    """The function for operands of which one is spread over the other's rows or columns.

    With its usual buffers, NumPy first writes that one out in full, which takes as long as the arithmetic.
    """

    def spread_out(*args: Any, **out: Any) -> None:
        before = np.setbufsize(16)
        try:
            function(*args, **out)
        finally:
            np.setbufsize(before)

    spread_out.__name__ = f"spread_{function.__name__}"
    return spread_out


def taken_off(array: Any, key: Any, x: Any) -> Any:
    """The array with x subtracted at `key`."""
    array = np.array(array)
    array[key] -= x
    return array


def less_product(x: Any, rate: Any, a: Any, b: Any) -> Any:
    """x less a number times the product of two matrices."""
    return x - rate * np.dot(a, b)


def joined(*arrays: Any) -> Any:
    """The entries of all arrays, one after the other."""
    return np.concatenate([np.ravel(x) for x in arrays])


def elementwise(step: Step) -> bool:
    """Whether a step is a ufunc that treats each entry on its own, and can write its result into an array."""
    if isinstance(step.function, InFloats):
        return True
    function = step.function
    return isinstance(function, np.ufunc) and (function.nout, function.signature) == (1, None) and not step.kwargs


def reduces(step: Step) -> bool:
    """Whether a step is a reduction by a ufunc that can write its result into an array."""
    ours = isinstance(getattr(step.function, "__self__", None), np.ufunc) and step.name.endswith(".reduce")
    return ours and len(step.args) == 1 and set(step.kwargs) <= {"axis", "keepdims"}


#: Functions whose result shares no memory with what they are given.
FRESH = {
    np.where, np.concatenate, np.stack, np.clip, np.dot, np.einsum, np.sort, np.argsort, np.argmax, np.argmin, np.copy,
    np.var, np.std, np.mean, np.sum, np.max, np.min, placed, added_at, taken_off, less_product, joined,
    np.ndarray.astype,
}  # fmt: skip


def fresh(step: Step) -> bool:
    """Whether the result of a call is memory of its own: einsum of one operand may be a view, copy=False no copy."""
    if (step.function is np.einsum and len(step.inputs) == 1) or "copy" in step.kwargs:
        return False
    return isinstance(step.function, np.ufunc) or step.function in FRESH or reduces(step) or not step.result.shape


def by(value: Any, function: Any) -> tuple[Any, ...] | None:
    """The arguments of the step that made a value, if it is a call of the function."""
    made = isinstance(value, Value) and value.step
    return made.args if made and made.function is function and not made.kwargs else None


def reduction(step: Step) -> Call | None:
    """np.sum and its like by the ufunc that does it; a mean is a sum, divided."""
    if step.function in REDUCTIONS and set(step.kwargs) <= {"axis", "keepdims"} and len(step.args) == 1:
        return REDUCTIONS[step.function], step.args, {"axis": None, **step.kwargs}
    return None


def product(step: Step) -> Call | None:
    """The product of two matrices by np.dot."""
    if step.function is np.matmul and all(isinstance(x, Value) and len(x.shape) == 2 for x in step.args):
        return np.dot, step.args, {}
    return None


def positive_part(step: Step) -> Call | None:
    """np.clip as a ufunc."""
    if step.function is np.clip and len(step.args) == 3 and not step.kwargs and None not in step.args:
        return clip, step.args, {}
    return None


def comparison(step: Step) -> Call | None:
    """A comparison, cast: one that gives floats."""
    if step.function is not np.ndarray.astype or step.kwargs or step.result.dtype.kind != "f":
        return None
    made = step.args[0].step
    if not made or made.function not in COMPARISONS or made.kwargs:
        return None
    return InFloats(made.function, step.result.dtype), made.args, {}


def one_hot(step: Step) -> Call | None:
    """Less a matrix that is zero but at some entries: only those change."""
    if step.function is np.subtract and (args := by(step.args[1], placed)) and isinstance(step.args[0], Value):
        zeros, key, x = args
        same = isinstance(zeros, Value) and zeros.shape == step.result.shape == step.args[0].shape
        if (
            same
            and zeros.known
            and zeros.fixed
            and not np.any(zeros.constant)
            and step.result.dtype == step.args[0].dtype
        ):
            return taken_off, (step.args[0], key, x), {}
    return None


def one_number(step: Step) -> Call | None:
    """A known number, stretched to the shape of the other operand: the number."""
    if not isinstance(step.function, np.ufunc) or step.kwargs or len(step.args) != 2:
        return None
    for k, x in enumerate(step.args):
        other = step.args[1 - k]
        if not isinstance(x, Value) or not isinstance(other, Value) or other.shape != step.result.shape:
            continue
        if x.known and x.fixed and x.shape and x.size and np.all(x.constant == x.constant.ravel()[0]):
            number = Value((), x.dtype, constant=np.array(x.constant.ravel()[0]))
            return step.function, (*step.args[:k], number, *step.args[k + 1 :]), {}
    return None


REWRITES: tuple[Callable[[Step], Call | None], ...] = (
    reduction,
    product,
    positive_part,
    comparison,
    one_hot,
    one_number,
)


def rewritten(program: Program) -> Program:
    """The program with every rewrite done that applies, tidied."""
    program = tidied(program)
    for step in program.steps:
        for rewrite in REWRITES:
            if found := rewrite(step):
                step.function, step.args, step.kwargs = found
    means(program)
    logistic(program)
    descents(program)
    return tidied(program)


def means(program: Program) -> None:
    """mean(x) = add.reduce(x) / n."""
    steps: list[Step] = []
    for step in program.steps:
        if step.function is np.mean and set(step.kwargs) <= {"axis", "keepdims"} and len(step.args) <= 2:
            (x, *axis), result = step.args, step.result
            if isinstance(x, Value) and x.dtype in (np.float64, np.float32) and result.size:
                options = {"axis": axis[0] if axis else None, **step.kwargs}
                steps.append(before(step, np.add.reduce, (x,), options))
                step.function, step.args, step.kwargs = np.divide, (steps[-1].result, x.size // result.size), {}
        steps.append(step)
    program.steps = steps


def before(step: Step, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
    """A new step with a result of the same form, to stand before another."""
    new = Step(function, args, kwargs)
    new.result, new.section = Value(step.result.shape, step.result.dtype, new), step.section
    return new


def descents(program: Program) -> None:
    """x - rate * dot(a, b) as one step, if MKL does it and nothing else needs what is in between."""
    uses = Counter([value for step in program.steps for value in step.inputs] + program.outputs)
    for step in program.steps:
        change = by(step.result, np.subtract)
        scaled = change and by(change[1], np.multiply)
        factors = scaled and by(scaled[1], np.dot)
        if not change or not scaled or not factors or uses[change[1]] > 1 or uses[scaled[1]] > 1:
            continue
        (x, _), (rate, g) = change, scaled
        number = type(rate) in (int, float) or (isinstance(rate, Value) and rate.number)
        alike = isinstance(x, Value) and (x.shape, x.dtype) == (g.shape, g.dtype)
        if number and alike and mkl.takes(factors[0].shape, factors[1].shape, g.dtype):
            step.function, step.args = less_product, (x, rate, *factors)


# Sigmoid, where its loss has done the work


def logistic(program: Program) -> None:
    """sigmoid(z) = exp((z - t z) - L) with the loss L = log(1 + exp(z)) - t z = log(exp(-t z) + exp(z - t z)).

    No digit is lost where t is 0 or 1.
    """
    losses: dict[Any, tuple[Value, Value]] = {}
    steps: list[Step] = []
    for step in program.steps:
        if found := surprise(step):
            losses[found[0]] = found[1], step.result
        elif (z := argument_of_sigmoid(step)) in losses:
            steps.append(before(step, np.subtract, losses[z], {}))
            step.function, step.args = np.exp, (steps[-1].result,)
        steps.append(step)
    program.steps = steps


def surprise(step: Step) -> tuple[Value, Value] | None:
    """z and z - t z, if the step is the loss logaddexp(-t z, z - t z)."""
    if step.function is np.logaddexp and not step.kwargs:
        minus, rest = step.args
        (tz,), (z, taken) = by(minus, np.negative) or (None,), by(rest, np.subtract) or (None, None)
        if tz is not None and tz is taken and isinstance(z, Value) and z.shape == step.result.shape:
            return z, rest
    return None


def argument_of_sigmoid(step: Step) -> Any:
    """z, if the step is 1 / (1 + exp(minimum(-z, c)))."""
    below = step.function is np.divide and step.args[0] == 1 and by(step.args[1], np.add)
    power = below and below[0] == 1 and by(below[1], np.exp)
    least = power and by(power[0], np.minimum)
    minus = least and by(least[0], np.negative)
    return minus[0] if minus else None
