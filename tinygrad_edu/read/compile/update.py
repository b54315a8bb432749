"""The optimizer's own `step`, recorded: it is run on traced arrays in place of parameters and gradients.

Small parameters are laid out side by side in one vector, so that one update serves all; so are their gradients and what
the optimizer keeps for them. This is right where each entry is treated on its own and all alike, as the optimizers of
this package do. One of a person's own may look at the position, the shape or a norm: it updates each parameter alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from tinygrad_edu.optim import Optimizer
from tinygrad_edu.read.compile.memory import view_key
from tinygrad_edu.read.compile.rewrites import joined
from tinygrad_edu.read.compile.watch import origin
from tinygrad_edu.read.program import Value
from tinygrad_edu.read.traced import Trace, Traced
from tinygrad_edu.tensor import Tensor

__all__ = ["Group", "Update", "require_apart", "require_unused", "side_by_side", "writable"]

SMALL = 1 << 16  # bytes of a parameter that is laid out with others: beyond, a call of its own costs little


class Group:
    """Parameters that are updated as one array.

    positions  where they stand among the optimizer's
    inputs     the values of that array and of the optimizer's state for it
    gradient   the value of its gradient, where it is joined of several
    count      the value of the steps taken
    """

    def __init__(self, positions: list[int]) -> None:
        self.positions = positions
        self.inputs: list[Value] = []
        self.gradient: Value | None = None
        self.count: Value | None = None
        self.counts = False


class Whole:
    """Mixed into an optimizer that has a group at the position of the group's first parameter: each is one piece."""

    params: list[Tensor]
    steps: list[Any]
    state: list[tuple[Any, ...]]

    def pieces(self) -> Iterator[tuple[Any, ...]]:
        for position, x in enumerate(self.params):
            if x.grad is not None:
                self.steps[position] += 1
                yield position, x.data, x.grad.data, self.state[position]


class Update:
    """One step of an optimizer, recorded.

    groups   the parameters that have a gradient
    starts   the value of each tensor before it
    targets  the value that each changed input shall hold after the step
    length   the value of the gradient's length alone, if it is asked for
    """

    def __init__(
        self,
        trace: Trace,
        optimizer: Optimizer,
        handles: dict[Tensor, Traced],
        gradients: Sequence[Any],
        measured: bool,
    ) -> None:
        self.length: list[Value] = []
        self.starts = {x: handle.value for x, handle in handles.items()}
        trained = [k for k, x in enumerate(optimizer.params) if x.requires_grad]
        found = {k: g.data for k, g in zip(trained, gradients, strict=True) if g is not None}
        alike = origin(type(optimizer)) == "tinygrad_edu"
        self.groups = grouped(optimizer, found) if alike else [Group([k]) for k in found]
        for k, g in found.items():
            g.value.name = f"d{handles[optimizer.params[k]].value.name}"
        lr = trace.number(np.float64, "lr")
        shadow: Any = object.__new__(type(type(optimizer).__name__, (Whole, type(optimizer)), {}))
        vars(shadow).update(vars(optimizer))
        shadow._lr, shadow.rates = lr, [lr] * len(optimizer.params)
        shadow.params = [Tensor.wrap(handles[x]) for x in optimizer.params]
        shadow.steps, shadow.state = [*optimizer.steps], [*optimizer.state]
        changing: list[tuple[Traced, Value]] = []
        for number, group in enumerate(self.groups):
            position = group.positions[0]
            first = optimizer.params[position]
            x, g = handles[first], found[position]
            if len(group.positions) > 1:
                size = sum(optimizer.params[k].size for k in group.positions)
                x = trace.input((size,), first.dtype, numbered("parameters", number))
                g = trace.record(joined, tuple(found[k] for k in group.positions), {})
                group.gradient = g.value
            start = x.value
            state = tuple(trace.input(x.shape, x.dtype, numbered(name, number)) for name in optimizer.buffers)
            count = trace.number(np.int64, numbered("steps", number))
            group.inputs, group.count = [start, *(array.value for array in state)], count.value
            changing += [(array, array.value) for array in (x, *state)]
            shadow.params[position] = whole = Tensor.wrap(x)
            whole.requires_grad, whole.grad = True, Tensor.wrap(g)
            shadow.steps[position], shadow.state[position] = count, state
        if measured:
            gradients = [np.reshape(x.grad.data, -1) for x in shadow.params if x.grad is not None]
            zero = Traced(trace, trace.constant(np.zeros(())))
            length: Any = np.sqrt(sum((np.dot(g, g) for g in gradients), start=zero))
            self.length = [length.value]
        shadow.step()
        for group in self.groups:
            steps = shadow.steps[group.positions[0]]
            group.counts = not (isinstance(steps, Traced) and steps.value is group.count)
        self.targets = {start: array.value for array, start in changing if array.value is not start}


