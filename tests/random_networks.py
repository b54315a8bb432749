"""Random networks with a hand-written backward pass, right or with one slip, as the text of a file.

    network(rng).text             right
    network(rng, "D4").text       with that slip (`slips.py`) in one layer or in all; .terms: where it may be found

The text comes from one of several hands: unrolled or in a loop, with dicts or lists, many names, rows or columns, 1/m
in dZ or in dW and db.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import check
from tinygrad_edu.check.marking.report import Report

#: The function and the ways to write its derivative.
ACTIVATIONS = {
    "tanh": ("np.tanh({z})", "(1 - np.tanh({z})**2)", "(1 - {a}**2)", "(1 - {a} * {a})"),
    "sigmoid": ("sigmoid({z})", "sigmoid({z}) * (1 - sigmoid({z}))", "{a} * (1 - {a})"),
    "relu": ("np.maximum(0, {z})", "({z} > 0)", "np.where({z} > 0, 1.0, 0.0)"),
    "leaky": ("np.where({z} > 0, {z}, 0.1 * {z})", "np.where({z} > 0, 1, 0.1)"),
    "softplus": ("np.log1p(np.exp({z}))", "sigmoid({z})"),
    "elu": ("np.where({z} > 0, {z}, np.exp(np.minimum({z}, 0)) - 1)", "np.where({z} > 0, 1, np.exp({z}))"),
    "swish": ("{z} * sigmoid({z})", "(sigmoid({z}) * (1 + {z} * (1 - sigmoid({z}))))"),
    "linear": ("1.0 * {z}", "1.0"),
}
#: The activation of the output, the loss of one example, dL/dA, and what dL/dZ simplifies to.
OUTPUTS = {
    "bce": ("sigmoid", "-(Y * np.log({a}) + (1 - Y) * np.log(1 - {a}))", "-Y / {a} + (1 - Y) / (1 - {a})", "{a} - Y"),
    "ce": ("softmax", "-Y * np.log({a})", "-Y / {a}", "{a} - Y"),
    "mse": ("linear", "({a} - Y)**2", "2 * ({a} - Y)", "2 * ({a} - Y)"),
    "half": ("linear", "0.5 * ({a} - Y)**2", "({a} - Y)", "({a} - Y)"),
    "sigmoid mse": ("sigmoid", "np.square({a} - Y)", "2 * ({a} - Y)", ""),
    "sigmoid half": ("sigmoid", "0.5 * ({a} - Y)**2", "({a} - Y)", ""),
    "log cosh": ("linear", "np.log(np.cosh({a} - Y))", "np.tanh({a} - Y)", "np.tanh({a} - Y)"),
    "tanh half": ("tanh", "0.5 * (Y - {a})**2", "({a} - Y)", ""),
    "poisson": ("exp", "{a} - Y * np.log({a})", "1 - Y / {a}", "{a} - Y"),
    "weighted": (
        "sigmoid",
        "-(3 * Y * np.log({a}) + (1 - Y) * np.log(1 - {a}))",
        "-3 * Y / {a} + (1 - Y) / (1 - {a})",
        "",
    ),
}
HANDS = {
    "course": "WbZA",
    "lower": "wbza",
    "words": ("weights", "bias", "pre", "out"),
    "greek": ("Theta", "beta", "U", "H"),
    "keys": "WbZA",
    "lists": "WbZA",
}
LOOPS = ("keys", "lists")
SMOOTH, SQUARED = ("tanh", "sigmoid", "softplus"), ("sigmoid mse", "sigmoid half", "tanh half")


@dataclass(frozen=True)
class Plan:
    """What network it is, and whose hand wrote it."""

    sizes: tuple[int, ...]
    acts: tuple[str, ...]
    output: str
    hand: str
    rows: bool
    inside: bool  # 1/m stands in dZ
    reduce: str  # "mean", "sum" or "all", the mean over every entry
    fused: bool
    lam: float
    bias_too: bool
    keep: float
    returned: str
    chosen: bool  # whether the file makes its own parameters and data
    m: int = 6
    spelling: int = 0
    skip: bool = False  # hidden layers above the first add what they were given: A2 = g(Z2) + A1
    folded: bool = False  # the bias is the first row or column of W, and a 1 stands before each example

    @property
    def layers(self) -> int:
        return len(self.acts)

    @property
    def kinds(self) -> str:
        """The parameters of a layer."""
        return "W" if self.folded else "Wb"


class Names(NamedTuple):
    """The names of one layer, and the right lines made of them. `l` is a number, or the variable of a loop."""

    plan: Plan
    l: Any  # noqa: E741

    def on(self, l: Any) -> "Names":  # noqa: E741
        return Names(self.plan, l)

    def shifted(self, by: int) -> "Names":
        if not isinstance(self.l, str):
            return self.on(self.l + by)
        total = by + int(self.l[1:].replace(" ", "") or 0)
        return self.on(f"l {'+' if total > 0 else '-'} {abs(total)}" if total else "l")

    @property
    def below(self) -> "Names":
        return self.shifted(-1)

    @property
    def above(self) -> "Names":
        return self.shifted(1)

    def letter(self, kind: str) -> str:
        return HANDS[self.plan.hand]["WbZA".index(kind)]

    def value(self, kind: str) -> str:
        """A parameter or a value of the forward pass."""
        home = "params" if kind in "Wb" else "cache"
        if self.l == 0:
            return "X"
        if self.plan.hand == "lists":
            return f"{home}['{kind}'][{self.l}{'' if kind == 'A' else ' - 1'}]"
        key = self.letter(kind)
        if self.plan.hand == "keys":
            return f"{home}[f'{key}{{{self.l}}}']" if isinstance(self.l, str) else f"{home}['{key}{self.l}']"
        return f"{home}['{key}{self.l}']"

    def grad(self, kind: str) -> str:
        """The variable that holds a gradient."""
        if self.plan.hand in LOOPS:
            return f"d{kind}"
        return f"{'d_' if self.plan.hand == 'words' else 'd'}{self.letter(kind)}{self.l}"

    def key(self, kind: str) -> str:
        """The same in the dict that is returned."""
        if self.plan.hand == "lists":
            return f"d{kind}[{self.l - (kind != 'A')}]"
        return f"d{kind}{self.l}" if self.plan.hand == "keys" else self.grad(kind)

    W = property(lambda self: self.value("W"))
    b = property(lambda self: self.value("b"))
    z = property(lambda self: self.value("Z"))
    a = property(lambda self: self.value("A"))
    dW = property(lambda self: self.grad("W"))
    db = property(lambda self: self.grad("b"))
    dZ = property(lambda self: self.grad("Z"))
    dA = property(lambda self: self.grad("A"))

    @property
    def examples(self) -> int:
        return 0 if self.plan.rows else 1

    @property
    def units(self) -> int:
        return 1 - self.examples

    @property
    def last(self) -> str:
        """The last example."""
        return "-1:" if self.plan.rows else ":, -1:"

    @property
    def over(self) -> str:
        """What the cost divides its sum by."""
        return {"mean": " / m", "sum": "", "all": " / Y.size"}[self.plan.reduce]

    @property
    def after(self) -> str:
        return "" if self.plan.inside else self.over

    @property
    def act(self) -> str:
        plan = self.plan
        if isinstance(self.l, str):
            return plan.acts[0]
        return plan.acts[self.l - 1] if self.l < plan.layers else OUTPUTS[plan.output][0]

    @property
    def activation(self) -> str:
        return ACTIVATIONS[self.act][0].format(z=self.z, a=self.a)

    @property
    def slope(self) -> str:
        if self.act == "exp":
            return self.a
        ways = ACTIVATIONS[self.act][1:]
        chosen = ways[0] if self.plan.keep or self.plan.skip else ways[self.plan.spelling % len(ways)]
        return chosen.format(z=self.z, a=self.a)

    @property
    def mask(self) -> str:
        return self.a.replace("cache['", "cache['D", 1) if self.plan.hand != "keys" else self.a.replace("A", "DA", 1)

    @property
    def rest(self) -> str:
        return f" * {self.mask} / {self.plan.keep}" if self.plan.keep else ""

    @property
    def decay(self) -> str:
        return f" + {self.plan.lam} / m * {self.W}" if self.plan.lam else ""

    @property
    def b_decay(self) -> str:
        return f" + {self.plan.lam} / m * {self.b}" if self.plan.lam and self.plan.bias_too else ""

    @property
    def error(self) -> str:
        return OUTPUTS[self.plan.output][2].format(a=self.a)

    @property
    def simplified(self) -> str:
        return OUTPUTS[self.plan.output][3].format(a=self.a)

    @property
    def around(self) -> str:
        """The gradient that goes round the layer above, where that has a skip connection."""
        if not self.plan.skip or (not isinstance(self.l, str) and self.l > self.plan.layers - 2):
            return ""
        if isinstance(self.l, str):
            return f" + ({self.above.dA}{self.above.rest} if {self.l} < {self.plan.layers - 1} else 0)"
        return f" + {self.above.dA}{self.above.rest}"

    @property
    def fed(self) -> str:
        """What the layer multiplies."""
        return f"with_ones({self.below.a})" if self.plan.folded else self.below.a

    @property
    def without_bias(self) -> str:
        return self.W + ("[1:]" if self.plan.rows else "[:, 1:]") * self.plan.folded

    def product(self, g: str, a: str) -> str:
        return f"{a}.T @ {g}" if self.plan.rows else f"{g} @ {a}.T"

    def mixed(self, g: str, a: str) -> str:
        return f"{g} @ {a}.T" if self.plan.rows else f"{a}.T @ {g}"

    def back(self, W: str, g: str) -> str:
        return f"{g} @ {W}.T" if self.plan.rows else f"{W}.T @ {g}"

    def with_ones_back(self, W: str, g: str) -> str:
        """The same, with ones before the weights."""
        ones = f"np.ones(({W}.shape[1], 1))" if self.plan.rows else f"np.ones((1, len({W})))"
        return f"{g} @ np.hstack([{ones}, {W}.T])" if self.plan.rows else f"np.vstack([{ones}, {W}.T]) @ {g}"

    def total(self, g: str) -> str:
        return f"np.sum({g}, axis={self.examples}, keepdims=True)"

    def softmax(self, axis: int) -> str:
        return f"{self.a} * ({self.dA} - np.sum({self.dA} * {self.a}, axis={axis}, keepdims=True))"

    def right(self, term: str) -> str:
        """The right line of a term: dL is what the last layer begins with, dO its dZ where that is made of dA."""
        start = self.over if self.plan.inside else ""
        if term == "dL":
            return (f"({self.simplified})" if self.plan.fused else f"({self.error})") + start
        if term == "dO":
            return self.softmax(self.units) if self.act == "softmax" else f"{self.dA} * {self.slope}"
        if term == "dW":
            return self.product(self.dZ, self.fed) + self.after + self.decay
        if term == "db":
            return self.total(self.dZ) + self.after + self.b_decay
        if term == "dA":
            return self.back(self.above.without_bias, self.above.dZ) + self.around
        return f"{self.dA} * {self.slope}{self.rest}"


@dataclass(frozen=True)
class Network:
    """The text of a file, the terms where its slip may be found, and what was planned."""

    text: str
    plan: Plan
    terms: frozenset[str] = frozenset()

    def marked(self) -> Report:
        """The report, on sizes of the marker's choice or on one batch."""
        known: dict[str, Any] = {}
        exec(compile(self.text, "<random network>", "exec"), known)
        forward, backward, sizes, m = known["forward"], known["backward"], known["SIZES"], known["EXAMPLES"]
        if self.plan.chosen:
            return check.backprop(forward, backward, init=known["init"], data=known["data"], sizes=sizes, m=m)
        rng = np.random.default_rng(5)
        params = known["init"](sizes, rng)
        return check.backprop(forward, backward, params, *known["data"](sizes, m, rng))


