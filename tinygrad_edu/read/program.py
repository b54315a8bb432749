"""A calculation as a straight-line program: every NumPy call, one after the other.

    program = tidied(trace)             # made by a Trace, see `traced.py`
    print(program)
    program.run(np.ones((3, 2)))

A step is a call of a NumPy function, and makes one value; a value is made once and never changes.

Read next: `traced.py`, how such a program is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = [
    "Program",
    "Step",
    "Value",
    "added_at",
    "call",
    "placed",
    "replaced",
    "sources",
    "stand_in",
    "tidied",
    "values_in",
]

ZERO = bytes(64)  # one number of any dtype


class Value:
    """What a program is given, knows or makes; each is made once and never changes.

    shape, dtype
    step      the step that makes it, or None
    constant  the array itself, where it is known (also a Python number)
    fixed     whether a constant stays what it is; else the array may be changed from outside between two runs
    number    whether it is a Python number, which takes on the dtype of the arrays that it meets
    name      how it is printed, where a name was given
    """

    __slots__ = ("constant", "dtype", "fixed", "name", "number", "shape", "step")

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        step: Step | None = None,
        constant: Any = None,
        number: bool = False,
        name: str | None = None,
    ) -> None:
        self.shape, self.dtype, self.step, self.constant = shape, np.dtype(dtype), step, constant
        self.number, self.name, self.fixed = number, name, True

    @property
    def known(self) -> bool:
        return self.constant is not None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    def example(self, diagonal: float = 0) -> Any:
        """A stand-in of this shape and dtype: zeros that take no memory, or matrices with a diagonal."""
        if self.known and self.fixed:
            return self.constant
        if self.number:
            return self.dtype.type(diagonal).item()
        if not diagonal:
            return stand_in(self.shape, self.dtype)
        fill: Any = np.zeros((), self.dtype)
        if self.dtype.kind == "b":
            fill = np.ones((), bool)
        elif self.dtype.kind == "f" and self.shape:
            fill = np.arange(1, self.shape[-1] + 1, dtype=self.dtype) * diagonal
            fill = fill * np.eye(*self.shape[-2:], dtype=self.dtype) if len(self.shape) > 1 else fill
        return np.broadcast_to(fill, self.shape)

    def __repr__(self) -> str:
        made_by = f" = {self.step.name}(...)" if self.step else ""
        return f"Value({self.name or ''}{list(self.shape)} {self.dtype}{made_by})"


def stand_in(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that take no memory."""
    if dtype.hasobject:
        return np.broadcast_to(np.zeros((), dtype), shape)
    return np.ndarray(shape, dtype, ZERO, strides=(0,) * len(shape))  # as np.broadcast_to, ten times as fast


class Step:
    """One call, function(*args, **kwargs): where a Traced array was given stands its Value.

    `acts` marks what does more than give a result (a check that may raise, a random draw): it is never left out and
    never merged with another. `section` is a heading for the steps that have it.
    """

    __slots__ = ("acts", "args", "form", "function", "kwargs", "result", "section")

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], acts: bool = False) -> None:
        self.function, self.args, self.kwargs, self.acts = function, args, kwargs, acts
        self.section = ""
        self.form: Any = None  # something of the form of the result
        self.result: Any = None

    @property
    def name(self) -> str:
        """`tanh`, or `add.reduce` for a method of a ufunc."""
        owner = getattr(self.function, "__self__", None)
        name = getattr(self.function, "__name__", None) or self.function.name
        return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name

    @property
    def inputs(self) -> list[Value]:
        """The values among the arguments, in order."""
        return [*values_in(self.args), *values_in(tuple(self.kwargs.values()))]

    def __repr__(self) -> str:
        return f"Step({self.name})"


def values_in(tree: Any) -> Iterator[Value]:
    """The values in nested tuples, lists and slices."""
    if isinstance(tree, Value):
        yield tree
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from values_in(part)
    elif isinstance(tree, slice):
        yield from values_in((tree.start, tree.stop, tree.step))


def sources(value: Value) -> set[Value]:
    """All values that one is made of."""
    found, waiting = {value}, [value]
    while waiting:
        step = waiting.pop().step
        new = {*step.inputs} - found if step else set()
        found |= new
        waiting += new
    return found


