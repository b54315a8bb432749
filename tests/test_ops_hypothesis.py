"""The derivative sheet on shapes, axes and keys that nobody thought of."""

import autograd.numpy as anp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from oracles import hips_gradients

from tinygrad_edu import ops
from tinygrad_edu.autograd import grad
from tinygrad_edu.tensor import Tensor

quick = settings(max_examples=60)

BINARY = {
    ops.add: lambda a, b: a + b,
    ops.subtract: lambda a, b: a - b,
    ops.multiply: lambda a, b: a * b,
    ops.divide: lambda a, b: a / b,
    ops.power: lambda a, b: anp.exp(b * anp.log(a)),
    ops.maximum: lambda a, b: a * (a > b) + b * (a < b),
    ops.minimum: lambda a, b: a * (a < b) + b * (a > b),
    ops.hypot: lambda a, b: anp.sqrt(a * a + b * b),
    ops.logaddexp: lambda a, b: anp.log(anp.exp(a) + anp.exp(b)),
    ops.arctan2: anp.arctan2,
}
REDUCTIONS = {
    ops.sum: anp.sum,
    ops.mean: anp.mean,
    ops.var: anp.var,
    ops.max: anp.max,
    ops.min: anp.min,
    ops.logsumexp: lambda x, **p: anp.log(anp.sum(anp.exp(x), **p)),
}
numbers = st.integers(0, 2**32 - 1).map(np.random.default_rng)
small = {"min_dims": 0, "max_dims": 4, "min_side": 1, "max_side": 3}


def assert_gradients(op, reference, arrays, rng, **params):
    """The engine's gradients of sum(y * weights), computed and recorded, are the oracle's."""
    leaves = [Tensor(x, requires_grad=True) for x in arrays]
    y = op(*leaves, **params)
    expected = reference(*arrays, **params)
    weights = rng.standard_normal(np.shape(expected))
    assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12, strict=True)
    y.backward(weights)
    recorded = grad(op(*leaves, **params), leaves, weights, create_graph=True)
    oracle = hips_gradients(lambda *inputs: anp.sum(reference(*inputs, **params) * weights), arrays)
    for leaf, other, gradient in zip(leaves, recorded, oracle, strict=True):
        assert_allclose(leaf.grad.data, gradient, rtol=1e-10, atol=1e-10, strict=True)
        assert_allclose(other.data, gradient, rtol=1e-10, atol=1e-10, strict=True)


@quick
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3), st.sampled_from(list(BINARY)), numbers)
def test_any_two_shapes_that_broadcast(shapes, op, rng):
    assert_gradients(op, BINARY[op], [rng.uniform(0.5, 2, shape) for shape in shapes.input_shapes], rng)


@quick
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), numbers)
def test_any_three_shapes_that_broadcast(shapes, rng):
    shape, *others = shapes.input_shapes
    condition = rng.random(shape) < 0.5
    arrays = [rng.standard_normal(s) for s in others]
    assert_gradients(lambda a, b: ops.where(condition, a, b), lambda a, b: condition * a + ~condition * b, arrays, rng)


@quick
@given(st.data(), hnp.array_shapes(**small), st.sampled_from(list(REDUCTIONS)), st.booleans(), numbers)
def test_any_axes_of_any_shape(data, shape, op, keepdims, rng):
    axes = st.none() | hnp.valid_tuple_axes(len(shape))
    axis = data.draw(axes | st.integers(-len(shape), len(shape) - 1) if shape else axes)
    x = rng.permutation(np.prod(shape, dtype=int)).reshape(shape) / 5
    assert_gradients(op, REDUCTIONS[op], [x], rng, axis=axis, keepdims=keepdims)


@quick
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, max_side=5), numbers)
def test_running_products_and_sums_along_any_axis(data, shape, rng):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = rng.uniform(0.5, 2, shape)
    assert_gradients(ops.cumsum, anp.cumsum, [x], rng, axis=axis)
    assert_gradients(ops.cumprod, lambda x, axis: anp.exp(anp.cumsum(anp.log(x), axis)), [x], rng, axis=axis)


@quick
@given(hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=4), elements=st.integers(-2, 2)), numbers)
def test_products_with_any_zeros(x, rng):
    """The gradient of a product is the product of the others, entry by entry."""
    leaf = Tensor(x, requires_grad=True)
    weights = rng.standard_normal(np.prod(x, axis=-1).shape)
    np.prod(leaf, axis=-1).backward(weights)
    others = [np.prod(np.delete(x, k, axis=-1), axis=-1) * weights for k in range(x.shape[-1])]
    assert_allclose(leaf.grad.data, np.stack(others, -1), rtol=1e-14, strict=True)


def keys(shape):
    """Basic keys, boolean masks, and tuples of integer arrays with repeats."""
    some = hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    integers = hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(min_dims=0, max_dims=2, max_side=4))
    masks = hnp.arrays(bool, shape)
    first = st.lists(st.integers(-shape[0], shape[0] - 1), max_size=5)
    mixed = st.tuples(first, st.sampled_from([slice(None), ..., None, slice(1, None), 0]))
    return some | integers | masks | first | (mixed if len(shape) > 1 else first)


@settings(max_examples=150)
@given(st.data(), hnp.array_shapes(max_dims=3, max_side=3), numbers)
def test_any_key(data, shape, rng):
    key = data.draw(keys(shape))
    x = rng.standard_normal(shape)
    leaf = Tensor(x, requires_grad=True)
    y = leaf[key]
    assert_array_equal(y.data, x[key])
    weights = rng.standard_normal(y.shape)
    y.backward(weights)
    positions = np.arange(x.size).reshape(shape)[key]  # which entries were taken, as often as they were
    counted = np.bincount(np.ravel(positions).astype(int), np.ravel(weights), x.size).reshape(shape) * 1.0
    assert_allclose(leaf.grad.data, counted, rtol=1e-12, atol=1e-12, strict=True)
    recorded = grad(leaf[key], leaf, weights, create_graph=True)
    assert_allclose(recorded.data, counted, rtol=1e-12, atol=1e-12, strict=True)
    assert_array_equal(ops.scatter(Tensor(weights), key=key, shape=shape).data, recorded.data)


@quick
@given(hnp.mutually_broadcastable_shapes(signature="(n,k),(k,m)->(n,m)", max_dims=3, max_side=3), numbers)
def test_any_batch_of_matrices(shapes, rng):
    arrays = [rng.standard_normal(shape) for shape in shapes.input_shapes]
    assert_gradients(ops.matmul, anp.matmul, arrays, rng)


@quick
@given(hnp.array_shapes(min_dims=2, max_dims=4, max_side=3), st.data(), numbers)
def test_any_order_of_axes(shape, data, rng):
    axes = data.draw(st.permutations(range(len(shape))))
    signed = tuple(a - len(shape) if data.draw(st.booleans()) else a for a in axes)
    assert_gradients(
        lambda x: ops.transpose(x, axes=signed), lambda x: anp.transpose(x, axes), [rng.standard_normal(shape)], rng
    )