def network(rng: np.random.Generator, slip: Any = None) -> Network:
    """A random network; with a slip in one layer, or in all that can have it."""
    plan = made_plan(rng, slip)
    layer = chosen_layer(plan, slip, rng) if slip else None
    text = "\n".join([*made_data(plan), *forward_lines(plan, slip), "", "", *backward_lines(plan, slip, layer), ""])
    return Network(text, plan, found_at(plan, slip, layer) if slip else frozenset())


# What network


def made_plan(rng: np.random.Generator, slip: Any) -> Plan:
    """What the slip needs, the rest by chance."""
    hand = str(rng.choice(list(HANDS)))
    output = str(rng.choice((slip and slip.outputs) or list(OUTPUTS)))
    layers = int(rng.integers(3 if slip else 1, 6))
    names = (slip and slip.acts) or [name for name in ACTIVATIONS if not slip or name != "linear"]
    acts = [str(rng.choice(names)) for _ in range(layers)]
    chosen = {
        "hand": hand,
        "rows": bool(rng.integers(2)),
        "inside": bool(rng.integers(2)),
        "reduce": str(rng.choice(["mean", "mean", "sum", "all"])),
        "fused": bool(rng.integers(2)),
        "lam": 0.7 * int(rng.integers(2)),
        "bias_too": bool(rng.integers(2)),
        "keep": 0.8 * int(rng.integers(4) == 0),
        "returned": str(rng.choice(["all", "all", "dZ", "params"])),
        "chosen": bool(rng.integers(2)),
        "spelling": int(rng.integers(3)),
    } | (slip.plan if slip else {})
    if not OUTPUTS[output][3]:
        chosen["fused"] = False
    if slip and not slip.plan.get("keep") and slip.term in ("dA", "dA returned", "dA aliased"):
        chosen["keep"] = 0
    if chosen["hand"] in LOOPS:
        acts = acts[:1] * layers
    m = int(rng.choice((6, 8)))  # no size of a layer
    if not slip:
        chosen |= {"skip": bool(rng.integers(5) == 0), "folded": bool(rng.integers(5) == 0)}
    kind = slip.sizes if slip else "same" if chosen["skip"] else ""
    return Plan(made_sizes(kind, layers, output, m, rng), tuple(acts), output, m=m, **chosen)


