"""What a function uses besides its arguments, and whether that has changed.

A compiled function is made once, from what it looked like then. `Watch` finds the tensors, modules and settings that it
reaches (in closures, globals, attributes, lists) and tells later whether it would still look the same. Values of arrays
are no matter here: they are read anew at each call.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu.nn.module import Module
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.tensor import Tensor

__all__ = ["Guard", "Watch"]

#: What training changes in an optimizer; all else in it is a setting.
MOVING = {"_lr", "rates", "steps", "state", "params"}
PLAIN = (str, bytes, int, float, complex, bool, type(None), type, np.ndarray, np.generic, np.random.Generator)


class Guard:
    """Conditions, written out as the code of one function: checked at every call, they must cost little."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.things: dict[str, Any] = {}

    def name(self, thing: Any) -> str:
        """The name of an object in the code."""
        name = f"k{len(self.things)}"
        self.things[name] = thing
        return name

    def require(self, condition: str) -> None:
        self.lines.append(f"            if not ({condition}): return None")

    def function(self, first: str, result: str) -> Any:
        """The function: it gives `result` where every condition holds, else None."""
        ending = [
            "        except ValueError: return None",
            f"        return {result}",
        ]  # arrays that are not the same one
        lines = [f"        {first}", "        try:", *self.lines, *ending]
        source = "\n".join([f"def build({', '.join(self.things)}):", "    def fits(args):", *lines, "    return fits"])
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        return namespace["build"](**self.things)


class Watch:
    """The surroundings of some functions, modules or other objects.

    tensors  the leaves that they hold, each once, with a name
    """

    def __init__(self, *roots: Any) -> None:
        self.tensors: dict[Tensor, str] = {}
        self.held: list[tuple[str, Any, Any]] = []  # a name, a dict or list, and what was in it
        self.globals: list[tuple[dict[str, Any], str, Any]] = []
        self.cells: list[tuple[str, Any, Any]] = []
        self.settings: list[tuple[Optimizer, dict[str, Any]]] = []
        seen: set[int] = set()
        waiting: list[tuple[str, Any]] = [("", root) for root in reversed(roots)]
        while waiting:
            name, x = waiting.pop()
            if id(x) in seen or isinstance(x, PLAIN):
                continue
            seen.add(id(x))
            waiting.extend(reversed([*self._inside(name, x)]))

    def _inside(self, name: str, x: Any) -> Iterable[tuple[str, Any]]:
        """What an object holds, by name; and note it."""
        if isinstance(x, Tensor):
            if x.op is None:
                self.tensors[x] = x.name or name
            return ()
        if isinstance(x, Optimizer):
            self.settings.append((x, settings(x)))
            return [(f"parameter {k}", parameter) for k, parameter in enumerate(x.params)]
        if isinstance(x, types.FunctionType):
            return self._around(x)
        if isinstance(x, types.MethodType):
            return [(name, x.__self__), (name, x.__func__)]
        if isinstance(x, partial):
            return [(name, part) for part in (x.func, *x.args, *x.keywords.values())]
        if isinstance(x, list | tuple):
            if isinstance(x, list):
                self.held.append((name, x, list(x)))
            return [(f"{name}.{k}" if name else str(k), part) for k, part in enumerate(x)]
        if not isinstance(x, dict):
            module = type(x).__module__.partition(".")[0]
            if isinstance(x, types.ModuleType) or module in ("builtins", "numpy") or not hasattr(x, "__dict__"):
                return ()
            if isinstance(x, Module):
                x.training = bool(x.training)  # an attribute of its own, as train() and eval() make it
            x = vars(x)
        self.held.append((name, x, dict(x)))
        return [(f"{name}.{key}" if name else str(key), part) for key, part in x.items()]

    def _around(self, function: types.FunctionType) -> Iterable[tuple[str, Any]]:
        """The variables of a function that are not its own."""
        found = []
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.cells.append((name, cell, cell.cell_contents))
            except ValueError:  # not yet set
                continue
            found.append((name, cell.cell_contents))
        if function.__module__.partition(".")[0] != "tinygrad_edu":
            for name in function.__code__.co_names:
                if name in function.__globals__:
                    self.globals.append((function.__globals__, name, function.__globals__[name]))
                    found.append((name, function.__globals__[name]))
        return [*found, *((function.__name__, x) for x in function.__defaults__ or ())]

    def change(self) -> str | None:
        """The first thing that is not as it was, named; None if all is."""
        for name, now, before in self.held:
            try:
                if now != before:
                    return f"{name or 'an attribute'} has changed"
            except ValueError:  # arrays that are not the same one
                return f"{name or 'an attribute'} has changed"
        for name, cell, before in self.cells:
            if cell.cell_contents is not before:
                return f"{name} has changed"
        for variables, name, before in self.globals:
            if variables.get(name) is not before:
                return f"{name} has changed"
        for optimizer, kept in self.settings:
            if settings(optimizer) != kept:
                return f"a setting of {type(optimizer).__name__} has changed"
        return None

    def guard(self, guard: Guard) -> None:
        """The same as conditions."""
        for _, now, before in self.held:
            if before:
                guard.require(f"{guard.name(now)} == {guard.name(before)}")
            else:
                guard.require(f"not {guard.name(now)}")
        for _, cell, before in self.cells:
            guard.require(f"{guard.name(cell)}.cell_contents is {guard.name(before)}")
        for variables, name, before in self.globals:
            guard.require(f"{guard.name(variables)}.get({name!r}) is {guard.name(before)}")
        for optimizer, kept in self.settings:
            for key, x in kept.items():
                guard.require(f"{guard.name(vars(optimizer))}.get({key!r}) == {guard.name(x)}")

    def restore(self) -> None:
        """Put back what was in the dicts and lists."""
        for _, now, before in self.held:
            if isinstance(now, list):
                now[:] = before
            elif now.keys() != before.keys() or any(now[key] is not before[key] for key in now):
                now.clear()
                now.update(before)


def settings(optimizer: Optimizer) -> dict[str, Any]:
    """What an optimizer was made with."""
    return {key: x for key, x in vars(optimizer).items() if key not in MOVING}
