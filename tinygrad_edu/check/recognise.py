"""The last layer of your own model: found in its graph, recognised by what it computes, compared by hand.

    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    print(last_layer(model, nn.BCELoss(), X, y))

How the loss is written does not matter: one's own function will do, if it is the sum or mean of a known pair.
Z is given other values, and the cost must change as that of the pair does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_edu import autograd, ops
from tinygrad_edu.check import formulas
from tinygrad_edu.check.compare import Comparison, by_hand, by_term, targets, unfit
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.tensor import Tensor

__all__ = ["last_layer"]

PRODUCTS = (ops.matmul, ops.dot)


@dataclass(frozen=True)
class Layer:
    """A dense layer of a graph: its output Z and what that was made of.

    turned  whether W stands as (in, out), as in A_prev @ W
    """

    Z: GraphNode
    A_prev: GraphNode
    W: GraphNode
    b: GraphNode | None
    layout: str
    turned: bool = False

    def rows_or_columns(self, x: np.ndarray) -> np.ndarray:
        """Z or A_prev with two axes: a batch of any shape as rows, a vector of Z as a column or a row."""
        if self.layout == "columns":
            return x if x.ndim == 2 else x[None]
        if self.W.data.ndim == 1 and x.shape == self.Z.shape:
            return x.reshape(-1, 1)
        return x.reshape(-1, x.shape[-1])

    def arrays(self) -> dict[str, np.ndarray]:
        """A_prev, W and b as the formulas have them."""
        W = self.W.data.reshape(1, -1) if self.W.data.ndim == 1 else self.W.data.T if self.turned else self.W.data
        arrays = {"A_prev": self.rows_or_columns(self.A_prev.data), "W": W}
        return arrays if self.b is None else arrays | {"b": self.b.data}


def last_layer(model: Callable[[Any], Any], loss: Callable[[Any, Any], Any], X: Any, y: Any) -> Comparison:
    """Autograd on a model's own last layer against the formulas by hand.

    The cost is loss(model(X), y). Found are the last product with a parameter in its graph, and the pair of activation
    and loss above it: fused, composed, or a function of one's own.

    Shapes:  X and y as the model and the loss take them, examples in rows or in columns
    Raises:  TypeError, ValueError where no layer is found, or no known pair
    """
    prediction = model(X)
    J = loss(prediction, y)
    if not isinstance(J, Tensor) or not isinstance(prediction, Tensor):
        got = J if isinstance(prediction, Tensor) else prediction
        raise TypeError(
            f"last_layer: model and loss must return Tensors; got {type(got).__name__}. float(), .item() or .numpy() "
            "cut the graph: return the Tensor itself."
        )
    if J.size != 1:
        raise ValueError(f"last_layer: the loss must be one number; got shape {J.shape}. Reduce it, with .mean().")
    graph = Graph(J)
    layer = find_layer(graph)
    if all(node.value is not prediction for node in graph.nodes):
        raise ValueError(
            "last_layer: the cost must depend on model(X); got one whose graph does not hold it. "
            "Was the prediction cut off inside the loss, by .detach() or .numpy()?"
        )
    above = after(graph, layer.Z)
    return compared(graph, layer, above, recognise(J, layer, above, prediction, loss, y))


@dataclass(frozen=True)
class Found:
    """The pair, what its sum is divided by, the targets in the shape of Z, and what else J holds, without Z in it."""

    pair: formulas.Pair
    m: float
    Y: np.ndarray
    constant: float


# Which layer


def find_layer(graph: Graph) -> Layer:
    """The last product with a parameter, with its bias if one is added."""
    for node in reversed(graph.nodes):
        if layer := as_layer(node):
            return layer
    raise ValueError(
        f"last_layer: the graph must hold a dense layer, a product with a parameter; got {steps(graph.nodes)}. "
        "Use nn.Linear, or X @ W + b with W a Tensor with requires_grad=True."
    )


def as_layer(node: GraphNode) -> Layer | None:
    """The node as the output of a dense layer, if it is one."""
    if node.op is ops.linear:
        A_prev, W, b = node.inputs
        return Layer(node, A_prev, W, b, "rows")  # type: ignore[arg-type]
    if node.op is ops.add and len(node.parents) == 2:
        for product, b in (node.parents, node.parents[::-1]):
            if b.kind == "parameter" and product.shape == node.shape and (layer := as_layer(product)) and not layer.b:
                return Layer(node, layer.A_prev, layer.W, b, layer.layout, layer.turned)
    if node.op in PRODUCTS and len(node.parents) == 2:
        left, right = node.parents
        W, turned = (right.parents[0], False) if right.op is ops.transpose else (right, True)
        if W.kind == "parameter" and left.data.ndim > 1:
            return Layer(node, left, W, None, "rows", turned)
        W, turned = (left.parents[0], True) if left.op is ops.transpose else (left, False)
        if W.kind == "parameter" and right.data.ndim == 2:
            return Layer(node, right, W, None, "columns", turned)
    return None


def after(graph: Graph, start: GraphNode) -> list[GraphNode]:
    """The nodes that were computed from one, in order."""
    reached = {start}
    for node in graph.nodes:
        if any(x in reached for x in node.parents):
            reached.add(node)
    return [node for node in graph.nodes if node in reached and node is not start]


def steps(nodes: list[GraphNode]) -> str:
    return " -> ".join(node.op.name for node in nodes if node.op)


# Which pair


def recognise(
    J: Tensor, layer: Layer, above: list[GraphNode], prediction: Tensor, loss: Callable[[Any, Any], Any], y: Any
) -> Found:
    """The pair whose cost J is, or whose cost changes as this one does when Z is given other values.

    J is known at once where it is a usual share of the pair's sum, 1/m, to nine digits. Else Z is given three other
    values, and the share must stay the same: there may be a penalty, or Z lie where the loss is clipped.
    """
    Z, by_rows = layer.rows_or_columns(layer.Z.data), layer.layout == "rows"
    with np.errstate(all="ignore"):
        fitting = []
        for pair in candidates(y):
            Y = fitting_targets(pair.name, Z, y, by_rows)
            if Y is not None:
                fitting.append((pair, Y))
                share = J.item() / (pair.cost(pair.activation(Z, layer.layout), Y, 1) or np.inf)
                if Z.dtype.itemsize > 4 and usual(share, Z):
                    return Found(*with_half(pair, 1 / share, Z, by_rows), Y, 0)
    with autograd.no_grad(), np.errstate(all="ignore"):
        others = other_values((3, *layer.Z.shape), Z.dtype)
        costs = [float(loss(Tensor.wrap(replay(layer.Z, above, prediction, other)), y)) for other in others]
        for pair, Y in fitting:
            sums = [pair.cost(pair.activation(layer.rows_or_columns(other), layer.layout), Y, 1) for other in others]
            change, change_of_sum = np.diff(costs), np.diff(sums)
            share = change[0] / change_of_sum[0]
            near = (1e-5 if Z.dtype.itemsize > 4 else 1e-2) * np.abs(change)
            if share > 0 and (np.abs(change - share * change_of_sum) <= near).all():
                constant = costs[0] - share * sums[0]
                found = with_half(pair, 1 / share, Z, by_rows)
                return Found(*found, Y, constant if abs(constant) > 1e-4 * abs(costs[0]) else 0)
    raise ValueError(
        f"last_layer: the last layer must end in a known pair of activation and loss, {', '.join(formulas.PAIRS)}; "
        f"got {steps([layer.Z, *above])} with Z {layer.Z.shape} and y {np.shape(y)}. "
        "For any other cost, gradcheck compares with differences."
    )


def candidates(y: Any) -> list[formulas.Pair]:
    """The pairs, the likeliest for such targets first."""
    classes = getattr(y, "ndim", 0) == 1 and y.dtype.kind in "iu"
    return sorted(formulas.PAIRS.values(), key=lambda pair: classes and pair.name != "softmax-nll")


def usual(share: float, Z: np.ndarray) -> bool:
    """Whether a cost is the sum of its losses over 1, the examples, or the entries, with the 1/2 or without."""
    return any(abs(share * number - 1) < 1e-9 for n in (1, *Z.shape, Z.size) for number in (n, 2 * n))


@lru_cache(maxsize=4)
def other_values(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Fixed random values for Z, moderate ones: where nothing is clipped or saturates."""
    return np.random.default_rng(0).uniform(-2, 2, shape).astype(dtype)


