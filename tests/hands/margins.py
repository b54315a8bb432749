"""Cost and gradient of the margins in one loop over examples and classes."""

import numpy as np

rng = np.random.default_rng(7)
X, Y = rng.standard_normal((5, 4)), rng.integers(0, 3, 5)
params = {"W": rng.standard_normal((4, 3)) * 0.5}


def hinge(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(len(X)):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            margin = scores[j] - scores[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss /= len(X)
    dW /= len(X)
    loss += reg * np.sum(W * W)
    dW += 2 * reg * W
    return loss, dW


def forward(params, X, Y):
    return hinge(params["W"], X, Y, 0.1)[0]


def backward(params, cache, X, Y):
    return {"dW": hinge(params["W"], X, Y, 0.1)[1]}
