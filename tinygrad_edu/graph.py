"""A recorded graph as a list of named nodes: what every reading of it starts from.

    graph = Graph(J, names=locals())
    for node in graph.nodes:
        print(node.name, node.op, node.shape)
    gradients = graph.backward()          # dJ/d(node) at every node that has one

Nodes come in topological order, inputs before what is made of them. A value used twice is one node;
equal values are not merged. Single numbers are no nodes: they stand among the inputs of the op as they are.

A name is, in this order: the one given in `names`, the tensor's own `name`, the textbook's (the weights and biases of
linear ops are W1 b1 W2 b2 ..., the output of the one on W1 is Z1, its activation A1, a single number at the end J),
for data what its numbers say it was made of (1 − Y), else that of the op. Names are unique.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, chain_rule, order, seed
from tinygrad_edu.nn.module import Module, walk
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.views import key_text, view_of

__all__ = ["MADE", "Graph", "GraphNode", "Scope", "form_of"]

ACTIVATIONS = (ops.sigmoid, ops.tanh, ops.relu, ops.leaky_relu, ops.softplus, ops.softmax)
PRODUCTS = (ops.matmul, ops.dot)

#: What data without a name may have been made of, found by its numbers.
MADE: dict[str, Callable[[Any], Any]] = {
    "1 − {}": lambda t: 1 - t,
    "{}": lambda t: t,
    "−{}": lambda t: -t,
    "2 {} − 1": lambda t: 2 * t - 1,
    "{}²": lambda t: t * t,
}


@dataclass(eq=False, frozen=True)
class Scope:
    """One call of a module: the nodes that were made during it belong to it."""

    module: Module
    outermost: Scope | None = None  # the call that all of this happened in

    @cached_property
    def names(self) -> dict[int, str]:
        """What the module calls its parts."""
        return {id(x): name for name, x in walk("", self.module)}

    @property
    def name(self) -> str:
        """The attribute of the outermost module that holds this one."""
        return (self.outermost or self).names.get(id(self.module), "")

    def __str__(self) -> str:
        return f"{self.name}: {type(self.module).__name__}" if self.name else type(self.module).__name__


@dataclass(eq=False, repr=False)
class GraphNode:
    """One value of the graph.

    value   the Tensor, or the array that was an operand
    kind    "input" (data, requires no gradient), "parameter" (a leaf that does), "op" or "output"
    op      the op that made it, with its `params`; None for inputs and parameters
    inputs  what it was made from, in the op's order: nodes, numbers, or None
    uses    the nodes made from it, in order; one that uses it twice stands there twice
    scopes  the module calls it was made in, the outermost first
    name    unique in its graph
    named   whether the name was given, or is the textbook's; else it is that of the op
    made    what data without a name was made of, by its numbers: 1 − Y; or by its memory: X[:, 0]
    key     of an index, what stands between the brackets
    """

    value: Any
    kind: str
    op: ops.Op | None = None
    params: dict[str, Any] = field(default_factory=dict)
    inputs: list[GraphNode | float | None] = field(default_factory=list)
    uses: list[GraphNode] = field(default_factory=list)
    scopes: tuple[Scope, ...] = ()
    name: str = ""
    named: bool = False
    made: str = ""
    key: str = ""

    @property
    def data(self) -> np.ndarray:
        """The array."""
        return self.value.data if isinstance(self.value, Node) else self.value

    @property
    def shape(self) -> tuple[int, ...]:
        result: tuple[int, ...] = self.value.shape
        return result

    @property
    def parents(self) -> list[GraphNode]:
        """The inputs that are nodes."""
        return [x for x in self.inputs if isinstance(x, GraphNode)]

    def __repr__(self) -> str:
        made_by = f", op={self.op.name}" if self.op else ""
        return f"GraphNode({self.name!r}, {self.kind}{made_by}, shape={self.shape})"


class Graph:
    """The nodes behind one or several outputs.

    nodes    in topological order
    outputs  the nodes of the outputs

    `names` maps names to tensors and arrays. A tensor that is not in the graph is passed over in a mapping that holds
    other things too, as locals() does; else it is an error. An array may be one that others were made of.

    Raises:  TypeError for something that is no Tensor; ValueError for a tensor that was not recorded, or a name
             for one that is not in the graph
    """

    def __init__(self, outputs: Tensor | list[Tensor], names: Mapping[str, Any] | None = None) -> None:
        outputs = outputs if isinstance(outputs, list) else [outputs]
        if not outputs:
            raise ValueError("Graph: needs at least one output; got an empty list. Pass the tensor to look at.")
        for output in outputs:
            if not isinstance(output, Tensor):
                raise TypeError(f"Graph: outputs must be Tensors; got {type(output).__name__}. Pass the result itself.")
            if not output.inputs:
                raise ValueError(
                    f"Graph: the output must have been recorded; got {output!r}. "
                    "Does it depend on a tensor with requires_grad=True, outside of no_grad()?"
                )
        found: dict[int, GraphNode] = {}
        recorded = order(outputs)[::-1]
        for tensor in recorded:
            node = GraphNode(tensor, "op", tensor.op, tensor.params)
            for x in tensor.inputs:
                node.inputs.append(used(x, node, found))
            found[id(tensor)] = node
        self.nodes = list(found.values())
        self.outputs = [found[id(output)] for output in outputs]
        for node in self.outputs:
            node.kind = "output"
        self._find_scopes(recorded, found)
        self._name(names or {}, found)

    def _find_scopes(self, recorded: list[Any], found: dict[int, GraphNode]) -> None:
        """A module notes on its result when its call began: what was made from then to the result is its own."""
        calls = [
            (start, tensor.created, module) for tensor in recorded for module, start in getattr(tensor, "scopes", ())
        ]
        calls.sort(key=lambda call: (call[0], -call[1]))
        within: list[tuple[int, Scope]] = []  # the calls around the current node: end, scope
        position = 0
        for tensor in recorded:
            while within and within[-1][0] < tensor.created:
                within.pop()
            while position < len(calls) and calls[position][0] < tensor.created:
                _, end, module = calls[position]
                position += 1
                while within and within[-1][0] < end:
                    within.pop()
                within.append((end, Scope(module, within[0][1] if within else None)))
            found[id(tensor)].scopes = tuple(scope for _, scope in within)

    def _name(self, names: Mapping[str, Any], found: dict[int, GraphNode]) -> None:
        given = {id(x): name for name, x in names.items() if isinstance(x, Node | np.ndarray)}
        absent = [name for name, x in names.items() if isinstance(x, Node) and id(x) not in found]
        if absent and len(given) == len(names):
            raise ValueError(
                f"Graph: names must be those of values in the graph; got {', '.join(absent)}, which the outputs do not "
                "depend on. Leave them out."
            )
        taken: dict[str, int] = {}
        own = {node: given.get(id(node.value)) or getattr(node.value, "name", None) for node in self.nodes}
        layers, taken_by_hand = layer_names(self.nodes, own), set(own.values())
        data = {name: x for name, x in names.items() if isinstance(x, np.ndarray)}
        data |= {name: node.data for node, name in own.items() if name and node.kind == "input"}
        for node in self.nodes:
            name = own[node] or layers.get(node) or textbook_name(node, taken_by_hand)
            node.named = name is not None
            node.made = "" if name else made_of(node, data)
            node.key = key_text(node.params["key"], given) if node.op is ops.index else ""
            name = node.name = name or node.made or own_name(node)
            while node.name in taken:
                taken[name] += 1
                node.name = f"{name} ({taken[name]})"
            taken[node.name] = 1

    def backward(self, gradient: Any = None) -> dict[GraphNode, np.ndarray]:
        """The gradient of the output at every node that has one; nothing is left behind in `.grad`.

        Several outputs count as their sum. `gradient` (one for each output) is needed where one is no scalar.
        """
        given = gradient if isinstance(gradient, list) else [gradient] * len(self.outputs)
        seeds: dict[Node, Any] = {}
        for node, g in zip(self.outputs, given, strict=True):
            start = seed(node.value, g, "Graph.backward", False)
            seeds[node.value] = seeds[node.value] + start if node.value in seeds else start
        asked = {node.value: node for node in self.nodes if isinstance(node.value, Node) and node.value.requires_grad}
        return {asked[x]: np.asarray(g) for x, g in chain_rule(seeds, asked).items() if x in asked}


def used(x: Any, node: GraphNode, found: dict[int, GraphNode]) -> GraphNode | float | None:
    """An input of a node as a node, or as the single number that it is."""
    if x is None or (not isinstance(x, Node) and np.ndim(x) == 0):
        return None if x is None else float(x)
    if id(x) not in found:
        found[id(x)] = GraphNode(x, "parameter" if isinstance(x, Node) and x.requires_grad else "input")
    found[id(x)].uses.append(node)
    return found[id(x)]


def layer_names(nodes: list[GraphNode], own: Mapping[GraphNode, str | None]) -> dict[GraphNode, str]:
    """W1, b1 for the leaves without a name that the first linear op has as weight and bias, and so on."""
    taken, found = set(own.values()), dict[GraphNode, str]()
    for number, node in enumerate((node for node in nodes if node.op is ops.linear), start=1):
        for letter, x in zip("Wb", node.inputs[1:], strict=True):
            name = f"{letter}{number}"
            if isinstance(x, GraphNode) and x.kind == "parameter" and not own[x] and name not in taken:
                found.setdefault(x, name)
    return found


def textbook_name(node: GraphNode, taken: set[str | None]) -> str | None:
    """Z1 for what is linear in W1, A1 for its activation, if it is not taken; J for a single number at the end."""
    name = None
    if weight := weight_of(node):
        if numbered := re.fullmatch(r"([Ww])(\d*)", weight.name):
            name = f"{'Z' if numbered[1] == 'W' else 'z'}{numbered[2]}"
    elif node.op in ACTIVATIONS and isinstance(node.inputs[0], GraphNode):
        if numbered := re.fullmatch(r"([Zz])(\d*)", node.inputs[0].name):
            name = f"{'A' if numbered[1] == 'Z' else 'a'}{numbered[2]}"
    elif node.kind == "output" and node.data.size == 1:
        return "J"
    return None if name in taken else name


def made_of(node: GraphNode, data: Mapping[str, np.ndarray]) -> str:
    """1 − Y, for an array with these numbers; nothing where it could be by chance, as for a single number.

    X[:, 0], for one that is a part of X.
    """
    for name, x in data.items() if node.op is None and isinstance(node.value, np.ndarray) else ():
        if x is not node.value and x.ndim and (view := view_of(node.value, x)):
            return view.text.format(name)
    alike = {name: x for name, x in data.items() if x.shape == node.shape and x.dtype.kind == node.data.dtype.kind}
    if not alike or node.kind != "input" or node.data.dtype.kind not in "fiu" or node.data.size < 2:
        return ""
    if np.all(node.data == node.data.flat[0]):
        return ""
    form, name = form_of(node.data, alike)
    return form.format(name)


def form_of(array: np.ndarray, known: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """How an array was made of a known one, and the name of that, by its numbers; two empty texts if it was not."""
    with np.errstate(all="ignore"):
        for form, made in MADE.items():
            for name, x in known.items():
                if x.shape != array.shape or x.dtype.kind not in "fiu":
                    continue
                if np.array_equal(made(x.flat[:1]), array.flat[:1]) and np.array_equal(made(x), array):
                    return form, name
    return "", ""


def weight_of(node: GraphNode) -> GraphNode | None:
    """The weight of a linear op, and of one by hand, X @ W + b, if it is a parameter that no other product has."""
    if node.op is ops.linear:
        return node.inputs[1] if isinstance(node.inputs[1], GraphNode) else None
    product = next((x for x in node.parents if biased(x) is node), node)
    if product.op not in PRODUCTS or (biased(product) or node) is not node:
        return None
    weights = [x for x in map(turned_back, product.parents) if x.kind == "parameter"]
    uses = (use for x in weights for y in x.uses for use in (y.uses if y.op is ops.transpose else [y]))
    first_two = [*islice((use for use in uses if use.op in PRODUCTS), 2)]  # of a weight of 10,000 steps, too
    return weights[0] if len(weights) == len(first_two) == 1 else None


def biased(product: GraphNode) -> GraphNode | None:
    """The sum of a product of matrices and a bias, a number or a parameter, if that is all the product is used for."""
    use = product.uses[0] if len(product.uses) == 1 and product.op in PRODUCTS else None
    others = [x for x in use.inputs if x is not product] if use and use.op is ops.add else []
    return use if any(not isinstance(x, GraphNode) or x.kind == "parameter" for x in others) else None


def turned_back(x: GraphNode) -> GraphNode:
    """The matrix behind a transpose."""
    return x.parents[0] if x.op is ops.transpose else x


def own_name(node: GraphNode) -> str:
    """The name of the op; for what no recorded op made, of its kind."""
    if node.op:
        return node.op.name
    if isinstance(node.value, Node) and not node.value.op:
        return node.kind
    return "constant" if node.data.any() else "zeros"
