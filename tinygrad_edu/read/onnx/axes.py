"""The ONNX counterparts of ops along axes: reductions, shapes, joins, products, losses."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from tinygrad_edu.read.onnx.call import Call, counterpart
from tinygrad_edu.read.onnx.elementwise import stable_softplus

#: Rows that reduce along axes.
REDUCING = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
    "logsumexp": "ReduceLogSumExp",
}
#: What joins a reduction with the number that it starts from.
STARTED = {"sum": "Add", "prod": "Mul", "max": "Max", "min": "Min"}
#: Rows that give the same entries another shape.
RESHAPING = ("reshape", "ravel", "expand_dims", "squeeze")

# Reductions


@counterpart(*REDUCING)
def reducing(call: Call) -> str:
    result = reduced(call, REDUCING[call.row], call.x(0), call.param("keepdims", False))
    initial = call.param("initial", np._NoValue)
    started = initial is not np._NoValue and call.row in STARTED
    return call(STARTED[call.row], result, call.number(initial)) if started else result


def reduced(call: Call, kind: str, x: str, keepdims: bool) -> str:
    """x reduced along the axes of the call."""
    axis = call.param("axis")
    if axis == ():
        return call("Identity", x)
    axes = () if axis is None else axis if isinstance(axis, tuple) else (axis,)
    ndim = call.ndim(0)
    return call(kind, x, *([call.integers(*(a % ndim for a in axes))] if axes else []), keepdims=int(keepdims))


@counterpart("var")
def var(call: Call) -> str:
    x = call.x(0)
    deviation = call("Sub", x, reduced(call, "ReduceMean", x, True))
    squares, keepdims = call("Mul", deviation, deviation), call.param("keepdims", False)
    if not call.param("ddof", 0):
        return reduced(call, "ReduceMean", squares, keepdims)
    total = reduced(call, "ReduceSum", squares, keepdims)
    sizes = [call.writer.cast(call("Size", of), np.dtype(np.int64), call.dtype) for of in (x, total)]
    return call("Div", total, call("Sub", call("Div", *sizes), call.number(call.param("ddof"))))


@counterpart("std")
def std(call: Call) -> str:
    return call("Sqrt", var(call))


@counterpart("softmax", "log_softmax")
def along(call: Call) -> str:
    kind = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[call.row]
    return call(kind, call.x(0), axis=call.param("axis", -1))


@counterpart("cumsum")
def cumsum(call: Call) -> str:
    x, axis = call.x(0), call.param("axis")
    if axis is None:
        x, axis = call("Reshape", x, call.integers(-1)), 0
    return call("CumSum", x, call.writer.stored(np.int64(axis)))


@counterpart("vector_norm")
def vector_norm(call: Call) -> str:
    x, ord, keepdims = call.x(0), call.param("ord", 2), call.param("keepdims", False)
    if ord in (1, 2):
        return reduced(call, f"ReduceL{int(ord)}", x, keepdims)
    powers = call("Pow", call("Abs", x), call.number(ord))
    return call("Pow", reduced(call, "ReduceSum", powers, keepdims), call.number(1 / ord))


# Shapes, parts and joins


@counterpart(*RESHAPING)
def reshaping(call: Call) -> str:
    return call.shaped(call.x(0))


@counterpart("broadcast_to")
def broadcast_to(call: Call) -> str:
    sizes = call.writer.integers(call.node.shape, call.again.shape, call.node)
    return call("Expand", call.x(0), sizes)


@counterpart("transpose", "swapaxes", "moveaxis")
def transposed(call: Call) -> str:
    if call.ndim(0) == 0:
        return call.x(0)
    lengths = tuple(range(call.ndim(0)))  # each axis is told by its length
    moved = call.op.forward(np.broadcast_to(0.0, lengths), **{x: call.param(x) for x in call.node.params})
    return call("Transpose", call.x(0), perm=moved.shape)


@counterpart("concatenate")
def concatenate(call: Call) -> str:
    inputs, axis = [call.x(k) for k in range(len(call.node.inputs))], call.param("axis", 0)
    if axis is None:
        inputs, axis = [call("Reshape", x, call.integers(-1)) for x in inputs], 0
    return call("Concat", *inputs, axis=axis)


@counterpart("tril", "triu")
def triangle(call: Call) -> str:
    x = call.x(0) if call.ndim(0) > 1 else broadcast_to(call)  # NumPy takes a vector for equal rows
    return call("Trilu", x, call.writer.stored(np.int64(call.param("k", 0))), upper=int(call.row == "triu"))


@counterpart("stack")
def stack(call: Call) -> str:
    axis = call.param("axis", 0)
    inputs = [call("Unsqueeze", call.x(k), call.integers(axis)) for k in range(len(call.node.inputs))]
    return call("Concat", *inputs, axis=axis)


# Products


@counterpart("dot")
def dot(call: Call) -> str:
    a, b = call.ndim(0), call.ndim(1)
    if min(a, b) == 0:
        return call("Mul", call.x(0), call.x(1))
    if b <= 2:
        return call("MatMul", call.x(0), call.x(1))
    rows, columns = ascii_lowercase[: a - 1], ascii_uppercase[: b - 1]
    equation = f"{rows}z,{columns[:-1]}z{columns[-1]}->{rows}{columns}"
    return call("Einsum", call.x(0), call.x(1), equation=equation)


@counterpart("linear")
def linear(call: Call) -> str:
    if call.ndim(0) == 2:
        return call("Gemm", *(call.x(k) for k in range(3) if call.given(k)), transB=1)
    product = call("MatMul", call.x(0), call("Transpose", call.x(1), perm=[1, 0]))
    return call("Add", product, call.x(2)) if call.given(2) else product


@counterpart("det")
def det(call: Call) -> str:
    return call("Det", call.x(0))


@counterpart("einsum")
def einsum(call: Call) -> str:
    """NumPy stretches an axis of length 1, ONNX does not: such an axis goes, and its letter."""
    terms, _, out = call.param("subscripts").partition("->")
    operands: list[Any] = call.again.inputs
    shapes = [x.shape for x in operands]
    longest: dict[str, int] = {}
    for term, shape in zip(terms.split(","), shapes, strict=True):
        for letter, length in zip(term, shape, strict=True):
            longest[letter] = max(length, longest.get(letter, 0))
    inputs, kept = [], []
    for k, (term, shape) in enumerate(zip(terms.split(","), shapes, strict=True)):
        gone = [a for a, letter in enumerate(term) if shape[a] == 1 < longest[letter]]
        inputs.append(call("Squeeze", call.x(k), call.integers(*gone)) if gone else call.x(k))
        kept.append("".join(letter for a, letter in enumerate(term) if a not in gone))
    return call("Einsum", *inputs, equation=f"{','.join(kept)}->{out}")


# Losses


@counterpart("bce_with_logits")
def bce_with_logits(call: Call) -> str:
    z = call.x(0)
    return mean_or_sum(call, call("Sub", stable_softplus(call, z), call("Mul", call.x(1), z)))


@counterpart("cross_entropy")
def cross_entropy(call: Call) -> str:
    below = call("LogSoftmax", call.x(0), axis=1)
    if call.ndim(1) == 2:
        picked = call("ReduceSum", call("Mul", call.x(1), below), call.integers(1), keepdims=0)
    else:
        labels = call("Unsqueeze", call.x(1, np.int64), call.integers(1))
        picked = call("Squeeze", call("GatherElements", below, labels, axis=1), call.integers(1))
    return mean_or_sum(call, call("Neg", picked))


def mean_or_sum(call: Call, losses: str) -> str:
    """The losses, reduced as the loss says."""
    kind = {"mean": "ReduceMean", "sum": "ReduceSum", "none": "Identity"}[call.param("reduction", "mean")]
    return call(kind, losses) if kind == "Identity" else call(kind, losses, keepdims=0)
