"""Sorting, and what is read off a sorted array: medians and quantiles.

A sorted array is the same entries in another order, and g takes the way back. Of equal entries, the first in x is the
first in the sorted array.
"""

from __future__ import annotations

import warnings
from itertools import compress
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, along, composed, floating, places_along, product


def _sorted(g: Any, y: Any, x: Any, *, axis: int | None = -1, **_: Any) -> Any:
    if axis is None:
        return np.reshape(_sorted(g, y, np.reshape(x, -1), axis=0), x.shape)
    places = np.argsort(np.argsort(x, axis=axis, kind="stable"), axis=axis)  # where each entry of x went
    return np.take_along_axis(g, places, axis)


sort = Op(lambda x, *, axis=-1, kind=None, stable=None: np.sort(x, axis, kind), _sorted, numpy=np.sort)


@composed(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return np.reshape(arr, -1)[indices]
    if np.ndim(indices) != np.ndim(arr):
        raise ValueError(
            f"np.take_along_axis: indices must have as many axes as the array; got {np.shape(indices)} for "
            f"{np.shape(arr)}. Add axes of length 1."
        )
    return arr[places_along(indices, np.shape(arr), axis)]


@composed(np.partition)
def _partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis), axis)


unique = Op(  # a question: where each value stands first, where each entry went, and how often each value occurs
    lambda x, *, axis=None, equal_nan=True: np.unique(x, True, True, True, axis, equal_nan=equal_nan)[1:], name="unique"
)


@composed(np.unique)
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Any:
    first, *others = unique(ar, axis=axis, equal_nan=equal_nan)
    values = np.ravel(ar)[first] if axis is None else np.moveaxis(np.moveaxis(ar, axis, 0)[first], 0, axis)
    asked = [*compress((first, *others), (return_index, return_inverse, return_counts))]
    return (values, *asked) if asked else values


# Quantiles: a point between two entries of the sorted array


def _in_order(a: Any, axis: Any) -> Any:
    """The entries along some axes as one sorted last axis."""
    axes = along(a, axis)
    kept = [k for k in range(np.ndim(a)) if k not in axes]
    rows = np.transpose(floating(a), (*kept, *axes))
    length = product(tuple(np.shape(a)[k] for k in axes))
    return np.sort(np.reshape(rows, (*(np.shape(a)[k] for k in kept), length)), axis=-1)


def _kept(y: Any, a: Any, axis: Any, keepdims: bool) -> Any:
    """y with length 1 for the axes of a that were reduced, if they are to be kept."""
    if not keepdims:
        return y
    axes, more = along(a, axis), np.shape(y)[: np.ndim(y) - np.ndim(a) + len(along(a, axis))]
    return np.reshape(y, (*more, *(1 if k in axes else n for k, n in enumerate(np.shape(a)))))


def _spoilt(y: Any, rows: Any) -> Any:
    """y, but NaN where the row holds one: it stands last."""
    last = rows[..., -1]
    return np.where(np.isnan(last), np.nan, y) if np.isnan(last).any() else y


@composed(np.median)
def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    rows = _in_order(a, axis)
    half, odd = divmod(rows.shape[-1], 2)
    if not half + odd:
        return np.mean(a, axis=axis, keepdims=keepdims)
    middle = rows[..., half] if odd else (rows[..., half - 1] + rows[..., half]) / 2
    return _kept(_spoilt(middle, rows), a, axis, keepdims)


@composed(np.quantile)
def _quantile(a: Any, q: Any, axis: Any = None, method: Any = "linear", keepdims: bool = False) -> Any:
    rows = _in_order(a, axis)
    last = rows.shape[-1] - 1
    position = np.quantile(np.arange(last + 1.0), q, method=method)  # of 0, 1, 2, ... the quantile is its own place
    low = np.floor(position).astype(int)
    part = position - low
    if type(q) in (int, float):
        part = float(part)  # as NumPy does, leave float32 what it is
    y = rows[..., low] * (1 - part) + rows[..., np.minimum(low + 1, last)] * part
    if np.ndim(q):
        y = np.moveaxis(y, range(-np.ndim(q), 0), range(np.ndim(q)))
    return _kept(_spoilt(y, rows), a, axis, keepdims)


@composed(np.percentile)
def _percentile(a: Any, q: Any, **options: Any) -> Any:
    return np.quantile(a, q / 100 if isinstance(q, int | float) else np.asarray(q) / 100, **options)


# The same without NaN, which stands last in a row


def _present(rows: Any) -> Any:
    """How many entries of each row are numbers."""
    present = np.sum(~np.isnan(rows), axis=-1, keepdims=True)
    if not np.all(present):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=6)
    return present


@composed(np.nanmedian)
def _nanmedian(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    rows = _in_order(a, axis)
    if not rows.shape[-1]:
        return np.mean(a, axis=axis, keepdims=keepdims)
    last = np.maximum(_present(rows) - 1, 0)
    middle = np.take_along_axis(rows, last // 2, -1) + np.take_along_axis(rows, (last + 1) // 2, -1)
    return _kept(middle[..., 0] / 2, a, axis, keepdims)


@composed(np.nanquantile)
def _nanquantile(a: Any, q: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if np.ndim(q):
        return np.stack([np.nanquantile(a, each, axis=axis, keepdims=keepdims) for each in q])
    rows = _in_order(a, axis)
    if not rows.shape[-1]:
        return np.mean(a, axis=axis, keepdims=keepdims)
    last = np.maximum(_present(rows) - 1, 0)
    position = q * last
    low = np.floor(position).astype(int)
    part = position - low
    if type(q) in (int, float):
        part = part.astype(rows.dtype)
    high = np.minimum(low + 1, last)
    y = np.take_along_axis(rows, low, -1) * (1 - part) + np.take_along_axis(rows, high, -1) * part
    return _kept(y[..., 0], a, axis, keepdims)


@composed(np.nanpercentile)
def _nanpercentile(a: Any, q: Any, **options: Any) -> Any:
    return np.nanquantile(a, q / 100 if isinstance(q, int | float) else np.asarray(q) / 100, **options)
