"""The lines of a program in order: what is computed, what it is called, and which link of the chain rule it is."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.products import PRODUCTS, weight_first
from tinygrad_edu.read.source.equations import Equations
from tinygrad_edu.read.source.owned import definition
from tinygrad_edu.read.source.rearranged import is_eye
from tinygrad_edu.read.source.roles import recorded
from tinygrad_edu.read.source.simplify import Used
from tinygrad_edu.read.source.spelling import HELPERS, LAST, Spelling
from tinygrad_edu.read.source.terms import Atom, Call, Name, Sum, Term, held, narrow

__all__ = ["Line", "Listing"]

LONGEST, DEEPEST, MOST_JOINED = 96, 8, 40
ONE = Fraction(1)
#: Calls that are written out twice rather than given a name.
SHORT = (
    *(np.transpose, operator.getitem, np.broadcast_to, np.arange, np.ndarray.astype, np.eye),
    *(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal),
)


@dataclass(eq=False)
class Line:
    """name = term; for a gradient, that of `node`."""

    name: str
    term: Term
    node: GraphNode | None = None
    backward: bool = False
    text: str = ""
    comment: str = ""
    uses: Sequence[Any] = ()
    inside: Sequence[Term] = ()


class Listing(Equations):
    """The lines for a graph: `live` are those that the results depend on, each with its text and comment."""

    def __init__(
        self,
        graph: Graph,
        inputs: Sequence[Any] | None,
        names: Mapping[str, Any],
        simplify: bool = True,
        layout: str | None = None,
    ) -> None:
        super().__init__(graph, names, simplify, layout)
        self.owned: dict[Any, tuple[str, str]] = {}
        self.wanted = self.requested(inputs)
        self.spelling = Spelling(self.function_name)
        self.spelling.dims, self.spelling.dtype = self.calls.dims, self.calls.dtype
        self.lines = self.ordered()
        self.live = self.needed()
        self.comments()

    def function_name(self, function: Any) -> str:
        """What a function is called in the text."""
        if function in HELPERS:
            return HELPERS[function][0]
        if isinstance(function, ops.Op):
            if function not in self.owned:
                self.owned[function] = definition(function, self.naming)
            return self.owned[function][0]
        owner: Any = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"np.{owner.__name__}.{function.__name__}"
        name = {np.absolute: "abs"}.get(function, function.__name__)
        for module, prefix in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
            if getattr(module, name, None) is function:
                return f"{prefix}.{name}"
        raise NotImplementedError(
            f"source: the function must be one of NumPy's; got {name}, which the text would not know. "
            "Write the op with NumPy functions alone."
        )

    # The lines

    def ordered(self) -> list[Line]:
        """Every line that could be, forward and then backward: of a layer first the weights, then what came before."""
        found = self.calls.found
        lines = [
            Line(self.names[node], found[self.first.values[node]], node)
            for node in self.graph.nodes
            if node.op and node in self.names
        ]
        gradients, seen = list(self.graph.outputs), set(self.graph.outputs)
        leaves: list[GraphNode] = []  # that wait for the next value with a name
        for node in reversed([node for node in self.graph.nodes if node.op]):
            complete = [x for x in dict.fromkeys(node.parents) if recorded(x) and x.uses[0] is node and x not in seen]
            turned = [x for x in complete if x.op is ops.transpose and x not in self.names]
            complete += [x.parents[0] for x in turned if not x.parents[0].op and x.parents[0].uses[0] is x]
            seen.update(complete)
            leaves += [x for x in complete if not x.op]
            if any(x in self.names for x in complete if x.op):
                gradients += sorted(leaves, key=multiplied)
                leaves.clear()
            gradients += [x for x in complete if x.op]
        gradients += sorted(leaves, key=multiplied)
        for node in gradients:
            if node in self.first.gradients and (node in self.names or node in self.wanted):
                term = self.gradient(node)
                if node in self.first.seeds and isinstance(term.atom, Name):
                    if node in self.seeds:
                        continue
                    term = self.terms.stretched(self.terms.number(1), term.shape)
                lines.append(Line(self.gradient_names[node], term, node, backward=True))
        return lines

    def needed(self) -> list[Line]:
        """The lines that the results depend on, each with its text; what is used often gets a name of its own."""
        self.shallow()
        while extra := self.extra(live := self.trial()):
            for wish, part in extra:
                backward = self.textbook(part) == ""
                self.insert(self.naming.name(wish) if wish else self.temporary(), part, backward, live)
        live = self.joined(live) if self.simplified else live
        temporaries = [line for line in live if line.node is None and line.name in self.temporaries]
        for line, name in zip(temporaries, self.temporaries, strict=False):
            line.name = name
        return self.trial()

    def joined(self, live: list[Line]) -> list[Line]:
        """The lines without those that others made needless: used once, where the line of the use is short enough."""
        for line in [line for line in live if line.node is None and line.name in self.temporaries][:MOST_JOINED]:
            if sum(other.uses.count(line.term) for other in live) == 1:
                position = self.lines.index(line)
                self.lines.remove(line)
                trial = self.trial()
                if any(len(other.text) > LONGEST for other in trial):
                    self.lines.insert(position, line)
                else:
                    live = trial
        return self.trial()

    def trial(self) -> list[Line]:
        """Spell every line that is needed."""
        self.spelling.forget()
        self.spelling.backward = sum(not line.backward for line in self.lines)
        owner: dict[Any, Line] = {}
        liked = {line.term: line for line in reversed(self.lines) if line.name[:2] in ("dZ", "dz")}
        for rank, line in enumerate(self.lines):
            if liked.get(line.term, line) is line and worth_a_name(line.term, self.simplified):
                self.spelling.call(line.term, line.name, rank, part=line.node is not None and self.simplified)
                owner.setdefault(line.term, line)
            owner[line.name] = line
        wanted = {
            line
            for line in self.lines
            if line.node and line.node in (self.wanted if line.backward else self.graph.outputs)
        }
        waiting, live = list(wanted), set(wanted)
        while waiting:
            line = waiting.pop()
            first = owner.get(line.term, line)
            line.text = first.name if first is not line else self.spelling.define(line.term)
            line.uses = [first.term] if first is not line else self.spelling.used
            inside = [] if first is not line else self.spelling.inside
            line.inside = [x if isinstance(x, Term) else self.terms.term(ONE, {x: 1}) for x in inside]
            for x in line.uses:
                other = owner.get(x.name if isinstance(x, Name) else x)
                if other is not None and other is not line and other not in live:
                    live.add(other)
                    waiting.append(other)
        return [line for line in self.lines if line in live]

    def extra(self, live: list[Line]) -> list[tuple[str, Term]]:
        """What is to have a name and a line: activations, one-hot rows, what is used twice, a part of a long line."""
        known = {line.term for line in self.lines}
        counts = Counter(part for line in live for part in line.inside if part not in known)
        found = [(wish, part) for part in counts if (wish := self.textbook(part))]
        if found:
            return found
        worth = [part for part in counts if self.is_long(part)]
        often = [part for part in worth if counts[part] > 1]
        long = [part for part in worth if any(len(line.text) > LONGEST and part in line.inside for line in live)]
        return (
            [("", max(often or long, key=lambda part: (self.shorter.size(opened(part)), newest(part))))]
            if often or long
            else []
        )

    def temporary(self) -> str:
        """t1, t2, ..."""
        self.temporaries.append(self.naming.name(f"t{len(self.temporaries) + 1}"))
        return self.temporaries[-1]

    def is_long(self, part: Term) -> bool:
        """Whether an expression is worth a line of its own."""
        atom = part.atom
        if isinstance(atom, Call):
            return atom.function not in SHORT
        parts = atom.terms if isinstance(atom, Sum) else ()
        return self.shorter.size(part) > 3 or len(part.factors) > 2 or any(map(self.is_product, parts))

    def is_product(self, part: Term) -> bool:
        """Whether a term is a product without a name."""
        return len(part.factors) > 1 and self.terms.term(ONE, dict(part.factors)) not in self.terms.kept

    def textbook(self, part: Term) -> str:
        """What a textbook calls an activation of Z2 and one-hot rows; nothing if that name is taken."""
        atom = part.atom
        first = atom.args[0] if isinstance(atom, Call) and atom.args else None
        if not isinstance(atom, Call) or not isinstance(first, Term):
            return ""
        name = self.spelling.names.get(first, "")
        wish = ""
        if atom.function in (ops.sigmoid, ops.softmax) and name[:1] in ("Z", "z"):
            wish = ("A" if name[0] == "Z" else "a") + name[1:]
        elif atom.function is operator.getitem and is_eye(first):
            wish = "Y" if "Y" not in self.naming.taken else "onehot"
        return "" if wish in self.naming.taken else wish

    def insert(self, name: str, term: Term, where_used: bool, live: list[Line]) -> None:
        """Give a part a line, before the first that uses it; of the forward pass, as soon as it can be computed."""
        position = min(k for k, line in enumerate(self.lines) if line in live and term in line.inside)
        backward = self.lines[position].backward and where_used
        if self.lines[position].backward and not backward:
            self.spelling.define(term)
            position = 1 + max((k for k, line in enumerate(self.lines) if line.term in self.spelling.used), default=-1)
        self.lines.insert(position, Line(name, term, None, backward))

    def shallow(self) -> None:
        """Break up what would be nested too deep to be written in one line."""
        depth: dict[Atom, int] = {line.term.atom: 0 for line in self.lines if line.term.atom}
        atoms = sorted((x for x in self.terms.made.values() if isinstance(x, Call | Sum)), key=lambda x: x.created)
        times = [newest(line.term) for line in self.lines]
        broken = []
        for atom in atoms:
            if atom not in depth:
                short = isinstance(atom, Call) and atom.function in SHORT
                depth[atom] = max((depth.get(child, 0) for child in children(atom)), default=0) + (not short)
                if depth[atom] > DEEPEST:
                    depth[atom] = 0
                    broken.append(atom)
        for atom in broken:
            backward = atom.created >= self.start
            position = next(
                (k for k, line in enumerate(self.lines) if line.backward == backward and times[k] > atom.created),
                len(self.lines) if backward else sum(not line.backward for line in self.lines),
            )
            times.insert(position, atom.created)
            self.lines.insert(position, Line(self.temporary(), self.terms.term(ONE, {atom: 1}), None, backward))

    # What stands around the lines

    @property
    def batch(self) -> str:
        """The line that counts the examples, if their number is used."""
        if not any(x is self.m.atom for line in self.live for x in line.uses):
            return ""
        x = next(x for x in self.arguments if x.batch is not None)
        axis = next(k for k, n in enumerate(self.given[x].shape) if n in self.calls.dims)
        return f"m = {self.arguments[x]}.shape[{axis}]"

    def shapes(self) -> list[str]:
        """Each argument with its shape; nothing if all are single numbers."""
        if not any(x.array.ndim for x in self.arguments):
            return []
        found = []
        for x, name in self.arguments.items():
            shape = self.spelling.plain(tuple(self.calls.dims.get(n, n) for n in self.given[x].shape))
            found.append(f"{name} {shape if x.array.ndim else 'a number'}")
        return found

    def definitions(self) -> list[str]:
        """The functions that the lines call, each as a text."""
        used = dict.fromkeys(x for line in self.live for x in line.uses if not isinstance(x, Atom | Term))
        return [(HELPERS | self.owned)[x][1] for x in used if x in HELPERS or x in self.owned]

    # Comments

    def comments(self) -> None:
        """Say of every gradient which link of the chain rule it is, and which identities made it shorter."""
        total = self.names[self.graph.outputs[0]] if len(self.graph.outputs) == 1 else "J"
        said: set[Any] = set()
        for line in self.live:
            if not line.backward or line.node is None or line.node in self.first.seeds:
                continue
            line.comment = " + ".join(dict.fromkeys(self.links(line.node, total)))
            whys = []
            for used in self.trail.get(self.first.gradients[line.node], ()):
                if used not in said and used.identity.why:
                    whys.append(self.why(used))
                said.add(used)
            atom = line.term.atom
            summed = isinstance(atom, Call) and atom.function is np.sum and atom.args[0] in self.calls.anchors
            if summed and not any(n in self.calls.dims for n in line.term.shape):
                whys.append("summed over the examples")
            line.comment += f": {told(whys)}" if whys else ""

    def links(self, node: GraphNode, total: str) -> list[str]:
        """dJ/dZ * dZ/dW for every value with a name that is made of this one, by ways without names."""
        found, waiting, seen = [], list(node.uses), set()
        while waiting:
            use = waiting.pop(0)
            if use in seen or use not in self.first.gradients:
                continue
            seen.add(use)
            if use not in self.names:
                waiting += use.uses
            elif use in self.graph.outputs:
                found.append(f"d{total}/d{self.names[node]}")
            else:
                found.append(f"d{total}/d{self.names[use]} * d{self.names[use]}/d{self.names[node]}")
        return found

    def why(self, used: Used) -> str:
        """What an identity says of the terms that stood in it."""
        self.spelling.limit = LAST
        texts = {name.removeprefix("?"): self.spelling.text(term) for name, term in used.binding}
        return used.identity.why.format(**texts)

    @property
    def identities(self) -> tuple[str, ...]:
        """The names of the identities that were used."""
        used = [used.identity.name for trail in self.trail.values() for used in trail]
        return tuple(dict.fromkeys(used))


def told(whys: list[str]) -> str:
    """Reasons in one phrase; what cancels is listed together."""
    gone = [why.removesuffix(" cancels") for why in dict.fromkeys(whys) if why.endswith(" cancels")]
    others = [why for why in dict.fromkeys(whys) if not why.endswith(" cancels")]
    if len(gone) > 1:
        return ", ".join([f"{', '.join(gone[:-1])} and {gone[-1]} cancel", *others])
    return ", ".join([*(f"{x} cancels" for x in gone), *others])


def opened(term: Term) -> Term:
    """What is behind a term that is not looked into."""
    inner: Term = term.atom.args[0] if isinstance(term.atom, Call) and term.atom.function is held else term
    return inner


def newest(term: Term) -> int:
    """When the last part of a term was made."""
    return max((atom.created for atom, _ in term.factors), default=0)


def children(atom: Atom) -> list[Atom]:
    """The atoms that an atom is made of."""
    found: list[Atom] = []
    waiting = list(getattr(atom, "args", getattr(atom, "terms", ())))
    while waiting:
        x = waiting.pop()
        if isinstance(x, Term):
            found += [child for child, _ in x.factors]
        elif isinstance(x, tuple | list):
            waiting += x
        elif isinstance(x, slice):
            waiting += [x.start, x.stop, x.step]
    return found


def worth_a_name(term: Term, simplified: bool) -> bool:
    """Whether a term is more than a number or an argument; simplified, more than one number over and over."""
    inner = narrow(term)
    short = isinstance(inner.atom, Name) or (simplified and inner is not term and not inner.shape)
    return bool(inner.factors) and not short


def multiplied(node: GraphNode) -> int:
    """Weights come before biases, and examples last."""
    products = [use for use in node.uses if use.op in PRODUCTS]
    if any(node is use.inputs[0 if use.op is ops.linear else int(weight_first(use))] for use in products):
        return 2
    turned = [use for x in node.uses if x.op is ops.transpose for use in x.uses if use.op in PRODUCTS]
    return 0 if turned or any(node in use.inputs[:2] for use in products) else 1
