"""What the command line can draw and write out: built-in examples, and a name in a person's own file.

    J, names = find("mlp")
    J, names = find("homework.py:loss")           # a Tensor, or a function of no arguments that returns one

The built-in ones are the textbook's steps written out, one NumPy function at a time.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_edu import autograd, functional, nn
from tinygrad_edu.commands.task import ACTIVATIONS
from tinygrad_edu.graph import Graph
from tinygrad_edu.programs import blamed, importable, load
from tinygrad_edu.read.notation import expression
from tinygrad_edu.tensor import Tensor

__all__ = ["BUILT_IN", "backward", "find", "last_layer", "mlp", "network", "neuron", "softmax"]

Names = Mapping[str, Any]

LONGEST = 24  # an expression that a gradient is named by


def neuron() -> tuple[Tensor, Names]:
    """One sigmoid neuron and its cross-entropy on one example: z = w1 x1 + w2 x2 + b, a = σ(z)."""
    x1, x2, y = Tensor(2.0, name="x1"), Tensor(-1.0, name="x2"), Tensor(1.0, name="y")
    w1, w2 = Tensor(0.5, requires_grad=True, name="w1"), Tensor(-0.25, requires_grad=True, name="w2")
    b = Tensor(-0.75, requires_grad=True, name="b")
    z = w1 * x1 + w2 * x2 + b
    a = functional.sigmoid(z)
    other = 1 - y
    L = -(y * np.log(a) + other * np.log(1 - a))
    return L, {"z": z, "a": a, "1 − y": other, "L": L}


def mlp() -> tuple[Tensor, Names]:
    """A 2-3-1 network with tanh and a sigmoid output on the four examples of exclusive or."""
    X = Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], name="X")
    Y = Tensor([[0.0], [1.0], [1.0], [0.0]], name="Y")
    Z2 = nn.MLP([2, 3, 1], activation=nn.Tanh, rng=np.random.default_rng(0))(X)
    return cross_entropy(Z2, Y)


def network(sizes: Sequence[int] | None, activation: str | None, loss: str | None, fused: bool) -> tuple[Tensor, Names]:
    """A network of your choice on random data, and its loss, written out in NumPy or fused in one op."""
    sizes, loss = sizes or [2, 3, 2 if loss == "cross-entropy" else 1], loss or "bce"
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"source: --sizes must be at least two whole numbers above 0; got {sizes}. Try 2 16 1.")
    if loss == "cross-entropy" and sizes[-1] < 2:
        raise ValueError(
            f"source: cross-entropy needs at least two classes, the last of --sizes; got {sizes}. Or pass --loss bce."
        )
    rng = np.random.default_rng(0)
    X = Tensor(rng.standard_normal((8, sizes[0])), name="X")
    Z = nn.MLP(sizes, ACTIVATIONS[activation or "tanh"], rng)(X)
    labels = rng.permutation(np.arange(8) % sizes[-1])
    A = f"A{len(sizes) - 1}"
    if loss == "mse":
        return functional.mse_loss(Z, Tensor(rng.standard_normal(Z.shape), name="Y")), {}
    if loss == "cross-entropy":
        if fused:
            return functional.cross_entropy(Z, labels), {"y": labels}
        probability, Y = functional.softmax(Z), Tensor(np.eye(sizes[-1])[labels], name="Y")
        return -np.mean(np.sum(Y * np.log(probability), axis=1)), {A: probability}
    Y = Tensor(rng.integers(0, 2, Z.shape).astype(float), name="Y")
    if fused:
        return functional.binary_cross_entropy_with_logits(Z, Y), {}
    probability = functional.sigmoid(Z)
    return -np.mean(Y * np.log(probability) + (1 - Y) * np.log(1 - probability)), {A: probability}


def last_layer() -> tuple[Tensor, Names]:
    """The last layer alone, on activations A1: sigmoid and binary cross-entropy. Its dJ/dZ2 is (A2 − Y)/m."""
    A1 = Tensor([[0.5, -0.25], [-0.75, 0.5], [0.25, 0.75]], requires_grad=True, name="A1")
    W2, b2 = Tensor([[0.5, -1.0]], requires_grad=True, name="W2"), Tensor([0.25], requires_grad=True, name="b2")
    return cross_entropy(functional.linear(A1, W2, b2), Tensor([[1.0], [0.0], [1.0]], name="Y"))


def softmax() -> tuple[Tensor, Names]:
    """The last layer for three classes: softmax and the log-likelihood. Again dJ/dZ2 is (A2 − Y)/m."""
    A1 = Tensor([[0.5, -0.25], [-0.75, 0.5]], requires_grad=True, name="A1")
    W2 = Tensor([[0.5, -1.0], [0.25, 0.75], [-0.5, 0.25]], requires_grad=True, name="W2")
    b2 = Tensor([0.0, 0.25, -0.25], requires_grad=True, name="b2")
    Y = Tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], name="Y")
    Z2 = functional.linear(A1, W2, b2)
    E = np.exp(Z2)
    S = np.sum(E, axis=1, keepdims=True)
    A2 = E / S
    L = -np.sum(Y * np.log(A2), axis=1)
    J = np.mean(L)
    return J, {"Z2": Z2, "E": E, "S": S, "A2": A2, "L": L, "J": J}


def cross_entropy(Z2: Tensor, Y: Tensor) -> tuple[Tensor, Names]:
    """The sigmoid and the binary cross-entropy, written out."""
    A2 = functional.sigmoid(Z2)
    other = 1 - Y
    L = -(Y * np.log(A2) + other * np.log(1 - A2))
    J = np.mean(L)
    return J, {"Z2": Z2, "A2": A2, "1 − Y": other, "L": L, "J": J}


BUILT_IN: dict[str, Callable[[], tuple[Tensor, Names]]] = {
    "neuron": neuron,
    "mlp": mlp,
    "last-layer": last_layer,
    "softmax": softmax,
}


def backward(J: Tensor, names: Names) -> tuple[Tensor, Names]:
    """The gradient of J by its first parameter, with the graph that computes it: backprop all the way down to that one.

    Names for what is in it: those given, and dJ/dZ2, dJ/d(log A2) for the gradients that are met on the way.

    Raises:  ValueError if J is not a single number
    """
    graph = Graph(J, names)
    first = next(node for node in graph.nodes if node.kind == "parameter")
    asked = [*(node for node in graph.nodes if node.kind == "op"), first]
    gradients = autograd.grad(J, [node.value for node in asked], create_graph=True, allow_unused=True)
    top = graph.outputs[0].name
    known = {node.name: node.value for node in graph.nodes if node.named}
    for named in (False, True):  # the last name that a tensor is given is the one it keeps
        for node, g in zip(asked, gradients, strict=True):
            text = node.name if node.named else f"({expression(node)})"
            if node.named is named and len(text) <= LONGEST:
                known[f"d{top}/d{text}"] = g
    inside = {id(node.value) for node in Graph(gradients[-1]).nodes}
    return gradients[-1], {name: x for name, x in known.items() if id(x) in inside}


def find(target: str, caller: str = "draw") -> tuple[Tensor, Names]:
    """The Tensor that a target means, with names for what is in its graph. `caller` begins every message.

    Raises:  ValueError, FileNotFoundError, ImportError or TypeError, each saying what to write; RuntimeError for an
             exception in the person's own program, naming its line
    """
    if target in BUILT_IN:
        return BUILT_IN[target]()
    where, _, name = target.rpartition(":")
    is_file = where.endswith(".py") or "/" in where or "\\" in where
    if not name.isidentifier() or not (is_file or all(part.isidentifier() for part in where.split("."))):
        near = get_close_matches(target, BUILT_IN, 1)
        raise ValueError(
            f"{caller}: the target must be one of {', '.join(BUILT_IN)}, or FILE.py:name, or package.module:name; got "
            f"{target!r}.{f' Did you mean {near[0]}?' if near else ''}"
        )
    folder, path = (Path(where).parent, Path(where)) if is_file else (Path(), None)
    with importable(folder):
        module = load(path, caller) if path else imported(where, caller)
        if not hasattr(module, name):
            candidates = [key for key, x in vars(module).items() if isinstance(x, Tensor) or inspect.isfunction(x)]
            near = get_close_matches(name, candidates, 1, 0.4)
            hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(candidates[:8]) or 'no tensor in it'}."
            raise ValueError(f"{caller}: the name must be in {where}; got {name!r}. {hint}")
        found = getattr(module, name)
        if callable(found) and not isinstance(found, Tensor):
            found = called(found, where, name, caller)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"{caller}: {name} in {where} must be a Tensor or a function that returns one; got {type(found).__name__}."
        )
    return found, {key: x for key, x in vars(module).items() if not key.startswith("_") or key == "__name__"}


def imported(name: str, caller: str) -> ModuleType:
    """Import a module by its name, from the current directory too."""
    with blamed(name, caller):
        try:
            importlib.invalidate_caches()  # it may have been written a moment ago
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if not f"{name}.".startswith(f"{missing}."):
                raise  # it is there, and imports one that is not
    raise ModuleNotFoundError(
        f"{caller}: the module must exist; got {name!r}, no {missing}. For a file write FILE.py:name."
    )


def called(function: Callable[[], Any], where: str, name: str, caller: str) -> Any:
    """What a function of no arguments returns."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise TypeError(
            f"{caller}: {name} in {where} must need no arguments; got {name}{inspect.signature(function)}, {error}. "
            "Write a function around it."
        ) from None
    except ValueError:
        pass  # a function without a signature: the call itself tells
    with blamed(where, caller):
        return function()
