"""What the file is made of: the graph's values as nodes and initializers of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_edu.graph import GraphNode
from tinygrad_edu.read.onnx.batch import Recording
from tinygrad_edu.read.onnx.call import Call
from tinygrad_edu.read.onnx.counterparts import COUNTERPARTS
from tinygrad_edu.tensor import Tensor

__all__ = ["Writer", "needed"]

OPSET, IR_VERSION = 18, 8  # of the year 2023: what ONNX Runtime 1.15 read already


class Writer:
    """The ONNX nodes of a graph, in the making. Values are told apart by their names."""

    def __init__(self, recording: Recording, states: Mapping[Tensor, str], batch_axis: int | None) -> None:
        self.onnx = needed()
        self.recording, self.batch_axis = recording, batch_axis
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.made: dict[Any, str] = {}  # what is there already, by what it stands for
        self.taken = set(recording.arrays)
        self.states = {x: self.unique(name) for x, name in states.items()}
        self.names = {node: self.unique(node.name) for node in recording.graph.nodes if node.op}

    def model(self) -> Any:
        """The whole file."""
        helper, recording = self.onnx.helper, self.recording
        for node in recording.graph.nodes:
            if node.op is None:
                self.names[node] = self.leaf(node)
            elif node.op not in COUNTERPARTS:
                raise ValueError(
                    f"onnx.export: every op must have a counterpart in ONNX; got {node.op.name} at {node.name!r}. "
                    "Export the part of the model without it, or write it with ops that have one: docs/export.md."
                )
            else:
                start = len(self.nodes)
                result = COUNTERPARTS[node.op](Call(self, node.op, node, recording.again[node]))
                self.rename(result, self.names[node], start)
        used = {name for node in self.nodes for name in node.input}
        for name, x in recording.arrays.items():
            if name not in used:
                raise ValueError(
                    f"onnx.export: the result must depend on every input; got none on {name!r}, of shape {x.shape} and "
                    f"dtype {x.dtype}. Leave it out; or is the graph cut, as by .numpy()?"
                )
        graph = helper.make_graph(
            self.nodes,
            "tinygrad_edu",
            [self.declared(name, x.dtype, self.open(x.shape)) for name, x in recording.arrays.items()],
            [self.declared(self.names[x], x.data.dtype, self.sizes_of(x)) for x in recording.graph.outputs],
            list(self.initializers.values()),
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tinygrad_edu")

    def leaf(self, node: GraphNode) -> str:
        """The name of an input, a parameter or a constant."""
        if name := self.recording.input(node.value):
            return name
        if isinstance(node.value, Tensor) and node.value in self.states:
            return self.initializer(node.data, self.states[node.value])
        return self.constant(node.data, self.recording.again[node].data, node, node.name)

    def constant(self, first: np.ndarray, second: np.ndarray, node: GraphNode, name: str = "constant") -> str:
        """An array: stored if it is the same for every batch; made if it is one number everywhere, or 0, 1, 2 ..."""
        if named := self.recording.input(first):
            return named
        if first is second or (first.shape == second.shape and np.array_equal(first, second, first.dtype.kind == "f")):
            return self.initializer(first, self.unique(name))
        if first.size and first.ndim == second.ndim and all(np.all(x == first.flat[0]) for x in (first, second)):
            return self.add("Expand", self.stored(first.flat[0]), self.integers(first.shape, second.shape, node))
        if all(
            max(x.shape, default=0) == x.size and np.array_equal(x.flat, np.arange(x.size)) for x in (first, second)
        ):
            shape = self.integers(first.shape, second.shape, node)
            counted = self.add("Range", self.stored(0), self.add("ReduceProd", shape, keepdims=0), self.stored(1))
            return self.cast(self.add("Reshape", counted, shape), np.dtype(np.int64), first.dtype)
        user = node.uses[0].name if node.uses and node.op is None else node.name
        raise ValueError(
            f"onnx.export: an array must be the same for every batch, or recorded from the input on; got one at "
            f"{user!r} of shape {first.shape}, with other examples {second.shape} and other entries. Compute it "
            "from the input with ops that are recorded, or pass it as an input."
        )

    def number(self, first: float, second: float, dtype: Any, node: GraphNode) -> str:
        """A single number: itself, k times the number of examples, or k divided by it."""
        rows, others = self.recording.rows, self.recording.others
        if first == second or (np.isnan(first) and np.isnan(second)):
            return self.stored(np.asarray(first, dtype))
        for kind, k, again in (("Mul", first / rows, second / others), ("Div", first * rows, second * others)):
            if np.isclose(k, again, rtol=1e-12, atol=0):
                batch = self.cast(self.add("Squeeze", self.batch()), np.dtype(np.int64), dtype)
                return self.add(kind, self.stored(np.asarray(k, dtype)), batch)
        raise ValueError(
            f"onnx.export: a number must be the same for every batch, or recorded from the input on; got {first:g} at "
            f"{node.name!r}, and {second:g} with other examples. Compute it with ops that are recorded: float() and "
            ".item() cut the graph."
        )

    def integers(self, first: tuple[int, ...], second: tuple[int, ...], node: GraphNode) -> str:
        """A vector of sizes, each the same for every batch or a multiple of the number of examples."""
        if first == second:
            return self.stored(np.array(first, np.int64))
        if len(first) != len(second):
            raise ValueError(
                f"onnx.export: the number of axes must be the same for every batch; got {first} at {node.name!r}, and "
                f"{second} with {self.recording.others} in place of {self.recording.rows} examples. Name the axes, "
                "as in np.squeeze(x, axis=1)."
            )
        parts = []
        for one, other in zip(first, second, strict=True):
            k = self.recording.per_example(one, other)
            if one == other:
                parts.append(self.stored([one]))
            elif k is None:
                raise ValueError(
                    f"onnx.export: a size must be the same for every batch, or a multiple of the number of examples; "
                    f"got {one} at {node.name!r}, and {other} with {self.recording.others} in place of "
                    f"{self.recording.rows} examples. Pass batch_axis=None to fix the sizes."
                )
            else:
                parts.append(self.batch() if k == 1 else self.add("Mul", self.batch(), self.stored([k])))
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def batch(self) -> str:
        """The number of examples, a vector of one."""
        if "batch" not in self.made:
            first, x = next(iter(self.recording.arrays.items()))
            axis = (self.batch_axis or 0) % x.ndim
            self.made["batch"] = self.add("Shape", first, start=axis, end=axis + 1)
        return self.made["batch"]

    def stored(self, value: Any) -> str:
        """A number or a few as an initializer, one for all that are equal."""
        array = np.asarray(value)
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self.made:
            self.made[key] = self.initializer(array, self.unique("constant"))
        return self.made[key]

    def initializer(self, array: np.ndarray, name: str) -> str:
        """An array that is part of the file."""
        self.initializers[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def cast(self, name: str, dtype: np.dtype, to: Any) -> str:
        """The value in another dtype."""
        to = np.dtype(to)
        return name if dtype == to else self.add("Cast", name, to=self.onnx.helper.np_dtype_to_tensor_dtype(to))

    def add(self, kind: str, *inputs: str, prefix: str = "", results: int = 1, **attributes: Any) -> str:
        """A node of ONNX; returns the name of its first result."""
        names = [self.unique(f"{prefix}/{kind}" if prefix else kind) for _ in range(results)]
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0]

    def rename(self, result: str, name: str, start: int) -> None:
        """Give the result of the nodes from `start` on the name of its value in the graph."""
        if len(self.nodes) == start or self.nodes[-1].output[0] != result:
            self.add("Identity", result)
        self.nodes[-1].output[0] = self.nodes[-1].name = name

    def unique(self, name: str) -> str:
        """The name, numbered if it is taken."""
        candidate, number = name, 1
        while candidate in self.taken:
            number += 1
            candidate = f"{name} ({number})"
        self.taken.add(candidate)
        return candidate

    def sizes_of(self, node: GraphNode) -> list[Any]:
        """The shape of a value, open where it depends on the batch."""
        found: list[Any] = []
        for one, other in zip(node.shape, self.recording.again[node].shape, strict=True):
            found.append(one if one == other else "batch" if self.recording.per_example(one, other) == 1 else None)
        return found

    def open(self, shape: tuple[int, ...]) -> list[Any]:
        """The shape of an input, open along the axis of the examples."""
        axis = self.batch_axis
        return ["batch" if axis is not None and a == axis % len(shape) else n for a, n in enumerate(shape)]

    def declared(self, name: str, dtype: Any, shape: list[Any]) -> Any:
        """An input or output of the file."""
        helper = self.onnx.helper
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def needed() -> Any:
    """The package onnx."""
    try:
        import onnx
    except ImportError:
        raise ImportError(
            "onnx.export: needs the package onnx; got none. Install it with pip install 'tinygrad_edu[onnx]'."
        ) from None
    return onnx
