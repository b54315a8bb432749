"""Where the values of a compiled program lie: arrays that are made once and used again and again.

A value gets the place where it is wanted in the end (a parameter, its part of a joined vector, beside a column of
ones), else that of an operand that is used for the last time, else a free array, else a new one.

Read next: `emit.py`, which writes the steps.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.read.compile.biases import in_columns, with_ones
from tinygrad_edu.read.compile.rewrites import elementwise, joined, reduces
from tinygrad_edu.read.program import Program, Step, Value, values_in

__all__ = ["Buffer", "Memory", "Names", "Place", "view_key"]


NARROW = 8  # columns of a matrix that is better copied column by column


class Names:
    """Identifiers for the text of a program, and the objects that they stand for."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {}
        self.notes: list[str] = []  # what a reader should know of them
        self.taken: set[str] = {*keyword.kwlist, *keyword.softkwlist, "step", "build", "zip"}
        self.known: dict[Any, str] = {}
        self.counts: dict[str, int] = {}

    def fresh(self, name: str) -> str:
        """An identifier that is not taken, near a name that anyone may have given."""
        name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "x"
        name = f"p{name}" if name[0].isdigit() else name
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found

    def of(self, thing: Any, name: str, key: Any = None) -> str:
        """The identifier of an object; equal keys are the same object."""
        key = id(thing) if key is None else key
        if key not in self.known:
            self.known[key] = self.fresh(name)
            self.things[self.known[key]] = thing
        return self.known[key]

    def counted(self, value: Value) -> str:
        """The identifier of a result: tanh1, tanh2, ..."""
        if value.name or not value.step:
            return self.fresh(value.name or "x")
        word = re.sub(r"\W", "", value.step.name.partition(".")[0], flags=re.ASCII) or "x"
        self.counts[word] = self.counts.get(word, 0) + 1
        return self.fresh(f"{word}{self.counts[word]}")

    def view(self, array: np.ndarray, name: str) -> str:
        """The identifier of a view: one for all that show the same."""
        return self.of(array, name, view_key(array))

    def number(self, x: float, dtype: Any) -> str:
        """A number as an array without axes, which NumPy takes faster than Python's."""
        key = (type(x), repr(x), np.dtype(dtype))
        if key not in self.known:
            with np.errstate(over="ignore"):
                name = self.of(np.array(x, dtype), "n" + repr(x).replace("-", "minus_"), key)
            self.notes.append(f"{name} = {x!r}")
        return self.known[key]


class Buffer:
    """An array that stands ready, and the number of the last step that needs what is in it.

    own    whether it was made for the program
    piece  whether it holds only as much as is worked on at a time
    """

    __slots__ = ("array", "last", "name", "own", "piece")

    def __init__(self, name: str, array: np.ndarray, last: float, own: bool = True, piece: bool = False) -> None:
        self.name, self.array, self.last, self.own, self.piece = name, array, last, own, piece


class Place:
    """Where a value is found: a name, the array if it stands ready, and the buffer that it lies in."""

    __slots__ = ("array", "buffer", "name")

    def __init__(self, name: str, array: np.ndarray | None = None, buffer: Buffer | None = None) -> None:
        self.name, self.array, self.buffer = name, array, buffer

    @property
    def whole(self) -> bool:
        """Whether it is all of its buffer."""
        return self.array is not None and self.buffer is not None and self.array.size == self.buffer.array.size


