"""The linear layer, activations, and losses on logits."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, floating, in_rows, restore

# The layer that every network is made of


def _sum_of_rows(g: Any, *_: Any) -> Any:
    rows = g if g.ndim == 2 else in_rows(g)
    return np.dot(_ones(len(rows), rows.dtype), rows)


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    if weight.ndim != 2:
        raise ValueError(
            f"linear: the weight must be (out_features, in_features); got {weight.shape}. Give it two axes."
        )
    y = x.dot(weight.T)
    if bias is None:
        return y
    if bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear: the bias must have one entry for each of the {len(weight)} outputs; got {x.shape} and "
            f"{weight.shape} and {bias.shape}. Reshape it to ({len(weight)},)."
        )
    if y.dtype is not bias.dtype and y.dtype != bias.dtype:  # equal, but not the same, after unpickling
        return y + bias
    y += bias
    return y


@lru_cache(maxsize=16)
def _ones(m: int, dtype: Any) -> np.ndarray:
    """A vector of ones, made once: its product with G sums over the examples, quicker than np.sum does."""
    ones = np.ones(m, dtype)
    ones.flags.writeable = False
    return ones


linear = Op(
    _linear,  # z = x W.T + b, examples in rows; the local derivative by W is x: that is why x stands in dJ/dW
    lambda g, y, x, weight, bias: np.dot(g, weight),
    lambda g, y, x, weight, bias: np.dot(g.T, x) if x.ndim == 2 else np.dot(in_rows(g).T, in_rows(x)),
    _sum_of_rows,
)

# Activations, each stable for any z; of integers in float64, where -z could not wrap round


@cache
def _largest_exponent(dtype: Any) -> float:
    """The largest x, nearly, with a finite exp(x)."""
    return float(np.log(np.finfo(dtype).max)) - 0.01


def _sigmoid(x: Any) -> Any:
    x = floating(x)
    return 1 / (1 + np.exp(np.minimum(-x, _largest_exponent(x.dtype))))


sigmoid = Op(_sigmoid, lambda g, y, x: g * y * (1 - y))


def _where_positive(g: Any, y: Any) -> Any:
    """g where y is positive, else 0."""
    gate = (y > 0).astype(g.dtype)  # two floats multiply faster than a float and a boolean
    if type(g) is not np.ndarray:
        return g * gate
    gate *= g  # in its own memory: a large new array costs more than the product
    return gate


relu = Op(lambda x: x.clip(0, np.inf), lambda g, y, x: _where_positive(g, y))  # relu'(0) = 0
leaky_relu = Op(
    lambda x, *, slope=0.01: np.where(np.greater(x, 0), x, slope * x),
    lambda g, y, x, *, slope=0.01: np.where(x > 0, g, slope * g),
)
softplus = Op(lambda x: np.logaddexp(0, floating(x)), lambda g, y, x: g * sigmoid(x))


def _logsumexp(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    x = floating(x)
    top = np.maximum.reduce(x, axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # all -inf: log 0, not inf - inf
    with np.errstate(divide="ignore"):
        y = np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, tuple(range(np.ndim(x))) if axis is None else axis)


logsumexp = Op(
    _logsumexp,
    lambda g, y, x, *, axis=None, keepdims=False: restore(g, x, axis, keepdims) * softmax(x, axis=axis),
)


def _from_top(x: Any, axis: int) -> Any:
    """x minus its largest entry along an axis: exp of it cannot overflow."""
    x = floating(x)
    if x.ndim == 2 and axis in (1, -1):  # NumPy finds the largest of many short rows faster column by column
        return x - np.maximum.reduce(x.T.copy(), 0)[:, None]
    return x - np.maximum.reduce(x, axis, keepdims=True)


def _total(x: Any, axis: int) -> Any:
    """The sum along an axis, which stays with length 1."""
    if x.ndim == 2 and axis in (1, -1):
        return x.dot(_ones(x.shape[1], x.dtype))[:, None]
    return np.add.reduce(x, axis, keepdims=True)


def _softmax(x: Any, *, axis: int = -1) -> Any:
    e = np.exp(_from_top(x, axis))
    return e / _total(e, axis)


softmax: Op = Op(
    _softmax,  # dy_j/dx_k = y_j (1[j=k] - y_k): a diagonal term, and one from every other class
    lambda g, y, x, *, axis=-1: y * (g - np.sum(g * y, axis=axis, keepdims=True)),
)


def _log_softmax(x: Any, *, axis: int = -1) -> Any:
    below = _from_top(x, axis)
    return below - np.log(_total(np.exp(below), axis))


log_softmax = Op(
    _log_softmax,
    lambda g, y, x, *, axis=-1: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),
)

# Losses on logits: sigmoid or softmax and the cross-entropy in one op. What is left is a - t.


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    total = np.add.reduce(losses, None)
    return total / losses.size if reduction == "mean" else total


def _each(g: Any, losses: int, reduction: str) -> Any:
    """The gradient of each example's loss, given that of their mean, of their sum, or of each."""
    return g / losses if reduction == "mean" else g


