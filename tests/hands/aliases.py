"""Several names for one array, and views of it that are kept while it changes."""

import numpy as np

rng = np.random.default_rng(47)
X, Y = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
params = {"W": rng.standard_normal((3, 4)), "c": rng.standard_normal(4)}


def forward(params, X, Y):
    Z = X @ params["W"]
    first, T = Z[0], Z.T
    A = Z
    A += params["c"]
    old = A.copy()
    for row in A:
        row *= 2.0
    T[1] = np.tanh(T[1])
    flat = A.reshape(-1)
    flat[:4] += first
    scale = np.full(4, 2.0)
    scale[2] = 3.0
    A *= scale
    return np.sum((A - Y) ** 2) + np.sum(old), {"A": A, "old": old, "first": first}


def backward(params, cache, X, Y):
    dA = 2 * (cache["A"] - Y)
    scale = np.array([2.0, 2.0, 3.0, 2.0])
    g = dA * scale
    g[0] *= 2
    t = np.tanh(2 * cache["old"][:, 1])
    g[:, 1] *= 1 - t**2
    dZ = 2 * g + 1
    return {"dA": dA, "dW": X.T @ dZ, "dc": dZ.sum(axis=0)}
