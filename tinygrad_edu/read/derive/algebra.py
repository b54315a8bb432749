"""The algebra of entries: sums over an index, SymPy's simplification, and the numbers behind an expression.

    A_ij        an entry of an array            Indexed(A, i, j)
    dJ/dA_ij    a derivative, as one quantity   Slope(J, A_ij)
    sum_k t     a sum over an index             Total(t, k, length)
    [j = k]     1 where it holds, else 0        KroneckerDelta(j, k), Bracket(a, b, >)

A sum here is less than SymPy's own and does at once what a derivation needs: what does not depend on the index
stands before it, and [j = k] picks the term j. Needs SymPy, and so is imported when `derive` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Indexed, IndexedBase, KroneckerDelta, Symbol

from tinygrad_edu import ops

__all__ = [
    "SEED",
    "Bracket",
    "Mixed",
    "Numbers",
    "Slope",
    "Total",
    "entry",
    "evaluate",
    "index",
    "is_seed",
    "number",
    "opposite",
    "rename",
    "side_by_side",
    "solved",
    "tidy",
    "total",
]

SEED = "g of a rule"  # no name of a tensor
#: Letters for an index that is summed over, in order of preference.
LETTERS = "klpqrsvwxyz"


class Slope(sympy.Function):
    """dJ/dA_ij as one quantity: the derivative of the first by the second."""

    nargs = 2
    is_real = True


class Total(sympy.Function):
    """sum_k term; Total(term, k, length, j) leaves out the term k = j."""

    nargs = (3, 4)
    is_real = True


OPPOSITES = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "==": "!=", "!=": "=="}


class Bracket(sympy.Function):
    """[a > b]: 1 where it holds, else 0. The third argument is the sign of the relation."""

    nargs = 3
    is_real = True


def opposite(condition: Any) -> Any:
    """[a <= b] of [a > b]: 1 where it does not hold."""
    if not isinstance(condition, Bracket):
        return 1 - condition
    a, b, sign = condition.args
    return Bracket(a, b, Symbol(OPPOSITES[sign.name]))


def index(letter: str, bound: bool = False) -> Symbol:
    """An index. One that is summed over is never the same symbol as a free one, though it may look alike."""
    return Symbol(letter, integer=True, positive=True) if bound else Symbol(letter, integer=True)


def entry(name: str, indices: tuple[Any, ...]) -> Any:
    """The entry of an array, or the number that has no indices."""
    return IndexedBase(Symbol(name, real=True), real=True)[indices] if indices else Symbol(name, real=True)


def number(x: Any) -> Any:
    """A number as SymPy's: 2.0 as 2, 0.1 and 1 - 0.9 as 1/10, the root of a fraction as one, others as they are."""
    if isinstance(x, sympy.Basic):
        return x
    value = float(x)
    if value.is_integer():
        return sympy.Integer(int(value))
    short = sympy.Rational(value).limit_denominator(10_000) if np.isfinite(value) else None
    if short is not None and abs(float(short) - value) < 1e-16:
        return short
    square = sympy.Rational(value * value).limit_denominator(100) if 1e-3 < abs(value) < 1e3 else 0
    root = sympy.sign(value) * sympy.sqrt(square)
    return root if square and abs(float(root) - value) <= 4e-16 * abs(value) else sympy.Float(value)


def is_seed(x: Any) -> bool:
    """Whether an entry is one of g itself."""
    return str(x.base.label if isinstance(x, Indexed) else x) == SEED


def side_by_side(a: Any, b: Any, mapping: dict[Any, Any]) -> Any:
    """A product that SymPy does not work out."""
    a, b = a.xreplace(mapping), b.xreplace(mapping)
    return a if b == 1 else sympy.Mul(a, b, evaluate=False)


