"""Figures that belong to nobody else, and how they are written."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from tinygrad_edu.writing import write

__all__ = ["COLOURS", "MARKERS", "figure", "literal", "plain", "rgb", "save"]

#: The palette of M. Okabe and K. Ito (2008), black and yellow last: they are hard to see in thin lines or on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
RESOLUTION = 150  # dots per inch


def figure(width: float = 6.4, height: float = 4.0) -> Any:
    """A new Matplotlib Figure that belongs to nobody else."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "plot: needs Matplotlib; got none. Install it with pip install 'tinygrad_edu[plot]'."
        ) from None
    return shown_in_notebooks(Figure)(figsize=(width, height), layout="constrained")


@cache
def shown_in_notebooks(base: type) -> type:
    """A Figure that a notebook shows where pyplot is not loaded."""
    return type("Picture", (base,), {"_repr_png_": lambda self: image(self, "png", 100)})


def plain(ax: Any) -> Any:
    """The Axes with a light grid and without a frame."""
    ax.grid(alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def literal(text: Any) -> str:
    """A name as it is: Matplotlib would read mathematics between two dollar signs."""
    return str(text).replace("$", r"\$")


def rgb(colour: str) -> tuple[float, ...]:
    """Red, green and blue in [0, 1] of #rrggbb."""
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))


def save(ax: Any, path: Any) -> None:
    """Write a Figure, or that of an Axes; the ending of the name chooses the format."""
    path = Path(path)
    write(path, image(ax.figure, path.suffix[1:].lower() or "png", RESOLUTION))


def image(drawing: Any, form: str, resolution: float) -> bytes:
    """A Figure as a file."""
    content = BytesIO()
    drawing.savefig(content, format=form, dpi=resolution)
    return content.getvalue()
