"""Step 7. The last layers by name, in both layouts, and that of your own model.

Each term is computed by autograd op by op, by the fused op where there is one, and by the formulas people write by
hand. Then the formula that drops the other classes of softmax: right at the true class, wrong at all others.
"""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.check import compare, formulas, last_layer

rng = np.random.default_rng(0)
A_prev, W, b = rng.standard_normal((6, 4)), rng.standard_normal((3, 4)), rng.standard_normal(3)
labels = np.array([0, 2, 1, 1, 0, 2])

print(compare("softmax-nll", Y=labels, A_prev=A_prev, W=W, b=b), "\n")
print("The same with examples in columns, and 1/m in dW and db in place of dZ:\n")
print(compare("softmax-nll", Y=labels, A_prev=A_prev.T, W=W, b=b[:, None], layout="columns", per_example=True), "\n")

A, Y = formulas.softmax(formulas.dense(A_prev, W, b)), formulas.one_hot(labels, 3)
print("One example, its class is 0:")
print("  a_j - y_j      ", formulas.softmax_log_likelihood_dZ(A, Y)[0].round(4))
print("  y_j (a_j - 1)  ", formulas.wrong_softmax_without_off_diagonal(A, Y)[0].round(4) + 0.0)
print("  wrong, since", formulas.WRONG["wrong_softmax_without_off_diagonal"].why, "\n")


def half_squared_error(prediction, target):
    return np.sum((prediction - target) ** 2) / (2 * len(target))


model = tg.nn.MLP([4, 5, 3], rng=rng)
print("A model and a loss of one's own:\n")
print(last_layer(model, half_squared_error, A_prev, Y))
