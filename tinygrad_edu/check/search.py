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

from tinygrad_edu.check.entries import passed_through
from tinygrad_edu.check.matrices import multiplied, summed
from tinygrad_edu.check.network import close
from tinygrad_edu.check.readings import Reading, Scene, Sought, fits
from tinygrad_edu.check.rules import by_one_rule, by_two_rules

__all__ = ["search"]


def search(sought: Sought, scene: Scene) -> list[Reading]:
    """All explanations of a wrong value, the simplest first, one for each id."""
    found: dict[str, Reading] = {}
    with np.errstate(all="ignore"):
        for reading in (reading for variant in variants(sought, scene) for reading in candidates(variant, scene)):
            if reading.id not in found or reading.price < found[reading.id].price:
                found[reading.id] = reading
    return sorted(found.values(), key=lambda reading: reading.price)


def variants(sought: Sought, scene: Scene) -> Iterator[Sought]:
    """The value as it is and, where the cost has an L2 term, what is left when the right term is taken off."""
    yield sought
    if sought.parameter and sought.person.shape == sought.right.shape:
        term = sought.right - scene.network.main({})[sought.node]
        if term.any():
            yield replace(sought, person=sought.person - term, expected=sought.main)


def candidates(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """Every explanation that fits, whatever its price."""
    yield from by_factor(sought, scene)
    if sought.parameter:
        yield from weight_decay(sought, scene)
    else:
        yield from same_numbers(sought, scene)
    yield from by_shape(sought, scene)
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
    if fit is None and close(sought.person.ravel(), sought.expected.ravel()):
        return
    if fit is not None:
        factor, price, name = fit
        yield Reading(
            factor_id(sought, factor, scene), price / 2, f"{sought.key} is {name} times the right value", factor
        )


def factor_id(sought: Sought, factor: float, scene: Scene) -> str:
    """Which mistake a factor is."""

    def equals(number: float) -> bool:
        return abs(factor / number - 1) < scene.digits

    m = scene.m
    if equals(-1):
        return "F1"
    if equals(m):
        return "A1" if scene.mean else "A8"
    if equals(1 / m):
        return "A2" if scene.mean else "A7"
    if scene.squared and not sought.parameter and (equals(0.5) or equals(2)):
        return "A4" if equals(0.5) else "A5"
    for name, number in scene.numbers.items():
        if name == "keep" and not sought.parameter and (equals(number) or equals(1 / number)):
            return "A10"
        if name == "outputs" and (equals(number) or equals(1 / number)):
            return "A3"
    return "A8"


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


def weight_decay(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The L2 term left out, scaled, or added where the cost has none."""
    person, main, value = sought.person, sought.main, sought.node.data
    term = sought.right - scene.network.main({})[sought.node]
    if person.shape != value.shape:
        return
    name = sought.name
    if term.any():
        if close(person, main):
            yield Reading("A16" if sought.bias else "A13", 0.5, f"{sought.key} lacks the term of {name} in the cost")
        elif fit := fits(person - main, term, scene):
            yield Reading("A14", 1.0 + fit[1] / 4, f"the term of {name} is {fit[2]} times the right one", fit[0])
        elif fit := fits(person, main, scene):
            lacking = "A16" if sought.bias else "A13"
            yield Reading(lacking, 3.0, f"the term of {name} is missing, and the rest is {fit[2]} times too large")
    elif value.size > 2 and (fit := fits(person - main, value, scene)):
        yield Reading("A15", 1.5, f"{sought.key} has {fit[0]:.4g} · {name} in it; the cost has no such term")


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
