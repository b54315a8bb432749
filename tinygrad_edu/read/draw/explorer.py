"""A page that steps through the forward pass, then through the backward pass, and shows the sum that is done.

    explore(J, "page.html", names=locals())

The page is one file and needs no network: open it, press the right arrow. Left is the graph with the current node and
link lit, beside it the incoming gradient, the local derivative with its numbers put in, and their product.
The numbers are those of the engine; what happens in each step is said in `working.py`, the places of the
nodes come from `layout.py`, and what the browser does with them stands in `page/`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.draw.layout import HEIGHT, WIDTH, layered
from tinygrad_edu.read.draw.working import Step, working
from tinygrad_edu.read.masks import name_masks
from tinygrad_edu.read.notation import expression
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.writing import write

__all__ = ["explore"]

PAGE = Path(__file__).with_name("page")
SCRIPTS = ("formula.js", "arrays.js", "drawing.js", "page.js")
MOST_NODES = 300
MOST_CELLS = 12  # along an axis; of longer ones as many are shown, evenly chosen
LONGEST_NAME = 40
LETTERS = {"op": "u", "output": "u", "parameter": "w", "input": "x"}  # of nodes that have no name of their own


def explore(loss: Tensor, path: str | Path = "page.html", names: Mapping[str, Any] | None = None) -> Path:
    """Write a page that steps through both passes behind a tensor; returns its path.

    `names` is a mapping from name to tensor, for example locals(). What has no name is called u1, u2, ..., as in a
    derivation. If `loss` is no scalar, the sum of its entries is differentiated.

    Raises:  TypeError for something that is no Tensor; ValueError for one that was not recorded, or a graph of more
             than 300 nodes; FileNotFoundError if the directory does not exist
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"explore: loss must be a Tensor; got {type(loss).__name__}. Pass the result itself.")
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"explore: the directory must exist; got {str(path.parent)!r}. Create it first.")
    graph = name_masks(Graph(loss, names))
    if len(graph.nodes) > MOST_NODES:
        raise ValueError(
            f"explore: a page shows at most {MOST_NODES} nodes; got {len(graph.nodes)}. Pass an intermediate tensor to "
            "see the part above it, or start the part at tensor.detach()."
        )
    rename(graph)
    return write(path, page(graph).encode())


def rename(graph: Graph) -> None:
    """Short names that can stand in a formula: a letter and a number for nodes that have none."""
    taken = {node.name for node in graph.nodes}
    numbers = dict.fromkeys("uwxc", 0)
    for node in graph.nodes:
        if node.named or node.made:
            name = "".join(c if c.isprintable() else " " for c in node.name).strip() or "unnamed"
            name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
            again = 1
            while name != node.name and name in taken:
                again += 1
                name = f"{name[: LONGEST_NAME - 6]} ({again})"
        else:
            letter = "c" if node.name.startswith("constant") else LETTERS[node.kind]
            while (name := f"{letter}{numbers[letter] + 1}") in taken:
                numbers[letter] += 1
        taken.add(name)
        node.name, node.named = name, True


def page(graph: Graph) -> str:
    """The page as one text, with a policy that lets nothing run but its own script."""
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    script = "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return Template((PAGE / "template.html").read_text(encoding="utf-8")).substitute(
        policy=(
            f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'; "
            "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        title=escape(graph.outputs[0].name),
        style=style,
        script=script,
        data=as_data(content(graph)),
    )


def digest(text: str) -> str:
    """The name under which a policy allows a script or a style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_data(content: Any) -> str:
    """JSON in which no text can end the element that holds it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


class Arrays:
    """Each array of the page once, as it is shown: rounded, and large ones sampled."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.found: dict[Any, int] = {}

    def add(self, data: np.ndarray) -> int:
        """The number of an array."""
        key = data.shape, data.dtype.str, data.tobytes()
        if key not in self.found:
            self.found[key] = len(self.shown)
            self.shown.append(shown(data))
        return self.found[key]


def shown(data: np.ndarray) -> dict[str, Any]:
    """An array as rows and columns: its shape, its entries, which of them were chosen, its largest size."""
    columns = data.shape[-1] if data.ndim else 1
    table = data.reshape(data.size // columns if columns else 0, columns)
    chosen = [np.linspace(0, n - 1, min(n, MOST_CELLS)).round().astype(int) for n in table.shape]
    finite = np.isfinite(table)
    size = np.abs(table[finite].astype(float)).max() if finite.any() else 0.0
    entry: dict[str, Any] = {"shape": list(data.shape), "rows": len(chosen[0]), "columns": len(chosen[1])}
    entry["cells"] = [number(x) for x in table[np.ix_(*chosen)].ravel().tolist()]
    entry["size"] = number(float(size))
    if max(table.shape) > MOST_CELLS:
        entry["chosen"] = [index.tolist() for index in chosen]
    if not finite.all():
        entry["bad"] = int(data.size - finite.sum())
    return entry


def number(x: float) -> float | str:
    """A number of five digits; NaN and infinity by name, as JSON has none."""
    if isinstance(x, int):
        return int(x)  # True and False, too
    return float(f"{x:.5g}") if np.isfinite(x) else f"{x}"


def content(graph: Graph) -> dict[str, Any]:
    """All that the page shows, as plain data."""
    arrays, places = Arrays(), layered(graph)
    index = {node: k for k, node in enumerate(graph.nodes)}
    links = {link: k for k, link in enumerate(places[1])}
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "nodes": [node_data(node, places[0][node], arrays) for node in graph.nodes],
        "links": [
            {"from": index[x], "to": index[y], "points": [round(c, 1) for point in points for c in point]}
            for (x, y, _), points in places[1].items()
        ],
        "steps": [step_data(step, index, links, arrays) for step in working(graph)],
        "arrays": arrays.shown,
    }


def node_data(node: GraphNode, place: tuple[float, float], arrays: Arrays) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": "output" if node.kind == "output" else node.kind,
        "text": expression(node) if node.op else "",
        "op": node.op.name if node.op else "",
        "x": round(place[0], 1),
        "y": place[1],
        "value": arrays.add(node.data),
    }


def step_data(step: Step, index: dict[GraphNode, int], links: dict[Any, int], arrays: Arrays) -> dict[str, Any]:
    """A step with numbers in place of nodes, links and arrays."""
    entry = {key: x if isinstance(x, str) else arrays.add(x) for key, x in step.entry.items()}
    data = {
        "kind": step.kind,
        "node": index[step.node],
        "formula": step.formula,
        "say": step.say,
        "terms": [term if isinstance(term, str) else [term[0], arrays.add(term[1])] for term in step.terms],
        "entry": entry,
        "note": step.note,
    }
    if step.link:
        data["link"] = links[step.node, *step.link]
    if step.gradient is not None:
        data["gradient"] = arrays.add(step.gradient)
    return {key: x for key, x in data.items() if x not in ("", {})}
