"""An autoencoder with tied weights and dropout on the code, Huber loss; examples in columns."""

import numpy as np

rng = np.random.default_rng(5)
params = {"W": rng.standard_normal((3, 6)) * 0.4, "b": rng.standard_normal((3, 1)) * 0.1, "c": np.zeros((6, 1))}
X = rng.standard_normal((6, 11)) * 2
Y = X
keep_prob = 0.75


def forward(params, X, Y):
    Z = params["W"] @ X + params["b"]
    H = np.tanh(Z)
    D = np.random.default_rng(1).random(H.shape) < keep_prob
    H = H * D / keep_prob
    R = params["W"].T @ H + params["c"]
    E = R - X
    small = np.abs(E) <= 1
    cost = np.where(small, 0.5 * E**2, np.abs(E) - 0.5).sum() / X.shape[1]
    return cost, {"Z": Z, "D": D, "H": H, "R": R}


def backward(params, cache, X, Y):
    m = X.shape[1]
    E = cache["R"] - X
    dR = np.clip(E, -1, 1)
    dH = params["W"] @ dR
    dZ = dH * cache["D"] / keep_prob * (1 - np.tanh(cache["Z"]) ** 2)
    dW = dZ @ X.T + cache["H"] @ dR.T
    return {
        "dR": dR,
        "dH": dH,
        "dZ": dZ,
        "dW": dW / m,
        "db": dZ.sum(axis=1, keepdims=True) / m,
        "dc": dR.sum(axis=1, keepdims=True) / m,
    }
