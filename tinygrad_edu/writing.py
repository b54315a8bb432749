"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sweep", "write"]


def write(path: Path, content: bytes) -> Path:
    """Write under a temporary name, then rename: never half a file, and the old one stays if something fails."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk before its name is: a power cut leaves the old file or the new
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None:  # words alone
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None  # what was asked for, not the temporary name
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def sweep(directory: Path, name: str = "*") -> None:
    """Remove what programs that were killed while they wrote have left half written."""
    for unfinished in directory.glob(f"{name}.*.part"):
        if unfinished.name.split(".")[-2].isdecimal():
            unfinished.unlink(missing_ok=True)
