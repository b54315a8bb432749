"""Choose the numbers on which a backprop is marked.

One example hides every 1/m, equal sizes hide a transpose, zero weights hide nearly everything. Where the person's file
can make parameters and data of any size, sizes are chosen that hide nothing; else their own data are used, and what
these cannot show is said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.network import PRODUCTS, Network
from tinygrad_edu.check.marking.trace import Traced, copied, same_randomness

__all__ = ["Probe", "examples", "own", "probes", "redrawn"]

EXAMPLES = 13  # prime, and no product of the sizes below
HIDDEN = (7, 5, 11, 9, 8)
INPUTS, OUTPUTS = 6, 3
ENLARGED = 7  # examples where there was one


@dataclass
class Probe:
    """Parameters, data, and a word on where they come from."""

    params: dict[str, Any]
    X: Any
    Y: Any
    about: str = ""
    integers: tuple[str, ...] = ()  # what was given in whole numbers
    float32: tuple[str, ...] = ()
    indices: Any = None  # X in whole numbers, as it was given


def probes(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    params: dict[str, Any] | None,
    X: Any,
    Y: Any,
    init: Callable[..., Any] | None,
    data: Callable[..., Any] | None,
    sizes: Sequence[int] | None,
    m: int | None,
    rng: np.random.Generator,
) -> list[Probe]:
    """The person's own sizes first, then, where they can be chosen, sizes that hide nothing."""
    found = []
    if params is not None:
        found.append(own(params, X, Y, rng))
    if init is not None and data is not None and sizes is not None:
        functions = (forward, backward, init, data)
        with same_randomness(*functions):
            count = max(m or 0, 5)
            if params is None:
                found.append(made(init, data, tuple(sizes), count, rng))
            if not fixed(functions, (*sizes, m)):
                other = distinct(sizes)
                try:
                    found.append(made(init, data, other, EXAMPLES, rng))
                except Exception:  # their init or data cannot make other sizes: their own must do
                    return found
    return found


def own(params: dict[str, Any], X: Any, Y: Any, rng: np.random.Generator | None) -> Probe:
    """The person's own numbers in float64; with an rng, other weights in the place of zero or equal ones."""
    ready: dict[str, Any] = {}
    integers, float32 = [], []
    for name, value in copied(params).items():
        x = ready[name] = np.asarray(value) if isinstance(value, list) else value
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiu" and x.size:
            integers += [name] if x.dtype.kind in "iu" else []
            float32 += [name] if x.dtype.itemsize < 8 and x.dtype.kind == "f" else []
            x = ready[name] = x.astype(float)
            if rng is not None and x.size > 1 and np.ptp(x) == 0:
                ready[name] = rng.standard_normal(x.shape) * 0.5
    inputs = np.asarray(X)
    if inputs.dtype.kind in "iuf":
        X = inputs.astype(float)
    indices = inputs if inputs.dtype.kind in "iu" else None
    if indices is not None and inputs.size > 1:
        integers.append("X")
    if isinstance(Y, np.ndarray) and Y.dtype.kind == "f":
        Y = Y.astype(float)
    return Probe(ready, X, copied(Y), "Marked on your data.", tuple(integers), tuple(float32), indices)


def made(
    init: Callable[..., Any], data: Callable[..., Any], sizes: tuple[int, ...], m: int, rng: np.random.Generator
) -> Probe:
    with np.errstate(all="ignore"):
        params = init(sizes, rng)
        X, Y = data(sizes, m, rng)
    for name, x in params.items():
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 1 and np.ptp(x) == 0:
            params[name] = rng.standard_normal(x.shape) * 0.5
    probe = own(params, X, Y, rng)
    probe.about = f"Marked with layers of {', '.join(map(str, sizes))} and {m} examples."
    return probe