def replay(start: GraphNode, above: list[GraphNode], end: Tensor, value: np.ndarray) -> np.ndarray:
    """What `end` becomes if `start`, which the nodes above were computed from, has another value."""
    values = {start: value}
    for node in above:
        if start.value is end or node.op is None:
            break
        inputs = (values.get(x, x.data) if isinstance(x, GraphNode) else x for x in node.inputs)
        values[node] = np.asarray(node.op.forward(*inputs, **node.params))
        if node.value is end:
            return values[node]
    return value


def fitting_targets(pair: str, Z: np.ndarray, y: Any, by_rows: bool) -> np.ndarray | None:
    """y in the shape of Z, if the formulas of the pair hold for it."""
    if pair == "softmax-nll" and Z.shape[1 if by_rows else 0] == 1:
        return None
    try:
        Y = targets(pair, Z, y, by_rows)
    except (ValueError, TypeError):
        return None
    if Y.shape != Z.shape:
        if Y.size != Z.size:
            return None
        Y = Y.T if Y.shape == Z.shape[::-1] else Y.reshape(Z.shape)
    return None if unfit(pair, Y, by_rows) else Y.astype(Z.dtype)


def with_half(pair: formulas.Pair, m: float, Z: np.ndarray, by_rows: bool) -> tuple[formulas.Pair, float]:
    """m as one of the usual numbers if it is near; the squared error by twice such a number has the 1/2."""
    examples = Z.shape[0 if by_rows else 1]
    for usual in (examples, Z.size, 1):
        if abs(m - usual) < 1e-3 * usual:
            return pair, usual
        if abs(m - 2 * usual) < 1e-3 * usual and pair.name == "linear-mse":
            return formulas.PAIRS["linear-mse-half"], usual
    return pair, m


