"""Random programs, and what two differentiators say about them.

    python tests/fuzz.py --programs 10000 --seed 0

A program strings together rows of the derivative sheet, drawn from the cases that judge them one by one: some eighty
ops on values of mixed shapes, many used several times and some not at all. An operand is a point of the row's domain,
moved by an earlier value whose entries are taken to its shape. The program's value, its gradients (computed, and
recorded) and a Hessian-vector product are compared with HIPS autograd, which runs the references in place of the rows.
One line sums up; a program that disagrees is printed, and the same seed makes it again.
"""

import argparse
import sys
import warnings
from itertools import pairwise
from typing import Any, NamedTuple

import autograd
import autograd.numpy as anp
import numpy as np
from op_factory import Row, all_rows, real
from oracles import difference

from tinygrad_edu.autograd import grad, order
from tinygrad_edu.ops import TABLE
from tinygrad_edu.tensor import Tensor

OPS = 80
SHAPES = ((), (3,), (1,), (2, 3), (3, 1), (2, 1, 3), (3, 3))
DIFFERENTIABLE = {name for name, op in TABLE.items() if op.rules or op.every}
TOLERANCES = {"values": 1e-11, "gradients": 1e-9, "Hessian-vector products": 1e-6}


def rows():
    """Every row with a case that has entries: those of the table, and the functions made of them."""
    return [row for row in all_rows() if any(map(usable, row.cases))]


def usable(case):
    return all(0 not in shape for shape in case.shapes if shape is not None)


class Operand(NamedTuple):
    """An earlier value, its entries taken to another shape, that moves a point: point + size * tanh(value[key])."""

    source: int
    key: Any
    shape: tuple[int, ...]
    point: Any
    size: float

    def of(self, values, xp):
        taken = xp.reshape(xp.ravel(values[self.source])[self.key], self.shape)
        return self.point + self.size * xp.tanh(taken)


class Step(NamedTuple):
    """A row, its operands (plain arrays where it has no derivative) and its parameters."""

    row: Row
    operands: tuple[Any, ...]
    params: dict[str, Any]

    def run(self, values, xp):
        inputs = [x.of(values, xp) if isinstance(x, Operand) else x for x in self.operands]
        return (self.row.op if xp is np else self.row.reference)(*inputs, **self.params)

    def __str__(self):
        operands = [f"v{x.source}" if isinstance(x, Operand) else str(np.shape(x)) for x in self.operands]
        return f"{self.row.name}({', '.join([*operands, *(f'{k}={v}' for k, v in self.params.items())])})"


class Program(NamedTuple):
    """Leaves, the steps from them, and the weighted values that are added up."""

    leaves: list[np.ndarray]
    steps: list[Step]
    outputs: dict[int, np.ndarray]

    def run(self, leaves, xp):
        values = list(leaves)
        for step in self.steps:
            values.append(step.run(values, xp))
        return sum(xp.sum(weights * xp.tanh(values[k])) for k, weights in self.outputs.items())

    def __str__(self):
        lines = [f"v{k} = leaf {x.shape}" for k, x in enumerate(self.leaves)]
        lines += [f"v{k} = {step}" for k, step in enumerate(self.steps, len(self.leaves))]
        return "\n".join([*lines, f"J = sum of {', '.join(f'v{k}' for k in self.outputs)}"])


def program(rng, menu):
    """A random program of some OPS ops, built while its values are computed."""
    leaves = [rng.standard_normal(SHAPES[k]) for k in rng.integers(len(SHAPES), size=rng.integers(2, 5))]
    values, steps, ops = list(leaves), [], 0
    while ops < OPS:
        row = menu[rng.integers(len(menu))]
        step = drawn(rng, row, values)
        if not any(isinstance(x, Operand) for x in step.operands):  # a case of NaN
            continue
        with np.errstate(all="raise"):
            try:
                value = np.asarray(step.run(values, np))
            except FloatingPointError:  # a pole: some other step
                continue
        if value.dtype.kind == "f" and 0 < value.size <= 60 and np.abs(value).max() < 100:
            values.append(value)
            steps.append(step)
            ops += 1 + sum(6 for x in step.operands if isinstance(x, Operand))
    candidates = range(len(leaves), len(values))
    chosen = {len(values) - 1, *rng.choice(candidates, size=min(3, len(candidates)), replace=False).tolist()}
    return Program(leaves, steps, {k: rng.standard_normal(values[k].shape) for k in sorted(chosen)})


