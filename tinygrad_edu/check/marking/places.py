"""Arrays that a person's forward writes into: each write makes a new value, and the graph has them all.

    with following() as enter:
        enter(forward.__globals__)
        cost = forward(...)             Z[Z < 0] = 0, A[i] = ..., scores -= ..., np.add(Z, b, out=Z), np.c_[ones, A]
    settled(cost)                       Tensors in the place of Places

A `Place` stands for memory: it holds a Tensor, and another one after a write. What was made before goes on from the
Tensor that was there then. A view is made anew when the array behind it has changed, and a write into a view is a write
into that array. While forward runs, np.zeros and the like hand out Places to code that is the person's.

Read next: `filled.py`, how an array that was written part by part becomes one value.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_edu.ops import Op
from tinygrad_edu.read.program import placed, replaced
from tinygrad_edu.tensor import Tensor

__all__ = ["WRITE", "Place", "exchanged", "following", "in_places", "settled"]


def written(array: np.ndarray, x: Any, *, key: Any, unseen: bool) -> np.ndarray:
    """The array with x at `key`; in its own memory, where nothing has seen what stood there."""
    if not unseen:
        return placed(array, key, x)  # type: ignore[no-any-return]
    array[key] = x
    return array


def of_array(g: Any, y: Any, array: Any, x: Any, *, key: Any, unseen: bool) -> Any:
    return np.where(placed(np.zeros(g.shape, bool), key, True), 0, g)


#: One write. `filled.py` makes one op of many of them.
WRITE = Op(written, of_array, lambda g, y, array, x, *, key, unseen: g[key], name="write")
NEW: tuple[Any, ...] = (np.zeros, np.empty, np.ones, np.full)
LIKE: tuple[Any, ...] = (np.zeros_like, np.empty_like, np.ones_like, np.full_like)
SAME: tuple[Any, ...] = (np.asarray, np.asanyarray, np.ascontiguousarray)  # where nothing is to be done


class Place(np.lib.mixins.NDArrayOperatorsMixin):
    """A place in memory and the Tensor that it holds.

    unseen  the entries that nothing has been made from: they can be written without a copy of the others
    behind  the place that it is a view of, the Tensor that this held then, and how the view is made of it
    """

    __slots__ = ("_made_from", "_tensor", "_view", "behind", "unseen")
    __hash__ = object.__hash__

    def __init__(self, tensor: Tensor, behind: Place | None = None, view: Any = None, new: bool = False) -> None:
        self._tensor, self.unseen = tensor, np.full(tensor.shape, new)
        self.behind, self._view = behind, view
        self._made_from = None if behind is None else behind.tensor

    @property
    def tensor(self) -> Tensor:
        """What it holds now, to look at its form."""
        if self.behind is not None and self.behind.tensor is not self._made_from:
            self._made_from = self.behind.value
            self._tensor = self._view(self._made_from)
        return self._tensor

    @property
    def value(self) -> Tensor:
        """What it holds now, to make something of it."""
        self.unseen[...] = False
        return self.tensor

    def change(self, x: Any) -> None:
        """Hold another value from here on."""
        x, now = settled(x), self.tensor
        if isinstance(x, Tensor) and x.shape == now.shape and x.dtype == now.dtype and self.behind is None:
            self._tensor = x
            self.unseen[...] = False
        else:
            self[...] = x

    def __setitem__(self, key: Any, x: Any) -> None:
        key, x, numbers = arrays(key), settled(joined(x) if has_place(x) else x), numbered(self.tensor)
        if self.behind is not None:
            behind = numbered(self.behind.tensor)
            self.behind[np.unravel_index(self._view(behind)[key], behind.shape)] = x
            return
        places = numbers[key]
        if isinstance(x, Tensor) and x.requires_grad:
            if self.tensor.dtype.kind != "f" or len(np.unique(places)) != places.size:
                raise TypeError("an array of whole numbers, or one entry twice, is written into")
            x = np.reshape(x, x.shape[max(0, x.ndim - places.ndim) :])
            x = x if x.shape == places.shape else np.broadcast_to(x, places.shape)
        unseen = bool(np.all(self.unseen[key]))
        self._tensor = WRITE(self._tensor, x, key=key, unseen=unseen)
        if not unseen:
            self.unseen[...] = True  # it is a copy

    def __getitem__(self, key: Any) -> Any:
        key, unseen = arrays(key), self.unseen.copy()
        part = call(operator.getitem, (self, key), {})
        self.unseen = unseen
        self.unseen[key] = False
        return part

    def __getattr__(self, name: str) -> Any:
        """The attributes and methods of its Tensor."""
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self.tensor, name)
        if not callable(found):
            return call(operator.attrgetter(name), (self,), {}) if isinstance(found, Tensor) else found

        def method(*args: Any, **kwargs: Any) -> Any:
            result = call(lambda x, *a, **k: getattr(x, name)(*a, **k), (self, *args), kwargs)
            return Place(result.value) if name == "flatten" else result

        return method

    def fill(self, x: Any) -> None:
        self[...] = x

    def __len__(self) -> int:
        return len(self.tensor)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return self.value.item()

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return operator.index(arrays(self).item())

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __repr__(self) -> str:
        return repr(self.value.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(np.asarray(self.value), dtype)  # an error where it requires a gradient

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, kwargs)


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a function makes of the values that places hold now; a view, if it shares their memory."""
    out = kwargs.pop("out", None)
    out = out[0] if isinstance(out, tuple) else out
    given, kwargs = settled(args), settled(kwargs)
    result = function(*given, **kwargs)
    if out is not None and np.ndim(out):
        if not isinstance(out, Place):
            raise TypeError("a plain array is written into")
        out.change(result)
        return out
    if isinstance(result, np.ndarray) and function in LIKE:
        return place_of(result)
    source = args[0] if args else None

    def again(array: Any) -> Any:
        return function(array, *given[1:], **kwargs)

    def place(x: Tensor) -> Place:
        shared = x is result and isinstance(source, Place) and np.may_share_memory(x.data, source.tensor.data)
        return Place(x, source, again) if shared else Place(x)

    return replaced(result, Tensor, place)


