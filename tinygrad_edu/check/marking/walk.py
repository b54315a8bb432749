"""The values of backward in the order of the run: which of them are right, and of which value of forward.

    walk = Walk(flow(bindings), Targets(network, scales), returned)
    walk.meant[step]        the gradients that have its numbers
    walk.first              the first that is wrong though all that it is made of is right

Read next: `turns.py`, which asks what the wrong one should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.autograd import Node, fit
from tinygrad_edu.check.marking.flow import Step
from tinygrad_edu.check.marking.network import SAME, Network, close, sent_back

__all__ = ["Target", "Targets", "Walk", "multiples", "same"]


@dataclass(frozen=True)
class Target:
    """A gradient: of a value, or what one of its uses sends back."""

    node: Node
    use: Node | None = None
    k: int = 0


class Targets:
    """All right gradients, to be found by their numbers."""

    def __init__(self, network: Network, scales: Iterable[float]) -> None:
        self.network, self.scales = network, sorted({1.0, *scales})
        self.right = {Target(node): np.asarray(g) for node, g in network.right.items() if node is not network.cost}
        for use in network.nodes:
            for k, x, g in sent_back(use, network.right[use]) if use.op is not None else ():
                if len(network.uses[x]) > 1:
                    self.right[Target(x, use, k)] = np.asarray(fit(g, x.data, use))
        by_size: dict[int, list[Target]] = {}
        for target, g in self.right.items():
            by_size.setdefault(g.size, []).append(target)
        self.known = {n: (found, np.array([self.right[x].ravel() for x in found])) for n, found in by_size.items()}

    def of_forward(self, step: Step) -> bool:
        """Whether a variable holds what it held in forward: backward runs that again."""
        held = self.network.traced.earlier.get(step.binding.name, ())
        return any(same(step, x.data if isinstance(x, Node) else x) for x in held)

    def meant(self, array: np.ndarray) -> tuple[list[Target], float]:
        """What has these numbers, and by which factor."""
        targets, values = self.known.get(array.size, ([], np.empty((0, 0))))
        largest = np.max(np.abs(array), initial=0)
        if targets and largest > 0 and np.isfinite(largest):
            for scale in self.scales:
                off = np.max(np.abs(values - array.ravel() / scale), axis=1)
                if len(found := np.flatnonzero(off <= SAME * largest / scale)):
                    return [targets[k] for k in found], scale
        return [], 1.0


class Walk:
    """The values of backward in order, and which of them are gradients that are right."""

    def __init__(self, steps: list[Step], targets: Targets, returned: list[np.ndarray]) -> None:
        self.steps, self.targets = steps, targets
        self.meant: dict[Step, list[Target]] = {}
        self.scales: dict[Step, float] = {}
        self.derived: set[Step] = set()  # made of a gradient
        forward: set[Step] = set()
        for x in steps:
            passed_on = len(x.sources) == 1 and x.sources[0] in forward and same(x.sources[0], x.array)
            if x.binding.given or passed_on or targets.of_forward(x):
                forward.add(x)
            made_of = [source for source in (*x.sources, *x.perhaps) if source in self.derived]
            upward = not made_of or any(self.scales.get(source, 1.0) < 0 for source in made_of)  # Y - A, for W += ...
            for sign in () if x in forward else (1.0, -1.0)[: 1 + upward]:
                found, scale = targets.meant(sign * x.array)
                if found and x not in self.meant:
                    self.meant[x], self.scales[x] = found, sign * scale
            if x in self.meant or made_of:
                self.derived.add(x)
        self.families: dict[tuple[str, str, int], list[Step]] = {}
        for x in steps:
            self.families.setdefault(x.family, []).append(x)
        made = [(x.variable, np.asarray(x.binding.value, float)) for x in steps if not x.binding.given]
        held = {variable for variable, value in made if any(multiples(value, g) for g in returned)}
        self.outer = {x for x in steps if x.variable in held}
        self.used = set(self.outer)  # what a gradient that was handed in is made of
        self.good = set(self.meant)
        for x in reversed(steps):
            if x in self.good:
                self.good.update(x.sources)
            if x in self.used:
                self.used.update(x.sources, x.perhaps)

    @property
    def first(self) -> Step | None:
        """The first value that is wrong though no gradient that it is made of is."""
        bad = self.derived - self.good
        for x in self.steps:
            judged = x in self.used and not (x in self.good or x in self.outer or x.open or x.binding.given)
            started = like_a_gradient(x) and x.array.any() and not self.derived & {*self.before(x)}
            known = (x in self.derived or started) and np.isfinite(x.array).all()
            if judged and known and not bad & {*self.made_of(x)}:
                return x
        return None

    def follows(self, g: np.ndarray) -> bool:
        """Whether a gradient that was handed in was made of what the line that is wrong first made."""
        step = self.first
        found = {x for x in self.families[step.family] if x not in self.good} if step is not None else set()
        for x in self.steps:
            if not found.isdisjoint((*x.sources, *x.perhaps)):
                found.add(x)
        return any(x in found and multiples(np.asarray(x.binding.value, float), g) for x in self.outer)

    @property
    def told(self) -> bool:
        """Whether the passes of a loop are known by their numbers: a line gave the gradients of several values."""
        inner = [[x for x in family if x in self.meant and x not in self.outer] for family in self.families.values()]
        return any(len(found) > 1 and not same(found[0], found[-1].array) for found in inner)

    def scale_at(self, step: Step, usual: float) -> float:
        """The factor of the gradients that a line reads, m where 1/m comes later."""
        return next((self.scales[x] for x in (step, *step.sources) if x in self.scales), usual)

    def made_of(self, step: Step) -> list[Step]:
        """The values that a line reads; in the place of one that was changed on the way, those that it was made of."""
        found, waiting = [], [*step.sources, *step.perhaps]
        while waiting:
            x = waiting.pop()
            if x.open and x.variable == step.variable:
                waiting += [*x.sources, *x.perhaps]
            else:
                found.append(x)
        return found[::-1]

    def before(self, step: Step) -> Iterator[Step]:
        for x in self.steps:
            if x is step:
                return
            yield x


def multiples(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are multiples of one another, and not 0."""
    factor = float(np.vdot(a, b)) / (float(np.vdot(a, a)) or 1.0) if a.size == b.size else 0.0
    return bool(factor) and close(b.ravel(), factor * a.ravel())


def same(step: Step, g: np.ndarray) -> bool:
    """Whether a variable held an array."""
    return np.array_equal(np.asarray(step.binding.value), g)


def like_a_gradient(step: Step) -> bool:
    """Whether a variable is called so: dZ, delta, error."""
    name = step.binding.name.lower()
    return name.startswith(("d", "g_", "grad", "err", "nabla")) or "delta" in name or "err" in name or "grad" in name
