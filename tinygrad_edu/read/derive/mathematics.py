"""A derivation as text for the terminal; as LaTeX and MathML in `markup.py`.

    dJ/dZ = dJ/dA * dA/dZ = (A - Y)/(A*m*(1 - A)) * A*(1 - A) = (A - Y)/m

SymPy prints; what is added here are its unknowns: entries, derivatives as one quantity, sums and brackets. Where all
entries of a line have the same letters, the letters are left out. Needs SymPy.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import sympy
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from tinygrad_edu.read.derive import Derivation, Joined, Line, Section
from tinygrad_edu.read.derive.algebra import Slope, Total, entry

__all__ = ["left_side", "page", "plain", "shown_steps", "text", "text_of"]

WIDTH = 80


def name_of(x: Any) -> str:
    return str(x.base.label) if isinstance(x, sympy.Indexed) else str(x.name)


def letters_of(x: Any) -> str:
    return "".join(str(i) for i in getattr(x, "indices", ()) if not i.is_Integer)


# Letters that say nothing are left out


def plain(line: Line) -> Line:
    """The line without letters, if all its entries have the same."""
    shown = [line.left, *(step.shown for step in line.steps)]
    found: set[Any] = set()
    for part in atoms(shown):
        if not isinstance(part, sympy.Basic):
            continue
        if part.atoms(Total, sympy.KroneckerDelta):
            return line
        found |= {i for x in part.atoms(sympy.Indexed) if (i := tuple(i for i in x.indices if not i.is_Integer))}
    if len(found) > 1:
        return line

    def bare(x: Any) -> Any:
        if isinstance(x, Joined):
            return Joined(x.sign, tuple(bare(part) for part in x.parts))
        if not isinstance(x, sympy.Basic) or isinstance(x, sympy.MatrixExpr):
            return x
        return x.replace(lambda y: isinstance(y, sympy.Indexed), lambda y: entry(str(y.base.label), ()))

    steps = [type(step)(bare(step.shown), step.meant) for step in line.steps]
    return Line(bare(line.left), steps, line.axes, line.reference, line.note)


def atoms(parts: Iterable[Any]) -> Iterable[Any]:
    for part in parts:
        if isinstance(part, Joined):
            yield from atoms(part.parts)
        else:
            yield part


def shown_steps(line: Line, write: Callable[[Any], str]) -> list[str]:
    """The sides of a line as written, without one that looks like the one before."""
    sides = [write(line.left)]
    for step in line.steps:
        side = write(step.shown)
        if side != sides[-1]:
            sides.append(side)
    return sides


# Text


class Ordered:
    """Sums that do not begin with a minus sign where they need not."""

    def _as_ordered_terms(self, x: Any, order: Any = None) -> list[Any]:
        terms: list[Any] = super()._as_ordered_terms(x, order=order)  # type: ignore[misc]
        return sorted(terms, key=lambda term: term.could_extract_minus_sign())


class Text(Ordered, StrPrinter):
    """SymPy's text, with A_ij, dJ/dA and sum_k."""

    printmethod = "_text"  # so that an entry, too, is written here

    def _print_Indexed(self, x: Any) -> str:
        letters = letters_of(x)
        name = name_of(x)
        if not letters:
            return name
        return f"({name})_{letters}" if " " in name else f"{name}_{letters}"

    def _print_Slope(self, x: Any) -> str:
        return f"d{self._print(x.args[0])}/d{self._print(x.args[1])}"

    def _print_MatrixSymbol(self, x: Any) -> str:
        return str(x.name)

    def _print_Transpose(self, x: Any) -> str:
        inner = self._print(x.arg)
        return f"({inner}).T" if "/" in inner else f"{inner}.T"

    def _print_MatMul(self, x: Any) -> str:
        return " @ ".join(self._print(y) for y in x.args)

    def _print_Total(self, x: Any) -> str:
        k = self._print(x.args[1])
        below = f"{{{k} != {self._print(x.args[3])}}}" if len(x.args) == 4 else k
        return f"sum_{below} {self.parenthesize(x.args[0], PRECEDENCE['Mul'])}"

    def _print_KroneckerDelta(self, x: Any) -> str:
        return f"[{self._print(x.args[0])} = {self._print(x.args[1])}]"

    def _print_Abs(self, x: Any) -> str:
        return f"|{self._print(x.args[0])}|"

    def _print_Bracket(self, x: Any) -> str:
        sign = "=" if x.args[2].name == "==" else x.args[2].name
        return f"[{self._print(x.args[0])} {sign} {self._print(x.args[1])}]"

    def _print_Symbol(self, x: Any) -> str:
        return f"({x.name})" if " " in x.name else str(x.name)

    def _print_Pow(self, x: Any, rational: bool = False) -> str:
        if x.exp.is_Integer and x.exp < -1:
            return f"1/({self._print(x.base**-x.exp)})"
        written: str = super()._print_Pow(x, rational)
        return written

    def _print_Float(self, x: Any) -> str:
        return f"{float(x):.6g}"

    def _print_Mul(self, x: Any) -> str:
        """Numbers and lengths first, then derivatives, sums last; one bar of division."""
        if any(isinstance(y, sympy.Mul) for y in x.args):
            return " * ".join(in_brackets(y) for y in x.args)
        number, rest = x.as_coeff_Mul()
        sign, number = ("-", -number) if number.is_negative else ("", number)
        above, below = ([number.p], [number.q]) if number.is_Rational else ([number], [1])
        for factor in sympy.Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            if exponent.is_Number and exponent.is_negative and not isinstance(factor, sympy.exp):
                below.append(base**-exponent)
            else:
                above.append(factor)
        totals = [self._print(y) for y in above if isinstance(y, Total)]
        over = self.factors([y for y in above if y != 1 and not isinstance(y, Total)])
        under = self.factors([y for y in below if y != 1])
        text = "*".join(over) or ("1" if under or not totals else "")
        if under:
            text += "/" + (under[0] if len(under) == 1 and "*" not in under[0] else f"({'*'.join(under)})")
        return sign + " * ".join([*([text] if text else []), *totals])

    def factors(self, parts: list[Any]) -> list[str]:
        def place(y: Any) -> int:
            y = sympy.sympify(y)
            length = y.is_Symbol and y.is_integer
            return 0 if y.is_Number else 1 if length else 2 if isinstance(y, Slope) else 3

        return [self.parenthesize(sympy.sympify(y), PRECEDENCE["Mul"]) for y in sorted(parts, key=place)]


