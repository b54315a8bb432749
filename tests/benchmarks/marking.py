"""How the marker of hand-written backprops does: right networks called right, and every slip found and named.

A slip goes into one layer, or into all, of random networks of several hands (tests/random_networks.py, tests/slips.py).
It is found where the first root cause is the gradient, or the variable, that it was put into, and named by its id or by
another that gives the same numbers.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from report import describe_machine, print_header, print_row


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--networks", type=int, default=40, help="random networks for each slip (default: %(default)s)")
    parser.add_argument("--right", type=int, default=500, help="random networks without one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the networks (default: %(default)s)")


def run(options: Namespace) -> None:
    sys.path.insert(1, str(Path(__file__).parents[1]))
    import random_networks
    import slips

    networks, right = (1, 2) if options.quick else (options.networks, options.right)
    start = time.perf_counter()
    calm = sum(random_networks.network(rng).marked().ok for rng in random_networks.rngs(right, options.seed))
    print(f"{describe_machine('numpy')}\n\nright networks called right: {calm} of {right}")
    print_header(["slip", "inserted", "found", "named"])
    rows = []
    for name in list(slips.SLIPS)[: 3 if options.quick else None]:
        rows.append(slips.tally(name, networks, options.seed))
        print_row([name, *rows[-1]])
    inserted, found, named = (sum(column) for column in zip(*rows, strict=True))
    print_row(["all", inserted, found, named])
    seconds = (time.perf_counter() - start) / (inserted + right)
    print(f"\nfound {found / inserted:.1%}, named {named / inserted:.1%}; {seconds:.2f} s a network")
