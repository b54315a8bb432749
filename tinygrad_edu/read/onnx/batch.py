"""Which numbers in a graph stand for the batch: they differ when it is recorded once more with more examples.

A graph knows the shapes that it was recorded with, and a 3 in it may be three examples, three features or just a 3.
So a model is called twice, with different numbers of examples, and the two graphs are laid side by side: what
is the same in both is a constant, what grew with the batch depends on it.

    recording = record(model, {"x": X}, axis=0)
    recording.again[node]            # the node of the second graph beside a node of the first

A graph that is already there cannot be recorded again: `replay` computes it once more, and refuses what might be the
batch or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.nn import Module
from tinygrad_edu.tensor import Tensor

__all__ = ["Recording", "record", "replay", "resized"]


@dataclass
class Recording:
    """A graph, and the same with another number of examples.

    inputs  the tensor or array that stands for each input in the graph, by name
    again   for each node its like in the second graph; for one of fixed sizes, itself
    rows    the number of examples in the first graph, and `others` in the second; 0 where sizes are fixed
    """

    graph: Graph
    inputs: dict[str, Any]
    again: dict[GraphNode, GraphNode]
    rows: int
    others: int

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The example, by name."""
        return {name: x.data if isinstance(x, Tensor) else x for name, x in self.inputs.items()}

    def input(self, value: Any) -> str | None:
        """The name of the input that a value of the graph is."""
        return next((name for name, x in self.inputs.items() if x is value), None)

    def per_example(self, first: int, second: int) -> int | None:
        """k, where a size is k times the number of examples in both graphs."""
        k = first // (self.rows or 1)
        return k if (k * self.rows, k * self.others) == (first, second) else None


def record(model: Callable[..., Any], arrays: dict[str, np.ndarray], axis: int | None) -> Recording:
    """Call a model on the example, and once more with other numbers of examples along the axis.

    A Module is called as in evaluation: dropout passes all.

    Raises:  TypeError for a result that is no Tensor; ValueError for a model that takes one number of examples only
    """
    graph, inputs = recorded(model, arrays)
    if axis is None:
        return Recording(graph, inputs, {node: node for node in graph.nodes}, 0, 0)
    rows, others = sizes(arrays, axis)
    more = {name: resized(x, others, axis) for name, x in arrays.items()}
    try:
        second, _ = recorded(model, more)
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"onnx.export: the model must take any number of examples; got an error with {others} in place of {rows}: "
            f"{error} Compute sizes from x.shape, or pass batch_axis=None to fix them."
        ) from error
    if [node.op for node in graph.nodes] != [node.op for node in second.nodes]:
        raise ValueError(
            f"onnx.export: the model must run the same ops for any number of examples; got {len(graph.nodes)} nodes "
            f"with {rows}, and {len(second.nodes)} with {others}. Leave out loops over the examples, or pass "
            "batch_axis=None to fix their number."
        )
    return Recording(graph, inputs, dict(zip(graph.nodes, second.nodes, strict=True)), rows, others)


def recorded(model: Callable[..., Any], arrays: Mapping[str, np.ndarray]) -> tuple[Graph, dict[str, Any]]:
    """The graph of the result, and what stands for the inputs in it: for floats Tensors, all of whose uses record."""
    inputs = {name: Tensor(x, True, name) if x.dtype.kind == "f" else x for name, x in arrays.items()}
    with model.evaluating() if isinstance(model, Module) else nullcontext():
        result = model(*inputs.values())
    results = list(result) if isinstance(result, tuple | list) else [result]
    for x in results:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"onnx.export: the model must return a Tensor; got {type(x).__name__}. float(), .item() or np.array() "
                "inside it cut the graph: return the Tensor itself."
            )
    return Graph(results), inputs


def sizes(arrays: Mapping[str, np.ndarray], axis: int) -> tuple[int, int]:
    """The number of examples, and another one that is no multiple of it."""
    lengths = {name: x.shape[axis] if -x.ndim <= axis < x.ndim else 0 for name, x in arrays.items()}
    rows = next(iter(lengths.values()))
    if rows < 1 or set(lengths.values()) != {rows}:
        shapes = ", ".join(f"{name} {x.shape}" for name, x in arrays.items())
        raise ValueError(
            f"onnx.export: the example must hold at least one example along axis {axis}, and all its arrays equally "
            f"many; got {shapes}. Pass a few rows of the data, or batch_axis= to say where the examples stand."
        )
    return rows, 2 * rows + 1


