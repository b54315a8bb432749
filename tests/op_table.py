"""Every row of the derivative sheet, how many cases judge it, and the worst error of any: python tests/op_table.py

Errors are relative to the largest entry of the expected array, or to 1 if that is smaller. Values and first
derivatives are held against the reference in HIPS autograd, second derivatives against differences of its gradients.
"""

import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from op_factory import Case, Row, Setting, all_rows
from oracles import difference_gradients, hessian_product, hips_gradients

from tinygrad_edu.autograd import grad


class Line(NamedTuple):
    """What the cases of one row came to."""

    name: str
    cases: int
    value: float
    first: float
    second: float
    float32: float


def error(got: Any, expected: Any) -> float:
    got, expected = np.asarray(got), np.asarray(expected)
    if not expected.size:
        return 0.0
    return float(np.nanmax(np.abs(got - expected), initial=0) / max(1, np.nanmax(np.abs(expected), initial=0)))


def errors(row: Row, case: Case) -> tuple[float, float, float, float]:
    """The worst error of value, gradients, Hessian times a direction, and gradients in float32."""
    it = Setting(row, case)
    whole = all(x.size for x in it.arrays)
    leaves = it.leaves()
    y = it.op(*it.put(leaves), **it.params)
    expected = hips_gradients(it.J, it.arrays) if whole else difference_gradients(it.J, it.arrays)
    gradients = grad(y, leaves, it.weights, create_graph=True)
    slope = sum(np.sum(g * v) for g, v in zip(gradients, it.directions, strict=True))
    products = grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    curved = hessian_product(it.J, it.arrays, it.directions) if whole else [np.zeros(x.shape) for x in it.arrays]
    single = Setting(row, case, np.float32)
    short = single.leaves()
    single.op(*single.put(short), **single.params).backward(single.weights)
    exact = hips_gradients(single.J, single.arrays) if whole else expected
    return (
        error(y.data, it.value),
        max(error(g.data, e) for g, e in zip(gradients, expected, strict=True)),
        max(error(0 if p is None else p.data, e) for p, e in zip(products, curved, strict=True)),
        max(error(x.grad.data, e) for x, e in zip(short, exact, strict=True)),
    )


def lines() -> Iterator[Line]:
    for row in all_rows():
        worst = np.max([errors(row, Case(*case)) for case in row.cases], axis=0)
        yield Line(row.name, len(row.cases), *map(float, worst))


def main() -> None:
    warnings.simplefilter("error")
    found = list(lines())
    print("| row | cases | value | first | second | first, float32 |\n| :-- | --: | --: | --: | --: | --: |")
    for line in found:
        print(f"| {line.name} | {line.cases} | " + " | ".join(f"{x:.0e}" for x in line[2:]) + " |")
    worst = [max(line[k] for line in found) for k in range(2, 6)]
    print(
        f"\n{len(found)} rows, {sum(line.cases for line in found)} cases; worst error of a value {worst[0]:.0e}, of a "
        f"first derivative {worst[1]:.0e}, of a second {worst[2]:.0e}, of a first in float32 {worst[3]:.0e}."
    )


if __name__ == "__main__":
    sys.exit(main())
