"""Joins and cuts: what NumPy says in many words is a concatenation or an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_edu.ops.op import composed
from tinygrad_edu.ops.rearrange import led_by_ones

# Joins


@composed(np.hstack)
def hstack(tup: Sequence[Any]) -> Any:
    arrays = [np.atleast_1d(x) for x in tup]
    return np.concatenate(arrays, axis=0 if np.ndim(arrays[0]) == 1 else 1)


@composed(np.vstack)
def vstack(tup: Sequence[Any]) -> Any:
    return np.concatenate([np.atleast_2d(x) for x in tup], axis=0)


@composed(np.dstack)
def dstack(tup: Sequence[Any]) -> Any:
    return np.concatenate([np.atleast_3d(x) for x in tup], axis=2)


@composed(np.column_stack)
def column_stack(tup: Sequence[Any]) -> Any:
    return np.concatenate([np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in tup], axis=1)


@composed(np.block)
def block(arrays: Any) -> Any:
    depth, level = 0, [arrays]
    while all(isinstance(part, list) for part in level):
        depth, level = depth + 1, [x for part in level for x in part]
    if any(isinstance(part, list | tuple) for part in level):
        raise ValueError("block: the lists must be nested to one depth; got lists beside arrays. Wrap each array.")
    return _joined(arrays, depth, axes=max(depth, *map(np.ndim, level)))


def _joined(part: Any, depth: int, axes: int) -> Any:
    """The innermost lists along the last axis, those around them along the axis before."""
    if depth == 0:
        return led_by_ones(part, axes)
    return np.concatenate([_joined(x, depth - 1, axes) for x in part], axis=-depth)


@composed(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return np.concatenate((arr, values), axis=axis)


@composed(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    shape, axis = np.shape(arr), normalize_axis_index(axis, np.ndim(arr))
    n = shape[axis]
    added = np.insert(np.arange(n), obj, 0).size - n
    if added == 1:  # one place may take several values
        values = led_by_ones(values, len(shape))
        values = values if isinstance(obj, slice) or np.ndim(obj) else np.moveaxis(values, 0, axis)
        added = np.shape(values)[axis]
    new = np.broadcast_to(values, (*shape[:axis], added, *shape[axis + 1 :]))
    return np.take(np.concatenate((arr, new), axis), np.insert(np.arange(n), obj, np.arange(n, n + added)), axis)


# Cuts


def _cut(how: Callable[..., Any], x: Any, where: Any, axis: int) -> list[Any]:
    """The parts of x that NumPy would make of the positions along an axis."""
    axis = normalize_axis_index(axis, np.ndim(x))
    parts = how(np.arange(np.shape(x)[axis]), where)
    return [x[(slice(None),) * axis + (slice(part[0], part[-1] + 1) if part.size else slice(0),)] for part in parts]


@composed(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return _cut(np.array_split, ary, indices_or_sections, axis)


@composed(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return _cut(np.split, ary, indices_or_sections, axis)


@composed(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _cut(np.split, ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


@composed(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _cut(np.split, ary, indices_or_sections, 0)


@composed(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _cut(np.split, ary, indices_or_sections, 2)


@composed(getattr(np, "unstack", None))  # NumPy 2.1
def unstack(x: Any, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(np.moveaxis(x, axis, 0))
