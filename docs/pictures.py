"""Make the pictures of the documentation: python docs/pictures.py

For each drawing of a graph its source, which the tests compare with what this makes, and the SVG. The plots are what
the page on plots saves when it is run.
"""

import contextlib
import re
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.autograd import grad
from tinygrad_edu.read.draw import Drawing, draw

FOLDER = Path(__file__).parent / "pictures"


def neuron() -> Drawing:
    """One neuron with two inputs, and its squared error: every number can be checked by hand."""
    x1, x2, y = tg.Tensor(2.0), tg.Tensor(-1.0), tg.Tensor(1.0)
    w1, w2, b = (tg.Tensor(value, requires_grad=True) for value in (0.5, -1.0, -0.5))
    z = w1 * x1 + w2 * x2 + b
    a = tg.sigmoid(z)
    J = (a - y) ** 2
    return draw(J, names={"x1": x1, "x2": x2, "y": y, "w1": w1, "w2": w2, "b": b, "z": z, "a": a, "J": J})


def batch(rows: int, columns: int) -> tuple[tg.Tensor, tg.Tensor, np.random.Generator]:
    """Examples in rows, their classes, and the generator that made them."""
    rng = np.random.default_rng(0)
    X = tg.Tensor(rng.standard_normal((rows, columns)), name="X")
    return X, tg.Tensor(rng.integers(0, 2, (rows, 1)), name="Y", dtype=float), rng


def mlp() -> Drawing:
    """A network with two hidden layers and a loss on logits, a box around each module."""
    X, Y, rng = batch(6, 2)
    model, loss = tg.nn.MLP([2, 4, 3, 1], rng=rng), tg.nn.BCEWithLogitsLoss()
    return draw(loss(model(X), Y))


def mlp_folded() -> Drawing:
    """The same network, each box closed."""
    X, Y, rng = batch(6, 2)
    model, loss = tg.nn.MLP([2, 4, 3, 1], rng=rng), tg.nn.BCEWithLogitsLoss()
    return draw(loss(model(X), Y), group="fold", direction="LR")


def last_layer() -> Drawing:
    """The last layer with the cross-entropy written out: dJ/dZ is A − Y over m, link by link."""
    A1, Y, rng = batch(4, 3)
    A1.name = "A1"
    W2 = tg.Tensor(rng.standard_normal((1, 3)), requires_grad=True, name="W2")
    b2 = tg.Tensor(np.zeros(1), requires_grad=True, name="b2")
    A2 = tg.sigmoid(tg.linear(A1, W2, b2))
    others = 1 - Y
    return draw(-np.mean(Y * np.log(A2) + others * np.log(1 - A2)), names={"1 − Y": others})


def backward() -> Drawing:
    """The graph of a gradient: the chain rule has recorded itself."""
    w, x = tg.Tensor(0.5, requires_grad=True, name="w"), tg.Tensor(2.0, name="x")
    a = np.tanh(w * x)
    slope = grad(a**2, w, create_graph=True)
    return draw(slope, names={"a": a, "dJ/dw": slope, "w": w, "x": x})


PICTURES = {
    "neuron": neuron,
    "mlp": mlp,
    "mlp-folded": mlp_folded,
    "last-layer": last_layer,
    "backward": backward,
}

PLOTS = Path(__file__).parent / "plots.md"


def shown(page: str) -> list[str]:
    """The names of the pictures that a page shows."""
    return re.findall(r"\]\(pictures/(.+?)\)", page)


def plots() -> None:
    """Run the page on plots, and keep the pictures that it shows."""
    page, namespace = PLOTS.read_text(encoding="utf-8"), {"__name__": "__main__"}
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            exec(compile(block, str(PLOTS), "exec"), namespace)
        for name in shown(page):
            print(copy(name, FOLDER / name))


if __name__ == "__main__":
    plots()
    for name, make in PICTURES.items():
        for form in ("gv", "svg"):
            print(make().save(FOLDER / f"{name}.{form}"))
