"""The questions that learners ask about the last layer, each answered by a derivation and its numbers.

    print(explain("sigmoid-bce"))
    explain("softmax-nll", layout="columns", html="softmax.html")

An answer is the derivation from the recorded graph, the numbers of a small batch by three routes, and the wrong answer
that people get, beside the right one. `explain()` lists the topics.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.check import Comparison, formulas
from tinygrad_edu.read.derive import Derivation
from tinygrad_edu.read.explain.answers import Beside, Wrong, hidden, last_layer, last_layer_pair, weights
from tinygrad_edu.writing import write

__all__ = ["TOPICS", "Explanation", "explain"]

WIDTH = 80


@dataclass(frozen=True)
class Explanation:
    """A question and its answer: prints as text, shows as a page in notebooks."""

    topic: str
    question: str
    answer: str
    parts: tuple[tuple[str, Any], ...]
    layout: str = "rows"

    @property
    def derivations(self) -> list[Derivation]:
        return [part for _, part in self.parts if isinstance(part, Derivation)]

    @property
    def comparison(self) -> Comparison:
        """The numbers by three routes."""
        return next(part for _, part in self.parts if isinstance(part, Comparison))

    @property
    def wrong(self) -> list[Wrong]:
        return [part for _, part in self.parts if isinstance(part, Wrong)]

    def __str__(self) -> str:
        blocks = [f"{filled(self.question)}\n\n{filled(self.answer)}"]
        for title, part in self.parts:
            blocks.append(f"{title.upper()}\n\n{written(part)}")
        return "\n\n\n".join(blocks)

    def html(self) -> str:
        """The answer as a piece of HTML."""
        blocks = [f"<h1>{escape(self.question)}</h1><p>{escape(self.answer)}</p>"]
        for title, part in self.parts:
            blocks.append(f"<section><h2>{escape(title)}</h2>{marked(part)}</section>")
        return "\n".join(blocks)

    def _repr_html_(self) -> str:
        return self.html()

    def page(self) -> str:
        """The answer as a page of its own, which needs nothing from the network."""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.question)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{self.html()}\n</main>\n</body>\n</html>\n"
        )


def explain(topic: str | None = None, layout: str = "rows", html: str | Path | None = None) -> Explanation | str:
    """The answer to a question about the last layer; without a topic, the list of topics.

    `html` is a file to write the answer to, as one page that opens offline.

    Raises:  ValueError for an unknown topic or layout, or a file that does not end in .html; ImportError without SymPy
    """
    if topic is None:
        width = max(map(len, TOPICS))
        lines = (filled(f"{name:<{width}}  {question}", " " * (width + 2)) for name, (question, *_) in TOPICS.items())
        return "\n".join(lines)
    if topic not in TOPICS:
        near = get_close_matches(topic, TOPICS, 1)
        advice = f"Did you mean {near[0]}?" if near else "Choose one of them."
        raise ValueError(f"explain: topic must be one of {', '.join(TOPICS)}; got {topic!r}. {advice}")
    if layout not in formulas.LAYOUTS:
        raise ValueError(f"explain: layout must be 'rows' or 'columns'; got {layout!r}. Rows are PyTorch's, (m, n).")
    path = None if html is None else Path(html)
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"explain: the page must end in .html; got {path.name!r}. Try {path.stem}.html.")
    question, answer, build = TOPICS[topic]
    explanation = Explanation(topic, question, answer, tuple(build(topic, layout)), layout)
    if path is not None:
        write(path, explanation.page().encode())
    return explanation


Build = Callable[[str, str], list[tuple[str, Any]]]
#: Question, short answer, and what makes the rest.
TOPICS: dict[str, tuple[str, str, Build]] = {
    "sigmoid-bce": (
        "Sigmoid and cross-entropy: how does dJ/dA become A - Y?",
        "By the chain rule. dJ/dA has A (1 - A) below the line, and the slope of the sigmoid, dA/dZ, is A (1 - A): in "
        "their product it cancels.",
        last_layer_pair,
    ),
    "softmax-nll": (
        "Softmax and log-likelihood: why is dJ/dZ = A - Y for every class, if only the true one stands in the loss?",
        "Because every z_j moves the probability of the true class, too: all classes share one sum. The terms of the "
        "other classes, off the diagonal, are what turns Y (A - 1) into A - Y.",
        last_layer_pair,
    ),
    "linear-mse": (
        "A linear output and squared error: why is dJ/dZ a multiple of A - Y here, too?",
        "A = Z, so dA/dZ = 1 and nothing needs to cancel: A - Y is the derivative of the square itself.",
        last_layer_pair,
    ),
    "sigmoid-mse": (
        "Sigmoid and squared error: why is dJ/dZ not A - Y?",
        "The derivative of a square has nothing below the line that A (1 - A) could cancel against. It stays, and "
        "where A is near 0 or 1 it makes the gradient small, however wrong A is.",
        last_layer_pair,
    ),
    "weights": (
        "Why does A_prev appear in dJ/dW, when gradients flow from behind?",
        "Because Z = W A_prev + b: as w grows by one, z grows by a_prev. The gradient dJ/dZ comes from behind, the "
        "local derivative dZ/dW = A_prev from the front, and the chain rule multiplies them.",
        weights,
    ),
    "hidden": (
        "Why does a hidden layer have dA_prev = W.T dZ?",
        "Because a hidden a reaches the cost through every unit of the next layer, through each with the weight "
        "between them; the contributions add up, and that sum is a product with W.",
        hidden,
    ),
    "last-layer": (
        "Why can the formula of the last layer not be used in all layers?",
        "All layers have the same chain rule, dJ/dZ = dJ/dA * dA/dZ. At the last one the cost tells what dJ/dA is, "
        "a formula, and it simplifies with the slope of the activation: it takes both. At a hidden one dJ/dA is what "
        "the layer above sends, numbers without a formula to cancel against.",
        last_layer,
    ),
}


# Writing


def written(part: Any) -> str:
    """A part as text."""
    if isinstance(part, Wrong):
        difference = f"{part.difference:.2g}" if np.isfinite(part.difference) else "a different shape"
        return "\n".join(
            [
                f"People write   {part.text}",
                *textwrap.wrap(f"What is wrong  {part.why}.", WIDTH, subsequent_indent=" " * 15),
                *textwrap.wrap(f"It agrees      {part.agrees}.", WIDTH, subsequent_indent=" " * 15),
                "",
                *labelled("right", part.right),
                *labelled("wrong", part.wrong),
                f"difference  {difference}",
            ]
        )
    if isinstance(part, Beside):
        from tinygrad_edu.read.derive.mathematics import left_side, plain, shown_steps, text_of

        table = [("", *part.titles)]
        for pair in part.rows:
            sides = [shown_steps(plain(line), text_of) for line in pair]
            name = left_side(pair[1]).replace("1", "")
            table.append((name, sides[0][-1], sides[1][-1]))
        widths = [max(len(row[c]) for row in table) for c in range(3)]
        return "\n".join("   ".join(f"{x:<{w}}" for x, w in zip(row, widths, strict=True)).rstrip() for row in table)
    if isinstance(part, Derivation):
        return f"{part}\n\n{textwrap.fill(str(part.check()), WIDTH, replace_whitespace=False)}"
    return str(part)


def filled(words: str, indent: str = "") -> str:
    """Words within the width, A - Y in one piece."""
    kept = words.replace(" - ", "\0-\0").replace("A (", "A\0(").replace("Y (", "Y\0(")
    return textwrap.fill(kept, WIDTH, subsequent_indent=indent).replace("\0", " ")


def labelled(name: str, x: np.ndarray) -> list[str]:
    lines = numbers(x).splitlines()
    return [f"{name if k == 0 else '':<12}{line}" for k, line in enumerate(lines)]


def numbers(x: np.ndarray) -> str:
    return np.array2string(x.round(4) + 0.0, precision=4, suppress_small=True, floatmode="fixed", max_line_width=80)


def marked(part: Any) -> str:
    """A part as HTML."""
    if isinstance(part, Wrong):
        difference = f"{part.difference:.2g}" if np.isfinite(part.difference) else "a different shape"
        facts = {
            "People write": f"<code>{escape(part.text)}</code>",
            "What is wrong": escape(part.why) + ".",
            "It agrees": escape(part.agrees) + ".",
            "Right": f"<pre>{numbers(part.right)}</pre>",
            "Wrong": f"<pre>{numbers(part.wrong)}</pre>",
            "Difference": difference,
        }
        return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts.items())}</dl>"
    if isinstance(part, Beside):
        from tinygrad_edu.read.derive.markup import math, mathml_of
        from tinygrad_edu.read.derive.mathematics import plain, shown_steps

        rows = [f'<tr>{"".join(f"""<th scope="col">{escape(title)}</th>""" for title in part.titles)}</tr>']
        for pair in part.rows:
            sides = [shown_steps(plain(line), mathml_of) for line in pair]
            rows.append(f"<tr>{''.join(f'<td>{math(side[0], EQUALS, side[-1])}</td>' for side in sides)}</tr>")
        return f'<div class="scroll"><table class="beside">{"".join(rows)}</table></div>'
    if isinstance(part, Derivation):
        return f"{part.html()}<p class='checked'>{escape(str(part.check()))}</p>"
    return str(part._repr_html_())


EQUALS = "<mo>=</mo>"
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; background: light-dark(#fdfdfc, #16181b);
  color: light-dark(#1d1f23, #e4e6ea); }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid light-dark(#d7d9de, #3a3e45); }
math { font-size: 1.08em; }
.scroll { overflow-x: auto; }
.beside { border-collapse: collapse; }
.beside th { text-align: left; }
.beside th, .beside td { padding: .5em 2.5em .5em 0; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0; overflow-x: auto; }
pre { margin: .2rem 0; font: .9rem/1.4 ui-monospace, monospace; }
.checked { font-size: .9rem; opacity: .8; }
"""
