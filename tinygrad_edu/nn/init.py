"""Initial weights, drawn from an explicit rng.

Signals should neither die out nor blow up on their way through the layers. With weights of variance
v, a sum over fan_in inputs has fan_in v times their variance on the way forward, and fan_out v
times on the way back. Xavier balances the two; He makes up for the half that ReLU cuts off.

Shapes are (out, in), as in `Linear`: fan_in = shape[1], fan_out = shape[0].
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np

__all__ = ["he_normal", "he_uniform", "xavier_normal", "xavier_uniform"]


def fans(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """fan_in and fan_out of a weight matrix."""
    if not (isinstance(shape, tuple | list) and [isinstance(n, Integral) and n > 0 for n in shape] == [True, True]):
        raise ValueError(f"{name}: the shape must be (out, in), both at least 1; got {shape}. A bias starts at zero.")
    return shape[1], shape[0]


def xavier_uniform(shape: tuple[int, ...], rng: np.random.Generator | int, gain: float = 1.0) -> np.ndarray:
    """Uniform in +-gain sqrt(6 / (fan_in + fan_out)): for tanh and sigmoid.

    Source:  Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, eq. 16
    """
    limit = gain * math.sqrt(6 / sum(fans("xavier_uniform", shape)))
    return np.random.default_rng(rng).uniform(-limit, limit, shape)


def xavier_normal(shape: tuple[int, ...], rng: np.random.Generator | int, gain: float = 1.0) -> np.ndarray:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)): for tanh and sigmoid.

    Source:  the same variance as `xavier_uniform`, drawn from a normal distribution
    """
    return np.random.default_rng(rng).normal(0, gain * math.sqrt(2 / sum(fans("xavier_normal", shape))), shape)


def he_uniform(shape: tuple[int, ...], rng: np.random.Generator | int) -> np.ndarray:
    """Uniform in +-sqrt(6 / fan_in): for ReLU."""
    limit = math.sqrt(6 / fans("he_uniform", shape)[0])
    return np.random.default_rng(rng).uniform(-limit, limit, shape)


def he_normal(shape: tuple[int, ...], rng: np.random.Generator | int) -> np.ndarray:
    """Normal with standard deviation sqrt(2 / fan_in): for ReLU.

    Source:  He, Zhang, Ren and Sun, Delving Deep into Rectifiers (variance 2 / fan_in)
    """
    return np.random.default_rng(rng).normal(0, math.sqrt(2 / fans("he_normal", shape)[0]), shape)