def numbered(tensor: Tensor) -> np.ndarray:
    """The entries of a Tensor, counted."""
    return np.arange(tensor.size).reshape(tensor.shape)


def settled(value: Any) -> Any:
    """The same nesting with what the places in it hold now."""
    return exchanged(value, Place, lambda place: place.value)


def in_places(value: Any) -> Any:
    """The same nesting with a place for every Tensor."""
    return exchanged(value, Tensor, Place)


def exchanged(value: Any, kind: type, new: Callable[[Any], Any]) -> Any:
    """The same nesting, dicts too, with new(x) for each x of a kind."""
    if isinstance(value, dict):
        return {key: exchanged(x, kind, new) for key, x in value.items()}
    return replaced(value, (kind, dict), lambda x: new(x) if isinstance(x, kind) else exchanged(x, kind, new))


def arrays(key: Any) -> Any:
    """An index with arrays in the place of places, and copies in that of arrays, which may change."""
    return replaced(key, (Place, np.ndarray), lambda x: np.array(x.value.data if isinstance(x, Place) else x))


def place_of(array: Any) -> Any:
    """A new array as a place, if gradients can flow into it."""
    return Place(Tensor.wrap(array), new=True) if array.dtype.kind == "f" and array.ndim else array


def joined(x: Any) -> Any:
    """A list of places, or of lists of them, as one."""
    return np.stack([joined(part) for part in x]) if isinstance(x, list | tuple) else x


def has_place(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(has_place, value))
    return isinstance(value, Place)


class Columns:
    """np.c_ and np.r_, for places too."""

    def __init__(self, real: Any, join: Callable[..., Any]) -> None:
        self.real, self.join = real, join

    def __getitem__(self, key: Any) -> Any:
        return self.join(key if isinstance(key, tuple) else (key,)) if has_place(key) else self.real[key]


class Handing(ModuleType):
    """NumPy, but for what makes arrays."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def handing(real: Callable[..., Any], thread: int) -> Callable[..., Any]:
    """A function of NumPy that makes an array, to make a place in a thread."""

    @wraps(real)
    def made(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return real(*args, **kwargs)
        if real in (*NEW, *LIKE):
            array = real(*args, **kwargs)
            return array if isinstance(array, Place) else place_of(array)
        if not args or not has_place(args[0]):
            return real(*args, **kwargs)
        whole = joined(args[0])
        dtype = np.dtype(kwargs.get("dtype", args[1] if len(args) > 1 else None) or whole.dtype)
        return whole.astype(dtype) if dtype != whole.dtype else whole if real in SAME else whole.copy()

    return made


@contextmanager
def following() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Let NumPy, by whatever name a person's module has it, hand out places while forward runs.

    The module's globals are given to the function, and everything is put back. (NumPy itself must not be changed:
    what is compiled in it looks there, too.)
    """
    thread = threading.get_ident()
    made: dict[str, Any] = {real.__name__: handing(real, thread) for real in (*NEW, *LIKE, *SAME, np.array)}
    made |= {"c_": Columns(np.c_, np.column_stack), "r_": Columns(np.r_, np.concatenate)}
    numpy = Handing("numpy")
    vars(numpy).update(made)
    instead: dict[int, Any] = {id(np): numpy} | {id(getattr(np, name)): x for name, x in made.items()}
    changed: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def enter(module: dict[str, Any]) -> None:
        if not any(module is known for known, _ in changed):
            changed.append((module, {name: x for name, x in module.items() if id(x) in instead}))
            module.update({name: instead[id(x)] for name, x in changed[-1][1].items()})

    try:
        yield enter
    finally:
        for module, before in changed:
            module.update(before)
