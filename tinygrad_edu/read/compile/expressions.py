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
from tinygrad_edu.read.program import Step, Value

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

    def turned(self, step: Step, operands: list[str], place: Place) -> tuple[list[str], str]:
        """Operands of several shapes, and the result, as NumPy takes them faster.

        An array of one entry loses its axes; where the result lies column by column, all are transposed.
        """
        arrays: list[np.ndarray | None] = [None] * len(operands)
        for k, x in enumerate(step.args):
            array = self.places[x].array if isinstance(x, Value) and x in self.places else None
            if array is not None and array.ndim and array.size == 1:
                operands[k] = self.names.view(array.reshape(()), f"{operands[k]}_entry")
            elif isinstance(x, Value) and x.shape:
                if array is None or len(step.result.shape) != 2:
                    return operands, place.name
                arrays[k] = array
        by_columns = place.array is not None and place.array.flags.f_contiguous and not place.array.flags.c_contiguous
        if not by_columns or all(x is None or x.ndim == 2 for x in arrays):
            return operands, place.name
        for k, array in enumerate(arrays):
            if array is not None and array.ndim == 1:
                operands[k] = self.names.view(array[:, None], f"{operands[k]}_column")
            elif array is not None:
                operands[k] = self.names.view(array.T, f"{operands[k]}_T")
        return operands, self.transposed(place)

    def transposed(self, place: Place) -> str:
        return f"{place.name}.T" if place.array is None else self.names.view(place.array.T, f"{place.name}_T")

    def one_in_each_row(self, place: Place, key: Any) -> tuple[str, str]:
        """An array and an index of it as text: of a matrix that lies column by column, as of one long vector.

        In a vector NumPy finds entries several times faster.
        """
        array, plain = place.array, (place.name, self.key(key))
        if array is None or array.ndim != 2 or array.flags.c_contiguous or not array.flags.f_contiguous:
            return plain
        if not isinstance(key, tuple) or len(key) != 2 or not all(isinstance(x, Value) for x in key):
            return plain
        m, (rows, columns) = len(array), key
        each = rows.shape == columns.shape == (m,) and rows.known and rows.fixed and np.can_cast(columns.dtype, np.intp)
        if not each or not np.array_equal(rows.constant, range(m)):
            return plain
        if (columns, m) not in self.names.known:
            index = self.names.of(np.empty(m, np.intp), "index", (columns, m))
            height = self.names.number(m, np.intp)
            self.lines.append(f"{self.call(np.multiply)}({self.expression(columns)}, {height}, {index})")
            self.lines.append(f"{self.call(np.add)}({index}, {self.expression(rows)}, {index})")
        return self.names.view(array.T.reshape(-1), f"{place.name}_flat"), self.names.known[columns, m]
