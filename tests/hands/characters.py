"""A recurrent network of characters: dicts by time step, columns, backward through time with dhnext."""

import numpy as np

rng = np.random.default_rng(1)
V, H, T = 5, 6, 4
X = rng.integers(0, V, T)
Y = rng.integers(0, V, T)
params = {
    "Wxh": rng.standard_normal((H, V)) * 0.4,
    "Whh": rng.standard_normal((H, H)) * 0.4,
    "Why": rng.standard_normal((V, H)) * 0.4,
    "bh": rng.standard_normal((H, 1)) * 0.1,
    "by": rng.standard_normal((V, 1)) * 0.1,
}


def forward(params, X, Y):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.zeros((H, 1))
    loss = 0
    for t in range(len(X)):
        xs[t] = np.zeros((V, 1))
        xs[t][X[t]] = 1
        hs[t] = np.tanh(np.dot(params["Wxh"], xs[t]) + np.dot(params["Whh"], hs[t - 1]) + params["bh"])
        ys[t] = np.dot(params["Why"], hs[t]) + params["by"]
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][Y[t], 0])
    return loss, {"xs": xs, "hs": hs, "ps": ps}


def backward(params, cache, X, Y):
    xs, hs, ps = cache["xs"], cache["hs"], cache["ps"]
    dWxh, dWhh, dWhy = np.zeros_like(params["Wxh"]), np.zeros_like(params["Whh"]), np.zeros_like(params["Why"])
    dbh, dby = np.zeros_like(params["bh"]), np.zeros_like(params["by"])
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(X))):
        dy = np.copy(ps[t])
        dy[Y[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(params["Why"].T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(params["Whh"].T, dhraw)
    return {"Wxh": dWxh, "Whh": dWhh, "Why": dWhy, "bh": dbh, "by": dby}
