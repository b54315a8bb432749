"""Large products of matrices by Intel's MKL, where it is installed (extra `mkl`).

NumPy's wheels come with OpenBLAS, PyTorch's with MKL, which is the quicker on Intel's processors. Compiled steps call
its function of the BLAS standard themselves; a small product is left to NumPy, which asks less before it starts.

Source:  Developer Reference for Intel oneAPI Math Kernel Library, cblas_?gemm, mkl_set_num_threads
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["library", "product", "takes", "threads_of_numpy"]

LARGE = 1 << 23  # multiplications, times the bytes of a number
IN_ROWS, AS_IT_IS, TRANSPOSED = 101, 111, 112  # how CBLAS calls them


@cache
def library() -> dict[np.dtype, Callable[..., None]]:
    """C := alpha A B + beta C for each dtype; empty where MKL is not installed.

    It takes as many threads as NumPy's own library has when MKL is loaded.
    """
    folder = Path(sys.prefix, "Library", "bin") if os.name == "nt" else Path(sys.prefix, "lib")
    path = next(folder.glob("*mkl_rt.*"), None)  # where pip and conda put it
    if path is None:
        return {}
    mkl = ctypes.CDLL(str(path))
    functions: dict[np.dtype, Callable[..., None]] = {}
    if threads := threads_of_numpy():
        mkl.MKL_Set_Num_Threads(threads)
    for dtype, function, number in (("f8", mkl.cblas_dgemm, ctypes.c_double), ("f4", mkl.cblas_sgemm, ctypes.c_float)):
        size, matrix = ctypes.c_int, (ctypes.c_void_p, ctypes.c_int)
        function.argtypes = [size, size, size, size, size, size, number, *matrix, *matrix, number, *matrix]
        function.restype = None
        functions[np.dtype(dtype)] = function
    return functions


def threads_of_numpy() -> int | None:
    """The number of threads of NumPy's products, where threadpoolctl is there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    return next((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), None)


def takes(a: tuple[int, ...], b: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether a product of arrays of these shapes is one for MKL: of matrices, and large."""
    if len(a) != 2 or len(b) != 2 or 1 in (*a, *b):
        return False
    return a[0] * a[1] * b[1] * dtype.itemsize >= LARGE and dtype in library()


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray, alpha: float = 1, beta: float = 0) -> None:
    """out[...] = alpha * (a @ b) + beta * out, for an `out` that lies row by row and, if beta is 0, holds anything."""
    left, right = layout(a), layout(b)
    if left is None or right is None:
        out[...] = alpha * (a @ b) + (beta * out if beta else 0)
        return
    (turned_a, step_a), (turned_b, step_b), step = left, right, out.strides[0] // out.itemsize
    sizes = (*out.shape, a.shape[1])
    gemm = library()[out.dtype]
    gemm(IN_ROWS, turned_a, turned_b, *sizes, alpha, address(a), step_a, address(b), step_b, beta, address(out), step)


def layout(x: np.ndarray) -> tuple[int, int] | None:
    """Whether a matrix lies row by row or column by column, and how many entries from one to the next; or neither."""
    (rows, columns), (down, along), size = x.shape, x.strides, x.itemsize
    if along == size and down >= columns * size and down % size == 0:
        return AS_IT_IS, down // size
    if down == size and along >= rows * size and along % size == 0:
        return TRANSPOSED, along // size
    return None


def address(x: np.ndarray) -> Any:
    return x.__array_interface__["data"][0]
