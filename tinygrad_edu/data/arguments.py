"""The arguments that several functions of this package take, checked once.

Each function here returns its argument in one plain form, or raises with the name of the
function that was called. Next: `toys.py` and `batches.py`, which call them.
"""

from __future__ import annotations

import gzip
import math
import operator
import os
import zlib
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

GZIP = b"\x1f\x8b"  # how a gzip file begins


def whole_number(function: str, name: str, value: object, least: int, advice: str) -> int:
    """The argument as an int that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{function}: {name} must be a whole number; got {type(value).__name__} {value!r}. {advice}")
    if value < least:
        raise ValueError(f"{function}: {name} must be at least {least}; got {value}. {advice}")
    return operator.index(value)


def finite_number(function: str, name: str, value: object, advice: str) -> float:
    """The argument as a float that is neither NaN nor infinite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{function}: {name} must be a number; got {type(value).__name__} {value!r}. {advice}")
    if not math.isfinite(value):
        raise ValueError(f"{function}: {name} must be finite; got {value}. {advice}")
    return float(value)


def random_generator(function: str, rng: object) -> np.random.Generator:
    """The generator itself, or a new one from an int seed."""
    advice = "Pass np.random.default_rng(0), or the seed alone."
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, Integral):
        raise TypeError(f"{function}: rng must be a numpy Generator or an int seed; got {type(rng).__name__}. {advice}")
    if rng < 0:
        raise ValueError(f"{function}: a seed must be at least 0; got {rng}. {advice}")
    return np.random.default_rng(operator.index(rng))


def rows(function: str, name: str, values: ArrayLike) -> NDArray[Any]:
    """The argument as an array with at least one row."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        if "inhomogeneous" not in str(error):  # what NumPy calls a ragged list
            raise
        raise ValueError(
            f"{function}: {name} must be a rectangular array; got rows of different lengths. Pad or cut the rows."
        ) from error
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(
            f"{function}: {name} must hold at least one example; got shape {array.shape}. Pass one row per example."
        )
    return array


def real_rows(function: str, name: str, values: ArrayLike) -> NDArray[Any]:
    """The argument as an array of finite numbers with at least one row."""
    array = rows(function, name, values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{function}: {name} must hold real numbers; got {array.dtype}. Turn text into numbers first.")
    if not np.isfinite(array).all():
        wrong = np.argwhere(~np.isfinite(array))
        raise ValueError(
            f"{function}: {name} must be finite; got {len(wrong)} NaN or infinite values, the first in row "
            f"{wrong[0, 0]}. Fill them or drop their rows."
        )
    return array


def contents(function: str, path: str | os.PathLike[str]) -> bytes:
    """All bytes of a file, unpacked if it is packed by gzip."""
    content = Path(path).read_bytes()
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{function}: {Path(path).name} must be a whole gzip file; got: {error}. Fetch or pack it again."
        ) from error
