"""The line as it should be, in the names that the person's backward has; shown only if it gives the right numbers.

    dZ1 = dA1 * (1 - A1**2)

Candidates are written from the derivation and from the names of the run, and evaluated: the first that is right is the
answer, and there is none if none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.activations import recognise
from tinygrad_edu.check.marking.judged import Judged, Marked
from tinygrad_edu.check.marking.network import Network, close
from tinygrad_edu.check.marking.steps import Step, undone
from tinygrad_edu.check.marking.trace import Ran
from tinygrad_edu.check.marking.watch import Binding

__all__ = ["fixed"]

SLOPES = {
    "sigmoid": ("{a} * (1 - {a})", "sigmoid({z}) * (1 - sigmoid({z}))"),
    "tanh": ("(1 - {a}**2)", "(1 - np.tanh({z})**2)"),
    "relu": ("({z} > 0)", "({a} > 0)"),
    "softplus": ("1 / (1 + np.exp(-{z}))",),
    "exp": ("{a}", "np.exp({z})"),
    "sin": ("np.cos({z})",),
    "linear": ("1",),
}
ERRORS = ("({a} - {y})", "2 * ({a} - {y})", "(-{y} / {a} + (1 - {y}) / (1 - {a}))", "-{y} / {a}", "(1 - {y} / {a})")


def fixed(term: Judged, marked: Marked, ran: Ran, version: Binding | None, later: list[Step]) -> str:
    """A line that gives the right value, going on from the person's own gradients; "" if none was found.

    It is that of the version which the slip is in: the steps that follow it stay as they are.
    """
    network, scene = marked.network, marked.scene
    if network is None or scene is None or term.node is None:
        return ""
    variable = term.key.split(" (")[0]
    mine = [binding for binding in ran.bindings if binding.name == variable]
    if any(not binding.outer for binding in mine) or (version is not None and not version.outer):
        return ""  # a function that backward calls has names of its own
    if version is not None and not version.held_by:
        variable = version.name
    line = version.line if version is not None else term.line or (mine[-1].line if mine else None)
    names = Spoken(ran, line, {name: scene.arrays[name] for name in ("X", "Y") if name in scene.arrays})
    others = {node: g for node, g in scene.given.items() if node is not term.node}
    scale = 1.0 if term.node in network.parameters else term.scale if term.value is not None else marked.scale
    expected = undone(np.asarray(network.carry(others)[term.node]) * scale, later)
    for text in written(term, network, names, marked):
        for over in ("", *names.counts(marked)):
            value = names.value(text + over)
            if value is not None and value.shape == expected.shape and close(value, expected):
                return f"{variable} = {text}{over}"
    return ""


class Spoken:
    """What the arrays of a run are called in backward, before a line."""

    def __init__(self, ran: Ran, line: int | None, data: dict[str, np.ndarray]) -> None:
        self.scope: dict[str, Any] = {"np": np, **ran.numbers}
        self.arrays: dict[str, np.ndarray] = {}
        for binding in ran.bindings:
            if not binding.outer or binding.held_by == "self" or (line is not None and binding.line >= line):
                continue
            if binding.held_by:
                put(self.scope, binding)
            else:
                self.scope[binding.name] = binding.value
        for name, x in {**data, **self.scope}.items():
            self.arrays |= {text: y for text, y in entries(name, x) if isinstance(y, np.ndarray) and y.ndim}
        self.arrays = dict(sorted(self.arrays.items(), key=lambda item: "[" in item[0]))

    def name(self, x: Any, like: str = "") -> str:
        """An array by name, best by one like that of the forward pass, transposed if it is so known; "" if none."""
        data = np.asarray(x.data if isinstance(x, Node) else x, float)
        known = sorted(self.arrays.items(), key=lambda item: like not in (item[0], item[0].split("'")[-2:][0]))
        for turned in ("", ".T"):
            for name, held in known:
                if close(np.asarray(held.T if turned else held, float), data, 1e-13):
                    return name + turned
        return ""

    def number(self, value: float, than: tuple[str, ...] = ()) -> str:
        """A number by name, the likeliest first; written out if it has none."""
        found = [name for name, x in self.scope.items() if isinstance(x, int | float) and close(x, value)]
        return min(found, key=lambda name: (name not in than, len(name))) if found else f"{value:.10g}"

    def value(self, text: str) -> np.ndarray | None:
        """What a text gives on these values."""
        try:
            with np.errstate(all="ignore"):
                return np.asarray(eval(text, {"sigmoid": lambda x: 1 / (1 + np.exp(-x))}, self.scope), float)
        except Exception:  # a name that backward does not have
            return None

    def counts(self, marked: Marked) -> Iterator[str]:
        """Divisions by the number of examples, or of entries."""
        if not (name := self.number(marked.m, ("m", "n", "N"))).isdigit():
            yield f" / {name}"
        if marked.axis is not None:
            yield f" / X.shape[{marked.axis}]"
        yield " / Y.size"


def put(scope: dict[str, Any], binding: Binding) -> None:
    """An entry of a list or dict in its place: params[4]["W"]."""
    inside = binding.name.startswith(f"{binding.held_by}[")
    path = re.findall(r"[^\[\]]+", binding.name)[1 if inside else 0 :]
    keys = [int(key) if key.isdecimal() else key for key in path]
    home: Any = scope
    for key in (binding.held_by, *keys[:-1]):
        home = home.setdefault(key, {}) if isinstance(home, dict) else {}
    if isinstance(home, dict) and keys:
        home[keys[-1]] = binding.value


def entries(text: str, x: Any) -> Iterator[tuple[str, Any]]:
    """Every entry of nested dicts, by the text that reads it."""
    if not isinstance(x, dict):
        yield text, x
        return
    for key, entry in x.items():
        yield from entries(f"{text}[{key!r}]", entry)


def written(term: Judged, network: Network, names: Spoken, marked: Marked) -> Iterator[str]:
    """Right lines for a value, by its place in the network."""
    node = term.node
    following = sorted(network.next_named(node), key=lambda x: x.created) if node is not None else []
    if node is None:
        return
    given = {term.node: term.value for term in marked.terms if term.node is not None}
    above = [names.name(given[x]) for x in following if given.get(x) is not None]
    decay = decay_of(term, network, names, marked)
    for g in filter(None, above):
        if network.is_bias(node) and node in network.parameters:
            for axis in (marked.axis, None):
                keep = ", keepdims=True" if node.data.ndim > 1 else ""
                text = f"np.sum({g}, axis={axis}{keep})" if axis is not None else f"np.sum({g})"
                yield from with_decay(text, decay, names.counts(marked))
        for product in network.products(node):
            other = names.name(product.other)
            if other:
                turned = other.removesuffix(".T") if other.endswith(".T") else f"{other}.T"
                text = f"{turned} @ {g}" if product.other_left else f"{g} @ {turned}"
                yield from with_decay(text, decay, names.counts(marked))
        yield from through(node, following[-1], g, network, names)
    if not any(network.products(x) for x in (node, *network.later(node))):
        yield from at_the_end(node, network, names)


def with_decay(text: str, decay: str, counts: Iterator[str]) -> Iterator[str]:
    """A product with the L2 term behind it, and alone: the term may be added in a line of its own."""
    if decay:
        yield from (text + over + decay for over in ("", *counts))
    yield text


def through(z: Node, a: Node, g: str, network: Network, names: Spoken) -> Iterator[str]:
    """g times the derivative of the activation, with the mask of dropout."""
    link = network.elementwise(z)
    pre = link.pre if link else a
    z_name, a_name = (names.name(x, network.name_of.get(x, "")) for x in (z, pre))
    kind = recognise(z.data, pre.data).name
    masks = [""]
    if link is not None and not close(link.rest, np.ones_like(link.rest)):
        D, keep = names.name((link.rest != 0).astype(float)) or names.name(link.rest != 0), float(link.rest.max())
        masks = [f" * {D} / {names.number(1 / keep)}"]
    for slope in SLOPES.get(kind, ()):
        for mask in masks:
            yield f"{g} * {slope.format(z=z_name, a=a_name)}{mask}"
    if kind == "softmax":
        for axis in (1, 0):
            yield f"{a_name} * ({g} - np.sum({g} * {a_name}, axis={axis}, keepdims=True))"


def at_the_end(node: Node, network: Network, names: Spoken) -> Iterator[str]:
    """The derivative of a usual cost, by A or by Z."""
    y_name = names.name(names.scope.get("Y", np.empty(0))) or "Y"
    for a in (node, *network.next_named(node)):
        a_name = names.name(a, network.name_of.get(a, ""))
        for error in ERRORS if a_name else ():
            text = error.format(a=a_name, y=y_name)
            yield text
            if a is not node:
                yield from through(node, a, text, network, names)


def decay_of(term: Judged, network: Network, names: Spoken, marked: Marked) -> str:
    """The L2 term of a parameter, its factor as a number of the person's over m where there is one."""
    if term.node is None or term.right is None or term.node not in network.parameters:
        return ""
    rest = term.right - network.main({}).get(term.node, 0.0)
    name = names.name(term.node)
    if not np.any(rest) or not name:
        return ""
    factor = float(np.vdot(rest, term.node.data) / np.vdot(term.node.data, term.node.data))
    if not close(rest, factor * term.node.data):
        return ""
    m = names.number(marked.m, ("m", "n", "N"))
    alone, over = names.number(factor), names.number(factor * marked.m)
    return f" + {alone} * {name}" if alone.isidentifier() or m.isdigit() else f" + {over} / {m} * {name}"
