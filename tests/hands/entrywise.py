"""Loops over examples, units and inputs, and no product of matrices at all."""

import numpy as np

rng = np.random.default_rng(1)
params = {"w1": rng.normal(size=(3, 2)), "b1": rng.normal(size=3), "w2": rng.normal(size=3), "b2": rng.normal(size=1)}
X, Y = rng.normal(size=(5, 2)), np.array([0.0, 1.0, 1.0, 0.0, 1.0])


def sig(x):
    return 1 / (1 + np.exp(-x))


def forward(params, X, Y):
    total, hidden, outputs = 0, [], []
    for n in range(len(X)):
        h = []
        for j in range(3):
            s = params["b1"][j]
            for i in range(2):
                s = s + params["w1"][j, i] * X[n, i]
            h.append(sig(s))
        o = params["b2"][0]
        for j in range(3):
            o = o + params["w2"][j] * h[j]
        hidden.append(h)
        outputs.append(sig(o))
        total = total + (outputs[n] - Y[n]) ** 2
    return total / len(X), {"hidden": hidden, "outputs": outputs}


def backward(params, cache, X, Y):
    gw1, gb1, gw2, gb2 = np.zeros((3, 2)), np.zeros(3), np.zeros(3), np.zeros(1)
    for n in range(len(X)):
        o, h = cache["outputs"][n], cache["hidden"][n]
        slope = 2 * (o - Y[n]) / len(X)
        back = slope * o * (1 - o)
        gb2[0] += back
        for j in range(3):
            gw2[j] += back * h[j]
            below = back * params["w2"][j] * h[j] * (1 - h[j])
            gb1[j] += below
            for i in range(2):
                gw1[j, i] += below * X[n, i]
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}
