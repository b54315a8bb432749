"""The derivative sheet: one row of cases for every row of ops.TABLE, judged by differentiators from outside."""

import copy
import gc
import weakref
from itertools import chain, combinations, product
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
import pytest
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
SPREADS = [
    *one((4,), (2, 3), axis=[None, 0, -1], keepdims=KEEP, ddof=[0, 1]),
    *one((2, 3, 2), axis=[1, (0, -1)], keepdims=KEEP, ddof=[0, 1]),
]
ALONG = [*one((2, 3)), *one((3,), (2, 3), axis=[0, -1]), *one((2, 3, 2), axis=[-2]), *one((0, 3), axis=[1])]

CHOICES = [
    case(c, a, b)
    for c in [(), (4,), (3, 1)]
    for a, b in [((), ()), ((3, 4), (4,)), ((), (1, 4)), ((3, 1), (1, 4))]
]
CLIPS = [
    case((), (), ()), case((9,), (), ()), case((3, 4), None, ()), case((3, 4), (4,), None),
    case((3, 1), (1, 4), (4,)), case((0,), (), ()),
]
RESHAPES = [
    *one((6,), (2, 3), shape=[(2, 3), (3, 2), -1, (3, -1)]),
    *one((), (1,), shape=[(), (1, 1)]),
    *one((0, 3), shape=[(3, 0)]),
]
EXPANSIONS = [*one((3,), (2, 3), (0,), axis=[0, -1, (0, 1)]), *one((), axis=[0])]
SQUEEZES = [*one((1, 3, 1), axis=[None, 0, -1, (0, 2)]), *one((), (1, 1))]
ORDERS = [*SHAPES, *one((2, 3, 4), (2, 0, 3), axes=[None, (2, 0, 1), (1, 2, 0), (-1, 0, -2)])]
SWAPS = [*one((3,), axis1=[0], axis2=[0]), *one((2, 3, 4), axis1=[0, -2], axis2=[1, -1, -3])]
MOVES = [*one((2, 3, 4), source=[0, -1, 1], destination=[2, 0]), case((2, 3, 4), source=(0, 1), destination=(-1, 0))]
CASTS = one((), (3,), (2, 1, 3), (0,), dtype=[float])
LEAKS = [*SHAPES, *one((3, 4), slope=[0.2])]
STRETCHES = [*one((), (1,), (3,), shape=[(3,), (2, 3), (0, 3)]), *one((2, 1), shape=[(2, 3), (3, 2, 4), (2, 0)])]

KEYS = [
    1, -1, np.int64(2), slice(None), slice(1, None), slice(None, None, -2), slice(2, 2), ..., None, True,
    (1, 2), (-1, slice(1, 3)), (slice(None), 2), (..., 0), (0, ...), (None, slice(0, 2), None, 1), (),
    [0, 2], [0, 0, 2], [], [-1, 2], np.array([[0, 1], [1, 1]]), np.array(1), [True, False, True],
    ([0, 0, 2], [1, 1, 3]), (slice(None), [0, 0]), ([0, 0], slice(1, 3)), ([[0], [2]], [1, 1]), ([2, 2], None),
    ((0, 0, 2),), ((0, 0), slice(1)), range(-1, 3), (slice(None), range(-1, 4)), (1, [0, 0]), ([0, 0], ..., 0),
    np.arange(12).reshape(3, 4) % 3 == 0, np.zeros((3, 4), bool), np.array([True, False, True]),
    (np.array([True, False, True]), [1, 1]), (slice(None), np.array([True, False, False, True])),
    np.array([2, 2, 0], np.int8), (np.array([0, 0]), np.int64(1)), (np.array([1]), None, np.array([[3], [3]])),
]
PARTS = one((3, 4), key=KEYS)
PLACES = [case(np.zeros((3, 4))[key].shape, key=key, shape=(3, 4)) for key in KEYS]
JOINS = [
    case((2,)), case((2,), (3,)), case((0,), (2,)), case((2, 3), (1, 3), (2, 3)), case((2, 3), (2, 1), axis=1),
    case((2, 1, 2), (2, 3, 2), axis=-2), case((2, 3), (2,), (), axis=None),
]
STACKS = [
    case((2,)), case((), (), ()), case((0,), (0,)), case((2,), (2,), axis=1), case((2, 3), (2, 3), axis=-1),
    case((2, 3), (2, 3), (2, 3), axis=1),
]
MATMULS = pairs(
    ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((3, 3), (3, 3)),
    ((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2)), ((1, 2, 3), (2, 3, 2)),
    ((2, 1, 2, 3), (2, 3, 2)), ((2, 1, 1, 3), (1, 2, 3, 1)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((3,), (2, 2, 3, 1)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0, 2, 3), (3, 2)), ((0,), (0,)),
)
DOTS = pairs(
    ((), ()), ((), (2, 3)), ((2, 3), ()), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)),
    ((3, 3), (3, 3)), ((2, 2, 3), (3,)), ((2, 2, 3), (3, 2)), ((3,), (2, 3, 2)), ((2, 3), (2, 3, 4)),
    ((2, 1, 3), (4, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0,), (0,)), ((0,), ()),
)
LINEARS = [
    case((2, 3), (4, 3), (4,)), case((2, 3), (4, 3), None), case((3,), (4, 3), (4,)), case((2, 2, 3), (4, 3), (4,)),
    case((2, 3), (1, 3), (1,)), case((3, 3), (3, 3), (3,)),
    case((0, 3), (4, 3), (4,)), case((2, 0), (4, 0), (4,)), case((3,), (4, 3), None),
]
MEANS = ["mean", "sum", "none"]
LOGITS = [case(z, t, reduction=r) for z, t in [((), ()), ((4,), (4,)), ((2, 3), (2, 3)), ((4,), ())] for r in MEANS]
LABELS = [case((4, 3), (4,)), case((1, 3), (1,)), *[case((4, 3), (4,), reduction=r) for r in MEANS]]
SHARES = [case((4, 3), (4, 3)), *[case((4, 3), (4, 3), reduction=r) for r in MEANS]]
# fmt: on

