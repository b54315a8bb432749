"""Rearrangements, joins and cuts: where each entry goes, as NumPy says it of whole numbers."""

import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from op_factory import Judged, Row, case, one, real, together

from tinygrad_edu import ops
from tinygrad_edu.tensor import Tensor


def places(function, name=None):
    """The reference of a rearrangement: the number of each entry, moved, says which entry stands where; 0 is none."""

    def reference(*arrays, **params):
        sizes = np.cumsum([0, *(x.size for x in arrays)])
        numbers = [np.arange(1, x.size + 1).reshape(x.shape) + n for x, n in zip(arrays, sizes, strict=False)]
        moved = np.asarray(function(*numbers, **params)).astype(int)
        table = moved.reshape(-1, 1) == np.arange(1, sizes[-1] + 1)
        entries = anp.concatenate([anp.ravel(x) for x in arrays])
        return anp.reshape(anp.dot(table, entries), moved.shape)

    return reference


def row(name, function, cases):
    """A function made of rows, or of several results."""
    return Row(name, places(function), real, cases, function)


def of_table(name, cases):
    return Row(name, places(ops.TABLE[name].numpy), real, cases)


# fmt: off
TRIANGLES = [*one((3, 3), (2, 4), (2, 3, 2), k=[0, 1, -1]), *one((3,), (0, 2))]
MATRICES = one((2, 3), (3, 2), (2, 2, 3), (0, 2))
EACH = one((), (3,), (2, 3), (2, 3, 2), (0,))
PADS = [
    case((3,), pad_width=1), case((3,), pad_width=(1, 2)), case((2, 3), pad_width=((1, 0), (2, 3))),
    case((2, 3), pad_width=1),
    case((2, 3), pad_width=((0, 2),)), case((0, 2), pad_width=1),
]
MODES = ["edge", "reflect", "symmetric", "wrap"]
BORDERS = [case(*c.shapes, **c.params, mode=mode) for c in PADS[:5] for mode in MODES]
SECTIONS = [
    *one((6,), (6, 2), indices_or_sections=[1, 2, 3, [2], [1, 4], [4, 2], [-2], [9], []]),
    *one((2, 4), indices_or_sections=[2, [1, 3]], axis=[1, -1]), case((0, 2), indices_or_sections=2),
]


class TestRows(Judged):
    ROWS = (
        of_table(
            "flip",
            one((3,), (2, 3), (2, 3, 2), axis=[None, 0, -1]) + one((2, 3, 2), axis=[(0, 2), (-1,)]) + one((), (0, 2)),
        ),
        of_table("roll", [
            *one((4,), (2, 3), shift=[1, -2, 7]), *one((2, 3), (0, 2), axis=[0, -1], shift=[1]),
            *one((3, 4), axis=[(0, 1)], shift=[(1, -2), 2]), case((3, 4), axis=0, shift=(1, 2)),
        ]),
        of_table(
            "rot90",
            one((2, 3), (3, 2, 2), k=[0, 1, 2, 3, -1]) + one((2, 3, 4), axes=[(1, 2), (2, 0), (-1, 0)], k=[1, 2]),
        ),
        of_table("tril", TRIANGLES),
        of_table("triu", TRIANGLES),
    )


