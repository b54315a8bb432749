"""Questions: no rule, the answer is a plain array."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.ops.op import Op

greater, greater_equal = Op(np.greater), Op(np.greater_equal)
less, less_equal = Op(np.less), Op(np.less_equal)
equal, not_equal = Op(np.equal), Op(np.not_equal)
isnan, isinf, isfinite = Op(np.isnan), Op(np.isinf), Op(np.isfinite)
shape, ndim, size = Op(np.shape), Op(np.ndim), Op(np.size)
argmax, argmin = Op(np.argmax), Op(np.argmin)
allclose, array_equal = Op(np.allclose), Op(np.array_equal)
zeros_like, ones_like = Op(np.zeros_like), Op(np.ones_like)
