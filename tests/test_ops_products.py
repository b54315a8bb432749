"""Products: every row and every function made of rows, and what einsum reads, refuses and costs."""

import re
import tracemalloc

import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from op_factory import Judged, Row, case, one, pairs, real

from tinygrad_edu import ops
from tinygrad_edu.check import gradcheck
from tinygrad_edu.tensor import Tensor

# The references, from the textbook


def cross(a, b):
    a, b = (x + np.zeros((*(np.shape(a + b))[:-1], 3)) for x in (a, b))
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return anp.stack(parts, axis=-1)


def cross_along(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    return anp.moveaxis(cross(anp.moveaxis(a, axisa, -1), anp.moveaxis(b, axisb, -1)), -1, axisc)


def sums_of_products(*operands, subscripts, optimize=False):
    """Every operand spread over all letters, multiplied, summed over the letters that the output lacks."""
    left, _, out = subscripts.partition("->")
    letters = sorted({*subscripts} - {*",->"})
    product = 1.0
    for term, x in zip(left.split(","), operands, strict=True):
        lengths = dict(zip(term, x.shape, strict=True))
        x = anp.transpose(x, [term.index(c) for c in letters if c in term])
        product = product * anp.reshape(x, [lengths.get(c, 1) for c in letters])
    summed = anp.sum(product, axis=tuple(k for k, c in enumerate(letters) if c not in out))
    kept = [c for c in letters if c in out]
    return anp.transpose(summed, [kept.index(c) for c in out])


def tensordot(a, b, axes=2):
    over_a, over_b = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else map(np.atleast_1d, axes)
    letters_a, letters_b = list("abcd"[: a.ndim]), list("ABCD"[: b.ndim])
    for i, j in zip(over_a, over_b, strict=True):
        letters_b[j] = letters_a[i]
    out = [c for c in (*letters_a, *letters_b) if (c in letters_a) != (c in letters_b)]
    return sums_of_products(a, b, subscripts=f"{''.join(letters_a)},{''.join(letters_b)}->{''.join(out)}")


def kron(a, b):
    axes = max(a.ndim, b.ndim)
    a, b = (anp.reshape(x, (1,) * (axes - x.ndim) + x.shape) for x in (a, b))
    for axis in range(axes):
        a, b = anp.repeat(a, b.shape[axis], axis), anp.concatenate([b] * a.shape[axis], axis)
    return a * b


def covariance(m, y=None, rowvar=True, bias=False, ddof=None):
    """The mean product of what two variables are away from their means, for each pair."""
    arrays = [anp.atleast_2d(x) for x in (m, y) if x is not None]
    variables = [v for x in arrays for v in (x if rowvar or len(x) == 1 else x.T)]
    n = len(variables[0])
    divisor = n - ((0 if bias else 1) if ddof is None else ddof)
    apart = [v - anp.sum(v) / n for v in variables]
    return anp.squeeze(anp.array([[anp.sum(v * w) / divisor for w in apart] for v in apart]))


def correlation(x, y=None, rowvar=True):
    c = anp.atleast_2d(covariance(x, y, rowvar))
    return anp.squeeze(c / anp.sqrt(anp.diag(c)[:, None] * anp.diag(c)))


def chain(*arrays):
    result = arrays[0]
    for x in arrays[1:]:
        result = anp.dot(result, x)
    return result


# fmt: off
EINSUMS = [
    case((2, 3), (3, 4), subscripts="ij,jk->ik"), case((2, 3), (3, 4), subscripts="ij,jk->ki", optimize=True),
    case((2, 3), subscripts="ij->ji"), case((2, 3), subscripts="ij->j"), case((2, 3), subscripts="ij->"),
    case((3,), (3,), subscripts="i,i->"), case((3,), (2,), subscripts="i,j->ij"), case((), (2,), subscripts=",i->i"),
    case((2, 3), (2, 3), (2, 3), subscripts="ij,ij,ij->i"), case((2, 3), (3, 2), (2, 2), subscripts="ab,bc,cd->ad"),
    case((2, 3), (3, 2), (2, 2), subscripts="ab,bc,cd->ad", optimize="optimal"), case((), subscripts="->"),
    case((1, 3), (2, 3), subscripts="ij,ij->ij"), case((4,), (1,), subscripts="i,i->"),
    case((2, 1), (3, 4), subscripts="ij,jk->ik"),
    case((2, 3, 4), (4, 2), subscripts="bij,jk->bik"), case((0, 3), (3, 2), subscripts="ij,jk->ik"),
    case((2, 0), subscripts="ij->i"),
]
CROSSES = pairs(((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 1, 3)), ((2, 1, 3), (4, 3)), ((0, 3), (3,)))
OUTERS = pairs(((2,), (3,)), ((), (2,)), ((2, 2), (3,)), ((0,), (2,)))
INNERS = pairs(((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 2, 3)), ((), (2, 3)), ((2, 3), ()), ((), ()), ((3,), (4, 3)))
TENSORDOTS = [
    case((2, 3), (2, 3)), case((2, 3), (3, 4), axes=1), case((2,), (3, 2), axes=0),
    case((2, 3, 4), (4, 2), axes=((0, 2), (1, 0))),
    case((2, 3), (4, 3), axes=(1, -1)), case((2, 3), (3, 2, 2), axes=[[-1], [0]]), case((2, 0), (0, 3), axes=1),
]
KRONS = pairs(((2,), (3,)), ((2, 2), (1, 3)), ((2,), (2, 3)), ((2, 1, 2), (3,)), ((), (2,)))
VECDOTS = [
    *pairs(((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))),
    *(case((2, 3), (2, 3), axis=axis, keepdims=keep) for axis in (0, 1, -1) for keep in (False, True)),
]
PLACED = [
    case((3, 3), (3, 3)), case((3, 2), (3, 2), axis=0), case((2, 3), (3, 2), axisa=1, axisb=0),
    case((3, 2), (3, 2), axisa=0, axisb=0, axisc=0),
]
COVS = [*one((4,), (2, 5), (3, 4)), *one((5, 2), (4,), rowvar=[False])]
PAIRED = [case((4,), (4,)), case((2, 5), (5,)), case((2, 5), (1, 5)), case((5, 2), (5, 1), rowvar=False)]
CHAINS = [
    case((3,), (3, 2), (2, 4)), case((2, 3), (3, 4), (4, 1), (1, 2)), case((2, 3), (3,)),
    case((2,), (2, 3), (3, 1), (1,)),
]
MATVECS = pairs(((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((2, 0), (0,)))


class TestRows(Judged):
    ROWS = (
        Row("einsum", sums_of_products, real, EINSUMS),
        Row("cross", cross, real, CROSSES),
    )


class TestMadeOfRows(Judged):
    ROWS = (
        Row("outer", lambda a, b: anp.ravel(a)[:, None] * anp.ravel(b), real, OUTERS, np.outer),
        Row("linalg.outer", lambda a, b: a[:, None] * b, real, pairs(((2,), (3,)), ((1,), (2,)), ((0,), (2,))),
            np.linalg.outer),
        Row("inner", anp.inner, real, INNERS, np.inner),
        Row(
            "vdot", lambda a, b: anp.sum(a * b), real, pairs(((3,), (3,)), ((2, 3), (2, 3)), ((), ()), ((0,), (0,))),
            np.vdot,
        ),
        Row("tensordot", tensordot, real, TENSORDOTS, np.tensordot),
        Row("linalg.tensordot", tensordot, real, TENSORDOTS, np.linalg.tensordot),
        Row("kron", kron, real, KRONS, np.kron),
        Row(
            "vecdot", lambda a, b, axis=-1, keepdims=False: anp.sum(a * b, axis, keepdims=keepdims), real, VECDOTS,
            np.vecdot,
        ),
        Row("linalg.matmul", anp.matmul, real, pairs(((2, 3), (3, 2)), ((3,), (3, 2))), np.linalg.matmul),
        Row("linalg.cross", cross_along, real, PLACED[:2], np.linalg.cross),
        Row("cross along", cross_along, real, PLACED, np.cross),
        Row("cov", covariance, real, [*COVS, *one((2, 5), bias=[True], ddof=[None, 0, 2])], np.cov),
        Row("cov of two", covariance, real, PAIRED, np.cov),
        Row("corrcoef", correlation, real, COVS, np.corrcoef),
        Row("corrcoef of two", correlation, real, PAIRED, np.corrcoef),
        Row("multi_dot", chain, real, CHAINS, lambda *arrays: np.linalg.multi_dot(arrays)),
        Row("linalg.vecdot", lambda a, b: anp.sum(a * b, -1), real, VECDOTS[:3], np.linalg.vecdot),
    )


if hasattr(np, "matvec"):  # NumPy 2.2

    class TestMatrixAndVector(Judged):
        ROWS = (
            Row("matvec", lambda a, b: anp.sum(a * b[..., None, :], -1), real, MATVECS, np.matvec),
            Row("vecmat", lambda b, a: anp.sum(b[..., None] * a, -2), real,
                pairs(((2,), (2, 3)), ((2,), (4, 2, 3)), ((4, 2), (2, 3)), ((0,), (0, 2))), np.vecmat),
        )
# fmt: on


# The notations of einsum

NOTATIONS = [
    (("ij,jk", (2, 3), (3, 4)), "implicit"),
    (("ba", (2, 3)), "implicit, the letters in their order"),
    (("bA,b", (2, 3), (2,)), "capitals first"),
    (("ii", (3, 3)), "trace"),
    (("ii->i", (3, 3)), "diagonal"),
    (("iji->j", (2, 3, 2)), "diagonal inside"),
    (("iii->i", (2, 2, 2)), "three times"),
    (("iijj->ij", (2, 2, 3, 3)), "two diagonals"),
    (("ii,ij->j", (3, 3), (3, 2)), "diagonal, then summed"),
    (("...ij,...jk->...ik", (2, 2, 3), (3, 4)), "ellipsis that one operand lacks"),
    (("i...,i...->...", (3, 2, 1), (3, 1, 4)), "ellipsis that broadcasts"),
    (("...i", (2, 3)), "ellipsis, implicit"),
    (("b...,a", (2, 3), (4,)), "ellipsis goes first"),
    (("...ii->...i", (2, 3, 3)), "ellipsis and diagonal"),
    ((" i j , j k -> i k ", (2, 3), (3, 4)), "spaces"),
    ((",", (), ()), "scalars"),
    (((2, 3), [0, 1], (3, 4), [1, 2], [0, 2]), "lists"),
    (((2, 3), [20, 2]), "lists, implicit, in the order of the numbers"),
    (((2, 3, 3), [..., 0, 0], [..., 0]), "lists with an ellipsis"),
    (((2, 3), (0, 1), (3,), (1,)), "tuples of numbers"),
]


@pytest.mark.parametrize("given", [pytest.param(given, id=name) for given, name in NOTATIONS])
@pytest.mark.parametrize("optimize", [False, True])
def test_einsum_reads_every_notation(given, optimize):
    rng = np.random.default_rng(0)
    operands = [k for k, x in enumerate(given) if isinstance(x, tuple) and (isinstance(given[0], str) or k % 2 == 0)]
    arrays = [rng.standard_normal(given[k]) for k in operands]

    def summed(*xs):
        call = list(given)
        for k, x in zip(operands, xs, strict=True):
            call[k] = x
        return np.einsum(*call, optimize=optimize)

    y = summed(*map(Tensor, arrays))
    assert_allclose(y.data, summed(*arrays), rtol=1e-13, strict=True)
    report = gradcheck(lambda *xs: np.sum(summed(*xs) ** 2), *arrays)
    assert report, report


def random_einsum(rng):
    """Subscripts with repeats, sums, axes of length 1 and ellipses, and shapes for them."""
    lengths, behind = (
        dict(zip("ijkl", rng.integers(1, 4, 4), strict=True)),
        rng.integers(1, 4, rng.integers(3)).tolist(),
    )
    terms, shapes = [], []
    for _ in range(rng.integers(1, 4)):
        term = list(rng.choice(list("ijkl"), rng.integers(4)))
        shape = [int(lengths[c]) for c in term]
        if term and len({*term}) == len(term) and rng.random() < 0.2:
            shape[rng.integers(len(term))] = 1
        if behind and rng.random() < 0.6:
            place, axes = rng.integers(len(term) + 1), rng.integers(len(behind) + 1)
            term[place:place] = ["..."]
            shape[place:place] = [n if rng.random() < 0.8 else 1 for n in behind[len(behind) - axes :]]
        terms.append("".join(term))
        shapes.append(shape)
    letters = sorted({c for term in terms for c in term} - {"."})
    out = [*rng.permutation(letters)[: rng.integers(len(letters) + 1)]] if letters else []
    if any("..." in term for term in terms):
        out.insert(rng.integers(len(out) + 1), "...")
    return ",".join(terms) + rng.choice(["", "->" + "".join(out)]), shapes


def test_random_einsums_are_linear_in_each_operand():
    rng = np.random.default_rng(0)
    for _ in range(200):
        subscripts, shapes = random_einsum(rng)
        arrays = [rng.standard_normal(shape) for shape in shapes]
        leaves = [Tensor(x, requires_grad=True) for x in arrays]
        y = np.einsum(subscripts, *leaves, optimize=bool(rng.integers(2)))
        assert_allclose(y.data, np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12, err_msg=subscripts)
        weights = rng.standard_normal(y.shape)
        y.backward(weights)
        for k, leaf in enumerate(leaves):
            direction = rng.standard_normal(leaf.shape)
            moved = np.einsum(subscripts, *arrays[:k], direction, *arrays[k + 1 :])
            slope = np.sum(leaf.grad.data * direction)
            assert_allclose(slope, np.sum(moved * weights), rtol=1e-10, atol=1e-10, err_msg=subscripts)


@pytest.mark.parametrize(
    "call, message",
    [
        (("ij", (2, 3, 4)), "einsum: each axis needs a letter; got 'ij' for 3 axes. Add letters"),
        (("ij...", (2,)), "einsum: each axis needs a letter; got 'ij...' for 1 axes"),
        (("...i->i", (2, 3)), "einsum: the output must keep the axes of ...; got '...i->i'. Write ... in the output."),
        (("ii", (2, 3)), "einsum: axes of one letter must have one length; got 'ii' for shape (2, 3)"),
        (
            ("ij,jk", (2, 3), (2, 3)),
            "einsum: axes of one letter must have one length; got j of 3 and of 2 in 'ij,jk' for shapes",
        ),
        (("ij,jk", (2, 3)), "einsum: each operand needs its letters; got 'ij,jk' for 1 operands. Separate"),
    ],
)
def test_einsum_says_what_is_wrong(call, message):
    subscripts, *shapes = call
    with pytest.raises(ValueError, match=re.escape(message)):
        np.einsum(subscripts, *(Tensor(np.ones(shape)) for shape in shapes))
    with pytest.raises(ValueError):  # as NumPy does
        np.einsum(subscripts, *map(np.ones, shapes))


@pytest.mark.parametrize(
    "subscripts, shapes", [("ij,jk->ik", [(300, 200), (200, 100)]), ("ij,ij->i", [(400, 300), (400, 300)])]
)
def test_the_gradient_of_einsum_allocates_its_result_alone(subscripts, shapes):
    arrays = [np.ones(shape) for shape in shapes]
    y = np.einsum(subscripts, *arrays)
    for k, rule in enumerate(ops.einsum.rules_for(arrays, {"subscripts": subscripts})):
        tracemalloc.start()
        gradient = rule(y, y, *arrays, subscripts=subscripts)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert gradient.shape == arrays[k].shape and peak < gradient.nbytes + 20_000


def test_an_axis_that_einsum_only_sums_costs_no_memory():
    x = np.ones((500, 400))
    (rule,) = ops.einsum.rules_for((x,), {"subscripts": "ij->"})
    tracemalloc.start()
    gradient = rule(np.array(2.0), np.array(1.0), x, subscripts="ij->")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_array_equal(gradient, np.full(x.shape, 2.0))
    assert peak < 20_000


def test_einsum_has_no_other_parameters():
    with pytest.raises(TypeError, match="there is no derivative rule with dtype="):
        np.einsum("ij->", Tensor(np.eye(2)), dtype=np.float32)


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda a: np.cross(a[:, :2], a[:, :2]), "cross: both vectors need 3 entries; got 2 and 2. In the plane"),
        (
            lambda a: np.tensordot(a, a, 1),
            "tensordot: the axes that are summed over must have equal lengths; got (2",
        ),
        (lambda a: np.linalg.outer(a, a), "outer: needs two vectors; got (2, 3) and (2, 3). np.outer ravels."),
        (lambda a: np.linalg.multi_dot([a]), "multi_dot: needs two arrays or more; got 1."),
    ],
)
def test_what_does_not_fit_is_refused_by_name(function, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        function(Tensor(np.ones((2, 3)), requires_grad=True))
