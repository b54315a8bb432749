"""Tensor: operators, methods, NumPy's protocols, and what is refused with advice."""

import copy
import operator
import pickle

import numpy as np
import pytest
from engine import leaf, raised
from numpy.testing import assert_array_equal

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.arrays import get_default_dtype, set_default_dtype
from tinygrad_edu.autograd import Node
from tinygrad_edu.tensor import Tensor

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, 2.0]])
B = np.array([[2.0, 1.0, 0.5], [3.0, -1.0, 2.0]])


def assert_records(f, *arrays):
    """f of Tensors is f of arrays, in value, shape and dtype, and each Tensor gets a gradient through it."""
    leaves = [Tensor(x, requires_grad=True) for x in arrays]
    y, expected = f(*leaves), np.asarray(f(*arrays))
    assert type(y) is Tensor and type(y.data) is np.ndarray
    assert_array_equal(y.data, expected, strict=True)
    assert y.requires_grad and y.op is not None and isinstance(y.inputs, tuple)
    y.backward(np.ones(y.shape, y.dtype))
    for t, x in zip(leaves, arrays, strict=True):
        assert t.grad.shape == x.shape and t.grad.dtype == x.dtype
        assert_array_equal(t.data, x)
    plain = f(*(Tensor(x) for x in arrays))
    assert type(plain) is Tensor and not plain.requires_grad and plain.inputs == ()
    return leaves


# Operators

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
def test_operators_with_everything_on_either_side(f):
    assert_records(f, A, B)
    for other in (2, 2.5, True, np.float64(2), np.float32(2), np.int64(3), B, B[0], np.ones((4, 1, 3)), np.array(2.0)):
        assert_records(lambda t, other=other: f(t, other), A)
        assert_records(lambda t, other=other: f(other, t), A)
    for other in ([1.0, 2.0, 4.0], (1.0, 2.0, 4.0), [[1], [2]]):
        assert_array_equal(f(leaf(A), other).data, f(A, np.asarray(other)))
        assert_array_equal(f(other, leaf(A)).data, f(np.asarray(other), A))


def test_powers_and_signs():
    assert_records(operator.pow, np.abs(A), B)
    for n in (0, 1, 2, -1, 0.5, np.array([1, 2, 3]), np.float32(2)):
        assert_records(lambda t, n=n: t**n, np.abs(A))
    for base in (2, 2.5, np.float64(2), np.array([1.0, 2.0, 3.0])):
        assert_records(lambda t, base=base: base**t, A)
    assert_records(operator.neg, A)
    assert_records(abs, A)
    assert_records(lambda t: +t * 1, A)
    t = leaf([1.0, 2.0])
    (t ** [2, 3]).sum().backward()
    assert t.grad.tolist() == [2, 12]


def test_matrix_products_with_arrays_and_lists():
    assert_records(operator.matmul, A, B.T)
    assert_records(lambda t: A.T @ t, B)
    assert_records(lambda t: t @ B.T, A)
    assert_records(lambda t: np.dot(A.T, t), B)
    assert_records(lambda t: t.dot(B.T), A)
    t = leaf(A)
    ([1.0, 2.0] @ t @ [[1], [2], [3]]).sum().backward()
    assert t.grad.tolist() == [[1, 2, 3], [2, 4, 6]]


def test_the_textbook_sigmoid():
    z = leaf([-1.0, 0.0, 2.0])
    y = 1 / (1 + np.exp(-z))
    y.sum().backward()
    a = 1 / (1 + np.exp(-z.data))
    assert_array_equal(y.data, a)
    np.testing.assert_allclose(z.grad.data, a * (1 - a), rtol=1e-14)


