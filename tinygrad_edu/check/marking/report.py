"""What is said about a marked backprop: on the terminal, as a page, as JSON.

    print(report)      report.to_html()      report.to_json()

Read next: `../mistakes.py`, the texts.
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
    fix: str = ""  # the line as it should be, if one was found that gives the right numbers
    alternatives: tuple[str, ...] = ()
    turn: str = ""  # the pass of a loop in which it came up first

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
    unanswered: tuple[str, ...] = ()  # parameters that got no gradient

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
            rest += f"; there is none for {', '.join(self.unanswered)}" if self.unanswered else ""
            return f"Your backprop is right: {right} of {len(self.terms)} gradients agree with autograd{rest}."
        roots = [key for found in self.mistakes for key in found.terms]
        follow = [term.key for term in self.terms if term.verdict == "consequence"]
        text = f"Look at {', '.join(roots)} first."
        return text + (
            f" {', '.join(follow)} {'is' if len(follow) == 1 else 'are'} wrong only as a consequence." if follow else ""
        )

    def said(self, found: Found) -> list[tuple[str, str]]:
        """What is said about one mistake, each with its label."""
        same = f"the same numbers would come from {'; '.join(found.alternatives)}" if found.alternatives else ""
        fix = (found.fix or found.rule) if self.show_fix else ""
        lines = [("done", found.done), ("rule", found.derivation), ("why", found.why), ("fix", fix), ("or", same)]
        return [(label, text) for label, text in lines if text]

    def paragraph(self, number: int, found: Found) -> list[str]:
        """One mistake on the terminal."""
        lines = [wrapped(f"{number}. {title(found)}")]
        if found.text:
            lines.append(f"       {shorten(found.text)}")
        return lines + [wrapped(text, f"   {label:<5}") for label, text in self.said(found)]

    def to_json(self) -> str:
        """All of it as JSON; infinite and undefined errors as null."""
        terms = [vars(term) | {"error": term.error if math.isfinite(term.error) else None} for term in self.terms]
        mistakes = [
            {key: x for key, x in vars(found).items() if key != "fix"}
            | {"name": found.name, "why": found.why}
            | ({"rule": found.rule, "fix": found.fix} if self.show_fix else {})
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
        """The same for notebooks, in the colours of the page around it, light or dark."""
        heads = "".join(f'<th scope="col">{head}</th>' for head in ("gradient", "verdict", "error", "shape", "wanted"))
        rows = "".join(
            f'<tr class="{term.verdict.split()[0]}"><th scope="row"><code>{html.escape(term.key)}</code></th>'
            f"<td>{html.escape(term.verdict)}</td><td>{html.escape(figure(term.error))}</td>"
            f"<td>{html.escape(str(term.shape))}</td><td>{html.escape(str(term.expected))}</td></tr>"
            + (f'<tr><td></td><td colspan="4">{html.escape(term.note)}</td></tr>' if term.note else "")
            for term in self.terms
        )
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if self.terms else ""
        said = "".join(self.section(k, found) for k, found in enumerate(self.mistakes, start=1))
        closing = "".join(f"<p>{html.escape(text)}</p>" for text in (self.convention, self.probe, *self.notes) if text)
        return (
            f'<div class="tinygrad-report"><style>{STYLE}</style><p><strong>{html.escape(self.headline())}</strong></p>'
            f"<div>{table}</div>{said}{closing}</div>"
        )

    def section(self, number: int, found: Found) -> str:
        """One mistake as a part of the page."""
        lines = "".join(
            f"<dt>{label}</dt><dd>{f'<code>{html.escape(text)}</code>' if label in CODE else html.escape(text)}</dd>"
            for label, text in self.said(found)
        )
        text = f"<pre>{html.escape(found.text)}</pre>" if found.text else ""
        return f"<h3>{number}. {html.escape(title(found))}</h3>{text}<dl>{lines}</dl>"

    def to_html(self) -> str:
        """A page of its own."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Marked backprop</title>'
            '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
            "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}</style></head>"
            f"<body>{self._repr_html_()}</body></html>\n"
        )


CODE = ("done", "rule", "fix")
STYLE = """
.tinygrad-report > div { overflow-x: auto; }
.tinygrad-report table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.tinygrad-report :is(th, td) { padding: .15em .8em; text-align: left; font-weight: normal; white-space: nowrap; }
.tinygrad-report :is(table, tr, th, td) { color: inherit; background: transparent; border: 0; }
.tinygrad-report thead th { border-bottom: 1px solid currentColor; }
.tinygrad-report tr.root :is(th, td) { font-weight: bold; }
.tinygrad-report tr.consequence { opacity: .7; }
.tinygrad-report h3 { margin: 1.5em 0 .3em; font-size: 1em; }
.tinygrad-report pre { margin: .3em 0; padding: .4em .8em; border-left: 3px solid currentColor; overflow-x: auto; }
.tinygrad-report dl { display: grid; grid-template-columns: auto 1fr; gap: .2em 1em; margin: .5em 0; }
.tinygrad-report dt { opacity: .7; }
.tinygrad-report dd { margin: 0; }
"""


def title(found: Found) -> str:
    """Where a mistake is, and its name."""
    where = f"{', '.join(found.terms)}" + (f", line {found.line}" if found.line else "")
    where += f", first at {found.turn}" if found.turn else ""
    return f"{where}: {found.name} ({found.id})"


def table(terms: tuple[Term, ...]) -> list[str]:
    """The gradients, one a line."""
    width = min(max(len(term.key) for term in terms) + 2, 16)
    lines = [f"  {'':<{width}}{'verdict':<21}{'error':>8}   shape"]
    for term in terms:
        shape = str(term.shape) + (f", wanted {term.expected}" if term.expected and term.shape != term.expected else "")
        key = term.key
        if len(key) > width - 2:
            lines.append(f"  {key}")
            key = ""
        lines.append(f"  {key:<{width}}{term.verdict:<21}{figure(term.error):>8}   {shape}".rstrip())
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