def rename(expression: Any, mapping: Mapping[Any, Any], around: Any = None) -> Any:
    """Other letters for free indices, all at once; a summed index that would look like one of them steps aside.

    So does one that looks like an index of the expression around, which this one is to be put into.
    """
    avoid = {i.name for i in around.free_symbols if i.is_integer} if around is not None else set()
    avoid |= {i.name for i in expression.free_symbols if free(i)} | {i.name for i in mapping.values()}
    while clashing := [x for x in expression.atoms(Total) if x.args[1].name in avoid]:
        found = clashing[0]
        other = index(unused(avoid | {i.name for i in expression.free_symbols}), bound=True)
        expression = expression.xreplace({found: found.xreplace({found.args[1]: other})})
    return expression.xreplace(dict(mapping))


def free(i: Any) -> bool:
    """Whether a symbol is an index that is not summed over."""
    return bool(i.is_Symbol and i.is_integer and not i.is_positive)


def unused(taken: set[str], wish: str = "") -> str:
    """The first letter for an index that is not taken."""
    return next(letter for letter in wish + LETTERS if letter not in taken)


def total(expression: Any, over: Any, length: Any, wish: str = "") -> Any:
    """The sum of an expression over a free index."""
    expression = sympy.sympify(expression)
    if not expression.has(over):
        return expression * length
    if isinstance(expression, sympy.Mul | sympy.Pow | sympy.Add):
        expression = sympy.expand_mul(expression)
    result = sympy.Integer(0)
    for term in sympy.Add.make_args(expression):
        outside, inside = term.as_independent(over, as_Add=False)
        deltas = [x for x in sympy.Mul.make_args(inside) if isinstance(x, KroneckerDelta) and x.has(over)]
        if deltas:
            (other,) = (i for i in deltas[0].args if i != over)
            result += outside * (inside / deltas[0]).xreplace({over: other})
        elif inside == 1:
            result += outside * length
        else:
            taken = {i.name for i in inside.free_symbols if i.is_integer} - {over.name}
            k = index(unused(taken, wish), bound=True)
            result += outside * Total(inside.xreplace({over: k}), k, length)
    return result


def alike(expression: Any) -> Any:
    """The expression with sums that differ in the letter of their index alone as the same sum."""

    def lettered(term: Any, k: Any, *others: Any) -> Any:
        depth = max((int(x.args[1].name) + 1 for x in term.atoms(Total) if x.args[1].name.isdigit()), default=0)
        letter = index(str(depth), bound=True)
        return Total(term.xreplace({k: letter}), letter, *others)

    return expression.replace(Total, lettered)


# Simplification: the cheap strategies first, and the shortest result wins.


def tidy(expression: Any, thorough: bool = False) -> Any:
    """The expression in its simplest form, by common denominators and factors; `thorough` asks SymPy for more."""
    found = sympy.sympify(expression).atoms(Indexed, Total, Bracket, Slope, KroneckerDelta)
    atoms = {x: sympy.Dummy(str(x), real=True) for x in found}
    plain = sympy.sympify(expression).xreplace(atoms)  # from the outside in: a sum whole, not what stands in it
    candidates = [plain]
    size = plain.count_ops()
    if 0 < size < 200 and isinstance(plain, sympy.Add | sympy.Mul | sympy.Pow):
        for strategy in (sympy.factor, sympy.cancel, sympy.gcd_terms):
            candidates.append(attempt(strategy, plain))
        candidates.append(attempt(sympy.factor, candidates[2]))
        if thorough and size < 60 and plain.atoms(sympy.Function, sympy.exp):
            candidates.append(attempt(sympy.simplify, plain))
            candidates.append(attempt(sympy.factor, candidates[-1]))
    allowed = functions(plain) | ({"tanh", "cosh", "sinh"} if "exp" in functions(plain) else set())
    best = min((upright(x) for x in candidates if functions(x) <= allowed), key=weight)
    whole = {x: sympy.Integer(round(x)) for x in best.atoms(sympy.Float) if abs(x - round(x)) < 1e-12 < abs(x)}
    best = best.xreplace(whole)  # the product of two floats was 0.9999999999999999
    return best.xreplace({dummy: x for x, dummy in atoms.items()})


def functions(expression: Any) -> set[str]:
    """The functions in an expression. A simpler form has no others: no cosh for tanh, no cases and conditions."""
    return {x.func.__name__ for x in expression.atoms(sympy.Function)}


