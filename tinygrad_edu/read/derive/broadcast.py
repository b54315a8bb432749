"""How two arrays of symbols meet: broadcasting, comparisons, products of matrices."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from tinygrad_edu.read.derive.algebra import Bracket, index, rename, total, unused

if TYPE_CHECKING:
    from tinygrad_edu.read.derive.symbols import Arrays, Entries

__all__ = ["combined", "compared", "picked", "product", "taken"]


def aligned(*operands: Entries) -> tuple[list[Any], list[Any], list[int]]:
    """Broadcasting: the expressions in common letters, the letters and the lengths."""
    ndim = max(x.ndim for x in operands)
    axes, shape = [sympy.Integer(0)] * ndim, [1] * ndim
    for x in operands:
        for a in range(-x.ndim, 0):
            if shape[a] == 1 and x.shape[a] != 1:
                letter = x.axes[a]
                if letter in axes:
                    letter = index(unused({str(i) for y in operands for i in y.axes} | set(map(str, axes))))
                axes[a], shape[a] = letter, x.shape[a]
            elif x.shape[a] not in (1, shape[a]):
                raise NotImplementedError("shapes that do not broadcast")
    expressions = []
    for x in operands:
        mapping = {x.axes[a]: axes[a] for a in range(-x.ndim, 0) if not x.axes[a].is_Integer}
        changed = {i: k for i, k in mapping.items() if i != k}
        expressions.append(rename(x.expression, changed) if changed else x.expression)
    return expressions, axes, shape


def combined(function: Any, *operands: Entries) -> Entries:
    """An elementwise function of arrays that broadcast."""
    expressions, axes, shape = aligned(*operands)
    only = next((x.matrix for x in operands if x.matrix is not None), None)
    kept = only if len(operands) == 2 and function is operator.add and sympy.S.Zero in expressions else None
    return operands[0].like(function(*expressions), axes, shape, kept)


def compared(sign: str, a: Entries, b: Entries) -> Any:
    """[a > b]. Entries that are equal to a number or to each other nowhere in the batch are taken as never equal."""
    (first, second), axes, shape = aligned(a, b)
    result = a.like(Bracket(first, second, sympy.Symbol(sign)), axes, shape)
    if not result.expression.free_symbols - {sympy.Symbol(sign)}:
        return a.like(sympy.Integer(int(result.numbers().all())), axes, shape)
    if sign in ("==", "!=") and not compared_numbers(first, second, result):
        return a.like(sympy.Integer(int(sign == "!=")), axes, shape)
    return result


def compared_numbers(first: Any, second: Any, result: Entries) -> bool:
    """Whether any entry of the batch is equal."""
    lengths = tuple(result.arrays.length(n) for n in result.shape)
    difference = result.arrays.evaluate(first - second, result.axes, lengths)
    return bool(np.any(difference == 0))


def product(a: Entries, b: Entries) -> Entries:
    """The product of matrices and vectors, by its entry: a sum over the inner index."""
    if a.ndim == 0 or b.ndim == 0:
        return combined(operator.mul, a, b)
    if a.ndim > 2 or b.ndim > 2:
        raise NotImplementedError("products of more than two axes on symbols")
    rows, columns = a.axes[:-1], b.axes[1:]
    inner, length = a.axes[-1], a.shape[-1]
    if columns and columns[0] in rows and not columns[0].is_Integer:
        columns = (index(unused({str(i) for i in (*a.axes, *b.axes)}, "jik")),)
    summed = index("summed")
    left = rename(a.expression, {inner: summed}) if length != 1 else a.expression
    mapping = dict(zip(b.axes, (summed, *columns), strict=True))
    right = rename(b.expression, {i: k for i, k in mapping.items() if not i.is_Integer})
    free = {str(i) for i in (*rows, *columns)}
    wish = next((str(i) for i in (inner, b.axes[0]) if not i.is_Integer and str(i) not in free), "")
    expression = left * right
    if length != 1:
        expression = total(expression, summed, a.arrays.symbols[length], wish)
    both = a.matrix is not None and b.matrix is not None
    return a.like(expression, (*rows, *columns), (*a.shape[:-1], *b.shape[1:]), a.matrix * b.matrix if both else None)


def picked(g: Entries, key: Any, shape: tuple[int, ...]) -> Entries:
    """g put back where x[range(m), labels] took it from: g_i times a row with a 1 at the label."""
    onehot, axis = one_hot(g.arrays, key, shape)
    return combined(operator.mul, onehot, g.reshaped((*g.shape, 1) if axis else (1, *g.shape)))


def taken(x: Entries, key: Any) -> Entries:
    """x[range(m), labels]: the sum of each row times a row with a 1 at the label."""
    onehot, axis = one_hot(x.arrays, key, x.shape)
    return combined(operator.mul, onehot.lettered(x.axes), x).summed(axis)


def one_hot(arrays: Arrays, key: Any, shape: tuple[int, ...]) -> tuple[Entries, int]:
    """The array with a 1 where a key takes an entry of each row, or of each column, and the axis of the classes."""
    lengths = [arrays.length(n) for n in shape]
    vectors = isinstance(key, tuple) and all(isinstance(x, np.ndarray) and x.ndim == 1 for x in key)
    if not vectors or len(key) != 2 or len(lengths) != 2 or any(x.dtype.kind not in "iu" for x in key):
        raise NotImplementedError("only one entry of each row can be taken in symbols")
    axis = next((1 - a for a in (0, 1) if np.array_equal(key[a], np.arange(lengths[a]))), None)
    if axis is None:
        raise NotImplementedError("only one entry of each row can be taken in symbols")
    ones = np.zeros(lengths)
    ones[key] = 1
    name = next((name for name, x in arrays.labels.items() if np.array_equal(x, key[axis])), "labels")
    return arrays.array(f"onehot({name})", ones, "ij" if axis else "ji"), axis
