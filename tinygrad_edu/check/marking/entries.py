"""Slips of activations: what stands where g'(Z) belongs, and softmax taken for a function of each entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.activations import ACTIVATIONS, Activation, recognise, vocabulary
from tinygrad_edu.check.marking.matrices import ways
from tinygrad_edu.check.marking.network import Elementwise, close
from tinygrad_edu.check.marking.readings import Reading, Scene, Sought, fits

__all__ = ["passed_through"]


def passed_through(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The gradient from above times something else than the derivative."""
    network, person = scene.network, sought.person
    z = sought.node
    following = [x for x in network.next_named(z) if x.data.shape == z.data.shape and z in network.same_layer(x)]
    if not following:
        if not network.products(z) and not any(network.products(x) for x in network.later(z)):
            yield from at_the_cost(sought, scene)
        return
    a = max(following, key=lambda x: x.created)
    link = network.elementwise(z)
    pre = link.pre if link else network.before_dropout(a, z)
    activation = recognise(z.data, pre.data)
    upstream, name = scene.passed[a], scene.gradient_name(a)
    yield from of_softmax(sought, scene, activation, upstream, name, a)
    bases = [(name, upstream, 0.0), *errors(z, scene)]
    output = not any(network.products(x) for x in [a, *network.later(a)])
    rest = link.rest if link else np.ones(z.data.shape)
    if output:
        yield from of_targets(sought, scene)
    words = list(vocabulary(z, pre, link, network, scene.arrays))
    for base, value, price in bases:
        if value.shape != z.data.shape:
            continue
        if (fit := fits(person, value * rest, scene)) and activation.name != "linear":
            others = [network.name_of[x] for x in network.next_named(z) if x is not a]
            found = "D7" if others else unlinked(activation, output, scene)
            lacks = f"what comes through {' and '.join(others)}" if others else "the derivative"
            yield Reading(found, 0.5 + price + fit[1], f"{sought.key} = {base}, {lacks} is missing", fit[0])
        for word in words:
            if word.right or (activation.name == "linear" and (word.value == 1).all()):
                continue
            for kept, factor in ((0.0, rest), (0.3, np.ones(()))):
                if fit := fits(person, value * factor * word.value, scene):
                    found = word.slip(activation)
                    if found == "D10" and output and not scene.squared:
                        found = "B9"
                    yield Reading(
                        found, 0.7 + word.price + price + kept + fit[1], f"{sought.key} = {base} * {word.text}", fit[0]
                    )
        if value.ndim == 2 and value.shape[0] == value.shape[1]:
            yield from matrix_for_elementwise(sought, scene, base, value, words, link)
    if link is not None:
        yield from by_sign(sought, scene, link, upstream, name)
        yield from another_mask(sought, scene, link, upstream, name)
    yield from dropped(sought, scene, words)
    yield from twice(sought, scene, activation, output, link, words, bases)
    if output and activation.name == "linear":
        yield from at_the_cost(sought, scene)


