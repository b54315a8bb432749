"""Slips of weights and biases: products of other matrices, sums over other axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.network import Network, close
from tinygrad_edu.check.marking.readings import Reading, Scene, Sought, alike, fits, name_of_array

__all__ = ["multiplied", "summed", "ways"]


def summed(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """Another sum, of dZ or of another gradient."""
    person, expected, key = sought.person, sought.expected, sought.key
    following = next_named(sought, scene.network)
    own = {scene.gradient_name(node) for node in following}
    for name, g in scene.gradients.items():
        right = name in own
        extra = 0.0 if right else 1.5
        nothing = 1e-12 * float(np.sum(np.abs(g)))
        if right and np.ptp(person) < nothing and abs(person.flat[0]) < nothing and abs(np.sum(g)) < nothing:
            units = person.shape != expected.shape and person.size > 1
            said = "over the units, which is always 0" if units else "of all, which is always 0"
            yield Reading("E2" if units else "E1", 0.8, f"{key} = the sum of {name} {said}")
            continue
        for axis in (None, *range(g.ndim)):
            total = np.sum(g, axis=axis, keepdims=True)
            if axis is None and expected.size == 1 and right:
                continue
            for value in (total, np.squeeze(total)):
                spread = stretched(value, person.shape)
                if not (fit := fits(person, spread, scene)):
                    continue
                if axis is None:
                    yield Reading("E1", 0.8 + extra + fit[1], f"{key} = the sum of all of {name}", fit[0])
                elif right and value.size == expected.size and close(value.ravel(), expected.ravel()):
                    if value.shape != expected.shape and value.shape == person.shape:
                        yield Reading(
                            "E4", 0.6 + fit[1], f"{key} has shape {person.shape}, not {expected.shape}", fit[0]
                        )
                elif right:
                    yield Reading("E2", 0.8 + fit[1], f"{key} = the sum of {name} over axis {axis}", fit[0])
                else:
                    wrong = "D8" if of_same_layer(name, following, scene) else "D3"
                    yield Reading(wrong, 1.0 + fit[1], f"{key} was summed from {name}", fit[0])
        if sought.use is not None and not right and g.shape == person.shape and (fit := fits(person, g, scene)):
            yield Reading(
                "D8" if of_same_layer(name, following, scene) else "D3", 1.0 + fit[1], f"{key} is made of {name}"
            )
        if g.shape != expected.shape and (fit := fits(person, g, scene)):
            yield Reading(
                "E3", 0.8 + extra + (1.0 if fit[1] > 3 else 0.0), f"{key} = {name}, one entry for each example"
            )


def stretched(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A sum as it becomes where a term of another shape is added to it; itself where it does not fit."""
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        return value


def of_same_layer(name: str, following: list[Node], scene: Scene) -> bool:
    """Whether a gradient is the dA of the layer whose dZ belongs here."""
    for z in following:
        made = [scene.gradient_name(a) for a in scene.network.next_named(z) if z in scene.network.same_layer(a)]
        if name in made:
            return True
    return False


def multiplied(sought: Sought, scene: Scene) -> Iterator[Reading]:
    """A product of two other matrices, or of the same in another way."""
    network, person = scene.network, sought.person
    products = [x for x in network.products(sought.node) if sought.use is None or sought.use is x.node]
    if not products or person.ndim not in (1, 2):
        return
    product = products[0]
    part = (
        None
        if sought.use is not None
        else scene.network.carry(start={product.node: scene.passed[product.node]}).get(sought.node)
    )
    if part is not None and not close(part, sought.expected):
        for one, price in ((part, 0.7), (sought.expected - part, 0.4)):
            if fit := fits(person, one, scene):
                yield Reading("D7", price + fit[1], f"{sought.key} has the gradient of one of its uses only", fit[0])
    following = next_named(sought, network)
    dZ = scene.gradient_name(min(following, key=lambda x: x.created)) if following else ""
    operand = name_of_array(product.other, scene)
    arrived = scene.passed.get(product.node)
    own = {dZ, *(name for name, g in scene.gradients.items() if arrived is not None and close(g, arrived))}
    for one, g in scene.gradients.items():
        for other, x in (*scene.arrays.items(), *scene.altered.items()):
            if g.ndim not in (1, 2) or x.ndim not in (1, 2):
                continue
            price = 0.8 + (one not in own) + (other.rstrip("′") != operand) * (0.2 if other.endswith("′") else 1.0)
            for text, value in ways(one, g, other, x, person):
                if fit := fits(person, value, scene):
                    star = "*" in text
                    again = close(value, sought.expected) and one in own
                    if again and fit[1] == 0.0:
                        continue
                    found = product_id(sought, scene, (dZ if one in own else one, dZ), (other, operand), star)
                    if found == "E8" and text == right_form(one, other, product.other_left):
                        found = "D2"
                    if found:
                        yield Reading(found, price + 0.1 * star + fit[1], f"{sought.key} = {text}", fit[0])