# The references: the forward functions once more, from the textbook, and in HIPS' NumPy.


def picked(x, key):
    """The part of x at key, by a table of which entry of x goes where."""
    positions = np.arange(x.size).reshape(x.shape)[key]
    return anp.reshape(anp.dot(positions.reshape(-1, 1) == np.arange(x.size), anp.ravel(x)), positions.shape)


def placed(x, key, shape):
    """Zeros with x added at key, by the same table."""
    positions = np.arange(np.prod(shape)).reshape(shape)[key]
    return anp.reshape(anp.dot(np.arange(np.prod(shape))[:, None] == positions.ravel(), anp.ravel(x)), shape)


def transposed(x, axes=None):
    return anp.transpose(x, axes and [a % x.ndim for a in axes])


def joined(*arrays, axis=0):
    return anp.concatenate(arrays, axis) if axis is not None else anp.concatenate([anp.ravel(x) for x in arrays])


def affine(x, weight, bias):
    return anp.dot(x, weight.T) + (0 if bias is None else bias)


def leaky(x, slope=0.01):
    return x * (x > 0) + slope * x * (x < 0)


def clipped(x, low, high):
    low, high = (-9.0 if low is None else low), (9.0 if high is None else high)
    return low * (x < low) + x * (x >= low) * (x <= high) + high * (x > high)


def reduced(losses, reduction="mean"):
    return {"mean": anp.mean, "sum": anp.sum, "none": lambda x: x}[reduction](losses)


def probabilities(x, axis=-1):
    return anp.exp(x) / anp.sum(anp.exp(x), axis=axis, keepdims=True)


def yes_or_no(z, t, reduction="mean"):
    a = 1 / (1 + anp.exp(-z))
    return reduced(-(t * anp.log(a) + (1 - t) * anp.log(1 - a)), reduction)


def surprise(z, labels, reduction="mean"):
    return reduced(-anp.log(probabilities(z)[np.arange(len(labels)), labels]), reduction)


def spread_surprise(z, t, reduction="mean"):
    return reduced(-anp.sum(t * anp.log(probabilities(z)), axis=1), reduction)


class Row(NamedTuple):
    name: str
    reference: Any
    domains: Any
    cases: list[Case]


