"""Parameters in a list, gradients in a list of the same order; examples in columns."""

import numpy as np

rng = np.random.default_rng(9)
X, Y = rng.standard_normal((3, 7)), (rng.random((2, 7)) > 0.5) * 1.0
params = [rng.standard_normal(shape) for shape in ((4, 3), (4, 1), (2, 4), (2, 1))]


def forward(params, X, Y):
    W1, b1, W2, b2 = params
    a1 = np.tanh(W1 @ X + b1)
    a2 = 1 / (1 + np.exp(-(W2 @ a1 + b2)))
    return -np.mean(Y * np.log(a2) + (1 - Y) * np.log(1 - a2)), (a1, a2)


def backward(params, cache, X, Y):
    a1, a2 = cache
    d2 = (a2 - Y) / Y.size
    d1 = params[2].T @ d2 * (1 - a1**2)
    dW2, db2 = d2 @ a1.T, d2.sum(1, keepdims=True)
    dW1, db1 = d1 @ X.T, d1.sum(1, keepdims=True)
    return [dW1, db1, dW2, db2]
