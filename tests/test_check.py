"""gradcheck: right where the gradient is right, and able to fail where it is not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import difference_gradients

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.check import GradCheck, gradcheck
from tinygrad_edu.ops import Op
from tinygrad_edu.tensor import Tensor

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3)), RNG.standard_normal(2)
P = RNG.uniform(0.2, 0.8, (4, 3))

FUNCTIONS = {
    "exp": (np.exp, X),
    "polynomial": (lambda x: x**3 - 2 * x * x + 1, X),
    "linear": (tg.linear, X, W, B),
    "broadcast": (lambda a, b: a * b + b, X, B[:1]),
    "product": (lambda a, b: a @ b.T, X, W),
    "composed": (lambda x, w, b: np.sum(np.tanh(x @ w.T + b) ** 2), X, W, B),
    "sigmoid": (tg.sigmoid, X),
    "softmax": (tg.softmax, X),
    "cross_entropy": (lambda z: tg.cross_entropy(z, [0, 1, 2, 1]), X),
    "cross_entropy_rows": (tg.cross_entropy, X, P),
    "bce": (tg.binary_cross_entropy, P, np.array(P.T.reshape(4, 3))),
    "bce_with_logits": (tg.binary_cross_entropy_with_logits, X, P),
    "std": (lambda x: x.std(axis=0), X),
    "scalar": (lambda a: a * a, np.array(3.0)),
    "not used": (lambda a, b: a * 2, X, B),
    "size 0": (lambda x: np.exp(x).sum(), np.ones((0, 3))),
}
functions = pytest.mark.parametrize(("function", "inputs"), [(f, x) for f, *x in FUNCTIONS.values()], ids=FUNCTIONS)

# Gradients against differences


@functions
def test_gradcheck_passes_what_is_right(function, inputs):
    report = gradcheck(function, *inputs)
    assert report
    assert report.ok
    assert not report.wrong
    assert not report.kinks
    assert len(report.entries) == sum(x.size for x in inputs)
    assert str(report).startswith(f"gradcheck: 0 of {len(report.entries)} entries wrong, 0 at a kink; largest error ")


@functions
def test_gradcheck_passes_what_is_right_in_float32(function, inputs):
    assert gradcheck(function, *(x.astype(np.float32) for x in inputs))


def test_gradcheck_chooses_its_step_by_the_coarsest_dtype():
    double, single = gradcheck(np.exp, X), gradcheck(np.exp, X.astype(np.float32))
    assert double.tolerance == 1e-6
    assert single.tolerance == 1e-2
    assert gradcheck(tg.linear, X, W.astype(np.float32)).tolerance == single.tolerance
    assert gradcheck(lambda x: x.astype(np.float32) * 1, X).tolerance == single.tolerance


def test_gradcheck_takes_a_step_and_a_tolerance():
    seen = []

    def function(x):
        seen.append(x.item())
        return np.exp(x)

    report = gradcheck(function, np.array(0.5), step=0.1, tolerance=0.01)
    assert report
    assert report.tolerance == 0.01
    assert max(seen) == pytest.approx(0.6)
    assert min(seen) == pytest.approx(0.4)
    slightly_wrong = Op(np.exp, lambda g, y, x: g * y * (1 + 1e-5), name="slightly_wrong")
    assert gradcheck(slightly_wrong, X, tolerance=1e-3)
    assert not gradcheck(slightly_wrong, X)


def test_gradcheck_is_given_tensors_and_changes_nothing():
    x, w = Tensor(X, requires_grad=True, name="x"), W.copy()
    x.grad = Tensor(np.ones(X.shape))
    report = gradcheck(lambda x, w: x @ w.T, x, w)
    assert_array_equal(x.numpy(), X)
    assert_array_equal(x.grad.numpy(), np.ones(X.shape))
    assert_array_equal(w, W)
    assert {entry.tensor for entry in report.entries} == {"x", "input 1"}


def test_gradcheck_of_a_network_in_all_its_parameters():
    model = nn.MLP([3, 4, 1], activation=nn.ReLU, rng=np.random.default_rng(0))

    def J(W1, b1, W2, b2):
        return tg.binary_cross_entropy_with_logits(tg.linear(tg.relu(tg.linear(X, W1, b1)), W2, b2), P[:, :1])

    report = gradcheck(J, *model.parameters())
    assert report
    assert {entry.tensor for entry in report.entries} == {"W1", "b1", "W2", "b2"}


# Steep, small beside what it is added to, many entries: right, though plain differences are coarse there.
HARD = {
    "log": (np.log, [0.05, 0.01]),
    "sqrt": (np.sqrt, [0.01]),
    "reciprocal": (lambda x: 1 / x, [0.02]),
    "steep": (lambda x: np.exp(30 * x), [0.5]),
    "wave": (lambda x: np.sin(30 * x), [0.5]),
    "flat": (lambda x: x**3, [1e-3, 0.0]),
    "cross-entropy of a small probability": (lambda a: tg.binary_cross_entropy(a, [1.0, 0.0]), [0.02, 0.98]),
    "small beside a constant": (lambda x: x + 1000, [1.0]),
    "small beside another": (lambda x: np.sum(x * [1.0, 1e4]), [1.0, 1.0]),
    "large": (np.square, [1e6]),
    "many": (lambda x: np.square(x).sum(), np.random.default_rng(1).standard_normal(900)),
}


@pytest.mark.parametrize(("function", "x"), HARD.values(), ids=HARD)
def test_gradcheck_raises_no_false_alarm(function, x):
    report = gradcheck(function, np.array(x))
    assert report, str(report)


@pytest.mark.parametrize(("function", "x"), HARD.values(), ids=HARD)
@pytest.mark.parametrize("factor", [1.001, 0.999, -1, 0])
def test_gradcheck_misses_no_error_there_either(function, x, factor):
    """A gradient is scaled on its way; where it is 0, no factor makes it wrong."""
    scaled = Op(lambda x: x, lambda g, y, x: g * factor, name="scaled")
    report = gradcheck(lambda x: function(scaled(x)), np.array(x))
    assert len(report.wrong) == sum(abs(entry.difference) > 1e-9 for entry in report.entries), str(report)


# Kinks

KINKS = {
    "relu": (tg.relu, [0.0]),
    "leaky_relu": (tg.leaky_relu, [0.0]),
    "abs": (np.abs, [0.0]),
    "maximum": (np.maximum, [2.0], [2.0]),
    "minimum": (np.minimum, [2.0], [2.0]),
    "max": (lambda x: x.max(), [2.0, 2.0]),
    "clip": (lambda x: x.clip(-1, 1), [1.0]),
}


@pytest.mark.parametrize(("function", "inputs"), [(f, x) for f, *x in KINKS.values()], ids=KINKS)
def test_gradcheck_reports_kinks_as_kinks(function, inputs):
    inputs = [np.array(x) for x in inputs]
    report = gradcheck(function, *inputs)
    assert report.ok
    assert len(report.kinks) == len(report.entries) == sum(x.size for x in inputs)
    assert f"{len(report.kinks)} at a kink" in str(report)
    assert "kink" in str(report).splitlines()[-1]


@pytest.mark.parametrize("function", [tg.relu, np.abs])
@pytest.mark.parametrize("x", [1e-7, -1e-7, 1e-6, 2e-6, 4e-6, -4e-6, 1e-5, -1e-5])
def test_gradcheck_near_a_kink_calls_nothing_wrong(function, x):
    """The kink lies within the step, but not at x: the gradient there is right."""
    report = gradcheck(function, np.array([x]))
    assert report, str(report)


def test_only_the_entry_at_the_kink_is_one():
    report = gradcheck(tg.relu, np.array([[1.0, 0.0], [-1.0, 2.0]]))
    assert [entry.index for entry in report.kinks] == [(0, 1)]


def test_a_wrong_gradient_beside_a_kink_is_wrong():
    half = Op(lambda x: np.maximum(x, 0), lambda g, y, x: g * (x > 0) / 2, name="half")
    report = gradcheck(half, np.array([0.0, 1.0]))
    assert [entry.index for entry in report.wrong] == [(1,)]


def test_a_gradient_outside_of_both_slopes_of_a_kink_is_wrong():
    """Between the slopes 0 and 1 every number may be called the derivative of relu at 0; 5 may not."""
    steep = Op(lambda x: np.maximum(x, 0), lambda g, y, x: g * (1 + 4 * (x == 0)), name="steep")
    assert not gradcheck(steep, np.array([0.0, 1.0]))


# What is wrong


@pytest.mark.parametrize("function", [np.exp, np.square, np.sin, np.tanh])
def test_gradcheck_fails_a_rule_that_is_wrong_by_a_thousandth(function):
    right = np.vectorize(lambda x: difference_gradients(function, [np.array(x)])[0])
    wrong = Op(function, lambda g, y, x: g * right(x) * 1.001, name="wrong")
    exact = Op(function, lambda g, y, x: g * right(x), name="exact")
    assert gradcheck(exact, X)
    report = gradcheck(wrong, X)
    assert not report
    assert len(report.wrong) == X.size


def test_gradcheck_fails_one_wrong_entry_among_many():
    wrong = Op(np.square, lambda g, y, x: 2 * g * x * (1 + 1e-3 * (np.arange(x.size) == 7)), name="wrong")
    report = gradcheck(wrong, np.linspace(1, 2, 20))
    assert [entry.index for entry in report.wrong] == [(7,)]


def test_gradcheck_fails_a_transposed_gradient():
    """Of a square matrix: no shape gives it away."""
    square = Op(
        lambda x, w: x @ w.T,
        lambda g, y, x, w: g @ w,
        lambda g, y, x, w: x.T @ g,  # transposed: it is g.T @ x
        name="square",
    )
    report = gradcheck(square, X, RNG.standard_normal((3, 3)))
    assert {entry.tensor for entry in report.wrong} == {"input 1"}
    assert gradcheck(Op(square.forward, square.rules[0], lambda g, y, x, w: g.T @ x, name="square"), X, W)


def test_a_transposed_gradient_that_is_not_square_is_refused():
    transposed = Op(lambda x, w: x @ w.T, None, lambda g, y, x, w: x.T @ g, name="transposed")
    with pytest.raises(
        ValueError, match=r"transposed: a rule must return a gradient of the shape .*\(2, 3\).*\(3, 2\)"
    ):
        gradcheck(lambda w: transposed(X, w), W)


def test_gradcheck_finds_a_factor_of_m():
    """dW with 1/m forgotten, and dW with it twice."""
    for factor in (4, 1 / 4):
        rule = Op(lambda z: np.mean(z, 0), lambda g, y, z, k=factor: np.broadcast_to(g / 4 * k, z.shape), name="rule")
        assert len(gradcheck(rule, X).wrong) == X.size


def test_gradcheck_finds_a_gradient_that_is_not_finite():
    broken = Op(np.square, lambda g, y, x: g * np.nan, name="broken")
    assert len(gradcheck(broken, B).wrong) == B.size


def test_gradcheck_finds_an_input_that_is_cut_off():
    report = gradcheck(lambda a, b: a.sum() * float(b.sum()), X, B)
    assert {entry.tensor for entry in report.wrong} == {"input 1"}
    assert {entry.gradient for entry in report.wrong} == {0.0}


def test_the_table_names_input_entry_and_error():
    wrong = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a * [1, 1, 1.5], name="wrong")
    report = gradcheck(
        lambda a, b: wrong(a, b).sum(), Tensor([1.0, 2.0, 4.0], name="velocity"), Tensor(np.ones(3), name="mass")
    )
    (entry,) = report.wrong
    assert (entry.tensor, entry.index, entry.verdict) == ("mass", (2,), "WRONG")
    assert_allclose((entry.gradient, entry.difference, entry.error), (6, 4, 2), rtol=1e-8)
    head, titles, *rows = str(report).splitlines()
    assert head == "gradcheck: 1 of 6 entries wrong, 0 at a kink; largest error 2.0e+00, tolerance 1e-06"
    assert titles.split() == ["input", "entry", "autograd", "difference", "error", "verdict"]
    assert [row.split() for row in rows] == [["mass", "(2,)", "6", "4", "2.0e+00", "WRONG"]]


def test_the_table_shows_the_largest_errors_first_and_not_too_many():
    wrong = Op(np.square, lambda g, y, x: 2 * g * x + np.arange(x.size), name="wrong")
    report = gradcheck(lambda x: wrong(x).sum(), np.ones(50))
    rows = str(report).splitlines()[2:]
    assert len(report.wrong) == 49
    assert [row.split()[2] for row in rows[:3]] == ["(49,)", "(48,)", "(47,)"]
    assert len(rows) <= 25


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_gradcheck_does_not_depend_on_the_unit(scale):
    right = Op(lambda x: scale * x * x, lambda g, y, x: g * 2 * scale * x, name="right")
    wrong = Op(lambda x: scale * x * x, lambda g, y, x: g * 3 * scale * x, name="wrong")
    assert gradcheck(right, B)
    assert not gradcheck(wrong, B)


# What cannot be checked


@pytest.mark.parametrize("x", [np.arange(3), [True, False], Tensor([1, 2]), np.array([1j])])
def test_gradcheck_refuses_inputs_that_are_not_floats(x):
    with pytest.raises(TypeError, match=r"gradcheck: inputs must be floats; got (int64|bool|complex128) for input 1"):
        gradcheck(lambda a, b: a * b, B, x)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda x: float(x.sum()), "float"),
        (lambda x: x.sum().item(), "float"),
        (lambda x: x.numpy().sum(), "float64"),
        (lambda x: x.detach() * 2, "Tensor"),
        (lambda x: tg.no_grad()(np.exp)(x), "Tensor"),
        (lambda x: None, "NoneType"),
        (lambda x: (x, x), "tuple"),
    ],
)
def test_gradcheck_refuses_a_result_that_is_cut_off(function, got):
    message = rf"gradcheck: the function must return a Tensor that depends on its inputs; got {got}\. float\(\)"
    with pytest.raises(TypeError, match=message):
        gradcheck(function, B)


def test_gradcheck_refuses_a_function_that_rolls_dice():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"gradcheck: the function must give one value for the same inputs; got"):
        gradcheck(lambda x: tg.dropout(x, 0.5, rng), np.ones(50))
    assert gradcheck(lambda x: tg.dropout(x, 0.5, np.random.default_rng(0)), np.ones(50))


def test_the_report_can_be_read_by_a_program():
    report = gradcheck(np.exp, B)
    assert isinstance(report, GradCheck)
    for entry in report.entries:
        assert entry.verdict == "right"
        assert entry.error == abs(entry.gradient - entry.difference)
