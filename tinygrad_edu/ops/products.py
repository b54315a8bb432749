"""Products of matrices: dJ/dA = G B.T and dJ/dB = A.T G, whatever the layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_edu.ops.op import Op, composed, in_rows, product, shaped


def _matrices(a: Any, b: Any, g: Any) -> tuple[Any, Any, Any]:
    """The operands of a @ b and the gradient of the product, a vector made a row or a column."""
    if b.ndim == 1:
        b, g = np.expand_dims(b, -1), np.expand_dims(g, -1)
    if a.ndim == 1:
        a, g = np.expand_dims(a, -2), np.expand_dims(g, -2)
    return a, b, g


def _matmul_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    _, columns, product = _matrices(a, b, g)
    gradient = product @ np.swapaxes(columns, -1, -2)
    return np.squeeze(gradient, -2) if a.ndim == 1 else gradient


def _matmul_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    rows, _, product = _matrices(a, b, g)
    gradient = np.swapaxes(rows, -1, -2) @ product
    return np.squeeze(gradient, -1) if b.ndim == 1 else gradient


matmul = Op(np.matmul, _matmul_a, _matmul_b)


def _columns(b: Any) -> Any:
    """The second operand of np.dot as one matrix: the axis that is summed over, then all others."""
    if b.ndim == 2:
        return b
    moved = b if b.ndim == 1 else np.moveaxis(b, -2, 0)
    return np.reshape(moved, (moved.shape[0], product(moved.shape[1:])))


def _dot_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * b
    columns = _columns(b)
    return shaped(np.dot(shaped(g, (product(a.shape[:-1]), columns.shape[1])), columns.T), a.shape)


def _dot_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * a
    rows = in_rows(a)
    gradient = np.dot(rows.T, shaped(g, (rows.shape[0], _columns(b).shape[1])))
    if b.ndim <= 2:
        return shaped(gradient, b.shape)
    return np.moveaxis(np.reshape(gradient, (b.shape[-2], *b.shape[:-2], b.shape[-1])), 0, -2)


dot = Op(np.dot, _dot_a, _dot_b)

cross = Op(np.cross, lambda g, y, a, b: np.cross(b, g), lambda g, y, a, b: np.cross(g, a))


@composed(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if (np.shape(a)[-1], np.shape(b)[-1]) != (3, 3):
        raise ValueError(
            f"cross: both vectors need 3 entries; got {np.shape(a)[-1]} and {np.shape(b)[-1]}. "
            "In the plane, write a[0] * b[1] - a[1] * b[0]."
        )
    return np.moveaxis(cross(a, b), -1, axisc)


@composed(np.linalg.cross)
def _cross_along(x1: Any, x2: Any, *, axis: int = -1) -> Any:
    return np.cross(x1, x2, axis=axis)


# Products that are made of these


@composed(np.outer)
def outer(a: Any, b: Any) -> Any:
    return np.expand_dims(np.ravel(a), 1) * np.ravel(b)


@composed(np.linalg.outer)
def _outer_of_vectors(x1: Any, x2: Any) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"outer: needs two vectors; got {np.shape(x1)} and {np.shape(x2)}. np.outer ravels.")
    return np.outer(x1, x2)


@composed(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    return np.dot(np.ravel(a), np.ravel(b))


@composed(np.inner)
def inner(a: Any, b: Any) -> Any:
    return np.dot(a, np.swapaxes(b, -1, -2) if np.ndim(a) and np.ndim(b) > 1 else b)


@composed(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """A product of two matrices, once the axes that are summed over stand together."""
    summed_a, summed_b = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else map(np.ravel, axes)
    shape_a, shape_b = np.shape(a), np.shape(b)
    in_a = [normalize_axis_index(int(k), len(shape_a)) for k in summed_a]
    in_b = [normalize_axis_index(int(k), len(shape_b)) for k in summed_b]
    lengths = tuple(shape_a[k] for k in in_a)
    if lengths != tuple(shape_b[k] for k in in_b):
        raise ValueError(
            f"tensordot: the axes that are summed over must have equal lengths; got {shape_a} and {shape_b} with "
            f"axes={axes}. Check the axes."
        )
    rest_a = [k for k in range(len(shape_a)) if k not in in_a]
    rest_b = [k for k in range(len(shape_b)) if k not in in_b]
    shape_rows, shape_columns = tuple(shape_a[k] for k in rest_a), tuple(shape_b[k] for k in rest_b)
    rows = shaped(_ordered(a, rest_a + in_a), (product(shape_rows), product(lengths)))
    columns = shaped(_ordered(b, in_b + rest_b), (product(lengths), product(shape_columns)))
    return shaped(np.dot(rows, columns), shape_rows + shape_columns)


def _ordered(x: Any, axes: list[int]) -> Any:
    """np.transpose, and no step in the graph where there is nothing to do."""
    return x if axes == sorted(axes) and hasattr(x, "shape") else np.transpose(x, axes)


@composed(np.linalg.tensordot)
def _tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    return np.tensordot(x1, x2, axes)


@composed(np.kron)
def kron(a: Any, b: Any) -> Any:
    axes = max(np.ndim(a), np.ndim(b))
    blocks = (1,) * (axes - np.ndim(a)) + np.shape(a)
    inside = (1,) * (axes - np.ndim(b)) + np.shape(b)
    a = np.reshape(a, [n for length in blocks for n in (length, 1)])
    b = np.reshape(b, [n for length in inside for n in (1, length)])
    return np.reshape(a * b, [m * n for m, n in zip(blocks, inside, strict=True)])


@composed(np.linalg.matmul)
def _matmul(x1: Any, x2: Any) -> Any:
    return np.matmul(x1, x2)


@composed(np.vecdot, np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
    rows, columns = np.expand_dims(np.moveaxis(x1, axis, -1), -2), np.expand_dims(np.moveaxis(x2, axis, -1), -1)
    y = np.squeeze(np.matmul(rows, columns), (-2, -1))
    return np.expand_dims(y, axis) if keepdims else y


@composed(getattr(np, "matvec", None))  # NumPy 2.2
def matvec(x1: Any, x2: Any) -> Any:
    return np.squeeze(np.matmul(x1, np.expand_dims(x2, -1)), -1)


@composed(getattr(np, "vecmat", None))  # NumPy 2.2
def vecmat(x1: Any, x2: Any) -> Any:
    return np.squeeze(np.matmul(np.expand_dims(x1, -2), x2), -2)


@composed(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    """X X' / (n - ddof), with X the variables in rows, less their means."""
    given = [np.atleast_2d(m if rowvar else np.transpose(m))]
    if y is not None:
        rows = np.atleast_2d(y)
        given.append(rows if rowvar or len(rows) == 1 else np.transpose(rows))
    rows = np.concatenate(given)
    rows = rows.astype(np.result_type(rows.dtype, float))  # NumPy gives float64 for float32, too
    apart, n = rows - np.mean(rows, axis=1, keepdims=True), np.shape(rows)[1]
    return np.squeeze(apart @ np.transpose(apart) / (n - (1 - bias if ddof is None else ddof)))


@composed(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = np.cov(x, y, rowvar)
    spread = np.sqrt(np.diagonal(c) if np.ndim(c) else c)
    return np.clip(c / np.expand_dims(spread, -1) / spread, -1, 1) if np.ndim(c) else c / c


@composed(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    """The product of a chain of matrices, in the order that multiplies the fewest numbers."""
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: needs two arrays or more; got {len(arrays)}. Append to the list.")
    first, *between = map(np.shape, arrays)
    lengths = [1, *first][-2:] + [(*shape, 1)[1] for shape in between]
    cost = {(k, k): 0 for k in range(len(arrays))}  # of the product from one factor to another
    split = {}
    for span in range(1, len(arrays)):
        for i in range(len(arrays) - span):
            j = i + span
            options = [
                (cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1], k) for k in range(i, j)
            ]
            cost[i, j], split[i, j] = min(options)
    return _multiplied(arrays, split, 0, len(arrays) - 1)


def _multiplied(arrays: Any, split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    """The product of the factors from i to j."""
    if i == j:
        return arrays[i]
    k = split[i, j]
    return np.dot(_multiplied(arrays, split, i, k), _multiplied(arrays, split, k + 1, j))
