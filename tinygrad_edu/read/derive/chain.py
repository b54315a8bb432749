"""The walk from the cost back to a tensor, and what a derivation writes down of each link.

A link leads from a value y to one of its inputs x: dJ/dx = dJ/dy * dy/dx. `links.py` has the kinds of links.

Values with a name stand for themselves; values without one are u1, u2, ... until a value with a name is reached, where
they are written out and SymPy simplifies. Needs SymPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from sympy import Indexed

from tinygrad_edu import ops
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.derive import Derivation, Joined, Line, Section, Step
from tinygrad_edu.read.derive.algebra import Slope, Total, alike, entry, rename, solved, tidy, total
from tinygrad_edu.read.derive.letters import Letters
from tinygrad_edu.read.derive.links import Contribution, Links
from tinygrad_edu.read.derive.mathematics import text, text_of
from tinygrad_edu.read.derive.symbols import Entries
from tinygrad_edu.read.products import PRODUCTS

__all__ = ["Chain"]

LONG = 24  # operations


class Chain(Links):
    """One walk. `sections` grows as it goes."""

    def __init__(self, graph: Graph, target: GraphNode, way: list[GraphNode], names: Mapping[str, Any]) -> None:
        self.target, self.way, self.on_way = target, way, set(way)
        self.J = graph.outputs[0]
        self.letters = Letters(graph, target, way, names)
        self.arrays = self.letters.arrays
        self.gradients = {node: np.asarray(g, float) for node, g in graph.backward().items() if node in self.on_way}
        for node, g in self.gradients.items():
            self.arrays.numbers[f"dJ/d{self.name(node)}".replace("dJ", f"d{self.name(self.J)}", 1)] = g
        self.arriving: dict[GraphNode, list[Contribution]] = {node: [] for node in way}
        self.known: dict[GraphNode, Entries] = {}
        self.before: dict[GraphNode, Any] = {}
        self.wholes: dict[GraphNode, Any] = {}
        self.cut: dict[GraphNode, str] = {}
        self.words: dict[str, str] = {}
        self.sections: list[Section] = []
        self.in_rows = False

    def derivation(self) -> Derivation:
        for node in reversed(self.way):
            self.arrive(node)
            if node is self.target:
                continue
            for x in dict.fromkeys(node.parents):
                if x in self.on_way:
                    self.link(node, x)
        result = self.result()
        double = all(node.data.dtype == np.float64 for node in self.way)
        sections = [*self.letters.facts(self.used(result)), *(x for x in self.sections if x.rows or x.words)]
        tolerance = 1e-10 if double else 1e-4
        return Derivation(self.name(self.J), self.name(self.target), sections, result, self.arrays, tolerance)

    def result(self) -> Line:
        """dJ/d(wrt), for a product of matrices as one, with what the derivatives in it are."""
        known, reference = self.known[self.target], self.gradients[self.target]
        left, steps = self.slope(self.target), [known.expression]
        inside = {
            x: node for node, x in self.cut.items() if known.expression.has(Slope) and mentions(known.expression, x)
        }
        parts = self.arriving[self.target]
        terms = [self.in_matrices(part.entries) for part in parts]
        turned = self.wholes.get(parts[0].use) if len(parts) == 1 and parts[0].use.op is ops.transpose else None
        if turned is not None:
            named = {x.name for x in turned.atoms(sympy.MatrixSymbol)}
            inside = {x: node for node, x in self.cut.items() if self.slope_text(node) in named}
            left, steps = self.arrays.matrix(self.slope_text(self.target), (*known.shape, 1)[:2]), [turned.T]
        elif known.matrix is not None and not isinstance(known.expression, Slope):
            left, steps = self.arrays.matrix(self.slope_text(self.target), (*known.shape, 1)[:2]), [known.matrix]
        elif len(terms) > 1 and None not in terms and any(isinstance(x, sympy.MatrixExpr) for x in terms):
            left = self.arrays.matrix(self.slope_text(self.target), (*known.shape, 1)[:2])
            steps = [Step(Joined("+", tuple(sorted(terms, key=lambda x: not x.is_Matrix))), known.expression)]
        if words := self.words.get(name_of(known.expression)):
            steps = [Step(words, known.expression)]
        notes = []
        for node in inside.values():
            before, whole = self.before[node], self.wholes.get(node)
            if whole is not None:
                notes.append(f"{self.slope_text(node)} = {text_of(whole)}")
            elif not before.has(Total):
                notes.append(text(self.line(self.slope(node), [before], (), reference)))
        return self.line(left, steps, known.axes, reference, f"with {', '.join(notes)}" if notes else "")

    def in_matrices(self, x: Entries) -> Any:
        """A term without letters: a product of matrices, or what acts entry by entry; None if it is neither."""
        found = x.expression.atoms(Indexed)
        if x.matrix is not None or x.expression.has(Total) or any(e.indices != x.axes for e in found):
            return x.matrix
        return x.expression.xreplace({e: entry(name_of(e), ()) for e in found})

    def used(self, result: Line) -> set[Any]:
        """The symbols of lengths that are shown."""
        found: set[Any] = set()
        for line in (result, *(line for section in self.sections for row in section.rows for line in row)):
            for step in line.steps:
                entries = isinstance(step.meant, sympy.Basic) and not isinstance(step.meant, sympy.MatrixExpr)
                found |= visible(step.meant) if entries else set()
        return found

    # Arriving at a value

    def arrive(self, node: GraphNode) -> None:
        """Add up what has come, write a value with a name in terms of such values, and keep dJ/d(node)."""
        axes = self.letters.axes(node)
        if node is self.J:
            self.known[node] = self.entries_of(sympy.Integer(1), node)
            return
        z = self.written(node)
        if z is not node:
            if not isinstance(self.known[z].expression, Slope):
                self.before[z], self.cut[z] = self.known[z].expression, self.name(z)
            self.known[node] = self.entries_of(self.slope(z), z)
            return
        parts = self.arriving[node]
        expression = tidy(sum(part.entries.expression for part in parts))
        anchor = self.letters.is_anchor(node) or node is self.target
        steps, note = list[Any](), ""
        if len(parts) > 1 and sympy.Add(*(part.entries.expression for part in parts)) != expression:
            steps = [Step(Joined("+", tuple(part.entries.expression for part in parts)), expression)]
        if anchor:
            steps.append(expression)
            expression, simple = self.written_out(expression, node)
            steps += [expression, simple]
            expression, assumed = self.assume(simple)
            steps += [expression] if assumed else []
            shorter, note = self.by_meaning(expression, node)
            steps, expression = [*steps, shorter], shorter
        elif len(parts) > 1:
            steps.append(expression)
        zero = expression.has(Total) and np.allclose(self.gradients[node], 0, rtol=0, atol=1e-12)
        if zero and (why := self.vanishing(expression, node)):
            steps, expression, note = [*(steps or [expression]), sympy.Integer(0)], sympy.Integer(0), why
        line = self.line(self.slope(node), steps, axes, self.gradients[node], note) if steps else None
        if line and len(parts) > 1:
            uses = " and ".join(self.name(self.written(part.use)) for part in parts[::-1])
            title = f"{self.name(node)} is used {len(parts)} times, in {uses}: what comes back through each adds up"
            self.section(title).rows.append((line,))
        elif line and len(line.steps) > 1:
            self.section(f"{self.slope_text(node)} in terms of what has a name").rows.append((line,))
        if len(parts) == 1 and parts[0].entries.matrix is not None and parts[0].use.op in PRODUCTS:
            self.wholes[node] = parts[0].entries.matrix
        if node is not self.target and self.must_cut(node, expression):
            self.before[node], self.cut[node] = expression, self.name(node)
            expression = self.slope(node)
        self.known[node] = self.entries_of(expression, node)
        if node is self.target and len(parts) == 1 and parts[0].entries.expression == expression:
            self.known[node].matrix = parts[0].entries.matrix

    def written_out(self, expression: Any, node: GraphNode) -> tuple[Any, Any]:
        """A formula in terms of what has a name, and its simplest form; if long, with long functions as u1, u2, ..."""
        found = []
        functions = [x for x in self.way if isinstance(self.letters.function(x), sympy.Function)]
        long = [x for x in functions if self.letters.expanded(self.letters.function(x)).count_ops() > 4]
        for keep in ((), long):
            written = self.letters.expanded(expression, keep)
            found.append((written, self.simplest(written, self.letters.axes(node), node.shape)))
            if found[0][1].count_ops() <= LONG:
                break
        return min(found, key=lambda pair: int(pair[1].count_ops()))

    def by_meaning(self, expression: Any, node: GraphNode) -> tuple[Any, str]:
        """A formula made shorter by what a value with a name is: as A = 1/(1 + exp(-Z)), 1 + exp(Z) is 1/(1 - A)."""
        axes = self.letters.axes(node)
        slopes = {slope: quantity(slope) for slope in expression.atoms(Slope)}
        bare, back = expression.xreplace(slopes), {symbol: slope for slope, symbol in slopes.items()}
        for y in self.way:
            meaning = self.letters.meaning(y) if bare.has(self.symbol(y)) and y.shape == node.shape else None
            for form in () if meaning is None else solved(bare, self.symbol(y), meaning):
                shorter = self.simplest(form.xreplace(back), axes, node.shape)
                same = np.allclose(self.arrays.evaluate(shorter, axes, node.shape), self.gradients[node])
                if same and shorter.count_ops() < expression.count_ops():
                    return shorter, f"as {text(self.line(self.symbol(y), [meaning], axes, y.data))}"
        return expression, ""

    def vanishing(self, expression: Any, node: GraphNode) -> str:
        """Why a formula is 0, by what a value with a name is: to shift a row by its largest leaves its softmax."""
        for y, slope in ((y, slope) for y in self.before for slope in expression.atoms(Slope)):
            if name_of(slope.args[1]) == self.name(y):
                letters = dict(zip(self.letters.axes(y), getattr(slope.args[1], "indices", ()), strict=True))
                expression = expression.xreplace({slope: rename(self.before[y], letters, around=expression)})
        expression = expression.xreplace({slope: quantity(slope) for slope in expression.atoms(Slope)})
        for y in self.way:
            meaning = self.letters.meaning(y) if y is not node else None
            written, before = expression, len(self.sections)
            for found in () if meaning is None else self.letters.mentions(expression, self.name(y)):
                letters = dict(zip(self.letters.axes(y), getattr(found, "indices", ()), strict=True))
                written = written.xreplace({found: rename(meaning, letters, around=written)})
            if written is not expression:
                again = alike(written).replace(Total, lambda *args: total(*args) if len(args) == 3 else Total(*args))
                if self.assume(tidy(alike(again)))[0] == 0:
                    return f"as {text(self.line(self.symbol(y), [meaning], (), y.data))}"
                del self.sections[before:]  # what was assumed for nothing
        return ""

    def must_cut(self, node: GraphNode, expression: Any) -> bool:
        """Whether to go on with dJ/d(node) as one quantity: at matrices, names behind them, and in long formulas."""
        into_product = node.op in PRODUCTS
        through_product = any(part.use.op in PRODUCTS for part in self.arriving[node])
        behind = expression.has(Slope) and self.letters.is_anchor(node) and not isinstance(expression, Slope)
        return into_product or through_product or behind or expression.count_ops() > 40

    def entries_of(self, expression: Any, node: GraphNode) -> Entries:
        generic = self.letters.entries(node)
        matrix = None
        if isinstance(expression, Slope):
            matrix = self.arrays.matrix(f"d{self.name(self.J)}/d{self.name(node)}", generic.shape)
        return generic.like(expression, generic.axes, generic.shape, matrix)


def visible(x: Any) -> set[Any]:
    """The symbols that are written out: not the length of a sum."""
    args = (x.args[0],) if isinstance(x, Total) else x.args
    found: set[Any] = {x} if x.is_Symbol else set()
    return found.union(*map(visible, args))


def mentions(expression: Any, name: str) -> bool:
    """Whether dJ/d(name) stands in an expression."""
    return any(name_of(slope.args[1]) == name for slope in expression.atoms(Slope))


def quantity(slope: Any) -> Any:
    """dJ/dA_ij as an entry of its own, in which A does not stand."""
    return entry(f"slope {name_of(slope.args[1])}", getattr(slope.args[1], "indices", ()))


def name_of(x: Any) -> str:
    return str(x.base.label) if isinstance(x, Indexed) else str(x)
