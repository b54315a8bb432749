"""Lists of weights and biases, indices from the end, a squared error; examples in columns."""

import numpy as np

rng = np.random.default_rng(11)
sizes = [3, 5, 4, 2]
params = {
    "biases": [rng.standard_normal((n, 1)) for n in sizes[1:]],
    "weights": [rng.standard_normal((n, k)) / np.sqrt(k) for k, n in zip(sizes[:-1], sizes[1:], strict=True)],
}
X, Y = rng.standard_normal((3, 8)), rng.random((2, 8))


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def forward(params, X, Y):
    activation, activations, zs = X, [X], []
    for b, w in zip(params["biases"], params["weights"], strict=True):
        z = np.dot(w, activation) + b
        zs.append(z)
        activation = sigmoid(z)
        activations.append(activation)
    return 0.5 * np.sum((activations[-1] - Y) ** 2), {"zs": zs, "activations": activations}


def backward(params, cache, X, Y):
    weights, zs, activations = params["weights"], cache["zs"], cache["activations"]
    nabla_b = [np.zeros(b.shape) for b in params["biases"]]
    nabla_w = [np.zeros(w.shape) for w in weights]
    delta = (activations[-1] - Y) * sigmoid_prime(zs[-1])
    nabla_b[-1] = delta.sum(axis=1, keepdims=True)
    nabla_w[-1] = np.dot(delta, activations[-2].T)
    for l in range(2, len(weights) + 1):
        sp = sigmoid_prime(zs[-l])
        delta = np.dot(weights[-l + 1].T, delta) * sp
        nabla_b[-l] = delta.sum(axis=1, keepdims=True)
        nabla_w[-l] = np.dot(delta, activations[-l - 1].T)
    return {"nabla_biases": nabla_b, "nabla_weights": nabla_w}
