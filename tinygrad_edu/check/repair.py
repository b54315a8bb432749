"""A line that raised an error: which one change makes it give the right gradient?

Every transpose is added or taken away, every @ made a * and every * an @, and the line is tried again on the
values that the line had.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu.check.diagnose import proportional
from tinygrad_edu.check.judged import Marked, named_value
from tinygrad_edu.check.trace import Failure

__all__ = ["repaired"]


def repaired(failure: Failure, marked: Marked) -> tuple[str, str, str] | None:
    """The gradient that the line was to compute, the mistake's id and what was done; None if no change helps."""
    network = marked.network
    try:
        statement = ast.parse(failure.text).body[0]
    except (SyntaxError, IndexError):
        return None
    if network is None or not isinstance(statement, ast.Assign):
        return None
    key = target(statement.targets[0])
    node = network.node_of.get(named_value(key, network.node_of)) if key else None
    if node is None or node not in network.right:
        return None
    parameter = node in network.parameters
    for kind, text, expression in changes(statement.value):
        try:
            code = compile(ast.fix_missing_locations(ast.Expression(expression)), "<repair>", "eval")
            with np.errstate(all="ignore"):
                value = np.asarray(eval(code, dict(failure.scope)), float)
        except Exception:  # this change does not run either
            continue
        if value.shape == node.data.shape and proportional(value, np.asarray(network.right[node])):
            found = {"transpose": "E8", "entries": "B16", "product": "E5"}[kind]
            if kind == "entries" and parameter:
                continue
            return key, found, text
    return None


def target(place: ast.expr) -> str:
    """The name that is assigned, a variable or a key."""
    if isinstance(place, ast.Name):
        return place.id
    if isinstance(place, ast.Subscript) and isinstance(place.slice, ast.Constant):
        return str(place.slice.value)
    return ""


def changes(expression: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
    """The expression with one thing changed: the kind of the change, a sentence, the new expression."""
    for k, node in enumerate(ast.walk(expression)):
        operands: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Mult):
            matrix = isinstance(node.op, ast.MatMult)
            other, new = found(expression, k)
            if isinstance(other, ast.BinOp):
                other.op = ast.Mult() if matrix else ast.MatMult()
                said = f"`{ast.unparse(node)}` is a product of matrices; the entries are multiplied one by one"
                if not matrix:
                    said = f"`{ast.unparse(node)}` multiplies the entries; a product of matrices belongs here"
                yield ("entries" if matrix else "product"), said, new
            operands = [node.left, node.right] if matrix else []
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("dot", "matmul"):
            operands = node.args
            other, new = found(expression, k)
            if isinstance(other, ast.Call) and len(other.args) == 2:
                other.func = ast.parse("__import__('numpy').multiply", mode="eval").body
                yield (
                    "entries",
                    f"`{ast.unparse(node)}` is a product of matrices; the entries are multiplied one by one",
                    new,
                )
        for operand in operands:
            position = next(i for i, x in enumerate(ast.walk(expression)) if x is operand)
            yield "transpose", transposed_text(operand), toggled(expression, position)


def found(expression: ast.expr, position: int) -> tuple[ast.AST, ast.expr]:
    """A copy of an expression, and the node in it at a position of the walk."""
    new = copy.deepcopy(expression)
    return list(ast.walk(new))[position], new


def transposed_text(operand: ast.expr) -> str:
    if isinstance(operand, ast.Attribute) and operand.attr == "T":
        return f"`{ast.unparse(operand)}` is transposed where it should not be"
    return f"`{ast.unparse(operand)}` is not transposed"


def toggled(expression: ast.expr, position: int) -> ast.expr:
    """The expression with .T added to the operand at a position, or taken away."""
    operand, new = found(expression, position)

    class Toggle(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            if node is operand and isinstance(node, ast.expr):
                if isinstance(node, ast.Attribute) and node.attr == "T":
                    return node.value
                return ast.Attribute(node, "T", ast.Load())
            return super().generic_visit(node)

    turned: Any = Toggle().visit(new)
    return turned
