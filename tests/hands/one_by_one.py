"""One example after the other in forward and backward: vectors, outer products, softmax."""

import numpy as np

rng = np.random.default_rng(12)
X, Y = rng.standard_normal((7, 4)), rng.integers(0, 3, 7)
params = {
    "W1": rng.standard_normal((5, 4)) * 0.6,
    "b1": rng.standard_normal(5) * 0.2,
    "W2": rng.standard_normal((3, 5)) * 0.6,
    "b2": rng.standard_normal(3) * 0.2,
}


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


def forward(params, X, Y):
    cost, cache = 0.0, []
    for x, y in zip(X, Y):
        z1 = params["W1"] @ x + params["b1"]
        a1 = np.maximum(z1, 0)
        z2 = params["W2"] @ a1 + params["b2"]
        p = softmax(z2)
        cost -= np.log(p[y])
        cache.append((z1, a1, p))
    return cost / len(X), {"cache": cache}


def backward(params, cache, X, Y):
    m = len(X)
    dW1, db1 = np.zeros_like(params["W1"]), np.zeros_like(params["b1"])
    dW2, db2 = np.zeros_like(params["W2"]), np.zeros_like(params["b2"])
    for i in range(m):
        z1, a1, p = cache["cache"][i]
        dz2 = p.copy()
        dz2[Y[i]] -= 1
        dW2 += np.outer(dz2, a1)
        db2 += dz2
        da1 = params["W2"].T @ dz2
        dz1 = da1 * (z1 > 0)
        dW1 += np.outer(dz1, X[i])
        db1 += dz1
    return {"W1": dW1 / m, "b1": db1 / m, "W2": dW2 / m, "b2": db2 / m}