def test_augmented_assignment_rebinds():
    for f in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow):
        t = u = leaf([1.0, 2.0])
        t = f(t, 2)
        assert t is not u and t.requires_grad and u.tolist() == [1, 2]
    x, total = leaf([1.0, 2.0]), 0
    for _ in range(3):
        total += x
    total.sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_comparisons_give_plain_boolean_arrays(name):
    f, reflected = getattr(operator, name), np.array([2.0, 1.0, 3.0])
    for other in (1.0, 2, reflected, leaf(reflected), [2.0, 1.0, 3.0], np.float64(2)):
        bare = getattr(other, "data", other) if isinstance(other, Tensor) else other
        for got, expected in ((f(leaf(A), other), f(A, np.asarray(bare))), (f(other, leaf(A)), f(np.asarray(bare), A))):
            assert type(got) is np.ndarray and got.dtype == bool
            assert_array_equal(got, expected)


def test_nothing_is_equal_to_none():
    assert_array_equal(leaf([1.0, 2.0]) == None, [False, False])  # noqa: E711
    assert_array_equal(leaf([1.0, 2.0]) != None, [True, True])  # noqa: E711


def test_a_tensor_is_a_key_by_identity():
    t, u = leaf([1.0]), leaf([1.0])
    assert {t: "t", u: "u"}[t] == "t" and len({t, u, t}) == 2 and hash(t) == hash(t)


# Methods


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.T,
        lambda x: x.transpose(),
        lambda x: x.transpose(1, 0),
        lambda x: x.transpose((1, 0)),
        lambda x: x.sum(),
        lambda x: x.sum(axis=0),
        lambda x: x.sum(1, keepdims=True),
        lambda x: x.sum((0, -1)),
        lambda x: x.mean(0),
        lambda x: x.mean(axis=-1, keepdims=True),
        lambda x: x.max(axis=1),
        lambda x: x.min(),
        lambda x: x.var(axis=0, ddof=1),
        lambda x: x.std(axis=1, keepdims=True),
        lambda x: x.reshape(3, 2),
        lambda x: x.reshape((3, 2)),
        lambda x: x.reshape(-1),
        lambda x: x.reshape([6]),
        lambda x: x.ravel(),
        lambda x: x.reshape(1, 6).squeeze(),
        lambda x: x.reshape(1, 6).squeeze(axis=0),
        lambda x: x.swapaxes(0, 1),
        lambda x: x.clip(0, 2),
        lambda x: x.clip(min=0),
        lambda x: x.clip(max=1.0),
        lambda x: x.astype(np.float32),
        lambda x: x.astype("float16"),
        lambda x: x[1],
        lambda x: x[:, [0, 0]],
        lambda x: x[x > 1],
        lambda x: x[..., None],
    ],
)
def test_methods_are_those_of_arrays(f):
    assert_records(f, A)


def test_attributes():
    t = leaf(A, name="W")
    assert (t.shape, t.ndim, t.size, t.dtype, len(t), t.name) == ((2, 3), 2, 6, np.float64, 2, "W")
    assert t.requires_grad and t.op is None and t.grad is None and t.inputs == () and t.params == {}
    assert t.argmax() == 4 and t.argmin(axis=1).tolist() == [1, 0] and isinstance(t, Node)
    with pytest.raises(AttributeError):
        t.requires_gard = False
    y = np.sum(t, axis=1)
    assert y.op.name == "sum" and y.inputs == (t,) and y.params == {"axis": 1}


def test_data_is_copied_in_and_shared_out():
    source = A.copy()
    t = Tensor(source)
    source[0, 0] = 99
    assert t.data[0, 0] == 1
    assert t.numpy() is t.data and np.shares_memory(t.detach().data, t.data)
    assert not leaf(A).detach().requires_grad
    assert np.shares_memory(Tensor.wrap(source).data, source)
    t.data[...] = 0
    assert t.numpy().sum() == 0


def test_indexing_with_tensors():
    t, rows = leaf(A), Tensor([1, 1, 0])
    assert_array_equal(t[rows].data, A[[1, 1, 0]])
    assert_array_equal(t[rows, Tensor([0, 1, 2])].data, A[[1, 1, 0], [0, 1, 2]])
    assert_array_equal(A[rows], A[[1, 1, 0]])
    t[rows].sum().backward()
    assert t.grad.tolist() == [[1, 1, 1], [2, 2, 2]]


