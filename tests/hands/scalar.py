"""Python lists and a loop over the examples, forward and back."""

import numpy as np

rng = np.random.default_rng(0)
params = {"w": [0.1, -0.4, 0.3], "b": 0.0}
X = [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0], [0.0, 1.0, 1.0], [2.0, 0.1, -1.0]]
Y = [1, 0, 1, 0]


def forward(params, X, Y):
    cost = 0.0
    As = []
    for x, y in zip(X, Y):
        z = sum(wi * xi for wi, xi in zip(params["w"], x)) + params["b"]
        a = 1 / (1 + np.exp(-z))
        As.append(a)
        cost += -(y * np.log(a) + (1 - y) * np.log(1 - a))
    return cost / len(X), {"A": As}


def backward(params, cache, X, Y):
    dw = [0.0] * 3
    db = 0.0
    for x, y, a in zip(X, Y, cache["A"]):
        for j in range(3):
            dw[j] += (a - y) * x[j] / len(X)
        db += (a - y) / len(X)
    return {"dw": dw, "db": db}
