"""Write the page of NumPy's functions and their rules from the table: python docs/coverage.py"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import grad
from tinygrad_edu.ops.op import backwards, cut, product
from tinygrad_edu.protocol import named

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/coverage.md"

#: What each row does where its function has a kink, a jump, or no derivative.
AT_KINKS = {
    "abs": "0 at 0",
    "fabs": "0 at 0",
    "arctan2": "NaN at the origin, which has no angle",
    "cbrt": "infinite at 0, with NumPy's warning",
    "clip": "passes g at its bounds",
    "copysign": "0 at 0",
    "cummax": "the first of equal entries gets all",
    "cummin": "the first of equal entries gets all",
    "fmax": "equal operands share; NaN gets nothing",
    "fmin": "equal operands share; NaN gets nothing",
    "hypot": "0 at the origin",
    "leaky_relu": "the slope at 0 is that of the left",
    "max": "entries that attain it share equally",
    "maximum": "equal operands share",
    "min": "entries that attain it share equally",
    "minimum": "equal operands share",
    "nan_to_num": "0 where x is not finite",
    "nanmax": "entries that attain it share equally; NaN gets nothing",
    "nanmin": "entries that attain it share equally; NaN gets nothing",
    "power": "a^0 is flat at a = 0, and 0^b for b > 0",
    "prod": "exact with zeros, in every order",
    "cumprod": "exact with zeros, in every order",
    "relu": "0 at 0",
    "sign": "0 at the jump",
    "sinc": "exact at 0 and near it",
    "sort": "of equal entries, the first stays first",
    "sqrt": "infinite at 0, with NumPy's warning",
    "std": "0 where all entries are equal",
    "xlogy": "0 log 0 = 0",
    **dict.fromkeys(["floor", "ceil", "rint", "trunc", "fix", "round", "floor_divide", "heaviside"], "0 at the jumps"),
    **dict.fromkeys(["remainder", "fmod"], "the slope at a jump is that beside it"),
}

#: NumPy's functions that have a derivative in two other packages, as their tables list them.
PEERS = {
    "HIPS autograd 1.9.1": """
        absolute add amax amin angle append arccos arccosh arcsin arcsinh arctan arctan2 arctanh array_split
        atleast_1d atleast_2d atleast_3d broadcast_to clip column_stack concatenate conjugate cos cosh cross cumsum
        deg2rad degrees diag diagonal diff divide dot dsplit einsum exp exp2 expand_dims expm1 fabs fft.fft fft.fft2
        fft.fftn fft.fftshift fft.ifft fft.ifft2 fft.ifftn fft.ifftshift fft.irfft fft.irfft2 fft.irfftn fft.rfft
        fft.rfft2 fft.rfftn fliplr flipud fmax fmin full gradient hsplit hstack hypot imag inner kron linalg.cholesky
        linalg.det linalg.eig linalg.eigh linalg.inv linalg.norm linalg.pinv linalg.slogdet linalg.solve linalg.svd
        linspace log log10 log1p log2 logaddexp logaddexp2 matmul max maximum mean min minimum moveaxis multiply
        nan_to_num negative outer pad partition power prod rad2deg radians ravel real real_if_close reciprocal
        remainder repeat reshape roll rollaxis rot90 sin sinc sinh sort split sqrt square squeeze stack std subtract
        sum swapaxes tan tanh tensordot tile trace transpose tril triu var vsplit vstack where""",
    "MyGrad 2.5.0": """
        absolute add amax amin arccos arccosh arcsin arcsinh arctan arctan2 arctanh atleast_1d atleast_2d atleast_3d
        broadcast_to cbrt clip concatenate cos cosh cumprod cumsum divide einsum exp exp2 expand_dims expm1
        linalg.norm log log10 log1p log2 logaddexp logaddexp2 matmul max maximum mean min minimum moveaxis multiply
        negative positive power prod ravel reciprocal repeat reshape roll sin sinh sqrt square squeeze stack std
        subtract sum swapaxes tan tanh transpose var where""",
}
#: Why a function that one of them has is not here.
WHY = {
    **dict.fromkeys(
        ("fft.", "angle", "conjugate", "imag", "real", "real_if_close"), "of complex numbers; Tensors are real"
    ),
    "linalg.eig": "its values are complex in general; `linalg.eigh` is here",
    "full": "NumPy does not hand `np.full(shape, t)` to a Tensor; `np.broadcast_to(t, shape)` does the same",
}


def ours() -> set[str]:
    """NumPy's functions that record: those with a row of rules, and those that are made of rows."""
    rows = {op.numpy for op in ops.TABLE.values() if op.rules or op.every} | set(ops.COMPOSED)
    rows |= {f for f, op in ops.FOR_NUMPY.items() if op.rules or op.every}
    return {name for f in rows if (name := of_numpy(f))}


