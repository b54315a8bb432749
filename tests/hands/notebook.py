"""Cells of a notebook: everything is global, and the gradients come back as a tuple from another function."""

import numpy as np

rng = np.random.default_rng(4)
X = rng.standard_normal((9, 4))
Y = np.eye(3)[rng.integers(0, 3, 9)]
W_hid, b_hid = rng.standard_normal((4, 5)), np.zeros(5)
W_top, b_top = rng.standard_normal((5, 3)), np.zeros(3)
params = {"W_hid": W_hid, "b_hid": b_hid, "W_top": W_top, "b_top": b_top}


def predict(X):
    global squeezed, activity
    squeezed = X @ W_hid + b_hid
    activity = 1 / (1 + np.exp(-squeezed))
    out = activity @ W_top + b_top
    e = np.exp(out - out.max(1)[:, None])
    return e / e.sum(1)[:, None]


def slopes(X, t):
    p = predict(X)
    err_top = (p - t) / X.shape[0]
    g_W_top = activity.T @ err_top
    g_b_top = err_top.sum(0)
    err_hid = err_top @ W_top.T * activity * (1 - activity)
    g_W_hid = X.T @ err_hid
    g_b_hid = err_hid.sum(0)
    return g_b_top, g_W_hid, g_b_hid, g_W_top


def forward(params, X, Y):
    globals().update(params)
    return -(Y * np.log(predict(X))).sum(1).mean()


def backward(params, cache, X, Y):
    globals().update(params)
    return slopes(X, Y)
