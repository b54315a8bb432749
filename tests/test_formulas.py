"""The formulas by hand, against differences and HIPS autograd; and the wrong ones, which must disagree."""

import ast
import sys
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import difference_gradients, hips_gradients

import tinygrad_edu as tg
from tinygrad_edu.check import formulas
from tinygrad_edu.tensor import Tensor

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3)), RNG.standard_normal(2)

# The formulas that people write by hand

M, N, K = 5, 3, 2
layouts = pytest.mark.parametrize("layout", ["rows", "columns"])
conventions = pytest.mark.parametrize("in_dZ", [True, False], ids=["1/m in dZ", "1/m in dW"])


def arranged(layout, *arrays):
    """Arrays with examples in rows, in the layout that is asked for."""
    return arrays if layout == "rows" else [x.T.copy() for x in arrays]


def dense_arrays(layout, out=K):
    rng = np.random.default_rng(1)
    A_prev, W = rng.standard_normal((M, N)), rng.standard_normal((out, N))
    b = rng.standard_normal(out if layout == "rows" else (out, 1))
    return *arranged(layout, A_prev), W, b


def test_the_formulas_import_nothing_but_numpy():
    tree = ast.parse(Path(formulas.__file__).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(f"{'.' * node.level}{node.module or ''}")
        assert not (isinstance(node, ast.Name) and node.id in ("__import__", "importlib", "Tensor"))
    assert imported == {"__future__", "collections.abc", "dataclasses", "numpy", "typing"}
    assert not set(vars(formulas)) & {"tinygrad_edu", "tg", "ops", "autograd", "Tensor"}
    assert sys.modules["tinygrad_edu.check.formulas"] is formulas


@layouts
def test_forward_formulas_agree_with_their_definition(layout):
    A_prev, W, b = dense_arrays(layout)
    Z = formulas.dense(A_prev, W, b, layout)
    flip = (lambda x: x) if layout == "rows" else np.transpose
    rows = np.array([[flip(A_prev)[i] @ W[j] + b.ravel()[j] for j in range(K)] for i in range(M)])
    assert_allclose(flip(Z), rows, rtol=1e-13)
    assert_allclose(formulas.sigmoid(Z), np.exp(Z) / (1 + np.exp(Z)), rtol=1e-13)
    each = [np.exp(z) / np.exp(z).sum() for z in rows]
    assert_allclose(flip(formulas.softmax(Z, layout)), each, rtol=1e-13)
    assert_allclose(formulas.softmax(np.full((2, 2), 1000.0), layout), np.full((2, 2), 0.5))


def test_costs_agree_with_their_definition():
    A, Y = np.array([[0.2], [0.9]]), np.array([[0.0], [1.0]])
    assert_allclose(formulas.bce_cost(A, Y, 2), -(np.log(0.8) + np.log(0.9)) / 2)
    assert_allclose(formulas.bce_cost(A, Y), -(np.log(0.8) + np.log(0.9)))
    A, Y = np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([[0, 1], [0, 1]])
    assert_allclose(formulas.log_likelihood_cost(A, Y, 2), -(np.log(0.8) + np.log(0.1)) / 2)
    assert isinstance(formulas.bce_cost(A, Y), float)


@layouts
@conventions
def test_sigmoid_layer_by_hand_agrees_with_the_differences_of_its_own_cost(layout, in_dZ):
    A_prev, W, b = dense_arrays(layout)
    Y = arranged(layout, np.random.default_rng(2).integers(0, 2, (M, K)).astype(float))[0]

    def J_of_Z(Z):
        return formulas.bce_cost(formulas.sigmoid(Z), Y, M)

    def J(A_prev, W, b):
        return J_of_Z(formulas.dense(A_prev, W, b, layout))

    Z = formulas.dense(A_prev, W, b, layout)
    A = formulas.sigmoid(Z)
    dA = difference_gradients(lambda A: formulas.bce_cost(A, Y, M), [A])[0]
    assert_allclose(formulas.bce_dA(A, Y, M), dA, rtol=1e-6)
    last_layer_agrees(formulas.sigmoid_bce_dZ, J, J_of_Z, (A_prev, W, b), Z, A, Y, layout, in_dZ)
    slope = formulas.activation_slope(A, "sigmoid")
    assert_allclose(formulas.bce_dA(A, Y, M) * slope, formulas.sigmoid_bce_dZ(A, Y, M), rtol=1e-12)


@layouts
@conventions
def test_softmax_layer_by_hand_agrees_with_the_differences_of_its_own_cost(layout, in_dZ):
    A_prev, W, b = dense_arrays(layout, out=4)
    Y = arranged(layout, np.random.default_rng(2).dirichlet(np.ones(4), M))[0]

    def J_of_Z(Z):
        return formulas.log_likelihood_cost(formulas.softmax(Z, layout), Y, M)

    def J(A_prev, W, b):
        return J_of_Z(formulas.dense(A_prev, W, b, layout))

    Z = formulas.dense(A_prev, W, b, layout)
    A = formulas.softmax(Z, layout)
    last_layer_agrees(formulas.softmax_log_likelihood_dZ, J, J_of_Z, (A_prev, W, b), Z, A, Y, layout, in_dZ)


def last_layer_agrees(dZ_formula, J, J_of_Z, inputs, Z, A, Y, layout, in_dZ):
    """dZ, dW, db and dA_prev against differences; the 1/m goes into dZ or into dW and db."""
    A_prev, W, _ = inputs
    dA_prev, dW, db = difference_gradients(J, list(inputs))
    dJ_dZ = difference_gradients(J_of_Z, [Z])[0]
    dZ = dZ_formula(A, Y, M) if in_dZ else dZ_formula(A, Y)
    m = 1 if in_dZ else M
    assert_allclose(dZ / m, dJ_dZ, rtol=1e-7, atol=1e-10)
    assert_allclose(formulas.dense_dW(dZ, A_prev, layout, m), dW, rtol=1e-7, atol=1e-10)
    assert_allclose(formulas.dense_db(dZ, layout, m), db, rtol=1e-7, atol=1e-10)
    assert formulas.dense_db(dZ, layout, m).shape == db.shape
    assert_allclose(formulas.dense_dA_prev(dZ, W, layout) / m, dA_prev, rtol=1e-7, atol=1e-10)


ACTIVATIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0) + 0.01 * np.minimum(z, 0),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_of_hidden_activations_agree_with_differences(activation):
    f, z = ACTIVATIONS[activation], np.array([[-2.0, -0.3], [0.4, 3.0]])
    slopes = difference_gradients(lambda z: np.sum(f(z)), [z])[0]
    assert_allclose(formulas.activation_slope(f(z), activation), slopes, rtol=1e-8, atol=1e-12)
    assert_allclose(formulas.activate(z, activation), f(z), rtol=1e-14)
    dA = np.array([[2.0, -1.0], [0.5, 3.0]])
    assert_allclose(formulas.hidden_dZ(dA, f(z), activation), dA * slopes, rtol=1e-8, atol=1e-12)


