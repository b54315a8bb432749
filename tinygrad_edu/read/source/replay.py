"""A recorded graph, forward and backward, as a program of NumPy calls that works for any data.

    replay = Replay(graph)
    replay.record(length=1009)      # a Recording: the trace, and which value is which node, which its gradient

The ops are applied again, and the chain rule runs, on arrays without values: so what the graph holds as data becomes an
input of the program, and what was computed from data when the graph was made (1 - Y, a mask, one-hot rows) is computed
by the program.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node, chain_rule
from tinygrad_edu.graph import MADE, Graph, GraphNode, form_of
from tinygrad_edu.read.masks import find_masks
from tinygrad_edu.read.products import PRODUCTS, one_example, weight_first
from tinygrad_edu.read.program import Value, replaced
from tinygrad_edu.read.source.identities import DEFINITIONS
from tinygrad_edu.read.source.patterns import WHOLE
from tinygrad_edu.read.source.roles import counts, is_complement, is_mean, recorded, weight, weights_of
from tinygrad_edu.read.source.terms import root
from tinygrad_edu.read.traced import Trace, Traced
from tinygrad_edu.views import view_of

__all__ = ["Data", "Recording", "Replay"]


@dataclass(eq=False)
class Data:
    """An argument of the program: an array or number of the graph, and the axis along which it has the examples."""

    array: Any
    node: GraphNode | None = None
    batch: int | None = None
    along: int | None = None  # where the examples are in what it is a whole of

    def shape(self, length: int) -> tuple[int, ...]:
        return tuple(length if a == self.batch else n for a, n in enumerate(self.array.shape))


@dataclass(eq=False)
class Recording:
    """A trace with the values of the nodes and their gradients; `backward` is where the backward pass begins."""

    trace: Trace
    inputs: dict[Data, Value] = field(default_factory=dict)
    values: dict[GraphNode, Value] = field(default_factory=dict)
    gradients: dict[GraphNode, Value] = field(default_factory=dict)
    seeds: dict[GraphNode, Value] = field(default_factory=dict)
    backward: int = 0
    length: int = 1


class Mirror(Node):
    """A node of the same place in a graph, with an array without values."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool, op: Any, inputs: tuple[Any, ...], params: Any, number: int):
        self.data, self.requires_grad, self.retains_grad = data, requires_grad, False
        self.op, self.inputs, self.params, self.created, self.scopes = op, inputs, params, number, ()
        self.flows_to = tuple(k for k, x in enumerate(inputs) if isinstance(x, Node) and x.requires_grad)


