"""Sums of products, by the letters of their axes: einsum("ij,jk->ik", a, b) is a @ b.

The rule of an operand is an einsum again: g takes its place, and its letters are the output.
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, Rule, composed, shaped

LETTERS = "".join(sorted(string.ascii_letters))  # the order in which einsum puts letters, if the output is not written


def _contractions(*operands: Any, subscripts: str, optimize: Any = False) -> list[Rule]:
    """The rule of each operand."""
    terms, _, out = subscripts.partition("->")
    return [_contraction(k, terms.split(","), out) for k in range(len(operands))]


def _contraction(k: int, terms: list[str], out: str) -> Rule:
    own, others = terms[k], terms[:k] + terms[k + 1 :]
    reached = set(out).union(*others)

    def rule(g: Any, y: Any, *operands: Any, subscripts: str, optimize: Any = False) -> Any:
        shape = np.shape(operands[k])
        kept = "".join(c for c, n in zip(own, shape, strict=True) if c in reached and n != 1)
        swapped = f"{','.join([out, *others])}->{kept}"
        gradient = einsum(g, *operands[:k], *operands[k + 1 :], subscripts=swapped, optimize=optimize)
        lengths = dict(zip(kept, np.shape(gradient), strict=True))
        return np.broadcast_to(shaped(gradient, tuple(lengths.get(c, 1) for c in own)), shape)

    return rule


einsum: Op = Op(
    lambda *operands, subscripts, optimize=False: np.einsum(subscripts, *operands, optimize=optimize),
    every=_contractions,
    name="einsum",
)


@composed(np.einsum)
def _einsum(*operands: Any, optimize: Any = False) -> Any:
    """Any notation as one: no ellipsis, no letter twice in an operand, the output written out."""
    text, arrays = (operands[0], operands[1:]) if isinstance(operands[0], str) else _in_letters(operands)
    arrays = tuple(x if hasattr(x, "shape") else np.asarray(x) for x in arrays)
    terms, out = _written_out(text, tuple(x.ndim for x in arrays))
    if any(len(set(term)) < len(term) for term in terms):
        arrays, terms = zip(*map(_diagonals, arrays, terms), strict=True)
    try:
        return einsum(*arrays, subscripts=f"{','.join(terms)}->{out}", optimize=optimize)
    except ValueError:
        _require_one_length(terms, [x.shape for x in arrays])
        raise


def _in_letters(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The notation without letters: an operand, the numbers of its axes, the next operand; last those of the output."""
    pairs = len(given) // 2
    lists = [*given[1 : 2 * pairs : 2], *given[2 * pairs :]]
    terms = ["".join("..." if i is Ellipsis else LETTERS[i] for i in axes) for axes in lists]
    return "->".join([",".join(terms[:pairs]), *terms[pairs:]]), given[: 2 * pairs : 2]


@lru_cache(maxsize=256)
def _written_out(text: str, axes: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The letters of each operand and those of the output, with letters of their own for the axes of an ellipsis."""
    left, arrow, out = text.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(axes):
        raise ValueError(
            f"einsum: each operand needs its letters; got {left!r} for {len(axes)} operands. "
            "Separate the letters of two operands by a comma."
        )
    free = [n - len(term.replace("...", "")) for term, n in zip(terms, axes, strict=True)]
    for term, n, more in zip(terms, axes, free, strict=True):
        if more < 0 or (more and "..." not in term):
            raise ValueError(
                f"einsum: each axis needs a letter; got {term!r} for {n} axes. "
                "Add letters, or ... for the axes that have none."
            )
    spare = "".join(c for c in LETTERS if c not in left)[: max(free)]
    if not arrow:
        out = "..." + "".join(c for c in LETTERS if left.count(c) == 1)
    elif spare and "..." not in out:
        raise ValueError(f"einsum: the output must keep the axes of ...; got {text!r}. Write ... in the output.")
    filled = (term.replace("...", spare[len(spare) - more :]) for term, more in zip(terms, free, strict=True))
    return tuple(filled), out.replace("...", spare)


def _require_one_length(terms: tuple[str, ...], shapes: list[tuple[int, ...]]) -> None:
    lengths: dict[str, int] = {}
    for c, n in zip("".join(terms), (n for shape in shapes for n in shape), strict=True):
        if n != 1 and lengths.setdefault(c, n) != n:
            raise ValueError(
                f"einsum: axes of one letter must have one length; got {c} of {lengths[c]} and of {n} in "
                f"{','.join(terms)!r} for shapes {' and '.join(map(str, shapes))}. Check the letters."
            )


def _diagonals(x: Any, term: str) -> tuple[Any, str]:
    """An operand with a letter twice is its diagonal along the two axes, which then has the letter once."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first, second = term.index(c), term.rindex(c)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum: axes of one letter must have one length; got {term!r} for shape {x.shape}.")
            x = np.diagonal(x, axis1=first, axis2=second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
    return x, term
