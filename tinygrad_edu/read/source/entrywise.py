"""One NumPy call as a term: the arithmetic of entries is worked out, all else stays a call.

    make(np.multiply, (a, b), {})       a * b, in the algebra of terms
    make(np.exp, (a,), {})              np.exp(a)

Read next: `rearranged.py`, for what changes a shape.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.source.terms import Term, Terms, broadcast, narrow

__all__ = ["CALLED", "REDUCTIONS", "Entrywise", "reduction"]

#: What a method of a ufunc is called by a person.
CALLED = {np.add.reduce: np.sum, np.maximum.reduce: np.max, np.minimum.reduce: np.min, np.multiply.reduce: np.prod}
REDUCTIONS = (np.sum, np.max, np.min, np.prod, np.mean, np.var, np.std, np.logaddexp.reduce)
MOST = 16  # factors of a product that is still looked into


class Entrywise:
    """Terms of calls. `builders` has the functions that are worked out; with `plain` none of arithmetic is.

    anchors   gradients with a name: in a sum, a reshape or a transpose of one it stays whole
    computed  terms and atoms that are computed anyhow: those of the forward pass
    backward  whether the call belongs to a gradient; what a person wrote stays as it is
    """

    def __init__(self, terms: Terms, plain: bool) -> None:
        self.terms, self.plain = terms, plain
        self.anchors: set[Term] = set()
        self.computed: set[Any] = set()
        self.backward = True
        self.builders: dict[Any, Callable[..., Any]] = {np.where: self.chosen, np.ndarray.astype: self.cast}
        if not plain:
            self.builders |= {
                np.add: terms.add,
                np.subtract: lambda a, b: terms.add(a, terms.negative(b)),
                np.multiply: self.multiplied,
                np.divide: self.divided,
                np.negative: terms.negative,
                np.square: lambda x: terms.power(x, 2),
                np.power: self.power,
            }

    def term(self, x: Any) -> Term:
        """A number as a term."""
        return x if isinstance(x, Term) else self.terms.number(x)

    def make(self, function: Any, args: Any, params: dict[str, Any], result: Any = None) -> Any:
        """The term of a call; `result` has its shape and dtype."""
        function = CALLED.get(function, function) if not isinstance(function, ops.Op) else function
        params = {key: x for key, x in params.items() if x is not np._NoValue}
        if isinstance(function, np.ufunc) or function in (np.where, np.dot):
            args = tuple(self.term(x) for x in args)
        if function is np.einsum and params.get("optimize") is False:
            params = {}
        if function in (np.concatenate, np.stack) and len(args) == 2:
            args, params = args[:1], {"axis": args[1]}
        if function in (ops.softmax, ops.log_softmax):
            axis = params.get("axis", -1) % len(args[0].shape)
            params = {} if axis == len(args[0].shape) - 1 else {"axis": axis}
        if function in REDUCTIONS:
            args, params = reduction(function, *args, **params)
            if self.backward and params.get("keepdims") and (known := self.known(function, args[0], params)):
                return self.make(np.reshape, (known, result.shape), {})
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

    def known(self, function: Any, x: Term, params: dict[str, Any]) -> Term | None:
        """The same reduction without the axes that are kept, if it has a name."""
        flat = {key: value for key, value in params.items() if key != "keepdims"}
        shape = tuple(n for a, n in enumerate(x.shape) if a not in params.get("axis", range(len(x.shape))))
        found = self.terms.call(function, (x,), flat, shape, x.dtype)
        return found if (found in self.terms.kept or found in self.computed) and shape else None

    def undefined(self, function: Any, args: Any) -> bool:
        """Whether arithmetic on these is not that of numbers: truth values, a division by 0."""
        if function in (np.add, np.subtract, np.negative) and all(isinstance(x, Term) for x in args):
            return all(x.coefficient == 1 and x.factors and all(a.dtype == bool for a, _ in x.factors) for x in args)
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

    def chosen(self, condition: Term, a: Term, b: Term) -> Term:
        """np.where, with what both have in common before it; a choice between 1 and 0 is the condition itself."""
        if self.plain or not self.backward:
            raise NotImplementedError
        shape = broadcast((condition.shape, a.shape, b.shape))
        a, b = narrow(a), narrow(b)
        if a is b:
            return self.terms.stretched(a, shape)
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