# NumPy's functions


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.exp(x),
        lambda x: np.sum(x),
        lambda x: np.sum(x, axis=1, keepdims=True),
        lambda x: np.sum(x, 0),
        lambda x: np.sum(a=x, axis=None),
        lambda x: np.add.reduce(x),
        lambda x: np.add.reduce(x, 1),
        lambda x: np.add.reduce(x, axis=None),
        lambda x: np.add.reduce(x, axis=(0, 1), keepdims=True),
        lambda x: np.maximum.reduce(x, axis=1),
        lambda x: np.minimum.reduce(x),
        lambda x: np.mean(x, -1),
        lambda x: np.max(x, axis=0, keepdims=True),
        lambda x: np.amin(x),
        lambda x: np.var(x, axis=1, ddof=1),
        lambda x: np.std(x),
        lambda x: np.clip(x, 0, 2),
        lambda x: np.clip(x, None, 2),
        lambda x: np.clip(x, a_min=0, a_max=None),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.ravel(x),
        lambda x: np.expand_dims(x, 0),
        lambda x: np.expand_dims(x, axis=(0, -1)),
        lambda x: np.squeeze(np.expand_dims(x, 1), axis=1),
        lambda x: np.transpose(x),
        lambda x: np.transpose(x, (1, 0)),
        lambda x: np.transpose(x, axes=[1, 0]),
        lambda x: np.swapaxes(x, 0, 1),
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.broadcast_to(x, (4, 2, 3)),
        lambda x: np.concatenate([x, B, x]),
        lambda x: np.concatenate((x, B), axis=1),
        lambda x: np.concatenate([x, B], 1),
        lambda x: np.concatenate([x, B], axis=None),
        lambda x: np.concatenate([x], axis=-1),
        lambda x: np.stack([B, x]),
        lambda x: np.stack((x, x), axis=-1),
        lambda x: np.where(A > 0, x, 0),
        lambda x: np.where(A > 0, B, x),
        lambda x: np.where([True, False, True], x, B),
        lambda x: np.where(x > 0, x, 2.0),
        lambda x: np.dot(x, B.T),
        lambda x: np.matmul(x, B.T),
        lambda x: np.absolute(x),
        lambda x: np.true_divide(x, 2),
        lambda x: np.add(x, B, out=None),
        lambda x: np.multiply(2, x),
    ],
)
def test_numpy_functions_record(f):
    assert_records(f, A)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="these keywords came with NumPy 2.1")
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.clip(x, min=0),
        lambda x: np.clip(x, max=1),
        lambda x: np.clip(x, min=0, max=1),
        lambda x: np.reshape(x, shape=-1),
    ],
)
def test_newer_keywords_of_numpy_functions_record(f):
    assert_records(f, A)


def test_numpy_functions_of_two_tensors():
    for f in (np.maximum, np.minimum, lambda a, b: np.where(A > 1, a, b), lambda a, b: np.concatenate([a, B, b])):
        assert_records(f, A, B + 0.25)
    assert_records(lambda x, low: np.clip(x, low, 3.0), A, B)
    assert_records(lambda a, b: np.stack([a, b], axis=1), A, B)


@pytest.mark.parametrize("size", [1, 2])
def test_lists_of_scalars_are_joined(size):
    x = leaf([1.0, 2.0])
    np.stack([v * v for v in x][:size]).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0][:size] + [0] * (2 - size)


def test_questions_are_answered_with_plain_values():
    t = leaf(A)
    shapes, tests = (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like), (np.isnan, np.isfinite, np.isinf)
    for f in (np.argmax, np.argmin, *shapes, *tests):
        got = f(t)
        assert not isinstance(got, Tensor)
        assert_array_equal(got, f(A))
    assert np.argmax(t, axis=1).tolist() == [2, 1] and np.zeros_like(t, dtype=int).dtype == int
    assert (np.argmax(t, axis=1) == [2, 1]).mean() == 1
    assert np.greater(t, 1).dtype == bool and np.size(t, 0) == 2


def test_questions_by_keyword():
    assert np.argmax(a=leaf(A), axis=1).tolist() == [2, 1]
    assert_array_equal(np.ones_like(a=leaf(A)), np.ones((2, 3)))


# What NumPy may not do


