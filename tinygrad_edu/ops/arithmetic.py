"""Arithmetic: sums, products, quotients, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op

add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)


def _power_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    exponent = b - 1
    if np.any(b == 0):
        exponent = exponent + (a == 0) * (b == 0)  # a^0 is flat, at a = 0 too
    return g * b * a**exponent


power = Op(
    np.power,
    _power_a,
    lambda g, y, a, b: g * y * np.log(np.where(a == 0, 1, a)),  # 0^b is flat for b > 0
)
square = Op(np.square, lambda g, y, x: 2 * g * x)
sqrt = Op(np.sqrt, lambda g, y, x: g / (2 * y))
