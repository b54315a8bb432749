"""The judge of the derivative sheet: cases in, tests out.

    class TestWaves(Judged):
        ROWS = [Row("sin", anp.sin, real, SHAPES), ...]

Each case of each row is judged by differentiators from outside: values, first derivatives by every choice of inputs,
second derivatives, float32, mutation, shared memory, and whether the graph is freed.
"""

import copy
import gc
import weakref
from collections.abc import Sequence
from importlib import import_module
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from oracles import difference_gradients, hessian_product, hips_gradients, total

from tinygrad_edu import ops
from tinygrad_edu.autograd import grad
from tinygrad_edu.tensor import Tensor

# Domains: arrays of a shape, from an rng. `apart` keeps entries far from ties, and operands far from each other.


def real(rng, shape):
    return rng.standard_normal(shape)


def positive(rng, shape):
    return rng.uniform(0.5, 2, shape)


def nonzero(rng, shape):
    return positive(rng, shape) * rng.choice([-1, 1], shape)


def apart(rng, shape):
    return (rng.permutation(np.prod(shape, dtype=int)).reshape(shape) + rng.uniform(0.1, 0.6)) / 3 - 1


def below(rng, shape):
    return rng.uniform(-0.5, -0.2, shape)


def above(rng, shape):
    return rng.uniform(0.2, 0.5, shape)


def coin(rng, shape):
    return rng.random(shape) < 0.5


def classes(rng, shape):
    return rng.integers(3, size=shape)


# Cases: the shapes of the inputs, and the parameters.


class Case(NamedTuple):
    shapes: tuple[tuple[int, ...] | None, ...]
    params: dict[str, Any]


def case(*shapes, **params):
    return Case(shapes, params)


# fmt: off
def pairs(*shapes):
    return [case(a, b) for a, b in shapes]


def one(*shapes, **options):
    """The shapes, each with each choice of the options: one(s, r, axis=[0, 1]) are four cases."""
    choices = [dict(zip(options, values, strict=True)) for values in product(*options.values())]
    return [case(shape, **choice) for shape in shapes for choice in choices]


SHAPES = one((), (3,), (2, 3), (2, 1, 3), (0,), (2, 0))
PAIRS = pairs(
    ((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3, 2), (2, 3, 2)),
    ((), (2, 3)), ((2, 3), ()), ((1,), (3,)), ((1, 1), (3,)), ((4,), (3, 4)), ((3, 4), (4,)),
    ((3, 1), (1, 4)), ((1, 3), (2, 1)), ((2, 1, 3), (4, 1)), ((3,), (2, 1, 1)),
    ((0,), (0,)), ((0,), ()), ((1,), (0,)), ((2, 0), (2, 1)), ((0, 3), (3,)),
)
KEEP = [False, True]
REDUCTIONS = [
    *one((), axis=[None, ()], keepdims=KEEP),
    *one((4,), (1,), axis=[None, 0, -1], keepdims=KEEP),
    *one((2, 3), axis=[None, 0, 1, -2, (0, 1), (-1,), ()], keepdims=KEEP),
    *one((2, 3, 2), axis=[None, 1, (0, 2), (-1, 0), (2, 1, 0)], keepdims=KEEP),
    *one((0, 3), (2, 0, 3), axis=[-1], keepdims=KEEP),
]
SUMS = [*REDUCTIONS, *one((0, 3), axis=[None, 0], keepdims=KEEP)]
# fmt: on


class Row(NamedTuple):
    """What is judged: a row of the table by its name, or any function of Tensors (`call`) by a name of its own.

    The reference is the forward function once more, written from the textbook in HIPS' NumPy. `call` is what a person
    writes, with Tensors or arrays for the inputs; `smooth` tells which inputs are differentiated, if not all floats.
    """

    name: str
    reference: Any
    domains: Any
    cases: list[Case]
    call: Any = None
    smooth: tuple[int, ...] | None = None

    @property
    def op(self):
        return self.call or ops.TABLE[self.name]


