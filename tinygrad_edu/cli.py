"""The command `tinygrad-edu`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinygrad_edu import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tinygrad-edu",
        description="The autograd you can read.",
        epilog="Example: tinygrad-edu demo --out demo --seed 1",
    )
    parser.add_argument("--version", action="version", version=f"tinygrad_edu {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="train on real data and compare the last-layer gradient with the textbook",
        description="Train a network on the breast-cancer data, then compare autograd with the hand-written formulas.",
    )
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("tinygrad-edu-demo"),
        metavar="DIR",
        help="where the pictures go (default: %(default)s)",
    )
    demo.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="seed of the split, the weights and the batches (default: %(default)s)",
    )
    demo.add_argument("--quiet", action="store_true", help="print nothing, only write the pictures")

    options = parser.parse_args(arguments)
    try:
        return run_demo(options)
    except (OSError, ValueError) as error:
        print(f"tinygrad-edu: {error}", file=sys.stderr)
        return 2


def seed(text: str) -> int:
    """A seed given on the command line."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"the seed must be a whole number, 0 or more; got {text!r}.")
    return int(text)


def run_demo(options: argparse.Namespace) -> int:
    from tinygrad_edu.demo import demo

    demo(options.out, options.seed, options.quiet)
    return 0
