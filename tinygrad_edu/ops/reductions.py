"""Sums and other reductions: g goes back to every entry that went in."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, count, restore

sum = Op(
    lambda x, *, axis=None, keepdims=False: np.add.reduce(x, axis, keepdims=keepdims),
    lambda g, y, x, *, axis=None, keepdims=False: np.broadcast_to(restore(g, x, axis, keepdims), x.shape),
    numpy=np.sum,
)
mean = Op(
    lambda x, *, axis=None, keepdims=False: np.mean(x, axis, keepdims=keepdims),
    lambda g, y, x, *, axis=None, keepdims=False: np.broadcast_to(restore(g, x, axis, keepdims) / count(x, y), x.shape),
    numpy=np.mean,
)


def _extreme(g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The rule of max and min: the entries that attain it share g equally."""
    attains = x == restore(y, x, axis, keepdims)
    return restore(g, x, axis, keepdims) * attains / np.sum(attains, axis=axis, keepdims=True, dtype=x.dtype)


max = Op(lambda x, *, axis=None, keepdims=False: np.maximum.reduce(x, axis, keepdims=keepdims), _extreme, numpy=np.max)
min = Op(lambda x, *, axis=None, keepdims=False: np.minimum.reduce(x, axis, keepdims=keepdims), _extreme, numpy=np.min)


def _deviation(x: Any, axis: Any) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


var = Op(
    lambda x, *, axis=None, ddof=0, keepdims=False: np.var(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        restore(g, x, axis, keepdims) * _deviation(x, axis) * 2 / (count(x, y) - ddof)
    ),
    numpy=np.var,
)
std = Op(
    lambda x, *, axis=None, ddof=0, keepdims=False: np.std(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        restore(g / y, x, axis, keepdims) * _deviation(x, axis) / (count(x, y) - ddof)
    ),
    numpy=np.std,
)
