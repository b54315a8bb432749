"""Step 6. See the graph.

The same recorded graph, read in four ways: as text, as a picture, as the picture of its own gradient, and as a page
that steps through the chain rule. `names=locals()` gives the nodes the names that they have here.
"""

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
print(tg.tree(J, names=locals()))

# A gradient made with create_graph=True is a graph of the same ops: backprop itself, to be looked at.
dA2, dZ2, dA1, dZ1, dW1 = autograd.grad(J, [A2, Z2, A1, Z1, W1], create_graph=True)
print()
print(tg.tree(dW1, names=locals(), gradients=False))

page = tg.explore(J, "pictures.html", names=locals())
print(f"\n{page}: open it and press the right arrow")
for drawing, path in ((tg.draw(J, names=locals()), "forward.svg"), (tg.draw(dW1, names=locals()), "backward.svg")):
    try:
        print(drawing.save(path))
    except RuntimeError as error:  # no Graphviz here
        print(error)
