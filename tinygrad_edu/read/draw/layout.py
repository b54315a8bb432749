"""Places for the nodes of a graph and ways for its links, in layers from top to bottom.

    places, ways = layered(graph)

An op stands below all that it is made from, data and parameters just above their first use. A link that passes
several layers gets a point in each. Within a layer the order is chosen for few crossings, then the
nodes are moved so that the way of the data runs straight and its parameters stand beside it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from itertools import pairwise

from tinygrad_edu.graph import Graph, GraphNode

__all__ = ["HEIGHT", "WIDTH", "layered"]

WIDTH, HEIGHT = 122.0, 46.0  # of a node
COLUMN, ROW = WIDTH + 22, HEIGHT + 30  # from one node to the next
LANE = 26.0  # what a link takes that passes a layer
SWEEPS = 12

Point = tuple[float, float]
Link = tuple[GraphNode, GraphNode, int]  # from, to, and the position among the inputs of `to`


class Slot:
    """A node in its layer, or the point at which a link passes that layer."""

    __slots__ = ("above", "below", "layer", "weight", "x")

    def __init__(self, layer: int, weight: float = 0.0) -> None:
        self.layer, self.weight, self.x = layer, weight, 0.0
        self.above: list[tuple[Slot, float]] = []  # neighbours, and how straight the link to each should be
        self.below: list[tuple[Slot, float]] = []

    @property
    def breadth(self) -> float:
        return COLUMN if self.weight == 0 else LANE


def layered(graph: Graph) -> tuple[dict[GraphNode, Point], dict[Link, list[Point]]]:
    """The centre of each node, and the points that each link passes, the first and the last included."""
    depth = depths(graph)
    slots = {node: Slot(depth[node]) for node in graph.nodes}
    chains: dict[Link, list[Slot]] = {}
    for node in graph.nodes:
        for position, x in enumerate(node.inputs):
            if isinstance(x, GraphNode):
                strength = 0.1 if x.kind == "parameter" else 4.0
                passed = [Slot(layer, 8.0) for layer in range(depth[x] + 1, depth[node])]
                chains[x, node, position] = chain = [slots[x], *passed, slots[node]]
                for upper, lower in pairwise(chain):
                    weight = max(strength, upper.weight, lower.weight)
                    upper.below.append((lower, weight))
                    lower.above.append((upper, weight))
    layers: list[list[Slot]] = [[] for _ in range(max(depth.values()) + 1)]
    for slot in from_the_output(graph, slots):
        layers[slot.layer].append(slot)
    uncross(layers)
    straighten(layers)
    places = {node: (slot.x, slot.layer * ROW) for node, slot in slots.items()}
    return places, ways(chains, places)


def depths(graph: Graph) -> dict[GraphNode, int]:
    """The layer of each node: an op below its inputs, a leaf just above its first use."""
    depth: dict[GraphNode, int] = {}
    for node in graph.nodes:
        if node.op:
            depth[node] = 1 + max((depth[x] for x in node.parents if x.op), default=0)
    for node in graph.nodes:
        if not node.op:
            depth[node] = min(depth[use] for use in node.uses) - 1
    return depth


def from_the_output(graph: Graph, slots: dict[GraphNode, Slot]) -> list[Slot]:
    """All slots in the order in which a walk from the outputs meets them, inputs from left to right."""
    found: dict[Slot, None] = {}
    waiting = [slots[node] for node in reversed(graph.outputs)]
    while waiting:
        slot = waiting.pop()
        if slot not in found:
            found[slot] = None
            waiting.extend(upper for upper, _ in reversed(slot.above))
    return list(found)


def uncross(layers: list[list[Slot]]) -> None:
    """Order each layer by the mean place of its neighbours, down and up, and keep the order with fewest crossings."""
    best, fewest = [list(layer) for layer in layers], crossings(layers)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        downward = sweep % 2 == 0
        for layer in layers if downward else reversed(layers):
            rank = {slot: place for neighbours in layers for place, slot in enumerate(neighbours)}
            layer.sort(key=lambda slot: mean_rank(slot, rank, downward))
        if (now := crossings(layers)) < fewest:
            best, fewest = [list(layer) for layer in layers], now
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order


def mean_rank(slot: Slot, rank: dict[Slot, int], downward: bool) -> float:
    neighbours = slot.above if downward else slot.below
    if not neighbours:
        return rank[slot]
    return sum(rank[other] for other, _ in neighbours) / len(neighbours)


def crossings(layers: list[list[Slot]]) -> int:
    """How many pairs of links cross."""
    count = 0
    for upper, lower in pairwise(layers):
        rank = {slot: place for place, slot in enumerate(lower)}
        passed: list[int] = []
        for slot in upper:
            ends = [rank[other] for other, _ in slot.below]
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def straighten(layers: list[list[Slot]]) -> None:
    """Move each slot towards its neighbours, above and below in turn, as far as the order in the layer lets it."""
    for layer in layers:
        spread(layer, [0.0] * len(layer), [1.0] * len(layer))
    for sweep in range(2 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wished, weights = [], []
            for slot in layer:
                near = slot.above + slot.below
                total = sum(weight for _, weight in near)
                wished.append(sum(other.x * weight for other, weight in near) / total)
                weights.append(total)
            spread(layer, wished, weights)


def spread(layer: list[Slot], wished: list[float], weights: list[float]) -> None:
    """The places nearest to those wished for (in weighted squares) that keep the order and the distances."""
    offsets, offset = [], 0.0
    for place, slot in enumerate(layer):
        offset += (slot.breadth + layer[place - 1].breadth) / 2 if place else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, and number of slots that move as one
    for x, weight, start in zip(wished, weights, offsets, strict=True):
        mean, number = x - start, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, more = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, number = weight + heavy, number + more
        blocks.append((mean, weight, number))
    moved = [mean for mean, _, number in blocks for _ in range(number)]
    for slot, start, mean in zip(layer, offsets, moved, strict=True):
        slot.x = start + mean


def ways(chains: dict[Link, list[Slot]], places: dict[GraphNode, Point]) -> dict[Link, list[Point]]:
    """The points of each link. Links that begin or end at one node do so side by side."""
    starts, ends = defaultdict(list), defaultdict(list)
    for link, chain in chains.items():
        starts[link[0]].append((chain[1].x, link[2], link))
        ends[link[1]].append((chain[-2].x, link[2], link))
    shift: dict[tuple[Link, bool], float] = {}
    for groups, at_start in ((starts, True), (ends, False)):
        for group in groups.values():
            group.sort(key=lambda entry: entry[:2])
            step = min(16.0, (WIDTH - 40) / len(group))
            for place, (_, _, link) in enumerate(group):
                shift[link, at_start] = (place - (len(group) - 1) / 2) * step
    found = {}
    for link, chain in chains.items():
        (x, y), (to_x, to_y) = places[link[0]], places[link[1]]
        points = [(x + shift[link, True], y + HEIGHT / 2)]
        for slot in chain[1:-1]:
            top = slot.layer * ROW - HEIGHT / 2
            points += [(slot.x, top), (slot.x, top + HEIGHT)]
        found[link] = [*points, (to_x + shift[link, False], to_y - HEIGHT / 2)]
    return found
