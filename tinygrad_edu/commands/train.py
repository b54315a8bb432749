"""`tinygrad-edu train`: from a data set or a file to a trained network, and a directory with all of it.

    config.toml               the options of the run           task.json     columns, classes, standardization
    weights.safetensors       what `predict` and PyTorch read  checkpoint.safetensors   what --resume reads
    history.csv, *.png        how it went

Read next: `task.py`, `report.py`.
"""

from __future__ import annotations

import itertools
import shlex
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu import data, nn, optim, weights
from tinygrad_edu.checkpoint import epochs_in, writable
from tinygrad_edu.commands import config as options
from tinygrad_edu.commands.report import pictures, result, title
from tinygrad_edu.commands.task import Task
from tinygrad_edu.data import Table
from tinygrad_edu.optim import LRScheduler, Optimizer
from tinygrad_edu.threads import one_blas_thread
from tinygrad_edu.train import fit
from tinygrad_edu.writing import sweep, write

__all__ = ["train"]

#: How many points a toy set has.
POINTS = 1000
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9),
    "rmsprop": optim.RMSprop,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
}
#: The exit status that shells give to a command that Ctrl-C has ended.
INTERRUPTED = 130


def train(given: Mapping[str, Any], file: Path | None = None, out: Path | None = None, resume: bool = False) -> int:
    """Train as the options say, print how it goes, and write it all to a directory; returns the exit status.

    Raises:  OSError, ValueError for what cannot be done; ImportError if a package is missing
    """
    weights.library("train")
    config = configured(given, file, out, resume)
    rng = np.random.default_rng(config.seed)
    with options.advice_as_flags("train"):
        table = table_of(config, rng)
        stratified = table.task == "classification"
        (X, y), held_out = data.split(table.X, table.y, config.validation, rng, stratified)
    task = Task.of(table, X, y, config.loss)
    config.loss = task.loss
    if config.batch_size == options.OPTIONS["batch_size"].default:
        config.batch_size = min(config.batch_size, len(X))
    if config.batch_size > len(X):
        raise ValueError(
            f"train: batch-size must be at most the number of examples to learn from, {len(X)}; "
            f"got {config.batch_size}. Lower it."
        )
    model = task.network(config, rng)
    optimizer, schedule = stepping(config, model)

    out = directory(out, config, resume)
    if (out / "task.json").exists() and (out / "task.json").read_text(encoding="utf-8") != task.to_json():
        raise ValueError(
            f"train: the data must be those {out} was begun with; got {config.data} with other columns or numbers. "
            "Put the file back, or train anew in another directory."
        )
    options.save(config, out / "config.toml")
    write(out / "task.json", task.to_json().encode())
    print(title(config, task, y, len(held_out[0])), nn.summary(model, X[:2]), sep="\n\n", end="\n\n")
    with one_blas_thread():
        try:
            history = fit(
                model, task.criterion(), optimizer, task.inputs(X), task.targets(y), config.epochs, config.batch_size,
                validation=(task.inputs(held_out[0]), task.targets(held_out[1])), metrics=(task.metric(),),
                schedule=schedule, checkpoint=out, resume=resume, compile=config.compile, rng=rng,
            )  # fmt: skip
        except FloatingPointError as error:  # the line that it names is of this package's command
            raise FloatingPointError(f"{str(error).partition(' Made at ')[0].rstrip('.')}. Lower --lr.") from None
        print("", result(task, model, *held_out), "", sep="\n")
        model.save(out / "weights.safetensors")
        history.to_csv(out / "history.csv")
        for sentence in pictures(out, config, task, model, history, held_out):
            print(sentence)
    print(f"\nApply it:  tinygrad-edu predict {shlex.quote(str(out))} FILE.csv")
    if not history.stopped:
        return 0
    print(f"Go on:     tinygrad-edu train --resume --out {shlex.quote(str(out))}")
    return INTERRUPTED


