"""What it costs to record one small operation, beside NumPy's own operation; and to import.

`forward and backward` computes, records, carries the gradient back and clears it; NumPy beside it
only computes. The chain is 50 times `y * b + a`, and its time is that of one operation of the 100.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
import timeit
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from isolation import run_alone
from report import describe_machine, print_header, print_row
from turns import Summary, Visit, best_baseline, quartiles, summarize

LINKS = 50
REPEATS = 5  # a median of five forgives two interruptions


class Case(NamedTuple):
    """Two statements to compare, and how many operations each does."""

    name: str
    statement: str
    in_numpy: str
    operations: int = 1
    shape: tuple[int, ...] = (1, 1)


FORWARD_BACKWARD = "(a * b).backward(seed); a.grad = b.grad = None"
CASES = (
    Case("`a * b` forward and backward, (1, 1)", FORWARD_BACKWARD, "A * B"),
    Case("`a * b` forward and backward, 0-d", FORWARD_BACKWARD, "A * B", shape=()),
    Case("`a * b` recorded", "a * b", "A * B"),
    Case("`np.multiply(a, b)` recorded", "np.multiply(a, b)", "np.multiply(A, B)"),
    Case("`np.exp(a)` recorded", "np.exp(a)", "np.exp(A)"),
    Case("`a.exp()` recorded", "a.exp()", "np.exp(A)"),
    Case("chain, recorded", "chain(a, b)", "chain(A, B)", 2 * LINKS),
    Case(
        "chain, forward and backward",
        "chain(a, b).backward(seed); a.grad = b.grad = None",
        "chain(A, B)",
        2 * LINKS,
    ),
)


def chain(a: Any, b: Any) -> Any:
    """y * b + a, again and again."""
    y = a
    for _ in range(LINKS):
        y = y * b + a
    return y


def time_cases(rounds: int, milliseconds: float) -> dict[str, Summary]:
    """Each case in turn with NumPy, in random order; one without such a method is left out."""
    import tinygrad_edu as tg

    timers: dict[Case, tuple[timeit.Timer, timeit.Timer]] = {}
    for case in CASES:
        A, B = np.full(case.shape, 0.4), np.full(case.shape, 0.6)
        a, b = tg.Tensor(A, requires_grad=True), tg.Tensor(B, requires_grad=True)
        names = {"A": A, "B": B, "a": a, "b": b, "seed": np.ones(case.shape), "chain": chain, "np": np}
        if "a.exp" not in case.statement or hasattr(a, "exp"):
            # The collector stays on, as it does for everyone.
            ours, numpy = (
                timeit.Timer(statement, "import gc; gc.enable()", globals=names)
                for statement in (case.statement, case.in_numpy)
            )
            timers[case] = ours, numpy
    rng, visits = random.Random(0), {case: list[Visit]() for case in timers}
    for _ in range(rounds):
        for case in rng.sample(list(timers), len(timers)):
            ours, numpy = timers[case]
            times = [block(timer, milliseconds) / case.operations for timer in (numpy, ours, numpy)]
            visits[case].append(Visit(*times))
    return {case.name: summarize(seen, best_baseline(seen)) for case, seen in visits.items()}


def block(timer: timeit.Timer, milliseconds: float) -> float:
    """Microseconds of a statement: the median of five runs that take so long together."""
    once = min(timer.repeat(5, 10)) / 10
    number = max(1, int(milliseconds / 1e3 / REPEATS / once))
    return statistics.median(timer.repeat(REPEATS, number)) / number * 1e6


def time_imports(pairs: int) -> tuple[float, tuple[float, float, float]]:
    """Milliseconds of `import numpy` in a new process, and how much tinygrad_edu adds."""
    checkout = Path(__file__).parents[2]
    settings = {key: x for key, x in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}  # as where it is installed

    def start(modules: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {modules}"], cwd=checkout, env=settings, check=True)
        return 1e3 * (time.perf_counter() - began)

    start("numpy, tinygrad_edu")  # fills the caches of byte code and files
    times = [(start("numpy"), start("numpy, tinygrad_edu")) for _ in range(pairs)]
    alone = statistics.median(numpy for numpy, _ in times)
    return alone, quartiles([both - numpy for numpy, both in times])


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--rounds", type=int, help="blocks of each case (default 25)")
    parser.add_argument("--milliseconds", type=float, help="length of a block (default 5)")


def run(options: Namespace) -> None:
    """Time the cases and the import, and print the tables."""
    rounds = options.rounds or (1 if options.quick else 25)
    milliseconds = options.milliseconds or (0.1 if options.quick else 5)
    print(describe_machine("numpy"))
    print("Ratio: to NumPy's own operation, which computes and records nothing.")
    print_header(["one operation", "microseconds", "NumPy alone", "ratio (quartiles)"])
    for name, summary in run_alone(time_cases, rounds, milliseconds).items():
        print_row([name, f"{summary.microseconds:.2f}", f"{summary.baseline:.3f}", summary])
    numpy, (lower, added, upper) = time_imports(rounds)
    print_header(["import in a new process", "milliseconds (quartiles)"])
    print_row(["Python and `import numpy`", f"{numpy:.0f}"])
    print_row(["tinygrad_edu beyond that", f"{added:.0f} ({lower:.0f} to {upper:.0f})"])