def test_a_recorded_tensor_is_not_made_an_array_in_silence():
    t, text = leaf([1.0, 2.0]), "np.asarray: a tensor that requires a gradient must not become a plain array;"
    for f in (np.asarray, np.array, Tensor, lambda t: np.array([t, t]), lambda t: np.sum([t, t])):
        with raised(TypeError, text):
            f(t)
        with raised(TypeError, text):
            f(t * 2)
    plain = Tensor([1.0, 2.0])
    assert np.asarray(plain) is plain.data and np.array(plain) is not plain.data
    assert np.asarray(plain, dtype=np.float32).dtype == np.float32 and np.array([plain, plain]).shape == (2, 2)
    assert not np.shares_memory(np.array(plain), plain.data)
    array = np.zeros(2)
    array[:] = plain
    with raised(TypeError, text):
        array[:] = t
    assert array.tolist() == [1, 2]


def test_an_array_takes_in_place_what_requires_no_gradient():
    w, array = leaf([1.0, 2.0]), np.zeros(2)
    np.sum(w * w).backward()
    w.data -= 0.25 * w.grad
    assert w.tolist() == [0.5, 1.0] and type(w.data) is np.ndarray and w.requires_grad
    array += w.grad
    np.add.at(array, [0, 0], w.grad[0])
    assert np.exp(w.grad, out=array) is array and array.tolist() == np.exp([2.0, 4.0]).tolist()


def test_in_place_is_refused_with_advice():
    t, array = leaf([1.0, 2.0]), np.zeros(2)
    for key in (0, slice(None), [0]):
        with raised(TypeError, "Tensor: a value that the graph has recorded must not change; got an assignment to its"):
            t[key] = 3.0
    with raised(TypeError, "np.add: an array cannot take a Tensor in place (out= or +=); the graph would not know."):
        array += t
    with raised(TypeError, "np.multiply: an array cannot take a Tensor in place"):
        np.multiply(array, 2, out=Tensor([1.0, 2.0]))
    with raised(TypeError, "np.add.at: an array cannot take a Tensor in place"):
        np.add.at(Tensor([1.0, 2.0]), [0], 1.0)
    with raised(TypeError, "np.exp: an array cannot take a Tensor in place (out= or +=)"):
        np.exp(t, out=array)
    with raised(TypeError, "np.add.reduce: an array cannot take a Tensor in place"):
        np.add.reduce(t, out=np.zeros(()))
    with raised(TypeError, "sum: there is no derivative rule with out=; got out="):
        np.sum(t, out=np.zeros(()))
    with pytest.raises(TypeError):
        np.add(array, array, out=t)
    assert t.tolist() == [1, 2] and array.tolist() == [0, 0]


def test_a_function_without_a_rule_is_named():
    t = leaf(A)
    text = ": a function of Tensors needs a derivative rule; got one without. Write it with functions that have one,"
    for f, name in (
        (np.frexp, "frexp"),
        (np.i0, "i0"),
        (np.logaddexp.accumulate, "logaddexp.accumulate"),
        (np.hypot.reduce, "hypot.reduce"),
        (lambda t: np.hypot.reduceat(t, [0]), "hypot.reduce"),
        (lambda t: np.nextafter.outer(t, t), "nextafter"),
        (lambda t: np.vander(t[0]), "vander"),
    ):
        with raised(TypeError, f"np.{name}{text}"):
            f(t)


def test_functions_of_numpy_are_not_sought_here():
    for name in ("exp", "stack", "einsum"):
        with pytest.raises(AttributeError, match=f"module 'tinygrad_edu' has no attribute '{name}'; write np.{name}$"):
            getattr(tg, name)
    with pytest.raises(AttributeError, match=r"no attribute 'layers'$"):
        tg.layers  # noqa: B018


