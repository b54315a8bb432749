"""Plots of training, by Matplotlib (extra `plot`), without pyplot's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.check import Cancellation, SlowStart
from tinygrad_edu.writing import write

__all__ = ["loss_curve", "right_digits", "save", "slow_start"]


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


def right_digits(cancellation: Cancellation) -> Any:
    """The right digits of loss and gradient for each z, composed and fused, in each dtype; returns the Figure."""
    drawing = figure(9.0, 5.6)
    grid = drawing.subplots(2, len(cancellation.numbers), sharex=True, sharey="col", squeeze=False)
    for column, (dtype, by) in zip(grid.T, cancellation.numbers.items(), strict=True):
        for ax, quantity in zip(column, cancellation.exact, strict=True):
            for route, style in zip(by, ("--", "-"), strict=True):
                ax.plot(cancellation.z, cancellation.digits(dtype, route, quantity), style, label=route)
            broken = ~np.isfinite(by["composed"][quantity])
            ax.fill_between(cancellation.z, 0, 1, broken, alpha=0.15, color="C3", lw=0, label="composed: inf or NaN",
                            transform=ax.get_xaxis_transform())  # fmt: skip
            ax.set(ylabel=f"right digits of {quantity}" if dtype == next(iter(cancellation.numbers)) else None)
            ax.grid(alpha=0.3)
            ax.spines[["top", "right"]].set_visible(False)
        column[0].set_title(dtype)
        column[-1].set_xlabel(f"z, with target {cancellation.target:g}")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return drawing


def slow_start(runs: SlowStart) -> Any:
    """Cost, as a share of what it was at the start, and output by epoch; returns the Figure."""
    drawing = figure(9.0, 3.8)
    cost, output = drawing.subplots(1, 2, sharex=True)
    for (run, series), style in zip(runs.costs.items(), cycle(("-", "--", ":", "-.")), strict=False):
        cost.plot(series / series[0], style, label=run)
        output.plot(runs.outputs[run], style)
    cost.set(xlabel="epoch", ylabel="cost J / cost at the start", ylim=(0, None))
    output.set(xlabel="epoch", ylabel=f"output a, with target {runs.target:g}")
    for ax in (cost, output):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    drawing.legend(loc="outside upper center", ncols=3, frameon=False)
    return drawing


def save(ax: Any, path: Any) -> None:
    """Write a Figure, or that of an Axes; the ending of the name chooses the format."""
    path, picture = Path(path), BytesIO()
    ax.figure.savefig(picture, format=path.suffix[1:].lower() or "png", dpi=150)
    write(path, picture.getvalue())
