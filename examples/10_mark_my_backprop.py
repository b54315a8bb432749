"""Step 10. Is my backprop right, and if not, which line?

Write forward and backward in plain NumPy and hand both in. The slip here: sigmoid' is taken of A1, where sigmoid was
applied already. Three gradients are wrong, and one line is to blame.
"""

import numpy as np

from tinygrad_edu import check

rng = np.random.default_rng(0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(params, X, Y):
    m = X.shape[1]
    Z1 = params["W1"] @ X + params["b1"]
    A1 = sigmoid(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = sigmoid(Z2)
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    return cost, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def backward(params, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = params["W2"].T @ dZ2
    dZ1 = dA1 * sigmoid(A1) * (1 - sigmoid(A1))
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}


X, Y = rng.standard_normal((3, 8)), (rng.random((2, 8)) > 0.5) * 1.0
params = {
    "W1": rng.standard_normal((4, 3)),
    "b1": np.zeros((4, 1)),
    "W2": rng.standard_normal((2, 4)),
    "b2": np.zeros((2, 1)),
}
print(check.backprop(forward, backward, params, X, Y))
