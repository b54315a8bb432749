# %% [markdown]
# # Step 12. Watch it learn, and see why depth was hard
#
# Two questions for pictures: how does the boundary between two classes come about, and what becomes of gradients on
# their way through many layers? This file is a notebook in the percent format: editors that know it show the cells, and
# the pictures under them; Python runs it from top to bottom. It needs Matplotlib: `pip install 'tinygrad_edu[plot]'`.

# %%
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.metrics import confusion

rng = np.random.default_rng(0)
X, y = tg.data.moons(300, rng)
(X, y), (X_test, y_test) = tg.data.split(X, y, test_fraction=0.25, rng=rng, stratified=True)
model = tg.nn.MLP([2, 16, 16, 1], activation=tg.nn.Tanh, rng=rng)
tg.nn.summary(model, X)

# %% [markdown]
# ## The boundary, epoch by epoch
#
# A plain loop. Besides the losses it keeps the weights of every fourth epoch.

# %%
loss, optimizer = tg.nn.BCEWithLogitsLoss(), tg.optim.Adam(model.parameters(), lr=0.01)
losses, states = {"training": [], "test": []}, [model.state_dict()]
for epoch in range(1, 33):
    for X_batch, y_batch in tg.data.batches(X, y[:, None], 32, rng):
        optimizer.zero_grad()
        loss(model(X_batch), y_batch).backward()
        optimizer.step()
    with tg.no_grad():
        losses["training"].append(loss(model(X), y[:, None]).item())
        losses["test"].append(loss(model(X_test), y_test[:, None]).item())
    if epoch % 4 == 0:
        states.append(model.state_dict())

# %%
tg.plot.loss_curve(losses).figure

# %% [markdown]
# The network divides the plane. The black line is where it finds both classes equally likely.

# %%
tg.plot.decision_boundary(model, X_test, y_test).figure

# %% [markdown]
# And how it came there, as a GIF. At the start all is of one mixed colour: the network knows nothing. Then it finds a
# straight line, the best that can be said in one stroke, and only then bends it.

# %%
titles = [f"epoch {4 * k}" for k in range(len(states))]
print(tg.plot.animate_boundary(model, states, X, y, "learning.gif", titles=titles))

# %% [markdown]
# Whom does it take for whom?

# %%
with tg.no_grad():
    answers = (model(X_test).numpy().ravel() > 0).astype(int)
tg.plot.confusion(confusion(y_test, answers, 2), ["upper moon", "lower moon"]).figure

# %% [markdown]
# ## Gradients that vanish
#
# Seven hidden layers of sigmoids, before the first step of training. Backprop multiplies by A(1 - A) at each, which is
# 1/4 at most. Read the right column from the bottom up: the median of |dJ/dW| loses nearly a power of ten from one
# layer to the next, and the first layer, which sees the data, learns nothing.

# %%
sizes = [2, *[32] * 7, 1]
sigmoids = tg.nn.MLP(sizes, activation=tg.nn.Sigmoid, rng=np.random.default_rng(1))
tg.plot.histograms(sigmoids, loss, X, y[:, None])[0].figure

# %% [markdown]
# The same depth with ReLU, whose slope is 1 where it lets pass, and with He's weights, which make up for the half that
# it cuts off. The gradients are of much the same size in all layers.

# %%
rectifiers = tg.nn.MLP(sizes, activation=tg.nn.ReLU, rng=np.random.default_rng(1))
for layer in rectifiers:
    if isinstance(layer, tg.nn.Linear):
        layer.weight.data[...] = tg.nn.init.he_normal(layer.weight.shape, rng)
        layer.bias.data[...] = 0
tg.plot.histograms(rectifiers, loss, X, y[:, None])[0].figure

# %% [markdown]
# In numbers: the median of |dJ/dW| in the first and in the last layer.

# %%
for name, network in (("sigmoid", sigmoids), ("ReLU, He", rectifiers)):
    J = loss(network(X), y[:, None])
    weights = [layer.weight for layer in network if isinstance(layer, tg.nn.Linear)]
    first, *_, last = (np.median(np.abs(g.numpy())) for g in tg.autograd.grad(J, weights))
    print(f"{name:8}  first {first:.0e}, last {last:.0e}")
