"""The bias as a column of ones set beside the values with np.c_; examples in rows."""

import numpy as np

rng = np.random.default_rng(25)
X, Y = rng.standard_normal((9, 3)), np.eye(3)[rng.integers(0, 3, 9)]
params = {"Theta1": rng.standard_normal((5, 4)), "Theta2": rng.standard_normal((3, 6))}
lam = 0.4


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(params, X, Y):
    m = X.shape[0]
    a1 = np.c_[np.ones(m), X]
    z2 = a1 @ params["Theta1"].T
    a2 = np.c_[np.ones((m, 1)), sigmoid(z2)]
    z3 = a2 @ params["Theta2"].T
    h = sigmoid(z3)
    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J += lam / (2 * m) * (np.sum(params["Theta1"][:, 1:] ** 2) + np.sum(params["Theta2"][:, 1:] ** 2))
    return J, {"a1": a1, "z2": z2, "a2": a2, "z3": z3, "h": h}


def backward(params, cache, X, Y):
    m = X.shape[0]
    d3 = cache["h"] - Y
    d2 = (d3 @ params["Theta2"])[:, 1:] * sigmoid(cache["z2"]) * (1 - sigmoid(cache["z2"]))
    Theta1_grad = d2.T @ cache["a1"] / m
    Theta2_grad = d3.T @ cache["a2"] / m
    Theta1_grad[:, 1:] += lam / m * params["Theta1"][:, 1:]
    Theta2_grad[:, 1:] += lam / m * params["Theta2"][:, 1:]
    return {"Theta1_grad": Theta1_grad, "Theta2_grad": Theta2_grad}
