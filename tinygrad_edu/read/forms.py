"""The shape and dtype of what a step gives, found on stand-ins, without its arithmetic where that is known.

A stand-in has the shape and dtype of an array and takes no memory. A function that nothing is known of is tried on
several: where the shape of its result differs, it depends on values.

Read next: `traced.py`, where calls are recorded.
"""

from __future__ import annotations

import copy
import operator
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu.read.program import LIKE, Step, Value, added_at, call, placed, stand_in

__all__ = ["OF_FORM", "PYTHON", "VIEWS", "WrongShape", "form_of"]

#: Functions whose result shares the memory of their argument.
VIEWS = {
    np.transpose, np.reshape, np.ravel, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to,
    np.diagonal,
}  # fmt: skip
#: Functions that are no ufuncs, but treat each entry on its own.
ENTRYWISE = {np.clip, np.where, np.copy, np.ndarray.astype}
#: Functions of which the shape of the result is known to depend on no value: one trial is enough.
SHAPED_BY_SHAPES = {
    *VIEWS, *LIKE, *ENTRYWISE, np.concatenate, np.stack, operator.getitem, placed, added_at, np.add.reduce,
    np.maximum.reduce, np.minimum.reduce, np.sum, np.mean, np.max, np.min, np.var, np.std,
}  # fmt: skip
#: What a ufunc is for Python's own numbers.
PYTHON: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.floor_divide: operator.floordiv,
    np.remainder: operator.mod,
    np.power: operator.pow,
    np.negative: operator.neg,
    np.absolute: abs,
}
#: Functions that look at shapes alone, or at dtypes: answered at once.
OF_FORM = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.common_type}
LARGE = 1 << 12  # entries that are worth not computing with


class WrongShape(Exception):
    """The shape of a result depends on values."""


def form_of(step: Step) -> Any:
    """Something of the shape and dtype of the result.

    Raises:  WrongShape; what the function itself raises for such shapes
    """
    function, plain = step.function, not step.kwargs
    if plain and isinstance(function, np.ufunc) and function.nout == 1 and function.signature is None:
        return of_ufunc(function, step.args)
    if plain and function in (np.dot, np.matmul):
        return of_product(function, step.args)
    if function in ENTRYWISE and sum(x.size for x in step.inputs) > LARGE:
        return of_entries(step)
    if function in SHAPED_BY_SHAPES:
        with np.errstate(all="ignore"):
            return call(step, Value.example)
    forms: list[Any] = []
    error: Exception | None = None
    trial = Step(function, step.args, copy.deepcopy(step.kwargs) if step.acts else step.kwargs)  # draw from a copy
    for diagonal in (0,) if step.acts else (0, 1, 2):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                forms.append(call(trial, lambda x, diagonal=diagonal: x.example(diagonal)))  # type: ignore[misc]
        except (ValueError, TypeError, IndexError, ArithmeticError) as raised:  # also: a singular matrix
            error = raised
    if not forms:
        raise error or AssertionError
    if any(shapes_of(form) != shapes_of(forms[0]) for form in forms):
        raise WrongShape
    return forms[0]


def shapes_of(form: Any) -> Any:
    """The shape of a result, or of each of several."""
    return tuple(map(np.shape, form)) if isinstance(form, tuple | list) else np.shape(form)


def of_ufunc(function: np.ufunc, args: tuple[Any, ...]) -> Any:
    """The shapes broadcast; the dtype is NumPy's own answer for arrays of one entry."""
    examples = [x.example() if isinstance(x, Value) else x for x in args]
    shape = np.broadcast_shapes(*(np.shape(x) for x in examples))
    kinds: list[Any] = [type(x) if type(x) in (int, float, bool) else np.asarray(x).dtype for x in examples]
    return stand_in(shape, result_dtype(function, *kinds))


@cache
def result_dtype(function: np.ufunc, *kinds: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*(np.ones(1, kind) if isinstance(kind, np.dtype) else kind(1) for kind in kinds)).dtype


def of_product(function: Any, args: tuple[Any, ...]) -> Any:
    """Found by products over nothing: arrays whose inner axis has no entries."""
    a, b = (x.example() if isinstance(x, Value) else np.asarray(x) for x in args)
    if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]:
        return stand_in((len(a), b.shape[1]), function(a[:1, :0], b[:0, :1]).dtype)
    inner = -2 if b.ndim > 1 else -1
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[inner]:
        return function(a, b)
    return function(a[..., :0], b[(..., slice(0), slice(None))[: 1 - inner]])


def of_entries(step: Step) -> Any:
    """The same for arrays of one entry each, and the shape that theirs broadcast to."""
    shape = np.broadcast_shapes(*(x.shape for x in step.inputs))
    one = call(step, lambda x: x.example() if x.number else np.zeros((1,) * len(x.shape), x.dtype))
    return stand_in(shape, one.dtype)
