"""Exclusive or with two layers, the deltas of the blog posts; examples in rows."""

import numpy as np

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
Y = np.array([[0], [1], [1], [0]])
rng = np.random.default_rng(1)
params = {"syn0": 2 * rng.random((3, 4)) - 1, "syn1": 2 * rng.random((4, 1)) - 1}


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


def forward(params, X, Y):
    l1 = nonlin(np.dot(X, params["syn0"]))
    l2 = nonlin(np.dot(l1, params["syn1"]))
    return 0.5 * np.sum((Y - l2) ** 2), {"l1": l1, "l2": l2}


def backward(params, cache, X, Y):
    l1, l2 = cache["l1"], cache["l2"]
    l2_error = l2 - Y
    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(params["syn1"].T)
    l1_delta = l1_error * nonlin(l1, deriv=True)
    return {"syn1": l1.T.dot(l2_delta), "syn0": X.T.dot(l1_delta)}
