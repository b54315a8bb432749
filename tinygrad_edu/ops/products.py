"""Products of matrices: dJ/dA = G B.T and dJ/dB = A.T G, whatever the layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.op import Op, in_rows, product, shaped


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
    return np.reshape(moved, (moved.shape[0], product(moved.shape[1:])))


def _dot_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * b
    columns = _columns(b)
    return shaped(np.dot(shaped(g, (product(a.shape[:-1]), columns.shape[1])), columns.T), a.shape)


def _dot_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return g * a
    rows = in_rows(a)
    gradient = np.dot(rows.T, shaped(g, (rows.shape[0], _columns(b).shape[1])))
    if b.ndim <= 2:
        return shaped(gradient, b.shape)
    return np.moveaxis(np.reshape(gradient, (b.shape[-2], *b.shape[:-2], b.shape[-1])), 0, -2)


dot = Op(np.dot, _dot_a, _dot_b)