def made_sizes(kind: str, layers: int, output: str, m: int, rng: np.random.Generator) -> tuple[int, ...]:
    sizes = [int(n) for n in rng.permutation([2, 3, 4, 5, 7, 9])[: layers + 1]]
    if kind == "m":
        sizes = [m] * (layers + 1)
    elif kind == "same":
        sizes = [sizes[0], *sizes[1:2] * layers]
    elif kind == "one":
        sizes[-1] = 1
    elif kind == "three":
        sizes[-1] = 3
    elif not kind and output != "ce" and rng.integers(3) == 0:
        sizes[-1] = 1
    return tuple(sizes)


def chosen_layer(plan: Plan, slip: Any, rng: np.random.Generator) -> int:
    """The layer of the slip; 0 for all of them."""
    last, term = plan.layers, slip.term.split()[0]
    if term in ("dL", "dO"):
        return last
    low, high = (1, last) if term in ("dW", "db") else (1, last - 1)
    if slip.where == "upper":
        low = 2
    elif slip.where == "hidden":
        high = last - 1
    elif slip.where == "below":
        low = last - 1
    elif slip.where == "skipped":
        high = last - 2
    everywhere = slip.sizes != "same" and not slip.where and " " not in slip.term
    return 0 if everywhere and rng.integers(3) == 0 else int(rng.integers(low, high + 1))


