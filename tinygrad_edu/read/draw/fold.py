"""Which values of a graph a picture shows, and how: each for itself, a layer as one, a long middle left out.

A box is one call of a module that made values itself: a Linear, an activation, a loss, a block of one's own with
the layers in it. A module that only hands values from one layer to the next, as Sequential does, has no box. A
parameter stands in the box of the call that uses it, if only one does.

To fold is to close boxes: all that was made in one is drawn as one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from tinygrad_edu.graph import Graph, GraphNode, Scope

__all__ = ["Unit", "arrange"]

Boxes = dict[GraphNode, tuple[Scope, ...]]


@dataclass(eq=False)
class Unit:
    """What is drawn as one node: one value, the values of a closed box, or those that are left out.

    boxes   the open boxes around it, the outermost first
    scope   the closed box
    """

    nodes: list[GraphNode]
    boxes: tuple[Scope, ...] = ()
    scope: Scope | None = None
    left_out: bool = False

    @property
    def ops(self) -> list[GraphNode]:
        return [node for node in self.nodes if node.op]

    @property
    def result(self) -> GraphNode:
        """The value that was made last."""
        return self.nodes[-1]


def arrange(graph: Graph, group: str | None, max_nodes: int) -> tuple[list[Unit], str]:
    """The units in topological order, at most `max_nodes`; and a note on what is not drawn one by one."""
    boxes = find_boxes(graph) if group else {}
    ways = {"module": (single, innermost, outermost), "fold": (innermost, outermost), None: (single,)}[group]
    count = len(graph.nodes)
    for number, way in enumerate(ways):
        units = closed(graph, boxes, way(boxes))
        if len(units) <= max_nodes:
            note = f"{count:,} values, folded: a node for each layer." if number else ""
            return units, note
    head = (max_nodes - 1) // 2
    tail = len(units) - (max_nodes - 1 - head)
    middle = Unit([node for unit in units[head:tail] for node in unit.nodes], left_out=True)
    note = (
        f"{count:,} values, of which the first and the last are drawn. To see a part, draw a value in the middle "
        "(what lies behind it), or give a larger max_nodes."
    )
    return [*units[:head], middle, *units[tail:]], note


def find_boxes(graph: Graph) -> Boxes:
    """The boxes around each value, the outermost first."""
    owners = {node.scopes[-1] for node in graph.nodes if node.scopes}
    boxes = {node: tuple(scope for scope in node.scopes if scope in owners) for node in graph.nodes}
    parameters = {scope: set(map(id, scope.module.parameters())) for scope in owners}
    for node in graph.nodes:
        if node.op is None:
            levels = zip(*(boxes[user] for user in node.uses), strict=False)
            shared = tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
            while shared and id(node.value) not in parameters[shared[-1]]:
                shared = shared[:-1]
            boxes[node] = shared
    return boxes


def single(boxes: Boxes) -> dict[GraphNode, Scope]:
    """No box is closed."""
    return {}


def innermost(boxes: Boxes) -> dict[GraphNode, Scope]:
    """The boxes that hold no other are closed."""
    outer = {scope for around in boxes.values() for scope in around[:-1]}
    return {node: around[-1] for node, around in boxes.items() if around and around[-1] not in outer}


def outermost(boxes: Boxes) -> dict[GraphNode, Scope]:
    """All boxes are closed."""
    return {node: around[0] for node, around in boxes.items() if around}


def closed(graph: Graph, boxes: Boxes, scopes: dict[GraphNode, Scope]) -> list[Unit]:
    """Units in topological order, each where its last value is: by then all that it is made of has come."""
    units: dict[GraphNode | Scope, Unit] = {}
    for node in graph.nodes:
        scope = scopes.get(node)
        around = boxes.get(node, ())
        key = scope or node
        unit = units.pop(key, None) or Unit([], around[: around.index(scope)] if scope else around, scope)
        unit.nodes.append(node)
        units[key] = unit
    return list(units.values())