def weight(expression: Any) -> tuple[int, int]:
    """How long an expression is to read; a minus sign in front counts less than one that is needed inside."""
    return sympy.count_ops(expression), len(str(expression))


def attempt(strategy: Callable[..., Any], expression: Any, *args: Any) -> Any:
    """What SymPy makes of it, or the expression itself where it cannot."""
    try:
        return strategy(expression, *args)
    except (sympy.PolynomialError, NotImplementedError, ZeroDivisionError, AttributeError, RecursionError):
        return expression


def solved(expression: Any, name: Any, meaning: Any) -> Iterator[Any]:
    """The expression with what stands in it and in name = meaning, an entry or an exponential, in terms of the name."""
    for x in sorted(meaning.atoms(sympy.exp, Indexed), key=str):
        q = sympy.Dummy(positive=True)
        power = {x: q} | ({sympy.exp(-x.args[0]): 1 / q} if isinstance(x, sympy.exp) else {})
        left, equation = expression.xreplace(power), sympy.numer(sympy.together(meaning.xreplace(power) - name))
        if not left.has(q) or not equation.is_polynomial(q) or sympy.degree(equation, q) > 2:
            continue  # SymPy would search long for what cannot be solved
        found = attempt(sympy.solve, equation, q)
        if isinstance(found, list) and len(found) == 1:
            yield left.xreplace({q: found[0]})


def upright(expression: Any) -> Any:
    """(1 - A) in place of -(A - 1), in products and powers."""

    def turned(x: Any) -> Any:
        sign, factors, flipped = 1, [], []
        for factor in sympy.Mul.make_args(x):
            if factor.is_Number and factor.is_negative:
                sign, factor = -sign, -factor
            base, exponent = factor.as_base_exp()
            terms = base.args if isinstance(base, sympy.Add) and exponent.is_Integer else ()
            minus = [term for term in terms if term.could_extract_minus_sign()]
            if len(minus) == 1 and minus[0].is_Number:
                flipped.append((-base) ** exponent)
                sign *= -1 if exponent % 2 else 1
                continue
            factors.append(factor)
        if sign == -1:  # give the sign to a difference, if there is one
            for position, factor in enumerate(factors):
                if isinstance(factor, sympy.Add) and factor.could_extract_minus_sign():
                    factors[position], sign = -factor, 1
                    break
        return x if sign == -1 else sympy.Mul(sign, *factors, *flipped)

    return expression.replace(lambda x: isinstance(x, sympy.Mul | sympy.Pow), turned)


@dataclass
class Mixed:
    """dy_k/dx_j, a sum over k away from dJ/dx_j: what stands on the diagonal, k = j, and off it."""

    jacobian: Any
    g: Any
    j: Any
    k: Any
    length: Any

    def __post_init__(self) -> None:
        self.bound = index(self.k.name, bound=True)
        self.g_k = rename(self.g, {self.j: self.k})
        self.diagonal = tidy(self.jacobian.xreplace({self.k: self.j}))
        self.off = tidy(self.jacobian.xreplace({KroneckerDelta(self.j, self.k): sympy.Integer(0)}))

    @property
    def whole(self) -> Any:
        """The sum over all k."""
        own = tidy(self.g * tidy(self.off.xreplace({self.k: self.j})))
        return tidy(total(tidy(self.g_k * self.off), self.k, self.length) - own + tidy(self.g * self.diagonal))


# Numbers

