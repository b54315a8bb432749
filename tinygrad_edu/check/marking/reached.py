"""The gradients that backward held in variables and did not return, where their names tell what they are of.

Read next: `diagnose.py`, which judges them.
"""

from __future__ import annotations

import re

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.judged import Judged, named_value
from tinygrad_edu.check.marking.network import Network
from tinygrad_edu.check.marking.trace import Ran
from tinygrad_edu.check.marking.watch import Binding, equal

__all__ = ["NEARLY", "distance", "proportional", "reached"]

NEARLY = 1e-4  # to which two gradients count as multiples of one another


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, as a part of the largest number."""
    scale = max(np.max(np.abs(a), initial=0), np.max(np.abs(b), initial=0))
    largest = float(np.max(np.abs(a - b), initial=0))
    return largest / float(scale) if scale > 1e-13 else 0.0


def proportional(value: np.ndarray, right: np.ndarray) -> float:
    """The factor between two arrays, 0 if there is none."""
    square = float(np.vdot(right, right))
    if square == 0.0 or not np.isfinite(value).all():
        return 0.0
    factor = float(np.vdot(right, value)) / square
    return factor if factor and distance(value, factor * right) < NEARLY else 0.0


def reached(ran: Ran, network: Network) -> list[Judged]:
    """The gradients that backward held in variables, where a name can be told to mean one."""
    known = {name: node for name, node in network.node_of.items() if node is not network.cost}
    held: dict[str, list[Binding]] = {}
    for binding in ran.bindings:
        value = named_value(binding.name, known)
        if isinstance(binding.value, np.ndarray) and value and value.lower() != binding.name.lower():
            found = held.setdefault(binding.name, [])
            if found and equal(found[-1].value, binding.value):
                continue  # passed on from function to function
            if found and binding.changed:
                copied = any(
                    equal(x.value, found[-1].value) for name in held if name != binding.name for x in held[name]
                )
                if not own_change(binding, ran) or (masked(found[-1].value, binding.value) and not copied):
                    continue  # dA, made into dZ in its place
                found.pop()
            found.append(binding)
    changed = re.match(r"(\w+) *(\[.*\] *[-+*/@]?|[-+*/@])=", ran.failure.text) if ran.failure else None
    if changed and changed[1] in held:
        held[changed[1]].pop()  # it was not finished
    held = {name: bindings for name, bindings in held.items() if bindings}
    meant = {name: named_value(name, known) for name in held}
    loops = {name: network.rebound[meant[name]][::-1] for name in held if meant[name] in network.rebound}
    terms = [
        Judged(name, given=bindings[-1].value, hidden=True, line=bindings[-1].line)
        for name, bindings in held.items()
        if name not in loops
    ]
    taken = {known[meant[term.key]] for term in terms}
    for name, layers in loops.items():
        for binding, node in in_layers(held[name], layers, network, ran.failure is not None):
            if node not in taken:
                key = f"{name} ({network.name_of[node]})" if node in network.name_of else name
                terms.append(Judged(key, node=node, given=binding.value, hidden=True, line=binding.line))
    return terms


def own_change(binding: Binding, ran: Ran) -> bool:
    """Whether an array that was changed in place is still this variable's, and was not given to a later one."""
    place = next(k for k, b in enumerate(ran.bindings) if b is binding)
    names = {b.name for b in ran.bindings if b.changed and b.line == binding.line and equal(b.value, binding.value)}
    given = [b.name for b in ran.bindings[:place] if b.name in names and not b.changed]
    return not given or binding.name == given[-1]


def masked(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether an array was changed by setting entries to 0."""
    return before.shape == after.shape and bool(((after == before) | (after == 0)).all())


def in_layers(
    bindings: list[Binding], layers: list[Node], network: Network, stopped: bool
) -> list[tuple[Binding, Node]]:
    """The values of a loop's variable with the layers they belong to, by their number or by their shapes.

    Where backward stopped, the last one may have a wrong shape.
    """
    shapes = [node.data.shape for node in layers]
    values = [binding.value.shape for binding in bindings]
    if stopped and len(bindings) == 1 and len(layers) > 1:
        top = values == shapes[:1] and proportional(bindings[0].value, network.right[layers[0]])
        return [(bindings[0], layers[0 if top else 1])]
    for skipped in (0, 1):  # dA of the last layer has no variable in most hands
        known = shapes[skipped:]
        whole = values[: len(known)] == known and len(values) <= len(known) + 1  # the last may be that of X
        if whole or (stopped and values[:-1] == known[: len(values) - 1] and 1 < len(values) <= len(known)):
            return list(zip(bindings, layers[skipped:], strict=False))
    if not set(values) & set(shapes):
        return list(zip(bindings, layers, strict=False))
    last = dict(zip(values, bindings, strict=True))
    return [(last[x.data.shape], x) for x in layers if shapes.count(x.data.shape) == 1 and x.data.shape in last]
