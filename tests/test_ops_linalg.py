"""Linear algebra: every row and every function made of rows, and where a gradient does not exist."""

import re
from itertools import permutations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval
from numpy.testing import assert_allclose, assert_array_equal
from op_factory import Judged, Row, case, one, pairs, positive, real, together

from tinygrad_edu import func
from tinygrad_edu.check import gradcheck
from tinygrad_edu.tensor import Tensor

linalg = anp.linalg

# Domains: matrices far from singular ones, and with eigenvalues or singular values far from each other.


def regular(rng, shape):
    return rng.standard_normal(shape) / 3 + 2 * np.eye(*shape[-2:])


def spread(rng, shape):
    return rng.standard_normal(shape) / 5 + np.diag(np.arange(1.0, 1 + max(shape[-2:])))[: shape[-2], : shape[-1]]


# The references, from the textbook


def t(x):
    return anp.swapaxes(x, -1, -2)


def lower(x):
    """The symmetric matrix of a lower triangle."""
    return anp.tril(x) + t(anp.tril(x, -1))


def leibniz(a):
    """The sum over all permutations of the products of n entries with their signs."""
    n = a.shape[-1]
    total = 0.0
    for order in permutations(range(n)):
        sign = round(np.linalg.det(np.eye(n)[list(order)])) if n else 1
        product = sign * anp.ones(a.shape[:-2])
        for i, j in enumerate(order):
            product = product * a[..., i, j]
        total = total + product
    return total


def solution(a, b):
    return linalg.inv(a) @ b


def least_squares(a, b, rcond=None):
    return pseudo(a) @ b


def pseudo(a, rcond=None):
    """(A'A)^-1 A' for a tall matrix, A' (AA')^-1 for a wide one."""
    if a.shape[-2] >= a.shape[-1]:
        return linalg.inv(t(a) @ a) @ t(a)
    return t(a) @ linalg.inv(a @ t(a))


def gram_schmidt(a):
    """Q above R', column by column, with the signs that LAPACK takes."""
    if a.ndim > 2:
        return anp.stack([gram_schmidt(x) for x in a])
    if a.size == 0:
        return np.zeros((sum(a.shape), a.shape[1])) + anp.sum(a)
    signs = np.sign(np.diagonal(np.linalg.qr(getval(a)).R))
    columns, rows = [], []
    for k in range(a.shape[1]):
        rest, row = a[:, k], []
        for q in columns:
            row.append(anp.dot(q, a[:, k]))
            rest = rest - row[-1] * q
        length = signs[k] * anp.sqrt(anp.sum(rest**2))
        columns.append(rest / length)
        rows.append([*row, length, *[0.0] * (a.shape[1] - k - 1)])
    return anp.concatenate([anp.stack(columns, axis=1), anp.array(rows)])


def stacked_eigh(a, UPLO="L"):
    w, v = linalg.eigh(a, UPLO)
    return anp.concatenate([w[..., None, :], v], axis=-2)


def stacked_svd(a):
    u, s, vh = linalg.svd(a, full_matrices=False)
    return anp.concatenate([u, s[..., None, :], t(vh)], axis=-2)


def singular_values(a):
    """Falling, from the eigenvalues of A'A or AA'."""
    square = t(a) @ a if a.shape[-2] >= a.shape[-1] else a @ t(a)
    return anp.sqrt(linalg.eigh(square)[0])[..., ::-1]


def logarithm(a):
    d = leibniz(a)
    return anp.stack([anp.sign(d), anp.log(anp.abs(d))])


