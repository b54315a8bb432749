"""Names and letters: what each value of a graph is called in a derivation, and the letters of its axes.

    Z_ij    example i, unit j            rows; in columns Z_ji
    W_jk    to unit j from input k
    u3      a value that has no name

A layout is read off the graph: where a matrix of parameters stands on the left of a product, examples are columns.
Arrays without a name that the graph holds are recognised by their numbers: 1 - Y is written so, not as a constant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import sympy

from tinygrad_edu import ops
from tinygrad_edu.graph import MADE, Graph, GraphNode, form_of
from tinygrad_edu.read.derive import Joined, Line, Section, Step
from tinygrad_edu.read.derive.algebra import SEED, Slope, entry, index, number, rename
from tinygrad_edu.read.derive.broadcast import taken
from tinygrad_edu.read.derive.symbols import Arrays, Entries
from tinygrad_edu.read.masks import find_masks
from tinygrad_edu.read.products import PRODUCTS, one_example, weight_first, written_in
from tinygrad_edu.tensor import Tensor

__all__ = ["Letters"]

#: How an op is computed on symbols, where its own forward function is no formula, or guards against overflow.
FORWARD: dict[ops.Op, Any] = {ops.xlogy: lambda x, y: x * np.log(y), ops.index: taken}


class Letters:
    """What is decided before the walk: names, letters, lengths, and what stands for what."""

    def __init__(self, graph: Graph, target: GraphNode, way: list[GraphNode], names: Mapping[str, Any]) -> None:
        self.graph, self.way, self.target = graph, way, target
        self.columns = any(weight_first(node) for node in graph.nodes) or any(
            node.op in (ops.softmax, ops.log_softmax) and node.params.get("axis", -1) % node.data.ndim == 0
            for node in graph.nodes
            if node.data.ndim == 2
        )
        self.names = self.find_names(graph, target)
        self.batch = self.find_batch()
        self.arrays = Arrays(self.batch, set(self.names.values()))
        self.made: dict[GraphNode, tuple[str, Any]] = {}
        arrays = {name: x for name, x in names.items() if isinstance(x, np.ndarray)}
        self.arrays.labels = {name: x for name, x in arrays.items() if x.ndim == 1 and x.dtype.kind in "iu"}
        self.masks = find_masks(graph)
        self.find_made(names)
        self.g = sympy.Symbol(SEED, real=True)
        self.introduced: set[GraphNode] = set()
        self.said: set[Any] = set()
        self.homes: dict[GraphNode, str] = {}
        for node in graph.nodes:
            self.homes[node] = self.home(node)
        self.forwards: dict[GraphNode, Entries | None] = {}

    # Names

    def find_names(self, graph: Graph, target: GraphNode) -> dict[GraphNode, str]:
        taken = {node.name for node in graph.nodes if node.named}
        letter = next(letter for letter in "uvwsqd" if not any(name[:1] == letter for name in taken))
        names, count = {}, 0
        for node in graph.nodes:
            if node.named:
                names[node] = node.name
            elif node.op is not None:
                count += 1
                names[node] = f"{letter}{count}"
            else:
                names[node] = node.name
                if node is target:
                    names[node] = next(name for name in ("x", "z", "theta") if name not in taken)
        return names

    def find_made(self, names: Mapping[str, Any]) -> None:
        """Arrays without a name that are those with a name, or 1 minus them, or all one number."""
        arrays = {node.name: node.data for node in self.graph.nodes if node.op is None and node.named}
        arrays |= {
            name: x.data if isinstance(x, Tensor) else x
            for name, x in names.items()
            if isinstance(x, Tensor | np.ndarray) and name not in arrays and not getattr(x, "requires_grad", False)
        }
        for node in self.graph.nodes:
            if node.op is not None or node.named or node is self.target or self.is_recorded(node):
                continue
            form, name = form_of(node.data, arrays)
            if form:
                self.made[node] = name, MADE[form]
                self.arrays.numbers.setdefault(name, np.asarray(arrays[name], float))
            elif node.data.size and np.all(node.data == node.data.flat[0]) and node.data.dtype.kind == "f":
                self.made[node] = ("", number(node.data.flat[0]))

    def is_recorded(self, node: GraphNode) -> bool:
        return isinstance(node.value, Tensor) and node.value.requires_grad

    def facts(self, used: set[Any]) -> list[Section]:
        """What is said before the derivation: the size of the batch, and what an array without a name is."""
        words = [f"m = {self.batch} examples"] if self.batch not in (None, 1) else []
        words += [f"{x} = {n}" for x, n in self.arrays.lengths.items() if x in used and x.name != "m"]
        if any(node.data.ndim == 2 and min(node.shape) > 1 for node in self.way):
            example = "i is the example, " if self.batch not in (None, 1) else ""
            words.append(f"in the letters of an entry, {example}j and k are units or classes")
        lines: list[tuple[Line, ...]] = []
        for node, (name, made) in self.made.items():
            if name and made is not MADE["{}"]:
                axes = self.axes(node)
                meant = self.entries(node).expression
                lines.append(
                    (
                        Line(
                            "data without a name",
                            [Step(meant, meant)],
                            axes,
                            np.asarray(node.data, float),
                            "by its numbers",
                        ),
                    )
                )
        return [Section(", ".join(words), lines)] if words or lines else []

    # Letters

    def find_batch(self) -> int | None:
        """How many examples there are; None where weights are multiplied with the vector of one."""
        products = [node for node in self.graph.nodes if node.op in PRODUCTS]
        for node in products or [self.target]:
            if node.data.ndim and not one_example(node):
                return node.shape[-1 if self.columns and node.data.ndim > 1 else 0]
        return None

    def home(self, node: GraphNode) -> str:
        """The letters of a value's axes."""
        ndim = node.data.ndim
        for use in node.uses:
            if use.op in PRODUCTS and node.kind == "parameter" and ndim <= 2:
                return self.product_letters(use)[1][use.inputs.index(node)]
        if node.op is not None and node.op not in PRODUCTS:
            for x in node.parents:
                if x.shape == node.shape and x.kind == "parameter":
                    return self.homes[x]
        if ndim == 2:
            return "ji" if self.columns else "ij"
        if ndim == 1:
            return "i" if node.shape[0] == self.batch else "j"
        return "ijklpqrs"[:ndim]

    def product_letters(self, node: GraphNode) -> tuple[str, list[str]]:
        """The letters of a product of matrices: of its result and of its operands."""
        ndims = [x.data.ndim if isinstance(x, GraphNode) else 0 for x in node.inputs]
        if node.op is ops.linear:
            rows = "i" if ndims[0] == 2 else ""
            return rows + "j", [rows + "k", "jk", "j"]
        p, q = ("j", "i") if self.columns or one_example(node) else ("i", "j")
        left, right = (p if ndims[0] == 2 else ""), (q if ndims[1] == 2 else "")
        return left + right, [left + "k" if ndims[0] else "", "k" + right if ndims[1] else ""]

    def axes(self, node: GraphNode) -> tuple[Any, ...]:
        return tuple(
            sympy.Integer(0) if n == 1 else index(letter)
            for n, letter in zip(node.shape, self.homes[node], strict=True)
        )

    def link(self, y: GraphNode) -> tuple[tuple[Any, ...], list[Any]]:
        """The letters of y and its operands as entries, for the links from y."""
        operands: list[Any] = []
        letters, each = self.homes[y], [self.homes[x] if isinstance(x, GraphNode) else "" for x in y.inputs]
        if y.op in PRODUCTS and all(x.data.ndim <= 2 for x in y.parents):
            letters, each = self.product_letters(y)
        for x, own in zip(y.inputs, each, strict=False):
            if not isinstance(x, GraphNode):
                operands.append(self.scalar(y, x))
            elif y.op is ops.cross_entropy and x is y.inputs[1] and x.data.ndim == 1:
                operands.append(self.one_hot(x, y))
            else:
                operands.append(self.entries(x, own))
        axes = tuple(sympy.Integer(0) if n == 1 else index(i) for n, i in zip(y.shape, letters, strict=True))
        return axes, operands

    def operand_axes(self, y: GraphNode, x: GraphNode) -> tuple[Any, ...]:
        """The letters of an input in the links from y."""
        axes: tuple[Any, ...] = self.link(y)[1][y.inputs.index(x)].axes
        return axes

    def scalar(self, y: GraphNode, x: Any) -> Any:
        """A number as it is, or m where a sum over the batch is divided by it."""
        if x is None:
            return None
        averaged = any(node.op is ops.mean for node in self.way)
        if self.batch not in (None, 1) and y.data.ndim == 0 and not averaged:
            m = next(symbol for symbol, n in self.arrays.lengths.items() if n == self.batch)
            for times in (1, 2, -1, -2):
                if y.op is ops.divide and x is y.inputs[1] and x == times * self.batch:
                    return self.arrays.entries(times * m)
                if y.op is ops.multiply and x == 1 / (times * self.batch):
                    return self.arrays.entries(1 / (times * m))
        return int(x) if float(x).is_integer() else x

    def one_hot(self, x: GraphNode, y: GraphNode) -> Entries:
        """Class numbers as rows with a 1 at the class."""
        classes = y.parents[0].shape[1]
        rows = np.eye(classes)[x.data.astype(int)]
        name = self.made[x][0] if x in self.made else self.names[x] if x.named else ""
        return self.arrays.array(f"onehot({name or 'labels'})", rows, "ij")

    def unit(self, y: GraphNode, axes: Any) -> Entries:
        """g itself, as the gradient of y."""
        own = self.entries(y)
        return own.like(entry(SEED, tuple(axes)), axes, own.shape, self.arrays.matrix(SEED, own.shape))

    def entries(self, node: GraphNode, letters: str | None = None) -> Entries:
        """The entries of a value."""
        letters = self.homes[node] if letters is None else letters
        if mask := self.masks.get(node):
            written: Entries = mask(self.entries(mask.value, letters))
            return written
        if node not in self.made:
            return self.arrays.array(self.names[node], node.data, letters)
        name, made = self.made[node]
        shape = tuple(self.arrays.prime(n) for n in node.shape)
        generic = self.arrays.generic(name or "one", shape, letters)
        expression = made(generic.expression) if name else made
        kept = generic.matrix if made is MADE["{}"] else None
        return generic.like(expression, generic.axes, shape, kept)

    def matrix(self, x: Entries, position: int) -> Any:
        """A factor of a product as a matrix: a vector is a row on the left, and a column on the right."""
        if x.ndim != 1 or not isinstance(x.expression, sympy.Indexed):
            return x.matrix
        return self.arrays.matrix(str(x.expression.base.label), (*x.shape, 1) if position else (1, *x.shape))

    def times_vector(self, y: GraphNode, x: GraphNode, operands: list[Any], slope: str) -> Any:
        """X.T @ dJ/dy for y = X @ x, and X @ dJ/dy for y = x @ X; None if it is neither."""
        position = y.inputs.index(x)
        matrix = operands[1 - position].matrix if len(y.inputs) == 2 and operands[1 - position].ndim == 2 else None
        g = self.arrays.matrix(slope, (*self.entries(y).shape, 1))
        return None if matrix is None else (matrix.T if position else matrix) @ g

    def is_data(self, term: Any) -> bool:
        """Whether an entry is of an array that takes no gradient."""
        label = str(term.base.label)
        derived = {name for name, _ in self.made.values()}
        return (
            label in derived
            or label.startswith("onehot(")
            or any(name == label and not self.is_recorded(node) for node, name in self.names.items())
        )

    def shape(self, term: Any) -> tuple[int, ...]:
        return self.arrays.numbers[str(term.base.label)].shape

    # Values without a name

    def is_anchor(self, node: GraphNode) -> bool:
        """Whether a value stands for itself: it has a name, or cannot be written out."""
        return node.named or node.op is None or node.op in PRODUCTS or self.forward(node) is None

    def forward(self, node: GraphNode) -> Entries | None:
        """What an op computes, in symbols: the forward function of its row, given entries."""
        if node not in self.forwards:
            try:
                axes, operands = self.link(node)
                op: Any = node.op
                function = FORWARD.get(op, op.forward)
                found = self.arrays.entries(function(*operands, **node.params))
                shape = tuple(self.arrays.prime(n) for n in node.shape)
                if found.shape != shape:
                    raise NotImplementedError("a forward function of another shape")
                self.forwards[node] = found.lettered(axes)
            except (NotImplementedError, TypeError, ValueError, AttributeError, IndexError):
                self.forwards[node] = None
        return self.forwards[node]

    def function(self, node: GraphNode) -> Any:
        """What a value without a name is computed as, or None."""
        return None if self.is_anchor(node) else self.forward(node).expression  # type: ignore[union-attr]

    def expanded(self, expression: Any, keep: Collection[GraphNode] = ()) -> Any:
        """Values without a name written out, but for those to keep."""
        kept = {slope: sympy.Dummy(real=True) for slope in expression.atoms(Slope)}
        expression = expression.xreplace(kept)
        for node in reversed(self.way):
            if self.is_anchor(node) or node in keep:
                continue
            for found in self.mentions(expression, self.names[node]):
                axes, _ = self.link(node)
                meant = self.forward(node)
                indices = getattr(found, "indices", ())
                mapping = {i: k for i, k in zip(axes, indices, strict=True) if not i.is_Integer}
                written = rename(meant.expression, mapping, around=expression)  # type: ignore[union-attr]
                expression = expression.xreplace({found: written})
        return expression.xreplace({dummy: slope for slope, dummy in kept.items()})

    def meaning(self, node: GraphNode) -> Any:
        """A value with a name written out, if it was computed entry by entry or by sums."""
        entrywise = node.named and node.op is not None and node.op not in PRODUCTS and self.forward(node) is not None
        return self.expanded(self.written(node, self.axes(node))) if entrywise else None

    def written(self, node: GraphNode, axes: tuple[Any, ...]) -> Any:
        """What an op computes, in these letters."""
        return self.forward(node).lettered(axes).expression  # type: ignore[union-attr]

    def mentions(self, expression: Any, name: str) -> Iterable[Any]:
        symbol = sympy.Symbol(name, real=True)
        entries = [x for x in expression.atoms(sympy.Indexed) if x.base.label == symbol]
        return entries or ([symbol] if expression.has(symbol) else [])

    def definition(self, y: GraphNode) -> tuple[Any, Any]:
        """How y was computed, to be shown, and what it means."""
        meant = self.forward(y)
        symbols = [
            entry(self.names[x], ()) if isinstance(x, GraphNode) else number(x) for x in y.inputs if x is not None
        ]
        terms = [x for x in y.parents if written_in(x) is y and x is not self.target]
        if terms and meant is not None:
            shown = [self.definition(x)[0] for x in terms]
            shown += [x for x, node in zip(symbols, y.inputs, strict=True) if node not in terms]
            written = {entry(self.names[x], self.axes(x)): self.written(x, self.axes(x)) for x in terms}
            return Joined("+", tuple(shown)), meant.expression.xreplace(written)
        if y.op in PRODUCTS and meant is not None:
            _, operands = self.link(y)
            a, b = (self.matrix(x, k) for k, x in enumerate(operands[:2]))
            if a is not None and b is not None:
                product = a * (b.T if y.op is ops.linear else b)
                bias = symbols[2:] if y.op is ops.linear else []
                return Joined("+", (product, *bias)), meant.expression
        if y.op in (ops.sum, ops.mean) or meant is None:
            called = sympy.Function(y.op.name)(*symbols)  # type: ignore[union-attr]
            if y.key and "_" not in y.key:
                called = sympy.Symbol(f"{symbols[0]}[{y.key}]")
            return called, np.asarray(y.data, float) if meant is None else meant.expression
        return meant.expression, meant.expression
