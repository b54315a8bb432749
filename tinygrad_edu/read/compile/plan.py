"""One compiled program, and the arguments and surroundings that it is for.

A plan holds what was true when its function was traced: the shapes and dtypes of the arguments, the tensors that the
function reaches, which of them require a gradient, every setting. `fitting` says whether that still holds.

Read next: `training.py`, the program of a training step; `emit.py`, how the code is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from tinygrad_edu.autograd import mode
from tinygrad_edu.func import leaves, rebuild
from tinygrad_edu.memory import give_back_freed_arrays
from tinygrad_edu.read.compile.alike import distinct, exact
from tinygrad_edu.read.compile.emit import Emitter
from tinygrad_edu.read.compile.rewrites import rewritten
from tinygrad_edu.read.compile.watch import Guard, Watch
from tinygrad_edu.read.program import Step, Value
from tinygrad_edu.read.traced import Refusal, Trace, Traced
from tinygrad_edu.tensor import Tensor

__all__ = ["FunctionPlan", "Plan", "objects"]

LARGE = 1 << 22  # bytes of arrays made for a program


class Plan:
    """A program and what it was made for.

    source  the code
    nbytes  the size of the arrays made for it
    run     the function that it is
    """

    source: str
    nbytes: int
    run: Callable[..., Any]

    def __init__(self, watch: Watch, args: tuple[Any, ...]) -> None:
        for x in leaves(args):
            if isinstance(x, Tensor) and x.requires_grad:
                raise TypeError(
                    "compile: a compiled function records no graph; got an argument that requires a gradient. "
                    "Pass x.detach(), or compile func.grad of the function."
                )
        self.watch = watch
        self.tensors = [(x, x.requires_grad, x.shape, x.dtype) for x in watch.tensors]
        self.flat = not any(isinstance(x, tuple | list | dict) for x in args)
        self.nesting = nesting(args)
        self.forms = [form(x) for x in leaves(args)]
        trace, described = self.record(args)
        require_same(trace, self.record(args, trace.steps)[0])
        self.write(trace, described)
        del trace, described
        self.fitting = self.guarded()
        if self.nbytes > LARGE:
            give_back_freed_arrays()  # what was eager before will not come again

    def record(self, args: tuple[Any, ...], like: Sequence[Step] = ()) -> tuple[Trace, Any]:
        """What the function does; arrays around it whose values it looks into must stay as they are."""
        while True:
            try:
                return self.attempt(args, like)
            except Refusal as refusal:
                if not refusal.around:
                    raise
                for x in refusal.around:
                    self.watch.look(x.name or "an array", x.constant)

    def attempt(self, args: tuple[Any, ...], like: Sequence[Step] = ()) -> tuple[Trace, Any]:
        """What it does with traced arrays in place of its arguments, and of the tensors and arrays around it."""
        trace = Trace("compile")
        trace.like = [*like]
        names = self.argument_names(sum(1 for _ in leaves(args)))
        given = rebuild(args, iter([argument(trace, x, name) for name, x in zip(names, leaves(args), strict=True)]))
        handles = {x: trace.input(x.shape, x.dtype, name) for x, name in self.watch.tensors.items()}
        kept, drawn = [(x, x.data, x.grad) for x in handles], self.watch.drawn()
        replaced: list[tuple[Any, Any]] = []
        given_arrays = [x.data if isinstance(x, Tensor) else x for x in leaves(given)]
        stand_ins = [x for x in (*given_arrays, *handles.values()) if isinstance(x, Traced)]
        starts = [(x, x.value) for x in stand_ins]
        try:
            for x, handle in handles.items():
                x.data = handle  # type: ignore[assignment]
            replaced = self.watch.replace(trace.around)
            starts += [(x, x.value) for x in trace.arrays.values()]
            described = self.follow(trace, given, handles)
            for x, handle in handles.items():
                if x.data is not handle:  # type: ignore[comparison-overlap]
                    raise inside(f"the data of {self.watch.tensors[x]} was replaced")
            for x, _, gradient in kept:
                if x.grad is not gradient:
                    raise inside(f"the .grad of {self.watch.tensors[x]} was set")
        finally:
            for x, data, gradient in kept:
                x.data, x.grad = data, gradient
            for place, stand_in in replaced:
                if place.now() is stand_in:
                    place.put(place.before)
            change = self.watch.change()
            self.watch.restore()
        if change:
            raise inside(change)
        if self.watch.drawn() != drawn:
            raise repeated("random numbers that it drew")
        for traced, value in starts:
            if traced.value is not value and value not in self.may_change(described):
                raise inside(f"{value.name} was changed in place")
        return trace, described

    def follow(self, trace: Trace, given: tuple[Any, ...], handles: dict[Tensor, Traced]) -> Any:
        """Do on traced arrays what shall be recorded, and tell what is needed to run it."""
        raise NotImplementedError

    def argument_names(self, count: int) -> list[str]:
        return [f"x{k}" for k in range(count)]

    def may_change(self, described: Any) -> Any:
        """The inputs that the program changes."""
        return ()

    def write(self, trace: Trace, described: Any) -> None:
        """Make the code."""
        raise NotImplementedError

    def guarded(self) -> Any:
        """A function from the arguments to what to run with, if this program is for such, and nothing has changed."""
        guard = Guard()
        names = [f"x{k}" for k in range(len(self.forms))]
        nested = guard.name(self.nesting), guard.name(nesting), guard.name(leaves)
        first = f"if len(args) != {len(self.forms)}: return None"
        if not self.flat:
            first = f"if {nested[1]}(args) != {nested[0]}: return None"
        guard.lines.append(
            f"            {' '.join(f'{name},' for name in names)} = {'args' if self.flat else f'{nested[2]}(args)'}"
        )
        given = []
        for x, (kind, shape, dtype, flag) in zip(names, self.forms, strict=True):
            guard.require(f"type({x}) is {guard.name(kind)}")
            if flag is not None:
                guard.require(f"{x}.requires_grad is {flag}")
                guard.lines.append(f"            {x} = {x}.data")
                guard.require(f"type({x}) is {guard.name(np.ndarray)}")
            if dtype is not None:
                guard.require(f"{x}.shape == {shape} and {x}.dtype == {guard.name(dtype)}")
            elif kind is not float:
                same = guard.name(shape)
                close = f"{guard.name(exact)}({x}) == {guard.name(exact(shape))}"
                equal = f"{x} == {same}" if kind in (int, bool) or distinct(shape) else f"({x} == {same} and {close})"
                guard.require(f"{x} is {same} or {equal}")
                continue
            given.append(x)
        guard.require(f"{guard.name(mode.get)}() == {guard.name(mode.get())}")
        self.watch.guard(guard)
        for tensor, flag, shape, dtype in self.tensors:
            given += self.around(guard, tensor, flag, shape, dtype)
        given += self.numbers(guard)
        return guard.function(first, f"({', '.join(given)},)" if given else "()")

    def around(self, guard: Guard, tensor: Tensor, flag: bool, shape: Any, dtype: Any) -> list[str]:
        """What must hold of a tensor that is no argument, and what of it is given to the program."""
        x = guard.name(tensor)
        guard.require(f"{x}.requires_grad is {flag}")
        guard.require(f"{x}.data.shape == {shape} and {x}.data.dtype == {guard.name(dtype)}")
        return [f"{x}.data"]

    def numbers(self, guard: Guard) -> list[str]:
        """What else is given to the program."""
        return []

    def difference(self, other: Plan) -> str:
        """Why this program was not the right one, when another had to be made."""
        if change := self.watch.change():
            return change
        for (x, flag, shape, dtype), (y, *now) in zip(self.tensors, other.tensors, strict=False):
            if x is not y or [flag, shape, dtype] != now:
                return f"{self.watch.tensors[x]} {shape} {dtype} became {now[1]} {now[2]}"
        for position, (before, after) in enumerate(zip(self.forms, other.forms, strict=False)):
            if before != after:
                shown = [f"{kind.__name__} {shape} {dtype or ''}".strip() for kind, shape, dtype, _ in (before, after)]
                return f"argument {position} was {shown[0]} and became {shown[1]}"
        return "the number or nesting of the arguments changed"


def form(x: Any) -> tuple[Any, ...]:
    """What must be the same at the next call: type, shape (or the object itself), dtype, requires_grad."""
    if isinstance(x, Tensor):
        return Tensor, x.shape, x.dtype, x.requires_grad
    if isinstance(x, np.ndarray | np.generic):
        return type(x), x.shape, x.dtype, None
    return type(x), None if type(x) is float else x, None, None


def objects(args: Any) -> Iterator[Any]:
    """The arguments that are neither tensors nor in them: modules, settings."""
    return (x for x in leaves(args) if not isinstance(x, Tensor))


def nesting(args: Any) -> Any:
    """The tuples, lists and dicts, without what is in them."""
    return rebuild(args, repeat(None))


def argument(trace: Trace, x: Any, name: str) -> Any:
    """A stand-in for an argument."""
    if isinstance(x, Tensor):
        tensor = Tensor.wrap(trace.input(x.shape, x.dtype, x.name or name))
        tensor.requires_grad, tensor.name = x.requires_grad, x.name
        return tensor
    if isinstance(x, np.ndarray | np.generic):
        return trace.input(x.shape, x.dtype, name)
    return trace.number(np.float64, name) if type(x) is float else x


def inside(what: str) -> TypeError:
    return TypeError(
        f"compile: a compiled function must not change what is around it; got one in which {what}. It would happen "
        "once, when it is traced, and not at each call: return the new value, and set it outside."
    )


def require_same(trace: Trace, again: Trace) -> None:
    """Raise unless both traces did the same, with the same numbers; note which arrays came from outside."""
    same: dict[Value, Value] = dict(zip(trace.inputs, again.inputs, strict=False))

    def differ(x: Any, y: Any) -> bool:
        if isinstance(x, Value) and isinstance(y, Value):
            if x.known and y.known and not x.number:
                if x.constant is y.constant:
                    x.fixed = not (isinstance(x.constant, np.ndarray) and x.constant.flags.writeable)
                    return False
                return not np.array_equal(x.constant, y.constant, equal_nan=x.dtype.kind == "f")
            return same.get(x) is not y
        if type(x) is not type(y):
            return True
        if isinstance(x, tuple | list):
            return len(x) != len(y) or any(map(differ, x, y))
        if isinstance(x, slice):
            return differ((x.start, x.stop, x.step), (y.start, y.stop, y.step))
        return x is not y and x != y

    for mine, other in zip(trace.steps, again.steps, strict=False):
        if mine.function != other.function or differ(
            (mine.args, [*mine.kwargs.items()]), (other.args, [*other.kwargs.items()])
        ):
            raise repeated(f"another operand of {mine.name} the second time")
        same[mine.result] = other.result
    if len(trace.steps) != len(again.steps):
        raise repeated(f"{len(trace.steps)} steps, then {len(again.steps)}")


def repeated(what: str) -> TypeError:
    return TypeError(
        f"compile: the function must do the same each time; got {what}. Random numbers, clocks and counters would be "
        "frozen: use dropout with an rng, or pass them as arguments."
    )


class FunctionPlan(Plan):
    """The program of a function; what it reaches is read anew at each call."""

    def __init__(self, emitter: type[Emitter], function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.emitter, self.function = emitter, function
        super().__init__(Watch(function, *objects(args)), args)

    def follow(self, trace: Trace, given: tuple[Any, ...], handles: dict[Tensor, Traced]) -> Any:
        result = self.function(*given)
        described = []
        for x in leaves(result):
            data = x.data if isinstance(x, Tensor) else x
            described.append((isinstance(data, Traced), type(x) is Tensor, None if isinstance(data, Traced) else x))
            if isinstance(data, Traced):
                trace.outputs.append(data.value)
        return result, described

    def write(self, trace: Trace, described: Any) -> None:
        self.result, self.described = described
        self.result = rebuild(self.result, repeat(None))
        program = rewritten(trace)
        emitted = self.emitter(program).emit()
        self.function, self.source, self.nbytes = emitted
        self.many = len(program.outputs) != 1

    def run(self, *given: Any) -> Any:
        results = iter(self.function(*given) if self.many else [self.function(*given)])
        found = []
        for computed, is_tensor, known in self.described:
            x = next(results) if computed else known
            found.append(Tensor.wrap(x) if computed and is_tensor else x)
        return rebuild(self.result, iter(found))
