"""Mark the backprop in a file: forward, backward, and either params, X, Y or init, data and SIZES."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tinygrad_edu.check.marking import backprop
from tinygrad_edu.check.marking.report import Report
from tinygrad_edu.programs import blamed, importable, load

__all__ = ["backprop_in"]

SHOWN = 8  # names of theirs in an error


def backprop_in(path: Path | str, show_fix: bool = False) -> Report:
    """Mark the backprop that a Python file defines; what it prints is not shown.

    Raises:  ValueError if the file lacks a part; RuntimeError, naming the line, if it or its forward cannot be run;
             OSError if it cannot be read
    """
    path = Path(path)
    with importable(path.parent), redirect_stdout(io.StringIO()):
        module = load(path, "check")
    known = vars(module)
    lacking = [name for name in ("forward", "backward") if not callable(known.get(name))]
    if lacking:
        own = [name for name, x in known.items() if getattr(x, "__module__", "") == module.__name__]
        others = f", but {', '.join(own[:SHOWN])}{', ...' * (len(own) > SHOWN)}" if own else ""
        raise ValueError(
            f"check: the file must define forward(params, X, Y), which returns the cost and a dict of values, and "
            f"backward(params, cache, X, Y), which returns a dict of gradients; got no {' and no '.join(lacking)} in "
            f"{path.name}{others}. Add two functions of these names that call your own, as the page Mark my backprop "
            "shows for other functions, a class and a script."
        )
    options: dict[str, Any] = {"show_fix": show_fix, "names": known.get("NAMES")}
    given = {name: known.get(name) for name in ("params", "X", "Y")}
    makers = {name: known.get(name) for name in ("init", "data", "SIZES")}
    if whole(makers):
        options |= {
            "init": makers["init"],
            "data": makers["data"],
            "sizes": makers["SIZES"],
            "m": known.get("EXAMPLES"),
        }
    elif not whole(given):
        there = [name for name, x in (given | makers).items() if x is not None]
        raise ValueError(
            f"check: the file must hold params, X and Y, or init(sizes, rng), data(sizes, m, rng) and SIZES; got "
            f"{', '.join(there) or 'none of them'} in {path.name}. Add what is missing."
        )
    numbers = given.values() if whole(given) else (None, None, None)
    with importable(path.parent), blamed(path.name, "check"), redirect_stdout(io.StringIO()):
        return backprop(known["forward"], known["backward"], *numbers, **options)


def whole(parts: dict[str, Any]) -> bool:
    return all(x is not None for x in parts.values())
