"""Checkpoints: all that a training run needs to go on as if it had never stopped, in one file.

    model.*         the weights                     best.*      those of the best epoch
    optimizer.*     its lr, steps and arrays        history.*   the numbers of every epoch
    note            a JSON text: the state of each random generator and of the schedule, and what run it is

One file is renamed into place after every epoch. A rename is done or not done, so that at any moment the file
is whole and its parts belong together, whatever kills the program. Read next: `weights.py`, `writing.py`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu import weights
from tinygrad_edu.history import History
from tinygrad_edu.nn import Module
from tinygrad_edu.optim import LRScheduler, Optimizer
from tinygrad_edu.writing import sweep

__all__ = ["Checkpoint", "State", "epochs_in", "writable"]

NAME = "checkpoint.safetensors"
Arrays = dict[str, np.ndarray]


class State:
    """What training changes: weights, optimizer, schedule, and the random generators of batches and dropout."""

    def __init__(self, model: Module, optimizer: Optimizer, schedule: LRScheduler | None, rng: Any) -> None:
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        inside = [x for module in model.modules() for x in vars(module).values() if isinstance(x, np.random.Generator)]
        self.generators = list(dict.fromkeys([rng, *inside]))

    def capture(self) -> tuple[Arrays, dict[str, Any]]:
        """A copy of it all: arrays by name, and what is no array."""
        arrays = prefixed("model", self.model.state_dict()) | prefixed("optimizer", self.optimizer.state_dict())
        facts = {
            "generators": [generator.bit_generator.state for generator in self.generators],
            "schedule": self.schedule and self.schedule.state_dict(),
        }
        return arrays, facts

    def restore(self, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Bring all back to what was captured; if something does not fit, nothing is changed."""
        before = self.capture()
        try:
            self.put(arrays, facts)
        except BaseException:
            self.put(*before)
            raise

    def put(self, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        self.model.load_state_dict(unprefixed("model", arrays))
        if self.schedule:
            self.schedule.load_state_dict(facts["schedule"])
        self.optimizer.load_state_dict(unprefixed("optimizer", arrays))
        for generator, state in zip(self.generators, facts["generators"], strict=True):
            generator.bit_generator.state = state


class Checkpoint:
    """The file of a run in a directory, and what must be the same when the run is resumed.

    Raises:  FileExistsError where another run has left its file; OSError where none can be written
    """

    def __init__(self, directory: Any, run: Mapping[str, Any], resume: bool) -> None:
        weights.library("checkpoint")
        self.file, self.run = Path(directory) / NAME, json.loads(json.dumps(run))
        writable("checkpoint", self.file.parent)
        if self.file.exists() and not resume:
            raise FileExistsError(
                f"checkpoint: {directory} must not hold another run; got one that was left there. Pass resume=True to "
                "go on with it, or name another directory."
            )
        sweep(self.file.parent, self.file.name)

    def save(self, state: State, best: Arrays, history: History) -> None:
        """Write it all; the last file stays if that fails."""
        arrays, facts = state.capture()
        numbers = {name: np.array(values) for name, values in history.items()}
        everything = arrays | prefixed("best", best) | prefixed("history", numbers)
        note = facts | {"run": self.run, "series": list(history)}
        weights.save(self.file, everything, json.dumps(note, default=np.ndarray.tolist))

    def load(self, state: State) -> tuple[Arrays, History]:
        """Bring the state to where the run was; the best weights and the history. Without a file, nothing is changed.

        Raises:  ValueError naming what differs, for the file of another run or a damaged one
        """
        if not self.file.exists():
            return {}, History()
        arrays, note = weights.load(self.file)
        try:
            facts = json.loads(note)
            for name, value in self.run.items():
                require_same(name, facts["run"][name], value)
            state.restore(arrays, facts)
            numbers = unprefixed("history", arrays)
            return unprefixed("best", arrays), History({name: numbers[name].tolist() for name in facts["series"]})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"checkpoint: {self.file} must be of this run; {error.args[0]}") from None


def epochs_in(directory: Path) -> int:
    """How many epochs the run in a directory has.

    Raises:  ValueError for a damaged file
    """
    file = directory / NAME
    return len(weights.load(file)[0].get("history.loss", ())) if file.exists() else 0


def writable(caller: str, directory: Path) -> None:
    """Make the directory if it is not there; raise an OSError unless files can be written to it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise type(error)(
            f"{caller}: {directory} must be a directory that can be written to; got: {error.strerror}. "
            "Name another directory."
        ) from None


def require_same(name: str, old: Any, new: Any) -> None:
    """Raise, naming the first line or entry that differs, unless a run is the one that was begun."""
    if old != new:
        if isinstance(old, list) and isinstance(new, list):
            old, new = next(
                pair for pair in zip([*old, "nothing"], [*new, "nothing"], strict=False) if len({*pair}) > 1
            )
        raise ValueError(
            f"its {name} was {old}; got {new}. Resume with what it was begun with, or start anew elsewhere."
        )


def description(
    model: Module, loss: Any, optimizer: Optimizer, schedule: LRScheduler | None, **others: Any
) -> dict[str, Any]:
    """What must be the same for a run to be resumed."""
    return {
        "model": repr(model).splitlines(),
        "loss": getattr(loss, "__name__", repr(loss)),
        "optimizer": f"{type(optimizer).__name__}({settings(optimizer, ('lr',))})",
        "schedule": schedule and f"{type(schedule).__name__}({settings(schedule, ('base_lr', 'steps'))})",
        **others,
    }


def settings(thing: Any, changing: Iterable[str]) -> str:
    """The numbers that the constructor was given."""
    known = {name: x for name, x in vars(thing).items() if name not in changing and not name.startswith("_")}
    return ", ".join(f"{name}={x}" for name, x in known.items() if name == "betas" or isinstance(x, int | float))


def prefixed(prefix: str, arrays: Mapping[str, Any]) -> Arrays:
    """The arrays as one part of a file: model.0.weight."""
    return {f"{prefix}.{name}": np.asarray(x) for name, x in arrays.items()}


def unprefixed(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """That part of a file, by its own names."""
    return {name.removeprefix(f"{prefix}."): x for name, x in arrays.items() if name.startswith(f"{prefix}.")}
