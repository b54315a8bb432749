"""The chain rule, written once.

    dJ/dx = sum over every use y of x:  dJ/dy * dy/dx

A `Node` is a value and how it was made: the op, its inputs and its parameters. `order` lists the
nodes behind an output, the newest first, and `chain_rule` goes through them so: it takes the gradient of a node, asks
the rules of its op (`ops`) for the gradients of its inputs, and adds them up. That is all.

    grad(outputs, inputs)   the gradients of a scalar, or gradients of gradients with create_graph=True
    no_grad()               compute without recording
    detect_anomaly()        stop at the first NaN or infinity and name the op that made it

Read next: `tensor.py`, the node that people hold in their hands.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Any, Self

import numpy as np

from tinygrad_edu.anomaly import Note, require_finite, require_unchanged

__all__ = ["Node", "chain_rule", "detect_anomaly", "grad", "no_grad", "order"]


@dataclass(frozen=True, slots=True)
class Mode:
    """What is done besides computing."""

    record: bool = True
    anomaly: bool = False


NORMAL = Mode()
#: A context variable, so that each thread and each async task has its own.
mode: ContextVar[Mode] = ContextVar("mode", default=NORMAL)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording, in this thread and this async task.

    A context manager and a decorator. What is made inside requires no gradient.
    """
    before = mode.set(replace(mode.get(), record=False))
    try:
        yield
    finally:
        mode.reset(before)


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise at the first NaN or infinity, forward or backward, naming the op and the line that made it.

    Also where an array was changed between its recording and the backward pass. Slow: each array is read twice.

    Raises:  FloatingPointError; RuntimeError for a changed array
    """
    before = mode.set(replace(mode.get(), anomaly=True))
    try:
        yield
    finally:
        mode.reset(before)


created = itertools.count()


class Node:
    """A value, and its place in the graph.

    data           the array
    requires_grad  whether gradients flow to it
    retains_grad   whether a node that is no leaf keeps its gradient
    op             the op that made it; None if none did
    inputs         what the op was given (nodes, arrays, numbers), where it was recorded; () for a leaf
    params         the op's parameters by name
    flows_to       the positions of the inputs that the gradient goes on to
    created        its number in the order of creation
    noted          what detect_anomaly() has noted of it
    scopes         for the result of a module: the module, and the number at which its call began
    """

    __slots__ = (
        "created",
        "data",
        "flows_to",
        "inputs",
        "noted",
        "op",
        "params",
        "requires_grad",
        "retains_grad",
        "scopes",
    )

    data: np.ndarray
    requires_grad: bool
    retains_grad: bool
    op: Any
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    flows_to: tuple[int, ...]
    created: int
    noted: Note
    scopes: tuple[tuple[Any, int], ...]

    @classmethod
    def wrap(cls, data: Any) -> Self:
        """A leaf that requires no gradient and shares the memory of `data`."""
        raise NotImplementedError


def order(outputs: Iterable[Node], towards: Iterable[Node] | None = None) -> list[Node]:
    """The recorded nodes behind the outputs, the newest first; given `towards`, those on a way there.

    An op can only be given what exists already, so a node is always newer than its inputs. Going
    from the newest to the oldest, all uses of a node come before the node itself: when its turn
    comes, its gradient is complete. Why this matters, with a = 3:

        b = a + a      b = 6
        c = b + b      c = 12      c = 4 a, so dc/da must be 4

    A plain recursion from c follows each edge as it meets it. If it visits b once, on the first edge,
    it passes the 1 that has arrived by then on to a: a gets 1 + 1 = 2, which is wrong. If it visits b on
    both edges, a gets the right 4, but the work doubles with every shared node: for `x = x + x` sixty
    times, 2**60 visits. In order, b first adds up 1 + 1 = 2 and then hands 2 to a twice: 2 + 2 = 4.

    Gradients add up because a change of `a` reaches c through each of its uses, and small changes
    add. The same holds from one `backward()` to the next, and that is why the gradients of the last
    training step must be cleared before the next one.
    """
    found = set(outputs)
    waiting = [node for node in found if node.inputs]
    nodes = []
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        inputs = node.inputs
        for k in node.flows_to:
            x = inputs[k]
            if x not in found:
                found.add(x)
                if x.inputs:
                    waiting.append(x)
    nodes.sort(key=attrgetter("created"), reverse=True)
    if towards is None:
        return nodes
    leads = set(towards)
    for node in reversed(nodes):
        if any(node.inputs[k] in leads for k in node.flows_to):
            leads.add(node)
    return [node for node in nodes if node in leads]


def chain_rule(
    gradients: dict[Node, Any], towards: Iterable[Node] | None = None, create_graph: bool = False
) -> dict[Any, Any]:
    """Carry gradients from the outputs back to the leaves, or only `towards` some nodes.

    Of the nodes whose gradient has begun, the newest comes next: all its uses are newer, and so its gradient is
    complete (see `order`). `gradients` maps each output to its own gradient, the seed. Returned are the gradients
    of the leaves, of nodes that retain theirs and of the nodes in `towards`. A gradient in transit lives in the
    dict alone, and leaves it when it is complete. With create_graph=True the rules are given nodes in place of
    arrays: so they record, and the gradients are nodes of a graph themselves.
    """
    targets = set() if towards is None else set(towards)
    wanted = None if towards is None else targets.union(order(gradients, towards))
    anomaly = mode.get().anomaly
    kept = {}
    begun = [(-node.created, node) for node in gradients if node.inputs]
    heapify(begun)
    growing: set[Node] = set()  # whose gradient is an array made here, which no other holds: more is added in place
    lent: set[Node] = set()  # whose gradient is the array of another, too
    while begun:
        node = heappop(begun)[1]
        g, op, inputs, params = gradients.pop(node), node.op, node.inputs, node.params
        if node.retains_grad or (targets and node in targets):
            kept[node] = g
        if create_graph:
            given: list[Any] = [g, node, *inputs]  # what the rules are given: g, y and the inputs
        else:
            given, kind = [g, node.data], type(node)
            for x in inputs:
                given.append(x.data if type(x) is kind else x)
        if anomaly:
            arrays = [x.data if isinstance(x, Node) else x for x in inputs]
            noted = getattr(node, "noted", Note())
            require_unchanged(noted, op, arrays, node.data)
        rules = op.rules or op.rules_for(given[2:], params)
        for k in node.flows_to:
            x = inputs[k]
            if wanted is not None and x not in wanted:
                continue
            first = x not in gradients
            if first and x.inputs:
                heappush(begun, (-x.created, x))
            data = x.data
            if op.into and data.ndim and not create_graph and type(data) is np.ndarray:
                if x not in growing:
                    gradients[x] = gradients.get(x, 0) + np.zeros_like(data)
                    growing.add(x)
                op.into(gradients[x], g, **params)
                continue
            gx = rules[k](*given, **params) if params else rules[k](*given)
            if gx is g:
                lent.add(x)
            try:
                fits = gx.shape == data.shape and (gx.dtype is data.dtype or gx.dtype == data.dtype)
            except AttributeError:
                fits = False  # a Python number
            if not fits:
                gx = fit(gx, data, node)
            if anomaly:
                require_finite(gx.data if isinstance(gx, Node) else gx, op, arrays, noted.line, "the gradient")
            if first:
                gradients[x] = gx
            elif x in growing:
                gradients[x] += gx
            else:
                gradients[x] = gradients[x] + gx
                if not create_graph:
                    growing.add(x)
    return own(kept | gradients if kept else gradients, lent)


def own(gradients: dict[Node, Any], lent: set[Node]) -> dict[Node, Any]:
    """Each gradient in memory of its own: a rule may hand g on as it is, or a view of it."""
    for node, g in gradients.items():
        if (g.data if isinstance(g, Node) else g).base is not None or node in lent:
            gradients[node] = g.astype(g.dtype)
    return gradients


def fit(g: Any, x: np.ndarray, node: Node) -> Any:
    """The gradient g that a rule of the node's op returned, in the shape and dtype of its input x.

    Where NumPy stretched x to the shape of another operand, each entry of x was used many times:
    its gradient is the sum over those uses. This is the one place where broadcasting is undone.
    """
    g = g if hasattr(g, "shape") else np.asarray(g)
    shapes = [node.data.shape, *(np.shape(v.data if isinstance(v, Node) else v) for v in node.inputs)]

    def by_broadcasting(a: int) -> bool:
        """Whether x has no such axis, or one of length 1, and another operand has the length that g has."""
        return (-a > x.ndim or x.shape[a] == 1) and any(-a <= len(s) and s[a] == g.shape[a] for s in shapes)

    stretched = tuple(a for a in range(-g.ndim, 0) if -a > x.ndim or x.shape[a] != g.shape[a])
    if g.ndim < x.ndim or not all(map(by_broadcasting, stretched)):
        raise ValueError(
            f"{node.op.name}: a rule must return a gradient of the shape of its input, {x.shape}, or one that "
            f"broadcasting stretched from it; got {g.shape}. Check the transposes in the rule."
        )
    require_float(x)
    if stretched:
        g = np.reshape(np.add.reduce(g, axis=stretched), x.shape)
    return g if g.dtype == x.dtype else g.astype(x.dtype)


def require_float(x: np.ndarray) -> None:
    """Raise where an array that a gradient belongs to holds no floats."""
    if x.dtype.kind != "f":
        raise TypeError(f"backward: gradients need a floating dtype; got {x.dtype}. Make the tensor with dtype=float.")


def seed(output: Any, gradient: Any, caller: str, create_graph: bool) -> Any:
    """The gradient to start from: 1 for a scalar, else a copy of the one that was given."""
    data = output.data
    if not output.requires_grad:
        raise RuntimeError(
            f"{caller}: needs a tensor that was computed from one with requires_grad=True; got {output!r}. "
            "Was it made under no_grad(), or cut by detach(), float() or .numpy()?"
        )
    require_float(data)
    if gradient is None:
        if data.size != 1:
            raise ValueError(
                f"{caller}: needs a scalar; got shape {data.shape}. "
                "Reduce it, for example with .mean(), or pass gradient=."
            )
        return np.array(1, data.dtype, ndmin=data.ndim)
    if np.shape(gradient) != data.shape:
        raise ValueError(
            f"{caller}: gradient must have the shape of the tensor, {data.shape}; got {np.shape(gradient)}. "
            "Pass one number for each entry."
        )
    if not hasattr(gradient, "_apply"):
        return np.array(gradient, data.dtype)
    recorded: Any = (
        gradient.data if isinstance(gradient, Node) and not create_graph else gradient
    )  # so that the result can be differentiated by it, too
    return recorded.astype(data.dtype)


def grad(
    outputs: Any,
    inputs: Any,
    gradient: Any = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """The gradients of an output by some inputs; no `.grad` is touched.

        grad(J, [W, b]) = (dJ/dW, dJ/db)

    Several outputs count as their sum. `gradient` (one for each output) is needed where an output is
    no scalar. With create_graph=True the results can be differentiated again. An input that the
    outputs do not depend on is an error, or None with allow_unused=True.

    Shapes:  each gradient has the shape of its input; one input -> one tensor, a list -> a tuple
    Raises:  ValueError, RuntimeError, TypeError
    """
    one, alone = isinstance(inputs, Node), not isinstance(outputs, list | tuple)
    outputs = [outputs] if alone else list(outputs)
    inputs = list(inputs) if isinstance(inputs, Iterable) and not one else [inputs]
    for x in (*outputs, *inputs):
        if not isinstance(x, Node):
            raise TypeError(
                f"grad: outputs and inputs must be Tensors; got {type(x).__name__}. float(), .item() or np.array() "
                "cut the graph: keep the Tensor itself."
            )
    given = [gradient] if alone else [None] * len(outputs) if gradient is None else gradient
    if len(given) != len(outputs):
        raise ValueError(
            f"grad: gradient must hold one array for each output; got {len(given)} for {len(outputs)}. Pass a list."
        )
    seeds: dict[Node, Any] = {}
    for output, g in zip(outputs, given, strict=True):
        started = seed(output, g, "grad", create_graph)
        seeds[output] = seeds[output] + started if output in seeds else started
    found = chain_rule(seeds, inputs, create_graph)
    for position, x in enumerate(inputs):
        if x not in found and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs must depend on every input; got input {position}, {x!r}, which is not in their "
                "graph. Was it cut by float(), .item() or np.array()? Or pass allow_unused=True."
            )
    results = [found.get(x) for x in inputs]
    tensors = tuple(g if g is None or isinstance(g, Node) else inputs[0].wrap(g) for g in results)
    return tensors[0] if one else tensors