def resized(x: np.ndarray, rows: int, axis: int) -> np.ndarray:
    """The examples over and over, beginning with the second, and a little smaller: no number taken from them stays."""
    more: np.ndarray = np.take(x, np.arange(1, rows + 1) % x.shape[axis], axis)
    if more.dtype.kind == "f":
        more *= 63 / 64
    return more


def replay(graph: Graph, inputs: dict[str, Any], axis: int | None) -> Recording:
    """A graph that is there, computed once more with another number of examples.

    Raises:  ValueError for a number, an array or a shape in it that might stand for the number of examples
    """
    if axis is None:
        return Recording(graph, inputs, {node: node for node in graph.nodes}, 0, 0)
    recording = Recording(graph, inputs, {}, 0, 0)
    rows, others = recording.rows, recording.others = sizes(recording.arrays, axis)
    again = recording.again
    for node in graph.nodes:
        if recording.input(node.value):
            more = resized(node.data, others, axis)
            again[node] = replace(node, value=Tensor(more, requires_grad=more.dtype.kind == "f"))
        elif node.op is None:
            if node.kind == "input" and rows in node.shape:
                raise doubtful(node.uses[0], f"an array of shape {node.shape}", rows)
            again[node] = node
        else:
            again[node] = computed_again(node, node.op, again, rows, others)
    return recording


def computed_again(
    node: GraphNode, op: ops.Op, again: Mapping[GraphNode, GraphNode], rows: int, others: int
) -> GraphNode:
    """A node once more, from what its inputs are now."""
    operands, grown = [], False
    for x, value in zip(node.inputs, node.value.inputs, strict=True):
        if isinstance(x, float) and x in (rows, 1 / rows) and op is not ops.where:
            raise doubtful(node, f"the number {x:g}", rows)
        operands.append(again[x].value if isinstance(x, GraphNode) else value)
        grown |= isinstance(x, GraphNode) and again[x].data.size != x.data.size
    params = dict(node.params)
    if "key" in params:
        require_clear_index(node, params["key"], rows)
    if "shape" in params:
        params["shape"] = grown_shape(node, params["shape"], rows, others, op is ops.reshape, grown)
    try:
        value = op(*operands, **params)
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"onnx.export: {node.name!r} must take any number of examples; got an error with {others} in place of "
            f"{rows}: {error} Pass the model in place of its graph, or batch_axis=None to fix the sizes."
        ) from error
    return replace(node, value=value, params=params)


def require_clear_index(node: GraphNode, key: Any, rows: int) -> None:
    """Raise for an index that may go up to the number of examples, or have a position for each."""
    for part in key if isinstance(key, tuple) else (key,):
        bounds = (part.start, part.stop) if isinstance(part, slice) else ()
        if rows in bounds or (isinstance(part, list | np.ndarray) and rows in np.shape(part)):
            raise doubtful(node, f"the index {part!r}", rows)


def grown_shape(node: GraphNode, shape: Any, rows: int, others: int, same_size: bool, grown: bool) -> tuple[int, ...]:
    """A shape for more examples: if the size must be that of the input, the one multiple of their number in it grows.

    Raises:  ValueError for a shape of which it is not clear
    """
    lengths: tuple[int, ...] = tuple(shape) if isinstance(shape, tuple | list) else (int(shape),)
    multiples = [a for a, n in enumerate(lengths) if n > 0 and n % rows == 0]
    if not multiples or (same_size and not grown):
        return lengths
    if same_size and len(multiples) == 1 and -1 not in lengths:
        return tuple(n // rows * others if a in multiples else n for a, n in enumerate(lengths))
    raise doubtful(node, f"the shape {lengths}", rows)


def doubtful(node: GraphNode, what: str, rows: int) -> ValueError:
    return ValueError(
        f"onnx.export: it must be clear what depends on the number of examples; got {what} at {node.name!r} in a graph "
        f"of {rows} examples. Pass the model in place of its graph, or record it with a number of examples that occurs "
        "nowhere else, or pass batch_axis=None to fix the sizes."
    )
