"""Where and when something was measured, and how it is printed."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path


def describe_machine(*packages: str) -> str:
    """One line: processor, cores, date, versions."""
    machine = f"{processor_model()}, {os.cpu_count()} cores, {datetime.date.today().isoformat()}"
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    return ", ".join([machine, f"Python {platform.python_version()}", *versions])


def is_installed(package: str) -> bool:
    """Whether pip knows the package here."""
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def processor_model() -> str:
    """The name the processor gives itself, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def print_row(cells: Iterable[object]) -> None:
    """One row of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def print_header(cells: list[str]) -> None:
    """The first row of a Markdown table and the rule under it."""
    print()
    print_row(cells)
    print_row(["---"] * len(cells))