def found_at(plan: Plan, slip: Any, layer: int) -> frozenset[str]:
    """The keys under which the slip may be found: its own; where that is not returned, a variable or what follows."""
    kind = slip.term.split()[0]
    l = layer or (plan.layers if kind in ("dW", "db") else plan.layers - 1)  # noqa: E741
    n = Names(plan, l)
    if slip.stops:
        return frozenset({n.grad(kind[1]), n.key(kind[1])})
    if kind in ("dL", "dO"):
        kind = "dZ" if plan.fused or kind == "dO" else "dA"
    if kind in ("dW", "db") or plan.returned == "all" or (plan.returned == "dZ" and kind == "dZ"):
        return frozenset({n.key(kind[1])})
    return frozenset({n.grad(kind[1]), n.key("Z"), n.grad("Z"), n.key("W"), n.key("b")})


# The text


def made_data(plan: Plan) -> list[str]:
    """Sizes, helpers, init and data."""
    shape, bias = ("(i, o)", "(1, o)") if plan.rows else ("(o, i)", "(o, 1)")
    if plan.folded:
        shape = shape.replace("i", "i + 1")
    X = "(m, sizes[0])" if plan.rows else "(sizes[0], m)"
    Y = "(m, sizes[-1])" if plan.rows else "(sizes[-1], m)"
    targets = {
        "ce": "np.eye(sizes[-1])[rng.integers(0, sizes[-1], m)]" + ("" if plan.rows else ".T"),
        "bce": f"(rng.standard_normal({Y}) > 0) * 1.0",
        "weighted": f"(rng.standard_normal({Y}) > 0) * 1.0",
        "poisson": f"rng.poisson(2, {Y}) * 1.0",
    }.get(plan.output, f"rng.standard_normal({Y})")
    if plan.hand == "lists":
        params = [f"'{kind}': [rng.standard_normal({s}) * {scale}" for kind, s, scale in
                  (("W", shape, 0.6), ("b", bias, 0.3)) if kind in plan.kinds]  # fmt: skip
        made = ["    pairs = list(zip(sizes[:-1], sizes[1:]))"]
        made += ["    return {" + ", ".join(f"{text} for i, o in pairs]" for text in params) + "}"]
    else:
        W, b = (Names(plan, 1).letter(kind) for kind in "Wb")
        made = ["    params = {}", "    for l, (i, o) in enumerate(zip(sizes[:-1], sizes[1:]), start=1):"]
        made += [f"        params[f'{W}{{l}}'] = 0.6 * rng.standard_normal({shape})"]
        made += [f"        params[f'{b}{{l}}'] = 0.3 * rng.standard_normal({bias})"] * (not plan.folded)
        made += ["    return params"]
    ones = "np.hstack([np.ones((len(A), 1)), A])" if plan.rows else "np.vstack([np.ones((1, A.shape[1])), A])"
    helper = ("def with_ones(A):", f"    return {ones}", "", "") if plan.folded else ()
    return [
        *("import numpy as np", "", f"SIZES, EXAMPLES = {plan.sizes}, {plan.m}", "", ""),
        *("def sigmoid(x):", "    return 1 / (1 + np.exp(-x))", "", "", *helper),
        *("def init(sizes, rng):", *made, "", ""),
        *("def data(sizes, m, rng):", f"    X = rng.standard_normal({X})", f"    return X, {targets}", "", ""),
    ]


