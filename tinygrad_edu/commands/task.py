"""From the rows of a table to what a network is fed with, and from its output to answers.

    task = Task.of(table, table.X[rows], table.y[rows], "auto")      what is learned of the training part
    model = task.network(config, rng)
    task.inputs(X), task.targets(y)                                  for `fit`
    task.answers(model(task.inputs(X)).numpy())                      class numbers, or quantities

`train.py` makes a task and keeps it beside the weights as JSON; `predict.py` reads it.
"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tinygrad_edu import metrics, nn
from tinygrad_edu.data import Table
from tinygrad_edu.data.batches import moments

__all__ = ["Task"]

ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
}
LOSSES = {"bce": nn.BCEWithLogitsLoss, "cross-entropy": nn.CrossEntropyLoss, "mse": nn.MSELoss}


@dataclass(frozen=True)
class Task:
    """A table without its rows, what its columns are standardized by, and the loss.

    inputs = (X - mean) / scale;  of a regression also  targets = (y - offset) / unit
    """

    table: Table
    mean: np.ndarray
    scale: np.ndarray
    offset: float
    unit: float
    loss: str

    @classmethod
    def of(cls, table: Table, X: np.ndarray, y: np.ndarray, loss: str) -> Self:
        """The task of a table, by the examples to learn from.

        Raises:  ValueError for a loss that does not fit the target
        """
        k = len(table.class_names)
        if loss == "auto":
            loss = "mse" if not k else "bce" if k == 2 else "cross-entropy"
        if (loss == "bce" and k != 2) or (loss == "cross-entropy" and not k):
            needs = "two classes" if loss == "bce" else "classes"
            raise ValueError(
                f"train: the loss {loss} needs {needs}; got {k or 'a quantity'} in {table.target!r}. "
                f"Use {'cross-entropy' if k else 'mse'}, or leave --loss out."
            )
        (mean, scale), (offset, unit) = moments(X), (0.0, 1.0) if k else moments(y)
        return cls(table, mean, scale, float(offset), float(unit), loss)

    @property
    def outputs(self) -> int:
        """The size of the last layer: one for a quantity and for yes or no, else one for each class."""
        k = len(self.table.class_names)
        return 1 if k == 0 or (k == 2 and self.loss != "cross-entropy") else k

    def network(self, config: Namespace, rng: np.random.Generator | int) -> nn.MLP:
        sizes = [len(self.mean), *config.hidden, self.outputs]
        return nn.MLP(sizes, activation=ACTIVATIONS[config.activation], rng=rng)

    def criterion(self) -> nn.Module:
        return LOSSES[self.loss]()

    def inputs(self, X: np.ndarray) -> np.ndarray:
        result: np.ndarray = (X - self.mean) / self.scale
        return result

    def targets(self, y: np.ndarray) -> np.ndarray:
        """y as the loss wants it: class numbers, a column, or a one in the column of the class."""
        if self.loss == "cross-entropy":
            return y
        return np.eye(self.outputs)[y] if self.outputs > 1 else ((y - self.offset) / self.unit)[:, None]

    def answers(self, output: np.ndarray) -> np.ndarray:
        """Class numbers, or quantities in the unit of the table."""
        if not self.table.class_names:
            return output.ravel() * self.unit + self.offset
        return metrics.classes(output, self.criterion()).ravel()

    def probabilities(self, output: np.ndarray) -> np.ndarray:
        """A row for each example: the probability of each class; where the loss speaks of none, 1 for the answer.

        Shapes:  (m, outputs) -> (m, k)
        """
        if self.loss == "mse":
            return np.asarray(np.eye(len(self.table.class_names))[self.answers(output)])
        return metrics.shares(output)

    def metric(self) -> Any:
        """What `fit` shows beside the loss."""
        if self.table.class_names:
            return "accuracy"

        def mean_absolute_error(output: np.ndarray, targets: np.ndarray) -> float:
            return float(np.abs(output - targets).mean() * self.unit)

        return mean_absolute_error

    def to_json(self) -> str:
        numbers = {"mean": self.mean.tolist(), "scale": self.scale.tolist(), "offset": self.offset, "unit": self.unit}
        kept = {"loss": self.loss, **numbers, "table": json.loads(self.table.to_json())}
        return json.dumps(kept, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The task that `to_json` wrote.

        Raises:  ValueError for a text that it did not write
        """
        try:
            kept = json.loads(text)
            table = Table.from_json(json.dumps(kept["table"]))
            mean, scale = np.array(kept["mean"], float), np.array(kept["scale"], float)
            if not mean.shape == scale.shape == (len(table.feature_names),) or kept["loss"] not in LOSSES:
                raise ValueError(f"{len(table.feature_names)} features, mean and scale of {mean.size} and {scale.size}")
            return cls(table, mean, scale, float(kept["offset"]), float(kept["unit"]), kept["loss"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"predict: the task must be what train wrote; got {type(error).__name__}: {error}. Is the file damaged?"
            ) from None
