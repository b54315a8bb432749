"""What detect_anomaly() looks for: the first NaN or infinity, and arrays that change after they were recorded."""

from __future__ import annotations

import os
import traceback
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Note", "note", "require_finite", "require_unchanged"]


class Note(NamedTuple):
    """What is noted of a node: the line that made it, and a checksum of each input and of the result."""

    line: str = "a line that was not noted: record the graph under detect_anomaly(), too"
    checksums: tuple[int, ...] = ()


def note(op: Any, values: Sequence[Any], result: Any) -> Note:
    """The note of a result that was just computed; it must be finite."""
    line = line_of_caller()
    require_finite(result, op, values, line, "the result")
    return Note(line, checksums(values, result))


def line_of_caller() -> str:
    """The innermost line outside this package: file, number and text."""
    package = os.path.dirname(__file__) + os.sep
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(package):
            return f"{frame.filename}:{frame.lineno}: {frame.line}"
    return "an unknown line"


def checksums(values: Sequence[Any], result: Any) -> tuple[int, ...]:
    """A number for each array, which is another when the array is changed."""
    return tuple(0 if x is None else zlib.crc32(np.ascontiguousarray(x).data) for x in (*values, result))


def require_finite(result: Any, op: Any, values: Sequence[Any], line: str, what: str) -> None:
    """Raise if an array holds NaN or infinity, naming the op, its inputs and its line."""
    data = np.asarray(result)
    if np.isfinite(data).all():
        return
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(data))[0])
    given = [np.asarray(x) for x in values if x is not None]
    facts = ", ".join(f"{x.shape} in [{x.min():.4g}, {x.max():.4g}]" if x.size else str(x.shape) for x in given)
    raise FloatingPointError(
        f"{op.name}: {what} must be finite; got {data[where]} at {where}, from inputs {facts}. Made at {line}"
    )


def require_unchanged(noted: Note, op: Any, values: Sequence[Any], result: Any) -> None:
    """Raise if an input or the result of an op is not what it was when the op was recorded.

    The rules of the op would compute with the new numbers, and give the gradient of something else.
    """
    if not noted.checksums:
        return
    for position, (before, now) in enumerate(zip(noted.checksums, checksums(values, result), strict=True)):
        if before != now:
            which = "its result" if position == len(values) else f"input {position}"
            shape = np.shape(result if position == len(values) else values[position])
            raise RuntimeError(
                f"{op.name}: arrays must stay as they were recorded until backward() is done; got {which}, of shape "
                f"{shape}, changed since. Change a copy, or change it after backward(). Recorded at {noted.line}"
            )
