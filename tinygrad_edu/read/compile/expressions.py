"""Arguments, indices and operands of a compiled program as text.

Only names that were made here (`memory.Names`) and plain numbers reach the text; all else is an object with such a
name.

Read next: `emit.py`, the steps.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tinygrad_edu.read.compile.memory import Buffer, Names, Place
from tinygrad_edu.read.program import Value

__all__ = ["Expressions"]


class Expressions:
    """Writes what steps are called with.

    lines  the program so far
    """

    def __init__(self, names: Names, places: dict[Value, Place]) -> None:
        self.names, self.places = names, places
        self.lines: list[str] = []

    def call(self, function: Any) -> str:
        """The name of a function."""
        owner = getattr(function, "__self__", None)
        name = str(getattr(function, "__name__", None) or getattr(function, "name", "function"))
        if isinstance(owner, np.ufunc):
            return self.names.of(function, f"{owner.__name__}_{name}", (owner, name))
        return self.names.of(function, name)

    def expression(self, x: Any) -> str:
        """An argument as text."""
        if isinstance(x, Value):
            return self.place(x).name
        if isinstance(x, tuple):
            return "(" + "".join(f"{self.expression(part)}, " for part in x).rstrip(" ") + ")"
        if isinstance(x, list):
            return "[" + ", ".join(map(self.expression, x)) + "]"
        if isinstance(x, slice):
            return f"slice({', '.join(map(self.expression, (x.start, x.stop, x.step)))})"
        if x is None or x is ... or type(x) in (bool, int):
            return "..." if x is ... else repr(x)
        if type(x) is float and np.isfinite(x):
            return repr(x)
        if type(x) is str and re.fullmatch(r"[\w ,]{0,40}", x, re.ASCII):
            return repr(x)
        return self.names.of(x, getattr(x, "__name__", None) or type(x).__name__)

    def key(self, x: Any) -> str:
        """An index as it is written between brackets."""

        def part(x: Any) -> str:
            if not isinstance(x, slice):
                return self.expression(x)
            start, stop, step = ("" if y is None else self.expression(y) for y in (x.start, x.stop, x.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")

        if not isinstance(x, tuple) or not x:
            return part(x)
        return ", ".join(map(part, x)) + "," * (len(x) == 1)

    def place(self, value: Value) -> Place:
        """Where a value is; a constant stands ready."""
        if value not in self.places:
            x = value.constant
            if value.number:
                self.places[value] = Place(self.expression(x))
            elif not value.shape and value.fixed:
                self.places[value] = Place(self.names.number(x.item(), value.dtype))
            else:
                name = self.names.of(x, value.name or ("ones" if value.fixed and np.all(x == 1) else "constant"))
                self.places[value] = Place(name, x, Buffer(name, x, np.inf, own=False))
        return self.places[value]

    def operand(self, x: Any, dtype: Any) -> str:
        """An operand of a ufunc on arrays of a dtype: a Python number becomes an array that stands ready."""
        number = x.constant if isinstance(x, Value) and x.number and x.known else x
        if dtype is not None and type(number) in (int, float, bool):
            return self.names.number(number, dtype)
        if dtype is not None and isinstance(x, Value) and x.number:
            name = f"{self.place(x).name}_{dtype}"
            if (x, dtype) not in self.names.known:
                ready = self.names.of(np.empty((), dtype), name, (x, dtype))
                self.lines.append(f"{ready}[()] = {self.place(x).name}")
            return self.names.known[x, dtype]
        return self.expression(x)
