"""The plane as a network divides it, still and while it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tinygrad_edu.autograd import no_grad
from tinygrad_edu.metrics import shares
from tinygrad_edu.nn import Module
from tinygrad_edu.plot.figures import COLOURS, MARKERS, figure, literal, rgb
from tinygrad_edu.writing import write

__all__ = ["animate_boundary", "decision_boundary"]


def decision_boundary(
    model: Callable[[np.ndarray], Any],
    X: Any,
    y: Any,
    ax: Any = None,
    *,
    class_names: Sequence[str] = (),
    probabilities: bool = False,
    resolution: int = 200,
    shades: int = 100,
) -> Any:
    """The plane in the colours of the classes that a network sees there, and the examples; returns the Axes.

    A place has the mixture of the colours of the classes by their probabilities, and a black line where the most
    probable class changes. `model` is any function of points in rows: a network, or for standardized inputs
    `lambda X: model((X - mean) / std)`. Its outputs are logits, one or one for each class, or `probabilities`.
    The picture is made of `resolution` by `resolution` places, and of `shades` steps between two colours.

    Shapes:  X (m, 2); y (m,) or (m, 1) of class numbers; model: (p, 2) -> (p,), (p, 1) or (p, k)
    Raises:  ValueError if X does not have two columns or y is not one class number for each row
    """
    X, y = plane("decision_boundary", X, y)
    ax = ax or figure(6.0, 4.4).add_subplot()
    margin = 0.08 * np.ptp(X, axis=0) + 1e-9
    (left, low), (right, high) = X.min(axis=0) - margin, X.max(axis=0) + margin
    across, up = np.meshgrid(np.linspace(left, right, resolution), np.linspace(low, high, resolution))
    points = np.column_stack([across.ravel(), up.ravel()]).astype(X.dtype)
    with no_grad(), model.evaluating() if isinstance(model, Module) else nullcontext():
        p = shares(model(points), probabilities)
    k = max(p.shape[1], y.max() + 1)
    colours = np.array([rgb(COLOURS[number % len(COLOURS)]) for number in range(k)])
    mixture = np.round(p * shades) / shades @ colours[: p.shape[1]]
    light = (1 - 0.45 * (1 - mixture)).clip(0, 1).reshape(resolution, resolution, 3)
    ax.imshow(light, origin="lower", extent=(left, right, low, high), aspect="auto")
    for number in range(p.shape[1] if p.shape[1] > 2 else 1):
        ahead = p[:, number] - np.delete(p, number, axis=1).max(axis=1)
        if ahead.min() < 0 < ahead.max():
            ax.contour(across, up, ahead.reshape(across.shape), levels=[0], colors="black", linewidths=1)
    for number in np.unique(y):
        name = class_names[number] if number < len(class_names) else str(number)
        style = {"marker": MARKERS[number % len(MARKERS)], "color": colours[number], "edgecolors": "black"}
        ax.scatter(*X[y == number].T, s=22, linewidths=0.6, label=literal(name), **style)
    ax.set(xlabel="x1", ylabel="x2", xlim=(left, right), ylim=(low, high))
    ax.legend(title="class", loc="upper left", bbox_to_anchor=(1, 1), frameon=False, handletextpad=0.2)
    return ax


def animate_boundary(
    model: Module,
    states: Iterable[Any],
    X: Any,
    y: Any,
    path: Any,
    *,
    titles: Sequence[str] = (),
    class_names: Sequence[str] = (),
    probabilities: bool = False,
    fps: int = 5,
) -> Path:
    """The boundary while it was learned, as a GIF; returns its path.

        states = []
        for epoch in range(60):
            ...
            states.append(model.state_dict())

    One frame for each state, named by `titles`; the last stays for a second. The model keeps its own weights.

    Raises:  ValueError without states, or if titles are not as many; KeyError, ValueError if one does not fit the model
    """
    states = list(states)
    if not states:
        raise ValueError(
            "animate_boundary: needs at least one state; got none. Collect model.state_dict() in training."
        )
    if titles and len(titles) != len(states):
        raise ValueError(
            f"animate_boundary: needs a title for each state; got {len(titles)} for {len(states)}. Or leave titles out."
        )
    drawing = figure(5.0, 3.8)  # first: it says so if Matplotlib is missing
    from matplotlib.animation import PillowWriter

    draw = partial(  # few shades make a small file
        decision_boundary, model, X, y, class_names=class_names, probabilities=probabilities, resolution=100, shades=10
    )
    ax, own, writer = drawing.add_subplot(), model.state_dict(), PillowWriter(fps=fps)
    try:
        with TemporaryDirectory() as folder:
            file = Path(folder, "boundary.gif")
            with writer.saving(drawing, file, dpi=90):
                for number, state in enumerate(states, start=1):
                    model.load_state_dict(state)
                    ax.clear()
                    draw(ax=ax)
                    ax.set_title(literal(titles[number - 1] if titles else f"{number} of {len(states)}"), loc="left")
                    for _ in range(1 if number < len(states) else 1 + fps):
                        writer.grab_frame()
            content = file.read_bytes()
    finally:
        model.load_state_dict(own)
    return write(Path(path), content)


def plane(function: str, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points in the plane and their class numbers."""
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2 or not len(X):
        raise ValueError(f"{function}: X must have two columns, one row for each example; got {X.shape}. Choose two.")
    if y.shape not in ((len(X),), (len(X), 1)) or not np.array_equal(y, y.astype(np.int64)) or y.min() < 0:
        raise ValueError(
            f"{function}: y must hold one class number for each row of X {X.shape}; got {y.dtype} {y.shape}. "
            "Number the classes 0, 1, ..."
        )
    return X if X.dtype.kind == "f" else X.astype(np.float64), y.ravel().astype(np.int64)
