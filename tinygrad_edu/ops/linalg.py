"""Linear algebra, for one matrix or a batch of them. G stands for g, and ' for the transpose.

    Y = inv(A)            dJ/dA = -Y' G Y'
    X = solve(A, B)       dJ/dB = solve(A', G),   dJ/dA = -dJ/dB X'
    d = det(A)            dJ/dA = g C,   C the cofactors: d inv(A)' where A is regular
    P = pinv(A)           dJ/dA = -P' G P' + (I - A P) G' P P' + P' P G' (I - P A)

The rank must be the same nearby for pinv and lstsq: where it is not, the function itself jumps.

Read next: `decompositions.py`.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.ops.op import Op, composed, floating, product, restore

# Inverses and determinants. A must be regular, but for det: a singular matrix has no inverse, its determinant a slope.

inv = Op(np.linalg.inv, lambda g, y, a: -np.matrix_transpose(y) @ g @ np.matrix_transpose(y))


def _solve_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return np.linalg.solve(np.matrix_transpose(a), np.expand_dims(g, -1))[..., 0]
    return np.linalg.solve(np.matrix_transpose(a), g)


def _solve_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    gb = _solve_b(g, y, a, b)
    if b.ndim == 1:
        return -np.expand_dims(gb, -1) * np.expand_dims(y, -2)
    return -gb @ np.matrix_transpose(y)


solve = Op(np.linalg.solve, _solve_a, _solve_b)


def _cofactors(a: Any) -> Any:
    """The determinants of A without row i and column j, with the signs of a chessboard."""
    n = a.shape[-1]
    others = np.array([np.delete(np.arange(n), i) for i in range(n)])
    signs = (-1.0) ** np.arange(n)
    minors = [np.linalg.det(a[..., kept[:, None], others[:, None, :]]) for kept in others]
    return np.stack(minors, axis=-2) * np.outer(signs, signs).astype(a.dtype)


def _det(g: Any, y: Any, a: Any) -> Any:
    g, y = np.expand_dims(g, (-2, -1)), np.expand_dims(y, (-2, -1))
    if np.any(y == 0) and np.any(np.linalg.slogdet(a)[0] == 0):  # singular, and not only too small a number
        return g * _cofactors(a)
    return g * y * np.matrix_transpose(np.linalg.inv(a))


det = Op(np.linalg.det, _det)

# The sign and log |det A| in one array, so that both come from one factorization. The sign is flat.
slogdet = Op(
    lambda a: np.stack(np.linalg.slogdet(a)),
    lambda g, y, a: np.expand_dims(g[1], (-2, -1)) * np.matrix_transpose(np.linalg.inv(a)),
    name="slogdet",
)


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


@composed(np.linalg.slogdet)
def _slogdet(a: Any) -> SlogdetResult:
    y = slogdet(a)
    return SlogdetResult(y[0], y[1])


@composed(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    rows, columns = np.shape(a)[:ind], np.shape(a)[ind:]
    return np.reshape(np.linalg.inv(np.reshape(a, (product(rows), product(columns)))), columns + rows)


@composed(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: tuple[int, ...] | None = None) -> Any:
    if axes is not None:
        a = np.moveaxis(a, axes, range(-len(axes), 0))
    unknown = np.shape(a)[np.ndim(b) :]
    return np.reshape(np.linalg.solve(np.reshape(a, (np.size(b), product(unknown))), np.ravel(b)), unknown)


@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """By squaring, and one more factor for each 1 among the binary digits of n."""
    n = operator.index(n)
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    power = base = np.linalg.inv(a) if n < 0 else a
    for digit in f"{abs(n):b}"[1:]:
        power = power @ power @ base if digit == "1" else power @ power
    return power


# The nearest there is to an inverse, where there is none

matrix_rank = Op(np.linalg.matrix_rank)  # a question


def _pinv(g: Any, y: Any, a: Any, *, rcond: Any = None) -> Any:
    g, p = np.matrix_transpose(g), np.matrix_transpose(y)
    beside = (g - a @ (y @ g)) @ y @ p + p @ y @ (g - (g @ y) @ a)
    return beside - p @ np.matrix_transpose(g) @ p


pinv = Op(lambda a, *, rcond=None: np.linalg.pinv(a, rcond), _pinv, numpy=np.linalg.pinv)


def _cut(a: Any, rcond: float | None) -> float:
    """Below this share of the largest singular value, lstsq takes one for 0."""
    return float(np.finfo(a.dtype).eps) * max(a.shape) if rcond is None or rcond < 0 else rcond


def _least_squares_a(g: Any, y: Any, a: Any, b: Any, *, rcond: float | None = None) -> Any:
    p, misfit = np.linalg.pinv(a, _cut(a, rcond)), b - a @ y
    if b.ndim == 1:
        g, y, misfit = np.expand_dims(g, 1), np.expand_dims(y, 1), np.expand_dims(misfit, 1)
    back = p.T @ g
    return misfit @ (p @ back).T + p.T @ y @ (g - a.T @ back).T - back @ y.T


least_squares = Op(  # the x of the least |A x - b|, and of those the shortest
    lambda a, b, *, rcond=None: np.linalg.lstsq(a, b, rcond)[0],
    _least_squares_a,
    lambda g, y, a, b, *, rcond=None: np.linalg.pinv(a, _cut(a, rcond)).T @ g,
    name="least_squares",
)


@composed(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Any, Any, int, Any]:
    x, s = least_squares(a, b, rcond=rcond), np.linalg.svdvals(a)
    rank, (m, n) = int(np.sum(s > _cut(a, rcond) * s[:1])), np.shape(a)
    squares = np.sum(np.reshape(b - a @ x, (m, -1)) ** 2, axis=0) if rank == n < m else np.zeros(0, x.dtype)
    return x, squares, rank, s


# Norms. Where a norm is 0, its slope is taken to be 0, as for the absolute value.


def _vector_norm(x: Any, *, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis, keepdims=keepdims))
    return np.sum(np.abs(x) ** ord, axis, keepdims=keepdims) ** (1 / ord)


def _vector_norm_x(g: Any, y: Any, x: Any, *, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    g, y = restore(g, x, axis, keepdims), restore(y, x, axis, keepdims)
    direction = np.where(y == 0, 0, x / np.where(y == 0, 1, y))
    if ord == 2:
        return g * direction
    return g * np.sign(direction) * np.abs(np.where(direction == 0, 1, direction)) ** (ord - 1)


vector_norm = Op(_vector_norm, _vector_norm_x, name="vector_norm")


@composed(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None and ord is None:
        return vector_norm(floating(x), keepdims=keepdims)
    axes = tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return _norm_of_vectors(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: needs one axis for vectors, two for matrices; got {len(axes)}. Pass axis=.")
    y = _norm_of_matrices(np.moveaxis(x, axes, (-2, -1)), ord="fro" if ord is None else ord)
    return np.expand_dims(y, axes) if keepdims else y


@composed(np.linalg.vector_norm)
def _norm_of_vectors(x: Any, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    x = floating(x)
    if isinstance(ord, str):
        raise ValueError(f"norm: of a vector there is no norm of this order; got {ord!r}. Pass a number, or np.inf.")
    if ord == 0:
        return np.sum(x != 0, axis=axis, keepdims=keepdims).astype(x.dtype)  # a count has no slope
    if np.isinf(ord):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return vector_norm(x, ord=ord, axis=axis, keepdims=keepdims)


@composed(np.linalg.matrix_norm)
def _norm_of_matrices(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    x = floating(x)
    if ord in ("fro", "f"):
        y = vector_norm(x, axis=(-2, -1))
    elif ord == "nuc":
        y = np.sum(np.linalg.svdvals(x), axis=-1)
    elif ord in (1, -1, 2, -2, np.inf, -np.inf):
        lengths = np.linalg.svdvals(x) if ord in (2, -2) else np.sum(np.abs(x), axis=-2 if ord in (1, -1) else -1)
        y = (np.max if ord > 0 else np.min)(lengths, axis=-1)
    else:
        raise ValueError(
            f"norm: of a matrix there is no norm of this order; got {ord!r}. Pass 'fro', 'nuc', 1, 2 or np.inf."
        )
    return np.expand_dims(y, (-2, -1)) if keepdims else y


@composed(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))