# fmt: off
ROWS = [
    Row("add",             lambda a, b: a + b,                               real,                 PAIRS),
    Row("subtract",        lambda a, b: a - b,                               real,                 PAIRS),
    Row("multiply",        lambda a, b: a * b,                               real,                 PAIRS),
    Row("divide",          lambda a, b: a / b,                               (real, nonzero),      PAIRS),
    Row("negative",        lambda x: -x,                                     real,                 SHAPES),
    Row("power",           lambda a, b: anp.exp(b * anp.log(a)),             (positive, real),     PAIRS),
    Row("square",          lambda x: x * x,                                  real,                 SHAPES),
    Row("sqrt",            lambda x: x**0.5,                                 positive,             SHAPES),
    Row("exp",             anp.exp,                                          real,                 SHAPES),
    Row("expm1",           lambda x: anp.exp(x) - 1,                         real,                 SHAPES),
    Row("log",             anp.log,                                          positive,             SHAPES),
    Row("log1p",           lambda x: anp.log(1 + x),                         positive,             SHAPES),
    Row("tanh",            lambda x: 1 - 2 / (anp.exp(2 * x) + 1),           real,                 SHAPES),
    Row("sin",             anp.sin,                                          real,                 SHAPES),
    Row("cos",             anp.cos,                                          real,                 SHAPES),
    Row("abs",             lambda x: anp.sqrt(x * x),                        nonzero,              SHAPES),
    Row("sign",            lambda x: 0 * x + (x > 0) - 1.0 * (x < 0),   nonzero,              SHAPES),
    Row("maximum",         lambda a, b: a * (a > b) + b * (a < b),           apart,                PAIRS),
    Row("minimum",         lambda a, b: a * (a < b) + b * (a > b),           apart,                PAIRS),
    Row("where",           lambda c, a, b: c * a + (1 - c) * b,              (coin, real, real),   CHOICES),
    Row("clip",            clipped,                                          (real, below, above), CLIPS),
    Row("sum",             anp.sum,                                          real,                 SUMS),
    Row("mean",            anp.mean,                                         real,                 REDUCTIONS),
    Row("max",             anp.max,                                          apart,                REDUCTIONS),
    Row("min",             anp.min,                                          apart,                REDUCTIONS),
    Row("var",             anp.var,                                          real,                 SPREADS),
    Row("std",             anp.std,                                          real,                 SPREADS),
    Row("reshape",         lambda x, shape: anp.reshape(x, shape),           real,                 RESHAPES),
    Row("ravel",           anp.ravel,                                        real,                 SHAPES),
    Row("expand_dims",     anp.expand_dims,                                  real,                 EXPANSIONS),
    Row("squeeze",         anp.squeeze,                                      real,                 SQUEEZES),
    Row("transpose",       transposed,                                       real,                 ORDERS),
    Row("swapaxes",        anp.swapaxes,                                     real,                 SWAPS),
    Row("moveaxis",        anp.moveaxis,                                     real,                 MOVES),
    Row("broadcast_to",    lambda x, shape: x * np.ones(shape),              real,                 STRETCHES),
    Row("astype",          lambda x, dtype: x,                               real,                 CASTS),
    Row("index",           picked,                                           real,                 PARTS),
    Row("scatter",         placed,                                           real,                 PLACES),
    Row("concatenate",     joined,                                             real,                 JOINS),
    Row("stack",           lambda *xs, axis=0: anp.stack(xs, axis),          real,                 STACKS),
    Row("matmul",          anp.matmul,                                       real,                 MATMULS),
    Row("dot",             anp.dot,                                          real,                 DOTS),
    Row("linear",          affine,                                           real,                 LINEARS),
    Row("sigmoid",         lambda x: 1 / (1 + anp.exp(-x)),                  real,                 SHAPES),
    Row("relu",            lambda x: x * (x > 0),                            nonzero,              SHAPES),
    Row("leaky_relu",      leaky,                                            nonzero,              LEAKS),
    Row("softplus",        lambda x: anp.log(1 + anp.exp(x)),                real,                 SHAPES),
    Row("logsumexp",       lambda x, **p: anp.log(anp.sum(anp.exp(x), **p)), real,                 REDUCTIONS),
    Row("softmax",         probabilities,                                    real,                 ALONG),
    Row("log_softmax",     lambda x, axis=-1: anp.log(probabilities(x, axis)), real,               ALONG),
    Row("xlogy",           lambda x, y: x * anp.log(y),                      (nonzero, positive),  PAIRS),
    Row("bce_with_logits", yes_or_no,                                        real,                 LOGITS),
    Row("cross_entropy",   surprise,                                         (real, classes),      LABELS),
    Row("cross_entropy",   spread_surprise,                                  (real, positive),     SHARES),
]
QUESTIONS = {
    "greater": 2, "greater_equal": 2, "less": 2, "less_equal": 2, "equal": 2, "not_equal": 2,
    "isnan": 1, "isinf": 1, "isfinite": 1, "shape": 1, "ndim": 1, "size": 1,
    "argmax": 1, "argmin": 1, "zeros_like": 1, "ones_like": 1, "allclose": 2, "array_equal": 2,
}
# fmt: on


def cases():
    for row in ROWS:
        for number, (shapes, params) in enumerate(row.cases):
            facts = [*map(str, shapes), *(f"{key}={value}" for key, value in params.items())]
            yield pytest.param(row, Case(shapes, params), id=f"{row.name}-{number}-{' '.join(facts)}")


every_case = pytest.mark.parametrize("row, case", list(cases()))


class Setting:
    """The op, its arrays and the oracle's scalar J = sum(y * weights) of those that can be differentiated."""

    def __init__(self, row, case, dtype=np.float64):
        rng = np.random.default_rng(7)
        domains = row.domains if isinstance(row.domains, tuple) else (row.domains,) * len(case.shapes)
        self.op, self.params = ops.TABLE[row.name], case.params
        self.inputs = [
            None if shape is None else np.asarray(domain(rng, shape))
            for domain, shape in zip(domains, case.shapes, strict=True)
        ]
        self.inputs = [x.astype(dtype) if x is not None and x.dtype.kind == "f" else x for x in self.inputs]
        self.smooth = [k for k, x in enumerate(self.inputs) if x is not None and x.dtype.kind == "f"]
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
    assert_allclose(got, expected, rtol=rtol, atol=rtol * scale, err_msg=what)


