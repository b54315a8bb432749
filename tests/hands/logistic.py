"""Logistic regression, one number for the bias; examples in columns."""

import numpy as np

rng = np.random.default_rng(2)
params = {"w": rng.standard_normal((4, 1)), "b": 0.25}
X, Y = rng.standard_normal((4, 9)), (rng.random((1, 9)) > 0.4) * 1


def forward(params, X, Y):
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(np.dot(params["w"].T, X) + params["b"])))
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return cost, {"A": A}


def backward(params, cache, X, Y):
    m = X.shape[1]
    dw = 1 / m * np.dot(X, (cache["A"] - Y).T)
    db = 1 / m * np.sum(cache["A"] - Y)
    return {"dw": dw, "db": db}
