"""Mark the backprop in a file: forward, backward, and either params, X, Y or init, data and SIZES."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinygrad_edu.check.marking import backprop
from tinygrad_edu.check.report import Report
from tinygrad_edu.programs import blamed, importable, load

__all__ = ["backprop_in"]


def backprop_in(path: Path | str, show_fix: bool = False) -> Report:
    """Mark the backprop that a Python file defines.

    Raises:  ValueError if the file lacks a part; RuntimeError, naming the line, if it or its forward cannot be run;
             OSError if it cannot be read
    """
    path = Path(path)
    with importable(path.parent):
        known = vars(load(path, "check"))
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
    whole = all(x is not None for x in given)
    with importable(path.parent), blamed(path.name, "check"):
        return backprop(known["forward"], known["backward"], *(given if whole else (None, None, None)), **options)
