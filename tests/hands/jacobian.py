"""Softmax by its matrix of derivatives, one example after the other; examples in columns."""

import numpy as np

rng = np.random.default_rng(33)
params = {"W": rng.standard_normal((4, 5)) * 0.5, "b": rng.standard_normal((4, 1)) * 0.1}
X = rng.standard_normal((5, 8))
Y = np.eye(4)[:, rng.integers(0, 4, 8)]


def softmax(Z):
    e = np.exp(Z - Z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def forward(params, X, Y):
    Z = params["W"] @ X + params["b"]
    P = softmax(Z)
    return -np.mean(np.log(np.sum(P * Y, axis=0))), {"Z": Z, "P": P}


def backward(params, cache, X, Y):
    P, m = cache["P"], X.shape[1]
    dP = -Y / np.sum(P * Y, axis=0, keepdims=True) / m
    dZ = np.empty_like(P)
    for k in range(m):
        p = P[:, [k]]
        J = np.diagflat(p) - p @ p.T
        dZ[:, [k]] = J @ dP[:, [k]]
    return {"dP": dP, "dZ": dZ, "dW": dZ @ X.T, "db": dZ.sum(axis=1, keepdims=True)}