def of_targets(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """A or A + Y in the place of A − Y."""
    if not scene.error:
        for name, x in scene.arrays.items() if scene.called else ():
            if x.shape == sought.person.shape and close(sought.person, x) and not close(sought.expected, x):
                if not has_targets(scene.network.node_with(x)):
                    yield Reading("F4", 0.6, f"{sought.key} = {name}: the targets are missing")
            elif x.shape == sought.person.shape and close(sought.person + sought.expected, 2 * x):
                yield Reading("F3", 0.6, f"{sought.key} = {name} + Y; they are taken away")
        return
    predicted, error = scene.arrays[scene.predicted], scene.gradients[scene.error] * scene.scale
    if has_targets(scene.network.node_with(predicted)):
        return
    if fit := fits(sought.person, predicted, scene):
        yield Reading("F4", 0.6 + fit[1] / 4, f"{sought.key} = {scene.predicted}: the targets are missing", fit[0])
    if fit := fits(sought.person, 2 * predicted - error, scene):
        yield Reading("F3", 0.6 + fit[1] / 4, f"{sought.key} = {scene.predicted} + Y; they are taken away", fit[0])


def has_targets(node: Node | None) -> bool:
    """Whether data was taken away from a value, or added to it, entry by entry."""
    data = [x for x in node.inputs if not isinstance(x, Node)] if node is not None else []
    return node is not None and node.op in (ops.subtract, ops.add) and any(np.shape(x) == node.data.shape for x in data)


def unlinked(activation: Activation, output: bool, scene: Scene) -> str:
    """Which mistake a missing derivative is: several look alike."""
    if activation.name == "softmax":
        return "C4"
    if output:
        return "B8"
    if activation.name == "relu" and any(step.size and (step == 1).all() and step.ndim == 2 for step in scene.steps):
        return "B11"
    return "B7"


def errors(z: Node, scene: Scene) -> list[tuple[str, np.ndarray, float]]:
    """A − Y at the last layer, in both scales."""
    error = scene.gradients.get(scene.error)
    if error is None or error.shape != z.data.shape:
        return []
    return [(scene.error, error, 0.2), (scene.error, error * scene.scale, 0.4)]


def of_softmax(
    sought: Sought, scene: Scene, activation: Activation, g: np.ndarray, name: str, a: Node
) -> Iterator[Reading]:
    """Softmax taken for a function of each entry, or with its sum over the wrong axis."""
    y, person, key = a.data, sought.person, sought.key
    if activation.name == "softmax of everything":
        for base, error, _ in errors(sought.node, scene):
            if fits(person, error, scene):
                yield Reading(
                    "C5", 0.3, f"{key} = {base}, but {scene.network.name_of[a]} does not sum to 1 per example"
                )
    if not activation.name.startswith("softmax"):
        return
    named = scene.network.name_of[a]
    if fit := fits(person, g * y * (1 - y), scene):
        yield Reading("C1", 0.5 + fit[1], f"{key} = {name} * {named} * (1 − {named})", fit[0])
    if fit := fits(person, g * y, scene):
        yield Reading("C2", 0.6 + fit[1], f"{key} = {name} * {named}, the sum of softmax is missing", fit[0])
    for axis in (None, *range(y.ndim)):
        total = np.sum(g * y, axis=axis, keepdims=True)
        if fit := fits(person, y * (g - total), scene):
            yield Reading("C3", 0.7 + fit[1], f"{key}: the sum of softmax was taken over axis {axis}", fit[0])
        if fit := fits(person, y * (g + total), scene):
            yield Reading("F3", 0.7 + fit[1], f"{key}: the sum of softmax was added, not taken away", fit[0])
        if fit := fits(person, g - y * total, scene):
            yield Reading("C3", 0.9 + fit[1], f"{key}: softmax in the place of log softmax, or the reverse", fit[0])


def matrix_for_elementwise(
    sought: Sought, scene: Scene, base: str, value: np.ndarray, words: list[Any], link: Elementwise | None
) -> Iterator[Reading]:
    """A matrix product with the derivative."""
    for word in words:
        if word.value.shape == value.shape:
            for text, product in ways(base, value, word.text, word.value, sought.person):
                if (
                    "@" in text
                    and product.shape == sought.person.shape
                    and (fit := fits(sought.person, product, scene))
                ):
                    yield Reading("B16", 0.8 + fit[1], f"{sought.key} = {text}", fit[0])


def by_sign(sought: Sought, scene: Scene, link: Elementwise, g: np.ndarray, name: str) -> Iterator[Reading]:
    """The derivative of an activation in two parts, right for positive z and another for negative."""
    whole = g * link.rest
    negative, z = (link.z.data < 0) & (whole != 0), scene.network.name_of.get(sought.node, "Z")
    parts = not np.ptp(link.slope[link.z.data > 0], axis=None) if (link.z.data > 0).any() else False
    if not parts or not negative.any() or not link.slope[negative].any() or sought.person.shape != whole.shape:
        return
    ratio = np.where(whole != 0, sought.person / np.where(whole != 0, whole, 1), 0)
    taken = float(np.median(ratio[negative]))
    one_number = bool(np.ptp(ratio[negative]) < 1e-9)
    value = whole * np.where(link.z.data < 0, ratio, link.slope)
    if taken and not close(ratio[negative], link.slope[negative], 1e-6) and (fit := fits(sought.person, value, scene)):
        said = f"{name} * (1 or {taken:g})" if one_number else f"{name} * something that is wrong where {z} < 0"
        yield Reading("B21", (0.7 if one_number else 1.4) + fit[1], f"{sought.key} = {said}", fit[0])


def another_mask(sought: Sought, scene: Scene, link: Elementwise, g: np.ndarray, name: str) -> Iterator[Reading]:
    """Dropout with a mask that is not that of the forward pass."""
    rest, slope = link.rest, link.slope
    if any(sought.node is x for x in scene.network.through_dropout(link.a)):
        rest, slope = slope, rest
    whole = g * slope
    if not (rest == 0).any() or sought.person.shape != whole.shape:
        return
    for mask, x in scene.arrays.items():
        other = x.shape == whole.shape and ((x == 0) | (x == 1)).all() and ((x != 0) != (rest != 0)).any()
        if other and (fit := fits(sought.person, whole * x * rest.max(), scene)):
            done = f"{sought.key} = {name} * {mask}, which is not the mask that forward had here"
            yield Reading("A12", 0.5 + fit[1] / 4, done, fit[0])
    told = whole != 0  # elsewhere any mask gives 0
    ratio = sought.person[told] / whole[told]
    values = np.unique(np.round(ratio[ratio != 0], 9))
    masked = len(values) == 1 and (ratio == 0).any() and not sought.person[~told].any()
    if masked and ((ratio == 0) != (rest[told] == 0)).any():
        yield Reading("A12", 1.0, f"{sought.key} = {name} * g' * a mask that is not the one of forward")


def dropped(sought: Sought, scene: Scene, words: list[Any]) -> Iterator[Reading]:
    """The derivative alone: what came from above is not in it."""
    for word in words:
        for scale in (1.0, scene.scale) if word.kind != "B17" else ():
            if fit := fits(sought.person, word.value / scale, scene):
                yield Reading("B18", 0.8 + 0.2 * (not word.right) + fit[1], f"{sought.key} = {word.text}", fit[0])


def twice(
    sought: Sought,
    scene: Scene,
    activation: Activation,
    output: bool,
    link: Elementwise | None,
    words: list[Any],
    bases: list[tuple[str, np.ndarray, float]],
) -> Iterator[Reading]:
    """The right value times one more factor: the derivative again, or z, or a."""
    for word in words:
        if fit := fits(sought.person, sought.expected * word.value, scene):
            if word.right:
                found = "B9" if output and not scene.squared else "D10"
            else:
                found = "B15" if word.text == scene.network.name_of.get(sought.node) else "B17"
            price = 0.8 if word.right else 1.0
            text = f"{sought.key} = the right value * {word.text}"
            yield Reading(found, price + fit[1] + 0.3 * word.price, text, fit[0])


def at_the_cost(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """The link from the cost itself."""
    yield from of_targets(sought, scene)
    below = [scene.network.elementwise(z) for z in scene.network.name_of if z is not sought.node]
    activated = any(link is not None and link.a is sought.node and np.ptp(link.slope) for link in below)
    for base, error, price in errors(sought.node, scene):
        if (fit := fits(sought.person, error, scene)) and not fits(sought.expected, error, scene):
            yield Reading("F5" if activated else "F7", 0.8 + price + fit[1], f"{sought.key} = {base}", fit[0])
    for name, x in scene.arrays.items():
        if x.shape == sought.expected.shape and (fit := fits(sought.person, sought.expected * x, scene)):
            yield Reading("F6", 2.0 + fit[1], f"{sought.key} = the right value * {name}", fit[0])
    for name, slope in slopes_at(sought.node.data):
        if slope.shape == sought.expected.shape and (fit := fits(sought.person, sought.expected * slope, scene)):
            found = "B9" if name in ("σ", "tanh", "softmax") else "F6"
            name = f"{name}'({scene.network.name_of.get(sought.node, 'Z')})"
            yield Reading(found, 1.0 + fit[1], f"{sought.key} = the right value * {name}", fit[0])


def slopes_at(z: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The derivatives that an output may be multiplied by once too often, where the cost is made of Z itself."""
    for activation in ACTIVATIONS:
        if activation.slope is not None and activation.name != "linear":
            yield activation.called, activation.slope(z)
    for axis in range(z.ndim):
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        p = e / e.sum(axis=axis, keepdims=True)
        yield "softmax", p * (1 - p)
