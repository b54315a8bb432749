"""Attention of two heads, one after the other in a loop, their weights in one array."""

import numpy as np

rng = np.random.default_rng(4)
T, D, d, n_heads = 5, 6, 3, 2
X, Y = rng.standard_normal((T, D)), rng.standard_normal((T, D))
params = {k: rng.standard_normal((n_heads, D, d)) * 0.5 for k in ("Wq", "Wk", "Wv")}
params["Wo"] = rng.standard_normal((n_heads * d, D)) * 0.5


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(params, X, Y):
    heads, attn = [], []
    for h in range(n_heads):
        q, k, v = X @ params["Wq"][h], X @ params["Wk"][h], X @ params["Wv"][h]
        a = softmax(q @ k.T / np.sqrt(d))
        heads.append(a @ v)
        attn.append((q, k, v, a))
    concat = np.concatenate(heads, axis=1)
    out = concat @ params["Wo"]
    cost = np.mean((out - Y) ** 2)
    return cost, {"attn": attn, "concat": concat, "out": out}


def backward(params, cache, X, Y):
    dout = 2 * (cache["out"] - Y) / Y.size
    dWo = cache["concat"].T @ dout
    dconcat = dout @ params["Wo"].T
    dWq, dWk, dWv = np.zeros_like(params["Wq"]), np.zeros_like(params["Wk"]), np.zeros_like(params["Wv"])
    for h in range(n_heads):
        q, k, v, a = cache["attn"][h]
        dhead = dconcat[:, h * d : (h + 1) * d]
        dv = a.T @ dhead
        da = dhead @ v.T
        ds = a * (da - np.sum(da * a, axis=-1, keepdims=True))
        ds /= np.sqrt(d)
        dq = ds @ k
        dk = ds.T @ q
        dWq[h] = X.T @ dq
        dWk[h] = X.T @ dk
        dWv[h] = X.T @ dv
    return {"Wq": dWq, "Wk": dWk, "Wv": dWv, "Wo": dWo}
