"""Step 15. The same training step as the straight-line NumPy that a patient person would write, and much faster."""

from time import perf_counter

import numpy as np

import tinygrad_edu as tg

X, y = tg.data.moons(32, rng=0)
model = tg.nn.MLP([2, 16, 16, 1], rng=0)
loss = tg.nn.BCEWithLogitsLoss()
optimizer = tg.optim.SGD(model.parameters(), lr=0.5)
Y = y.reshape(-1, 1).astype(float)


def eager(X, Y):
    optimizer.zero_grad()
    J = loss(model(X), Y)
    J.backward()
    optimizer.step()
    return J.item()


step = tg.compile(model, loss, optimizer)
for name, function in (("eager", eager), ("compiled", step)):
    function(X, Y)
    start = perf_counter()
    for _ in range(2000):
        J = function(X, Y)
    print(f"{name:9} J = {J:.4f}   {(perf_counter() - start) / 2000 * 1e6:5.0f} microseconds a step")

print()
print(step.source)

# Any function of arrays will do, its gradients included.
slope = tg.compile(tg.func.grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)))
print(slope(np.ones(2), X[:3]))
