"""Sums and other reductions: g goes back to every entry that went in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, along, backwards, composed, count, cut, floating, restore

LEFT_OUT = np._NoValue  # as NumPy says that there is no initial=

sum = Op(
    lambda x, *, axis=None, keepdims=False, initial=LEFT_OUT: np.add.reduce(
        x, axis, keepdims=keepdims, initial=initial
    ),
    lambda g, y, x, *, axis=None, keepdims=False, initial=0: np.broadcast_to(restore(g, x, axis, keepdims), x.shape),
    numpy=np.sum,
)
mean = Op(
    lambda x, *, axis=None, keepdims=False: np.mean(x, axis, keepdims=keepdims),
    lambda g, y, x, *, axis=None, keepdims=False: np.broadcast_to(restore(g, x, axis, keepdims) / count(x, y), x.shape),
    numpy=np.mean,
)


def _extreme(g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False, initial: Any = LEFT_OUT) -> Any:
    """The rule of max and min: the entries that attain it share g equally."""
    y = restore(y, x, axis, keepdims)
    attains = x == y
    sharing = np.sum(attains, axis=axis, keepdims=True).astype(x.dtype)
    if initial is not LEFT_OUT:
        sharing = sharing + (y == initial)
    return restore(g, x, axis, keepdims) * attains / sharing


max = Op(
    lambda x, *, axis=None, keepdims=False, initial=LEFT_OUT: np.maximum.reduce(
        x, axis, keepdims=keepdims, initial=initial
    ),
    _extreme,
    numpy=np.max,
)
min = Op(
    lambda x, *, axis=None, keepdims=False, initial=LEFT_OUT: np.minimum.reduce(
        x, axis, keepdims=keepdims, initial=initial
    ),
    _extreme,
    numpy=np.min,
)
nanmax = Op(
    lambda x, *, axis=None, keepdims=False, initial=LEFT_OUT: np.nanmax(x, axis, keepdims=keepdims, initial=initial),
    _extreme,
    numpy=np.nanmax,
)
nanmin = Op(
    lambda x, *, axis=None, keepdims=False, initial=LEFT_OUT: np.nanmin(x, axis, keepdims=keepdims, initial=initial),
    _extreme,
    numpy=np.nanmin,
)


def _others(x: Any, axes: Sequence[int]) -> Any:
    """Of each entry, the product of all others along some axes. Nothing is divided: zeros are exact."""
    if not axes or x.size == 0:
        return np.ones_like(x)
    axis, *rest = axes
    one = np.ones_like(cut(x, axis, slice(1)))
    before = np.cumprod(np.concatenate((one, cut(x, axis, slice(-1))), axis), axis)
    turned = backwards(cut(x, axis, slice(1, None)), axis)
    after = backwards(np.cumprod(np.concatenate((one, turned), axis), axis), axis)
    return before * after * _others(np.prod(x, axis=axis, keepdims=True), rest)


prod = Op(
    lambda x, *, axis=None, keepdims=False, initial=1: np.multiply.reduce(x, axis, keepdims=keepdims, initial=initial),
    lambda g, y, x, *, axis=None, keepdims=False, initial=1: (
        restore(g, x, axis, keepdims) * initial * _others(x, along(x, axis))
    ),
    numpy=np.prod,
)


def _deviation(x: Any, axis: Any) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


var = Op(
    lambda x, *, axis=None, ddof=0, keepdims=False: np.var(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        restore(g, x, axis, keepdims) * _deviation(x, axis) * 2 / (count(x, y) - ddof)
    ),
    numpy=np.var,
)
std = Op(  # where all entries are equal it has a kink, and the rule gives 0
    lambda x, *, axis=None, ddof=0, keepdims=False: np.std(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        restore(g / np.where(y == 0, 1, y), x, axis, keepdims) * _deviation(x, axis) / (count(x, y) - ddof)
    ),
    numpy=np.std,
)


# where=: the other entries count as what changes nothing, and get no gradient


@composed(sum)
def _sum_where(x: Any, *, where: Any, axis: Any = None, keepdims: bool = False, initial: Any = LEFT_OUT) -> Any:
    return np.sum(np.where(where, x, 0), axis=axis, keepdims=keepdims, initial=initial)


@composed(prod)
def _prod_where(x: Any, *, where: Any, axis: Any = None, keepdims: bool = False, initial: Any = LEFT_OUT) -> Any:
    return np.prod(np.where(where, x, 1), axis=axis, keepdims=keepdims, initial=initial)


def _or_initial(x: Any, where: Any, initial: Any) -> Any:
    """x, and the initial value where it is not chosen."""
    if initial is LEFT_OUT:
        raise ValueError(
            "max, min: initial= must be given with where=; got none. It is the answer where nothing is chosen: "
            "-np.inf for max, np.inf for min, say."
        )
    return np.where(where, x, initial)


@composed(max)
def _max_where(x: Any, *, where: Any, axis: Any = None, keepdims: bool = False, initial: Any = LEFT_OUT) -> Any:
    return np.max(_or_initial(x, where, initial), axis=axis, keepdims=keepdims, initial=initial)


@composed(min)
def _min_where(x: Any, *, where: Any, axis: Any = None, keepdims: bool = False, initial: Any = LEFT_OUT) -> Any:
    return np.min(_or_initial(x, where, initial), axis=axis, keepdims=keepdims, initial=initial)


def _chosen(x: Any, where: Any, axis: Any, keepdims: bool) -> Any:
    """How many entries are chosen."""
    return np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims).astype(x.dtype)


@composed(mean)
def _mean_where(x: Any, *, where: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = floating(x)
    return np.sum(x, axis=axis, keepdims=keepdims, where=where) / _chosen(x, where, axis, keepdims)


@composed(var)
def _var_where(x: Any, *, where: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    apart = np.where(where, x, 0) - np.mean(x, axis=axis, keepdims=True, where=where)
    squares = np.sum(apart * apart, axis=axis, keepdims=keepdims, where=where)
    return squares / (_chosen(apart, where, axis, keepdims) - ddof)


def _root(variance: Any) -> Any:
    """The square root, but of the slope 0 at 0, as std has it."""
    return np.where(variance == 0, 0, np.sqrt(np.where(variance == 0, 1, variance)))


@composed(std)
def _std_where(x: Any, *, where: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return _root(np.var(x, axis=axis, ddof=ddof, keepdims=keepdims, where=where))


@composed(np.ptp)
def _ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@composed(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        return (mean, np.full_like(mean, count(a, mean))) if returned else mean
    lengths = tuple(np.shape(a)[k] for k in along(a, axis))
    if np.shape(weights) != np.shape(a):
        if axis is None or np.shape(weights) != lengths:
            raise ValueError(
                "np.average: weights must have the shape of a, or the lengths of its axis; got "
                f"{np.shape(weights)} for {np.shape(a)} and axis={axis}. Reshape the weights."
            )
        order = np.argsort(along(a, axis))
        weights = np.transpose(weights, order)
        weights = np.reshape(weights, [n if k in along(a, axis) else 1 for k, n in enumerate(np.shape(a))])
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    if np.any(total == 0):
        raise ZeroDivisionError("np.average: the weights must not sum to zero; got a sum of 0. Change the weights.")
    mean = np.sum(np.multiply(a, weights), axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, np.shape(mean))) if returned else mean


# Without the entries that are NaN: they count as what changes nothing, and get no gradient.


def _without_nan(a: Any, instead: float) -> Any:
    return np.where(np.isnan(a), instead, a)


def _present(a: Any, axis: Any, keepdims: bool) -> Any:
    """How many entries are numbers."""
    return np.sum(~np.isnan(a), axis=axis, keepdims=keepdims).astype(a.dtype)


@composed(np.nansum)
def _nansum(a: Any, **options: Any) -> Any:
    return np.sum(_without_nan(a, 0), **options)


@composed(np.nanprod)
def _nanprod(a: Any, **options: Any) -> Any:
    return np.prod(_without_nan(a, 1), **options)


@composed(np.nanmean)
def _nanmean(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    a = floating(a)
    return np.nansum(a, axis=axis, keepdims=keepdims) / _present(a, axis, keepdims)


@composed(np.nanvar)
def _nanvar(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    a = floating(a)
    with np.errstate(invalid="ignore"):  # of an empty slice one warning is enough
        mean = np.nanmean(a, axis=axis, keepdims=True)
    deviation = np.where(np.isnan(a), 0, a - mean)  # inf - inf stays NaN
    freedom = _present(a, axis, keepdims) - ddof
    if np.any(freedom <= 0):
        warnings.warn("Degrees of freedom <= 0 for slice.", RuntimeWarning, stacklevel=5)
        freedom = np.where(freedom > 0, freedom, np.nan)
    return np.sum(deviation * deviation, axis=axis, keepdims=keepdims) / freedom


@composed(np.nanstd)
def _nanstd(a: Any, **options: Any) -> Any:
    return _root(np.nanvar(a, **options))
