"""What a classifier takes for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.metrics import shares
from tinygrad_edu.plot.figures import figure, literal, rgb

__all__ = ["confusion", "worst"]

RIGHT, WRONG = "#0072B2", "#D55E00"


def confusion(matrix: Any, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """How many examples of each class (row) were taken for each (column); returns the Axes.

    The darker a cell, the larger its share of the row: blue where it is right, orange where it is wrong.

    Shapes:  matrix (k, k) of counts; names k
    Raises:  ValueError if it is not square or the names are not as many
    """
    counts = np.asarray(matrix)
    k = len(counts)
    names = list(map(literal, range(k) if names is None else names))
    if counts.shape != (k, k) or len(names) != k or not k:
        raise ValueError(
            f"confusion: needs a square matrix and a name for each class; got {counts.shape} and {len(names)} names. "
            "Rows are the true classes, columns what they were taken for."
        )
    longest = max(map(len, names))
    ax = ax or figure(1.2 + 0.42 * k + 0.08 * longest, 0.9 + 0.42 * k + 0.06 * longest).add_subplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    depth = np.sqrt(share)[..., None]  # a few mistakes can be seen, too
    full = np.where(np.eye(k, dtype=bool)[..., None], rgb(RIGHT), rgb(WRONG))
    ax.imshow(1 - depth * (1 - full))
    for (i, j), count in np.ndenumerate(counts):
        ax.text(j, i, f"{count:g}" if count else "·", ha="center", va="center", fontsize="small",
                color="white" if depth[i, j, 0] > 0.6 else "black")  # fmt: skip
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if longest > 3 else {}
    ax.set_xticks(range(k), names, **turn)
    ax.set_yticks(range(k), names)
    ax.set(xlabel="taken for", ylabel="true class")
    ax.set_title(f"{counts.trace() / max(counts.sum(), 1):.1%} of {counts.sum():g} right", loc="left")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def worst(
    images: Any, y: Any, probabilities: Any, names: Sequence[str] | None = None, count: int = 20, ax: Any = None
) -> Any:
    """The images that were mistaken most surely, the worst first; returns the Axes.

    Worst is where the true class got the least probability. Under each stands what it is, what it was taken for,
    and how sure the network was of that.

    Shapes:  images (m, height, width); y (m,) class numbers; probabilities (m, k), or (m,), (m, 1) that of class 1
    Raises:  ValueError if the lengths differ, or a class has no probability or no name
    """
    images, y, p = np.asarray(images), np.asarray(y).ravel().astype(np.int64), shares(probabilities, True)
    if images.ndim != 3 or not len(images) == len(y) == len(p):
        raise ValueError(
            f"worst: needs images (m, height, width) with m class numbers and probabilities; got {images.shape}, "
            f"{y.shape} and {p.shape}. Reshape the rows: X.reshape(-1, 8, 8)."
        )
    k = p.shape[1]
    label = list(map(literal, range(k) if names is None else names))
    if len(label) != k or not np.isin(y, range(k)).all():
        raise ValueError(
            f"worst: class numbers must be in [0, {k}), with a name for each; got {y.min(initial=0)} to "
            f"{y.max(initial=0)} and {len(label)} names. probabilities has a column for each class."
        )
    taken, true = p.argmax(axis=1), p[np.arange(len(y)), y]
    wrong = np.flatnonzero(taken != y)
    shown = wrong[np.argsort(true[wrong], kind="stable")][:count]
    across = min(max(len(shown), 1), 5 if count <= 20 else 8)
    down = -(-len(shown) // across) or 1
    ax = ax or figure(max(1.3 * across, 3), 1.55 * down + 0.4).add_subplot()
    for place, example in enumerate(shown.tolist()):
        row, column = divmod(place, across)
        ax.imshow(images[example], cmap="gray_r", extent=(column, column + 0.9, -row * 1.3 - 0.9, -row * 1.3))
        said = f"is {label[y[example]]}\nsaid {label[taken[example]]}, {p[example].max():.0%}"
        ax.text(column + 0.45, -row * 1.3 - 0.93, said, ha="center", va="top", fontsize=8, linespacing=1.1)
    ax.set(xlim=(-0.05, across - 0.05), ylim=(-1.3 * down, 0.05), aspect="equal")
    ax.set_title(
        f"{len(wrong)} of {len(y)} wrong" + (f", the {len(shown)} worst" * (len(shown) < len(wrong))), loc="left"
    )
    ax.set_axis_off()
    return ax
