"""Plots of training, by Matplotlib (extra `plot`), without pyplot's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

__all__ = ["loss_curve", "save"]


def figure(width: float = 6.4, height: float = 4.0) -> Any:
    """A new Matplotlib Figure that belongs to nobody else."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "plot: needs Matplotlib; got none. Install it with pip install 'tinygrad_edu[plot]'."
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def loss_curve(losses: Mapping[str, Sequence[float]], ax: Any = None) -> Any:
    """Each series of losses by epoch, on a logarithmic scale; returns the Axes."""
    ax = ax or figure().add_subplot()
    for (name, series), style in zip(losses.items(), cycle(("-", "--", ":", "-.")), strict=False):
        epochs = range(1, len(series) + 1)
        (line,) = ax.plot(epochs, series, style, label=name)
        if len(series):
            end = (len(series), series[-1])
            ax.annotate(f" {name}", end, color=line.get_color(), va="center", annotation_clip=False)
    ax.set(xlabel="epoch", ylabel="cost J (mean loss, nats)", yscale="log")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def save(ax: Any, path: Any) -> None:
    """Write the figure of an Axes; the ending of the name chooses the format."""
    ax.figure.savefig(path, dpi=150)
