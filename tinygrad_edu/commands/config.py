"""The options of a training run: on the command line, in a TOML file, and by default.

    tinygrad-edu train --data moons --hidden 16 16 --lr 0.01
    tinygrad-edu train --config moons.toml --seed 1            the command line overrides the file

One table, `OPTIONS`, holds them all. Read next: `train.py`.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tinygrad_edu.writing import write

__all__ = ["OPTIONS", "Option", "advice_as_flags", "chosen", "read", "save"]

TOYS = ("moons", "circles", "spirals", "blobs", "xor")
REAL = ("iris", "cancer", "digits")


class Option(NamedTuple):
    """One option: its help, its default, and what it may be.

    kind     the type of the value, or of each in a list
    choices  the words that are known; else any
    least    the least number, which is allowed; `above` is not
    """

    help: str
    default: Any
    kind: type = str
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf


#: Every option by its name in Python and TOML; on the command line `batch_size` is --batch-size.
OPTIONS = {
    "data": Option(f"{', '.join((*TOYS, *REAL))}, or a CSV or TSV file of yours", ""),
    "target": Option("the column to predict, of a file (default: the last)", ""),
    "missing": Option("what to do with rows where a value is missing", "", choices=("", "drop", "mean")),
    "ignore": Option("columns to leave out", []),
    "text": Option("columns of numbers that are categories, such as postal codes", []),
    "task": Option("what the target gives (default: is found out)", "", choices=("", "classification", "regression")),
    "hidden": Option("the sizes of the hidden layers", [16, 16], int, least=1),
    "activation": Option("between the layers", "tanh", choices=("tanh", "relu", "leaky-relu", "sigmoid", "softplus")),
    "loss": Option("what is made small", "auto", choices=("auto", "bce", "cross-entropy", "mse")),
    "optimizer": Option(
        "how a step follows from a gradient", "adam", choices=("sgd", "momentum", "rmsprop", "adam", "adamw")
    ),
    "lr": Option("the learning rate", 0.01, float, above=0),
    "schedule": Option("how it changes", "cosine", choices=("constant", "cosine", "step")),
    "epochs": Option("how often every example is met", 60, int, least=1),
    "batch_size": Option("how many examples make a step; fewer where there are fewer", 32, int, least=1),
    "validation": Option("the share of examples that is held out", 0.2, float, above=0, below=1),
    "seed": Option("of the data, the split, the weights and the batches", 0, int, least=0),
    "compile": Option("compile the training step", False, bool),
}

#: Those that are for a file.
OF_A_FILE = ("target", "missing", "ignore", "text", "task")
ARGUMENT = r"\b(missing|text|ignore|task)=\[?('[^']*'(?:, '[^']*')*)\]?"  # as an error names it

#: Where a data set needs other defaults.
DEFAULTS: dict[str, dict[str, Any]] = {
    "spirals": {"epochs": 100},
    "iris": {"hidden": [8], "epochs": 200},
    "cancer": {"activation": "relu", "epochs": 20},
    "digits": {"hidden": [128], "activation": "relu", "epochs": 40},
}


#: A step of Adam is of about lr; one of SGD is lr times the gradient, which is small.
RATES = {"sgd": 0.1, "momentum": 0.03}


def chosen(given: Mapping[str, Any], *files: Mapping[str, Any]) -> Namespace:
    """All options: those given on the command line, else those of the files, else the defaults."""
    known = {name: value for name, value in given.items() if name in OPTIONS and value is not None}
    for file in files:
        known = dict(file) | known
    if not known.get("data"):
        raise ValueError(
            f"train: needs data; got none. Pass --data {TOYS[0]}, or any of {', '.join((*TOYS, *REAL))}, or FILE.csv."
        )
    defaults = {name: option.default for name, option in OPTIONS.items()}
    rate = {"lr": RATES[known["optimizer"]]} if known.get("optimizer") in RATES else {}
    return Namespace(**defaults | rate | DEFAULTS.get(known["data"], {}) | known)


@contextmanager
def advice_as_flags(command: str) -> Iterator[None]:
    """What `data` says of Python in the words of the command: `read_table:` begins it, missing='drop' is a flag."""
    try:
        yield
    except ValueError as error:
        text = re.sub(r"^(read_table|Table\.\w+|split):", f"{command}:", str(error))
        text = text.replace("test_fraction", "--validation")
        raise ValueError(re.sub(ARGUMENT, lambda x: f"--{x[1]} {x[2]}".replace("', '", "' '"), text)) from None


def read(path: Path) -> dict[str, Any]:
    """The options in a TOML file.

    Raises:  OSError if it cannot be read; ValueError naming the key that is unknown or has no such value
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of TOML or of UTF-8
        raise ValueError(f"train: {path} must be TOML; got: {error}. Write lines such as lr = 0.01.") from None
    for name, value in found.items():
        if name not in OPTIONS:
            raise ValueError(f"train: {path} must hold options of train; got {name!r}. Known: {', '.join(OPTIONS)}.")
        check(name, value, f" in {path}")
    return {name: float(value) if OPTIONS[name].kind is float else value for name, value in found.items()}


def check(name: str, value: Any, where: str = "") -> None:
    """Raise unless an option may have that value."""
    option = OPTIONS[name]
    several = isinstance(option.default, list)
    kinds: Any = (int, float) if option.kind is float else option.kind
    values: list[Any] = value if several and isinstance(value, list) else [value]
    right = isinstance(value, list) is several and all(
        isinstance(x, kinds)
        and isinstance(x, bool) is (option.kind is bool)
        and (not option.choices or x in option.choices)
        and (option.kind not in (int, float) or (x >= option.least and option.above < x < option.below))
        for x in values
    )
    if not right:
        raise ValueError(f"train: {name.replace('_', '-')} must be {wanted(option)}; got {value!r}{where}. Mend it.")


def wanted(option: Option) -> str:
    """What an option may be, in words."""
    if option.choices:
        return f"one of {', '.join(filter(None, option.choices))}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[option.kind]
    for bound, text in ((option.least, "at least"), (option.above, "above"), (option.below, "below")):
        words += f" {text} {bound:g}," if math.isfinite(bound) else ""
    return f"a list, each {words.rstrip(',')}" if isinstance(option.default, list) else words.rstrip(",")


def save(config: Namespace, path: Path) -> Path:
    """Write the options as TOML. A JSON text, number or list of them is TOML, but for the sign DEL."""
    lines = [f"{name} = {json.dumps(getattr(config, name), ensure_ascii=False)}" for name in OPTIONS]
    return write(path, "\n".join([*lines, ""]).replace("\x7f", "\\u007f").encode())
