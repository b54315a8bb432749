"""A bias is a weight of a constant 1, and so one product does what a product and a sum did.

    z = x W' + b                    z = [x 1] [W b]'
    dW = dz' x,  db = sum(dz)       [dW db]' = [x 1]' dz

It pays where the weight is small: there a call costs more than its arithmetic, or the batch is long and each sum would
go through memory once more. The weight then lies column by column, and the bias is one more column.

Read next: `emit.py`, where x is written beside its ones at once.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.read.forms import VIEWS
from tinygrad_edu.read.program import Program, Step, Value

__all__ = ["biases_as_weights", "in_columns", "with_ones"]

MANY = 1 << 13  # entries


def with_ones(x: Any) -> Any:
    """[x 1]: a matrix and a column of ones."""
    return np.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1)


def in_columns(shape: tuple[int, ...]) -> bool:
    """Whether a matrix may as well lie column by column, where its ones are one more: tall ones, and small ones."""
    return len(shape) == 2 and (shape[0] >= shape[1] or shape[0] * shape[1] <= MANY)


class Layer(NamedTuple):
    """z = x W' + b, and what is known of its gradients.

    x, dz             the values
    product, addition the steps that make z
    weight, bias      the steps that make dW and db
    """

    x: Value
    dz: Value
    product: Step
    addition: Step
    weight: Step
    bias: Step


def biases_as_weights(program: Program, joins: Sequence[tuple[Value, Sequence[Value]]]) -> dict[Value, Value]:
    """Write each layer so that its weight and bias are one input of the program: [W b]', by weight.

    joins  a vector of gradients that lie side by side, and the parameters that they are of
    """
    users: dict[Value, list[Step]] = {}
    for step in program.steps:
        for value in step.inputs:
            users.setdefault(value, []).append(step)
    wide: dict[Value, Value] = {}
    ones: dict[Value, Value] = {}
    before: dict[Step, list[Step]] = {}
    instead: dict[Step, list[Step]] = {}
    for vector, parameters in joins:
        join = vector.step
        assert join is not None
        gradients = [*join.args]
        for (W, b), (dW, db) in zip(pairwise(parameters), pairwise(join.args), strict=True):
            layer = layer_of(W, b, dW, db, users)
            if layer is None or not {dW, db, layer.product.result}.isdisjoint(program.outputs):
                continue
            x, dz, product, addition, weight, bias = layer
            (m, k), (n,) = x.shape, b.shape
            both = wide[W] = Value((k + 1, n), W.dtype, name=together(W, b))
            if x not in ones:
                first = users[x][0]  # perhaps the product of another layer
                ones[x] = Value((m, k + 1), x.dtype)
                before.setdefault(first, []).append(made(with_ones, (x,), ones[x], first))
            turned = made(np.transpose, (ones[x],), Value((k + 1, m), x.dtype), weight)
            gradient = Value((k + 1, n), W.dtype, name=together(dW, db))
            instead[product], instead[addition] = [made(np.dot, (ones[x], both), addition.result, product)], []
            instead[weight], instead[bias] = [turned, made(np.dot, (turned.result, dz), gradient, weight)], []
            where = gradients.index(dW)
            gradients[where : where + 2] = [gradient]
        join.args = tuple(gradients)
    program.inputs += wide.values()
    program.steps = [new for step in program.steps for new in (*before.get(step, []), *instead.get(step, [step]))]
    return wide


def together(a: Value, b: Value) -> str:
    """A name for both: W1_b1, layer.weight_bias."""
    owner, dot, _ = str(a.name).rpartition(".")
    return f"{a.name}_{str(b.name).removeprefix(owner + dot)}"


def made(function: Any, args: tuple[Any, ...], result: Value, like: Step) -> Step:
    """A new step, in the section of another."""
    step = Step(function, args, {})
    step.result, step.section = result, like.section
    result.step = step
    return step


def layer_of(W: Value, b: Value, dW: Value, db: Value, users: dict[Value, list[Step]]) -> Layer | None:
    """The layer of a weight and a bias: if their gradients come from it alone, and writing x anew costs little."""
    weight, bias = dW.step, db.step
    if len(W.shape) != 2 or b.shape != W.shape[:1] or not weight or not bias or weight.function is not np.dot:
        return None
    x, dz = weight.args[1], argument(weight.args[0], np.transpose)
    if dz is None or summed(bias) is not dz or x.known or len(users[dW]) != 1 or len(users[db]) != 1:
        return None
    copied = x.step is None or x.step.function in VIEWS or x.step.function is operator.getitem
    if W.shape[1] > W.shape[0] if copied else not in_columns(x.shape):
        return None
    for product in users[x]:
        if product.function is np.dot and product.args[0] is x and argument(product.args[1], np.transpose) is W:
            (addition, *others) = users[product.result]
            if others or addition.function is not np.add or {*addition.args} != {product.result, b}:
                return None
            z = addition.result
            if x.dtype == W.dtype == b.dtype == z.dtype and z.shape == dz.shape and not addition.kwargs:
                return Layer(x, dz, product, addition, weight, bias)
    return None


def argument(value: Any, function: Any) -> Any:
    """The argument of the step that made a value, if it was a call of the function with that alone."""
    step = value.step if isinstance(value, Value) else None
    return step.args[0] if step and step.function is function and len(step.args) == 1 and not step.kwargs else None


def summed(step: Step) -> Any:
    """What a step sums over the examples: a product with ones, or a sum over the first axis."""
    ones, x = step.args if step.function is np.dot else (None, None)
    if isinstance(ones, Value) and ones.known:
        return x if ones.fixed and len(ones.shape) == 1 and np.all(ones.constant == 1) else None
    return step.args[0] if step.function == np.add.reduce and step.kwargs == {"axis": 0} else None
