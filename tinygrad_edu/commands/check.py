"""`tinygrad-edu check`: mark the backprop in a file, or in many.

Of many, each is marked in a process of its own, which can neither hang nor end the others. Read next:
`../check/marking/files.py`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from tinygrad_edu.check.marking.files import backprop_in
from tinygrad_edu.check.marking.report import Report, title
from tinygrad_edu.writing import write

__all__ = ["check"]


def check(files: Sequence[Path], html: Path | None, show_fix: bool, seconds: float) -> int:
    """Print the report on a file, or one line on each of several; returns the exit status.

    Raises:  ValueError, RuntimeError, OSError for a single file that cannot be marked
    """
    if len(files) > 1:
        return check_each(files, html, show_fix, seconds)
    report = backprop_in(files[0], show_fix)
    print(report)
    if html:
        write(html, report.to_html().encode())
        print(f"\n{html}: the same as a page.")
    return status(report)


def status(report: Report) -> int:
    """0 right, 1 mistakes, 2 not marked."""
    return 2 if report.unmarked else 0 if report.ok else 1


def check_each(files: Sequence[Path], pages: Path | None, show_fix: bool, seconds: float) -> int:
    """One line on each file, and its page in a directory; returns the highest exit status."""
    root = os.path.commonpath([file.resolve().parent for file in files])
    width, found = max(len(str(file)) for file in files), []
    for file in files:
        number, line, page = apart(file, show_fix, seconds)
        print(f"{file!s:{width}}  {line}", flush=True)
        found.append(number)
        if pages:
            path = (pages / file.resolve().relative_to(root)).with_suffix(".html")
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, page.encode(errors="replace"))
    print(f"\n{len(files)} files: {found.count(0)} right, {found.count(1)} with mistakes, {found.count(2)} not marked.")
    return max(found)


def apart(file: Path, show_fix: bool, seconds: float) -> tuple[int, str, str]:
    """Exit status, line and page of a file, marked in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=mark, args=(file, show_fix, there))
    process.start()
    there.close()  # so that the end of the process is the end of the pipe
    try:
        if not here.poll(seconds):
            return told(unmarked(f"it took longer than {seconds:g} seconds."))
        number, line, page = json.loads(here.recv_bytes())
        return number, line, page
    except (EOFError, OSError):
        return told(unmarked("its process ended before it could be marked."))
    finally:
        process.kill()
        process.join()


def mark(file: Path, show_fix: bool, pipe: Connection) -> None:
    """What that process does: no word of the program is shown, no window opened, no key waited for."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.environ["MPLBACKEND"] = "agg"
    try:
        report = backprop_in(file, show_fix)
    except (ValueError, TypeError, RuntimeError, OSError, MemoryError) as error:
        report = unmarked(str(error).removeprefix("check: "))
    pipe.send_bytes(json.dumps(told(report)).encode())


def unmarked(why: str) -> Report:
    return Report((), (), notes=(why,), unmarked=True)


def told(report: Report) -> tuple[int, str, str]:
    """Exit status, line and page."""
    line = "; ".join(map(title, report.mistakes))
    if not line:
        line = " ".join(["not marked:" if report.unmarked else report.headline(), *report.notes])
    return status(report), line, report.to_html()
