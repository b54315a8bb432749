"""Dropout after two layers, A and dA bound again at each step; the random state is set in forward."""

import numpy as np

KEEP = 0.8
rng = np.random.default_rng(0)
dims = [4, 7, 5, 1]
X = rng.standard_normal((4, 12))
Y = (rng.random((1, 12)) > 0.5) * 1.0
params = {}
for i in range(1, 4):
    params["W%d" % i] = rng.standard_normal((dims[i], dims[i - 1])) * 0.5
    params["b%d" % i] = rng.standard_normal((dims[i], 1)) * 0.1


def forward(P, X, Y):
    np.random.seed(1)
    Z1 = np.dot(P["W1"], X) + P["b1"]
    A1 = np.maximum(Z1, 0)
    D1 = np.random.rand(A1.shape[0], A1.shape[1]) < KEEP
    A1 = A1 * D1
    A1 = A1 / KEEP
    Z2 = np.dot(P["W2"], A1) + P["b2"]
    A2 = np.maximum(Z2, 0)
    D2 = np.random.rand(A2.shape[0], A2.shape[1]) < KEEP
    A2 = A2 * D2
    A2 = A2 / KEEP
    Z3 = np.dot(P["W3"], A2) + P["b3"]
    A3 = 1 / (1 + np.exp(-Z3))
    losses = np.multiply(-np.log(A3), Y) + np.multiply(-np.log(1 - A3), 1 - Y)
    return 1.0 / X.shape[1] * np.nansum(losses), (Z1, D1, A1, Z2, D2, A2, Z3, A3)


def backward(P, cache, X, Y):
    m = X.shape[1]
    (Z1, D1, A1, Z2, D2, A2, Z3, A3) = cache
    dZ3 = A3 - Y
    dW3 = 1.0 / m * np.dot(dZ3, A2.T)
    db3 = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(P["W3"].T, dZ3)
    dA2 = dA2 * D2
    dA2 = dA2 / KEEP
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    dW2 = 1.0 / m * np.dot(dZ2, A1.T)
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(P["W2"].T, dZ2)
    dA1 = dA1 * D1
    dA1 = dA1 / KEEP
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1.0 / m * np.dot(dZ1, X.T)
    db1 = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    gradients = {"dZ3": dZ3, "dW3": dW3, "db3": db3, "dA2": dA2, "dZ2": dZ2, "dW2": dW2, "db2": db2}
    return gradients | {"dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}
