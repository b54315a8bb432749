"""What people want to know besides the loss: how often the answer is right, how far off it is.

    classes(scores, loss)               the class that a network's output stands for
    shares(outputs)                     the probability of each class
    confusion(truth, predicted, k)      how often each class was taken for each
    METRICS                             those that `tg.fit` knows by name: accuracy, mean_absolute_error

A metric is a function of the network's output, the targets and the loss, and the mean over the examples: so it
can be averaged over batches. Read next: `train.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import functional, nn

__all__ = ["METRICS", "Metric", "accuracy", "classes", "confusion", "mean_absolute_error", "shares"]

Metric = Callable[[np.ndarray, np.ndarray], float]

#: The output above which the answer is yes, by the loss that the network was trained with.
HALF: dict[Any, float] = {
    nn.BCEWithLogitsLoss: 0.0,
    functional.binary_cross_entropy_with_logits: 0.0,
    nn.BCELoss: 0.5,
    functional.binary_cross_entropy: 0.5,
    nn.MSELoss: 0.5,
    functional.mse_loss: 0.5,
}
ONE_EACH = (nn.BCEWithLogitsLoss, nn.BCELoss)  # several outputs are several questions, each with yes or no


def classes(scores: np.ndarray, loss: Any) -> np.ndarray:
    """The answers that outputs stand for: of several scores the highest; of one, whether it says yes.

    Shapes:  (m, k) -> (m,);  (m, 1), (m,), and any for a loss of independent questions -> the same
    Raises:  ValueError for one output where the loss does not say what it means
    """
    if scores.ndim == 2 and scores.shape[1] > 1 and not isinstance(loss, ONE_EACH):
        result: np.ndarray = scores.argmax(axis=1)
        return result
    half = HALF.get(loss if loss in HALF else type(loss))
    if half is None:
        raise ValueError(
            f"accuracy: one output needs a loss that tells what it means; got {loss!r}. Use BCEWithLogitsLoss "
            "(a logit) or BCELoss (a probability), or pass a function of your own in metrics=."
        )
    return (scores > half).astype(np.int64)


def shares(outputs: Any, probabilities: bool = False) -> np.ndarray:
    """The probability of each class: of logits, unless they are probabilities already; one column is that of class 1.

    Shapes:  (m,), (m, 1) -> (m, 2);  (m, k) -> (m, k)
    """
    z = np.asarray(getattr(outputs, "data", outputs), np.float64)
    z = z.reshape(len(z), -1)
    if z.shape[1] == 1:
        yes = z if probabilities else functional.sigmoid(z)
        return np.hstack([1 - yes, yes])
    return z if probabilities else np.asarray(functional.softmax(z))


def accuracy(scores: np.ndarray, targets: np.ndarray, loss: Any) -> float:
    """The share of right answers."""
    answers = classes(scores, loss)
    if targets.shape == scores.shape and scores.shape != answers.shape:
        targets = targets.argmax(axis=1)
    elif targets.dtype.kind == "f" and not np.isin(targets, (0, 1)).all():
        raise ValueError(
            f"accuracy: targets must be classes; got {targets.dtype} in [{targets.min():.4g}, {targets.max():.4g}]. "
            "For a regression pass metrics=() or metrics=('mean_absolute_error',)."
        )
    return float(np.mean(answers == targets))


def mean_absolute_error(prediction: np.ndarray, targets: np.ndarray, loss: Any) -> float:
    """How far off, on average."""
    if prediction.shape != targets.shape:
        raise ValueError(
            f"mean_absolute_error: prediction and targets must have one shape; got {prediction.shape} and "
            f"{targets.shape}. For classes, use accuracy."
        )
    return float(np.mean(np.abs(prediction - targets)))


#: The metrics that have a name.
METRICS = {"accuracy": accuracy, "mean_absolute_error": mean_absolute_error}


def confusion(truth: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """How many examples of each class (row) were taken for each (column).

    Shapes:  (m,), (m,) -> (k, k)
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    return np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)
