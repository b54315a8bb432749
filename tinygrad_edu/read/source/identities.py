"""The identities that `source` simplifies by, each a formula on both sides.

    Identity("complement", lambda a, y: a * (1 - y) - y * (1 - a), lambda a, y: a - y, "...")

Both sides are plain NumPy, and so they can be read in two ways: given numbers they prove the identity, entry by entry;
given traced arrays they are the pattern that is looked for, and what is put in its place. The arithmetic of one product
or sum (the order of operands, a / a = 1) is not looked for: `terms.py` brings every term to one form.

Read next: `simplify.py`, which decides when an identity makes a formula shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import ops

__all__ = ["ADDS_UP", "ARITHMETIC", "DEFINITIONS", "IDENTITIES", "PATTERNS", "Identity"]


@dataclass(frozen=True)
class Identity:
    """left = right, for all values of the parameters.

    why      what is said where it was used, with the parameters in braces; nothing where it goes without saying
    columns  the parameters that are constant along the axis of a sum
    known    whether a term that it brings in must be a value of the forward pass
    """

    name: str
    left: Callable[..., Any]
    right: Callable[..., Any]
    why: str = ""
    columns: tuple[str, ...] = ()
    known: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what may stand in it, the axis left out."""
        code = self.left.__code__
        return code.co_varnames[: code.co_argcount]

    @property
    def along(self) -> bool:
        """Whether it holds along either axis, which its sides then take as a parameter."""
        return self.left.__code__.co_kwonlyargcount == 1

    def __repr__(self) -> str:
        return f"<identity {self.name}>"


def _sum(x: Any, axis: int) -> Any:
    return np.sum(x, axis=axis, keepdims=True)


def _put(x: Any, like: Any) -> Any:
    rows = np.arange(like.shape[0])
    return ops.scatter(x, key=(rows, rows * 0), shape=like.shape)


def _one(*_: Any, **__: Any) -> Any:
    return np.ones((1, 1))


#: Known to the form that terms have, or tried where they may lead to something shorter.
ARITHMETIC = (
    Identity("cancel", lambda a, b: a * (b / a), lambda a, b: b, "{a} cancels"),
    Identity(
        "put back",  # a row of zeros with x at one entry, times a, is one with x times that entry of a
        lambda x, a: _put(x[:, 0] / a[:, 0], a) * a,
        lambda x, a: _put(x[:, 0], a),
        "{a} cancels",
    ),
    Identity(
        "either",
        lambda a, b, c, x: np.where(c > 0.5, x, 0) * a + np.where(c > 0.5, 0, x) * b,
        lambda a, b, c, x: x * np.where(c > 0.5, a, b),
    ),
    Identity("half at 0", lambda x: (x > 0) + (x == 0) / 2, lambda x: np.heaviside(x, 0.5)),
    Identity("multiply out", lambda a, b, c: (a + b) * c, lambda a, b, c: a * c + b * c),
    Identity("collect", lambda a, b, c: a * c + b * c, lambda a, b, c: (a + b) * c),
    Identity(
        "sum of a sum",
        lambda a, b, *, axis: _sum(a + b, axis),
        lambda a, b, *, axis: _sum(a, axis) + _sum(b, axis),
    ),
    Identity(
        "factor out of a sum",
        lambda c, x, *, axis: _sum(c * x, axis),
        lambda c, x, *, axis: c * _sum(x, axis),
        columns=("c",),
    ),
)

#: Looked for in every product and sum of the backward pass.
PATTERNS = (
    Identity(
        "complement",
        lambda a, y: a * (1 - y) - y * (1 - a),
        lambda a, y: a - y,
        "{a} * {y} cancels",
    ),
    Identity(
        "logistic",
        lambda e: e / (1 + e),
        lambda e: 1 - 1 / (1 + e),
        known=True,
    ),
    Identity(
        "sigmoid",
        lambda z: np.exp(-np.logaddexp(0, -z)),
        lambda z: ops.sigmoid(z),
    ),
    Identity(
        "zero over zero",  # the rule of x log y counts it as 0; times y it is x in any case
        lambda x, y: x / np.where((x == 0) * (y == 0), 1, y) * y,
        lambda x, y: x * 1,
        "{y} cancels",
    ),
    Identity(
        "softmax adds up to 1",
        lambda z, *, axis: _sum(ops.softmax(z, axis=axis), axis),
        _one,
        "a softmax adds up to 1",
    ),
    Identity(
        "deviations add up to 0",
        lambda x, *, axis: _sum(x - np.mean(x, axis=axis, keepdims=True), axis),
        lambda x, *, axis: np.zeros((1, 1)),
        "deviations from a mean add up to 0",
    ),
    Identity(
        "deviations of rows add up to 0",
        lambda x: np.sum(x - np.mean(x, axis=0), axis=0),
        lambda x: np.zeros(1),
        "deviations from a mean add up to 0",
    ),
    Identity(
        "exp of log-softmax",
        lambda z, *, axis: np.exp(ops.log_softmax(z, axis=axis)),
        lambda z, *, axis: ops.softmax(z, axis=axis),
        "exp(log_softmax) is softmax",
    ),
    Identity(
        "exp of what is above logsumexp",
        lambda z, *, axis: np.exp(z - np.logaddexp.reduce(z, axis=axis, keepdims=True)),
        lambda z, *, axis: ops.softmax(z, axis=axis),
        "exp(z - logsumexp(z)) is softmax(z)",
    ),
    Identity("exp of log", lambda x: np.exp(np.log(x)), lambda x: x * 1),
    Identity("log of exp", lambda x: np.log(np.exp(x)), lambda x: x * 1),
)


def _reduced(losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else np.mean(losses) if reduction == "mean" else np.sum(losses)


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    return x @ weight.T if bias is None else x @ weight.T + bias


def _cross_entropy(z: Any, labels: Any, *, reduction: str = "mean") -> Any:
    if labels.ndim == 1:
        return -_reduced(ops.log_softmax(z)[np.arange(len(z)), labels], reduction)
    return -_reduced(np.sum(labels * ops.log_softmax(z), axis=1), reduction)


#: What an op computes, in the words of NumPy and of the ops that a text has functions for.
DEFINITIONS: dict[ops.Op, Callable[..., Any]] = {
    ops.linear: _linear,
    ops.relu: lambda z: np.maximum(0, z),
    ops.leaky_relu: lambda z, *, slope=0.01: np.where(z > 0, z, slope * z),
    ops.softplus: lambda z: np.logaddexp(0, z),
    ops.logsumexp: lambda x, *, axis=None, keepdims=False: np.logaddexp.reduce(x, axis=axis, keepdims=keepdims),
    ops.bce_with_logits: lambda z, t, *, reduction="mean": _reduced(np.logaddexp(0, z) - t * z, reduction),
    ops.cross_entropy: _cross_entropy,
}

#: True of data whose rows (or columns) are probabilities, one-hot rows for example; the text says so.
ADDS_UP = {
    1: Identity("rows of probabilities", lambda y: _sum(y, 1), _one, "rows of {y} add up to 1"),
    None: Identity(
        "one row of probabilities",
        lambda y: np.sum(y[0], keepdims=True),
        lambda y: np.ones(1),
        "the entries of {y} add up to 1",
    ),
    0: Identity("columns of probabilities", lambda y: _sum(y, 0), _one, "columns of {y} add up to 1"),
}

IDENTITIES = (*ARITHMETIC, *PATTERNS, *ADDS_UP.values())
