"""DOT as a picture: by the program `dot`, or by the library that pygraphviz brings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import graphviz

__all__ = ["render"]


def render(source: str, form: str) -> bytes:
    """Lay out with `dot` if it is on PATH, else with pygraphviz."""
    try:
        result: bytes = graphviz.Source(source).pipe(format=form, engine="dot")
        return result
    except graphviz.ExecutableNotFound:
        pass
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            "draw: needs Graphviz; got neither `dot` on PATH nor pygraphviz. Install Graphviz from your system's "
            "packages, or pip install 'tinygrad_edu[dot]'."
        ) from None
    with without_font_warnings():
        picture: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
    return picture


@contextmanager
def without_font_warnings() -> Iterator[None]:
    """Leave out what the library's Fontconfig says of settings newer than itself; all else on stderr is passed on."""
    try:
        stderr = os.dup(2)
    except OSError:  # a program without a terminal, and without stderr
        yield
        return
    try:
        with tempfile.TemporaryFile() as said:
            os.dup2(said.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(stderr, 2)
                said.seek(0)
                others = [line for line in said if not line.startswith(b"Fontconfig warning")]
                os.write(2, b"".join(others))
    finally:
        os.close(stderr)