def questions() -> list[str]:
    """NumPy's functions whose answer is no part of the graph."""
    found = [of_numpy(op.numpy) for op in ops.TABLE.values() if not op.rules and not op.every]
    return [name for name in found if name]


def of_numpy(function: Any) -> str:
    """The name of a function in NumPy; empty for one that is not NumPy's, and for the methods of ufuncs."""
    if isinstance(function, np.ufunc):
        return function.__name__
    module = getattr(function, "__module__", None) or ""
    return named(function) if module.split(".")[0] == "numpy" else ""


class Tidy(ast.NodeTransformer):
    """A rule as a formula: without np., and without the steps that only put a shape right."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Name(node.attr) if isinstance(node.value, ast.Name) and node.value.id == "np" else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        return node.args[0] if name in ("restore", "shaped") else node


def formula(rule: Callable[..., Any]) -> str:
    """The rule's own source: of a lambda or a one-line function what it returns, else the name of the function."""
    if inspect.ismethod(rule):
        return "none"
    if rule.__qualname__.startswith("flat."):
        return "0"
    tree = ast.parse(inspect.getsource(sys.modules[rule.__module__]))
    places = [(line, column) for line, _, column, _ in rule.__code__.co_positions() if line and column]
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == rule.__code__.co_firstlineno:
            start, end = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
            if any(start <= place <= end for place in places):
                return f"`{ast.unparse(Tidy().visit(node.body))}`".replace("|", r"\|")  # a bar would end the cell
    return f"`{rule.__name__}`, below"


def inputs(rule: Callable[..., Any]) -> list[str]:
    """The names of the inputs, as the rule has them: those after g and y."""
    code = rule.__code__
    return list(code.co_varnames[2 : code.co_argcount])


def row(op: ops.Op, cases: dict[str, Any]) -> Iterator[str]:
    """The lines of one op: one for each input."""
    judged = cases[op.name]
    shown = of_numpy(op.numpy)
    name = f"`np.{shown}`" if shown else f"`{op.name}`"
    facts = f"{second_order(judged)} | {sum(len(row.cases) for row in judged)} | {AT_KINKS.get(op.name, '')} |"
    if op.every:
        yield f"| {name} | each | {formula(op.every)} | {facts}"
        return
    names = next((inputs(rule) for rule in op.rules if inspect.isfunction(rule) and inputs(rule)), [])
    for k, rule in enumerate(op.rules):
        by = names[k] if len(names) == len(op.rules) else "x" if len(op.rules) == 1 else "abc"[k]
        yield f"| {'' if k else name} | {by} | {formula(rule)} | {' | | |' if k else facts}"


def second_order(judged: list[Any]) -> str:
    """Whether second derivatives are other than 0, by one case after the other."""
    from op_factory import Case, Setting

    for one in judged:
        for case in one.cases:
            it = Setting(one, Case(*case))
            leaves = it.leaves()
            y = it.op(*it.put(leaves), **it.params)
            slopes = grad(y, leaves, it.weights, create_graph=True)
            along = sum(np.sum(g * v) for g, v in zip(slopes, it.directions, strict=True))
            products = grad(along, leaves, allow_unused=True) if along.requires_grad else ()
            if any(p is not None and np.abs(p.data).max(initial=0) > 1e-9 for p in products):
                return "yes"
    return "0"


def long_rules(chapter: ModuleType, found: list[ops.Op]) -> str:
    """The source of the rules that are more than one expression."""
    texts = [formula(rule) for op in found for rule in op.rules]
    wanted = set(re.findall(r"\b_\w+", " ".join(texts + [formula(op.every) for op in found if op.every])))
    tree = ast.parse(inspect.getsource(chapter))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    if not functions:
        return ""
    texts = [ast.get_source_segment(inspect.getsource(chapter), node) for node in functions]
    return "```text\n" + "\n\n".join(texts) + "\n```\n"


def made_of(chapter: ModuleType) -> Iterator[str]:
    """The lines of the functions of a chapter that are made of rows."""
    for function, made in ops.COMPOSED.items():
        if made.__module__ == chapter.__name__:
            if isinstance(function, ops.Op):
                (more,) = inspect.signature(made).parameters.keys() - {"x", *function.parameters} - {"axis", "shape"}
                name = f"{of_numpy(function.numpy)}` with `{more}="
            else:
                name = of_numpy(function) or f"{function.__self__.__name__}.{function.__name__}"
            used = sorted(dict.fromkeys(parts(chapter, made, {made, product})))
            yield f"| `np.{name}` | {', '.join(used) or 'arithmetic'} |"


