"""Exponentials, logarithms, waves and their inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op

LOG2, LOG10 = math.log(2), math.log(10)

# Exponentials and logarithms

exp = Op(np.exp, lambda g, y, x: g * y)
exp2 = Op(np.exp2, lambda g, y, x: g * y * LOG2)
expm1 = Op(np.expm1, lambda g, y, x: g * np.exp(x))
log = Op(np.log, lambda g, y, x: g / x)
log2 = Op(np.log2, lambda g, y, x: g / (x * LOG2))
log10 = Op(np.log10, lambda g, y, x: g / (x * LOG10))
log1p = Op(np.log1p, lambda g, y, x: g / (1 + x))


def _apart(y: Any, a: Any, b: Any) -> Any:
    """b - a, but infinite where both are the logarithm of nothing: of nothing, none has a share."""
    return np.where(y == -np.inf, 0, b) - a


# log(exp(a) + exp(b)): the share of a in the sum is 1 / (1 + exp(b - a)), which no rounding of a large y spoils
logaddexp = Op(
    np.logaddexp,
    lambda g, y, a, b: g * np.exp(-np.logaddexp(0, _apart(y, a, b))),
    lambda g, y, a, b: g * np.exp(-np.logaddexp(0, _apart(y, b, a))),
)
logaddexp2 = Op(
    np.logaddexp2,
    lambda g, y, a, b: g * np.exp2(-np.logaddexp2(0, _apart(y, a, b))),
    lambda g, y, a, b: g * np.exp2(-np.logaddexp2(0, _apart(y, b, a))),
)

# Waves

sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))
tan = Op(np.tan, lambda g, y, x: g * (1 + y * y))
arcsin = Op(np.arcsin, lambda g, y, x: g / np.sqrt((1 - x) * (1 + x)))
arccos = Op(np.arccos, lambda g, y, x: -g / np.sqrt((1 - x) * (1 + x)))
arctan = Op(np.arctan, lambda g, y, x: g / (1 + x * x))
arctan2 = Op(  # the angle of the point (b, a); the origin has none, and its gradient is NaN
    np.arctan2,
    lambda g, y, a, b: g * (b / np.hypot(a, b)) / np.hypot(a, b),
    lambda g, y, a, b: -g * (a / np.hypot(a, b)) / np.hypot(a, b),
)
degrees, rad2deg = (Op(f, lambda g, y, x: g * (180 / np.pi)) for f in (np.degrees, np.rad2deg))
radians, deg2rad = (Op(f, lambda g, y, x: g * (np.pi / 180)) for f in (np.radians, np.deg2rad))

#: sin(t)/t has the slope -t (1/3 - t^2/30 + t^4/840 - ...): the factors 2k/(2k+1)!, highest power first.
SINC = tuple((-1) ** (k + 1) * 2 * k / math.factorial(2 * k + 1) for k in range(8, 0, -1))


def _sinc(g: Any, y: Any, x: Any) -> Any:
    t = np.pi * x
    near = np.abs(t) < 0.5  # where cos(t) - y would lose its digits
    small = np.where(near, t, 0)
    slope = (np.cos(t) - y) / np.where(near, 1, x)
    return g * np.where(near, -np.pi * small * np.polyval(SINC, small * small), slope)


sinc = Op(np.sinc, _sinc)

# Hyperbolic functions

sinh = Op(np.sinh, lambda g, y, x: g * np.cosh(x))
cosh = Op(np.cosh, lambda g, y, x: g * np.sinh(x))
tanh = Op(np.tanh, lambda g, y, x: g * (1 - y * y))
arcsinh = Op(np.arcsinh, lambda g, y, x: g / np.hypot(1, x))
arccosh = Op(np.arccosh, lambda g, y, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh = Op(np.arctanh, lambda g, y, x: g / ((1 - x) * (1 + x)))
