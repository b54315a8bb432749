"""What has no row on purpose: functions that change arrays in place, and functions of complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["REFUSED"]

IN_PLACE = "what a graph has recorded must not change in place; got a Tensor. "
ROWS = "a function that NumPy calls itself is given plain arrays; got a Tensor. "
REAL = "Tensors hold real numbers, and their rules are those of real numbers; got a Tensor. "

#: What must hold and what to do, by function of NumPy, or by module.
REFUSED: dict[Callable[..., Any] | str, str] = {
    np.copyto: IN_PLACE + "Make a new tensor with np.where, or with np.broadcast_to in place of np.full.",
    np.put: IN_PLACE + "Make a new tensor with np.where, or add what changes.",
    np.put_along_axis: IN_PLACE + "Make a new tensor with np.where, or add what changes.",
    np.place: IN_PLACE + "Make a new tensor with np.where.",
    np.putmask: IN_PLACE + "Make a new tensor with np.where.",
    np.fill_diagonal: IN_PLACE + "Make a new tensor: np.where(np.eye(n, dtype=bool), value, t).",
    np.resize: "the size must stay, or entries repeat or vanish in silence; got a Tensor. "
    "Use np.reshape, np.tile or a slice.",
    np.apply_along_axis: ROWS + "Write the function with axis=, or np.stack([function(row) for row in t]).",
    np.apply_over_axes: ROWS + "Pass all axes at once: np.sum(t, axis=(0, 1), keepdims=True).",
    np.histogram: "counts move in jumps, and have no slope; got a Tensor. Pass t.numpy().",
    np.polyfit: "the coefficients need a rule; got a Tensor. Use np.linalg.lstsq(np.vander(x, degree + 1), y)[0].",
    np.geomspace: "its steps need a rule; got a Tensor. Write np.exp(np.linspace(np.log(a), np.log(b), n)).",
    np.logspace: "its steps need a rule; got a Tensor. Write 10.0 ** np.linspace(a, b, n).",
    np.real: REAL + "Leave np.real out.",
    np.imag: REAL + "The imaginary part is np.zeros_like(t).",
    np.conjugate: REAL + "Leave np.conjugate out.",
    np.angle: REAL + "Use np.arctan2 of two Tensors.",
    np.real_if_close: REAL + "Leave np.real_if_close out.",
    np.linalg.eig: REAL + "Use np.linalg.eigh for a symmetric matrix.",
    np.linalg.eigvals: REAL + "Use np.linalg.eigvalsh for a symmetric matrix.",
    "numpy.fft": REAL + "Multiply by a matrix of cosines and one of sines, or use np.convolve.",
}
