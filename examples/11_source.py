"""Step 11. The gradient, written out as the NumPy program that you would have handed in.

`source` runs the chain rule on arrays without values and writes down what the rules do. The a(1 - a) of the sigmoid
cancels, every line says which link of the chain rule it is, and the program needs NumPy alone.
"""

import numpy as np

import tinygrad_edu as tg

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((8, 2)), rng.integers(0, 2, (8, 1)).astype(float)
model = tg.nn.MLP([2, 16, 1], activation=tg.nn.Tanh, rng=rng)
Z2 = model(X)
A2 = tg.sigmoid(Z2)
J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

program = tg.source(J, names=locals())
program.show()

# It is a function of the data, so it trains the network, too.
parameters = {p.name: p.data for p in model.parameters()}
for _ in range(200):
    cost, gradients = program(X=X, Y=Y, **parameters)
    parameters = {name: x - 0.5 * gradients[f"d{name}"] for name, x in parameters.items()}
print(f"\nThe cost fell from {J.item():.3f} to {cost:.3f}.")
