"""Terms as the text of NumPy expressions.

    spelling = Spelling({A2: "A2", Y: "Y"})
    spelling.text(term)             "(A2 - Y) / m"

A term that has a name is called by it; so is a product of factors that has one, inside of a longer product.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.read.program import added_at, placed
from tinygrad_edu.read.source.rearranged import matrices
from tinygrad_edu.read.source.terms import Atom, Call, Name, Sum, Term, held

__all__ = ["HELPERS", "Spelling"]

LAST = 1 << 60
LONG = 7  # characters of a number
LOWEST, COMPARED, ADDED, MULTIPLIED, SIGNED, RAISED, WHOLE = range(7)  # how close the parts of an expression hold

INFIX: dict[Any, tuple[str, int]] = {
    np.add: ("+", ADDED),
    np.subtract: ("-", ADDED),
    np.multiply: ("*", MULTIPLIED),
    np.divide: ("/", MULTIPLIED),
    np.matmul: ("@", MULTIPLIED),
    np.power: ("**", RAISED),
    np.greater: (">", COMPARED),
    np.greater_equal: (">=", COMPARED),
    np.less: ("<", COMPARED),
    np.less_equal: ("<=", COMPARED),
    np.equal: ("==", COMPARED),
    np.not_equal: ("!=", COMPARED),
    np.bitwise_and: ("&", COMPARED),
    np.bitwise_or: ("|", COMPARED),
    np.logical_and: ("&", COMPARED),
    np.logical_or: ("|", COMPARED),
}

#: Functions that a text brings along, each with its definition.
HELPERS: dict[Any, tuple[str, str]] = {
    ops.sigmoid: (
        "sigmoid",
        "def sigmoid(z):\n    return np.exp(-np.logaddexp(0, -z))  # 1 / (1 + exp(-z)), without overflow\n",
    ),
    ops.softmax: (
        "softmax",
        "def softmax(z, axis=-1):\n"
        "    e = np.exp(z - np.max(z, axis=axis, keepdims=True))  # less the largest: no overflow\n"
        "    return e / np.sum(e, axis=axis, keepdims=True)\n",
    ),
    ops.log_softmax: (
        "log_softmax",
        "def log_softmax(z, axis=-1):\n    return z - np.logaddexp.reduce(z, axis=axis, keepdims=True)\n",
    ),
    ops.xlogy: (
        "xlogy",
        "def xlogy(x, y):\n    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))  # 0 log 0 is 0\n",
    ),
    ops.scatter: (
        "scatter",
        "def scatter(x, key, shape):\n    y = np.zeros(shape, np.result_type(x, 0.0))\n"
        "    np.add.at(y, key, x)  # what is named twice adds up\n    return y\n",
    ),
    placed: (
        "placed",
        "def placed(array, key, x):\n    array = np.array(array)\n    array[key] = x\n    return array\n",
    ),
    added_at: (
        "added_at",
        "def added_at(array, key, x):\n    array = np.array(array)\n    np.add.at(array, key, x)\n    return array\n",
    ),
}


class Spelling:
    """Text for terms. `names` is in order: a name is used only for terms that come after it.

    From the rank `backward` on they are names of gradients.

    Of the last text, `used` are the named terms and the functions in it, `inside` what is written out in it.
    """

    def __init__(self, function_name: Callable[[Any], str]) -> None:
        self.function_name = function_name
        self.dims: dict[int, Term] = {}
        self.dtype = np.dtype(float)
        self.used: list[Any] = []
        self.inside: list[Atom | Term] = []
        self.forget()

    def forget(self) -> None:
        """Call nothing by a name."""
        self.limit = self.backward = LAST
        self.names: dict[Term, str] = {}
        self.rank: dict[Term, int] = {}
        self.products: dict[Atom, list[Term]] = {}
        self.atoms: dict[Atom, Term] = {}

    def call(self, term: Term, name: str, rank: int, part: bool = False) -> None:
        """Give a term a name; `part` if it is one inside of longer products, too."""
        if term not in self.names:
            self.names[term], self.rank[term] = name, rank
            if term.atom is not None:
                self.atoms[term.atom] = term
            if part and term.factors and term.atom is None:
                self.products.setdefault(term.factors[0][0], []).append(term)

    def define(self, term: Term) -> str:
        """The text of what a term is, whatever its own name."""
        self.used, self.inside, self.limit = [], [], self.rank.get(term, LAST)
        if isinstance(term.atom, Call) and term.atom.function is held:
            term = term.atom.args[0]
        if term.atom is not None and isinstance(term.atom, Sum | Call):
            return self.sum(term.atom, False) if isinstance(term.atom, Sum) else self.called(term.atom)[0]
        return self.written(term)[0]

    def known(self, term: Term) -> bool:
        return term in self.names and self.rank[term] < self.limit

    # A text and how close its parts hold together

    def text(self, x: Any, tight: int = LOWEST) -> str:
        if not isinstance(x, Term):
            return self.plain(x)
        text, binding = self.spelled(x)
        return f"({text})" if binding < tight else text

    def spelled(self, term: Term) -> tuple[str, int]:
        if self.known(term):
            self.used.append(term)
            return self.names[term], WHOLE
        if len(term.factors) > 1:
            self.inside.append(term)
        return self.written(term)

    def written(self, term: Term) -> tuple[str, int]:
        """A number times factors, or what is stretched to a shape."""
        coefficient, factors = self.folded(term)
        if not factors:
            return number(coefficient), SIGNED if coefficient < 0 else WHOLE
        turned = next((x for x, n in factors if coefficient < 0 and n == 1 and self.turns(x, len(factors) == 1)), None)
        coefficient = -coefficient if turned is not None else coefficient
        squared = {x for x, n in factors if n % 2 == 0 and isinstance(x, Sum) and backwards(x)}
        if len(factors) == 1 and (coefficient, factors[0][1]) == (1, 1):
            return self.factor(factors[0][0], turned)
        rate = all(isinstance(x, Name) and x.shape for x, _ in factors)
        above, below = ([text] if text != "1" else [] for text in fraction(abs(coefficient), rate))
        for x, n in sorted(factors, key=lambda factor: not self.is_gradient(factor[0])):
            text, binding = self.factor(x, x if x in squared else turned)
            if text.startswith("-") and binding == SIGNED and n % 2:
                coefficient, text, binding = -coefficient, text[1:], RAISED
            text = f"({text})" if binding < (MULTIPLIED + 1 if abs(n) == 1 else RAISED + 1) else text
            (above if n > 0 else below).append(text + (f"**{abs(n)}" if abs(n) != 1 else ""))
        first = next((x for x, n in factors if n > 0), None)
        if coefficient < 0 and first is not None and first.dtype == bool and not above[0][0].isdigit():
            above.insert(0, "1")  # NumPy refuses to negate truth values
        text = ("-" if coefficient < 0 else "") + (" * ".join(above) or "1")
        if below:
            return f"{text} / {below[0] if len(below) == 1 else '(' + ' * '.join(below) + ')'}", MULTIPLIED
        if len(above) > 1:
            return text, MULTIPLIED
        return text, SIGNED if coefficient < 0 else RAISED

    def is_gradient(self, x: Any) -> bool:
        """Whether a factor has the name of a gradient: it comes first."""
        term = self.atoms.get(x, x)
        return self.backward <= self.rank.get(term, -1) < self.limit

    def turns(self, x: Any, alone: bool) -> bool:
        """Whether a sum reads better with its signs turned than with a minus before it: A - Y does, 1 - A does not."""
        if not isinstance(x, Sum) or (x in self.atoms and self.known(self.atoms[x])):
            return False
        return any(self.folded(part)[0] < 0 for part in x.terms) and (alone or all(part.factors for part in x.terms))

    def folded(self, term: Term) -> tuple[Any, list[tuple[Any, int]]]:
        """The number and the factors of a product, those that make up a product with a name replaced by it."""
        coefficient, factors = term.coefficient, dict(term.factors)
        found: dict[Any, int] = {}
        for candidate in [x for atom, _ in term.factors for x in self.products.get(atom, ())]:
            sign = candidate.coefficient in (1, -1) and (candidate.coefficient == 1 or len(candidate.factors) == 1)
            same = abs(candidate.coefficient) == abs(coefficient)
            if candidate is term or not self.known(candidate) or not (sign or same):
                continue
            parts = dict(candidate.factors)
            times = min(max(factors.get(atom, 0) // n, 0) for atom, n in parts.items())
            if times := times if sign else min(times, 1):
                factors = {atom: n - times * parts.get(atom, 0) for atom, n in factors.items()}
                factors = {atom: n for atom, n in factors.items() if n}
                found[candidate] = found.get(candidate, 0) + times
                coefficient = coefficient / candidate.coefficient**times
        return coefficient, [*found.items(), *factors.items()]

    # Atoms

    def factor(self, x: Any, turned: Any = None) -> tuple[str, int]:
        """The text of a factor, and how close it holds together."""
        x = self.atoms.get(x, x)
        if isinstance(x, Term):
            if self.known(x):
                return self.spelled(x)
            x = x.atom
        if isinstance(x, Name):
            self.used.append(x)
            return x.name, RAISED if "**" in x.name else WHOLE
        self.inside.append(x)
        if isinstance(x, Sum):
            return self.sum(x, x is turned), ADDED
        return self.called(x)

    def sum(self, atom: Sum, turned: bool) -> str:
        """Terms with signs between them, one without a minus first."""
        parts = []
        for part in sorted(atom.terms, key=lambda part: is_given(part) and any(map(has_product, atom.terms))):
            text, binding = self.spelled(part)
            minus = text.startswith("-") and binding >= MULTIPLIED
            text = text[1:] if minus else f"({text})" if binding < ADDED else text
            text = text[1:-1] if minus and text[0] == "(" and is_product(part) else text
            parts.append((minus != turned, text))
        first = next((k for k, (minus, _) in enumerate(parts) if not minus), 0)
        parts.insert(0, parts.pop(first))
        if all(part.factors and part.dtype == bool and abs(part.coefficient) == 1 for part in atom.terms):
            parts[0] = (parts[0][0], f"1 * {parts[0][1]}")  # or NumPy would take + for `or`
        text = ("-" if parts[0][0] else "") + parts[0][1]
        return text + "".join(f" {'-' if minus else '+'} {part}" for minus, part in parts[1:])

    def called(self, call: Call) -> tuple[str, int]:
        """A call as a person writes it."""
        function, args, params = call.function, call.args, call.params
        if function is np.power and args[1].constant == 1:
            return self.text(args[0], WHOLE), WHOLE
        if function in INFIX and len(args) == 2 and not params:
            sign, binding = INFIX[function]
            strict = function in (np.subtract, np.divide) or binding in (COMPARED, RAISED)
            left = self.text(args[0], binding + (binding in (COMPARED, RAISED) or function is np.matmul))
            return f"{left}{sign}{self.text(args[1], WHOLE)}" if sign == "**" else (
                f"{left} {sign} {self.text(args[1], binding + (strict or function is np.matmul))}"
            ), binding
        if function is held:
            return self.spelled(args[0]) if self.known(args[0]) else self.written(args[0])
        if function is np.negative:
            return f"-{self.text(args[0], SIGNED)}", SIGNED
        if function in (np.invert, np.logical_not):
            return f"~{self.text(args[0], WHOLE)}", SIGNED
        if function is np.square:
            return f"{self.text(args[0], WHOLE)}**2", RAISED
        if function is np.transpose and not params:
            return f"{self.text(args[0], WHOLE)}.T", WHOLE
        if function is np.transpose and params["axes"] == matrices(len(call.shape)):
            return f"{self.text(args[0], WHOLE)}.mT", WHOLE
        if function is operator.getitem:
            return f"{self.text(args[0], WHOLE)}[{self.key(args[1])}]", WHOLE
        if function is np.ndarray.astype:
            return f"{self.text(args[0], WHOLE)}.astype({self.plain(args[1])})", WHOLE
        if function is np.broadcast_to:
            return self.stretched(args[0], call), WHOLE
        self.used.append(function)
        if function is np.where:
            return self.choice(*args)
        given = [self.text(x) for x in args]
        for key, x in params.items():
            one = x[0] if key == "axis" and isinstance(x, tuple) and len(x) == 1 else x
            given.append(f"{key}={self.text(one)}")
        return f"{self.function_name(function)}({', '.join(given)})", WHOLE

    def choice(self, condition: Any, *branches: Any) -> tuple[str, int]:
        """np.where, with the minus of both branches before it."""
        spelled = [(self.plain(x), WHOLE) if not isinstance(x, Term) else self.spelled(x) for x in branches]
        minus = all(text.startswith("-") and binding >= MULTIPLIED for text, binding in spelled)
        given = [self.text(condition), *(text[minus:] for text, _ in spelled)]
        return f"{'-' * minus}np.where({', '.join(given)})", SIGNED if minus else WHOLE

    def stretched(self, x: Term, call: Call) -> str:
        """An array of equal entries or rows."""
        shape = self.shape(call.shape)
        whole = x.factors and float(x.coefficient).is_integer() and all(n > 0 and is_whole(a) for a, n in x.factors)
        dtype = f", dtype={self.plain(self.dtype)}" if self.dtype != float else ", dtype=float" if whole else ""
        if x.constant is not None and x.constant in (0, 1):
            return f"np.{'ones' if x.constant else 'zeros'}({shape}{dtype})"
        summed = x.atom.args[0] if isinstance(x.atom, Call) and x.atom.function is np.sum and not x.shape else None
        if summed is not None and summed.dtype.kind == "f" and call.shape == (1,) * len(summed.shape):
            return f"np.sum({self.text(summed)}, keepdims=True)"
        if not x.shape:
            value = f"{self.text(x)}.0" if x.constant is not None and float(x.constant).is_integer() else self.text(x)
            return f"np.full({shape}, {value}{dtype})"
        return f"np.broadcast_to({self.text(x)}, {shape})"

    def shape(self, shape: Iterable[int]) -> str:
        """A shape, with m for the length of the batch."""
        shape = tuple(shape)
        if len(shape) == 1:
            return self.plain(self.dims.get(shape[0], shape[0]))
        return self.plain(tuple(self.dims.get(n, n) for n in shape))

    def key(self, key: Any) -> str:
        if isinstance(key, slice):
            start, stop, step = ("" if x is None else self.plain(x) for x in (key.start, key.stop, key.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")
        if isinstance(key, tuple) and key:
            text = ", ".join(self.key(part) if isinstance(part, slice) else self.plain(part) for part in key)
            return text + "," * (len(key) == 1 and isinstance(key[0], tuple))
        return self.plain(key)

    def plain(self, x: Any) -> str:
        """A value that is no term, or has terms in it."""
        if isinstance(x, Term):
            return self.text(x)
        if isinstance(x, slice) or (isinstance(x, tuple) and any(isinstance(part, slice) for part in x)):
            return f"np.s_[{self.key(x)}]"
        if isinstance(x, range):
            return repr(x)
        if isinstance(x, tuple | list):
            inside = ", ".join(map(self.plain, x))
            return f"[{inside}]" if isinstance(x, list) else f"({inside},)" if len(x) == 1 else f"({inside})"
        if isinstance(x, np.dtype):
            return f"np.{x.name}"
        if x is Ellipsis:
            return "..."
        if x is None or isinstance(x, bool | int | str):
            return repr(x)
        if isinstance(x, float | np.generic | Fraction):
            return number(x)
        raise NotImplementedError(f"a value of type {type(x).__name__}")


def fraction(x: Any, rate: bool) -> tuple[str, str]:
    """What a number multiplies and divides by: 2 / 3, 0.1, 1 / 0.8; as a rate, before an array that is given, 0.2."""
    if not isinstance(x, Fraction) or (rate and x.denominator == 5):
        return number(x), "1"
    decimal, inverse = number(x), number(1 / x)
    kept = x > 1 and x.numerator % 5 == 0 < x.denominator - 1 and len(inverse) < len(decimal)  # 1 / 0.8
    if x.denominator < 10 and not kept:
        return str(x.numerator), str(x.denominator)
    return ("1", inverse) if kept or len(inverse) < len(decimal) > LONG else (decimal, "1")


def is_product(part: Term) -> bool:
    """Whether a term is minus a product of matrices, which needs no brackets in a sum."""
    (atom, n), *others = part.factors or ((None, 0),)
    alone = part.coefficient == -1 and n == 1 and not others
    return alone and isinstance(atom, Call) and atom.function is np.matmul


def has_product(part: Term) -> bool:
    """Whether a product of matrices is a factor of a term."""
    return any(isinstance(atom, Call) and atom.function is np.matmul for atom, _ in part.factors)


def is_given(part: Term) -> bool:
    """Whether a term is a number times arguments."""
    return all(isinstance(atom, Name) for atom, _ in part.factors)


def is_whole(atom: Atom) -> bool:
    """Whether an atom is a whole number: a length."""
    return isinstance(atom, Name) and atom.dtype.kind == "i"


def backwards(x: Sum) -> bool:
    """Whether a difference is of an argument and what was computed: a person writes it the other way round."""
    plus, minus = ([part.atom for part in x.terms if part.coefficient * sign > 0] for sign in (1, -1))
    return (
        bool(minus)
        and all(isinstance(atom, Name) for atom in plus)
        and not any(isinstance(atom, Name) for atom in minus)
    )


def number(x: Any) -> str:
    """A number as Python reads it back."""
    if isinstance(x, Fraction):
        return str(x.numerator) if x.denominator == 1 else repr(float(x))
    value = float(x)
    if value != value:
        return "np.nan"
    if value in (float("inf"), float("-inf")):
        return "np.inf" if value > 0 else "-np.inf"
    if value and value % 1e6 == 0:
        return f"{value:g}".replace("e+0", "e").replace("e+", "e")
    return repr(int(value)) if value == value // 1 and abs(value) < 1e15 else repr(value)
