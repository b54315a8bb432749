"""Graphs as people write them in plain NumPy: derivation and source in the words of the textbook, and true."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.graph import Graph
from tinygrad_edu.read.derive import derive
from tinygrad_edu.read.derive.mathematics import text
from tinygrad_edu.read.source import source
from tinygrad_edu.tensor import Tensor


def parameter(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def data(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def derived(J, wrt, names):
    """The result of a derivation of which every line is true."""
    derivation = derive(J, wrt=wrt, names=names)
    report = derivation.check()
    assert report, str(report)
    return derivation


def written(J, names, layout=None, **others):
    """The lines of a program, by what they compute; for these data and for `others` it does what autograd does."""
    program = source(J, names=names, layout=layout)
    value, gradients = program()
    J.backward()
    assert abs(value - J.item()) < 1e-12
    for name, x in names.items():
        if isinstance(x, Tensor) and x.requires_grad and not x.inputs:
            g = gradients[f"d{name}"]
            np.testing.assert_allclose(g.reshape(x.shape), x.grad.numpy(), rtol=1e-10, atol=1e-12)
    lines = [line.split("  #")[0].strip() for line in str(program).splitlines() if line.startswith("    ")]
    return dict(line.split(" = ", 1) for line in lines if " = " in line), program


def layer(m=6, seed=0):
    X, W, b = data(m, 3), parameter(2, 3, seed=seed), parameter(2, seed=seed + 1)
    return X, W, b, X @ W.T + b


# Products


def test_a_layer_is_one_step_of_a_derivation():
    X, W, b, Z = layer()
    J = np.mean(Z**2)
    derivation = derived(J, W, locals())
    assert "from Z to W\n  Z = X @ W.T + b\n  Z_ij = sum_k (W_jk*X_ik) + b_j" in str(derivation)
    assert text(derivation.result) == "dJ/dW = (dJ/dZ).T @ X"
    assert derivation.result.note == "with dJ/dZ = 2*Z/(m*n)"
    assert text(derived(J, b, locals()).result) == "dJ/db_j = 2/(m*n) * sum_i Z_ij"


def test_a_layer_with_examples_in_columns_is_one_step():
    X, W, b = data(3, 6), parameter(2, 3), parameter(2, 1)
    Z = W @ X + b
    derivation = derived(np.mean(Z**2), W, locals())
    assert "  Z = W @ X + b\n" in str(derivation)
    assert text(derivation.result) == "dJ/dW = dJ/dZ @ X.T"


def test_shared_weights_add_up_as_matrices():
    X, W = data(6, 3), parameter(3, 3)
    A = np.tanh(X @ W.T)
    Z = A @ W.T
    J = np.sum(Z**2) + 0.5 * np.sum(W**2)
    derivation = derived(J, W, locals())
    assert text(derivation.result) == "dJ/dW = (dJ/dZ).T @ A + (dJ/du1).T @ X + W"
    assert "W is used 3 times" in str(derivation)


def test_one_example_as_a_vector():
    x, y, W, b = data(3), np.array([0.0, 1.0]), parameter(2, 3), parameter(2)
    z = W @ x + b
    a = tg.softmax(z)
    J = -np.sum(y * np.log(a))
    derivation = derived(J, W, locals())
    assert "examples" not in str(derivation)
    assert "z = W @ x + b" in str(derivation)
    assert text(derivation.result) == "dJ/dW_jk = dJ/dz_j*x_k"
    lines, _ = written(J, locals())
    assert lines["dz"] == "a - y"
    assert lines["dW"] == "dz[:, None] @ x[None, :]"


def test_one_example_as_a_row():
    X, Y, W, b = data(1, 3), np.array([[1.0]]), parameter(1, 3), parameter(1)
    Z = X @ W.T + b
    A = tg.sigmoid(Z)
    J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    lines, program = written(J, locals())
    assert list(program.arguments) == ["X", "Y", "W", "b"]
    assert lines["dZ"] == "A - Y"


def test_weights_come_before_what_they_were_multiplied_with():
    X, W1, b1, Z1 = layer()
    A1 = np.tanh(Z1)
    W2, b2 = parameter(1, 2), parameter(1)
    Z2 = A1 @ W2.T + b2
    J = np.mean(Z2**2)
    lines, _ = written(J, locals())
    assert [name for name in lines if name[0] == "d"] == ["dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]


def test_weights_stay_what_they_are_in_the_other_layout():
    X, W, b, Z = layer()
    lines, program = written(np.mean(Z**2), locals(), layout="columns")
    assert lines["Z"] == "W @ X + b"
    assert program.arguments["W"].shape == (2, 3)
    assert program.arguments["b"].shape == (2, 1)


def test_attention_is_in_the_words_of_its_values():
    X, Wq, Wk, Wv = data(5, 3), parameter(4, 3), parameter(4, 3, seed=1), parameter(2, 3, seed=2)
    Q, K, V = X @ Wq.T, X @ Wk.T, X @ Wv.T
    A = tg.softmax(Q @ K.T / 2)
    O = A @ V  # noqa: E741
    J = np.mean(O**2)
    lines, _ = written(J, locals())
    assert (lines["dA"], lines["dV"], lines["dWv"], lines["dWk"]) == ("dO @ V.T", "A.T @ dO", "dV.T @ X", "dK.T @ X")


def test_links_stand_side_by_side_in_latex():
    X, W, b, Z = layer()
    latex = derive(np.mean(Z**2), wrt=W, names=locals()).latex()
    assert latex.splitlines()[5].count("&=") == 3


# Conditions


def huber(D, delta):
    return np.mean(np.where(np.abs(D) <= delta, 0.5 * D**2, delta * (np.abs(D) - 0.5 * delta)))


def test_the_condition_of_a_huber_loss_is_not_guessed():
    D = Tensor([0.1, -0.3, 0.2, 1.5, -2.0], requires_grad=True)  # |D| < 0.4 has the same truth values
    J = huber(D, 0.8)
    assert "[|D| < 4/5]" in str(derived(J, D, locals()))
    _, program = written(J, locals())
    other = np.array([0.6, -0.7, 0.3, 0.9, -1.0])
    value, gradients = program.function(other)
    x = Tensor(other, requires_grad=True)
    expected = huber(x, 0.8)
    expected.backward()
    np.testing.assert_allclose((value, *gradients["dD"]), (expected.item(), *x.grad.numpy()), rtol=1e-12)


def test_a_condition_that_no_branch_is_made_of_is_an_argument():
    x, chosen = parameter(6), np.array([True, False, True, True, False, False])
    _, program = written(np.sum(np.where(chosen, x**2, 3 * x)), {"x": x})
    assert len(program.arguments) == 2


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda Z: np.where(Z > 0, Z, np.exp(Z) - 1), "[Z <= 0]*exp(Z) + [Z > 0]"),
        (lambda Z: np.where(Z > 0, Z, 0.1 * Z), "[Z <= 0]/10 + [Z > 0]"),
        (lambda Z: Z * (Z > 0), "[Z > 0]"),
        (lambda Z: np.where(Z > 0, Z, 0.0), "[Z > 0]"),
    ],
)
def test_the_condition_of_an_activation_is_shown(function, slope):
    Z = parameter(4, 3)
    J = np.sum(function(Z))
    assert slope in str(derived(J, Z, locals()))
    written(J, locals())


# Losses


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("layout", [None, "rows", "columns"])
def test_the_true_class_by_its_number(columns, layout):
    X, W, y = data(6, 3), parameter(4, 3), np.array([0, 3, 1, 1, 2, 0])
    Z = W @ X.T if columns else X @ W.T
    A = tg.softmax(Z, axis=0 if columns else 1)
    J = -np.mean(np.log(A[y, np.arange(6)] if columns else A[np.arange(6), y]))
    names = {"W": W, "Z": Z, "A": A, "J": J, "y": y}
    assert derived(J, W, names).result.note == "with dJ/dZ = (A - onehot(y))/m"
    lines, _ = written(J, names, layout)
    assert lines["dZ"] == "(A - Y) / m"


def test_the_true_class_of_a_softmax_by_hand():
    Z, y = parameter(6, 4), np.array([0, 3, 1, 1, 2, 0])
    E = np.exp(Z)
    A = E / np.sum(E, axis=1, keepdims=True)
    J = -np.mean(np.log(A[np.arange(6), y]))
    assert text(derived(J, Z, locals()).result).endswith("= (A - onehot(y))/m")


def test_an_entry_that_was_taken_may_be_0_elsewhere():
    A, y = Tensor([[1.0, 0.0], [0.5, 0.5]], requires_grad=True), np.array([0, 1])
    J = -np.mean(np.log(A[np.arange(2), y]))
    derived(J, A, locals())
    written(J, locals())


def test_the_slope_of_a_sigmoid_by_hand_cancels():
    Z, Y = parameter(5, 1), np.array([[1.0], [0.0], [1.0], [1.0], [0.0]])
    A = 1 / (1 + np.exp(-Z))
    J = -1 / 5 * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    derivation = derived(J, Z, locals())
    assert text(derivation.result) == "dJ/dZ = (A - Y)/m"
    assert "(as A = 1/(1 + exp(-Z)))" in str(derivation)
    lines, program = written(J, locals())
    assert lines["dZ"] == "(A - Y) / m"
    twice = {name: np.concatenate([x, x]) for name, x in program.arguments.items()}
    np.testing.assert_allclose(program.function(**twice)[0], J.item(), rtol=1e-12)


def test_a_sum_of_two_heads_is_not_multiplied_out():
    X, W, b, Z = layer()
    A = np.tanh(Z)
    V, U = parameter(1, 2), parameter(3, 2)
    J = np.mean((A @ V.T - data(6, 1)) ** 2) + tg.cross_entropy(A @ U.T, np.array([0, 1, 2, 0, 1, 2]))
    lines, _ = written(J, {"X": X, "W": W, "b": b, "Z": Z, "A": A, "V": V, "U": U})
    assert lines["dZ"] == "dA * (1 - A**2)"


# Names


def test_a_name_that_was_given_is_not_given_to_another_value():
    Z1 = parameter(4, 2)
    A1 = Z1 * tg.sigmoid(Z1)
    J = np.mean(A1**2)
    assert [node.name for node in Graph(J, locals()).nodes if node.named] == ["Z1", "A1", "J"]
    lines, _ = written(J, locals())
    assert lines["A1"].startswith("Z1 * ")
    assert text(derived(J, A1, locals()).result) == "dJ/dA1 = 2*A1/(m*n)"


def test_a_difference_with_a_name_keeps_it_in_powers():
    Z, Y = parameter(5), data(5)
    D = Z - Y
    lines, _ = written(np.mean(D**2 + D**3), locals())
    assert lines["J"] == "np.mean(D**2 + D**3)"
