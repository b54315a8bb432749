"""Rearrangements: entries take other places, some of them none or several; the gradient takes the way back.

The first rows have a rule of their own. The functions after them are made of rows that stand elsewhere: what a
function takes out is an index, and what it repeats a broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_edu.ops.op import Op, composed, double, shaped
from tinygrad_edu.ops.parts import scatter

flip = Op(
    lambda x, *, axis=None: np.flip(x, axis),
    lambda g, y, x, *, axis=None: np.flip(g, axis),
    numpy=np.flip,
)
roll = Op(
    lambda x, *, shift, axis=None: np.roll(x, shift, axis),
    lambda g, y, x, *, shift, axis=None: np.roll(g, tuple(-s for s in shift) if np.ndim(shift) else -shift, axis),
    numpy=np.roll,
)
rot90 = Op(
    lambda x, *, k=1, axes=(0, 1): np.rot90(x, k, axes),
    lambda g, y, x, *, k=1, axes=(0, 1): np.rot90(g, -k, axes),
    numpy=np.rot90,
)
tril = Op(lambda x, *, k=0: np.tril(x, k), lambda g, y, x, *, k=0: np.tril(g, k), numpy=np.tril)
triu = Op(lambda x, *, k=0: np.triu(x, k), lambda g, y, x, *, k=0: np.triu(g, k), numpy=np.triu)


@composed(np.fliplr)
def fliplr(m: Any) -> Any:
    return np.flip(m, 1)


@composed(np.flipud)
def flipud(m: Any) -> Any:
    return np.flip(m, 0)


# Axes


@composed(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


@composed(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    n = np.ndim(a)
    if not -n <= start <= n:
        raise np.exceptions.AxisError(f"rollaxis: start must lie within the axes; got {start} for {n} of them.")
    axis, start = normalize_axis_index(axis, n), start + n if start < 0 else start
    return np.moveaxis(a, axis, start - (axis < start))


@composed(np.atleast_1d)
def atleast_1d(*arrays: Any) -> Any:
    return _each(lambda x: np.reshape(x, 1) if np.ndim(x) == 0 else x, arrays)


@composed(np.atleast_2d)
def atleast_2d(*arrays: Any) -> Any:
    return _each(lambda x: led_by_ones(x, 2), arrays)


@composed(np.atleast_3d)
def atleast_3d(*arrays: Any) -> Any:
    return _each(lambda x: x if np.ndim(x) > 2 else np.expand_dims(led_by_ones(x, 2), -1), arrays)


def _each(function: Any, arrays: tuple[Any, ...]) -> Any:
    """A function of one array alone, or of each of several."""
    return function(arrays[0]) if len(arrays) == 1 else tuple(map(function, arrays))


def led_by_ones(x: Any, axes: int) -> Any:
    """x with at least so many axes, the new ones in front."""
    return shaped(x if hasattr(x, "shape") else np.asarray(x), (1,) * (axes - np.ndim(x)) + np.shape(x))


@composed(np.broadcast_arrays)
def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


@composed(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}.")
    places = list(range(len(xi)))
    if indexing == "xy":
        places[:2] = places[1::-1]
    lines = [
        np.reshape(x, [-1 if k == place else 1 for k in range(len(xi))]) for x, place in zip(xi, places, strict=True)
    ]
    return tuple(lines) if sparse else np.broadcast_arrays(*lines)


# Diagonals


def _on_diagonal(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of the n entries on the k-th diagonal."""
    return np.arange(n) - min(k, 0), np.arange(n) + max(k, 0)


@composed(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    matrices = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = np.shape(matrices)[-2:]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return matrices[(..., *_on_diagonal(n, offset))]


@composed(np.linalg.diagonal)
def _diagonal_of_matrices(x: Any, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


@composed(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    if np.ndim(v) not in (1, 2):
        raise ValueError(f"diag: needs one axis or two; got shape {np.shape(v)}. Use np.diagonal for more.")
    return np.diagonal(v, k) if np.ndim(v) == 2 else np.diagflat(v, k)


@composed(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    n = np.size(v)
    return scatter(np.ravel(v), key=_on_diagonal(n, k), shape=(n + abs(k),) * 2)


@composed(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@composed(np.linalg.trace)
def _trace_of_matrices(x: Any, *, offset: int = 0) -> Any:
    return np.trace(x, offset, -2, -1)


# Copies


@composed(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    shape = np.shape(a)
    if np.size(repeats) > 1:
        return np.take(a, np.repeat(np.arange(shape[axis]), repeats), axis)
    axis, times = normalize_axis_index(axis, len(shape)), int(np.ravel(repeats)[0])
    copies = np.broadcast_to(np.expand_dims(a, axis + 1), (*shape[: axis + 1], times, *shape[axis + 1 :]))
    return np.reshape(copies, (*shape[:axis], shape[axis] * times, *shape[axis + 1 :]))


@composed(np.tile)
def tile(A: Any, reps: Any) -> Any:
    times = tuple(int(n) for n in np.ravel(reps))
    x = led_by_ones(A, len(times))
    lengths = np.shape(x)
    times = (1,) * (len(lengths) - len(times)) + times
    apart = np.reshape(x, [n for length in lengths for n in (1, length)])
    copies = np.broadcast_to(apart, [n for pair in zip(times, lengths, strict=True) for n in pair])
    return np.reshape(copies, [n * length for n, length in zip(times, lengths, strict=True)])


PADDINGS = ("constant", "edge", "reflect", "symmetric", "wrap")


@composed(np.pad)
def pad(
    array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0, reflect_type: str = "even"
) -> Any:
    """The border repeats entries of the array, or is constant."""
    if mode not in PADDINGS or reflect_type != "even":
        raise ValueError(
            f"pad: there is no derivative rule for this border; got mode={mode!r}, reflect_type={reflect_type!r}. "
            f"Use mode {', '.join(PADDINGS)}, or np.concatenate with a border of your own."
        )
    shape = np.shape(array)
    if isinstance(pad_width, dict):
        given = {normalize_axis_index(axis, len(shape)): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(len(shape))]
    widths = np.broadcast_to(pad_width, (len(shape), 2)).tolist()
    if mode == "constant":
        border = np.pad(np.zeros(shape, array.dtype), widths, constant_values=constant_values)
        inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))
        inner = scatter(array, key=inside, shape=border.shape)
        return inner + border if border.any() else inner
    for axis, (width, n) in enumerate(zip(widths, shape, strict=True)):
        if any(width):
            array = np.take(array, np.pad(np.arange(n), width, mode), axis)
    return array


# Places by number


@composed(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """The sum of the weights that stand at each number."""
    numbers = np.asarray(x)
    counts = np.bincount(numbers, minlength=minlength)
    return counts if weights is None else scatter(double(weights), key=numbers, shape=counts.shape)


# Parts


@composed(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    n, indices = np.shape(a)[axis], np.asarray(indices)
    if mode != "raise":
        indices = {"wrap": np.mod(indices, n), "clip": np.clip(indices, 0, n - 1)}[mode]
    return a[(slice(None),) * normalize_axis_index(axis, np.ndim(a)) + (indices,)]


@composed(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return np.take(a, np.flatnonzero(condition), axis)


@composed(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return np.take(arr, np.flatnonzero(condition))


@composed(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    n = np.size(arr) if axis is None else np.shape(arr)[axis]
    return np.take(arr, np.delete(np.arange(n), obj), axis)
