"""The ONNX counterpart of each row of the table: an op of ONNX, or the few that it is made of.

What ONNX has no op for, and what nobody has written down here yet, is refused by name. Where a runtime would lose
digits (log of 1 + a small x), the steps are ones that lose none.

    call.py            what a counterpart is given
    elementwise.py     ops that treat each entry on its own
    axes.py            reductions, shapes, joins, products, losses
    indexing.py        x[key], and other places for the same entries
"""

from __future__ import annotations

from tinygrad_edu import ops
from tinygrad_edu.read.onnx import axes, elementwise, indexing
from tinygrad_edu.read.onnx.call import Counterpart

__all__ = ["COUNTERPARTS"]

COUNTERPARTS: dict[ops.Op, Counterpart] = {
    ops.TABLE[name]: function
    for chapter in (elementwise, axes, indexing)
    for function in vars(chapter).values()
    for name in getattr(function, "rows", ())
}
