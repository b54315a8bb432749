"""The catalogue of mistakes: what can be named, and what is said about it.

    MISTAKES["B1"].name        "sigmoid-prime-of-activation"

Each row: the name, a line that has the mistake, what is right, and why. docs/mistakes.md is made from this table.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MISTAKES", "Mistake"]


class Mistake(NamedTuple):
    """One mistake: its id and name, a wrong line, the right one, and the reason."""

    id: str
    name: str
    wrong: str
    right: str
    why: str


ROWS = (
    # Factors
    ("A1", "missing-1/m", "dW2 = dZ2 @ A1.T", "dW2 = dZ2 @ A1.T / m",
     "The cost is a mean over m examples, so its gradient has the 1/m too; without it, all is m times too large."),
    ("A2", "1/m-twice", "dZ1 = dA1 * (1 - A1**2) / m", "use 1/m once: in dZ of the last layer, or in dW and db",
     "The 1/m of the mean enters the chain once; divided again, the layers from there on are m times too small."),
    ("A3", "mean-over-outputs", "dA2 = 2 * (A2 - Y)", "dA2 = 2 * (A2 - Y) / n_out",
     "A mean over all entries divides by examples times outputs; one of the two counts is missing or extra."),
    ("A4", "mse-factor-2-missing", "dA2 = A2 - Y", "dA2 = 2 * (A2 - Y)",
     "The cost squares the error without a 1/2, so the 2 of the square stays."),
    ("A5", "mse-factor-2-extra", "dA2 = 2 * (A2 - Y)", "dA2 = A2 - Y",
     "The 1/2 in the cost cancels the 2 of the square."),
    ("A7", "sum-cost-mean-gradient", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T",
     "The cost is a sum over the examples, so no 1/m belongs in its gradient."),
    ("A8", "stray-constant", "db1 = 4 / m * np.sum(dZ1, axis=1, keepdims=True)", "no such factor",
     "Everything else in the line is right: one number is there that the chain rule does not give."),
    ("A9", "m-of-wrong-axis", "m = X.shape[0]   # examples in columns", "m = X.shape[1]",
     "m counts the examples; here the gradient was divided by the number of features or units."),
    ("A10", "dropout-scale-missing", "dA1 = dA1 * D1", "dA1 = dA1 * D1 / keep",
     "The forward pass divides by keep, and so must the gradient on its way back."),
    ("A11", "dropout-mask-missing", "dA1 = dA1 / keep", "dA1 = dA1 * D1 / keep",
     "A unit that was dropped had no influence on the cost: its gradient is 0."),
    ("A12", "dropout-mask-redrawn", "D1 = rng.random(A1.shape) < keep   # in backward", "D1 = cache['D1']",
     "The units that were dropped are those of the forward pass: keep its mask in the cache."),
    ("A13", "l2-term-missing", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T / m + lam / m * W2",
     "The cost contains the squares of the weights, and they have a derivative as well."),
    ("A14", "l2-factor", "dW2 = dZ2 @ A1.T / m + 2 * lam / m * W2", "dW2 = dZ2 @ A1.T / m + lam / m * W2",
     "The factor of the L2 term must be that of the cost: lam/2 W² has the derivative lam W, lam W² has 2 lam W."),
    ("A15", "l2-term-extra", "db2 = db2 + lam / m * b2", "no such term",
     "The cost does not contain this parameter's square."),
    ("A16", "l2-on-bias", "db2 = dZ2.sum(axis=1, keepdims=True) / m", "... + lam / m * b2",
     "This cost contains the squares of the biases too, so their term belongs in db."),
    # The derivative of the activation
    ("B1", "sigmoid-prime-of-activation", "sigmoid(A1) * (1 - sigmoid(A1))", "A1 * (1 - A1)",
     "sigmoid' is taken at Z; A is sigmoid(Z) already, so sigmoid was applied twice."),
    ("B2", "x(1-x)-of-preactivation", "Z1 * (1 - Z1)", "A1 * (1 - A1)",
     "The shortcut x(1 - x) holds for x = sigmoid(Z), the activation; Z itself does not belong there."),
    ("B3", "tanh-prime-of-z-squared", "1 - Z1**2", "1 - A1**2",
     "tanh' = 1 - tanh², and tanh(Z) is A: the square is that of A."),
    ("B4", "tanh-prime-of-activation", "1 - np.tanh(A1)**2", "1 - A1**2",
     "A is tanh(Z) already: tanh was applied twice."),
    ("B5", "derivative-at-activation", "dA1 * g_prime(A1)", "dA1 * g_prime(Z1)",
     "The derivative of g is taken where g was taken: at Z, not at A."),
    ("B6", "forward-used-as-derivative", "dA1 * relu(Z1)", "dA1 * (Z1 > 0)",
     "The activation itself stands where its derivative belongs."),
    ("B7", "hidden-derivative-missing", "dZ1 = dA1", "dZ1 = dA1 * g'(Z1)",
     "From A back to Z the chain rule multiplies by g'(Z); what is called dZ is still dA."),
    ("B8", "output-derivative-missing", "dZ2 = A2 - Y", "dZ2 = dA2 * g'(Z2)",
     "A - Y is dZ only where the cost is the cross-entropy that belongs to the activation. Here g' does not cancel."),
    ("B9", "cross-entropy-with-extra-sigmoid-prime", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "dZ2 = A2 - Y",
     "Under cross-entropy the 1/(A(1 - A)) of dA cancels g'; multiplied once more, it is there once too often."),
    ("B11", "relu-mask-always-true", "A1 >= 0", "Z1 > 0",
     "A = relu(Z) is never negative, so A >= 0 is true everywhere and masks nothing."),
    ("B12", "relu-mask-inverted", "dZ1 = dA1 * (Z1 < 0)", "dZ1 = dA1 * (Z1 > 0)",
     "The gradient passes where the unit was active."),
    ("B15", "multiplied-by-z", "dZ1 = dA1 * (1 - A1**2) * Z1", "dZ1 = dA1 * (1 - A1**2)",
     "g'(Z) is the value of g' at Z, not g' times Z."),
    ("B16", "matrix-product-for-elementwise", "dZ1 = dA1 @ (1 - A1**2)", "dZ1 = dA1 * (1 - A1**2)",
     "An activation acts on each entry alone, so its derivative multiplies entry by entry."),
    ("B17", "extra-factor", "dZ1 = dA1 * g'(Z1) * A1", "dZ1 = dA1 * g'(Z1)",
     "The right value is multiplied by one more array that the chain rule does not give."),
    ("B18", "upstream-dropped", "dZ1 = 1 - A1**2", "dZ1 = dA1 * (1 - A1**2)",
     "The local derivative is one factor; the gradient that comes from above is the other."),
    ("B19", "divided-by-derivative", "dZ1 = dA1 / g'(Z1)", "dZ1 = dA1 * g'(Z1)",
     "The chain rule multiplies by the derivative."),
    ("B20", "derivative-of-other-activation", "dZ1 = dA1 * A1 * (1 - A1)   # A1 = tanh(Z1)", "dZ1 = dA1 * (1 - A1**2)",
     "The derivative must be that of the activation in the forward pass; this is another's."),
    ("B21", "derivative-misremembered", "dZ1 = dA1 * (1 - A1)", "dZ1 = dA1 * A1 * (1 - A1)",
     "The formula resembles the derivative, but a part of it is missing or has the wrong sign."),
    # Softmax
    ("C1", "softmax-off-diagonal-dropped", "dZ2 = dA2 * A2 * (1 - A2)", "dZ2 = A2 * (dA2 - np.sum(dA2 * A2, ...))",
     "Each output of softmax depends on every Z of its example. A(1 - A) is the diagonal of that alone."),
    ("C2", "softmax-sum-missing", "dZ2 = dA2 * A2", "dZ2 = A2 * (dA2 - np.sum(dA2 * A2, ...))",
     "Softmax divides by a sum; the derivative of that sum is the second part."),
    ("C3", "softmax-wrong-axis", "np.sum(dA2 * A2, axis=1, keepdims=True)", "the axis of the classes",
     "The sum in softmax runs over the classes of one example, and so does that of its derivative."),
    ("C4", "softmax-skipped", "dZ2 = dA2", "dZ2 = A2 - Y",
     "The softmax was not differentiated at all."),
    ("C5", "softmax-over-whole-batch", "e / np.sum(e)", "e / np.sum(e, axis=0, keepdims=True)",
     "The forward divides by a sum over all examples, so its probabilities do not sum to 1 per example. A - Y is the "
     "gradient of a softmax per example: repair the forward."),
    # The wrong array
    ("D1", "weights-updated-before-use", "W2 = W2 - lr * dW2; dA1 = W2.T @ dZ2", "compute all gradients, then update",
     "The gradient is that at the weights of the forward pass."),
    ("D2", "error-instead-of-delta", "dA1 = W2.T @ dA2", "dA1 = W2.T @ dZ2",
     "What goes back through W is dZ, the error times g', not the raw error."),
    ("D3", "delta-of-other-layer", "dW1 = dZ2 @ X.T", "dW1 = dZ1 @ X.T",
     "dW and db of a layer are made of that layer's own dZ."),
    ("D4", "preactivation-for-activation", "dW2 = dZ2 @ Z1.T", "dW2 = dZ2 @ A1.T",
     "The layer was given A, not Z: its weights multiply A."),
    ("D5", "activation-of-other-layer", "dW2 = dZ2 @ X.T", "dW2 = dZ2 @ A1.T",
     "dW is made of what this layer was given in the forward pass."),
    ("D6", "weights-of-other-layer", "dA1 = W1 @ dZ2", "dA1 = W2.T @ dZ2",
     "The gradient goes back through the weights that the values came through."),
    ("D7", "one-use-missing", "dA1 = W2.T @ dZ2   # A1 is used twice", "add the gradients of all uses",
     "A value that is used more than once gets a gradient from each use, and they add up."),
    ("D8", "dA-used-for-dW", "dW1 = dA1 @ X.T / m", "dW1 = dZ1 @ X.T / m",
     "g' was not applied before dW and db: they are made of dZ."),
    ("D9", "dA-is-really-dZ", "dA1 = (W2.T @ dZ2) * A1 * (1 - A1)", "dA1 = W2.T @ dZ2",
     "What is handed in as dA has g' in it already: it is dZ. A slip of the name where all else is right."),
    ("D10", "sigmoid-prime-applied-twice", "dA1 = (W2.T @ dZ2) * g'; dZ1 = dA1 * g'", "dZ1 = (W2.T @ dZ2) * g'",
     "g' belongs in the step from dA to dZ, once."),
    ("D11", "bias-column-not-removed", "dA1 = np.vstack([ones, W2.T]) @ dZ2", "dA1 = W2.T @ dZ2",
     "The bias unit is no output of the layer below: nothing goes back to it."),
    # Shapes and axes
    ("E1", "db-summed-over-everything", "db2 = np.sum(dZ2) / m", "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
     "Each unit has its own bias: sum over the examples only. Under softmax and cross-entropy the sum of all is 0."),
    ("E2", "db-wrong-axis", "db2 = dZ2.sum(axis=0, keepdims=True) / m", "db2 = dZ2.sum(axis=1, keepdims=True) / m",
     "The sum runs over the examples; this one runs over the units."),
    ("E3", "db-not-summed", "db2 = dZ2 / m", "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
     "All examples share the bias, so their gradients add up."),
    ("E4", "keepdims-missing", "db2 = np.sum(dZ2, axis=1) / m", "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
     "The numbers are right, the shape is not: b - db would be stretched to a matrix."),
    ("E5", "elementwise-for-matrix-product", "dW2 = dZ2 * A1.T / m", "dW2 = dZ2 @ A1.T / m",
     "* multiplies entry by entry and stretches; the sum over the examples comes from @."),
    ("E6", "dW-transposed", "dW2 = A1 @ dZ2.T / m", "dW2 = dZ2 @ A1.T / m",
     "A gradient has the shape of its parameter; this is the transpose. A square layer hides it."),
    ("E8", "row-column-layout-mixed", "dW2 = dZ2 @ A1.T   # examples in rows", "dW2 = A1.T @ dZ2",
     "Z = X W wants dW = X.T dZ and dX = dZ W.T; Z = W X wants dW = dZ X.T and dX = W.T dZ. The two were mixed."),
    ("E9", "labels-1d-broadcast", "dZ2 = A2 - Y   # (m, 1) and (m,)", "dZ2 = A2 - Y.reshape(-1, 1)",
     "A column minus a flat array is a matrix of m by m. Give both the same shape."),
    ("E11", "db-mean-dW-sum", "db2 = np.sum(dZ2, axis=1, keepdims=True)   # dW2 has 1/m", "the same 1/m in dW and db",
     "dW and db of a layer come from the same cost: both are averaged or neither is."),
    ("E12", "one-example-only", "for i in range(m): dW = np.outer(dz[i], a[i])", "dW += np.outer(dz[i], a[i])",
     "The gradients of all examples add up; what is assigned anew in the loop is that of the last one."),
    ("E13", "another-order", "return dW1, dW2, db1, db2   # params = [W1, b1, W2, b2]", "return dW1, db1, dW2, db2",
     "The gradients themselves are right, but an update takes each for the parameter in its place: give them in the "
     "order of the parameters."),
    # The sign and the derivative of the cost
    ("F1", "sign-flipped", "dZ2 = Y - A2", "dZ2 = A2 - Y",
     "Every number has the opposite sign. Y - A goes with W += lr * dW only."),
    ("F2", "bce-plus-inside", "dA2 = -(Y / A2 + (1 - Y) / (1 - A2))", "dA2 = -Y / A2 + (1 - Y) / (1 - A2)",
     "The inner derivative of 1 - A is -1: one part has the wrong sign."),
    ("F3", "sign-of-one-part", "the sign of one part is flipped", "the sign that the chain rule gives",
     "One step of the chain has another sign than its derivative."),
    ("F4", "part-missing", "dA2 = -Y / A2", "dA2 = -Y / A2 + (1 - Y) / (1 - A2)",
     "The cost depends on this value in more than one place; one of them is missing."),
    ("F5", "dA-reported-as-dZ", "dA2 = A2 - Y", "dA2 = (A2 - Y) / (A2 * (1 - A2))",
     "A - Y has g' in it already: it is dZ of the last layer, not dA."),
    ("F6", "extra-factor-at-the-cost", "dA2 = (A2 - Y) * A2", "dA2 = A2 - Y",
     "The derivative of the cost is multiplied by an array that does not belong there."),
    ("F7", "link-left-out", "one step of the chain is not differentiated", "multiply by the derivative of every step",
     "Each function on the way from the cost contributes one factor."),
    # State and numbers
    ("G2", "dA-aliased", "dZ1 = dA1; dZ1[Z1 <= 0] = 0", "dZ1 = dA1.copy(); dZ1[Z1 <= 0] = 0",
     "Both names are one array: writing into dZ changed dA as well."),
    ("G3", "int-dtype", "W = np.array([[1, 2], [3, 4]])", "W = np.array([[1.0, 2.0], [3.0, 4.0]])",
     "An integer array truncates every update, and a numerical gradient of it is 0 or huge."),
    ("G4", "eps-or-float32", "(J(W + 1e-12) - J(W)) / 1e-12", "central differences in float64, step about 1e-6",
     "The difference is rounding alone: the check is at fault, not the gradient."),
    ("G5", "log-of-zero", "np.log(A2)   # A2 is 0", "clip A2, or compute the cost from Z2",
     "The output saturated: log(0) is infinite, and 0 times infinity is not a number."),
    ("G6", "saturated", "A2 * (1 - A2)   # A2 is 1", "scale the inputs or the weights down",
     "The formula is right: where the units are saturated the gradient is almost 0."),
    ("G7", "inconsistent-cache", "A1 = A1 + 0.3; dW2 = dZ2 @ A1.T", "use the cache of the same forward pass",
     "The array used here is not the one that the cost was computed from."),
    ("X1", "backward-stopped", "dW2 = dZ2 @ A1   # inner sizes differ", "see the shapes below",
     "The line raised an error, so nothing after it could be marked."),
    ("X2", "not-recognised", "", "",
     "The value is wrong, and its numbers fit no slip that is known here. Go through the line factor by factor."),
)  # fmt: skip

#: Every mistake by its id.
MISTAKES = {row[0]: Mistake(*row) for row in ROWS}