def power_mean(x, ord=2, axis=None, keepdims=False):
    return anp.sum(anp.sqrt(x * x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


# fmt: off
SQUARES = one((3, 3), (1, 1), (2, 2, 2), (2, 1, 2, 2))
EMPTY = one((0, 0), (0, 2, 2), (2, 0, 0))
SOLVES = [
    *pairs(((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 2, 2), (2,)), ((2, 2, 2), (2, 1)), ((2, 2), (3, 2, 1))),
    *pairs(((2, 1, 2, 2), (3, 2, 1)), ((1, 1), (1,)), ((0, 0), (0, 2)), ((0, 0), (0,)), ((3, 3), (3, 0))),
]
RECTANGLES = one((3, 2), (2, 3), (3, 3), (2, 3, 2), (1, 3), (3, 1))
NORMS = [
    *one((4,), (2, 3), axis=[None, 0, -1], keepdims=[False, True]), *one((2, 3, 2), axis=[(0, 2)]),
    *one((), (0,), (2, 0)),
    *one((4,), (2, 3), axis=[None, -1], ord=[3, 1.5, -1]), *one((2, 3), axis=[0], ord=[3], keepdims=[True]),
]
LEAST = [*pairs(((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3, 1))), case((4, 2), (4,), rcond=1e-8)]
# fmt: on


class TestRows(Judged):
    ROWS = (
        Row("inv", linalg.inv, regular, [*SQUARES, *EMPTY]),
        Row("solve", solution, (regular, real), SOLVES),
        Row("det", leibniz, real, [*SQUARES, *EMPTY]),
        Row("slogdet", logarithm, regular, SQUARES),
        Row("pinv", pseudo, spread, [*RECTANGLES, *one((3, 2), rcond=[1e-6])]),
        Row("least_squares", least_squares, (spread, real), LEAST),
        Row("vector_norm", power_mean, positive, NORMS),
        Row("cholesky", lambda a: linalg.cholesky(lower(a)), regular, [*SQUARES, *EMPTY]),
        Row("qr", gram_schmidt, spread, one((3, 3), (3, 2), (2, 3, 2), (3, 1), (0, 0), (2, 0))),
        Row("eigh", stacked_eigh, spread, [*SQUARES, *EMPTY, *one((3, 3), (2, 2, 2), UPLO=["L", "U"])]),
        Row("svd", stacked_svd, spread, [*RECTANGLES, *EMPTY, *one((0, 2), (2, 0))]),
    )


def all_of(results):
    return anp.concatenate([anp.ravel(x) for x in results])


def power_of(a, n):
    a = linalg.inv(a) if n < 0 else a
    result = a
    for _ in range(abs(n) - 1):
        result = result @ a
    return result


def lstsq(a, b):
    x = least_squares(a, b)
    squares = anp.sum(anp.reshape(b - a @ x, (len(b), -1)) ** 2, axis=0) if a.shape[0] > a.shape[1] else np.zeros(0)
    return all_of([x, squares, singular_values(a)])


def matrix_norm(x, ord="fro", keepdims=False):
    lengths = {
        1: lambda: anp.sum(anp.abs(x), -2),
        np.inf: lambda: anp.sum(anp.abs(x), -1),
        2: lambda: singular_values(x),
    }
    if ord in ("fro", "f"):
        y = anp.sqrt(anp.sum(x * x, (-2, -1)))
    elif ord == "nuc":
        y = anp.sum(singular_values(x), -1)
    else:
        y = (anp.max if ord > 0 else anp.min)(lengths[abs(ord)](), -1)
    return y[..., None, None] if keepdims else y


def trace(a, offset=0, axis1=0, axis2=1):
    a = anp.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    return anp.sum(a * np.eye(rows, columns, offset), axis=(-2, -1))


def inverse_of_tensor(a, ind=2):
    return anp.reshape(linalg.inv(anp.reshape(a, (4, 4))), a.shape[ind:] + a.shape[:ind])


def solution_of_tensors(a, b, axes=None):
    rest = None if axes is None else [k for k in range(a.ndim) if k not in axes]
    a = a if axes is None else anp.transpose(a, [*rest, *axes])
    return anp.reshape(linalg.inv(anp.reshape(a, (4, 4))) @ anp.ravel(b), a.shape[b.ndim :])


def wide_qr(a):
    k = a.shape[-2]
    q = gram_schmidt(a[..., :k])[..., :k, :]
    return all_of([q, t(q) @ a])


# fmt: off
ORDERS = [1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"]


class TestMadeOfRows(Judged):
    ROWS = (
        Row("trace", trace, real, [
            *one((3, 3), (2, 4), (4, 2), offset=[0, 1, -2]), *one((2, 3, 2), axis1=[2], axis2=[0, -2]), case((0, 0)),
        ], np.trace),
        Row("tensorinv", inverse_of_tensor, real,
            [case((4, 2, 2), ind=1), case((2, 2, 4)), case((2, 2, 2, 2)), case((4, 4), ind=1)], np.linalg.tensorinv),
        Row("tensorsolve", solution_of_tensors, real, [
            case((4, 2, 2), (4,)), case((2, 2, 2, 2), (2, 2)), case((2, 4, 2), (4,), axes=(0, 2)),
            case((2, 4, 2), (4,), axes=(2, 0)),
        ], np.linalg.tensorsolve),
        Row("linalg.trace", lambda a, offset=0: trace(a, offset, -2, -1), real, one((2, 3, 3), offset=[0, 1]),
            np.linalg.trace),
        Row("matrix_power", power_of, regular, one((3, 3), (2, 2, 2), n=[2, 3, 6, -1, -2]), np.linalg.matrix_power),
        Row(
            "slogdet apart", lambda a: anp.log(anp.abs(leibniz(a))), regular, SQUARES,
            lambda a: np.linalg.slogdet(a).logabsdet,
        ),
        Row("lstsq", lstsq, (spread, real), [c for c in LEAST if not c.params],
            lambda a, b: together([x for x in np.linalg.lstsq(a, b, None) if np.ndim(x)])),
        Row("norm", matrix_norm, spread, [*one((2, 3), (3, 2), ord=ORDERS, keepdims=[False, True])], np.linalg.norm),
        Row("matrix_norm", matrix_norm, spread, [
            *one((2, 3), (2, 2, 2), ord=ORDERS, keepdims=[False, True]),
        ], np.linalg.matrix_norm),
        Row("norm of vectors", lambda x, axis=None, **p: power_mean(x, axis=axis, **p), positive,
            [*one((4,), (2, 3), axis=[-1], ord=[1, 2, 3, -2], keepdims=[False, True]), *one((2, 3), ())],
            np.linalg.norm),
        Row("largest", lambda x, ord, **p: (anp.max if ord > 0 else anp.min)(anp.abs(x), **p), real,
            one((4,), (2, 3), axis=[-1], ord=[np.inf, -np.inf], keepdims=[False, True]), np.linalg.norm),
        Row(
            "vector_norm", power_mean, positive, one((4,), (2, 3), (2, 3, 2), axis=[None, 0, -1], ord=[1, 2, 3]),
            np.linalg.vector_norm,
        ),
        Row(
            "cond", lambda a, p=2: singular_values(a)[..., 0] / singular_values(a)[..., -1], spread,
            one((3, 3), (2, 2, 2), p=[None, 2]), np.linalg.cond,
        ),
        Row(
            "cond by norms", lambda a, p: matrix_norm(a, p) * matrix_norm(linalg.inv(a), p), regular,
            one((3, 3), (2, 2, 2), p=[1, np.inf, "fro"]), np.linalg.cond,
        ),
        Row(
            "cholesky, upper", lambda a: t(linalg.cholesky(lower(t(a)))), regular, SQUARES,
            lambda a: np.linalg.cholesky(a, upper=True),
        ),
        Row("qr, wide", wide_qr, spread, one((2, 3), (1, 3), (2, 4), (2, 2)), lambda a: together(np.linalg.qr(a))),
        Row(
            "qr, r", lambda a: t(gram_schmidt(a)[..., a.shape[-2]:, :]), spread, one((3, 2), (2, 3, 2)),
            lambda a: np.linalg.qr(a, "r"),
        ),
        Row(
            "eigh apart", lambda a, UPLO="L": all_of(linalg.eigh(a, UPLO)), spread,
            one((3, 3), (2, 2, 2), UPLO=["L", "U"]), lambda a, **p: together(np.linalg.eigh(a, **p)),
        ),
        Row(
            "eigvalsh", lambda a, UPLO="L": linalg.eigh(a, UPLO)[0], spread, one((3, 3), (2, 2, 2), UPLO=["L", "U"]),
            np.linalg.eigvalsh,
        ),
        Row("svd apart", lambda a: all_of(linalg.svd(a, full_matrices=False)), spread, RECTANGLES,
            lambda a: together(np.linalg.svd(a, full_matrices=False))),
        Row("svdvals", singular_values, spread, RECTANGLES, np.linalg.svdvals),
    )

# fmt: on


# Where a matrix is singular, and where values are equal


def hessian_by_hand(f, x):
    """The second derivatives of a function of few numbers, by differences of differences."""
    n, step = x.size, 1e-3
    basis = np.eye(n).reshape(n, *x.shape) * step

    def moved(*directions):
        return f(x + sum(directions))

    rows = [[(moved(u, v) - moved(u, -v) - moved(-u, v) + moved(-u, -v)) / (4 * step**2) for v in basis] for u in basis]
    return np.array(rows).reshape(*x.shape, *x.shape)


@pytest.mark.parametrize("matrix", [np.diag([1.0, 1.0, 0.0]), np.diag([2.0, 0, 0]), np.zeros((3, 3)), np.ones((3, 3))])
def test_a_singular_matrix_has_a_determinant_with_slopes_of_any_order(matrix):
    assert gradcheck(np.linalg.det, matrix)
    assert_allclose(func.hessian(np.linalg.det)(matrix), hessian_by_hand(np.linalg.det, matrix), atol=1e-8)


def test_one_singular_matrix_in_a_batch():
    matrices = np.stack([np.diag([1.0, 2.0]), np.diag([1.0, 0.0])])
    gradient = func.elementwise_grad(np.linalg.det)(matrices)
    assert_allclose(gradient, [np.diag([2.0, 1.0]), np.diag([0.0, 1.0])], atol=1e-15)


@pytest.mark.parametrize("function", [np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(2))])
def test_a_singular_matrix_has_no_inverse(function):
    for matrix in (np.ones((2, 2)), Tensor(np.ones((2, 2)), requires_grad=True)):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            function(matrix)
    with pytest.raises(np.linalg.LinAlgError, match=r"^inv: Singular matrix; got \(2, 2\)\.$"):
        np.linalg.inv(Tensor(np.ones((2, 2))))


def test_the_logarithm_of_a_determinant_has_no_slope_where_it_is_infinite():
    sign, logarithm = np.linalg.slogdet(Tensor(np.ones((2, 2)), requires_grad=True))
    assert (sign.item(), logarithm.item()) == (0, -np.inf)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        logarithm.backward()


def test_the_sign_of_a_determinant_is_flat():
    assert_array_equal(func.grad(lambda a: np.linalg.slogdet(a).sign)(np.diag([2.0, -1.0])), np.zeros((2, 2)))


def test_a_matrix_must_be_positive_definite_for_cholesky():
    with pytest.raises(np.linalg.LinAlgError, match=r"^cholesky: Matrix is not positive definite; got \(2, 2\)\.$"):
        np.linalg.cholesky(Tensor(np.diag([1.0, -1.0])))


def test_equal_eigenvalues_have_slopes_and_their_vectors_have_none():
    matrix = np.diag([1.0, 2.0, 2.0])
    assert_allclose(func.grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(matrix), 2 * matrix, atol=1e-14)
    message = r"^eigh: vectors have a gradient only where no two values are equal; got \[1. 2. 2.\]"
    with pytest.raises(np.linalg.LinAlgError, match=message):
        func.grad(lambda a: np.linalg.eigh(a).eigenvectors[0, 1])(matrix)
    with pytest.raises(np.linalg.LinAlgError, match="eigh: vectors have a gradient only where"):
        func.hessian(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(matrix)
    batch = np.stack([np.diag([1.0, 2.0]), np.eye(2)])
    first = func.grad(lambda a: np.linalg.eigh(a).eigenvectors[0, 0, 1])(batch)  # of the other matrix only the values
    assert np.isfinite(first).all()


def test_equal_singular_values_have_slopes_and_their_vectors_have_none():
    matrix = np.diag([2.0, 2.0, 1.0])
    nuclear = func.grad(lambda a: np.linalg.norm(a, "nuc"))(matrix)
    assert_allclose(nuclear, np.eye(3), atol=1e-14)
    with pytest.raises(np.linalg.LinAlgError, match="svd: vectors have a gradient only where no two values are equal"):
        func.grad(lambda a: np.linalg.svd(a).U[0, 0])(matrix)
    with pytest.raises(np.linalg.LinAlgError, match=r"^svd: the vectors of a matrix that is not square .* \(2, 3\)"):
        func.grad(lambda a: np.linalg.svd(a, full_matrices=False).Vh[1, 0])(np.diag([2.0, 0.0, 0.0])[:2])


def test_the_norm_of_zero_has_the_slope_zero():
    for x in (np.zeros(3), np.zeros((2, 3))):
        assert_array_equal(func.grad(np.linalg.norm)(x), x)
        assert_array_equal(func.hessian(np.linalg.norm)(x), np.zeros((*x.shape, *x.shape)))
    slopes = func.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert_allclose(slopes, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-15)


# Functions as NumPy has them


def test_results_have_the_names_that_numpy_gives_them():
    a = np.diag([2.0, 3.0]) + 0.1
    for function in (np.linalg.slogdet, np.linalg.eigh, np.linalg.svd, np.linalg.qr):
        plain, recorded = function(a), function(Tensor(a, requires_grad=True))
        assert recorded._fields == plain._fields and type(recorded).__name__ == type(plain).__name__
        for got, expected in zip(recorded, plain, strict=True):
            assert got.requires_grad
            assert_array_equal(got.data, expected)


def test_least_squares_as_numpy_gives_them():
    a, b = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0, 4.0])
    for matrix, rcond in ((a, None), (a[:2], None), (np.ones((3, 2)), None), (a, 0.9)):
        expected = np.linalg.lstsq(matrix, b[: len(matrix)], rcond)
        got = np.linalg.lstsq(Tensor(matrix), b[: len(matrix)], rcond)
        assert got[2] == expected[2]
        for k in (0, 1, 3):
            assert_allclose(np.asarray(got[k]), expected[k], rtol=1e-12, atol=1e-15, strict=True)
    flat = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    assert gradcheck(lambda b: np.linalg.lstsq(flat, b, None)[0], b)  # the shortest of many solutions


def test_powers_of_a_matrix():
    a = Tensor(np.diag([2.0, 3.0]), requires_grad=True)
    assert_array_equal(np.linalg.matrix_power(a, 1).data, a.data)
    assert_array_equal(np.linalg.matrix_power(a, 0), np.eye(2))
    with pytest.raises(TypeError, match="integer"):
        np.linalg.matrix_power(a, 0.5)


def test_a_count_is_no_norm_with_a_slope():
    assert np.linalg.norm(Tensor([0.0, 2.0, 3.0]), 0) == 2


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda a: np.linalg.svd(a), "svd: full_matrices=True adds vectors that A does not determine; got shape (2"),
        (lambda a: np.linalg.qr(a.T, "complete"), "qr: there is no derivative rule for this mode; got 'complete'"),
        (lambda a: np.linalg.qr(a, "raw"), "qr: there is no derivative rule for this mode; got 'raw', shape (2, 3)"),
        (lambda a: np.linalg.norm(a, 3), "norm: of a matrix there is no norm of this order; got 3."),
        (lambda a: np.linalg.norm(a[0], "nuc"), "norm: of a vector there is no norm of this order; got 'nuc'."),
        (lambda a: np.linalg.norm(a[None], 1), "norm: needs one axis for vectors, two for matrices; got 3."),
    ],
)
def test_what_has_no_rule_is_refused_by_name(function, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        function(Tensor(np.ones((2, 3)), requires_grad=True))


@pytest.mark.parametrize(
    "function, parameter",
    [
        (lambda a: np.linalg.svd(a, hermitian=True), "hermitian"),
        (lambda a: np.linalg.pinv(a, hermitian=True), "hermitian"),
    ],
)
def test_parameters_without_a_rule_are_refused_by_name(function, parameter):
    with pytest.raises(TypeError, match=f"there is no derivative rule with {parameter}="):
        function(Tensor(np.eye(2), requires_grad=True))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool, int])
def test_norms_of_whole_numbers_are_those_of_floats(dtype):
    x = np.array([[100, 7], [0, 90]]).astype(dtype)  # 100 squared is more than a byte holds
    for f in (
        np.linalg.norm,
        lambda x: np.linalg.norm(x, 1, axis=0),
        lambda x: np.linalg.norm(x, np.inf),
        lambda x: np.linalg.norm(x, 3, axis=1),
        np.linalg.matrix_norm,
        np.linalg.vector_norm,
    ):
        assert_allclose(f(Tensor(x)).data, f(x.astype(float)), rtol=1e-15, strict=True)
