"""The chain rule again with one rule of the table changed: left out, negated, dropped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, fit
from tinygrad_edu.check.marking.network import Network, close, sent_back
from tinygrad_edu.check.marking.readings import Reading, Scene, Sought, fits, name_of_array

__all__ = ["by_one_rule", "by_two_rules"]

MANY = 100  # links: where each entry was computed by itself, a slip is in all of them and not in one


def by_one_rule(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The chain rule again, one link left out, dropped or of the other sign."""
    for text, found, price, value in altered_rules(sought, scene):
        if value.shape != sought.person.shape or close(value, sought.expected) or close(value, sought.right):
            continue
        if fitting := fits(sought.person, value, scene):
            yield Reading(found, 0.9 + price + fitting[1], text, fitting[0])


def by_two_rules(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """A wrong link and the right value's transpose: the pairs that people make."""
    expected = sought.expected
    if expected.ndim == 2 and expected.shape[0] == expected.shape[1] == sought.person.shape[0] and sought.parameter:
        for text, found, price, value in altered_rules(sought, scene):
            if value.shape == expected.shape and (fitting := fits(sought.person, value.T, scene)):
                yield Reading(found, 3.0 + price + fitting[1], text + ", and transposed", fitting[0])


def altered_rules(sought: Sought, scene: Scene) -> Iterator[tuple[str, str, float, np.ndarray]]:
    """What comes of a link that was changed: the right value, and what the change adds on its way to it."""
    network, z = scene.network, sought.node
    for found, given, changes in links(sought, scene):
        arriving = network.carry(given, until=z)
        for node, k in found:
            g = given.get(node, arriving.get(node))
            sent = [fit(gx, x.data, node) for j, x, gx in sent_back(node, g) if j == k] if g is not None else []
            for how in changes if sent else ():
                try:
                    added = fit(CHANGES[how](sent[0], g), node.inputs[k].data, node) - sent[0]
                    value = arriving[z] + network.carry(start={node.inputs[k]: added}, until=z).get(z, 0.0)
                except (ValueError, IndexError):
                    continue
                if np.any(value):
                    yield *altered_text(node, k, how, sought, scene), np.asarray(value)


def links(
    sought: Sought, scene: Scene
) -> Iterator[tuple[list[tuple[Node, int]], dict[Node, np.ndarray], Collection[str]]]:
    """Links, the gradients that the chain rule keeps to, and what may be wrong there.

    They are those up to the next named values and, where none of these was handed in, other uses further up.
    """
    network, z = scene.network, sought.node
    stop = [node for node in network.name_of if node is not z]
    named = network.next_named(z)
    near, far = list(between(z, stop, network)), []
    if len(near) <= MANY:
        yield near, {x: scene.passed[x] for x in named if x in scene.passed}, CHANGES
    if named and not any(node in scene.given for node in named):
        passed = {z, *network.later(z, stop)}
        for node, k in between(z, scene.given, network):
            if node not in passed and len(network.uses.get(node.inputs[k], ())) > 1:
                far.append((node, k))
        if len(near) + len(far) <= MANY:
            held = {x: scene.given[x] for x in network.later(z, scene.given) if x in scene.given}
            yield far, held, ("negated", "dropped")


def between(low: Node, stop: Iterable[Node], network: Network) -> Iterator[tuple[Node, int]]:
    """Every link from a value up to those where the gradient starts."""
    segment = {low, *network.later(low, stop)}
    for node in network.nodes:  # not the set, whose order differs from run to run
        if node in segment and node.op is not None and node is not low:
            for k, x in enumerate(node.inputs):
                if isinstance(x, Node) and x in segment:
                    yield node, k


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "left out": lambda gx, g: np.broadcast_to(g, np.shape(gx)) if np.size(g) <= np.size(gx) else g,
    "negated": lambda gx, g: -gx,
    "dropped": lambda gx, g: np.zeros_like(gx),
}


def altered_text(node: Node, k: int, how: str, sought: Sought, scene: Scene) -> tuple[str, str, float]:
    """What a changed rule means."""
    constants = [x for x in node.inputs if not (isinstance(x, Node) and x.requires_grad)]
    number = constants[0] if len(constants) == 1 else None
    by_factor = node.op is ops.multiply or (node.op is ops.divide and k == 0)
    if how == "left out" and by_factor and number is not None:
        if np.ndim(number):
            name = name_of_array(number, scene) or "the mask"
            masked = "A11" if np.any(np.asarray(number) == 0) else "F7"
            return f"{sought.key}: the product with {name} was not applied on the way back", masked, 0.0
        number = float(number)
        if "keep" in scene.numbers and np.isclose(scene.numbers["keep"], [number, 1 / number]).any():
            return f"{sought.key}: the scale {number:g} was not applied on the way back", "A10", 0.1
        return f"{sought.key}: the factor {number:g} was not applied on the way back", "A8", 1.5
    at_cost = not scene.network.next_named(sought.node)
    link = scene.network.elementwise(sought.node)
    if how != "dropped" and link is not None and node in scene.network.same_layer(link.a) and not at_cost:
        said = "has the other sign" if how == "negated" else "was left out"
        return f"{sought.key}: in the derivative of the activation, `{node.op.name}` {said}", "B21", 0.4
    if how == "negated":
        return f"{sought.key}: one part has the other sign ({node.op.name})", "F2" if at_cost else "F3", 0.2
    if how == "dropped":
        return f"{sought.key}: one of its parts is missing", "F4" if at_cost else "D7", 0.6
    return f"{sought.key}: the derivative of `{node.op.name}` was left out", "F7", 0.8
