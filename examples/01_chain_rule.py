"""Step 1. One scalar, one graph, one backward pass.

A tensor remembers how it was made. `backward` walks from the cost back to the leaves and multiplies the
local derivatives on the way: the chain rule, and nothing else.
"""

import numpy as np

import tinygrad_edu as tg

w = tg.Tensor(0.6, requires_grad=True, name="w")
b = tg.Tensor(0.9, requires_grad=True, name="b")
x, t = 1.0, 0.0

z = w * x + b
a = 1 / (1 + np.exp(-z))  # plain NumPy records
L = -(t * np.log(a) + (1 - t) * np.log(1 - a))
L.backward()

print(f"a = {a.item():.4f}, L = {L.item():.4f}")
print(f"dL/dw = {w.grad.item():.4f}, and (a - t) x = {(a.item() - t) * x:.4f}")
print(f"dL/db = {b.grad.item():.4f}, and (a - t)   = {a.item() - t:.4f}")
