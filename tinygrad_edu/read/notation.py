"""How each op is written on paper, with its local derivatives.

    NOTATION[ops.tanh]      "tanh {a}", "⊙ (1 − {y}²)"

First the value, then for each input the factor that the gradient is multiplied by on its way back.
{a} {b} {c} are the inputs, {y} the output; ⊙ and ⊘ multiply and divide entry by entry, · and juxtaposition
are products of matrices. A factor that names g itself stands for the whole product (gᵀ {a}).
"""

from __future__ import annotations

import re

from tinygrad_edu import ops
from tinygrad_edu.graph import GraphNode

__all__ = ["NOTATION", "expression", "factor", "product"]

NOTATION: dict[ops.Op, tuple[str, ...]] = {
    ops.add: ("{a} + {b}", "· 1", "· 1"),
    ops.subtract: ("{a} − {b}", "· 1", "· (−1)"),
    ops.multiply: ("{a} ⊙ {b}", "⊙ {b}", "⊙ {a}"),
    ops.divide: ("{a} ⊘ {b}", "⊘ {b}", "⊙ (−{y}) ⊘ {b}"),
    ops.negative: ("−{a}", "· (−1)"),
    ops.power: ("{a}^{b}", "⊙ {b} {a}^({b} − 1)", "⊙ {y} log {a}"),
    ops.square: ("{a}²", "⊙ 2{a}"),
    ops.sqrt: ("√{a}", "⊘ 2{y}"),
    ops.exp: ("exp {a}", "⊙ {y}"),
    ops.expm1: ("exp {a} − 1", "⊙ ({y} + 1)"),
    ops.log: ("log {a}", "⊘ {a}"),
    ops.log1p: ("log(1 + {a})", "⊘ (1 + {a})"),
    ops.tanh: ("tanh {a}", "⊙ (1 − {y}²)"),
    ops.sin: ("sin {a}", "⊙ cos {a}"),
    ops.cos: ("cos {a}", "⊙ (−sin {a})"),
    ops.abs: ("|{a}|", "⊙ sign {a}"),
    ops.sign: ("sign {a}", "· 0"),
    ops.maximum: ("max({a}, {b})", "⊙ [{a} > {b}]", "⊙ [{b} > {a}]"),
    ops.minimum: ("min({a}, {b})", "⊙ [{a} < {b}]", "⊙ [{b} < {a}]"),
    ops.where: ("where({a}, {b}, {c})", "", "⊙ [{a}]", "⊙ [not {a}]"),
    ops.clip: ("clip {a}", "⊙ [within]", "⊙ [below]", "⊙ [above]"),
    ops.sum: ("Σ {a}", "to each entry"),
    ops.mean: ("mean {a}", "· 1/{n} to each entry"),
    ops.max: ("max {a}", "to the largest"),
    ops.min: ("min {a}", "to the smallest"),
    ops.var: ("var {a}", "⊙ 2({a} − mean) / {n}"),
    ops.std: ("std {a}", "⊙ ({a} − mean) / ({n} {y})"),
    ops.reshape: ("reshape {a}", "reshaped back"),
    ops.ravel: ("ravel {a}", "reshaped back"),
    ops.expand_dims: ("expand {a}", "reshaped back"),
    ops.squeeze: ("squeeze {a}", "reshaped back"),
    ops.transpose: ("{a}ᵀ", "gᵀ"),
    ops.swapaxes: ("swapaxes {a}", "swapped back"),
    ops.moveaxis: ("moveaxis {a}", "moved back"),
    ops.broadcast_to: ("stretch {a}", "summed back"),
    ops.astype: ("cast {a}", "cast back"),
    ops.index: ("{a}[…]", "put back in its place"),
    ops.scatter: ("scatter {a}", "g[…]"),
    ops.concatenate: ("join({a}, …)", "its own part of g"),
    ops.stack: ("stack({a}, …)", "its own part of g"),
    ops.matmul: ("{a} {b}", "· {b}ᵀ", "{a}ᵀ g"),
    ops.dot: ("{a} {b}", "· {b}ᵀ", "{a}ᵀ g"),
    ops.linear: ("{a} {b}ᵀ + {c}", "· {b}", "gᵀ {a}", "summed over the examples"),
    ops.sigmoid: ("σ({a})", "⊙ {y}(1 − {y})"),
    ops.relu: ("relu {a}", "⊙ [{a} > 0]"),
    ops.leaky_relu: ("leaky relu {a}", "⊙ (1 or slope)"),
    ops.softplus: ("log(1 + exp {a})", "⊙ σ({a})"),
    ops.logsumexp: ("log Σ exp {a}", "⊙ softmax {a}"),
    ops.softmax: ("softmax {a}", "{y} ⊙ (g − Σ g ⊙ {y})"),
    ops.log_softmax: ("log softmax {a}", "g − softmax({a}) Σ g"),
    ops.xlogy: ("{a} ⊙ log {b}", "⊙ log {b}", "⊙ {a} ⊘ {b}"),
    ops.bce_with_logits: ("cross-entropy(σ({a}), {b})", "· (σ({a}) − {b}) / {n}", "· (−{a}) / {n}"),
    ops.cross_entropy: (
        "cross-entropy(softmax {a}, {b})",
        "· (softmax {a} − onehot {b}) / {m}",
        "· (−log softmax {a}) / {m}",
    ),
}


