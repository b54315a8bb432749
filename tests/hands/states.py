"""A recurrent network whose states are written into one array, a step at a time."""

import numpy as np

rng = np.random.default_rng(24)
X, Y = rng.standard_normal((4, 3, 2)), rng.standard_normal((4, 3, 1))
params = {
    "Wx": rng.standard_normal((2, 5)) * 0.6,
    "Wh": rng.standard_normal((5, 5)) * 0.5,
    "b": rng.standard_normal(5) * 0.1,
    "Wy": rng.standard_normal((5, 1)),
}


def forward(params, X, Y):
    N, T, _ = X.shape
    h = np.zeros((N, T + 1, 5))
    out = np.zeros((N, T, 1))
    for t in range(T):
        h[:, t + 1] = np.tanh(X[:, t] @ params["Wx"] + h[:, t] @ params["Wh"] + params["b"])
        out[:, t, :] = h[:, t + 1] @ params["Wy"]
    return np.mean((out - Y) ** 2), {"h": h, "out": out}


def backward(params, cache, X, Y):
    N, T, _ = X.shape
    h = cache["h"]
    dout = 2 * (cache["out"] - Y) / Y.size
    dWx, dWh, db, dWy = (np.zeros_like(params[k]) for k in ("Wx", "Wh", "b", "Wy"))
    dnext = np.zeros((N, 5))
    for t in reversed(range(T)):
        dWy += h[:, t + 1].T @ dout[:, t]
        dh = dout[:, t] @ params["Wy"].T + dnext
        draw = dh * (1 - h[:, t + 1] ** 2)
        dWx += X[:, t].T @ draw
        dWh += h[:, t].T @ draw
        db += draw.sum(axis=0)
        dnext = draw @ params["Wh"].T
    return {"dout": dout, "dWx": dWx, "dWh": dWh, "db": db, "dWy": dWy}
