"""How calls of NumPy find their rows: methods of ufuncs, arguments left out, dtypes, and what is refused."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_edu import ops
from tinygrad_edu.tensor import Tensor

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, 2.0]])
B = np.array([2.0, -1.0])


def leaf(x, dtype=float):
    return Tensor(x, requires_grad=True, dtype=dtype)


def assert_same(f, *arrays):
    """Value and dtype are NumPy's, and the result is recorded."""
    y, expected = f(*(leaf(x) for x in arrays)), f(*arrays)
    assert isinstance(y, Tensor) and y.requires_grad
    assert y.dtype == expected.dtype
    assert_allclose(y.data, expected, rtol=1e-15, strict=True)
    return y


@pytest.mark.parametrize(
    "f",
    [
        np.add.outer,
        np.subtract.outer,
        np.multiply.outer,
        np.maximum.outer,
        lambda a, b: np.power.outer(np.abs(a), b),
        lambda a, b: np.hypot.outer(a, b[0]),
        lambda a, b: np.float_power.outer(np.abs(a), b),
    ],
)
def test_outer_takes_every_pair(f):
    a, b = leaf(A), leaf(B)
    y = f(a, b)
    assert_allclose(y.data, f(A, B), rtol=1e-15, strict=True)
    weights = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(weights)
    for x, other, move in ((a, B, lambda v: f(v, B)), (b, A, lambda v: f(A, v))):
        for place in np.ndindex(x.shape):
            step = np.zeros(x.shape)
            step[place] = 1e-6
            slope = np.sum((move(x.data + step) - move(x.data - step)) * weights) / 2e-6
            assert_allclose(x.grad.data[place], slope, rtol=1e-7, atol=1e-8, err_msg=str(other.shape))


def test_a_question_s_methods_answer_plainly():
    t = leaf(A)
    assert_array_equal(np.less.outer(t, leaf(B)), np.less.outer(A, B))
    assert_array_equal(np.logical_and.reduce(t, axis=1), np.logical_and.reduce(A, axis=1))
    assert_array_equal(np.logical_or.accumulate(t), np.logical_or.accumulate(A))
    assert np.any(t, axis=0).dtype == bool


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, None, None, None, False),
        lambda x: np.sum(x, axis=1, dtype=None, out=None),
        lambda x: np.add.reduce(x, 0, None, None, True),
        lambda x: np.add.reduce(x, axis=None, where=True),
        lambda x: np.add(x, 1, casting="same_kind", order="K", where=True, dtype=None, subok=True),
        lambda x: np.exp(x, out=None),
        lambda x: np.reshape(x, (3, 2), "C"),
        lambda x: np.ravel(x, order="C"),
        lambda x: np.nan_to_num(x, True),
        lambda x: np.median(x, 0, None, False, True),
        lambda x: np.var(x, axis=0, correction=1),
        lambda x: np.sort(x, 0, "stable"),
        lambda x: np.sort(x, kind=None, order=None),
        lambda x: np.average(x, 1, B[:1] * 0 + np.array([1.0, 2.0, 3.0])),
        lambda x: np.average(x, 1, returned=True)[0],
        lambda x: np.average(x, 0, [1.0, 3.0], True)[1] + 0 * x[0],
        lambda x: np.clip(x, a_min=0, a_max=None),
        lambda x: np.full_like(x, x[0, 0]),
        lambda x: np.copy(x),
        lambda x: np.copy(x, order="K", subok=False),
        lambda x: np.around(x, 1) + x,
        lambda x: np.linspace(x[0], 5.0, 3, retstep=True)[1],
        lambda x: np.choose(np.array([0, 1, 1]), x),
        lambda x: np.nanquantile(x, [0.2, 0.5], axis=1),
        lambda x: np.reshape(x, (3, 2), "F"),
        lambda x: np.ravel(x, order="F"),
        lambda x: np.modf(x / 3)[0],
        lambda x: np.unique(x, axis=0),
        lambda x: np.unique(x, False, True)[0],
    ],
)
def test_arguments_as_numpy_takes_them(f):
    assert_same(f, A)