def test_a_parameter_without_a_rule_is_named():
    t = leaf(A)
    for f, text in (
        (lambda: np.median(t, out=A), "np.median: there is no derivative rule with out="),
        (lambda: np.exp(t, where=A > 0), "exp: there is no derivative rule with where="),
        (lambda: np.cumsum(t, out=A), "cumsum: there is no derivative rule with out=; got out="),
        (lambda: np.median(t, overwrite_input=True), "np.median: there is no derivative rule with overwrite_input="),
        (lambda: np.nan_to_num(t, copy=False), "nan_to_num: there is no derivative rule with copy=; got copy=False."),
        (lambda: np.quantile(t, 0.5, weights=A), "np.quantile: there is no derivative rule with weights="),
    ):
        with raised(TypeError, text):
            f()


def test_where_of_a_condition_alone_is_refused():
    with pytest.raises((TypeError, ValueError), match=r"^(np\.)?where: "):
        np.where(leaf(A))


# Errors of shapes, dtypes and operands


def test_errors_of_shapes():
    t = leaf(A)
    for f, error, text in (
        (lambda: t @ t, ValueError, "matmul: inner sizes must agree; got (2, 3) @ (2, 3), 3 != 2. Transpose one"),
        (lambda: np.dot(t, A), ValueError, "dot: inner sizes must agree; got (2, 3) @ (2, 3), 3 != 2. Transpose one"),
        (lambda: t @ np.ones(2), ValueError, "matmul: inner sizes must agree; got (2, 3) @ (2,), 3 != 2."),
        (lambda: np.ones(3) @ t, ValueError, "matmul: inner sizes must agree; got (3,) @ (2, 3), 3 != 2."),
        (lambda: t @ 2, ValueError, "matmul: "),
        (lambda: t + np.ones(2), ValueError, "add: shapes must broadcast; got (2, 3) and (2,). Make each pair of"),
        (lambda: np.where(A > 0, t, np.ones(4)), ValueError, "where: shapes must broadcast; got (2, 3) and (2, 3) and"),
        (lambda: t.reshape(4), ValueError, "reshape: cannot reshape array of size 6 into shape (4,); got"),
        (lambda: t[2], IndexError, "index: index 2 is out of bounds for axis 0 with size 2; got (2, 3)."),
        (lambda: t["a"], IndexError, "index: only integers"),
        (lambda: t.sum(axis=2), np.exceptions.AxisError, "sum: axis 2 is out of bounds for array of dimension 2; got"),
        (lambda: np.concatenate([t, np.ones((2, 2))]), ValueError, "concatenate: "),
        (lambda: np.stack([t, np.ones(3)]), ValueError, "stack: "),
        (lambda: t.transpose(0, 0), ValueError, "transpose: "),
        (lambda: t.squeeze(0), ValueError, "squeeze: cannot select an axis"),
        (lambda: Tensor(np.ones((0, 3))).max(), ValueError, "max: zero-size array"),
        (lambda: t + None, TypeError, "add: unsupported operand"),
    ):
        with raised(error, text):
            f()


@pytest.mark.parametrize("f", [lambda t: t + "a", lambda t: "a" * t, lambda t: t @ "a", lambda t: t == "a"])
def test_text_is_no_operand(f):
    with pytest.raises(TypeError, match=r"^(add|multiply|matmul|equal): "):
        f(leaf([1.0]))


@pytest.mark.parametrize("f", [lambda t: t * 1j, lambda t: t + np.array([1j]), lambda t: t + np.array([None], object)])
def test_results_are_real_numbers(f):
    with pytest.raises(TypeError):
        f(leaf([1.0]))


@pytest.mark.parametrize("data", ["text", ["a", "b"], [1j], [None], [object()], np.array([1, "a"], object), {}])
def test_data_must_be_real_numbers(data):
    with raised(TypeError, "Tensor: data must be real numbers; got dtype "):
        Tensor(data)


def test_ragged_rows_are_refused():
    with pytest.raises((TypeError, ValueError), match=r"inhomogeneous|ragged"):
        Tensor([[1, 2], [3]])


def test_integers_require_no_gradient():
    with raised(TypeError, "Tensor: gradients need a floating dtype; got int64. Pass dtype=float, or write 1.0 for 1."):
        Tensor(np.array([1, 2], np.int64), requires_grad=True)
    with raised(TypeError, "astype: gradients need a floating dtype; got int32. To leave the graph, .detach() first."):
        leaf([1.0]).astype(np.int32)
    assert Tensor([1.5]).astype(int).tolist() == [1]


