"""History: what training did, epoch by epoch.

    history = tg.fit(...)
    history["validation_loss"]      one number an epoch
    history                         a small table
    history.to_csv("history.csv")
    history.plot()

Read next: `train.py`, which fills it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.notebook import shown, table
from tinygrad_edu.writing import write

__all__ = ["History", "rounded"]

#: How many epochs a table shows at most; of more, the middle is left out.
SHOWN = 12
#: What stands above a column, where that is not its name.
LABELS = {"learning_rate": "rate", "gradient_norm": "gradient", "mean_absolute_error": "abs. error"}
VALIDATION = "validation_"


class History(Mapping[str, list[float]]):
    """The numbers of each epoch, by name.

    loss                mean over the batches of the epoch, as they were met
    accuracy ...        each metric, of the weights at the end of the epoch
    validation_loss ... the same on the validation set, where there is one
    learning_rate       that of the epoch
    gradient_norm       the length of the whole gradient, mean over the batches
    seconds             that the epoch took, with its metrics

    epochs      how many there are
    best_epoch  the one with the lowest loss, on the validation set where there is one; counted from 1
    stopped     why training ended before the last epoch; else empty

    >>> History({"loss": [0.5, 0.25], "seconds": [0.125, 0.125]})
    History: 2 epochs, best 2 (lowest loss)
    epoch      loss   seconds
        1    0.5000    0.1250
        2    0.2500    0.1250
    """

    def __init__(self, series: Mapping[str, list[float]] | None = None, stopped: str = "") -> None:
        self.series = {name: list(values) for name, values in (series or {}).items()}
        self.stopped = stopped

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.series:
            raise KeyError(f"History: the name must be one of {', '.join(self)}; got {name!r}. Mend it.")
        return self.series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    def add(self, numbers: Mapping[str, float]) -> None:
        """Note the numbers of one more epoch; NaN for what others have and this one has not."""
        done = self.epochs
        for name in dict.fromkeys([*self.series, *numbers]):
            self.series.setdefault(name, [np.nan] * done).append(float(numbers.get(name, np.nan)))

    @property
    def epochs(self) -> int:
        return len(next(iter(self.series.values()), ()))

    @property
    def judged_by(self) -> str:
        """The loss that tells which epoch is the best."""
        return VALIDATION + "loss" if VALIDATION + "loss" in self.series else "loss"

    @property
    def best_epoch(self) -> int:
        return int(np.argmin(self.series[self.judged_by])) + 1 if self.epochs else 0

    def to_csv(self, path: Any) -> Path:
        """Write the table as a CSV file, with every digit."""
        rows = enumerate(zip(*self.series.values(), strict=True), start=1)
        lines = (f"{epoch},{','.join(map(repr, row))}" for epoch, row in rows)
        return write(Path(path), "\n".join([f"epoch,{','.join(self.series)}", *lines, ""]).encode())

    def plot(self, name: str = "loss", ax: Any = None) -> Any:
        """The loss or a metric by epoch (extra `plot`), of both sets where there are two; returns the Axes.

        Raises:  ValueError for a name that the history does not have
        """
        from tinygrad_edu import plot

        labels = {"training": name, "validation": VALIDATION + name}
        series = {label: self[key] for label, key in labels.items() if key in self}
        if self.epochs and not series:
            raise ValueError(f"History: plot needs a name that is there; got {name!r}. Pass one of {', '.join(self)}.")
        if name != "loss":
            return plot.metric_curve(series, ax, name.replace("_", " "))
        ax = plot.loss_curve(series, ax)
        ax.set(ylabel="cost J (mean loss)")
        return ax

    def label(self, name: str) -> str:
        """What stands above a column, padded to its width."""
        short = name.removeprefix(VALIDATION)
        return f" {LABELS.get(short, short):>9}"

    def headings(self) -> list[str]:
        """The lines above the table: two where there is a validation set."""
        labels = [self.label(name) for name in self.series]
        lines = ["epoch" + "".join(labels)]
        if VALIDATION + "loss" in self.series:
            before = sum(map(len, labels[: list(self.series).index(VALIDATION + "loss")]))
            lines.insert(0, " " * 5 + f"{'training':>10}".ljust(before) + f"{'validation':>10}")
        return lines

    def line(self, epoch: int) -> str:
        """The line of an epoch in the table."""
        numbers = (rounded(values[epoch - 1]).rjust(len(self.label(name))) for name, values in self.series.items())
        return f"{epoch:5}{''.join(numbers)}"

    @property
    def title(self) -> str:
        """How many epochs, which was the best, and why it stopped."""
        if not self.epochs:
            return f"History: no epochs. {self.stopped}".rstrip()
        unit = "epoch" if self.epochs == 1 else "epochs"
        best = f"best {self.best_epoch} (lowest {self.judged_by.replace('_', ' ')})"
        return f"History: {self.epochs} {unit}, {best}{'. ' * bool(self.stopped)}{self.stopped}"

    def shown(self) -> list[int | None]:
        """The epochs of a small table; None where some are left out."""
        return shown(range(1, self.epochs + 1), SHOWN)

    def __repr__(self) -> str:
        if not self.epochs:
            return self.title
        lines = ["    ⋮" if epoch is None else self.line(epoch) for epoch in self.shown()]
        return "\n".join([self.title, *self.headings(), *lines])

    def _repr_html_(self) -> str:
        rows = [["epoch", *(LABELS.get(name, name).replace("_", " ") for name in self.series)]]
        for epoch in self.shown():
            numbers = (rounded(values[epoch - 1]) if epoch else "" for values in self.series.values())
            rows.append([str(epoch or "⋮"), *numbers])
        return table(rows, self.title)


def rounded(x: float) -> str:
    """Four digits, and all of those before the point as far as a column is wide."""
    return f"{x:.0f}" if 1e4 <= x < 1e9 else f"{x:#.4g}"
