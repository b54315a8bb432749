"""Where numbers are delicate: kinks, ties, zeros, and logits so large that the textbook's formula overflows."""

import functools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tinygrad_edu import ops
from tinygrad_edu.autograd import grad
from tinygrad_edu.tensor import Tensor

# Kinks: one written rule each.


def slopes(op, *arrays, seed=1.0, **params):
    """dJ/dx for each array, with J = sum(seed * op(...))."""
    leaves = [Tensor(x, requires_grad=True, dtype=float) for x in arrays]
    y = op(*leaves, **params)
    y.backward(np.broadcast_to(seed, y.shape))
    return [leaf.grad.tolist() for leaf in leaves]


@pytest.mark.parametrize(
    "name, x, expected",
    [
        ("relu", [-1, 0, -0.0, 1], [0, 0, 0, 1]),
        ("leaky_relu", [-1, 0, -0.0, 1], [0.01, 0.01, 0.01, 1]),
        ("abs", [-2, 0, -0.0, 3], [-1, 0, 0, 1]),
        ("sign", [-2, 0, 3], [0, 0, 0]),
        ("max", [1, 3, 3, 2, 3], [0, 1 / 3, 1 / 3, 0, 1 / 3]),
        ("min", [1, 3, 1, 2], [0.5, 0, 0.5, 0]),
        ("max", [5, 5], [0.5, 0.5]),
    ],
)
def test_kinks_of_one_input(name, x, expected):
    assert slopes(ops.TABLE[name], x) == [expected]


def test_ties_share_along_an_axis():
    x = [[1, 1, 0], [2, 3, 3]]
    assert slopes(ops.max, x, axis=1, seed=[6, 8]) == [[[3, 3, 0], [0, 4, 4]]]
    assert slopes(ops.max, x, axis=0, keepdims=True) == [[[0, 0, 0], [1, 1, 1]]]
    assert slopes(ops.min, [[1, 1], [1, 1]]) == [[[0.25, 0.25], [0.25, 0.25]]]


def test_maximum_and_minimum_ties_go_half_and_half():
    assert slopes(ops.maximum, [1, 2, 3], [3, 2, 1]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert slopes(ops.minimum, [1, 2, 3], [3, 2, 1]) == [[1, 0.5, 0], [0, 0.5, 1]]
    assert slopes(ops.maximum, [[2.0], [1.0]], [2, 2]) == [[[1.0], [0]], [1.5, 1.5]]


def test_clip_passes_g_at_its_bounds():
    x, low, high = [-2, -1, 0, 1, 2], -1, 1
    assert slopes(ops.clip, x, low, high) == [[0, 1, 1, 1, 0], 1, 1]
    assert slopes(ops.clip, [0.0, 3], [1.0, 4.0], [-1.0, 2.0]) == [[0, 0], [0, 0], [1, 1]]  # low > high: y is high


def test_kinks_are_the_same_in_the_recorded_gradient():
    for op, x in ((ops.relu, [0.0]), (ops.abs, [0.0]), (ops.max, [2.0, 2.0]), (ops.leaky_relu, [0.0])):
        leaf = Tensor(x, requires_grad=True)
        gradient = grad(op(leaf), leaf, np.ones(op(leaf).shape), create_graph=True)
        assert gradient.tolist() == slopes(op, x)[0]


# Zeros


def test_powers_at_zero():
    assert slopes(lambda a: a**0, [0, 2]) == [[0, 0]]
    assert slopes(lambda a: a**1, [0, 2]) == [[1, 1]]
    assert slopes(lambda a: a**2, [0, -2]) == [[0, -4]]
    assert slopes(lambda a: a ** np.array([0.0, 3.0]), [0, -2]) == [[0, 12]]
    assert slopes(lambda b: 0.0**b, [1, 2]) == [[0, 0]]
    assert slopes(lambda b: 2**b, [0, 3]) == [[np.log(2), 8 * np.log(2)]]


def third(f, x):
    """f', f'' and f''' at x."""
    y, found = f(x), []
    for _ in range(3):
        y = grad(y, x, create_graph=True) if y.requires_grad else Tensor(0.0)
        found.append(y.item())
    return found


@pytest.mark.parametrize("n, expected", [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [0, 2, 0]), (3, [0, 0, 6]), (4, [0] * 3)])
def test_higher_derivatives_of_powers_at_zero(n, expected):
    assert third(lambda x: x**n, Tensor(0.0, requires_grad=True)) == expected
    assert third(lambda x: x ** float(n), Tensor(0.0, requires_grad=True)) == expected