xlogy = Op(  # x log y, and 0 log 0 = 0
    lambda x, y: np.where(np.equal(x, 0), 0, x * np.log(np.where(np.equal(x, 0), 1, y))),
    lambda g, out, x, y: g * np.log(y),
    lambda g, out, x, y: g * x / np.where((x == 0) * (y == 0), 1, y),
)


def _bce_with_logits(z: Any, t: Any, *, reduction: str = "mean") -> Any:
    tz = t * z  # log(1 + exp(z)) - t z = log(exp(-t z) + exp(z - t z)): no digit of a small loss is lost
    return _reduce(np.logaddexp(-tz, z - tz), reduction)


def _bce_with_logits_z(g: Any, y: Any, z: Any, t: Any, *, reduction: str = "mean") -> Any:
    slope = sigmoid(z) - t
    return slope * _each(g, slope.size, reduction)


bce_with_logits = Op(
    _bce_with_logits,
    _bce_with_logits_z,
    lambda g, y, z, t, *, reduction="mean": -z * _each(g, np.size(z - t), reduction),
)


def _cross_entropy(z: Any, labels: Any, *, reduction: str = "mean") -> Any:
    below = _from_top(z, 1)
    surprise = np.log(_total(np.exp(below), 1)[:, 0])
    if labels.ndim == 1:
        return _reduce(surprise - below[np.arange(len(labels)), labels], reduction)
    expected = np.where(np.equal(labels, 0), 0, below)  # a class of no share may have no chance: 0 log 0 = 0
    return _reduce(surprise * np.add.reduce(labels, 1) - np.add.reduce(labels * expected, 1), reduction)


def _one_hot(labels: Any, k: int, dtype: Any) -> np.ndarray:
    rows = np.zeros_like(labels, dtype, shape=(len(labels), k))
    rows[np.arange(len(labels)), labels] = 1
    return rows


def _cross_entropy_z(g: Any, y: Any, z: Any, labels: Any, *, reduction: str = "mean") -> Any:
    each = _each(g, len(z), reduction)
    each = np.expand_dims(each, 1) if reduction == "none" else each
    if labels.ndim == 1:
        return (softmax(z) - _one_hot(labels, z.shape[1], z.dtype)) * each
    return (softmax(z) * np.sum(labels, axis=1, keepdims=True) - labels) * each


def _cross_entropy_labels(g: Any, y: Any, z: Any, labels: Any, *, reduction: str = "mean") -> Any:
    each = _each(g, len(z), reduction)
    return -log_softmax(z) * (np.expand_dims(each, 1) if reduction == "none" else each)


cross_entropy = Op(_cross_entropy, _cross_entropy_z, _cross_entropy_labels)
