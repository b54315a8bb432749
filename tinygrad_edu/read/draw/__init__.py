"""A recorded graph as a picture, laid out by Graphviz.

    draw(J).save("graph.svg")

Values flow along the dark arrows; gradients come back along the orange ones, and each link is labelled with its local
derivative, by which the gradient is multiplied on its way. A sheet with a folded corner is data, a box with a tab a
parameter, a round box what an op made, a double frame the output; each kind has a colour of its own too.

Read next: `fold.py`, what is drawn as one node, and `labels.py`, what stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

import graphviz
import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.graph import Graph, GraphNode, Scope
from tinygrad_edu.read import notation
from tinygrad_edu.read.draw.fold import Unit, arrange
from tinygrad_edu.read.draw.labels import FAINT, font, panel, safe, shape_text, table, title
from tinygrad_edu.read.draw.render import render
from tinygrad_edu.read.masks import name_masks
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.writing import write

__all__ = ["Drawing", "draw"]

# Fill colours from the Okabe-Ito palette, lightened, each darker than the one before: told apart by the colour-blind
# and in greyscale.
LOOKS = {
    "input": {"shape": "note", "fillcolor": "#fafafa"},
    "op": {"shape": "box", "style": "rounded,filled", "fillcolor": "#dbeefa"},
    "parameter": {"shape": "tab", "fillcolor": "#f6cf85"},
    "output": {"shape": "box", "peripheries": "2", "fillcolor": "#8fcfb8"},
}
FOLDED = {"shape": "box3d", "style": "filled"}
AGAIN = {"shape": "plaintext", "style": "", "margin": "0.02"}
LEFT_OUT = {"shape": "plaintext", "style": ""}
COMMUTATIVE = (ops.add, ops.multiply, ops.maximum, ops.minimum)
STRETCHING = (*COMMUTATIVE, ops.subtract, ops.divide, ops.power)
FORWARD, BACK = "#4d4d4d", "#b34700"
FORMATS = ("svg", "png", "pdf", "gv", "html")
CHOICES: dict[str, tuple[str | None, ...]] = {
    "values": ("auto", "heatmap", "summary", "none"),
    "edges": ("formula", "shape", "none"),
    "group": ("module", "fold", None),
    "direction": ("TB", "LR", "BT", "RL"),
}
DETAILED = 60  # nodes; with more of them, values="auto" is a summary
QUICK = {"nslimit": "1", "mclimit": "0.2"}  # less search for a perfect layout
FAR = 8  # links away a value is drawn again

Rows = list[list[str]]

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>The graph of {title}</title>
<style>body {{ margin: 1em; background: white }} svg {{ max-width: 100%; height: auto }}</style>
{svg}
</html>
"""


class Drawing:
    """A picture in Graphviz's language; `save` lays it out, and a notebook shows it.

    source  the picture in Graphviz's language
    note    what the picture does not show one by one, as it says itself; empty if it shows all
    """

    def __init__(
        self,
        source: str,
        note: str = "",
        tensor: Tensor | None = None,
        name: str = "a tensor",
        names: Mapping[str, Any] | None = None,
    ) -> None:
        self.source = source
        self.note = note
        self._tensor, self._names = tensor, names
        self._name = name

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of the name chooses the format: svg, png, pdf, gv or html.

        Raises:  ValueError for another format; FileNotFoundError if the directory does not exist;
                 RuntimeError if Graphviz is missing (the .gv is written all the same)
        """
        path = Path(path)
        form = path.suffix[1:].lower()
        if form not in FORMATS:
            raise ValueError(f"draw: the file must end in {', '.join(FORMATS)}; got {path.name!r}. Try graph.svg.")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"draw: the directory must exist; got {str(path.parent)!r}. Create it first.")
        try:
            picture = self._in(form)
        except RuntimeError as error:
            kept = write(path.with_suffix(".gv"), self.source.encode())
            raise RuntimeError(f"{error} The drawing's source is in {kept}.") from None
        return write(path, picture)

    def _in(self, form: str) -> bytes:
        if form == "gv":
            return self.source.encode()
        if form == "html":
            svg = re.sub(r"^.*?(?=<svg)", "", render(self.source, "svg").decode(), flags=re.DOTALL)
            return PAGE.format(title=escape(self._name), svg=svg).encode()
        return render(self.source, form)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For notebooks: the picture, or the graph as a text tree where it cannot be laid out."""
        try:
            return {"image/svg+xml": render(self.source, "svg").decode(), "text/plain": repr(self)}
        except Exception:  # whatever is wrong with the layout program, a notebook goes on
            return {"text/plain": self._as_text()}

    def _as_text(self) -> str:
        from tinygrad_edu.read.draw.tree import tree

        return self.source if self._tensor is None else str(tree(self._tensor, self._names))

    def __repr__(self) -> str:
        return f"Drawing of {self._name}" + (f" ({self.note})" if self.note else "")


