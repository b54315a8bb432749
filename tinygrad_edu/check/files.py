"""Mark the backprop in a file: forward, backward, and either params, X, Y or init, data and SIZES."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from tinygrad_edu.check.marking import backprop
from tinygrad_edu.check.report import Report

__all__ = ["backprop_in"]


def backprop_in(path: Path | str, show_fix: bool = False) -> Report:
    """Mark the backprop that a Python file defines.

    Raises:  ValueError if the file cannot be run or lacks a part; OSError if it cannot be read
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"check: needs a Python file; got {str(path)!r}, which is not there.")
    known = loaded(path)
    lacking = [name for name in ("forward", "backward") if not callable(known.get(name))]
    if lacking:
        raise ValueError(
            f"check: the file must define forward(params, X, Y) and backward(params, cache, X, Y); got no "
            f"{' and no '.join(lacking)} in {path.name}. Name your functions so."
        )
    options: dict[str, Any] = {"show_fix": show_fix, "names": known.get("NAMES")}
    given = [known.get(name) for name in ("params", "X", "Y")]
    makers = known.get("init"), known.get("data"), known.get("SIZES")
    if all(x is not None for x in makers):
        options |= {"init": makers[0], "data": makers[1], "sizes": makers[2], "m": known.get("EXAMPLES")}
    elif any(x is None for x in given):
        raise ValueError(
            f"check: the file must hold params, X and Y, or init(sizes, rng), data(sizes, m, rng) and SIZES; got "
            f"neither in {path.name}. Add one of the two."
        )
    try:
        whole = all(x is not None for x in given)
        return backprop(known["forward"], known["backward"], *(given if whole else (None, None, None)), **options)
    except Exception as error:
        raise ValueError(f"check: the forward pass must run; got {told(error, path)}") from error


def loaded(path: Path) -> dict[str, Any]:
    """The names that a file defines."""
    spec = importlib.util.spec_from_file_location("marked_backprop", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"check: needs a Python file; got {path.name}. Its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    before = sys.path.copy()
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"check: the file must run; got {told(error, path)}") from error
    finally:
        sys.path[:] = before
    return vars(module)


def told(error: BaseException, path: Path) -> str:
    """An exception, with the last line of the file that it came through."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f" at {path.name}:{own[-1].lineno}: {own[-1].line}" if own else ""
    return f"{type(error).__name__}: {error}{where}"
