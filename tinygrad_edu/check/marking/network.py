"""What is asked of a traced forward pass: right gradients, and those that follow from a person's own.

    network = Network(traced)
    network.right[node]                    dJ/d(node), by the rules of the table
    network.follow(given)                  the same, going on from a person's value wherever there is one

Read next: `search.py`, which looks for the slip that turns the right value into the person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, fit, order
from tinygrad_edu.check.marking.filled import FILL
from tinygrad_edu.check.marking.nested import SHORT, flat
from tinygrad_edu.check.marking.trace import Traced

__all__ = ["SAME", "Elementwise", "Network", "Product", "close", "sent_back"]

MOVES = (ops.transpose, ops.reshape, ops.ravel, ops.squeeze, ops.expand_dims, ops.swapaxes, ops.broadcast_to)
PRODUCTS = (ops.matmul, ops.dot)
SAME = 1e-8  # to which two arrays count as the same


def close(a: Any, b: Any, digits: float = SAME) -> bool:
    """Whether two arrays are the same up to rounding."""
    if np.shape(a) != np.shape(b):
        return False
    if not np.size(a):
        return True
    scale = max(np.max(np.abs(a)), np.max(np.abs(b)))
    return bool(np.max(np.abs(np.subtract(a, b))) <= digits * scale) if np.isfinite(scale) else False


@dataclass
class Product:
    """A matrix product that a value goes into: the product's node, the other operand, whether that stands left."""

    node: Node
    other: Any
    other_left: bool


@dataclass
class Elementwise:
    """A value z and what an entry-by-entry function made of it.

    a       the named result (after dropout, if there is any)
    pre     what the activation itself gave
    rest    d a/d pre, mask and scale of dropout
    slope   d pre/d z
    """

    z: Node
    a: Node
    pre: Node
    rest: np.ndarray
    slope: np.ndarray


