"""A line that raised an error: which one change makes it give the right gradient?

Every transpose is added or taken away, every @ made a * and every * an @, every array replaced by another one that the
line could read; then two transposes at once. The line is tried again on the values that it had.
"""

from __future__ import annotations

import ast
import copy
import linecache
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.judged import Marked, named_value
from tinygrad_edu.check.marking.network import Network
from tinygrad_edu.check.marking.reached import proportional
from tinygrad_edu.check.marking.trace import Failure

__all__ = ["repaired"]

WITH_SHAPES = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult)
LINES = 6  # that one statement may go on for


def repaired(failure: Failure, marked: Marked) -> tuple[str, str, str] | None:
    """The gradient that the line was to compute, the mistake's id and what was done; None if no change helps."""
    network, statement = marked.network, statement_of(failure)
    if network is None or statement is None:
        return None
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    key = target(targets[0])
    node = network.node_of.get(named_value(key, network.node_of)) if key else None
    wanted = [node] if node is not None and node in network.right else [*network.parameters, *network.name_of]
    for kind, text, expression in changes(statement.value, failure):
        value = evaluated(expression, failure)
        if value is None:
            continue
        for x in wanted:
            if value.shape == x.data.shape and proportional(value, np.asarray(network.right[x])):
                return key, kind_id(kind, x, network), text
    return None


def statement_of(failure: Failure) -> Any:
    """The assignment in the line of a failure, which may go on for some lines."""
    lines = [failure.text]
    if failure.file and failure.line:
        lines += [linecache.getline(failure.file, failure.line + k) for k in range(1, LINES)]
    for count in range(1, len(lines) + 1):
        try:
            statement = ast.parse("\n".join(lines[:count])).body[0]
        except (SyntaxError, IndexError):
            continue
        return statement if isinstance(statement, ast.Assign | ast.AugAssign) else None
    return None


def evaluated(expression: ast.expr, failure: Failure) -> np.ndarray | None:
    """What an expression gives on the values that the line had."""
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(expression)), "<repair>", "eval")
        with np.errstate(all="ignore"):
            return np.asarray(eval(code, dict(failure.scope)), float)
    except Exception:  # this change does not run either
        return None


def kind_id(kind: str, node: Node, network: Network) -> str:
    """Which mistake a change undoes."""
    if kind == "entries" and node in network.parameters:
        return "E5"
    return {"transpose": "E8", "entries": "B16", "product": "E5"}.get(kind, kind)


def target(place: ast.expr) -> str:
    """The name that is assigned, a variable or a key."""
    if isinstance(place, ast.Name | ast.Attribute):
        return place.id if isinstance(place, ast.Name) else place.attr
    if isinstance(place, ast.Subscript) and isinstance(place.slice, ast.Constant):
        return str(place.slice.value)
    return ""


def changes(expression: ast.expr, failure: Failure) -> Iterator[tuple[str, str, ast.expr]]:
    """The expression with one thing changed: the kind of the change, a sentence, the new expression."""
    nodes: list[Any] = list(ast.walk(expression))
    operands: list[int] = []
    for k, node in enumerate(nodes):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Mult):
            matrix = isinstance(node.op, ast.MatMult)
            other, new = found(expression, k)
            other.op = ast.Mult() if matrix else ast.MatMult()  # type: ignore[attr-defined]
            yield "entries" if matrix else "product", swapped_text(node, matrix), new
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("dot", "matmul"):
            if len(node.args) == 2:
                other, new = found(expression, k)
                other.func = ast.parse("__import__('numpy').multiply", mode="eval").body  # type: ignore[attr-defined]
                yield "entries", swapped_text(node, True), new
            elif isinstance(node.func, ast.Attribute):  # a.dot(b)
                operands.append(next(i for i, x in enumerate(nodes) if x is node.func.value))
            operands += [i for i, x in enumerate(nodes) if any(x is a for a in node.args)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, WITH_SHAPES):
            operands += [i for i, x in enumerate(nodes) if x is node.left or x is node.right]
    for k in operands:
        yield "transpose", transposed_text(nodes[k]), toggled(expression, [k])
    yield from replaced(expression, nodes, failure)
    for k, other_k in combinations(operands, 2):
        text = f"{transposed_text(nodes[k])}, and {transposed_text(nodes[other_k])}"
        yield "transpose", text, toggled(expression, [k, other_k])


def replaced(expression: ast.expr, nodes: list[Any], failure: Failure) -> Iterator[tuple[str, str, ast.expr]]:
    """The expression with another array that the line could read in the place of one."""
    known = {name: x for name, x in failure.scope.items() if isinstance(x, np.ndarray) and x.ndim}
    for home in ("cache", "params"):
        entries = failure.scope.get(home)
        if isinstance(entries, dict):
            known |= {f"{home}[{k!r}]": x for k, x in entries.items() if isinstance(x, np.ndarray) and x.ndim}
    arrays = {text: x for k, (text, x) in enumerate(known.items()) if not any(x is y for y in [*known.values()][:k])}
    for k, node in enumerate(nodes):
        if not isinstance(node, ast.Name | ast.Subscript):
            continue
        held = evaluated(copy.deepcopy(node), failure)
        for text, x in arrays.items() if held is not None and held.ndim else ():
            if x.shape != held.shape:  # type: ignore[union-attr]
                new = with_node(expression, [k], lambda _, text=text: ast.parse(text, mode="eval").body)
                said = f"`{ast.unparse(node)}` stands where {text} belongs"
                yield wrong_array(ast.unparse(node), text), said, new


def wrong_array(one: str, other: str) -> str:
    """Which mistake it is that one array stands for another, by their names."""
    wrong, right = (re.findall(r"[A-Za-z]\w*", text.lower())[-1] for text in (one, other))
    if wrong.startswith(("d", "grad")):
        return "D2" if wrong.startswith("da") else "D3"
    if right.startswith(("w", "theta")):
        return "D6"
    return "D4" if wrong.startswith("z") else "D5"


def found(expression: ast.expr, position: int) -> tuple[ast.AST, ast.expr]:
    """A copy of an expression, and the node in it at a position of the walk."""
    new = copy.deepcopy(expression)
    return list(ast.walk(new))[position], new


def swapped_text(node: ast.expr, matrix: bool) -> str:
    if matrix:
        return f"`{ast.unparse(node)}` is a product of matrices; the entries are multiplied one by one"
    return f"`{ast.unparse(node)}` multiplies the entries; a product of matrices belongs here"


def transposed_text(operand: ast.expr) -> str:
    if isinstance(operand, ast.Attribute) and operand.attr == "T":
        return f"`{ast.unparse(operand)}` is transposed where it should not be"
    return f"`{ast.unparse(operand)}` is not transposed"


def toggled(expression: ast.expr, positions: list[int]) -> ast.expr:
    """The expression with .T added to the operands at some positions, or taken away."""

    def toggle(node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Attribute) and node.attr == "T":
            return node.value
        return ast.Attribute(node, "T", ast.Load())

    return with_node(expression, positions, toggle)


def with_node(expression: ast.expr, positions: list[int], change: Any) -> ast.expr:
    """A copy of an expression with the nodes at some positions changed."""
    new = copy.deepcopy(expression)
    chosen = [node for k, node in enumerate(ast.walk(new)) if k in positions]

    class Change(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            inside = super().generic_visit(node)
            return change(inside) if any(node is x for x in chosen) else inside

    turned: Any = Change().visit(new)
    result: ast.expr = turned
    return result
