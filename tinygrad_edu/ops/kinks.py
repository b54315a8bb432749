"""Kinks and choices.

At a kink: |x|' = 0 at 0, ties share equally, clip passes g at its bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op

abs = Op(np.abs, lambda g, y, x: g * np.sign(x))
sign = Op(np.sign, lambda g, y, x: np.zeros(x.shape, x.dtype))
maximum = Op(
    np.maximum,
    lambda g, y, a, b: g * (a > b) + g * (a == b) / 2,
    lambda g, y, a, b: g * (b > a) + g * (a == b) / 2,
)
minimum = Op(
    np.minimum,
    lambda g, y, a, b: g * (a < b) + g * (a == b) / 2,
    lambda g, y, a, b: g * (b < a) + g * (a == b) / 2,
)
where = Op(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0),
    lambda g, y, condition, a, b: np.where(condition, 0, g),
)


def _above(x: Any, low: Any) -> Any:
    return True if low is None else x >= low


def _below(x: Any, high: Any) -> Any:
    return True if high is None else x <= high


clip = Op(
    np.clip,
    lambda g, y, x, low, high: g * (_above(x, low) & _below(x, high)),
    lambda g, y, x, low, high: g * ((x < low) & _below(low, high)),
    lambda g, y, x, low, high: g * ((x > high) | ~np.asarray(_above(high, low))),
)