@pytest.mark.parametrize(
    "op, a, b, mixed",
    [
        (ops.power, 3.0, 0.0, 1 / 3),  # a**(b-1) * (1 + b log a)
        (ops.power, 3.0, 2.0, 3 * (1 + 2 * np.log(3))),
        (ops.xlogy, 0.0, 2.0, 1 / 2),  # 1 / b
        (ops.xlogy, 3.0, 2.0, 1 / 2),
        (ops.divide, 0.0, 2.0, -1 / 4),
        (ops.multiply, 0.0, 0.0, 1.0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_mixed_second_derivatives_are_symmetric(op, a, b, mixed):
    for first, second in ((0, 1), (1, 0)):
        leaves = [Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)]
        slope = grad(op(*leaves), leaves[first], create_graph=True)
        assert_allclose(grad(slope, leaves[second]).item(), mixed, rtol=1e-14)


def test_zero_times_log_zero_is_zero():
    x, y = Tensor([0.0, 0.0, 2.0], requires_grad=True), Tensor([0.0, 3.0, 1.0], requires_grad=True)
    value = ops.xlogy(x, y)
    assert value.tolist() == [0, 0, 0]
    assert grad(value, y, np.ones(3)).tolist() == [0, 0, 2]


# Large logits: the reference is the textbook's formula in decimal arithmetic of 500 digits.


def exact(formula, *numbers):
    with localcontext() as context:
        context.prec = 500
        return float(formula(*(Decimal(float(x)) for x in numbers)))


exp = functools.cache(Decimal.exp)  # of few numbers, many times


def logistic(z):
    return 1 / (1 + exp(-z))


def softened(z):
    return (1 + exp(z)).ln()


def share(z, *row):
    return exp(z) / sum(map(exp, row))


LARGE = [-1000.0, -500.0, -88.0, -40.0, -20.0, -1e-3, 0.0, 1e-3, 1.0, 20.0, 36.0, 40.0, 88.0, 500.0, 1000.0]
PRECISE = pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-14), (np.float32, 1e-6)], ids=["float64", "float32"])
CALM = {"over": "raise", "invalid": "raise", "divide": "raise"}


def assert_exact(got, expected, dtype, rtol):
    """Relative accuracy, down to the smallest normal number of the dtype."""
    got = np.asarray(got)
    assert got.dtype == dtype and np.isfinite(got).all()
    assert_allclose(got, expected, rtol=rtol, atol=float(np.finfo(dtype).tiny))


@PRECISE
@pytest.mark.parametrize(
    "op, value, slope",
    [
        (ops.sigmoid, logistic, lambda z: logistic(z) * logistic(-z)),
        (ops.softplus, softened, logistic),
        (ops.tanh, lambda z: 1 - 2 / (exp(2 * z) + 1), None),
    ],
    ids=["sigmoid", "softplus", "tanh"],
)
def test_activations_of_large_logits(op, value, slope, dtype, rtol):
    z = Tensor(np.array(LARGE, dtype), requires_grad=True)
    with np.errstate(**CALM):
        y = op(z)
        y.backward(np.ones(y.shape))
    assert_exact(y.data, [exact(value, x) for x in z.data], dtype, rtol)
    if slope:
        expected = [exact(slope, x) for x in z.data]
        assert z.grad.dtype == dtype
        assert_allclose(z.grad.data, expected, rtol=rtol, atol=np.finfo(dtype).eps)
        few = z.data <= 0  # where no digits are lost in 1 - y, the slope is relatively exact too
        assert_exact(z.grad.data[few], np.array(expected)[few], dtype, 4 * rtol)


@pytest.mark.parametrize(
    "x", [-100, -100.0, np.array([-100, 3]), np.float64(-100), np.array([-100.0, 3], ">f8")], ids=repr
)
def test_activations_of_any_kind_of_number(x):
    for op, value in ((ops.sigmoid, logistic), (ops.softplus, softened)):
        assert_allclose(op(x), [exact(value, v) for v in np.ravel(x)] if np.ndim(x) else exact(value, x), rtol=1e-14)


