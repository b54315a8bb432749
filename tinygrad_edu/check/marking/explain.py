"""Search the slip behind every root cause, and weigh what several of them tell together.

Read next: `search.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.entries import passed_through
from tinygrad_edu.check.marking.judged import Judged, Marked, named_value
from tinygrad_edu.check.marking.network import PRODUCTS, Network, close
from tinygrad_edu.check.marking.readings import Reading, Scene, Sought
from tinygrad_edu.check.marking.search import search
from tinygrad_edu.check.marking.trace import Ran, Traced

NEARLY = 1e-4

__all__ = ["explain", "search_slip", "set_scene"]


def set_scene(marked: Marked, traced: Traced, ran: Ran, X: Any, Y: Any) -> Scene:
    """Everything the search may use."""
    network = marked.network
    if network is None:
        raise ValueError("set_scene: needs a traced network; got none.")
    given = {t.node: t.value / t.scale for t in marked.terms if t.node is not None and t.value is not None}
    given = {node: g for node, g in given.items() if np.isfinite(g).all()}
    _, passed = network.follow(given)
    scene = Scene(network, passed, marked.m, marked.axis, marked.scale, marked.divisors, marked.squared, given=given)
    for name, x in (traced.params | traced.named | {"X": X, "Y": Y}).items():
        data = x.data if isinstance(x, Node) else x
        if isinstance(data, np.ndarray) and data.ndim and data.dtype.kind in "fiub":
            scene.arrays.setdefault(name, np.asarray(data, float))
    for node in network.name_of:
        if node in passed and node not in network.parameters and node is not network.cost:
            scene.gradients[scene.gradient_name(node)] = np.asarray(passed[node])
    add_error(scene, marked, Y)
    shapes = [x.data.shape for x in network.name_of if x not in network.parameters and x.data.ndim == 2]
    scene.widths = sorted(
        {n for shape in (*shapes, np.shape(X)) for k, n in enumerate(shape) if k != marked.axis and n > 1}
    )
    for binding in ran.bindings:
        value = binding.value
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            scene.steps.append(value)
            keep_altered(binding.name, value, scene)
    scene.numbers = numbers(network, marked, scene)
    return scene


def keep_altered(name: str, value: np.ndarray, scene: Scene) -> None:
    """What backward made of a value of the forward pass, under its name or another: W − lr dW, A + 0.3."""
    before = scene.arrays.get(name)
    like_one = value.ndim == 2 and any(x.shape == value.shape for x in scene.arrays.values())
    stranger = before is None and like_one and not named_value(name, scene.network.node_of)
    if stranger or (before is not None and before.shape == value.shape and not close(before, value)):
        known = [*scene.arrays.values(), *scene.gradients.values(), *scene.altered.values()]
        if not any(x.shape == value.shape and close(x, value) for x in known):
            while (name := name + "′") in scene.altered:
                pass
            scene.altered[name] = np.asarray(value, float)


def add_error(scene: Scene, marked: Marked, Y: Any) -> None:
    """A − Y, for the last value of the network that has the shape of Y, or of Y written in zeros and ones."""
    network = scene.network
    if not isinstance(Y, np.ndarray):
        return
    names = {node: name for name, node in network.node_of.items()} | network.name_of
    made = [x for x in names if x.op is not None and x not in network.own and x is not network.cost]
    for node in sorted(made, key=lambda x: -x.created):
        labels = one_hot(Y, node.data.shape, marked.axis)
        logs = labels is not None and sum_to_one(np.exp(node.data), marked.axis)
        known = node in network.name_of and not any(sum_to_one(x.data, marked.axis) for x in names)
        if labels is not None and not network.products(node) and (known or logs or sum_to_one(node.data, marked.axis)):
            scene.predicted = f"exp({names[node]})" if logs else names[node]
            predicted = scene.arrays[scene.predicted] = np.exp(node.data) if logs else np.asarray(node.data, float)
            scene.error = f"({scene.predicted} − Y)"
            scene.gradients[scene.error] = (predicted - labels) / scene.scale
            return


def sum_to_one(x: np.ndarray, axis: int | None) -> bool:
    """Whether an array holds the probabilities of classes."""
    several = axis is not None and x.ndim == 2 and x.shape[1 - axis] > 1
    return several and close(np.sum(x, axis=1 - axis), np.ones(x.shape[axis]))  # type: ignore[operator,index]


def one_hot(Y: np.ndarray, shape: tuple[int, ...], axis: int | None) -> np.ndarray | None:
    """The targets in a shape, class numbers as zeros and ones; None if they do not fit."""
    if Y.shape == shape:
        return np.asarray(Y, float)
    if Y.ndim != 1 or Y.dtype.kind not in "iu" or len(shape) != 2 or axis is None or shape[axis] != len(Y):
        return None
    classes = shape[1 - axis]
    if not classes > 1 or Y.min() < 0 or Y.max() >= classes:
        return None
    hot = np.eye(classes)[Y]
    result: np.ndarray | None = hot if axis == 0 else hot.T
    return result


def numbers(network: Network, marked: Marked, scene: Scene) -> dict[str, float]:
    """The numbers of this run that a gradient may be off by."""
    found: dict[str, float] = {}
    if keep := kept(network):
        found["keep"] = keep
    if scene.error:
        shape = scene.gradients[scene.error].shape
        outputs = [n for k, n in enumerate(shape) if k != marked.axis]
        if outputs and outputs[0] > 1:
            found["outputs"] = float(outputs[0])
    main = network.main({})
    for node in network.parameters:
        term = network.right.get(node, 0.0) - main.get(node, 0.0)
        if np.any(term):
            found["λ"] = float(np.vdot(term, node.data) / np.vdot(node.data, node.data))
            break
    return found


def kept(network: Network) -> float:
    """The share of units that dropout keeps, by the scale beside a mask of zeros and ones; 0 without dropout."""
    for node in network.nodes:
        constants = [x for x in node.inputs if isinstance(x, np.ndarray) and x.ndim and 0 in x]
        if node.op is not ops.multiply or not constants or node in network.own:
            continue
        values = set(np.unique(constants[0]).astype(float)) - {0.0}
        if not any(later.op in PRODUCTS for later in network.later(node)):
            continue  # targets
        if len(values) == 1 and values != {1.0}:
            result: float = 1 / values.pop()
            return result
        around = [node, *(use for use, _ in network.uses.get(node, ())), *node.inputs]
        for other in around:
            if isinstance(other, Node) and other.op in (ops.multiply, ops.divide):
                scale = [
                    float(x) for x in other.inputs if not isinstance(x, Node) and x is not None and np.ndim(x) == 0
                ]
                if scale and scale[0] > 0:
                    return scale[0] if other.op is ops.divide else 1 / scale[0]
    return 0.0


def explain(marked: Marked) -> None:
    """Search the slip of every root cause, and let readings that several share come first."""
    scene, network = marked.scene, marked.network
    if scene is None or network is None:
        return
    for term in marked.roots:
        if not term.readings:
            search_slip(term, marked, scene, network)
        excuse(term)
    for factor in {term.readings[0].factor for term in marked.roots if term.readings} - {1.0}:
        scene.numbers.setdefault(f"{factor:.4g}", factor)  # what one term shows may explain another
    for term in marked.roots:
        if not term.readings:
            search_slip(term, marked, scene, network)
    refine(marked)
    in_another_order(marked, network)


def in_another_order(marked: Marked, network: Network) -> None:
    """Gradients of parameters that are right, each in the place of another."""
    taken: dict[str, str] = {}
    for term in marked.terms:
        if term.wrong and term.node in network.parameters:
            same = [x for x in network.parameters if x is not term.node and close(term.given, network.right.get(x))]
            if same:
                taken[term.key] = network.name_of[same[0]]
    if len(taken) > 1:
        places = [f"{key} holds the gradient of {name}" for key, name in taken.items()]
        done = ", ".join(places[:4]) + ", and so on" * (len(places) > 4)
        for term in marked.roots:
            if term.key in taken:
                term.readings.insert(0, Reading("E13", 0.0, f"the gradients stand in another order: {done}"))


def search_slip(term: Judged, marked: Marked, scene: Scene, network: Network) -> None:
    """The explanations of one root cause."""
    if term.node is None or term.given is None or term.right is None:
        return
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
        bias=term.node in network.parameters and network.is_bias(term.node),
    )
    term.readings = search(sought, scene)
    if not np.isfinite(person).all():
        term.readings = [Reading("G5", 0.3, f"{term.key} has entries that are not finite")]
    if not term.readings and sought.parameter:
        term.readings = behind(sought, scene)
    if term.node not in network.parameters:
        term.readings = sorted(before_the_mask(sought, scene, others) + term.readings, key=lambda r: r.price)
    excuse(term)


def excuse(term: Judged) -> None:
    """Call a small difference right, unless it is a term of the cost: there is an epsilon inside the person's log."""
    small = any(reading.id in ("A13", "A14", "A15", "A16") for reading in term.readings)
    if term.error < NEARLY and not small:
        term.verdict = "right" if abs(term.scale - 1) < NEARLY else "right by convention"


def behind(sought: Sought, scene: Scene) -> list[Reading]:
    """Slips in a dZ that backward never had as one array, by the dW that shows them."""
    network, found = scene.network, []
    for z in [x for x in network.next_named(sought.node)[:1] if x.data.size > 1]:
        shape = z.data.shape

        def carried(value: np.ndarray, z: Node = z, shape: tuple[int, ...] = shape) -> np.ndarray:
            return np.asarray(network.carry(start={z: value})[sought.node]) if value.shape == shape else value

        name, decay = network.name_of[z], sought.right - sought.main
        if decay.shape == sought.person.shape:
            inner = replace(sought, key=f"d{name}", name=name, node=z, person=sought.person - decay,
                            expected=np.asarray(scene.passed[z]), parameter=False, bias=False)  # fmt: skip
            with np.errstate(all="ignore"):
                found += [r for r in passed_through(inner, replace(scene, carried=carried)) if r.price < 2]
    return sorted(found, key=lambda reading: reading.price)


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
            if reading.id == "A3" and everywhere and (halved or doubled):
                term.readings.append(renamed(reading, "A4" if halved else "A5", 0.05))
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