def test_the_slope_at_a_kink_is_that_of_the_engine():
    for activation in ("relu", "leaky_relu"):
        z = Tensor(np.zeros(1), requires_grad=True)
        (slope,) = tg.autograd.grad(getattr(tg, activation)(z), [z])
        assert formulas.activation_slope(np.zeros(1), activation) == slope.item()


@layouts
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_layer_by_hand_agrees_with_the_differences_of_its_own_cost(layout, activation):
    X, W1, b1 = dense_arrays(layout, out=4)
    rng = np.random.default_rng(3)
    W2, b2 = rng.standard_normal((1, 4)), np.zeros(1 if layout == "rows" else (1, 1))
    Y = arranged(layout, rng.integers(0, 2, (M, 1)).astype(float))[0]
    f = ACTIVATIONS[activation]

    def J(X, W1, b1):
        Z2 = formulas.dense(f(formulas.dense(X, W1, b1, layout)), W2, b2, layout)
        return formulas.bce_cost(formulas.sigmoid(Z2), Y, M)

    A1 = f(formulas.dense(X, W1, b1, layout))
    dZ2 = formulas.sigmoid_bce_dZ(formulas.sigmoid(formulas.dense(A1, W2, b2, layout)), Y, M)
    dZ1 = formulas.dense_dA_prev(dZ2, W2, layout) * formulas.activation_slope(A1, activation)
    by_hand = (
        formulas.dense_dA_prev(dZ1, W1, layout),
        formulas.dense_dW(dZ1, X, layout),
        formulas.dense_db(dZ1, layout),
    )
    for ours, theirs in zip(by_hand, difference_gradients(J, [X, W1, b1]), strict=True):
        assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)