def configured(given: Mapping[str, Any], file: Path | None, out: Path | None, resume: bool) -> Namespace:
    """All options of the run: of one that is resumed, those that it was begun with."""
    for name, value in given.items():
        if value is not None:
            options.check(name, value)
    if not resume:
        return options.chosen(given, *([options.read(file)] if file else []))
    if out is None:
        raise ValueError("train: --resume needs the directory of a run; got none. Name it by --out.")
    if not (out / "config.toml").exists():
        raise FileNotFoundError(
            f"train: {out} must hold the run to go on with; got no config.toml in it. Name the directory of a run."
        )
    before = options.read(out / "config.toml")
    wanted = (options.read(file) if file else {}) | {name: x for name, x in given.items() if x is not None}
    for name, value in wanted.items():
        if value != before.get(name) and name not in ("epochs", "compile"):
            raise ValueError(
                f"train: --resume goes on as {out} was begun, with {name.replace('_', '-')} {before.get(name)!r}; got "
                f"{value!r}. Leave it out, or train anew in another directory."
            )
    config = options.chosen(wanted, before)
    if config.schedule != "constant" and config.epochs != before.get("epochs", config.epochs):
        raise ValueError(
            f"train: --resume can change the epochs of a run with a constant rate; got {config.epochs} in place of "
            f"{before['epochs']}, by which {config.schedule} sets the rate. Leave them out, or train anew with "
            "--schedule constant."
        )
    if config.epochs < (done := epochs_in(out)):
        raise ValueError(
            f"train: --epochs count from the beginning of the run, and {out} has {done}; got {config.epochs}. Ask for "
            "more, or leave them out."
        )
    return config


def directory(out: Path | None, config: Namespace, resume: bool) -> Path:
    """Where the run is written to: a new directory, or one that holds no other run."""
    numbered = (Path("runs") / f"{Path(config.data).stem}-{number}" for number in itertools.count(1))
    out = out or next(path for path in numbered if not path.exists())
    if not resume and (out / "config.toml").exists():
        raise FileExistsError(
            f"train: {out} must not hold another run; got one of {options.read(out / 'config.toml').get('data')}. "
            "Go on with it by --resume, or name another directory."
        )
    writable("train", out)
    sweep(out)
    return out


def table_of(config: Namespace, rng: np.random.Generator) -> Table:
    """The data set or the file, as a table."""
    unused = [name for name in options.OF_A_FILE if getattr(config, name)]
    if unused and config.data in (*options.TOYS, *options.REAL):
        raise ValueError(
            f"train: --{unused[0]} is for a file of yours; got it with {config.data}, whose columns are known. Leave "
            "it out."
        )
    if config.data in options.TOYS:
        X, y = getattr(data, config.data)(POINTS, rng)
        return built_in(X, y, ("x1", "x2"), tuple(map(str, range(y.max() + 1))))
    if config.data in options.REAL:
        found = getattr(data, config.data)()
        return built_in(found.X.reshape(len(found.X), -1), found.y, found.feature_names, found.class_names)
    if not Path(config.data).exists():
        raise FileNotFoundError(
            f"train: data must be one of {', '.join((*options.TOYS, *options.REAL))}, or a file; got {config.data!r}, "
            "which is neither. Mend the name."
        )
    return data.read_table(
        config.data, config.target or -1, missing=config.missing or None, text=config.text, ignore=config.ignore,
        task=config.task or None,
    )  # fmt: skip


def built_in(X: np.ndarray, y: np.ndarray, names: tuple[str, ...], classes: tuple[str, ...]) -> Table:
    return Table(X, y, dict.fromkeys(names, ()), "class", classes, (*names, "class"), header=True)


def stepping(config: Namespace, model: nn.Module) -> tuple[Optimizer, LRScheduler | None]:
    """The optimizer and the schedule by their names."""
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), lr=config.lr)
    if config.schedule == "constant":
        return optimizer, None
    if config.schedule == "step":
        return optimizer, optim.StepLR(optimizer, max(1, config.epochs // 3))
    return optimizer, optim.CosineAnnealingLR(optimizer, config.epochs)
