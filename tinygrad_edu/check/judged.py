"""A gradient and its verdict, and the value that its name speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.network import Network
from tinygrad_edu.check.readings import Reading, Scene

__all__ = ["Judged", "Marked", "named_value"]


SPELLINGS = (
    r"d[LJCE]_?/?d_?(.+)",
    r"d(?:loss|cost)_?d?_?(.+)",
    r"grads?_?(.+)",
    r"(.+?)[_.]?grad(?:ient)?",
    r"d_?(.+)",
    r"g_?(.+)",
    r"(.+)",
)


@dataclass
class Judged:
    """One gradient that backward returned, and what became of it."""

    key: str
    name: str = ""  # the value that it is the gradient of
    node: Node | None = None
    value: np.ndarray | None = None  # in the shape of the value, where it can be brought there
    given: np.ndarray | None = None  # as it was returned
    verdict: str = "cannot tell"
    error: float = float("nan")
    expected: tuple[int, ...] = ()
    scale: float = 1.0
    note: str = ""
    hidden: bool = False  # a variable of backward that was not returned
    right: np.ndarray | None = None
    readings: list[Reading] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        return self.verdict in ("root cause", "consequence")


@dataclass
class Marked:
    """All gradients of one run, judged."""

    terms: list[Judged]
    network: Network | None
    scale: float
    m: int
    mean: bool
    squared: bool
    axis: int | None
    scene: Scene | None = None

    @property
    def roots(self) -> list[Judged]:
        return [term for term in self.terms if term.verdict == "root cause"]

    @property
    def ok(self) -> bool:
        return not any(term.wrong for term in self.terms)


def named_value(key: str, known: dict[str, Any], names: dict[str, str] | None = None) -> str:
    """The value that a gradient's name speaks of: dW1, grad_W1, W1_grad, dL_dW1, delta1; "" if none."""
    if names and key in names:
        return names[key]
    lower = {name.lower().replace("_", ""): name for name in known}
    if delta := re.fullmatch(r"delta_?(\d*)", key, re.IGNORECASE):
        for letter in "zZ":
            if f"{letter}{delta[1]}" in known:
                return f"{letter}{delta[1]}"
    for exact in (True, False):
        for spelling in SPELLINGS:
            if found := re.fullmatch(spelling, key):
                name = found[1]
                if exact and name in known and (name != key or name in known):
                    return name
                if not exact and name.lower().replace("_", "") in lower:
                    return lower[name.lower().replace("_", "")]
    return ""
