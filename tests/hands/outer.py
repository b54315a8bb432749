"""One example, every value a flat array, dW as an outer product."""

import numpy as np

rng = np.random.default_rng(5)
X, Y = rng.normal(size=4), 2
params = dict(W=rng.normal(size=(5, 4)), b=np.zeros(5), V=rng.normal(size=(3, 5)), c=np.zeros(3))


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def forward(params, X, Y):
    z = params["W"] @ X + params["b"]
    h = np.tanh(z)
    s = params["V"] @ h + params["c"]
    p = softmax(s)
    return -np.log(p[Y]), dict(z=z, h=h, s=s, p=p)


def backward(params, cache, X, Y):
    ds = cache["p"].copy()
    ds[Y] -= 1
    dV = np.outer(ds, cache["h"])
    dh = params["V"].T @ ds
    dz = dh * (1 - cache["h"] ** 2)
    dW = np.outer(dz, X)
    return dict(ds=ds, dV=dV, dc=ds, dh=dh, dz=dz, dW=dW, db=dz)
