"""Step 9. A derivation in symbols, from the recorded graph.

`derive` walks from the cost to a tensor and multiplies the local derivatives, which it gets from the same rules that
compute the numbers. So it knows every cost that you can write, also one of your own: here the focal loss, which cares
less for examples that are right already.
"""

import numpy as np

import tinygrad_edu as tg

rng = np.random.default_rng(0)
Z = tg.Tensor(rng.standard_normal((5, 1)), requires_grad=True, name="Z")
Y = tg.Tensor(rng.integers(0, 2, (5, 1)).astype(float), name="Y")
A = tg.sigmoid(Z)

cross_entropy = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
derivation = tg.derive(cross_entropy, wrt=Z)
print(derivation, derivation.check(), sep="\n\n", end="\n\n\n")

focal_loss = -np.mean(Y * (1 - A) ** 2 * np.log(A) + (1 - Y) * A**2 * np.log(1 - A))
derivation = tg.derive(focal_loss, wrt=Z)
print(derivation, derivation.check(), sep="\n\n")
