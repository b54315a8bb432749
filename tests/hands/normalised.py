"""Batch normalisation between two layers."""

import numpy as np

rng = np.random.default_rng(3)
params = {
    "W1": rng.standard_normal((6, 3)),
    "g": np.ones((6, 1)),
    "beta": np.zeros((6, 1)),
    "W2": rng.standard_normal((2, 6)),
}
X = rng.standard_normal((3, 9))
Y = rng.standard_normal((2, 9))


def forward(p, X, Y):
    Z = p["W1"] @ X
    mu = Z.mean(axis=1, keepdims=True)
    var = Z.var(axis=1, keepdims=True)
    xhat = (Z - mu) / np.sqrt(var + 1e-5)
    N = p["g"] * xhat + p["beta"]
    A = np.maximum(N, 0)
    O = p["W2"] @ A
    return np.sum((O - Y) ** 2) / X.shape[1], dict(Z=Z, xhat=xhat, std=np.sqrt(var + 1e-5), N=N, A=A, O=O)


def backward(p, c, X, Y):
    m = X.shape[1]
    dO = 2 * (c["O"] - Y) / m
    dA = p["W2"].T @ dO
    dN = dA * (c["N"] > 0)
    dxhat = dN * p["g"]
    dZ = (
        (m * dxhat - dxhat.sum(1, keepdims=True) - c["xhat"] * (dxhat * c["xhat"]).sum(1, keepdims=True)) / m / c["std"]
    )
    return dict(
        dO=dO,
        dA=dA,
        dN=dN,
        dxhat=dxhat,
        dZ=dZ,
        dW1=dZ @ X.T,
        dg=(dN * c["xhat"]).sum(1, keepdims=True),
        dbeta=dN.sum(1, keepdims=True),
        dW2=dO @ c["A"].T,
    )
