"""Slopes at the edges of floating point, against closed forms: far out, at zeros and ties, in other layouts."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_edu import functional, ops
from tinygrad_edu.autograd import grad
from tinygrad_edu.func import hessian
from tinygrad_edu.tensor import Tensor

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def slope(f, x, dtype=float):
    """df/dx for an f of one array, whose entries are added up."""
    x = Tensor(np.array(x, dtype), requires_grad=True)
    g = grad(np.sum(f(x)), x)
    assert g.dtype == dtype
    return g.data


# Far out


@DTYPES
@pytest.mark.parametrize(
    "f, exact, points",
    [
        (np.expm1, math.exp, [-1e-8, -17, -30, -80]),
        (np.arccosh, lambda x: 1 / math.sqrt((x - 1) * (x + 1)), [1 + 2**-20, 1.25, 100, 1e20, 1e37]),
    ],
    ids=["expm1", "arccosh"],
)
def test_slopes_keep_their_digits_far_out(f, exact, points, dtype):
    with np.errstate(all="raise"):
        assert_allclose(slope(f, points, dtype), [exact(float(dtype(x))) for x in points], rtol=8 * np.finfo(dtype).eps)


@DTYPES
@pytest.mark.parametrize("far", [0, 1e5, -1e5, 1e30])
def test_shares_of_a_logsumexp_are_those_of_the_differences(far, dtype):
    """exp(x - y) would multiply them by the rounding of y, which is 0.4 % for 1e5 in float32."""
    x = np.array([far, far + 2, far - 1], dtype)
    shares = [math.exp(float(v - x[1])) for v in x]
    shares = np.array(shares) / sum(shares)
    rtol = 8 * np.finfo(dtype).eps
    assert_allclose(slope(functional.logsumexp, x, dtype), shares, rtol=rtol)
    assert_allclose(slope(lambda t: functional.logsumexp(t[None], axis=(0, 1)), x, dtype), shares, rtol=rtol)
    for add, base in ((np.logaddexp, math.e), (np.logaddexp2, 2)):
        a, b = Tensor(x[:2], requires_grad=True), Tensor(x[1:], requires_grad=True)
        of_a, of_b = grad(np.sum(add(a, b)), [a, b])
        gaps = [float(v - u) for u, v in pairwise(x)]
        assert_allclose(of_a.data, [1 / (1 + base**gap) for gap in gaps], rtol=rtol)
        assert_allclose(of_b.data, [1 / (1 + base**-gap) for gap in gaps], rtol=rtol)


def test_shares_of_infinite_operands():
    a, b = Tensor([np.inf, 0, -np.inf, -np.inf], requires_grad=True), [0.0, np.inf, 3.0, -np.inf]
    y = np.logaddexp(a, b)
    with np.errstate(all="raise", under="ignore"):
        first = grad(y, a, np.ones(4), create_graph=True)
        second = grad(np.sum(first), a)
    assert first.tolist() == [1, 0, 0, 0]
    assert second.tolist() == [0, 0, 0, 0]


def test_second_derivatives_of_a_far_logsumexp():
    h = hessian(functional.logsumexp)(np.array([1e30, 1e30]))
    assert_allclose(h, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-15)


# Zeros and ties


@pytest.mark.parametrize(
    "f",
    [
        np.std,
        lambda x: np.std(x, ddof=1),
        np.nanstd,
        lambda x: np.std(x, where=[True, True, False]),
        np.linalg.norm,
        lambda x: np.linalg.norm(x - 5, 0.5),
    ],
    ids=["std", "std, ddof", "nanstd", "std, where", "norm", "norm, one half"],
)
def test_what_measures_a_spread_is_flat_where_there_is_none(f):
    x = [0.0, 0.0, 0.0] if f is np.linalg.norm else [5.0, 5.0, 5.0]
    with np.errstate(all="raise"):
        assert_array_equal(slope(f, x), 0)
        assert np.isfinite(hessian(f)(np.array(x))).all()


def test_spreads_that_are_not_zero():
    """d std/dx = (x - mean) / (n std), of 1, 2, 3 with std = sqrt(2/3)."""
    expected = np.array([-1, 0, 1]) / (3 * math.sqrt(2 / 3))
    assert_allclose(slope(np.std, [1, 2, 3]), expected, rtol=1e-15)
    assert_allclose(slope(np.nanstd, [1, 2, 3]), expected, rtol=1e-15)
    assert_array_equal(slope(np.nanstd, [1, 2, 3, np.nan])[:3], slope(np.nanstd, [1, 2, 3]))


@pytest.mark.parametrize("left_out", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("f", [np.mean, np.var, np.std, np.sum, np.prod])
def test_what_is_left_out_does_not_spoil_the_rest(f, left_out):
    x, chosen = np.array([1.0, left_out, 2.0, 4.0]), np.array([True, False, True, True])
    with np.errstate(all="raise"):
        assert_allclose(slope(lambda t: f(t, where=chosen), x)[chosen], slope(f, x[chosen]), rtol=1e-15)
        assert slope(lambda t: f(t, where=chosen), x)[1] == 0


@pytest.mark.parametrize("f", [np.nanvar, np.nanstd])
def test_no_spread_is_told_of_infinite_entries(f):
    with np.errstate(invalid="ignore"):
        assert np.isnan(f(Tensor([1.0, np.inf, 2.0, np.nan], requires_grad=True)).item())


def test_np_gradient_passes_over_the_entry_between():
    f = Tensor([1.0, 4.0, np.nan, 8.0, 16.0], requires_grad=True)
    assert_array_equal(np.gradient(f, 2).data, [1.5, np.nan, 1, np.nan, 4])
    assert slope(lambda t: np.gradient(t, 2)[2], [1, 4, np.nan, 8, 16]).tolist() == [0, -0.25, 0, 0.25, 0]


@pytest.mark.parametrize("ord", [0.5, 1.5, 3])
def test_a_norm_is_flat_along_an_entry_of_zero(ord):
    """dy/dx = (|x| / y)^(p - 1) sign(x), and 0 at 0 as for the absolute value."""
    x = np.array([3.0, 0.0, -4.0])
    y = (3.0**ord + 4.0**ord) ** (1 / ord)
    expected = np.array([(3 / y) ** (ord - 1), 0, -((4 / y) ** (ord - 1))])
    with np.errstate(all="raise"):
        assert_allclose(slope(lambda t: np.linalg.norm(t, ord), x), expected, rtol=1e-14)
        h = hessian(lambda t: np.linalg.norm(t, ord))(x)
    assert_allclose(h @ x, 0, atol=1e-14)  # a norm grows in proportion along x: its slope stays


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int8, np.int64, np.float32])
def test_exponents_of_any_dtype(kind):
    exponents = np.array([0, 1, 2, 3], kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert slope(lambda x: x**exponents, [20.0] * 4).tolist() == [0, 1, 40, 1200]
        assert slope(lambda x: x ** kind(0), [20.0, 0.0]).tolist() == [0, 0]
        assert slope(lambda x: x**exponents, [0.0] * 4).tolist() == [0, 1, 0, 0]


def test_the_quotient_of_a_remainder_is_a_whole_number():
    """1 / 0.1 rounds to 10, but 0.1, as a float, is above a tenth and goes into 1 nine times."""
    for f, a, b, quotient in (
        (np.fmod, 1.0, 0.1, 9),
        (np.fmod, -1.0, 0.1, -9),
        (np.fmod, 7.5, -2.0, -3),
        (np.fmod, 1.0, np.inf, 0),
        (np.remainder, 1.0, 0.1, 9),
        (np.remainder, -1.0, 0.1, -10),
    ):
        assert slope(lambda t: f(a, t), [b]).tolist() == [-quotient]  # noqa: B023


@DTYPES
def test_a_masked_class_of_no_share_costs_nothing(dtype):
    """Rows of shares give what class numbers give, where other classes are masked with -inf."""
    logits = np.array([[0, -np.inf, 1], [-np.inf, -np.inf, 3]], dtype)
    with np.errstate(all="raise"):
        results = []
        for labels in ([0, 2], np.array([[1, 0, 0], [0, 0, 1]], dtype)):
            z = Tensor(logits, requires_grad=True)
            losses = functional.cross_entropy(z, labels, reduction="none")
            results.append((losses.data, grad(np.sum(losses), z).data))
    share = 1 / (1 + math.e)
    for value, gradient in results:
        assert_allclose(value, [-math.log(share), 0], rtol=1e-6)
        assert_allclose(gradient, [[share - 1, 0, 1 - share], [0, 0, 0]], rtol=1e-6)
    impossible = functional.cross_entropy(logits, np.array([[0, 1, 0], [0, 0, 1]], dtype), reduction="none")
    assert_array_equal(impossible, [np.inf, 0])


# Other layouts of memory


@pytest.mark.parametrize("op", [ops.max, ops.min])
def test_extremes_of_big_endian_arrays_share(op):
    x = Tensor(np.array([[3, 1, 3], [1, 2, 1]], ">f8"), requires_grad=True)
    expected = [[0.5, 0, 0.5], [0, 1, 0]] if op is ops.max else [[0, 1, 0], [0.5, 0, 0.5]]
    assert grad(np.sum(op(x, axis=1)), x).tolist() == expected


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, bool])
@pytest.mark.parametrize(
    "name", ["sigmoid", "relu", "softplus", "softmax", "log_softmax", "logsumexp", "cross_entropy"]
)
def test_integers_count_as_the_same_numbers_in_float64(name, kind):
    """-x and x - max(x) of integers would wrap round."""
    x = np.array([[0, 1, np.iinfo(kind).max], [3, np.iinfo(kind).min, 7]] if kind is not bool else np.eye(2, 3), kind)
    f = getattr(functional, name)
    more = ([1, 0],) if name == "cross_entropy" else ()
    expected = f(x.astype(float), *more)
    for given in (x, Tensor(x)):
        y = f(given, *more)
        assert y.dtype == np.float64
        assert_array_equal(y.numpy() if isinstance(y, Tensor) else y, expected)
