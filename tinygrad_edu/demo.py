"""The demonstration: train on real data, then look at the gradient of the last layer three ways.

A network with one hidden layer and a sigmoid output learns to tell benign from malignant tumours by binary
cross-entropy. Then, for one batch, each term of the backward pass is computed by autograd through the
textbook's steps, by autograd through the fused loss, and by the formulas people write by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tinygrad_edu import autograd, data, functional, nn, optim, plot
from tinygrad_edu.check import Comparison, formulas
from tinygrad_edu.read.draw import draw
from tinygrad_edu.read.draw.explorer import explore
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.threads import one_blas_thread

__all__ = ["demo", "last_layer_table", "train"]

EPOCHS, BATCH, HIDDEN = 40, 32, 16


def demo(out: Path, seed: int = 0, quiet: bool = False) -> float:
    """Train, print the table, write loss.png, graph.svg and graph.html to `out`; returns the test accuracy."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    cancer = data.cancer()
    (X, y), (X_test, y_test) = data.split(cancer.X, cancer.y[:, None].astype(float), 0.25, rng)
    X, X_test = data.standardize(X, X_test)
    say = (lambda *_: None) if quiet else print
    say(
        f"Breast cancer, Wisconsin: {len(X)} tumours to learn from, {len(X_test)} held out, "
        f"{X.shape[1]} measurements each."
    )
    model = nn.MLP([X.shape[1], HIDDEN, 1], activation=nn.Tanh, rng=rng)
    with one_blas_thread():
        losses = train(model, (X, y), (X_test, y_test), rng, quiet)
        with autograd.no_grad():
            accuracy = float(np.mean((model(X_test).numpy() > 0) == y_test))
        say(f"Test accuracy: {accuracy:.3f}, with {sum(p.size for p in model.parameters())} parameters.\n")
        table, cost = last_layer_table(model, X[:BATCH], y[:BATCH])
    say(f"The backward pass of one batch of {BATCH}, by three routes. Differences from the first route:\n")
    say(table)
    say(
        "\nThe last layer is not special. Its dJ/dZ = (A - Y)/m is the same chain rule, dJ/dA * A(1 - A),\n"
        "in which the A(1 - A) of the sigmoid cancels against the A(1 - A) below the line of dJ/dA.\n"
    )
    for written in write_pictures(out, losses, cost):
        say(written)
    return accuracy


def train(
    model: nn.Module,
    training: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    quiet: bool = False,
) -> dict[str, list[float]]:
    """Adam on binary cross-entropy; the training and test losses by epoch."""
    loss, optimizer = nn.BCEWithLogitsLoss(), optim.Adam(model.parameters(), lr=0.01)
    losses: dict[str, list[float]] = {"training": [], "test": []}
    for _ in progress(range(EPOCHS), quiet):
        total = 0.0
        for X, y in data.batches(*training, BATCH, rng):
            optimizer.zero_grad()
            J = loss(model(X), y)
            J.backward()
            optimizer.step()
            total += J.item() * len(X)
        losses["training"].append(total / len(training[0]))
        with autograd.no_grad():
            losses["test"].append(loss(model(test[0]), test[1]).item())
    return losses


def last_layer_table(model: nn.MLP, X: np.ndarray, Y: np.ndarray) -> tuple[Comparison, Tensor]:
    """Each term of the backward pass by three routes, and the cost whose graph is the textbook's."""
    hidden, activation, last = model
    W1, b1, W2, b2 = hidden.weight, hidden.bias, last.weight, last.bias
    m = len(X)

    def forward() -> tuple[Tensor, Tensor, Tensor]:
        Z1 = hidden(Tensor(X, name="X"))
        A1 = activation(Z1)
        return Z1, A1, last(A1)

    Z1, A1, Z2 = forward()
    A2, T = functional.sigmoid(Z2), Tensor(Y, name="Y")
    J = -np.mean(T * np.log(A2) + (1 - T) * np.log(1 - A2))
    names = ["dJ/dA2", "dJ/dZ2", "dJ/dW2", "dJ/db2", "dJ/dA1", "dJ/dZ1", "dJ/dW1", "dJ/db1"]
    composed = dict(zip(names, autograd.grad(J, [A2, Z2, W2, b2, A1, Z1, W1, b1]), strict=True))

    Z1, A1, Z2 = forward()
    fused_loss = functional.binary_cross_entropy_with_logits(Z2, Y)
    fused = dict(zip(names[1:], autograd.grad(fused_loss, [Z2, W2, b2, A1, Z1, W1, b1]), strict=True))

    a1, a2 = A1.numpy(), A2.numpy()
    dZ2 = formulas.sigmoid_bce_dZ(a2, Y, m)
    dA1 = formulas.dense_dA_prev(dZ2, W2.numpy())
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
    routes = {"composed": composed, "fused": fused}
    terms = {
        name: {route: by[name].numpy() for route, by in routes.items() if name in by} | {"by hand": by_hand[name]}
        for name in names
    }
    return Comparison(terms), J


def write_pictures(out: Path, losses: dict[str, list[float]], cost: Tensor) -> Iterator[str]:
    """Write what can be written; say in one line each what it is, or what is missing."""
    try:
        plot.save(plot.loss_curve(losses), out / "loss.png")
        yield f"{out / 'loss.png'}: the loss curve; look where test stops falling while training goes on."
    except ImportError as error:
        yield f"No loss curve. {error}"
    try:
        path = draw(cost).save(out / "graph.svg")
        yield f"{path}: the graph of the cost; from J up, the chain rule passes every layer in the same way."
    except RuntimeError as error:
        yield f"No picture of the graph. {error}"
    path = explore(cost, out / "graph.html")
    yield f"{path}: the same graph, step by step; open it in a browser and press the right arrow."


def progress(epochs: Iterable[int], quiet: bool) -> Iterable[int]:
    """The epochs, with a progress bar on a terminal where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return epochs
    result: Iterable[int] = tqdm(epochs, desc="Training", unit="epoch", disable=quiet or None, ncols=80)
    return result