def draw(
    x: Tensor,
    names: Mapping[str, Any] | None = None,
    values: str = "auto",
    gradients: bool = True,
    edges: str = "formula",
    group: str | None = "module",
    direction: str = "TB",
    max_nodes: int = 200,
) -> Drawing:
    """The graph behind a tensor as a Drawing.

    Each node shows its name, what it is made of, its shape, its value and, where x is a scalar, its gradient.

    names      a mapping from name to tensor, for example locals()
    values     "auto" (small arrays in full, larger ones as a heat-map; more than 60 nodes: a summary), "heatmap",
               "summary" (least, largest, mean) or "none"
    gradients  whether to show them, and the arrows on which they come back
    edges      on each link the local derivative ("formula"), the shape of what flows forward ("shape") or "none"
    group      a box around each call of a module ("module"), a node in place of the box ("fold"), or None
    direction  in which values flow: "TB" (top to bottom), "LR", "BT" or "RL"
    max_nodes  above it layers are folded; if that is not enough, the middle is left out. The picture says so.

    Raises:  TypeError for something that is no Tensor; ValueError for one that was not recorded, for a name of what is
             not in the graph, or for an argument that is none of the above
    """
    given = {"values": values, "edges": edges, "group": group, "direction": direction}
    for key, choices in CHOICES.items():
        if given[key] not in choices:
            listed = " or ".join(map(repr, choices))
            raise ValueError(f"draw: {key} must be {listed}; got {given[key]!r}. The default is {choices[0]!r}.")
    if not isinstance(max_nodes, int) or max_nodes < 3:
        raise ValueError(f"draw: max_nodes must be a whole number, 3 or more; got {max_nodes!r}. The default is 200.")
    graph = name_masks(Graph(x, names))
    units, note = arrange(graph, group, max_nodes)
    found, failure = find_gradients(graph) if gradients else ({}, "")
    if values == "auto" and len(units) > DETAILED:
        values = "summary"
    dot = canvas(direction, legend([note, failure], bool(found), edges))
    if len(units) > DETAILED:
        dot.graph_attr |= QUICK
    numbers = {unit: str(position) for position, unit in enumerate(units)}
    output = graph.outputs[0].name if len(graph.outputs) == 1 else ""
    beside = find_beside(numbers)
    add_nodes(dot, numbers, beside, lambda node: numbers_of(node, found, values, output))
    add_edges(dot, numbers, beside, found, edges)
    return Drawing(dot.source, note, x, graph.outputs[0].name, names)


def canvas(direction: str, label: str) -> graphviz.Digraph:
    """An empty picture with what all nodes and edges have in common."""
    return graphviz.Digraph(
        graph_attr={
            "rankdir": direction,
            "bgcolor": "white",
            "nodesep": "0.3",
            "ranksep": "0.45",
            "fontname": "Helvetica",
            "label": label,
        },
        node_attr={
            "style": "filled",
            "fontname": "Helvetica",
            "fontsize": "12",
            "color": FORWARD,
            "margin": "0.08,0.05",
        },
        edge_attr={"color": FORWARD, "arrowsize": "0.7", "fontname": "Helvetica", "fontsize": "11"},
    )


def find_gradients(graph: Graph) -> tuple[dict[GraphNode, np.ndarray], str]:
    """The gradient at each node, none where the output is no scalar; and what went wrong, for the picture."""
    if any(node.data.size != 1 for node in graph.outputs):
        return {}, ""
    try:
        with np.errstate(all="ignore"):
            return graph.backward(), ""
    except (ArithmeticError, TypeError, ValueError) as error:  # a wrong rule: the picture helps to find it
        return {}, f"No gradients. {error}"


