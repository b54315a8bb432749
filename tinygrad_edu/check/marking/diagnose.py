"""Mark a hand-written backprop: which line is the root cause, and what it looks like was done.

    report = backprop(forward, backward, params, X, Y)
    print(report)

The person's own forward is traced and differentiated, so nothing about cost, activation or layout is assumed. Each
gradient that backward returns is compared twice: with the right one, and with the one that follows from the person's
own gradients further up. Wrong in both is a root cause, and its slip is searched; wrong in the first alone is a
consequence of another.

Read next: `report.py`, what is said about it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.explain import explain, search_slip, set_scene
from tinygrad_edu.check.marking.flow import flow
from tinygrad_edu.check.marking.judged import Judged, Marked, named_value
from tinygrad_edu.check.marking.network import Network, close
from tinygrad_edu.check.marking.reached import NEARLY, distance, proportional, reached
from tinygrad_edu.check.marking.readings import PLAIN, Scene
from tinygrad_edu.check.marking.sums import of_sum
from tinygrad_edu.check.marking.trace import Ran, Traced
from tinygrad_edu.check.marking.turns import first_wrong, of_another_pass
from tinygrad_edu.check.marking.walk import Targets, Walk
from tinygrad_edu.check.marking.watch import equal

__all__ = ["Judged", "Marked", "mark", "named_value"]

SURE = 1e-7  # below it is right; between it and NEARLY unless a slip explains the difference


def brought(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """A gradient in the shape of its value, if W − lr * dW keeps the shape of W with it."""
    array = np.asarray(value, float)
    if array.shape == shape:
        return array
    try:
        harmless = array.size == np.prod(shape, dtype=int) and np.broadcast_shapes(shape, array.shape) == shape
    except ValueError:
        return None
    return array.reshape(shape) if harmless else None


def collect(terms: list[Judged], network: Network, names: dict[str, str] | None) -> list[Judged]:
    """Give each gradient the value it belongs to, and put them in the order of backprop."""
    known = {name: node for name, node in network.node_of.items() if node is not network.cost}
    for term in terms:
        try:
            term.given = np.asarray(term.given, float)
        except (TypeError, ValueError):
            term.note, term.given = f"it is no array of numbers but {type(term.given).__name__}", None
            continue
        if term.node is None:
            term.name = named_value(term.key, known, names)
            term.node = known.get(term.name)
        else:
            term.name = network.name_of.get(term.node) or named_value(term.key, known, names)
        if term.node is None:
            term.note = "no value of the forward pass has such a name, or the cost does not depend on it"
            continue
        place(term, network)
        network.call([term.name])
    position = {id(term): k for k, term in enumerate(terms)}
    return sorted(terms, key=lambda term: (depth(term, network), position[id(term)]))


def place(term: Judged, network: Network) -> None:
    """Compare the shape; where a name was bound more than once, choose the value that the gradient fits."""
    choices = [x for x in network.traced.earlier.get(term.name, []) if isinstance(x, Node) and x in network.right]
    made = network.through_dropout(term.node) if term.node is not None else []
    for node in [term.node, *reversed(choices), *made]:
        value = brought(term.given, node.data.shape)  # type: ignore[union-attr]
        if value is not None and proportional(value, network.right[node]):  # type: ignore[index]
            term.node = node
            break
    else:
        if made and masks(term, network.right[term.node]):  # type: ignore[index]
            term.node = made[-1]
    if term.node is not None:
        term.expected = term.node.data.shape
        term.value = brought(term.given, term.expected)
        term.right = np.asarray(network.right.get(term.node, np.zeros(term.expected)))


def masks(term: Judged, right: np.ndarray) -> bool:
    """Whether entries were set to 0 that are not 0 after dropout: the name means the value before it."""
    given = np.asarray(term.given)
    return given.shape == right.shape and bool(given.any()) and bool(((given == 0) & (right != 0)).any())


def depth(term: Judged, network: Network) -> float:
    """How late in the backward pass a gradient comes up."""
    if term.node is None:
        return float("inf")
    if term.node.op is None and term.node not in network.parameters:
        return 0.0
    if term.node not in network.parameters:
        return -2.0 * term.node.created
    following = network.next_named(term.node) or [use for use, _ in network.uses.get(term.node, ())]
    return -2.0 * min((x.created for x in following), default=0) + 1


def mark(
    traced: Traced,
    ran: Ran,
    X: Any,
    Y: Any,
    m: int,
    axis: int | None,
    names: dict[str, str] | None = None,
) -> Marked:
    """Judge every gradient of one run and explain the root causes."""
    returned = ran.returned if isinstance(ran.returned, dict) else {}
    network = best_network(traced, returned)
    handed_in = [Judged(str(key), given=value) for key, value in returned.items()]
    terms = collect(reached(ran, network) if ran.failure else handed_in, network, names)
    squared = any(
        node.op is ops.square or (node.op is ops.power and np.ndim(node.inputs[1]) == 0 and node.inputs[1] == 2)
        for node in network.nodes
        if node not in network.own
    )
    marked = Marked(terms, network, 1.0, m, network.divisors(m), squared, axis)
    decide(marked, ran, returned, names)
    walk = walked(marked, ran)
    if not marked.ok:
        if walk is not None:
            judge(marked, [term for term in marked.terms if not (term.hidden and of_another_pass(term, walk))])
        marked.scene = set_scene(marked, traced, ran, X, Y)
        if walk is not None and marked.roots:
            search_slip(marked.roots[0], marked, marked.scene, network)
            if not inside(marked):
                in_turns(marked, walk, set_scene(replace(marked, terms=[]), traced, ran, X, Y))
                marked.scene = set_scene(marked, traced, ran, X, Y)
        explain(marked)
        if not marked.roots:  # all that seemed a root cause was right but for an epsilon
            for term in marked.terms:
                term.verdict = "root cause" if term.wrong else term.verdict
            explain(marked)
    return marked


def best_network(traced: Traced, returned: dict[str, Any]) -> Network:
    """The graph, without the small number that forward adds inside a log if the gradients fit no worse so."""
    network = Network(traced)
    before = [(node, node.data, x) for node, x in network.epsilons()]
    if not before:
        return network
    for node, _, x in before:
        node.data = x
    plain = Network(traced)
    if agreeing(plain, returned) >= agreeing(network, returned):
        return plain
    for node, data, _ in before:
        node.data = data
    return network


def agreeing(network: Network, returned: dict[str, Any]) -> int:
    """How many gradients of parameters are right."""
    right = [network.right[x] for x in network.parameters if x in network.right]
    return sum(any(close(g, x, SURE) for x in right) for g in returned.values())


def walked(marked: Marked, ran: Ran) -> Walk | None:
    """The values of a backward that goes wrong, by their numbers."""
    network = marked.network
    outer = [term for term in marked.terms if network is not None and term.node in network.parameters]
    if network is None or ran.failure or not any(term.wrong and term.error > NEARLY for term in outer):
        return None
    returned = [term.given for term in marked.terms if term.node in network.parameters and term.given is not None]
    return Walk(flow(ran.bindings), Targets(network, (float(marked.m), *marked.divisors)), returned)


def inside(marked: Marked) -> bool:
    """Whether the first root cause is a value between the layers, and its slip is known."""
    network, roots = marked.network, marked.roots
    if network is None or not roots or roots[0].node in network.parameters:
        return False
    return not roots[0].hidden or plain(roots[0])


def judge(marked: Marked, terms: list[Judged]) -> None:
    """The verdicts anew, on other terms."""
    network = marked.network
    if network is not None:
        marked.terms = sorted(terms, key=lambda term: depth(term, network))
        shaped = [t for t in marked.terms if t.node is not None and t.value is not None]
        verdicts(marked, {term.node: term.value / term.scale for term in shaped})  # type: ignore[misc,operator]


def in_turns(marked: Marked, walk: Walk, scene: Scene) -> None:
    """The values of the line that is wrong first, in the place of variables that are known by name alone."""
    network = marked.network
    if network is None:
        return
    looped = any(len(family) > 1 for family in walk.families.values())
    known = plain(marked.roots[0]) or (bool(marked.roots[0].readings) and not looped)
    found = first_wrong(walk, marked, network, scene)
    if not found and walk.told:  # what else is wrong, in a variable, is so by its name alone
        judge(marked, [term for term in marked.terms if not (term.hidden and term.verdict == "root cause")])
    if found and (plain(found[0]) or not known or alike(found[0], marked.roots[0])):
        kept = [term for term in marked.terms if not term.hidden]
        for term in kept:
            term.readings = []
        nodes = {term.node for term in kept}
        judge(marked, [*kept, *(term for term in found if term.node not in nodes)])
    placed = [root for root in marked.roots if any(root is term for term in found or ())]
    for term in [x for x in marked.roots if x.node in network.parameters]:
        if placed and term.given is not None and walk.follows(term.given):
            term.verdict = "consequence"
            continue
        of_sum(term, walk, marked, network, scene, known=plain(term))


def alike(term: Judged, other: Judged) -> bool:
    """Whether two terms may have the same slip."""
    return bool({reading.id for reading in term.readings} & {reading.id for reading in other.readings[:1]})


def plain(term: Judged) -> bool:
    """Whether a slip is known that is not far-fetched; a variable that is only called after something else is none."""
    known = bool(term.readings) and term.readings[0].price < PLAIN
    return known and not (term.hidden and not term.turn and term.readings[0].id in ("D7", "D9"))


def decide(marked: Marked, ran: Ran, returned: dict[str, Any], names: dict[str, str] | None) -> None:
    """Find the convention, then the verdicts."""
    network, m = marked.network, marked.m
    if network is None:
        return
    shaped = [term for term in marked.terms if term.node is not None and term.value is not None]
    inner = [term for term in shaped if term.node not in network.parameters]
    outer = [term for term in marked.terms if term.node in network.parameters]
    ratios = {id(term): proportional(term.value, term.right) for term in inner}  # type: ignore[arg-type]
    right = {id(term): term.value is not None and distance(term.value, term.right) < NEARLY for term in outer}  # type: ignore[arg-type]
    if outer and all(right.values()) and all(ratios.values()) and len(inner) == len(marked.terms) - len(outer):
        unusual = [r for r in ratios.values() if min(abs(r - 1), abs(r / m - 1)) > NEARLY]
        if not unusual or max(abs(r / unusual[0] - 1) for r in unusual) < NEARLY:
            for term in (*inner, *outer):
                term.scale = ratios.get(id(term), 1.0)
            verdicts(marked, {term.node: term.value / term.scale for term in shaped})  # type: ignore[misc,operator]
            marked.scale = ratios[id(inner[0])] if inner else 1.0
            return
    if outer and not all(right.values()) and not ran.failure:
        marked.terms.extend(variables(marked, ran, returned, names))
        marked.terms.sort(key=lambda term: depth(term, network))
        inner = [
            t for t in marked.terms if t.node is not None and t.value is not None and t.node not in network.parameters
        ]
        ratios = {id(term): proportional(term.value, term.right) for term in inner}  # type: ignore[arg-type]
    first = ratios[id(inner[0])] if inner else 1.0
    counts = [] if 1.0 in marked.divisors else [*dict.fromkeys((float(m), *marked.divisors))]
    fitting = [s for s in (*counts, 1.0) if first and abs(first / s - 1) < NEARLY]
    turned = any(term.value is not None and proportional(term.value, term.right) < 0 for term in outer)  # type: ignore[arg-type]
    upward = [-s for s in (*counts, 1.0) if first < 0 and not turned]  # Y - A, for W += ..., and -dW handed in
    choices = counts if fitting and fitting[0] in counts else fitting or [*counts, 1.0, *upward]
    best: tuple[int, int, float] | None = None
    for scale in choices:
        scales(marked, inner, ratios, right, scale)
        said = [term.verdict for term in marked.terms]
        count = said.count("root cause"), -sum(verdict.startswith("right") for verdict in said)
        if best is None or count < best[:2]:
            best = (*count, scale)
    if best is not None:
        marked.scale = best[2]
        scales(marked, inner, ratios, right, best[2])
        without_consequence(marked, ran, inner, ratios, right)


def without_consequence(
    marked: Marked, ran: Ran, inner: list[Judged], ratios: dict[int, float], right: dict[int, bool]
) -> None:
    """Leave out a variable that seems wrong if nothing wrong follows from it: its name means something else.

    Where a parameter is used several times, no one value explains its gradient, and nothing can be told.
    """
    network = marked.network
    if network is None or ran.failure:
        return
    shared = [t.node for t in marked.roots if t.node in network.parameters and len(network.next_named(t.node)) > 1]
    kept = {x for w in shared for x in network.later(w)}
    for node in dict.fromkeys(term.node for term in marked.roots if term.hidden and term.node not in kept):
        before, count = marked.terms, len({root.node for root in marked.roots})
        marked.terms = [term for term in before if term.node is not node]
        scales(marked, [term for term in inner if term.node is not node], ratios, right, marked.scale)
        if len({root.node for root in marked.roots}) < count:
            inner = [term for term in inner if term.node is not node]
        else:
            marked.terms = before
            scales(marked, inner, ratios, right, marked.scale)


def variables(marked: Marked, ran: Ran, returned: dict[str, Any], names: dict[str, str] | None) -> list[Judged]:
    """Gradients that backward had in a variable and did not return: they tell where a slip came in."""
    network = marked.network
    if network is None:
        return []
    held = collect([x for x in reached(ran, network) if x.key not in returned], network, names)
    taken = {term.node for term in marked.terms}
    found = []
    for term in held:
        below_its_name(term, network, taken | {other.node for other in held})
        inside = term.node is not None and term.node not in network.parameters and term.node not in taken
        if inside and term.value is not None and np.isfinite(term.value).all():
            found.append(term)
    if any(term.node not in network.parameters for term in marked.terms if term.node is not None):
        return found
    more = unnamed(marked, ran, {term.node for term in found if term.node is not None})
    used = [x.value for x in more if x.value is not None]  # as dZ, whatever they are called
    return [x for x in found if fitting(x) or not any(equal(x.value, value) for value in used)] + more


def fitting(term: Judged) -> bool:
    """Whether a value is the right one, or a multiple of it."""
    return term.value is not None and term.right is not None and bool(proportional(term.value, term.right))


def below_its_name(term: Judged, network: Network, taken: set[Node | None]) -> None:
    """A variable that is called after the output and holds the gradient by what the output was made of."""
    if term.node is None or term.value is None or fitting(term):
        return
    for z in network.same_layer(term.node) - taken:
        if z in network.name_of and z.data.shape == term.expected and proportional(term.value, network.right[z]):
            term.node, term.name, term.right = z, network.name_of[z], np.asarray(network.right[z])


def unnamed(marked: Marked, ran: Ran, taken: set[Node]) -> list[Judged]:
    """Variables whose names say nothing, but from which the person's dW was made as dW is made from dZ."""
    network = marked.network
    found: dict[Node, Judged] = {}
    for term in marked.terms:
        if network is None or term.node not in network.parameters or term.value is None or term.node is None:
            continue
        following = [x for x in network.next_named(term.node) if x not in found and x not in taken]
        decay = network.right[term.node] - network.main({}).get(term.node, network.right[term.node])
        for z in [x for x in following[:1] if x.data.size > 1 and not network.is_bias(term.node)]:
            for binding in ran.bindings:
                g = binding.value
                if isinstance(g, np.ndarray) and g.shape == z.data.shape and g.dtype.kind == "f":
                    made = network.carry(start={z: g}).get(term.node)
                    if made is not None and proportional(term.value - decay, np.asarray(made)):
                        name = network.name_of[z]
                        key = f"{binding.name} ({name})"
                        found[z] = Judged(key, name, z, g, g, expected=g.shape, hidden=True, line=binding.line)
                        found[z].right = network.right[z]
    return list(found.values())


