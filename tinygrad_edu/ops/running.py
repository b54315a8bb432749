"""Running sums and products, and the differences that undo them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops import parts
from tinygrad_edu.ops.op import Op, backwards, composed, cut, places_along

# Sums and products up to each entry: what comes later depends on what came before, so the rules run backwards.


def _cumsum(g: Any, y: Any, x: Any, *, axis: int | None = None) -> Any:
    if axis is None:
        return np.reshape(backwards(np.cumsum(backwards(g, 0)), 0), x.shape)
    return backwards(np.cumsum(backwards(g, axis), axis=axis), axis)


cumsum = Op(lambda x, *, axis=None: np.cumsum(x, axis), _cumsum, numpy=np.cumsum)


def _ahead(x: Any, steps: int, axis: int) -> Any:
    """The entry some steps further on, and 0 beyond the end."""
    beyond = np.zeros_like(cut(x, axis, slice(steps)))
    return np.concatenate((cut(x, axis, slice(steps, None)), beyond), axis)


def _cumprod(g: Any, y: Any, x: Any, *, axis: int | None = None) -> Any:
    """With P_k = x_0 ... x_(k-1) and S_k = g_k + x_(k+1) S_(k+1), the gradient is P_k S_k.

    S is found in log2(n) doublings, with no division: zeros are exact, in every order of derivative.
    """
    if axis is None:
        return np.reshape(_cumprod(g, y, np.reshape(x, -1), axis=0), x.shape)
    total, factor, steps = g, _ahead(x, 1, axis), 1
    while steps < x.shape[axis]:
        total = total + factor * _ahead(total, steps, axis)
        factor = factor * _ahead(factor, steps, axis)
        steps *= 2
    one = np.ones_like(cut(x, axis, slice(1)))
    return np.concatenate((one, cut(y, axis, slice(-1))), axis) * total


cumprod = Op(lambda x, *, axis=None: np.cumprod(x, axis), _cumprod, numpy=np.cumprod)


def _running_extreme(g: Any, y: Any, x: Any, *, axis: int = 0) -> Any:
    """g goes to the entry that set the record; of equal entries the first did."""
    places = np.arange(x.shape[axis]).reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])
    sets = np.concatenate(
        (
            np.ones_like(cut(x, axis, slice(1)), bool),
            cut(y, axis, slice(1, None)) != cut(y, axis, slice(-1)),
        ),
        axis,
    )
    setter = np.maximum.accumulate(np.where(sets, places, 0), axis)
    return parts.scatter(g, key=places_along(setter, x.shape, axis), shape=x.shape)


cummax = Op(
    lambda x, *, axis=0: np.maximum.accumulate(x, axis), _running_extreme, numpy=np.maximum.accumulate, name="cummax"
)
cummin = Op(
    lambda x, *, axis=0: np.minimum.accumulate(x, axis), _running_extreme, numpy=np.minimum.accumulate, name="cummin"
)


@composed(np.add.accumulate)
def _add_accumulate(array: Any, axis: int = 0) -> Any:
    return np.cumsum(array, axis=axis)


@composed(np.multiply.accumulate)
def _multiply_accumulate(array: Any, axis: int = 0) -> Any:
    return np.cumprod(array, axis=axis)


@composed(np.nancumsum)
def _nancumsum(a: Any, **options: Any) -> Any:
    return np.cumsum(np.where(np.isnan(a), 0, a), **options)


@composed(np.nancumprod)
def _nancumprod(a: Any, **options: Any) -> Any:
    return np.cumprod(np.where(np.isnan(a), 1, a), **options)


@composed(getattr(np, "cumulative_sum", None))
def _cumulative_sum(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    return _led(np.cumsum(x, axis=_only_axis(x, axis)), 0, _only_axis(x, axis), include_initial)


@composed(getattr(np, "cumulative_prod", None))
def _cumulative_prod(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    return _led(np.cumprod(x, axis=_only_axis(x, axis)), 1, _only_axis(x, axis), include_initial)


def _only_axis(x: Any, axis: int | None) -> int:
    if axis is None and np.ndim(x) != 1:
        raise ValueError(
            f"np.cumulative_sum: axis must be given for more than one axis; got shape {np.shape(x)}. Pass axis=."
        )
    return 0 if axis is None else axis


def _led(y: Any, first: float, axis: int, wanted: bool) -> Any:
    """y, led by the sum or product of no entries if that is wanted."""
    lengths = [1 if a == axis % y.ndim else n for a, n in enumerate(y.shape)]
    return np.concatenate((np.full(lengths, first, y.dtype), y), axis) if wanted else y