ROWS_OF_LOGITS = [
    *[[0.0, 1.0, 2.0], [1000.0, 0.0, -1000.0], [1000.0, 1000.0, 1000.0], [-1000.0, -1000.0, -1000.0]],
    *[[1000.0, 999.0, 998.0], [-1000.0, -999.0, -1001.0], [40.0, 0.0, -40.0], [-40.0, -80.0, -81.0]],
]


@PRECISE
def test_softmax_family_of_large_logits(dtype, rtol):
    z = np.array(ROWS_OF_LOGITS, dtype)
    sums = [exact(lambda *v: sum(map(exp, v)).ln(), *row) for row in z]
    shares = [[exact(share, x, *row) for x in row] for row in z]
    logs = [[exact(lambda *v: share(*v).ln(), x, *row) for x in row] for row in z]
    lse = functools.partial(ops.logsumexp, axis=1)
    for op, expected in ((ops.softmax, shares), (ops.log_softmax, logs), (lse, sums)):
        leaf = Tensor(z, requires_grad=True)
        with np.errstate(**CALM):
            y = op(leaf)
            y.backward(np.ones(y.shape))
        assert np.isfinite(leaf.grad.data).all() and leaf.grad.dtype == dtype
        # log(1 + tiny) is tiny, and is rounded to 0 beside a 1: absolutely exact, not relatively
        loose = 0 if op is ops.softmax else np.finfo(dtype).eps
        assert y.dtype == dtype
        assert_allclose(y.data, expected, rtol=30 * rtol, atol=loose + np.finfo(dtype).tiny)
    assert_allclose(leaf.grad.data, shares, rtol=1000 * rtol, atol=np.finfo(dtype).eps)


@PRECISE
@pytest.mark.parametrize("t", [0.0, 1.0, 0.25])
def test_binary_cross_entropy_of_large_logits(t, dtype, rtol):
    z = Tensor(np.array(LARGE, dtype), requires_grad=True)
    with np.errstate(**CALM):
        losses = ops.bce_with_logits(z, np.full(z.shape, t, dtype), reduction="none")
        losses.backward(np.ones(z.shape))
    share = Decimal(t)
    expected = [exact(lambda x: share * softened(-x) + (1 - share) * softened(x), x) for x in z.data]
    assert_exact(losses.data, expected, dtype, 2 * rtol)
    slope = [exact(lambda x: logistic(x) - share, x) for x in z.data]
    assert_allclose(z.grad.data, slope, rtol=rtol, atol=np.finfo(dtype).eps)


def test_binary_cross_entropy_of_stretched_shapes_is_right_or_refused():
    z, t = Tensor([[1.0], [2.0], [-3.0]], requires_grad=True), np.array([0.0, 1.0])
    try:
        ops.bce_with_logits(z, t).backward()
    except ValueError:
        assert z.grad is None
    else:
        a = 1 / (1 + np.exp(-z.data))
        assert_allclose(z.grad.data, (a - t).sum(axis=1, keepdims=True) / 6, rtol=1e-14)


@PRECISE
def test_cross_entropy_of_large_logits(dtype, rtol):
    data = np.array(ROWS_OF_LOGITS, dtype)
    for label in range(3):
        z = Tensor(data, requires_grad=True)
        with np.errstate(**CALM):
            losses = ops.cross_entropy(z, np.full(len(data), label), reduction="none")
            losses.backward(np.ones(len(data)))
        expected = [exact(lambda *v: sum(map(exp, v)).ln() - v[label], *row) for row in data]  # noqa: B023
        assert losses.dtype == z.grad.dtype == dtype
        assert_allclose(losses.data, expected, rtol=30 * rtol, atol=np.finfo(dtype).eps)
        shares = Tensor(np.eye(3, dtype=dtype)[np.full(len(data), label)])
        assert_allclose(ops.cross_entropy(z, shares, reduction="none").data, losses.data, rtol=30 * rtol)
        assert_allclose(z.grad.data.sum(axis=1), 0, atol=4 * np.finfo(dtype).eps)
        assert np.isfinite(z.grad.data).all()


