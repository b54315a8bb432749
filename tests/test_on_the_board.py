"""Networks as a lecturer writes them on the board: the program that `source` writes for them, in the names given."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.read.source import source


def parameter(*shape, seed=0):
    return Tensor(np.random.default_rng([*shape, seed]).standard_normal(shape), requires_grad=True)


def logistic(rng, m):
    X, Y = rng.standard_normal((3, m)), rng.permutation(np.arange(m) % 2.0)[None, :]
    w, b = parameter(3, 1), parameter(1, 1)
    Z = w.T @ X + b
    A = 1 / (1 + np.exp(-Z))
    J = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return J, locals()


def softmax(rng, m):
    X, Y = rng.standard_normal((4, m)), np.eye(3)[:, rng.integers(0, 3, m)]
    W, b = parameter(3, 4), parameter(3, 1)
    Z = W @ X + b
    A = np.exp(Z - Z.max(axis=0, keepdims=True)) / np.exp(Z - Z.max(axis=0, keepdims=True)).sum(axis=0, keepdims=True)
    J = -np.sum(Y * np.log(A)) / m
    return J, locals()


def autoencoder(rng, m):
    X = rng.standard_normal((m, 5))
    W1, b1, W2, b2 = parameter(5, 2), parameter(2), parameter(2, 5), parameter(5)
    H = 1 / (1 + np.exp(-(X @ W1 + b1)))
    R = H @ W2 + b2
    J = np.mean((R - X) ** 2)
    return J, locals()


def penalty(rng, m):
    X, y, lam = rng.standard_normal((m, 3)), rng.standard_normal(m), 0.1
    w, b = parameter(3), parameter(1)
    p = X @ w + b
    J = np.sum((p - y) ** 2) / (2 * m) + lam / (2 * m) * np.sum(w**2)
    return J, locals()


def dropout(rng, m):
    X, Y, D1, keep = rng.standard_normal((m, 2)), np.eye(3)[rng.integers(0, 3, m)], rng.random((m, 6)) < 0.8, 0.8
    W1, b1, W2, b2 = parameter(2, 6), parameter(6), parameter(6, 3), parameter(3)
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1) * D1 / keep
    Z2 = A1 @ W2 + b2
    A2 = tg.softmax(Z2)
    J = -np.mean(np.sum(Y * np.log(A2), axis=1))
    return J, locals()


def layer_norm(rng, m):
    X, Y = rng.standard_normal((m, 3)), rng.standard_normal((m, 4))
    W1, gamma, beta = parameter(3, 4), parameter(4), parameter(4, seed=1)
    Z = X @ W1
    mu = np.mean(Z, axis=1, keepdims=True)
    var = np.mean((Z - mu) ** 2, axis=1, keepdims=True)
    N = (Z - mu) / np.sqrt(var + 1e-5)
    A = gamma * N + beta
    J = np.sum((A - Y) ** 2) / (2 * m)
    return J, locals()


def batch_norm(rng, m):
    X, Y = rng.standard_normal((m, 3)), rng.standard_normal((m, 4))
    W1, gamma, beta = parameter(3, 4), parameter(4), parameter(4, seed=1)
    Z = X @ W1
    mu = np.mean(Z, axis=0)
    var = np.var(Z, axis=0)
    N = (Z - mu) / np.sqrt(var + 1e-5)
    A = np.tanh(gamma * N + beta)
    J = np.sum((A - Y) ** 2) / (2 * m)
    return J, locals()


def attention(rng, m):
    X, Y = rng.standard_normal((m, 4)), rng.standard_normal((m, 3))
    W_q, W_k, W_v = parameter(4, 3), parameter(4, 3, seed=1), parameter(4, 3, seed=2)
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    S = Q @ K.T / np.sqrt(3)
    E = np.exp(S - np.max(S, axis=1, keepdims=True))
    P = E / np.sum(E, axis=1, keepdims=True)
    O = P @ V  # noqa: E741
    J = np.mean((O - Y) ** 2)
    return J, locals()


def recurrent(rng, m):
    X, Y, h0 = rng.standard_normal((2, m, 2)), rng.standard_normal((m, 1)), np.zeros((m, 4))
    W_x, W_h, b, W_y = parameter(2, 4), parameter(4, 4), parameter(4), parameter(4, 1)
    h1 = np.tanh(X[0] @ W_x + h0 @ W_h + b)
    h2 = np.tanh(X[1] @ W_x + h1 @ W_h + b)
    O = h2 @ W_y  # noqa: E741
    J = np.mean((O - Y) ** 2)
    return J, locals()


def slices(rng, m):
    X, Y = rng.standard_normal((m, 5)), rng.standard_normal((m, 1))
    W1, W2 = parameter(2, 1), parameter(3, 1)
    Z = X[:, :2] @ W1 + X[:, 2:] @ W2
    J = np.mean((Z - Y) ** 2)
    return J, locals()


def margins(rng, m):
    X, y = rng.standard_normal((m, 3)), rng.permutation(np.arange(m) % 2) * 2.0 - 1
    w, b = parameter(3), parameter(1)
    margin = y * (X @ w + b)
    J = 0.5 * np.sum(w**2) + 10 * np.mean(np.maximum(0, 1 - margin))
    return J, locals()


#: Lines that stand in the program, without their comments, in this order.
LINES = {
    logistic: ["m = X.shape[1]", "dZ = (A - Y) / m", "dw = X @ dZ.T", "db = np.sum(dZ, axis=1, keepdims=True)"],
    softmax: [
        "t1 = np.exp(Z - np.max(Z, axis=0, keepdims=True))",
        "A = t1 / np.sum(t1, axis=0, keepdims=True)",
        "dZ = (A - Y) / m",
        "dW = dZ @ X.T",
    ],
    autoencoder: [
        "H = 1 / (1 + np.exp(-Z1))",
        "dR = 2 * (R - X) / (5 * m)",
        "dH = dR @ W2.T",
        "dZ1 = dH * H * (1 - H)",
    ],
    penalty: [
        "J = np.sum((p - y)**2) / (2 * m) + 0.05 * np.sum(w**2) / m",
        "dp = (p - y) / m",
        "dw = X.T @ dp + 0.1 * w / m",
        "db = np.sum(dp, keepdims=True)",
    ],
    dropout: ["A1 = t1 * D1 / 0.8", "dA1 = dZ2 @ W2.T", "dZ1 = dA1 * D1 * (1 - t1**2) / 0.8"],
    layer_norm: [
        "dA = (A - Y) / m",
        "dN = dA * gamma",
        "dvar = -np.sum(dN * (Z - mu), axis=1, keepdims=True) / (2 * t1**3)",
        "dmu = -np.sum(dN, axis=1, keepdims=True) / t1",
        "dZ = dN / t1 + dvar * (Z - mu) / 2 + dmu / 4",
    ],
    batch_norm: [
        "N = (Z - mu) / t1",
        "t2 = dA * (1 - A**2)",
        "dbeta = np.sum(t2, axis=0)",
        "dgamma = np.sum(t2 * N, axis=0)",
        "dN = t2 * gamma",
        "dvar = -np.sum(dN * (Z - mu), axis=0) / (2 * t1**3)",
        "dmu = -np.sum(dN, axis=0) / t1",
        "dZ = dN / t1 + 2 * dvar * (Z - mu) / m + dmu / m",
    ],
    attention: [
        "S = (Q @ K.T) / 3**0.5",
        "dP = dO @ V.T",
        "dE = (dP - np.sum(dP * P, axis=1, keepdims=True)) / t1",
        "dS = dE * E",
        "dQ = (dS @ K) / 3**0.5",
        "dK = (dS.T @ Q) / 3**0.5",
    ],
    recurrent: [
        "z2 = X[1] @ W_x + h1 @ W_h + b",
        "dz2 = dh2 * (1 - h2**2)",
        "dh1 = dz2 @ W_h.T",
        "dz1 = dh1 * (1 - h1**2)",
        "dW_h = h1.T @ dz2 + h0.T @ dz1",
        "dW_x = X[1].T @ dz2 + X[0].T @ dz1",
        "db = np.sum(dz2, axis=0) + np.sum(dz1, axis=0)",
    ],
    slices: ["dZ = 2 * (Z - Y) / m", "dW2 = X[:, 2:].T @ dZ", "dW1 = X[:, :2].T @ dZ"],
    margins: ["dmargin = -10 * np.heaviside(1 - margin, 0.5) / m", "dz = dmargin * y", "dw = X.T @ dz + w"],
}


@pytest.mark.parametrize("network", LINES, ids=lambda network: network.__name__)
def test_it_is_written_as_on_the_board(network):
    J, values = network(np.random.default_rng(0), 7)
    program = source(J, names=values)
    lines = [line.partition("#")[0].strip() for line in str(program).splitlines()]
    found = [line for line in lines if line in LINES[network]]
    assert found == LINES[network], f"\n{program}"


@pytest.mark.parametrize("network", LINES, ids=lambda network: network.__name__)
@pytest.mark.parametrize("simplify", [True, False])
def test_it_is_autograd_s_gradient_for_another_batch(network, simplify):
    J, values = network(np.random.default_rng(0), 7)
    program = source(J, names=values, simplify=simplify)
    J, values = network(np.random.default_rng(1), 9)
    J.backward()
    given = {name: x.data if isinstance(x := values[name], Tensor) else x for name in program.arguments}
    value, gradients = program.function(**given)
    assert value == pytest.approx(J.item(), rel=1e-12)
    for name, g in gradients.items():
        np.testing.assert_allclose(g, values[name[1:]].grad.numpy(), rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("key", ["[:, ::2]", "[:, 1:3]", "[:, 4:]", "[:, 1:4:2]"])
def test_a_part_of_the_data_is_written_as_a_part(key):
    X = np.random.default_rng(0).standard_normal((6, 5))
    part = eval(f"X{key}")
    W = parameter(part.shape[1], 2)
    program = source(np.sum(np.tanh(part @ W)), names={"X": X, "W": W})
    assert [*program.arguments] == ["X", "W"]
    assert f"X{key} @ W" in str(program)
    np.testing.assert_allclose(program()[1]["dW"], part.T @ (1 - np.tanh(part @ W.data) ** 2), rtol=1e-12)


@pytest.mark.parametrize("key", [np.s_[2:], np.s_[::-1], np.s_[:, ::-1], np.s_[[0, 2]]])
def test_a_part_of_the_examples_is_data_of_its_own(key):
    X = np.random.default_rng(0).standard_normal((6, 5))
    W = parameter(5, 2)
    program = source(np.sum(np.tanh(X[key] @ W)), names={"X": X, "W": W})
    assert np.array_equal(program.arguments["X"], X[key])


def test_numbers_are_written_as_on_paper():
    x = Tensor(np.arange(1, 5, dtype=np.float32), requires_grad=True)
    J = np.sum(float(np.sqrt(2 / np.pi)) * x**2 / 0.95 + 5**0.5 * x - x / float(np.sqrt(3)) / 70)
    program = source(J, names={"x": x})
    assert "J = np.sum((2 / np.pi)**0.5 * x**2 / 0.95 + 5**0.5 * x - x / (70 * 3**0.5))" in str(program)
    assert program()[1]["dx"].dtype == np.float32
