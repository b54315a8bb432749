"""What people give as data (numbers, lists, NumPy's arrays, Tensors) as arrays, and the dtype of bare floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node

__all__ = ["REAL", "array_of", "as_array", "get_default_dtype", "set_default_dtype"]

REAL = "fiub"  # NumPy's kinds of real numbers

default_dtype = np.dtype(np.float64)


def get_default_dtype() -> np.dtype:
    """The dtype of floats that come without one of NumPy's: Python numbers and lists, and the weights of layers."""
    return default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Choose the dtype of Python floats and lists of them, and of the weights of new layers.

    NumPy's arrays keep their own dtype: cast data to float32 too, or the network computes in float64.

    Raises:  TypeError unless dtype is a floating dtype
    >>> set_default_dtype(np.float32)
    >>> array_of([1.0, 2.0]).dtype
    dtype('float32')
    >>> set_default_dtype(np.float64)
    """
    global default_dtype
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"set_default_dtype: needs a floating dtype; got {np.dtype(dtype)}. Pass np.float32, say.")
    default_dtype = np.dtype(dtype)


def as_array(data: Any) -> Any:
    """The data as an array; one that records by itself (`read/program.py`) as it is."""
    return data if type(data) is np.ndarray or hasattr(data, "_apply") else np.asarray(data)


def array_of(data: Any, dtype: Any = None) -> np.ndarray:
    """A new array of the data; Python's floats in the default dtype."""
    if hasattr(data, "_apply") and not isinstance(data, Node):
        traced: np.ndarray = data.astype(dtype or data.dtype)
        return traced
    array = np.array(data, dtype)
    if dtype is None and array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic | Node):
        return array.astype(default_dtype, copy=False)
    return array
