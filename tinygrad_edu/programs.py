"""Run a person's own program, and say which of its lines raised an error.

with importable(path.parent):
    module = load(path, "draw")
with blamed(path, "draw"):
    module.main()                # RuntimeError: draw: homework.py, line 12, raised KeyError: 'W2'
"""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

__all__ = ["blamed", "importable", "load"]


def load(path: Path, caller: str) -> ModuleType:
    """Run a file as a module of its own: what stands under `if __name__ == "__main__"` is not run.

    Raises:  FileNotFoundError; ValueError if it is no Python file; RuntimeError for an exception in it
    """
    if path.is_dir():
        raise ValueError(
            f"{caller}: needs a file; got the directory {str(path)!r}. Name what is in it: {path / '*.py'}"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{caller}: the file must exist; got {str(path)!r}. Mend the name, or go to its directory."
        )
    spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)  # no other module goes by that name
    if spec is None or spec.loader is None:
        raise ValueError(f"{caller}: the file must be a Python program, with a name in .py; got {str(path)!r}.")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    linecache.checkcache(str(path))
    given, sys.argv = sys.argv, [str(path)]  # options of this program's own are none of theirs
    try:
        with blamed(str(path), caller):
            spec.loader.exec_module(module)
    finally:
        sys.argv = given
    return module


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Modules beside the program can be imported, as when Python runs it; what it prints goes to the error stream."""
    before = sys.path.copy()
    sys.path.insert(0, str(folder.resolve()))
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


@contextmanager
def blamed(where: str, caller: str) -> Iterator[None]:
    """Turn an exception in the person's program into one that names its line in a sentence."""
    try:
        yield
    except (Exception, SystemExit) as error:
        said = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise RuntimeError(f"{caller}: {line_of(error) or where} raised {what}") from error


def line_of(error: BaseException) -> str:
    """The last line of the person's program that an exception passed: not one of a library or of this package."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    libraries = (Path(__file__).parent, Path(importlib.__file__).parents[1])
    for file, number in reversed(lines):
        path = Path(file)
        if path.is_file() and "site-packages" not in path.parts and not set(libraries) & set(path.parents):
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            return f"{shown}, line {number},"
    return ""
