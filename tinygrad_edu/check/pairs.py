"""The last-layer pairs of `formulas.py` as autograd computes them: in the textbook's steps, and by a fused op.

    A = COMPOSED["sigmoid-bce"].activation(Z, "rows")
    L = COMPOSED["sigmoid-bce"].losses(A, Y)            # of each entry
    FUSED["sigmoid-bce"](Z, Y, "rows")                  # the sum of all losses

Plain NumPy on Tensors, written as a person writes it who reads the formula: so it overflows where the formula does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import functional

__all__ = ["COMPOSED", "FUSED", "Composed"]


@dataclass(frozen=True)
class Composed:
    """A = activation(Z, layout) and the loss of each entry, losses(A, Y), op by op."""

    activation: Callable[[Any, str], Any]
    losses: Callable[[Any, Any], Any]


def sigmoid(Z: Any, layout: str) -> Any:
    return 1 / (1 + np.exp(-Z))


def softmax(Z: Any, layout: str) -> Any:
    E = np.exp(Z)
    return E / np.sum(E, axis=1 if layout == "rows" else 0, keepdims=True)


def bce(A: Any, Y: Any) -> Any:
    return -(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def squared_error(A: Any, Y: Any) -> Any:
    return np.square(A - Y)


COMPOSED = {
    "sigmoid-bce": Composed(sigmoid, bce),
    "softmax-nll": Composed(softmax, lambda A, Y: -(Y * np.log(A))),
    "linear-mse": Composed(lambda Z, layout: Z, squared_error),
    "linear-mse-half": Composed(lambda Z, layout: Z, lambda A, Y: squared_error(A, Y) / 2),
    "sigmoid-mse": Composed(sigmoid, squared_error),
    "tanh-mse": Composed(lambda Z, layout: np.tanh(Z), squared_error),
    "exp-poisson": Composed(lambda Z, layout: np.exp(Z), lambda A, Y: A - Y * np.log(A)),
}


def bce_with_logits(Z: Any, Y: Any, layout: str) -> Any:
    return functional.binary_cross_entropy_with_logits(Z, Y, "sum")


def cross_entropy(Z: Any, Y: Any, layout: str) -> Any:
    return functional.cross_entropy(*((Z, Y) if layout == "rows" else (Z.T, Y.T)), "sum")


FUSED: dict[str, Callable[[Any, Any, str], Any]] = {"sigmoid-bce": bce_with_logits, "softmax-nll": cross_entropy}
