"""Whether something may stand for something else in a compiled program: equal is not always enough.

    alike({"scale": 2}, {"scale": 2.0})      False: another dtype may come of it

Read next: `watch.py`, where a function's surroundings are compared with what they were.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from numbers import Number
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = ["alike", "distinct", "exact", "values"]


def values(x: Any) -> dict[Any, Any]:
    """The entries of a dict, list or set."""
    return x if isinstance(x, dict) else dict(enumerate(x))


def distinct(x: Any) -> bool:
    """Whether what equals it is as good as it: 2.0 is not as good as 2, nor another array."""
    if isinstance(x, tuple | list | set | dict):
        return all(type(part) is str or not compares(part) for part in values(x).values())
    return type(x) is str or not compares(x) or (isinstance(x, np.ndarray | Tensor) and x.size > 1)


def compares(x: Any) -> bool:
    """Whether it can equal another object."""
    return getattr(type(x), "__eq__", None) is not object.__eq__


def exact(x: Any) -> Any:
    """Something that is equal for what equals x and is as good: 2, 2.0, True and -0.0, 0.0 are told apart."""
    if isinstance(x, Number | np.generic):
        return type(x), repr(x)
    if isinstance(x, tuple | list):
        return (type(x), *map(exact, x))
    if isinstance(x, slice):
        return slice, exact((x.start, x.stop, x.step))
    if isinstance(x, set | frozenset):
        return set, frozenset(map(exact, x))
    if isinstance(x, dict):
        return (dict, *((exact(key), exact(part)) for key, part in x.items()))
    if is_dataclass(x) and not isinstance(x, type):
        return (type(x), *(exact(getattr(x, field.name, None)) for field in fields(x)))
    return id(x) if type(x).__hash__ is None or isinstance(x, Tensor) else x  # what can change is itself alone


def alike(now: Any, before: Any) -> bool:
    """Whether a dict, list or set has the same entries, or such as are as good."""
    if isinstance(now, set):
        return bool(exact(now) == exact(before))
    entries = values(now)
    if entries.keys() != values(before).keys():
        return False
    return all(entries[key] is x or bool(exact(entries[key]) == exact(x)) for key, x in values(before).items())
