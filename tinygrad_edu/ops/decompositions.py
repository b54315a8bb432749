"""Decompositions of matrices: A = L L', A = Q R, A = V diag(w) V', A = U diag(s) V'.

Their results belong together, so a decomposition is one row with one array: [Q; R'], [w; V] and [U; s; V] stand one
above the other, and each column holds what belongs to one eigenvalue or one singular value. NumPy's function takes the
array apart again. With N = V' G_V, and o for the product of entries:

    eigh    dJ/dA = V (diag(g_w) + F o N) V',                            F_ij = 1 / (w_j - w_i)
    svd     dJ/dA = U (diag(g_s) + (F o (M - M')) S + S (F o (N - N'))) V' + what leaves the span of U or V,
            with M = U' G_U,                                             F_ij = 1 / (s_j^2 - s_i^2)

Vectors exist one by one only where no two values are equal: else their gradient is a LinAlgError, but the values still
have theirs. eigh and cholesky read the lower triangle of A alone, and so the gradient of the upper one is 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import LinAlgError

from tinygrad_edu.ops.op import Op, composed


def _in_triangle(g: Any, UPLO: str = "L") -> Any:
    """The gradient by a symmetric matrix, as that by one triangle of it: an entry there stands for two."""
    both = (g + np.matrix_transpose(g)) / 2
    return np.tril(both) + np.tril(both, -1) if UPLO in "Ll" else np.triu(both) + np.triu(both, 1)


def _half(x: Any) -> Any:
    """The lower triangle, the diagonal divided by 2: x + x' of it is the symmetric whole."""
    return np.tril(x) - x * np.eye(x.shape[-1], dtype=x.dtype) / 2


# A = L L': A must be positive definite, and then the gradient exists


def _cholesky(g: Any, y: Any, a: Any) -> Any:
    upward = np.matrix_transpose(y)
    inner = np.linalg.solve(upward, _half(upward @ np.tril(g)))
    return _in_triangle(np.linalg.solve(upward, np.matrix_transpose(inner)))


cholesky = Op(np.linalg.cholesky, _cholesky)


@composed(np.linalg.cholesky)
def _lower_or_upper(a: Any, *, upper: bool = False) -> Any:
    return np.matrix_transpose(cholesky(np.matrix_transpose(a))) if upper else cholesky(a)


# A = Q R: the columns of A must be independent


