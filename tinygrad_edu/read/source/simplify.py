"""Formulas made shorter by the identities of `identities.py`.

    simplify = Simplify(calls)
    simplify(term)                    the shortest form that was found; simplify.used says by which identities

A product is tried against the patterns, a sum is freed of what its terms have in common, and a product with a sum is
multiplied out where, all in all, that makes it shorter: so (-Y/A + (1 - Y)/(1 - A)) * A * (1 - A) becomes A - Y.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.source.calls import Calls
from tinygrad_edu.read.source.identities import ADDS_UP, ARITHMETIC, PATTERNS, Identity
from tinygrad_edu.read.source.patterns import matches, put, sides
from tinygrad_edu.read.source.terms import Atom, Call, Sum, Term, held, narrow

__all__ = ["Simplify", "Used"]

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
    """

    def __init__(self, calls: Calls) -> None:
        self.calls, self.terms = calls, calls.terms
        self.used: list[Used] = []
        self.facts: dict[Term, Identity] = {}
        self.cheap: set[Any] = set()
        self.sizes: dict[Any, int] = {}
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
        self.facts[self.calls.summed(x, (axis,), True)] = ADDS_UP[axis if len(x.shape) > 1 else None]

    def cancelled(self, function: Any, args: list[Any]) -> list[Used]:
        """What cancels where two terms are multiplied: the form of terms does it without being asked."""
        if function is not np.multiply or len(args) != 2 or None in args:
            return []
        a, b = (dict(narrow(x).factors) for x in args)
        gone = {atom: n for atom, n in b.items() if a.get(atom, 0) * n < 0 and atom.shape}
        return [Used(BY_NAME["cancel"], (("a", self.terms.term(Fraction(1), gone)),))] if gone else []

    # Size: how much there is to read and to compute

    def size(self, x: Term | Atom) -> int:
        if x in self.cheap:
            return 1
        if x not in self.sizes:
            if isinstance(x, Sum):
                self.sizes[x] = sum(map(self.size, x.terms)) + len(x.terms) - 1
            elif isinstance(x, Term):
                bare = x.coefficient in (1, -1) and x.factors
                each = sum(self.size(atom) + (abs(n) > 1) for atom, n in x.factors)
                self.sizes[x] = each + max(len(x.factors) - 1, 0) + (0 if bare else 1)
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

        def summed(x: Term) -> Term:
            return self.calls.summed(self.terms.stretched(x, inner.shape), axes, call.params.get("keepdims", False))

        if inner in self.calls.anchors:
            return whole
        shorter = self(inner)
        if shorter is not inner:
            return summed(shorter)
        constant = {
            atom: n
            for atom, n in inner.factors
            if not atom.shape
            or (call.params.get("keepdims") and len(atom.shape) == len(inner.shape) and is_along(atom, axes))
        }
        if constant or inner.coefficient != 1:
            outside = self.terms.term(inner.coefficient, constant)
            rest = self.terms.term(Fraction(1), {atom: n for atom, n in inner.factors if atom not in constant})
            found = self.terms.multiply(outside, self(summed(rest)))
            if self.size(found) <= self.size(whole):
                return found
        if isinstance(inner.atom, Sum):
            found = self.terms.add(*(self(summed(part)) for part in inner.atom.terms))
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
                self.used.append(Used(identity, tuple(binding.items())))
                return self.terms.multiply(rest, put(self.calls, right, binding))
        return None

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


def held_in(term: Term) -> set[Atom]:
    """The parts of a product or a sum that count as one, for they are long."""
    factors = [atom for atom, _ in narrow(term).factors]
    inside = [atom for whole in factors if isinstance(whole, Sum) for part in whole.terms for atom, _ in part.factors]
    return {atom for atom in (*factors, *inside) if isinstance(atom, Call) and atom.function is held}


def lost(atom: Atom, n: int, part: Term) -> bool:
    """Whether a factor meets its own reciprocal in a term."""
    return dict(part.factors).get(atom, 0) * n < 0


def is_along(atom: Atom, axes: tuple[int, ...]) -> bool:
    return all(atom.shape[a] == 1 for a in axes)


def nearest(powers: Iterator[int]) -> int:
    """The power that can be taken out of all of these."""
    found = list(powers)
    if all(n > 0 for n in found):
        return min(found)
    return max(found) if all(n < 0 for n in found) else 0
