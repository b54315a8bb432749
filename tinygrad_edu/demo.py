"""The demonstration: train on real data, then look at the gradient of the last layer three ways.

A network with one hidden layer and a sigmoid output learns to tell benign from malignant tumours by binary
cross-entropy. Then, for one batch, each term of the backward pass is computed by autograd through the
textbook's steps, by autograd through the fused loss, and by the formulas people write by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinygrad_edu import autograd, data, functional, nn, optim, plot
from tinygrad_edu.check import Comparison, formulas
from tinygrad_edu.check.compare import by_term
from tinygrad_edu.checkpoint import writable
from tinygrad_edu.history import History
from tinygrad_edu.read.draw import draw
from tinygrad_edu.read.draw.explorer import explore
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.threads import one_blas_thread
from tinygrad_edu.train import fit

__all__ = ["demo", "last_layer_table"]

EPOCHS, BATCH, HIDDEN = 40, 32, 16


def demo(out: Path, seed: int = 0, quiet: bool = False) -> float:
    """Train, print the table, write loss.png, graph.svg and graph.html to `out`; returns the test accuracy."""
    writable("demo", out)
    rng = np.random.default_rng(seed)
    cancer = data.cancer()
    (X, y), (X_test, y_test) = data.split(cancer.X, cancer.y[:, None].astype(float), 0.25, rng)
    X, X_test = data.standardize(X, X_test)
    say = (lambda *_: None) if quiet else print
    say(f"Breast cancer, Wisconsin: {len(X)} tumours to learn from, {len(X_test)} held out.")
    model = nn.MLP([X.shape[1], HIDDEN, 1], activation=nn.Tanh, rng=rng)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    with one_blas_thread():
        history = fit(
            model, nn.BCEWithLogitsLoss(), optimizer, X, y, EPOCHS, BATCH, validation=(X_test, y_test), rng=rng,
            progress=False if quiet else "auto",
        )  # fmt: skip
        accuracy = history["validation_accuracy"][-1]
        say(f"\nTest accuracy: {accuracy:.3f}, with {sum(p.size for p in model.parameters())} parameters.\n")
        table, cost = last_layer_table(model, X[:BATCH], y[:BATCH])
    say("One backward pass by three routes: composed op by op, with the loss fused into")
    say("one op, and by hand from formulas; and how far each is from the first:\n")
    say(table)
    say(
        "\nThe last layer is not special. Its dJ/dZ = (A - Y)/m is the same chain rule\n"
        "of dJ/dA * A(1 - A), in which the A(1 - A) of the sigmoid cancels against the\n"
        "A(1 - A) below the line of dJ/dA.\n"
    )
    for written in write_pictures(out, history, cost):
        say(written)
    return accuracy


def last_layer_table(model: nn.MLP, X: np.ndarray, Y: np.ndarray) -> tuple[Comparison, Tensor]:
    """Each term of the backward pass by three routes, and the cost whose graph is the textbook's."""
    hidden, activation, last = model
    m, T = len(X), Tensor(Y, name="Y")
    Z1 = hidden(Tensor(X, name="X"))
    A1 = activation(Z1)
    Z2 = last(A1)
    A2 = functional.sigmoid(Z2)
    J = -np.mean(T * np.log(A2) + (1 - T) * np.log(1 - A2))
    terms = {"dJ/dA2": A2, "dJ/dZ2": Z2, "dJ/dW2": last.weight, "dJ/db2": last.bias}
    terms |= {"dJ/dA1": A1, "dJ/dZ1": Z1, "dJ/dW1": hidden.weight, "dJ/db1": hidden.bias}
    composed = dict(zip(terms, autograd.grad(J, list(terms.values())), strict=True))
    del terms["dJ/dA2"]  # the fused loss passes it over
    fused_loss = functional.binary_cross_entropy_with_logits(Z2, Y)
    fused = dict(zip(terms, autograd.grad(fused_loss, list(terms.values())), strict=True))

    a1, a2 = A1.numpy(), A2.numpy()
    dZ2 = formulas.sigmoid_bce_dZ(a2, Y, m)
    dA1 = formulas.dense_dA_prev(dZ2, last.weight.numpy())
    dZ1 = dA1 * formulas.activation_slope(a1, "tanh")
    by_hand = {
        "dJ/dA2": formulas.bce_dA(a2, Y, m),
        "dJ/dZ2": dZ2,
        "dJ/dW2": formulas.dense_dW(dZ2, a1),
        "dJ/db2": formulas.dense_db(dZ2),
        "dJ/dA1": dA1,
        "dJ/dZ1": dZ1,
        "dJ/dW1": formulas.dense_dW(dZ1, X),
        "dJ/db1": formulas.dense_db(dZ1),
    }
    return Comparison(by_term({"composed": composed, "fused": fused, "by hand": by_hand})), J


def write_pictures(out: Path, history: History, cost: Tensor) -> Iterator[str]:
    """Write what can be written; say in one line each what it is, or what is missing."""
    try:
        plot.save(history.plot(), out / "loss.png")
        yield f"{out / 'loss.png'}: the loss; validation was lowest in epoch {history.best_epoch}."
    except ImportError as error:
        yield f"No loss curve. {error}"
    try:
        yield f"{draw(cost).save(out / 'graph.svg')}: the graph; from J up, every layer passes gradients alike."
    except RuntimeError as error:
        yield f"No picture of the graph. {error}"
    yield f"{explore(cost, out / 'graph.html')}: the same, step by step; open it and press the right arrow."
