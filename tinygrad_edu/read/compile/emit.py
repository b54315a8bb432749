"""A program as straight-line NumPy source.

Every result is written (`out=`) into an array that stands ready (`memory.py`). Views (a transpose, a reshape, a column)
of such arrays are made once, too. Steps on large arrays that treat each entry on its own are done together, piece by
piece, so that a piece is read from memory once. What NumPy cannot write into an array is called plainly. Results leave
in memory of their own.

Read next: `plan.py`, which says what the program is for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import mkl
from tinygrad_edu.read.compile.biases import with_ones
from tinygrad_edu.read.compile.memory import Memory, Names, Place, view_key
from tinygrad_edu.read.compile.products import Products
from tinygrad_edu.read.compile.rewrites import (
    InFloats,
    elementwise,
    fresh,
    joined,
    less_product,
    reduces,
    spread,
    taken_off,
)
from tinygrad_edu.read.forms import VIEWS
from tinygrad_edu.read.program import Program, Step, Value, added_at, placed, values_in

__all__ = ["Emitted", "Emitter"]

INFIX: dict[Any, str] = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.floordiv: "//",
    operator.mod: "%", operator.pow: "**",
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/",
}  # fmt: skip
MIXED = {np.ldexp}  # ufuncs whose operands are of several kinds
FEW, MANY = 1 << 10, 1 << 13  # entries
WIDE, LONG = 1 << 15, 1 << 9  # entries of an array, and of its rows, that an operand is better not written out for
LARGE, PIECE = 1 << 20, 1 << 17  # bytes of an array that is worked on in pieces, and of a piece


class Emitted(NamedTuple):
    """A function, its text, and the bytes of the arrays made for it."""

    function: Callable[..., Any]
    source: str
    nbytes: int


class Emitter(Products):
    """Writes a program as a function of those of its inputs that do not stand ready.

    ready    the array of each input that stands ready: parameters, the optimizer's state
    targets  for an input that stands ready, the value that it shall hold in the end
    closing  lines to end with
    """

    least = LARGE  # bytes of arrays that are worth doing several steps at once

    def __init__(
        self,
        program: Program,
        ready: Mapping[Value, np.ndarray] | None = None,
        targets: Mapping[Value, Value] | None = None,
        closing: Sequence[str] = (),
    ) -> None:
        self.arrange(program)
        self.program, self.targets, self.closing = program, targets or {}, closing
        names = Names()
        self.memory = Memory(program, names, ready or {}, self.targets)
        super().__init__(names, self.memory.places)
        self.loose: set[Value] = set()  # results that may lie in memory of others

    def arrange(self, program: Program) -> None:
        """Put its steps as they are best written."""

    def emit(self) -> Emitted:
        """The function."""
        section, steps = "", self.program.steps
        number = 0
        while number < len(steps):
            if steps[number].section != section:
                section = steps[number].section
                self.lines.append(f"# {section}")
            if run := self.run_from(number):
                self.together(number, run)
                number += len(run)
            else:
                self.step(number, steps[number])
                number += 1
        for old, new in self.targets.items():
            target, found = self.places[old], self.place(new)
            if found.array is not target.array:
                self.lines.append(f"{self.call(np.copyto)}({target.name}, {found.name})")
        given = [self.places[value].name for value in self.program.inputs if self.places[value].array is None]
        results = ", ".join(self.result(value, k) for k, value in enumerate(self.program.outputs))
        lines = [*self.guarded(), f"return {results or '()'}"]
        text = "\n".join(f"        {line}" for line in lines)
        things = {name: x for name, x in self.names.things.items() if name in text}
        source = f"def build({', '.join(things)}):\n    def step({', '.join(given)}):\n{text}\n    return step\n"
        namespace: dict[str, Any] = {"__builtins__": {"slice": slice, "BaseException": BaseException}}
        exec(compile(source, "<compiled by tinygrad_edu>", "exec"), namespace)
        notes = [f"#     {note}" for note in self.names.notes if note.partition(" ")[0].rstrip(":") in text]
        shown = [
            "# arrays made once:",
            *notes,
            f"def step({', '.join(given)}):",
            *(f"    {line}" for line in lines),
            "",
        ]
        nbytes = sum(buffer.array.nbytes for buffer in self.memory.buffers)
        function = namespace["build"](**things)
        if any(thing is mkl.product for thing in things.values()):
            function = mkl.with_threads(function)
        return Emitted(function, "\n".join(shown), nbytes)

    def guarded(self) -> Iterator[str]:
        """The lines; an exception in the update says what it has done."""
        if "# update" not in self.lines:
            yield from (*self.lines, *self.closing)
            return
        start = self.lines.index("# update") + 1
        yield from (*self.lines[:start], "try:")
        yield from (f"    {line}" for line in (*self.lines[start:], *self.closing))
        yield "except BaseException as error:"
        yield '    error.add_note("compile: it happened in the update: parameters may be changed in part.")'
        yield "    raise"

    def result(self, value: Value, position: int) -> str:
        """An output as text: in memory of its own."""
        place, twice = self.place(value), value in self.program.outputs[:position]
        shared = place.array is not None or not value.step or value in self.loose or twice
        return f"{place.name}.copy()" if shared and not value.number else place.name

    # Steps

    def step(self, number: int, step: Step) -> None:
        """Write one step."""
        function, value = step.function, step.result
        if self.view(number, step):
            return
        if function in INFIX and not value.shape and (value.number or value.dtype.kind == "f"):
            left, right = map(self.expression, step.args)
            self.local(value, f"{left} {INFIX[function]} {right}")
        elif value.dtype == object or not value.shape or value.number or value in self.program.outputs:
            self.plain(step)
        elif elementwise(step) or (isinstance(function, np.ufunc) and function.nout == 1 and not step.kwargs):
            self.lines += [f"{called}({', '.join(operands)})" for called, operands in self.entries(number, step)]
        elif function is np.dot and isinstance(step.args[0], Value) and step.args[0].shape:
            self.product(number, step)
        elif function is less_product:
            self.descend(number, step)
        elif reduces(step):
            place = self.places[value] = self.memory.room(value, number)
            keep = ", True" if step.kwargs.get("keepdims") else ""
            x, axis = self.expression(step.args[0]), self.expression(step.kwargs.get("axis", 0))
            self.lines.append(f"{self.call(function)}({x}, {axis}, None, {place.name}{keep})")
        elif function in (np.copy, np.ndarray.astype) and set(step.kwargs) <= {"order"}:
            if not self.lies_so(number, step):
                place = self.places[value] = self.memory.room(value, number)
                self.lines.append(f"{self.call(np.copyto)}({place.name}, {self.expression(step.args[0])}, 'unsafe')")
        elif function in (placed, added_at, taken_off) and isinstance(step.args[0], Value):
            self.changed(number, step)
        elif function is joined:
            self.join(number, step)
        elif function is with_ones:
            self.widen(number, step)
        else:
            self.plain(step)

    def entries(self, number: int, step: Step) -> Iterator[tuple[str, list[str]]]:
        """A ufunc as one call or two: names of the function and of its operands, the result among them."""
        function = step.function.ufunc if isinstance(step.function, InFloats) else step.function
        kinds = {x.dtype for x in step.args if isinstance(x, Value) and not x.number}
        dtype = kinds.pop() if len(kinds) == 1 and function not in MIXED else None
        operands = [self.operand(x, dtype if dtype is not None and dtype.kind == "f" else None) for x in step.args]
        order = self.memory.order(step)
        over = tuple(values_in(step.args)) if elementwise(step) else ()
        place = self.places[step.result] = self.memory.room(step.result, number, over, order)
        out = place.name
        if dtype == step.result.dtype and self.spreads(step, place):
            function = spread(function)
        elif len({x.shape for x in values_in(step.args)}) > 1 and not self.memory.run:
            operands, out = self.turned(step, operands, place)
        if isinstance(step.function, InFloats) and step.result.size > MANY:  # by way of truth values: faster
            truths = self.memory.take(Value(step.result.shape, bool, step), number, order)
            yield self.call(function), [*operands, truths.name]
            yield self.call(np.copyto), [place.name, truths.name]
        elif step.function in (np.maximum, np.minimum):
            yield self.call(function), [*operands, f"out={out}"]
        else:
            yield self.call(function), [*operands, out]

    def spreads(self, step: Step, place: Place) -> bool:
        """Whether an operand is spread over the rows or columns of a large array, and these are long."""
        if self.memory.run or place.array is None or place.array.size < WIDE:
            return False
        long = max(
            n
            for n, stride in zip(place.array.shape, place.array.strides, strict=True)
            if stride == place.array.itemsize
        )
        shapes = {x.shape for x in values_in(step.args) if x.size > 1}
        return long >= LONG and len(shapes) > 1

    def local(self, value: Value, text: str) -> None:
        """A result that is made anew at each call."""
        name = self.names.counted(value)
        self.places[value] = Place(name)
        self.lines.append(f"{name} = {text}")

    def plain(self, step: Step) -> None:
        """A call whose result NumPy allocates."""
        if step.function is operator.getitem:
            array, key = self.one_in_each_row(self.place(step.args[0]), step.args[1])
            text = f"{array}[{key}]"
        elif short := self.sum_of_few(step):
            text = short
        else:
            function = step.function.forward if step.acts else step.function
            args = [self.expression(x) for x in step.args]
            args += [f"{key}={self.expression(x)}" for key, x in step.kwargs.items()]
            called = f"{args.pop(0)}.astype" if function is np.ndarray.astype else self.call(function)
            text = f"{called}({', '.join(args)})"
        if step.result.dtype == object and step.acts:
            self.lines.append(text)
            return
        self.local(step.result, text)
        if not fresh(step) and not step.acts:
            self.loose.add(step.result)
            for value in step.inputs:
                if buffer := self.place(value).buffer:
                    buffer.last = np.inf

    def sum_of_few(self, step: Step) -> str | None:
        """The sum of few numbers as their product with ones, which is faster."""
        x = self.places.get(step.args[0]) if step.args and isinstance(step.args[0], Value) else None
        if step.function != np.add.reduce or step.result.shape or not x or x.array is None or not reduces(step):
            return None
        if x.array.size > FEW or x.array.dtype.kind != "f" or not x.array.flags.c_contiguous:
            return None
        ones = self.names.of(np.ones(x.array.size, x.array.dtype), "ones", (x.array.size, x.array.dtype))
        return f"{ones}.dot({self.names.view(x.array.ravel(), f'{x.name}_flat')})"

    def view(self, number: int, step: Step) -> bool:
        """Make a view of a ready array once, and say whether the step was one."""
        if (step.function not in VIEWS and step.function is not operator.getitem) or len(step.inputs) != 1:
            return False
        place = self.place(step.args[0]) if isinstance(step.args[0], Value) else None
        if place is None or place.array is None:
            return False
        view = step.function(place.array, *step.args[1:], **step.kwargs)
        if not isinstance(view, np.ndarray) or not np.may_share_memory(view, place.array):
            return False
        if place.buffer:
            place.buffer.last = max(place.buffer.last, self.memory.until(step.result, number))
        name = self.names.view(view, f"{place.name}_{'T' if step.function is np.transpose else 'view'}")
        self.places[step.result] = Place(name, view, place.buffer)
        return True

    def lies_so(self, number: int, step: Step) -> bool:
        """Whether a copy may be what it copies: an array that lies so already, and that nothing changes before."""
        place = self.place(step.args[0])
        if place.array is None or not place.buffer or not place.buffer.own or place.array.dtype != step.result.dtype:
            return False
        if not place.array.flags.c_contiguous or self.memory.until(step.result, number) == np.inf:
            return False
        place.buffer.last = max(place.buffer.last, self.memory.until(step.result, number))
        self.places[step.result] = place
        return True

    def changed(self, number: int, step: Step) -> None:
        """array[key] = x, or -= or np.add.at, in the array itself if nothing else needs it as it was."""
        array, key, x = step.args
        before = self.place(array)
        apart = all(self.place(value).buffer is not before.buffer for value in values_in((key, x)))
        order = self.memory.order(step)
        place = self.places[step.result] = self.memory.room(step.result, number, (array,) if apart else (), order)
        if before.name != place.name:
            self.lines.append(f"{self.call(np.copyto)}({place.name}, {before.name})")
        if step.function is added_at:
            self.lines.append(f"{self.call(np.add.at)}({place.name}, {self.expression(key)}, {self.expression(x)})")
        elif step.function is taken_off:
            vector, index = self.one_in_each_row(place, key)
            taken = self.operand(x, step.result.dtype)
            if vector == place.name:
                self.lines.append(f"{vector}[{index}] -= {taken}")
            else:
                self.lines.append(f"{self.call(np.subtract.at)}({vector}, {index}, {taken})")
        else:
            self.lines.append(f"{place.name}[{self.key(key)}] = {self.expression(x)}")

    def join(self, number: int, step: Step) -> None:
        """Arrays one after the other: those that were not written there are copied."""
        whole = self.places.get(step.result) or self.memory.room(step.result, number)
        self.places[step.result] = whole
        assert whole.array is not None
        start = 0
        for value in step.args:
            place = self.place(value)
            part = whole.array[start : start + value.size].reshape(value.shape)
            if place.array is None or view_key(place.array) != view_key(part):
                self.lines.append(f"{self.call(np.copyto)}({self.names.view(part, f'd{start}')}, {place.name})")
            start += value.size

    def widen(self, number: int, step: Step) -> None:
        """A matrix beside its column of ones: written there already, or copied."""
        x = step.args[0]
        place, part = self.place(x), self.memory.beside_ones(x, number)
        if place.array is not part.array:
            self.lines.append(f"{self.call(np.copyto)}({part.name}, {place.name})")

    # Several steps at once

    def run_from(self, number: int) -> list[Step]:
        """The steps from here on that can be done together, entry by entry: none, or two and more."""
        run: list[Step] = []
        made: set[Value] = set()
        first = self.program.steps[number]
        if first.result.dtype == object or first.result.size * first.result.dtype.itemsize < self.least:
            return run
        for step in self.program.steps[number:]:
            if run and step.result.number:
                run.append(step)
                continue
            same = (step.result.shape, step.section) == (first.result.shape, first.section)
            if not same or not self.can_join(step) or step.result in self.program.outputs:
                break
            if not all(x in made or self.in_step(x, step) for x in values_in(step.args)):
                break
            run.append(step)
            made.add(step.result)
        while run and run[-1].result.number:
            run.pop()
        return run if len(made) > 1 else []

    def can_join(self, step: Step) -> bool:
        """Whether a step can be one of several that are done together."""
        return elementwise(step) and step.result not in self.memory.parts and step.result not in self.memory.widened

    def in_step(self, x: Value, step: Step) -> bool:
        """Whether an operand can be taken piece by piece: it lies like the result, or is the same for all rows."""
        if x.number or not x.shape:
            return True
        place = self.place(x)
        if x.shape == step.result.shape:
            return place.whole and place.array is not None and place.array.flags.c_contiguous
        fixed = place.buffer is not None and not place.buffer.own and place.buffer.last == np.inf
        return fixed and (len(x.shape) < len(step.result.shape) or x.shape[0] == 1)

    def together(self, number: int, run: list[Step]) -> None:
        """A loop over pieces of some rows each, that fit the cache."""
        shape, itemsize = run[0].result.shape, max(step.result.dtype.itemsize for step in run)
        rows = max(1, PIECE * shape[0] // (run[0].result.size * itemsize))
        self.memory.run = number + len(run) - 1, (rows, *shape[1:])
        for k, step in enumerate(run, start=number):
            if step.result.number:  # numbers are made of numbers: they come first
                self.step(k, step)
        arrays = [(k, step) for k, step in enumerate(run, start=number) if not step.result.number]
        entries = [entry for k, step in arrays for entry in self.entries(k, step)]
        self.memory.run = None
        cut: dict[str, list[np.ndarray]] = {}
        starts = range(0, shape[0], rows)
        for name in dict.fromkeys(operand.removeprefix("out=") for _, operands in entries for operand in operands):
            array = self.names.things.get(name)
            if isinstance(array, np.ndarray) and array.shape == shape:
                cut[name] = [array[start : start + rows] for start in starts]
            elif isinstance(array, np.ndarray) and array.shape == (rows, *shape[1:]):
                cut[name] = [array[: min(rows, shape[0] - start)] for start in starts]
        short = {name: self.names.fresh(f"{name}_i") for name in cut}
        pieces = self.names.of([*zip(*cut.values(), strict=True)], "pieces")
        self.lines.append(
            f"for {''.join(f'{x}, ' for x in short.values()).rstrip()} in {pieces}:  # {len(starts)} times {rows} rows"
        )
        for called, operands in entries:
            args = [f"out={short[x[4:]]}" if x.startswith("out=") else short.get(x, x) for x in operands]
            self.lines.append(f"    {called}({', '.join(args)})")
