"""Note what a person's functions give their variables, line by line, as a debugger would.

    with Watch(forward) as watch:
        forward(params, X, Y)
    watch.bindings          which name held what, from which line on

Read next: `trace.py`, which runs both passes so.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.autograd import created
from tinygrad_edu.check.marking.nested import attributes, flat, short
from tinygrad_edu.check.marking.places import Place
from tinygrad_edu.tensor import Tensor

__all__ = ["Binding", "Watch", "equal", "written_here"]

LARGEST = 1_000_000  # entries of an array that is still compared line by line


@dataclass
class Binding:
    """A name and what it held from a line on; `changed` where an array was altered in place."""

    name: str
    value: Any
    line: int
    changed: bool = False
    outer: bool = True  # in the function itself, not in one that it calls
    held_by: str = ""  # the variable that has it as an entry
    made: int | None = None  # the line of the function that returned it
    function: str = ""
    file: str = ""
    maker: str = ""  # the function in whose line it was made, where that is another
    given: bool = False  # an argument of the function itself
    joined: bool = False  # what the passes of a loop over the examples gave, as one array
    turn: dict[str, int] = field(default_factory=dict)  # the whole numbers around it: t in a loop over t


#: Where code lives that the person did not write: Python's own, installed packages, this one.
ELSEWHERE = (
    str(Path(__file__).parents[2]) + os.sep,
    os.path.dirname(os.path.dirname(np.__file__)) + os.sep,
    os.path.dirname(os.__file__) + os.sep,
    "<frozen",
    "<__array_function__",
)


@cache
def written_here(file: str) -> bool:
    """Whether a file is the person's."""
    return not file.startswith(ELSEWHERE)


class Watch:
    """Note every assignment in a function, and in the person's own functions that it calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.code: Any = code or getattr(vars(type(function)).get("__call__"), "__code__", None)
        self.bindings: list[Binding] = []
        self.seen: dict[Any, dict[str, tuple[Any, Any]]] = {}
        self.line: dict[Any, int] = {}
        self.marks: list[tuple[int, int]] = []
        self.numbers: dict[str, float] = {}
        self.given_back: tuple[Any, int | None, str] = (None, None, "")
        self.place: dict[str, Any] = {}
        self.entering: Callable[[dict[str, Any]], None] | None = None  # what is done first in a module of the person's

    def __enter__(self) -> Watch:
        self.before = sys.gettrace()
        if self.code is not None:
            sys.settrace(self.step)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.code is not None:
            sys.settrace(self.before)
        self.seen.clear()
        self.line.clear()

    def step(self, frame: Any, event: str, value: Any) -> Any:
        if not written_here(frame.f_code.co_filename) or "<" in frame.f_code.co_name[:1]:
            return None
        if event == "call" and self.entering is not None:
            self.entering(frame.f_globals)
        if event in ("line", "return"):
            self.look(frame)
            self.line[frame] = frame.f_lineno
            if event == "return":
                self.given_back = value, frame.f_lineno, frame.f_code.co_qualname
            going_on = frame.f_back if event == "return" else frame
            if going_on is not None and written_here(going_on.f_code.co_filename):
                self.marks.append((next(created), going_on.f_lineno))
        return self.step

    def look(self, frame: Any) -> None:
        line, outer = self.line.get(frame, frame.f_lineno), frame.f_code is self.code
        seen = self.seen.setdefault(frame, {})
        count, entered = len(self.bindings), frame not in self.line
        self.place = {"function": frame.f_code.co_qualname, "file": frame.f_code.co_filename, "turn": turn(frame)}
        for name, value in attributes(frame.f_locals.get("self")).items():
            self.note(name, value, line, seen, outer, "self")
        if entered:
            del self.bindings[count:]  # what the object held before
            caller = frame.f_back
            if not outer and caller is not None and written_here(caller.f_code.co_filename):
                line, self.given_back = caller.f_lineno, (None, None, "")
                self.place["maker"] = caller.f_code.co_qualname
            self.place["given"] = outer
        shared = self.seen.setdefault(id(frame.f_globals), {})
        local, self.place = self.place, self.place | {"function": "", "given": entered}
        for name in frame.f_code.co_names:
            self.note(name, frame.f_globals.get(name), line, shared, outer=False)
        self.place = local
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, dict | list | tuple) and short(value):
                words = isinstance(value, dict) and all(isinstance(key, str) for key in value)
                for path, entry in flat(value, "" if words else name).items():
                    self.note(path, entry, line, seen, outer, name)
            elif type(value) in (int, float) and outer:
                self.numbers[name] = value
            else:
                self.note(name, value, line, seen, outer)

    def note(
        self, name: str, value: Any, line: int, seen: dict[str, tuple[Any, Any]], outer: bool, held_by: str = ""
    ) -> None:
        value = value.tensor if isinstance(value, Place) else value
        if not isinstance(value, np.ndarray | Tensor | np.floating):
            return
        place = f"{held_by}[{name}]" if held_by else name
        known = seen.get(place)
        same = known is not None and known[0] is value
        if same and (not isinstance(value, np.ndarray) or value.size > LARGEST or equal(known[1], value)):  # type: ignore[index]
            return
        kept = value.copy() if isinstance(value, np.ndarray) and value.size <= LARGEST else value
        seen[place] = (value, kept)
        given, made, maker = self.given_back
        if value is given or (isinstance(given, tuple) and any(value is x for x in given)):
            self.bindings.append(Binding(name, kept, line, same, outer, held_by, made, **self.place | {"maker": maker}))
        else:
            self.bindings.append(Binding(name, kept, line, same, outer, held_by, **self.place))


def turn(frame: Any) -> dict[str, int]:
    """The whole numbers that a function has in variables, and those that called it."""
    found: dict[str, int] = {}
    while frame is not None and written_here(frame.f_code.co_filename):
        found = {name: x for name, x in frame.f_locals.items() if type(x) is int} | found
        frame = frame.f_back
    return found


def equal(a: Any, b: Any) -> bool:
    """Whether two arrays are the same, entry by entry."""
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
