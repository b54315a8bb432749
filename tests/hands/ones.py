"""Biases as the first column of Theta, which the L2 term leaves out; examples in rows."""

import numpy as np

lam = 0.3
rng = np.random.default_rng(11)
X, Y = rng.standard_normal((9, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0, 0, 2, 1]]
params = {
    "Theta1": rng.standard_normal((5, 5)),
    "Theta2": rng.standard_normal((4, 6)),
    "Theta3": rng.standard_normal((3, 5)),
}


def g(z):
    return 1 / (1 + np.exp(-z))


def with_ones(A):
    return np.column_stack([np.ones(len(A)), A])


def forward(params, X, Y):
    T1, T2, T3 = params["Theta1"], params["Theta2"], params["Theta3"]
    m = len(X)
    a1 = with_ones(X)
    z2 = a1 @ T1.T
    a2 = with_ones(g(z2))
    z3 = a2 @ T2.T
    a3 = with_ones(g(z3))
    z4 = a3 @ T3.T
    h = g(z4)
    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J = J + lam / (2 * m) * (np.sum(T1[:, 1:] ** 2) + np.sum(T2[:, 1:] ** 2) + np.sum(T3[:, 1:] ** 2))
    return J, dict(a1=a1, z2=z2, a2=a2, z3=z3, a3=a3, z4=z4, h=h)


def backward(params, cache, X, Y):
    T1, T2, T3 = params["Theta1"], params["Theta2"], params["Theta3"]
    m = len(X)
    d4 = cache["h"] - Y
    d3 = (d4 @ T3)[:, 1:] * g(cache["z3"]) * (1 - g(cache["z3"]))
    d2 = (d3 @ T2)[:, 1:] * g(cache["z2"]) * (1 - g(cache["z2"]))
    G1 = d2.T @ cache["a1"] / m
    G2 = d3.T @ cache["a2"] / m
    G3 = d4.T @ cache["a3"] / m
    G1[:, 1:] += lam / m * T1[:, 1:]
    G2[:, 1:] += lam / m * T2[:, 1:]
    G3[:, 1:] += lam / m * T3[:, 1:]
    return {"Theta1_grad": G1, "Theta2_grad": G2, "Theta3_grad": G3}
