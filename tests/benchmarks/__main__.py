"""Benchmarks of tinygrad_edu, run from a checkout: `python tests/benchmarks training_step`.

training_step   time of one training step, beside NumPy by hand and PyTorch
overhead        time of one recorded operation, beside NumPy's own; time of the import
memory          bytes of long graphs and large networks, and whether they are freed
marking         how many slips in random hand-written backprops are found and named
processes       time of one training step in one and in several processes
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import marking
import memory
import overhead
import processes
import training_step

COMMANDS = {
    "training_step": training_step,
    "overhead": overhead,
    "memory": memory,
    "marking": marking,
    "processes": processes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.add_argument("--quick", action="store_true", help="one tiny round, to see that it runs")
    options = parser.parse_args()
    sys.path.insert(1, str(Path(__file__).parents[2]))  # the checkout, before anything installed
    COMMANDS[options.command].run(options)


if __name__ == "__main__":
    main()
