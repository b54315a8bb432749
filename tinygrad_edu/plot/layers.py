"""What goes on inside a network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import ACTIVATIONS, Graph, GraphNode
from tinygrad_edu.plot.figures import COLOURS, figure, literal

__all__ = ["histograms"]

BINS = 60


def histograms(model: Callable[..., Any], loss: Callable[..., Any], X: Any, y: Any, axes: Sequence[Any] = ()) -> Any:
    """Weights, activations and gradients of each layer, side by side; returns the three Axes.

    A layer is a weight matrix W, from the input down. Beside it stand the entries of the activation that it leads to,
    and of dJ/dW by size, on a logarithmic scale. The black mark is the median: where gradients vanish,
    it walks to the left from layer to layer towards the input. Zeros have no place on that scale: they are counted.

    Shapes:  X, y a batch, as for loss(model(X), y)
    Raises:  ValueError if J has no layers
    """
    J = loss(model(X), y)
    graph = Graph(J)
    gradients = graph.backward()
    weights = [node for node in graph.nodes if node.kind == "parameter" and node.data.ndim > 1 and node in gradients]
    if not weights:
        raise ValueError(
            "histograms: the network must have a matrix of weights that requires a gradient; got none. Are they frozen?"
        )
    left, middle, right = axes if len(axes) else figure(10, 1.4 + 0.5 * len(weights)).subplots(1, 3)
    ridges(left, {node.name: node.data for node in weights})
    left.set_title("weights W", loc="left")
    after = [activation(node) for node in weights]
    ridges(middle, {node.name: node.data for node in after})
    middle.set_title("activations A", loc="left")
    ridges(right, {f"dJ/d{node.name}": np.abs(gradients[node]) for node in weights}, logarithmic=True)
    right.set_title("gradients |dJ/dW|, logarithmic", loc="left")
    return left, middle, right


def activation(weights: GraphNode) -> GraphNode:
    """What a layer hands on: Z after its bias, or A after its activation."""
    node = weights.uses[0]
    while node.op not in ACTIVATIONS and node.uses:
        step, turned = node.uses[0], len(node.inputs) == 1  # turned: still the weights, transposed
        if not (turned or step.op is ops.add or step.op in ACTIVATIONS):
            break
        node = step
    return node


def ridges(ax: Any, series: dict[str, np.ndarray], logarithmic: bool = False) -> None:
    """A histogram for each series, one below the other, over one axis."""
    finite = {
        name: values[np.isfinite(values) & ((values != 0) | (not logarithmic))] for name, values in series.items()
    }
    every = np.concatenate([values.ravel() for values in finite.values()])
    least, largest = (every.min(), every.max()) if every.size else (1e-3, 1.0)
    if least == largest:
        least, largest = (least / 2, largest * 2) if logarithmic else (least - 0.5, largest + 0.5)
    edges = np.geomspace(least, largest, BINS + 1) if logarithmic else np.linspace(least, largest, BINS + 1)
    for row, (name, values) in enumerate(finite.items()):
        counts, _ = np.histogram(values, edges)
        height = 0.85 * counts / max(counts.max(), 1)
        ax.stairs(-row + height, edges, baseline=-row, fill=True, color=COLOURS[0], alpha=0.45)
        ax.stairs(-row + height, edges, baseline=-row, color=COLOURS[0], linewidth=0.8)
        if values.size:
            ax.plot([np.median(values)] * 2, [-row, -row + 0.85], color="black", linewidth=1.2)
        if lost := series[name].size - values.size:
            ax.annotate(f"{lost / series[name].size:.0%}\nare 0", (1.02, -row), xycoords=("axes fraction", "data"),
                        fontsize="small", annotation_clip=False)  # fmt: skip
    ax.set_yticks([-row for row in range(len(series))], list(map(literal, series)))
    ax.set(xlim=(least, largest), ylim=(-len(series) + 0.9, 1), xscale="log" if logarithmic else "linear")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right", "left"]].set_visible(False)
