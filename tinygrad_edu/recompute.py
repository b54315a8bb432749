"""Memory for time: a part of the graph that is let go of, and recorded anew for its gradient.

    y = checkpoint(function)(x)

Read next: `func.py`, the transforms of functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu import autograd
from tinygrad_edu.ops import Op
from tinygrad_edu.ops.op import Rule
from tinygrad_edu.tensor import Tensor

__all__ = ["checkpoint", "recording", "require_function"]

Function = Callable[..., Any]


@contextmanager
def recording() -> Iterator[None]:
    """Record, under no_grad() too, which says what comes out of a transform and not what happens inside."""
    before = autograd.mode.set(replace(autograd.mode.get(), record=True))
    try:
        yield
    finally:
        autograd.mode.reset(before)


def require_function(caller: str, function: Any) -> None:
    """Raise a TypeError unless the function can be called."""
    if not callable(function):
        raise TypeError(f"{caller}: needs a function; got {type(function).__name__}. Pass f itself, not f(x).")


def checkpoint(function: Function) -> Function:
    """The same function, which keeps only what goes in and comes out, and is computed again for its gradient.

    The graph between them is let go of after the call and recorded anew in the backward pass: memory for time. What the
    function uses besides its arguments (the parameters of a module) gets its gradient, too. The arguments are arrays or
    Tensors, the result is one Tensor, and must be the same the second time.

    Raises:  TypeError, RuntimeError
    >>> w = Tensor(3.0, requires_grad=True)
    >>> checkpoint(lambda x: np.tanh(w * x))(0.0).backward()
    >>> w.grad
    Tensor(0.)
    """

    require_function("checkpoint", function)

    def checkpointed(*args: Any) -> Any:
        start = next(autograd.created)
        first = function(*args)
        if not isinstance(first, Tensor):
            raise TypeError(
                f"checkpoint: the function must return one Tensor; got {type(first).__name__}. "
                "Return the Tensor itself, and join several with np.stack."
            )
        nodes = [node for node in autograd.order([first]) if node.created > start]
        used = {x: None for node in nodes for x in node.inputs if isinstance(x, Tensor) and x.requires_grad}
        inputs = [x for x in used if not x.inputs or x.created < start]
        return _known(first.data, function, args, inputs)(*inputs) if inputs else first

    return checkpointed


def _known(value: np.ndarray, function: Function, args: tuple[Any, ...], inputs: list[Tensor]) -> Op:
    """An op whose value has been computed, and whose rules compute it again."""

    def gradients(g: Any, recorded: bool) -> tuple[Any, ...]:
        # leaves in place of the arguments: the graph behind them is none of this op's business
        used = set() if recorded else set(inputs)
        instead = {x: Tensor(x.data, requires_grad=True) for x in args if isinstance(x, Tensor) and x in used}
        with recording():
            again = function(*(instead.get(x, x) if isinstance(x, Tensor) else x for x in args))
        if not np.array_equal(again.data, value, equal_nan=True):
            raise RuntimeError(
                "checkpoint: the function must give the same result again; got another in the backward pass. "
                "Draw random numbers outside of it, and change no parameter before backward()."
            )
        found = autograd.grad(again, [instead.get(x, x) for x in inputs], g, create_graph=recorded)
        return found if recorded else tuple(x.data for x in found)

    def rules(*_: Any, **__: Any) -> list[Rule]:
        found: list[Any] = []

        def rule(k: int, g: Any, y: Any) -> Any:
            if not found:
                found.extend(gradients(g, recorded=isinstance(y, Tensor)))  # one pass gives them all
            return found[k]

        return [lambda g, y, *_, k=k: rule(k, g, y) for k in range(len(inputs))]

    return Op(lambda *_: value, every=rules, name="checkpoint")
