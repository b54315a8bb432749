"""Functions that NumPy has no name for: activations, the affine map, losses.

Each is a row of `ops` or a few NumPy functions in a row, so that its graph shows what it does. Losses
take `reduction`: "mean" over the batch (the cost J), "sum", or "none" (the loss L of each).

    J = cross_entropy(linear(X, W, b), labels)

Read next: `nn/`, layers that hold their own parameters.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.arrays import REAL, as_array
from tinygrad_edu.ops import Op
from tinygrad_edu.tensor import Tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
]


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """The affine map of a dense layer, examples in rows.

        z = x W.T + b
        dJ/dx = dJ/dz W,   dJ/dW = (dJ/dz).T x,   dJ/db = sum of dJ/dz over the examples

    Shapes:  x (..., in), weight (out, in), bias (out,) -> (..., out)
    Raises:  ValueError if the inner sizes differ
    """
    return ops.linear(as_array(x), as_array(weight), bias if bias is None else as_array(bias))


def sigmoid(x: Any) -> Any:
    """The logistic function, without overflow for any x.

    y = 1 / (1 + exp(-x)),   dy/dx = y (1 - y)
    """
    return ops.sigmoid(x)


def relu(x: Any) -> Any:
    """The positive part.

    y = max(x, 0),   dy/dx = 1 where x > 0, else 0 (at 0 too)
    """
    return ops.relu(x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """The positive part, and a little of the negative one.

        y = x where x > 0, else slope x,   dy/dx = 1 where x > 0, else slope

    Raises:  TypeError for a slope that is no number
    """
    if not isinstance(slope, Real):
        raise TypeError(
            f"leaky_relu: slope must be a number; got {type(slope).__name__}. "
            "One that is learned stands in np.where(x > 0, x, slope * x)."
        )
    return ops.leaky_relu(x, slope=float(slope))


def softplus(x: Any) -> Any:
    """A smooth positive part.

    y = log(1 + exp(x)),   dy/dx = sigmoid(x)
    """
    return ops.softplus(x)


def softmax(x: Any, axis: int = -1) -> Any:
    """Positive numbers that sum to one along an axis.

    y_j = exp(x_j) / sum_k exp(x_k),   dy_j/dx_k = y_j ([j = k] - y_k)
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of softmax, exact where softmax itself rounds to 0.

    y_j = x_j - log sum_k exp(x_k),   dy_j/dx_k = [j = k] - softmax(x)_k
    """
    return ops.log_softmax(x, axis=axis)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """A smooth maximum.

    y = log sum_k exp(x_k),   dy/dx_k = softmax(x)_k
    """
    return ops.logsumexp(x, axis=axis, keepdims=keepdims)


def dropout(x: Any, p: float, rng: np.random.Generator | int) -> Any:
    """Zero each entry with probability p, and scale the others so that the mean stays.

        y = x mask / (1 - p),   dy/dx = mask / (1 - p)

    Raises:  ValueError unless 0 <= p < 1
    """
    check_share("dropout", p)
    x = as_array(x)
    keep = drawn(x.data if isinstance(x, Tensor) else x, p=p, rng=np.random.default_rng(rng))
    return x * (keep / (1 - float(p)))  # a float of Python leaves float32 what it is, NumPy's does not


# Losses

NOT_SIGNS = "Write 0 and 1 for no and yes, not -1 and 1."


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """Mean squared error.

        L = (a - t)^2,   dL/da = 2 (a - t);   the mean is over all entries

    Shapes:  prediction and target of one shape -> () or, with "none", that shape
    Raises:  ValueError if the shapes differ
    """
    prediction, target = matched("mse_loss", prediction, target, reduction)
    return reduced(np.square(prediction - target), reduction)


def binary_cross_entropy(probability: Any, target: Any, reduction: str = "mean") -> Any:
    """Surprise of a yes or no, given its probability.

        L = -(t log a + (1 - t) log(1 - a)),   dL/da = -(t/a) + (1 - t)/(1 - a)

    This is the textbook's formula in its own steps, so that the graph shows them. Where a rounds to 0 or 1
    it loses digits or overflows: `binary_cross_entropy_with_logits` does not.

    Shapes:  probability and target of one shape -> () or, with "none", that shape
    Units:   nats
    Raises:  ValueError if the shapes differ or a probability is outside [0, 1]
    """
    probability, target = matched("binary_cross_entropy", probability, target, reduction)
    advice = "Apply sigmoid first, or use binary_cross_entropy_with_logits."
    held = probability.data if isinstance(probability, Tensor) else probability
    within_unit(held, name="binary_cross_entropy", what="probabilities", advice=advice)
    within_unit(target, name="binary_cross_entropy", what="targets", advice=NOT_SIGNS)
    return reduced(-(ops.xlogy(target, probability) + ops.xlogy(1 - target, 1 - probability)), reduction)


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Any:
    """Sigmoid and binary cross-entropy in one op, exact for any logit.

        L = log(1 + exp(z)) - t z,   dL/dz = sigmoid(z) - t

    Shapes:  logits and target of one shape -> () or, with "none", that shape
    Units:   nats
    Raises:  ValueError if the shapes differ
    """
    logits, target = matched("binary_cross_entropy_with_logits", logits, target, reduction)
    within_unit(target, name="binary_cross_entropy_with_logits", what="targets", advice=NOT_SIGNS)
    return ops.bce_with_logits(logits, target, reduction=reduction)


def nll_loss(log_probabilities: Any, labels: Any, reduction: str = "mean") -> Any:
    """Negative log-likelihood of the true class.

        L_i = -logp[i, label_i],   dL_i/dlogp[i, j] = -[j = label_i]

    Shapes:  log_probabilities (m, k); labels (m,) of int in [0, k) -> () or, with "none", (m,)
    Units:   nats
    Raises:  ValueError, TypeError for labels that do not fit
    """
    log_probabilities = as_array(log_probabilities)
    labels = class_numbers("nll_loss", log_probabilities, labels, reduction)
    return reduced(-log_probabilities[np.arange(len(labels)), labels], reduction)


def cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Any:
    """Softmax and the surprise of the true class in one op.

        L_i = -log softmax(z_i)[label_i],   dL_i/dz_i = softmax(z_i) - onehot(label_i)

    Labels are class numbers, or rows of probabilities p_i: then L_i = -sum_j p_ij log softmax(z_i)_j.

    Shapes:  logits (m, k); labels (m,) of int in [0, k), or (m, k) -> () or, with "none", (m,)
    Units:   nats
    Raises:  ValueError, TypeError for labels that do not fit
    >>> round(cross_entropy(Tensor([[2.0, 2.0, 2.0]]), [0]).item(), 6)
    1.098612
    """
    logits, labels = as_array(logits), as_array(labels)
    if labels.ndim == 2 and labels.shape == logits.shape:
        logits, labels = matched("cross_entropy", logits, labels, reduction)
    else:
        labels = class_numbers("cross_entropy", logits, labels, reduction)
    return ops.cross_entropy(logits, labels, reduction=reduction)


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or the losses."""
    if reduction == "none":
        return losses
    return np.mean(losses) if reduction == "mean" else np.sum(losses)


