"""The derivative sheet: one row of cases for every row of ops.TABLE, judged by differentiators from outside."""

from io import BytesIO

import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from op_factory import (
    KEEP,
    PAIRS,
    REDUCTIONS,
    SHAPES,
    SUMS,
    Judged,
    Row,
    above,
    all_rows,
    apart,
    below,
    case,
    classes,
    coin,
    nonzero,
    one,
    pairs,
    positive,
    real,
)
from op_table import errors

from tinygrad_edu import ops
from tinygrad_edu.tensor import Tensor

# fmt: off
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
ROUGH, ROW = np.array([[1.0, np.inf, 2.0], [0.0, np.nan, 2.0]]), np.array([1.0, 5.0, 2.0])
OF_TWO = [
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "isclose", "allclose", "array_equal", "array_equiv", "isin", "may_share_memory", "shares_memory", "result_type",
]
OF_ONE = [
    "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "isreal", "iscomplex", "isrealobj", "iscomplexobj",
    "logical_not", "any", "all", "shape", "ndim", "size", "argmax", "argmin", "nanargmax", "nanargmin", "argsort",
    "nonzero", "flatnonzero", "argwhere", "count_nonzero", "zeros_like", "ones_like", "common_type", "min_scalar_type",
    "array_repr", "array_str", "array2string",
]
QUESTIONS = {
    **dict.fromkeys(OF_TWO, (ROUGH, ROW)), **dict.fromkeys(OF_ONE, (ROUGH,)),
    "empty_like": (np.zeros((0, 3)),), "can_cast": (np.zeros(2), float), "argpartition": (ROW, 1),
    "lexsort": ((ROW, -ROW),), "searchsorted": (np.sort(ROW), ROUGH), "digitize": (ROW, np.array([1.5, 3.0])),
    "matrix_rank": (np.ones((2, 3)),), "unique": (ROW,),
    **dict.fromkeys(("save", "savetxt", "savez", "savez_compressed"), (BytesIO(), ROW)),
}
# fmt: on


class TestRows(Judged):
    ROWS = ROWS


def test_every_row_of_the_table_is_judged():
    rows = all_rows()
    names = {row.name for row in rows if not row.call}
    assert names == {name for name, op in ops.TABLE.items() if op.rules or op.every}
    assert set(QUESTIONS) == set(ops.TABLE) - names
    assert not [row.name for row in rows if len(row.cases) < 4 and not row.call]
    assert all(op.name == name for name, op in ops.TABLE.items())


def tensors(x):
    return tuple(map(tensors, x)) if isinstance(x, tuple) else Tensor(x, requires_grad=True) if np.ndim(x) else x


@pytest.mark.parametrize("name, args", QUESTIONS.items(), ids=list(QUESTIONS))
def test_questions_are_answered_with_plain_values(name, args):
    answer = ops.TABLE[name].numpy(*tensors(args))
    assert not isinstance(answer, Tensor)
    assert_array_equal(answer, ops.TABLE[name].numpy(*args))


def test_a_rule_that_is_wrong_by_a_thousandth_fails():
    wrong = ops.Op(np.sin, lambda g, y, x: 1.001 * g * np.cos(x))
    row = Row("wrong", anp.sin, real, SHAPES, wrong)
    for test in (
        Judged.test_first_derivatives_by_every_choice_of_inputs,
        Judged.test_second_derivatives,
        Judged.test_float32_stays_float32,
    ):
        with pytest.raises(AssertionError, match=r"(?i)gradient|hessian") as caught:
            test(None, row)
        assert caught.value.__notes__ == ["wrong: ()"]
    Judged.test_value_and_dtype(None, row)


def test_the_table_of_errors_is_made_of_the_same_cases():
    right, wrong = Row("sin", anp.sin, real, SHAPES), ops.Op(np.sin, lambda g, y, x: 1.001 * g * np.cos(x))
    assert max(max(errors(right, case)) for case in right.cases) < 1e-6
    value, first, second, single = errors(right._replace(call=wrong), right.cases[1])
    assert value < 1e-15 and min(first, second, single) > 1e-5
