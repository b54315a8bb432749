"""Sampled curves: differences and areas, interpolation, polynomials, convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, along, composed, cut, double

# Differences and areas


@composed(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n < 0:
        raise ValueError(f"np.diff: n must be 0 or more; got {n}. Use np.cumsum to go back.")
    edges = [_edge(a, x, axis) for x in (prepend, append)]
    if any(edge is not None for edge in edges):
        a = np.concatenate([x for x in (edges[0], a, edges[1]) if x is not None], axis)
    for _ in range(n):
        a = cut(a, axis, slice(1, None)) - cut(a, axis, slice(-1))
    return a


def _edge(a: Any, x: Any, axis: int) -> Any:
    if x is None or np.ndim(x):
        return x
    return np.broadcast_to(x, [1 if k == axis % np.ndim(a) else n for k, n in enumerate(np.shape(a))])


@composed(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = np.diff(np.ravel(ary))
    before, after = (None if x is None else np.ravel(x).astype(steps.dtype) for x in (to_begin, to_end))
    return np.concatenate([x for x in (before, steps, after) if x is not None])


@composed(np.gradient)
def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = along(f, axis)
    spacing = spacing or (1.0,)
    if len(spacing) not in (1, len(axes)):
        raise TypeError(
            f"np.gradient: needs one spacing, or one for each axis; got {len(spacing)} for {len(axes)} axes."
        )
    spacing = spacing * len(axes) if len(spacing) == 1 else spacing
    slopes = tuple(_slope(f, h, a, edge_order) for h, a in zip(spacing, axes, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """The slope of f along an axis, from parabolas through three points, or lines at the two ends."""
    n = np.shape(f)[axis]
    if n < edge_order + 1:
        raise ValueError(f"np.gradient: needs {edge_order + 1} points or more along an axis; got {n}.")
    f = f if np.result_type(f).kind == "f" else double(f)
    steps = (np.diff(h) if np.ndim(h) else np.broadcast_to(h, n - 1)).astype(f.dtype)
    rise = np.diff(f, axis=axis) / _across(steps, f, axis)  # of each interval
    if n == 2:
        return np.concatenate((rise, rise), axis)
    if np.ndim(h):
        share = _across(steps[:-1] / (steps[:-1] + steps[1:]), f, axis)
        inner = cut(rise, axis, slice(-1)) * (1 - share) + cut(rise, axis, slice(1, None)) * share
    else:  # even steps: the entry between does not count, though it be NaN
        inner = (cut(f, axis, slice(2, None)) - cut(f, axis, slice(-2))) / (2 * steps[0])
    start, end = cut(rise, axis, slice(1)), cut(rise, axis, slice(-1, None))
    if edge_order == 2:
        start = start + (start - cut(inner, axis, slice(1)))
        end = end + (end - cut(inner, axis, slice(-1, None)))
    return np.concatenate((start, inner, end), axis)


def _across(x: Any, like: Any, axis: int) -> Any:
    """A vector as an array of as many axes as another, along one of them."""
    return np.reshape(x, [-1 if k == axis % np.ndim(like) else 1 for k in range(np.ndim(like))])


@composed(getattr(np, "trapezoid", None), getattr(np, "trapz", None))
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    if x is None:
        width = dx
    elif np.ndim(x) == 1:
        width = _across(np.diff(x), y, axis)
    else:
        width = np.diff(x, axis=axis)
    return np.sum(width * (cut(y, axis, slice(1, None)) + cut(y, axis, slice(-1))) / 2, axis=axis)


# Lines


@composed(np.linspace)
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
    width = np.multiply(1.0, np.subtract(stop, start))
    parts = np.linspace(0, 1, num, endpoint)
    parts = np.reshape(parts, (num, *(1,) * np.ndim(width))).astype(width.dtype)
    line = np.moveaxis(start + parts * width, 0, axis)
    return (line, width / (num - 1 if endpoint else num)) if retstep else line


@composed(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """On each interval y = f_k + slope (x - x_k), and so it is differentiable by x, by the points and by the values."""
    x, xp, fp = double(x), double(xp), double(fp)
    if period is not None:
        x, xp = np.remainder(x, np.abs(period)), np.remainder(xp, np.abs(period))
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate((xp[-1:] - np.abs(period), xp, xp[:1] + np.abs(period)))
        fp = np.concatenate((fp[-1:], fp, fp[:1]))
        left = right = None
    last = len(xp) - 1
    k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, np.maximum(last - 1, 0))
    inside = np.clip(x, xp[0], xp[-1])
    slope = (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) if last else 0
    y = fp[k] + slope * (inside - xp[k])
    y = y if left is None else np.where(x < xp[0], left, y)
    return y if right is None else np.where(x > xp[-1], right, y)


@composed(np.unwrap)
def _unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    steps = np.diff(p, axis=axis)
    turns = np.ceil(np.abs(steps) / period - 0.5) * np.sign(steps)  # half a turn is none
    turns = np.where(np.abs(steps) < np.maximum(discont or 0, period / 2), 0, turns)
    return np.concatenate(
        (cut(p, axis, slice(1)), cut(p, axis, slice(1, None)) - period * np.cumsum(turns, axis=axis)), axis
    )


# Polynomials and convolutions


@composed(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    y: Any = np.zeros_like(x)
    for coefficient in p if any(hasattr(c, "_apply") for c in p) else np.asarray(p):
        y = y * x + coefficient
    return y


convolve = Op(  # of full length: y_k = sum over i of a_i v_(k-i)
    np.convolve,
    lambda g, y, a, v: np.convolve(g, v[::-1], "valid"),
    lambda g, y, a, v: np.convolve(g, a[::-1], "valid"),
)


@composed(np.convolve)
def _convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    shorter, longer = np.sort([len(a), len(v)])
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}
    length = {"full": shorter + longer - 1, "same": longer, "valid": longer - shorter + 1}
    if mode not in start:
        raise ValueError(f"np.convolve: mode must be 'full', 'same' or 'valid'; got {mode!r}. Write one of them.")
    y = convolve(a, v)
    return y if mode == "full" else y[start[mode] : start[mode] + length[mode]]


@composed(np.correlate)
def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    return np.convolve(a, v[::-1], mode) if len(a) >= len(v) else np.convolve(a[::-1], v, mode)[::-1]


@composed(np.lib.stride_tricks.sliding_window_view)
def _sliding_window_view(x: Any, window_shape: int | Sequence[int], axis: Any = None) -> Any:
    lengths = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = range(np.ndim(x)) if axis is None else (axis,) if isinstance(axis, int) else axis
    for a, n in zip(axes, lengths, strict=True):
        windows = np.shape(x)[a] - n + 1
        if windows < 1:
            raise ValueError(
                f"sliding_window_view: a window must fit its axis; got length {n} for shape {np.shape(x)}."
            )
        places = np.arange(windows)[:, None] + np.arange(n)
        x = np.moveaxis(x[(slice(None),) * (a % np.ndim(x)) + (places,)], a % np.ndim(x) + 1, -1)
    return x
