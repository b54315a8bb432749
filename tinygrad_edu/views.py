"""How an array was taken out of another, found by where both are in memory.

    view = view_of(X[:, :2], X)
    view.text           "{}[:, :2]"
    view.rule(X)        X[:, :2]
    view.axes           (0, 1), the axes of X that are left

Read next: `graph.py`, where arrays without a name are called so.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["View", "key_text", "view_of"]


class View(NamedTuple):
    """How an array is taken out of another: in words, by a function, and for each of its axes the one that it was."""

    text: str
    rule: Callable[[Any], Any]
    axes: tuple[int | None, ...]


def view_of(array: np.ndarray, whole: np.ndarray) -> View | None:
    """array as a part of whole, or as all of it in another shape or transposed; or None."""
    if array.dtype != whole.dtype or not np.may_share_memory(array, whole):
        return None
    return part_of(array, whole) or reshaped_of(array, whole) or turned_of(array, whole)


def part_of(array: np.ndarray, whole: np.ndarray) -> View | None:
    """array as whole[key], by where both are in memory."""
    if array.size >= whole.size or array.ndim > whole.ndim or min(whole.strides) <= 0:
        return None
    offset, starts = array.ctypes.data - whole.ctypes.data, [0] * whole.ndim
    for a in np.argsort(whole.strides)[::-1]:
        starts[a], offset = divmod(offset, whole.strides[a])
    for axes in itertools.combinations(range(whole.ndim), array.ndim):
        key: list[Any] = list(starts)
        for a, n, stride in zip(axes, array.shape, array.strides, strict=True):
            step = stride // whole.strides[a] if n > 1 else 1
            last = starts[a] + (n - 1) * step
            stop = last + 1 if last + step < whole.shape[a] else None
            key[a] = slice(starts[a] or None, stop, step if step > 1 else None)
        while key[-1] == slice(None):
            key.pop()
        if max(starts[a] - n for a, n in enumerate(whole.shape)) < 0 and same_place(array, whole[*key, ...]):
            found = tuple(key) if len(key) > 1 else key[0]
            return View(f"{{}}[{key_text(found)}]", operator.itemgetter(found), axes)
    return None


def reshaped_of(array: np.ndarray, whole: np.ndarray) -> View | None:
    """array as whole in another shape, y[:, None] or X.reshape(m, -1)."""
    if array.size != whole.size or not same_place(array, whole.reshape(array.shape)):
        return None
    ends = {(n, math.prod(whole.shape[:a])): a for a, n in enumerate(whole.shape)}
    axes = tuple(ends.get((n, math.prod(array.shape[:a]))) for a, n in enumerate(array.shape))

    def reshaped(x: Any) -> Any:
        return np.reshape(x, tuple(n if a is None else x.shape[a] for n, a in zip(array.shape, axes, strict=True)))

    shape = ", ".join(map(str, array.shape))
    column = array.shape == (*whole.shape, 1)
    return View("{}[:, None]" if column and whole.ndim == 1 else f"{{}}.reshape({shape})", reshaped, axes)


def turned_of(array: np.ndarray, whole: np.ndarray) -> View | None:
    """array as X.T, or as the transpose of X in another shape."""
    if array.ndim != 2 or (found := reshaped_of(array.T, whole)) is None:
        return None
    text = "{}ᵀ" if array.shape == whole.shape[::-1] else f"({found.text})ᵀ"
    return View(text, lambda x: np.transpose(found.rule(x)), found.axes[::-1])


def same_place(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one dtype show the same memory in the same way."""
    steps = [[step for n, step in zip(x.shape, x.strides, strict=True) if n > 1] for x in (a, b)]
    return a.ctypes.data == b.ctypes.data and a.shape == b.shape and steps[0] == steps[1]


def key_text(key: Any, names: Mapping[int, str] | None = None) -> str:
    """What stands between the brackets of an index; an array is called by its name in `names`, 0 1 2 ... is i."""

    def text(x: Any) -> str:
        if isinstance(x, slice):
            return ":".join("" if n is None else str(n) for n in (x.start, x.stop, x.step)[: 2 + (x.step is not None)])
        if isinstance(x, np.ndarray) and x.ndim:
            return (names or {}).get(id(x)) or ("i" if np.array_equal(x, np.arange(len(x))) else "…")
        return "…" if x is Ellipsis or isinstance(x, list | np.ndarray) else str(x)

    return ", ".join(map(text, key if isinstance(key, tuple) else (key,)))
