"""Shapes: the gradient takes the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, composed

reshape = Op(
    lambda x, *, shape: np.reshape(x, shape),
    lambda g, y, x, *, shape: np.reshape(g, x.shape),
    numpy=np.reshape,
)
ravel = Op(np.ravel, lambda g, y, x: np.reshape(g, x.shape))


@composed(reshape, ravel)
def by_columns(x: Any, *, shape: Any = -1, order: Any) -> Any:
    """Both rows with order="F": the first axis changes fastest, as the last one does in the transpose."""
    if order != "F":
        raise ValueError(
            f"reshape: order must be 'C' or 'F'; got {order!r}. Tensors have no order in memory: pass one."
        )
    return np.transpose(np.reshape(np.transpose(x), tuple(shape)[::-1] if np.ndim(shape) else shape))


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
    lambda x, *, dtype: x.astype(dtype),
    lambda g, y, x, *, dtype: g,  # the traversal casts it back
    name="astype",
)
