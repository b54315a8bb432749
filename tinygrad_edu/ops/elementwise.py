"""Exponentials, logarithms, waves."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.ops.op import Op

exp = Op(np.exp, lambda g, y, x: g * y)
expm1 = Op(np.expm1, lambda g, y, x: g * (y + 1))
log = Op(np.log, lambda g, y, x: g / x)
log1p = Op(np.log1p, lambda g, y, x: g / (1 + x))
tanh = Op(np.tanh, lambda g, y, x: g * (1 - y * y))
sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))
