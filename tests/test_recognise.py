"""The last layer of one's own model: found, recognised however it is written, and compared."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_edu as tg
from tinygrad_edu import check, nn
from tinygrad_edu.tensor import Tensor

TERMS = ["J", "dJ/dA", "dJ/dZ", "dJ/dW", "dJ/db", "dJ/dA_prev"]
RNG = np.random.default_rng(3)
X, YES, LABELS = RNG.standard_normal((6, 4)), RNG.integers(0, 2, (6, 1)).astype(float), np.array([0, 2, 1, 1, 0, 2])
VALUES = RNG.uniform(0.1, 0.9, (6, 3))


def dense(k, *after):
    return nn.Sequential(nn.Linear(4, 5, rng=0), nn.Tanh(), nn.Linear(5, k, rng=1), *after)


def own_bce(a, t):
    return -np.mean(t * np.log(a + 1e-12) + (1 - t) * np.log(1 - a + 1e-12))


def own_softmax_loss(z, labels):
    a = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.sum(np.log(a[np.arange(len(labels)), labels]))


def stable_bce(z, t):
    return np.mean(np.where(z > 0, z, 0) - t * z + np.log(1 + np.exp(-np.abs(z))))


def clipped_bce(a, t):
    a = np.clip(a, 1e-7, 1 - 1e-7)
    return -(t * np.log(a) + (1 - t) * np.log(1 - a)).mean()


MODELS = {
    "fused bce": (dense(1), nn.BCEWithLogitsLoss(), YES, "sigmoid-bce", "6 examples"),
    "bce": (dense(1, nn.Sigmoid()), nn.BCELoss(), YES, "sigmoid-bce", "6 examples"),
    "sum": (dense(1, nn.Sigmoid()), nn.BCELoss("sum"), YES, "sigmoid-bce", "1"),
    "own bce": (dense(1, nn.Sigmoid()), own_bce, YES, "sigmoid-bce", "6 examples"),
    "stable": (dense(1), stable_bce, YES, "sigmoid-bce", "6 examples"),
    "clipped": (dense(1, nn.Sigmoid()), clipped_bce, YES, "sigmoid-bce", "6 examples"),
    "many outputs": (dense(3), nn.BCEWithLogitsLoss(), VALUES, "sigmoid-bce", "18"),
    "fused nll": (dense(3), nn.CrossEntropyLoss(), LABELS, "softmax-nll", "6 examples"),
    "nll": (dense(3, nn.LogSoftmax()), nn.NLLLoss(), LABELS, "softmax-nll", "6 examples"),
    "own nll": (dense(3), own_softmax_loss, LABELS, "softmax-nll", "1"),
    "mse": (dense(3), nn.MSELoss(), VALUES, "linear-mse", "18"),
    "half": (dense(3), lambda a, t: np.sum((a - t) ** 2) / (2 * len(t)), VALUES, "linear-mse-half", "6 examples"),
    "tanh": (dense(3, nn.Tanh()), nn.MSELoss(), VALUES, "tanh-mse", "18"),
    "sigmoid": (dense(3, nn.Sigmoid()), nn.MSELoss(), VALUES, "sigmoid-mse", "18"),
    "poisson": (dense(3, np.exp), lambda a, t: np.mean(a - t * np.log(a)), VALUES, "exp-poisson", "18"),
}
models = pytest.mark.parametrize(("model", "loss", "y", "pair", "m"), MODELS.values(), ids=MODELS)


@models
def test_the_last_layer_of_a_model_is_found_and_compared(model, loss, y, pair, m):
    comparison = check.last_layer(model, loss, X, y)
    assert comparison.title.startswith(f"W2, {pair}: ") or comparison.title.startswith(f"parameter (3), {pair}: ")
    assert comparison.title.endswith(f"m = {m}")
    fused = {"dJ/dA"} - comparison.terms.keys()
    assert list(comparison.terms) == [term for term in TERMS if term not in fused]
    assert comparison.largest < 1e-10
    J = loss(model(X), y)
    W, b = model[2].weight, model[2].bias
    for term, g in zip(("dJ/dW", "dJ/db"), tg.autograd.grad(J, [W, b]), strict=True):
        assert_allclose(comparison.terms[term]["autograd"], g.numpy(), rtol=1e-12, atol=1e-15)
    assert all(x.grad is None for x in model.parameters())


def test_float32_models_are_recognised():
    model = nn.MLP([4, 5, 1], rng=0, dtype=np.float32)
    comparison = check.last_layer(model, nn.BCEWithLogitsLoss(), X.astype(np.float32), YES.astype(np.float32))
    assert "sigmoid-bce" in comparison.title
    assert comparison.largest_relative < 1e-5


w, v = Tensor(RNG.standard_normal((4, 3)), True, "w"), Tensor(RNG.standard_normal(4), True, "v")
c, d, e = (Tensor(x, True) for x in (np.zeros(3), 0.1, np.zeros((3, 1))))


@pytest.mark.parametrize(
    ("model", "loss", "X", "y", "shape"),
    [
        (lambda X: X @ w, own_softmax_loss, X, LABELS, (4, 3)),
        (lambda X: c + np.dot(X, w), nn.MSELoss(), X, VALUES, (4, 3)),
        (lambda X: X @ v + d, nn.BCEWithLogitsLoss(), X, YES[:, 0], (4,)),
        (lambda X: (X @ v)[:, None], nn.BCEWithLogitsLoss(), X, YES, (4,)),
        (lambda X: w.T @ X + e, nn.MSELoss(), X.T, VALUES.T, (4, 3)),
        (lambda X: (w.T @ X + e).T, nn.CrossEntropyLoss(), X.T, LABELS, (4, 3)),
        (lambda X: v @ X, nn.BCEWithLogitsLoss(), X.T, YES[:, 0], (4,)),
        (lambda X: tg.linear(X, w.T), nn.MSELoss(), X[None], VALUES[None], None),
    ],
)
def test_layers_written_by_hand_in_either_layout(model, loss, X, y, shape):
    comparison = check.last_layer(model, loss, X, y)
    assert comparison.largest < 1e-14
    if shape:
        assert comparison.terms["dJ/dW"]["by hand"].shape == shape


def test_a_penalty_is_told_apart_from_the_layer():
    model = nn.MLP([4, 5, 1], rng=0)

    def loss(z, t):
        return nn.BCEWithLogitsLoss()(z, t) + 0.1 * np.sum(model[2].weight ** 2)

    comparison = check.last_layer(model, loss, X, YES)
    first, more, elsewhere = comparison.title.splitlines()
    assert first.endswith("m = 6 examples")
    assert float(more.split()[2]) == pytest.approx(0.1 * np.sum(model[2].weight.numpy() ** 2), rel=1e-5)
    assert elsewhere.startswith("W2 is used elsewhere too")
    assert comparison.largest < 1e-14


def test_a_wrong_rule_is_recognised_and_shown():
    wrong = tg.ops.Op(lambda z: 1 / (1 + np.exp(-z)), lambda g, y, z: g * y, name="wrong")
    comparison = check.last_layer(dense(1, wrong), nn.BCELoss(), X, YES)
    assert "sigmoid-bce" in comparison.title
    assert comparison.difference("dJ/dA", "by hand") < 1e-14
    assert comparison.difference("dJ/dZ", "by hand") > 0.01


@pytest.mark.parametrize(
    ("model", "loss", "kind", "message"),
    [
        (dense(3, nn.ReLU()), nn.MSELoss(), ValueError,
         r"last_layer: the last layer must end in a known pair of activation and loss, sigmoid-bce, .*exp-poisson; "
         r"got linear -> relu -> subtract -> square -> mean with Z \(6, 3\) and y \(6, 3\)"),
        (dense(3), lambda a, t: np.abs(a - t).mean(), ValueError, r"got linear -> subtract -> abs -> mean with Z"),
        (dense(3), lambda a, t: -np.mean((a - t) ** 2), ValueError, r"got linear -> .* -> negative with Z"),
        (dense(3), nn.MSELoss("none"), ValueError, r"last_layer: the loss must be one number; got shape \(6, 3\)"),
        (dense(3), lambda a, t: a.sum().item(), TypeError, r"model and loss must return Tensors; got float"),
        (lambda X: X, lambda a, t: d * 2, TypeError, r"model and loss must return Tensors; got ndarray"),
        (lambda X: X * d, nn.MSELoss(), ValueError, r"must hold a dense layer, .*; got multiply -> subtract"),
        (dense(3), lambda a, t: np.mean(X @ w), ValueError, r"the cost must depend on model\(X\)"),
    ],
)  # fmt: skip
def test_what_is_not_recognised_is_said_in_one_sentence(model, loss, kind, message):
    with pytest.raises(kind, match=message):
        check.last_layer(model, loss, X, VALUES if not isinstance(model, type(lambda: 0)) else X)
