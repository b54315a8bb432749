"""Time of one training step, beside the same step written by hand in NumPy and in other packages.

Every contender runs in a process of its own, on one core and one thread unless asked otherwise. They take turns in
short blocks, each between two blocks of the baseline: the better of the two handwritten steps. A
contender's ratio is the time of its block over the mean of those two. No time of a workload is
printed before all contenders agree on its losses.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from argparse import ArgumentParser, Namespace

from contenders import CONTENDERS, PACKAGES
from isolation import Worker
from peers import PEER_PACKAGES, PEERS
from report import describe_machine, is_installed, print_header, print_row
from turns import PATIENCE, Summary, Visit, best_baseline, quartiles, quiet_visits, summarize
from workloads import WORKLOADS, Problem

ALL, NEEDED = CONTENDERS | PEERS, PACKAGES | PEER_PACKAGES
HANDWRITTEN = ("numpy", "numpy-out")
STEPS_CHECKED = 20
TOLERANCE = {"float64": 1e-6, "float32": 1e-3}


class Stopwatch:
    """A contender and a clock, in the contender's own process."""

    def __init__(self, name: str, problem: Problem) -> None:
        self.step = ALL[name](problem).step

    def losses(self, steps: int) -> list[float]:
        """The loss before the first step and after each of `steps` steps."""
        return [self.step() for _ in range(steps + 1)]

    def block(self, milliseconds: float) -> float:
        """Median time of a step, in microseconds."""
        self.step()  # warms the caches after the others' turns
        times: list[int] = []
        end = time.perf_counter_ns() + milliseconds * 1e6
        while len(times) < 3 or time.perf_counter_ns() < end:
            start = time.perf_counter_ns()
            self.step()
            times.append(time.perf_counter_ns() - start)
        return statistics.median(times) / 1e3


def require_equal_losses(losses: dict[str, list[float]], tolerance: float) -> None:
    """Stop unless every contender's losses are those of `numpy`."""
    for name, values in losses.items():
        for step, (value, expected) in enumerate(zip(values, losses["numpy"], strict=True)):
            if not abs(value - expected) <= tolerance * abs(expected):
                raise SystemExit(
                    f"training_step: losses must agree to {tolerance:g}; got {value!r} from {name} and "
                    f"{expected!r} from numpy after {step} steps. A time would mean nothing."
                )


def choose_baseline(workers: dict[str, Worker], milliseconds: float, rounds: int) -> str:
    """The faster of the two handwritten steps, which take turns."""
    times: dict[str, list[float]] = {name: [] for name in HANDWRITTEN}
    for _ in range(rounds):
        for name in HANDWRITTEN:
            times[name].append(workers[name].call("block", milliseconds))
    return min(HANDWRITTEN, key=lambda name: quartiles(times[name])[0])


def take_turns(
    workers: dict[str, Worker], baseline: str, milliseconds: float, rounds: int
) -> tuple[dict[str, list[Visit]], float]:
    """Visit contenders in random order until each has enough quiet visits."""
    visits: dict[str, list[Visit]] = {name: [] for name in workers if name != baseline}
    rng, best = random.Random(0), math.inf
    for _ in range(PATIENCE * rounds):
        waiting = [name for name in visits if len(quiet_visits(visits[name], best)) < rounds]
        if not waiting:
            break
        rng.shuffle(waiting)
        before = workers[baseline].call("block", milliseconds)
        for name in waiting:
            block = workers[name].call("block", milliseconds)
            after = workers[baseline].call("block", milliseconds)
            visits[name].append(Visit(before, block, after))
            before = after
        best = best_baseline([visit for seen in visits.values() for visit in seen])
    return visits, best


def measure(
    workload: str, dtype: str, threads: str, names: list[str], milliseconds: float, rounds: int
) -> tuple[str, dict[str, Summary]]:
    """Check one workload, then time it: the baseline, and how the others compare."""
    problem = WORKLOADS[workload].draw(dtype)
    workers = {name: Worker(Stopwatch, name, problem, threads=threads) for name in names}
    losses = {name: worker.call("losses", STEPS_CHECKED) for name, worker in workers.items()}
    require_equal_losses(losses, TOLERANCE[dtype])
    baseline = choose_baseline(workers, milliseconds, rounds)
    visits, best = take_turns(workers, baseline, milliseconds, rounds)
    for worker in workers.values():
        worker.close()
    return baseline, {name: summarize(visits[name], best) for name in visits}


def print_workload(workload: str, dtype: str, baseline: str, summaries: dict[str, Summary]) -> None:
    """One row for each contender, the baseline first."""
    microseconds = statistics.median(summary.baseline for summary in summaries.values())
    print_row([workload, dtype, f"{baseline} (baseline)", "**1**", f"{microseconds:,.1f}", ""])
    for name, summary in summaries.items():
        blocks = f"{summary.quiet} of {summary.all}"
        print_row([workload, dtype, name, summary, f"{summary.ratio * microseconds:,.1f}", blocks])


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, help="default: all five")
    parser.add_argument("--dtypes", nargs="+", choices=TOLERANCE, default=list(TOLERANCE), help="default: both")
    parser.add_argument("--only", nargs="+", choices=ALL, help="contenders beside the two in NumPy")
    parser.add_argument("--threads", choices=("one", "default"), default="one", help="default: one, on one core")
    parser.add_argument("--wide", action="store_true", help="one row for each workload, to paste into a page")
    parser.add_argument("--rounds", type=int, help="quiet blocks wanted of each contender (default 15)")
    parser.add_argument("--milliseconds", type=float, help="length of a block (default 20)")


def run(options: Namespace) -> None:
    """Check and time each workload, and print the table."""
    workloads = options.workloads or (["W1", "W3"] if options.quick else list(WORKLOADS))
    rounds = options.rounds or (1 if options.quick else 15)
    milliseconds = options.milliseconds or (1 if options.quick else 20)
    names = [name for name in ALL if name in HANDWRITTEN or name in (options.only or ALL)]
    for name in list(names):
        if absent := [package for package in NEEDED[name] if not is_installed(package)]:
            print(f"Skipped: {name}, as {absent[0]} is not installed.")
            names.remove(name)
    packages = {package for name in names for package in NEEDED[name]}
    print(describe_machine(*sorted(packages)) + f", threads: {options.threads}")
    print("Ratio: time of a step over the baseline's, median over blocks in quiet moments.")
    if options.wide:
        print_header(["workload", "dtype", *names])
    else:
        print("Microseconds: the baseline's median, and for the others their ratio times it.")
        print_header(["workload", "dtype", "contender", "ratio (quartiles)", "microseconds", "quiet blocks"])
    for workload in workloads:
        for dtype in options.dtypes:
            measured = measure(workload, dtype, options.threads, names, milliseconds, rounds)
            if options.wide:
                print_row([workload, dtype, *(ratio(name, *measured) for name in names)])
            else:
                print_workload(workload, dtype, *measured)


def ratio(name: str, baseline: str, summaries: dict[str, Summary]) -> str:
    """A contender's ratio, as one cell."""
    return "1" if name == baseline else f"{summaries[name].ratio:.2f}"
