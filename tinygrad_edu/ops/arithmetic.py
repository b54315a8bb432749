"""Arithmetic: sums, products, quotients and their remainders, powers and roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, composed, double, flat, floating

add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)
positive = Op(np.positive, lambda g, y, x: g)
reciprocal = Op(np.reciprocal, lambda g, y, x: -g * y * y)


def _power_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    if isinstance(b, int | float) and b != 0:  # asks for no value of an array: it may have none
        return g * b * a ** (b - 1)
    return g * b * a ** (floating(b) - 1 + (a == 0) * (b == 0))  # a^0 is flat, at a = 0 too


power = Op(
    np.power,
    _power_a,
    lambda g, y, a, b: g * y * np.log(np.where(a == 0, 1, a)),  # 0^b is flat for b > 0
)
square = Op(np.square, lambda g, y, x: 2 * g * x)
sqrt = Op(np.sqrt, lambda g, y, x: g / (2 * y))
cbrt = Op(np.cbrt, lambda g, y, x: g / (3 * y * y))
hypot = Op(  # the length of (a, b): at the origin, where it has a kink, the rule gives 0
    np.hypot,
    lambda g, y, a, b: g * a / np.where(y == 0, 1, y),
    lambda g, y, a, b: g * b / np.where(y == 0, 1, y),
)

# Remainders: a = b * quotient + remainder, and the quotient moves in steps

floor_divide = Op(np.floor_divide, flat(0), flat(1))
remainder = Op(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
fmod = Op(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b))


@composed(np.divmod)
def _divmod(a: Any, b: Any) -> Any:
    return np.floor_divide(a, b), np.remainder(a, b)


@composed(np.modf)
def _modf(x: Any) -> Any:
    x = floating(x)
    finite = np.where(np.isinf(x), 0, x)
    return finite - np.trunc(finite), np.trunc(x)


@composed(np.float_power)
def _float_power(a: Any, b: Any) -> Any:
    return np.power(double(a), double(b))
