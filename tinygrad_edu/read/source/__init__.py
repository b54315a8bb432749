"""The gradient written out as a program: the NumPy backprop that a careful person would have written.

    print(source(J))
    source(J).function(X, Y, W1, b1, W2, b2)        # the cost and the gradients

The forward pass comes from the recorded graph, the backward pass from the rules in `ops`, applied to arrays without
values. What they did is written down in the words of the textbook, and made shorter: by the identities of one table,
each of which is named in a comment where it was used.

    replay.py       the graph as a program of NumPy calls, for any data, by the part that each value plays (roles.py)
    calls.py        such calls as terms, terms.py their algebra; turned.py for the other layout
    simplify.py     shorter terms, by the identities of identities.py, which patterns.py finds
    equations.py    what each value and gradient is, in names of the textbook (naming.py)
    listing.py      the lines in order, with their comments
    spelling.py     terms as text, owned.py ops of one's own
"""

from __future__ import annotations

import io
import itertools
import keyword
import linecache
import os
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from html import escape
from textwrap import wrap
from typing import Any, TextIO

import numpy as np

from tinygrad_edu.graph import Graph
from tinygrad_edu.read.source.listing import Line, Listing
from tinygrad_edu.tensor import Tensor

__all__ = ["Source", "source"]

LAYOUTS = (None, "rows", "columns")
LONGEST, COLUMN = 100, 44
#: How each kind of token looks: on a terminal, and on a page.
COLOURS = {
    "comment": ("2", "color:#6a737d"),
    "keyword": ("35", "color:#8250df"),
    "value": ("36", "color:#0a6c74"),
    "name": ("1", "font-weight:bold"),
}
made = itertools.count(1)


class Source:
    """A program that computes outputs and their gradients: prints as text, runs when it is called.

    text        the program; it needs NumPy alone
    arguments   the recorded arrays by the names of the function's arguments
    identities  the names of the identities that made it shorter
    """

    def __init__(self, text: str, arguments: dict[str, np.ndarray], identities: tuple[str, ...]) -> None:
        self.text, self.arguments, self.identities = text, arguments, identities

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    @cached_property
    def function(self) -> Callable[..., Any]:
        """backprop(X, Y, W1, b1, ...) -> the outputs, and the gradients by name."""
        file = f"<source {next(made)}>"
        linecache.cache[file] = (len(self.text), None, self.text.splitlines(keepends=True), file)
        namespace: dict[str, Any] = {"__name__": "source"}
        exec(compile(self.text, file, "exec"), namespace)
        function: Callable[..., Any] = namespace["backprop"]
        return function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; without arguments, on the arrays that were recorded."""
        return self.function(*args, **kwargs) if args or kwargs else self.function(**self.arguments)

    def show(self, file: TextIO | None = None) -> None:
        """Print; on a terminal with colours. NO_COLOR=1 in the environment leaves them out."""
        file = file or sys.stdout
        colours = file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        parts = (f"\x1b[{COLOURS[kind][0]}m{text}\x1b[0m" if kind else text for text, kind in tokens(self.text))
        print("".join(parts) if colours else self.text, end="", file=file)

    def _repr_html_(self) -> str:
        parts = (
            f'<span style="{COLOURS[kind][1]}">{escape(text)}</span>' if kind else escape(text)
            for text, kind in tokens(self.text)
        )
        return f'<pre style="line-height:1.4">{"".join(parts)}</pre>'


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a program, and of those with a colour their kind."""
    lines, row, column, before = text.splitlines(keepends=True), 1, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = {tokenize.COMMENT: "comment", tokenize.NUMBER: "value", tokenize.STRING: "value"}.get(token.type, "")
        kind = "keyword" if keyword.iskeyword(token.string) else "name" if before == "def" else kind
        while row < token.start[0]:
            yield lines[row - 1][column:], ""
            row, column = row + 1, 0
        yield lines[row - 1][column : token.start[1]] if row <= len(lines) else "", ""
        yield token.string if token.type not in (tokenize.DEDENT, tokenize.INDENT, tokenize.ENDMARKER) else "", kind
        if token.type not in (tokenize.DEDENT, tokenize.INDENT):
            row, column = token.end
        else:
            column = token.start[1]
        before = token.string


