"""The derivative sheet: every op, and beside it the rule of each of its inputs.

    multiply = Op(np.multiply, lambda g, y, a, b: g * b,
                               lambda g, y, a, b: g * a)

Read a row like a line of a textbook. `g` is the gradient of the scalar that is being differentiated
with respect to the output, `y` the output, then come the inputs; parameters (axis, keepdims, ...)
follow by name. The rule gives the gradient with respect to one input: g times the local derivative.

The rules are plain NumPy, and so they can be read in two ways: given arrays they compute numbers,
given Tensors they record a graph of the gradient, made of the same ops. For this to hold, a rule
changes nothing in place and uses no `out=`. Nor does a rule undo broadcasting: the chain rule
in `autograd.py` sums a stretched gradient back to the shape of its input, for all ops alike.

A new op is a new row, in one of the chapters or in a file of your own:

>>> swish = Op(lambda x: x / (1 + np.exp(-x)),
...            lambda g, y, x: g * (y + (1 - y) / (1 + np.exp(-x))), name="swish")
>>> swish(np.zeros(2))
array([0., 0.])

A function that others can express needs no rule. It is made of rows, and `composed` names the function
of NumPy that it answers for. What is neither is refused by name: `refused.py` says what to do instead.

The chapters, in the order to read them:

    op              Op itself, and the steps on axes and shapes that many rules share
    arithmetic      sums, products, quotients, remainders, powers
    elementwise     exponentials, logarithms, waves, and their inverses
    kinks           corners, steps, and choices between values
    questions       what has no gradient: comparisons, shapes, positions
    reductions      sums, means, products, extremes, spreads along axes
    running         running sums, products and extremes
    sorting         sorted arrays, medians, quantiles
    shapes          the same entries in another shape
    parts           indexing and joining
    rearrange       flips, diagonals, borders: entries in other places
    joins           the many words for joining and cutting
    products        products of matrices
    contractions    einsum
    curves          differences, areas, interpolation, polynomials, convolution
    linalg          inverses, determinants, norms
    decompositions  eigenvalues, singular values, triangles
    networks        the linear layer, activations, losses

Read next: `autograd.py`, the chain rule that calls these rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.ops import (
    arithmetic,
    contractions,
    curves,
    decompositions,
    elementwise,
    joins,
    kinks,
    linalg,
    networks,
    parts,
    products,
    questions,
    rearrange,
    reductions,
    running,
    shapes,
    sorting,
)
from tinygrad_edu.ops.op import COMPOSED, Op
from tinygrad_edu.ops.refused import REFUSED

__all__ = ["COMPOSED", "FOR_NUMPY", "REFUSED", "TABLE", "Op"]

CHAPTERS = (
    arithmetic,
    elementwise,
    kinks,
    questions,
    reductions,
    running,
    sorting,
    shapes,
    parts,
    rearrange,
    joins,
    products,
    contractions,
    linalg,
    decompositions,
    curves,
    networks,
)

#: The rows by name, and by the NumPy function that each answers for.
TABLE = {name: op for chapter in CHAPTERS for name, op in vars(chapter).items() if isinstance(op, Op)}
for _name, _op in TABLE.items():
    _op.name = _name
FOR_NUMPY: dict[Callable[..., Any], Op] = {op.numpy: op for op in TABLE.values()} | {
    np.amax: TABLE["max"],
    np.amin: TABLE["min"],
    np.add.reduce: TABLE["sum"],
    np.maximum.reduce: TABLE["max"],
    np.minimum.reduce: TABLE["min"],
    np.multiply.reduce: TABLE["prod"],
    np.fmax.reduce: TABLE["nanmax"],
    np.fmin.reduce: TABLE["nanmin"],
    np.logaddexp.reduce: TABLE["logsumexp"],
    np.around: TABLE["round"],
}

globals().update(TABLE)  # each row by its name, too: ops.add, ops.exp
if TYPE_CHECKING:

    def __getattr__(name: str) -> Op: ...