@conventions
def test_the_formulas_agree_with_the_engine(in_dZ):
    A_prev, W, b = dense_arrays("rows")
    Y = np.random.default_rng(2).integers(0, 2, (M, K)).astype(float)
    A_prev, W, b = (Tensor(x, requires_grad=True) for x in (A_prev, W, b))
    Z = tg.linear(A_prev, W, b)
    dA_prev, dW, db = tg.autograd.grad(tg.binary_cross_entropy_with_logits(Z, Y) * K, [A_prev, W, b])
    A, m = formulas.sigmoid(Z.numpy()), 1 if in_dZ else M
    dZ = formulas.sigmoid_bce_dZ(A, Y, M) if in_dZ else formulas.sigmoid_bce_dZ(A, Y)
    assert_allclose(formulas.dense_dW(dZ, A_prev.numpy(), m=m), dW.numpy(), rtol=1e-12, atol=1e-16)
    assert_allclose(formulas.dense_db(dZ, m=m), db.numpy(), rtol=1e-12, atol=1e-16)
    assert_allclose(formulas.dense_dA_prev(dZ, W.numpy()) / m, dA_prev.numpy(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    "call",
    [
        lambda layout: formulas.dense(X, W, B, layout),
        lambda layout: formulas.softmax(X, layout),
        lambda layout: formulas.dense_dW(X, X, layout),
        lambda layout: formulas.dense_db(X, layout),
        lambda layout: formulas.dense_dA_prev(X, X, layout),
    ],
)
def test_an_unknown_layout_is_refused(call):
    with pytest.raises(ValueError, match=r"formulas: layout must be 'rows' or 'columns'; got 'row'"):
        call("row")


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match=r"activation_slope: activation must be one of sigmoid, .*, softplus; got"):
        formulas.activation_slope(X, "gelu")
    with pytest.raises(ValueError, match=r"activate: activation must be one of sigmoid, tanh, .*; got 'gelu'"):
        formulas.activate(X, "gelu")


# The pairs


def softmax(Z, axis):
    E = anp.exp(Z)
    return E / anp.sum(E, axis=axis, keepdims=True)


def sigmoid(Z, axis):
    return 1 / (1 + anp.exp(-Z))


ORACLES = {
    "sigmoid-bce": (sigmoid, lambda A, Y: -(Y * anp.log(A) + (1 - Y) * anp.log(1 - A))),
    "softmax-nll": (softmax, lambda A, Y: -Y * anp.log(A)),
    "linear-mse": (lambda Z, axis: Z, lambda A, Y: (A - Y) ** 2),
    "linear-mse-half": (lambda Z, axis: Z, lambda A, Y: (A - Y) ** 2 / 2),
    "sigmoid-mse": (sigmoid, lambda A, Y: (A - Y) ** 2),
    "tanh-mse": (lambda Z, axis: anp.tanh(Z), lambda A, Y: (A - Y) ** 2),
    "exp-poisson": (lambda Z, axis: anp.exp(Z), lambda A, Y: A - Y * anp.log(A)),
}
pairs = pytest.mark.parametrize("pair", formulas.PAIRS.values(), ids=formulas.PAIRS)


def pair_targets(pair):
    rng = np.random.default_rng(2)
    if pair.name == "softmax-nll":
        return rng.dirichlet(np.ones(4), M)
    return rng.poisson(2, (M, 4)).astype(float) if pair.name == "exp-poisson" else rng.uniform(0, 1, (M, 4))


def test_every_pair_has_its_oracle():
    assert list(formulas.PAIRS) == list(ORACLES)
    assert {name for name, pair in formulas.PAIRS.items() if not pair.cancels} == {"sigmoid-mse", "tanh-mse"}
    for name, pair in formulas.PAIRS.items():
        assert pair.name == name
        assert set(pair.text) == {"A", "J", "dJ/dA", "dJ/dZ"}