since_2_1 = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="new in NumPy 2.1")


@since_2_1
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.clip(x, min=0),
        lambda x: np.clip(x, max=np.array([1.0, 2.0, 3.0])),
        lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
        lambda x: np.cumulative_prod(x[0], include_initial=True),
    ],
)
def test_functions_and_arguments_of_numpy_2_1(f):
    assert_same(f, A)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, dtype=np.float32),
        lambda x: np.mean(x, axis=0, dtype=np.float32),
        lambda x: np.add(x, 1, dtype=np.float32),
        lambda x: np.exp(x, dtype="f4"),
        lambda x: np.cumsum(x, dtype=np.float32),
        lambda x: np.add.reduce(x, dtype=np.float32),
        lambda x: np.concatenate([x, x], dtype=np.float32),
        lambda x: np.prod(x, axis=1, dtype=np.float32),
        lambda x: np.nansum(x, dtype=np.float32),
    ],
)
def test_dtype_casts_the_operands(f):
    x = leaf(A)
    y = f(x)
    assert y.dtype == np.float32
    assert_allclose(y.data, f(A), rtol=1e-6, strict=True)
    y.backward(np.ones(y.shape))
    assert x.grad.dtype == np.float64


ALONG = [
    *(np.sum, np.prod, np.max, np.min, np.mean, np.var, np.std, np.ptp, np.average, np.median),
    *(np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanvar, np.nanstd, np.nanmedian),
    *(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.sort, np.diff, np.trapezoid, np.unwrap, np.gradient),
    lambda x, axis: np.quantile(x, 0.3, axis=axis),
    lambda x, axis: np.percentile(x, [30, 60], axis=axis),
    lambda x, axis: np.nanpercentile(x, 30, axis=axis),
    lambda x, axis: np.partition(x, 0, axis=axis),
    lambda x, axis: np.maximum.accumulate(x, axis),
]
WHOLE = [
    *(
        np.unique,
        np.ediff1d,
        np.nan_to_num,
        np.round,
        np.fix,
        np.sinc,
        np.degrees,
        np.arctan,
        np.exp2,
        np.cbrt,
        np.fabs,
    ),
    lambda x: np.interp(x, [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]),
    lambda x: np.polyval([1.0, 2.0, 3.0], x),
    lambda x: np.convolve(x, [1.0, 2.0], "same"),
    lambda x: np.linspace(x, 2, 3),
    lambda x: np.select([x > 0, x < -1], [x, 2 * x], 5),
    lambda x: np.piecewise(x, [x > 0], [np.exp, 7.0]),
    lambda x: np.float_power(abs(x), 0.5),
    lambda x: np.remainder(x, 3),
    lambda x: np.heaviside(x, 1),
    lambda x: np.full_like(x, 2.5),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32, int])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (4,), (2, 3), (0, 3), (2, 0)], ids=str)
def test_values_shapes_and_dtypes_are_numpy_s(shape, dtype):
    x = (np.random.default_rng(1).standard_normal(shape) * 5).astype(dtype)
    calls = [*((f, {"axis": axis}) for f in ALONG for axis in (None, 0, -1)), *((f, {}) for f in WHOLE)]
    answered = 0
    for f, where in calls:
        try:
            expected = f(x.copy(), **where)
        except (ValueError, TypeError, IndexError, ZeroDivisionError):  # what NumPy refuses is judged elsewhere
            continue
        for y, exact in zip(*map(several, (f(Tensor(x), **where), expected)), strict=True):
            assert y.dtype == np.asarray(exact).dtype, f
            assert_allclose(y.data, exact, rtol=1e-5 if dtype is np.float32 else 1e-12, err_msg=str((f, where)))
            answered += 1
    assert answered > 40


@pytest.mark.parametrize("first", [1.0, np.nan, np.inf, 1e300])
@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3)], ids=str)
def test_where_numpy_is_silent_so_is_the_op(shape, first):
    x = np.random.default_rng(1).standard_normal(shape) * 5
    x.flat[0] = first
    calls = [*((f, {"axis": axis}) for f in ALONG for axis in (None, 0, -1)), *((f, {}) for f in WHOLE)]
    silent = 0
    for f, where in calls:
        try:
            f(x.copy(), **where)
        except (RuntimeWarning, ValueError, TypeError, IndexError):  # warnings are errors here
            continue
        f(Tensor(x), **where)
        silent += 1
    assert silent > 40


