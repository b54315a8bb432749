"""The condition behind an array of truth values: a comparison is not recorded, so it is found by its numbers.

    find_masks(graph)       {node of the truth values: Mask}

    np.where(Z > 0, Z, np.exp(Z) - 1)               Z > 0: the branches are made of Z, and Z > 0 has these numbers
    np.where(np.abs(D) <= 2, D**2, 4 * np.abs(D) - 4)    |D| < 2: the branches meet there
    Z * (Z > 0)                                     the condition is on the other factor, or on what that is made of

A condition that the numbers of a small batch fit by chance would be wrong for other data. So it is on what both
branches are made of, at a number where the branches are equal, as those of a loss are; or at 0, if there are many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read import notation
from tinygrad_edu.read.products import PRODUCTS

__all__ = ["Mask", "find_masks", "name_masks"]

TELLING = 16  # truth values that agree with a condition by chance once in 65,536 times
SIGNS: dict[np.ufunc, str] = {np.greater: ">", np.greater_equal: "≥", np.less: "<", np.less_equal: "≤"}


@dataclass(frozen=True)
class Mask:
    """sign(value, threshold), or of its absolute value; called with the value as arrays, traced arrays or symbols."""

    value: GraphNode
    sign: np.ufunc
    threshold: float = 0
    absolute: bool = False

    def __str__(self) -> str:
        """Z > 0, |r| ≤ 1."""
        text = notation.written(self.value, tight=notation.SUM)
        return f"{f'|{text}|' if self.absolute else text} {SIGNS[self.sign]} {notation.number(self.threshold)}"

    def __call__(self, x: Any) -> Any:
        return self.sign(np.abs(x) if self.absolute else x, self.threshold)


def find_masks(graph: Graph) -> dict[GraphNode, Mask]:
    """The conditions of all truth values without a name, where one was found."""
    found: dict[GraphNode, Mask] = {}
    for use in graph.nodes:
        for node in use.parents:
            if node.op is None and node.data.dtype == bool and not node.named and node not in found:
                candidates = branching(graph, use, node) if use.op is ops.where else beside(use, node)
                fits = (x for x in candidates if x.value.shape == node.shape)
                if mask := next((x for x in fits if np.array_equal(x(x.value.data), node.data)), None):
                    found[node] = mask
    return found


def name_masks(graph: Graph) -> Graph:
    """The graph, with its truth values called by their conditions."""
    for node, mask in find_masks(graph).items():
        node.name = node.made = str(mask)
    return graph


def conditions(value: GraphNode, thresholds: Iterable[float] = (0,), absolute: bool = False) -> Iterator[Mask]:
    for threshold in thresholds:
        for sign in SIGNS:
            yield Mask(value, sign, threshold, absolute)


def beside(use: GraphNode, mask: GraphNode) -> Iterator[Mask]:
    """Conditions on what a mask is multiplied with, and on what that was made of; a mask of one value fits too many."""
    if mask.data.all() or not mask.data.any():
        return
    near = [x for x in use.parents if x.data.dtype.kind == "f"]
    for x in [*near, *(parent for factor in near for parent in factor.parents)]:
        yield from conditions(x)


def branching(graph: Graph, use: GraphNode, mask: GraphNode) -> Iterator[Mask]:
    """Conditions on what all branches are made of."""
    branches = [x for x in use.parents if x is not mask]
    made_of = [made_entrywise(x) for x in branches]
    common = [x for x in (made_of[0] if made_of else []) if all(x in found for found in made_of)]
    last = [x for x in common if not any(y in common for y in x.uses)] if len(branches) > 1 else common
    numbers = {float(abs(n)) for found in made_of for x in found for n in x.inputs if isinstance(n, int | float)}
    for x in last:
        for n in sorted({0.0, 1.0, *numbers}):
            ends = [end for end in {n, -n} if meet(graph, use, x, end)]
            yield from conditions(x, (n,), absolute=True) if len(ends) == 2 else ()
            yield from conditions(x, ends)
    if mask.data.size >= TELLING:
        for x in last:
            yield from conditions(x)


def made_entrywise(node: GraphNode) -> list[GraphNode]:
    """A value and what it was made of, the nearest first, as far as the last product of matrices."""
    found = [node]
    for x in found:
        if x.op is not None and x.op not in PRODUCTS:
            found += [y for y in x.parents if y not in found]
    return found


def meet(graph: Graph, use: GraphNode, x: GraphNode, number: float) -> bool:
    """Whether the branches of np.where are equal where x is this number."""
    values: dict[Any, Any] = {x: np.full_like(x.data, number)}
    with np.errstate(all="ignore"):
        for node in graph.nodes[: graph.nodes.index(use)]:
            if node.op is not None and node is not x and any(y in values for y in node.parents):
                values[node] = node.op.forward(*(read(y, values) for y in node.inputs), **node.params)
    a, b = (read(y, values) for y in use.inputs[1:])
    return np.allclose(a, b, rtol=1e-9 if x.data.dtype == float else 1e-5)


def read(x: Any, values: dict[Any, Any]) -> Any:
    return values.get(x, x.data if isinstance(x, GraphNode) else x)