@layouts
@conventions
@pairs
def test_every_pair_agrees_with_hips_autograd(pair, layout, in_dZ):
    A_prev, W, b = dense_arrays(layout, out=4)
    (Y,) = arranged(layout, pair_targets(pair))
    activation, losses = ORACLES[pair.name]

    def J_of_A(A):
        return anp.sum(losses(A, Y)) / M

    def J_of_Z(Z):
        return J_of_A(activation(Z, 1 if layout == "rows" else 0))

    def J(A_prev, W, b):
        return J_of_Z(A_prev @ W.T + b if layout == "rows" else W @ A_prev + b)

    Z = formulas.dense(A_prev, W, b, layout)
    A = pair.activation(Z, layout)
    assert_allclose(A, activation(Z, 1 if layout == "rows" else 0), rtol=1e-13)
    assert_allclose(pair.cost(A, Y, M), J_of_Z(Z), rtol=1e-13)
    assert isinstance(pair.cost(A, Y, M), float)
    m_in_dZ, m_in_dW = (M, 1) if in_dZ else (1, M)
    dA, dZ = pair.dA(A, Y, m_in_dZ), pair.dZ(A, Y, m_in_dZ)
    assert_allclose(dA / m_in_dW, hips_gradients(J_of_A, [A])[0], rtol=1e-11)
    assert_allclose(dZ / m_in_dW, hips_gradients(J_of_Z, [Z])[0], rtol=1e-11, atol=1e-15)
    dA_prev, dW, db = hips_gradients(J, [A_prev, W, b])
    assert_allclose(formulas.dense_dW(dZ, A_prev, layout, m_in_dW), dW, rtol=1e-11, atol=1e-14)
    assert_allclose(formulas.dense_db(dZ, layout, m_in_dW), db, rtol=1e-11, atol=1e-14)
    assert_allclose(formulas.dense_dA_prev(dZ, W, layout) / m_in_dW, dA_prev, rtol=1e-11, atol=1e-14)


@layouts
@pairs
def test_dZ_is_dA_times_the_slope_of_the_activation(pair, layout):
    (Z,) = arranged(layout, np.random.default_rng(3).standard_normal((M, 4)))
    (Y,) = arranged(layout, pair_targets(pair))
    A = pair.activation(Z, layout)
    slopes = {"sigmoid": A * (1 - A), "linear": 1, "tanh": 1 - A * A, "exp": A}
    dA, activation = pair.dA(A, Y, M), pair.name.split("-")[0]
    dZ = formulas.softmax_dZ(dA, A, layout) if activation == "softmax" else dA * slopes[activation]
    assert_allclose(pair.dZ(A, Y, M), dZ, rtol=1e-11, atol=1e-15)


@layouts
def test_softmax_for_targets_that_do_not_sum_to_one(layout):
    Z, Y = arranged(layout, RNG.standard_normal((M, 4)), RNG.uniform(0, 1, (M, 4)))
    A = formulas.softmax(Z, layout)

    def J(Z):
        return -anp.sum(Y * anp.log(softmax(Z, 1 if layout == "rows" else 0))) / M

    (dZ,) = hips_gradients(J, [Z])
    assert_allclose(formulas.softmax_any_targets_dZ(A, Y, M, layout), dZ, rtol=1e-11, atol=1e-15)
    assert not np.allclose(formulas.softmax_log_likelihood_dZ(A, Y, M), dZ)


