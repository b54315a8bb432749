"""Finding the pattern of an identity in a term.

    for binding, rest in matches(terms, pattern, term):     # term = pattern, with its parameters bound, times the rest
        terms.multiply(rest, put(calls, replacement, binding))

Products and sums are matched in any order. A side of an identity is read as terms by tracing it; its parameters are
names that start with a question mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.source.calls import Calls, Length
from tinygrad_edu.read.source.identities import Identity
from tinygrad_edu.read.source.terms import Atom, Call, Name, Sum, Term, narrow
from tinygrad_edu.read.traced import Trace

__all__ = ["WHOLE", "Binding", "matches", "put", "sides"]

#: Ops that a program keeps whole: the text has a function for each.
WHOLE = frozenset((ops.sigmoid, ops.softmax, ops.log_softmax, ops.xlogy, ops.scatter))
SAMPLE = (4, 3)

Binding = dict[str, Term]


def sides(identity: Identity, terms: Any, axis: int | None) -> tuple[Term, Term]:
    """Both sides as terms, in which a parameter is a name."""
    found = []
    for side in (identity.left, identity.right):
        trace = Trace("identity", WHOLE)
        params = {} if axis is None else {"axis": axis}
        given = [trace.input(SAMPLE, float, name) for name in identity.parameters]
        result = side(*given, **params)
        calls = Calls(terms, length=Length(None, 1, 1))
        for name, x in zip(identity.parameters, given, strict=True):
            calls.found[x.value] = terms.name(f"?{name}", SAMPLE)
        calls.read(trace, trace)
        found.append(calls.found[result.value] if hasattr(result, "value") else terms.number(result.item()))
    return found[0], found[1]


def variable(term: Term) -> str:
    """The name of the parameter that a side of an identity consists of, or nothing."""
    atom = term.atom
    return atom.name if isinstance(atom, Name) and atom.name.startswith("?") else ""


def matches(terms: Any, pattern: Term, term: Term) -> Iterator[tuple[Binding, Term]]:
    """The ways in which a part of a product is as the pattern says, and the rest of the product."""
    for binding, left in factors_match(terms, pattern.factors, dict(term.factors), {}, partly=True):
        yield binding, terms.term(term.coefficient / pattern.coefficient, left)


def match(terms: Any, pattern: Term, term: Term, binding: Binding) -> Iterator[Binding]:
    """The ways in which a term is as the pattern says."""
    if name := variable(pattern):
        if binding.get(name, term) is term:
            yield binding | {name: term}
        return
    if pattern.coefficient == term.coefficient:
        for found, left in factors_match(terms, pattern.factors, dict(term.factors), binding, partly=False):
            if not left:
                yield found


def factors_match(
    terms: Any, pattern: tuple[tuple[Atom, int], ...], factors: dict[Atom, int], binding: Binding, partly: bool
) -> Iterator[tuple[Binding, dict[Atom, int]]]:
    """The ways in which factors are as the pattern says, and those that are left; parameters come last."""
    order = sorted(pattern, key=lambda factor: isinstance(factor[0], Name))
    if not order:
        yield binding, factors
        return
    (atom, n), *others = order
    rest = tuple(others)
    if not isinstance(atom, Name):
        for candidate, k in factors.items():
            if k * n > 0 and abs(k) >= abs(n) and type(candidate) is type(atom):
                left = {a: p - n if a is candidate else p for a, p in factors.items() if a is not candidate or p != n}
                for found in atom_matches(terms, atom, candidate, binding):
                    yield from factors_match(terms, rest, left, found, partly)
        return
    if bound := binding.get(atom.name):
        needed = {a: k * n for a, k in bound.factors}
        if bound.coefficient == 1 and all(
            factors.get(a, 0) * k > 0 and abs(factors[a]) >= abs(k) for a, k in needed.items()
        ):
            left = {a: k - needed.get(a, 0) for a, k in factors.items() if k != needed.get(a, 0)}
            yield from factors_match(terms, rest, left, binding, partly)
        return
    if not others and not partly and factors:  # what is left over, all of it
        whole = terms.term(Fraction(1), {a: k * n for a, k in factors.items()})
        yield binding | {atom.name: whole}, {}
        return
    for candidate, k in factors.items():
        if k == n:
            left = {a: p for a, p in factors.items() if a is not candidate}
            whole = terms.term(Fraction(1), {candidate: 1})
            yield from factors_match(terms, rest, left, binding | {atom.name: whole}, partly)


def atom_matches(terms: Any, pattern: Atom, atom: Atom, binding: Binding) -> Iterator[Binding]:
    """The ways in which an atom is as the pattern says; what was found once is remembered."""
    if binding:
        yield from compared(terms, pattern, atom, binding)
        return
    key = ("match", pattern, atom)
    if key not in terms.made:
        terms.made[key] = list(compared(terms, pattern, atom, binding))
    yield from terms.made[key]


def compared(terms: Any, pattern: Atom, atom: Atom, binding: Binding) -> Iterator[Binding]:
    if isinstance(pattern, Sum) and isinstance(atom, Sum):
        if len(pattern.terms) == len(atom.terms):
            for found in (atom.terms, tuple(map(terms.negative, atom.terms))):
                yield from sum_matches(terms, pattern.terms, found, binding)
    elif isinstance(pattern, Call) and isinstance(atom, Call):
        alike = pattern.function == atom.function and len(pattern.args) == len(atom.args)
        if alike and same_params(pattern, atom) and (is_entrywise(pattern) or len(pattern.shape) == len(atom.shape)):
            yield from args_match(terms, pattern.args, atom.args, binding)


def sum_matches(terms: Any, pattern: tuple[Term, ...], found: tuple[Term, ...], binding: Binding) -> Iterator[Binding]:
    if not pattern:
        yield binding
        return
    first, *rest = sorted(pattern, key=lambda part: bool(variable(part)))
    for k, term in enumerate(found):
        for one in match(terms, first, term, binding):
            yield from sum_matches(terms, tuple(rest), found[:k] + found[k + 1 :], one)


def args_match(terms: Any, pattern: tuple[Any, ...], found: tuple[Any, ...], binding: Binding) -> Iterator[Binding]:
    if not pattern:
        yield binding
        return
    first, other = narrow_of(pattern[0]), narrow_of(found[0])
    if not isinstance(first, Term):
        if first == other:
            yield from args_match(terms, pattern[1:], found[1:], binding)
        return
    for one in match(terms, first, other, binding):
        yield from args_match(terms, pattern[1:], found[1:], one)


def is_entrywise(call: Call) -> bool:
    """Whether a call acts on each entry alone, so that it is the same for any number of axes."""
    return isinstance(call.function, np.ufunc) or call.function is np.where


def narrow_of(x: Any) -> Any:
    return narrow(x) if isinstance(x, Term) else x


def same_params(pattern: Call, atom: Call) -> bool:
    """Whether two calls have the same parameters; an axis may be counted from the end."""
    ndim = len(atom.shape)

    def plain(params: Mapping[str, Any]) -> dict[str, Any]:
        known = {"axis": -1} | dict(params) if isinstance(pattern.function, ops.Op) else dict(params)
        axis = known.get("axis")
        return known | ({"axis": axis % ndim} if isinstance(axis, int) and ndim else {})

    return plain(pattern.params) == plain(atom.params)


def put(calls: Calls, term: Term, binding: Binding) -> Term:
    """A side of an identity with what was found in place of its parameters."""
    if name := variable(term):
        return binding[name]
    factors = [calls.terms.number(term.coefficient)]
    for atom, n in term.factors:
        factors.append(calls.terms.power(put_in_atom(calls, atom, binding), n))
    return calls.terms.multiply(*factors)


def put_in_atom(calls: Calls, atom: Atom, binding: Binding) -> Term:
    if isinstance(atom, Name):
        return binding[atom.name]
    if isinstance(atom, Sum):
        return calls.terms.add(*(put(calls, part, binding) for part in atom.terms))
    if not isinstance(atom, Call):
        raise TypeError(f"put: an identity must be made of sums, products and calls; got {atom}.")
    args = tuple(put(calls, x, binding) if isinstance(x, Term) else x for x in atom.args)
    first = next(x for x in args if isinstance(x, Term))
    result: Term = calls.make(atom.function, args, dict(atom.params), first)
    return result
