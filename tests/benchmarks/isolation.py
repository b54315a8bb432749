"""Processes of their own, so that nothing measured can disturb anything else.

A package may start threads, change the allocator or fill caches when it is imported; what is
measured beside it would pay or profit. `run_alone` is for one call, `Worker` for a conversation.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def pin_to_one_core() -> None:
    """Stay on one core, the same for every process; where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def start_context(threads: str = "one") -> SpawnContext:
    """How processes start: empty, and with one thread for linear algebra or as many as it likes."""
    for name in THREADS:  # inherited, and so set before NumPy is imported there
        os.environ.pop(name, None)
        if threads == "one":
            os.environ[name] = "1"
    return multiprocessing.get_context("spawn")


def run_alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of one call in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=start_context(), initializer=pin_to_one_core) as executor:
        return executor.submit(function, *arguments).result()


def serve(connection: Connection, threads: str, build: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Build an object, then answer requests (method, arguments) until there are no more."""
    if threads == "one":
        pin_to_one_core()
    contender = build(*arguments)
    while True:
        try:
            method, request = connection.recv()
        except EOFError:
            return
        connection.send(getattr(contender, method)(*request))


class Worker:
    """A fresh process that holds one object, whose methods are called from here."""

    def __init__(self, build: Callable[..., Any], *arguments: Any, threads: str = "one") -> None:
        context = start_context(threads)
        self.connection, other_end = context.Pipe()
        self.process = context.Process(target=serve, args=(other_end, threads, build, arguments), daemon=True)
        self.process.start()
        other_end.close()  # the process holds it now: when it dies, `recv` ends

    def call(self, method: str, *request: Any) -> Any:
        """The result of a method of the object."""
        try:
            self.connection.send((method, request))
            return self.connection.recv()
        except (EOFError, ConnectionError):
            raise SystemExit(
                f"Worker: the process must live until it is closed; got its end during {method}(). "
                "Its own error stands above."
            ) from None

    def close(self) -> None:
        """Let the process end, and wait for it."""
        self.connection.close()
        self.process.join()
