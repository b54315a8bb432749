"""With the garbage collector off, no row of the sheet leaves anything behind, however often it runs."""

import gc
from itertools import count

import numpy as np
import pytest
from fuzz import rows, usable
from op_factory import Setting

from tinygrad_edu.autograd import grad
from tinygrad_edu.ops import Op
from tinygrad_edu.tensor import Tensor

ROUNDS = 10


def left_behind(run):
    """How many objects the rounds leave behind, once the first ones have filled the caches."""
    for _ in range(2):
        run()
    gc.collect(0)
    gc.disable()
    try:
        before = len(gc.get_objects(generation=0))
        for _ in range(ROUNDS):
            run()
        return len(gc.get_objects(generation=0)) - before
    finally:
        gc.enable()


def leaks(run):
    """Whether each of three counts finds what is left: another thread may make something meanwhile, but once."""
    return all(left_behind(run) >= ROUNDS for _ in range(3))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in rows()])
def test_forward_and_backward_leave_nothing_behind(row):
    it = Setting(row, next(case for case in row.cases if usable(case)))

    def run():
        leaves = it.leaves()
        y = it.op(*it.put(leaves), **it.params)
        y.backward(it.weights)
        slopes = grad(y, leaves, it.weights, create_graph=True)
        slope = sum(np.sum(g * g) for g in slopes)
        if slope.requires_grad:
            grad(slope, leaves, allow_unused=True)

    assert not leaks(run)


def test_a_leak_is_noticed():
    kept = []
    hoarding = Op(lambda x: x * 2, lambda g, y, x: kept.append([g]) or g * 2, name="hoarding")
    assert leaks(lambda: hoarding(Tensor(1.0, requires_grad=True)).backward())
    assert not leaks(lambda: np.sum(Tensor([1.0, 2.0], requires_grad=True)).backward())


def test_a_circle_is_noticed():
    def circle():
        leaf = Tensor(1.0, requires_grad=True)
        leaf.grad = np.sin(leaf)

    assert leaks(circle)
    gc.collect()


def test_what_is_made_once_is_no_leak():
    calls, made = count(), []

    def run():
        if next(calls) == 5:
            made.extend([] for _ in range(10 * ROUNDS))

    assert not leaks(run)
    assert len(made) == 10 * ROUNDS
