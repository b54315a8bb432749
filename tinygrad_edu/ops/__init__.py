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

The chapters, in the order to read them:

    op           Op itself, and the steps on shapes that many rules share
    arithmetic   sums, products, quotients, powers
    elementwise  exponentials, logarithms, waves
    kinks        functions with corners, and choices between values
    questions    what has no gradient: comparisons, shapes, positions
    reductions   sums, means, extremes, spreads along axes
    shapes       the same entries in another shape
    parts        indexing and joining
    products     products of matrices
    networks     the linear layer, activations, losses

Read next: `autograd.py`, the chain rule that calls these rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.ops import (
    arithmetic,
    elementwise,
    kinks,
    networks,
    parts,
    products,
    questions,
    reductions,
    shapes,
)
from tinygrad_edu.ops.op import Op

__all__ = ["FOR_NUMPY", "FOR_REDUCE", "TABLE", "Op"]

CHAPTERS = (arithmetic, elementwise, kinks, questions, reductions, shapes, parts, products, networks)

#: The rows by name, and by the NumPy function (or the ufunc's `reduce`) that each answers for.
TABLE = {name: op for chapter in CHAPTERS for name, op in vars(chapter).items() if isinstance(op, Op)}
for _name, _op in TABLE.items():
    _op.name = _name
FOR_NUMPY: dict[Callable[..., Any], Op] = {op.numpy: op for op in TABLE.values()} | {
    np.amax: TABLE["max"],
    np.amin: TABLE["min"],
}
FOR_REDUCE: dict[Callable[..., Any], Op] = {
    np.add: TABLE["sum"],
    np.maximum: TABLE["max"],
    np.minimum: TABLE["min"],
}

globals().update(TABLE)  # each row by its name, too: ops.add, ops.exp
if TYPE_CHECKING:

    def __getattr__(name: str) -> Op: ...
