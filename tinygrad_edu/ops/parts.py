"""Parts and joins: what was taken out goes back in, what was joined falls apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, Rule, shaped


def _repeats(key: Any) -> bool:
    """Whether the index can name an entry twice: only arrays and sequences of integers can."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(np.asarray(part).dtype != bool for part in parts if isinstance(part, list | tuple | range)) or any(
        part.dtype != bool for part in parts if hasattr(part, "dtype")
    )


def _add_at(total: Any, g: Any, *, key: Any) -> None:
    """Add g to what indexing takes out, in place; an entry that is taken twice gets both."""
    if _repeats(key):
        np.add.at(total, key, g)
    else:
        total[key] += g


def _scatter(x: Any, *, key: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape with x added at `key`: what indexing took out goes back in."""
    y = np.zeros_like(x, shape=shape)
    _add_at(y, x, key=key)
    return y


scatter: Op = Op(_scatter, lambda g, y, x, *, key, shape: g[key], name="scatter")
index = Op(
    lambda x, *, key: x[key],
    lambda g, y, x, *, key: scatter(g, key=key, shape=x.shape),
    into=_add_at,
    name="index",
)


def _pieces(*arrays: Any, axis: int | None = 0) -> list[Rule]:
    """The rule of each array of a concatenation: its own part of g, in its own shape."""
    shapes = [np.shape(x) for x in arrays]
    lengths = [np.size(x) if axis is None else shape[axis] for x, shape in zip(arrays, shapes, strict=True)]
    before = (slice(None),) * (0 if axis is None else axis % len(shapes[0]))
    stops = np.cumsum(lengths).tolist()
    return [
        _piece((*before, slice(stop - n, stop)), shape) for stop, n, shape in zip(stops, lengths, shapes, strict=True)
    ]


def _piece(key: tuple[slice, ...], shape: tuple[int, ...]) -> Rule:
    return lambda g, y, *arrays, axis=0: shaped(g[key], shape)


concatenate = Op(
    lambda *arrays, axis=0: np.concatenate(arrays, axis),
    every=_pieces,
    numpy=np.concatenate,
)


def _layer(k: int) -> Rule:
    return lambda g, y, *arrays, axis=0: np.moveaxis(g, axis, 0)[k]


stack = Op(
    lambda *arrays, axis=0: np.stack(arrays, axis),
    every=lambda *arrays, axis=0: [_layer(k) for k in range(len(arrays))],
    numpy=np.stack,
)
