"""A list of layers that keep their own gradients, a small number inside the log, and masks set where they stand."""

import numpy as np

rng = np.random.default_rng(8)
X, Y = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
params = {
    "W1": rng.standard_normal((5, 4)),
    "b1": rng.random(4),
    "W2": rng.standard_normal((4, 3)),
    "b2": rng.random(3),
}


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class Softmax:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


def run(params, X, Y):
    layers, last = [Affine(params["W1"], params["b1"]), Relu(), Affine(params["W2"], params["b2"])], Softmax()
    for layer in layers:
        X = layer.forward(X)
    return last.forward(X, Y), layers, last


def forward(params, X, Y):
    return run(params, X, Y)[0]


def backward(params, cache, X, Y):
    cost, layers, last = run(params, X, Y)
    dout = last.backward()
    for layer in reversed(layers):
        dout = layer.backward(dout)
    first, relu, second = layers
    return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}