def parts(chapter: ModuleType, made: Callable[..., Any], seen: set[Any]) -> Iterator[str]:
    """The rows and functions that a function calls, itself or through the helpers of its chapter."""
    (function,) = ast.parse(inspect.getsource(made)).body
    for node in (node for line in getattr(function, "body", ()) for node in ast.walk(line)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node).removeprefix("np.").removeprefix("parts.")
            if name in ours() or name == "scatter":
                yield name
        elif isinstance(node, ast.Name):
            value = vars(chapter).get(node.id)
            if isinstance(value, ops.Op):
                yield value.name
            elif value in (cut, backwards):
                yield "index"
            elif inspect.isfunction(value) and value.__module__.startswith("tinygrad_edu.ops") and value not in seen:
                seen.add(value)
                yield from parts(chapter, value, seen)


def lacking() -> list[str]:
    """The functions that another package has and this one has not."""
    return sorted({name for text in PEERS.values() for name in text.split()} - ours())


def head() -> str:
    mine = ours()
    lines = [
        "# NumPy's functions and their rules",
        "",
        f"{len(mine)} functions of NumPy record on Tensors and can be differentiated: each has a row in",
        f"the derivative table, or is made of rows. {len(questions())} more are questions, whose answer is a plain",
        "array. This page is written from the table by `python docs/coverage.py`.",
        "",
        "| package | functions with a derivative | of them also here |",
        "| :-- | --: | --: |",
        f"| this one | {len(mine)} | |",
        *(f"| {peer} | {len(text.split())} | {len(set(text.split()) & mine)} |" for peer, text in PEERS.items()),
        "",
        "What one of them has and this one has not:",
        "",
    ]
    for why in dict.fromkeys(WHY.values()):
        starts = [start for start in WHY if WHY[start] == why]
        names = [f"`np.{x}`" for x in lacking() if x in starts or f"{x.split('.')[0]}." in starts]
        lines.append(f"- {', '.join(names)}: {why}.")
    return (
        "\n".join(lines)
        + """

## How to read the tables

A rule gives the gradient by one input: `g` is the gradient by the output, `y` the output, then come the inputs by
name. `np.` is left out, and so are the steps that only put a shape right; where an input was stretched, the
traversal sums its gradient back. *2nd* tells whether second derivatives are other than 0: they come from the same
text, read a second time. *cases* is how many cases of shapes, axes and parameters judge the row against other
differentiators, in values, first and second derivatives, in float64 and float32 (`python tests/op_table.py` prints
the worst errors).

Beside the functions themselves, the methods of ufuncs record: `outer` of every ufunc of two operands, `reduce` and
`reduceat` of add, multiply, maximum, minimum, fmax, fmin and logaddexp, and `accumulate` of add, multiply, maximum and
minimum.
"""
    )


def chapters(cases: dict[str, Any]) -> Iterator[str]:
    shown: set[str] = set()
    for chapter in ops.CHAPTERS:
        title, *more = (chapter.__doc__ or "").strip().split("\n\n")
        found = [op for op in vars(chapter).values() if isinstance(op, ops.Op) and (op.rules or op.every)]
        found = [op for op in found if op.name not in shown]
        shown.update(op.name for op in found)
        made = list(made_of(chapter))
        if not found and not made:
            continue
        yield "\n\n".join([f"## {title.rstrip('.')}", *(text for text in more if "Read next" not in text)]) + "\n"
        if found:
            yield "| function | by | gradient | 2nd | cases | at a kink |\n| :-- | :-- | :-- | :-- | --: | :-- |"
            for op in dict.fromkeys(found):
                yield from row(op, cases)
            yield ""
            if text := long_rules(chapter, found):
                yield text
        if made:
            yield "| made of rows | of which |\n| :-- | :-- |"
            yield from made
            yield ""


def tail() -> Iterator[str]:
    yield "## Questions\n\nTheir answers are plain arrays, numbers or truths: "
    yield ", ".join(f"`np.{name}`" for name in questions()) + "."
    yield "\n## Refused by name\n\n| function | what it says |\n| :-- | :-- |"
    for function, advice in ops.REFUSED.items():
        name = function.removeprefix("numpy.") + ".*" if isinstance(function, str) else of_numpy(function)
        yield f"| `np.{name}` | {advice} |"
    yield ""
    yield "Any other function of NumPy is an error that names it and tells how to [add a row](your-own-op.md)."


def page() -> str:
    """The page as Markdown."""
    sys.path.insert(0, str(ROOT / "tests"))
    for path in sorted((ROOT / "tests").glob("test_ops*.py")):
        import_module(path.stem)
    judged = [
        one for one in import_module("op_factory").Judged.__subclasses__() if one.__module__.startswith("test_ops")
    ]
    cases: dict[str, list[Any]] = {name: [] for name in ops.TABLE}
    for one in (one for group in judged for one in group.ROWS if not one.call):
        cases[one.name].append(one)
    return head() + "\n" + "\n".join(chapters(cases)) + "\n" + "\n".join(tail()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