def several(y):
    return y if isinstance(y, tuple | list) else (y,)


def test_initial_of_an_empty_reduction():
    empty = leaf(np.zeros((0, 2)))
    assert np.max(empty, axis=0, initial=-np.inf).tolist() == [-np.inf, -np.inf]
    assert np.sum(empty, initial=2.0).item() == 2
    with pytest.raises(ValueError, match=r"^max: zero-size array .* no identity; got \(0, 2\)\."):
        np.max(empty, axis=0)


REFUSALS = [
    (lambda t: np.copyto(t, 1), "np.copyto: what a graph has recorded must not change in place; got a Tensor. Make"),
    (lambda t: np.copyto(np.zeros(A.shape), t), "np.copyto: what a graph has recorded must not change in place;"),
    (lambda t: np.put(t, 0, 1), "np.put: what a graph has recorded must not change in place;"),
    (lambda t: np.put_along_axis(t, np.array([[0]]), 1, 1), "np.put_along_axis: what a graph has recorded must not"),
    (lambda t: np.place(t, A > 0, 1), "np.place: what a graph has recorded must not change in place;"),
    (lambda t: np.putmask(t, A > 0, 1), "np.putmask: what a graph has recorded must not change in place;"),
    (lambda t: np.fill_diagonal(t, 1), "np.fill_diagonal: what a graph has recorded must not change in place;"),
    (lambda t: np.add.at(t, 0, 1), "np.add.at: an array cannot take a Tensor in place (out= or +=);"),
    (lambda t: np.resize(t, 3), "np.resize: the size must stay, or entries repeat or vanish in silence; got a Tensor."),
    (
        lambda t: np.divide(1, t, out=A.copy(), where=A > 0),
        "np.divide: an array cannot take a Tensor in place (out= or "
        "+=); the graph would not know. Write np.where(c, a / np.where(c, b, 1), 0), which chooses before and after.",
    ),
    (
        lambda t: np.apply_along_axis(np.sum, 0, t),
        "np.apply_along_axis: a function that NumPy calls itself is given plain",
    ),
    (
        lambda t: np.apply_over_axes(np.sum, t, [0]),
        "np.apply_over_axes: a function that NumPy calls itself is given plain",
    ),
    (np.histogram, "np.histogram: counts move in jumps, and have no slope; got a Tensor. Pass t.numpy()."),
    (
        lambda t: np.polyfit(A[0], t[0], 1),
        "np.polyfit: the coefficients need a rule; got a Tensor. Use np.linalg.lstsq",
    ),
    (lambda t: np.geomspace(1, t[0, 0], 3), "np.geomspace: its steps need a rule; got a Tensor. Write np.exp(np.lin"),
    (lambda t: np.logspace(1, t[0, 0], 3), "np.logspace: its steps need a rule; got a Tensor. Write 10.0 ** np.lin"),
    (np.real, "np.real: Tensors hold real numbers, and their rules are those of real numbers; got a Tensor. Leave"),
    (np.imag, "np.imag: Tensors hold real numbers"),
    (np.conj, "np.conjugate: Tensors hold real numbers"),
    (np.angle, "np.angle: Tensors hold real numbers"),
    (np.real_if_close, "np.real_if_close: Tensors hold real numbers"),
    (np.fft.fft, "np.fft.fft: Tensors hold real numbers"),
    (np.fft.rfft2, "np.fft.rfft2: Tensors hold real numbers"),
]


@pytest.mark.parametrize("f, text", REFUSALS, ids=[text.split(":")[0] for _, text in REFUSALS])
def test_refused_by_name_with_advice(f, text):
    t = leaf(A)
    with pytest.raises(TypeError, match="^" + re.escape(text)):
        f(t)
    assert_array_equal(t.data, A)


