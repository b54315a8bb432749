"""A recorded graph as text.

    print(tree(J, names=locals()))        # plain text, the same everywhere
    tree(J).show()                        # the same, with colours and cut to width where a terminal reads it

The output stands at the top, and below each node what it was made of. Of several inputs the one with most behind it
goes on in the same column, the others branch off first; so a network of many layers does not wander to the right.

    ◎ output    ● made by an op    ◆ parameter    ○ data    A2 ↓ below, W ↑ above: stands there, and is one node
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple, TextIO

import numpy as np

from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.masks import name_masks
from tinygrad_edu.read.notation import DEEPEST, spelled
from tinygrad_edu.tensor import Tensor

__all__ = ["Tree", "tree"]

MARKS = {"output": "◎ ", "op": "● ", "parameter": "◆ ", "input": "○ "}
COLOURS = {"output": "1;32", "op": "36", "parameter": "33", "input": "0", "dim": "2", "wrong": "1;31"}
GAP = 2  # columns between cells
NARROWEST, ROOMY, WIDEST = 24, 40, 60  # columns for a name and its expression
IN_FULL = 20  # columns for the entries of an array; one that needs more is min / mean / max
SPELLED_OUT = 1000  # nodes; in a larger tree an expression has the names of its inputs only


class Line(NamedTuple):
    """One line: lines that lead to it, a name, what the name is, and the cells beside."""

    guide: str
    kind: str
    name: str
    rest: str = ""
    cells: tuple[str, ...] = ()


class Tree:
    """A graph as text. `str()` and `print()` are always plain; `show()` colours on a terminal."""

    def __init__(self, lines: list[Line], note: str = "") -> None:
        self.lines, self.note = lines, note

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def show(self, file: TextIO | None = None) -> None:
        """Print; on a terminal with colours and cut to its width. NO_COLOR=1 in the environment leaves them out."""
        file = file or sys.stdout
        if not file.isatty():
            print(self, file=file)
            return
        colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        print(self.text(shutil.get_terminal_size().columns, colours), file=file)

    def text(self, width: int | None = None, colours: bool = False) -> str:
        """The lines, their cells in columns; the names are cut, and the cells packed, so that all fits the width."""
        lines, cells = self.lines, [line.cells for line in self.lines]
        widths = widest(cells)
        if width and width - sum(widths) < ROOMY:
            cells = [tuple(cell.replace(" / ", "/") for cell in row) for row in cells]
            widths = widest(cells)
        room = max(NARROWEST, min(WIDEST, (width or 10**6) - sum(widths)))
        shown = [cut(line.name + line.rest, room - len(line.guide)) for line in lines]
        first = max(len(line.guide) + columns(text) for line, text in zip(lines, shown, strict=True))
        texts = []
        for line, text, row in zip(lines, shown, cells, strict=True):
            parts = coloured(line, text) if colours else [line.guide, text]
            missing = first - len(line.guide) - columns(text)
            for cell, size in zip(row, widths, strict=False):
                parts += [" " * (missing + GAP), paint(cell, "wrong") if colours and cell.startswith("!") else cell]
                missing = size - GAP - columns(cell)
            texts.append("".join(parts).rstrip())
        return "\n".join([*texts, self.note] if self.note else texts)


def tree(
    x: Tensor | list[Tensor],
    names: Mapping[str, Any] | None = None,
    values: bool = True,
    gradients: bool = True,
    max_nodes: int = 200,
) -> Tree:
    """The graph behind a tensor as text.

    Beside each node: its shape, its value and the gradient of the output with respect to it. Small arrays stand in
    full, larger ones as min / mean / max; `!` marks NaN and infinity. Gradients need an output that is a single
    number. Above `max_nodes` the nodes furthest from the output are folded into lines with ⋮.

    Raises:  TypeError for something that is no Tensor; ValueError for one that was not recorded
    >>> w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> print(tree(np.sum(w * w)))
    3 nodes             shape  value  gradient
    ◎ J = Σ(w ⊙ w)      ()     5      1
    ● multiply = w ⊙ w  (2,)   [1 4]  [1 1]
    └─◆ w               (2,)   [1 2]  [2 4]
    """
    if max_nodes < 1:
        raise ValueError(f"tree: max_nodes must be at least 1; got {max_nodes}. Leave it out for 200.")
    graph = name_masks(Graph(x, names))
    slopes, notes = find_gradients(graph) if gradients else (None, [])
    folded = max(0, len(graph.nodes) - max_nodes)
    shown = nearest(graph, max_nodes) if folded else set(graph.nodes)
    with np.errstate(all="ignore"):
        cells = {node: beside(node, values, slopes) for node in graph.nodes if node in shown}
    summarized = any(" / " in cell for row in cells.values() for cell in row)
    title = f"{len(graph.nodes):,} nodes" + ("; min / mean / max" if summarized else "")
    titles = ("shape", *["value"] * values, *["gradient"] * (slopes is not None))
    if folded:
        folded = len(graph.nodes) - len(shown)
        notes.append(
            f"⋮ {folded:,} of {len(graph.nodes):,} nodes are folded. To see all of them pass max_nodes="
            f"{len(graph.nodes)}; to see a part, the tree of a tensor inside."
        )
    return Tree([Line("", "dim", title, "", titles), *lay_out(graph, shown, cells)], "\n".join(notes))


def find_gradients(graph: Graph) -> tuple[dict[GraphNode, np.ndarray] | None, list[str]]:
    """The gradient at each node, or a sentence why there is none."""
    shapes = [str(node.shape) for node in graph.outputs if node.data.size != 1]
    if shapes:
        return None, [f"No gradients: they need a single number at the top; this is {shapes[0]}."]
    try:
        with np.errstate(all="ignore"):
            return graph.backward(), []
    except (ArithmeticError, TypeError, ValueError) as error:  # a wrong rule: the tree helps to find it
        return None, [f"No gradients. {error}"]


def nearest(graph: Graph, most: int) -> set[GraphNode]:
    """The nodes that were made last, with the leaves they were made of."""
    shown: set[GraphNode] = set()
    for node in reversed(graph.nodes):
        if node.op and len(shown) < most:
            shown.add(node)
            for x in node.parents:
                if x.op is None and len(shown) < most:
                    shown.add(x)
    return shown


def lay_out(graph: Graph, shown: set[GraphNode], cells: dict[GraphNode, tuple[str, ...]]) -> list[Line]:
    """The lines from the outputs down.

    What an op made stands under the first node that used it, so that what is used again further up is found further
    down, in the one place where all of it can be followed; a leaf stands where it is met first.
    """
    behind = dict.fromkeys(graph.nodes, 1)  # how many nodes stand under a node, itself included
    for node in graph.nodes:
        if node.uses:
            behind[node.uses[0]] += behind[node]
    depth = DEEPEST if len(shown) <= SPELLED_OUT else 0
    lines: list[Line] = []
    done: set[GraphNode] = set()
    waiting: list[tuple[GraphNode | str, str, str]] = [(node, "", "") for node in graph.outputs[::-1] if not node.uses]
    while waiting:
        item, lead, guide = waiting.pop()  # lead stands before its line, guide before those below it
        if isinstance(item, str):
            lines.append(Line(lead, "dim", item))
            continue
        node = item
        if node.op is None and node in done:
            lines.append(Line(lead, "dim", f"{clean(node.name)} ↑ above"))
            continue
        done.add(node)
        rest = f" = {clean(spelled(node, depth))}" if node.op else ""
        lines.append(Line(lead + MARKS[node.kind], node.kind, clean(node.name), rest, cells[node]))
        inputs = list(dict.fromkeys(node.parents))
        own = {x for x in inputs if x.op and x.uses[0] is node and x in shown}
        main = max((x for x in inputs if x in own), key=behind.__getitem__, default=None)
        branches: list[GraphNode | str] = []
        for x in inputs:
            if x not in shown or x is main:
                continue
            if x in own or x.op is None:
                branches.append(x)
            else:
                branches.append(f"{clean(x.name)} {'↑ above' if x in done else '↓ below'}")
        branches += fold([x for x in inputs if x not in shown], node, behind)
        below = [(branch, guide + "├─", guide + "│ ") for branch in branches]
        if main:
            below.append((main, guide, guide))
        elif below:
            below[-1] = (branches[-1], guide + "└─", guide + "  ")
        waiting += below[::-1]
    return lines


def fold(hidden: list[GraphNode], node: GraphNode, behind: dict[GraphNode, int]) -> list[str]:
    """What stands in place of the inputs of a node that are not shown."""
    if not hidden:
        return []
    what = clean(hidden[0].name) if len(hidden) == 1 else f"{len(hidden):,} inputs"
    count = sum(behind[x] for x in hidden if x.uses[0] is node)
    return [f"⋮ {what}, {count:,} nodes in all" if count > 1 else f"⋮ {what}"]


def beside(node: GraphNode, values: bool, gradients: dict[GraphNode, np.ndarray] | None) -> tuple[str, ...]:
    """The cells of a node: its shape, value and gradient."""
    cells = [str(node.shape)]
    if values:
        cells.append(entries(node.data))
    if gradients is not None:
        cells.append(entries(gradients[node]) if node in gradients else "")
    return tuple(cells)


def entries(data: np.ndarray) -> str:
    """An array on one line: in full if small, else min / mean / max; `!` before NaN and infinity."""
    if data.size == 1:
        x = data.item()
        return number(x, 5) if math.isfinite(x) else f"! {x}"
    if data.size == 0:
        return "empty"
    finite = bool(np.isfinite(data).all())
    mark = "" if finite else "! "
    if 2 * data.size < IN_FULL and len(full := mark + on_one_line(data.tolist())) <= IN_FULL:
        return full
    if not finite:
        counts = {"nan": np.isnan(data).sum(), "inf": np.isinf(data).sum()}
        return f"! {', '.join(f'{count} {name}' for name, count in counts.items() if count)} of {data.size}"
    least, most = data.min().item(), data.max().item()
    if least == most:
        return f"all {number(least, 3)}"
    return " / ".join(number(x, 2) for x in (least, data.mean(dtype=float).item(), most))


def on_one_line(data: Any) -> str:
    """Nested lists of numbers as NumPy prints them, on one line."""
    return f"[{' '.join(map(on_one_line, data))}]" if isinstance(data, list) else number(data, 3)


def number(x: Any, digits: int) -> str:
    """A number in a few digits; whole numbers in full, if not long."""
    return f"{x + 0:.{digits}g}" if not float(x).is_integer() or abs(x) >= 1e6 else str(int(x))


def clean(text: str) -> str:
    """Text without control characters, cut if very long."""
    text = text[:200]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def cut(text: str, width: int) -> str:
    """Text in at most so many columns."""
    if columns(text) <= width:
        return text
    while columns(text) > max(width - 1, 1):
        text = text[:-1]
    return text + "…"


def widest(rows: list[tuple[str, ...]]) -> list[int]:
    """The columns that each cell needs, with the gap before it."""
    count = max(map(len, rows))
    return [GAP + max(columns(row[k]) for row in rows if row) for k in range(count)]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def coloured(line: Line, text: str) -> list[str]:
    """The start of a line with its name in the colour of its kind."""
    if line.kind == "dim":
        return [paint(line.guide, "dim"), paint(text, "dim")]
    size = min(len(line.name), len(text))
    lines, mark = line.guide[:-2], line.guide[-2:]
    return [paint(lines, "dim"), paint(mark + text[:size], line.kind), text[size:]]


def paint(text: str, colour: str) -> str:
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if text else ""
