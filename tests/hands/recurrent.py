"""A recurrent network, back through time, weights used at every step."""

import numpy as np

rng = np.random.default_rng(3)
params = {
    "Wx": rng.standard_normal((2, 4)) * 0.5,
    "Wh": rng.standard_normal((4, 4)) * 0.5,
    "b": np.zeros(4),
    "V": rng.standard_normal((4, 1)),
}
X = rng.standard_normal((5, 3, 2))
Y = rng.standard_normal((5, 1))


def forward(params, X, Y):
    h = np.zeros((len(X), 4))
    hs = [h]
    for t in range(X.shape[1]):
        h = np.tanh(X[:, t] @ params["Wx"] + h @ params["Wh"] + params["b"])
        hs.append(h)
    out = h @ params["V"]
    return ((out - Y) ** 2).mean(), {"hs": hs, "out": out}


def backward(params, cache, X, Y):
    hs = cache["hs"]
    do = 2 * (cache["out"] - Y) / Y.size
    g = {k: np.zeros_like(v) for k, v in params.items()}
    g["V"] = hs[-1].T @ do
    dh = do @ params["V"].T
    for t in reversed(range(X.shape[1])):
        dz = dh * (1 - hs[t + 1] ** 2)
        g["Wx"] += X[:, t].T @ dz
        g["Wh"] += hs[t].T @ dz
        g["b"] += dz.sum(0)
        dh = dz @ params["Wh"].T
    return {"d" + k: v for k, v in g.items()}
