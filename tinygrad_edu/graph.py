"""A recorded graph as a list of named nodes: what every reading of it starts from.

    graph = Graph(J)
    for node in graph.nodes:
        print(node.name, node.op, node.shape)

Nodes come in topological order, inputs before what is made of them. A value used twice is one node;
equal values are not merged. Single numbers are no nodes: they stand in the label of the op that uses them.

Names are, in this order: those given in `names`, the tensor's own `name`, the textbook's (the output of a
linear op on W1 is Z1, its activation A1, a single number at the end J), else the name of the op.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, order
from tinygrad_edu.tensor import Tensor

__all__ = ["Graph", "GraphNode"]

ACTIVATIONS = (ops.sigmoid, ops.tanh, ops.relu, ops.leaky_relu, ops.softplus, ops.softmax)


@dataclass(eq=False, repr=False)
class GraphNode:
    """One value of the graph.

    kind    "input" (data, requires no gradient), "parameter" (a leaf that does), "op" or "output"
    inputs  the nodes it was made from, in the op's order; None for a single number or nothing
    """

    value: Any
    kind: str
    op: ops.Op | None = None
    params: dict[str, Any] = field(default_factory=dict)
    inputs: list[GraphNode | None] = field(default_factory=list)
    numbers: list[float | None] = field(default_factory=list)
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def __repr__(self) -> str:
        made_by = f", op={self.op.name}" if self.op else ""
        return f"GraphNode({self.name!r}, {self.kind}{made_by}, shape={self.shape})"


class Graph:
    """The nodes behind one or several outputs, with stable names.

    Raises:  TypeError for something that is no Tensor; ValueError for a tensor that nothing was recorded of
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
                    f"Graph: the output must have been recorded; got {output!r}, a leaf. "
                    "Does it depend on a tensor with requires_grad=True, outside of no_grad()?"
                )
        found: dict[int, GraphNode] = {}
        for tensor in reversed(order(outputs)):
            node = GraphNode(tensor, "op", tensor.op, tensor.params)
            for x in tensor.inputs:
                number = x is not None and not isinstance(x, Node) and np.ndim(x) == 0
                node.numbers.append(float(x) if number else None)
                if x is None or number:
                    node.inputs.append(None)
                    continue
                if id(x) not in found:
                    leaf = isinstance(x, Node) and x.requires_grad
                    found[id(x)] = GraphNode(x, "parameter" if leaf else "input")
                node.inputs.append(found[id(x)])
            found[id(tensor)] = node
        for output in outputs:
            found[id(output)].kind = "output"
        self.nodes = list(found.values())
        self._name({} if names is None else {id(x): name for name, x in names.items()})

    def _name(self, given: dict[int, str]) -> None:
        used: dict[str, int] = {}
        for node in self.nodes:
            name = given.get(id(node.value)) or getattr(node.value, "name", None) or textbook_name(node)
            node.name = name
            while node.name in used:
                used[name] += 1
                node.name = f"{name} ({used[name]})"
            used[node.name] = 1


def textbook_name(node: GraphNode) -> str:
    """Z1 for the linear op on W1, A1 for its activation, J for a single number at the end."""
    if node.op is ops.linear and node.inputs[1] and (numbered := re.fullmatch(r"W(\d*)", node.inputs[1].name)):
        return f"Z{numbered[1]}"
    if node.op in ACTIVATIONS and node.inputs[0] and (numbered := re.fullmatch(r"Z(\d*)", node.inputs[0].name)):
        return f"A{numbered[1]}"
    if node.kind == "output" and node.value.size == 1:
        return "J"
    return node.op.name if node.op else "constant" if isinstance(node.value, np.ndarray) else node.kind
