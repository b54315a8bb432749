"""Kinks, steps and choices.

At a kink: |x|' = 0 at 0, ties share equally, clip passes g at its bounds. A step is flat wherever it has a
derivative, and its rule is 0 at the jump as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.ops import parts
from tinygrad_edu.ops.op import Op, composed, flat

# Kinks

abs = Op(np.abs, lambda g, y, x: g * np.sign(x))
fabs = Op(np.fabs, lambda g, y, x: g * np.sign(x))
copysign = Op(np.copysign, lambda g, y, a, b: g * np.sign(a) * np.copysign(1, b), flat(1))
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


def _only(a: Any, b: Any) -> Any:
    """Where a is a number and b is NaN."""
    return ~np.isnan(a) & np.isnan(b)


fmax = Op(
    np.fmax,
    lambda g, y, a, b: g * ((a > b) | _only(a, b)) + g * (a == b) / 2,
    lambda g, y, a, b: g * ((b > a) | _only(b, a)) + g * (a == b) / 2,
)
fmin = Op(
    np.fmin,
    lambda g, y, a, b: g * ((a < b) | _only(a, b)) + g * (a == b) / 2,
    lambda g, y, a, b: g * ((b < a) | _only(b, a)) + g * (a == b) / 2,
)

# Steps

sign = Op(np.sign, lambda g, y, x: np.zeros(x.shape, x.dtype))
floor, ceil, rint, trunc, fix = (Op(f, flat(0)) for f in (np.floor, np.ceil, np.rint, np.trunc, np.fix))
round = Op(lambda x, *, decimals=0: np.round(x, decimals), flat(0), numpy=np.round)
heaviside = Op(np.heaviside, flat(0), lambda g, y, x, at_zero: g * (x == 0))

# Choices

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
    lambda g, y, x, low, high: g * ((x > high) | np.logical_not(_above(high, low))),
)
nan_to_num = Op(
    lambda x, *, nan=0.0, posinf=None, neginf=None: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda g, y, x, *, nan=0.0, posinf=None, neginf=None: g * np.isfinite(x),
    numpy=np.nan_to_num,
)


@composed(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clip(a, a_min if min is None else min, a_max if max is None else max)


@composed(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"np.select: each condition needs a choice; got {len(condlist)} conditions and {len(choicelist)} choices. "
            "Pass two lists of one length."
        )
    if kinds := [kind for c in condlist if (kind := np.result_type(c)).kind != "b"]:
        raise TypeError(f"np.select: conditions must be true or false; got dtype {kinds[0]}. Compare, as in x > 0.")
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(condition, choice, chosen)
    return chosen


@composed(np.choose)
def _choose(a: Any, choices: Sequence[Any], mode: str = "raise") -> Any:
    last = len(choices) - 1
    places = np.asarray(a)
    if mode == "raise" and np.any((places < 0) | (places > last)):
        raise ValueError(
            f"np.choose: a must hold numbers of choices, 0 to {last}; got {places}. "
            "Pass mode='wrap' or 'clip' to allow more."
        )
    places = places % (last + 1) if mode == "wrap" else np.clip(places, 0, last)
    chosen = np.where(places == 0, choices[0], choices[last])
    for k in range(1, last):
        chosen = np.where(places == k, choices[k], chosen)
    return chosen


@composed(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any) -> Any:
    conditions = list(condlist) if np.ndim(condlist) > np.ndim(x) else [condlist]
    conditions = [np.asarray(condition, bool) for condition in conditions]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.logical_or.reduce(conditions))
    if len(funclist) != len(conditions):
        raise ValueError(
            f"np.piecewise: each condition needs a function, and one more may follow for the rest; got "
            f"{len(conditions)} conditions and {len(funclist)} functions. Add or leave out functions."
        )
    pieces: Any = np.where(False, x, 0)
    for condition, function in zip(conditions, funclist, strict=True):
        if condition.any():
            pieces = np.where(condition, _piece(x, condition, function, args), pieces)
    return pieces if pieces.dtype == x.dtype else pieces.astype(x.dtype)


def _piece(x: Any, condition: np.ndarray, function: Callable[..., Any] | float, args: tuple[Any, ...]) -> Any:
    """The function of the entries where the condition holds, in their places."""
    if not callable(function):
        return function
    return parts.scatter(function(x[condition], *args), key=condition, shape=np.shape(x))
