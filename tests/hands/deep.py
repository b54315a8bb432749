"""Helpers in helpers, a list of caches in a tuple, an L2 term, gradients down to the input; examples in columns."""

import numpy as np

LAMBDA = 0.7
dims = [5, 6, 4, 3, 1]
rng = np.random.default_rng(4)
X = rng.standard_normal((5, 11))
Y = (rng.random((1, 11)) > 0.5).astype(int)
params = {}
for l in range(1, 5):
    params["W" + str(l)] = rng.standard_normal((dims[l], dims[l - 1])) * np.sqrt(2.0 / dims[l - 1])
    params["b" + str(l)] = np.zeros((dims[l], 1))


def linear(A, W, b):
    Z = W.dot(A) + b
    return Z, (A, W, b)


def layer(A_prev, W, b, activation):
    Z, linear_cache = linear(A_prev, W, b)
    A = np.maximum(0, Z) if activation == "relu" else 1 / (1 + np.exp(-Z))
    return A, (linear_cache, Z)


def model(X, parameters):
    caches, A, L = [], X, len(parameters) // 2
    for l in range(1, L + 1):
        A_prev = A
        kind = "relu" if l < L else "sigmoid"
        A, cache = layer(A_prev, parameters["W" + str(l)], parameters["b" + str(l)], kind)
        caches.append(cache)
    return A, caches


def forward(params, X, Y):
    AL, caches = model(X, params)
    m = Y.shape[1]
    cost = np.squeeze(1.0 / m * (-np.dot(Y, np.log(AL).T) - np.dot(1 - Y, np.log(1 - AL).T)))
    squares = 0
    for l in range(1, len(params) // 2 + 1):
        squares += np.sum(np.square(params["W" + str(l)]))
    return cost + LAMBDA / (2 * m) * squares, (AL, caches)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = 1.0 / m * np.dot(dZ, A_prev.T) + LAMBDA / m * W
    db = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def layer_backward(dA, cache, activation):
    linear_cache, Z = cache
    if activation == "relu":
        dZ = np.array(dA, copy=True)
        dZ[Z <= 0] = 0
    else:
        s = 1 / (1 + np.exp(-Z))
        dZ = dA * s * (1 - s)
    return linear_backward(dZ, linear_cache)


def backward(params, cache, X, Y):
    AL, caches = cache
    grads, L = {}, len(caches)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    last = layer_backward(dAL, caches[L - 1], "sigmoid")
    grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = last
    for l in reversed(range(L - 1)):
        dA, dW, db = layer_backward(grads["dA" + str(l + 1)], caches[l], "relu")
        grads["dA" + str(l)], grads["dW" + str(l + 1)], grads["db" + str(l + 1)] = dA, dW, db
    return grads
