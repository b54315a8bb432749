"""An array that was written part by part, as one value.

    Z = np.zeros((m, n))
    for i in range(m):
        Z[i] = W @ X[i]             m values, each with one row more
        A[i] = np.tanh(Z[i])        reads the row from the value that Z was then

A person's dZ is the gradient by the whole of Z. So what reads a part that is not written again is made to read it from
the last value. That cannot be where the array goes on being made from what was read (h[t + 1] from h[t]): no one value
has the gradient that the name means then.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, created, order
from tinygrad_edu.check.marking.places import WRITE
from tinygrad_edu.ops import Op
from tinygrad_edu.ops.op import Rule

__all__ = ["made_whole", "renumbered"]


def filled(array: Any, *parts: Any, keys: list[Any]) -> np.ndarray:
    """The array with every part at its key, one after the other."""
    whole = np.array(array)
    for key, part in zip(keys, parts, strict=True):
        whole[key] = part
    return whole


def rules(array: Any, *parts: Any, keys: list[Any]) -> list[Rule]:
    """The rule of each part: what of it no later one has covered."""
    last = last_written(np.shape(array), keys)

    def rule(k: int) -> Rule:
        return lambda g, y, *_, **__: np.where(last[keys[k]] == k, g[keys[k]], 0)

    return [lambda g, y, *_, **__: np.where(last < 0, g, 0), *map(rule, range(len(keys)))]


def last_written(shape: tuple[int, ...], keys: list[Any]) -> np.ndarray:
    """Which of the keys names each entry last; -1 where none does."""
    last = np.full(shape, -1)
    for k, key in enumerate(keys):
        last[key] = k
    return last


FILL = Op(filled, every=rules, name="fill")


def made_whole(cost: Node) -> set[Node]:
    """Let parts be read from the whole, and make one op of the writes; the values that are left stand for no array."""
    uses = users(cost)
    steps: set[Node] = set()
    for whole in [x for x in uses if x.op is WRITE and not any(continues(use, x) for use in uses[x])]:
        versions = [whole]
        while isinstance(before := versions[-1].inputs[0], Node) and before.op is WRITE:
            versions.append(before)
        versions.reverse()
        last = last_written(whole.data.shape, [x.params["key"] for x in versions])
        parts = [
            use
            for k, x in enumerate(versions[:-1])
            for use in uses[x]
            if use.op is ops.index and np.all(last[use.params["key"]] <= k)
        ]
        if {*parts} & made_from(whole):
            steps |= {*versions}
            parts = []
        for use in parts:
            use.inputs = (whole,)
        passed = {x for x in versions[:-1] if all(continues(use, x) for use in {*uses[x]} - {*parts})}
        steps |= passed
        join(versions, passed)
    return steps


def join(versions: list[Node], passed: set[Node]) -> None:
    """One op in the place of the writes up to each value that something is made from."""
    array, parts, keys = versions[0].inputs[0], [], []
    for x in versions:
        parts.append(x.inputs[1])
        keys.append(x.params["key"])
        if x not in passed:
            x.op, x.inputs, x.params = FILL, (array, *parts), {"keys": keys}
            x.flows_to = tuple(k for k, y in enumerate(x.inputs) if isinstance(y, Node) and y.requires_grad)
            array, parts, keys = x, [], []


def continues(use: Node, x: Node) -> bool:
    """Whether a value is x with something written into it."""
    return use.op is WRITE and use.inputs[0] is x


def users(cost: Node) -> dict[Node, list[Node]]:
    """The values that a cost is made of, and what is made from each."""
    uses: dict[Node, list[Node]] = {cost: []}
    for node in order([cost]):
        for x in node.inputs:
            if isinstance(x, Node) and x.inputs:
                uses.setdefault(x, []).append(node)
    return uses


def made_from(node: Node) -> set[Node]:
    """What a value was made from, directly or not."""
    found, waiting = {node}, [node]
    while waiting:
        new = {x for x in waiting.pop().inputs if isinstance(x, Node)} - found
        found |= new
        waiting += new
    return found


def renumbered(cost: Node, line_of: Callable[[Node], int | None]) -> list[tuple[int, int]]:
    """Number the values anew, each after what it is made from; the lines of their new numbers."""
    nodes = [x for x in made_from(cost) if x.inputs]
    lines = {x: line_of(x) for x in nodes}
    waiting_for = {x: len({y for y in x.inputs if isinstance(y, Node) and y.inputs}) for x in nodes}
    uses: dict[Node, set[Node]] = {}
    for x in nodes:
        for y in x.inputs:
            if isinstance(y, Node):
                uses.setdefault(y, set()).add(x)
    ready = [(x.created, x) for x in nodes if not waiting_for[x]]
    heapq.heapify(ready)
    marks = []
    while ready:
        _, x = heapq.heappop(ready)
        marks.append((next(created), lines[x] or 0))
        x.created = next(created)
        for use in uses.get(x, ()):
            waiting_for[use] -= 1
            if not waiting_for[use]:
                heapq.heappush(ready, (use.created, use))
    return marks
