"""A gated recurrent unit on vectors: a dict of values for each step, outer products."""

import numpy as np

rng = np.random.default_rng(9)
T, n_in, n_h = 4, 3, 4
X, Y = rng.standard_normal((T, n_in)), rng.standard_normal(2)
params = {}
for gate in ("z", "r", "h"):
    params["W" + gate] = rng.standard_normal((n_h, n_in)) * 0.5
    params["U" + gate] = rng.standard_normal((n_h, n_h)) * 0.5
    params["b" + gate] = rng.standard_normal(n_h) * 0.1
params["V"] = rng.standard_normal((2, n_h)) * 0.6


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(params, X, Y):
    p = params
    h = np.zeros(n_h)
    steps = []
    for x in X:
        z = sigmoid(p["Wz"] @ x + p["Uz"] @ h + p["bz"])
        r = sigmoid(p["Wr"] @ x + p["Ur"] @ h + p["br"])
        c = np.tanh(p["Wh"] @ x + p["Uh"] @ (r * h) + p["bh"])
        steps.append({"x": x, "h": h, "z": z, "r": r, "c": c})
        h = (1 - z) * h + z * c
    out = p["V"] @ h
    return 0.5 * np.sum((out - Y) ** 2), {"steps": steps, "h": h, "out": out}


def backward(params, cache, X, Y):
    p = params
    g = {k: np.zeros_like(v) for k, v in params.items()}
    dout = cache["out"] - Y
    g["V"] = np.outer(dout, cache["h"])
    dh = p["V"].T @ dout
    for s in reversed(cache["steps"]):
        x, h, z, r, c = s["x"], s["h"], s["z"], s["r"], s["c"]
        dz = dh * (c - h) * z * (1 - z)
        dc = dh * z * (1 - c**2)
        drh = p["Uh"].T @ dc
        dr = drh * h * r * (1 - r)
        for gate, d in (("z", dz), ("r", dr)):
            g["W" + gate] += np.outer(d, x)
            g["U" + gate] += np.outer(d, h)
            g["b" + gate] += d
        g["Wh"] += np.outer(dc, x)
        g["Uh"] += np.outer(dc, r * h)
        g["bh"] += dc
        dh = dh * (1 - z) + drh * r + p["Uz"].T @ dz + p["Ur"].T @ dr
    return g
