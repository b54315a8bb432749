"""Run a person's own functions and note what happens: which name held what, and in which line.

    traced = trace(forward, params, X, Y)      forward on Tensors: the cost, its graph, the named values
    ran = run_backward(backward, params, cache, X, Y)    backward on copies of arrays, line by line

Nothing of the person's is changed: the functions are given copies, and every random state they can reach is put back.

Read next: `places.py`, how a forward that writes into arrays is traced; `network.py`, what is asked of the graph.
"""

from __future__ import annotations

import inspect
import linecache
import random
import re
import sys
import traceback
from bisect import bisect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.filled import made_whole, renumbered
from tinygrad_edu.check.marking.nested import SHORT, flat
from tinygrad_edu.check.marking.places import exchanged, following, in_places, settled
from tinygrad_edu.check.marking.watch import Binding, Watch, equal, written_here
from tinygrad_edu.tensor import Tensor

__all__ = ["Failure", "Ran", "Traced", "plain", "run_backward", "same_randomness", "trace"]


@dataclass
class Failure:
    """An exception inside a person's function: the line, its text, the shapes that were known then."""

    kind: str
    message: str
    line: int | None
    text: str
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)  # what the line could read
    file: str = ""


@dataclass
class Traced:
    """A forward pass that was recorded: the cost (None if the trace was cut, `cut` says where) and the names."""

    cost: Tensor | None
    value: float
    params: dict[str, Any]
    cache: Any
    named: dict[str, Any]  # what the cache and, where it has no such name, the variables of forward hold
    earlier: dict[str, list[Any]]  # what a name held before
    cut: str = ""
    marks: list[tuple[int, int]] = field(default_factory=list)  # what was made after a count was made in a line
    steps: set[Node] = field(default_factory=set)  # half-filled arrays, which no name stands for

    def line_of(self, node: Node) -> int | None:
        """The line of the person's that made a value."""
        k = bisect(self.marks, (node.created, 0))
        return self.marks[k - 1][1] if k else None


@dataclass
class Ran:
    """What backward returned, and what its variables held on the way."""

    returned: Any
    bindings: list[Binding]
    failure: Failure | None = None
    changed: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)  # single numbers by name: m, lam