ERRORS = [
    (
        lambda t: np.select([A > 0], [t, t]),
        ValueError,
        "np.select: each condition needs a choice; got 1 conditions and 2",
    ),
    (
        lambda t: np.select([A], [t]),
        TypeError,
        "np.select: conditions must be true or false; got dtype float64. Compare",
    ),
    (lambda t: np.sum(t, dtype=int), TypeError, "astype: gradients need a floating dtype; got int64."),
    (lambda t: np.choose(np.array([0, 2, 0]), t), ValueError, "np.choose: a must hold numbers of choices, 0 to 1; got"),
    (lambda t: np.piecewise(t, [A > 0], [1, 2, 3]), ValueError, "np.piecewise: each condition needs a function, and"),
    (lambda t: np.average(t, weights=[1.0, 2.0]), ValueError, "np.average: weights must have the shape of a, or the"),
    (lambda t: np.average(t, 0, [1.0, -1.0]), ZeroDivisionError, "np.average: the weights must not sum to zero;"),
    (
        lambda t: np.take_along_axis(t, np.array([0]), 1),
        ValueError,
        "np.take_along_axis: indices must have as many axes",
    ),
    (lambda t: np.diff(t, -1), ValueError, "np.diff: n must be 0 or more; got -1. Use np.cumsum to go back."),
    (lambda t: np.gradient(t, 1, 2, 3), TypeError, "np.gradient: needs one spacing, or one for each axis; got 3 for 2"),
    (
        lambda t: np.gradient(t, axis=0, edge_order=2),
        ValueError,
        "np.gradient: needs 3 points or more along an axis; got 2",
    ),
    (
        lambda t: np.convolve(t[0], t[1], "all"),
        ValueError,
        "np.convolve: mode must be 'full', 'same' or 'valid'; got 'all'",
    ),
    (lambda t: np.max(t, where=A > 0), ValueError, "max, min: initial= must be given with where=; got none. It is the"),
    (lambda t: np.ravel(t, order="K"), ValueError, "reshape: order must be 'C' or 'F'; got 'K'. Tensors have no order"),
    (lambda t: np.add.reduceat(t, [0, 3], 1), IndexError, "np.add.reduceat: starts must be in [0, 3); got [0, 3]."),
    (lambda t: np.add.reduceat(t, [-1], 1), IndexError, "np.add.reduceat: starts must be in [0, 3); got [-1]."),
    (
        lambda t: np.lib.stride_tricks.sliding_window_view(t, (3, 1)),
        ValueError,
        "sliding_window_view: a window must fit",
    ),
]


@pytest.mark.parametrize("f, kind, text", ERRORS, ids=[text.split(":")[0] for _, _, text in ERRORS])
def test_errors_of_functions_made_of_rows(f, kind, text):
    with pytest.raises(kind, match="^" + re.escape(text)):
        f(leaf(A))


@since_2_1
def test_a_cumulative_sum_of_several_axes_needs_one():
    with pytest.raises(
        ValueError, match=r"^np\.cumulative_sum: axis must be given for more than one axis; got shape \(2, 3\)"
    ):
        np.cumulative_sum(leaf(A))


def test_a_composition_of_one_s_own():
    @ops.op.composed(np.vander)
    def vander(x, N=None):
        return np.stack([x**k for k in reversed(range(N or len(x)))], 1)

    try:
        assert_same(np.vander, B)
        assert_same(lambda x: np.vander(x, 3), B)
        with pytest.raises(
            TypeError, match=r"^np\.vander: there is no derivative rule with increasing=; got increasing=True"
        ):
            np.vander(leaf(B), increasing=True)
    finally:
        del ops.COMPOSED[np.vander]


@pytest.mark.parametrize("f", [np.nanmean, lambda x: np.nanvar(x, ddof=1), np.nanmax, np.nanmedian, np.median, np.mean])
def test_where_numpy_warns_so_does_the_op(f):
    nothing = np.array([np.nan]) if f not in (np.median, np.mean) else np.zeros(0)
    with pytest.warns(RuntimeWarning):
        expected = f(nothing)
    with pytest.warns(RuntimeWarning):
        assert_array_equal(f(leaf(nothing)).data, expected)