def expression(node: GraphNode) -> str:
    """What a node is made of, in the names of its inputs: tanh Z1, X W1ᵀ + b1."""
    if node.op is None:
        return node.name
    if node.op not in NOTATION:
        return f"{node.op.name}({', '.join(written(x) for x in node.inputs if x is not None)})"
    template = NOTATION[node.op][0]
    if node.op is ops.linear and node.inputs[2] is None:
        template = "{a} {b}ᵀ"
    return fill(template, node)


def factor(node: GraphNode, position: int) -> str:
    """What the gradient at a node is multiplied by on its way to one of its inputs: ⊙ (1 − A1²)."""
    if node.op not in NOTATION:
        return f"∂{node.name}/∂{written(node.inputs[position])}"
    slopes = NOTATION[node.op][1:]
    return fill(slopes[min(position, len(slopes) - 1)], node)


def product(node: GraphNode, position: int) -> str:
    """The gradient that reaches an input of a node, in terms of g, the gradient at the node."""
    text = factor(node, position)
    if re.search(r"\bg\b|gᵀ", text):
        return text
    return f"g {text}" if text[:1] in "·⊙⊘∂" else f"g, {text}"


def fill(template: str, node: GraphNode) -> str:
    """A template with the names of a node and its inputs put in."""
    texts = {letter: written(x) for letter, x in zip("abc", node.inputs, strict=False)}
    first = node.inputs[0]
    if isinstance(first, GraphNode):
        entries = first.data.size // (node.data.size or 1)
        texts |= {"n": str(entries), "m": str(len(first.data)) if first.data.ndim else "1"}
    text = template.format(**{"b": "", "c": "", "n": "n", "m": "m"} | texts, y=node.name)
    return re.sub(r"\b(log|exp|tanh|sin|cos|sign|relu|softmax|onehot) \(", r"\1(", text)


def written(x: GraphNode | float | None) -> str:
    """A name, a number, or for an op without a name what it is made of, in brackets where they are needed."""
    if x is None:
        return "none"
    if not isinstance(x, GraphNode):
        return f"{x:g}".replace("-", "−") if x >= 0 else f"(−{-x:g})"
    if x.named or x.op is None:
        return x.name
    inner = [y for y in x.inputs if y is not None]
    if any(isinstance(y, GraphNode) and not y.named and y.op is not None for y in inner):
        return x.name  # an expression in an expression would not be read
    text = expression(x)
    return f"({text})" if " " in text else text
