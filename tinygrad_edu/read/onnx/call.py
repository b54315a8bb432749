"""A value of the graph on its way into the file: what a counterpart is given.

    @counterpart("square")
    def square(call):
        return call("Mul", call.x(0), call.x(0))

A counterpart returns the name of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import GraphNode

if TYPE_CHECKING:
    from tinygrad_edu.read.onnx.writer import Writer

__all__ = ["Call", "Counterpart", "counterpart"]


class Call:
    """Called with the name of an ONNX op and its inputs, it adds a node, and returns the name of the result."""

    def __init__(self, writer: Writer, op: ops.Op, node: GraphNode, again: GraphNode) -> None:
        self.writer, self.op, self.node, self.again = writer, op, node, again
        self.row, self.dtype = op.name, node.data.dtype

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.writer.add(kind, *inputs, prefix=self.writer.names[self.node], **attributes)

    def x(self, k: int, dtype: Any = None) -> str:
        """The k-th input, in the dtype of the result unless another is given."""
        x: Any = self.node.inputs[k]
        again: Any = self.again.inputs[k]
        dtype = np.dtype(dtype or self.dtype)
        if isinstance(x, GraphNode):
            return self.writer.cast(self.writer.names[x], x.data.dtype, dtype)
        return self.writer.number(x, again, dtype, self.node)

    def given(self, k: int) -> bool:
        """Whether there is a k-th input that is not None."""
        return self.node.inputs[k] is not None

    def ndim(self, k: int) -> int:
        """How many axes the k-th input has."""
        x = self.node.inputs[k]
        return len(x.shape) if isinstance(x, GraphNode) else 0

    def param(self, name: str, default: Any = None) -> Any:
        """A parameter, the same for every batch."""
        first, second = self.node.params.get(name, default), self.again.params.get(name, default)
        if not alike(first, second):
            raise ValueError(
                f"onnx.export: {name} must be the same for every batch; got {first!r} at {self.node.name!r}, and "
                f"{second!r} with other examples. Pass batch_axis=None to fix the sizes."
            )
        return first

    def number(self, value: Any) -> str:
        """A constant of the dtype of the result."""
        return self.writer.stored(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> str:
        """A constant vector of axes, sizes or positions."""
        return self.writer.stored(np.array(values, np.int64))

    def shaped(self, x: str) -> str:
        """The entries of x in the shape of the result."""
        return self("Reshape", x, self.writer.integers(self.node.shape, self.again.shape, self.node), allowzero=1)


def alike(first: Any, second: Any) -> bool:
    """Whether two parameters are the same."""
    if isinstance(first, tuple | list) and isinstance(second, tuple | list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.array_equal(first, second)
    return bool(first == second)


Counterpart = Callable[[Call], str]


def counterpart(*names: str) -> Callable[[Counterpart], Counterpart]:
    """Say of which rows of the table a function is the counterpart."""

    def note(function: Counterpart) -> Counterpart:
        function.rows = names  # type: ignore[attr-defined]
        return function

    return note
