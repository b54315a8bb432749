"""A recorded graph as an ONNX file, which other runtimes read (extra `onnx`).

    tg.onnx.export(model, X[:8], "model.onnx")

    session = onnxruntime.InferenceSession("model.onnx")       # any number of rows, in the dtype of X
    (prediction,) = session.run(None, {"x": X})

What is written is the graph of the forward pass: each op as its ONNX counterpart, parameters under their names in
`state_dict()`, values under their names in the graph (Z1, A1). The axis of the examples stays open.

    batch.py           what in a graph stands for the number of examples: it is recorded twice
    writer.py          values, constants and sizes in the file
    counterparts.py    the ops of ONNX for each row of the table

Read next: `docs/export.md`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.graph import Graph
from tinygrad_edu.nn import Module
from tinygrad_edu.read.onnx.batch import record, replay
from tinygrad_edu.read.onnx.writer import Writer, needed
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.writing import write

__all__ = ["export"]

LARGEST = 2**31 - 1  # bytes of a file, by the rules of protobuf


def export(model: Callable[..., Any] | Graph, example: Any, path: Any, batch_axis: int | None = 0) -> Path:
    """Write a model as an ONNX file; returns the path.

    model       a Module or a function of Tensors, called as in evaluation (dropout passes all); or a Graph
    example     what it is called with: an array, a tuple of arrays, or a dict that names them; for a Graph, the very
                tensors or arrays that it was recorded from
    batch_axis  the axis of the examples, of which the file takes any number; None to fix all sizes

    Raises:  ImportError without onnx; TypeError for a model that gives no Tensor, or an example of a wrong dtype;
             ValueError for an example of a wrong shape, an op without counterpart, a constant that changes with the
             batch
    """
    onnx = needed()
    if isinstance(model, Graph):
        recording = replay(model, found_in(model, example), batch_axis)
    else:
        arrays = {name: array(name, x) for name, x in named(example, model).items()}
        if isinstance(model, Module):
            require_dtype(model, arrays)
        recording = record(model, arrays, batch_axis)
    states = {x: name for name, x in model.named_parameters()} if isinstance(model, Module) else {}
    size = sum(node.data.nbytes for node in recording.graph.nodes if node.op is None)
    if size > LARGEST:
        raise ValueError(
            f"onnx.export: the file must be smaller than 2 GiB; got parameters of {size:,} bytes. Make the model "
            "float32, or smaller."
        )
    written = Writer(recording, states, batch_axis).model()
    onnx.checker.check_model(written, full_check=True)
    return write(Path(path), written.SerializeToString())


def named(example: Any, model: Callable[..., Any]) -> dict[str, Any]:
    """The arrays of an example by name: the names given, else those of the model's arguments."""
    if isinstance(example, Mapping):
        if not example or not all(isinstance(name, str) and name for name in example):
            raise ValueError(
                f"onnx.export: an example must name its arrays; got {list(example)}. Write for example {{'x': X}}."
            )
        return dict(example)
    parts = example if isinstance(example, tuple) else (example,)
    arguments = inspect.signature(model.forward if isinstance(model, Module) else model).parameters.values()
    names = [x.name for x in arguments if x.kind in (x.POSITIONAL_ONLY, x.POSITIONAL_OR_KEYWORD)]
    if len(names) < len(parts):
        names = ["x"] if len(parts) == 1 else [f"x{number}" for number in range(1, len(parts) + 1)]
    return dict(zip(names, parts, strict=False))


def array(name: str, x: Any) -> np.ndarray:
    """A part of an example as an array of real numbers."""
    found = x.data if isinstance(x, Tensor) else np.asarray(x)
    if found.dtype.kind not in "fiub":
        raise TypeError(
            f"onnx.export: the example must be real numbers; got {name!r} of dtype {found.dtype}. Pass what the model "
            "is called with."
        )
    return found


def require_dtype(model: Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise for an example of floats in another dtype than the parameters."""
    dtypes = {x.dtype for x in model.parameters()}
    for name, x in arrays.items():
        if len(dtypes) == 1 and x.dtype.kind == "f" and x.dtype not in dtypes:
            (dtype,) = dtypes
            raise TypeError(
                f"onnx.export: the example must have the dtype of the model's parameters, {dtype}; got {name!r} of "
                f"{x.dtype}. Write {name}.astype(np.{dtype}), as a runtime does not convert."
            )


def found_in(graph: Graph, example: Any) -> dict[str, Any]:
    """The inputs of a graph that is there: what stands for them in it, by name."""
    leaves = {id(node.value): node for node in graph.nodes if node.op is None}
    parts = example if isinstance(example, Mapping | tuple) else (example,)
    given = parts.items() if isinstance(parts, Mapping) else ((None, x) for x in parts)
    inputs = {}
    for name, x in given:
        node = leaves.get(id(x))
        if node is None:
            there = ", ".join(f"{node.name} {node.shape}" for node in leaves.values() if node.kind == "input")
            raise ValueError(
                f"onnx.export: the example must be a tensor or array that the graph was recorded from; got "
                f"{type(x).__name__} of shape {np.shape(x)}, which is not in it; there are {there or 'no inputs'}. "
                "Pass the very object, or the model in place of its graph."
            )
        inputs[name or node.name] = x
    return inputs
