"""Losses as modules. Their formulas stand in `functional.py`."""

from __future__ import annotations

from typing import Any

from tinygrad_edu import functional
from tinygrad_edu.nn.module import Module

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss", "NLLLoss"]


class Loss(Module):
    """A loss of predictions and targets, reduced to its mean (the cost J), its sum or not at all."""

    def __init__(self, reduction: str = "mean") -> None:
        functional.check_reduction(type(self).__name__, (1,), reduction)
        self.reduction = reduction

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """Mean squared error, `functional.mse_loss`."""

    def forward(self, prediction: Any, target: Any) -> Any:
        return functional.mse_loss(prediction, target, self.reduction)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities, `functional.binary_cross_entropy`."""

    def forward(self, probability: Any, target: Any) -> Any:
        return functional.binary_cross_entropy(probability, target, self.reduction)


class BCEWithLogitsLoss(Loss):
    """Sigmoid and binary cross-entropy in one, `functional.binary_cross_entropy_with_logits`."""

    def forward(self, logits: Any, target: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(logits, target, self.reduction)


class NLLLoss(Loss):
    """Negative log-likelihood of log-probabilities, `functional.nll_loss`."""

    def forward(self, log_probabilities: Any, labels: Any) -> Any:
        return functional.nll_loss(log_probabilities, labels, self.reduction)


class CrossEntropyLoss(Loss):
    """Softmax and negative log-likelihood in one, `functional.cross_entropy`."""

    def forward(self, logits: Any, labels: Any) -> Any:
        return functional.cross_entropy(logits, labels, self.reduction)