class Replay:
    """What is decided before: the arguments, and the axis of the examples. `m` is their number, None without any."""

    def __init__(self, graph: Graph, names: Mapping[str, Any]) -> None:
        self.graph = graph
        self.wholes = {name: x for name, x in names.items() if isinstance(x, np.ndarray) and x.ndim}
        self.scalars = [x for x in names.values() if isinstance(x, np.generic) and x.dtype.kind in "fiu"]
        self.columns = any(weight_first(node) for node in graph.nodes)
        self.m = self.find_batch()
        self.data: dict[GraphNode, Data] = {}
        self.made: dict[GraphNode, tuple[Callable[[Any], Any], GraphNode | Data]] = {}
        self.keys: dict[int, Data] = {}
        self.computed: dict[int, tuple[Callable[[Any], Any], Data]] = {}
        for node in graph.nodes:
            if node.op is None:
                self.data[node] = Data(node.data, node)
        self.find_made()
        for node, mask in find_masks(graph).items():
            if node in self.data:
                self.made[node] = (mask, mask.value)
                del self.data[node]
        for node in graph.nodes:
            replaced(node.params.get("key"), np.ndarray, self.lift)
            for k, x in enumerate(node.value.inputs if node.op else ()):
                if isinstance(x, np.generic | np.ndarray) and not x.ndim:
                    self.find_computed(x, weights_of(node) if k == 1 else [])

    # What is what

    def find_batch(self) -> int | None:
        """How many examples there are; None where weights are multiplied with the vector of one."""
        for node in self.graph.nodes:
            if node.op in PRODUCTS and node.data.ndim > 1:
                return node.shape[-1 if self.columns else 0]
        if any(one_example(node) for node in self.graph.nodes):
            return None
        leaves = [node for node in self.graph.nodes if node.op is None and node.data.ndim]
        return min(leaves, key=recorded).shape[0] if leaves else None

    def find_made(self) -> None:
        """Arrays without a name that were made of others: they have their numbers, or show their memory."""
        leaves = [node for node in self.graph.nodes if node.op is None and not recorded(node)]
        named = {node.name: node for node in leaves if node.named and node.name.isidentifier()}
        here = {id(node.data) for node in leaves}
        known = {name: x for name, x in self.wholes.items() if id(x) not in here}
        known |= {name: node.data for name, node in named.items()}
        for node in (node for node in leaves if node not in named.values()):
            varied = node.data.size > 1 and np.any(node.data != node.data.flat[0])
            form, name = form_of(node.data, known if node.data.ndim and node.data.dtype.kind in "fiu" else {})
            if form and (varied or (name in named and is_complement(node, form, named[name]))):
                self.made[node] = MADE[form], named.get(name) or self.whole(known[name])
            elif (part := self.part(node.data)) is not None:
                self.made[node] = part
            else:
                known.setdefault(node.name, node.data)
                named.setdefault(node.name, node)
        for node in self.made:
            del self.data[node]

    def whole(self, array: np.ndarray, along: int | None = None) -> Data:
        """The argument for an array of which the graph has what was made of it."""
        known = next((x for x in self.data.values() if x.array is array), None)
        return known or self.keys.setdefault(id(array), Data(array, along=along))

    def part(self, array: np.ndarray) -> tuple[Callable[[Any], Any], Data] | None:
        """How to take an array out of one with a name, as in X[:, :2]; not where it has a part of the examples."""
        axis = array.ndim - 1 if self.columns else 0
        for whole in self.wholes.values():
            if whole is array or not array.ndim or (found := view_of(array, whole)) is None:
                continue
            along = found.axes[axis] if array.shape[axis] == self.m else None
            if array.shape[axis] != self.m or (along is not None and whole.shape[along] == self.m):
                return found.rule, self.whole(whole, along)
        return None

    def find_computed(self, x: Any, weights: list[np.ndarray]) -> None:
        """A number of NumPy's: one with a name, or 1 minus it; np.var(y), if it is that; an argument, if it is long.

        A short one may be np.sqrt(4) by chance: it is np.sum(mask) where a sum weighted by mask is divided by it.
        """
        value = float(x)
        for scalar, form in itertools.product(self.scalars, ("{}", "1 − {}")):
            if MADE[form](scalar) == value:
                self.computed[id(x)] = MADE[form], self.keys.setdefault(id(scalar), Data(scalar))
                return
        plain = is_short(value) or root(value) is not None
        rules = (np.sum, *(() if plain else (np.mean, np.std, np.var, np.max, np.min)))
        arrays = {id(array): array for array in [*self.wholes.values(), *(data.array for data in self.data.values())]}
        known = [array for array in arrays.values() if array.size > 1 and array.dtype.kind in "fiub"]
        if plain:
            known = [array for array in known if any(np.array_equal(array.ravel(), w.ravel()) for w in weights)]
        with np.errstate(all="ignore"):
            for rule, array in itertools.product(rules, known):
                if float(rule(array)) == value:
                    self.computed[id(x)] = rule, self.whole(array)
                    return
        if not plain:
            self.computed[id(x)] = MADE["{}"], self.keys.setdefault(id(x), Data(x))

    def lift(self, array: np.ndarray) -> np.ndarray:
        """Class numbers in the key of an index are an argument, too."""
        if array.ndim and array.dtype.kind in "iu" and not counts(array) and id(array) not in self.keys:
            named = any(array is whole for whole in self.wholes.values())
            if not named and (part := self.part(array)) is not None:
                self.computed[id(array)] = part
            else:
                self.keys[id(array)] = Data(array)
        return array

    @property
    def is_general(self) -> bool:
        """Whether the length of the batch may be another: there are several examples, and no op names their number."""
        m = self.m
        if m in (None, 0, 1) or not all(x.array.size for x in self.arguments):
            return False
        named = [
            self.along_batch(node, x) if key == "key" else x
            for node in self.graph.nodes
            for key, x in node.params.items()
            if key not in ("shape", "axis")
        ]
        return not any(x == m for x in numbers_in(named))

    def along_batch(self, node: GraphNode, key: Any) -> Any:
        """What a key says of the axis of the examples; all of it, where that is not plain."""
        parts = key if isinstance(key, tuple) else (key,)
        axis = node.parents[0].data.ndim - 1 if self.columns else 0
        return parts[axis : axis + 1] if all(isinstance(x, int | slice) for x in parts) else parts

    @property
    def arguments(self) -> list[Data]:
        return [*self.data.values(), *self.keys.values()]

    def generalise(self, attempt: int) -> bool:
        """Say which axes have the length of the batch: of data, then of all but weights; False if there are none."""
        for x in self.arguments:
            node, shape = x.node, x.array.shape
            axis = x.along if x.along is not None else len(shape) - 1 if self.columns else 0
            free = node is None or not recorded(node) or (attempt > 0 and not weight(node))
            x.batch = axis if free and shape and shape[axis] == self.m else None
        return any(x.batch is not None for x in self.arguments)

    # Recording

    def record(self, length: int) -> Recording:
        """Apply the ops and the chain rule to arrays without values, for a batch of this length."""
        found = Recording(Trace("source", WHOLE), length=length)
        numbers = itertools.count()
        for data in self.arguments:
            found.inputs[data] = found.trace.input(data.shape(length), data.array.dtype).value
        mirrors: dict[GraphNode, Any] = {}
        for node in self.graph.nodes:
            if node.op is None:
                if node in self.data:
                    leaf = self.leaf(node, found, mirrors)
                    mirrors[node] = Mirror(leaf, True, None, (), {}, next(numbers)) if recorded(node) else leaf
                continue
            for x in node.parents:
                if x in self.made and x not in mirrors:
                    mirrors[x] = self.leaf(x, found, mirrors)
            inputs = tuple(
                mirrors[x] if isinstance(x, GraphNode) else self.number(node, k, found)
                for k, x in enumerate(node.inputs)
            )
            params = self.params(node, found, length)
            values = [x.data if isinstance(x, Mirror) else x for x in inputs]
            result = self.apply(node.op, values, params, found.trace)
            mirrors[node] = Mirror(result, True, node.op, inputs, params, next(numbers))
            found.values[node] = result.value
        found.backward = len(found.trace.steps)
        seeds: dict[Node, Any] = {}
        for node in self.graph.outputs:
            shape = mirrors[node].data.shape
            seed = found.trace.input(shape, mirrors[node].data.dtype)
            found.seeds[node] = seed.value
            seeds[mirrors[node]] = seed
        nodes = {x: node for node, x in mirrors.items() if isinstance(x, Mirror)}
        for x, g in chain_rule(seeds, nodes).items():
            traced = g if isinstance(g, Traced) else found.trace.record(np.copy, (g,), {})
            found.gradients[nodes[x]] = original(traced.value)
        return found

    def leaf(self, node: GraphNode, found: Recording, mirrors: dict[GraphNode, Any]) -> Any:
        if node in self.data:
            return Traced(found.trace, found.inputs[self.data[node]])
        rule, x = self.made[node]
        if isinstance(x, Data):
            return rule(Traced(found.trace, found.inputs[x]))
        if x.op is not None:
            return rule(mirrors[x].data)
        return rule(self.leaf(x, found, mirrors))

    def apply(self, op: Any, values: list[Any], params: dict[str, Any], trace: Trace) -> Any:
        """The value of an op, by NumPy functions where there is a way to write it."""
        if op in WHOLE:
            return trace.record(op, tuple(values), params)
        written = DEFINITIONS.get(op, op.forward)
        try:
            result = written(*values, **params)
        except TypeError:
            if op.name in ops.TABLE:
                raise
            result = None  # one's own op, which looks at values
        return result if isinstance(result, Traced) else trace.record(op, tuple(values), params)

    def number(self, node: GraphNode, position: int, found: Recording) -> Any:
        """A number among the inputs; with the length of the batch where it belongs to a sum over the batch."""
        x: Any = node.inputs[position]
        if x is None:
            return None
        if known := self.computed.get(id(node.value.inputs[position])):
            rule, data = known
            return rule(Traced(found.trace, found.inputs[data]))
        x = self.of_batch(node, x, position, found.length)
        return int(x) if x == x // 1 and abs(x) < 1e6 else x

    def of_batch(self, node: GraphNode, x: float, position: int, length: int) -> float:
        """A number for a batch of this length: another multiple of m or 1/m, where examples are summed."""
        m = self.m
        if m is None or m == 1:
            return x
        summed = [y.parents[0].data.size // (y.data.size * m) for y in node.parents if self.sums_examples(y)]
        near = bool(summed) or self.is_summed(node) or (node.data.size == 1 and not is_mean(node))
        for n in {1, 2, *summed, *(2 * n for n in summed)} - {0} if near else ():
            for times in (n, -n):
                if node.op is ops.divide and position == 1 and x == times * m:
                    return times * length
                if node.op is ops.multiply and x == 1 / (times * m):
                    return 1 / (times * length)
        if node.op in (ops.add, ops.subtract) and summed and abs(x) == m:
            return x / m * length
        rate = node.op is ops.multiply and is_short(x * m) and not is_short(x)  # 0.1 / (2 * m)
        return x * m / length if rate and (near or m in node.shape) else x

    def sums_examples(self, node: GraphNode) -> bool:
        """Whether a value is a sum over the axis of the examples."""
        if node.op is not ops.sum or self.m in (None, 1) or not node.data.size:
            return False
        shape, along = node.parents[0].shape, node.params.get("axis")
        axis = len(shape) - 1 if self.columns else 0
        axes = range(len(shape)) if along is None else along if isinstance(along, tuple) else (along,)
        return bool(shape) and shape[axis] == self.m and axis in {a % len(shape) for a in axes}

    def is_summed(self, node: GraphNode) -> bool:
        """Whether a value of each example is summed over the examples at once, or in a product of matrices."""
        products = [use for use in node.uses if use.op in PRODUCTS and self.m not in use.shape]
        ends = all(use in products or self.sums_examples(use) for use in node.uses)
        return self.m in node.shape and bool(node.uses) and ends

    def params(self, node: GraphNode, found: Recording, length: int) -> dict[str, Any]:
        """The parameters of an op: class numbers as an argument, shapes with the length of the batch."""

        def put(array: np.ndarray) -> Any:
            if id(array) in self.computed:
                rule, data = self.computed[id(array)]
                return rule(Traced(found.trace, found.inputs[data]))
            if id(array) in self.keys:
                return Traced(found.trace, found.inputs[self.keys[id(array)]])
            if counts(array) and len(array) == self.m:
                return np.arange(length)
            return array

        params = {key: replaced(x, np.ndarray, put) for key, x in node.params.items()}
        shape = params.get("shape")
        if isinstance(shape, tuple | list):
            where = len(shape) - 1 if self.columns else 0
            params["shape"] = tuple(length if a == where and n == self.m else n for a, n in enumerate(shape))
        return params


def numbers_in(tree: Any) -> Iterator[int]:
    """The whole numbers in nested tuples, lists and slices."""
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from numbers_in(part)
    elif isinstance(tree, slice):
        yield from numbers_in((tree.start, tree.stop, tree.step))
    elif type(tree) is int:
        yield tree


def is_short(x: float) -> bool:
    """Whether a number is a decimal of a few digits."""
    return math.isclose(x, float(f"{x:.6g}"), rel_tol=4e-16)


def original(value: Value) -> Value:
    """What a value was copied from: two gradients that are the same array are told apart by a copy."""
    step = value.step
    if step and step.function is np.ndarray.astype and step.args[0].dtype == value.dtype:
        copied: Value = step.args[0]
        return copied
    return value
