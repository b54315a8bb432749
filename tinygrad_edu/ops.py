"""The derivative sheet: every op, and beside it the rule of each of its inputs.

    multiply = Op(np.multiply, lambda g, y, a, b: g * b,
                               lambda g, y, a, b: g * a)

Read a row like a line of a textbook. `g` is the gradient of the scalar that is being differentiated
with respect to the output, `y` the output, then come the inputs; parameters (axis, keepdims, ...)
follow by name. The rule gives the gradient with respect to one input: g times the local derivative.

The rules are plain NumPy, and so they can be read in two ways: given arrays they compute numbers,
given Tensors they record a graph of the gradient, made of the same ops. For this to hold, a rule
changes nothing in place and uses no `out=`. Nor does a rule undo broadcasting: the chain rule
in `autograd.py` sums a stretched gradient back to the shape of its input, for all ops alike.

A new op is a new row, here or in a file of your own:

>>> swish = Op(lambda x: x / (1 + np.exp(-x)),
...            lambda g, y, x: g * (y + (1 - y) / (1 + np.exp(-x))), name="swish")
>>> swish(np.zeros(2))
array([0., 0.])

Read next: `autograd.py`, the chain rule that calls these rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

__all__ = ["FOR_NUMPY", "FOR_REDUCE", "TABLE", "Op"]

Rule = Callable[..., Any]


class Op:
    """A function of arrays, and the derivative rule of each of its inputs.

        y = forward(*inputs, **params)
        dJ/dinput_k = rules[k](g, y, *inputs, **params)   with g = dJ/dy

    A rule of None marks an input without a derivative (a condition, class numbers). An op of any
    number of inputs has `every` in place of rules: every(k) is the rule of input k. An op without
    rules is a question (is a > b?): its answer is a plain array, not a part of the graph.
    `numpy` is the NumPy function that the op answers for, `forward` itself if not given.
    """

    __slots__ = ("every", "forward", "name", "numpy", "rules")

    def __init__(
        self,
        forward: Callable[..., Any],
        *rules: Rule | None,
        every: Callable[[int], Rule] | None = None,
        numpy: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.forward = forward
        self.rules = tuple(rule or self._no_rule for rule in rules)
        self.every = every
        self.numpy = numpy or forward
        self.name: str = name or forward.__name__

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply the op: to arrays it is `forward`; an input that records (a Tensor) takes over."""
        if self.rules and len(self.rules) != len(inputs):
            raise TypeError(
                f"{self.name}: needs one rule for each input; got {len(inputs)} inputs and {len(self.rules)} rules. "
                "Pass parameters by keyword, and None as the rule of an input without a derivative."
            )
        for x in inputs:
            if hasattr(x, "_apply"):
                return x._apply(self, inputs, params)
        if len(inputs) == 1 or any(isinstance(x, list | tuple) for x in inputs):
            inputs = tuple(x if x is None else np.asarray(x) for x in inputs)
        return self.forward(*inputs, **params)

    def rules_for(self, inputs: tuple[Any, ...]) -> tuple[Rule, ...]:
        """The rule of each input, in order."""
        if self.every is not None:
            return tuple(self.every(k) for k in range(len(inputs)))
        return self.rules

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, those that `forward` takes by keyword only."""
        code = getattr(self.forward, "__code__", None)
        return code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount] if code else ()

    def _no_rule(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self.name}: this input has no derivative rule; got one that requires a gradient. "
            "Pass a plain array, or tensor.detach()."
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"


# Shapes that more than one rule needs.


def _restore(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Give g (or y) back, with length 1, the axes that a reduction of x over `axis` removed."""
    if keepdims or np.ndim(x) == 0:
        return g
    reduced = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    return np.reshape(g, tuple(1 if a in reduced else n for a, n in enumerate(x.shape)))


def _count(x: Any, y: Any) -> float:
    """How many entries of x went into one entry of its reduction y."""
    return np.size(x) / (np.size(y) or 1)


def _product(lengths: tuple[int, ...]) -> int:
    return int(np.prod(lengths, dtype=int))


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    """np.reshape, and no step in the graph where there is nothing to do."""
    return x if x.shape == shape else np.reshape(x, shape)


def _rows(x: Any) -> Any:
    """All axes but the last as one: a batch of any shape as examples in rows."""
    return x if x.ndim == 2 else np.reshape(x, (_product(x.shape[:-1]), x.shape[-1]))


# Arithmetic

add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)


def _power_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    exponent = b - 1
    if np.any(b == 0):
        exponent = exponent + (a == 0) * (b == 0)  # a^0 is flat, at a = 0 too
    return g * b * a**exponent


