"""Bytes and objects: a very long graph, training without a collector, the peak of a large step.

A chain of a million operations must run backward and be freed; a training loop must not grow with
the garbage collector off; sixty doublings must take sixty steps, not 2**60.
"""

from __future__ import annotations

import ctypes
import gc
import math
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, PACKAGES
from isolation import run_alone
from report import describe_machine, is_installed, print_header, print_row
from workloads import WORKLOADS

STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
LADDERS = (15, 30, 60)


def resident_bytes(field: str = "VmRSS") -> int | None:
    """Memory that this process holds now, or at most (VmHWM); None where unknown."""
    try:
        for line in STATUS.read_text().splitlines():
            if line.startswith(field):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def forget_peak() -> bool:
    """Let VmHWM start again from the present; False where the system cannot."""
    try:
        REFERENCES.write_text("5")
    except OSError:
        return False
    return True


def difference(after: int | None, before: int | None) -> float:
    """Bytes gained; not a number where unknown."""
    return math.nan if after is None or before is None else after - before


def show(amount: float, digits: int, unit: str) -> str:
    """An amount with its unit, or a remark that the system does not tell."""
    return "not measured" if math.isnan(amount) else f"{amount:,.{digits}f} {unit}"


def require(fact: bool, expected: str, got: object) -> None:
    """Stop if a result is wrong: its cost would mean nothing."""
    if not fact:
        raise ValueError(f"memory: {expected}; got {got}.")


def timed(action: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def climb(operations: int) -> dict[str, float]:
    """Multiply a scalar again and again, go backward, free: seconds and bytes."""
    import tinygrad_edu as tg

    def forward(count: int) -> None:
        for _ in range(count):
            newest[0] = newest[0] * b

    x: Any = tg.Tensor(1.0, requires_grad=True)
    b: Any = tg.Tensor(1.0, requires_grad=True)
    newest = [x * b]
    newest[0].backward()  # warms up
    newest[0], x.grad, b.grad = x, None, None
    gc.collect()
    before = resident_bytes()
    costs = {"forward": timed(lambda: forward(operations))}
    costs["held"] = difference(resident_bytes(), before)
    costs["backward"] = timed(newest[0].backward)
    costs["peak"] = difference(resident_bytes("VmHWM"), before)
    require(b.grad.item() == operations, f"the gradient must be {operations}", b.grad)
    costs["freeing"] = timed(newest.clear)
    costs["left"] = difference(resident_bytes(), before)
    return costs


def climb_twice(operations: int) -> dict[str, float]:
    """What one chain costs, and what a second one adds to the memory that the first left."""
    costs = climb(operations)
    return costs | {"left by a second chain": climb(operations)["left"]}


def climb_ladder(doublings: int) -> float:
    """Milliseconds of `x = x + x` and backward, the fastest of five."""
    import tinygrad_edu as tg

    def double() -> None:
        x: Any = tg.Tensor(1.0, requires_grad=True)
        y = x
        for _ in range(doublings):
            y = y + y
        y.backward()
        require(x.grad.item() == 2**doublings, f"the gradient must be 2**{doublings}", x.grad)

    return 1e3 * min(timed(double) for _ in range(5))


def train_without_collector(steps: int) -> tuple[float, int]:
    """Bytes by which training grew, and objects that only the collector could free."""
    contender = CONTENDERS["ours"](WORKLOADS["W1"].draw("float64"))
    for _ in range(20):
        contender.step()
    gc.collect()
    gc.disable()
    before = resident_bytes()
    for _ in range(steps):
        contender.step()
    growth = difference(resident_bytes(), before)
    return growth, gc.collect()


def peak_of_step(name: str, workload: str, dtype: str) -> float:
    """Bytes held at the peak of a step, beyond what the process held after a small one."""
    CONTENDERS[name](WORKLOADS["W2"].draw(dtype)).step()  # loads what is loaded at first use
    gc.collect()
    if hasattr(library := ctypes.CDLL(None), "malloc_trim"):  # freed arrays, back to the system
        library.malloc_trim(0)
    before = resident_bytes()
    contender = CONTENDERS[name](WORKLOADS[workload].draw(dtype))
    for _ in range(2):
        contender.step()
    if not forget_peak():
        return math.nan
    contender.step()
    return difference(resident_bytes("VmHWM"), before)


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--operations", type=int, help="length of the chain (default 1,000,000)")
    parser.add_argument("--steps", type=int, help="training steps without a collector (default 1,000)")


def print_long_runs(operations: int, steps: int) -> None:
    """The chain, the ladder and the training loop."""
    print_header(["long graphs and long training", "value"])
    costs = run_alone(climb_twice, operations)
    for name in ("forward", "backward", "freeing"):
        microseconds = 1e6 * costs[name] / operations
        print_row([f"chain of {operations:,} operations: {name}", show(microseconds, 2, "microseconds a node")])
    for name in ("held", "peak", "left", "left by a second chain"):
        print_row([f"the same: memory {name}", show(costs[name] / operations, 0, "bytes a node")])
    for doublings in LADDERS:
        milliseconds = run_alone(climb_ladder, doublings)
        print_row([f"`x = x + x`, {doublings} times, and backward", show(milliseconds, 2, "milliseconds")])
    growth, found = run_alone(train_without_collector, steps)
    print_row([f"{steps:,} W1 steps, collector off: growth", show(growth / 1024, 0, "KiB")])
    print_row(["the same: objects left to the collector", found])


def print_peaks(workload: str, names: list[str]) -> None:
    """The peak of a step of each contender, and its ratio to `numpy`."""
    print("\nPeak: resident memory at the highest point of a step, beyond that after a small step.")
    print_header(["peak of a step", "dtype", "contender", "resident", "beside numpy"])
    for dtype in ("float64", "float32"):
        peaks = {name: run_alone(peak_of_step, name, workload, dtype) for name in names}
        for name, peak in peaks.items():
            print_row([workload, dtype, name, show(peak / 2**20, 1, "MiB"), show(peak / peaks["numpy"], 2, "times")])


def run(options: Namespace) -> None:
    """Measure each in a process of its own, and print the tables."""
    print(describe_machine("numpy"))
    if resident_bytes() is None:
        print(f"Memory is not measured, as there is no {STATUS} here.")
    quick = options.quick
    print_long_runs(
        options.operations or (10_000 if quick else 1_000_000),
        options.steps or (10 if quick else 1_000),
    )
    if quick:
        print_peaks("W4", ["numpy", "ours"])
    else:
        print_peaks("W5", [name for name in CONTENDERS if all(map(is_installed, PACKAGES[name]))])
