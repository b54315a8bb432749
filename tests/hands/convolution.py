"""A convolution in loops, its result written entry by entry into zeros."""

import numpy as np

rng = np.random.default_rng(28)
X, Y = rng.standard_normal((3, 1, 5, 5)), np.array([0, 2, 1])
params = {"K": rng.standard_normal((2, 1, 3, 3)) * 0.5, "kb": rng.standard_normal(2) * 0.1}
params |= {"W": rng.standard_normal((18, 3)) * 0.5, "b": np.zeros(3)}


def forward(params, X, Y):
    N = X.shape[0]
    out = np.zeros((N, 2, 3, 3))
    for n in range(N):
        for f in range(2):
            for i in range(3):
                for j in range(3):
                    patch = X[n, :, i : i + 3, j : j + 3]
                    out[n, f, i, j] = np.sum(patch * params["K"][f]) + params["kb"][f]
    relu = np.maximum(out, 0)
    flat = relu.reshape(N, -1)
    scores = flat @ params["W"] + params["b"]
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return -np.log(probs[range(N), Y]).mean(), {"out": out, "flat": flat, "probs": probs}


def backward(params, cache, X, Y):
    N = X.shape[0]
    dscores = cache["probs"].copy()
    dscores[range(N), Y] -= 1
    dscores /= N
    dW = cache["flat"].T @ dscores
    db = dscores.sum(axis=0)
    dout = (dscores @ params["W"].T).reshape(cache["out"].shape)
    dout = dout * (cache["out"] > 0)
    dK, dkb = np.zeros_like(params["K"]), np.zeros_like(params["kb"])
    for n in range(N):
        for f in range(2):
            for i in range(3):
                for j in range(3):
                    dK[f] += X[n, :, i : i + 3, j : j + 3] * dout[n, f, i, j]
                    dkb[f] += dout[n, f, i, j]
    return {"dscores": dscores, "dW": dW, "db": db, "dout": dout, "dK": dK, "dkb": dkb}
