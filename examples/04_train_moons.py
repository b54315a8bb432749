"""Step 4. A small network learns two interleaved half circles."""

import numpy as np

import tinygrad_edu as tg

rng = np.random.default_rng(0)
X, y = tg.data.moons(400, rng)
X_test, y_test = tg.data.moons(400, rng)

model = tg.nn.MLP([2, 16, 16, 1], activation=tg.nn.Tanh, rng=rng)
loss = tg.nn.BCEWithLogitsLoss()
optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
print(model)

for epoch in range(1, 101):
    for X_batch, y_batch in tg.data.batches(X, y[:, None], 32, rng):
        optimizer.zero_grad()
        J = loss(model(X_batch), y_batch)
        J.backward()
        optimizer.step()
    if epoch % 25 == 0:
        with tg.no_grad():
            right = (model(X_test) > 0).ravel() == y_test
        print(f"epoch {epoch:3}: cost of the last batch {J.item():.4f}, test accuracy {right.mean():.3f}")
