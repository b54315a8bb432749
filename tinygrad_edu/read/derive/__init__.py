"""The derivation of a gradient in symbols, from the recorded graph.

    print(derive(J, wrt=Z, names=locals()))
    derive(J, wrt=W).check()            # every line with the numbers of the batch

The way from the cost to `wrt` is walked link by link. Each link's local derivative comes from its rule in `ops`, the
one that computes the numbers too, given symbols in place of arrays; SymPy multiplies, adds and simplifies.

    chain.py         the walk; links.py what is written down of each kind of link
    letters.py       names, and the letters of axes
    symbols.py       arrays of symbols, which the rules are given; broadcast.py how two of them meet
    algebra.py       sums over an index, simplification, numbers
    mathematics.py   lines as text; markup.py as LaTeX and MathML
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.tensor import Tensor

__all__ = ["Check", "Derivation", "Line", "Section", "Step", "derive"]


@dataclass(frozen=True)
class Joined:
    """Expressions side by side that are not to be worked out: factors of a product or terms of a sum."""

    sign: str
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Step:
    """One side of an equation: what is shown, and what it means, an expression of one entry or the numbers."""

    shown: Any
    meant: Any = None


@dataclass
class Line:
    """left = step = step ...; `reference` is what autograd says all of them are."""

    left: Any
    steps: list[Step]
    axes: tuple[Any, ...] = ()
    reference: Any = None
    note: str = ""


@dataclass
class Section:
    """A heading, words, and rows of lines; in a table they stand in columns."""

    title: str
    rows: list[tuple[Line, ...]] = field(default_factory=list)
    words: str = ""
    table: bool = False


@dataclass(frozen=True)
class Check:
    """What `Derivation.check` found: for each line the largest difference of any of its steps from autograd."""

    lines: tuple[tuple[str, float], ...]
    tolerance: float

    @property
    def wrong(self) -> tuple[tuple[str, float], ...]:
        return tuple(line for line in self.lines if not line[1] <= self.tolerance)

    @property
    def largest(self) -> float:
        return float(np.max([difference for _, difference in self.lines], initial=0))

    @property
    def ok(self) -> bool:
        return bool(self.lines) and not self.wrong

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        first = (
            f"{len(self.lines)} lines evaluated, {len(self.wrong)} wrong; "
            f"largest difference from autograd {self.largest:.1e}, tolerance {self.tolerance:.0e}"
        )
        return "\n".join([first, *(f"  WRONG by {difference:.1e}: {line}" for line, difference in self.wrong)])


@dataclass
class Derivation:
    """A gradient worked out: prints as text, shows as mathematics in notebooks.

    sections   what is written down, in order
    result     the last line, dJ/d(wrt) in its simplest form
    """

    cost: str
    wrt: str
    sections: list[Section]
    result: Line
    arrays: Any
    tolerance: float

    def lines(self) -> Iterator[Line]:
        """Every line, in order."""
        for section in self.sections:
            for row in section.rows:
                yield from row
        yield self.result

    def line(self, left: str) -> Line:
        """The last line with this left side, letters left out: "dJ/dA", "k = j"."""
        from tinygrad_edu.read.derive.mathematics import left_side

        by_left = {left_side(line): line for line in self.lines()}
        if left not in by_left:
            raise KeyError(f"derivation: left must be the left side of a line; got {left!r}. There are {[*by_left]}.")
        return by_left[left]

    def numbers(self, step: Step, line: Line) -> np.ndarray:
        """One step of a line with the batch's numbers put in, at every entry."""
        if isinstance(step.meant, np.ndarray):
            return step.meant
        values: np.ndarray = self.arrays.evaluate(step.meant, line.axes, np.shape(line.reference))
        return values

    def check(self) -> Check:
        """Put the batch's numbers into every line and compare with autograd, relative to numbers above 1."""
        from tinygrad_edu.read.derive.mathematics import text

        found = []
        for line in self.lines():
            scale = max(1.0, float(np.max(np.abs(line.reference), initial=0)))
            steps = [self.numbers(step, line) for step in line.steps if step.meant is not None]
            with np.errstate(invalid="ignore"):
                gaps = [np.max(np.abs(values - line.reference), initial=0) / scale for values in steps]
            if gaps:
                found.append((text(line), float(np.max(gaps))))
        return Check(tuple(found), self.tolerance)

    def __str__(self) -> str:
        from tinygrad_edu.read.derive.mathematics import page

        return page(self)

    def latex(self) -> str:
        """The derivation as LaTeX, for the amsmath package."""
        from tinygrad_edu.read.derive.markup import latex

        return latex(self)

    def html(self) -> str:
        """The derivation as HTML with MathML; it needs nothing from the network."""
        from tinygrad_edu.read.derive.markup import html

        return html(self)

    def _repr_html_(self) -> str:
        return f"<h3>{escape(f'd{self.cost}/d{self.wrt}')}</h3>{self.html()}"