def numbered(name: str, number: int) -> str:
    return f"{name}_{number + 1}" if number else name


def grouped(optimizer: Optimizer, found: dict[int, Any]) -> list[Group]:
    """Large parameters alone, small ones of a dtype and a number of steps together."""
    groups: list[Group] = []
    together: dict[Any, Group] = {}
    for position in found:
        x = optimizer.params[position]
        key = x.dtype, optimizer.steps[position]
        if x.size * x.dtype.itemsize > SMALL:
            groups.append(Group([position]))
        elif key in together:
            together[key].positions.append(position)
        else:
            together[key] = Group([position])
            groups.append(together[key])
    return groups


# Where the parameters lie


def writable(x: Tensor, name: str) -> np.ndarray:
    """The array of a parameter, as one that an update can change."""
    if not x.data.flags.writeable:
        raise ValueError(
            f"compile: parameters must be writable; got {name}, an array that is read-only. Set its data to a copy."
        )
    return x.data


def require_apart(tensors: Iterable[Tensor]) -> None:
    """Raise if two tensors share memory: an update of one would change the other."""
    bounds = sorted((*np.lib.array_utils.byte_bounds(x.data), k) for k, x in enumerate(tensors) if x.size)
    for (_, end, first), (start, _, second) in pairwise(bounds):
        if start < end:
            raise ValueError(
                f"compile: each parameter must have memory of its own; got overlapping ones at positions "
                f"{min(first, second)} and {max(first, second)}. Copy one, or use the same Tensor in both places."
            )


def require_unused(moved: Iterable[tuple[Tensor, np.ndarray]], arrays: Iterable[Value]) -> None:
    """Raise if a parameter that gets another array is used as an array, too: that would no longer be the parameter."""
    for x, new in moved:
        for array in arrays:
            if x.data is not new and np.may_share_memory(x.data, array.constant):
                raise ValueError(
                    f"compile: the data of a parameter must be used through its Tensor; got {array.name}, its array, "
                    "which is moved when parameters are laid side by side. Use the Tensor, or take a copy."
                )


def side_by_side(arrays: list[np.ndarray], turned: Sequence[int] = ()) -> tuple[np.ndarray, list[np.ndarray]]:
    """One vector that holds all arrays, and the arrays as views of it; one array alone stays alone.

    turned  the positions of matrices that lie column by column
    """
    if len(arrays) == 1:
        alone = np.ascontiguousarray(arrays[0])
        return alone, [alone]
    shapes, size, dtype = [x.shape for x in arrays], sum(x.size for x in arrays), arrays[0].dtype
    base: Any = arrays[0].base
    alike = isinstance(base, np.ndarray) and base.shape == (size,) and base.dtype == dtype and base.flags.c_contiguous
    if alike and [*map(view_key, arrays)] == [*map(view_key, cut(base, shapes, turned))]:
        return base, arrays
    whole = np.empty(size, dtype)
    parts = cut(whole, shapes, turned)
    for part, x in zip(parts, arrays, strict=True):
        part[...] = x
    return whole, parts


def cut(whole: np.ndarray, shapes: Sequence[tuple[int, ...]], turned: Sequence[int]) -> list[np.ndarray]:
    """The parts of a vector, one after the other."""
    stops = [*accumulate(map(math.prod, shapes), initial=0)]
    return [
        whole[start:stop].reshape(shape[::-1]).T if k in turned else whole[start:stop].reshape(shape)
        for k, ((start, stop), shape) in enumerate(zip(pairwise(stops), shapes, strict=True))
    ]