# Dtypes


@pytest.mark.parametrize(
    "data, dtype", [(1.5, "f8"), ([1, 2], int), ([True], bool), (np.float32(1), "f4"), (np.ones(2, np.float16), "f2")]
)
def test_a_dtype_is_that_of_the_data(data, dtype):
    assert Tensor(data).dtype == np.dtype(dtype)
    assert Tensor(data, dtype=np.float32).dtype == np.float32


def test_float32_stays_float32_beside_scalars():
    t = Tensor([1.0, 2.0], requires_grad=True, dtype=np.float32)
    powers = (t**2, t**0.5, 2.0**t)
    for y in (t + 1, 1.5 * t, t / 3, 2 - t, np.float32(2) * t, t.mean(), t.std(), np.where(t > 1, t, 0), *powers):
        assert y.dtype == np.float32
        gradient = Tensor.wrap(np.ones(y.shape, np.float32))
        t.zero_grad()
        y.backward(gradient)
        assert t.grad.dtype == np.float32
    assert (t * np.float64(2)).dtype == np.float64 and (t * np.ones(2)).dtype == np.float64
    assert (Tensor([1, 2]) * 2).dtype == int and (Tensor([1, 2]) / 2).dtype == np.float64


@pytest.fixture
def floats_are_float32():
    set_default_dtype(np.float32)
    yield
    set_default_dtype(np.float64)


def test_the_default_dtype_is_that_of_python_floats_and_of_weights(floats_are_float32):
    assert get_default_dtype() == np.float32
    assert {Tensor(1.0).dtype, Tensor([1.0, 2.0]).dtype, (Tensor([1.0]) * [2.0]).dtype} == {np.dtype(np.float32)}
    assert Tensor(A).dtype == Tensor(np.float64(1)).dtype == Tensor([1.0], dtype=float).dtype == np.float64
    assert Tensor([1, 2]).dtype.kind == "i" and Tensor([True]).dtype == bool
    model = nn.MLP([3, 4, 1])
    assert {x.dtype for x in model.parameters()} == {np.dtype(np.float32)}
    assert model(Tensor([[1.0, 2.0, 3.0]])).dtype == np.float32
    assert nn.Linear(2, 2, dtype=np.float64).weight.dtype == np.float64


def test_the_default_dtype_is_a_float():
    with raised(TypeError, "set_default_dtype: needs a floating dtype; got int64"):
        set_default_dtype(np.int64)
    assert get_default_dtype() == np.float64


# Python's protocols


def test_repr_and_format():
    assert repr(Tensor([1.0, 2.5])) == "Tensor([1. , 2.5])"
    assert repr(leaf(2)) == "Tensor(2., requires_grad=True)"
    assert repr(Tensor([1, 2])) == f"Tensor([1, 2], dtype={np.array(1).dtype})"
    assert repr(leaf([1.0], dtype=np.float32, name="W")) == "Tensor([1.], dtype=float32, name='W', requires_grad=True)"
    assert repr(leaf([1.0]) * 2) == "Tensor([2.], op=multiply)" == str(leaf([1.0]) * 2)
    large = repr(Tensor(np.zeros((1000, 3))))
    assert "shape=(1000, 3)" in large and "..." in large and len(large) < 200
    assert repr(Tensor(np.eye(2))) == "Tensor([[1., 0.],\n        [0., 1.]])"
    assert f"{leaf(2.0) / 3:.3f}" == "0.667" and f"{leaf([1.0])}" == repr(leaf([1.0]))


def test_repr_of_an_empty_tensor_shows_its_shape():
    assert "shape=(0, 3)" in repr(Tensor(np.ones((0, 3))))