def forward_lines(plan: Plan, slip: Any) -> list[str]:
    n = Names(plan, plan.layers)
    whole = slip is not None and slip.whole
    output = {
        "softmax": f"np.exp({{z}}) / np.sum(np.exp({{z}}){'' if whole else f', axis={n.units}, keepdims=True'})",
        "exp": "np.exp({z})",
    }.get(n.act) or ACTIVATIONS[n.act][0]
    cache = "{'Z': [], 'A': [X]}" if plan.hand == "lists" else "{}"
    lines = ["def forward(params, X, Y):", f"    m, cache = X.shape[{n.examples}], {cache}"]
    if plan.hand == "keys":
        lines += ["    cache['A0'] = X"]

    def layer(n: Names, text: str, last: bool) -> list[str]:
        z, a = ("Z", "A") if plan.hand in LOOPS else (n.letter("Z") + str(n.l), n.letter("A") + str(n.l))
        W, b, below = n.W, n.b, "A" if plan.hand in LOOPS else ("X" if n.l == 1 else n.letter("A") + str(n.l - 1))
        fed, plus = (f"with_ones({below})", "") if plan.folded else (below, f" + {b}")
        skipped = f" + {below}" if plan.skip and n.l != 1 and not last else ""
        if skipped and isinstance(n.l, str):
            skipped = f" + ({below} if l > 1 else 0)"
        product = f"{fed} @ {W}" if plan.rows else f"{W} @ {fed}"
        made = [f"{z} = {product}{plus}", f"{a} = {text.format(z=z)}{skipped}"]
        drop = [f"D = np.random.default_rng(1).random({z}.shape) < {plan.keep}"]
        drop += [f"{a} = {a} * D / {plan.keep}", f"{n.mask} = D"]
        if plan.hand == "lists":
            drop[-1] = "cache.setdefault('DA', [None]).append(D)"
            stored = [f"cache['Z'].append({z})", f"cache['A'].append({a})"]
        else:
            stored = [f"{n.z}, {n.a} = {z}, {a}"]
        return [*made, *(drop if plan.keep and not last else ()), *stored]

    if plan.hand in LOOPS:
        lines += ["    A = X", f"    for l in range(1, {plan.layers}):"]
        lines += [
            "        " + line
            for line in layer(Names(plan, "l"), Names(plan, "l").activation.replace(Names(plan, "l").z, "{z}"), False)
        ]
        lines += ["    " + line for line in layer(n, output, True)]
    else:
        for l in range(1, plan.layers + 1):  # noqa: E741
            text = output if l == plan.layers else ACTIVATIONS[plan.acts[l - 1]][0]
            lines += ["    " + line for line in layer(Names(plan, l), text, l == plan.layers)]
    loss = OUTPUTS[plan.output][1].format(a=n.a)
    lines += [f"    cost = np.sum({loss}){n.over}"]
    if plan.lam:
        kinds = plan.kinds if plan.bias_too else "W"
        squares = [f"np.sum({Names(plan, l).value(kind)}**2)" for kind in kinds for l in range(1, plan.layers + 1)]  # noqa: E741
        lines += [f"    cost = cost + {plan.lam} / (2 * m) * ({' + '.join(squares)})"]
    return [*lines, "    return cost, cache"]