class TestOneArray(Judged):
    ROWS = (
        row("reshape by columns", lambda x, shape: np.reshape(x, shape, order="F"), [
            *one((2, 3), (2, 3, 1), shape=[6, (3, 2), (3, -1), [1, 2, 3]]), *one((), (1,), shape=[1, (1, 1)]),
        ]),
        row("ravel by columns", lambda x: np.ravel(x, order="F"), EACH),
        row("fliplr", np.fliplr, MATRICES),
        row("flipud", np.flipud, [*MATRICES, case((3,))]),
        row("matrix_transpose", np.matrix_transpose, MATRICES),
        row("permute_dims", np.permute_dims, [*MATRICES, case((2, 3, 4), axes=(2, 0, 1))]),
        row("rollaxis", np.rollaxis, [case((2, 3, 4), axis=a, start=s) for a in (0, 1, -1) for s in (0, 1, 3, -1)]),
        row("diagonal", np.diagonal, [
            *one((3, 3), (2, 4), (4, 2), offset=[0, 1, -1, 5]),
            *one((2, 3, 4), axis1=[2], axis2=[0, 1, -2], offset=[0, 1]),
        ]),
        row("linalg.diagonal", np.linalg.diagonal, one((2, 3, 3), (2, 2, 4), offset=[0, 1])),
        row("diag", np.diag, one((3,), (2, 3), k=[0, 1, -2])),
        row("diagflat", np.diagflat, one((3,), (2, 2), k=[0, 1, -2]) + one(())),
        row("repeat", np.repeat, [
            *one((3,), (2, 3), repeats=[2, 1, 0]), *one((2, 3), (0, 3), axis=[1, -1], repeats=[2, [2], [1, 0, 3]]),
            case((2, 3), repeats=[1, 2], axis=0), case((), repeats=3),
        ]),
        row(
            "tile", np.tile,
            one((), (3,), (2, 3), reps=[2, (), (2,), (2, 3), (1, 2, 2), (0, 1)]) + one((0, 2), reps=[2]),
        ),
        row("pad", np.pad, PADS + BORDERS),
        row("take", np.take, [
            *one((4,), (2, 3), indices=[0, -1, [1, 0, 1], [[0, 1], [2, 2]], np.zeros(0, int)]),
            *one((3, 2, 3), axis=[0, 2, -1], indices=[0, [2, 0, 2]]),
            *one((3,), mode=["wrap", "clip"], indices=[[5, -7, 1]]),
            *one((2, 3), mode=["wrap", "clip"], indices=[[5, -7, 1]], axis=[1]),
        ]),
        row("compress", lambda x, condition, axis=None: np.compress(condition, x, axis), [
            case((3,), condition=[True, False, True]), case((2, 3), condition=[0, 1], axis=0),
            case((2, 3), condition=[0, 1, 1, 0, 1]), case((2, 3), condition=[False], axis=-1),
        ]),
        row("extract", lambda x, condition: np.extract(condition, x), [
            case((2, 3), condition=np.eye(2, 3) > 0), case((3,), condition=[1, 0, 1]), case((2,), condition=[0, 0]),
            case((), condition=True),
        ]),
        row("delete", np.delete, [
            *one((4,), (2, 3), obj=[0, -1, [0, 2], slice(1, 3)]),
            *one((2, 3), axis=[1], obj=[1, [0, 2], [True, False, True], slice(None, None, 2)]),
        ]),
        row("atleast_1d", lambda x: 1 * np.atleast_1d(x), EACH),
        row("atleast_2d", lambda x: 1 * np.atleast_2d(x), EACH),
        row("atleast_3d", lambda x: 1 * np.atleast_3d(x), EACH),
        row("array_split", lambda x, **p: together(np.array_split(x, **p)), [
            *SECTIONS, case((5,), indices_or_sections=3),
        ]),
        row("split", lambda x, **p: together(np.split(x, **p)), SECTIONS),
        row(
            "hsplit", lambda x, **p: together(np.hsplit(x, **p)),
            one((4,), (2, 4), (2, 4, 2), indices_or_sections=[2, [1, 3]]),
        ),
        row(
            "vsplit", lambda x, **p: together(np.vsplit(x, **p)),
            one((4, 2), (4, 2, 2), indices_or_sections=[2, [1, 3]]),
        ),
        row(
            "dsplit", lambda x, **p: together(np.dsplit(x, **p)),
            one((2, 3, 4), (1, 1, 4), indices_or_sections=[2, [1, 3]]),
        ),
    )


