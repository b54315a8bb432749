"""What Tensors do while a person's forward is traced, where it turns them into numbers or writes into arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = ["losing_gradients", "noting_numbers"]


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


@contextmanager
def losing_gradients() -> Iterator[None]:
    """Let Tensors be written into arrays, and nothing into Tensors: what is made by that is lost to the graph."""
    array, ufunc, setitem = Tensor.__array__, Tensor.__array_ufunc__, Tensor.__setitem__

    def lost(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype)

    def into(self: Tensor, function: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if "out" not in options:
            return ufunc(self, function, method, *inputs, **options)
        return getattr(function, method)(*(x.data if isinstance(x, Tensor) else x for x in inputs), **options)

    Tensor.__array__, Tensor.__array_ufunc__ = lost, into  # type: ignore[method-assign,assignment]
    Tensor.__setitem__ = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.__array__, Tensor.__array_ufunc__ = array, ufunc  # type: ignore[method-assign]
        Tensor.__setitem__ = setitem  # type: ignore[method-assign]
