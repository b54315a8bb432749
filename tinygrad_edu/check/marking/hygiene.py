"""What is wrong or will be a trap though every formula may be right: dtypes, shapes, infinities, saturation, aliases.

Some are mistakes: integer weights, a column plus a flat array in the forward pass, log(0), a gradient check that
measures rounding. The rest are notes: they change no gradient of this run.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.activations import recognise
from tinygrad_edu.check.marking.network import Network
from tinygrad_edu.check.marking.probe import Probe
from tinygrad_edu.check.marking.report import Found
from tinygrad_edu.check.marking.trace import Ran, Traced, reachable

__all__ = ["gradient_checks", "integers", "not_finite", "not_finite_gradients", "notes", "stretched"]

ENTRYWISE = (ops.add, ops.subtract, ops.multiply, ops.divide)
A_CHECK = re.compile(r"(num|approx|finite|diff).*grad|grad.*(check|num|approx)|check.*grad|finite_?diff", re.IGNORECASE)
A_STEP = re.compile(r"eps(ilon)?|h|delta|step|dx|dw|tiny", re.IGNORECASE)
SMALLEST = 1e-9  # a step below that gives mostly rounding


def notes(traced: Traced, ran: Ran, probe: Probe, network: Network | None) -> Iterator[str]:
    """What is no wrong gradient here, but worth knowing."""
    for name in dict.fromkeys(ran.changed):
        kind = "a parameter" if name in traced.params else "an array of the forward pass"
        yield f"backward changes {name} in place, {kind}: the next call sees the change. Work on a copy."
    if "X" in probe.integers:
        yield "int-dtype (G3): X holds integers. It was marked as floats; X + 1e-7 on it would do nothing."
    if probe.float32:
        yield (
            f"eps-or-float32 (G4): {', '.join(probe.float32[:4])} in float32, marked in float64. A numerical gradient "
            "in float32 has three or four right digits at best: check in float64."
        )
    for z, a, share in saturated(network) if network else ():
        yield (
            f"saturated (G6): {share:.0%} of {network.name_of[z]} lie where {network.name_of[a]} is flat, so that the "  # type: ignore[union-attr]
            "gradient is rightly almost 0. That is no mistake of backward: scale the inputs or the weights down."
        )


def saturated(network: Network) -> Iterator[tuple[Node, Node, float]]:
    """Links from a Z to its A where most entries have next to no slope; of relu, where all have none."""
    for z in network.name_of:
        link = network.elementwise(z) if z.op is not None and not network.products(z) else None
        if link is not None and z in network.same_layer(link.a) and link.slope.size:
            share = float(np.mean(np.abs(link.slope) < 1e-4))
            bounded = recognise(z.data, link.pre.data).name in ("sigmoid", "tanh", "softmax")
            if share == 1 or (share > 0.5 and bounded):
                yield z, link.a, share


def integers(probe: Probe, network: Network) -> Iterator[Found]:
    """Weights in whole numbers: every update is cut to whole numbers, or refused."""
    weights = [name for name in probe.integers if network.node_of.get(name) in network.parameters]
    if weights:
        done = f"{', '.join(weights)} hold integers: W -= lr * dW is refused or cut, and W + 1e-7 changes nothing"
        yield Found("G3", weights[0], tuple(weights), done)


def stretched(network: Network, traced: Traced, m: int, file: str) -> Iterator[Found]:
    """A column of examples and a flat array of them in one operation of the forward pass: m by m comes of it."""
    for node in network.nodes[::-1]:
        if node.op not in ENTRYWISE or node.data.shape != (m, m) or m == 1:
            continue
        shapes = [np.shape(x.data if isinstance(x, Node) else x) for x in node.inputs]
        if sorted(shapes, key=len) in ([(m,), (m, 1)], [(1, m), (m, 1)], [(m, 1), (1, m)]):
            names = [network.name_of.get(x, "") if isinstance(x, Node) else "" for x in node.inputs]
            said = " and ".join(f"{name} {shape}".strip() for name, shape in zip(names, shapes, strict=True))
            done = f"in forward, `{node.op.name}` of {said} gives {node.data.shape}: every example meets every other"
            line = traced.line_of(node)
            text = linecache.getline(file, line).strip() if line else ""
            yield Found("E9", "forward", ("forward",), done, "", line, text)
            return


def not_finite(traced: Traced, file: str) -> Found:
    """Where the NaN or infinity of the cost comes from."""
    done, line = f"the cost is {traced.value}", None
    if traced.cost is not None:
        node: Any = traced.cost
        while broken := [x for x in node.inputs if isinstance(x, Node) and not np.isfinite(x.data).all()]:
            node = broken[0]
        values = [np.asarray(x.data if isinstance(x, Node) else x) for x in node.inputs]
        zero = node.op is ops.log and any((x == 0).any() for x in values)
        what = "log(0)" if zero else f"`{node.op.name}`" if node.op else "a value that was given"
        count = int((~np.isfinite(node.data)).sum())
        done += f": {what} gives it first, in {count} of {node.data.size} entries"
        line = traced.line_of(node) if node.op else None
    return Found("G5", "cost", ("cost",), done, "", line, linecache.getline(file, line).strip() if line else "")


def not_finite_gradients(ran: Ran, file: str) -> Iterator[Found]:
    """The first value of backward that is not finite: a division by 0 at saturation, infinity times 0."""
    returned = ran.returned if isinstance(ran.returned, dict) else {}
    broken = [key for key, g in returned.items() if not finite(g)]
    if not broken:
        return
    first = next((binding for binding in ran.bindings if not finite(binding.value)), None)
    term = first.name if first is not None and first.name in returned else broken[0]
    value = np.asarray(returned[term] if first is None else first.value)
    line = first.line if first is not None else None
    count, name = int((~np.isfinite(value)).sum()), first.name if first is not None else term
    done = f"{count} of {value.size} entries of {name} are not finite, though the cost is"
    text = linecache.getline(file, line).strip() if line else ""
    yield Found("G5", term, tuple(broken), done, "", line, text)


def finite(x: Any) -> bool:
    array = np.asarray(x)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def gradient_checks(*functions: Callable[..., Any]) -> Iterator[Found]:
    """Numerical gradients of the person's own that measure rounding: a step too small, or float32."""
    files = {function_file(function) for function in functions} - {""}
    seen = {inspect.unwrap(function) for function in functions}
    for function in functions:
        for other in reachable(function):
            if not inspect.isfunction(other) or other in seen or function_file(other) not in files:
                continue
            seen.add(other)
            if A_CHECK.search(other.__name__) and (fault := of_check(other)):
                line, text, done = fault
                yield Found("G4", other.__name__, (other.__name__,), done, "", line, text)


