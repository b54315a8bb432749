"""NumPy calls as terms: what a program recorded, in the form in which it can be simplified.

    calls = Calls(Terms())
    calls.make(np.multiply, (a, b), {})             # a * b, in the algebra of terms
    calls.make(np.add.reduce, (x, 0), {})           # np.sum(x, axis=0)

With plain=True nothing is rearranged: each call stays what it is.

A program is recorded twice, for two lengths of a batch. A number that is the same in both is just that number; one
that is not is a function of the length, and is written with m.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.program import Program, Step, Value, placed
from tinygrad_edu.read.terms import Call, Sum, Term, Terms, broadcast, narrow, number

__all__ = ["Calls", "Length"]

#: What a method of a ufunc is called by a person.
CALLED = {np.add.reduce: np.sum, np.maximum.reduce: np.max, np.minimum.reduce: np.min, np.multiply.reduce: np.prod}
REDUCTIONS = (np.sum, np.max, np.min, np.prod, np.mean, np.var, np.std, np.logaddexp.reduce)
MOST = 16  # factors of a product that is still looked into
EACH_A_ROW, EACH_A_COLUMN, FIRST_COLUMN = (slice(None), None), (None, slice(None)), (slice(None), 0)
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


class Calls:
    """The terms of recorded calls. `dims` has the lengths that depend on the batch, by their first number."""

    def __init__(self, terms: Terms, plain: bool = False, length: Length | None = None) -> None:
        self.terms, self.plain = terms, plain
        self.length = length or Length(None, 1, 1)
        self.found: dict[Value, Any] = {}
        self.dims: dict[int, Term] = {}
        self.backward = True  # whether the call belongs to a gradient; what a person wrote stays as it is
        self.dtype = np.dtype(float)  # of the numbers that the calls make by themselves
        self.one_hots: list[tuple[Term, int]] = []
        self.builders: dict[Any, Callable[..., Any]] = {
            np.broadcast_to: self.stretched,
            np.transpose: self.transposed,
            np.reshape: self.reshaped,
            np.ravel: lambda x: self.reshaped(x, (-1,)),
            np.expand_dims: self.expanded,
            np.squeeze: self.squeezed,
            np.swapaxes: self.moved,
            np.moveaxis: self.moved,
            np.sum: self.summed,
            np.where: self.chosen,
            np.dot: self.product,
            np.matmul: self.product,
            np.ndarray.astype: self.cast,
            np.copy: lambda x, **_: x,
            np.zeros_like: lambda x, dtype=None, shape=None: self.stretched(0, x.shape if shape is None else shape),
            np.ones_like: lambda x, dtype=None, shape=None: self.stretched(1, x.shape if shape is None else shape),
            placed: self.placed,
            ops.scatter: self.scattered,
        }
        if not plain:
            self.builders |= {
                np.add: terms.add,
                np.subtract: lambda a, b: terms.add(a, terms.negative(b)),
                np.multiply: self.multiplied,
                np.divide: self.divided,
                np.negative: terms.negative,
                np.square: lambda x: terms.power(x, 2),
                np.power: self.power,
                np.mean: self.mean,
            }

    # From a program

    def read(
        self, first: Program, second: Program, backward: int = 0, after: Callable[[Value, Term], Term] | None = None
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
            self.found[one.result] = after(one.result, term) if after else term

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
            return self.constant(first, second) if first.known else self.found[first]
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
                lengths = tuple(self.dims.get(n, n) for n in a.shape)
                return self.terms.call(np.full, (lengths, entry), {}, a.shape, a.dtype)
            return self.terms.stretched(self.term(entry), np.shape(a))
        if a.ndim == 1 and np.array_equal(a, np.arange(len(a))) and np.array_equal(b, np.arange(len(b))):
            length = self.length.of(self.terms, len(a), len(b))
            return self.terms.call(np.arange, (length,), {}, a.shape, a.dtype)
        if a.size <= LITERAL and np.array_equal(a, b):
            return self.terms.call(np.array, (a.tolist(),), {}, a.shape, a.dtype)
        raise NotImplementedError("an array of numbers inside a rule")

    def term(self, x: Any) -> Term:
        """A number as a term."""
        return x if isinstance(x, Term) else self.terms.number(x)

    # One call

    def make(self, function: Any, args: Any, params: dict[str, Any], result: Any = None) -> Any:
        """The term of a call; `result` has its shape and dtype."""
        function = CALLED.get(function, function) if not isinstance(function, ops.Op) else function
        params = {key: x for key, x in params.items() if x is not np._NoValue}
        if isinstance(function, np.ufunc) or function in (np.where, np.dot):
            args = tuple(self.term(x) for x in args)
        if function in (ops.softmax, ops.log_softmax):
            axis = params.get("axis", -1) % len(args[0].shape)
            params = {} if axis == len(args[0].shape) - 1 else {"axis": axis}
        if function in REDUCTIONS:
            args, params = reduction(function, *args, **params)
        if function in self.builders and not self.undefined(function, args):
            try:
                return self.builders[function](*args, **params)
            except NotImplementedError:
                pass
        if result is None:
            result = self.shape_of(function, args)
        single = isinstance(function, np.ufunc) and result.shape and all(not narrow(x).shape for x in args)
        if single and (not self.plain or np.prod(result.shape) == 1):
            one = self.make(function, tuple(map(narrow, args)), params, np.empty((), result.dtype))
            return self.terms.stretched(one, result.shape)
        return self.terms.call(function, args, params, result.shape, result.dtype)

    def undefined(self, function: Any, args: Any) -> bool:
        """Whether arithmetic on these is not that of numbers: truth values, a division by 0."""
        if function in (np.add, np.subtract, np.negative) and all(isinstance(x, Term) for x in args):
            return all(x.factors and x.dtype == bool for x in args)
        return function is np.divide and args[1].coefficient == 0

    def shape_of(self, function: Any, args: Any) -> Any:
        """The form of a call that acts entry by entry."""
        shape = broadcast(x.shape for x in args if isinstance(x, Term))
        return np.broadcast_to(np.empty((), np.result_type(*(x.dtype for x in args if isinstance(x, Term)))), shape)

    def opaque(self, function: Any, args: tuple[Any, ...], params: dict[str, Any], shape: Any, like: Term) -> Term:
        return self.terms.call(function, args, params, shape, like.dtype)

    def multiplied(self, a: Term, b: Term) -> Term:
        if len(a.factors) + len(b.factors) > MOST:
            raise NotImplementedError
        return self.terms.multiply(a, b)

    def divided(self, a: Term, b: Term) -> Term:
        return self.multiplied(a, self.terms.power(b, -1))

    def power(self, a: Term, b: Term) -> Term:
        n = b.constant
        if not isinstance(n, Fraction) or n.denominator != 1 or abs(n) > 64 or (n < 0 and a.coefficient == 0):
            raise NotImplementedError
        return self.terms.multiply(self.terms.power(a, int(n)), self.terms.stretched(self.terms.number(1), b.shape))

    def product(self, a: Term, b: Term) -> Term:
        """A product of matrices; ones times a matrix is the sum of its rows."""
        ndims = (len(a.shape), len(b.shape))
        if 0 in ndims:
            result: Term = self.make(np.multiply, (a, b), {})
            return result
        if max(ndims) > 2:
            raise NotImplementedError
        if ndims == (1, 2) and narrow(a).constant == 1:
            return self.summed(b, axis=(0,))
        shape = (*a.shape[:-1], *b.shape[1:])
        return self.terms.call(np.matmul, (a, b), {}, shape, np.result_type(a.dtype, b.dtype))

    def transposed(self, x: Term, axes: Any = None) -> Term:
        if len(x.shape) < 2:
            return x
        if isinstance(axes, Term):  # a rule found them, as an array
            axes = axes.atom.args[0] if isinstance(axes.atom, Call) and axes.atom.function is np.array else None
            if axes is None:  # 0, 1, 2, ...
                return x
        order = tuple(range(len(x.shape)))[::-1] if axes is None else tuple(a % len(x.shape) for a in axes)
        shape = tuple(x.shape[a] for a in order)
        if order == tuple(range(len(order))):
            return x
        if isinstance(x.atom, Call) and x.atom.function is np.transpose and len(shape) == 2:
            before: Term = x.atom.args[0]
            return before
        inner = narrow(x)
        if not inner.shape:
            return self.terms.stretched(inner, shape)
        if isinstance(x.atom, Call) and x.atom.function is operator.getitem and len(shape) == 2:
            array, key = x.atom.args
            if key in (EACH_A_ROW, EACH_A_COLUMN):
                return self.reshaped(array, shape)
            if isinstance(key, Term) and len(key.shape) == 1 and is_eye(array):
                columns = self.terms.call(operator.getitem, (array, (slice(None), key)), {}, shape, x.dtype)
                self.one_hots.append((columns, 0))
                return columns
        if isinstance(x.atom, Call) and x.atom.function is np.matmul and len(shape) == 2:
            a, b = x.atom.args
            if len(a.shape) == len(b.shape) == 2 and (is_transpose(a) or is_transpose(b)):
                return self.product(self.transposed(b), self.transposed(a))
        plain = axes is None or len(shape) == 2
        return self.opaque(np.transpose, (x,), {} if plain else {"axes": order}, shape, x)

    def moved(self, x: Term, a: int, b: int) -> Term:
        """A matrix with its two axes exchanged."""
        if len(x.shape) != 2 or not isinstance(a, int) or not isinstance(b, int):
            raise NotImplementedError
        return x if (a - b) % 2 == 0 else self.transposed(x)

    def stretched(self, x: Any, shape: Any) -> Term:
        return self.terms.stretched(self.term(x), self.numbers(shape))

    def numbers(self, shape: Any) -> tuple[int, ...]:
        """A shape with the first length of the batch in place of m."""
        lengths = {term: n for n, term in self.dims.items()}
        shape = shape if isinstance(shape, tuple | list) else (shape,)
        return tuple(lengths[n] if isinstance(n, Term) else int(n) for n in shape)

    def reshaped(self, x: Term, shape: Any) -> Term:
        """The same entries in another shape; axes of length 1 come and go."""
        new = np.broadcast_to(np.empty(()), x.shape).reshape(self.numbers(shape)).shape
        if new == x.shape:
            return x
        inner = narrow(x)
        if not inner.shape:
            return self.terms.stretched(inner, new)
        call = x.atom
        if isinstance(call, Call) and call.function in REDUCTIONS and kept(call) == new:
            return self.opaque(call.function, call.args, call.params | {"keepdims": True}, new, x)
        whole = x.factors[0][0] if len(x.factors) == 1 and x.factors[0][1] == 1 else None
        if isinstance(whole, Sum) and all(narrow(part).shape == x.shape for part in whole.terms):
            parts = [self.terms.multiply(self.terms.number(x.coefficient), part) for part in whole.terms]
            return self.terms.add(*(self.reshaped(part, shape) for part in parts))
        scalars = [(atom, n) for atom, n in x.factors if not atom.shape]
        if scalars or x.coefficient != 1:
            outside = self.terms.term(x.coefficient, dict(scalars))
            inside = self.terms.term(Fraction(1), {atom: n for atom, n in x.factors if atom.shape})
            result: Term = self.make(np.multiply, (outside, self.reshaped(inside, new)), {})
            return result
        if isinstance(call, Call) and call.function is np.transpose and 1 in x.shape and len(x.shape) == 2:
            return self.reshaped(call.args[0], shape)
        if isinstance(call, Call) and call.function is operator.getitem and call.args[1] == FIRST_COLUMN:
            column: Term = call.args[0]
            if column.shape == new:
                return column
        if len(x.shape) == 1 and new in ((*x.shape, 1), (1, *x.shape)):
            return self.opaque(operator.getitem, (x, EACH_A_ROW if new[1] == 1 else EACH_A_COLUMN), {}, new, x)
        return self.opaque(np.reshape, (x, tuple(self.dims.get(n, n) for n in new)), {}, new, x)

    def expanded(self, x: Term, axis: Any) -> Term:
        return self.reshaped(x, np.expand_dims(np.broadcast_to(np.empty(()), x.shape), axis).shape)

    def squeezed(self, x: Term, axis: Any = None) -> Term:
        return self.reshaped(x, np.squeeze(np.broadcast_to(np.empty(()), x.shape), axis).shape)

    def summed(self, x: Term, axis: Any = None, keepdims: bool = False, **others: Any) -> Term:
        if others:
            raise NotImplementedError
        axes = tuple(range(len(x.shape))) if axis is None else axis
        shape = reduced(x.shape, axes, keepdims)
        inner = narrow(x)
        if all(x.shape[a] == 1 for a in axes):
            return self.reshaped(x, shape)
        if isinstance(x.atom, Call) and x.atom.function is np.transpose and len(shape) == 1 and not x.atom.params:
            return self.summed(x.atom.args[0], (1 - axes[0],))
        if not inner.shape and not self.plain:
            lengths = [self.term(self.dims.get(x.shape[a], x.shape[a])) for a in axes]
            return self.terms.stretched(self.terms.multiply(inner, *lengths), shape)
        params: dict[str, Any] = {} if axis is None or len(axes) == len(x.shape) else {"axis": axes}
        params |= {"keepdims": True} if keepdims else {}
        return self.terms.call(np.sum, (x,), params, shape, int if x.dtype == bool else x.dtype)

    def mean(self, x: Term, **params: Any) -> Term:
        """The mean, with a minus before it rather than inside."""
        first = x.factors[0][0] if x.factors else None
        if (
            x.coefficient != -1
            or x in self.terms.kept
            or (isinstance(first, Sum) and len({part.coefficient > 0 for part in first.terms}) > 1)
        ):
            raise NotImplementedError
        shape = reduced(x.shape, params.get("axis", tuple(range(len(x.shape)))), "keepdims" in params)
        positive = self.terms.negative(x)
        return self.terms.negative(self.opaque(np.mean, (positive,), params, shape, x))

    def chosen(self, condition: Term, a: Term, b: Term) -> Term:
        """np.where, with what both have in common before it; a choice between 1 and 0 is the condition itself."""
        if self.plain or not self.backward:
            raise NotImplementedError
        shape = broadcast((condition.shape, a.shape, b.shape))
        a, b = narrow(a), narrow(b)
        theirs = dict(b.factors)
        common = {atom: n for atom, n in a.factors if theirs.get(atom) == n}
        if common:
            outside = self.terms.term(Fraction(1), common)
            inside = (self.terms.divide(x, outside) for x in (a, b))
            return self.terms.stretched(self.terms.multiply(outside, self.chosen(condition, *inside)), shape)
        if (a.constant, b.constant) == (1, 0):
            return self.terms.stretched(condition, shape)
        dtype = np.result_type(a.dtype, b.dtype) if a.factors or b.factors else float
        return self.terms.call(np.where, (condition, a, b), {}, shape, dtype)

    def placed(self, array: Term, key: Any, x: Any) -> Term:
        """Rows of zeros with x at one entry of each: x times one-hot rows."""
        if narrow(array).constant != 0 or len(array.shape) != 2:
            raise NotImplementedError
        return self.multiplied(self.one_hot(key, array.shape), narrow(self.term(x)))

    def scattered(self, x: Term, key: Any, shape: Any) -> Term:
        if narrow(x).shape or len(shape) != 2:
            raise NotImplementedError
        return self.multiplied(self.one_hot(key, self.numbers(shape)), narrow(x))

    def one_hot(self, key: Any, shape: tuple[int, ...]) -> Term:
        """np.eye(k)[labels] for the key (np.arange(m), labels)."""
        rows, labels = key if isinstance(key, tuple) and len(key) == 2 else (None, None)
        if not isinstance(rows, Term) or not isinstance(labels, Term) or rows.shape != labels.shape or self.plain:
            raise NotImplementedError
        if not isinstance(rows.atom, Call) or rows.atom.function is not np.arange:
            raise NotImplementedError
        params = {} if self.dtype == float else {"dtype": self.dtype}
        eye = self.terms.call(np.eye, (shape[1],), params, (shape[1], shape[1]), self.dtype)
        rows_of_eye = self.terms.call(operator.getitem, (eye, labels), {}, shape, self.dtype)
        self.one_hots.append((rows_of_eye, 1))
        return rows_of_eye

    def cast(self, x: Term, dtype: Any, **_: Any) -> Term:
        """astype, left out where it changes nothing; a truth value is 1 or 0 in any product."""
        if x.dtype == dtype or narrow(x).constant is not None or (x.dtype == bool and not self.plain):
            return x
        return self.terms.call(np.ndarray.astype, (x, np.dtype(dtype)), {}, x.shape, dtype)


def reduction(function: Any, x: Term, axis: Any = None, **params: Any) -> tuple[tuple[Term], dict[str, Any]]:
    """The arguments of a reduction, with its axes counted from the first."""
    along = (axis,) if isinstance(axis, int) else axis
    if along is None and isinstance(getattr(function, "__self__", None), np.ufunc):
        along = tuple(range(len(x.shape)))
    needless = {"keepdims": False, "ddof": 0} | ({"initial": 1} if function is np.prod else {})
    params = {key: value for key, value in params.items() if key != "dtype" and needless.get(key) != value}
    return (x,), ({} if along is None else {"axis": tuple(a % len(x.shape) for a in along)}) | params


def is_transpose(x: Term) -> bool:
    return isinstance(x.atom, Call) and x.atom.function is np.transpose


def is_eye(x: Any) -> bool:
    """Whether a term is np.eye(k)."""
    return isinstance(x, Term) and isinstance(x.atom, Call) and x.atom.function is np.eye


def reduced(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if a in axes else n for a, n in enumerate(shape) if keepdims or a not in axes)


def kept(call: Call) -> tuple[int, ...]:
    """The shape that a reduction would have with keepdims=True."""
    shape = call.args[0].shape
    return reduced(shape, call.params.get("axis", tuple(range(len(shape)))), True)
