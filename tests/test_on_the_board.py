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


def embedding(rng, m):
    tokens, y = rng.integers(0, 7, (m, 5)), rng.integers(0, 2, m) * 1.0
    E, w = parameter(7, 4), parameter(4)
    p = np.mean(E[tokens], axis=1) @ w
    J = np.mean(np.logaddexp(0, p) - y * p)
    return J, locals()


def filters(rng, m):
    X, Y = rng.standard_normal((m, 6)), rng.standard_normal((m, 4))
    k = parameter(3)
    A = np.tanh(k[0] * X[:, :4] + k[1] * X[:, 1:5] + k[2] * X[:, 2:])
    J = np.mean((A - Y) ** 2)
    return J, locals()


def factors(rng, m):
    i, j, r = rng.integers(0, 5, m), rng.integers(0, 4, m), rng.standard_normal(m)
    U, V = parameter(5, 2), parameter(4, 2)
    p = np.sum(U[i] * V[j], axis=1)
    J = np.mean((p - r) ** 2) + 0.1 * np.sum(U**2)
    return J, locals()


def huber(rng, m):
    X, t = rng.standard_normal((m, 3)), rng.standard_normal(m)
    w = parameter(3)
    r = X @ w - t
    J = np.mean(np.where(np.abs(r) <= 1, 0.5 * r**2, np.abs(r) - 0.5))
    return J, locals()


def masked(rng, m):
    X, y, mask = rng.standard_normal((m, 3)), rng.standard_normal(m), (np.arange(m) < m - 2) * 1.0
    w = parameter(3)
    p = X @ w
    J = np.sum(mask * (p - y) ** 2) / np.sum(mask)
    return J, locals()


def unexplained(rng, m):
    X, y = rng.standard_normal((m, 3)), rng.standard_normal(m)
    w, scale = parameter(3), np.mean((y - y.mean()) ** 2)
    p = X @ w
    J = np.mean((p - y) ** 2) / scale
    return J, locals()


def course(rng, m):
    X, y = rng.standard_normal((m, 3)), rng.integers(0, 2, m)
    W1, b1, W2 = parameter(4, 3), parameter(4, 1), parameter(1, 4)
    A1 = np.tanh(np.dot(W1, X.T) + b1)
    Z2 = np.dot(W2, A1)
    J = np.mean(np.logaddexp(0, Z2) - y[None, :] * Z2)
    return J, locals()


def images(rng, m):
    X, y = rng.random((m, 2, 3)), rng.integers(0, 2, m)
    w = parameter(6)
    s = 2 * y - 1
    J = np.mean(np.log(1 + np.exp(-s * (X.reshape(m, -1) @ w))))
    return J, locals()


def squares(rng, m):
    X, y = rng.standard_normal((m, 3)), rng.standard_normal((m, 1))
    theta = parameter(3, 1)
    h = X @ theta
    J = (1 / (2 * m) * (h - y).T @ (h - y)).sum()
    return J, locals()


def by_hand(rng, m):
    X, Y = rng.standard_normal((m, 3)), rng.standard_normal((m, 4))
    W = parameter(3, 4)
    Z = X @ W
    mu = 1.0 / m * np.sum(Z, axis=0)
    var = np.sum((Z - mu) ** 2, axis=0) / m
    J = np.sum(((Z - mu) / np.sqrt(var + 1e-5) - Y) ** 2) / (4 * m)
    return J, locals()


def classes(rng, m):
    X, y = rng.standard_normal((m, 4)), rng.integers(0, 3, m)
    W = parameter(4, 3)
    S = X @ W
    correct = S[np.arange(m), y][:, None]
    J = (np.sum(np.maximum(0, S - correct + 1)) - m) / m
    return J, locals()


def columns(rng, m):
    X, Y = rng.standard_normal((4, m)), np.eye(3)[:, rng.integers(0, 3, m)]
    W = parameter(3, 4)
    Z = W @ X
    A = np.exp(Z) / np.sum(np.exp(Z), axis=0)
    J = -np.sum(Y * np.log(A)) / m
    return J, locals()


def heads(rng, m):
    X, Y = rng.standard_normal((m, 3, 4)), rng.standard_normal((m, 3, 2))
    W_q, W_k, W_v = parameter(4, 2), parameter(4, 2, seed=1), parameter(4, 2, seed=2)
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    S = Q @ np.swapaxes(K, 1, 2) / np.sqrt(2)
    A = tg.softmax(S)
    J = np.mean((A @ V - Y) ** 2)
    return J, locals()


def pairs(rng, m):
    U, V = rng.standard_normal((m, 3)), rng.standard_normal((m, 4))
    W_u, W_v = parameter(3, 2), parameter(4, 2)
    A, B = np.tanh(U @ W_u), np.tanh(V @ W_v)
    S = A @ B.T / 0.5
    J = -np.mean(np.diag(tg.log_softmax(S)))
    return J, locals()


def variational(rng, m):
    X, eps = rng.random((m, 4)), rng.standard_normal((m, 2))
    W_m, W_v, W_d = parameter(4, 2), parameter(4, 2, seed=1), parameter(2, 4)
    mu, logvar = X @ W_m, X @ W_v
    z = mu + np.exp(logvar / 2) * eps
    R = tg.sigmoid(z @ W_d)
    rec = -np.sum(X * np.log(R) + (1 - X) * np.log(1 - R), axis=1)
    KL = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)
    J = np.mean(rec + KL)
    return J, locals()