def function_file(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code else ""


def of_check(function: Callable[..., Any]) -> tuple[int, str, str] | None:
    """The line of a numerical gradient that is at fault, its text, and why."""
    try:
        lines, start = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return None
    for name, value, number in steps_in(tree):
        if 0 < value < SMALLEST:
            done = f"the step {name} = {value:g} is so small that J(W + {name}) − J(W) is rounding; take about 1e-6"
            return start + number - 1, lines[number - 1].strip(), done
    for number, line in enumerate(lines, start=1):
        if re.search(r"\bfloat(32|16)\b", line.split("#")[0]):
            done = "the differences are taken in float32: few digits of them are right; take float64"
            return start + number - 1, line.strip(), done
    return None


def added(divisor: ast.expr) -> bool:
    """Whether a divisor is a sum: an epsilon in it keeps it from being 0, and is no step."""
    return any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) for node in ast.walk(divisor))


def steps_in(tree: ast.AST) -> Iterator[tuple[str, float, int]]:
    """The numbers that a difference is divided by, by name: arguments and variables."""
    below = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        for name in ast.walk(node.right)
        if isinstance(name, ast.Name) and A_STEP.fullmatch(name.id) and not added(node.right)
    }
    for node in ast.walk(tree):
        pairs: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args]
            pairs += zip((x.arg for x in arguments[::-1]), node.args.defaults[::-1], strict=False)
            pairs += zip((x.arg for x in node.args.kwonlyargs), node.args.kw_defaults, strict=True)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            pairs.append((node.targets[0].id, node.value))
        for name, value in pairs:
            if name in below and isinstance(value, ast.Constant) and isinstance(value.value, float):
                yield name, value.value, value.lineno