class Setting:
    """The op, its arrays and the oracle's scalar J = sum(y * weights) of those that can be differentiated."""

    def __init__(self, row, case, dtype=np.float64):
        rng = np.random.default_rng(7)
        domains = row.domains if isinstance(row.domains, tuple) else (row.domains,) * len(case.shapes)
        self.op, self.params = row.op, case.params
        self.inputs = [
            None if shape is None else np.asarray(domain(rng, shape))
            for domain, shape in zip(domains, case.shapes, strict=True)
        ]
        self.inputs = [x.astype(dtype) if x is not None and x.dtype.kind == "f" else x for x in self.inputs]
        floats = [k for k, x in enumerate(self.inputs) if x is not None and x.dtype.kind == "f"]
        self.smooth = floats if row.smooth is None else list(row.smooth)
        self.arrays = [self.inputs[k].astype(float) for k in self.smooth]
        self.reference = lambda *arrays: row.reference(*self.put(arrays), **case.params)
        self.value = np.asarray(self.reference(*self.arrays))
        self.weights = rng.standard_normal(self.value.shape)
        self.J = total(self.reference, self.arrays, self.weights)
        self.directions = [rng.standard_normal(x.shape) for x in self.arrays]

    def put(self, values, positions=None):
        """The inputs, with values in place of those that can be differentiated, or of those at positions."""
        inputs = list(self.inputs)
        for k, value in zip(self.smooth if positions is None else positions, values, strict=True):
            inputs[k] = value
        return inputs

    def leaves(self, positions=None):
        return [Tensor(self.inputs[k], requires_grad=True) for k in (self.smooth if positions is None else positions)]