def density(rng, m):
    X, y = rng.standard_normal((m, 3)), rng.standard_normal(m)
    w, v = parameter(3), parameter(3, seed=1)
    mu, s = X @ w, np.exp(X @ v)
    J = np.mean(np.log(s) + 0.5 * ((y - mu) / s) ** 2 + 0.5 * np.log(2 * np.pi))
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
        "S = (Q @ K.T) / np.sqrt(3)",
        "dP = dO @ V.T",
        "dE = (dP - np.sum(dP * P, axis=1, keepdims=True)) / t1",
        "dS = dE * E",
        "dQ = (dS @ K) / np.sqrt(3)",
        "dK = (dS.T @ Q) / np.sqrt(3)",
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
    embedding: ["dp = (sigmoid(p) - y) / m"],
    filters: ["m = X.shape[0]", "dA = (A - Y) / (2 * m)"],
    factors: ["J = np.mean((p - r)**2) + 0.1 * np.sum(U**2)", "dp = 2 * (p - r) / m"],
    huber: ["J = np.mean(np.where(t1 < 1, r**2 / 2, t1 - 0.5))", "dz = np.where(t1 < 1, r, np.sign(r)) / m"],
    masked: ["t1 = np.sum(mask)", "dp = 2 * mask * (p - y) / t1"],
    unexplained: ["J = np.mean((p - y)**2) / scale", "dp = 2 * (p - y) / (scale * m)"],
    course: [
        "Z1 = W1 @ X.T + b1",
        "J = np.mean(np.logaddexp(0, Z2) - Z2 * y)",
        "dZ2 = (A2 - y) / m",
        "dW1 = dZ1 @ X",
    ],
    images: ["t1 = np.reshape(X, (m, 6))", "dz = -t2 * s / (m * (1 + t2))", "dw = t1.T @ dz"],
    squares: ["J = np.squeeze(((h - y).T / (2 * m)) @ (h - y))", "dh = (h - y) / m"],
    by_hand: ["mu = np.sum(Z, axis=0) / m", "var = np.sum((Z - mu)**2, axis=0) / m"],
    classes: [
        "J = (np.sum(np.maximum(0, S - correct + 1)) - m) / m",
        "dS = t1 / m + scatter(dcorrect[:, 0], key=(np.arange(m), y), shape=(m, 3))",
    ],
    columns: ["A = t1 / np.sum(t1, axis=0)", "dZ = (A - Y) / m"],
    heads: [
        "S = (Q @ K.mT) / np.sqrt(2)",
        "dA = ((t1 - Y) @ V.mT) / (3 * m)",
        "dQ = (dS @ K) / np.sqrt(2)",
        "dK = (dS.mT @ Q) / np.sqrt(2)",
        "dW_q = np.sum(X.mT @ dQ, axis=0)",
    ],
    pairs: ["S = 2 * (A @ B.T)", "dS = (softmax(S) - np.eye(m)) / m", "dA = 2 * (dS @ B)"],
    variational: ["J = np.mean(rec + KL)", "dmu = mu / m + dz"],
    density: ["J = np.mean(np.log(s) + (mu - y)**2 / (2 * s**2) + np.log(2 * np.pi) / 2)"],
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


def test_numbers_of_numpy_are_computed_again_or_are_arguments():
    w, x, c = parameter(3), np.array([1.0, 2.0, 4.0]), np.float64(1.0)
    p = tg.sigmoid(w @ x)
    program = source(-(c * np.log(p) + (1 - c) * np.log(1 - p)), names={"w": w, "x": x, "c": c, "p": p})
    assert [*program.arguments] == ["w", "x", "c"]
    assert "dz = p - c " in str(program)
    noise = np.random.default_rng(0).standard_normal(4)
    texts = [str(source(w @ w / rule(noise), names={"w": w, "noise": noise})) for rule in (np.sum, np.var, np.median)]
    assert "np.sum(noise)" in texts[0]
    assert "np.var(noise)" in texts[1]
    assert "def backprop(c, w)" in texts[2]
    assert "np.sqrt(3)" in str(source(w @ w / np.sqrt(3), names={"w": w}))


def test_a_number_is_no_sum_of_labels_by_chance():
    """np.sqrt(4) and a NumPy count beside labels with the same sum; a mask that weights a sum is summed."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4, 6)), np.array([0, 1, 0, 1])
    Q, K, V = parameter(6, 4), parameter(6, 4), parameter(6, 4)
    S = (X @ Q) @ (X @ K).T / np.sqrt(4)
    J = tg.cross_entropy(tg.softmax(S) @ (X @ V), y)
    program = str(source(J, names={"X": X, "y": y, "Q": Q, "K": K, "V": V, "S": S}))
    assert "np.sum(y)" not in program
    assert " / 2\n" in program
    x, t, w = rng.standard_normal((8, 3)), np.array([0, 1, 2, 0, 1, 2, 1, 1.0]), parameter(3)
    names, ones = {"x": x, "t": t, "w": w}, np.ones(8)
    assert "np.sum(t)" not in str(source(np.sum((x @ w - t) ** 2) / np.int64(8), names=names))
    masked = source(-np.sum(ones * (x @ w - t)) / np.sum(ones), names=names | {"ones": ones})
    assert "np.sum(ones)" in str(masked)


@pytest.mark.parametrize("key", ["[:, ::2]", "[:, 1:3]", "[:, 4:]", "[:, 1::2]"])
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
    assert "float(np.sqrt(2 / np.pi)) * x**2 / 0.95" in str(program)  # stays float32
    assert program()[1]["dx"].dtype == np.float32