# The comparison


def compared(graph: Graph, layer: Layer, above: list[GraphNode], known: Found) -> Comparison:
    """The terms of the model's own graph, and those by hand in the same shapes."""
    pair, m = known.pair, known.m
    Z = layer.rows_or_columns(layer.Z.data)
    with np.errstate(all="ignore"):
        hand = by_hand(pair, Z, known.Y, layer.arrays(), layer.layout, m)
        A = activation_node(layer, above, pair)
        asked = {"dJ/dA": A, "dJ/dZ": layer.Z, "dJ/dW": layer.W, "dJ/db": layer.b, "dJ/dA_prev": layer.A_prev}
        values = {term: x.value for term, x in asked.items() if x and getattr(x.value, "requires_grad", False)}
        J = graph.outputs[0].value
        found = gradients(J, layer, values)
    own = {"J": np.asarray(J.item(), Z.dtype)} | {term: g.data for term, g in found.items()}
    hand["J"] = hand["J"] + known.constant
    if layer.turned:
        hand["dJ/dW"] = hand["dJ/dW"].T
    hand = {term: hand[term].reshape(own[term].shape) for term in own}
    divisor = f"{m:.6g}" if m != Z.shape[0 if layer.layout == "rows" else 1] else f"{m:.6g} examples"
    title = f"{layer.W.name}, {pair.name}: A = {pair.text['A']}, J = {pair.text['J']}, m = {divisor}"
    if known.constant:
        title += f"\nJ holds {known.constant:.6g} more, which Z has no part in"
    if len(layer.W.uses) > 1:
        title += f"\n{layer.W.name} is used elsewhere too (a penalty?): here is the part that comes through this layer"
    return Comparison(by_term({"autograd": own, "by hand": hand}), title)


def gradients(J: Tensor, layer: Layer, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradients by autograd; of what the layer is made of, the part that comes through Z."""
    below = {"dJ/dW": layer.W, "dJ/db": layer.b, "dJ/dA_prev": layer.A_prev}
    if all(len(x.uses) == 1 for term, x in below.items() if x and term in values):
        return dict(zip(values, autograd.grad(J, list(values.values())), strict=True))
    above = {term: x for term, x in values.items() if term not in below}
    found = dict(zip(above, autograd.grad(J, list(above.values())), strict=True))
    inputs = {term: x for term, x in values.items() if term in below}
    through = autograd.grad(layer.Z.value, list(inputs.values()), gradient=found["dJ/dZ"])
    return found | dict(zip(inputs, through, strict=True))


def activation_node(layer: Layer, above: list[GraphNode], pair: formulas.Pair) -> GraphNode | None:
    """The node that holds A, if the graph has one: a fused loss has none."""
    alike = [node for node in above if node.shape == layer.Z.shape]
    if not alike and not pair.name.startswith("linear"):
        return None
    A = pair.activation(layer.rows_or_columns(layer.Z.data), layer.layout)
    for node in [layer.Z, *alike]:
        if same(layer.rows_or_columns(node.data), A):
            return node
    return None


def same(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays agree but for rounding."""
    return bool((np.abs(x - y) <= 1e-6 * np.abs(y)).all())
