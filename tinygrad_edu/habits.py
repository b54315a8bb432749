"""Names that people bring from other packages: an error that says what to write here."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

__all__ = ["FUNCTIONS", "INSTEAD", "Elsewhere", "advice"]

#: Names of PyTorch, and what to write.
INSTEAD = {
    "add_": "t.data += x, for a leaf and outside the graph",
    "bmm": "a @ b",
    "cat": "np.concatenate([a, b], axis)",
    "clone": "t.copy()",
    "cpu": "t: all arrays are in main memory",
    "cuda": "t: all arrays are in main memory",
    "dim": "t.ndim",
    "double": "t.astype(np.float64)",
    "expand": "np.broadcast_to(t, shape)",
    "float": "t.astype(np.float32)",
    "from_numpy": "tg.Tensor(array)",
    "gather": "np.take_along_axis(t, indices, axis)",
    "grad_fn": "t.op and t.inputs",
    "is_leaf": "not t.inputs",
    "load": "model.load(path)",
    "manual_seed": "rng=0 where numbers are drawn, as in nn.Linear(2, 3, rng=0)",
    "masked_fill": "np.where(mask, value, t)",
    "mm": "a @ b",
    "norm": "np.linalg.norm(t)",
    "numel": "t.size",
    "permute": "t.transpose(axes)",
    "pow": "t ** n",
    "rand": "tg.Tensor(rng.random(shape))",
    "randn": "tg.Tensor(rng.standard_normal(shape))",
    "requires_grad_": "Tensor(data, requires_grad=True)",
    "save": "model.save(path)",
    "sub_": "t.data -= x, for a leaf and outside the graph",
    "t": "t.T",
    "tensor": "tg.Tensor(data)",
    "to": "t.astype(dtype)",
    "unsqueeze": "np.expand_dims(t, axis)",
    "view": "t.reshape(shape)",
    "zero_": "t.data[...] = 0, for a leaf and outside the graph",
} | {name: f"tg.{name}(t)" for name in ("relu", "sigmoid", "softmax", "log_softmax", "softplus", "logsumexp")}
#: Functions of NumPy that PyTorch has as methods.
FUNCTIONS = (
    "abs",
    "ceil",
    "cos",
    "exp",
    "expm1",
    "floor",
    "log",
    "log1p",
    "matmul",
    "sign",
    "sin",
    "sqrt",
    "square",
    "tanh",
)


def advice(name: str) -> str:
    """What to write in place of a name that is not there, as the end of a sentence; "" if nothing is known."""
    known = INSTEAD.get(name) or (f"np.{name}" if callable(vars(np).get(name)) else "")
    return f"; write {known}" if known else ""


class Elsewhere:
    """An attribute that is not there. (A __getattr__ would say the same, but slow down all that are.)"""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__}: has no attribute {self.name!r}{advice(self.name)}")

    def __repr__(self) -> str:
        return f"not there{advice(self.name)}"
