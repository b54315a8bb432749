"""Another Python, which must find the package under test, too."""

import os
import subprocess
import sys
from pathlib import Path

import tinygrad_edu as tg


def environment(**variables):
    """The variables of this process and those given, with the package on the path."""
    paths = [str(Path(tg.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | variables


def start(*arguments, **variables):
    """A Python with warnings as errors, and with pipes for the bytes that it writes."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    return subprocess.Popen(command, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
