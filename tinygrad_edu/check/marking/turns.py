"""The order of the run: at which variable, and in which pass of a loop, the first wrong value came up.

    found = first_wrong(walk, marked, scene)

The names of variables, above all of a loop's, do not tell which value of forward they belong to, and nor does their
order. Their numbers do: every gradient that is right, of a value or through one of its uses, is known. The slip is
where all that a line reads is right and what it makes is not; it belongs to a value close to those, the one for which
the search explains it. The other passes of the same line belong to the values that forward made beside that one.

Read next: `sums.py`, what the passes of a loop add up to; `explain.py`, which puts the slip in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from tinygrad_edu.autograd import Node, fit
from tinygrad_edu.check.marking.flow import Step
from tinygrad_edu.check.marking.judged import Judged, Marked, named_value
from tinygrad_edu.check.marking.network import Network, close, sent_back
from tinygrad_edu.check.marking.readings import PLAIN, Reading, Scene, Sought
from tinygrad_edu.check.marking.search import search
from tinygrad_edu.check.marking.walk import Target, Walk, same

__all__ = ["candidates", "explained", "first_wrong", "of_another_pass", "turn"]

TRIED = 6  # values that a slip is searched for


def first_wrong(walk: Walk, marked: Marked, network: Network, scene: Scene) -> list[Judged] | None:
    """The terms of the line that is wrong first, one for each pass; None where all are right or it cannot be told."""
    step = walk.first
    if step is None:
        return None
    made_of = walk.made_of(step)
    known = [target for source in made_of for target in walk.meant.get(source, [])]
    for source in made_of:
        if lacking(walk.meant.get(source, []), known, network):
            readings = [Reading("D7", 0.4, f"{source.binding.name} has the gradient of one of its uses only")]
            return passes(source, Target(walk.meant[source][0].node), readings, walk, marked, network)
    target, readings = meant_by(step, known, walk, marked, network, scene)
    if target is None:
        return []
    for term in marked.terms if target.node in network.parameters else ():
        if term.node is target.node and not (term.readings and term.readings[0].price < PLAIN):
            term.readings, term.turn = readings, turn(step, walk.families[step.family])
            term.made_at = step.binding.made or step.binding.line
    if target.node in network.parameters:
        return []
    return passes(step, target, readings, walk, marked, network)


def of_another_pass(term: Judged, walk: Walk) -> bool:
    """Whether a value is right in another pass of the loop than the one it was taken for, or 0."""
    if term.given is None or term.node is None or not term.given.any():
        return True
    network = walk.targets.network
    beside = {x for x in network.nodes if x is not term.node and made_alike(x, term.node, network)}
    return any(target.node in beside for x in walk.meant if same(x, term.given) for target in walk.meant[x])


def made_alike(a: Node, b: Node, network: Network) -> bool:
    """Whether two values were made by the same op in the same line of forward."""
    return a.op is b.op and network.traced.line_of(a) == network.traced.line_of(b)


def lacking(found: list[Target], known: list[Target], network: Network) -> bool:
    """Whether a gradient is that of some uses of a value only, with nothing beside it for the others."""
    if not found or any(x.use is None or x.node in network.parameters for x in found):
        return False
    node = found[0].node
    return len({(x.use, x.k) for x in known if x.node is node}) < len(network.uses[node])


def meant_by(
    step: Step, known: list[Target], walk: Walk, marked: Marked, network: Network, scene: Scene
) -> tuple[Target | None, list[Reading]]:
    """Which gradient a wrong value should be: one close by that nothing else is, best one that explains the slip."""
    best: tuple[float, Target | None, list[Reading]] = (float("inf"), None, [])
    name = named_value(step.binding.name, network.traced.earlier | network.node_of)
    called = {x for x in [*network.traced.earlier.get(name, []), network.node_of.get(name)] if isinstance(x, Node)}
    read = [np.asarray(x.binding.value) for x in walk.made_of(step) if x not in walk.derived]
    found = candidates(step.array.size, known, walk, network, called, read)
    for k, target in enumerate(found[:TRIED]):
        readings = explained(step, step.array, target, walk, marked, network, scene)
        price = (readings[0].price if readings else 6.0) + 0.05 * k
        if price < best[0]:
            best = (price, target, readings)
        if price < 0.9:
            break
    return best[1], best[2]


def candidates(
    size: int,
    known: list[Target],
    walk: Walk,
    network: Network,
    called: set[Node],
    read: list[np.ndarray],
    parts: set[Target] | None = None,
) -> list[Target]:
    """The gradients of this size that are still to come, the closest first, before them those of the same name.

    And those of a value that forward used together with one that the line reads.
    """
    taken = {target for x in walk.meant.values() for target in x}
    reached: dict[Node, float] = dict.fromkeys((x.node for x in known), 0.0) or {network.cost: 0.0}
    edge, far = list(reached), 0
    while edge:
        far += 1
        edge = [x for node in edge for x in node.inputs if isinstance(x, Node) and x.requires_grad and x not in reached]
        reached |= dict.fromkeys(edge, float(far))
    found: list[tuple[bool, float, int, int, Target]] = []
    for target, g in walk.targets.right.items():
        near = target.node in reached and (target.use is None or target.use in reached)
        if g.size == size and near and g.any() and (target not in taken if parts is None else target in parts):
            off = reached[target.node] - 3 * (target.node in called) + 2.5 * (target.use is not None)
            off += 6 * (target.node not in network.name_of)
            apart = not known and not beside(target.node, read, network)
            found.append((apart, off, -made_as(target.node), len(found), target))
    different: list[Target] = []
    for *_, target in sorted(found):
        g = walk.targets.right[target].ravel()
        if not any(close(g, walk.targets.right[x].ravel()) for x in different):
            different.append(target)
    return different


def beside(node: Node, read: list[np.ndarray], network: Network) -> bool:
    """Whether a value was used together with one of these."""
    others = [x for use, _ in network.uses.get(node, ()) for x in use.inputs if x is not node and np.ndim(x)]
    data = [x.data if isinstance(x, Node) else np.asarray(x) for x in others]
    return any(a.size > 1 and a.shape == b.shape and np.array_equal(a, b) for a in data for b in read)


def made_as(node: Node) -> int:
    """How late a value was made; leaves first."""
    return node.created if node.op is not None else 0


def explained(
    step: Step, array: np.ndarray, target: Target, walk: Walk, marked: Marked, network: Network, scene: Scene
) -> list[Reading]:
    """The slips that explain a value, if it should be this gradient."""
    node, right = target.node, walk.targets.right[target]
    with at_hand(step, walk, marked, network, scene) as here, called_for(node, step, network):
        sought = Sought(
            key=step.binding.name,
            name=network.name_of[node],
            node=node,
            person=array.reshape(node.data.shape) / walk.scale_at(step, marked.scale),
            expected=right,
            main=right,
            right=right,
            parameter=node in network.parameters,
            bias=node in network.parameters and network.is_bias(node),
            use=target.use,
        )
        return search(sought, here)


@contextmanager
def called_for(node: Node, step: Step, network: Network) -> Iterator[None]:
    """A name for a value that has none, for the time of a search."""
    new = node not in network.name_of
    network.name_of.setdefault(node, step.binding.name)
    try:
        yield
    finally:
        if new:
            del network.name_of[node]


@contextmanager
def at_hand(step: Step, walk: Walk, marked: Marked, network: Network, scene: Scene) -> Iterator[Scene]:
    """The scene with what the variables held when a line was run, by the names of these variables."""
    gradients = {scene.error: scene.gradients[scene.error]} if scene.error else {}
    arrays = {scene.predicted: scene.arrays[scene.predicted]} if scene.predicted else {}
    meant: dict[str, list[Node]] = {}
    for x in walk.before(step):
        b = x.binding
        if x in walk.derived:
            if x.statement.adds and any(same(x, g * walk.scale_at(x, marked.scale)) for g in gradients.values()):
                continue  # db += dZ, in the first pass
            gradients[b.name] = np.asarray(b.value) / walk.scale_at(x, marked.scale)
            meant[b.name] = [target.node for target in walk.meant.get(x, []) if target.use is None]
        elif np.ndim(b.value) and (b.given or b.function in ("", step.binding.function)):
            if b.changed and b.name in scene.arrays:  # dscores = probs, changed where it stands
                continue
            arrays[b.name] = np.asarray(b.value)
    names = dict(network.name_of)
    called = {node: name for name, nodes in meant.items() for node in nodes} or {network.cost: "dJ"}
    for node, name in called.items():
        network.name_of.setdefault(node, name_at_hand(node, arrays, network) or name.lstrip("d_") or name)
    try:
        yield replace(scene, gradients=gradients, arrays=scene.arrays | arrays, called=called)
    finally:
        network.name_of = names


def name_at_hand(node: Node, arrays: dict[str, np.ndarray], network: Network) -> str:
    """The variable that holds a value, in backward or else in forward."""
    same = [name for name, x in arrays.items() if x.shape == node.data.shape and np.array_equal(x, node.data)]
    same += [name for name, held in network.traced.earlier.items() if any(x is node for x in held)]
    return same[0] if same else ""


def passes(
    step: Step, target: Target, readings: list[Reading], walk: Walk, marked: Marked, network: Network
) -> list[Judged]:
    """The values that the line made in all passes, with those of forward that they belong to."""
    family = [x for x in walk.families[step.family] if not x.open]
    place = family.index(step)
    beside = made_beside(target.node, len(family), network)
    order = {node: k for k, node in enumerate(beside)}
    at = order[target.node]
    before = [order[t.node] - at for x in family[:place] for t in walk.meant.get(x, []) if t.node in order]
    back = before[-1] > 0 if before and before[-1] else at > 0
    scale = walk.scale_at(step, marked.scale)
    given: dict[Node, np.ndarray] = {}
    terms = []
    for k, x in enumerate(family[place:]):
        here = at - k if back else at + k
        if not 0 <= here < len(beside) or beside[here].data.size != x.array.size:
            break
        node = beside[here]
        value = x.array.reshape(node.data.shape) / scale
        if target.use is not None:
            value = value + other_uses(target, node, given, network)
        given[node] = value
        name = network.name_of.get(node) or f"{x.binding.name}′{here + 1}"
        network.node_of.setdefault(name, node)
        network.call([name])
        term = Judged(x.binding.name, name, node, value * scale, value * scale, hidden=True, again=k > 0)
        term.line, term.expected, term.right = x.binding.made or x.binding.line, node.data.shape, network.right[node]
        term.turn, term.scale, term.readings = turn(x, family), scale, list(readings) if not k else []
        term.made_at = term.line if target.use is not None else None
        terms.append(term)
    return terms


def other_uses(target: Target, node: Node, given: dict[Node, np.ndarray], network: Network) -> np.ndarray:
    """What comes back through the other uses of a value; 0 where it has not the use in question."""
    arrives = network.carry(given)
    total = np.zeros(node.data.shape)
    for use, k in network.uses[node]:
        like = target.use is not None and (use.op, k) == (target.use.op, target.k)
        same_line = target.use is not None and network.traced.line_of(use) == network.traced.line_of(target.use)
        if use in arrives and not (like and same_line and (node is not target.node or use is target.use)):
            sent = next(g for j, _, g in sent_back(use, given.get(use, arrives[use])) if j == k)
            total = total + fit(sent, node.data, use)
    return total


def made_beside(node: Node, count: int, network: Network) -> list[Node]:
    """What the same line of forward made in each pass of its loop, in order."""
    alike = sorted((x for x in network.nodes if made_alike(x, node, network)), key=made_as)
    stride = len(alike) // count if len(alike) % count == 0 else 1
    place = next(k for k, x in enumerate(alike) if x is node)
    return alike[place % stride :: stride]


def turn(step: Step, family: list[Step]) -> str:
    """Which pass of a loop made a value: by the whole numbers that count it."""
    counts = step.binding.turn
    varying = [name for name in counts if len({x.binding.turn.get(name) for x in family}) > 1]
    if varying:
        return ", ".join(f"{name} = {counts[name]}" for name in varying)
    return f"pass {family.index(step) + 1} of {len(family)}" if len(family) > 1 else ""
