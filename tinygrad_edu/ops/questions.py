"""Questions: no rule, the answer is a plain array, a number or a truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, composed

# Comparisons and logic

greater, greater_equal = Op(np.greater), Op(np.greater_equal)
less, less_equal = Op(np.less), Op(np.less_equal)
equal, not_equal = Op(np.equal), Op(np.not_equal)
logical_and, logical_or = Op(np.logical_and), Op(np.logical_or)
logical_xor, logical_not = Op(np.logical_xor), Op(np.logical_not)
isclose, allclose = Op(np.isclose), Op(np.allclose)
array_equal, array_equiv = Op(np.array_equal), Op(np.array_equiv)
any, all, isin = Op(np.any), Op(np.all), Op(np.isin)

# Kinds of numbers

isnan, isinf, isfinite = Op(np.isnan), Op(np.isinf), Op(np.isfinite)
isposinf, isneginf, signbit = Op(np.isposinf), Op(np.isneginf), Op(np.signbit)
isreal, iscomplex = Op(np.isreal), Op(np.iscomplex)
isrealobj, iscomplexobj = Op(np.isrealobj), Op(np.iscomplexobj)

# Shapes, dtypes, memory, texts

shape, ndim, size = Op(np.shape), Op(np.ndim), Op(np.size)
result_type, can_cast = Op(np.result_type), Op(np.can_cast)
common_type, min_scalar_type = Op(np.common_type), Op(np.min_scalar_type)
may_share_memory, shares_memory = Op(np.may_share_memory), Op(np.shares_memory)
array_repr, array_str, array2string = Op(np.array_repr), Op(np.array_str), Op(np.array2string)

# Places

argmax, argmin = Op(np.argmax), Op(np.argmin)
nanargmax, nanargmin = Op(np.nanargmax), Op(np.nanargmin)
argsort, argpartition, lexsort = Op(np.argsort), Op(np.argpartition), Op(np.lexsort)
nonzero, flatnonzero, argwhere = Op(np.nonzero), Op(np.flatnonzero), Op(np.argwhere)
count_nonzero, searchsorted, digitize = Op(np.count_nonzero), Op(np.searchsorted), Op(np.digitize)

# Files

save, savetxt = Op(np.save), Op(np.savetxt)
savez, savez_compressed = Op(np.savez), Op(np.savez_compressed)

# New arrays of the same shape

zeros_like, ones_like, empty_like = Op(np.zeros_like), Op(np.ones_like), Op(np.empty_like)


@composed(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    like = np.zeros_like(a, dtype=dtype, shape=shape)
    return np.broadcast_to(fill_value, like.shape).astype(like.dtype)


@composed(np.copy)
def _copy(a: Any) -> Any:
    return a.copy()
