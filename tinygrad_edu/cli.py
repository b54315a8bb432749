"""The command `tinygrad-edu`.

Exit status: 0 if all was done, 1 if something on this machine is missing (Graphviz, a browser) or `check` found a
mistake, 2 if what was asked for cannot be done as it was asked, 130 if Ctrl-C ended it.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from tinygrad_edu import __version__
from tinygrad_edu.commands.config import OPTIONS, REAL, TOYS, Option

__all__ = ["main"]

TARGETS = """\
targets:
  neuron        one sigmoid neuron with cross-entropy, on one example
  mlp           a 2-3-1 network with tanh, a sigmoid output and cross-entropy
  last-layer    sigmoid and binary cross-entropy written out
  softmax       softmax and the log-likelihood written out
  FILE.py:name, package.module:name
                a Tensor, or a function of no arguments that returns one
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tinygrad-edu",
        description="The autograd you can read.",
        epilog="Example: tinygrad-edu demo --out demo --seed 1",
    )
    parser.add_argument("--version", action="version", version=f"tinygrad_edu {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_demo(commands)
    add_train(commands)
    add_predict(commands)
    add_explain(commands)
    add_check(commands)
    add_source(commands)
    add_draw(commands)
    if "_ARGCOMPLETE" in os.environ:  # a shell asks how the line goes on
        import argcomplete

        argcomplete.autocomplete(parser)
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    options, rest = parser.parse_known_args(arguments)
    if rest:
        data = options.run is run_train and not rest[0].startswith("-")
        parser.error(f"unrecognized arguments: {' '.join(rest)}{f'; write --data {rest[0]}' * data}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an output that knows no ᵀ gets a question mark
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:  # of train, before or after the training, which ends by itself
        return failed("stopped by Ctrl-C.", 130)
    except OSError as error:
        return failed(f"{error.filename}: {error.strerror}" if error.filename else error, 2)
    except ImportError as error:
        return failed(error, 1)
    except (ValueError, RuntimeError, FloatingPointError, MemoryError) as error:
        return failed(error, 2)


def failed(error: Exception | str, status: int) -> int:
    """Say what went wrong, on a terminal in lines that end with a word; returns the exit status."""
    text = f"tinygrad-edu: {error}"
    if sys.stderr.isatty():
        text = textwrap.fill(text, get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)
    print(text, file=sys.stderr)
    return status


# train and predict


def add_train(commands: Any) -> None:
    """The options of `tinygrad-edu train`."""
    train = commands.add_parser(
        "train",
        help="train a network on a data set, or on a table of yours",
        description="Train a network, show how it goes and how well it does on what was held out, and write weights, "
        "history and pictures to a directory. Spirals, iris, cancer and digits have some defaults of their own; so "
        "have sgd and momentum, of --lr. Exit status: 0 trained, 1 a package is missing, 2 it cannot be done as asked, "
        "130 ended by Ctrl-C, with all written that there was.",
        epilog="Example: tinygrad-edu train --data moons --hidden 16 16 --epochs 60 --seed 1 --out moons",
    )
    for name, option in OPTIONS.items():
        add_option(train, name, option)
    train.add_argument("--out", type=Path, metavar="DIR", help="where it is written to (default: runs/DATA-1, -2, ...)")
    train.add_argument("--resume", action="store_true", help="go on with the run in DIR, as if it had not stopped")
    train.add_argument("--config", type=Path, metavar="FILE.toml", help="read options; the command line overrides them")
    train.set_defaults(run=run_train)


def add_option(train: argparse.ArgumentParser, name: str, option: Option) -> None:
    """One row of the table of options, as a flag; what is not given is None."""
    flag, several = f"--{name.replace('_', '-')}", isinstance(option.default, list)
    if option.kind is bool:
        train.add_argument(flag, action=argparse.BooleanOptionalAction, help=option.help)
        return
    shown = " ".join(map(str, option.default)) if several else option.default
    action: Any = train.add_argument(
        flag,
        type=option.kind,
        nargs="*" if several else None,
        choices=[word for word in option.choices if word] or None,
        metavar=None if option.choices else {int: "N", float: "X"}.get(option.kind, name.upper()),
        help=option.help if shown == "" else f"{option.help} (default: {shown})",
    )
    if name == "data":
        action.completer = data_sets


def data_sets(prefix: str, **_: Any) -> list[str]:
    """What a shell may go on with after --data."""
    from argcomplete.completers import FilesCompleter

    return [*TOYS, *REAL, *FilesCompleter()(prefix)]


def run_train(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu train`; returns the exit status."""
    from tinygrad_edu.commands.train import train

    given = {name: getattr(options, name) for name in OPTIONS}
    return train(given, options.config, options.out, options.resume)


def add_predict(commands: Any) -> None:
    """The options of `tinygrad-edu predict`."""
    predict = commands.add_parser(
        "predict",
        help="apply a network that train has left to the rows of a file",
        description="Print the answer for each row of a CSV or TSV file as CSV, and for classes their probabilities. "
        "Columns are found by name. Where the target is among them, how many are right goes to the error stream.",
        epilog="Example: tinygrad-edu predict moons points.csv > answers.csv",
    )
    predict.add_argument("directory", type=Path, metavar="DIR", help="the directory of a run of train")
    predict.add_argument(
        "file", type=Path, metavar="FILE", help="the rows, in the columns that the network was trained on"
    )
    predict.set_defaults(run=run_predict)


def run_predict(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu predict`; returns the exit status."""
    from tinygrad_edu.commands.predict import predict

    return predict(options.directory, options.file)


# demo


def add_demo(commands: Any) -> None:
    """The options of `tinygrad-edu demo`."""
    demo = commands.add_parser(
        "demo",
        help="train on real data and compare the last-layer gradient with the textbook",
        description="Train a network on the breast-cancer data, then compare autograd with the hand-written formulas.",
        epilog="Example: tinygrad-edu demo --out demo --seed 1",
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
    demo.set_defaults(run=run_demo)


def seed(text: str) -> int:
    """A seed given on the command line."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"the seed must be a whole number, 0 or more; got {text!r}.")
    return int(text)


def run_demo(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu demo`; returns the exit status."""
    from tinygrad_edu.demo import demo

    demo(options.out, options.seed, options.quiet)
    return 0


# draw


def add_draw(commands: Any) -> None:
    """The options of `tinygrad-edu draw`."""
    draw = commands.add_parser(
        "draw",
        help="draw a graph: of a built-in example, or of a tensor in your own file",
        description="Draw a graph as a picture, as text, or as a page that steps through backprop.",
        epilog=TARGETS + "\nExample: tinygrad-edu draw homework.py:loss --out loss.png",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    draw.add_argument("target", metavar="TARGET", help="what to draw, see below")
    draw.add_argument(
        "--out", type=Path, metavar="FILE", help="svg, png, pdf, gv or html (default: the target's name, .svg)"
    )
    draw.add_argument(
        "--backward", action="store_true", help="draw the graph of the gradient by the first parameter instead"
    )
    form = draw.add_mutually_exclusive_group()
    form.add_argument("--page", action="store_true", help="write the page that steps through backprop instead (.html)")
    form.add_argument("--tree", action="store_true", help="print the graph as text; a file is written with --out only")
    draw.add_argument("--open", action="store_true", help="open what was written in the browser")
    draw.set_defaults(run=run_draw)


def run_draw(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu draw`; returns the exit status."""
    from tinygrad_edu.commands import targets
    from tinygrad_edu.graph import Graph
    from tinygrad_edu.read.draw.tree import tree

    title = f"the graph of {options.target}"
    try:
        x, names = targets.find(options.target)
        if options.backward:
            x, names = targets.backward(x, names)
            name = Graph(x, names).outputs[0].name
            title = f"the graph of {name}, the gradient of {options.target} by its first parameter"
    except (TypeError, ImportError) as error:
        return failed(error, 2)
    if options.tree:
        tree(x, names, gradients=not options.backward).show()
        if not options.out:
            return 0
    return write_graph(x, names, title, options)


def write_graph(x: Any, names: Any, title: str, options: argparse.Namespace) -> int:
    """Write the picture or the page, say where it is, and open it if asked to."""
    from tinygrad_edu.read.draw import draw
    from tinygrad_edu.read.draw.explorer import explore

    stem = options.target.rpartition(":")[2] + ("-backward" if options.backward else "")
    path = options.out or Path(f"{stem}.html" if options.page else f"{stem}.svg")
    if options.page:
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"draw: the page must end in .html; got {path.name!r}. Try {path.stem}.html.")
        print(f"{explore(x, path, names)}: {title}, to step through with the arrow keys.")
    else:
        drawing = draw(x, names, edges="none", gradients=False) if options.backward else draw(x, names)
        try:
            print(f"{drawing.save(path)}: {title}. {drawing.note}".rstrip())
        except RuntimeError as error:
            return failed(f"{error} --page and --tree need no Graphviz.", 1)
    if options.open:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            return failed(f"draw: no browser was found. Open {path} yourself.", 1)
    return 0


# explain


def add_explain(commands: Any) -> None:
    """The options of `tinygrad-edu explain`."""
    explain = commands.add_parser(
        "explain",
        help="answer a question about the last layer: derivation, numbers, and the wrong answer people get",
        description="Answer a question about the last layer. Without a topic, list them.",
        epilog="Example: tinygrad-edu explain softmax-nll --html softmax.html",
    )
    explain.add_argument("topic", nargs="?", metavar="TOPIC", help="one of the list")
    explain.add_argument(
        "--layout",
        choices=("rows", "columns"),
        default="rows",
        help="one example a row, as PyTorch has it, or a column (default: %(default)s)",
    )
    explain.add_argument(
        "--html", type=Path, metavar="FILE", help="write the answer as a page that opens offline instead"
    )
    explain.set_defaults(run=run_explain)


def run_explain(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu explain`; returns the exit status."""
    from tinygrad_edu.read.explain import explain

    answer = explain(options.topic, options.layout, options.html)
    print(f"{options.html}: {answer.question}" if options.html and not isinstance(answer, str) else answer)
    return 0


# source


def add_source(commands: Any) -> None:
    """The options of `tinygrad-edu source`."""
    source = commands.add_parser(
        "source",
        help="write out the gradient as the NumPy backprop that a careful person would have written",
        description="Print forward and backward of a graph as a NumPy program.",
        epilog=TARGETS + "\nExample: tinygrad-edu source mlp --sizes 2 16 1 --loss bce",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source.add_argument("target", metavar="TARGET", help="what to write out, see below")
    source.add_argument("--sizes", type=int, nargs="+", metavar="N", help="units of each layer of mlp, inputs first")
    known = OPTIONS["activation"].choices
    source.add_argument(
        "--activation", choices=known, metavar="NAME", help=f"of mlp, between layers: {', '.join(known)}"
    )
    source.add_argument("--loss", choices=("bce", "cross-entropy", "mse"), help="of mlp (default: bce)")
    source.add_argument("--fused", action="store_true", help="last activation and loss of mlp as one op on logits")
    source.add_argument("--layout", choices=("rows", "columns"), help="one example a row, or a column")
    source.add_argument("--no-simplify", action="store_true", help="the chain rule as it is, op by op")
    source.set_defaults(run=run_source)


def run_source(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu source`; returns the exit status."""
    from tinygrad_edu.commands import targets
    from tinygrad_edu.read.source import source

    chosen = options.sizes, options.activation, options.loss, options.fused
    if any(chosen) and options.target != "mlp":
        raise ValueError(f"source: --sizes, --activation, --loss and --fused are for mlp; got {options.target!r}.")
    try:
        J, names = targets.network(*chosen) if any(chosen) else targets.find(options.target, "source")
        source(J, names=names, simplify=not options.no_simplify, layout=options.layout).show()
    except (TypeError, ImportError) as error:
        return failed(error, 2)
    return 0


# check


def add_check(commands: Any) -> None:
    """The options of `tinygrad-edu check`."""
    check = commands.add_parser(
        "check",
        help="mark a backprop written by hand: which line is wrong, and what it looks like was done",
        description="Mark forward(params, X, Y) and backward(params, cache, X, Y) in a file, which also holds params, "
        "X and Y, or init(sizes, rng), data(sizes, m, rng) and SIZES. Of several files, each has one line. Exit "
        "status: 0 right, 1 mistakes found, 2 could not be run; of several, the highest.",
        epilog="Example: tinygrad-edu check homework.py --html homework.html",
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE.py", help="the file with both functions")
    check.add_argument(
        "--html", type=Path, metavar="OUT", help="write the report as a page, too; of several files, into a directory"
    )
    check.add_argument("--show-fix", action="store_true", help="print what the line should be as well")
    check.add_argument(
        "--seconds", type=float, default=60, metavar="N", help="how long each of several may take (default: 60)"
    )
    check.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Run `tinygrad-edu check`; returns the exit status."""
    from tinygrad_edu.commands.check import check

    return check(options.files, options.html, options.show_fix, options.seconds)
