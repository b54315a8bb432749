"""The same program with the examples along the other axis: rows become columns, or columns rows.

    Z = X @ W.T + b          Z = W @ X + b
    dW = dZ.T @ X            dW = dZ @ X.T
    db = np.sum(dZ, axis=0)  db = np.sum(dZ, axis=1, keepdims=True)

A matrix of examples is held transposed from the start, and each call is replaced by the one that makes the
transposed result: (A B)ᵀ = Bᵀ Aᵀ, a sum along the one axis is one along the other, and what acts entry by entry stays
what it is. What has no such form is done on the matrix as it was.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.program import Step, Value
from tinygrad_edu.read.source.calls import Calls
from tinygrad_edu.read.source.entrywise import CALLED, REDUCTIONS, reduction
from tinygrad_edu.read.source.rearranged import FIRST_COLUMN
from tinygrad_edu.read.source.terms import Term

__all__ = ["Turned"]

ENTRYWISE = (np.where, np.ndarray.astype, ops.sigmoid, ops.xlogy)
ALONG = (ops.softmax, ops.log_softmax)


class Form(NamedTuple):
    """The shape and the dtype of a result."""

    shape: tuple[int, ...]
    dtype: Any


class Turned(Calls):
    """Calls in which matrices of examples are transposed; `axis` is where the examples were."""

    axis = 0

    def is_turned(self, x: Any) -> bool:
        """Whether a value is held transposed: a matrix of examples is."""
        return isinstance(x, Value) and len(x.shape) == 2 and x.shape[self.axis] in self.dims

    def given(self, name: str, value: Value, bias: bool) -> Term:
        """The argument for an input of the program; a vector that is added to every example becomes a matrix, too."""
        shape = value.shape
        if bias and len(shape) == 1:
            whole = self.terms.name(name, (*shape, 1), value.dtype)
            self.found[value] = self.terms.call(operator.getitem, (whole, FIRST_COLUMN), {}, shape, value.dtype)
        elif self.is_turned(value) or (bias and len(shape) == 2):
            whole = self.terms.name(name, shape[::-1], value.dtype)
            self.found[value] = whole if self.is_turned(value) else self.transposed(whole)
        else:
            whole = self.found[value] = self.terms.name(name, shape, value.dtype)
        return whole

    def result(self, value: Value, like: Term) -> Term:
        """A gradient in the form that its argument has."""
        found: Term = self.found[value]
        if found.shape == like.shape:
            return found
        return self.reshaped(found, like.shape) if len(found.shape) == 1 else self.transposed(found)

    def step(self, step: Step, args: Any, kwargs: dict[str, Any]) -> Any:
        values, out = step.args, step.result
        function = CALLED.get(step.function, step.function) if not isinstance(step.function, ops.Op) else step.function
        turned = self.is_turned(out)
        form = Form(out.shape[::-1] if turned else out.shape, out.dtype)
        if function in (np.matmul, np.dot) and all(len(x.shape) == 2 for x in values):
            a, b = (self.was(x, value) for x, value in zip(args, values, strict=True))
            return self.make(np.matmul, (self.transposed(b), self.transposed(a)) if turned else (a, b), {}, form)
        if turned and ((isinstance(function, np.ufunc) and function.signature is None) or function in ENTRYWISE):
            lifted = tuple(self.lifted(x, value) for x, value in zip(args, values, strict=True))
            return self.make(function, lifted, kwargs, form)
        if function is np.broadcast_to and turned:
            return self.terms.stretched(self.lifted(args[0], values[0]), form.shape)
        if self.is_turned(values[0]) and function in (*REDUCTIONS, *ALONG):
            return self.along(function, args, kwargs, out, form)
        if function is operator.getitem and self.is_turned(values[0]) and self.picks(args[1]):
            return self.make(function, (args[0], args[1][::-1]), kwargs, form)
        if function is ops.scatter and turned and self.picks(kwargs["key"]):
            flipped = {"key": kwargs["key"][::-1], "shape": kwargs["shape"][::-1]}
            return self.make(function, args, flipped, form)
        was = tuple(self.was(x, value) for x, value in zip(args, values, strict=True))
        found = self.make(function, was, {key: self.was(x, step.kwargs[key]) for key, x in kwargs.items()}, out)
        return self.transposed(found) if turned else found

    def was(self, x: Any, value: Any) -> Any:
        """A value as the recorded program had it."""
        if isinstance(value, tuple | list):
            return type(value)(self.was(a, b) for a, b in zip(x, value, strict=True))
        return self.transposed(x) if self.is_turned(value) else x

    def lifted(self, x: Any, value: Any) -> Any:
        """An operand beside a transposed matrix."""
        if not isinstance(x, Term) or not x.shape or self.is_turned(value):
            return x
        return self.reshaped(x, (*x.shape, 1)) if len(x.shape) == 1 else self.transposed(x)

    def along(self, function: Any, args: Any, kwargs: dict[str, Any], out: Value, form: Form) -> Any:
        """A reduction, along the other axis."""
        if function in ALONG:
            return self.make(function, args, {"axis": 1 - kwargs.get("axis", -1) % 2}, form)
        _, params = reduction(function, *args, **kwargs)
        if "axis" in params:
            params["axis"] = tuple(1 - a for a in params["axis"])
        shape = out.shape[::-1]
        found = self.make(function, (args[0],), params, Form(shape, out.dtype))
        return found if len(out.shape) < 2 or self.is_turned(out) else self.transposed(found)

    def picks(self, key: Any) -> bool:
        """Whether a key picks one entry of each row, or a part along each axis."""
        both = isinstance(key, tuple) and len(key) == 2
        return both and (
            all(isinstance(x, slice) for x in key) or all(isinstance(x, Term) and len(x.shape) == 1 for x in key)
        )