@layouts
def test_one_hot_targets_follow_the_layout(layout):
    (Y,) = arranged(layout, np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    assert_array_equal(formulas.one_hot(np.array([2, 0]), 3, layout), Y)


def test_the_penalty_agrees_with_its_differences():
    assert_allclose(formulas.l2_cost(np.array([[1.0, 2.0]]), 0.6, 3), 0.5)
    (dW,) = difference_gradients(lambda W: formulas.l2_cost(W, 0.7, M), [W])
    assert_allclose(formulas.l2_dW(W, 0.7, M), dW, rtol=1e-9)


# Wrong


def wrong_and_right(name, layout):
    """A wrong formula and the right one on a batch of a network with two layers, in general position."""
    X, W1, b1 = dense_arrays(layout, out=4)
    W2, b2 = RNG.standard_normal((4, 4)), np.zeros(4 if layout == "rows" else (4, 1))
    A1 = np.tanh(formulas.dense(X, W1, b1, layout))
    Z2 = formulas.dense(A1, W2, b2, layout)
    A2, P = formulas.sigmoid(Z2), formulas.softmax(Z2, layout)
    (Y,) = arranged(layout, np.eye(4)[[0, 3, 1, 1, 2]])
    dZ2 = formulas.sigmoid_bce_dZ(A2, Y, M)
    dZ1 = formulas.hidden_dZ(formulas.dense_dA_prev(dZ2, W2, layout), A1, "tanh")
    wrong = formulas.WRONG[name].function
    return {
        "wrong_dA_as_dZ": lambda: (wrong(A2, Y, M), dZ2),
        "wrong_softmax_without_off_diagonal": lambda: (wrong(P, Y, M), formulas.softmax_log_likelihood_dZ(P, Y, M)),
        "wrong_squared_error_without_slope": lambda: (wrong(A2, Y, M), formulas.sigmoid_squared_error_dZ(A2, Y, M)),
        "wrong_W_at_last_layer": lambda: (wrong(A2, Y, W2, layout, M), dZ2),
        "wrong_A_minus_Y_in_hidden_layer": lambda: (wrong(A1, Y, M), dZ1),
        "wrong_hidden_without_slope": lambda: (wrong(dZ2, W2, layout), dZ1),
        "wrong_dW_without_A_prev": lambda: (wrong(dZ1, X, layout), formulas.dense_dW(dZ1, X, layout)),
        "wrong_dW_with_A": lambda: (wrong(dZ2, A2, layout), formulas.dense_dW(dZ2, A1, layout)),
        "wrong_one_over_m_twice": lambda: (wrong(A2, Y, A1, layout, M), formulas.dense_dW(dZ2, A1, layout)),
    }[name]()


@layouts
@pytest.mark.parametrize("name", formulas.WRONG)
def test_every_wrong_formula_disagrees(name, layout):
    wrong, right = wrong_and_right(name, layout)
    assert wrong.shape == right.shape
    assert np.max(np.abs(wrong - right)) > 0.02
    assert formulas.WRONG[name].function.__name__ == name


def test_no_wrong_formula_is_called_a_mistake_for_its_place_of_the_1_over_m():
    """Both conventions are right, and agree; only 1/m in both places is wrong, and not where m is 1."""
    A, Y, A_prev = RNG.uniform(0.2, 0.8, (M, 2)), np.ones((M, 2)), RNG.standard_normal((M, 3))
    one, other = formulas.sigmoid_bce_dZ(A, Y, M), formulas.sigmoid_bce_dZ(A, Y)
    assert_allclose(formulas.dense_dW(one, A_prev), formulas.dense_dW(other, A_prev, m=M), rtol=1e-13)
    twice = formulas.wrong_one_over_m_twice(A, Y, A_prev, "rows", M)
    assert_allclose(twice * M, formulas.dense_dW(one, A_prev), rtol=1e-13)
    assert_allclose(formulas.wrong_one_over_m_twice(A, Y, A_prev, "rows", 1), formulas.dense_dW(other, A_prev))


def test_where_wrong_formulas_agree_by_accident():
    """What `agrees` of each says, on numbers."""
    A, Y = RNG.uniform(0.2, 0.8, (M, 3)), np.eye(3)[[0, 1, 2, 1, 0]]
    P = formulas.softmax(RNG.standard_normal((M, 3)))
    true_class = Y == 1
    wrong, right = formulas.wrong_softmax_without_off_diagonal(P, Y), formulas.softmax_log_likelihood_dZ(P, Y)
    assert_allclose(wrong[true_class], right[true_class], rtol=1e-14)
    assert_allclose(right[~true_class] - wrong[~true_class], P[~true_class], rtol=1e-14)
    assert_allclose(wrong, P * (1 - P) * formulas.log_likelihood_dA(P, Y), rtol=1e-13)  # the diagonal terms alone
    assert not formulas.wrong_dA_as_dZ(A, A).any()
    assert not formulas.wrong_squared_error_without_slope(A, A).any()
    assert_array_equal(formulas.wrong_W_at_last_layer(A, Y, np.eye(3), "rows"), A - Y)
    ones = np.ones((M, 2))
    assert_allclose(formulas.wrong_dW_without_A_prev(A, ones), formulas.dense_dW(A, ones), rtol=1e-14)
    assert_allclose(formulas.wrong_dW_without_A_prev(A, 5 * ones)[:, 0], formulas.dense_db(A), rtol=1e-14)
    assert_array_equal(formulas.wrong_dW_with_A(A - Y, A), formulas.dense_dW(A - Y, A))
    dZ, W, positive = RNG.standard_normal((M, 2)), RNG.standard_normal((2, 3)), np.abs(A)
    by_hand = formulas.hidden_dZ(formulas.dense_dA_prev(dZ, W), positive, "relu")
    assert_array_equal(formulas.wrong_hidden_without_slope(dZ, W), by_hand)
    above = formulas.dense_dA_prev(formulas.linear_half_squared_error_dZ(A, Y), np.eye(3))
    assert_array_equal(formulas.wrong_A_minus_Y_in_hidden_layer(A, Y), above)
