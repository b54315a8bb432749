"""What a function uses besides its arguments, and whether that has changed.

A compiled function is made once, from what it looked like then. `Watch` finds the tensors, arrays, modules and settings
that it reaches (in closures, globals, attributes, classes, lists) and tells later whether it would still look the same.
Values of tensors and arrays are no matter here: they are read anew at each call.
"""

from __future__ import annotations

import operator
import random
import sys
import types
from collections.abc import Callable, Container, Iterable
from copy import copy
from functools import cache, cached_property, partial
from keyword import iskeyword
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.nn.module import Module
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.read.compile.alike import alike, distinct, values
from tinygrad_edu.tensor import Tensor

__all__ = ["Guard", "Watch"]

#: What training changes in an optimizer; all else in it is a setting.
MOVING = {"_lr", "rates", "steps", "state", "params"}
MANY = 16  # entries of a dict that are not looked at one by one
PLAIN = (str, bytes, int, float, complex, bool, type(None), np.ndarray, np.generic)


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

    def attribute(self, owner: Any, name: str) -> str:
        """An attribute of an object, in the code."""
        plain = name.isidentifier() and name.isascii() and not iskeyword(name)
        return f"{self.name(owner)}.{name}" if plain else f"getattr({self.name(owner)}, {name!r})"

    def require(self, condition: str) -> None:
        self.lines.append(f"            if not ({condition}): return None")

    def function(self, first: str, result: str) -> Any:
        """The function: it gives `result` where every condition holds, else None."""
        ending = [
            "        except (ValueError, AttributeError): return None",  # arrays that are not the same one; deleted
            f"        return {result}",
        ]
        lines = [f"        {first}", "        try:", *self.lines, *ending]
        source = "\n".join([f"def build({', '.join(self.things)}):", "    def fits(args):", *lines, "    return fits"])
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        return namespace["build"](**self.things)


class Place(NamedTuple):
    """A variable, an attribute or an entry of a dict or list, and what was there."""

    owner: Any
    name: Any
    before: Any

    def now(self) -> Any:
        if isinstance(self.owner, dict):
            return self.owner.get(self.name)
        if isinstance(self.owner, list):
            return self.owner[self.name] if self.name < len(self.owner) else None
        return getattr(self.owner, self.name, None)

    def put(self, x: Any) -> None:
        if isinstance(self.owner, dict | list):
            self.owner[self.name] = x
        elif isinstance(self.owner, partial):
            self.owner.__setstate__((self.owner.func, x, self.owner.keywords, vars(self.owner)))  # type: ignore[attr-defined]
        else:
            setattr(self.owner, self.name, x)

    def text(self, guard: Guard) -> str:
        if isinstance(self.owner, dict):
            return f"{guard.name(self.owner)}.get({self.name!r})"
        return guard.attribute(self.owner, self.name)


