# %% [markdown]
# # Step 6. See the graph
#
# The same recorded graph, read in four ways: as text, as a picture, as the picture of its own gradient, and as a page
# that steps through the chain rule. This file is a notebook in the percent format: editors that know it show the cells,
# and the drawings under them; Python runs it from top to bottom.

# %%
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import autograd

rng = np.random.default_rng(0)
X, Y = tg.Tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], name="X"), tg.Tensor([[1.0], [1.0], [0.0]], name="Y")
W1, W2 = (tg.Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 2), (1, 2)))

Z1 = tg.linear(X, W1)
A1 = np.tanh(Z1)
Z2 = tg.linear(A1, W2)
A2 = tg.sigmoid(Z2)
J = np.mean(np.square(A2 - Y))

# %% [markdown]
# As text. `names=locals()` gives the nodes the names that they have here.

# %%
print(tg.tree(J, names=locals()))

# %% [markdown]
# As a picture: values flow down, gradients come back up, and each link shows its local derivative. In a notebook the
# drawing appears; where Graphviz is missing, the tree appears in its place.

# %%
picture = tg.draw(J, names=locals())
picture

# %% [markdown]
# A gradient made with create_graph=True is a graph of the same ops: backprop itself, to be looked at.

# %%
dA2, dZ2, dA1, dZ1, dW1 = autograd.grad(J, [A2, Z2, A1, Z1, W1], create_graph=True)
print(tg.tree(dW1, names=locals(), gradients=False))
backward = tg.draw(dW1, names=locals(), gradients=False, edges="none")

# %% [markdown]
# As files. The page opens in any browser and needs no network: press the right arrow.

# %%
print(tg.explore(J, "pictures.html", names=locals()))
for drawing, path in ((picture, "forward.svg"), (backward, "backward.svg")):
    try:
        print(drawing.save(path))
    except RuntimeError as error:  # no Graphviz here
        print(error)