def text_of(x: Any) -> str:
    """One side of a line as text."""
    if isinstance(x, str):
        return x
    if isinstance(x, Joined):
        if x.sign == "+":
            return " + ".join(text_of(part) for part in x.parts).replace("+ -", "- ")
        return " * ".join(in_brackets(part) for part in x.parts)
    written: str = Text({"order": None}).doprint(x)
    return written


def in_brackets(x: Any) -> str:
    written = text_of(x)
    return f"({written})" if isinstance(x, sympy.Add) or written.startswith("-") else written


def text(line: Line) -> str:
    """A line as text on one line."""
    left, *steps = shown_steps(plain(line), text_of)
    return equals(line, left) + " = ".join(steps) if steps else left


def left_side(line: Line) -> str:
    """The left side of a line as text, without letters."""
    return re.sub(r"_[a-z]+\b", "", text_of(plain(line).left)) if not isinstance(line.left, str) else line.left


def equals(line: Line, left: str) -> str:
    """The left side and its sign; words are followed by a colon."""
    return f"{left}: " if isinstance(line.left, str) else f"{left} = "


def laid_out(line: Line, indent: int) -> list[str]:
    """A line as text within the width, one step below the other where it does not fit."""
    left, *steps = shown_steps(plain(line), text_of)
    whole = " " * indent + text(line)
    note = f"   ({line.note})" if line.note else ""
    if len(whole + note) <= WIDTH and len(steps) <= 2:
        return [whole + note]
    lines = []
    start = " " * indent + equals(line, left)
    if len(start) > 30:
        start = f"{' ' * (indent + 4)}= "
        lines.append(" " * indent + left)
    for position, step in enumerate(steps):
        lead = start if position == 0 else " " * (len(start) - 2) + "= "
        lines += textwrap.wrap(
            step,
            WIDTH,
            initial_indent=lead,
            subsequent_indent=" " * (len(start) + 2),
            break_long_words=True,
            break_on_hyphens=False,
        )
    if len(lines[-1] + note) <= WIDTH:
        return [*lines[:-1], lines[-1] + note]
    margin = " " * len(start)
    return [*lines, *textwrap.wrap(note.strip(), WIDTH, initial_indent=margin, subsequent_indent=margin + " ")]


def page(derivation: Derivation) -> str:
    """A derivation as text."""
    lines = [f"d{derivation.cost}/d{derivation.wrt}"]
    for section in derivation.sections:
        lines += ["", *textwrap.wrap(section.title, WIDTH)]
        lines += textwrap.wrap(section.words, WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
        lines += written_rows(section)
    return "\n".join([*lines, "", "Result", *laid_out(derivation.result, 2)])


def written_rows(section: Section) -> list[str]:
    """The rows of a section; those of several lines in columns."""
    table = section.rows if section.table else []
    cells = [[noted(line) for line in padded(row)] for row in table]
    widths = [min(44, max((len(row[c]) for row in cells), default=0)) for c in range(3)]
    written, position = [], 0
    for row in section.rows:
        if not section.table:
            written += laid_out(row[0], 2)
            continue
        line = "  " + "   ".join(f"{cell:<{width}}" for cell, width in zip(cells[position], widths, strict=True))
        fits = len(line.rstrip()) <= WIDTH
        written += [line.rstrip()] if fits else [part for line in row for part in laid_out(line, 2)]
        position += 1
    return written


def noted(line: Line) -> str:
    return text(line) + (f"  ({line.note})" if line.note else "")


def padded(row: tuple[Line, ...]) -> list[Line]:
    """A row of three: what is not there is left blank."""
    blank = Line("", [])
    starts_late = [] if not isinstance(row[0].left, Slope) else [blank]
    filled = [*starts_late, *row]
    return [*filled, *[blank] * (3 - len(filled))]