def backward_lines(plan: Plan, slip: Any, layer: int | None) -> list[str]:
    top = Names(plan, plan.layers)
    kinds = {"all": "ZAWb", "dZ": "ZWb", "params": "Wb"}[plan.returned]
    loop = plan.hand in LOOPS
    grads = f"{{key: [None] * {plan.layers + 1} for key in ('dW', 'db', 'dZ', 'dA')}}" if plan.hand == "lists" else "{}"
    lines = ["def backward(params, cache, X, Y):", f"    m, grads = X.shape[{top.examples}], {grads}"]

    def written(n: Names, term: str, variable: str) -> list[str]:
        right, wrong = f"{variable} = {n.right(term)}", []
        if slip and slip.term.split()[0] == term:
            wrong = (slip.line(n) if "\n" in slip.line(n) else f"{variable} = {slip.line(n)}").split("\n")
        if not wrong or (layer and not isinstance(n.l, str) and layer != n.l):
            return [right]
        if not layer or not isinstance(n.l, str):
            return wrong
        return [f"if {n.l} == {layer}:", *("    " + line for line in wrong), "else:", "    " + right]

    def stored(n: Names, kind: str) -> list[str]:
        if kind not in kinds:
            return []
        key = f"'d{kind}'][{n.l}{'' if kind == 'A' else ' - 1'}" if plan.hand == "lists" else repr(n.key(kind))
        if plan.hand == "keys":
            key = f"f'd{kind}{{{n.l}}}'"
        return [f"grads[{key}] = {n.grad(kind)}"]

    def from_above(n: Names) -> list[str]:
        twisted = slip is not None and layer in (0, n.l) and " " in slip.term and slip.term.startswith("dA")
        if twisted:
            return [*slip.line(n).split("\n"), *stored(n, "A"), *stored(n, "Z")]
        return [*written(n, "dA", n.dA), *stored(n, "A"), *written(n, "dZ", n.dZ), *stored(n, "Z")]

    def of_parameters(n: Names) -> list[str]:
        if plan.folded:
            return [*written(n, "dW", n.dW), *stored(n, "W")]
        return [*written(n, "dW", n.dW), *written(n, "db", n.db), *stored(n, "W"), *stored(n, "b")]

    if plan.fused:
        body = [*written(top, "dL", top.dZ), *stored(top, "Z")]
    else:
        body = [*written(top, "dL", top.dA), *stored(top, "A"), *written(top, "dO", top.dZ), *stored(top, "Z")]
    if loop:
        n = Names(plan, "l")
        body += [
            f"for l in range({plan.layers}, 0, -1):",
            *("    " + line for line in of_parameters(n)),
            "    if l > 1:",
        ]
        body += ["        " + line for line in from_above(n.below)]
    else:
        for l in range(plan.layers, 0, -1):  # noqa: E741
            body += of_parameters(top.on(l)) + (from_above(top.on(l - 1)) if l > 1 else [])
    return [*lines, *("    " + line for line in body), "    return grads"]


def rngs(count: int, *seed: int) -> list[np.random.Generator]:
    return [np.random.default_rng([*seed, k]) for k in range(count)]