def source(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] | None = None,
    names: Mapping[str, Any] | None = None,
    simplify: bool = True,
    layout: str | None = None,
) -> Source:
    """The forward and the backward pass of a graph, written out in NumPy.

    Several outputs count as their sum; of one that is no scalar, the gradient is an argument. Gradients are those of
    the parameters, or of `inputs`. Tensors and arrays are called by their own names, or by those in `names`, for
    example locals(). With simplify=False the chain rule stands there as it is, op by op; so it does for a graph of more
    than 300 values. `layout` turns the examples into "rows" or into "columns" (Z = W @ A + b).

    Raises:  TypeError for what is no Tensor, and for an op that looks at values; ValueError for what was not recorded,
             or has no such layout; NotImplementedError for an op that has no text
    """
    several: list[Any] = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    asked: Any = [inputs] if inputs is not None and not isinstance(inputs, list | tuple) else inputs
    for what, x in [*(("outputs", x) for x in several), *(("inputs", x) for x in asked or ())]:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"source: {what} must be Tensors; got {type(x).__name__}. float(), .item() or np.array() cut the "
                "graph: keep the Tensor itself."
            )
    for x in several:
        if not x.inputs:
            raise ValueError(
                f"source: the output must have been recorded; got {x!r}. "
                "Does it depend on a tensor with requires_grad=True, outside of no_grad()?"
            )
    if layout not in LAYOUTS or not several:
        raise ValueError(
            f"source: layout must be 'rows' or 'columns', and there must be an output; got {layout!r} and "
            f"{len(several)} outputs. Leave layout out to keep what was recorded."
        )
    listing = Listing(Graph(several, names), asked, names or {}, simplify, layout)
    return Source(written(listing), listing.recorded, listing.identities)


# The text


def written(listing: Listing) -> str:
    """The whole program."""
    forward = [f"{line.name} = {line.text}" for line in listing.live if not line.backward]
    backward = [line for line in listing.live if line.backward]
    if listing.batch:
        forward.insert(0, listing.batch)
    arguments = ", ".join([*listing.arguments.values(), *(listing.gradient_names[node] for node in listing.seeds)])
    gradients = ", ".join(f'"{name}": {name}' for name in map(listing.gradient_names.get, listing.wanted))
    values = [listing.names[node] for node in listing.graph.outputs]
    value = values[0] if len(values) == 1 else f"({', '.join(values)})"
    body = [*docstring(listing), "", "# forward", *forward, "", "# backward", *commented(backward)]
    body += folded(f"return {value}, {{", gradients, "}")
    lines = ["import numpy as np", "", ""]
    for text in listing.definitions():
        lines += [*text.rstrip().splitlines(), "", ""]
    lines += [*folded("def backprop(", arguments, "):"), *(f"    {line}" if line else "" for line in body)]
    return "\n".join(lines) + "\n"


def folded(start: str, inside: str, end: str) -> list[str]:
    """One line, or several where that is too long."""
    if len(start + inside + end) <= LONGEST:
        return [start + inside + end]
    return [start, *(f"    {line}" for line in wrap(inside, LONGEST - 4)), end]


def docstring(listing: Listing) -> list[str]:
    """What goes in, with its shapes."""
    shapes = ", ".join(listing.shapes())
    if not shapes:
        return ['"""Forward and backward, of single numbers."""']
    title = f'"""Forward and backward{f", one example a {listing.layout}" if listing.layout else ""}'
    if len(title) + len(shapes) + 6 <= LONGEST:
        return [f'{title}: {shapes}."""']
    return [f"{title}.", "", *wrap(f"{shapes}.", LONGEST), '"""']


def commented(lines: Sequence[Line]) -> list[str]:
    """Lines with their comments in one column; a comment that is too long stands above its line."""
    texts = [f"{line.name} = {line.text}" for line in lines]
    column = max((len(text) for text in texts if len(text) <= COLUMN), default=0)
    found = []
    for text, line in zip(texts, lines, strict=True):
        beside = f"{text:{column}}  # {line.comment}"
        if line.comment and len(beside) > LONGEST:
            found += [*(f"# {part}" for part in wrap(line.comment, LONGEST - 2)), text]
        else:
            found.append(beside if line.comment else text)
    return found