def distinct(sizes: Sequence[int]) -> tuple[int, ...]:
    """Sizes of as many layers, all different; one output stays one."""
    hidden = [HIDDEN[k % len(HIDDEN)] + 10 * (k // len(HIDDEN)) for k in range(len(sizes) - 2)]
    return (INPUTS, *hidden, 1 if sizes[-1] == 1 else OUTPUTS)


def redrawn(probe: Probe, trained: Sequence[str], m: int, axis: int | None, rng: np.random.Generator) -> Probe:
    """Other weights of the same shapes; where there is one example, more of the same kind.

    Small weights hide most slips of an activation, dead units hide all of them, one example hides every 1/m.
    """
    params = copied(probe.params)
    for name in trained:
        x = params[name]
        scale = 1 / np.sqrt(min(x.shape)) if x.ndim > 1 and min(x.shape) > 1 else 0.3
        params[name] = rng.standard_normal(x.shape) * scale
    X, Y, about = probe.X, probe.Y, "Marked with your data and other weights."
    if m == 1 and axis is not None and np.ndim(X) == 2:
        X, Y = more_like(X, axis, rng), more_like(Y, axis, rng)
        about = f"Marked with {ENLARGED} examples like yours: one example hides every 1/m."
    elif isinstance(Y, np.ndarray) and Y.size > 1 and np.unique(Y).tolist() in ([0], [1]):
        Y = rng.permuted(np.arange(Y.size) % 2).reshape(Y.shape).astype(Y.dtype)  # one class alone hides the other
    return Probe(params, X, Y, about, probe.integers)


def more_like(x: Any, axis: int, rng: np.random.Generator) -> Any:
    """Several examples of the kind of one: zeros and ones, one-hot, whole numbers, or anything."""
    one = np.asarray(x)
    if one.ndim == 0 or one.shape[axis if one.ndim > 1 else 0] != 1:
        return x
    shape = list(one.shape)
    shape[axis if one.ndim > 1 else 0] = ENLARGED
    if one.size > 1 and set(np.unique(one)) == {0, 1} and one.sum() == 1:
        hot = np.eye(one.size)[rng.permutation(np.arange(ENLARGED) % one.size)]
        return (hot if axis == 0 else hot.T).astype(one.dtype)
    if set(np.unique(one)) <= {0, 1}:
        return rng.permuted(np.arange(int(np.prod(shape))) % 2).reshape(shape).astype(one.dtype)
    if one.dtype.kind in "iu":
        return rng.integers(0, one.max() + 1, shape).astype(one.dtype)
    return rng.standard_normal(shape) * max(1.0, float(np.std(one)))


def fixed(functions: Sequence[Callable[..., Any]], values: Sequence[Any]) -> bool:
    """Whether a function reads a size from a global constant: then the sizes must stay."""
    for function in functions:
        function = inspect.unwrap(function)
        code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
        for name in code.co_names if code else ():
            held = known.get(name)
            if (isinstance(held, int) and not isinstance(held, bool) and held in values and held > 1) or (
                isinstance(held, tuple | list) and len(held) > 1 and list(held) == list(values[:-1])
            ):
                return True
    return False


def examples(traced: Traced, X: Any, Y: Any) -> tuple[int, int | None]:
    """How many examples there are, and along which axis of X they run."""
    x, y = np.asarray(X), np.asarray(Y)
    if x.ndim < 2:
        return (len(x) if x.ndim else 1), 0
    if traced.cost is not None:
        for node in Network(traced).nodes:
            for k, operand in enumerate(node.inputs if node.op in PRODUCTS else ()):
                array = operand.data if isinstance(operand, Node) else operand
                for turned in (False, True):
                    if np.array_equal(array, x.T if turned else x) and x.ndim == 2:
                        axis = int((k == 1) != turned)
                        return x.shape[axis], axis
    if y.ndim == 2 and x.shape[0] != y.shape[0] and x.shape[1] == y.shape[1]:
        return x.shape[1], 1
    return x.shape[0], 0
