"""Batch normalisation and relu, step by step in place; examples in rows."""

import numpy as np

rng = np.random.default_rng(41)
X, Y = rng.standard_normal((9, 3)), rng.integers(0, 3, 9)
params = {"W1": rng.standard_normal((3, 5)), "gamma": rng.random(5) + 0.5, "beta": rng.standard_normal(5) * 0.1}
params |= {"W2": rng.standard_normal((5, 3)), "b2": np.zeros(3)}


def forward(params, X, Y):
    N = len(X)
    z = X.dot(params["W1"])
    xhat = z.copy()
    xhat -= xhat.mean(axis=0)
    std = np.sqrt((xhat**2).mean(axis=0) + 1e-5)
    xhat /= std
    y = params["gamma"] * xhat
    y += params["beta"]
    h = np.zeros_like(y)
    h[y > 0] = y[y > 0]
    scores = h.dot(params["W2"]) + params["b2"]
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = np.array(shifted)
    logp -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(N), Y].sum() / N
    return loss, {"z": z, "xhat": xhat, "std": std, "y": y, "h": h, "logp": logp}


def backward(params, cache, X, Y):
    N = len(X)
    dscores = np.exp(cache["logp"])
    dscores[np.arange(N), Y] -= 1
    dscores /= N
    dW2 = cache["h"].T.dot(dscores)
    db2 = dscores.sum(axis=0)
    dh = dscores.dot(params["W2"].T)
    dy = dh * (cache["y"] > 0)
    dgamma = (dy * cache["xhat"]).sum(axis=0)
    dbeta = dy.sum(axis=0)
    dxhat = dy * params["gamma"]
    xhat = cache["xhat"]
    dz = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / cache["std"]
    dW1 = X.T.dot(dz)
    return {"dW2": dW2, "db2": db2, "dh": dh, "dy": dy, "dgamma": dgamma, "dbeta": dbeta, "dW1": dW1}
