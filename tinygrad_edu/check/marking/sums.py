"""A gradient that the passes of a loop add up to: whether all of them are in it, and which is wrong.

    readings = of_sum(term, walk, marked, network, scene)

Read next: `explain.py`, which asks for the slips of other values.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.flow import Step
from tinygrad_edu.check.marking.judged import Judged, Marked
from tinygrad_edu.check.marking.network import Network, close
from tinygrad_edu.check.marking.readings import Reading, Scene
from tinygrad_edu.check.marking.turns import candidates, explained, turn
from tinygrad_edu.check.marking.walk import Target, Walk, multiples

__all__ = ["of_sum"]


def of_sum(term: Judged, walk: Walk, marked: Marked, network: Network, scene: Scene, known: bool) -> None:
    """Look for the slip of a parameter's gradient in the line that adds to it, pass by pass."""
    if term.node is None or term.right is None or term.given is None:
        return
    for family in (x for x in walk.families.values() if len(x) > 1 and x[0] in walk.outer and holds(x, term, walk)):
        found: list[Reading] = []
        step: Step | None = None
        if not family[0].statement.adds and overwritten(family, term):
            name = family[-1].binding.name
            done = f"{name} is assigned anew in each pass of the loop, so only the last one is in it"
            found, step = [Reading("E12", 0.4, done)], family[-1]
        elif not known:
            found, step = of_pass(family, term.node, walk, marked, network, scene)
        if found and step is not None:
            term.readings, term.made_at = found, step.binding.line
            if found[0].id != "E12":
                origin = where_made(step, walk)
                term.made_at, term.turn = origin.binding.made or origin.binding.line, turn(step, family)
            return


def overwritten(family: list[Step], term: Judged) -> bool:
    """Whether a line assigns what it should add: all that it assigned is right together, but not what is left."""
    whole = total(family)
    return multiples(whole, np.asarray(term.right)) and not multiples(whole, np.asarray(term.given))


def holds(family: list[Step], term: Judged, walk: Walk) -> bool:
    """Whether a loop makes this gradient: its last value is the one handed in, or a multiple of it."""
    last = [x for x in walk.steps if x.variable == family[-1].variable][-1]
    return multiples(np.asarray(last.binding.value, float), np.asarray(term.given))


def total(family: list[Step]) -> np.ndarray:
    """All that a line wrote in its passes, added up."""
    found = np.array(family[0].binding.value, float)
    for before, x in pairwise(family):
        if np.shape(x.binding.value) != found.shape:
            break
        after = np.asarray(x.binding.value)
        found = found + (after if x.more is None else np.where(after != before.binding.value, after, 0.0))
    return found


def of_pass(
    family: list[Step], node: Node, walk: Walk, marked: Marked, network: Network, scene: Scene
) -> tuple[list[Reading], Step | None]:
    """The first pass in which something wrong was added, and the slip."""
    for step in family:
        if step.more is None or not step.more.any():
            continue
        targets, _ = walk.targets.meant(step.more)
        if any(belongs(x, node) for x in targets):
            continue
        made_of = [x for x in (*step.sources, *step.perhaps) if x.variable != step.variable]
        known = [target for source in made_of for target in walk.meant.get(source, [])]
        parts = {x for x in walk.targets.right if belongs(x, node) and (x.use is not None or x.node is not node)}
        for target in candidates(step.more.size, known, walk, network, set(), [], parts)[:1]:
            return explained(step, step.more, target, walk, marked, network, scene), step
        return [], None
    return [], None


def belongs(target: Target, node: Node) -> bool:
    """Whether a gradient is one of a parameter, or of a part that was read from it."""
    return target.node is node or (len(target.node.inputs) > 0 and target.node.inputs[0] is node)


def where_made(step: Step, walk: Walk) -> Step:
    """The variable that held what was added, where the line only passes it on."""
    if step.more is not None:
        for source in step.sources:
            if source not in walk.meant and source.array.size == step.more.size and close(source.array, step.more):
                while source.sources and close(source.sources[0].array, source.array):
                    source = source.sources[0]
                return source
    return step
