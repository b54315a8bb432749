"""A result for each example, written into an array of zeros row by row; examples in rows."""

import numpy as np

rng = np.random.default_rng(23)
X, Y = rng.standard_normal((7, 3)), (rng.random((7, 2)) > 0.5) * 1.0
params = {"W1": rng.standard_normal((5, 3)), "b1": rng.standard_normal(5) * 0.1}
params |= {"W2": rng.standard_normal((2, 5)), "b2": np.zeros(2)}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(params, X, Y):
    m = X.shape[0]
    Z1, A1 = np.zeros((m, 5)), np.zeros((m, 5))
    Z2, A2 = np.zeros((m, 2)), np.zeros((m, 2))
    for i in range(m):
        Z1[i] = params["W1"] @ X[i] + params["b1"]
        A1[i] = sigmoid(Z1[i])
        Z2[i] = params["W2"] @ A1[i] + params["b2"]
        A2[i] = sigmoid(Z2[i])
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    return cost, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def backward(params, cache, X, Y):
    m = X.shape[0]
    dZ2 = cache["A2"] - Y
    dW2 = dZ2.T @ cache["A1"] / m
    db2 = np.sum(dZ2, axis=0) / m
    dA1 = dZ2 @ params["W2"]
    dZ1 = dA1 * cache["A1"] * (1 - cache["A1"])
    dW1 = dZ1.T @ X / m
    db1 = np.sum(dZ1, axis=0) / m
    return {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}
