"""A recurrent network with a function for one step back; the steps' caches in a list."""

import numpy as np

rng = np.random.default_rng(2)
X, Y = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 4, 2))
params = {
    "Wx": rng.standard_normal((5, 6)) * 0.4,
    "Wh": rng.standard_normal((6, 6)) * 0.4,
    "b": rng.standard_normal(6) * 0.1,
    "Wy": rng.standard_normal((6, 2)) * 0.5,
    "by": rng.standard_normal(2) * 0.1,
}


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h**2)
    dx = dz @ Wx.T
    dprev_h = dz @ Wh.T
    dWx = x.T @ dz
    dWh = prev_h.T @ dz
    db = dz.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def forward(params, X, Y):
    N, T, D = X.shape
    prev_h = np.zeros((N, 6))
    hs, caches = [], []
    for t in range(T):
        prev_h, step = rnn_step_forward(X[:, t, :], prev_h, params["Wx"], params["Wh"], params["b"])
        hs.append(prev_h)
        caches.append(step)
    h = np.stack(hs, axis=1)
    scores = h @ params["Wy"] + params["by"]
    loss = np.sum((scores - Y) ** 2) / N
    return loss, {"h": h, "scores": scores, "caches": caches}


def backward(params, cache, X, Y):
    N, T, D = X.shape
    dscores = 2 * (cache["scores"] - Y) / N
    dWy = np.zeros_like(params["Wy"])
    for t in range(T):
        dWy += cache["h"][:, t].T @ dscores[:, t]
    dby = dscores.sum(axis=(0, 1))
    dh = dscores @ params["Wy"].T
    dWx, dWh, db = np.zeros_like(params["Wx"]), np.zeros_like(params["Wh"]), np.zeros_like(params["b"])
    dprev = np.zeros((N, 6))
    for t in range(T - 1, -1, -1):
        dx_t, dprev, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t, :] + dprev, cache["caches"][t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return {"dWx": dWx, "dWh": dWh, "db": db, "dWy": dWy, "dby": dby}
