"""How each op is written on paper, with its local derivatives.

    NOTATION[ops.tanh]      "tanh {a}", "⊙ (1 − {y}²)"

First the value, then for each input the factor that the gradient is multiplied by on its way back.
{a} {b} {c} are the inputs, {y} the output; ⊙ and ⊘ multiply and divide entry by entry, · and juxtaposition
are products of matrices. A factor that names g itself stands for the whole product (gᵀ {a}). Between single numbers,
and by a single number, ⊙ and ⊘ are written · and /. A value without a name is written as what it is made of, as far as
that is short.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tinygrad_edu import ops
from tinygrad_edu.graph import GraphNode

LONGEST_NAME, LONGEST_PART, DEEPEST = 40, 48, 6
FUNCTIONS = (
    "log|exp|tanh|sinh|cosh|artanh|arsinh|arcosh|sin|cos|tan|arcsin|arccos|arctan|sign|relu|softmax|onehot|mean|var|std|"
    "max|min|clip|Σ|Π|√"
)
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

#: How close expressions hold together, from `binding`.
OTHER, NEGATIVE, SUM, MATRICES, PRODUCT, WORD = range(6)
#: How close the operands of an expression must hold together to stand without brackets; as a word if nothing is said.
TIGHT: dict[ops.Op | None, dict[str, int]] = {
    ops.add: {"a": SUM, "b": SUM},
    ops.subtract: {"a": SUM, "b": MATRICES},
    ops.multiply: {"a": PRODUCT, "b": PRODUCT},
    ops.divide: {"a": PRODUCT, "b": WORD},
    ops.negative: {"a": MATRICES},
}
SUMS = (ops.add, ops.subtract, ops.linear, ops.expm1)
PRODUCTS = (ops.multiply, ops.divide, ops.reciprocal, ops.xlogy)


Operand = GraphNode | float | None


class TooLong(Exception):
    """An expression that would not be read."""


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
    ops.reciprocal: ("1 ⊘ {a}", "⊙ (−{y}²)"),
    ops.hypot: ("√({a}² + {b}²)", "⊙ {a} ⊘ {y}", "⊙ {b} ⊘ {y}"),
    ops.exp: ("exp {a}", "⊙ {y}"),
    ops.expm1: ("exp {a} − 1", "⊙ exp {a}"),
    ops.log: ("log {a}", "⊘ {a}"),
    ops.log1p: ("log(1 + {a})", "⊘ (1 + {a})"),
    ops.tanh: ("tanh {a}", "⊙ (1 − {y}²)"),
    ops.sin: ("sin {a}", "⊙ cos {a}"),
    ops.cos: ("cos {a}", "⊙ (−sin {a})"),
    ops.tan: ("tan {a}", "⊙ (1 + {y}²)"),
    ops.arcsin: ("arcsin {a}", "⊘ √(1 − {a}²)"),
    ops.arccos: ("arccos {a}", "⊘ (−√(1 − {a}²))"),
    ops.arctan: ("arctan {a}", "⊘ (1 + {a}²)"),
    ops.sinh: ("sinh {a}", "⊙ cosh {a}"),
    ops.cosh: ("cosh {a}", "⊙ sinh {a}"),
    ops.arcsinh: ("arsinh {a}", "⊘ √({a}² + 1)"),
    ops.arccosh: ("arcosh {a}", "⊘ √({a}² − 1)"),
    ops.arctanh: ("artanh {a}", "⊘ (1 − {a}²)"),
    ops.logaddexp: ("log(exp {a} + exp {b})", "⊙ exp({a} − {y})", "⊙ exp({b} − {y})"),
    ops.abs: ("|{a}|", "⊙ sign {a}"),
    ops.sign: ("sign {a}", "· 0"),
    ops.maximum: ("max({a}, {b})", "⊙ [{a} > {b}]", "⊙ [{b} > {a}]"),
    ops.minimum: ("min({a}, {b})", "⊙ [{a} < {b}]", "⊙ [{b} < {a}]"),
    ops.where: ("where({a}, {b}, {c})", "", "⊙ [{a}]", "⊙ [not {a}]"),
    ops.clip: ("clip {a}", "⊙ [within]", "⊙ [below]", "⊙ [above]"),
    ops.sum: ("Σ {a}", "to each entry"),
    ops.prod: ("Π {a}", "⊙ {y} ⊘ {a}"),
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
    return spelled(node, DEEPEST)


def spelled(node: GraphNode, depth: int, part: bool = False) -> str:
    """What a node is made of; `depth` bounds how far values without a name are spelled out in it.

    Those that would get too long are called by their names; in a part of something else that is an error.
    """
    if node.op is None:
        return short(node.name)
    if node.op not in NOTATION:
        return f"{node.op.name}({', '.join(written(x, 0) for x in node.inputs[:8] if x is not None)})"
    template = NOTATION[node.op][0]
    if node.op is ops.linear and node.inputs[2] is None:
        template = "{a} {b}ᵀ"
    if node.op is ops.power and isinstance(node.inputs[1], float):
        template = "{a}" + (exponent(node.inputs[1]) or "¹")
    if turns_matrices(node):
        template = "{a}ᵀ"
    if node.op is ops.index and node.key and "{" not in node.key:
        template = f"{{a}}[{short(node.key)}]"
    if any(is_number(x) for x in node.inputs[:2]):
        template = template.replace("⊙", "·").replace("⊘", "/")
    put = operand if part else written
    tight = TIGHT.get(node.op, {})

    def text_of(x: Operand, letter: str) -> str:
        close = OTHER if is_enclosed(template, letter) else tight.get(letter, WORD)
        return put(x, depth, close, letter == "a" and len(tight) == 2)

    return fill(template, node, text_of)


def factor(node: GraphNode, position: int) -> str:
    """What the gradient at a node is multiplied by on its way to one of its inputs: ⊙ (1 − A1²)."""
    if node.op not in NOTATION:
        return f"∂{short(node.name)}/∂{written(node.inputs[position])}"
    slopes = NOTATION[node.op][1:]
    template = slopes[min(position, len(slopes) - 1)]
    b = node.inputs[1] if len(node.inputs) > 1 else None
    if node.op is ops.power and position == 0 and isinstance(b, float):
        template = "⊙ {b} {a}" + exponent(b - 1) if b != 1 else "· 1"
    if node.op is ops.cross_entropy and isinstance(b, GraphNode) and b.data.ndim == 2:
        template = template.replace("onehot ", "")
    if node.params.get("reduction", "mean") != "mean":
        template = template.replace(" / {n}", "").replace(" / {m}", "")
    if turns_matrices(node):
        template = "gᵀ"
    letters = dict(zip("abc", node.inputs, strict=False)) | {"y": node}
    if all(is_number(letters[letter]) for letter in re.findall(r"{([abcy])}", template)):
        template = template.replace("⊙", "·").replace("⊘", "/")
    return fill(template, node, lambda x, letter: written(x, tight=OTHER if is_enclosed(template, letter) else WORD))


def product(node: GraphNode, position: int) -> str:
    """The gradient that reaches an input of a node, in terms of g, the gradient at the node."""
    text = factor(node, position)
    if re.search(r"\bg\b|gᵀ", text):
        return text
    return f"g {text}" if text[:1] in "·/⊙⊘∂" else f"g, {text}"


def fill(template: str, node: GraphNode, text_of: Callable[[Operand, str], str]) -> str:
    """A template with the names of a node and its inputs put in."""

    def put(found: re.Match[str]) -> str:
        letter = found["letter"]
        text = counts.get(letter) or text_of(letters.get(letter), letter)
        return (found["function"].rstrip() if text.startswith("(") else found["function"]) + text

    letters = dict(zip("abc", node.inputs, strict=False)) | {"y": node}
    counts: dict[str, str] = {}
    first = node.inputs[0]
    if isinstance(first, GraphNode):
        entries = first.data.size // (node.data.size or 1) - node.params.get("ddof", 0)
        counts = {"n": f"{entries:g}", "m": str(len(first.data)) if first.data.ndim else "1"}
    text = re.sub(rf"(?P<function>(?:(?:{FUNCTIONS}) )?){{(?P<letter>[abcynm])}}", put, template)
    text = re.sub(r"(?<![^ (])\((\w+)ᵀ\)ᵀ", r"\1", text)  # transposed twice
    text = re.sub(r"(\w+/\w+(\([^()]*\))?)ᵀ", r"(\1)ᵀ", text)  # all of dJ/dZ is transposed, not Z alone
    return re.sub(r"(?<![^ (])\((\w+ᵀ|\([^()]*\)ᵀ)\)(?![^ )])", r"\1", text)  # Q (Kᵀ) is Q Kᵀ


def written(x: Operand, depth: int = DEEPEST, tight: int = WORD, first: bool = False) -> str:
    """A name, a number, or for an op without a name what it is made of, in brackets where they are needed.

    An operand is in brackets where it binds less than `tight`; the minus of the first one needs none. What would get
    too long is called by its name.
    """
    try:
        return operand(x, depth, tight, first)
    except TooLong:
        return short(x.name) if isinstance(x, GraphNode) else "none"


def operand(x: Operand, depth: int, tight: int, first: bool) -> str:
    if x is None:
        return "none"
    if not isinstance(x, GraphNode):
        return number(x) if x >= 0 or x != x or first else f"({number(x)})"
    if x.named or x.op is None:
        name = short(x.name)
        bare = re.sub(r"d\(.*\)$", "", name)  # dJ/d(1 − A) needs no more brackets
        return f"({name})" if tight > SUM and re.search(r" [-+*/−·⊙⊘] ", bare) else name  # one called 1 − Y
    if depth == 0:
        raise TooLong
    text = spelled(x, depth - 1, part=True)
    if len(text) > LONGEST_PART:
        raise TooLong
    close = binding(x.op, text)
    if first and close == NEGATIVE:
        close = SUM if x.op in SUMS else PRODUCT
    return f"({text})" if close < tight else text


def turns_matrices(node: GraphNode) -> bool:
    """Whether an op exchanges the last two axes."""
    ndim, axes = node.data.ndim, (node.params.get("axis1", 0), node.params.get("axis2", 0))
    return node.op is ops.swapaxes and {a % ndim for a in axes} == {ndim - 1, ndim - 2}


def is_enclosed(template: str, letter: str) -> bool:
    """Whether an input stands alone between brackets, commas or signs of comparison: σ({a}), [{a} > 0]."""
    return bool(re.search(rf"([(\[|]|, |[<>] ){{{letter}}}([)\]|,]| [<>])", template))


def binding(op: ops.Op, text: str) -> int:
    """How close an expression holds together."""
    if text.startswith("−"):
        return NEGATIVE
    if op is ops.index:
        return WORD
    if text[-1] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ" and op in NOTATION:
        return PRODUCT
    if " " not in text or op not in NOTATION or re.fullmatch(rf"({FUNCTIONS})\([^()]*\)", text):
        return WORD
    if op in SUMS:
        return SUM
    if op in (ops.matmul, ops.dot):
        return MATRICES
    return PRODUCT if op in PRODUCTS or re.match(rf"({FUNCTIONS})[ (]", text) else OTHER


def short(name: str) -> str:
    """A name, cut if it is very long."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def number(x: float) -> str:
    """A number with the signs of mathematics; a zero has none."""
    return f"{x + 0.0:g}".replace("-", "−").replace("inf", "∞").replace("nan", "NaN")


def exponent(x: float) -> str:
    """An exponent as it is written: ³, ⁻¹, ^0.5, and nothing for 1."""
    if x == 1:
        return ""
    return str(int(x)).translate(SUPERSCRIPTS) if x == x // 1 and abs(x) < 1000 else f"^{number(x)}"


def is_number(x: Operand) -> bool:
    """Whether an operand is a single number."""
    return x is None or not isinstance(x, GraphNode) or x.shape == ()
