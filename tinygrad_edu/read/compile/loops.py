"""The same straight-line program, its arithmetic in loops compiled by Numba (extra `numba`).

    step = compile(model, loss, optimizer, engine="numba")

Steps that follow each other, treat each entry on its own and need no more than arithmetic become one loop: an entry is
read once, all of them are done, and only what is needed later is written. The product of a column and a row is one of
them. Other products, exponentials and the rest stay NumPy's, whose own loops are as fast.

Read next: `emit.py`, which writes all else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_edu.read.compile.emit import Emitter
from tinygrad_edu.read.compile.memory import Place
from tinygrad_edu.read.compile.rewrites import InFloats, clip, elementwise
from tinygrad_edu.read.program import Program, Step, Value, values_in

__all__ = ["LoopEmitter"]

KINDS = (np.dtype(np.float64), np.dtype(np.float32))
LARGER = "({0} if {0} >= {1} or {0} != {0} else {1})"  # NaN stays, as in NumPy
SMALLER = "({0} if {0} <= {1} or {0} != {0} else {1})"
ARITHMETIC: dict[Any, str] = {
    np.add: "({0} + {1})",
    np.subtract: "({0} - {1})",
    np.multiply: "({0} * {1})",
    np.divide: "({0} / {1})",
    np.negative: "(-{0})",
    np.square: "({0} * {0})",
    np.sqrt: "sqrt({0})",
    np.maximum: LARGER,
    np.minimum: SMALLER,
}
COMPARISONS: dict[Any, str] = {
    np.greater: ">", np.greater_equal: ">=", np.less: "<", np.less_equal: "<=", np.equal: "==", np.not_equal: "!=",
}  # fmt: skip


class LoopEmitter(Emitter):
    """Writes runs of arithmetic as calls of compiled loops."""

    least = 0

    def arrange(self, program: Program) -> None:
        """Make the product of a column and a row entry by entry, where it is needed first."""
        for step in [*program.steps]:
            shapes = [x.shape for x in step.args if isinstance(x, Value)]
            if step.function is np.dot and [*map(len, shapes)] == [2, 2] and shapes[0][1] == 1:
                step.function = np.multiply
                program.steps.remove(step)
                users = (k for k, other in enumerate(program.steps) if step.result in other.inputs)
                program.steps.insert(next(users, len(program.steps)), step)

    def can_join(self, step: Step) -> bool:
        if not elementwise(step) or step.result.dtype not in KINDS or not 1 <= len(step.result.shape) <= 2:
            return False
        known = step.function in (*ARITHMETIC, clip) or isinstance(step.function, InFloats)
        return known and all(x.number or x.dtype == step.result.dtype for x in values_in(step.args))

    def in_step(self, x: Value, step: Step) -> bool:
        if x.number or not x.shape:
            return True
        place = self.place(x)
        if x.shape == step.result.shape:
            return place.whole
        if len(x.shape) == 2 and 1 in x.shape and place.array is not None:
            return True  # a column or a row
        fixed = place.buffer is not None and not place.buffer.own and place.buffer.last == np.inf
        return fixed and len(x.shape) == 1 and x.shape[0] == step.result.shape[-1]

    def together(self, number: int, run: list[Step]) -> None:
        """One loop for a run of steps."""
        end, shape = number + len(run) - 1, run[0].result.shape
        for k, step in enumerate(run, start=number):
            if step.result.number:
                self.step(k, step)
        steps = [step for step in run if not step.result.number]
        order, loop = self.memory.order(steps[0]), Loop(shape, steps[0].result.dtype)
        made: dict[Value, str] = {}
        for step in steps:
            operands = [made[x] if isinstance(x, Value) and x in made else self.entry(loop, x) for x in step.args]
            made[step.result] = loop.let(step.function, operands)
        used = tuple(dict.fromkeys(x for step in steps for x in values_in(step.args) if x not in made))
        for place in map(self.place, used):
            if place.buffer and place.array is not place.buffer.array:
                place.buffer.last = max(place.buffer.last, end + 0.5)  # what a view shows is not written in its loop
        for step in sorted(steps, key=lambda step: step.result not in self.memory.widened):  # these have their place
            if self.memory.until(step.result, end) > end or step.result in self.memory.parts:
                place = self.places[step.result] = self.memory.room(step.result, end, used, order)
                loop.store(place, made[step.result])
        kernel = self.names.of(loop.compiled(order), "loop")
        note = f"{kernel}: for each entry, " + "; ".join(loop.lines)
        self.names.notes += [note] if note not in self.names.notes else []
        self.lines.append(f"{kernel}({', '.join(loop.arguments)})")

    def entry(self, loop: Loop, x: Any) -> str:
        """An operand's entry, in the loop."""
        number = x.constant if isinstance(x, Value) and x.number and x.known else x
        if type(number) in (int, float, bool):
            return loop.constant(number)
        if isinstance(x, Value) and not x.shape and not x.number and not x.known:
            return loop.argument(f"{self.place(x).name}[()]", "")  # a number of NumPy, or an array without axes
        if isinstance(x, Value) and not x.shape:
            return loop.argument(self.operand(x, loop.dtype), "[()]")
        place = self.place(x)
        if len(x.shape) == len(loop.shape) == 2 and x.shape != loop.shape:
            index = ", ".join("0" if n == 1 else k for n, k in zip(x.shape, "ij", strict=True))
            return loop.argument(place.name, f"[{index}]")
        return loop.argument(place.name, loop.index if x.shape == loop.shape else f"[{loop.index[-2]}]")