def right_form(g: str, other: str, other_left: bool) -> str:
    """The product as the chain rule has it: what is left is that g is not the dZ of this product."""
    return f"{other}.T @ {g}" if other_left else f"{g} @ {other}.T"


def ways(one: str, a: np.ndarray, other: str, b: np.ndarray, like: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """All products of two matrices or vectors that have the shape of an array, and may be a multiple of it."""
    if 1 in (a.ndim, b.ndim):
        yield from ways_of_vectors(one, a, other, b, like)
        return
    for p, x, p_name in ((a, b, (one, other)), (b, a, (other, one))):
        for left, left_name in ((p, p_name[0]), (p.T, p_name[0] + ".T")):
            for right, right_name in ((x, p_name[1]), (x.T, p_name[1] + ".T")):
                fits_shape = left.shape[1] == right.shape[0] and (left.shape[0], right.shape[1]) == like.shape
                if fits_shape and alike(like[:2], left[:2] @ right):
                    yield f"{left_name} @ {right_name}", left @ right
    for right, right_name in ((b, other), (b.T, other + ".T")):
        meet = all(i == j or 1 in (i, j) for i, j in zip(a.shape, right.shape, strict=True))
        if meet and np.broadcast_shapes(a.shape, right.shape) == like.shape:
            yield f"{one} * {right_name}", a * right


def ways_of_vectors(
    one: str, a: np.ndarray, other: str, b: np.ndarray, like: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """The same where one of the two, or both, have one axis."""
    if a.ndim == b.ndim:
        if (a.size, b.size) == like.shape:
            yield f"np.outer({one}, {other})", np.outer(a, b)
        if (b.size, a.size) == like.shape:
            yield f"np.outer({other}, {one})", np.outer(b, a)
        return
    matrix, vector = (a, b) if a.ndim == 2 else (b, a)
    name, with_name = (one, other) if a.ndim == 2 else (other, one)
    for turned, text in ((matrix, name), (matrix.T, f"{name}.T")):
        if turned.shape[1:] == vector.shape and turned.shape[:1] == like.shape:
            yield f"{text} @ {with_name}", turned @ vector


def next_named(sought: Sought, network: Network) -> list[Node]:
    """The named values that are made from the one in question, by the use in question."""
    if sought.use is None:
        return network.next_named(sought.node)
    return [sought.use] if sought.use in network.name_of else network.next_named(sought.use)


def product_id(
    sought: Sought, scene: Scene, gradients: tuple[str, str], operands: tuple[str, str], star: bool
) -> str | None:
    """Which mistake a product of the wrong matrices is."""
    (g, right_g), (x, right_x) = gradients, operands
    if g == right_g and x == right_x:
        return "E5" if star else "E8"
    if g == right_g:
        if x.endswith("′"):
            return "D1" if right_x in scene.network.traced.params else "G7"
        if x in scene.network.traced.params:
            return "D6"
        made = scene.network.node_of.get(x)
        right = scene.network.node_of.get(right_x)
        if made is not None and right is not None and right in set(scene.network.later(made, [right])):
            link = scene.network.elementwise(made)
            return "D4" if link is not None and link.a is right else "D5"
        return "D5"
    if x != right_x:
        return None
    layer = of_same_layer(g, next_named(sought, scene.network), scene) or g == scene.error
    if layer:
        return "D8" if sought.parameter else "D2"
    return "D3" if g in scene.gradients else None
