"""One example after the other in backward, the gradients added up; examples in rows."""

import numpy as np

rng = np.random.default_rng(8)
params = {
    "U": rng.standard_normal((5, 3)) * 0.6,
    "c": rng.standard_normal(5) * 0.1,
    "V": rng.standard_normal((2, 5)) * 0.6,
    "d": np.zeros(2),
}
X, Y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))


def forward(params, X, Y):
    h = np.tanh(X @ params["U"].T + params["c"])
    out = h @ params["V"].T + params["d"]
    return np.mean(np.sum((out - Y) ** 2, axis=1)), {"h": h, "out": out}


def backward(params, cache, X, Y):
    U, V, h, out = params["U"], params["V"], cache["h"], cache["out"]
    dU, dc, dV, dd = np.zeros_like(U), np.zeros(5), np.zeros_like(V), np.zeros(2)
    n = len(X)
    for i in range(n):
        err = 2 * (out[i] - Y[i])
        dV += np.outer(err, h[i])
        dd += err
        back = V.T @ err * (1 - h[i] ** 2)
        dU += np.outer(back, X[i])
        dc += back
    return {"dU": dU / n, "dc": dc / n, "dV": dV / n, "dd": dd / n}