def check_share(name: str, p: float) -> None:
    """Raise unless p, of what is dropped, is at least 0 and less than 1."""
    if not isinstance(p, Real) or not 0 <= p < 1:
        raise ValueError(f"{name}: p must be in [0, 1); got {p!r}. It is the share of entries that is dropped.")


def check_reduction(name: str, shape: tuple[int, ...], reduction: str) -> None:
    """Raise for an unknown reduction or an empty batch."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}. The cost J is 'mean'.")
    if 0 in shape:
        raise ValueError(f"{name}: the batch must not be empty; got shape {shape}. Check how the batch was cut.")


def _within_unit(data: np.ndarray, *, name: str, what: str, advice: str) -> None:
    if not (data.item(data.argmin()) >= 0 and data.item(data.argmax()) <= 1):
        raise ValueError(f"{name}: {what} must be in [0, 1]; got {data.min():.4g} to {data.max():.4g}. {advice}")


def _within_classes(labels: np.ndarray, *, name: str, classes: int) -> None:
    if labels.item(labels.argmin()) < 0 or labels.item(labels.argmax()) >= classes:
        raise ValueError(
            f"{name}: class numbers must be in [0, {classes}); got {labels.min()} to {labels.max()}. "
            "Count classes from 0, and give the last layer one output for each."
        )


def _drawn(x: np.ndarray, *, p: float, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(x.shape) >= p).astype(x.dtype)


# What looks at values or draws numbers is an op, though without a rule: a compiled step does it again each time.
within_unit, within_classes, drawn = Op(_within_unit), Op(_within_classes), Op(_drawn)


def matched(name: str, prediction: Any, target: Any, reduction: str) -> tuple[Any, Any]:
    """Prediction and target, if they have one shape, in the prediction's floating dtype."""
    prediction, target = as_array(prediction), as_array(target)
    shape, dtype = prediction.shape, prediction.dtype
    if dtype.kind not in REAL or target.dtype.kind not in REAL:
        raise TypeError(
            f"{name}: prediction and target must be real numbers; got {dtype} and {target.dtype}. "
            "Is one of them None, or text?"
        )
    if dtype.kind != "f":
        prediction, dtype = prediction.astype(float), np.dtype(float)
    if target.shape != shape:
        raise ValueError(
            f"{name}: prediction and target must have one shape; got {shape} and {target.shape}, which "
            "broadcasting would stretch or refuse. Reshape the target, for example y[:, None] or y.ravel()."
        )
    check_reduction(name, shape, reduction)
    return prediction, target if target.dtype == dtype else target.astype(dtype)


def class_numbers(name: str, scores: Any, labels: Any, reduction: str) -> Any:
    """The labels, if there is one class number in [0, k) for each row of scores (m, k)."""
    data = labels.data if isinstance(labels, Tensor) else as_array(labels)
    shape = scores.shape
    if len(shape) != 2 or data.shape != shape[:1]:
        raise ValueError(
            f"{name}: scores must be (m, k) and labels (m,) class numbers{' or (m, k)' * (name == 'cross_entropy')}; "
            f"got {shape} and {data.shape}. Reshape the labels, for example with y.ravel()."
        )
    check_reduction(name, shape, reduction)
    if data.dtype.kind not in "iu":
        raise TypeError(f"{name}: class numbers must be integers; got {data.dtype}. Write labels.astype(int).")
    within_classes(data, name=name, classes=shape[1])
    return data
