"""Arrays as terms: what a person sees who simplifies a formula.

    2 * A * (1 - A) / m        a number times factors, each to a whole power
    1 - A                      a sum of terms, itself one factor

Everything that is computed entry by entry with + - * / is brought to this form, so that what is equal by the order of
its operands or by cancelling is the same object. All else (a function, a product of matrices, a reduction) is a `Call`,
an atom to the algebra. A single entry that is stretched over an array is a call of np.broadcast_to, and is
left out wherever another factor has that shape.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from fractions import Fraction
from operator import getitem
from typing import Any

import numpy as np

__all__ = ["EACH_A_COLUMN", "Atom", "Call", "Name", "Sum", "Term", "Terms", "broadcast", "held", "narrow", "number"]

Number = Fraction | float
EACH_A_COLUMN = (None, slice(None))  # the key that shows a vector as a matrix of one row
TIMES_PI = ("{} * np.pi", "{} / np.pi")
MOST = 16  # terms of a sum that others are added to


def number(x: Any) -> Number:
    """A number as a short fraction, if it is one: 0.1 is 1/10, math.pi stays as it is."""
    if isinstance(x, Fraction):
        return x
    value = float(x)
    if not math.isfinite(value):
        return value
    short = Fraction(value).limit_denominator(10_000)
    return short if math.isclose(short, value, rel_tol=4e-16) else value  # 0.1 / 14 is 1 / 140, but for the last bit


def root(x: float) -> tuple[Fraction, str, int] | None:
    """The root or logarithm of a short number, or of one times pi: a fraction, what a person writes, and its power."""
    sign = 1 if x > 0 else -1
    for scale, times, over in ((1.0, "{}", "{}"), (math.pi, "{} / np.pi", "{} * np.pi"), (1 / math.pi, *TIMES_PI)):
        square = x * x * scale
        short = Fraction(square).limit_denominator(1000) if 1e-6 < square < 1e6 else Fraction(0)
        if short and math.isclose(short, square, rel_tol=1e-15):
            (above, a), (below, b) = squares(short.numerator), squares(short.denominator)
            if b == 1:
                return Fraction(sign * above, below), f"np.sqrt({times.format(a)})", 1
            if a == 1:
                return Fraction(sign * above, below), f"np.sqrt({over.format(b)})", -1
        for n in (1, 2) if abs(x) < 7 else ():
            power = math.exp(n * abs(x)) * scale
            if round(power) > 1 and math.isclose(round(power), power, rel_tol=1e-15 * max(1, n * abs(x))):
                return Fraction(sign, n), f"np.log({times.format(round(power))})", 1
    return None


def squares(n: int) -> tuple[int, int]:
    """n = k * k * rest."""
    k = max(k for k in range(1, math.isqrt(n) + 1) if n % (k * k) == 0)
    return k, n // (k * k)


class Atom:
    """What the algebra does not look into: a shape, a dtype and a number in the order of creation."""

    __slots__ = ("created", "dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.created = -1


class Name(Atom):
    """An argument of the function, or a length; in an identity, what stands for any term."""

    __slots__ = ("name",)

    def __init__(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__(shape, dtype)
        self.name = name


class Call(Atom):
    """A function of terms and plain values: np.tanh(Z), x[key], an op of the table."""

    __slots__ = ("args", "function", "params")

    def __init__(self, function: Any, args: tuple[Any, ...], params: dict[str, Any], shape: Any, dtype: Any) -> None:
        super().__init__(shape, dtype)
        self.function, self.args, self.params = function, args, params


def held(x: Any) -> Any:
    """A term that is looked into no more, for it is long: as an atom, the function of it that changes nothing."""
    return x


class Sum(Atom):
    """Two terms or more, none a multiple of another."""

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Term, ...]) -> None:
        super().__init__(broadcast(term.shape for term in terms), np.result_type(*(term.dtype for term in terms)))
        self.terms = terms


class Term:
    """A number times factors, each to a whole power."""

    __slots__ = ("coefficient", "dtype", "factors", "shape")

    def __init__(self, coefficient: Number, factors: tuple[tuple[Atom, int], ...]) -> None:
        self.coefficient, self.factors = coefficient, factors
        self.shape = broadcast(atom.shape for atom, _ in factors)
        dtypes = [atom.dtype for atom, _ in factors if atom.shape or atom.dtype.kind == "f"]
        self.dtype = np.result_type(*dtypes) if dtypes else np.dtype(float)

    @property
    def atom(self) -> Atom | None:
        """The atom that this term is, if it is just one."""
        whole = self.coefficient == 1 and len(self.factors) == 1 and self.factors[0][1] == 1
        return self.factors[0][0] if whole else None

    @property
    def constant(self) -> Number | None:
        """The number that this term is, if it is one."""
        return None if self.factors else self.coefficient


def broadcast(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return np.broadcast_shapes(*shapes)


def hashable(x: Any) -> Any:
    """What is inside a call, as a key: terms by identity, plain values by type and value."""
    if isinstance(x, tuple | list):
        return (type(x), *map(hashable, x))
    if isinstance(x, dict):
        return tuple((key, hashable(value)) for key, value in sorted(x.items()))
    if isinstance(x, slice):
        return ("slice", hashable(x.start), hashable(x.stop), hashable(x.step))
    if isinstance(x, np.ndarray):
        return (x.shape, str(x.dtype), x.tobytes())
    return (type(x), x) if isinstance(x, int | float | str | bool) else x


class Terms:
    """The terms of one program. What is equal is made once."""

    def __init__(self) -> None:
        self.made: dict[Any, Any] = {}
        self.kept: set[Any] = set()  # terms with a name and their atoms: they stay what they are in others
        self.created = itertools.count()
        self.wide = True  # whether a number of np.float64 may stand in it

    def atom(self, key: Any, atom: Atom) -> Term:
        """The term of an atom; the one that was made before under this key, if there is."""
        found = self.made.setdefault(key, atom)
        if found is atom:
            atom.created = next(self.created)
        return self.term(Fraction(1), {found: 1})

    def term(self, coefficient: Number, factors: dict[Atom, int]) -> Term:
        kept = {atom: n for atom, n in factors.items() if n} if coefficient else {}
        key = (coefficient, frozenset(kept.items()))
        if key not in self.made:
            self.made[key] = Term(coefficient, tuple(kept.items()))
        term: Term = self.made[key]
        return term

    def name(self, name: str, shape: tuple[int, ...], dtype: Any = float) -> Term:
        return self.atom(("name", name), Name(name, shape, dtype))

    def number(self, x: Any) -> Term:
        value = number(x)
        if isinstance(value, float) and (found := root(value)):
            coefficient, text, power = found
            text = text if self.wide else f"float({text})"
            return self.term(coefficient, {self.name(text, (), int).factors[0][0]: power})
        return self.term(value, {})

    def call(self, function: Any, args: tuple[Any, ...], params: dict[str, Any], shape: Any, dtype: Any) -> Term:
        key = ("call", function, hashable(args), hashable(params), tuple(shape), np.dtype(dtype))
        return self.atom(key, Call(function, args, params, shape, dtype))

    def hold(self, x: Term) -> Term:
        return self.stretched(self.call(held, (narrow(x),), {}, narrow(x).shape, x.dtype), x.shape)

    def stretched(self, x: Term, shape: tuple[int, ...]) -> Term:
        """x as an array of this shape, by broadcasting."""
        if x.shape == tuple(shape):
            return x
        return self.call(np.broadcast_to, (narrow(x),), {"shape": tuple(shape)}, shape, x.dtype)

    # Arithmetic

    def multiply(self, *terms: Term) -> Term:
        coefficient: Number = Fraction(1)
        factors: dict[Atom, int] = {}
        for term in map(narrow, terms):
            coefficient = coefficient * term.coefficient
            for atom, n in term.factors:
                factors[atom] = factors.get(atom, 0) + n
        shape = broadcast(term.shape for term in terms)
        found = self.term(short(coefficient), factors)
        bare = self.bare(found)
        return self.stretched(bare if bare.shape == shape else found, shape)

    def add(self, *terms: Term) -> Term:
        found: dict[Term, Number] = {}
        shape, inner = broadcast(term.shape for term in terms), [narrow(term) for term in terms]
        bare = [self.bare(term) for term in inner]
        for term in bare if broadcast(term.shape for term in bare) == shape else inner:
            parts: list[tuple[Term, Number]] = [(term, Fraction(1))]
            atom, n = term.factors[0] if len(term.factors) == 1 else (None, 0)
            if isinstance(atom, Sum) and n == 1 and abs(term.coefficient) == 1 and atom not in self.kept:
                parts = [(part, term.coefficient) for part in atom.terms] if len(atom.terms) < MOST else parts
            for part, sign in parts:
                monomial = self.term(Fraction(1), dict(part.factors))
                found[monomial] = found.get(monomial, 0) + sign * part.coefficient
        left = {monomial: short(c) for monomial, c in found.items() if c}
        return self.stretched(self.sum(left), shape)

    def bare(self, x: Term) -> Term:
        """v in place of v[None, :], which is the same beside a matrix."""
        shown = {
            a for a, _ in x.factors if isinstance(a, Call) and a.function is getitem and a.args[1] == EACH_A_COLUMN
        }
        if not shown:
            return x
        vectors = (self.power(atom.args[0], n) for atom, n in x.factors if atom in shown)
        return self.multiply(self.term(x.coefficient, {a: n for a, n in x.factors if a not in shown}), *vectors)

    def sum(self, found: dict[Term, Number]) -> Term:
        """The sum of monomials times numbers; a number that is common to all stands before it."""
        scaled = [(self.term(c, dict(monomial.factors)), c) for monomial, c in found.items()]
        if len(scaled) < 2:
            return scaled[0][0] if scaled else self.number(0)
        first = min(found, key=lambda x: (bool(x.factors), oldest(x)))
        sizes: set[Any] = {abs(c) for c in found.values()}
        common: Number = sizes.pop() if len(sizes) == 1 else Fraction(1)
        outside = common if found[first] > 0 else -common
        inside = tuple(self.term(short(c / outside), dict(monomial.factors)) for monomial, c in found.items())
        whole = self.atom(("sum", frozenset(inside)), Sum(inside))
        return self.multiply(self.number(outside), whole)

    def power(self, x: Term, n: int) -> Term:
        inner = narrow(x)
        term = self.term(short(inner.coefficient**n), {atom: k * n for atom, k in inner.factors})
        return self.stretched(term, x.shape)

    def negative(self, x: Term) -> Term:
        return self.multiply(self.number(-1), x)

    def divide(self, a: Term, b: Term) -> Term:
        return self.multiply(a, self.power(b, -1))


def narrow(x: Term) -> Term:
    """x without the stretching, where it is an array of equal rows or entries."""
    if isinstance(x.atom, Call) and x.atom.function is np.broadcast_to:
        inner: Term = x.atom.args[0]
        return inner
    return x


def oldest(x: Term) -> list[tuple[int, int]]:
    """When the factors were made; single numbers, as m is, count only where there is nothing else."""
    return [(atom.created, n) for atom, n in x.factors if atom.shape or not x.shape]


def short(x: Number) -> Number:
    return x if isinstance(x, Fraction) else number(x)
