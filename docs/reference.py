"""Write the page of public names from their docstrings: python docs/reference.py"""

import inspect
from operator import attrgetter
from pathlib import Path

import tinygrad_edu as tg

PAGE = Path(__file__).parent / "reference.md"
HEAD = """# All public names

Each with its arguments and the first line of its docstring; `help(tg.cross_entropy)` shows the rest: the formula and
its gradient, shapes, errors. `import tinygrad_edu as tg` gives the first table, and the modules of the others as
attributes. NumPy's own functions work on Tensors as they are: [these](coverage.md). This page is written by
`python docs/reference.py`.
"""
MODULES = {
    "": "Tensors, functions and what reads a graph",
    "nn": "Layers, networks, losses",
    "nn.init": "First weights",
    "optim": "Optimizers and schedules",
    "data": "Data sets, tables and batches",
    "autograd": "The chain rule",
    "func": "Transforms of functions",
    "check": "Checking gradients, and marking those written by hand",
    "plot": "Plots",
    "onnx": "Models as ONNX files",
    "distributed": "More than one process",
}


def arguments(x: object) -> str:
    """The names of the arguments, with the defaults that are short."""
    parts = []
    for name, parameter in inspect.signature(x).parameters.items():
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = parameter.default
        simple = isinstance(default, bool | int | float | str | tuple | None)
        shown = "" if default is parameter.empty else f"={default!r}" if simple else "=..."
        parts.append(f"{stars}{name}{shown}")
    return ", ".join(parts)


def rows(module: str) -> list[str]:
    """A line for each public name of a module that is no module itself."""
    found = attrgetter(module)(tg) if module else tg
    lines = []
    for name in found.__all__:
        x = getattr(found, name)
        if inspect.ismodule(x):
            continue
        summary = (inspect.getdoc(x) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{name}({arguments(x)})` | {summary} |")
    return lines


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for module, title in MODULES.items():
        prefix = f"tg.{module}".rstrip(".")
        parts.append(f"## {title}: `{prefix}`\n\n| name | |\n| --- | --- |\n" + "\n".join(rows(module)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
