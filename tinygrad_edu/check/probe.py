"""Choose the numbers on which a backprop is marked.

One example hides every 1/m, equal sizes hide a transpose, zero weights hide nearly everything. Where the person's file
can make parameters and data of any size, sizes are chosen that hide nothing; else their own data are used, and what
these cannot show is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.network import PRODUCTS, Network
from tinygrad_edu.check.trace import Traced, copied, same_randomness

__all__ = ["Probe", "examples", "probes"]

EXAMPLES = 13  # prime, and no product of the sizes below
HIDDEN = (7, 5, 11, 9, 8)
INPUTS, OUTPUTS = 6, 3


@dataclass
class Probe:
    """Parameters, data, and a word on where they come from."""

    params: dict[str, Any]
    X: Any
    Y: Any
    about: str = ""
    notes: tuple[str, ...] = ()


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


def own(params: dict[str, Any], X: Any, Y: Any, rng: np.random.Generator) -> Probe:
    """The person's own numbers in float64, other weights in the place of zero or equal ones."""
    notes = []
    ready: dict[str, Any] = {}
    for name, value in copied(params).items():
        x = np.asarray(value) if isinstance(value, list) else value
        if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.size > 1:
            notes.append(f"{name} holds integers: updates would be cut to whole numbers. Write 1.0, or .astype(float).")
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiu":
            x = x.astype(float)
            if x.size > 1 and np.ptp(x) == 0:
                x = rng.standard_normal(x.shape) * 0.5
        ready[name] = x
    inputs = np.asarray(X)
    if inputs.dtype.kind in "iuf":
        if inputs.dtype.kind in "iu" and inputs.size > 1:
            notes.append("X holds integers; it was marked as floats.")
        X = inputs.astype(float)
    if isinstance(Y, np.ndarray) and Y.dtype.kind == "f":
        Y = Y.astype(float)
    return Probe(ready, X, copied(Y), "Marked on your data.", tuple(notes))


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


def fixed(functions: Sequence[Callable[..., Any]], values: Sequence[Any]) -> bool:
    """Whether a function reads a size from a global constant: then the sizes must stay."""
    for function in functions:
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
