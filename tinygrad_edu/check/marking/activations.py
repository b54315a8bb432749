"""Which activation a person's forward uses, and what people take for its derivative.

recognise(Z, A).name              "tanh", whatever the code that computed it
vocabulary(...)                   the factors that stand in the place of g'(Z): A(1 − A), 1 − Z², σ'(A), ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.network import Elementwise, Network, close

__all__ = ["ACTIVATIONS", "Activation", "Word", "recognise", "vocabulary"]


@dataclass(frozen=True)
class Activation:
    """A name, the function, its derivative at z, and both written out with {z} and {a}."""

    name: str
    value: Callable[[Any], Any] | None = None
    slope: Callable[[Any], Any] | None = None
    written: str = "g'({z})"
    called: str = "g"


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = (
    Activation("linear", lambda z: z, np.ones_like, "1", "identity"),
    Activation("sigmoid", sigma, lambda z: sigma(z) * (1 - sigma(z)), "{a} ⊙ (1 − {a})", "σ"),
    Activation("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2, "(1 − {a}²)", "tanh"),
    Activation("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, "[{z} > 0]", "relu"),
    Activation("softplus", lambda z: np.log1p(np.exp(z)), sigma, "σ({z})", "softplus"),
    Activation("exp", np.exp, np.exp, "{a}", "exp"),
    Activation("sin", np.sin, np.cos, "cos {z}", "sin"),
    Activation(
        "swish",
        lambda z: z * sigma(z),
        lambda z: sigma(z) * (1 + z * (1 - sigma(z))),
        "({a} + σ({z})(1 − {a}))",
        "swish",
    ),
)


def recognise(z: np.ndarray, a: np.ndarray) -> Activation:
    """The activation that makes a of z."""
    if z.shape != a.shape:
        return Activation("unknown")
    with np.errstate(all="ignore"):
        for activation in ACTIVATIONS:
            if activation.value is not None and close(activation.value(z), a, 1e-9):
                return activation
        negative = z < 0
        if negative.any() and close(np.where(negative, 0, z), np.where(negative, 0, a)):
            slopes = a[negative] / z[negative]
            if np.ptp(slopes) < 1e-9:
                return Activation("leaky relu", None, None, f"(1 or {slopes[0]:g})", "leaky relu")
            if close(np.expm1(z[negative]), a[negative]):
                return Activation("elu", None, None, "(1 or {a} + 1)", "elu")
        for axis in range(z.ndim):
            e = np.exp(z - z.max(axis=axis, keepdims=True))
            if z.shape[axis] > 1 and close(e / e.sum(axis=axis, keepdims=True), a, 1e-9):
                return Activation("softmax", None, None, f"softmax over axis {axis}", "softmax")
        e = np.exp(z - z.max())
        if close(e / e.sum(), a, 1e-9):
            return Activation("softmax of everything", None, None, "softmax", "softmax")
    return Activation("unknown")


@dataclass(frozen=True)
class Word:
    """A factor that may stand where g'(Z) belongs: its text, its value, which mistake it is."""

    text: str
    value: np.ndarray
    kind: str
    price: float = 0.0
    right: bool = False

    def slip(self, activation: Activation) -> str:
        """The mistake's id, given the activation of the layer."""
        if self.kind == "at the activation":
            return {"sigmoid": "B1", "tanh": "B4"}.get(activation.name, "B5")
        if self.kind == "shortcut of z":
            return {"sigmoid": "B2"}.get(activation.name, "B20")
        if self.kind == "1 - z squared":
            return {"tanh": "B3"}.get(activation.name, "B20")
        return self.kind


def vocabulary(
    z: Node, pre: Node, link: Elementwise | None, network: Network, arrays: dict[str, np.ndarray]
) -> Iterator[Word]:
    """What people multiply by: the right derivative first, then those that are not."""
    Z, A = z.data, pre.data
    own = recognise(Z, A).name
    z_name, a_name = network.name_of.get(z, "Z"), network.name_of.get(pre) or "A"
    if a_name == "A" and link is not None:
        a_name = network.name_of.get(link.a, "A")
    if link is not None and own != "linear":
        yield Word(f"g'({z_name})", link.slope, "F7", right=True)
        if not close(link.rest, np.ones_like(link.rest)):
            yield Word("mask and scale of dropout", link.rest, "B17", 0.2)
        elsewhere = network.replay(pre, z, A.copy())
        if elsewhere is not None:
            yield Word(f"g'({a_name})", elsewhere, "at the activation")
        yield Word(f"g'({z_name}) * {z_name}", link.slope * Z, "B15", 0.1)
        yield Word(f"g'({z_name})²", link.slope**2, "D10", 0.1)
        yield Word(f"g'({z_name}) * {a_name}", link.slope * A, "B17", 0.5)
        with np.errstate(all="ignore"):
            yield Word(f"1/g'({z_name})", 1 / link.slope, "B19", 0.5)
    yield Word(f"{z_name} * (1 − {z_name})", Z * (1 - Z), "shortcut of z")
    yield Word(f"(1 − {z_name}²)", 1 - Z**2, "1 - z squared")
    yield Word(f"[{z_name} < 0]", (Z < 0) * 1.0, "B12", 0.2)
    for activation in ACTIVATIONS:
        if activation.slope is not None and activation.value is not None and activation.name != "linear":
            yield Word(f"{activation.called}'({z_name})", activation.slope(Z), "B20", 0.2)
            yield Word(f"{activation.called}({z_name})", activation.value(Z), "B6", 0.4)
            if activation.name != own:
                yield from of_activation(f"{activation.called}({z_name})", activation.value(Z), "", 0.4)
    yield from of_activation(a_name, A, own)
    if link is not None and link.a is not pre:
        dropped = network.name_of.get(link.a, "A")
        yield from of_activation(f"{dropped} after dropout", link.a.data, own, 0.1)
    yield Word(z_name, Z, "B6", 0.4)
    for name, x in arrays.items():
        if x.shape == Z.shape and name not in (z_name, a_name):
            yield Word(name, x, "B17", 1.5)


#: The shortcuts that hold for the activation's own value: those of z are slips.
SHORTCUTS = {"sigmoid": 0, "tanh": 1}


def of_activation(name: str, A: np.ndarray, own: str, price: float = 0.0) -> Iterator[Word]:
    """What people make of the activation."""
    yield Word(name, A, "B6", price)
    for k, (text, value) in enumerate(((f"{name} * (1 − {name})", A * (1 - A)), (f"(1 − {name}²)", 1 - A**2))):
        yield Word(text, value, "B5" if SHORTCUTS.get(own) == k else "B20", 0.1 + price)
    yield Word(f"(1 − {name})", 1 - A, "B21", 0.3 + price)
    yield Word(f"(1 + {name}²)", 1 + A**2, "B21", 0.3 + price)
    yield Word(f"(1 − {name})²", (1 - A) ** 2, "B21", 0.3 + price)
    yield Word(f"(1 + {name}) * {name}", (1 + A) * A, "B21", 0.3 + price)
    for activation in ACTIVATIONS:
        if activation.slope is not None and activation.value is not None and activation.name != "linear":
            kind = "at the activation" if activation.name == own else "B20"
            yield Word(f"{activation.called}'({name})", activation.slope(A), kind, 0.3 + price)
            yield Word(f"{activation.called}({name})", activation.value(A), "B6", 0.5 + price)
