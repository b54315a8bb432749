"""Formulas made shorter by the identities of `identities.py`.

    simplify = Simplify(calls)
    simplify(term)                    the shortest form that was found; simplify.used says by which identities

A product is tried against the patterns, a sum is freed of what its terms have in common, and a product with a sum is
multiplied out where, all in all, that makes it shorter: so (-Y/A + (1 - Y)/(1 - A)) * A * (1 - A) becomes A - Y.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.source.calls import Calls
from tinygrad_edu.read.source.identities import ADDS_UP, ARITHMETIC, PATTERNS, Identity
from tinygrad_edu.read.source.patterns import matches, put, sides
from tinygrad_edu.read.source.terms import Atom, Call, Name, Sum, Term, held, narrow

__all__ = ["Simplify", "Used", "held_in"]

BY_NAME = {identity.name: identity for identity in ARITHMETIC}
CHOICES = (np.where, np.greater, np.equal)
MOST_FACTORS, MOST_TERMS, MOST_TRIALS, LONGEST = 12, 6, 2, 40


class Used(NamedTuple):
    """An identity, and what stood in it."""

    identity: Identity
    binding: tuple[tuple[str, Term], ...]


class Simplify:
    """Makes terms shorter.

    facts    terms that the data make equal to 1
    cheap    terms that are computed anyhow
    products those of them that are products with a name
    """

    def __init__(self, calls: Calls) -> None:
        self.calls, self.terms = calls, calls.terms
        self.used: list[Used] = []
        self.facts: dict[Term, Identity] = {}
        self.cheap = calls.computed
        self.products: list[Term] = []
        self.sizes: dict[Any, int] = {}
        self.cut: dict[Any, bool] = {}
        self.trials = 0  # that are under way, one inside the other
        self.done: dict[Term, tuple[Term, list[Used]]] = {}
        self.patterns = [
            (identity, *sides(identity, self.terms, axis))
            for identity in PATTERNS
            for axis in ((1, 0) if identity.along else (None,))
        ]

    def __call__(self, term: Term) -> Term:
        """The shortest form that was found."""
        if term not in self.done:
            self.done[term] = (term, [])  # a trial that leads back here ends here
            before, self.used = self.used, []
            found = self.step(term)
            result = self(found) if found is not term else term
            self.done[term] = (result, list(dict.fromkeys([*self.used, *self.done.get(found, (found, []))[1]])))
            self.used = before
            if self.size(result) > LONGEST:
                self.done[term] = (self.terms.hold(result), self.done[term][1])
        result, used = self.done[term]
        self.used = list(dict.fromkeys([*self.used, *used]))
        return result

    def step(self, term: Term) -> Term:
        """One step towards a shorter form, or the term itself."""
        inner = narrow(term)
        if inner is not term:
            return self.terms.stretched(self(inner), term.shape)
        attempts = (self.inside, self.by_fact, self.put_back, self.by_pattern, self.paired)
        for attempt in (*attempts, self.collected, self.multiplied_out):
            mark = len(self.used)
            found = attempt(term)
            if found is not None and found is not term and self.size(found) <= self.size(term):
                return self.terms.stretched(found, term.shape)
            del self.used[mark:]
        return term

    def assume(self, x: Term, axis: int) -> None:
        """Take the entries of x along an axis to add up to 1."""
        for keepdims in (True, False):
            self.facts[self.calls.summed(x, (axis,), keepdims)] = ADDS_UP[axis if len(x.shape) > 1 else None]

    def cancelled(self, function: Any, args: list[Any]) -> list[Used]:
        """What cancels where two terms are multiplied: the form of terms does it without being asked."""
        if function is not np.multiply or len(args) != 2 or None in args:
            return []
        a, b = (dict(narrow(x).factors) for x in args)
        gone = {atom: n for atom, n in b.items() if a.get(atom, 0) * n < 0 and atom.shape}
        return [Used(BY_NAME["cancel"], (("a", self.terms.term(Fraction(1), gone)),))] if gone else []

    def is_forward(self, x: Term) -> bool:
        """Whether a term is made of arguments and values of the forward pass alone."""
        atoms = [atom for atom, _ in narrow(x).factors if atom not in self.cheap and not isinstance(atom, Name)]
        return x in self.cheap or all(isinstance(a, Sum) and all(map(self.is_forward, a.terms)) for a in atoms)

    def is_cut(self, x: Any) -> bool:
        """Whether something in a term is not looked into, outside of products of matrices."""
        if x not in self.cut:
            function = getattr(x, "function", None) if x not in self.cheap else np.matmul
            inside = (
                [atom for atom, _ in x.factors] if isinstance(x, Term) else getattr(x, "args", getattr(x, "terms", ()))
            )
            self.cut[x] = function is held or (
                function is not np.matmul and any(self.is_cut(part) for part in inside if isinstance(part, Term | Atom))
            )
        return self.cut[x]

    def completed(self, term: Term) -> Term:
        """Sums that a factor of a product with a name stands before, with it inside: sum(g * P) where P = E / S."""
        found, factors = self.terms.number(term.coefficient), dict(term.factors)
        for atom, n in term.factors:
            now = self.terms.term(Fraction(1), {atom: 1})
            if isinstance(atom, Sum):
                now = self.terms.add(*map(self.completed, atom.terms))
            elif isinstance(atom, Call) and atom.function is np.sum and n == 1:
                outside = self.missing(atom, factors)
                inside = self.terms.multiply(atom.args[0], outside)
                now = self.terms.divide(self.calls.make(np.sum, (inside,), atom.params, atom), outside)
            found = self.terms.multiply(found, self.terms.power(now, n))
        return self.terms.stretched(found, term.shape)

    def missing(self, call: Call, factors: Mapping[Atom, int]) -> Term:
        """Those of the factors that make up a product with a name together with some inside of a sum; or 1."""
        inner: Term = call.args[0]
        axes = call.params.get("axis", tuple(range(len(inner.shape))))
        inside, keepdims = dict(inner.factors), call.params.get("keepdims", False)
        for product in self.products if inner not in self.calls.anchors else ():
            left = {a: k for a, k in product.factors if inside.get(a) != k}
            if len(left) < len(product.factors) and all(
                factors.get(a) == k and is_along(a, inner.shape, axes, keepdims) for a, k in left.items()
            ):
                return self.terms.term(Fraction(1), left)
        return self.terms.number(1)

    # Size: how much there is to read and to compute

    def size(self, x: Term | Atom) -> int:
        if x in self.cheap:
            return 1 if x in self.terms.kept else 2
        if x not in self.sizes:
            if isinstance(x, Sum):
                self.sizes[x] = sum(map(self.size, x.terms)) + len(x.terms) - 1
            elif isinstance(x, Term):
                bare = x.coefficient in (1, -1) and x.factors
                each = sum(self.size(atom) + (abs(n) > 1) for atom, n in x.factors) + max(len(x.factors) - 1, 0)
                known = self.terms.term(Fraction(1), dict(x.factors)) in self.cheap
                self.sizes[x] = (1 if known else each) + (0 if bare else 1)
            elif isinstance(x, Call) and x.function is held:
                self.sizes[x] = 1
            else:
                args = getattr(x, "args", ())
                self.sizes[x] = 1 + sum(self.size(arg) for arg in args if isinstance(arg, Term))
        return self.sizes[x]

    # Steps

    def inside(self, term: Term) -> Term | None:
        """Sums with their terms made shorter, reductions with what goes in."""
        factors = []
        for atom, n in term.factors:
            now = whole = self.terms.term(Fraction(1), {atom: 1})
            if isinstance(atom, Sum) and len(term.factors) + abs(n) > 2:
                now = self(whole)
            elif isinstance(atom, Sum):
                now = self.terms.add(*map(self, atom.terms))
            elif isinstance(atom, Call) and atom.function is np.sum:
                now = self.reduced(atom)
            factors.append(self.terms.power(now, n) if now is not whole else self.terms.term(Fraction(1), {atom: n}))
        return self.terms.multiply(self.terms.number(term.coefficient), *factors)

    def reduced(self, call: Call) -> Term:
        """A sum along axes: of what is shorter, term by term, or with constant factors before it."""
        whole = self.terms.term(Fraction(1), {call: 1})
        inner: Term = call.args[0]
        axes = call.params.get("axis", tuple(range(len(inner.shape))))
        keepdims = call.params.get("keepdims", False)

        def summed(x: Term) -> Term:
            return self.calls.summed(self.terms.stretched(x, inner.shape), axes, keepdims)

        if inner in self.calls.anchors:
            return whole
        shorter = self(inner)
        if shorter is not inner:
            return summed(shorter)
        constant = {atom: n for atom, n in inner.factors if is_along(atom, inner.shape, axes, keepdims)}
        if constant or inner.coefficient != 1:
            outside = self.terms.term(inner.coefficient, constant)
            rest = self.terms.term(Fraction(1), {atom: n for atom, n in inner.factors if atom not in constant})
            found = self.terms.multiply(outside, self(summed(rest)))
            if self.size(found) <= self.size(whole):
                return found
        for atom, n in inner.factors if len(inner.factors) <= MOST_FACTORS else ():
            if isinstance(atom, Sum) and n == 1 and len(atom.terms) <= MOST_TERMS:
                rest = self.terms.term(inner.coefficient, {a: k for a, k in inner.factors if a is not atom})
                found = self.terms.add(*(self(summed(self.terms.multiply(part, rest))) for part in atom.terms))
                if self.size(found) < self.size(whole):
                    return found
        return whole

    def by_fact(self, term: Term) -> Term | None:
        for fact, identity in self.facts.items():
            atom = fact.atom
            if any(factor is atom for factor, _ in term.factors):
                self.used.append(Used(identity, (("y", fact.atom.args[0]),)))  # type: ignore[union-attr]
                return self.terms.term(term.coefficient, {a: n for a, n in term.factors if a is not atom})
        return None

    def by_pattern(self, term: Term) -> Term | None:
        """The term with the first pattern that is in it replaced."""
        for identity, left, right in self.patterns:
            for binding, rest in matches(self.terms, left, term):
                found = put(self.calls, right, binding)
                if not identity.known or any(part in self.cheap for part in self.positive_parts(found)):
                    self.used.append(Used(identity, tuple(binding.items())))
                    return self.terms.multiply(rest, found)
        return None

    def positive_parts(self, term: Term) -> list[Term]:
        """The terms of a sum, without their numbers."""
        parts = [part for atom, _ in term.factors if isinstance(atom, Sum) for part in atom.terms]
        return [self.terms.term(Fraction(1), dict(part.factors)) for part in parts]

    def put_back(self, term: Term) -> Term | None:
        """An entry of each row put back where it was taken from, times what it was divided by."""
        for atom, n in term.factors:
            if not isinstance(atom, Call) or atom.function is not ops.scatter or n != 1:
                continue
            (x,), key = atom.args, atom.params["key"]
            others = {a: k for a, k in term.factors if a is not atom}
            for taken, power in x.factors:
                if power > 0 or not isinstance(taken, Call) or taken.function is not operator.getitem:
                    continue
                array, place = taken.args
                if place == key and all(
                    others.get(a, 0) * k > 0 and abs(others[a]) >= abs(k) for a, k in array.factors
                ):
                    inside = self.terms.multiply(x, self.terms.term(Fraction(1), {taken: 1}))
                    put = self.calls.make(ops.scatter, (inside,), atom.params, atom)
                    self.used.append(Used(BY_NAME["put back"], (("a", array),)))
                    rest = self.terms.divide(self.terms.term(term.coefficient, others), array)
                    return self.terms.multiply(put, rest)
        return None

    def paired(self, term: Term) -> Term | None:
        """Two terms of a sum as one: what one np.where keeps and another leaves out, the two parts of a step."""
        for atom, n in term.factors:
            if not isinstance(atom, Sum) or n != 1:
                continue
            factors = [(part, x) for part in atom.terms for x, k in part.factors if k == 1]
            found = [(part, x) for part, x in factors if isinstance(x, Call) and x.function in CHOICES]
            for (part, call), (other, second) in itertools.permutations(found, 2):
                a = self.terms.divide(part, self.terms.term(Fraction(1), {call: 1}))
                b = self.terms.divide(other, self.terms.term(Fraction(1), {second: 1}))
                one = self.either(call, second, a, b) or self.stepped(call, second, a, b)
                if one is not None:
                    left = [x for x in atom.terms if x not in (part, other)]
                    rest = self.terms.term(term.coefficient, {x: k for x, k in term.factors if x is not atom})
                    return self.terms.multiply(self.terms.add(one, *left), rest)
        return None

    def either(self, one: Call, other: Call, a: Term, b: Term) -> Term | None:
        """np.where(c, x, 0) * a + np.where(c, 0, x) * b."""
        if one.function is not np.where or other.function is not np.where or one.args[0] is not other.args[0]:
            return None
        x = narrow(one.args[1])
        if x is not narrow(other.args[2]) or narrow(one.args[2]).constant != 0 or narrow(other.args[1]).constant != 0:
            return None
        self.used.append(Used(BY_NAME["either"], ()))
        return self.terms.multiply(x, self.calls.make(np.where, (one.args[0], a, b), {}, one))

    def stepped(self, one: Call, other: Call, a: Term, b: Term) -> Term | None:
        """(x > 0) * a + (x == 0) * a / 2, the derivative of max(x, 0)."""
        x, zero = map(narrow, one.args[:2])
        tie = other.function is np.equal and {*map(narrow, other.args)} == {x, zero}
        half = narrow(self.terms.divide(b, a)).constant == 0.5
        if one.function is not np.greater or zero.constant != 0 or not tie or not half:
            return None
        self.used.append(Used(BY_NAME["half at 0"], ()))
        return self.terms.multiply(a, self.calls.make(np.heaviside, (x, 0.5), {}, x))

    def collected(self, term: Term) -> Term | None:
        """A sum with what all its terms have in common before it."""
        for atom, n in term.factors:
            if isinstance(atom, Sum) and n == 1:
                powers = [dict(part.factors) for part in atom.terms]
                common = {a: nearest(p.get(a, 0) for p in powers) for a in powers[0]}
                outside = self.terms.term(Fraction(1), common)
                if outside.factors:
                    inside = self.terms.add(*(self.terms.divide(part, outside) for part in atom.terms))
                    rest = self.terms.term(term.coefficient, {a: k for a, k in term.factors if a is not atom})
                    return self.terms.multiply(outside, inside, rest)
        return None

    def multiplied_out(self, term: Term) -> Term | None:
        """A product with a sum in it, term by term, if that is shorter in the end."""
        if len(term.factors) > MOST_FACTORS or self.trials == MOST_TRIALS:
            return None
        for atom, n in term.factors:
            if not isinstance(atom, Sum) or n != 1 or len(term.factors) < 2 or len(atom.terms) > MOST_TERMS:
                continue
            others = {a: k for a, k in term.factors if a is not atom}
            rest = self.terms.term(term.coefficient, others)
            mark = len(self.used)
            parts = [self.terms.multiply(part, rest) for part in atom.terms]
            self.trials += 1
            found = self(self.terms.add(*map(self, parts)))
            self.trials -= 1
            if self.size(found) < self.size(term) and not held_in(found) - held_in(term):
                gone = [(a, k) for a, k in others.items() if any(lost(a, k, part) for part in atom.terms)]
                if gone:
                    what = self.terms.term(Fraction(1), dict(gone))
                    self.used.insert(mark, Used(BY_NAME["cancel"], (("a", what),)))
                return found
            del self.used[mark:]
        return None


def held_in(term: Term) -> set[Call]:
    """The parts of a product or a sum that count as one, for they are long."""
    factors = [atom for atom, _ in narrow(term).factors]
    inside = [atom for whole in factors if isinstance(whole, Sum) for part in whole.terms for atom, _ in part.factors]
    return {atom for atom in (*factors, *inside) if isinstance(atom, Call) and atom.function is held}


def lost(atom: Atom, n: int, part: Term) -> bool:
    """Whether a factor meets its own reciprocal in a term."""
    return dict(part.factors).get(atom, 0) * n < 0


def is_along(atom: Atom, shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool = True) -> bool:
    """Whether an atom is constant along axes of an array of this shape, and fits what is left when they are summed."""
    missing = len(shape) - len(atom.shape)
    return not atom.shape or all(a < missing or (keepdims and atom.shape[a - missing] == 1) for a in axes)


def nearest(powers: Iterator[int]) -> int:
    """The power that can be taken out of all of these."""
    found = list(powers)
    if all(n > 0 for n in found):
        return min(found)
    return max(found) if all(n < 0 for n in found) else 0