class QRResult(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Any
    R: Any


def _qr(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    q, r = y[..., :m, :], np.matrix_transpose(y[..., m:, :])
    gq, gr = g[..., :m, :], np.triu(np.matrix_transpose(g[..., m:, :]))
    inner = r @ np.matrix_transpose(gr) - np.matrix_transpose(gq) @ q
    symmetric = np.tril(inner) + np.matrix_transpose(np.tril(inner, -1))
    return np.matrix_transpose(np.linalg.solve(r, np.matrix_transpose(gq + q @ symmetric)))


def _stacked_qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate((q, np.matrix_transpose(r)), axis=-2)


qr = Op(_stacked_qr, _qr, name="qr")


@composed(np.linalg.qr)
def _qr_apart(a: Any, mode: str = "reduced") -> Any:
    m, n = np.shape(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise ValueError(
            f"qr: there is no derivative rule for this mode; got {mode!r}, shape {np.shape(a)}. Use 'reduced' or 'r'."
        )
    k = min(m, n)
    y = qr(a[..., :k])
    q, r = y[..., :m, :], np.matrix_transpose(y[..., m:, :])
    if m < n:  # a wide matrix: its first columns decide Q
        r = np.concatenate((r, np.matrix_transpose(q) @ a[..., k:]), axis=-1)
    return r if mode == "r" else QRResult(q, r)


# A = V diag(w) V'


class EighResult(NamedTuple):
    """The eigenvalues, rising, and the eigenvectors, one a column."""

    eigenvalues: Any
    eigenvectors: Any


def _over_gaps(name: str, values: Any, gaps: Any, vectors_used: Any) -> Any:
    """1 / gaps, and 0 where two values are equal; that is an error where their vectors are asked for a gradient."""
    n = values.shape[-1]
    size = np.finfo(values.dtype).eps * np.sum(np.abs(values), axis=-1)[..., None, None]
    equal = np.abs(values[..., None, :] - values[..., :, None]) <= size
    if np.any(equal & ~np.eye(n, dtype=bool) & vectors_used[..., None, None]):
        raise LinAlgError(
            f"{name}: vectors have a gradient only where no two values are equal; got "
            f"{np.array2string(values.data if hasattr(values, '_apply') else values, precision=4, threshold=9)}. "
            "Use the values alone, or a matrix whose values differ."
        )
    return ~equal / np.where(equal, 1, gaps)


def _eigh(g: Any, y: Any, a: Any, *, UPLO: str = "L") -> Any:
    w, v = y[..., 0, :], y[..., 1:, :]
    gw, gv = g[..., 0, :], g[..., 1:, :]
    f = _over_gaps("eigh", w, w[..., None, :] - w[..., :, None], np.any(gv != 0, axis=(-2, -1)))
    inner = f * (np.matrix_transpose(v) @ gv) + gw[..., None, :] * np.eye(w.shape[-1], dtype=w.dtype)
    return _in_triangle(v @ inner @ np.matrix_transpose(v), UPLO)


def _stacked_eigh(a: Any, *, UPLO: Any = "L") -> Any:
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate((np.expand_dims(w, -2), v), axis=-2)


eigh = Op(_stacked_eigh, _eigh, name="eigh")


@composed(np.linalg.eigh)
def _eigh_apart(a: Any, UPLO: Any = "L") -> EighResult:
    y = eigh(a, UPLO=UPLO)
    return EighResult(y[..., 0, :], y[..., 1:, :])


@composed(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    return np.linalg.eigh(a, UPLO).eigenvalues


# A = U diag(s) V'


class SVDResult(NamedTuple):
    """Left vectors, singular values, falling, and right vectors, one a row."""

    U: Any
    S: Any
    Vh: Any


def _svd(g: Any, y: Any, a: Any) -> Any:
    m, n = a.shape[-2:]
    u, s, v = y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]
    gu, gs, gv = g[..., :m, :], g[..., m, :], g[..., m + 1 :, :]
    used = np.any(gu != 0, axis=(-2, -1)) | np.any(gv != 0, axis=(-2, -1))
    row, column = s[..., None, :], s[..., :, None]
    f = _over_gaps("svd", s, (row - column) * (row + column), used)
    by_u, by_v = np.matrix_transpose(u) @ gu, np.matrix_transpose(v) @ gv
    inner = f * (by_u - np.matrix_transpose(by_u)) * row + column * f * (by_v - np.matrix_transpose(by_v))
    inner = inner + gs[..., None, :] * np.eye(s.shape[-1], dtype=s.dtype)
    whole = u @ inner @ np.matrix_transpose(v)
    if m == n:
        return whole
    if np.any((s == 0) & used[..., None]):
        raise LinAlgError(
            "svd: the vectors of a matrix that is not square have a gradient only where no value is 0; got one, "
            f"and shape {a.shape}. Use the values alone."
        )
    inverse = 1 / np.where(row == 0, 1, row)
    if m > n:
        return whole + (gu - u @ by_u) * inverse @ np.matrix_transpose(v)
    return whole + u @ np.matrix_transpose((gv - v @ by_v) * inverse)


def _stacked_svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate((u, np.expand_dims(s, -2), np.matrix_transpose(vh)), axis=-2)


svd = Op(_stacked_svd, _svd, name="svd")


@composed(np.linalg.svd)
def _svd_apart(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    m, n = np.shape(a)[-2:]
    if compute_uv and full_matrices and m != n:
        raise ValueError(
            f"svd: full_matrices=True adds vectors that A does not determine; got shape {np.shape(a)}. "
            "Pass full_matrices=False."
        )
    y = svd(a)
    if not compute_uv:
        return y[..., m, :]
    return SVDResult(y[..., :m, :], y[..., m, :], np.matrix_transpose(y[..., m + 1 :, :]))


@composed(np.linalg.svdvals)
def svdvals(x: Any) -> Any:
    return np.linalg.svd(x, compute_uv=False)