def test_infinite_entries_have_their_place():
    x = np.array([[np.inf, 1.0, np.nan], [np.inf, np.inf, -np.inf]])
    for f in (np.nanmedian, lambda x: np.nanmedian(x, axis=1), lambda x: np.median(x[1]), np.sort, np.nanmax):
        assert_same(f, x)


def test_nan_spreads_through_medians_and_quantiles():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 1.0, 2.0]])
    for f in (lambda x: np.median(x, axis=1), lambda x: np.quantile(x, [0.1, 0.5], axis=1), lambda x: np.sort(x)):
        assert_same(f, x)
    assert_array_equal(np.unique(leaf([2.0, np.nan, 2.0, np.nan])).data, [2, np.nan])


CHOSEN = np.array([[True, False, True], [True, True, True], [True, True, False]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, **p: np.sum(x, where=CHOSEN, **p),
        lambda x, **p: np.add.reduce(x, where=CHOSEN, **({"axis": None} | p)),
        lambda x, **p: np.sum(x, where=CHOSEN, initial=2.0, **p),
        lambda x, **p: np.prod(x, where=CHOSEN, **p),
        lambda x, **p: np.mean(x, where=CHOSEN, **p),
        lambda x, **p: np.mean(x, where=CHOSEN[1], **p),
        lambda x, **p: np.var(x, where=CHOSEN, **p),
        lambda x, **p: np.std(x, where=CHOSEN, ddof=0.5, **p),
        lambda x, **p: np.max(x, where=CHOSEN, initial=-np.inf, **p),
        lambda x, **p: np.min(x, where=CHOSEN, initial=1.5, **p),
    ],
)
@pytest.mark.parametrize("params", [{}, {"axis": 0}, {"axis": 1, "keepdims": True}])
def test_where_chooses_what_is_reduced(f, params):
    start = np.array([[1.0, -2.3, 3.1], [0.7, 4.0, 2.4], [-1.0, 0.2, 2.0]])
    y, x = f(start, **params), leaf(start)
    result = f(x, **params)
    assert_allclose(result.data, y, rtol=1e-14, strict=True)
    assert f(leaf(start, np.float32), **params).dtype == np.float32
    weights = np.arange(1.0, np.size(y) + 1).reshape(np.shape(y))
    result.backward(weights)
    for place in np.ndindex(start.shape):
        step = np.zeros(start.shape)
        step[place] = 1e-6
        slope = np.sum((f(start + step, **params) - f(start - step, **params)) * weights) / 2e-6
        assert_allclose(x.grad.data[place], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_entries_are_counted_in_whole_numbers_and_means_taken_in_floats(dtype):
    x = (np.arange(600) % 7).astype(dtype)  # more than a byte counts
    for f in (np.nanmean, np.nanvar, np.nanstd, lambda x: np.mean(x, where=x != 3)):
        assert_allclose(f(Tensor(x)).data, f(x), rtol=1e-14, strict=True)


def test_where_in_whole_numbers():
    x, chosen = np.array([1, 2, 4]), np.array([True, False, True])
    for f in (np.sum, np.mean, np.var, np.std, np.prod):
        assert_allclose(f(Tensor(x), where=chosen).data, f(x, where=chosen), strict=True)


def test_the_places_of_unique_values_are_plain_arrays():
    x = np.array([[2.0, np.nan, 1.0], [1.0, 2.0, np.nan]])
    asked = {"return_index": True, "return_inverse": True, "return_counts": True}
    for options in (asked, {"return_counts": True}, asked | {"equal_nan": False}, asked | {"axis": 1}):
        y, t = np.unique(x, **options), leaf(x)
        values, *places = np.unique(t, **options)
        assert_array_equal(values.data, y[0])
        assert len(places) == len(y) - 1
        for got, expected in zip(places, y[1:], strict=True):
            assert_array_equal(got, expected, strict=True)
    values, counts = np.unique(leaf([3.0, 1.0, 3.0]), return_counts=True)
    x = leaf([3.0, 1.0, 3.0])
    np.sum(np.unique(x) * counts).backward()
    assert x.grad.tolist() == [2, 1, 0]  # of equal entries the first gets it


def test_the_parts_of_infinite_numbers():
    x = np.array([np.inf, -np.inf, 2.5])
    for got, expected in zip(np.modf(leaf(x)), np.modf(x), strict=True):
        assert_array_equal(got.data, expected)
    assert [y.dtype for y in np.modf(Tensor([1, 2]))] == [float, float]


@pytest.mark.parametrize("starts", [[0, 2], [0], [1, 0, 2], [2, 2, 0]])
@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.logaddexp])
def test_reduceat_reduces_segments(ufunc, starts):
    for axis, part in ((1, A), (0, A.T), (-1, A[0])):
        y = assert_same(lambda x: ufunc.reduceat(x, starts, axis), part)  # noqa: B023
        x = leaf(part)
        weights = np.arange(1.0, y.size + 1).reshape(y.shape)
        ufunc.reduceat(x, starts, axis).backward(weights)
        for place in np.ndindex(part.shape):
            step = np.zeros(part.shape)
            step[place] = 1e-6
            moved = [np.sum(ufunc.reduceat(part + s, starts, axis) * weights) for s in (step, -step)]
            assert_allclose(x.grad.data[place], (moved[0] - moved[1]) / 2e-6, rtol=1e-7, atol=1e-8)


