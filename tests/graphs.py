"""Graphs that the tests of the readings share, and what is in the page of one."""

import json
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.tensor import Tensor

HOSTILE = "</script><img src=x onerror=alert(1)>\\ \"quoted\" 'too' <!-- ${title} {a}"


def leaf(value=(1.0, 2.0), name=None):
    return Tensor(value, requires_grad=True, name=name)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def network(sizes=(3, 4, 1), m=5):
    """The textbook's network with its cost in steps of its own."""
    rng = np.random.default_rng(0)
    A = tg.sigmoid(nn.MLP(list(sizes), rng=rng)(Tensor(normal(m, sizes[0]), name="X")))
    Y = Tensor(rng.integers(0, 2, (m, sizes[-1])).astype(float), name="Y")
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def classes():
    """Softmax, then the log-likelihood of class numbers; a bias that NumPy stretches."""
    Z = Tensor(normal(6, 4) / 4, name="X") @ leaf(normal(4, 3, seed=1), "W") + leaf(normal(3, seed=2), "b")
    return -np.mean(np.log(tg.softmax(Z))[np.arange(6), np.array([0, 2, 1, 1, 0, 2])])


def columns():
    """The layout of the course, examples in columns: Z = W X + b, and a target beside it."""
    A = tg.sigmoid(leaf(normal(1, 3), "W") @ normal(3, 4, seed=1) + leaf(normal(1, 1, seed=3), "b"))
    return tg.binary_cross_entropy(A, np.array([[0.0, 1.0, 1.0, 0.0]]))


def reused():
    x = leaf([0.5, 1.5, 2.5], "x")
    return np.sum(x * x + x * np.sin(x) / x**3.0)


def mixed():
    x, y = leaf(normal(2, 3) + 3, "x"), leaf(normal(3, seed=1), "y")
    joined = np.concatenate([np.maximum(x, y * 2), np.where(x > 3, x, y) - np.sqrt(x)])
    return np.mean(np.var(joined, axis=0)) + np.max(np.exp(-x), axis=1).sum() + np.clip(y, -0.5, 0.5).mean() * 2


GRAPHS = {
    "network": network,
    "classes": classes,
    "columns": columns,
    "reused": reused,
    "mixed": mixed,
    "fused": lambda: tg.binary_cross_entropy_with_logits(tg.relu(leaf(normal(4, 1), "Z")), np.ones((4, 1))),
    "fused classes": lambda: tg.cross_entropy(nn.Linear(2, 3, rng=0)(normal(4, 2)), [0, 2, 1, 1]),
    "squares": lambda: tg.mse_loss(tg.softplus(leaf(normal(4), "z")), np.ones(4), reduction="sum"),
    "vectors": lambda: np.dot(leaf(normal(3), "v"), leaf(normal(3, seed=1), "w")) * 2.0,
    "batched": lambda: np.sum(leaf(normal(2, 2, 3), "A") @ leaf(normal(3, 2), "B")),
}
every_graph = pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)


def content(path):
    """The data of a page."""
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"))[1]
    )