@contextmanager
def same_randomness(*functions: Callable[..., Any]) -> Iterator[None]:
    """Put back every random state that the functions can reach by name: NumPy's, Python's, their own generators."""
    generators = [x for function in functions for x in reachable(function) if isinstance(x, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    legacy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(python)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def reachable(function: Callable[..., Any]) -> list[Any]:
    """The global and enclosed values of a function."""
    function = inspect.unwrap(function)
    inside = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if filled(cell)]
    return [*getattr(function, "__globals__", {}).values(), *inside]


def filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


@contextmanager
def noting_numbers() -> Iterator[list[Tensor]]:
    """Note the Tensors that become plain numbers: `cost = float(np.squeeze(cost))` ends most people's forward."""
    noted: list[Tensor] = []
    item = Tensor.item

    def noting(self: Tensor) -> float:
        noted.append(self)
        return item(self)

    Tensor.item = noting  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        Tensor.item = item  # type: ignore[method-assign]


def copied(value: Any) -> Any:
    """A copy of nested dicts, lists and tuples of arrays."""
    return exchanged(value, np.ndarray, np.ndarray.copy)


def plain(value: Any) -> Any:
    """The same nesting with arrays in place of Tensors."""
    return exchanged(value, Tensor, lambda x: x.data.copy())


def split(result: Any) -> tuple[Any, Any]:
    """The cost and the cache in what forward returned."""
    cost, cache = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if isinstance(cost, np.ndarray | Tensor) and cost.ndim and isinstance(cache, float | np.ndarray | Tensor):
        cost, cache = (cache, cost) if not np.ndim(cache) else (cost, cache)
    if isinstance(cost, tuple | list | dict) or cost is None or np.size(cost) != 1:
        shape = f" of shape {np.shape(cost)}" if isinstance(cost, np.ndarray | Tensor) else ""
        raise ValueError(
            f"backprop: forward must return the cost, one number, and a dict of values; got {type(cost).__name__}"
            f"{shape} first. Compute the cost in forward and end it so: return cost, cache."
        )
    return cost, cache


def trace(
    forward: Callable[..., Any], params: dict[str, Any], X: Any, Y: Any, by_input: bool = False, writes: bool = False
) -> Traced:
    """Run forward once, on Tensors, X too if its gradient is wanted; on plain arrays if it cannot be traced.

    With `writes`, arrays may be written into: where all that forward returns is the same as without tracing.
    """
    inputs = Tensor(X, requires_grad=True, name="X") if by_input else copied(X)
    tensors = {
        name: Tensor(x, requires_grad=True, name=name) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        for name, x in params.items()
    }
    targets = Tensor(Y) if writes and isinstance(Y, np.ndarray) and Y.dtype.kind == "f" else copied(Y)
    given = in_places((tensors, inputs, targets)) if writes else (tensors, inputs, targets)
    watch = Watch(forward)
    with np.errstate(all="ignore"), same_randomness(forward), noting_numbers() as numbers:
        try:
            with watch, following() if writes else nullcontext() as watch.entering:
                cost, cache = split(settled(forward(*given)))
            found = cost_tensor(cost, numbers)
            cut = "its cost is no longer tied to the parameters (float(), .item() or math on a part of it)"
        except Exception as error:
            found, cache, cut = None, {}, cut_by(failed(error), params)
    again = untraced(forward, params, X, Y, cut)  # and an object that keeps values for backward has arrays again
    if found is None:
        found = held_before(watch.bindings, again.value)
    if found is not None and writes and not same(found, cache, again):
        found, again.cut = None, "its values are others when it is traced"
    if found is None:
        return again
    first = next((k for k, binding in enumerate(watch.bindings) if binding.value is found), len(watch.bindings))
    named, earlier = names(cache, watch.bindings[: first + 1], tensors)
    if by_input:
        named |= {name: inputs for name in ("X", "A0") if not isinstance(named.get(name), Tensor)}
    whole = plain(cache) or again.cache
    result = Traced(found, float(found.data.item()), tensors, whole, named, earlier, marks=watch.marks)
    return with_whole_arrays(result, found) if writes else result


def same(cost: Tensor, cache: Any, again: Traced) -> bool:
    """Whether a traced forward gave the numbers that it gives on arrays."""
    values, known = flat(plain(cache)), flat(again.cache)
    pairs = [(cost.data.ravel(), [again.value]), *((x, known[name]) for name, x in values.items() if name in known)]
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True)
        for a, b in pairs
        if isinstance(a, np.ndarray) and a.dtype.kind in "fiub"
    )


def with_whole_arrays(result: Traced, cost: Tensor) -> Traced:
    """Arrays that were written part by part as one value each, and no names for the steps to it."""
    result.steps = made_whole(cost)
    result.marks = renumbered(cost, result.line_of)
    result.earlier = {
        name: [x for x in held if not isinstance(x, Node) or x not in result.steps]
        for name, held in result.earlier.items()
    }
    result.named = {
        name: x.data if isinstance(x, Node) and x in result.steps else x for name, x in result.named.items()
    }
    return result


def held_before(bindings: list[Binding], cost: float) -> Tensor | None:
    """The cost in a variable, where the gradients are made in the same function and end the trace behind it."""
    for binding in reversed(bindings):
        x = binding.value
        if isinstance(x, Tensor) and x.requires_grad and x.size == 1 and np.isclose(x.data.item(), cost, 1e-12, 0):
            return x
    return None


def cut_by(failure: Failure, params: dict[str, Any]) -> str:
    """Where and why a forward pass could not be followed."""
    where = f"line {failure.line}, `{failure.text}`: " if failure.line else ""
    if any(isinstance(x, np.matrix) for x in params.values()):
        return f"{where}the * of np.matrix is a product of matrices; arrays can be followed, with @ for it"
    if "must not become a plain array" in failure.message:
        return (
            f"{where}a plain array is made or written into there; one that forward makes itself with np.zeros(...), "
            "np.array([...]) or np.stack can be followed"
        )
    return f"{where}{failure.kind}: {failure.message}"


def untraced(forward: Callable[..., Any], params: dict[str, Any], X: Any, Y: Any, cut: str) -> Traced:
    """The forward pass on plain arrays: the values, without a graph."""
    with np.errstate(all="ignore"), same_randomness(forward), Watch(forward) as watch:
        cost, cache = split(forward(copied(params), copied(X), copied(Y)))
    named, earlier = names(cache, watch.bindings, params)
    return Traced(None, float(np.squeeze(cost)), dict(params), cache, named, earlier, cut)


