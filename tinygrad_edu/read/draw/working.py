"""The chain rule on paper: every step of a forward and a backward pass, with the sum that is done in it.

    for step in working(Graph(J)):
        print(step.formula)             # Z1 = X W1ᵀ + b1 ... ∂J/∂W1 = gᵀ X

Forward there is a step for each op. Backward there is one for each link, in the order in which the chain rule passes
them, one where an input that was stretched by broadcasting is summed back, and one where branches meet.
The numbers come from the rules in `ops`, called as the chain rule calls them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, fit
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.notation import NOTATION, expression, factor, product

__all__ = ["Step", "working"]

ENTRYWISE = {
    *(ops.add, ops.subtract, ops.multiply, ops.divide, ops.negative, ops.power, ops.square, ops.sqrt, ops.exp),
    *(ops.expm1, ops.log, ops.log1p, ops.tanh, ops.sin, ops.cos, ops.abs, ops.maximum, ops.minimum, ops.sigmoid),
    *(ops.relu, ops.softplus, ops.xlogy),
}
BETWEEN = {ops.add: "+", ops.subtract: "−", ops.multiply: "⊙", ops.divide: "⊘", ops.xlogy: "⊙ log"}
SHOWN = 4  # inputs of an op that takes any number

WORDS = {
    ops.add: "A sum hands the gradient on as it is.",
    ops.subtract: "A difference hands the gradient on as it is, with a minus to what was taken away.",
    ops.multiply: "Each factor receives the gradient times the other factor.",
    ops.sum: "Every entry went into the sum once: each receives the whole gradient.",
    ops.mean: "Every entry went into the mean with the same share: each receives that share of the gradient.",
    ops.relu: "The gradient passes where the input is positive, and stops elsewhere.",
    ops.max: "Only the largest entry matters: it receives the gradient.",
    ops.min: "Only the smallest entry matters: it receives the gradient.",
    ops.index: "What was taken out goes back to its place; all other entries receive 0.",
    ops.softmax: "Each output depends on all inputs of its row: a term of its own, and one from the whole row.",
}


@dataclass(eq=False)
class Step:
    """One step: what is computed, and from what.

    kind      "op", "seed", "link", "stretched" (summed back), "meet" (branches add up) or "end"
    node      the node whose value or gradient it finds
    link      for a link: the node it comes from, and the position of `node` among its inputs
    formula   what is computed, with names;  `say` the same in a sentence
    terms     the arrays by their label, with the signs between them
    entry     how one entry is computed: a text and the arrays to put in, or the two factors of a product of matrices
    gradient  the gradient at the node after this step
    """

    kind: str
    node: GraphNode
    formula: str
    say: str
    terms: list[tuple[str, np.ndarray] | str]
    entry: dict[str, Any] = field(default_factory=dict)
    link: tuple[GraphNode, int] | None = None
    gradient: np.ndarray | None = None
    note: str = ""


def working(graph: Graph) -> Iterator[Step]:
    """The steps of both passes over a graph with one output; if that is no scalar, the sum of its entries counts.

    Raises:  ValueError from a rule of one's own that returns a wrong shape
    """
    made = [node for node in graph.nodes if node.op]
    with np.errstate(all="ignore"):
        for node in made:
            yield forward(node)
        J = graph.outputs[0]
        gradients = {J: np.ones(J.shape, J.data.dtype)}
        yield start(J, gradients[J])
        newest_first = sorted(made, key=lambda node: node.value.created, reverse=True)
        for node in newest_first:
            for position, x in enumerate(node.inputs):
                if isinstance(x, GraphNode) and isinstance(x.value, Node) and x.value.requires_grad:
                    yield from backward(graph, node, position, x, gradients)
        found = [(f"∂{J.name}/∂{x.name}", gradients[x]) for x in graph.nodes if x.kind == "parameter"]
        say = "Every parameter has its gradient: a small step against it makes the output smaller."
        yield Step("end", J, "", say, [*found])


def array(x: Any) -> np.ndarray:
    return x.data if isinstance(x, GraphNode) else np.asarray(x)


def listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


# Forward


def forward(node: GraphNode) -> Step:
    """The value of a node from its inputs."""
    inputs = [x for x in node.inputs if x is not None][:SHOWN]
    names = [x.name if isinstance(x, GraphNode) else f"{x:g}".replace("-", "−") for x in inputs]
    result = (node.name, node.data)
    say = f"{node.name} is computed from {listed(names)} by {node.op.name if node.op else ''}."
    step = Step("op", node, f"{node.name} = {expression(node)}", say, [])
    if factors := matrices(node):
        (left, right), added = factors, [x for x in inputs[2:] if isinstance(x, GraphNode)]
        step.terms = [left, "·", right, *(part for x in added for part in ("+", (x.name, x.data))), "=", result]
        step.entry = {"rows": left[1], "columns": right[1], "y": node.data} | ({"plus": added[0].data} if added else {})
        return step
    sign = BETWEEN.get(node.op, ",") if node.op else ","
    for name, x in zip(names, inputs, strict=True):
        step.terms += [sign] if step.terms else []
        step.terms.append((name, array(x)))
    step.terms += ["=" if sign != "," else "→", result]
    if node.op in ENTRYWISE:
        step.entry = {"text": for_numbers(NOTATION[node.op][0]) + " = {y}", **letters(node), "y": node.data}
    return step


def letters(node: GraphNode) -> dict[str, np.ndarray]:
    """The inputs by the letters they have in the notation."""
    return {letter: array(x) for letter, x in zip("abc", node.inputs, strict=False) if x is not None}


def matrices(node: GraphNode, position: int | None = None) -> list[tuple[str, np.ndarray]]:
    """The two factors, if a value (or the gradient of the input at `position`) is a product of two matrices."""
    if node.op not in (ops.linear, ops.matmul, ops.dot):
        return []
    a, b = node.inputs[:2]
    if not (isinstance(a, GraphNode) and isinstance(b, GraphNode) and a.data.ndim == b.data.ndim == 2):
        return []
    turned = node.op is ops.linear
    if position is None:
        return [(a.name, a.data), (f"{b.name}ᵀ", b.data.T) if turned else (b.name, b.data)]
    other = a if position else b
    return [(other.name, other.data) if turned else (f"{other.name}ᵀ", other.data.T)]


def for_numbers(template: str) -> str:
    """A notation with room for numbers: no two of them side by side, and the signs of single numbers."""
    for old, new in (
        ("⊘ 2{y}", "/ (2 · {y})"),
        ("} {", "} · {"),
        ("} log", "} · log"),
        ("}(", "} · ("),
        ("2{", "2 · {"),
        ("⊙", "·"),
        ("⊘", "/"),
    ):
        template = template.replace(old, new)
    return template


# Backward


def start(J: GraphNode, g: np.ndarray) -> Step:
    formula = f"∂{J.name}/∂{J.name} = 1"
    say = f"The way back starts at {J.name}: its derivative by itself is 1."
    if J.data.size != 1:
        say = f"{J.name} has {J.data.size} entries: what is differentiated here is their sum, and each counts once."
    return Step("seed", J, formula, say, [(f"∂{J.name}/∂{J.name}", g)], gradient=g)


def backward(
    graph: Graph, node: GraphNode, position: int, x: GraphNode, gradients: dict[GraphNode, np.ndarray]
) -> Iterator[Step]:
    """The steps on one link: the product, the sum over what was stretched, the sum with what came on other links."""
    J, op, g = graph.outputs[0].name, node.op, gradients[node]
    if op is None:
        return
    values = [y.data if isinstance(y, GraphNode) else y for y in node.inputs]
    rule = op.rules_for(values, node.params)[position]
    raw = np.asarray(rule(g, node.data, *values, **node.params))
    gx = np.asarray(fit(raw, x.data, node.value))
    whole = f"∂{J}/∂{x.name}"
    part = f"{whole} through {node.name}" if len(x.uses) > 1 else whole
    before = gradients.get(x)
    gradients[x] = gx if before is None else before + gx
    stretched = raw.shape != gx.shape
    step = Step("link", x, f"{part} = {product(node, position)}", "", [], link=(node, position))
    step.terms, step.entry, step.say = multiplied(node, position, f"∂{J}/∂{node.name}", g, raw, rule, values)
    step.terms.append((f"{part}, stretched" if stretched else part, raw))
    step.gradient = before if stretched or before is not None else gx
    step.note = cancels(graph, node, raw)
    yield step
    if stretched:
        was, now = (" × ".join(map(str, shape)) or "one number" for shape in (x.shape, raw.shape))
        say = (
            f"{x.name} ({was}) was stretched to {now}: each entry was used {raw.size // (gx.size or 1)} times, and its "
            "gradient is the sum over those uses."
        )
        terms: list[Any] = [("stretched", raw), "Σ", (part, gx)]
        gradient = gx if before is None else before
        rows = raw.ndim == 2 and gx.shape in (raw.shape[1:], (1, raw.shape[1]))
        entry: dict[str, Any] = {"sums": raw, "y": gx} if rows else {}
        yield Step("stretched", x, f"{part} = Σ over its uses", say, terms, entry, (node, position), gradient)
    if before is not None:
        say = f"Branches meet at {x.name}: a change of it reaches {J} on each way, and small changes add up."
        terms = [("so far", before), "+", (f"through {node.name}", gx), "=", (whole, gradients[x])]
        entry = {"text": "{a} + {b} = {y}", "a": before, "b": gx, "y": gradients[x]}
        yield Step("meet", x, f"{whole} = sum over its uses", say, terms, entry, (node, position), gradients[x])


def multiplied(
    node: GraphNode, position: int, name: str, g: np.ndarray, raw: np.ndarray, rule: Any, values: list[Any]
) -> tuple[list[Any], dict[str, Any], str]:
    """The terms of g times the local derivative, how an entry comes about, and a sentence."""
    op: Any = node.op
    text = factor(node, position)
    incoming = (f"g = {name}", g)
    if op is ops.linear and position == 2 and g.ndim == 2:
        say = "The bias was added to every example: its gradient is the sum over the examples, column by column."
        return [incoming, "Σ"], {"sums": g, "y": raw}, say
    if factors := matrices(node, position):
        say = f"The gradient at {node.name} is multiplied by the other factor of the product."
        turned = (f"gᵀ = ({name})ᵀ", g.T)
        pair = [incoming, *factors] if position == 0 else [turned if op is ops.linear else factors[0]]
        pair += [] if position == 0 else [factors[0] if op is ops.linear else incoming]
        return [pair[0], "·", pair[1], "="], {"rows": pair[0][1], "columns": pair[1][1], "y": raw}, say
    say = WORDS.get(op, f"The gradient at {node.name} is multiplied by the local derivative of {op.name}.")
    local = entrywise(g, node, rule, values, raw)
    if local is None or text[:1] not in "⊙⊘·∂t":
        say = WORDS.get(op, f"The gradient at {node.name} passes {op.name}: {text}.")
        beside = [",", (node.name, node.data)] if op in (ops.softmax, ops.log_softmax) else []
        return [incoming, *beside, "→"], {}, say
    label = {"⊘": f"1 ⊘ {text[2:]}", "⊙": text[2:], "·": text[2:], "t": f"1 {text}"}.get(text[0], text)
    entry = {"g": g, "d": local, "y": raw, "text": "{g} · {d} = {y}"}
    template = NOTATION[op][1:][position] if op in ENTRYWISE and op in NOTATION else ""
    if "{" in template and op not in (ops.maximum, ops.minimum):
        entry |= letters(node) | {"o": node.data}
        numbers = for_numbers(template).replace("{y}", "{o}")
        middle = "" if numbers.removeprefix("· ") in ("{a}", "{b}", "{o}") else " = {g} · {d}"
        entry["text"] = f"{{g}} {numbers}{middle} = {{y}}"
    return [incoming, "⊙" if g.ndim else "·", (label, local), "="], entry, say


def entrywise(g: np.ndarray, node: GraphNode, rule: Any, values: list[Any], raw: np.ndarray) -> np.ndarray | None:
    """The local derivative, if the rule multiplies each entry of g by a number of its own; tried out on random g."""
    y, params = node.data, node.params
    probe = np.random.default_rng(0).uniform(1, 2, g.shape).astype(g.dtype)
    local = np.array(rule(np.ones_like(g), y, *values, **params))
    try:
        if np.broadcast_shapes(local.shape, g.shape) != raw.shape:
            return None
    except ValueError:
        return None
    same = np.allclose(probe * local, rule(probe, y, *values, **params), rtol=1e-5, atol=1e-12, equal_nan=True)
    return local if same else None


def cancels(graph: Graph, node: GraphNode, gx: np.ndarray) -> str:
    """What is left over where the slope of the last activation cancels against that of the loss: (A − Y)/m."""
    if node.op not in (ops.sigmoid, ops.softmax, ops.log_softmax) or not gx.size:
        return ""
    A = np.exp(node.data) if node.op is ops.log_softmax else node.data
    name = f"softmax {node.parents[0].name}" if node.op is ops.log_softmax else node.name
    link = f"{name}(1 − {name})" if node.op is ops.sigmoid else "derivative of the softmax"
    for target, Y in targets(graph, A):
        for m in (len(A) if A.ndim else 1, A.size, A.shape[-1] if A.ndim else 1, 1):
            if np.allclose(gx * m, A - Y, rtol=0, atol=1e-10) and np.any(gx):
                left = f"({name} − {target})/{m}" if m != 1 else f"{name} − {target}"
                return f"The {link} cancels: what remains is {left}"
    return ""


def targets(graph: Graph, A: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What the output of the last layer may have been compared with: arrays of its shape, or class numbers."""
    for node in graph.nodes:
        if node.kind == "input":
            if node.shape == A.shape:
                yield node.name, node.data
            elif node.data.dtype.kind in "iu" and node.shape == A.shape[:1] and A.ndim == 2:
                yield f"onehot {node.name}", one_hot(node.data, A.shape[1])
        key = node.params.get("key")
        if isinstance(key, tuple) and len(key) == 2 and A.ndim == 2:
            rows, labels = (np.asarray(part) for part in key)
            if rows.dtype.kind == labels.dtype.kind == "i" and rows.shape == labels.shape == A.shape[:1]:
                yield "onehot labels", one_hot(labels, A.shape[1])


def one_hot(labels: np.ndarray, k: int) -> np.ndarray:
    result: np.ndarray = (labels[:, None] == np.arange(k)).astype(float)
    return result