def find_beside(units: Iterable[Unit]) -> dict[Unit, list[Unit]]:
    """At most two parameters for each op in a box: one stands on its left, one on its right.

    Above it they would push it aside, in each layer further, and a deep network would become a diagonal.
    """
    waiting = {unit.result: unit for unit in units if unit.boxes and not unit.ops}
    beside = {}
    for unit in units:
        if unit.boxes and unit.ops and not unit.scope:
            own = [x for x in dict.fromkeys(unit.result.parents) if x in waiting and waiting[x].boxes == unit.boxes]
            beside[unit] = [waiting.pop(x) for x in own[:2]]
    return {unit: leaves for unit, leaves in beside.items() if leaves}


def add_nodes(
    dot: graphviz.Digraph,
    numbers: dict[Unit, str],
    beside: dict[Unit, list[Unit]],
    shown: Callable[[GraphNode], Rows],
) -> None:
    """Each unit as a node, in a cluster for each box around it."""
    clusters: dict[tuple[Scope, ...], graphviz.Digraph] = {(): dot}
    for unit, number in numbers.items():
        for depth in range(1, len(unit.boxes) + 1):
            if unit.boxes[:depth] not in clusters:
                clusters[unit.boxes[:depth]] = cluster(f"cluster_{len(clusters)}", unit.boxes[depth - 1])
        clusters[unit.boxes].node(number, label(unit, shown), **look(unit, unit not in beside))
    for unit, leaves in beside.items():
        row = graphviz.Digraph(graph_attr={"rank": "same"})
        for x in (leaves[0], unit, *leaves[1:]):
            row.node(numbers[x])
        clusters[unit.boxes].subgraph(row)
    for boxes in sorted(clusters, key=len, reverse=True)[:-1]:
        clusters[boxes[:-1]].subgraph(clusters[boxes])


def cluster(name: str, scope: Scope) -> graphviz.Digraph:
    """The box around what one call of a module made."""
    text = f"<{font(safe(str(scope)), 11, FAINT)}>"
    return graphviz.Digraph(
        name,
        graph_attr={"label": text, "labeljust": "l", "style": "rounded,dashed", "color": "#888888", "margin": "10"},
    )


def add_edges(
    dot: graphviz.Digraph,
    numbers: dict[Unit, str],
    beside: dict[Unit, list[Unit]],
    found: dict[GraphNode, np.ndarray],
    edges: str,
) -> None:
    """An edge for each use of a value; one for all uses in a folded unit.

    In a large picture a value that is used far away is repeated there, by its name: edges across the whole picture
    could not be followed, and their layout would take minutes.
    """
    unit_of = {node: unit for unit in numbers for node in unit.nodes}
    ranks = find_ranks(list(numbers), unit_of) if len(numbers) > DETAILED else {}
    drawn = set()
    for unit, number in numbers.items():
        for node in unit.nodes:
            for position, x in enumerate(node.inputs):
                if not isinstance(x, GraphNode) or unit_of[x] is unit:
                    continue
                start = unit_of[x]
                if len(unit.nodes) + len(start.nodes) > 2:
                    if (start, unit) in drawn:
                        continue
                    drawn.add((start, unit))
                attributes = {"label": link(unit, node, position, x, edges)} if edges != "none" else {}
                if x in found:
                    attributes |= {"dir": "both", "color": f"{FORWARD}:{BACK}", "arrowtail": "empty"}
                if start in beside.get(unit, [])[1:]:
                    attributes["weight"] = "0"  # or it would stand on the left, too
                origin = numbers[start]
                if ranks and ranks[unit] - ranks[start] > FAR:
                    origin = f"{numbers[start]} for {number}"
                    dot.node(origin, f"<{font(f'{safe(x.name)} ↺', 11)}>", **AGAIN)
                dot.edge(origin, number, **{key: text for key, text in attributes.items() if text})