class Watch:
    """The surroundings of some functions, modules or other objects.

    tensors  the leaves that they hold, each once, with a name
    arrays   the places of NumPy arrays that can be changed, with a name
    looked   arrays whose values decide what is done: these must stay as they are
    """

    def __init__(self, *roots: Any) -> None:
        self.tensors: dict[Tensor, str] = {}
        self.held: list[tuple[str, Any, Any]] = []  # a name, a dict, list or set, and what was in it
        self.places: dict[Any, tuple[str, Place]] = {}  # variables, by owner and name
        self.settings: list[tuple[Optimizer, dict[str, Any]]] = []
        self.arrays: list[tuple[str, Place]] = []
        self.looked: dict[int, tuple[str, np.ndarray, bytes]] = {}
        self.generators: list[Any] = [random, np.random.mtrand._rand]
        self.names: set[str] = set()  # what the functions name
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
        if isinstance(x, np.random.Generator | np.random.RandomState | random.Random):
            self.generators.append(x)
            return ()
        if isinstance(x, types.FunctionType):
            return self._around(x)
        if isinstance(x, types.MethodType):
            return [(name, x.__self__), (name, x.__func__)]
        if isinstance(x, partial):
            self.arrays += [(name or "an argument", Place(x, "args", x.args))] if changeable(x.args) else []
            return [(name, part) for part in (x.func, x.args, x.keywords)]
        if isinstance(x, property | cached_property):
            return [(name, x.fget if isinstance(x, property) else x.func)]
        if isinstance(x, staticmethod | classmethod) or "__wrapped__" in getattr(x, "__dict__", ()):
            return [(name, x.__wrapped__)]
        if isinstance(x, tuple):
            return [(dotted(name, k), part) for k, part in enumerate(x)]
        if isinstance(x, list | set | dict):
            return self._entries(name, x)
        if isinstance(x, type):
            return self._class(x)
        if isinstance(x, types.ModuleType):
            return () if is_steady(x.__name__.partition(".")[0]) else self._globals(vars(x), self.names, set())
        if origin(type(x)) in ("builtins", "numpy", "logging"):
            return ()
        if isinstance(x, Module):
            x.training = bool(x.training)  # an attribute of its own, as train() and eval() make it
        found = self._entries(name, vars(x)) if hasattr(x, "__dict__") else []
        for key in slots(type(x)):
            if hasattr(x, key):
                found += self._place(dotted(name, key), Place(x, key, getattr(x, key)))
        return [(type(x).__name__, type(x)), *found]

    def _entries(self, name: str, x: Any) -> list[tuple[str, Any]]:
        """What is in a dict, list or set."""
        self.held.append((name, x, copy(x)))
        if isinstance(x, set):
            return [(name, part) for part in x]
        pairs = [*(x.items() if isinstance(x, dict) else enumerate(x))]
        self.arrays += [(dotted(name, key), Place(x, key, part)) for key, part in pairs if changeable(part)]
        return [(dotted(name, key), part) for key, part in pairs]

    def _class(self, kind: type) -> Iterable[tuple[str, Any]]:
        """The attributes and methods of a class, and its bases."""
        if is_steady(origin(kind)):
            return ()
        found: list[tuple[str, Any]] = [(base.__name__, base) for base in kind.__bases__]
        for key, part in vars(kind).items():
            x = getattr(kind, key, None)
            if not key.startswith("__") and x is getattr(kind, key, None):  # not a method that is bound anew
                found += self._place(f"{kind.__name__}.{key}", Place(kind, key, x))
            elif callable(x):
                found.append((key, part))
        return found

    def _around(self, function: types.FunctionType) -> Iterable[tuple[str, Any]]:
        """The variables of a function that are not its own."""
        found: list[tuple[str, Any]] = []
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                found += self._place(name, Place(cell, "cell_contents", cell.cell_contents))
            except ValueError:  # not yet set
                continue
        if is_steady(origin(function)):
            return found
        names = names_in(function.__code__)
        self.names |= names
        found += self._globals(function.__globals__, names, set())
        if function.__defaults__:
            found += self._place(function.__name__, Place(function, "__defaults__", function.__defaults__))
        return [*found, (function.__name__, function.__kwdefaults__)]

    def _globals(self, variables: dict[str, Any], names: set[str], above: set[int]) -> Iterable[tuple[str, Any]]:
        """The variables of a module that are named; and of modules among these."""
        found: list[tuple[str, Any]] = []
        above = {*above, id(variables)}
        for name in sorted(names.intersection(variables)):
            x = variables[name]
            if isinstance(x, types.ModuleType):
                if is_steady(x.__name__.partition(".")[0]) or id(vars(x)) in above:
                    continue
                found += self._globals(vars(x), names, above)
            found += self._place(name, Place(variables, name, x))
        return found

    def _place(self, name: str, place: Place) -> list[tuple[str, Any]]:
        """A variable, which must stay the same object; and what it holds."""
        if (id(place.owner), place.name) in self.places or place.now() is not place.before:
            return []
        self.places[id(place.owner), place.name] = name, place
        if changeable(place.before):
            self.arrays.append((name, place))
        return [(name, place.before)]

    # While it is traced

    def replace(self, new: Callable[[str, np.ndarray], Any]) -> list[tuple[Place, Any]]:
        """Put something in place of each array, but for those that were looked into, and say where."""
        replaced = []
        for name, place in self.arrays:
            stand_in = with_arrays(place.before, self.looked, partial(new, name))
            if stand_in is not place.before:
                place.put(stand_in)
                replaced.append((place, stand_in))
        return replaced

    def look(self, name: str, array: np.ndarray) -> None:
        """Note that the values of an array decide what is done."""
        self.looked[id(array)] = name, array, array.tobytes()

    def drawn(self) -> list[Any]:
        """Where the generators of random numbers stand."""
        return [position(x) for x in self.generators]

    def restore(self) -> None:
        """Put back what was in variables, dicts, lists and sets."""
        for _, place in self.places.values():
            if place.now() is not place.before:
                place.put(place.before)
        for _, now, before in self.held:
            if isinstance(now, list):
                now[:] = before
            elif isinstance(now, set) or now.keys() != before.keys() or any(now[key] is not before[key] for key in now):
                now.clear()
                now.update(before)

    # Later

    def change(self) -> str | None:
        """The first thing that is not as it was, named; None if all is."""
        for name, now, before in self.held:
            if not alike(now, before):
                return f"{name or 'an attribute'} has changed"
        for name, place in self.places.values():
            if place.now() is not place.before:
                return f"{name} has changed"
        for name, array, entries in self.looked.values():
            if array.tobytes() != entries:
                return f"{name} has changed"
        for optimizer, kept in self.settings:
            if not alike(settings(optimizer), kept):
                return f"a setting of {type(optimizer).__name__} has changed"
        return None

    def guard(self, guard: Guard) -> None:
        """The same as conditions; what could equal something else must be the same object, or is looked at closely."""
        guard.require(f"{guard.name([now for _, now, _ in self.held])} == {guard.name([old for *_, old in self.held])}")
        for _, place in self.places.values():
            guard.require(f"{place.text(guard)} is {guard.name(place.before)}")
        for _, array, entries in self.looked.values():
            guard.require(f"{guard.name(array)}.tobytes() == {guard.name(entries)}")
        same: list[str] = []
        for _, now, before in self.held:
            parts = values(before)
            close = {key: x for key, x in parts.items() if not distinct(x) and (key, type(x)) != ("training", bool)}
            if isinstance(now, dict) and len(close) < MANY:
                same += [f"{guard.name(now)}[{guard.name(key)}] is {guard.name(x)}" for key, x in close.items()]
            elif close:
                found = guard.name(now) + ".values()" * isinstance(now, dict)
                same.append(f"all(map({guard.name(operator.is_)}, {found}, {guard.name([*parts.values()])}))")
        for optimizer, kept in self.settings:
            same += [f"{guard.attribute(optimizer, key)} is {guard.name(x)}" for key, x in kept.items()]
        if same:
            guard.require(f"({' and '.join(same)}) or {guard.name(self.change)}() is None")