def drawn(rng, row, values):
    """One of the cases of a row, on operands that come from the values so far, the newest more often."""
    cases = [case for case in row.cases if usable(case)]
    shapes, params = cases[rng.integers(len(cases))]
    domains = row.domains if isinstance(row.domains, tuple) else (row.domains,) * len(shapes)
    operands = []
    for k, (shape, domain) in enumerate(zip(shapes, domains, strict=True)):
        point = None if shape is None else np.asarray(domain(rng, shape))
        differentiable = point is not None and point.dtype.kind == "f" and (row.smooth is None or k in row.smooth)
        if differentiable and np.isfinite(point).all():
            source = int(len(values) * rng.random() ** 0.5)
            key = rng.integers(values[source].size, size=point.size)
            size = 1.0 if domain is real else 0.05
            operands.append(Operand(source, key, shape, point, size))
        else:
            operands.append(point)
    return Step(row, tuple(operands), params)


class Answer(NamedTuple):
    """The value, the gradient and the Hessian-vector product, each by all leaves as one vector."""

    value: np.ndarray
    gradient: np.ndarray
    product: np.ndarray


def flat(arrays):
    return np.concatenate([np.ravel(x) for x in arrays])


def ours(it, direction):
    """By this package: the gradients that were computed and those that were recorded, and the names of the ops."""
    leaves = [Tensor(x, requires_grad=True) for x in it.leaves]
    J = it.run(leaves, np)
    names = [node.op.name for node in order([J])]
    J.backward()
    computed = [np.zeros(x.shape) if x.grad is None else x.grad.data for x in leaves]
    used = [x for x in leaves if x.grad is not None]
    parts = [v for v, x in zip(direction, leaves, strict=True) if x.grad is not None]
    recorded = grad(J, used, create_graph=True)
    slope = sum(np.sum(g * v) for g, v in zip(recorded, parts, strict=True))
    products = grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    product = [np.zeros(x.shape) if p is None else p.data for p, x in zip(products, leaves, strict=True)]
    again = {x: g.data for x, g in zip(used, recorded, strict=True)}
    difference = flat(g - again.get(x, 0) for g, x in zip(computed, leaves, strict=True))
    return Answer(J.data, flat(computed), flat(product)), np.abs(difference).max(), names


def theirs(it, direction):
    """By HIPS autograd; a second derivative that it lacks is the difference of first ones."""
    ends = np.cumsum([0, *(x.size for x in it.leaves)])

    def J(theta):
        parts = [theta[i:j] for i, j in pairwise(ends)]
        return it.run([anp.reshape(part, x.shape) for part, x in zip(parts, it.leaves, strict=True)], anp)

    theta, v = flat(it.leaves), flat(direction)
    value, gradient = autograd.value_and_grad(J)(theta)
    try:
        product = autograd.grad(lambda theta: anp.dot(autograd.grad(J)(theta), v))(theta)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        product = difference(lambda t: autograd.grad(J)(theta + t * v), step=1e-4)
    return Answer(np.asarray(value), np.asarray(gradient), np.asarray(product))


def distance(got, expected):
    """The largest error, of the largest entry or of 1."""
    return float(np.abs(got - expected).max(initial=0) / np.abs(expected).max(initial=1))


class Report:
    """What a run found."""

    def __init__(self):
        self.programs = self.ops = 0
        self.rows, self.failed = set(), []
        self.worst = dict.fromkeys(TOLERANCES, 0.0)

    def add(self, number, it, direction):
        answer, apart, names = ours(it, direction)
        expected = theirs(it, direction)
        errors = dict(zip(TOLERANCES, map(distance, answer, expected), strict=True))
        errors["gradients"] = max(errors["gradients"], apart / np.abs(expected.gradient).max(initial=1))
        self.programs, self.ops = self.programs + 1, self.ops + len(names)
        self.rows.update(DIFFERENTIABLE.intersection(names))
        if any(not errors[what] <= bound for what, bound in TOLERANCES.items()):
            self.failed.append((number, it, errors))
        else:
            self.worst = {what: max(error, errors[what]) for what, error in self.worst.items()}

    def __str__(self):
        worst = ", ".join(f"{what} to {error:.0e}" for what, error in self.worst.items())
        return (
            f"{self.programs} programs, {self.ops} ops, {len(self.rows)} of {len(DIFFERENTIABLE)} rows; {worst}; "
            f"{len(self.failed)} failed"
        )


def fuzz(programs, seed, first=0):
    """Run programs number first, first + 1, ... of a seed."""
    menu, report = rows(), Report()
    for number in range(first, first + programs):
        rng = np.random.default_rng([seed, number])
        it = program(rng, menu)
        report.add(number, it, [rng.standard_normal(x.shape) for x in it.leaves])
    return report


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    given = parser.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = fuzz(given.programs, given.seed, given.first)
    for number, it, errors in report.failed:
        print(f"program {number} of seed {given.seed}: {errors}\n{it}\n")
    print(report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
