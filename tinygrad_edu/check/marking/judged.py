"""A gradient and its verdict, and the value that its name speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.network import Network
from tinygrad_edu.check.marking.readings import Reading, Scene

__all__ = ["Judged", "Marked", "named_value"]


SPELLINGS = (
    r"d[LJCE]_?/?d_?(.+)",
    r"d(?:loss|cost)_?d?_?(.+)",
    r"(?:grads?|nabla|del)_?(.+)",
    r"(.+?)[_.]?(?:grad(?:ient)?|error|err)",
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
    line: int | None = None
    turn: str = ""  # the pass of a loop
    again: bool = False  # a later pass of a line that is judged already
    made_at: int | None = None  # the line of the slip, where it is not that of the value
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
    divisors: list[float]  # what the cost may divide the sum of its losses by
    squared: bool
    axis: int | None
    scene: Scene | None = None

    @property
    def roots(self) -> list[Judged]:
        return [term for term in self.terms if term.verdict == "root cause" and not term.again]

    @property
    def ok(self) -> bool:
        return not any(term.wrong for term in self.terms)


def named_value(key: str, known: dict[str, Any], names: dict[str, str] | None = None) -> str:
    """The value that a gradient's name speaks of: dW1, grad_W1, W1_grad, dL_dW1, delta1, dW[0]; "" if none."""
    if names and key in names:
        return names[key]
    lower = {name.lower().replace("_", ""): name for name in reversed(known)}
    parts = re.split(r"([\[\]]+)", key)
    for exact in (True, False):
        for k, part in enumerate(parts):
            for meant in meanings(part):
                name = "".join([*parts[:k], meant, *parts[k + 1 :]])
                if exact and name in known:
                    return name
                if not exact and name.lower().replace("_", "") in lower:
                    return lower[name.lower().replace("_", "")]
    return ""


def meanings(word: str) -> Iterator[str]:
    """What the name of a gradient may be the gradient of."""
    if word.isdecimal():
        yield f"[{word}]"
    if delta := re.fullmatch(r"(?:delta|error|err)s?_?(\d*)", word, re.IGNORECASE):
        yield from (f"Z{delta[1]}", f"z{delta[1]}")
    if delta := re.fullmatch(r"(.+?)_?delta", word):
        yield f"Z of {delta[1]}"
    for spelling in SPELLINGS:
        if found := re.fullmatch(spelling, word):
            yield found[1]
