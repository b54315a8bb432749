"""What answers are made of: a small batch, its derivations, its numbers, and the wrong answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import autograd, functional
from tinygrad_edu.check import Comparison, compare, formulas
from tinygrad_edu.read.derive import derive
from tinygrad_edu.tensor import Tensor

__all__ = ["Beside", "Wrong", "hidden", "last_layer", "last_layer_pair", "weights"]


@dataclass(frozen=True)
class Beside:
    """Derivations of two layers, line beside line."""

    titles: tuple[str, str]
    rows: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer beside the right one, both by numbers."""

    text: str
    why: str
    agrees: str
    right: np.ndarray
    wrong: np.ndarray

    @property
    def difference(self) -> float:
        """How far off the wrong answer is; infinite where not even its shape fits."""
        if self.right.shape != self.wrong.shape:
            return float("inf")
        return float(np.max(np.abs(self.right - self.wrong)))


# The batch that all answers are about


def turned(x: np.ndarray, layout: str) -> np.ndarray:
    """An array of examples in rows, in the layout."""
    return x if layout == "rows" else x.T


def layer(pair: str, layout: str) -> tuple[dict[str, Any], Tensor, Tensor, Tensor]:
    """A last layer on four examples: its arrays, and Z, A and J of a pair."""
    rng = np.random.default_rng(4)
    units = 3 if pair == "softmax-nll" else 1
    A_prev, W = turned(rng.standard_normal((4, 2)).round(1), layout), rng.standard_normal((units, 2)).round(1)
    b = turned(rng.standard_normal((1, units)).round(1), layout)
    Y = turned(np.eye(3)[[0, 2, 1, 0]] if units == 3 else np.array([[1.0], [0.0], [1.0], [0.0]]), layout)
    arrays = {"A_prev": A_prev, "W": W, "b": b[0] if layout == "rows" else b, "Y": Y}
    tensors = {name: Tensor(x, requires_grad=name in "Wb", name=name) for name, x in arrays.items()}
    Z, A, J = cost(pair, dense(tensors["A_prev"], tensors["W"], tensors["b"], layout), tensors["Y"], layout)
    A.name, Z.name = "A", "Z"  # a linear output is Z itself
    return arrays, Z, A, J


def dense(A_prev: Any, W: Any, b: Any, layout: str) -> Any:
    return functional.linear(A_prev, W, b) if layout == "rows" else W @ A_prev + b


def cost(pair: str, Z: Any, Y: Any, layout: str) -> tuple[Any, Any, Any]:
    """Z, A and the cost J of a pair, in the textbook's steps."""
    axis = 1 if layout == "rows" else 0
    A = {
        "sigmoid-bce": functional.sigmoid,
        "softmax-nll": lambda z: functional.softmax(z, axis=axis),
        "sigmoid-mse": functional.sigmoid,
    }.get(pair, lambda z: z)(Z)
    losses = {
        "sigmoid-bce": lambda: -(Y * np.log(A) + (1 - Y) * np.log(1 - A)),
        "softmax-nll": lambda: -np.sum(Y * np.log(A), axis=axis),
    }.get(pair, lambda: (A - Y) ** 2)()
    return Z, A, np.mean(losses)


def network(layout: str, fused: bool = False, units: int = 1) -> dict[str, Any]:
    """Two layers on four examples, tanh and then sigmoid with cross-entropy; `units` of the last layer."""
    rng = np.random.default_rng(7)
    sizes = {"X": (4, 2), "W1": (3, 2), "b1": (1, 3), "W2": (units, 3), "b2": (1, units)}
    arrays = {name: rng.standard_normal(shape).round(1) for name, shape in sizes.items()}
    targets = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])[:, :units]
    arrays |= {"X": turned(arrays["X"], layout), "Y": turned(targets, layout)}
    for name in ("b1", "b2"):
        arrays[name] = arrays[name][0] if layout == "rows" else arrays[name].T
    t: dict[str, Any] = {name: Tensor(x, requires_grad=name[0] in "Wb", name=name) for name, x in arrays.items()}
    t["Z1"] = dense(t["X"], t["W1"], t["b1"], layout)
    t["A1"] = np.tanh(t["Z1"])
    t["Z2"] = dense(t["A1"], t["W2"], t["b2"], layout)
    if fused:
        t["J"] = functional.binary_cross_entropy_with_logits(t["Z2"], t["Y"])
    else:
        _, t["A2"], t["J"] = cost("sigmoid-bce", t["Z2"], t["Y"], layout)
    for name, x in t.items():
        x.name = name
    return t


TERMS = ("A2", "Z2", "W2", "b2", "A1", "Z1", "W1", "b1")


def numbers(routes: Comparison) -> tuple[str, Comparison]:
    """The numbers, under a title that says how each column came about."""
    fused = ", with a fused loss," if "fused" in routes.routes else ""
    return f"The numbers: composed op by op{fused} and by hand", routes


def three_routes(layout: str, units: int = 1) -> Comparison:
    """Every term of the backward pass of the two layers: op by op, by the fused loss, by hand."""
    routes: dict[str, dict[str, np.ndarray]] = {}
    for route, fused in (("composed", False), ("fused", True)):
        t = network(layout, fused, units)
        names = [name for name in TERMS if name in t]
        gradients = autograd.grad(t["J"], [t[name] for name in names])
        routes[route] = {f"dJ/d{name}": g.numpy() for name, g in zip(names, gradients, strict=True)}
    routes["by hand"] = by_hand(layout, units)
    return Comparison(
        {term: {route: by[term] for route, by in routes.items() if term in by} for term in routes["by hand"]}
    )


