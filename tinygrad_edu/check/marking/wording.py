"""Put what was judged in words: the report's terms, its mistakes and its notes.

Read next: `report.py`, how they are shown.
"""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.check.marking.derivation import derivation
from tinygrad_edu.check.marking.fix import fixed
from tinygrad_edu.check.marking.judged import Judged, Marked
from tinygrad_edu.check.marking.repair import repaired
from tinygrad_edu.check.marking.report import Found, Report, Term
from tinygrad_edu.check.marking.steps import held, made
from tinygrad_edu.check.marking.trace import Failure, Ran
from tinygrad_edu.check.marking.watch import Binding
from tinygrad_edu.check.mistakes import MISTAKES

__all__ = ["from_failure", "line_of", "source_file", "stopped", "worded"]


def worded(
    marked: Marked, ran: Ran, backward: Callable[..., Any], notes: tuple[str, ...], about: str, show_fix: bool
) -> Report:
    """The report on what was judged."""
    shown = tuple(
        Term(
            t.key, t.name, t.verdict, t.error, shape_of(t), t.expected, line_of(t.key, t.given, ran) or t.line, said(t)
        )
        for t in marked.terms
        if not t.again and (not t.hidden or t.wrong)
    )
    mistakes = group(marked, ran, source_file(backward), show_fix)
    if ran.failure is not None:
        notes = (*notes, stopped(ran.failure))
        if not mistakes:
            mistakes = (from_failure(ran.failure, marked),)
    elif not isinstance(ran.returned, dict) or all(x is None for x in ran.returned.values()):
        found = "none in it" if isinstance(ran.returned, dict) else type(ran.returned).__name__
        got = f"backward must return a dict of gradients; got {found}."
        notes = (*notes, f'{got} End it so: return {{"dW1": dW1, "db1": db1, ...}}.')
    unmarked = not mistakes and not any(t.verdict.startswith("right") for t in marked.terms)
    return Report(shown, mistakes, convention(marked), notes, "" if unmarked else about, show_fix, unmarked)


def line_of(key: str, given: Any, ran: Ran) -> int | None:
    """The line that made a value: that of the variable of its name, else of the first that held it."""
    return written_in(held(key, given, ran), ran)


def written_in(found: Binding | None, ran: Ran) -> int | None:
    """The line of a version of a value.

    A line that ran again and again, `grad = layer.backward(grad)`, tells less than the one that returned the value.
    """
    if found is None:
        return None
    again = [b for b in ran.bindings if (b.name, b.line) == (found.name, found.line) and b is not found]
    return found.made if again and found.made else found.line


def shape_of(term: Judged) -> tuple[int, ...]:
    return () if term.given is None else term.given.shape


def said(term: Judged) -> str:
    if term.note:
        return term.note
    at = f" at {term.turn}" if term.turn else ""
    return f"a variable of backward{at}, not returned" if term.hidden else ""


def group(marked: Marked, ran: Ran, file: str, show_fix: bool) -> tuple[Found, ...]:
    """One mistake for all the terms that have the same slip."""
    together: dict[str, list[Judged]] = {}
    in_place = {binding.name for binding in ran.bindings if binding.changed}
    for term in marked.roots:
        found = term.readings[0].id if term.readings else f"X2 {term.key}"
        if found == "D9" and shared(term.key, ran, in_place):
            found = "G2"
        if ran.failure is None or found not in ("A13", "A16"):  # the line that adds the term may come later
            together.setdefault(found, []).append(term)
    mistakes = []
    for found, terms in together.items():
        first = terms[0]
        reading = first.readings[0] if first.readings else None
        version, later = made(first, marked, ran)
        line = first.made_at or written_in(version, ran) or first.line
        others = [r for r in first.readings[1:] if reading and r.price <= reading.price + 0.4 and r.id != found]
        mistakes.append(
            Found(
                id=found.split()[0],
                term=first.key,
                terms=tuple(term.key for term in terms),
                done=reading.done if reading else unexplained(first),
                derivation="" if "′" in first.name else derivation(first, marked),
                line=line,
                text=linecache.getline(file, line).strip() if line and file else "",
                factor=reading.factor if reading else 1.0,
                fix=fixed(first, marked, ran, version, later) if show_fix and found not in ("G2", "E13") else "",
                turn=first.turn,
                alternatives=tuple(dict.fromkeys(f"{MISTAKES[r.id].name} ({r.id})" for r in others))[:3],
            )
        )
    return tuple(mistakes)


def unexplained(term: Judged) -> str:
    """What can be said where no slip fits."""
    if term.given is not None and term.given.size and not term.given.any():
        return f"{term.key} is 0 everywhere"
    return f"{term.key} does not follow from your own values further up"


def shared(key: str, ran: Ran, in_place: set[str]) -> bool:
    """Whether a gradient was changed in place through another name."""
    if key not in in_place or not isinstance(ran.returned, dict) or key not in ran.returned:
        return False
    mine = ran.returned[key]
    return any(
        name != key and np.shares_memory(mine, x) for name, x in ran.returned.items() if isinstance(x, np.ndarray)
    )


def source_file(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code else ""


def convention(marked: Marked) -> str:
    """Where the person's 1/m stands."""
    inner = [t for t in marked.terms if t.verdict == "right by convention"]
    if not inner:
        return ""
    if abs(inner[0].scale / marked.m - 1) < 1e-4:
        return (
            "Your dZ and dA are those of one example's loss, and the 1/m stands in dW and db. The other convention has "
            "1/m in dZ already; both are right."
        )
    return (
        f"Your dZ and dA are {inner[0].scale:g} times those of the cost, and dW and db make up for it; that is right."
    )


def stopped(failure: Failure) -> str:
    """An exception in words."""
    where = f" at line {failure.line}, `{failure.text}`" if failure.line else ""
    shapes = ", ".join(f"{name} {shape}" for name, shape in failure.shapes.items() if name in failure.text)
    text = f"backward stopped{where}: {failure.kind}: {failure.message.strip()}."
    if failure.kind == "KeyError":
        text += "".join(
            f" {name} holds {', '.join(map(str, x)) or 'nothing'}."
            for name, x in failure.scope.items()
            if isinstance(x, dict) and f"{name}[" in failure.text
        )
    return text + (f" Shapes: {shapes}." if shapes else "")


def from_failure(failure: Failure, marked: Marked | None = None) -> Found:
    """The likely slip behind an exception: the one change of the line with which it gives the right gradient."""
    if marked is not None and (repair := repaired(failure, marked)):
        key, found, done = repair
        key = key or "backward"
        return Found(found, key, (key,), done, "", failure.line, failure.text)
    assigned = re.match(r"([\w.]+(\[[^=]*(<=|>=|==)?[^=]*\])?) *[-+*/@]?=(?!=)", failure.text)
    target = assigned[1] if assigned else "backward"
    return Found("X1", target, (target,), f"{failure.kind}: {failure.message}", "", failure.line, failure.text)
