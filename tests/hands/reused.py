"""Every step in memory that is there already, with out= and dropout in place; examples in columns."""

import numpy as np

rng = np.random.default_rng(26)
X, Y = rng.standard_normal((3, 8)), (rng.random((2, 8)) > 0.5) * 1.0
params = {"W1": rng.standard_normal((6, 3)), "b1": rng.standard_normal((6, 1)) * 0.1}
params |= {"W2": rng.standard_normal((2, 6)), "b2": np.zeros((2, 1))}
keep = 0.8


def forward(params, X, Y):
    m = X.shape[1]
    Z1 = np.dot(params["W1"], X)
    np.add(Z1, params["b1"], out=Z1)
    A1 = np.tanh(Z1)
    D1 = np.random.default_rng(3).random(A1.shape) < keep
    A1 *= D1
    A1 /= keep
    Z2 = np.dot(params["W2"], A1)
    np.add(Z2, params["b2"], out=Z2)
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    return cost, {"Z1": Z1, "A1": A1, "D1": D1, "Z2": Z2, "A2": A2}


def backward(params, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = dZ2 @ cache["A1"].T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = params["W2"].T @ dZ2
    dA1 = dA1 * cache["D1"] / keep
    dZ1 = dA1 * (1 - np.tanh(cache["Z1"]) ** 2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}