def assert_close(got, expected, rtol, what):
    """Equal shapes, and equal values up to rtol of the largest."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: {got.shape} for {expected.shape}"
    scale = np.abs(expected).max(initial=1.0)
    if not (np.abs(got - expected) <= rtol * scale).all():  # in short; at length, and for NaN, it takes its time
        assert_allclose(got, expected, rtol=rtol, atol=rtol * scale, err_msg=what)


def together(results):
    """Several results as one array, flat."""
    return np.concatenate([np.ravel(x) for x in results])


def bare(x):
    return x.data if isinstance(x, Tensor) else np.asarray(x)


def assert_own_memory(gradients, others):
    """No two gradients, and no gradient and another array, share memory; each can be changed in place."""
    arrays = [g.data for g in gradients]
    assert all(array.flags.writeable for array in arrays)
    assert not any(np.shares_memory(first, second) for first, second in combinations(arrays, 2))
    assert not any(np.shares_memory(array, other) for array in arrays for other in others)


def by_every_case(judge):
    """A test of a row that judges one case after the other, and names the case that fails."""

    def test(self, row):
        for shapes, params in row.cases:
            try:
                judge(row, Case(shapes, params))
            except Exception as error:
                facts = [*map(str, shapes), *(f"{key}={value}" for key, value in params.items())]
                error.add_note(f"{row.name}: {' '.join(facts)}")
                raise

    return test


def all_rows():
    """The rows of all test files."""
    for path in sorted(Path(__file__).parent.glob("test_ops*.py")):
        import_module(path.stem)
    return [row for judged in Judged.__subclasses__() for row in judged.ROWS]


class Judged:
    """The tests of every case of ROWS."""

    ROWS: ClassVar[Sequence[Row]] = ()

    def pytest_generate_tests(self, metafunc):
        if "row" in metafunc.fixturenames:
            metafunc.parametrize("row", self.ROWS, ids=[row.name for row in self.ROWS])

    @by_every_case
    def test_value_and_dtype(row, case):
        for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-5)):
            it = Setting(row, case, dtype)
            plain = it.op(*it.inputs, **it.params)
            assert not isinstance(plain, Tensor)
            y = it.op(*it.put(it.leaves()), **it.params)
            assert isinstance(y, Tensor) and type(y.data) is np.ndarray and (row.call or y.op is it.op)
            assert_close(y.data, it.value, rtol, "value")
            if row.call:
                assert y.dtype == np.asarray(plain).dtype
                assert_close(plain, y.data, rtol, "NumPy's value")
            else:
                assert y.dtype == it.params.get("dtype", dtype)
                assert_array_equal(plain, y.data)

    @by_every_case
    def test_first_derivatives_by_every_choice_of_inputs(row, case):
        it = Setting(row, case)
        expected, rtol = difference_gradients(it.J, it.arrays), 1e-7
        if all(x.size for x in it.arrays):
            differences, expected, rtol = expected, hips_gradients(it.J, it.arrays), 1e-11
            for difference, exact in zip(differences, expected, strict=True):
                assert_close(difference, exact, 1e-7, "the oracles")
        exact = dict(zip(it.smooth, expected, strict=True))
        plain = [x if x is None or x.ndim else x.item() for x in it.inputs]  # arrays, and Python's scalars
        for chosen in chain.from_iterable(combinations(it.smooth, n) for n in range(1, len(it.smooth) + 1)):
            leaves = dict(zip(chosen, it.leaves(chosen), strict=True))
            y = it.op(*(leaves.get(k, x) for k, x in enumerate(plain)), **it.params)
            y.backward(it.weights)
            for k, leaf in leaves.items():
                assert_close(leaf.grad.data, exact[k], rtol, f"gradient of input {k}, with {chosen} recorded")

    @by_every_case
    def test_float32_stays_float32(row, case):
        it = Setting(row, case, np.float32)
        whole = all(x.size for x in it.arrays)
        expected = hips_gradients(it.J, it.arrays) if whole else difference_gradients(it.J, it.arrays)
        leaves = it.leaves()
        y = it.op(*it.put(leaves), **it.params)
        y.backward(it.weights)
        leaves_again = it.leaves()
        again = it.op(*it.put(leaves_again), **it.params)
        gradients = grad(again, leaves_again, it.weights, create_graph=True)
        for leaf, gradient, exact in zip(leaves, gradients, expected, strict=True):
            assert leaf.grad.dtype == gradient.dtype == np.float32
            assert_close(leaf.grad.data, exact, 2e-5, "gradient")
            assert_close(gradient.data, exact, 2e-5, "gradient")

    @by_every_case
    def test_second_derivatives(row, case):
        it = Setting(row, case)
        leaves = it.leaves()
        y = it.op(*it.put(leaves), **it.params)
        gradients = grad(y, leaves, it.weights, create_graph=True)
        slope = sum(np.sum(g * v) for g, v in zip(gradients, it.directions, strict=True))
        products = grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
        if all(x.size for x in it.arrays):
            expected = hessian_product(it.J, it.arrays, it.directions)
        else:
            expected = [np.zeros(x.shape) for x in it.arrays]
        for got, exact in zip(products, expected, strict=True):
            assert_close(np.zeros(exact.shape) if got is None else got.data, exact, 1e-7, "Hessian times v")

    @by_every_case
    def test_nothing_is_mutated_and_no_memory_shared(row, case):
        it = Setting(row, case)
        leaves, weights, params = it.leaves(), it.weights.copy(), copy.deepcopy(it.params)
        inputs = it.put(leaves)
        y = it.op(*inputs, **it.params)
        y.backward(it.weights)
        for leaf, array in zip(leaves, it.arrays, strict=True):
            assert_array_equal(leaf.data, array)
        assert_array_equal(it.weights, weights)
        assert str(it.params) == str(params)
        others = [it.weights, y.data, *map(bare, inputs)]
        assert_own_memory([leaf.grad for leaf in leaves], others)
        again = it.op(*inputs, **it.params)
        assert_own_memory(grad(again, leaves, it.weights), [*others, again.data])

    @by_every_case
    def test_the_graph_is_freed_at_once(row, case):
        it = Setting(row, case)
        gc.disable()
        try:
            y = it.op(*it.put(it.leaves()), **it.params)
            alive = weakref.ref(y)
            del y
            assert alive() is None
            leaves = it.leaves()
            y = it.op(*it.put(leaves), **it.params)
            y.backward(it.weights)
            alive = weakref.ref(y)
            del y
            assert alive() is None
            grad(it.op(*it.put(leaves), **it.params), leaves, it.weights, create_graph=True)
        finally:
            gc.enable()
