"""A graph as equations between terms: what each value is, and what its gradient is, in names of the textbook.

    equations = Equations(graph, names, simplify=True)
    equations.calls.found[equations.first.values[node]]       the term of a value
    equations.gradient(node)                                  the term of its gradient

Read next: `listing.py`, which of these become lines.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.graph import ACTIVATIONS, Graph, GraphNode
from tinygrad_edu.read.products import PRODUCTS
from tinygrad_edu.read.program import Step, Value
from tinygrad_edu.read.source.calls import Calls, Length
from tinygrad_edu.read.source.naming import Naming, identifier
from tinygrad_edu.read.source.replay import Data, Recording, Replay
from tinygrad_edu.read.source.roles import recorded
from tinygrad_edu.read.source.simplify import Simplify, Used, held_in
from tinygrad_edu.read.source.spelling import HELPERS
from tinygrad_edu.read.source.terms import Sum, Term, Terms, narrow
from tinygrad_edu.read.source.turned import Turned

__all__ = ["Equations"]

LENGTHS = (1009, 2003)  # primes, so that a multiple of one is told from other numbers
MOST = 300  # nodes of a graph that is simplified; a larger one is written op by op


class Equations:
    """The terms of all values and gradients.

    arguments       the names of the arrays that the program is given
    names           the names of values, gradient_names those of their gradients
    trail           the identities that led to each gradient
    """

    def __init__(
        self, graph: Graph, names: Mapping[str, Any], simplify: bool = True, layout: str | None = None
    ) -> None:
        self.graph, self.simplified = graph, simplify and len(graph.nodes) <= MOST
        self.replay = Replay(graph, names)
        self.record(layout, names)

    # The program as terms

    def record(self, layout: str | None, names: Mapping[str, Any]) -> None:
        """Read the program: for any length of the batch if it can be, else for the one that was recorded."""
        for attempt in range(2 * self.replay.is_general):
            if self.replay.generalise(attempt):
                try:
                    first, second = (self.replay.record(n) for n in LENGTHS)
                    return self.read(first, second, layout, names)
                except (NotImplementedError, ValueError, IndexError):  # another length does not fit
                    continue
        for x in self.replay.arguments:
            x.batch = None
        found = self.replay.record(1 if self.replay.m is None else self.replay.m)
        return self.read(found, found, layout, names)

    def read(self, first: Recording, second: Recording, layout: str | None, names: Mapping[str, Any]) -> None:
        """The term of every value; those of the backward pass in their shortest form."""
        self.first, self.terms = first, Terms()
        self.m = self.terms.name("m", (), int)
        self.calls = self.laid_out(layout, Length(self.m, first.length, second.length))
        self.naming, self.temporaries = Naming(name for name, _ in HELPERS.values()), list[str]()
        self.arguments = self.named_arguments(names)
        self.names = self.value_names()
        self.gradient_names = {node: self.naming.name(f"d{name}") for node, name in self.names.items()}
        self.trail: dict[Value, list[Used]] = {}
        self.whole: dict[Value, Term] = {}  # gradients as they are without names
        self.whole_trail: dict[Value, list[Used]] = {}
        self.shorter = Simplify(self.calls)
        self.start = 0  # atoms made from here on belong to the backward pass
        self.give(first, second)
        if self.simplified:
            self.find_facts()
        named = {node for node in self.names if node.named or node in self.before}
        self.has_name = {found[node] for found in (first.values, first.gradients) for node in named & found.keys()}
        self.forks = {value for node, value in first.gradients.items() if is_fork(node)}
        self.calls.read(first.trace, second.trace, first.backward, self.made)

    def laid_out(self, layout: str | None, length: Length) -> Calls:
        """The terms of calls, with the examples along the axis that is asked for."""
        turns = layout not in (None, "columns" if self.replay.columns else "rows")
        if turns and not any(x.batch is not None for x in self.replay.arguments):
            raise ValueError(
                f"source: to turn the layout there must be several examples along one axis; got none for {layout!r}. "
                "Leave layout out."
            )
        self.columns = self.replay.columns != turns
        calls = (Turned if turns else Calls)(self.terms, not self.simplified, length)
        calls.dtype = np.result_type(*(node.data.dtype for node in self.graph.outputs))
        self.terms.wide = calls.dtype == float
        if isinstance(calls, Turned):
            calls.axis = 1 if self.replay.columns else 0
        return calls

    def give(self, first: Recording, second: Recording) -> None:
        """The terms that the program starts from: its arguments, and the gradients of the outputs."""
        self.given: dict[Data, Term] = {}
        for x, value in first.inputs.items():
            for a, b in zip(value.shape, second.inputs[x].shape, strict=True):
                self.calls.note(a, b)
            bias = x.node is not None and recorded(x.node) and is_bias(x.node)
            self.given[x] = self.calls.given(self.arguments[x], value, bias)
        for node, value in first.seeds.items():
            if node.data.size == 1 and self.simplified:
                self.calls.found[value] = self.terms.stretched(self.terms.number(1), value.shape)
            else:
                self.calls.given(self.gradient_names[node], value, False)

    def made(self, step: Step, other: Step, term: Term) -> Term:
        """What stands for a value whose term was just made: of the forward pass itself, else its shortest form."""
        value = step.result
        if not self.calls.backward:
            self.shorter.cheap.update((term, term.atom))
            if value in self.has_name:
                self.terms.kept.update((term, term.atom))
                self.shorter.products += [term] if len(term.factors) > 1 else []
            self.start = next(self.terms.created)
            return term
        if not self.simplified:
            return term
        for rows, axis in self.calls.one_hots:
            self.shorter.assume(rows, axis)
        self.calls.one_hots.clear()
        term, trail = self.shortest(step, term, self.calls.found, self.trail)
        whole, whole_trail = term, trail
        if step.function not in (np.matmul, np.dot) and any(x in self.whole for x in step.inputs):
            terms = ChainMap(self.whole, self.calls.found)
            whole = self.calls.again(step, other, terms)
            whole, whole_trail = self.shortest(step, whole, terms, ChainMap(self.whole_trail, self.trail))
            if self.shorter.is_cut(whole):
                whole, whole_trail = term, trail
        stands = value in self.has_name or value in self.forks
        if whole is not term or stands:
            self.whole[value], self.whole_trail[value] = whole, whole_trail
        if narrow(whole).constant == 0 or (stands and self.cancels(whole, term)):
            term, trail = whole, whole_trail
        self.trail[value] = trail
        return self.standing(term) if stands else term

    def cancels(self, whole: Term, term: Term) -> bool:
        """Whether a gradient gets shorter when others are not called by their names.

        Shorter than with their names, or than one of them; made of the forward pass alone, than all of them together.
        """
        size, named = self.shorter.size, [term]
        for x in named:
            named += [inner for atom in held_in(x) if (inner := atom.args[0]) not in named]
        most = sum(map(size, named[1:])) if self.shorter.is_forward(whole) else 0
        return size(whole) < max(most, *map(size, named[: 1 + len(held_in(term))]))

    def standing(self, term: Term) -> Term:
        """The gradient of a value with a name, or of a sum: what is made of it does not look into it."""
        term = self.shorter.completed(term)
        if narrow(term).shape and (term.atom is None or isinstance(term.atom, Sum)):
            term = self.terms.hold(term)
        self.calls.anchors.add(term)
        return term

    def shortest(self, step: Any, term: Term, found: Mapping[Value, Term], trails: Mapping[Value, list[Used]]) -> Any:
        """The shortest form of the term of a step, and the identities that led to it."""
        self.shorter.used = []
        term = self.shorter(term)
        before = [used for x in step.inputs for used in trails.get(x, ())]
        gone = self.shorter.cancelled(step.function, [found.get(x) for x in step.inputs])
        return term, list(dict.fromkeys([*before, *gone, *self.shorter.used]))

    def find_facts(self) -> None:
        """Rows of probabilities add up to 1: true of the data, not of every array."""
        for x, term in self.given.items():
            data = self.as_given(x)
            if data.ndim > 2 or (x.node and recorded(x.node)) or data.dtype.kind != "f" or data.min(initial=0) < 0:
                continue
            axis = next((a for a, n in enumerate(data.shape) if n > 1 and self.one_example(term, a)), None)
            if axis is not None and np.allclose(data.sum(axis), 1, 0, 1e-6 if data.dtype != float else 1e-12):
                self.shorter.assume(term, axis)

    def one_example(self, x: Term, axis: int) -> bool:
        """Whether what stands along an axis is of one example: the other axis has them, or there is but one."""
        others = x.shape[:axis] + x.shape[axis + 1 :]
        return others in ((), (1,)) if not self.calls.dims else any(n in self.calls.dims for n in others)

    # Names

    def named_arguments(self, names: Mapping[str, Any]) -> dict[Data, str]:
        """Names for the arguments: data first, parameters in the order of their use."""
        replay = self.replay
        by_id = {id(x): name for name, x in names.items()}
        first = next((node for node in self.graph.nodes if node.op in PRODUCTS), None)

        def order(x: Data) -> int:
            if first and x.node and x.node in first.inputs[:2] and x.batch is not None:
                return 0
            if x.along is not None:
                return 0
            return 2 if x.node and recorded(x.node) else 1

        arguments = sorted(replay.arguments, key=order)
        wishes, given = dict[Data, str](), dict[Data, bool]()
        for x in arguments:
            node = x.node
            given[x] = id(x.array) in by_id if node is None else node.named
            if node is None:
                wishes[x] = by_id.get(id(x.array), "y" if x.array.ndim else "c")
            elif node.named:
                wishes[x] = node.name
            elif node.made.isidentifier():  # the numbers of y
                wishes[x] = node.made
            elif first and node in first.inputs and node.data.any():
                wishes[x] = "X"
            else:
                wishes[x] = "x" if recorded(node) else data_name(node, "Y" if first else "c")
            if not given[x] and is_other(names.get(wishes[x]), x.array):
                self.naming.taken.add(wishes[x])  # X / 255 is not X
        found = {x: self.naming.name(wishes[x]) for x in sorted(arguments, key=lambda x: not given[x])}
        return {x: found[x] for x in arguments}

    def value_names(self) -> dict[GraphNode, str]:
        """Names for the values of the graph: its own, and without simplification u1, u2, ... for all others."""
        found = {x.node: name for x, name in self.arguments.items() if x.node}
        self.before = before_activations(self.graph)
        count = 0
        for node in self.graph.nodes:
            if node.op is None:
                continue
            if node.named and identifier(node.name):
                found[node] = self.naming.name(node.name)
            elif node in self.before:
                found[node] = self.naming.name(self.before[node])
            elif not self.simplified or node.kind == "output":
                count += 1
                found[node] = self.naming.name(f"u{count}" if node.kind != "output" else "out")
        return found

    # What it is given, and what is asked

    @property
    def seeds(self) -> list[GraphNode]:
        """The outputs that are no single number: their gradients are arguments."""
        return [node for node in self.first.seeds if node.data.size != 1]

    def requested(self, inputs: Sequence[Any] | None) -> list[GraphNode]:
        """The nodes whose gradients are wanted: the parameters, if nothing else is said."""
        if inputs is None:
            return [x.node for x in self.arguments if x.node and recorded(x.node)]
        nodes = {id(node.value): node for node in self.graph.nodes if node in self.first.gradients}
        for position, x in enumerate(inputs):
            if id(x) not in nodes:
                raise ValueError(
                    f"source: the outputs must depend on every input; got input {position}, {x!r}, which is not in "
                    "their graph. Was it made without requires_grad=True, or computed a second time?"
                )
        return [nodes[id(x)] for x in inputs]

    def gradient(self, node: GraphNode) -> Term:
        """The gradient of a node, in the shape of the argument if it is one."""
        value = self.first.gradients[node]
        given = self.given.get(self.replay.data.get(node))  # type: ignore[arg-type]
        return self.calls.result(value, given) if given else self.calls.found[value]

    @property
    def layout(self) -> str:
        """Whether examples are rows or columns, if there are several."""
        if not any(x.batch is not None and x.array.ndim > 1 for x in self.arguments):
            return ""
        return "column" if self.columns else "row"

    @property
    def recorded(self) -> dict[str, np.ndarray]:
        """The arrays of the graph by the names of the arguments."""
        ones = {self.gradient_names[node]: np.ones(node.shape, node.data.dtype) for node in self.seeds}
        return {name: self.as_given(x) for x, name in self.arguments.items()} | ones

    def as_given(self, x: Data) -> np.ndarray:
        """A recorded array in the shape of the argument."""
        shape, array = self.given[x].shape, np.asarray(x.array)
        turned = len(shape) == 2 and shape != self.first.inputs[x].shape
        return array if not turned else array.T if array.ndim == 2 else array[:, None]


def before_activations(graph: Graph) -> dict[GraphNode, str]:
    """Names for what activations with a name are taken of: z1 in h1 = tanh(z1), Z in A = tanh(Z)."""
    taken, found = {node.name for node in graph.nodes}, dict[GraphNode, str]()
    for node in graph.nodes:
        letter = re.fullmatch(r"([AaHh])_?(\d*)", node.name) if node.op in ACTIVATIONS and node.named else None
        x = node.parents[0] if letter else node
        if letter and x.op in (ops.add, *PRODUCTS) and not x.named and len(x.uses) == 1:
            name = ("Z" if letter[1].isupper() else "z") + letter[2]
            if name not in taken:
                found[x] = name
                taken.add(name)
    return found


def is_fork(node: GraphNode) -> bool:
    """Whether a value is a sum of what a layer makes, or of a bias: more than one gradient is made of its own."""
    parts = [x for x in node.parents if recorded(x)]
    return node.op is ops.add and len(parts) == 2 and any(x.op is None or x.op in PRODUCTS for x in parts)


def is_bias(node: GraphNode) -> bool:
    """Whether a parameter is added to (or multiplied with) every example."""
    if any(use.op is ops.linear and node is use.inputs[2] for use in node.uses):
        return True
    return any(
        use.op not in PRODUCTS and len(use.parents) > 1 and use.shape != node.shape and use.data.ndim == 2
        for use in node.uses
    )


def is_other(x: Any, array: np.ndarray) -> bool:
    """Whether what has a name is something else for the same examples, rather than a whole of which this is a part."""
    return isinstance(x, np.ndarray) and x.shape == array.shape and not np.may_share_memory(x, array)


def data_name(node: GraphNode, other: str) -> str:
    """What data without a name are called: D1 for what A1 is multiplied by entry by entry, mask, zeros, or other."""
    use = node.uses[0] if node.uses else None
    if use is not None and use.op is ops.multiply:
        for x in use.parents:
            if x is not node and x.op and x.name[:1] == "A" and any(y.op in PRODUCTS for y in use.uses):
                return f"D{x.name[1:]}"
    return "mask" if node.data.dtype == bool else other if node.data.any() else "zeros"