RELATIONS = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class Numbers:
    """What symbols stand for: arrays by name, lengths by symbol."""

    def __init__(self, arrays: Mapping[str, np.ndarray], lengths: Mapping[Any, int]) -> None:
        self.arrays, self.lengths = arrays, lengths

    def of(self, x: Any, axes: tuple[Any, ...], sizes: Mapping[Any, int]) -> np.ndarray:
        """The numbers of an expression, one axis for each index; length 1 where it does not depend on it."""
        if x.is_Number or x.is_NumberSymbol:
            return np.full((1,) * len(axes), float(x))
        if x in self.lengths:
            return np.full((1,) * len(axes), float(self.lengths[x]))
        if isinstance(x, Symbol):
            return np.reshape(self.arrays[x.name], (1,) * len(axes))
        if isinstance(x, Indexed):
            return self.entries(self.arrays[str(x.base.label)], x.indices, axes)
        if isinstance(x, Slope):
            return self.slope(x, axes)
        if isinstance(x, Total):
            return self.summed(x, axes, sizes)
        if isinstance(x, KroneckerDelta):
            first, second = x.args
            return self.entries(np.eye(sizes[first]), (first, second), axes)
        if isinstance(x, Bracket):
            a, b = (self.of(y, axes, sizes) for y in x.args[:2])
            return np.asarray(RELATIONS[x.args[2].name](a, b), float)
        result: np.ndarray = self.function(x)(*(self.of(y, axes, sizes) for y in x.args))
        return result

    def slope(self, x: Any, axes: tuple[Any, ...]) -> np.ndarray:
        above, below = x.args
        array = self.arrays[f"d{named(above)}/d{named(below)}"]
        return self.entries(array, getattr(below, "indices", ()), axes)

    def matrix(self, x: Any) -> np.ndarray:
        """The numbers of a product of matrices."""
        if isinstance(x, sympy.MatMul):
            product = np.ones(())
            for factor in x.args:
                product = self.matrix(factor) if product.ndim == 0 else product @ self.matrix(factor)
            return product
        if isinstance(x, sympy.Transpose):
            return self.matrix(x.arg).T
        return np.asarray(self.arrays[x.name], float)

    def summed(self, x: Any, axes: tuple[Any, ...], sizes: Mapping[Any, int]) -> np.ndarray:
        term, k, length = x.args[:3]
        n = int(self.lengths.get(length, length))
        values = self.of(term, (*axes, k), {**sizes, k: n})
        values = np.broadcast_to(values, (*values.shape[:-1], n))
        if len(x.args) == 4:
            left_out = self.entries(np.eye(n), (x.args[3], k), (*axes, k))
            values = values * (1 - left_out)
        result: np.ndarray = values.sum(axis=-1)
        return result

    def entries(self, array: np.ndarray, indices: tuple[Any, ...], axes: tuple[Any, ...]) -> np.ndarray:
        """array[indices] with one axis for each of `axes`; an index named twice walks the diagonal."""
        kept = tuple(0 if i.is_Integer else slice(None) for i in indices)
        array, letters = np.asarray(array, float)[kept], [axes.index(i) for i in indices if not i.is_Integer]
        present = sorted(set(letters))
        array = np.einsum(array, letters, present)
        shape = [1] * len(axes)
        for axis, length in zip(present, array.shape, strict=True):
            shape[axis] = length
        return array.reshape(shape)

    def function(self, x: Any) -> Callable[..., Any]:
        if isinstance(x, sympy.Add):
            return lambda *terms: sum(terms[1:], terms[0])
        if isinstance(x, sympy.Mul):
            return lambda *factors: np.prod(np.broadcast_arrays(*factors), axis=0)
        if isinstance(x, sympy.Pow):
            return np.power
        name = x.func.__name__
        return ops.TABLE[name.lower()].forward if name.lower() in ops.TABLE else getattr(np, name)


def named(x: Any) -> str:
    """The name of the array that an entry belongs to."""
    return str(x.base.label) if isinstance(x, Indexed) else str(x)


def evaluate(expression: Any, axes: tuple[Any, ...], shape: tuple[int, ...], numbers: Numbers) -> np.ndarray:
    """The numbers of an expression at every entry: an array of the given shape, one axis for each index in `axes`."""
    if isinstance(expression, sympy.MatrixExpr):
        return np.reshape(numbers.matrix(expression), shape)
    letters = tuple(i for i in axes if not i.is_Integer)
    sizes = {i: n for i, n in zip(axes, shape, strict=True) if not i.is_Integer}
    with np.errstate(all="ignore"):
        values = numbers.of(sympy.sympify(expression), letters, sizes)
    full = np.broadcast_to(values, tuple(sizes[i] for i in letters))
    return np.reshape(full, shape)
