"""What a search is given and what it gives: a wrong value, the scene, and explanations that fit the numbers.

Read next: `search.py`, which tries the explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.network import SAME, Network, close

__all__ = ["PLAIN", "Reading", "Scene", "Sought", "alike", "factors", "fits", "name_of_array"]


PLAIN = 1.6  # the price from which an explanation is far-fetched
SAMPLE = 64  # entries of a large array that are compared first


@dataclass(frozen=True)
class Reading:
    """One explanation: the mistake's id, how far-fetched it is, what was done in the person's names, the factor."""

    id: str
    price: float
    done: str
    factor: float = 1.0


@dataclass
class Sought:
    """A wrong value: its name and node, the person's numbers, the right ones that follow from the person's own."""

    key: str
    name: str
    node: Node
    person: np.ndarray
    expected: np.ndarray
    main: np.ndarray  # without the L2 term
    right: np.ndarray  # by the chain rule from the cost
    parameter: bool
    bias: bool
    use: Node | None = None  # where it is what one use of the value sends back


@dataclass
class Scene:
    """What the search may use: the network, the gradients that were passed on, arrays by name, numbers by name."""

    network: Network
    passed: dict[Node, np.ndarray]  # the person's gradient where there is one, else the right one
    m: int
    axis: int | None  # along which the examples run
    scale: float  # of the person's dZ and dA: m where 1/m stands in dW and db
    divisors: list[float]  # what the cost may divide the sum of its losses by: m if it is a mean, 1 if it is a sum
    squared: bool  # whether the cost is made of squares
    error: str = ""  # how A − Y is called among the gradients, if there is one
    predicted: str = ""  # what A is called there
    carried: Callable[[np.ndarray], np.ndarray] | None = None  # from dZ to the dW that shows it
    given: dict[Node, np.ndarray] = field(default_factory=dict)  # the person's gradients
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # the values of the forward pass
    widths: list[int] = field(default_factory=list)  # how long X is along its other axes
    gradients: dict[str, np.ndarray] = field(default_factory=dict)  # by the name that the person would give
    altered: dict[str, np.ndarray] = field(default_factory=dict)  # what backward made of a value of its name
    steps: list[np.ndarray] = field(default_factory=list)  # everything backward held
    numbers: dict[str, float] = field(default_factory=dict)
    called: dict[Node, str] = field(default_factory=dict)  # variables that hold the gradients of values

    @property
    def mean(self) -> bool:
        return 1.0 not in self.divisors

    def gradient_name(self, node: Node) -> str:
        return self.called.get(node) or "d" + self.network.name_of.get(node, "J")


def fits(person: np.ndarray, value: Any, scene: Scene) -> tuple[float, float, str] | None:
    """The factor by which a candidate is the person's value, its price and its name; None if it does not fit."""
    value = np.asarray(value)
    if scene.carried is not None:
        value = scene.carried(value)
    if value.shape != person.shape or not alike(person, value) or not np.isfinite(value).all():
        return None
    square = float(np.vdot(value, value))
    if square == 0.0:
        return (1.0, 0.0, "") if not person.any() else None
    factor = float(np.vdot(value, person)) / square
    if factor == 0.0 or not close(person, factor * value):
        return None
    if abs(factor - 1) < SAME:
        return 1.0, 0.0, ""
    for name, number in factors(scene):
        if abs(factor / number - 1) < SAME:
            return factor, 2.0 if len(name) < 5 else 2.6, name
    return (factor, 4.0, f"{factor:.4g}") if np.size(value) > 2 else None


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays may be multiples of one another, by some of their entries."""
    if a.size < 4 * SAMPLE:
        return True
    some = slice(None, None, a.size // SAMPLE)
    x, y = a.ravel()[some], b.ravel()[some]
    square = float(np.vdot(y, y))
    return not square or close(x, float(np.vdot(y, x)) / square * y, 1e-3)


def factors(scene: Scene) -> Iterator[tuple[str, float]]:
    """The numbers that gradients are off by, by name."""
    m = float(scene.m)
    known = {"−1": -1.0, "2": 2.0, "1/2": 0.5, "m": m, "1/m": 1 / m}
    for name, number in scene.numbers.items():
        if number not in (0.0, 1.0, -1.0):
            known |= {name: number, f"1/{name}": 1 / number}
    known |= {"4": 4.0, "1/4": 0.25, "3": 3.0, "1/3": 1 / 3}
    known |= {"log 10": np.log(10), "1/log 10": 1 / np.log(10), "log 2": np.log(2), "1/log 2": 1 / np.log(2)}
    yield from known.items()
    for name, number in known.items():
        for other in ("2", "1/2", "−1"):
            if name != other:
                yield f"{other} · {name}", known[other] * number
    for width in scene.widths:
        yield f"m/{width}", m / width
    yield "1/m²", 1 / m**2
    yield "m²", m**2


def name_of_array(x: Any, scene: Scene) -> str:
    """The person's name of an operand, which may be a view, or the transpose of what has the name."""
    data = x.data if isinstance(x, Node) else np.asarray(x)
    for name, value in scene.arrays.items():
        if value.shape in (data.shape, data.T.shape) and (close(value, data) or close(value, data.T)):
            return name
    return ""
