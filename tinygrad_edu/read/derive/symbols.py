"""Arrays of symbols, so that the rules of `ops` can be read a third time: numbers, graphs, and now formulas.

An `Entries` stands for a whole array by its generic entry: A is A_ij, exp(A) is exp(A_ij), the sum over the last axis
sum_k A_ik, a product of matrices sum_k A_ik B_kj. It speaks NumPy's protocols, as a Tensor does, so

    rule(g, y, x)      with Entries in place of arrays

gives the formula of the gradient. What has no generic entry (fancy indexing, joins) raises NotImplementedError.
Lengths are told apart from other numbers by being large primes, which no formula contains.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy

from tinygrad_edu import ops
from tinygrad_edu.read.derive.algebra import (
    Numbers,
    entry,
    evaluate,
    index,
    number,
    opposite,
    rename,
    tidy,
    total,
    unused,
)
from tinygrad_edu.read.derive.broadcast import combined, compared, picked, product

__all__ = ["Arrays", "Entries"]

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.negative: operator.neg,
    np.power: operator.pow,
    np.square: lambda x: x**2,
    np.sqrt: sympy.sqrt,
    np.exp: sympy.exp,
    np.expm1: lambda x: sympy.exp(x) - 1,
    np.log: sympy.log,
    np.log1p: lambda x: sympy.log(1 + x),
    np.tanh: sympy.tanh,
    np.exp2: lambda x: 2**x,
    np.log2: lambda x: sympy.log(x) / sympy.log(2),
    np.log10: lambda x: sympy.log(x) / sympy.log(10),
    np.logaddexp: lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    np.positive: operator.pos,
    np.reciprocal: lambda x: 1 / x,
    np.cbrt: lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
    np.hypot: lambda x, y: sympy.sqrt(x**2 + y**2),
    np.sin: sympy.sin,
    np.cos: sympy.cos,
    np.tan: sympy.tan,
    np.arcsin: sympy.asin,
    np.arccos: sympy.acos,
    np.arctan: sympy.atan,
    np.sinh: sympy.sinh,
    np.cosh: sympy.cosh,
    np.arcsinh: sympy.asinh,
    np.arccosh: sympy.acosh,
    np.arctanh: sympy.atanh,
    np.abs: sympy.Abs,
    np.sign: sympy.sign,
    np.bitwise_and: operator.mul,
    np.logical_and: operator.mul,
    np.invert: lambda x: 1 - x,
    np.logical_not: lambda x: 1 - x,
}
SIGNS = {
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
    np.equal: "==",
    np.not_equal: "!=",
}


class Arrays:
    """The arrays of a derivation: their numbers by name, and the symbols of their lengths."""

    def __init__(self, batch: int | None, taken: set[str]) -> None:
        self.numbers: dict[str, np.ndarray] = {}
        self.lengths: dict[Any, int] = {}
        self.symbols: dict[int, Any] = {1: sympy.Integer(1)}  # by prime
        self.primes = {1: 1}  # by length
        self.names = iter(["n", "p", "q", "r", "s", *(f"n{k}" for k in range(1, 500))])
        self.taken = taken
        self.labels: dict[str, np.ndarray] = {}  # class numbers by name
        self.batch = batch
        if batch is not None and batch != 1:
            self.prime(batch, "m")

    def prime(self, length: int, name: str | None = None) -> int:
        """The prime that stands for a length."""
        if length not in self.primes:
            prime = int(sympy.nextprime(max(*self.primes.values(), 1000)))
            name = name or next(name for name in self.names if name not in self.taken)
            self.primes[length] = prime
            self.symbols[prime] = sympy.Symbol(name, integer=True, positive=True)
            self.lengths[self.symbols[prime]] = length
        return self.primes[length]

    def length(self, prime: int) -> int:
        return self.lengths.get(self.symbols[prime], 1)

    def array(self, name: str, data: np.ndarray, letters: str) -> Entries:
        """The entries of a named array, with the given letters for its axes."""
        self.numbers.setdefault(name, np.asarray(data, float))
        return self.generic(name, tuple(self.prime(n) for n in np.shape(data)), letters)

    def generic(self, name: str, shape: tuple[int, ...], letters: str) -> Entries:
        axes = tuple(sympy.Integer(0) if n == 1 else index(x) for n, x in zip(shape, letters, strict=True))
        return Entries(self, entry(name, axes), axes, shape, self.matrix(name, shape))

    def matrix(self, name: str, shape: tuple[int, ...]) -> Any:
        if len(shape) != 2:
            return None
        return sympy.MatrixSymbol(name, self.symbols[shape[0]], self.symbols[shape[1]])

    def entries(self, x: Any) -> Entries:
        """Entries of a number, or of an array of equal numbers."""
        if isinstance(x, Entries):
            return x
        if isinstance(x, np.ndarray) and x.ndim:
            first = x.flat[0]
            if not np.all(x == first):
                raise NotImplementedError("an array of numbers inside a rule has no generic entry")
            axes = tuple(index(letter) for letter in "ijklpqrs"[: x.ndim])
            return Entries(self, number(first), axes, x.shape)
        return Entries(self, self.named(number(x)), (), ())

    def named(self, x: Any) -> Any:
        """A number that contains primes, with the lengths that they stand for."""
        if not isinstance(x, sympy.Rational):
            return x
        result, top, bottom = sympy.Integer(1), int(x.p), int(x.q)
        for prime, symbol in self.symbols.items():
            while prime > 1 and top and top % prime == 0:
                top, result = top // prime, result * symbol
            while prime > 1 and bottom % prime == 0:
                bottom, result = bottom // prime, result / symbol
        return result * sympy.Rational(top, bottom)

    def evaluate(self, x: Any, axes: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
        return evaluate(x, axes, shape, Numbers(self.numbers, self.lengths))


class Entries:
    """An array by its generic entry: an expression, and the index and the length (a prime) of each axis."""

    __slots__ = ("arrays", "axes", "expression", "matrix", "shape")

    def __init__(
        self, arrays: Arrays, expression: Any, axes: Sequence[Any], shape: Sequence[int], matrix: Any = None
    ) -> None:
        self.arrays, self.expression, self.shape, self.matrix = arrays, expression, tuple(shape), matrix
        self.axes = tuple(sympy.Integer(0) if n == 1 else i for i, n in zip(axes, shape, strict=True))

    def like(self, expression: Any, axes: Sequence[Any], shape: Sequence[int], matrix: Any = None) -> Entries:
        return Entries(self.arrays, expression, axes, shape, matrix)

    def lettered(self, axes: Sequence[Any]) -> Entries:
        """The same array with other letters."""
        mapping = {i: k for i, k in zip(self.axes, axes, strict=True) if not i.is_Integer}
        return self.like(rename(self.expression, mapping), axes, self.shape, self.matrix)

    def numbers(self) -> np.ndarray:
        shape = tuple(self.arrays.length(n) for n in self.shape)
        return self.arrays.evaluate(self.expression, self.axes, shape)

    # What rules ask of an array

    dtype = np.dtype(float)
    __hash__ = object.__hash__

    def __neg__(self) -> Any:
        return np.negative(self)

    def __invert__(self) -> Any:
        return np.invert(self)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Any:
        return sympy.Mul(*(self.arrays.symbols[n] for n in self.shape))

    @property
    def T(self) -> Entries:
        return self.transposed(tuple(reversed(range(self.ndim))))

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        raise NotImplementedError("the truth of an array of symbols")

    def astype(self, dtype: Any) -> Entries:
        return self

    def dot(self, other: Any) -> Entries:
        return product(self, self.arrays.entries(other))

    def transposed(self, order: Sequence[int]) -> Entries:
        turned = self.matrix.T if self.matrix is not None and tuple(order) == (1, 0) else None
        return self.like(self.expression, [self.axes[a] for a in order], [self.shape[a] for a in order], turned)

    def reshaped(self, shape: Any) -> Entries:
        """Axes of length 1 come and go; others stay in order."""
        shape = tuple(int(n) for n in (shape if isinstance(shape, Sequence) else (shape,)))
        long = [(i, n) for i, n in zip(self.axes, self.shape, strict=True) if n != 1]
        if [n for _, n in long] != [n for n in shape if n != 1]:
            raise NotImplementedError("a reshape that mixes axes has no generic entry")
        letters = iter([i for i, _ in long])
        axes = [sympy.Integer(0) if n == 1 else next(letters) for n in shape]
        return self.like(self.expression, axes, shape, self.matrix if shape == self.shape else None)

    def summed(self, axis: Any, keepdims: bool = False, same: bool = False) -> Entries:
        """The sum over some axes, or all; in the `same` letters if nothing else will have them."""
        along = tuple(range(self.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        along = tuple(a % self.ndim for a in along)
        expression = self.expression
        for a in along:
            if self.shape[a] != 1:
                wish = str(self.axes[a]) if same else ""
                expression = total(tidy(expression), self.axes[a], self.arrays.symbols[self.shape[a]], wish)
        if keepdims:
            return self.like(expression, self.axes, [1 if a in along else n for a, n in enumerate(self.shape)])
        kept = [a for a in range(self.ndim) if a not in along]
        return self.like(expression, [self.axes[a] for a in kept], [self.shape[a] for a in kept])

    def stretched(self, shape: Sequence[int]) -> Entries:
        new = len(shape) - self.ndim
        taken = {i.name for i in self.expression.free_symbols if i.is_integer} | {str(i) for i in self.axes}
        axes: list[Any] = []
        for a, n in enumerate(shape):
            if a >= new and self.shape[a - new] != 1:
                axes.append(self.axes[a - new])
            else:
                axes.append(index(unused(taken, "ij")) if n != 1 else sympy.Integer(0))
                taken.add(str(axes[-1]))
        return self.like(self.expression, axes, shape)

    # NumPy's protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise NotImplementedError("symbols cannot become an array of numbers")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce" and ufunc is np.add:
            return self.summed(kwargs.get("axis", inputs[1] if len(inputs) > 1 else 0), kwargs.get("keepdims", False))
        if method != "__call__" or kwargs:
            raise NotImplementedError(f"{ufunc.__name__}.{method} on symbols")
        if ufunc is np.matmul:
            return product(*map(self.arrays.entries, inputs))
        if ufunc in SIGNS:
            return compared(SIGNS[ufunc], *map(self.arrays.entries, inputs))
        if ufunc not in FUNCTIONS:
            raise NotImplementedError(f"{ufunc.__name__} on symbols")
        return combined(FUNCTIONS[ufunc], *map(self.arrays.entries, inputs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in NUMPY:
            raise NotImplementedError(f"np.{function.__name__} on symbols")
        return NUMPY[function](self.arrays, *args, **kwargs)

    @staticmethod
    def _apply(op: ops.Op, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """An op inside a rule: its own NumPy function, or a function of whole arrays by its name."""
        if op.numpy in FUNCTIONS or op in (ops.sum, ops.mean):
            return op.numpy(*inputs, **params)
        if op is ops.scatter:
            return picked(*inputs, **params)
        x: Any = inputs[0] if len(inputs) == 1 else None
        if x is not None and op in ELEMENTWISE and not params:
            return x.like(sympy.Function(op.name, real=True)(x.expression), x.axes, x.shape)
        if x is None or op not in (ops.softmax, ops.log_softmax) or str(x.expression)[-1] != "]":
            raise NotImplementedError(f"{op.name} on symbols")
        name = f"{op.name}({x.expression.base.label})"
        x.arrays.numbers[name] = op.forward(x.numbers(), **params)
        return x.like(entry(name, x.axes), x.axes, x.shape)


def operation(function: Any, turned: bool = False) -> Any:
    def method(self: Entries, other: Any) -> Any:
        return function(other, self) if turned else function(self, other)

    return method


for _name, _function in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
}.items():
    setattr(Entries, f"__{_name}__", operation(_function))
    setattr(Entries, f"__r{_name}__", operation(_function, turned=True))
for _name, _function in {
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(Entries, f"__{_name}__", operation(_function))

#: Ops of one array that act on each entry alone.
ELEMENTWISE = (ops.sigmoid, ops.relu, ops.softplus)


# NumPy's functions, those that rules call


def _where(arrays: Arrays, condition: Any, a: Any, b: Any) -> Any:
    c, a, b = (arrays.entries(x) for x in (condition, a, b))
    return combined(lambda c, a, b: c * a + opposite(c) * b, c, a, b)


def _size(arrays: Arrays, x: Any, axis: int | None = None) -> Any:
    return x.size if axis is None else arrays.symbols[x.shape[axis]]


def _moved(arrays: Arrays, x: Entries, source: int, destination: int) -> Entries:
    order = [a for a in range(x.ndim) if a != source % x.ndim]
    order.insert(destination % x.ndim, source % x.ndim)
    return x.transposed(order)


def _swapped(arrays: Arrays, x: Entries, axis1: int, axis2: int) -> Entries:
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return x.transposed(order)


def _squeezed(arrays: Arrays, x: Entries, axis: Any = None) -> Entries:
    along = [a % x.ndim for a in (range(x.ndim) if axis is None else (axis,))]
    return x.reshaped(tuple(n for a, n in enumerate(x.shape) if not (a in along and n == 1)))


def _expanded(arrays: Arrays, x: Entries, axis: int) -> Entries:
    shape = list(x.shape)
    shape.insert(axis % (x.ndim + 1), 1)
    return x.reshaped(tuple(shape))


def _mean(arrays: Arrays, x: Entries, axis: Any = None, keepdims: bool = False) -> Entries:
    summed = x.summed(axis, keepdims)
    return combined(operator.truediv, summed, arrays.entries(x.size / summed.size))


def _sum(arrays: Arrays, x: Entries, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Entries:
    return x.summed(axis, keepdims)


NUMPY: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.size: _size,
    np.ndim: lambda arrays, x: x.ndim,
    np.shape: lambda arrays, x: x.shape,
    np.any: lambda arrays, x: bool(np.any(x.numbers())),
    np.dot: lambda arrays, a, b: product(arrays.entries(a), arrays.entries(b)),
    np.sum: _sum,
    np.mean: _mean,
    np.reshape: lambda arrays, x, shape: x.reshaped(shape),
    np.broadcast_to: lambda arrays, x, shape: arrays.entries(x).stretched(shape),
    np.transpose: lambda arrays, x, axes=None: x.T if axes is None else x.transposed(axes),
    np.swapaxes: _swapped,
    np.moveaxis: _moved,
    np.squeeze: _squeezed,
    np.expand_dims: _expanded,
}
