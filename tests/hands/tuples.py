"""One example, parameters and gradients in tuples."""

import numpy as np

rng = np.random.default_rng(0)
params = (rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal((2, 4)), np.zeros(2))
X = rng.standard_normal(3)
Y = np.array([1.0, 0.0])


def forward(params, x, y):
    W1, b1, W2, b2 = params
    h = np.tanh(W1 @ x + b1)
    o = W2 @ h + b2
    return 0.5 * np.sum((o - y) ** 2), (h, o)


def backward(params, cache, x, y):
    W1, b1, W2, b2 = params
    h, o = cache
    do = o - y
    dW2 = np.outer(do, h)
    db2 = do
    dh = W2.T @ do
    dz = dh * (1 - h**2)
    return np.outer(dz, x), dz, dW2, db2