power = Op(
    np.power,
    _power_a,
    lambda g, y, a, b: g * y * np.log(np.where(a == 0, 1, a)),  # 0^b is flat for b > 0
)
square = Op(np.square, lambda g, y, x: 2 * g * x)
sqrt = Op(np.sqrt, lambda g, y, x: g / (2 * y))

# Exponentials, logarithms, waves

exp = Op(np.exp, lambda g, y, x: g * y)
expm1 = Op(np.expm1, lambda g, y, x: g * (y + 1))
log = Op(np.log, lambda g, y, x: g / x)
log1p = Op(np.log1p, lambda g, y, x: g / (1 + x))
tanh = Op(np.tanh, lambda g, y, x: g * (1 - y * y))
sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))

# Kinks and choices. At a kink: |x|' = 0 at 0, ties share equally, clip passes g at its bounds.

abs = Op(np.abs, lambda g, y, x: g * np.sign(x))
sign = Op(np.sign, lambda g, y, x: np.zeros(x.shape, x.dtype))
maximum = Op(
    np.maximum,
    lambda g, y, a, b: g * (a > b) + g * (a == b) / 2,
    lambda g, y, a, b: g * (b > a) + g * (a == b) / 2,
)
minimum = Op(
    np.minimum,
    lambda g, y, a, b: g * (a < b) + g * (a == b) / 2,
    lambda g, y, a, b: g * (b < a) + g * (a == b) / 2,
)
where = Op(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0),
    lambda g, y, condition, a, b: np.where(condition, 0, g),
)


def _above(x: Any, low: Any) -> Any:
    return True if low is None else x >= low


def _below(x: Any, high: Any) -> Any:
    return True if high is None else x <= high


clip = Op(
    np.clip,
    lambda g, y, x, low, high: g * (_above(x, low) & _below(x, high)),
    lambda g, y, x, low, high: g * ((x < low) & _below(low, high)),
    lambda g, y, x, low, high: g * ((x > high) | ~np.asarray(_above(high, low))),
)

# Questions: no rule, the answer is a plain array.

greater, greater_equal = Op(np.greater), Op(np.greater_equal)
less, less_equal = Op(np.less), Op(np.less_equal)
equal, not_equal = Op(np.equal), Op(np.not_equal)
isnan, isinf, isfinite = Op(np.isnan), Op(np.isinf), Op(np.isfinite)
shape, ndim, size = Op(np.shape), Op(np.ndim), Op(np.size)
argmax, argmin = Op(np.argmax), Op(np.argmin)
allclose, array_equal = Op(np.allclose), Op(np.array_equal)
zeros_like, ones_like = Op(np.zeros_like), Op(np.ones_like)

# Sums and other reductions: g goes back to every entry that went in.

sum = Op(
    lambda x, *, axis=None, keepdims=False: np.add.reduce(x, axis, keepdims=keepdims),
    lambda g, y, x, *, axis=None, keepdims=False: np.broadcast_to(_restore(g, x, axis, keepdims), x.shape),
    numpy=np.sum,
)
mean = Op(
    lambda x, *, axis=None, keepdims=False: np.mean(x, axis, keepdims=keepdims),
    lambda g, y, x, *, axis=None, keepdims=False: np.broadcast_to(
        _restore(g, x, axis, keepdims) / _count(x, y), x.shape
    ),
    numpy=np.mean,
)


