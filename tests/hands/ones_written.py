"""Biases in the first column: values are written beside ones, and the L2 term leaves out what is set to 0."""

import numpy as np

rng = np.random.default_rng(46)
X, Y = rng.standard_normal((7, 3)), (rng.random((7, 1)) > 0.5) * 1.0
params = {"Theta1": rng.standard_normal((4, 4)), "Theta2": rng.standard_normal((1, 5))}
lam = 0.7


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def add_ones(A):
    out = np.ones((A.shape[0], A.shape[1] + 1))
    out[:, 1:] = A
    return out


def forward(params, X, Y):
    m = len(Y)
    a1 = add_ones(X)
    z2 = a1.dot(params["Theta1"].T)
    a2 = add_ones(sigmoid(z2))
    z3 = a2.dot(params["Theta2"].T)
    a3 = sigmoid(z3)
    J = (-Y.T.dot(np.log(a3)) - (1 - Y).T.dot(np.log(1 - a3))) / m
    t1, t2 = params["Theta1"].copy(), params["Theta2"].copy()
    t1[:, 0] = 0
    t2[:, 0] = 0
    J = J + lam / (2 * m) * (np.sum(t1**2) + np.sum(t2**2))
    return J[0, 0], {"a1": a1, "z2": z2, "a2": a2, "z3": z3, "a3": a3}


def backward(params, cache, X, Y):
    m = len(Y)
    dz3 = cache["a3"] - Y
    da2 = dz3.dot(params["Theta2"])
    s = sigmoid(cache["z2"])
    dz2 = da2[:, 1:] * s * (1 - s)
    t1, t2 = params["Theta1"].copy(), params["Theta2"].copy()
    t1[:, 0] = 0
    t2[:, 0] = 0
    dTheta1 = dz2.T.dot(cache["a1"]) / m + lam / m * t1
    dTheta2 = dz3.T.dot(cache["a2"]) / m + lam / m * t2
    return {"dz3": dz3, "da2": da2, "dz2": dz2, "dTheta1": dTheta1, "dTheta2": dTheta2}