def test_the_weights_of_each_number_are_added_up():
    numbers, w = np.array([1, 3, 1, 0]), np.array([0.5, 2.0, -1.0, 3.0])
    for f in (
        lambda w: np.bincount(numbers, w),
        lambda w: np.bincount(numbers, weights=w, minlength=6),
        lambda w: np.bincount(Tensor(numbers), w, 2),
        lambda w: np.bincount(numbers.tolist(), w),
    ):
        assert_same(f, w)
        assert_same(f, w.astype(np.float32))
    x = leaf(w)
    np.bincount(numbers, x).backward([1.0, 2.0, 3.0, 4.0])
    assert x.grad.tolist() == [2, 4, 2, 1]
    assert np.bincount(Tensor(numbers)).tolist() == [1, 2, 0, 1]
    with pytest.raises(ValueError, match="negative"):
        np.bincount(-numbers, x)


def test_files_are_written_from_tensors(tmp_path):
    t = leaf(A)
    np.save(tmp_path / "t.npy", t)
    np.savez(tmp_path / "t.npz", t=t)
    np.savez_compressed(tmp_path / "c.npz", t)
    np.savetxt(tmp_path / "t.txt", t)
    for found in (
        np.load(tmp_path / "t.npy"),
        np.load(tmp_path / "t.npz")["t"],
        np.load(tmp_path / "c.npz")["arr_0"],
        np.loadtxt(tmp_path / "t.txt"),
    ):
        assert_array_equal(found, A)


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t.prod(),
        lambda t: t.prod(1, keepdims=True),
        lambda t: t.cumsum(),
        lambda t: t.cumsum(axis=-1),
        lambda t: t.cumprod(0),
        lambda t: t.repeat(2),
        lambda t: t.repeat([1, 2], axis=0),
        lambda t: t.take([0, 1, 1]),
        lambda t: t.take([0, -1], 1),
        lambda t: t.diagonal(),
        lambda t: t.diagonal(1, 0, 1),
        lambda t: t.trace(),
        lambda t: t.mT,
        lambda t: t.round(1) + 0 * t,
        lambda t: t % 2,
        lambda t: 7 % t,
        lambda t: t // 2 + 0 * t,
        lambda t: 7 // t + 0 * t,
        lambda t: divmod(t, 2)[1],
    ],
)
def test_methods_of_arrays(f):
    assert_same(f, A)


def test_methods_that_answer_plainly():
    t = leaf(A)
    assert_array_equal(t.argsort(), A.argsort())
    assert_array_equal(t.argsort(None), A.argsort(None))
    assert t.any() and t.all(axis=0, keepdims=True).tolist() == [[True, True, True]]
    assert_array_equal(t.nonzero(), A.nonzero())