def find_ranks(units: list[Unit], unit_of: dict[GraphNode, Unit]) -> dict[Unit, int]:
    """How many links lie above each unit; a leaf stands just above its first use."""
    ranks: dict[Unit, int] = {}
    for unit in units:
        if not unit.ops:
            continue
        from_units = {unit_of[x] for node in unit.nodes for x in node.parents} - {unit}
        ranks[unit] = 1 + max((ranks.get(start, 0) for start in from_units), default=0)
        for start in from_units:
            ranks.setdefault(start, ranks[unit] - 1)
    return ranks


def link(unit: Unit, node: GraphNode, position: int, x: GraphNode, edges: str) -> str:
    """What stands on the link from x to a node: the local derivative, if a gradient comes back on it, or the shape."""
    if unit.left_out:
        return ""
    if edges == "shape":
        return f"<{font(shape_text(x.shape) or 'scalar', 10, FAINT)}>"
    if not (isinstance(x.value, Node) and x.value.requires_grad):
        return ""
    text = notation.factor(node, position)
    if node.op in STRETCHING and x.data.size < node.data.size:
        text += ", summed"  # over its uses: an entry was used in several places
    if len(unit.ops) > 1:
        text = f"∂{notation.written(unit.result)}/∂{notation.written(x)}"
    if text[:1].isalpha() and " g" not in text:
        text = "\n".join(wrap(text, 14))  # words, not mathematics
    lines = "<BR/>".join(map(safe, text.split("\n")))
    return "<" + table([[font(lines, 11, BACK)]], 'CELLPADDING="4"') + ">"


def look(unit: Unit, ordered: bool) -> dict[str, str]:
    """Shape and colour, by kind; and whether what it is made of stands above it in order."""
    if unit.left_out:
        return LEFT_OUT
    kind = LOOKS["output" if any(node.kind == "output" for node in unit.nodes) else unit.result.kind]
    if unit.scope:
        return kind | FOLDED
    in_order = ordered and unit.result.op not in COMMUTATIVE and len(set(unit.result.parents)) > 1
    return kind | {"ordering": "in"} if in_order else kind  # a − b: a on the left


def label(unit: Unit, shown: Callable[[GraphNode], Rows]) -> str:
    """All that stands in a node."""
    if unit.left_out:
        return f"<{font(f'… {len(unit.ops):,} ops …', 14)}>"
    if unit.scope is None:
        return f"<{table([[title(unit.result)], *shown(unit.result)])}>"
    titles = [[title(node)] for node in unit.ops]
    if len(titles) > 4:
        titles[2:-1] = [[f"… {len(titles) - 3} ops …"]]
    leaves = [f"{safe(node.name)} {shape_text(node.shape)}" for node in unit.nodes if node.op is None]
    more = [[font(", ".join(leaves[:6]), 10, FAINT)]] if leaves else []
    return f"<{table([[f'<B>{safe(str(unit.scope))}</B>'], *titles, *more, *shown(unit.result)])}>"


def numbers_of(node: GraphNode, found: dict[GraphNode, np.ndarray], values: str, output: str) -> Rows:
    """Shape, value and, where there is one, gradient."""
    rows = [[font(shape_text(node.shape), 10, FAINT)]] if node.shape else []
    if values == "none":
        return rows
    if node not in found:
        return [*rows, [panel(node.data, values)]]
    name = f"d{output}/d{node.name}" if node.named or node.op is None else ""
    heading = safe(name) if output and "/" not in output and 0 < len(name) <= 24 else "gradient"
    return [
        *rows,
        [font("value", 9, FAINT), font(heading, 9, BACK)],
        [panel(node.data, values), panel(found[node], values)],
    ]


def legend(notes: list[str], gradients: bool, edges: str) -> str:
    """What the shapes, colours and arrows mean, and the notes."""
    kinds = [f'<TD BGCOLOR="{LOOKS[kind]["fillcolor"]}">{font(kind, 9)}</TD>' for kind in LOOKS]
    arrows = [font("▶ values", 9, FORWARD)]
    if gradients:
        times = ", times what stands on the link" if edges == "formula" else ""
        arrows.append(font(f"◁ gradients{times}", 9, BACK))
    rows = [[table([[*kinds, *arrows]], 'CELLPADDING="4"')]]
    for note in filter(None, notes):
        rows.append(["<BR/>".join(f"<B>{font(safe(line), 11)}</B>" for line in wrap(note[:400], 60))])
    return f"<{table(rows)}>"
