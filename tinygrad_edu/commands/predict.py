"""`tinygrad-edu predict`: apply a network that `train` has left to the rows of a file.

Prints CSV: the answer for each row, and for classes the probability of each.
"""

from __future__ import annotations

import csv
import shlex
import sys
from pathlib import Path

from tinygrad_edu.commands import config as options
from tinygrad_edu.commands.report import outputs
from tinygrad_edu.commands.task import Task
from tinygrad_edu.history import rounded

__all__ = ["predict"]


def predict(run: Path, file: Path) -> int:
    """Print the answers for the rows of a file; returns the exit status.

    Where the file holds the target too, how many are right goes to the error stream.

    Raises:  OSError, ValueError for what cannot be read or does not fit
    """
    if not (run / "task.json").exists():
        raise FileNotFoundError(
            f"predict: {run} must be a directory that train has written; got no task.json in it. "
            "Name the directory of a run."
        )
    config = options.chosen(options.read(run / "config.toml"))
    task = Task.from_json((run / "task.json").read_text(encoding="utf-8"))
    model = task.network(config, rng=0)
    if not (run / "weights.safetensors").exists():
        raise FileNotFoundError(
            f"predict: {run} must hold weights; got none. Finish it: tinygrad-edu train --resume --out "
            f"{shlex.quote(str(run))}"
        )
    model.load(run / "weights.safetensors")
    with options.advice_as_flags("predict"):
        X, truth = task.table.encode(file), task.table.encode_target(file)
    output = outputs(task, model, X)
    answers, names = task.answers(output), task.table.class_names
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([task.table.target, *(f"P({name})" for name in names)])
    if names:
        for answer, chances in zip(answers.tolist(), task.probabilities(output).tolist(), strict=True):
            writer.writerow([names[answer], *(f"{p:.4f}" for p in chances)])
    else:
        writer.writerows([f"{x:.0f}" if abs(x) >= 1e6 else f"{x:.6g}"] for x in answers.tolist())
    if truth is not None and names:
        print(f"{int((answers == truth).sum())} of {len(truth)} right.", file=sys.stderr)
    elif truth is not None:
        print(f"Mean absolute error {rounded(abs(answers - truth).mean())}.", file=sys.stderr)
    return 0