def settings(optimizer: Optimizer) -> dict[str, Any]:
    """What an optimizer was made with."""
    return {key: x for key, x in vars(optimizer).items() if key not in MOVING}


def dotted(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)


def origin(x: Any) -> str:
    """The package that a function or class is from."""
    return (getattr(x, "__module__", None) or "").partition(".")[0]


@cache
def is_steady(package: str) -> bool:
    """Whether it is an installed one: its functions and classes are taken to use nothing that changes."""
    if package in sys.stdlib_module_names or package == "tinygrad_edu":
        return True
    return "site-packages" in (getattr(sys.modules.get(package), "__file__", None) or "")


def names_in(code: types.CodeType) -> set[str]:
    """The global variables and attributes that a function names, also in functions inside it."""
    inner = (names_in(part) for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*inner)


def slots(kind: type) -> list[str]:
    """The attributes of its objects that are in no dict."""
    return [
        key
        for base in kind.__mro__
        if not is_steady(origin(base))
        for key, x in vars(base).items()
        if isinstance(x, types.MemberDescriptorType)
    ]


def changeable(x: Any) -> bool:
    """Whether it is an array of numbers whose entries may change, or a tuple with such."""
    if isinstance(x, tuple):
        return any(map(changeable, x))
    return type(x) is np.ndarray and x.dtype.kind in "biufc" and x.flags.writeable


def with_arrays(x: Any, but: Container[int], new: Callable[[np.ndarray], Any]) -> Any:
    """The same with something in place of arrays, but for those with some ids."""
    if isinstance(x, tuple) and changeable(x):
        parts = [with_arrays(part, but, new) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return new(x) if changeable(x) and id(x) not in but else x


def position(generator: Any) -> Any:
    """Where a generator of random numbers stands."""
    if isinstance(generator, np.random.Generator):
        return repr(generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        state: Any = generator.get_state()
        return state[1].tobytes(), state[2:]
    return generator.getstate()