def test_infinite_logits_are_masks():
    x = Tensor([[0.0, -np.inf, 0.0], [1.0, 1.0, -np.inf]], requires_grad=True)
    y = ops.logsumexp(x, axis=1)
    y.backward(np.ones(2))
    assert_allclose(y.data, [np.log(2), 1 + np.log(2)], rtol=1e-15)
    for got in (x.grad.data, ops.softmax(x).data):
        assert_allclose(got, [[0.5, 0, 0.5], [0.5, 0.5, 0]], rtol=1e-15)


# The other functions of NumPy, at their kinks and at extreme values


@pytest.mark.parametrize(
    "f, x, expected",
    [
        (np.fabs, [-2, 0, 3], [-1, 0, 1]),
        (lambda x: np.hypot(x, 0 * x), [-2, 0, 3], [-1, 0, 1]),
        (lambda x: np.copysign(x, -1.0), [-2, 0, 3], [1, 0, -1]),
        (lambda x: np.heaviside(x, 0.5), [-1, 0, 1], [0, 0, 0]),
        (np.floor, [-1, 0, 0.5], [0, 0, 0]),
        (lambda x: x // 2, [-2, 0, 1], [0, 0, 0]),
        (lambda x: x % 2, [-2, 0, 1], [1, 1, 1]),
        (np.nan_to_num, [np.nan, np.inf, -np.inf, 1], [0, 0, 0, 1]),
        (np.sinc, [0, 1, 2], [0, -1, 0.5]),
        (np.sort, [3, 1, 2], [1, 1, 1]),
        (np.median, [5, 1, 9], [1, 0, 0]),
        (np.median, [5, 1, 9, 7], [0.5, 0, 0, 0.5]),
        (np.ptp, [1, 4, 4, 1], [-0.5, 0.5, 0.5, -0.5]),
        (lambda x: np.max(x, initial=4), [1, 4], [0, 0.5]),
        (lambda x: np.max(x, initial=5), [1, 4], [0, 0]),
        (np.nanmax, [np.nan, 2, 2], [0, 0.5, 0.5]),
        (np.nansum, [np.nan, 2], [0, 1]),
        (np.nanmedian, [np.nan, 4, 2], [0, 0.5, 0.5]),
        (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 3.0, 1.0]), [-1, 0, 0.5, 1, 2, 3], [0, 3, 3, -2, -2, 0]),
    ],
)
def test_kinks_of_numpy_s_functions(f, x, expected):
    assert_allclose(slopes(f, x)[0], expected, rtol=1e-14, atol=1e-15)


def test_fmax_and_fmin_pass_over_nan():
    a, b = [1.0, np.nan, 3.0, 2.0, np.nan], [2.0, 1.0, np.nan, 2.0, np.nan]
    assert slopes(np.fmax, a, b) == [[0, 0, 1, 0.5, 0], [1, 1, 0, 0.5, 0]]
    assert slopes(np.fmin, a, b) == [[1, 0, 1, 0.5, 0], [0, 1, 0, 0.5, 0]]


def test_the_first_of_equal_entries_sets_the_record():
    x, seed = [1.0, 3.0, 3.0, 2.0, 4.0], [1.0, 2.0, 4.0, 8.0, 16.0]
    assert slopes(np.maximum.accumulate, x, seed=seed) == [[1, 14, 0, 0, 16]]
    assert slopes(np.minimum.accumulate, x, seed=seed) == [[31, 0, 0, 0, 0]]


def test_clip_of_nan_and_the_heaviside_of_zero():
    assert slopes(np.heaviside, [0.0, 1.0], [0.5, 0.5]) == [[0, 0], [1, 0]]
    assert slopes(lambda x: np.clip(x, 0, a_max=1), [-1.0, 0.5, 2.0]) == [[0, 1, 0]]


