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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["library", "product", "takes", "with_threads"]

LARGE = 1 << 23  # multiplications, times the bytes of a number
IN_ROWS, AS_IT_IS, TRANSPOSED = 101, 111, 112  # how CBLAS calls them


@cache
def loaded() -> Any:
    """The library, or None where it (or threadpoolctl, to count threads) is not installed."""
    folder = Path(sys.prefix, "Library", "bin") if os.name == "nt" else Path(sys.prefix, "lib")
    path = next(folder.glob("*mkl_rt.*"), None)  # where pip and conda put it
    return ctypes.CDLL(str(path)) if path and find_spec("threadpoolctl") else None


@cache
def library() -> dict[np.dtype, Callable[..., None]]:
    """C := alpha A B + beta C for each dtype; empty where MKL is not installed."""
    mkl, functions = loaded(), dict[np.dtype, Callable[..., None]]()
    if mkl is None:
        return functions
    for dtype, function, number in (("f8", mkl.cblas_dgemm, ctypes.c_double), ("f4", mkl.cblas_sgemm, ctypes.c_float)):
        size, matrix = ctypes.c_int, (ctypes.c_void_p, ctypes.c_int)
        function.argtypes = [size, size, size, size, size, size, number, *matrix, *matrix, number, *matrix]
        function.restype = None
        functions[np.dtype(dtype)] = function
    return functions


@cache
def others() -> list[Any]:
    """The libraries of NumPy's own products, whose threads can be told how many they are."""
    from threadpoolctl import ThreadpoolController

    return [x for x in ThreadpoolController().lib_controllers if x.user_api == "blas" and x.internal_api != "mkl"]


def with_threads(step: Callable[..., Any]) -> Callable[..., Any]:
    """A function in which MKL has as many threads as NumPy's own library has now, and that one has one.

    The threads of one library wait for work in a loop, and would take the cores from those of the other.
    """
    mkl, numpys = loaded(), others()
    if not numpys:
        return step

    def with_threads_of_mkl(*given: Any) -> Any:
        threads = [x.num_threads for x in numpys]
        mkl.MKL_Set_Num_Threads(max(threads))
        if max(threads) == 1:
            return step(*given)
        try:
            for x in numpys:
                x.set_num_threads(1)
            return step(*given)
        finally:
            for x, before in zip(numpys, threads, strict=True):
                x.set_num_threads(before)

    return with_threads_of_mkl


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
    sizes, (first, second, third) = (*out.shape, a.shape[1]), (x.ctypes.data for x in (a, b, out))
    gemm = library()[out.dtype]
    gemm(IN_ROWS, turned_a, turned_b, *sizes, alpha, first, step_a, second, step_b, beta, third, step)


def layout(x: np.ndarray) -> tuple[int, int] | None:
    """Whether a matrix lies row by row or column by column, and how many entries from one to the next; or neither."""
    (rows, columns), (down, along), size = x.shape, x.strides, x.itemsize
    if along == size and down >= columns * size and down % size == 0:
        return AS_IT_IS, down // size
    if down == size and along >= rows * size and along % size == 0:
        return TRANSPOSED, along // size
    return None
