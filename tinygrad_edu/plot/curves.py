"""Numbers by epoch, and by pre-activation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from tinygrad_edu.check import Cancellation, SlowStart
from tinygrad_edu.plot.figures import COLOURS, figure, literal, plain, rgb

__all__ = ["loss_curve", "metric_curve", "right_digits", "slow_start"]

STYLES = ("-", "--", ":", "-.")


def loss_curve(losses: Mapping[str, Sequence[float]], ax: Any = None) -> Any:
    """Each series of losses by epoch, on a logarithmic scale if all are above 0; returns the Axes."""
    ax = by_epoch("loss_curve", losses, ax)
    ax.set(ylabel="cost J (mean loss, nats)")
    if ax.dataLim.y0 <= 0:
        return ax
    ax.set(yscale="log")
    least, largest = ax.get_ylim()
    digits = 3 - min(0, math.floor(math.log10(largest / least - 1)))  # that tell one tick from the next
    ax.yaxis.set_major_formatter(tick)
    ax.yaxis.set_minor_formatter(f"{{x:.{digits}g}}" if largest < 5 * least else tick if largest < 30 * least else "")
    return ax


def tick(value: float, _: Any = None) -> str:
    """A tick of a logarithmic scale: 1, 2 and 5 times a power of ten, in plain digits."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


def metric_curve(metrics: Mapping[str, Sequence[float]], ax: Any = None, ylabel: str = "") -> Any:
    """Each series of a metric by epoch; returns the Axes. The label is that of a single series, unless it is given."""
    ax = by_epoch("metric_curve", metrics, ax)
    ax.set(ylabel=literal(ylabel or (next(iter(metrics)) if len(metrics) == 1 else "")))
    return ax


def by_epoch(caller: str, series: Mapping[str, Sequence[float]], ax: Any) -> Any:
    """Each series as a line with its name at the end, or in a legend."""
    if not isinstance(series, Mapping):
        raise TypeError(
            f"{caller}: series must be a mapping from name to numbers; got {type(series).__name__}. "
            "Write for example {'training': history['loss']}."
        )
    ax = ax or figure().add_subplot()
    ends = []
    for (name, values), style, colour in zip(series.items(), cycle(STYLES), cycle(COLOURS), strict=False):
        y = np.array(values, float)
        y[~np.isfinite(y)] = np.nan  # these have no place
        marker = "o" if len(y) == 1 else ""  # one number makes no line
        ax.plot(range(1, len(y) + 1), y, style, color=colour, label=literal(name), marker=marker)
        if len(shown := np.flatnonzero(np.isfinite(y))):
            ends.append((y[shown[-1]], shown[-1] + 1, name, colour))
    if len(ends) > 2:
        ax.legend(frameon=False)
    else:
        sides = ("bottom", "top") if len(ends) == 2 else ("center",)  # the names of close lines stand apart
        for (value, epoch, name, colour), side in zip(sorted(ends, reverse=True), sides, strict=False):
            dark = [0.6 * part for part in rgb(colour)]  # thin letters in the colour of a line are hard to read
            ax.annotate(f" {literal(name)}", (epoch, value), color=dark, va=side, annotation_clip=False)
    ax.set(xlabel="epoch")
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return plain(ax)


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
            plain(ax)
        column[0].set_title(dtype)
        column[-1].set_xlabel(f"z, with target {cancellation.target:g}")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return drawing


def slow_start(runs: SlowStart) -> Any:
    """Cost, as a share of what it was at the start, and output by epoch; returns the Figure."""
    drawing = figure(9.0, 3.8)
    cost, output = drawing.subplots(1, 2, sharex=True)
    for (run, series), style in zip(runs.costs.items(), cycle(STYLES), strict=False):
        cost.plot(series / series[0], style, label=run)
        output.plot(runs.outputs[run], style)
    cost.set(xlabel="epoch", ylabel="cost J / cost at the start", ylim=(0, None))
    output.set(xlabel="epoch", ylabel=f"output a, with target {runs.target:g}")
    plain(cost), plain(output)
    drawing.legend(loc="outside upper center", ncols=3, frameon=False)
    return drawing
