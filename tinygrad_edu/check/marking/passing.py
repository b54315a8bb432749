"""What is noted of Tensors while a person's forward is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_edu.tensor import Tensor

__all__ = ["noting_numbers"]


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
