"""A recorded graph as a picture, laid out by Graphviz.

    draw(J).save("graph.svg")

Values flow from top to bottom along the edges. A parallelogram is data, a box with a tab a parameter, an ellipse what
an op made, a double frame the output; each kind has a colour of its own too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import graphviz

from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.tensor import Tensor

__all__ = ["Drawing", "draw"]

# Fill colours from the Okabe-Ito palette, lightened: told apart by the colour-blind and in greyscale.
LOOKS = {
    "input": {"shape": "parallelogram", "fillcolor": "#f2f2f2"},
    "parameter": {"shape": "tab", "fillcolor": "#fbe3b4"},
    "op": {"shape": "ellipse", "fillcolor": "#d6ebf7"},
    "output": {"shape": "ellipse", "peripheries": "2", "fillcolor": "#b9e3d5"},
}
FORMATS = ("svg", "png", "pdf", "gv")


class Drawing:
    """A picture in Graphviz's language; `save` lays it out."""

    def __init__(self, source: str) -> None:
        self.source = source

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending of the name chooses the format: svg, png, pdf or gv.

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
            picture = self.source.encode() if form == "gv" else render(self.source, form)
        except RuntimeError as error:
            kept = write(path.with_suffix(".gv"), self.source.encode())
            raise RuntimeError(f"{error} The drawing's source is in {kept}.") from None
        return write(path, picture)


def write(path: Path, content: bytes) -> Path:
    """Write under a temporary name, then rename: never half a file."""
    unfinished = path.with_name(path.name + ".part")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def render(source: str, form: str) -> bytes:
    """Lay out with `dot` if it is on PATH, else with pygraphviz, which brings its own."""
    try:
        return graphviz.Source(source).pipe(format=form, engine="dot")
    except graphviz.ExecutableNotFound:
        pass
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            "draw: needs Graphviz; got neither `dot` on PATH nor pygraphviz. Install Graphviz from your system's "
            "packages, or pip install 'tinygrad_edu[dot]'."
        ) from None
    picture: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
    return picture


def draw(x: Tensor, names: Mapping[str, Any] | None = None, direction: str = "TB") -> Drawing:
    """The graph behind a tensor as a Drawing.

    Each node shows its name, the op that made it, and its shape or, for a single entry, its value.
    `names` is a mapping from name to tensor, for example locals().

    Raises:  TypeError for something that is no Tensor; ValueError for one that was not recorded
    """
    if direction not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f"draw: direction must be TB, LR, BT or RL; got {direction!r}. TB runs from top to bottom.")
    graph = Graph(x, names)
    dot = graphviz.Digraph(
        graph_attr={"rankdir": direction, "bgcolor": "transparent", "nodesep": "0.3", "ranksep": "0.4"},
        node_attr={
            "style": "filled",
            "fontname": "Helvetica",
            "fontsize": "12",
            "color": "#4d4d4d",
            "margin": "0.12,0.06",
        },
        edge_attr={"color": "#4d4d4d", "arrowsize": "0.7"},
    )
    numbers = {node: str(k) for k, node in enumerate(graph.nodes)}
    for node, number in numbers.items():
        dot.node(number, label(node), **LOOKS[node.kind])
        for made_from in node.parents:
            dot.edge(numbers[made_from], number)
    return Drawing(dot.source)


def label(node: GraphNode) -> str:
    """Name, op and shape (or value) as an HTML-like label, every text escaped."""
    named = node.op is None or not re.fullmatch(rf"{re.escape(node.op.name)}( \(\d+\))?", node.name)
    lines = [f"<B>{safe(node.name)}</B>"] if named else []
    if node.op:
        constants = ", ".join(f"{x:g}" for x in node.inputs if isinstance(x, float))
        lines.append(safe(f"{node.op.name} ({constants})" if constants else node.op.name))
    data = node.value.data if isinstance(node.value, Tensor) else node.value
    size = f"{data.item():.5g}" if data.size == 1 else " × ".join(map(str, node.shape))
    lines.append(f'<FONT POINT-SIZE="10">{size}</FONT>')
    return "<" + "<BR/>".join(lines) + ">"


def safe(text: str) -> str:
    """Text that Graphviz and a page show as it is, cut if very long."""
    short = text if len(text) <= 60 else text[:59] + "…"
    return escape("".join(c if c.isprintable() else " " for c in short)).replace("\\", "\\\\")
