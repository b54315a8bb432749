"""Step 5. Why does the last layer look different?

In every layer dJ/dZ = dJ/dA * dA/dZ. In the last one both factors are known, -(Y/A) + (1-Y)/(1-A) and A(1-A), and
their product is A - Y. Autograd knows nothing of that: it multiplies the two, and the same number comes out.
"""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import autograd
from tinygrad_edu.check import Comparison, formulas

rng = np.random.default_rng(0)
m = 5
X, Y = rng.standard_normal((m, 3)), rng.integers(0, 2, (m, 1)).astype(float)
hidden, last = tg.nn.Linear(3, 4, rng=rng), tg.nn.Linear(4, 1, rng=rng)

A1 = np.tanh(hidden(X))
Z2 = last(A1)
A2 = tg.sigmoid(Z2)
J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
dA2, dZ2, dW2, dA1 = autograd.grad(J, [A2, Z2, last.weight, A1])

dZ2_by_hand = formulas.sigmoid_bce_dZ(A2.numpy(), Y, m)
print(
    Comparison(
        {
            "dJ/dA2": {"autograd": dA2.numpy(), "by hand": formulas.bce_dA(A2.numpy(), Y, m)},
            "dJ/dZ2 = (A2 - Y)/m": {"autograd": dZ2.numpy(), "by hand": dZ2_by_hand},
            "dJ/dW2 = dZ2.T A1": {"autograd": dW2.numpy(), "by hand": formulas.dense_dW(dZ2_by_hand, A1.numpy())},
            "dJ/dA1 = dZ2 W2": {
                "autograd": dA1.numpy(),
                "by hand": formulas.dense_dA_prev(dZ2_by_hand, last.weight.numpy()),
            },
        }
    )
)
