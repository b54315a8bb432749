"""Calls that change a shape, as terms: products of matrices, transposes, reshapes, sums, one-hot rows.

Each is brought to the form that a person would have written: a transpose is moved to where it does least, a reshape
that only adds or drops an axis of length 1 becomes an index, ones times a matrix a sum of its rows.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu.read.source.entrywise import REDUCTIONS, Entrywise
from tinygrad_edu.read.source.terms import EACH_A_COLUMN, Call, Sum, Term, Terms, narrow

__all__ = ["FIRST_COLUMN", "Rearranged", "is_eye"]

EACH_A_ROW, FIRST_COLUMN = (slice(None), None), (slice(None), 0)


class Rearranged(Entrywise):
    """Terms of calls that change a shape.

    dims      the lengths that depend on the batch, by their first number
    dtype     of the numbers that the calls make by themselves
    one_hots  rows or columns with a single 1 that were made, each with its axis
    """

    def __init__(self, terms: Terms, plain: bool) -> None:
        super().__init__(terms, plain)
        self.dims: dict[int, Term] = {}
        self.dtype = np.dtype(float)
        self.one_hots: list[tuple[Term, int]] = []

    # Lengths

    def numbers(self, shape: Any) -> tuple[int, ...]:
        """A shape with the first length of the batch in place of m."""
        lengths = {term: n for n, term in self.dims.items()}
        shape = shape if isinstance(shape, tuple | list) else (shape,)
        return tuple(lengths[n] if isinstance(n, Term) else int(n) for n in shape)

    def lengths(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """A shape with m in place of the first length of the batch."""
        return tuple(self.dims.get(n, n) for n in shape)

    # Products, transposes

    def product(self, a: Term, b: Term) -> Term:
        """A product of matrices; ones times a matrix is the sum of its rows."""
        ndims = (len(a.shape), len(b.shape))
        if 0 in ndims:
            result: Term = self.make(np.multiply, (a, b), {})
            return result
        if max(ndims) > 2 and min(ndims) < 2:
            raise NotImplementedError
        if ndims == (1, 2) and narrow(a).constant == 1:
            return self.summed(b, axis=(0,))
        numbers = [x.shape == (1, 1) and not narrow(x).shape for x in (a, b)]
        if ndims == (2, 2) and a.shape[1] == 1 and any(numbers) and not self.plain:
            return self.multiplied(a, b)
        if ndims == (2, 2) and b.shape[1] > 1 and narrow(b).shape == (b.shape[0], 1) and not self.plain:
            return self.terms.stretched(self.product(a, narrow(b)), (a.shape[0], b.shape[1]))
        if max(ndims) > 2:
            shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        else:
            shape = (*a.shape[:-1], *b.shape[1:])
        if self.backward and not self.plain:
            outside, a, b = self.scalars(a, b)
            inside = self.terms.call(np.matmul, (a, b), {}, shape, np.result_type(a.dtype, b.dtype))
            return self.terms.multiply(outside, inside)
        return self.terms.call(np.matmul, (a, b), {}, shape, np.result_type(a.dtype, b.dtype))

    def scalars(self, *terms: Term) -> tuple[Term, ...]:
        """The numbers in several terms as one, and the terms without them."""
        outside, inside = [], []
        for x in terms:
            numbers = {atom: n for atom, n in x.factors if not atom.shape} if x not in self.anchors else {}
            coefficient = x.coefficient if x not in self.anchors and len(numbers) < len(x.factors) else Fraction(1)
            if coefficient < 0 and any(map(is_difference, x.factors)):
                coefficient = -coefficient
            outside.append(self.terms.term(coefficient, numbers))
            inside.append(self.terms.divide(x, outside[-1]))
        return self.terms.multiply(*outside), *inside

    def transposed(self, x: Term, axes: Any = None) -> Term:
        if isinstance(axes, Term):  # a rule found them, as an array; else they are 0, 1, 2, ...
            found = isinstance(axes.atom, Call) and axes.atom.function is np.array
            axes = axes.atom.args[0] if found else range(len(x.shape))  # type: ignore[union-attr]
        order = tuple(range(len(x.shape)))[::-1] if axes is None else tuple(a % len(x.shape) for a in axes)
        if order == tuple(range(len(order))):
            return x
        shape = tuple(x.shape[a] for a in order)
        inner = narrow(x)
        if not inner.shape:
            return self.terms.stretched(inner, shape)
        if order == matrices(len(order)):
            return self.transposed_matrix(x, shape)
        if is_transpose(x) and not self.plain:
            before = x.atom.params.get("axes") or tuple(range(len(order)))[::-1]  # type: ignore[union-attr]
            return self.transposed(x.atom.args[0], tuple(before[a] for a in order))  # type: ignore[union-attr]
        return self.opaque(np.transpose, (x,), {} if axes is None else {"axes": order}, shape, x)

    def transposed_matrix(self, x: Term, shape: tuple[int, ...]) -> Term:
        """A vector, one-hot rows, or a product that has a transpose in it, written the other way; else x.T."""
        call = x.atom
        outside, inside = self.scalars(x)
        if inside is not x and not self.plain and isinstance(inside.atom, Call):
            return self.multiplied(outside, self.transposed(inside, matrices(len(shape))))
        if (vector := vector_in(call)) is not None:
            return self.reshaped(vector, shape)
        params = {} if len(shape) == 2 else {"axes": matrices(len(shape))}
        if isinstance(call, Call) and call.function is np.transpose and call.params == params:
            before: Term = call.args[0]
            return before
        if isinstance(call, Call) and call.function is operator.getitem and is_eye(call.args[0]):
            array, key = call.args
            if isinstance(key, Term) and len(key.shape) == 1:
                columns = self.terms.call(operator.getitem, (array, (slice(None), key)), {}, shape, x.dtype)
                self.one_hots.append((columns, 0))
                return columns
        named = x in self.anchors or call in self.terms.kept
        if isinstance(call, Call) and call.function is np.matmul and not named:
            a, b = call.args
            if len(a.shape) == len(b.shape) == len(shape) and (is_transpose(a) or is_transpose(b)):
                order = matrices(len(shape))
                return self.product(self.transposed(b, order), self.transposed(a, order))
        return self.opaque(np.transpose, (x,), params, shape, x)

    def swapped(self, x: Term, a: int, b: int) -> Term:
        order = list(range(len(x.shape)))
        order[a], order[b] = order[b], order[a]
        return self.transposed(x, order)

    def moved(self, x: Term, source: Any, destination: Any) -> Term:
        """Axes moved to other places: a transpose."""
        old, new = (
            [a % len(x.shape) for a in (axes if isinstance(axes, tuple | list) else (axes,))]
            for axes in (source, destination)
        )
        order = [a for a in range(len(x.shape)) if a not in old]
        for place, a in sorted(zip(new, old, strict=True)):
            order.insert(place, a)
        return self.transposed(x, order)

    # Reshapes

    def stretched(self, x: Any, shape: Any) -> Term:
        return self.terms.stretched(self.term(x), self.numbers(shape))

    def reshaped(self, x: Term, shape: Any) -> Term:
        """The same entries in another shape; axes of length 1 come and go."""
        new = np.broadcast_to(np.empty(()), x.shape).reshape(self.numbers(shape)).shape
        if new == x.shape:
            return x
        inner = narrow(x)
        if not inner.shape:
            return self.terms.stretched(inner, new)
        found = self.reshaped_call(x.atom, new) if isinstance(x.atom, Call) else None
        if found is None and len(x.shape) == 2 and 1 in x.shape and len(new) == 1:
            found = self.vector(x)
        if found is not None:
            return found
        vector = len(x.shape) == 1 and new in ((*x.shape, 1), (1, *x.shape))
        if not (x in self.anchors and (vector or len(new) < len(x.shape))):
            found = self.reshaped_parts(x, new)
        if found is not None:
            return found
        if vector:
            return self.opaque(operator.getitem, (x, EACH_A_ROW if new[1] == 1 else EACH_A_COLUMN), {}, new, x)
        if len(x.shape) == 2 and len(new) == 1 and 1 in x.shape:
            return self.opaque(operator.getitem, (x, FIRST_COLUMN if x.shape[1] == 1 else 0), {}, new, x)
        if not new:
            return self.opaque(np.squeeze, (x,), {}, new, x)
        return self.opaque(np.reshape, (x, self.lengths(new)), {}, new, x)

    def reshaped_call(self, call: Call, new: tuple[int, ...]) -> Term | None:
        """A call that gives the other shape by itself."""
        if call.function is np.matmul and len(new) == 1:
            a, b = call.args
            if b.shape[1:] == (1,) and (vector := self.vector(b)) is not None:
                return self.product(a, vector)
            if a.shape[:1] == (1,) and (vector := self.vector(a)) is not None:
                return self.product(vector, b)
        if call.function in REDUCTIONS and kept(call) == new and call not in self.terms.kept | self.computed:
            return self.terms.call(call.function, call.args, call.params | {"keepdims": True}, new, call.dtype)
        flat = {key: x for key, x in call.params.items() if key != "keepdims"}
        if call.function is np.sum and flat != call.params and call not in self.terms.kept:
            axes = flat.get("axis", tuple(range(len(call.args[0].shape))))
            if new == reduced(call.args[0].shape, axes, False):
                return self.summed(call.args[0], flat.get("axis"))
        if call.function is np.transpose and 1 in call.shape and len(call.shape) == 2:
            return self.reshaped(call.args[0], new)
        if call.function is operator.getitem and call.args[1] == FIRST_COLUMN and call.args[0].shape == new:
            column: Term = call.args[0]
            return column
        return None

    def reshaped_parts(self, x: Term, new: tuple[int, ...]) -> Term | None:
        """A sum term by term, and numbers before what is reshaped."""
        whole = x.factors[0][0] if len(x.factors) == 1 and x.factors[0][1] == 1 else None
        if isinstance(whole, Sum) and all(narrow(part).shape == x.shape for part in whole.terms):
            parts = [self.terms.multiply(self.terms.number(x.coefficient), part) for part in whole.terms]
            return self.terms.add(*(self.reshaped(part, new) for part in parts))
        scalars = {atom: n for atom, n in x.factors if not atom.shape}
        if len(x.factors) == 1 and x.factors[0][1] < 0 and x.shape == x.factors[0][0].shape and x.coefficient == 1:
            return self.terms.power(self.reshaped(self.terms.power(x, -1), new), -1)
        if not scalars and x.coefficient == 1:
            return None
        inside = self.terms.term(Fraction(1), {atom: n for atom, n in x.factors if atom.shape})
        outside = self.terms.term(x.coefficient, scalars)
        result: Term = self.make(np.multiply, (outside, self.reshaped(inside, new)), {})
        return result

    def vector(self, x: Term) -> Term | None:
        """The vector that a term shows as a matrix of one row or column, or None."""
        factors = []
        for atom, n in x.factors:
            whole: Any = self.terms.term(Fraction(1), {atom: 1})
            if isinstance(atom, Sum):
                parts = [self.vector(part) for part in atom.terms]
                whole = None if None in parts else self.terms.add(*parts)  # type: ignore[arg-type]
            elif atom.shape:
                whole = vector_in(atom)
            if whole is None:
                return None
            factors.append(self.terms.power(whole, n))
        return self.terms.multiply(self.terms.number(x.coefficient), *factors)

    def expanded(self, x: Term, axis: Any) -> Term:
        return self.reshaped(x, np.expand_dims(np.broadcast_to(np.empty(()), x.shape), axis).shape)

    def squeezed(self, x: Term, axis: Any = None) -> Term:
        return self.reshaped(x, np.squeeze(np.broadcast_to(np.empty(()), x.shape), axis).shape)

    # Sums

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
        parts = [part for atom, _ in x.factors if isinstance(atom, Sum) for part in atom.terms]
        named = any(self.terms.negative(part) in self.terms.kept for part in parts)
        if x.coefficient != -1 or x in self.terms.kept or named or any(map(is_difference, x.factors)):
            raise NotImplementedError
        shape = reduced(x.shape, params.get("axis", tuple(range(len(x.shape)))), "keepdims" in params)
        positive = self.terms.negative(x)
        return self.terms.negative(self.opaque(np.mean, (positive,), params, shape, x))

    # One entry of each row

    def placed(self, array: Term, key: Any, x: Any) -> Term:
        """Rows of zeros with x at one entry of each: x times one-hot rows."""
        if narrow(array).constant != 0 or len(array.shape) != 2:
            raise NotImplementedError
        return self.multiplied(self.one_hot(key, array.shape), narrow(self.term(x)))

    def scattered(self, x: Term, key: Any, shape: Any) -> Term:
        parts = key if isinstance(key, tuple) else (key,)
        if all(part is None or part is Ellipsis or part == slice(None) for part in parts):
            return self.reshaped(x, shape)
        if narrow(x).shape or len(shape) != 2:
            raise NotImplementedError
        return self.multiplied(self.one_hot(key, self.numbers(shape)), narrow(x))

    def one_hot(self, key: Any, shape: tuple[int, ...]) -> Term:
        """np.eye(k)[labels] for the key (np.arange(m), labels), np.eye(k)[:, labels] for (labels, np.arange(m))."""
        key = key[1:] if isinstance(key, tuple) and len(key) == 3 and key[0] is Ellipsis else key
        vectors = isinstance(key, tuple) and len(key) == 2 and all(isinstance(x, Term) for x in key)
        if not vectors or key[0].shape != key[1].shape or self.plain:
            raise NotImplementedError
        axis = next(
            (1 - a for a, x in enumerate(key) if isinstance(x.atom, Call) and x.atom.function is np.arange), None
        )
        if axis is None:
            raise NotImplementedError
        labels, k = key[axis], shape[axis]
        params = {} if self.dtype == float else {"dtype": self.dtype}
        eye = self.terms.call(np.eye, (k,), params, (k, k), self.dtype)
        place = labels if axis else (slice(None), labels)
        found = self.terms.call(operator.getitem, (eye, place), {}, shape, self.dtype)
        if key[0] is key[1] and shape == labels.shape * 2:  # a diagonal
            found = self.terms.call(np.eye, self.lengths((k,)), params, shape, self.dtype)
        self.one_hots.append((found, axis))
        return found


def is_transpose(x: Term) -> bool:
    return isinstance(x.atom, Call) and x.atom.function is np.transpose


def matrices(ndim: int) -> tuple[int, ...]:
    """The order of axes that transposes each matrix."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def is_difference(factor: tuple[Any, int]) -> bool:
    """Whether a factor is a sum with both signs, which may be turned."""
    atom, n = factor
    return isinstance(atom, Sum) and n == 1 and len({part.coefficient > 0 for part in atom.terms}) > 1


def vector_in(x: Any) -> Any:
    """The vector that an atom shows as a matrix of one row or column, or None."""
    shown = isinstance(x, Call) and x.function is operator.getitem and x.args[1] in (EACH_A_ROW, EACH_A_COLUMN)
    return x.args[0] if shown else None


def is_eye(x: Any) -> bool:
    """Whether a term is np.eye(k)."""
    return isinstance(x, Term) and isinstance(x.atom, Call) and x.atom.function is np.eye


def reduced(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if a in axes else n for a, n in enumerate(shape) if keepdims or a not in axes)


def kept(call: Call) -> tuple[int, ...]:
    """The shape that a reduction would have with keepdims=True."""
    shape = call.args[0].shape
    return reduced(shape, call.params.get("axis", tuple(range(len(shape)))), True)
