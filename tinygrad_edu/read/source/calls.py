"""NumPy calls as terms: what a program recorded, in the form in which it can be simplified.

    calls = Calls(Terms())
    calls.make(np.multiply, (a, b), {})             # a * b, in the algebra of terms
    calls.make(np.add.reduce, (x, 0), {})           # np.sum(x, axis=0)

With plain=True nothing is rearranged: each call stays what it is.

Read next: `entrywise.py` for the arithmetic of entries, `rearranged.py` for what changes a shape.

A program is recorded twice, for two lengths of a batch. A number that is the same in both is just that number; one
that is not is a function of the length, and is written with m.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.program import Program, Step, Value, placed
from tinygrad_edu.read.source.rearranged import Rearranged
from tinygrad_edu.read.source.terms import Term, Terms, number

__all__ = ["Calls", "Length"]

LITERAL = 16  # entries of an array that is written out


class Length:
    """The two lengths that a batch was given when it was recorded, and the name that stands for them."""

    def __init__(self, name: Term | None, first: int, second: int) -> None:
        self.name, self.first, self.second = name, first, second

    def of(self, terms: Terms, first: Any, second: Any) -> Any:
        """A number of the program: itself, or a multiple of m, of 1/m, or m plus a number."""
        if type(first) is bool or first == second or (first != first and second != second):
            return first
        if self.name is not None:
            for n in (1, -1):
                times, same = number(first / self.first**n), number(second / self.second**n)
                if math.isclose(times, same, rel_tol=1e-12):
                    return terms.multiply(terms.number(times), terms.power(self.name, n))
            if first - self.first == second - self.second:
                return terms.add(self.name, terms.number(first - self.first))
        raise NotImplementedError("a number that depends on the length of the batch in a way of its own")


class Calls(Rearranged):
    """The terms of recorded calls, found in `found`."""

    def __init__(self, terms: Terms, plain: bool = False, length: Length | None = None) -> None:
        super().__init__(terms, plain)
        self.length = length or Length(None, 1, 1)
        self.found: dict[Value, Any] = {}
        self.given_terms: Mapping[Value, Any] = self.found
        self.builders |= {
            placed: self.placed,
            ops.scatter: self.scattered,
            np.broadcast_to: self.stretched,
            np.transpose: self.transposed,
            np.reshape: self.reshaped,
            np.ravel: lambda x: self.reshaped(x, (-1,)),
            np.expand_dims: self.expanded,
            np.squeeze: self.squeezed,
            np.swapaxes: self.swapped,
            np.moveaxis: self.moved,
            np.sum: self.summed,
            np.dot: self.product,
            np.matmul: self.product,
            np.copy: lambda x, **_: x,
            np.zeros_like: lambda x, dtype=None, shape=None: self.stretched(0, x.shape if shape is None else shape),
            np.ones_like: lambda x, dtype=None, shape=None: self.stretched(1, x.shape if shape is None else shape),
        }
        self.builders |= {} if plain else {np.mean: self.mean}

    def read(
        self,
        first: Program,
        second: Program,
        backward: int = 0,
        after: Callable[[Step, Step, Term], Term] | None = None,
    ) -> None:
        """The terms of all steps; `after` may put another in place of one as soon as it is made.

        From the step `backward` on they belong to a gradient.
        """
        for position, (one, other) in enumerate(zip(first.steps, second.steps, strict=True)):
            self.backward = position >= backward
            args, kwargs = self.paired((one.args, one.kwargs), (other.args, other.kwargs))
            for a, b in zip(one.result.shape, other.result.shape, strict=True):
                self.note(a, b)
            term = self.step(one, args, kwargs)
            self.found[one.result] = after(one, other, term) if after else term

    def again(self, one: Step, other: Step, terms: Mapping[Value, Any]) -> Term:
        """The term of a step, given other terms of its arguments."""
        self.given_terms, before = terms, self.given_terms
        args, kwargs = self.paired((one.args, one.kwargs), (other.args, other.kwargs))
        self.given_terms = before
        term: Term = self.step(one, args, kwargs)
        return term

    def given(self, name: str, value: Value, bias: bool) -> Term:
        """The argument for an input of the program."""
        self.found[value] = self.terms.name(name, value.shape, value.dtype)
        return self.terms.name(name, value.shape, value.dtype)

    def result(self, value: Value, like: Term) -> Term:
        """A gradient in the form that its argument has."""
        found: Term = self.found[value]
        return found

    def step(self, step: Step, args: Any, kwargs: dict[str, Any]) -> Any:
        """The term of a step, given the terms of its arguments."""
        return self.make(step.function, args, kwargs, step.result)

    def note(self, first: int, second: int) -> None:
        if first != second and first not in self.dims:
            self.dims[first] = self.length.of(self.terms, first, second)

    def paired(self, first: Any, second: Any) -> Any:
        """An argument as recorded with both lengths."""
        if isinstance(first, Value):
            return self.constant(first, second) if first.known else self.given_terms[first]
        if isinstance(first, tuple | list):
            parts = [self.paired(a, b) for a, b in zip(first, second, strict=True)]
            return parts if isinstance(first, list) else tuple(parts)
        if isinstance(first, dict):
            return {key: self.paired(x, second[key]) for key, x in first.items()}
        if isinstance(first, slice):
            return slice(*(self.paired(getattr(first, x), getattr(second, x)) for x in ("start", "stop", "step")))
        if isinstance(first, int | float):
            return self.length.of(self.terms, first, second)
        return first

    def constant(self, first: Value, second: Value) -> Any:
        """An array that a rule made by itself: of equal entries, 0 1 2 ..., or short."""
        a, b = np.asarray(first.constant), np.asarray(second.constant)
        if not a.ndim and a.dtype.kind in "iub":
            return self.length.of(self.terms, a.item(), b.item())
        for one, other in zip(np.shape(a), np.shape(b), strict=True):
            self.note(one, other)
        if np.size(a) and np.all(a == np.ravel(a)[0]):
            entry = self.length.of(self.terms, np.ravel(a)[0].item(), np.ravel(b)[0].item())
            if a.dtype.kind in "iub":
                return self.terms.call(np.full, (self.lengths(a.shape), entry), {}, a.shape, a.dtype)
            return self.terms.stretched(self.term(entry), np.shape(a))
        if a.ndim == 1 and np.array_equal(a, np.arange(len(a))) and np.array_equal(b, np.arange(len(b))):
            length = self.length.of(self.terms, len(a), len(b))
            return self.terms.call(np.arange, (length,), {}, a.shape, a.dtype)
        if a.size <= LITERAL and np.array_equal(a, b):
            return self.terms.call(np.array, (a.tolist(),), {}, a.shape, a.dtype)
        raise NotImplementedError("an array of numbers inside a rule")
