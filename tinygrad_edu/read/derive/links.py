"""What a derivation writes down of one link, from a value y to one of its inputs x: dJ/dx = dJ/dy * dy/dx.

    entry by entry   dy/dx is one factor for each entry            a product, simplified
    mixing           every entry of x moves many of y (softmax)    the terms k = j and k != j, then their sum
    matrices         y = x W.T + b                                 an entry as a sum, and the product of matrices
    without symbols  what has no generic entry (fancy indexing)    named, and taken as numbers

Needs SymPy.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import sympy
from sympy import Indexed, KroneckerDelta

from tinygrad_edu import ops
from tinygrad_edu.autograd import fit
from tinygrad_edu.graph import GraphNode
from tinygrad_edu.read import notation
from tinygrad_edu.read.derive import Joined, Line, Section, Step
from tinygrad_edu.read.derive.algebra import Mixed, Slope, Total, entry, index, is_seed, side_by_side, tidy, unused
from tinygrad_edu.read.derive.letters import Letters
from tinygrad_edu.read.derive.mathematics import text_of
from tinygrad_edu.read.derive.symbols import Arrays, Entries
from tinygrad_edu.read.products import PRODUCTS, written_in

__all__ = ["Contribution", "Links"]


@dataclass
class Contribution:
    """What reaches a value through one of its uses."""

    use: GraphNode
    entries: Entries
    numbers: np.ndarray


class Links:
    """The links of one walk, and what is written down of them in `sections`."""

    letters: Letters
    arrays: Arrays
    J: GraphNode
    target: GraphNode
    on_way: set[GraphNode]
    gradients: dict[GraphNode, np.ndarray]
    known: dict[GraphNode, Entries]
    arriving: dict[GraphNode, list[Contribution]]
    sections: list[Section]
    words: dict[str, str]
    in_rows: bool = False

    def name(self, node: GraphNode) -> str:
        return self.letters.names[node]

    # Writing down

    def line(self, left: Any, steps: list[Any], axes: Any, reference: np.ndarray, note: str = "") -> Line:
        """A line; a step that is shown as it is meant is given once, and steps that repeat are left out."""
        made: list[Step] = []
        for step in steps:
            step = step if isinstance(step, Step) else Step(step, step)
            if not made or step.shown != made[-1].shown:
                made.append(step)
        return Line(left, made, tuple(axes), np.asarray(reference, float), note)

    def section(self, title: str, words: str = "") -> Section:
        self.in_rows = False
        self.sections.append(Section(title, words=words))
        return self.sections[-1]

    def rows(self) -> Section:
        """The section of single links that is being written."""
        if not self.in_rows:
            self.section("link by link: the value, its local derivative, and what has come back so far")
            self.sections[-1].table = True
            self.in_rows = True
        return self.sections[-1]

    def symbol(self, node: GraphNode, axes: Any = None) -> Any:
        """The generic entry of a value."""
        return entry(self.name(node), self.letters.axes(node) if axes is None else tuple(axes))

    def slope(self, x: GraphNode, axes: Any = None) -> Any:
        """dJ/dx as one quantity."""
        return Slope(entry(self.name(self.J), ()), self.symbol(x, axes))

    def simplest(self, expression: Any, axes: Any, shape: Any) -> Any:
        """The simplest form, if the batch's numbers agree that it is one: SymPy's algebra knows no domains."""
        simple = tidy(expression, thorough=True)
        before, after = (self.arrays.evaluate(x, tuple(axes), tuple(shape)) for x in (expression, simple))
        return simple if np.allclose(before, after, rtol=1e-9, atol=1e-12) else expression

    def assume(self, expression: Any) -> tuple[Any, bool]:
        """Put 1 for sums over targets that are 1 in every example of the batch; say so, or say that they are not."""
        changed = False
        for found in sorted(expression.atoms(Total), key=str):
            term, k = found.args[:2]
            if len(found.args) == 4 or not isinstance(term, Indexed) or not self.letters.is_data(term):
                continue
            axes = tuple(i for i in term.indices if i != k)
            shape = tuple(n for i, n in zip(term.indices, self.letters.shape(term), strict=True) if i != k)
            sums = self.arrays.evaluate(found, axes, shape)
            off = float(np.max(np.abs(sums - 1), initial=0))
            name = str(term.base.label)
            if off <= 1e-9:
                section = self.section(
                    f"assumption: the entries of {name} sum to one in each example; here they are off by {off:.1g}"
                )
                section.rows.append((self.line(found, [sympy.Integer(1)], axes, sums),))
                expression, changed = expression.xreplace({found: sympy.Integer(1)}), True
            elif found not in self.letters.said:
                self.letters.said.add(found)
                title = f"the entries of {name} do not sum to one in each example; here they are off by up to {off:.2g}"
                self.section(title, "Their sum stays in the formula, as a factor.")
        return (tidy(expression) if changed else expression), changed

    # Links

    def written(self, node: GraphNode) -> GraphNode:
        """The value with which a value is written down: Z, for X @ W.T in Z = X @ W.T + b."""
        return node if node is self.target else written_in(node)

    def link(self, y: GraphNode, x: GraphNode) -> None:
        if self.written(x) is not x:
            return
        partial = self.numeric(y, x, self.gradients[y])
        try:
            axes, operands = self.letters.link(y)
            g = self.known[y].lettered(axes)
            through = self.rule(y, x, g, operands)
            unit = self.rule(y, x, self.letters.unit(y, axes), operands, stretched=True)
        except (NotImplementedError, TypeError, ValueError, AttributeError, IndexError):
            entries = self.without_symbols(y, x, partial)
        else:
            mixes = any(t.has(self.letters.g) for t in unit.expression.atoms(Total))
            if y.op in PRODUCTS:
                entries = self.matrices(y, x, through, partial, axes, operands)
            elif mixes and (axis := self.mixed_axis(unit, axes)) is not None:
                entries = self.mixing(y, x, through, partial, axes, operands, axis)
            else:
                entries = self.entrywise(y, x, through, partial, unit, mixes)
        self.arriving[x].append(Contribution(y, entries.lettered(self.letters.axes(x)), partial))

    def numeric(self, y: GraphNode, x: GraphNode, g: np.ndarray) -> np.ndarray:
        """What reaches x through y, in numbers: the rules, given arrays."""
        values = [v.data if isinstance(v, GraphNode) else v for v in y.inputs]
        rules = y.op.rules_for(values, y.params)  # type: ignore[union-attr]
        g = g.astype(y.data.dtype)
        found = [
            fit(rules[p](g, y.data, *values, **y.params), x.data, y.value) for p, v in enumerate(y.inputs) if v is x
        ]
        return np.asarray(sum(found[1:], found[0]), float)

    def rule(self, y: GraphNode, x: GraphNode, g: Entries, operands: list[Any], stretched: bool = False) -> Entries:
        """What reaches x through y, in symbols: the same rules, given entries."""
        own = self.letters.entries(y).lettered(g.axes)
        rules = y.op.rules_for(operands, y.params)  # type: ignore[union-attr]
        terms = [self.arrays.entries(rules[p](g, own, *operands, **y.params)) for p, v in enumerate(y.inputs) if v is x]
        found: Entries = reduce(operator.add, terms)
        shape = self.letters.entries(x).shape
        if stretched or found.shape == shape:
            return found if found.shape == shape or stretched else found.stretched(shape)
        if found.ndim < len(shape):
            return found.stretched(shape)
        extra = found.ndim - len(shape)
        along = tuple(a for a in range(found.ndim) if a < extra or (shape[a - extra] == 1 and found.shape[a] != 1))
        return found.summed(along, keepdims=True, same=True).reshaped(shape)

    def local(self, y: GraphNode, x: GraphNode) -> Any:
        """dy/dx as a symbol."""
        axes, _ = self.letters.link(y)
        return Slope(self.symbol(y, axes), self.symbol(x, self.letters.operand_axes(y, x)))

    def entrywise(
        self, y: GraphNode, x: GraphNode, through: Entries, partial: np.ndarray, unit: Entries, mixes: bool
    ) -> Entries:
        """dJ/dx = dJ/dy * dy/dx with one factor for each entry."""
        ones = np.ones_like(self.gradients[y])
        seeds = [e for e in (*unit.expression.atoms(Indexed), self.letters.g) if is_seed(e)]
        expression = tidy(unit.expression.xreplace({e: sympy.Integer(1) for e in seeds}))
        lengths = tuple(self.arrays.length(n) for n in unit.shape)
        lines = [self.definition(y)] if self.introduce(y) else []
        if not mixes:
            reference = self.unfitted(y, x, ones, lengths)
            lines.append(self.line(self.local(y, x), [expression], unit.axes, reference))
        left = Slope(entry(self.name(self.J), ()), self.symbol(x, self.letters.operand_axes(y, x)))
        simple = through.like(tidy(through.expression), through.axes, through.shape)
        chosen = self.chosen(y, x, simple, partial) if y.op is ops.index else simple
        full = self.letters.is_anchor(y) and y is not self.J and not mixes
        if full:
            section = self.section(f"from {self.name(y)} to {self.name(x)}")
            simple.expression, _ = self.assume(self.simplest(simple.expression, simple.axes, partial.shape))
            before = self.slope(y, self.letters.link(y)[0])
            steps = [
                Step(Joined("*", (before, self.local(y, x))), through.expression),
                Step(
                    Joined("*", (self.known[y].lettered(self.letters.link(y)[0]).expression, expression)),
                    through.expression,
                ),
                simple.expression,
            ]
            if isinstance(self.known[y].expression, Slope):
                steps.pop(1)
            section.rows += [(line,) for line in lines]
            steps.append(chosen.expression)
            section.rows.append((self.line(left, steps, simple.axes, partial, self.only_through(x, y)),))
            return chosen
        if y is not self.J or mixes:
            steps = [simple.expression, chosen.expression]
            lines.append(self.line(left, steps, simple.axes, partial, self.only_through(x, y)))
        self.rows().rows.append(tuple(lines))
        return chosen

    def chosen(self, y: GraphNode, x: GraphNode, through: Entries, partial: np.ndarray) -> Entries:
        """What comes back to x where y took one entry of each row: there y is x, and the rest is 0."""
        onehot = next((e for e in through.expression.atoms(Indexed) if str(e.base.label).startswith("onehot(")), None)
        if onehot is None or not through.expression.subs(onehot, 0).is_zero:
            return through
        own = self.symbol(y, self.letters.link(y)[0])
        expression = through.expression.xreplace({own: self.symbol(x, through.axes)})
        numbers = self.arrays.evaluate(expression, through.axes, partial.shape)
        return through.like(expression, through.axes, through.shape) if np.allclose(numbers, partial) else through

    def only_through(self, x: GraphNode, y: GraphNode) -> str:
        uses = {use for use in x.uses if use in self.on_way}
        return f"through {self.name(y)}" if len(uses) > 1 else ""

    def unfitted(self, y: GraphNode, x: GraphNode, g: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
        """What the rules of y return for x, before what was stretched is summed back."""
        values = [v.data if isinstance(v, GraphNode) else v for v in y.inputs]
        rules = y.op.rules_for(values, y.params)  # type: ignore[union-attr]
        found = [rules[p](g, y.data, *values, **y.params) for p, v in enumerate(y.inputs) if v is x]
        return np.broadcast_to(np.asarray(sum(found[1:], found[0]), float), lengths)

    def introduce(self, y: GraphNode) -> bool:
        """Whether y has not been written down yet."""
        new = y not in self.letters.introduced
        self.letters.introduced.add(y)
        return new

    def definition(self, y: GraphNode) -> Line:
        """How y was computed."""
        axes, _ = self.letters.link(y)
        shown, meant = self.letters.definition(y)
        return self.line(self.symbol(y, axes), [Step(shown, meant)], axes, y.data)

    def mixed_axis(self, unit: Entries, axes: Any) -> int | None:
        """The one axis of y along which a sum over g runs."""
        found = set()
        for summed in unit.expression.atoms(Total):
            for g in (e for e in summed.atoms(Indexed) if e.has(self.letters.g)):
                found |= {a for a, (i, own) in enumerate(zip(g.indices, axes, strict=True)) if i != own}
        return found.pop() if len(found) == 1 else None

    def mixing(
        self,
        y: GraphNode,
        x: GraphNode,
        through: Entries,
        partial: np.ndarray,
        axes: Any,
        operands: list[Any],
        axis: int,
    ) -> Entries:
        """dJ/dx_j = sum_k dJ/dy_k * dy_k/dx_j: the term k = j, the terms k != j, and their sum."""
        j, k = axes[axis], index(unused({str(i) for i in axes}))
        generic = self.letters.entries(y).lettered(axes)
        seeded = self.rule(y, x, generic.like(KroneckerDelta(j, k), axes, generic.shape), operands)
        g_j = self.known[y].lettered(axes).expression
        mixed = Mixed(tidy(seeded.expression), g_j, j, k, self.arrays.symbols[generic.shape[axis]])
        names = self.name(y), self.name(x)
        section = self.section(
            f"from {names[0]} to {names[1]}: each entry of {names[1]} moves all of its example's {names[0]}"
        )
        if self.introduce(y):
            section.rows.append((self.definition(y),))
        section.rows += [(line,) for line in self.mixed_lines(y, x, mixed, axes, axis, partial)]
        simple, assumed = self.assume(self.letters.expanded(mixed.whole))
        if assumed:
            section = self.section("and so")
            section.rows.append((self.line(self.slope(x, axes), [simple], axes, partial),))
        return through.like(simple, through.axes, through.shape)

    def mixed_lines(
        self, y: GraphNode, x: GraphNode, mixed: Mixed, axes: Any, axis: int, partial: np.ndarray
    ) -> list[Line]:
        """The local derivative, the sum over k, its terms k = j and k != j, and both together."""
        j, k, length = mixed.j, mixed.k, mixed.length
        bound = {k: mixed.bound}
        slopes = self.jacobian_numbers(y, x, axis)
        own = np.stack([np.take(slopes[c], c, axis) for c in range(len(slopes))], axis) * self.gradients[y]
        y_k, x_j = self.symbol(y, tuple(k if i == j else i for i in axes)), self.symbol(x, axes)
        links = (Slope(entry(self.name(self.J), ()), y_k) * Slope(y_k, x_j)).xreplace(bound)
        product = (mixed.g_k * mixed.jacobian).xreplace(bound)
        first = Step(Joined("*", (mixed.g, mixed.diagonal)), mixed.g * mixed.diagonal)
        apart = Total(side_by_side(mixed.g_k, mixed.off, bound), mixed.bound, length, j)
        term = (mixed.g_k * mixed.off).xreplace(bound)
        outside, inside = tidy(term).as_independent(mixed.bound, as_Add=False)
        rest = [Step(apart, Total(term, mixed.bound, length, j)), outside * Total(inside, mixed.bound, length, j)]
        dJ = self.slope(x, axes)
        summed = Step(Total(links, mixed.bound, length), Total(product, mixed.bound, length))
        return [
            self.line(Slope(y_k, x_j), [mixed.jacobian], (*axes, k), np.moveaxis(slopes, 0, -1)),
            self.line(dJ, [summed], axes, partial),
            self.line(f"{k} = {j}", [first, tidy(mixed.g * mixed.diagonal)], axes, own),
            self.line(f"{k} != {j}", rest, axes, partial - own),
            self.line(dJ, [mixed.whole], axes, partial, "both together"),
        ]

    def jacobian_numbers(self, y: GraphNode, x: GraphNode, axis: int) -> np.ndarray:
        """dy_k/dx for every k along an axis, first axis k."""
        found = []
        for k in range(y.data.shape[axis]):
            seed = np.zeros_like(y.data)
            seed[(slice(None),) * axis + (k,)] = 1
            found.append(self.numeric(y, x, seed))
        return np.stack(found)

    def matrices(
        self, y: GraphNode, x: GraphNode, through: Entries, partial: np.ndarray, axes: Any, operands: list[Any]
    ) -> Entries:
        """dJ/dx by a product of matrices: one entry as a sum, and the whole."""
        z = self.written(y)
        names = self.name(z), self.name(x)
        section = self.section(f"from {names[0]} to {names[1]}")
        row = section.rows.append
        row((self.definition(z),))
        shown = section.rows[0][0].steps[0]
        if isinstance(shown.meant, sympy.Basic) and shown.shown != shown.meant:
            row((self.line(self.symbol(z, axes), [shown.meant], axes, z.data, "one entry"),))
        own = self.letters.operand_axes(y, x)
        row((self.touching(y, x, axes, own, operands),))
        left = Slope(entry(self.name(self.J), ()), self.symbol(x, own))
        note = f"over all {names[0]} that {text_of(self.symbol(x, own))} takes part in"
        row((self.line(left, [through.expression], own, partial, note),))
        note = ""
        if through.matrix is not None:
            note = " = ".join([shape_of(x.shape), self.shapes(through.matrix)])
        elif x.data.ndim == y.data.ndim == 1:
            through.matrix = self.letters.times_vector(y, x, operands, self.slope_text(z))
        if through.matrix is not None:
            whole = self.arrays.matrix(f"d{self.name(self.J)}/d{names[1]}", (*through.shape, 1)[:2])
            row((self.line(whole, [through.matrix], own, partial, note),))
        return through

    def touching(self, y: GraphNode, x: GraphNode, axes: Any, own: Any, operands: list[Any]) -> Line:
        """dy_ij/dx_jk, for the entry of y that is written with the letters that they share."""
        fresh = tuple(i if i.is_Integer else index(f"{i.name}'") for i in axes)
        generic = self.letters.entries(y).lettered(fresh)
        delta = sympy.Mul(*(KroneckerDelta(i, k) for i, k in zip(fresh, axes, strict=True) if not i.is_Integer))
        found = self.rule(y, x, generic.like(delta, fresh, generic.shape), operands)
        expression = found.expression.xreplace(dict(zip(found.axes, own, strict=True))).xreplace(
            dict(zip(fresh, axes, strict=True))
        )
        first = {i: sympy.Integer(0) for i in axes}
        seed = np.zeros_like(y.data)
        seed[(0,) * y.data.ndim] = 1
        reference = self.numeric(y, x, seed)[tuple(0 if i in axes else slice(None) for i in own)]
        kept = tuple(i for i in own if i not in axes)
        at_first = Step(expression, self.arrays.evaluate(expression.xreplace(first), kept, reference.shape))
        return self.line(
            Slope(self.symbol(self.written(y), axes), self.symbol(x, own)),
            [at_first],
            kept,
            reference,
            "what multiplies it",
        )

    def shapes(self, matrix: Any) -> str:
        factors = matrix.args if isinstance(matrix, sympy.MatMul) else (matrix,)
        return " ".join(shape_of([int(self.arrays.lengths.get(n, n)) for n in factor.shape]) for factor in factors)

    def without_symbols(self, y: GraphNode, x: GraphNode, partial: np.ndarray) -> Entries:
        """What reaches x, as numbers: the op has no generic entry."""
        if self.introduce(y):
            section = self.section(f"from {self.name(y)} to {self.name(x)}")
            section.rows.append((self.definition(y),))
        position = next(p for p, v in enumerate(y.inputs) if v is x)
        words = re.sub(r"\bg\b|g(?=ᵀ)", self.slope_text(y), notation.product(y, position))
        label = f"{self.name(x)} from {self.name(y)}"
        self.arrays.numbers[label] = partial
        self.words[label] = words
        generic = self.letters.entries(x)
        expression = entry(label, self.letters.axes(x))
        self.sections[-1].rows.append(
            (self.line(self.slope(x), [Step(words, partial)], self.letters.axes(x), partial),)
        )
        return generic.like(expression, generic.axes, generic.shape)

    def slope_text(self, y: GraphNode) -> str:
        return f"d{self.name(self.J)}/d{self.name(y)}"


def shape_of(shape: Any) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