def scales(marked: Marked, inner: list[Judged], ratios: dict[int, float], right: dict[int, bool], start: float) -> None:
    """Give every dZ and dA its scale, that of the one above unless its own layer comes out right; then judge."""
    network = marked.network
    if network is None:
        return
    of_node: dict[Node, float] = {}
    fed: dict[Node, list[bool]] = {}
    for term in marked.terms:
        if id(term) in right and term.node is not None:
            for node in network.later(term.node):
                fed.setdefault(node, []).append(right[id(term)])
    for term in inner:
        ratio = ratios[id(term)]
        if term.node is None:
            continue
        node = term.node
        above = [of_node[x] for x in network.later(node, set(of_node)) if x in of_node]
        term.scale = above[-1] if above else start
        allowed = ratio and any(abs(abs(ratio) / s - 1) < NEARLY for s in (1.0, float(marked.m), *marked.divisors))
        if allowed and any(fed.get(node, ())):
            term.scale = ratio
        of_node[node] = term.scale
    shaped = [t for t in marked.terms if t.node is not None and t.value is not None]
    verdicts(marked, {term.node: term.value / term.scale for term in shaped})  # type: ignore[misc,operator]


def verdicts(marked: Marked, given: dict[Node, np.ndarray]) -> None:
    """Global and local: right, consequence or root cause."""
    network = marked.network
    if network is None:
        return
    finite = {node: g for node, g in given.items() if np.isfinite(g).all()}
    arrives = network.carry(finite)
    misshapen = {t.node for t in marked.terms if t.node is not None and t.node not in finite}
    for term in marked.terms:
        if term.node is None or term.right is None or term.given is None:
            continue
        spoiled = any(x in misshapen for x in network.later(term.node) if x in network.name_of)
        if term.node not in finite or term.value is None:
            term.error = float("inf")
            term.verdict = "consequence" if spoiled else "root cause"
            continue
        value = finite[term.node]
        term.error = distance(value, term.right)
        if term.error < SURE:
            term.verdict = "right" if abs(term.scale - 1) < NEARLY else "right by convention"
            continue
        local = distance(value, np.asarray(arrives.get(term.node, np.zeros(value.shape))))
        term.verdict = "consequence" if local < max(SURE, 1e-3 * term.error) or spoiled else "root cause"
        if term.error < NEARLY and term.verdict == "consequence":
            term.verdict = "right"
