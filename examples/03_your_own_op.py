"""Step 3. A new op is a new row: a forward function and one rule for each input.

`softsign(x) = x / (1 + |x|)` has the derivative 1 / (1 + |x|)^2 = (1 - |y|)^2. The rule is an
ordinary NumPy expression; the checker compares it with the slope of the function itself.
"""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.ops import Op

softsign = Op(
    lambda x: x / (1 + np.abs(x)),
    lambda g, y, x: g * (1 - np.abs(y)) ** 2,
    name="softsign",
)

x = tg.Tensor([-2.0, 0.5, 3.0], requires_grad=True, name="x")
print(softsign(x))
print(tg.check.gradcheck(softsign, x))

forgotten_square = Op(softsign.forward, lambda g, y, x: g * (1 - np.abs(y)), name="softsign")
print(tg.check.gradcheck(forgotten_square, x))