class Network:
    """The graph of a traced cost, with the person's names."""

    def __init__(self, traced: Traced) -> None:
        self.cost: Any = recorded(traced)
        self.traced = traced
        self.nodes: list[Any] = list(order([self.cost]))
        inside = set(self.nodes)
        self.uses: dict[Node, list[tuple[Node, int]]] = {}
        for node in self.nodes:
            for k, x in enumerate(node.inputs):
                if isinstance(x, Node) and x.requires_grad:
                    self.uses.setdefault(x, []).append((node, k))
        self.node_of: dict[str, Node] = {}
        for name, x in (traced.named | traced.params).items():
            found = x if isinstance(x, Node) else None
            if found is not None and (found in inside or found in self.uses):
                self.node_of[name] = found
        for name, x in traced.named.items():
            if name not in self.node_of and (same := self.node_with(x)) is not None:
                self.node_of[name] = same
        self.name_of: dict[Node, str] = {}
        self.links: dict[tuple[Node, int], Elementwise | None] = {}  # by z, as long as no name is added
        self.call(traced.params)
        cached = flat(traced.cache)
        self.call(name for name in cached if "][" not in name)
        self.rebound = self.by_layer(traced.earlier)
        numbered = {f"{name}{k}": x for name, nodes in self.rebound.items() for k, x in enumerate(nodes, start=1)}
        self.node_of = numbered | self.node_of
        known = {self.node_of[name] for name in cached if name in self.node_of}
        self.call(name for name, node in numbered.items() if node in known)
        self.call(cached)
        if all(isinstance(x, Node) and x.op is None for x in self.name_of):
            self.call(name for name in self.node_of if re.fullmatch(r"[A-Za-z]{1,2}_?\d+", name))
        self.call_layers({name: x for name, x in self.node_of.items() if name in numbered or name in traced.named})
        self.call_preactivations()
        self.call_activations()
        self.parameters = {x for x in traced.params.values() if isinstance(x, Node)}
        self.own = self.owned()
        self.seed = np.ones(self.cost.data.shape)
        self.right = self.carry()

    def call(self, names: Iterable[str]) -> None:
        """Let these names stand for their nodes: the links of the derivation go from one to the next."""
        for name in names:
            if name in self.node_of:
                self.name_of.setdefault(self.node_of[name], self.variable(name))

    def variable(self, name: str) -> str:
        """A place in a list or tuple, [0], by the variable that holds the same; other names as they are."""
        same = [other for other, x in self.node_of.items() if x is self.node_of[name] and "[" not in other]
        return same[0] if same and name.startswith("[") else name

    def by_layer(self, earlier: dict[str, list[Any]]) -> dict[str, list[Node]]:
        """Names that a loop over layers gave again and again: the last value they had in each layer."""
        found: dict[str, list[Node]] = {}
        given = self.traced.params.values()
        for name, values in earlier.items():
            nodes: dict[Node, None] = {}
            used = [x for x in values if isinstance(x, Node) and x in self.uses]
            for x in sorted(used, key=lambda x: x.created if x.op is not None else 0):
                if (x.op is not None or any(x is w for w in given)) and x not in nodes:
                    if nodes and next(reversed(nodes)) in self.same_layer(x):
                        nodes.popitem()
                    nodes[x] = None
            if 1 < len(nodes) < SHORT:
                found[name] = list(nodes)
        return found

    def call_layers(self, numbered: dict[str, Node]) -> None:
        """A layer in which nothing has a name is called after the last variable of it; best one of forward itself."""
        covered = {x for node in self.name_of if node.op is not None for x in self.same_layer(node)}
        made = [(name, node) for name, node in numbered.items() if node.op is not None]
        made.reverse()
        for name, node in sorted(made, key=lambda item: -item[1].created):
            layer = self.same_layer(node)
            if node not in covered and not any(x in self.name_of and x.op is not None for x in layer):
                self.call([name])
                covered |= layer

    def same_layer(self, node: Node) -> set[Node]:
        """What a value was made from with no matrix product in between."""
        found, waiting = {node}, [node]
        while waiting:
            current = waiting.pop()
            for x in current.inputs if current.op not in PRODUCTS else ():
                if isinstance(x, Node) and x not in found:
                    found.add(x)
                    waiting.append(x)
        return found

    def call_preactivations(self) -> None:
        """Z of A1: what an activation was made from, where the person gave it no name."""
        for node, name in tuple(self.name_of.items()):
            layer = self.same_layer(node) - {node}
            below = [x for x in layer if x.op in PRODUCTS and x.data.shape == node.data.shape]
            if node.op is None or not below or any(x in self.name_of and x.op is not None for x in layer):
                continue
            z = max(below, key=lambda x: x.created)
            while z is not node and [use.op for use, _ in self.uses[z]] == [ops.add]:
                z = self.uses[z][0][0]
            if z is not node:
                held = self.traced.earlier
                known = [other for other, x in self.node_of.items() if x is z and len(held.get(other, ())) == 1]
                self.node_of[f"Z of {name}"] = z
                self.call([*known[:1], f"Z of {name}"])

    def call_activations(self) -> None:
        """g(Z): what an activation made of Z, where it has no name before a column of ones was set beside it."""
        for z, name in tuple(self.name_of.items()):
            last, uses = z, self.uses.get(z, [])
            while len(uses) == 1 and uses[0][0].data.shape == z.data.shape and last not in set(self.name_of) - {z}:
                last = uses[0][0]
                uses = self.uses.get(last, [])
            if (
                z.op is not None
                and last not in self.name_of
                and len(uses) == 1
                and uses[0][0].op in (ops.concatenate, FILL)
            ):
                self.node_of[f"g({name})"] = last
                self.call([f"g({name})"])

    def node_with(self, x: Any) -> Node | None:
        """A node of the graph that holds the same numbers: the cache may hold a copy."""
        data = x.data if isinstance(x, Node) else x
        if np.ndim(data) == 0:
            return None
        whole = (node for node in self.nodes if node not in self.traced.steps)
        return next((node for node in whole if np.array_equal(node.data, data)), None)

    def epsilons(self) -> Iterator[tuple[Node, np.ndarray]]:
        """The sums in which a small number keeps a log from 0, with what they are without it."""
        for node in (use for use in self.nodes if use.op is ops.log):
            x = node.inputs[0]
            while isinstance(x, Node) and x.op in (*MOVES, ops.index):
                x = x.inputs[0]
            if isinstance(x, Node) and x.op is ops.add:
                p, eps = sorted(x.inputs, key=lambda part: not isinstance(part, Node))
                if isinstance(p, Node) and np.ndim(eps) == 0 and 0 < float(eps) < 1e-4 and p.data.all():
                    yield x, p.data

    def owned(self) -> set[Node]:
        """The nodes that depend on parameters and numbers alone: those of an L2 term."""
        own: set[Node] = set()
        for node in reversed(self.nodes):
            inputs = [x for x in node.inputs if isinstance(x, Node) or np.ndim(x)]
            if all(x in own or x in self.parameters for x in inputs if isinstance(x, Node)) and all(
                isinstance(x, Node) for x in inputs
            ):
                own.add(node)
        return set() if self.cost in own else own  # a cost of the parameters alone has no such term

    def carry(
        self,
        given: dict[Node, Any] | None = None,
        start: dict[Node, Any] | None = None,
        without: Iterable[Node] = (),
        until: Node | None = None,
    ) -> dict[Node, Any]:
        """The chain rule: the gradient that arrives at each node.

        It goes on from `given` wherever a node has a value there; nodes in `without` pass nothing on. What lies before
        `until` is left out.
        """
        arriving: dict[Node, Any] = dict(start or {self.cost: self.seed})
        complete: dict[Node, Any] = {}
        given, blocked = given or {}, set(without)
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if until is not None and until.op is not None and node.created <= until.created:
                    break
                if node not in arriving:
                    continue
                g = complete[node] = arriving.pop(node)
                if node in blocked:
                    continue
                g = given.get(node, g)
                for _, x, gx in sent_back(node, g):
                    if np.shape(gx) != x.data.shape:
                        gx = fit(gx, x.data, node)
                    arriving[x] = arriving[x] + gx if x in arriving else gx
        return complete | arriving

    def follow(self, given: dict[Node, Any]) -> tuple[dict[Node, Any], dict[Node, Any]]:
        """What arrives at each node when it goes on from the person's values, and what each passes on."""
        arrives = self.carry(given)
        return arrives, arrives | {node: g for node, g in given.items() if node in arrives}

    def main(self, given: dict[Node, Any]) -> dict[Node, Any]:
        """What arrives at each node without the L2 terms."""
        terms = [node for node in self.own if node.data.size == 1 and node.op is not ops.index]  # b[0] is none
        return self.carry(given, without=terms)

    def later(self, node: Node, until: Iterable[Node] = ()) -> list[Node]:
        """The nodes made from a node, directly or not; those in `until` are not passed."""
        stop, found, waiting = set(until), [], [node]
        seen = {node}
        while waiting:
            current = waiting.pop()
            for use, _ in self.uses.get(current, ()):
                if use not in seen:
                    seen.add(use)
                    found.append(use)
                    if use not in stop:
                        waiting.append(use)
        return found

    def next_named(self, node: Node) -> list[Node]:
        """The named values that are made from this one with no name in between, L2 terms aside."""
        named = set(self.name_of) - {self.cost}
        return [x for x in self.later(node, named) if x in named and x not in self.own]

    def products(self, node: Node) -> list[Product]:
        """The matrix products that a value goes into, itself or transposed."""
        found, waiting = [], [node]
        while waiting:
            current = waiting.pop()
            for use, k in self.uses.get(current, ()):
                if use.op in PRODUCTS:
                    found.append(Product(use, use.inputs[1 - k], other_left=k == 1))
                elif use.op in MOVES:
                    waiting.append(use)
        return found

    def is_bias(self, node: Node) -> bool:
        """Whether a value is added to others, and no factor of a matrix product."""
        uses = [use for use, _ in self.uses.get(node, ()) if use not in self.own]
        while len(uses) == 1 and uses[0].op in MOVES:
            uses = [use for use, _ in self.uses.get(uses[0], ())]
        return bool(uses) and all(use.op in (ops.add, ops.subtract) for use in uses)

    def elementwise(self, z: Node) -> Elementwise | None:
        """The link from z to the next named value, if that is a function of each entry alone."""
        key = (z, len(self.name_of))
        if key not in self.links:
            self.links[key] = self.found_elementwise(z)
        return self.links[key]

    def found_elementwise(self, z: Node) -> Elementwise | None:
        following = [x for x in self.next_named(z) if x.data.shape == z.data.shape]
        if not following:
            return None
        a = max(following, key=lambda x: x.created)
        pre = self.before_dropout(a, z)
        slope, rest = self.slope(pre, z), self.slope(a, pre)
        if slope is None or rest is None:
            return None
        return Elementwise(z, a, pre, rest, slope)

    def before_dropout(self, a: Node, z: Node) -> Node:
        """What a was made from by a mask (an array of constants) and a scale; a itself if by none."""
        current, masked = a, False
        while current is not z and current.op in (ops.multiply, ops.divide):
            numerator = current.inputs[:1] if current.op is ops.divide else current.inputs
            variable = [x for x in numerator if isinstance(x, Node) and x.requires_grad]
            constant = [x for x in current.inputs if not (isinstance(x, Node) and x.requires_grad)]
            if len(variable) != 1 or len(constant) != 1 or variable[0] is z or variable[0].data.shape != a.data.shape:
                break
            masked = masked or np.ndim(constant[0]) > 0
            current = variable[0]
        return current if masked else a

    def through_dropout(self, a: Node) -> list[Node]:
        """What a was made from by products with constants: where a name is bound again, it may mean any of them."""
        found, current = [], a
        while current.op in (ops.multiply, ops.divide):
            numerator = current.inputs[:1] if current.op is ops.divide else current.inputs
            variable = [x for x in numerator if isinstance(x, Node) and x.requires_grad]
            constant = [x for x in current.inputs if not (isinstance(x, Node) and x.requires_grad)]
            if len(variable) != 1 or len(constant) != 1 or variable[0].data.shape != a.data.shape:
                break
            current = variable[0]
            if current in self.name_of:
                break
            found.append(current)
        return found

    def slope(self, a: Node, z: Node) -> np.ndarray | None:
        """da/dz entry by entry; None if an entry of a depends on other entries of z."""
        if a is z:
            return np.ones(z.data.shape)
        ones, weights = np.ones(a.data.shape), np.random.default_rng(0).uniform(1, 2, a.data.shape)
        slope = self.carry(start={a: ones}, until=z).get(z)
        weighed = self.carry(start={a: weights}, until=z).get(z)
        if slope is None or weighed is None or not close(weighed, slope * weights, 1e-9):
            return None
        result: np.ndarray | None = slope
        return result

    def replay(self, a: Node, z: Node, value: np.ndarray) -> np.ndarray | None:
        """da/dz as it would be if z held another value."""
        later = set(self.later(z))
        between = [node for node in reversed(self.nodes) if node in later and (node is a or z in reach(node))]
        before: dict[Node, np.ndarray] = {z: z.data}
        try:
            z.data = value
            with np.errstate(all="ignore"):
                for node in between:
                    if node.created > a.created:
                        continue
                    before[node] = node.data
                    values = [x.data if isinstance(x, Node) else x for x in node.inputs]
                    node.data = np.asarray(node.op.forward(*values, **node.params))
                return self.slope(a, z)
        finally:
            for node, data in before.items():
                node.data = data

    def divisors(self, m: int) -> list[float]:
        """What the cost may divide the sum of its losses by, m, every entry or 1; by the factor at its first sum."""
        for node, g in self.right.items():
            summed = all(use.data.size < node.data.size for use, _ in self.uses.get(node, ()))
            if node not in self.own and node.data.size > 1 and summed and not np.ptp(g) and np.all(g):
                factor = abs(float(np.ravel(g)[0]))
                numbers = dict.fromkeys((1.0, float(m), float(node.data.size)))
                found = [n for n in numbers if any(np.isclose(factor * n, plain) for plain in (1.0, 2.0, 0.5))]
                if found:
                    return found
        return [float(m)]


def sent_back(node: Node, g: Any) -> Iterator[tuple[int, Node, Any]]:
    """What the rules of a value give for each of its inputs."""
    values = [x.data if isinstance(x, Node) else x for x in node.inputs]
    rules = node.op.rules or node.op.rules_for(node.inputs, node.params)
    for k, x in enumerate(node.inputs):
        if isinstance(x, Node) and x.requires_grad:
            yield k, x, rules[k](g, node.data, *values, **node.params)


def reach(node: Node) -> set[Node]:
    """The nodes that a node is made from."""
    return {x for made in order([node]) for x in (made, *made.inputs) if isinstance(x, Node)}


def recorded(traced: Traced) -> Node:
    """The cost, if the forward pass was traced."""
    if traced.cost is None:
        raise ValueError(f"Network: the forward pass must be traced; got one that was cut: {traced.cut}.")
    return traced.cost
