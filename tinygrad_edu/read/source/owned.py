"""The function of an op of one's own as text, where it cannot be written down by what it does.

    definition(op, Naming())          ("swish", "def swish(x):\\n    ...")

What a person defined with `def` or `lambda` is taken from their file, if it needs nothing but NumPy.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from types import CodeType
from typing import Any

import numpy as np

from tinygrad_edu.ops import Op
from tinygrad_edu.read.source.naming import Naming

__all__ = ["definition"]


def definition(op: Op, naming: Naming) -> tuple[str, str]:
    """The name and the text of the op's forward function.

    Raises:  NotImplementedError if its text is not known, or needs more than NumPy
    """
    function = op.forward
    if not hasattr(function, "__code__"):
        raise refusal(op, "its function is not written in Python")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        raise refusal(op, "its function has no text that can be read") from None
    found = [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef if named(function) else ast.Lambda)]
    if len(found) != 1:
        raise refusal(op, f"there are {len(found)} functions in the lines of its definition")
    needs = [name for name in names_in(function.__code__) if not known(name, function)]
    if needs or function.__closure__:
        raise refusal(op, f"its function needs {', '.join(needs) or 'what stands around it'}")
    made: Any = found[0]
    if isinstance(made, ast.Lambda):
        name = naming.name("own")
        return name, f"def {name}({ast.unparse(made.args)}):\n    return {ast.unparse(made.body)}\n"
    name = made.name = naming.name(made.name)
    made.decorator_list, made.returns = [], None
    for argument in ast.walk(made.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return name, ast.unparse(made) + "\n"


def named(function: Any) -> bool:
    return bool(function.__code__.co_name != "<lambda>")


def names_in(code: CodeType) -> list[str]:
    """The global names that a function asks for."""
    inner = [name for x in code.co_consts if isinstance(x, CodeType) for name in names_in(x)]
    return [*code.co_names, *inner]


def known(name: str, function: Any) -> bool:
    """Whether a name is NumPy, Python's own, or an attribute."""
    if name in function.__globals__:
        return function.__globals__[name] is np and name == "np"
    return hasattr(builtins, name) or hasattr(np, name) or hasattr(np.ndarray, name)


def refusal(op: Op, reason: str) -> NotImplementedError:
    return NotImplementedError(
        f"source: the op must be written with NumPy; got {op.name}, of which {reason}. "
        "Write its forward function with NumPy functions alone, without branching on values."
    )