def _extreme(g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The rule of max and min: the entries that attain it share g equally."""
    attains = x == _restore(y, x, axis, keepdims)
    return _restore(g, x, axis, keepdims) * attains / np.sum(attains, axis=axis, keepdims=True, dtype=x.dtype)


max = Op(lambda x, *, axis=None, keepdims=False: np.maximum.reduce(x, axis, keepdims=keepdims), _extreme, numpy=np.max)
min = Op(lambda x, *, axis=None, keepdims=False: np.minimum.reduce(x, axis, keepdims=keepdims), _extreme, numpy=np.min)


def _deviation(x: Any, axis: Any) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


var = Op(
    lambda x, *, axis=None, ddof=0, keepdims=False: np.var(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        _restore(g, x, axis, keepdims) * _deviation(x, axis) * 2 / (_count(x, y) - ddof)
    ),
    numpy=np.var,
)
std = Op(
    lambda x, *, axis=None, ddof=0, keepdims=False: np.std(x, axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, *, axis=None, ddof=0, keepdims=False: (
        _restore(g / y, x, axis, keepdims) * _deviation(x, axis) / (_count(x, y) - ddof)
    ),
    numpy=np.std,
)

# Shapes: the gradient takes the way back.

reshape = Op(
    lambda x, *, shape: np.reshape(x, shape),
    lambda g, y, x, *, shape: np.reshape(g, x.shape),
    numpy=np.reshape,
)
ravel = Op(np.ravel, lambda g, y, x: np.reshape(g, x.shape))
expand_dims = Op(
    lambda x, *, axis: np.expand_dims(x, axis),
    lambda g, y, x, *, axis: np.reshape(g, x.shape),
    numpy=np.expand_dims,
)
squeeze = Op(
    lambda x, *, axis=None: np.squeeze(x, axis),
    lambda g, y, x, *, axis=None: np.reshape(g, x.shape),
    numpy=np.squeeze,
)
transpose = Op(
    lambda x, *, axes=None: np.transpose(x, axes),
    lambda g, y, x, *, axes=None: np.transpose(
        g, None if axes is None else tuple(np.argsort([a % x.ndim for a in axes]))
    ),
    numpy=np.transpose,
)
swapaxes = Op(
    lambda x, *, axis1, axis2: np.swapaxes(x, axis1, axis2),
    lambda g, y, x, *, axis1, axis2: np.swapaxes(g, axis1, axis2),
    numpy=np.swapaxes,
)
moveaxis = Op(
    lambda x, *, source, destination: np.moveaxis(x, source, destination),
    lambda g, y, x, *, source, destination: np.moveaxis(g, destination, source),
    numpy=np.moveaxis,
)
broadcast_to = Op(
    lambda x, *, shape: np.broadcast_to(x, shape),
    lambda g, y, x, *, shape: g,  # the traversal sums it back, as for every stretched input
    numpy=np.broadcast_to,
)
astype = Op(
    lambda x, *, dtype: np.asarray(x).astype(dtype),
    lambda g, y, x, *, dtype: g,  # the traversal casts it back
    name="astype",
)

# Parts and joins

index = Op(
    lambda x, *, key: x[key],
    lambda g, y, x, *, key: scatter(g, key=key, shape=x.shape),
    name="index",
)


def _repeats(key: Any) -> bool:
    """Whether the index can name an entry twice: only arrays and sequences of integers can."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(part, np.ndarray | list | tuple | range) and np.asarray(part).dtype != bool for part in parts)


def _scatter(x: Any, *, key: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape with x added at `key`: what indexing took out goes back in."""
    y = np.zeros(shape, x.dtype)
    if _repeats(key):
        np.add.at(y, key, x)
    else:
        y[key] = x
    return y


scatter: Op = Op(_scatter, lambda g, y, x, *, key, shape: g[key], name="scatter")


def _piece(k: int) -> Rule:
    """The rule of the k-th array of a concatenation: its own part of g."""

    def rule(g: Any, y: Any, *arrays: Any, axis: int | None = 0) -> Any:
        along = [np.size(a) if axis is None else np.shape(a)[axis] for a in arrays]
        start, stop = int(np.sum(along[:k])), int(np.sum(along[: k + 1]))
        if axis is None:
            return np.reshape(g[start:stop], np.shape(arrays[k]))
        return g[(slice(None),) * (axis % np.ndim(y)) + (slice(start, stop),)]

    return rule


concatenate = Op(
    lambda *arrays, axis=0: np.concatenate(arrays, axis),
    every=_piece,
    numpy=np.concatenate,
)
stack = Op(
    lambda *arrays, axis=0: np.stack(arrays, axis),
    every=lambda k: lambda g, y, *arrays, axis=0: np.moveaxis(g, axis, 0)[k],
    numpy=np.stack,
)

# Products of matrices: dJ/dA = G B.T and dJ/dB = A.T G, whatever the layout


def _matrices(a: Any, b: Any, g: Any) -> tuple[Any, Any, Any]:
    """The operands of a @ b and the gradient of the product, a vector made a row or a column."""
    if b.ndim == 1:
        b, g = np.expand_dims(b, -1), np.expand_dims(g, -1)
    if a.ndim == 1:
        a, g = np.expand_dims(a, -2), np.expand_dims(g, -2)
    return a, b, g


def _matmul_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    _, columns, product = _matrices(a, b, g)
    gradient = product @ np.swapaxes(columns, -1, -2)
    return np.squeeze(gradient, -2) if a.ndim == 1 else gradient


def _matmul_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    rows, _, product = _matrices(a, b, g)
    gradient = np.swapaxes(rows, -1, -2) @ product
    return np.squeeze(gradient, -1) if b.ndim == 1 else gradient


matmul = Op(np.matmul, _matmul_a, _matmul_b)


def _columns(b: Any) -> Any:
    """The second operand of np.dot as one matrix: the axis that is summed over, then all others."""
    if b.ndim == 2:
        return b
    moved = b if b.ndim == 1 else np.moveaxis(b, -2, 0)
    return np.reshape(moved, (moved.shape[0], _product(moved.shape[1:])))


def _dot_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * b
    columns = _columns(b)
    return _shaped(np.dot(_shaped(g, (_product(a.shape[:-1]), columns.shape[1])), columns.T), a.shape)


def _dot_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * a
    rows = _rows(a)
    gradient = np.dot(rows.T, _shaped(g, (rows.shape[0], _columns(b).shape[1])))
    if b.ndim <= 2:
        return _shaped(gradient, b.shape)
    return np.moveaxis(np.reshape(gradient, (b.shape[-2], *b.shape[:-2], b.shape[-1])), 0, -2)


dot = Op(np.dot, _dot_a, _dot_b)


def _sum_of_rows(g: Any, *_: Any) -> Any:
    rows = _rows(g)
    return np.dot(_ones(rows.shape[0], rows.dtype), rows)


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
    if y.dtype is not bias.dtype:
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
    lambda g, y, x, weight, bias: np.dot(_rows(g).T, _rows(x)),
    _sum_of_rows,
)

# Activations, each stable for any z


@cache
def _largest_exponent(dtype: Any) -> float:
    """The largest x, nearly, with a finite exp(x)."""
    return float(np.log(np.finfo(dtype if dtype.kind == "f" else float).max)) - 0.01


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(np.minimum(-x, _largest_exponent(x.dtype))))


sigmoid = Op(_sigmoid, lambda g, y, x: g * y * (1 - y))
relu = Op(
    lambda x: x.clip(0, np.inf),
    lambda g, y, x: g * (y > 0).astype(g.dtype),  # relu'(0) = 0; two floats multiply faster than a float and a boolean
)
leaky_relu = Op(
    lambda x, *, slope=0.01: np.where(np.greater(x, 0), x, slope * x),
    lambda g, y, x, *, slope=0.01: np.where(x > 0, g, slope * g),
)
softplus = Op(lambda x: np.logaddexp(0, x), lambda g, y, x: g * sigmoid(x))


def _logsumexp(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.maximum.reduce(x, axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # all -inf: log 0, not inf - inf
    with np.errstate(divide="ignore"):
        y = np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, tuple(range(np.ndim(x))) if axis is None else axis)


logsumexp = Op(
    _logsumexp,
    lambda g, y, x, *, axis=None, keepdims=False: (
        _restore(g, x, axis, keepdims) * np.exp(x - _restore(y, x, axis, keepdims))
    ),
)


def _from_top(x: Any, axis: int) -> Any:
    """x minus its largest entry along an axis: exp of it cannot overflow."""
    if x.ndim == 2 and axis in (1, -1):  # NumPy finds the largest of many short rows faster column by column
        return x - np.maximum.reduce(np.ascontiguousarray(x.T), 0)[:, None]
    return x - np.maximum.reduce(x, axis, keepdims=True)


def _total(x: Any, axis: int) -> Any:
    """The sum along an axis, which stays with length 1."""
    if x.ndim == 2 and axis in (1, -1):
        return x.dot(_ones(x.shape[1], x.dtype))[:, None]
    return np.add.reduce(x, axis, keepdims=True)


def _softmax(x: Any, *, axis: int = -1) -> Any:
    e = np.exp(_from_top(x, axis))
    return e / _total(e, axis)


softmax = Op(
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
    # log(1 + exp(z)) - t z, in an order that loses no digit of a small loss
    return _reduce(np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))), reduction)


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
    return _reduce(surprise * np.add.reduce(labels, 1) - np.add.reduce(labels * below, 1), reduction)


def _one_hot(labels: Any, k: int, dtype: Any) -> np.ndarray:
    rows = np.zeros((len(labels), k), dtype)
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

#: The rows by name, and by the NumPy function (or the ufunc's `reduce`) that each answers for.
TABLE = {name: op for name, op in globals().items() if isinstance(op, Op)}
for _name, _op in TABLE.items():
    _op.name = _name
FOR_NUMPY: dict[Callable[..., Any], Op] = {op.numpy: op for op in TABLE.values()} | {np.amax: max, np.amin: min}
FOR_REDUCE: dict[Callable[..., Any], Op] = {np.add: sum, np.maximum: max, np.minimum: min}
