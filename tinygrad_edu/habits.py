"""What other packages have as a method and NumPy has not: the advice where such a name is missing here."""

from __future__ import annotations

import numpy as np

__all__ = ["advice"]

#: Names of PyTorch, and what to write.
INSTEAD = {
    "bmm": "a @ b",
    "cat": "np.concatenate([a, b], axis)",
    "clone": "t.copy()",
    "cpu": "t: all arrays are in main memory",
    "cuda": "t: all arrays are in main memory",
    "dim": "t.ndim",
    "double": "t.astype(np.float64)",
    "expand": "np.broadcast_to(t, shape)",
    "float": "t.astype(np.float32)",
    "gather": "np.take_along_axis(t, indices, axis)",
    "grad_fn": "t.op and t.inputs",
    "is_leaf": "not t.inputs",
    "masked_fill": "np.where(mask, value, t)",
    "mm": "a @ b",
    "norm": "np.linalg.norm(t)",
    "numel": "t.size",
    "permute": "t.transpose(axes)",
    "pow": "t ** n",
    "t": "t.T",
    "tensor": "tg.Tensor(data)",
    "to": "t.astype(dtype)",
    "type": "t.astype(dtype)",
    "unsqueeze": "np.expand_dims(t, axis)",
    "view": "t.reshape(shape)",
    "view_as": "t.reshape(other.shape)",
}


def advice(name: str) -> str:
    """What to write in place of an attribute that is not there, as the end of a sentence; "" if nothing is known."""
    from tinygrad_edu import functional  # is built on what asks here

    if name.startswith("_"):
        return ""
    if name in INSTEAD:
        return f"; write {INSTEAD[name]}"
    if name in functional.__all__:
        return f"; write tg.{name}(t)"
    if callable(vars(np).get(name)):
        return f"; write np.{name}"
    if name.endswith("_"):
        return "; what a graph has recorded must not change in place: make a new tensor, or change t.data of a leaf"
    return ""
