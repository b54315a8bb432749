"""Search the slip behind every root cause, and weigh what several of them tell together.

Read next: `search.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.judged import Judged, Marked, named_value
from tinygrad_edu.check.network import Network, close
from tinygrad_edu.check.readings import Reading, Scene, Sought
from tinygrad_edu.check.search import search
from tinygrad_edu.check.trace import Ran, Traced

NEARLY = 1e-4

__all__ = ["explain", "set_scene"]


def set_scene(marked: Marked, traced: Traced, ran: Ran, X: Any, Y: Any) -> Scene:
    """Everything the search may use."""
    network = marked.network
    if network is None:
        raise ValueError("set_scene: needs a traced network; got none.")
    given = {t.node: t.value / t.scale for t in marked.terms if t.node is not None and t.value is not None}
    given = {node: g for node, g in given.items() if np.isfinite(g).all()}
    _, passed = network.follow(given)
    scene = Scene(network, passed, marked.m, marked.axis, marked.scale, marked.mean, marked.squared, given=given)
    for name, x in (traced.params | traced.named | {"X": X, "Y": Y}).items():
        data = x.data if isinstance(x, Node) else x
        if isinstance(data, np.ndarray) and data.ndim and data.dtype.kind in "fiub":
            scene.arrays.setdefault(name, np.asarray(data, float))
    for node in network.name_of:
        if node in passed and node not in network.parameters and node is not network.cost:
            scene.gradients[scene.gradient_name(node)] = np.asarray(passed[node])
    add_error(scene, marked, Y)
    for binding in ran.bindings:
        value = binding.value
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            scene.steps.append(value)
            before = scene.arrays.get(binding.name)
            weight = any(value.shape == x.data.shape and value.ndim == 2 for x in network.parameters)
            stranger = before is None and weight and not named_value(binding.name, network.node_of)
            if stranger or (before is not None and before.shape == value.shape and not close(before, value)):
                scene.altered[binding.name + "′"] = np.asarray(value, float)
    scene.numbers = numbers(network, marked, scene)
    return scene


def add_error(scene: Scene, marked: Marked, Y: Any) -> None:
    """A − Y, for the last value of the network that has the shape of Y."""
    network = scene.network
    labels = np.asarray(Y, float) if isinstance(Y, np.ndarray) else None
    if labels is None:
        return
    made = [x for x in network.name_of if x.op is not None and x not in network.own and x is not network.cost]
    for node in sorted(made, key=lambda x: -x.created):
        if node.data.shape == labels.shape and not network.products(node):
            scene.error = f"({network.name_of[node]} − Y)"
            scene.gradients[scene.error] = (node.data - labels) / scene.scale
            return


def numbers(network: Network, marked: Marked, scene: Scene) -> dict[str, float]:
    """The numbers of this run that a gradient may be off by."""
    found: dict[str, float] = {}
    for node in network.nodes:
        if node.op in (ops.multiply, ops.divide) and node not in network.own and node.data.size > 1:
            for x in node.inputs:
                if not isinstance(x, Node) and np.ndim(x) == 0 and x is not None and 0 < float(x) < 1:
                    found.setdefault("keep", float(x))
                elif isinstance(x, np.ndarray) and x.ndim and set(np.unique(x)) - {0.0} != {1.0}:
                    values = set(np.unique(x)) - {0.0}
                    if len(values) == 1 and 0.0 in x:
                        found.setdefault("keep", 1 / float(values.pop()))
    if scene.error:
        shape = scene.gradients[scene.error].shape
        outputs = [n for k, n in enumerate(shape) if k != marked.axis]
        if outputs and outputs[0] > 1:
            found["outputs"] = float(outputs[0])
    return found


def explain(marked: Marked) -> None:
    """Search the slip of every root cause, and let readings that several share come first."""
    scene, network = marked.scene, marked.network
    if scene is None or network is None:
        return
    for term in marked.roots:
        if term.node is None or term.given is None or term.right is None:
            continue
        others = {node: g for node, g in scene.given.items() if node is not term.node}
        person = term.value if term.value is not None else term.given
        sought = Sought(
            key=term.key,
            name=term.name,
            node=term.node,
            person=person / term.scale,
            expected=np.asarray(network.carry(others)[term.node]),
            main=np.asarray(network.main(others).get(term.node, np.zeros(term.expected))),
            right=term.right,
            parameter=term.node in network.parameters,
            bias=network.is_bias(term.node),
        )
        term.readings = search(sought, scene)
        if (not term.readings or term.readings[0].price >= 1.5) and np.isfinite(person).all():
            scene.digits = 1e-5  # the person's formula may leave out an epsilon of the forward pass
            term.readings = sorted(term.readings + search(sought, scene), key=lambda reading: reading.price)
            scene.digits = 1e-8
        if term.node not in network.parameters:
            term.readings = sorted(before_the_mask(sought, scene, others) + term.readings, key=lambda r: r.price)
        small = [reading for reading in term.readings if reading.id in ("A13", "A14", "A15", "A16")]
        if term.error < NEARLY and not small:  # an epsilon inside the person's log, not a slip
            term.verdict = "right" if abs(term.scale - 1) < NEARLY else "right by convention"
    refine(marked)


def before_the_mask(sought: Sought, scene: Scene, others: dict[Node, Any]) -> list[Reading]:
    """What the value may be if its name means what stood before dropout."""
    found, arrives = [], scene.network.carry(others)
    for node in scene.network.through_dropout(sought.node):
        other = replace(sought, node=node, expected=np.asarray(arrives[node]), right=scene.network.right[node])
        found += [
            Reading(reading.id, reading.price - 0.3, reading.done, reading.factor)
            for reading in search(other, scene)
            if reading.id in ("A10", "A11")
        ]
    return found


def refine(marked: Marked) -> None:
    """What only several terms together tell: one factor on all, 1/m in dW or in db alone, g' once or twice."""
    network = marked.network
    if network is None:
        return
    outer = [term for term in marked.terms if term.node in network.parameters]
    common = {round(term.readings[0].factor, 9) for term in outer if term.readings and term.wrong}
    together = len(common) == 1 and all(term.verdict == "root cause" for term in outer) and len(outer) > 1
    for term in marked.roots:
        for k, reading in enumerate(tuple(term.readings)):
            factor = reading.factor
            halved, doubled = abs(factor - 0.5) < 1e-8, abs(factor - 2) < 1e-8
            everywhere = marked.squared and together and term.node in network.parameters
            if reading.id == "A8" and everywhere and (halved or doubled):
                term.readings[k] = renamed(reading, "A4" if halved else "A5")
            if reading.id in ("A1", "A2", "A7") and term.node in network.parameters and alone(term, outer, network):
                term.readings[k] = renamed(reading, "E11", 0.1)
                term.readings.append(renamed(reading, reading.id, -0.1))
            if reading.id == "D9" and any(
                other.verdict == "consequence"
                and other.node is not None
                and term.node in set(network.later(other.node))
                for other in marked.terms
            ):
                term.readings[k] = renamed(reading, "D10")
    tally: dict[str, int] = {}
    for term in marked.roots:
        for reading in term.readings:
            tally[reading.id] = tally.get(reading.id, 0) + 1
    for term in marked.roots:
        term.readings.sort(key=lambda reading: reading.price - 0.25 * (tally[reading.id] > 1))


def alone(term: Judged, outer: list[Judged], network: Network) -> bool:
    """Whether the other parameters of the same layer are right."""
    if term.node is None:
        return False
    layer = set(network.next_named(term.node))
    same = [x for x in outer if x is not term and x.node is not None and layer & set(network.next_named(x.node))]
    return bool(same) and all(not x.wrong for x in same)


def renamed(reading: Reading, found: str, cheaper: float = 0.0) -> Reading:
    return Reading(found, reading.price - cheaper, reading.done, reading.factor)