def test_numbers_out_of_a_tensor():
    t = leaf([[2.75]])
    assert float(t) == t.item() == 2.75 and int(t) == 2 and t.tolist() == [[2.75]]
    assert type(t.item()) is float and type(leaf(1).tolist()) is float
    assert bool(leaf(1)) and not leaf(0) and not Tensor(False)
    for f in (float, int, Tensor.item):
        with pytest.raises(ValueError):
            f(leaf([1.0, 2.0]))
    with pytest.raises(ValueError, match="ambiguous"):
        bool(leaf([1.0, 2.0]))
    with pytest.raises(TypeError, match="unsized"):
        len(leaf(1.0))
    with pytest.raises(TypeError, match="unsized"):
        iter(leaf(1.0))


def test_iteration_goes_by_rows_and_records():
    t = leaf(A)
    first, second = t
    (first * second).sum().backward()
    assert_array_equal(t.grad.data, A[::-1])
    assert [float(x) for x in leaf([1.0, 2.0])] == [1, 2] and 2.0 in leaf([1.0, 2.0]) and 3.0 not in leaf([1.0, 2.0])


def copies(t):
    yield copy.copy(t)
    yield copy.deepcopy(t)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(t, protocol))


def test_leaves_are_copied_and_pickled():
    t = leaf([1.0, 2.0], name="b", dtype=np.float32)
    t.sum().backward()
    for other in copies(t):
        assert other is not t and other.tolist() == t.tolist() and other.dtype == t.dtype
        assert other.requires_grad and other.name == "b" and not np.shares_memory(other.data, t.data)
        (other * other).sum().backward()
        assert other.grad is not None
    assert all(not other.requires_grad for other in copies(Tensor([1.0])))
    pair = copy.deepcopy([t, t])
    assert pair[0] is pair[1]


def test_recorded_tensors_are_not():
    with raised(TypeError, "Tensor: only leaves can be copied or pickled; got the result of multiply, which holds its"):
        list(copies(leaf([1.0]) * 2))
    assert copy.copy((leaf([1.0]) * 2).detach()).tolist() == [2]
    with pytest.raises(TypeError, match="detach"):
        pickle.dumps(leaf([1.0]) + 1)


def test_tensor_must_not_be_subclassed():
    with pytest.raises(TypeError, match=r"Tensor: must not be subclassed; got Special\. Hold a Tensor in an attribute"):
        type("Special", (Tensor,), {})


def test_arrays_of_other_classes_are_operands():
    t = Tensor([1.0, 2.0], requires_grad=True)
    special = np.array([3.0, 4.0]).view(type("Special", (np.ndarray,), {}))
    y = t * special
    y.sum().backward()
    assert type(y.data) is np.ndarray
    assert t.grad.tolist() == [3.0, 4.0]


def test_copies_and_flat_tensors_record():
    t = leaf(A)
    twin = t.copy()
    assert not np.shares_memory(twin.data, t.data)
    assert_array_equal(twin.data, A)
    (twin.flatten() * np.arange(6.0)).sum().backward()
    assert_array_equal(t.grad.data, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("exp", "write np.exp"),
        ("view", r"write t\.reshape\(shape\)"),
        ("unsqueeze", r"write np\.expand_dims\(t, axis\)"),
        ("sigmoid", r"write tg\.sigmoid\(t\)"),
        ("add_", r"write t\.data \+= x"),
    ],
)
def test_a_name_of_another_package_is_told_what_to_write(name, advice):
    with pytest.raises(AttributeError, match=f"Tensor: has no attribute '{name}'; {advice}"):
        getattr(Tensor([1.0], requires_grad=True), name)
    assert not hasattr(Tensor, name)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("from_numpy", r"tg\.Tensor\(array\)"),
        ("randn", r"tg\.Tensor\(rng\.standard_normal"),
        ("manual_seed", "rng=0 where numbers are drawn"),
        ("save", r"model\.save\(path\)"),
    ],
)
def test_a_function_of_another_package_is_told_what_to_write(name, advice):
    with pytest.raises(AttributeError, match=f"module 'tinygrad_edu' has no attribute '{name}'; write {advice}"):
        getattr(tg, name)


def test_an_array_that_asks_for_the_product_is_told_what_to_write():
    with pytest.raises(TypeError, match=r"a @ t, not a\.dot\(t\)"):
        np.ones((2, 2)).dot(Tensor([1.0, 2.0], requires_grad=True))