def derive(cost: Tensor, wrt: Tensor, names: Mapping[str, Any] | None = None, max_links: int = 100) -> Derivation:
    """The derivation of dJ/d(wrt) in symbols, from the graph of the cost.

    Tensors are called by their own names, or by those in `names`, for example locals(). `wrt` may be any tensor on
    the way: a leaf, or one that was computed.

    Raises:  TypeError for what is no Tensor; ValueError for a cost that is no scalar, a `wrt` that the cost does not
             depend on, a way of more than `max_links` links; ImportError without SymPy
    """
    for what, x in (("cost", cost), ("wrt", wrt)):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"derive: {what} must be a Tensor; got {type(x).__name__}. Pass the tensor of the graph itself."
            )
    if cost.size != 1:
        raise ValueError(
            f"derive: the cost must be a scalar; got shape {cost.shape}. Reduce it, for example with .mean()."
        )
    try:
        import sympy  # noqa: F401
    except ImportError:
        raise ImportError(
            "derive: needs SymPy, which is not installed. Run: pip install 'tinygrad_edu[derive]'."
        ) from None
    from tinygrad_edu.read.derive.chain import Chain
    from tinygrad_edu.read.products import merge_transposes

    if not cost.inputs:
        raise ValueError(
            f"derive: the cost must have been recorded; got {cost!r}. "
            "Does it depend on a tensor with requires_grad=True, outside of no_grad()?"
        )
    graph = Graph(cost, names)
    target = next((node for node in graph.nodes if node.value is wrt), None)
    if target is not None:
        merge_transposes(graph, target)
    way = on_the_way(graph, target) if target is not None else []
    if target is None or len(way) < 2:
        raise ValueError(
            f"derive: there must be a path from the cost to wrt; got {wrt!r}, which the cost was not computed from"
            f"{' by steps that were recorded' if target is not None else ''}. Was it cut by detach(), .numpy() or "
            "no_grad(), made without requires_grad=True, or computed a second time?"
        )
    on_way = set(way)
    links = sum(len(on_way.intersection(node.parents)) for node in way if node is not target)
    if links > max_links:
        raise ValueError(
            f"derive: a derivation must have at most max_links={max_links} links to be read; got {links} from the cost "
            f"to wrt. Pass max_links={links}, or derive with respect to a tensor nearer to the cost."
        )
    return Chain(graph, target, way, names or {}).derivation()


def on_the_way(graph: Graph, target: GraphNode) -> list[GraphNode]:
    """The nodes between the target and the output, both included, in topological order."""
    found = {target}
    for node in graph.nodes:
        tensor = isinstance(node.value, Tensor) and node.value.requires_grad
        if tensor and any(x in found for x in node.parents):
            found.add(node)
    if not (isinstance(target.value, Tensor) and target.value.requires_grad):
        return [target]
    return [node for node in graph.nodes if node in found] if graph.outputs[0] in found else [target]