class Memory:
    """The places of a program's values.

    ready    the array of each input that stands ready
    targets  for such an input, the value that it shall hold in the end
    """

    def __init__(
        self, program: Program, names: Names, ready: Mapping[Value, np.ndarray], targets: Mapping[Value, Value]
    ) -> None:
        self.names = names
        self.places: dict[Value, Place] = {}
        self.buffers: list[Buffer] = []
        self.last: dict[Value, float] = {}
        for number, step in enumerate(program.steps):
            for value in step.inputs:
                self.last[value] = number
        for value in (*program.outputs, *targets.values()):
            self.last[value] = np.inf
        self.goes_to = {new: old for old, new in targets.items()}
        self.in_rows = made_into(program, targets.values())
        self.parts = parts_of_joins(program)
        self.widened = made_beside_ones(program, self.last)
        self.heights = {x.shape[0] for x in self.widened if x.step}
        self.run: tuple[float, tuple[int, ...]] | None = None  # pieces: the last step of the run, the shape of one
        for value in program.inputs:
            name = names.fresh(value.name or "x")
            self.places[value] = Place(name)
            if value in ready:
                array = names.things[name] = ready[value]
                names.known[view_key(array)] = name
                last = self.last.get(value, -1) if value in targets else np.inf
                self.places[value] = Place(name, array, Buffer(name, array, last, own=False))

    def until(self, value: Value, number: float) -> float:
        """The last step that needs a value made at step `number`."""
        return self.last.get(value, number)

    def room(self, value: Value, number: int, over: tuple[Value, ...] = (), order: str = "C") -> Place:
        """Where the result of step `number` shall be written; `over` are operands that it may be written over."""
        if (old := self.goes_to.get(value)) and (target := self.places[old]).buffer:
            buffer = target.buffer
            here = any(x in self.places and self.places[x].buffer is buffer for x in over)
            if (buffer.last < number or (here and buffer.last == number)) and buffer.array.shape == value.shape:
                buffer.last = np.inf
                return target
        if value in self.parts:
            return self.part(value, number)
        if value in self.widened:
            return self.beside_ones(value, number)
        for place in (self.places[x] for x in over if x in self.places):
            held = place.buffer
            if held is None or not place.whole or held.last > number or (held.piece and not self.in_run(value, number)):
                continue
            if self.fits(place.array, value, order, held.piece):
                held.last = self.until(value, number)
                return place
        return self.take(value, number, order)

    def part(self, value: Value, number: int) -> Place:
        """Its place in the vector that it will be joined into."""
        join, start = self.parts[value]
        if join.result not in self.places:
            self.places[join.result] = self.room(join.result, number)
        whole = self.places[join.result]
        assert whole.array is not None and whole.buffer
        whole.buffer.last = max(whole.buffer.last, self.until(value, number))
        array = whole.array[start : start + value.size].reshape(value.shape)
        return Place(self.names.view(array, value.name or f"d{start}"), array, whole.buffer)

    def beside_ones(self, value: Value, number: int) -> Place:
        """Its place in an array that has a column of ones besides; it is free until that array is used no more."""
        wide = self.widened[value]
        if wide not in self.places:
            in_rows = not value.step and value.shape[1] > NARROW
            array = np.ones(wide.shape, value.dtype, order="C" if in_rows else "F")
            part = self.made(value, array[:, :-1])
            name = self.names.view(array, f"{part.name}_and_ones")
            self.places[wide] = Place(name, array, part)
        held = self.places[wide].buffer
        assert held and wide.step
        needed = (value, wide) if wide.step.args[0] is value else (value,)
        there = value in self.places and self.places[value].buffer is held  # and perhaps views of it
        held.last = max(held.last if there else -1, *(self.until(x, number) for x in needed))
        return Place(held.name, held.array, held)

    def take(self, value: Value, number: int, order: str = "C") -> Place:
        """A free array, or a new one."""
        piece = self.in_run(value, number)
        for buffer in self.buffers:
            if buffer.last < number and buffer.piece == piece and self.fits(buffer.array, value, order, piece):
                buffer.last = self.until(value, number)
                return Place(buffer.name, buffer.array, buffer)
        shape = self.run[1] if piece and self.run else value.shape
        buffer = self.made(value, np.empty(shape, value.dtype, order="F" if order == "F" else "C"))
        buffer.last, buffer.piece = self.until(value, number), piece
        return Place(buffer.name, buffer.array, buffer)

    def made(self, value: Value, array: np.ndarray) -> Buffer:
        """A new array, named after the first value in it."""
        name = self.names.counted(value)
        self.names.things[name] = array
        self.names.known[view_key(array)] = name
        self.names.notes.append(
            f"{name}: {array.dtype}{list(array.shape)}{'' if array.flags.c_contiguous else ', column by column'}"
        )
        self.buffers.append(Buffer(name, array, np.inf))
        return self.buffers[-1]

    def in_run(self, value: Value, number: int) -> bool:
        """Whether a value is needed in this run of pieces alone."""
        return self.run is not None and self.until(value, number) <= self.run[0]

    def fits(self, array: np.ndarray | None, value: Value, order: str, piece: bool) -> bool:
        """Whether a value could lie in an array, in its order."""
        if array is None or array.dtype != value.dtype or not array.flags.writeable:
            return False
        shape = self.run[1] if piece and self.run else value.shape
        return array.shape == shape and (array.flags.f_contiguous if order == "F" else array.flags.c_contiguous)

    def order(self, step: Step) -> str:
        """Row by row or column by column: as the operands lie; a product with its longer axis last, for long loops."""
        shape = step.result.shape
        if step.function is np.dot or all(value.shape != shape for value in step.inputs):
            long = len(shape) == 2 and (shape[0] > shape[1] or (shape[0] in self.heights and in_columns(shape)))
            return "F" if long and step.result not in self.in_rows else "C"
        arrays = [x.array for value in step.inputs if (x := self.places.get(value)) and x.array is not None]
        full = [array for array in arrays if array.ndim == len(shape) > 1 and array.size * 2 > step.result.size]
        return "F" if full and all(x.flags.f_contiguous and not x.flags.c_contiguous for x in full) else "C"


def view_key(array: np.ndarray) -> tuple[Any, ...]:
    """What is the same for arrays that show the same memory in the same way."""
    return array.ctypes.data, array.shape, array.strides, array.dtype


def made_into(program: Program, results: Iterable[Value]) -> set[Value]:
    """The values that these results are made from, entry by entry."""
    found = set(results)
    for step in reversed(program.steps):
        if step.result in found and isinstance(step.function, np.ufunc) and step.function.signature is None:
            found.update(value for value in step.inputs if value.shape == step.result.shape)
    return found


def parts_of_joins(program: Program) -> dict[Value, tuple[Step, int]]:
    """For values that are joined with others: the join, and where in it they lie."""
    parts: dict[Value, tuple[Step, int]] = {}
    for step in program.steps:
        start = 0
        for value in step.args if step.function is joined else ():
            if value.step and value not in parts and value.dtype == step.result.dtype:
                parts[value] = step, start
            start += value.size
    return parts


def made_beside_ones(program: Program, last: Mapping[Value, float]) -> dict[Value, Value]:
    """For values that get a column of ones, and those that they are written over: the value with the ones."""
    found: dict[Value, Value] = {}
    shared: set[Value] = set()  # values that a view, made before, may still show
    for step in program.steps:
        if not elementwise(step) and not reduces(step) and step.function is not np.dot:
            shared.update(step.inputs)
    for number, step in reversed([*enumerate(program.steps)]):
        if step.function is with_ones:
            found[step.args[0]] = step.result
        elif step.result in found and elementwise(step):
            for x in values_in(step.args):
                same = x.step and (x.shape, x.dtype) == (step.result.shape, step.result.dtype)
                if same and last[x] == number and x not in found and x not in shared:
                    found[x] = found[step.result]
                    break
    return found