def bare(x):
    return x.data if isinstance(x, Tensor) else np.asarray(x)


def assert_own_memory(gradients, others):
    """No two gradients, and no gradient and another array, share memory; each can be changed in place."""
    arrays = [g.data for g in gradients]
    assert all(array.flags.writeable for array in arrays)
    assert not any(np.shares_memory(first, second) for first, second in combinations(arrays, 2))
    assert not any(np.shares_memory(array, other) for array in arrays for other in others)


def test_every_row_of_the_table_is_judged():
    names = {row.name for row in ROWS}
    assert names == {name for name, op in ops.TABLE.items() if op.rules or op.every}
    assert set(QUESTIONS) == set(ops.TABLE) - names
    assert all(len(row.cases) >= 4 for row in ROWS)
    assert all(op.name == name for name, op in ops.TABLE.items())


@every_case
def test_value_and_dtype(row, case):
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-5)):
        it = Setting(row, case, dtype)
        plain = it.op(*it.inputs, **it.params)
        assert not isinstance(plain, Tensor)
        y = it.op(*it.put(it.leaves()), **it.params)
        assert isinstance(y, Tensor) and type(y.data) is np.ndarray and y.op is it.op
        assert_close(y.data, it.value, rtol, "value")
        assert_array_equal(plain, y.data)
        assert y.dtype == it.params.get("dtype", dtype)


@every_case
def test_first_derivatives_by_every_choice_of_inputs(row, case):
    it = Setting(row, case)
    expected = difference_gradients(it.J, it.arrays)
    if all(x.size for x in it.arrays):
        for gradient, exact in zip(expected, hips_gradients(it.J, it.arrays), strict=True):
            assert_close(gradient, exact, 1e-7, "the oracles")
        expected, rtol = hips_gradients(it.J, it.arrays), 1e-11
    else:
        rtol = 1e-7
    exact = dict(zip(it.smooth, expected, strict=True))
    plain = [x if x is None or x.ndim else x.item() for x in it.inputs]  # arrays, and Python's scalars
    for chosen in chain.from_iterable(combinations(it.smooth, n) for n in range(1, len(it.smooth) + 1)):
        leaves = dict(zip(chosen, it.leaves(chosen), strict=True))
        y = it.op(*(leaves.get(k, x) for k, x in enumerate(plain)), **it.params)
        y.backward(it.weights)
        for k, leaf in leaves.items():
            assert_close(leaf.grad.data, exact[k], rtol, f"gradient of input {k}, with {chosen} recorded")


@every_case
def test_float32_stays_float32(row, case):
    it = Setting(row, case, np.float32)
    expected = difference_gradients(it.J, it.arrays)
    leaves = it.leaves()
    y = it.op(*it.put(leaves), **it.params)
    y.backward(it.weights)
    second = Setting(row, case, np.float32)
    again = second.op(*second.put(second.leaves()), **second.params)
    gradients = grad(again, [x for x in again.inputs if isinstance(x, Tensor)], it.weights, create_graph=True)
    for leaf, gradient, exact in zip(leaves, gradients, expected, strict=True):
        assert leaf.grad.dtype == gradient.dtype == np.float32
        assert_close(leaf.grad.data, exact, 2e-5, "gradient")
        assert_close(gradient.data, exact, 2e-5, "gradient")


@every_case
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


@every_case
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
    assert_own_memory([leaf.grad for leaf in leaves], [it.weights, y.data, *map(bare, inputs)])


@every_case
def test_the_gradients_of_grad_own_their_memory(row, case):
    it = Setting(row, case)
    inputs = it.put(it.leaves())
    leaves = [x for x in inputs if isinstance(x, Tensor)]
    y = it.op(*inputs, **it.params)
    assert_own_memory(grad(y, leaves, it.weights), [it.weights, y.data, *map(bare, inputs)])


@every_case
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


@pytest.mark.parametrize("name, arity", QUESTIONS.items())
def test_questions_are_answered_with_plain_values(name, arity):
    op = ops.TABLE[name]
    arrays = [np.array([[1.0, np.inf, 2.0], [0.0, np.nan, 2.0]]), np.array([1.0, 5.0, 2.0])][:arity]
    answer = op(*(Tensor(x, requires_grad=True) for x in arrays))
    assert not isinstance(answer, Tensor)
    assert_array_equal(answer, op.numpy(*arrays))
