"""Arrays by name in one file: the safetensors format, which PyTorch and others read (extra `io`).

    save("weights.safetensors", model.state_dict())
    arrays, note = load("weights.safetensors")

The file holds numbers, names and shapes, and no code to run. Read next: `nn/module.py`, `Module.save` and `load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.writing import write

__all__ = ["load", "save"]


def save(path: Any, arrays: Mapping[str, np.ndarray], note: str = "") -> Path:
    """Write the arrays, and a text beside them; the old file stays if something fails."""
    rows_first = {name: np.asarray(x, order="C") for name, x in arrays.items()}  # as the format has them
    content = library("save").save(rows_first, {"note": note} if note else None)
    return write(Path(path), content)


def load(path: Any) -> tuple[dict[str, np.ndarray], str]:
    """The arrays and the text of a file.

    Raises:  OSError if it cannot be read; ValueError if it is damaged, cut short or something else
    """
    library("load")
    from safetensors import SafetensorError, safe_open

    if Path(path).is_dir():
        raise IsADirectoryError(f"load: needs a file; got the directory {path}. Name the .safetensors file in it.")
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - no Mapping
            return arrays, (file.metadata() or {}).get("note", "")
    except (SafetensorError, TypeError, AttributeError) as error:
        raise ValueError(
            f"load: {path} must be a whole safetensors file of NumPy's dtypes; got: {error}. "
            "Was it cut short, or written by something else?"
        ) from None


def library(caller: str) -> Any:
    """`safetensors.numpy`."""
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            f"{caller}: needs safetensors; got none. Install it with pip install 'tinygrad_edu[io]'."
        ) from None
    return safetensors.numpy
