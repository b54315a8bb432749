"""Name a slip by search: which small change of the chain rule gives the person's numbers?

    readings = search(term, scene)         the simplest first; empty if nothing fits

Every candidate is computed from the values of the same run: the right rule with another operand, a factor, a
transpose, another axis, a link left out or taken twice. One that gives the person's numbers up to rounding is a
`Reading`. Nothing here knows a file: what is searched follows from the kind of link that the value has in the graph.

Read next: `diagnose.py`, which decides what is searched at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tinygrad_edu.check.marking.entries import passed_through
from tinygrad_edu.check.marking.matrices import multiplied, summed
from tinygrad_edu.check.marking.network import SAME, close
from tinygrad_edu.check.marking.readings import Reading, Scene, Sought, fits
from tinygrad_edu.check.marking.rules import by_one_rule, by_two_rules

__all__ = ["search"]

LARGE = 3000  # nodes: where loops compute each entry by itself, the slips of matrices are not searched


def search(sought: Sought, scene: Scene) -> list[Reading]:
    """All explanations of a wrong value, the simplest first, one for each id."""
    found: dict[str, Reading] = {}
    with np.errstate(all="ignore"):
        for reading in (reading for variant in variants(sought, scene) for reading in candidates(variant, scene)):
            empty = reading.done == f"{sought.key} = {sought.key}"
            if not empty and (reading.id not in found or reading.price < found[reading.id].price):
                found[reading.id] = reading
    return sorted(found.values(), key=lambda reading: reading.price)


def variants(sought: Sought, scene: Scene) -> Iterator[Sought]:
    """The value as it is and, where the cost has an L2 term, what is left when the right term is taken off."""
    yield sought
    if sought.parameter and stretches(sought.right, sought.person):
        term = sought.right - scene.network.main({}).get(sought.node, 0.0)
        if term.any():
            yield replace(sought, person=sought.person - term, expected=sought.main)


def stretches(x: np.ndarray, to: np.ndarray) -> bool:
    """Whether an array can be added to another without making that larger."""
    try:
        return np.broadcast_shapes(x.shape, to.shape) == to.shape
    except ValueError:
        return False


def candidates(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """Every explanation that fits, whatever its price."""
    yield from by_factor(sought, scene)
    if sought.use is not None:
        yield from summed(sought, scene) if sought.bias else multiplied(sought, scene)
        return
    if sought.parameter:
        if sought.expected is not sought.main:
            yield from weight_decay(sought, scene)
    else:
        yield from same_numbers(sought, scene)
    yield from by_shape(sought, scene)
    if len(scene.network.nodes) > LARGE:
        return
    if sought.parameter:
        yield from one_example(sought, scene)
    if sought.bias:
        yield from summed(sought, scene)
    else:
        yield from multiplied(sought, scene)
    if not sought.parameter:
        yield from passed_through(sought, scene)
    yield from by_one_rule(sought, scene)
    yield from by_two_rules(sought, scene)


def by_factor(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The right value times a number."""
    fit = fits(sought.person, sought.expected, scene)
    if fit is not None and fit[2]:
        factor, price, name = fit
        for k, found in enumerate(factor_ids(sought, factor, scene)):
            yield Reading(found, price / 2 + 0.1 * k, f"{sought.key} is {name} times the right value", factor)


def factor_ids(sought: Sought, factor: float, scene: Scene) -> list[str]:
    """Which mistakes a factor may be."""

    def equals(*numbers: float) -> bool:
        return any(abs(factor / number - 1) < SAME for number in numbers)

    counts = {float(scene.m), *scene.divisors} - {1.0}
    outputs, keep = scene.numbers.get("outputs", 0.0), scene.numbers.get("keep", 0.0)
    features = [scene.m / n for n in scene.widths if n != scene.m]
    found = {
        "F1": equals(-1),
        "A1" if scene.mean else "A8": equals(*counts),
        "A2" if scene.mean else "A7": equals(*(1 / count for count in counts)),
        "A4": scene.squared and not sought.parameter and equals(0.5),
        "A5": scene.squared and not sought.parameter and equals(2),
        "A10": bool(keep) and not sought.parameter and equals(keep, 1 / keep),
        "A3": bool(outputs) and equals(outputs, 1 / outputs),
    }
    names = [name for name, holds in found.items() if holds]
    if names or not (scene.mean and equals(*features)):
        return names or ["A8"]
    return ["A8", "A9"] if equals(2, 3, 4, 1 / 2, 1 / 3, 1 / 4) else ["A9"]


