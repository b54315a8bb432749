"""Two layers on class numbers, flat biases, a penalty; examples in rows."""

import numpy as np

rng = np.random.default_rng(4)
N, D, H, C = 9, 4, 6, 3
X = rng.standard_normal((N, D))
Y = rng.integers(0, C, N)
params = {
    "W1": 0.5 * rng.standard_normal((D, H)),
    "b1": 0.1 * rng.standard_normal(H),
    "W2": 0.5 * rng.standard_normal((H, C)),
    "b2": np.zeros(C),
}
reg = 0.3


def forward(params, X, y):
    hidden = np.maximum(0, X.dot(params["W1"]) + params["b1"])
    scores = hidden.dot(params["W2"]) + params["b2"]
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    exp_scores = np.exp(shifted)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    correct = -np.log(probs[np.arange(X.shape[0]), y])
    loss = np.sum(correct) / X.shape[0]
    loss = loss + 0.5 * reg * np.sum(params["W1"] * params["W1"]) + 0.5 * reg * np.sum(params["W2"] * params["W2"])
    return loss, {"hidden": hidden, "scores": scores, "probs": probs}


def backward(params, cache, X, y):
    N = X.shape[0]
    hidden, dscores = cache["hidden"], cache["probs"]
    dscores[range(N), y] -= 1
    dscores /= N
    dW2 = hidden.T.dot(dscores)
    db2 = np.sum(dscores, axis=0)
    dhidden = dscores.dot(params["W2"].T)
    dhidden[hidden <= 0] = 0
    dW1 = X.T.dot(dhidden)
    db1 = np.sum(dhidden, axis=0)
    dW2 += reg * params["W2"]
    dW1 += reg * params["W1"]
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