def by_hand(layout: str, units: int = 1) -> dict[str, np.ndarray]:
    """The backward pass of the two layers as it is written by hand."""
    a = {name: x.numpy() for name, x in network(layout, units=units).items()}
    m = a["Y"].size  # the cost is the mean over the examples and the units
    dA2, dZ2 = formulas.bce_dA(a["A2"], a["Y"], m), formulas.sigmoid_bce_dZ(a["A2"], a["Y"], m)
    dA1 = formulas.dense_dA_prev(dZ2, a["W2"], layout)
    dZ1 = dA1 * formulas.activation_slope(a["A1"], "tanh")
    found = {"A2": dA2, "Z2": dZ2, "W2": formulas.dense_dW(dZ2, a["A1"], layout), "b2": formulas.dense_db(dZ2, layout)}
    found |= {"A1": dA1, "Z1": dZ1, "W1": formulas.dense_dW(dZ1, a["X"], layout), "b1": formulas.dense_db(dZ1, layout)}
    return {f"dJ/d{name}": x for name, x in found.items()}


# The answers


def last_layer_pair(topic: str, layout: str) -> list[tuple[str, Any]]:
    """The derivation of dJ/dZ for a pair, its numbers, and the wrong answer."""
    arrays, Z, A, J = layer(topic, layout)
    a, Y, m = A.numpy(), arrays["Y"], 4
    right = formulas.PAIRS[topic].dZ(a, Y, m)
    wrong: list[Wrong] = []
    if topic == "linear-mse":
        wrong = [
            Wrong(
                "dZ = (A - Y)/m",
                "the 2 that comes down from the square is missing. It is gone only if J has 1/(2m) in place of 1/m",
                "only where A = Y",
                right,
                formulas.linear_half_squared_error_dZ(a, Y, m),
            )
        ]
    else:
        wrong = [known(WRONG_OF[topic], right, (a, Y, m))]
    return [
        ("The derivation", derive(J, Z)),
        numbers(compare(topic, Y=Y, **{k: arrays[k] for k in ("A_prev", "W", "b")}, layout=layout)),
        *[("The wrong answer", x) for x in wrong],
    ]


WRONG_OF = {
    "sigmoid-bce": "wrong_dA_as_dZ",
    "softmax-nll": "wrong_softmax_without_off_diagonal",
    "sigmoid-mse": "wrong_squared_error_without_slope",
}


def known(name: str, right: np.ndarray, arguments: tuple[Any, ...]) -> Wrong:
    """A wrong formula of `check.formulas`, with its numbers."""
    wrong = formulas.WRONG[name]
    return Wrong(wrong.text, wrong.why, wrong.agrees, right, np.asarray(wrong.function(*arguments)))


def weights(topic: str, layout: str) -> list[tuple[str, Any]]:
    t, hand = network(layout), by_hand(layout)
    a = {name: x.numpy() for name, x in t.items()}
    right = hand["dJ/dW2"]
    return [
        ("The derivation", derive(t["J"], t["W2"])),
        numbers(three_routes(layout)),
        ("The wrong answer", known("wrong_dW_without_A_prev", right, (hand["dJ/dZ2"], a["A1"], layout))),
        ("Another: 1/m twice", known("wrong_one_over_m_twice", right, (a["A2"], a["Y"], a["A1"], layout, 4))),
    ]


def hidden(topic: str, layout: str) -> list[tuple[str, Any]]:
    t, hand = network(layout, units=2), by_hand(layout, units=2)
    wrong = known("wrong_hidden_without_slope", hand["dJ/dZ1"], (hand["dJ/dZ2"], t["W2"].numpy(), layout))
    return [
        ("The derivation", derive(t["J"], t["Z1"])),
        numbers(three_routes(layout, units=2)),
        ("The wrong answer", wrong),
    ]


def last_layer(topic: str, layout: str) -> list[tuple[str, Any]]:
    t, hand = network(layout), by_hand(layout)
    at_last, at_hidden = derive(t["J"], t["W2"]), derive(t["J"], t["W1"])
    rows = tuple(
        ((at_last if "W" in left else at_hidden).line(left.format(2)), at_hidden.line(left.format(1)))
        for left in ("dJ/dA{0}", "dA{0}/dZ{0}", "dJ/dZ{0}", "dJ/dW{0}")
    )
    wrong_there = known("wrong_A_minus_Y_in_hidden_layer", hand["dJ/dZ1"], (t["A1"].numpy(), t["Y"].numpy(), 4))
    a_W = (t["A2"].numpy(), t["Y"].numpy(), t["W2"].numpy(), layout, 4)
    return [
        ("The same chain rule in two layers", Beside(("the last layer", "a hidden layer"), rows)),
        ("The derivation, through both layers", at_hidden),
        numbers(three_routes(layout)),
        ("The wrong answer", wrong_there),
        ("Another: W at the last layer", known("wrong_W_at_last_layer", hand["dJ/dZ2"], a_W)),
    ]
