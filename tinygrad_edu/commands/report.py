"""What `tinygrad-edu train` shows: the network, how well it does on what was held out, and pictures.

Read next: `plot/`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu import nn, plot
from tinygrad_edu.autograd import no_grad
from tinygrad_edu.commands.task import Task
from tinygrad_edu.history import History, rounded
from tinygrad_edu.metrics import confusion

__all__ = ["outputs", "pictures", "result", "title"]

#: How wide a table may be, how many letters of a name it shows, and how many pairs stand in its place.
WIDTH, LETTERS, PAIRS = 80, 10, 12


def outputs(task: Task, model: nn.Module, X: np.ndarray) -> np.ndarray:
    """What the network says of rows of the table."""
    with no_grad():
        result: np.ndarray = model(task.inputs(X)).numpy()
        return result


def title(config: Namespace, task: Task, y: np.ndarray, held_out: int) -> str:
    """What is learned, of what, and how."""
    k, n = len(task.table.class_names), len(task.mean)
    what = f"{k} classes" if k else f"the quantity {clean(task.table.target)}"
    if never := [clean(name) for number, name in enumerate(task.table.class_names) if number not in y]:
        what += f"; no example to learn from of {', '.join(never)}"
    return (
        f"{clean(config.data)}: {len(y)} examples to learn from and {held_out} held out, {n} input{'s' * (n > 1)}, "
        f"{what}\n"
        f"{config.optimizer}, lr {config.lr:g}, {config.schedule}; loss {task.loss}; "
        f"{config.epochs} epochs in batches of {config.batch_size}; seed {config.seed}"
    )


def result(task: Task, model: nn.Module, X: np.ndarray, y: np.ndarray) -> str:
    """How well the network does on examples: of classes with a table of what was taken for what."""
    answers = task.answers(outputs(task, model, X))
    if not task.table.class_names:
        error, spread = np.abs(answers - y).mean(), np.square(y - y.mean()).mean()
        explained = f", R² {1 - np.square(answers - y).mean() / spread:.3f}" if spread else ""
        return f"Held out: mean absolute error {rounded(error)}{explained}."
    right = int((answers == y).sum())
    counts = confusion(y, answers, len(task.table.class_names))
    names = [shortened(name) for name in task.table.class_names]
    width = max(5, *map(len, names))
    fits = (len(names) + 1) * (width + 1) < WIDTH
    shown = side_by_side(counts, names, width) if fits else most_confused(counts, names)
    return f"Held out: accuracy {right / len(y):.3f}, {right} of {len(y)} right.\n\n{shown}"


def side_by_side(counts: np.ndarray, names: list[str], width: int) -> str:
    """Each class in a row, what it was taken for in the columns."""
    lines = [f"{'true':{width}} | taken for", " ".join([" " * width, "|", *(f"{name:>{width}}" for name in names)])]
    for name, row in zip(names, counts.tolist(), strict=True):
        lines.append(" ".join([f"{name:{width}}", "|", *(f"{count or '·':>{width}}" for count in row)]))
    return "\n".join(lines)


def most_confused(counts: np.ndarray, names: list[str]) -> str:
    """The pairs that were mistaken most often, where a table would be too wide."""
    wrong = counts - np.diag(counts.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [(*divmod(int(place), len(names)), int(wrong.flat[place])) for place in order]
    lines = [f"{count:5}  {names[true]} taken for {names[taken]}" for true, taken, count in pairs if count]
    return "\n".join(["Most often confused:", *lines] if lines else ["None confused."])


def pictures(
    out: Path,
    config: Namespace,
    task: Task,
    model: nn.Module,
    history: History,
    held_out: tuple[np.ndarray, np.ndarray],
) -> Iterator[str]:
    """Write what can be drawn; say in one line each what it is, or what is missing."""
    X, y = held_out
    names = task.table.class_names
    try:
        plot.save(history.plot(), out / "loss.png")
        yield f"{out / 'loss.png'}: the loss by epoch; validation was lowest in epoch {history.best_epoch}."
        if names and X.shape[1] == 2:
            ax = plot.decision_boundary(
                lambda points: task.probabilities(outputs(task, model, points)), X, y,
                class_names=list(map(shortened, names)), probabilities=True,
            )  # fmt: skip
            ax.set(xlabel=clean(task.table.feature_names[0]), ylabel=clean(task.table.feature_names[1]))
            plot.save(ax, out / "boundary.png")
            yield f"{out / 'boundary.png'}: how the plane is divided, and the points held out."
        if config.data == "digits":
            p = task.probabilities(outputs(task, model, X))
            plot.save(plot.worst(X.reshape(-1, 8, 8), y, p), out / "mistakes.png")
            yield f"{out / 'mistakes.png'}: the worst mistakes among the digits held out."
    except ImportError as error:
        yield f"No pictures. {error}"


def shortened(name: str) -> str:
    """A name as it fits over a column."""
    text = clean(name)
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def clean(text: Any) -> str:
    """A text of the user without what would steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))
