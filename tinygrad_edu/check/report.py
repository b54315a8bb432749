"""What is said about a marked backprop: on the terminal, as a page, as JSON.

    print(report)      report.to_html()      report.to_json()

Read next: `mistakes.py`, the texts.
"""

from __future__ import annotations

import html
import json
import math
import textwrap
from dataclasses import dataclass, field

from tinygrad_edu.check.mistakes import MISTAKES

__all__ = ["Found", "Report", "Term"]

WIDTH = 80


@dataclass(frozen=True)
class Term:
    """One gradient: its key, the value it belongs to, the verdict, the error, the shapes and the line."""

    key: str
    of: str
    verdict: str
    error: float
    shape: tuple[int, ...]
    expected: tuple[int, ...]
    line: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Found:
    """One mistake: where it came in, what was done, what the rule is; other readings that fit as well."""

    id: str
    term: str
    terms: tuple[str, ...]
    done: str
    derivation: str = ""
    line: int | None = None
    text: str = ""
    factor: float = 1.0
    alternatives: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return MISTAKES[self.id].name

    @property
    def rule(self) -> str:
        return MISTAKES[self.id].right

    @property
    def why(self) -> str:
        return MISTAKES[self.id].why


@dataclass(frozen=True)
class Report:
    """The marked backprop. True if it is right."""

    terms: tuple[Term, ...]
    mistakes: tuple[Found, ...]
    convention: str = ""
    notes: tuple[str, ...] = ()
    probe: str = ""
    show_fix: bool = False
    unmarked: bool = field(default=False)  # whether nothing could be marked at all

    @property
    def ok(self) -> bool:
        return not self.mistakes and not self.unmarked

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        parts = [wrapped(self.headline())]
        if self.terms:
            parts.append("\n".join(table(self.terms)))
        parts += ["\n".join(self.paragraph(k, found)) for k, found in enumerate(self.mistakes, start=1)]
        closing = [self.convention, self.probe, *self.notes]
        parts += ["\n".join(wrapped(text) for text in closing if text)] if any(closing) else []
        return "\n\n".join(parts)

    def headline(self) -> str:
        """The verdict in one sentence."""
        right = sum(term.verdict.startswith("right") for term in self.terms)
        if self.unmarked and not self.mistakes:
            return "Your backprop could not be marked."
        if self.ok:
            unsure = len(self.terms) - right
            rest = f"; {unsure} could not be told" if unsure else ""
            return f"Your backprop is right: {right} of {len(self.terms)} gradients agree with autograd{rest}."
        roots = [key for found in self.mistakes for key in found.terms]
        follow = [term.key for term in self.terms if term.verdict == "consequence"]
        text = f"Look at {', '.join(roots)} first."
        return text + (
            f" {', '.join(follow)} {'is' if len(follow) == 1 else 'are'} wrong only as a consequence." if follow else ""
        )

    def paragraph(self, number: int, found: Found) -> list[str]:
        """What is said about one mistake."""
        where = f"{', '.join(found.terms)}" + (f", line {found.line}" if found.line else "")
        lines = [f"{number}. {where}: {found.name} ({found.id})"]
        if found.text:
            lines.append(f"       {shorten(found.text)}")
        said = [("done", found.done), ("rule", found.derivation), ("why", found.why)]
        if self.show_fix:
            said.append(("fix", found.rule))
        if found.alternatives:
            said.append(("or", "the same numbers would come from " + "; ".join(found.alternatives)))
        for label, text in said:
            if text:
                lines.append(wrapped(text, f"   {label:<5}"))
        return lines

    def to_json(self) -> str:
        """All of it as JSON; infinite and undefined errors as null."""
        terms = [vars(term) | {"error": term.error if math.isfinite(term.error) else None} for term in self.terms]
        mistakes = [
            vars(found) | {"name": found.name, "why": found.why} | ({"rule": found.rule} if self.show_fix else {})
            for found in self.mistakes
        ]
        whole = {
            "ok": self.ok,
            "convention": self.convention,
            "probe": self.probe,
            "notes": self.notes,
            "terms": terms,
            "mistakes": mistakes,
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(term.key)}</code></td><td>{html.escape(term.verdict)}</td>"
            f"<td>{html.escape(figure(term.error))}</td><td>{html.escape(str(term.shape))}</td>"
            f"<td>{html.escape(str(term.expected))}</td><td>{html.escape(term.note)}</td></tr>"
            for term in self.terms
        )
        heads = "".join(f"<th>{head}</th>" for head in ("gradient", "verdict", "error", "shape", "wanted", ""))
        said = "".join(
            f"<pre>{html.escape(chr(10).join(self.paragraph(k, found)))}</pre>"
            for k, found in enumerate(self.mistakes, start=1)
        )
        closing = "".join(f"<p>{html.escape(text)}</p>" for text in (self.convention, self.probe, *self.notes) if text)
        return (
            f"<p><strong>{html.escape(self.headline())}</strong></p><table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{said}{closing}"
        )

    def to_html(self) -> str:
        """A page of its own."""
        style = (
            "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
            "td,th{padding:0 .8em;text-align:left}pre{white-space:pre-wrap}"
        )
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Marked backprop</title>'
            f"<style>{style}</style></head><body>{self._repr_html_()}</body></html>\n"
        )


def table(terms: tuple[Term, ...]) -> list[str]:
    """The gradients, one a line."""
    width = min(max(len(term.key) for term in terms) + 2, 16)
    lines = [f"  {'':<{width}}{'verdict':<21}{'error':>8}   shape"]
    for term in terms:
        shape = str(term.shape) + (f", wanted {term.expected}" if term.expected and term.shape != term.expected else "")
        lines.append(f"  {term.key:<{width}}{term.verdict:<21}{figure(term.error):>8}   {shape}".rstrip())
        if term.note:
            lines.append(wrapped(term.note, " " * (width + 2)))
    return lines


def figure(error: float) -> str:
    """An error in few digits."""
    if math.isnan(error):
        return "-"
    return "shape" if math.isinf(error) else "0" if error == 0 else f"{error:.0e}"


def shorten(text: str) -> str:
    return text if len(text) <= WIDTH - 7 else text[: WIDTH - 8] + "…"


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )
