"""What notebooks show: tables, in the colours of the page around them, light or dark.

table([["", "shape"], ["W1", "3x2"]], "Parameters")      the titles first
array(np.eye(2), "W1")                                  the numbers, the middle of many left out
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["array", "shown", "table"]

SHOWN = 8  # rows and columns of an array

STYLE = """
.tinygrad-table { overflow-x: auto; }
.tinygrad-table table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.tinygrad-table :is(table, caption, tr, th, td) { color: inherit; background: transparent; }
.tinygrad-table :is(th, td) { padding: .2em .8em; text-align: right; border: 0; white-space: nowrap; }
.tinygrad-table :is(caption, th:first-child) { text-align: left; white-space: nowrap; }
.tinygrad-table thead th { border-bottom: 1px solid currentColor; }
"""


def table(rows: Sequence[Sequence[str]], caption: str = "", note: str = "") -> str:
    """Rows of text as HTML, escaped: the first holds the titles of the columns, the first column those of the rows."""
    head, *others = ([escape(text) for text in row] for row in rows)
    titles = "".join(f'<th scope="col">{text}</th>' for text in head)
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{text}</td>" for text in cells)}</tr>'
        for name, *cells in others
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    below = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<div class="tinygrad-table"><style>{STYLE}</style><table>{above}<thead><tr>{titles}</tr></thead>'
        f"<tbody>{lines}</tbody></table>{below}</div>"
    )


def array(x: np.ndarray, caption: str) -> str:
    """The numbers of an array; of one with more than two axes their range and mean."""
    if x.ndim > 2 and x.size:
        rows = [["", "least", "mean", "largest"], ["", *(f"{value:.4g}" for value in (x.min(), x.mean(), x.max()))]]
        return table(rows, caption)
    matrix = x if x.ndim == 2 else x.reshape(1, x.size)
    down, across = (shown(range(size), SHOWN) for size in matrix.shape)
    rows = [["", *("…" if j is None else str(j) for j in across)]] if matrix.size > 1 else [["", ""]]
    for i in down:
        cells = ["⋮" if i is None else "…" if j is None else f"{matrix[i, j]:.4g}" for j in across]
        rows.append(["" if i is None or x.ndim < 2 else str(i), *cells])
    return table(rows, caption)


def shown(places: Sequence[int], most: int) -> list[int | None]:
    """So many of the places, half from either end; None where some are left out."""
    return [*places] if len(places) <= most else [*places[: most // 2], None, *places[-most // 2 :]]