class Loop:
    """The text of a loop over all entries of a shape.

    arguments  the names of what it is called with, outside
    lines      what is done with each entry
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.index = "[i, j]" if len(shape) == 2 else "[i]"
        self.arguments: list[str] = []
        self.lines: list[str] = []
        self.constants: dict[str, str] = {}  # as text: -0.0 is not 0.0

    def argument(self, name: str, index: str) -> str:
        if name not in self.arguments:
            self.arguments.append(name)
        return f"a{self.arguments.index(name)}{index}"

    def constant(self, x: float) -> str:
        """A number of the arrays' dtype, by name: Numba would take Python's for a float64."""
        return self.constants.setdefault(repr(float(x)), f"c{len(self.constants)}")

    def let(self, function: Any, operands: list[str]) -> str:
        """A name for the result of a step."""
        if function is clip:
            x, low, high = operands
            return self.let(np.minimum, [self.let(np.maximum, [x, low]), high])
        unbounded = {np.maximum: "-inf", np.minimum: "inf"}.get(function)
        if unbounded in self.constants and operands[1] == self.constants[unbounded]:
            return operands[0]
        simple = []
        for x in operands:
            if "[" in x:  # read once
                self.lines.append(f"x{len(self.lines)} = {x}")
                x = f"x{len(self.lines) - 1}"
            simple.append(x)
        if isinstance(function, InFloats):
            compared = f" {COMPARISONS[function.ufunc]} ".join(simple)
            text = f"{self.constant(1)} if {compared} else {self.constant(0)}"
        else:
            text = ARITHMETIC[function].format(*simple)
        self.lines.append(f"x{len(self.lines)} = {text}")
        return f"x{len(self.lines) - 1}"

    def store(self, place: Place, name: str) -> None:
        self.lines.append(f"{self.argument(place.name, self.index)} = {name}")

    def compiled(self, order: str) -> Any:
        """The loop, compiled; equal ones are compiled once."""
        axes = ["for i in range(a.shape[0]):", "    for j in range(a.shape[1]):"][: len(self.shape)]
        if order == "F" and len(axes) == 2:
            axes = ["for j in range(a.shape[1]):", "    for i in range(a.shape[0]):"]
        last = self.lines[-1].partition("[")[0]  # an array that is written to
        head = [f"def loop({', '.join(f'a{k}' for k in range(len(self.arguments)))}):"]
        head += ["    " + line.replace("a.", f"{last}.") for line in axes]
        text = "\n".join([*head, *("    " * (len(axes) + 1) + line for line in self.lines)])
        return compiled_loop(text, self.dtype, tuple(self.constants.items()))


@lru_cache(maxsize=512)
def compiled_loop(text: str, dtype: np.dtype, constants: tuple[tuple[str, str], ...]) -> Any:
    import numba

    namespace: dict[str, Any] = {"sqrt": np.sqrt}
    with np.errstate(over="ignore"):
        namespace |= {name: dtype.type(x) for x, name in constants}
    exec(text, namespace)
    return numba.njit(namespace["loop"], error_model="numpy")