@pytest.mark.parametrize("x", [[2.0, 3.0, 5.0], [0.0, 3.0, 5.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0]])
def test_products_with_zeros_are_exact_in_every_order(x):
    """Against polynomials: y = x0 x1 x2 has dy/dx0 = x1 x2, d2y/dx0dx1 = x2 and d3y/dx0dx1dx2 = 1."""
    n = len(x)
    for f in (np.prod, lambda t: np.cumprod(t)[-1]):
        t = Tensor(x, requires_grad=True)
        first = grad(f(t), t, create_graph=True)
        assert first.tolist() == [np.prod(np.delete(x, i)) for i in range(n)]
        for i in range(n):
            row = grad(first[i], t, create_graph=True, allow_unused=True) if n > 1 else None
            others = [0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(n)]
            assert row is None or row.tolist() == others
            if n == 3:
                third = grad(row[(i + 1) % 3], t)
                assert third.tolist() == [float(k == (i + 2) % 3) for k in range(3)]


def test_running_products_with_zeros():
    x, seed = np.array([2.0, 0.0, 3.0, 0.0, 5.0]), np.array([1.0, 10.0, 100.0, 1000.0, 10000.0])
    steps = [sum(seed[i] * np.prod(np.delete(x[: i + 1], k)) for i in range(k, 5)) for k in range(5)]
    assert slopes(np.cumprod, x, seed=seed) == [steps]


def test_logaddexp_of_large_and_of_no_numbers():
    with np.errstate(**CALM):
        assert slopes(np.logaddexp, [1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0]) == [[1, 0, 0.5], [0, 1, 0.5]]
        assert slopes(np.logaddexp, [-np.inf, -np.inf], [-np.inf, 0.0]) == [[0, 0], [0, 1]]
        assert slopes(np.logaddexp2, [-np.inf, 5000.0], [-np.inf, 0.0]) == [[0, 1], [0, 0]]
        assert_allclose(slopes(np.hypot, [3e200], [4e200]), [[0.6], [0.8]], rtol=1e-15)
        assert_allclose(slopes(np.hypot, [3e-200], [4e-200]), [[0.6], [0.8]], rtol=1e-15)
        assert_allclose(slopes(np.arctan2, [3e200], [4e200]), [[1.6e-201], [-1.2e-201]], rtol=1e-15)
        assert_allclose(slopes(np.arcsinh, [1e300]), [[1e-300]], rtol=1e-15)


def test_the_angle_of_the_origin_has_no_gradient():
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(slopes(np.arctan2, [0.0], [0.0])).all()


@pytest.mark.parametrize(
    "f, x", [(np.log, 0.0), (np.sqrt, 0.0), (np.cbrt, 0.0), (np.reciprocal, 0.0), (np.arctanh, 1.0)]
)
def test_infinite_slopes_warn_as_numpy_divides(f, x):
    with pytest.warns(RuntimeWarning, match="divide by zero|invalid value"):
        slope = slopes(f, [x])[0]
    assert not np.isfinite(slope).any()


def sinc_slopes(x):
    """The first two derivatives of sin(t)/t at t = pi x by the power series, in decimals."""
    with localcontext() as context:
        context.prec = 60
        t, pi = Decimal(x) * Decimal(math.pi), Decimal(math.pi)
        terms = [Decimal((-1) ** k) / math.factorial(2 * k + 1) for k in range(40)]
        first = sum(2 * k * c * t ** (2 * k - 1) for k, c in enumerate(terms) if k)
        second = sum(2 * k * (2 * k - 1) * c * (t ** (2 * k - 2) if k > 1 else 1) for k, c in enumerate(terms) if k)
        return float(first * pi), float(second * pi * pi)


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-8, 1e-3, 0.1, 0.159, 0.16, 0.5, -0.05])
def test_sinc_near_zero(x):
    t = Tensor(x, requires_grad=True)
    with np.errstate(**CALM):
        first = grad(np.sinc(t), t, create_graph=True)
        second = grad(first, t)
    assert_allclose([first.item(), second.item()], sinc_slopes(x), rtol=5e-14)


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arccosh", "arctanh", "log1p", "expm1", "sinh", "tan"])
def test_slopes_next_to_the_end_of_the_domain(name):
    """By the complex step, which takes no difference: f'(x) = Im f(x + ih) / h."""
    x = {"arccosh": 1 + 1e-12, "log1p": -1 + 1e-12, "sinh": 700.0, "expm1": 1e-12, "tan": 1.57}.get(name, 1 - 1e-12)
    f = getattr(np, name)
    h = 1e-12 * 1e-10
    assert_allclose(slopes(f, [x])[0][0], np.imag(f(complex(x, h))) / h, rtol=1e-9)
