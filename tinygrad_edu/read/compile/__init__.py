"""A training step, or any function of arrays, compiled to straight-line NumPy.

    step = compile(model, loss, optimizer)
    for X, Y in batches:
        J = step(X, Y)                          # forward, backward, and the update of the parameters
    print(step.source)                          # the code that runs

    fast = compile(func.value_and_grad(cost))   # a function; its gradients are traced like all else
    J, dW = fast(W, X, Y)

The first call records what the engine does (`../traced.py`), rewrites it (`rewrites.py`) and writes it out with arrays
made once (`emit.py`). Later calls with the same shapes run that code alone: the same numbers as before, to rounding.

Read next: `plan.py`, a program and what it is for; `update.py`, where the optimizer's own formula is recorded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from importlib.util import find_spec
from inspect import signature
from threading import RLock
from typing import Any

from tinygrad_edu.func import leaves
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.read.compile.emit import Emitter
from tinygrad_edu.read.compile.plan import FunctionPlan, Plan
from tinygrad_edu.read.compile.training import StepPlan
from tinygrad_edu.read.traced import Traced
from tinygrad_edu.tensor import Tensor

__all__ = ["Compiled", "compile"]

RETRACES = 10  # after so many, a warning
KEPT = 32  # programs that are kept, one for each set of shapes and settings


def compile(
    function: Callable[..., Any],
    loss: Callable[..., Any] | None = None,
    optimizer: Optimizer | None = None,
    *,
    engine: str = "numpy",
    gradient_norm: bool = False,
) -> Any:
    """A training step of a model, or a function, as fast straight-line code.

        step = compile(model, loss, optimizer);   J = step(X, Y)      the last argument goes to the loss
        step = compile(..., gradient_norm=True);  J, norm = step(X, Y)
        fast = compile(function);                 y = fast(*args)

    The step gives the cost before its update; it leaves `.grad` alone. Small parameters are moved into memory side by
    side, and `parameter.data` is a view of it. The learning rate is read at each call. New shapes, dtypes, a switch
    between train() and eval(), a changed layer or setting make a new program; after ten, a warning says why. An
    exception before the update leaves all parameters as they were. engine="numba" compiles the arithmetic to loops,
    when they are first called. Where MKL is installed (extra `mkl`), it multiplies large matrices.

    Raises:  TypeError for what cannot be recorded: a branch on values, float() or .item(); ImportError without Numba
    >>> import numpy as np
    >>> double = compile(lambda x: 2 * x)
    >>> double(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    if engine not in ("numpy", "numba"):
        raise ValueError(f"compile: engine must be 'numpy' or 'numba'; got {engine!r}. NumPy needs nothing installed.")
    if (loss is None) != (optimizer is None):
        raise TypeError(
            "compile: a training step needs a model, a loss and an optimizer; got "
            f"{'no loss' if loss is None else 'no optimizer'}. Pass all three, or a function alone."
        )
    if gradient_norm and loss is None:
        raise TypeError("compile: gradient_norm is for training steps; got a function alone. Return its norm from it.")
    for x in (function, *([loss] if loss is not None else [])):
        if not callable(x):
            raise TypeError(f"compile: needs something to call; got {type(x).__name__}. Pass a Module or a function.")
    emitter = Emitter
    if engine == "numba":
        if find_spec("numba") is None:
            raise ImportError("compile: engine='numba' needs Numba; got none. Run pip install 'tinygrad_edu[numba]'")
        from tinygrad_edu.read.compile.loops import LoopEmitter as emitter
    if loss is None or optimizer is None:
        return Compiled(function, partial(FunctionPlan, emitter, function), step=False)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"compile: optimizer must be an Optimizer; got {type(optimizer).__name__}. Try optim.SGD.")
    return Compiled(function, partial(StepPlan, emitter, function, loss, optimizer, gradient_norm), step=True)


class Compiled:
    """A function that is traced at the first call with arguments of some form, and then runs as straight-line code.

    plans     the programs that are kept, the one used last first
    retraces  how often it was traced, but for the first time
    """

    def __init__(self, function: Callable[..., Any], plan: Callable[[tuple[Any, ...]], Plan], step: bool) -> None:
        self.__wrapped__, self.plan, self.step = function, plan, step
        self.name = getattr(function, "__name__", type(function).__name__)
        self.plans: list[Plan] = []
        self.retraces = -1
        self.lock = RLock()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if keywords:
            args = self.positional(args, keywords)
        with self.lock:  # there is one set of arrays for all threads
            for plan in self.plans:
                if (given := plan.fitting(args)) is not None:
                    if plan is not self.plans[0]:
                        self.plans.remove(plan)
                        self.plans.insert(0, plan)
                    return plan.run(*given)
            return self.first(args)

    def first(self, args: tuple[Any, ...]) -> Any:
        """The first call with arguments of some form."""
        if any(map(is_traced, leaves(args))):
            if self.step:
                raise TypeError("compile: a step cannot be a part of another function; got one. Call it outside.")
            return self.__wrapped__(*args)  # a part of another function, which is being traced
        plans, plan = self.plans, self.plan(args)
        self.retraces += 1
        if self.retraces == RETRACES:
            warnings.warn(
                f"compile: {self.name} was traced again {RETRACES} times, last because {plans[0].difference(plan)}. "
                "Each costs milliseconds: cut batches of one shape, and change no setting from step to step.",
                RuntimeWarning,
                stacklevel=3,
            )
        self.plans = [plan, *plans][:KEPT]
        given = plan.fitting(args)
        if given is None:
            raise TypeError(f"compile: what {self.name} is given must equal itself; got something that does not.")
        return plan.run(*given)

    def positional(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments by position."""
        if self.step:
            raise TypeError(f"compile: a step takes arguments by position; got {', '.join(keywords)}. Call step(X, Y).")
        bound = signature(self.__wrapped__).bind(*args, **keywords)
        if bound.kwargs:
            bound.apply_defaults()
        if named := [key for key in keywords if key in bound.kwargs]:
            raise TypeError(
                f"compile: arguments must have a position; got {', '.join(named)} by keyword alone. "
                f"Leave out the * in the definition of {self.name}, or compile functools.partial of it."
            )
        return bound.args

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        """A copy for a copied model, to be traced anew."""
        return Compiled(*deepcopy((self.__wrapped__, self.plan, self.step), memo))

    @property
    def source(self) -> str:
        """The code that ran last."""
        if not self.plans:
            raise RuntimeError("compile: there is no code before the first call, which tells the shapes. Call it once.")
        return self.plans[0].source

    def __repr__(self) -> str:
        return f"<compiled {self.name}, {len(self.plans)} program{'s' * (len(self.plans) != 1)}>"


def is_traced(x: Any) -> bool:
    return isinstance(x.data if isinstance(x, Tensor) else x, Traced)