class TestSeveralArrays(Judged):
    ROWS = (
        row("hstack", lambda *xs: np.hstack(xs), [
            case((2,), (3,)), case((), (2,), ()), case((2, 3), (2, 1)), case((2, 1, 2), (2, 2, 2)), case((0,), (2,)),
        ]),
        row("vstack", lambda *xs: np.vstack(xs), [
            case((2,), (2,)), case((), ()), case((2, 3), (3,), (1, 3)), case((2, 1, 2), (1, 1, 2)),
            case((0, 2), (2,)),
        ]),
        row("dstack", lambda *xs: np.dstack(xs), [
            case((2,), (2,)), case((), ()), case((2, 3), (2, 3)), case((2, 1, 2), (2, 1, 3)),
        ]),
        row("column_stack", lambda *xs: np.column_stack(xs), [
            case((2,), (2,)), case((2, 3), (2,)), case((), ()), case((0,), (0, 2)),
        ]),
        row("append", np.append, [
            case((2,), (3,)), case((2, 2), (3,)), case((2, 2), (1, 2), axis=0), case((2, 2), (2, 3), axis=-1),
            case((2,), ()),
        ]),
        row("insert", lambda x, values, **p: np.insert(x, values=values, **p), [
            case((4,), (), obj=1), case((4,), (), obj=[0, 2]), case((4,), (2,), obj=[0, 2]), case((4,), (3,), obj=2),
            case((4,), (2,), obj=[1, 1]),
            case((4,), (), obj=slice(0, 4, 2)),
            case((4,), (), obj=-1), case((2, 3), (), obj=1),
            case((2, 3), (), obj=1, axis=1), case((2, 3), (2,), obj=1, axis=1), case((2, 3), (3,), obj=0, axis=0),
            case((2, 3), (2, 3), obj=0, axis=0),
            case((2, 3), (2, 1), obj=[1], axis=1), case((2, 3), (2, 4), obj=[1], axis=1),
            case((2, 3), (2, 2), obj=[0, 3], axis=-1), case((2, 3), (2,), obj=[0, 3], axis=1),
            case((0,), (2,), obj=0), case((3,), (), obj=[]),
        ]),
        row("block", lambda a, b, c, d: np.block([[a, b], [c, d]]), [
            case((2, 2), (2, 1), (1, 2), (1, 1)), case((1, 2), (1, 1), (1, 2), (1, 1)), case((2,), (1,), (1,), (2,)),
            case((), (), (), ()),
        ]),
        row("block, one list", lambda *xs: np.block(list(xs)), [
            case((2,), (3,)), case((), (2,)), case((2, 1), (2, 2)), case((2, 1, 2), (2, 1, 1)),
        ]),
        row("block, lists in lists", lambda a, b: np.block([[[a], [b]], [[b], [a]]]), [
            case((2,), (2,)), case((), ()), case((1, 2, 2), (1, 2, 2)), case((1, 3), (1, 3)),
        ]),
        row("block, none", lambda a: 1 * np.block(a), EACH),
        row("broadcast_arrays", lambda *xs: together(np.broadcast_arrays(*xs)), [
            case((2, 1), (3,)), case((), (2,)), case((2,), (2,)), case((1, 0), (2, 1)), case((3,)),
        ]),
        row("meshgrid", lambda *xs, **p: together(np.meshgrid(*xs, **p)), [
            case(*shapes, **options)
            for shapes in [((2,), (3,)), ((2,), (3,), (2,)), ((), (2,)), ((3,),)]
            for options in [{}, {"indexing": "ij"}, {"sparse": True}, {"copy": False}]
        ]),
        row("atleast_2d of several", lambda *xs: together(np.atleast_2d(*xs)), [
            case((), (2,)), case((2, 2), (3,)), case((0,), ()), case((), (), ()),
        ]),
    )


if hasattr(np, "unstack"):  # NumPy 2.1

    class TestUnstack(Judged):
        UNSTACKED = one((3,), (2, 3), (2, 3, 2), axis=[0, -1])
        ROWS = (row("unstack", lambda x, **p: together(np.unstack(x, **p)), UNSTACKED),)
