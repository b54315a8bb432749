"""Op, a row of the derivative sheet, and the steps on shapes that many rules share.

Read next: `arithmetic.py`, the first rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

__all__ = [
    "COMPOSED",
    "Op",
    "Rule",
    "along",
    "backwards",
    "composed",
    "count",
    "cut",
    "double",
    "flat",
    "floating",
    "in_rows",
    "places_along",
    "product",
    "restore",
    "shaped",
]

Rule = Callable[..., Any]


class Op:
    """A function of arrays, and the derivative rule of each of its inputs.

        y = forward(*inputs, **params)
        dJ/dinput_k = rules[k](g, y, *inputs, **params)   with g = dJ/dy

    A rule of None marks an input without a derivative (a condition, class numbers). An op of any
    number of inputs has `every` in place of rules: every(*inputs, **params) lists the rule of each.
    An op that takes a part of its one input may add its gradient in place, with no array of zeros
    for each part: into(total, g, key=...) does what total + rule(g, ...) would give. An op without rules
    is a question (is a > b?): its answer is a plain array, not a part of the graph.
    `numpy` is the NumPy function that the op answers for, `forward` itself if not given.
    """

    __slots__ = ("every", "forward", "into", "name", "numpy", "parameters", "rules")

    def __init__(
        self,
        forward: Callable[..., Any],
        *rules: Rule | None,
        every: Callable[..., Sequence[Rule]] | None = None,
        into: Callable[..., None] | None = None,
        numpy: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.forward = forward
        self.rules = tuple(rule or self._no_rule for rule in rules)
        self.every, self.into = every, into
        self.numpy = numpy or forward
        self.name: str = name or forward.__name__
        code = getattr(forward, "__code__", None)
        #: The names of the parameters, those that `forward` takes by keyword only.
        self.parameters: tuple[str, ...] = (
            code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount] if code else ()
        )

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply the op: to arrays it is `forward`; an input that records (a Tensor) takes over."""
        if len(inputs) != len(self.rules) and self.rules:
            raise TypeError(
                f"{self.name}: needs one rule for each input; got {len(inputs)} inputs and {len(self.rules)} rules. "
                "Pass parameters by keyword, and None as the rule of an input without a derivative."
            )
        arrays = True
        for x in inputs:
            if type(x) is not np.ndarray:
                if hasattr(x, "_apply"):
                    return x._apply(self, inputs, params)
                arrays = False
        if not arrays and (len(inputs) == 1 or any(isinstance(x, list | tuple) for x in inputs)):
            inputs = tuple(x if x is None else np.asarray(x) for x in inputs)
        return self.forward(*inputs, **params)

    def rules_for(self, inputs: Sequence[Any], params: Mapping[str, Any]) -> Sequence[Rule]:
        """The rule of each input, in order."""
        return self.every(*inputs, **params) if self.every else self.rules

    def _no_rule(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self.name}: this input has no derivative rule; got one that requires a gradient. "
            "Pass a plain array, or tensor.detach()."
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"


#: Functions that are made of rows, by the NumPy function that each answers for, or by the row it adds arguments to.
COMPOSED: dict[Callable[..., Any], Callable[..., Any]] = {}


def composed(*numpy: Callable[..., Any] | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function answer for NumPy's, which it is called in place of, with the same arguments.

    Or for a row, where an argument is given that the row does not know. It is written with NumPy functions that have
    rows, and so needs no rule. A function that this NumPy lacks is None.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        COMPOSED.update((f, function) for f in numpy if f is not None)
        return function

    return register


# Steps on axes and shapes that more than one rule needs


def double(x: Any) -> Any:
    """x in float64, for functions that NumPy computes in nothing else."""
    x = x if hasattr(x, "astype") else np.asarray(x)
    return x if x.dtype == np.float64 else x.astype(np.float64)


def floating(x: Any) -> Any:
    """x as it is, integers and truths in float64."""
    x = x if hasattr(x, "astype") else np.asarray(x)
    return x.astype(np.float64) if x.dtype.kind in "iub" else x


def flat(k: int) -> Rule:
    """The rule of the k-th input, on which nothing depends but in steps: 0."""
    return lambda g, y, *inputs, **_: np.zeros_like(inputs[k])


def along(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes of x that `axis` names: None is all of them."""
    if axis is None:
        return tuple(range(np.ndim(x)))
    return tuple(normalize_axis_index(a, np.ndim(x)) for a in (axis if isinstance(axis, tuple | list) else (axis,)))


def cut(x: Any, axis: int, part: slice) -> Any:
    """A part of x along one axis."""
    return x[(slice(None),) * normalize_axis_index(axis, np.ndim(x)) + (part,)]


def backwards(x: Any, axis: int) -> Any:
    """x with one axis in reverse order."""
    return cut(x, axis, slice(None, None, -1))


def places_along(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The key of the entries that np.take_along_axis takes: indices along one axis, each other axis as it is."""
    axis, n = normalize_axis_index(axis, len(shape)), len(shape)
    key = [np.reshape(np.arange(length), [-1 if a == b else 1 for b in range(n)]) for a, length in enumerate(shape)]
    return (*key[:axis], indices, *key[axis + 1 :])


def restore(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Give g (or y) back, with length 1, the axes that a reduction of x over `axis` removed."""
    if keepdims or np.ndim(x) == 0:
        return g
    reduced = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    return np.reshape(g, tuple(1 if a in reduced else n for a, n in enumerate(x.shape)))


def count(x: Any, y: Any) -> float:
    """How many entries of x went into one entry of its reduction y."""
    return np.size(x) / (np.size(y) or 1)


def product(lengths: tuple[int, ...]) -> int:
    return int(np.prod(lengths, dtype=int))


def shaped(x: Any, shape: tuple[int, ...]) -> Any:
    """np.reshape, and no step in the graph where there is nothing to do."""
    return x if x.shape == shape else np.reshape(x, shape)


def in_rows(x: Any) -> Any:
    """All axes but the last as one: a batch of any shape as examples in rows."""
    return x if x.ndim == 2 else np.reshape(x, (product(x.shape[:-1]), x.shape[-1]))