def same_numbers(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """Another gradient of the same run, handed in under this name."""
    network = scene.network
    others = network.carry({node: g for node, g in scene.given.items() if node is not sought.node})
    for node, g in others.items():
        if node not in network.name_of or node is sought.node or node in network.parameters or node is network.cost:
            continue
        if not (close(sought.person, g) or close(sought.person, network.right[node])):
            continue
        name = scene.gradient_name(node)
        if node.created < sought.node.created:
            output = not any(network.products(x) for x in [node, *network.later(node)])
            yield Reading("F5" if output else "D9", 0.4, f"{sought.key} holds {name}")


def one_example(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """What the first or the last example alone gives: `=` in a loop over examples where `+=` belongs."""
    following = scene.network.next_named(sought.node)
    if not following or scene.axis is None or following[0] not in scene.passed:
        return
    g = np.asarray(scene.passed[following[0]])
    if g.ndim <= scene.axis or g.shape[scene.axis] != scene.m:
        return
    for k, which in ((-1, "last"), (0, "first")):
        alone = np.zeros_like(g)
        here = (slice(None),) * scene.axis + (k,)
        alone[here] = g[here]
        value = np.asarray(scene.network.carry(start={following[0]: alone}).get(sought.node, 0.0))
        if fit := fits(sought.person, value, scene):
            yield Reading("E12", 0.6 + fit[1], f"{sought.key} is made from the {which} example alone", fit[0])


def weight_decay(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The L2 term left out, scaled, or added where the cost has none."""
    person, main, value = sought.person, sought.main, sought.node.data
    term = sought.right - scene.network.main({}).get(sought.node, 0.0)
    if person.shape != value.shape:
        return
    name = sought.name
    if term.any():
        if close(person, main):
            yield Reading("A16" if sought.bias else "A13", 0.5, f"{sought.key} lacks the term of {name} in the cost")
        elif fit := fits(person - main, term, scene):
            yield Reading("A14", 1.0 + fit[1] / 4, f"the term of {name} is {fit[2]} times the right one", fit[0])
        elif not term.all() and (fit := fits(person - main, value, scene)):
            done = f"{sought.key} has the term of {name} in every entry; the cost leaves some of them out"
            yield Reading("A15", 1.0 + fit[1] / 4, done, fit[0])
        elif fit := fits(person, main, scene):
            lacking = "A16" if sought.bias else "A13"
            yield Reading(lacking, 3.0, f"the term of {name} is missing, and the rest is {fit[2]} times too large")
    elif fit := fits(person - main, value, scene):
        done = f"{sought.key} has {fit[0]:.4g} · {name} in it; the cost has no such term"
        yield Reading("A15", 1.5, done, fit[0])


def by_shape(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The right numbers in another shape."""
    person, expected, key = sought.person, sought.expected, sought.key
    turned = person.shape == expected.T.shape and expected.ndim == 2 and min(expected.shape) > 1
    reshaped = not turned and person.size == expected.size and person.shape != expected.shape
    if turned and (fit := fits(person, expected.T, scene)):
        yield Reading("E6", 0.6 + fit[1], f"{key} is the transpose of the right value", fit[0])
    if reshaped and (fit := fits(person.reshape(expected.shape), expected, scene)):
        yield Reading("E4", 0.6 + fit[1], f"{key} has shape {person.shape}, not {expected.shape}", fit[0])
    if person.ndim == 2 == expected.ndim and person.shape[0] == person.shape[1] == expected.size > 1:
        diagonal = np.diag(person)
        if close(diagonal, expected.ravel()) or fits(diagonal, expected.ravel(), scene):
            yield Reading("E9", 0.7, f"{key} has shape {person.shape}: a column met a row and both were stretched")
    for axis in range(expected.ndim):
        if person.ndim == expected.ndim and person.shape[axis] == expected.shape[axis] + 1:
            for part in (slice(1, None), slice(None, -1)):
                rows = person[(slice(None),) * axis + (part,)]
                if rows.shape == expected.shape and fits(rows, expected, scene):
                    yield Reading("D11", 0.7, f"{key} has one {'row' if axis == 0 else 'column'} too many")