# fmt: on


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.pad(x, {0: 1, -1: (2, 0)}),
        lambda x: np.pad(x, {1: 2}, mode="edge"),
        lambda x: np.insert(x, np.array([True, False, True]), 0, axis=1),
    ],
)
def test_what_newer_numpy_can_do(function):
    x = np.arange(1.0, 7).reshape(2, 3)
    try:
        expected = function(x)
    except (TypeError, FutureWarning):
        pytest.skip("this NumPy cannot")
    leaf = Tensor(x, requires_grad=True)
    y = function(leaf)
    assert_array_equal(y.data, expected)
    np.sum(y).backward()
    assert_array_equal(leaf.grad.data, [[np.sum(expected == n) for n in row] for row in x])


def test_a_border_of_constants_has_no_slope():
    x = np.arange(6.0).reshape(2, 3)
    for constants in (7, (1, 2), ((1, 2), (3, 4))):
        widths = ((1, 2), (0, 3))
        leaf = Tensor(x, requires_grad=True)
        padded = np.pad(leaf, widths, constant_values=constants)
        assert_array_equal(padded.data, np.pad(x, widths, constant_values=constants))
        np.sum(padded).backward()
        assert_array_equal(leaf.grad.data, np.ones((2, 3)))


def test_a_padded_array_keeps_its_dtype():
    for dtype in (np.float32, int):
        assert np.pad(Tensor(np.ones(2, dtype)), 1, constant_values=2.5).dtype == dtype


@pytest.mark.parametrize("mode", ["mean", "maximum", "linear_ramp", "empty"])
def test_other_borders_are_refused_by_name(mode):
    message = rf"pad: there is no derivative rule for this border; got mode='{mode}', .*\. Use mode constant, edge"
    with pytest.raises(ValueError, match=message):
        np.pad(Tensor([1.0, 2.0]), 1, mode)
    with pytest.raises(ValueError, match="got mode='reflect', reflect_type='odd'"):
        np.pad(Tensor([1.0, 2.0]), 1, "reflect", reflect_type="odd")


@pytest.mark.parametrize(
    "function, kind",
    [
        (lambda x: np.split(x, 4), ValueError),
        (lambda x: np.split(x, 3, axis=2), IndexError),
        (lambda x: np.take(x, 9), IndexError),
        (lambda x: np.take(x, 0, axis=5), IndexError),
        (lambda x: np.flip(x, 2), IndexError),
        (lambda x: np.fliplr(x[0]), ValueError),
        (lambda x: np.roll(x, 1, 3), IndexError),
        (lambda x: np.rollaxis(x, 0, 4), IndexError),
        (lambda x: np.diag(x[None]), ValueError),
        (lambda x: np.meshgrid(x, indexing="yx"), ValueError),
        (lambda x: np.block([[x], x]), ValueError),
        (lambda x: np.block([(x, x)]), TypeError),
        (lambda x: np.block([]), ValueError),
        (lambda x: np.hstack([]), ValueError),
        (lambda x: np.insert(x, 7, 0.0, axis=0), IndexError),
        (lambda x: np.delete(x, 7, axis=0), IndexError),
        (lambda x: np.pad(x, -1), ValueError),
        (lambda x: np.repeat(x, -1), ValueError),
        (lambda x: np.repeat(x, [1, 2]), ValueError),
        (lambda x: np.dstack([x, x[:2]]), ValueError),
        (lambda x: np.tril(x[0, 0]), TypeError),
        (lambda x: np.broadcast_arrays(x, x[:2]), ValueError),
    ],
)
def test_where_numpy_raises_so_do_tensors(function, kind):
    with pytest.raises(kind):
        function(np.ones((3, 3)))
    with pytest.raises(kind):
        function(Tensor(np.ones((3, 3)), requires_grad=True))


def test_parts_of_lists_of_tensors():
    x, y = Tensor(2.0, requires_grad=True), Tensor([1.0, 3.0], requires_grad=True)
    grown = np.insert(np.zeros(2, np.float32), 1, y)
    assert_array_equal(grown.data, [0, 1, 3, 0])
    np.sum(np.append(x, y) ** 2).backward()
    assert (x.grad.item(), y.grad.tolist()) == (4, [2, 6])
    assert_array_equal(np.append([1.0], x).data, [1, 2])
