"""Activations as modules. Their formulas stand in `functional.py`."""

from __future__ import annotations

from typing import Any

from tinygrad_edu import functional, ops
from tinygrad_edu.nn.module import Module

__all__ = ["LeakyReLU", "LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Softplus", "Tanh"]


class Sigmoid(Module):
    """a = 1 / (1 + exp(-z)), da/dz = a (1 - a)."""

    forward = ops.sigmoid


class Tanh(Module):
    """a = tanh(z), da/dz = 1 - a^2."""

    forward = ops.tanh


class ReLU(Module):
    """a = max(z, 0), da/dz = 1 where z > 0, else 0."""

    forward = ops.relu


class Softplus(Module):
    """a = log(1 + exp(z)), da/dz = sigmoid(z)."""

    forward = ops.softplus


class LeakyReLU(Module):
    """a = z where z > 0, else slope z."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, z: Any) -> Any:
        return functional.leaky_relu(z, self.slope)

    def extra_repr(self) -> str:
        return f"slope={self.slope}"


class Softmax(Module):
    """a_j = exp(z_j) / sum_k exp(z_k) along an axis."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, z: Any) -> Any:
        return ops.softmax(z, axis=self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """a_j = z_j - log sum_k exp(z_k) along an axis."""

    def forward(self, z: Any) -> Any:
        return ops.log_softmax(z, axis=self.axis)
