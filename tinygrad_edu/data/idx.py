"""Arrays in the IDX format, in which MNIST and its relatives are kept.

    X = load_idx("train-images-idx3-ubyte.gz")      (60000, 28, 28) uint8
    y = load_idx("train-labels-idx1-ubyte.gz")      (60000,) uint8

The file is one that you have already; nothing is downloaded. Next: `batches.py`, to split and batch it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.data import arguments

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # the largest byte comes first


def load_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array in an IDX file, plain or gzip.

        bytes:  0, 0, type, number of axes;  the size of each axis, four bytes each;  the numbers, row by row

    For a network of Linear layers: `X.reshape(len(X), -1) / 255`.

    Shapes:  as the file says, in the dtype that it says: uint8, int8, int16, int32, float32 or float64
    Raises:  OSError if there is no such file; ValueError if it is no IDX file, or cut short
    """
    name = Path(path).name
    content = arguments.contents("load_idx", path)
    kind, axes = (content[2], content[3]) if len(content) >= 4 else (0, 0)
    if content[:2] != b"\0\0" or kind not in TYPES:
        raise ValueError(
            f"load_idx: {name} must begin as IDX files do, with 0, 0 and a type; got {list(content[:4])}. "
            "Is it another format? read_table reads CSV."
        )
    dtype, start = np.dtype(TYPES[kind]), 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist()) if len(content) >= start else (0,) * axes
    wanted = start + math.prod(shape) * dtype.itemsize
    if len(content) != wanted or len(content) < start:
        raise ValueError(
            f"load_idx: {name} must hold {wanted} bytes, for {axes} axes of sizes {shape}; got {len(content)}. "
            "Is it cut short? Fetch it again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