def cost_tensor(cost: Any, numbers: list[Tensor]) -> Tensor | None:
    if isinstance(cost, Tensor):
        return cost if cost.size == 1 and cost.requires_grad else None
    for tensor in reversed(numbers):
        if tensor.requires_grad and tensor.size == 1 and float(tensor.data.item()) == float(np.squeeze(cost)):
            return tensor
    return None


def names(cache: Any, bindings: list[Binding], params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Which name stands for which value: the cache's, then what the variables of forward held last."""
    earlier: dict[str, list[Any]] = {}
    for binding in sorted(bindings, key=lambda binding: binding.outer):  # the variables of forward itself last
        if binding.name not in params:
            earlier.setdefault(binding.name, []).append(binding.value)
    own = {binding.name for binding in bindings if binding.outer}
    named = {name: earlier[name][-1] for name in sorted(earlier, key=lambda name: name not in own)}
    entries = {name: x for name, x in flat(cache).items() if isinstance(x, Tensor | np.ndarray)}
    named |= {name: x for name, x in entries.items() if len(entries) < SHORT or x.size > 1}
    return named, earlier


def run_backward(backward: Callable[..., Any], params: dict[str, Any], cache: Any, X: Any, Y: Any) -> Ran:
    """Run backward on copies, noting its variables; an exception is part of the result."""
    given = {"params": copied(params), "cache": copied(cache), "X": copied(X), "Y": copied(Y)}
    before = copied(given)
    failure, returned = None, None
    with np.errstate(all="ignore"), same_randomness(backward), Watch(backward) as watch:
        try:
            returned = backward(given["params"], given["cache"], given["X"], given["Y"])
        except Exception as error:
            sys.settrace(watch.before)
            failure = failed(error)
    if isinstance(returned, tuple) and len(grads := [x for x in returned if isinstance(x, dict)]) == 1:
        returned = grads[0]  # the cost beside them
    if isinstance(returned, list | tuple):
        entries = flat(returned)
        in_order = {place(key) for key in entries} <= {place(key) for key in params}
        returned = entries if in_order else by_variables(entries, watch.bindings) or returned
    if isinstance(returned, dict):
        returned = {key: g for key, g in flat(returned).items() if g is not None}
    known = getattr(inspect.unwrap(backward), "__globals__", {})
    numbers = {name: x for name, x in known.items() if type(x) in (int, float)} | watch.numbers
    return Ran(returned, watch.bindings, failure, tuple(differing(before, given)), numbers)


def place(key: str) -> str:
    """The numbers of a path: [0][dW] and [0][W] stand in one place."""
    return "".join(re.findall(r"\[\d+\]", key))


def by_variables(entries: dict[str, Any], bindings: list[Binding]) -> dict[str, Any]:
    """Gradients that were returned without names, by the variables that held them; empty if one was in none."""
    named = {}
    for x in entries.values():
        held = [b for b in bindings if isinstance(x, np.ndarray | np.floating) and equal(x, b.value)]
        held = [b for b in held if b.outer] or [b for b in held if not b.held_by] or held
        if not held:
            return {}
        named[held[-1].name] = x
    return named


def failed(error: Exception) -> Failure:
    """Where in the person's file an exception came up."""
    frames = [frame for frame in traceback.walk_tb(error.__traceback__) if written_here(frame[0].f_code.co_filename)]
    if not frames:
        return Failure(type(error).__name__, str(error), None, "")
    frame, line = frames[-1]
    shapes = {name: x.shape for name, x in frame.f_locals.items() if isinstance(x, np.ndarray)}
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    scope = frame.f_globals | frame.f_locals
    return Failure(type(error).__name__, str(error), line, text, shapes, scope, frame.f_code.co_filename)


def differing(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """The names of the arrays that are not what they were."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before:
            if key in after:
                yield from differing(before[key], after[key], f"{key}" if place in ("", "params", "cache") else place)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for x, y in zip(before, after, strict=False):
            yield from differing(x, y, place)
    elif isinstance(before, np.ndarray) and isinstance(after, np.ndarray) and not equal(before, after):
        yield place
