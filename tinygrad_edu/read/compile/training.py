"""The compiled program of a training step: forward, backward, and the optimizer's update.

The parameters and what the optimizer keeps lie in arrays that the program holds, small ones side by side.

Read next: `update.py`, where the optimizer's own formula is recorded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_edu.autograd import grad, seed
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.read.compile.biases import biases_as_weights
from tinygrad_edu.read.compile.emit import Emitter
from tinygrad_edu.read.compile.plan import Plan, objects
from tinygrad_edu.read.compile.rewrites import rewritten
from tinygrad_edu.read.compile.update import Update, require_apart, require_unused, side_by_side, writable
from tinygrad_edu.read.compile.watch import Guard, Watch
from tinygrad_edu.read.program import Value
from tinygrad_edu.read.traced import Trace, Traced
from tinygrad_edu.tensor import Tensor

__all__ = ["StepPlan"]


class StepPlan(Plan):
    """The program of a training step: its parameters and the optimizer's state lie in arrays that it holds.

    measured  whether it gives the length of the gradient, besides the cost
    """

    def __init__(
        self,
        emitter: type[Emitter],
        model: Callable[..., Any],
        loss: Callable[..., Any],
        optimizer: Optimizer,
        measured: bool,
        args: tuple[Any, ...],
    ) -> None:
        if len(args) < 2:
            raise TypeError(f"compile: a step needs inputs and targets; got {len(args)} argument(s). Call step(X, Y).")
        self.emitter, self.model, self.loss, self.optimizer = emitter, model, loss, optimizer
        self.measured = measured
        super().__init__(Watch(model, loss, optimizer, *objects(args)), args)

    def follow(self, trace: Trace, given: tuple[Any, ...], handles: dict[Tensor, Traced]) -> Update:
        trace.section = "forward"
        J = self.loss(self.model(*given[:-1]), given[-1])
        if not isinstance(J, Tensor):
            raise TypeError(
                f"compile: the loss must return a Tensor; got {type(J).__name__}. float() or .item() cut the graph."
            )
        trace.section = "backward"
        seed(J, None, "compile", False)
        gradients = grad(J, [x for x in self.optimizer.params if x.requires_grad], allow_unused=True)
        if all(g is None for g in gradients):
            raise RuntimeError(
                f"compile: the loss must depend on a parameter of the optimizer; got one that depends on none of "
                f"{len(self.optimizer.params)}. Make the optimizer with the model's parameters()."
            )
        trace.section = "update"
        update = Update(trace, self.optimizer, handles, gradients, self.measured)
        trace.outputs = [J.data.value, *update.length, *update.targets.values()]  # type: ignore[attr-defined]
        return update

    def argument_names(self, count: int) -> list[str]:
        return ["X", "Y"] if count == 2 else super().argument_names(count)

    def may_change(self, described: Update) -> Any:
        return described.targets

    def write(self, trace: Trace, described: Update) -> None:
        require_apart(self.watch.tensors)
        program, optimizer = rewritten(trace), self.optimizer
        results = 1 + len(described.length)
        targets = dict(zip(described.targets, program.outputs[results:], strict=True))
        program.outputs = program.outputs[:results]
        starts = {group: [described.starts[optimizer.params[k]] for k in group.positions] for group in described.groups}
        wide = biases_as_weights(program, [(g.gradient, starts[g]) for g in described.groups if g.gradient])
        ready: dict[Value, np.ndarray] = {}
        self.bound: list[tuple[Tensor, np.ndarray]] = []
        self.states: list[tuple[int, tuple[np.ndarray, ...]]] = []
        for group in described.groups:
            tensors = [optimizer.params[k] for k in group.positions]
            turned = [k for k, start in enumerate(starts[group]) if start in wide]
            whole, views = side_by_side([writable(x, self.watch.tensors[x]) for x in tensors], turned)
            ready[group.inputs[0]] = whole
            ready.update(zip(starts[group], views, strict=True))
            for k in turned:
                both = wide[starts[group][k]]
                ready[both] = as_strided(views[k].T, both.shape)
            self.bound += zip(tensors, views, strict=True)
            kept = [
                side_by_side(list(arrays), turned)
                for arrays in zip(*(optimizer.state[k] for k in group.positions), strict=True)
            ]
            ready.update(zip(group.inputs[1:], (array for array, _ in kept), strict=True))
            self.states += [(k, tuple(parts[n] for _, parts in kept)) for n, k in enumerate(group.positions)]
        require_unused(self.bound, [x.value for x in trace.arrays.values()])
        self.hold()
        counted = [k for group in described.groups if group.counts for k in group.positions]
        used = {value for step in program.steps for value in step.inputs}
        counts = {group.count: group.positions for group in described.groups}
        self.alike = [positions for count, positions in counts.items() if count in used and len(positions) > 1]
        self.firsts = [positions[0] for count, positions in counts.items() if count in used]
        program.inputs = [x for x in program.inputs if x not in counts or x in used]
        program.inputs.append(taken := Value((), object, name="steps_taken"))
        emitted = self.emitter(program, ready, targets, [f"{taken.name}[{k}] += 1" for k in counted]).emit()
        self.run, self.source, self.nbytes = emitted

    def hold(self) -> bool:
        """Have the parameters and the state lie in this program's arrays, with the values of now: if all fit."""
        if any((x.data.shape, x.data.dtype) != (array.shape, array.dtype) for x, array in self.bound):
            return False
        moved = [(x, array, x.data.copy()) for x, array in self.bound if x.data is not array]  # may be views of others
        for x, array, now in moved:
            array[...] = now
            x.data = array
        for k, arrays in self.states:
            if self.optimizer.state[k] is not arrays:
                for array, now in zip(arrays, self.optimizer.state[k], strict=True):
                    array[...] = now
                self.optimizer.state[k] = arrays
        return True

    def around(self, guard: Guard, tensor: Tensor, flag: bool, shape: Any, dtype: Any) -> list[str]:
        array = dict(self.bound).get(tensor)
        if array is None:
            return super().around(guard, tensor, flag, shape, dtype)
        x, hold = guard.name(tensor), guard.name(self.hold)
        guard.require(f"{x}.requires_grad is {flag}")
        guard.require(f"{x}.data is {guard.name(array)} or {hold}()")
        return []

    def numbers(self, guard: Guard) -> list[str]:
        optimizer = guard.name(self.optimizer)
        guard.require(f"{optimizer}.params == {guard.name([*self.optimizer.params])}")
        for first, *others in self.alike:
            guard.require(" == ".join(f"{optimizer}.steps[{k}]" for k in (first, *others)))
        if self.optimizer.buffers:
            held, same = guard.name([arrays for _, arrays in self.states]), guard.name(operator.is_)
            places = ", ".join(f"{optimizer}.state[{k}]" for k, _ in self.states)
            guard.require(f"all(map({same}, ({places},), {held})) or {guard.name(self.hold)}()")
        return [f"{optimizer}.lr", *(f"{optimizer}.steps[{k}]" for k in self.firsts), f"{optimizer}.steps"]