def replaced(tree: Any, kind: Any, new: Callable[[Any], Any]) -> Any:
    """The same nesting with new(x) for each x of a kind."""
    if isinstance(tree, kind):
        return new(tree)
    if isinstance(tree, tuple | list):
        parts = [replaced(part, kind, new) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if isinstance(tree, slice):
        return slice(*(replaced(part, kind, new) for part in (tree.start, tree.stop, tree.step)))
    return tree


class Program:
    """The steps of a calculation, in order.

    inputs   the values that are given when it runs
    steps    in the order in which they were called
    outputs  the values that are wanted
    """

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.steps: list[Step] = []
        self.outputs: list[Value] = []

    def run(self, *inputs: Any) -> list[Any]:
        """The outputs, computed step by step."""
        found = dict(zip(self.inputs, inputs, strict=True))
        for step in self.steps:
            found[step.result] = call(step, lambda value: value.constant if value.known else found[value])
        return [value.constant if value.known else found[value] for value in self.outputs]

    def __str__(self) -> str:
        names: dict[Value, str] = {}

        def name(value: Value) -> str:
            fallback = f"constant{list(value.shape)}" if value.known else value.name or f"x{len(names)}"
            return names.setdefault(value, fallback)

        lines = [f"inputs {', '.join(map(name, self.inputs))}"]
        for step in self.steps:
            shown = replaced((*step.args, *step.kwargs.items()), Value, lambda value: Named(name(value)))
            lines.append(f"{name(step.result)} = {step.name}{shown}")
        return "\n".join([*lines, f"outputs {', '.join(map(name, self.outputs))}"])


class Named(str):
    """A name that prints without quotes."""

    __repr__ = str.__str__


def call(step: Step, value: Callable[[Value], Any]) -> Any:
    """The result of a step, given its values."""
    args = replaced(step.args, Value, value)
    if step.function is np.ndarray.astype:
        args = np.asarray(args[0]), *args[1:]  # a single number, too
    return step.function(*args, **{key: replaced(x, Value, value) for key, x in step.kwargs.items()})


def value_like(form: Any, step: Step) -> Value:
    """A value of the shape and dtype of a stand-in; a Python number is one that takes on other dtypes."""
    if form is None:
        return Value((), object, step)
    return Value(np.shape(form), np.asarray(form).dtype, step, number=type(form) in (int, float, bool))


# Steps for what NumPy does in place


def placed(array: Any, key: Any, x: Any) -> Any:
    """The array with x at `key`: array[key] = x."""
    array = np.array(array)
    array[key] = x
    return array


def added_at(array: Any, key: Any, x: Any) -> Any:
    """The array with x added at `key`, entries that are named twice getting both: np.add.at."""
    array = np.array(array)
    np.add.at(array, key, x)
    return array


# The same program with less in it

SMALL = 1 << 16  # bytes of a constant that is compared by its entries
#: Functions whose result depends on the shapes and dtypes of arrays, not on what is in them.
LIKE = {np.zeros_like, np.ones_like, np.full_like}


def tidied(program: Program) -> Program:
    """The program with each calculation once, known ones done, and without what nothing depends on.

    It is another program, of other steps with the same inputs; where an output is the same, so is its Value.
    """
    tidy = Program()
    tidy.inputs = list(program.inputs)
    now: dict[Value, Value] = {}  # what stands for a value from here on
    seen: dict[Any, Value] = {}

    def current(value: Value) -> Value:
        value = now.get(value, value)
        if value.known and value.fixed and not value.number and value.constant.nbytes <= SMALL:
            return seen.setdefault((value.shape, value.dtype, value.constant.tobytes()), value)
        return value

    for step in program.steps:
        args = replaced(step.args, Value, current)
        kwargs = {key: replaced(x, Value, current) for key, x in step.kwargs.items()}
        again = Step(step.function, args, kwargs, step.acts)
        again.result = step.result
        again.result.step, again.section = again, step.section
        form_only = step.function in LIKE and not list(values_in((args[1:], *kwargs.values())))
        known = form_only or all(value.known and value.fixed for value in again.inputs)
        if known and not step.acts and step.result.dtype != object:
            constant = call(again, Value.example)
            result = now[step.result] = value_like(constant, again)
            result.constant = constant if result.number else np.asarray(constant)
            continue
        key = None if step.acts else frozen((step.function, args, tuple(sorted(kwargs.items()))))
        if key is not None and key in seen:
            now[step.result] = seen[key]
            continue
        if key is not None:
            seen[key] = step.result
        tidy.steps.append(again)
    tidy.outputs = [current(value) for value in program.outputs]
    needed = set(tidy.outputs)
    for step in reversed(tidy.steps):
        if step.acts or step.result in needed:
            needed.update(step.inputs)
            needed.add(step.result)
    tidy.steps = [step for step in tidy.steps if step.result in needed]
    return tidy


def frozen(tree: Any) -> Any:
    """A key that is the same for the same call: 1, 1.0 and True are told apart, and 0.0 and -0.0."""
    if isinstance(tree, tuple | list):
        return (type(tree), *map(frozen, tree))
    if isinstance(tree, slice):
        return (slice, frozen((tree.start, tree.stop, tree.step)))
    if isinstance(tree, Value):
        return tree
    try:
        hash(tree)
    except TypeError:
        return id(tree)
    return (type(tree), repr(tree) if isinstance(tree, float | complex) else tree)
