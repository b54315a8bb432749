"""The ONNX counterparts of x[key], and of what else gives entries other places: flip, roll, sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.read.onnx.call import Call, counterpart

LAST = 2**63 - 1  # as the end of a slice: all that is left


@counterpart("index")
def index(call: Call) -> str:
    """x[key]: what is cut out, then what is picked, then the axes that go and those that are new."""
    first, second = (parts(node.params["key"], call.ndim(0)) for node in (call.node, call.again))
    x = sliced(call, call.x(0), first, second)
    if any(isinstance(part, np.ndarray) for part in first):
        x = gathered(call, x, first, second)
    elif gone := [axis for axis, part in enumerate(of_axes(first)) if isinstance(part, int)]:
        x = call("Squeeze", x, call.integers(*gone))
    new = new_axes(first)
    return call("Unsqueeze", x, call.integers(*new)) if new else x


@counterpart("flip")
def flip(call: Call) -> str:
    axis = call.param("axis")
    return flipped(
        call, call.x(0), range(call.ndim(0)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    )


@counterpart("rot90")
def rot90(call: Call) -> str:
    quarters, axes = call.param("k", 1) % 4, call.param("axes", (0, 1))
    first, second = order = [a % call.ndim(0) for a in axes]
    turned = list(range(call.ndim(0)))
    turned[first], turned[second] = second, first
    if quarters in (0, 2):
        return flipped(call, call.x(0), order if quarters else ())
    if quarters == 1:
        return call("Transpose", flipped(call, call.x(0), [second]), perm=turned)
    return flipped(call, call("Transpose", call.x(0), perm=turned), [second])


def flipped(call: Call, x: str, axes: Sequence[int]) -> str:
    """x with the entries along some axes in reverse."""
    if not axes:
        return x
    starts, ends, steps = (call.integers(*(number for _ in axes)) for number in (-1, -LAST, -1))
    return call("Slice", x, starts, ends, call.integers(*(a % call.ndim(0) for a in axes)), steps)


@counterpart("roll")
def roll(call: Call) -> str:
    x, shift, axis = call.x(0), call.param("shift"), call.param("axis")
    if axis is None:
        x, axis = call("Reshape", x, call.integers(-1)), 0
    for steps, along in np.broadcast(shift, axis):
        a = int(along) % max(call.ndim(0), 1)
        length = call("Max", call("Shape", x, start=a, end=a + 1), call.integers(1))
        cut = call("Sub", length, call("Mod", call.integers(int(steps)), length))
        halves = (cut, call.integers(LAST)), (call.integers(0), cut)
        x = call("Concat", *(call("Slice", x, *half, call.integers(a)) for half in halves), axis=a)
    return call.shaped(x)


@counterpart("sort")
def sort(call: Call) -> str:
    x, axis = call.x(0), call.param("axis", -1)
    if axis is None:
        x, axis = call("Reshape", x, call.integers(-1)), 0
    a = axis % max(call.ndim(0), 1)
    return call("TopK", x, call("Shape", x, start=a, end=a + 1), axis=a, largest=0, results=2)


def parts(key: Any, ndim: int) -> list[Any]:
    """An index as slices, integers or arrays, one for each axis, and None for each new one.

    A mask is the positions where it holds. Beside arrays, integers are arrays, too. An Ellipsis for no axis is left as
    it is: it still stands between the others.
    """
    key = key if isinstance(key, tuple) else (key,)
    found: list[Any] = []
    for part in key:
        if isinstance(part, list | tuple | range):
            part = np.asarray(part) if len(part) else np.zeros(0, int)
        if part is not None and np.asarray(part).dtype != bool:
            found.append(int(part) if np.ndim(part) == 0 and hasattr(part, "__index__") else part)
        elif np.ndim(part):
            found.extend(np.nonzero(part))
        elif part is None or (part and len(key) == 1):  # x[True] is x[None]
            found.append(None)
        else:
            raise ValueError(
                f"onnx.export: an index must be slices, integers, arrays or None; got {part} in {key}. "
                "Write None for a new axis."
            )
    left = ndim - sum(part is not None and part is not ... for part in found)
    at = next((k for k, part in enumerate(found) if part is ...), len(found))
    found[at : at + bool(left)] = [slice(None)] * left
    if any(isinstance(part, np.ndarray) for part in found):
        return [np.array(part) if isinstance(part, int) else part for part in found]
    return found


def of_axes(found: list[Any]) -> list[Any]:
    """The parts of an index that stand for axes of x."""
    return [part for part in found if part is not None and part is not ...]


def places(found: list[Any]) -> tuple[list[int], bool]:
    """Where the arrays of an index stand, and whether next to one another."""
    arrays = [place for place, part in enumerate(found) if isinstance(part, np.ndarray)]
    return arrays, arrays == list(range(arrays[0], arrays[0] + len(arrays))) if arrays else True


def new_axes(found: list[Any]) -> list[int]:
    """Where the axes that None makes stand in the result."""
    arrays, together = places(found)
    picked = max((found[place].ndim for place in arrays), default=0)
    position, new = 0 if together else picked, []
    for place, part in enumerate(found):
        if part is None:
            new.append(position)
        if part is None or isinstance(part, slice):
            position += 1
        elif together and place in arrays[:1]:
            position += picked
    return new


def sliced(call: Call, x: str, first: list[Any], second: list[Any]) -> str:
    """The slices and single entries of an index; every axis stays."""
    axes, bounds = [], []
    for axis, pair in enumerate(zip(of_axes(first), of_axes(second), strict=True)):
        if not isinstance(pair[0], np.ndarray) and pair[0] != slice(None):
            axes.append(axis)
            bounds.append([limits(part) for part in pair])
    if not axes:
        return x
    starts, ends, steps = (
        call.writer.integers(tuple(a[k] for a, _ in bounds), tuple(b[k] for _, b in bounds), call.node)
        for k in range(3)
    )
    return call("Slice", x, starts, ends, call.integers(*axes), steps)


def limits(part: Any) -> tuple[int, int, int]:
    """Start, end and step of a slice, or of the slice of one entry."""
    if isinstance(part, int):
        return part, part + 1 if part != -1 else LAST, 1
    step = 1 if part.step is None else int(part.step)
    start, end = (0, LAST) if step > 0 else (LAST, -LAST)
    return start if part.start is None else int(part.start), end if part.stop is None else int(part.stop), step


def gathered(call: Call, x: str, first: list[Any], second: list[Any]) -> str:
    """The entries that arrays of positions name. Where arrays stand apart, their axes come first, as in NumPy."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if isinstance(a, np.ndarray)]
    positions = [call.writer.cast(call.writer.constant(*pair, call.node), pair[0].dtype, np.int64) for pair in pairs]
    kept = of_axes(first)
    chosen = [axis for axis, part in enumerate(kept) if isinstance(part, np.ndarray)]
    if len(chosen) == 1:
        return call("Gather", x, positions[0], axis=chosen[0])
    if any(len({array.shape for array in arrays}) > 1 for arrays in zip(*pairs, strict=True)):
        total = positions[0]
        for other in positions[1:]:
            total = call("Add", total, other)
        nothing = call("Sub", total, total)
        positions = [call("Add", one, nothing) for one in positions]
    others = [axis for axis in range(len(kept)) if axis not in chosen]
    columns = [call("Unsqueeze", one, call.integers(-1)) for one in positions]
    x = call("GatherND", call("Transpose", x, perm=chosen + others), call("Concat", *columns, axis=-1))
    _, together = places(first)
    before = chosen[0] if together else 0
    new = max(array.ndim for array, _ in pairs)
    axes = range(new + len(others))
    return call("Transpose", x, perm=[*axes[new : new + before], *axes[:new], *axes[new + before :]])


@counterpart("scatter")
def scatter(call: Call) -> str:
    """Zeros with x added at a key: the gradient of x[key], for sizes that are fixed."""
    shape = call.param("shape")
    targets = np.arange(np.prod(shape)).reshape(shape)[call.param("key")]
    entries = call("Reshape", call.x(0), call.integers(-1))
    nothing = call.writer.stored(np.zeros(np.prod(shape), call.dtype))
    total = call("ScatterElements", nothing, call.integers(*targets.ravel()), entries, axis=0, reduction="add")
    return call("Reshape", total, call.integers(*shape))
