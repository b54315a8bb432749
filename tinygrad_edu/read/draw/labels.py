"""What stands in a node of a picture: its name, what it is made of, its numbers, as Graphviz's HTML-like tables.

A single number and a small array stand in full, a larger array as a heat-map of at most 8 × 8 cells, blue below zero
and orange above; cells below zero are marked with a minus, so that they are told apart without colours, too. What is
not finite is written out on yellow.
"""

from __future__ import annotations

from html import escape

import numpy as np

from tinygrad_edu.graph import GraphNode
from tinygrad_edu.read import notation

__all__ = ["panel", "safe", "shape_text", "table", "title"]

LONGEST, CELLS, SIDE = 60, 8, 14
SMALL_SIZE, SMALL_SIDE = 12, 6
BELOW, ABOVE, MARK = (0, 114, 178), (213, 94, 0), "#f0e442"  # from the Okabe-Ito palette
FAINT, MONOSPACE = "#555555", "Courier New,monospace"
BRACKETS = (("⎡", "⎤"), ("⎢", "⎥"), ("⎣", "⎦"))


def safe(text: str, longest: int = LONGEST) -> str:
    """Text that Graphviz and a page show as it is, cut if very long."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return escape("".join(c if c.isprintable() else " " for c in short)).replace("\\", "\\\\")


def font(text: str, size: int, color: str = "black") -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{color}">{text}</FONT>'


def table(rows: list[list[str]], attributes: str = 'CELLPADDING="2"') -> str:
    """Rows of cells; a cell that does not start with <TD is wrapped in one, the last one of a short row stretched."""
    width = max(map(len, rows))
    lines = []
    for row in rows:
        *front, last = [cell if cell.startswith("<TD") else f"<TD>{cell}</TD>" for cell in row]
        if len(row) < width:
            last = last.replace("<TD", f'<TD COLSPAN="{width - len(row) + 1}"', 1)
        lines.append(f"<TR>{''.join(front)}{last}</TR>")
    border = "" if "BORDER" in attributes else ' BORDER="0"'
    return f'<TABLE{border} CELLBORDER="0" CELLSPACING="0" {attributes}>{"".join(lines)}</TABLE>'


def title(node: GraphNode) -> str:
    """Z1 = X W1ᵀ + b1: the name in bold, or in grey where it is only that of the op."""
    name = safe(node.name) or " "
    if node.op is None:
        return f"<B>{name}</B>"
    name = f"<B>{name}</B>" if node.named else font(name, 10, FAINT)
    return f"{name} = {safe(notation.expression(node), 2 * LONGEST)}"


def shape_text(shape: tuple[int, ...]) -> str:
    """5 × 4; a vector is known by its comma."""
    return f"({shape[0]},)" if len(shape) == 1 else " × ".join(map(str, shape))


def panel(array: np.ndarray, values: str) -> str:
    """The numbers of an array: in full, as a heat-map or in a line, with a mark on what is not finite."""
    if array.size == 0:
        return "empty"
    data = np.asarray(array, float)
    rows = data.reshape(-1, data.shape[-1]) if data.ndim > 1 else data.reshape(1, -1)
    small = data.size <= SMALL_SIZE and max(rows.shape) <= SMALL_SIDE
    if data.size == 1:
        return marked(number(data.item()), data)
    if values == "auto" and small:
        return marked(in_full(rows), data)
    if values == "summary":
        return summary(data, mean=True)
    return table([[heat_map(rows)], [summary(data)]], 'CELLPADDING="1"')


def number(x: float) -> str:
    """One number, to four digits."""
    return notation.number(float(f"{x:.4g}"))


def marked(text: str, data: np.ndarray) -> str:
    """Text on yellow if a number in the data is not finite."""
    if np.isfinite(data).all():
        return text
    return table([[f'<TD BGCOLOR="{MARK}"><B>{text}</B></TD>']], 'CELLPADDING="1"')


def in_full(rows: np.ndarray) -> str:
    """Every number between the brackets of a matrix, the columns aligned, a power of ten in common."""
    finite = np.abs(rows[np.isfinite(rows)])
    top = finite.max(initial=0)
    whole = bool((finite == np.round(finite)).all()) and top < 1e5
    power = 0 if whole or 1e-2 <= top < 1e5 else int(np.floor(np.log10(top)))
    places = 0 if whole else max(2 - int(np.floor(np.log10(top))) + power, 0)
    with np.errstate(over="ignore", under="ignore"):
        scaled = rows / 10.0**power if power > -300 else rows * 1e300 / 10.0 ** (power + 300)
    texts = [[entry(x, places) for x in row] for row in scaled]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = []
    for position, row in enumerate(texts):
        left, right = ("[", "]") if len(texts) == 1 else BRACKETS[(position > 0) + (position == len(texts) - 1)]
        cells = " ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        lines.append(f"{left}{cells}{right}".replace(" ", "\N{NO-BREAK SPACE}"))
    text = f'<FONT FACE="{MONOSPACE}" POINT-SIZE="10">{"<BR/>".join(lines)}</FONT>'
    return text + (f"<BR/>{font(f'× 10{notation.exponent(power)}', 9)}" if power else "")


def entry(x: float, places: int) -> str:
    """An entry of a matrix; what is 0 is told from what is rounded to it."""
    return "0" if x == 0 else f"{x:.{places}f}".replace("-", "−") if np.isfinite(x) else notation.number(x)


def summary(data: np.ndarray, mean: bool = False) -> str:
    """The least and the largest number, and how many are not finite."""
    finite = data[np.isfinite(data)]
    facts = [f"{number(finite.min())} … {number(finite.max())}"] if finite.size else []
    if mean and finite.size:
        facts.append(f"mean {number(average(finite))}")
    lines = [font(", ".join(facts), 9)] if facts else []
    not_finite = (("NaN", np.isnan(data)), ("∞", np.isposinf(data)), ("−∞", np.isneginf(data)))
    counts = [f"{count.sum()} × {name}" for name, count in not_finite if count.any()]
    if counts:
        lines.append(f'<TD BGCOLOR="{MARK}">{font("<B>" + ", ".join(counts) + "</B>", 9)}</TD>')
    return lines[0] if lines == [font(", ".join(facts), 9)] else table([[line] for line in lines], 'CELLPADDING="1"')


def average(finite: np.ndarray) -> float:
    """The mean, of numbers near the largest one, too."""
    top = np.abs(finite).max() or 1.0
    return float((finite / top).mean() * top)


def heat_map(rows: np.ndarray) -> str:
    """At most 8 × 8 coloured cells, each the mean of its part; the darkest colour is the largest mean."""
    top = np.abs(rows[np.isfinite(rows)]).max(initial=0) or 1.0
    with np.errstate(invalid="ignore"):  # inf - inf in a mean: the cell is marked
        shades = blocks(rows / top)
    shades = shades / (np.abs(shades[np.isfinite(shades)]).max(initial=0) or 1.0)
    height, width = shades.shape
    size = f'FIXEDSIZE="TRUE" WIDTH="{width * SIDE + 2}" HEIGHT="{height * SIDE + 2}"'  # else it is stretched
    return table([[colored(x) for x in row] for row in shades], f'CELLPADDING="0" BORDER="1" COLOR="#999999" {size}')


def blocks(rows: np.ndarray) -> np.ndarray:
    """The means of at most 8 × 8 parts of about the same size."""
    for axis in (0, 1):
        length = rows.shape[axis]
        starts = np.arange(min(length, CELLS)) * length // min(length, CELLS)
        counts = np.diff(np.append(starts, length))
        rows = np.add.reduceat(rows, starts, axis) / np.expand_dims(counts, 1 - axis)
    return rows


def colored(x: float) -> str:
    """A cell: white at 0, blue below and orange above, in nine steps."""
    size = f'WIDTH="{SIDE}" HEIGHT="{SIDE}"'
    if not np.isfinite(x):
        return f'<TD BGCOLOR="{MARK}" {size}>{font("?" if np.isnan(x) else notation.number(x), 7)}</TD>'
    step = int(np.ceil(abs(x) * 9 - 1e-6)) / 9
    shade = "".join(f"{round(255 + (c - 255) * step):02x}" for c in (BELOW if x < 0 else ABOVE))
    sign = font("−", 8, "white" if step > 0.5 else "black") if x < 0 and step > 0 else ""
    return f'<TD BGCOLOR="#{shade}" {size}>{sign}</TD>'
