"""What a value of backward was made from: the variables that its line reads, and what they held then.

    steps = flow(bindings)          each with what it was made of, in the order of the run
    of_line(file, line)             the statement that a line belongs to, and the loops around it

Read next: `turns.py`, which asks where the first wrong value came up.
"""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from tinygrad_edu.check.marking.watch import Binding, equal

__all__ = ["Statement", "Step", "flow", "of_line"]

RECENT = 200  # values among which the one is looked for that another holds a copy of


@dataclass
class Statement:
    """One statement: the names that it reads, whether it adds to what is there, the loops around it."""

    reads: frozenset[str] = frozenset()
    adds: bool = False
    loops: tuple[tuple[str, ...], ...] = ()  # the variables of each loop, the innermost last


@dataclass(eq=False)
class Step:
    """A value that backward made; of an array that was written into, the part that was written."""

    binding: Binding
    array: np.ndarray
    sources: list[Step] = field(default_factory=list)
    perhaps: list[Step] = field(default_factory=list)  # the entries of a list or dict, any of which it may be made of
    statement: Statement = field(default_factory=Statement)
    open: bool = False  # it was added to or written into later, before it was used
    more: np.ndarray | None = None  # what was added, or written over what was there

    @property
    def variable(self) -> tuple[str, str, str]:
        """The variable that holds it."""
        return self.binding.name, self.binding.held_by, self.binding.function

    @property
    def family(self) -> tuple[str, str, int]:
        """What the same line gives the same variable in each pass of a loop."""
        return self.binding.name, self.binding.function, self.binding.line


def of_line(file: str, line: int) -> Statement:
    """The statement that a line of a file belongs to."""
    return statements(file, "".join(linecache.getlines(file))).get(line, Statement())


@lru_cache(maxsize=8)
def statements(file: str, text: str) -> dict[int, Statement]:
    """Every line of a file with the statement that it belongs to."""
    found: dict[int, Statement] = {}
    try:
        waiting: list[tuple[ast.stmt, tuple[tuple[str, ...], ...]]] = [(x, ()) for x in ast.parse(text).body]
    except SyntaxError:
        return found
    while waiting:
        node, loops = waiting.pop()
        inside = [x for name in ("body", "orelse", "finalbody") for x in getattr(node, name, [])]
        inside += [x for handler in getattr(node, "handlers", []) for x in handler.body]
        if isinstance(node, ast.For | ast.While):
            targets = ast.walk(node.target) if isinstance(node, ast.For) else ()
            loops = (*loops, tuple(x.id for x in targets if isinstance(x, ast.Name)))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            loops = ()
        waiting += [(x, loops) for x in inside]
        last = min((x.lineno for x in inside), default=(node.end_lineno or node.lineno) + 1)
        header = [x for x in ast.iter_child_nodes(node) if not isinstance(x, ast.stmt)]
        names = [x for part in header for x in ast.walk(part) if isinstance(x, ast.Name | ast.Attribute)]
        stored = {x.value.id for part in header for x in ast.walk(part) if isinstance(x, ast.Subscript)
                  and isinstance(x.ctx, ast.Store) and isinstance(x.value, ast.Name)}  # fmt: skip
        adds = isinstance(node, ast.AugAssign)
        reads = {name_of(x) for x in names if isinstance(x.ctx, ast.Load) or adds} - {""}
        value = getattr(node, "value", None)
        used = {x.id for x in ast.walk(value) if isinstance(x, ast.Name)} if isinstance(value, ast.AST) else reads
        reads -= set() if adds else stored - used
        for line in range(node.lineno, max(last, node.lineno + 1)):
            found[line] = Statement(frozenset(reads), adds, loops)
    return found


def name_of(node: ast.Name | ast.Attribute) -> str:
    """The variable that a piece of code is: W, or self.W."""
    if isinstance(node, ast.Name):
        return node.id
    return f"self.{node.attr}" if isinstance(node.value, ast.Name) and node.value.id == "self" else ""


def flow(bindings: list[Binding]) -> list[Step]:
    """The values of backward in order, each with those that it was made of."""
    steps: list[Step] = []
    now: dict[tuple[str, str], list[Step]] = {}  # what a variable, or a list or dict, holds
    versions: dict[tuple[str, str, str], Step] = {}
    for b in bindings:
        if b.joined or not isinstance(b.value, np.ndarray | np.floating) or np.asarray(b.value).dtype.kind != "f":
            continue
        key = (b.function, b.held_by, b.name)
        before = versions.get(key)
        array = np.asarray(b.value)
        statement = of_line(b.file, b.made or b.line)
        part = (
            written(before.binding.value, array) if b.changed and before is not None and not statement.adds else array
        )
        function = b.maker or b.function
        attribute = f"self.{b.name.split('[')[0]}"
        holder = attribute if b.held_by == "self" else b.held_by or b.name
        read: list[Step] = []
        perhaps: list[Step] = []
        for name in sorted(statement.reads):
            held = now.get((function, name)) or now.get(("", name), [])
            if statement.adds and name == holder:
                held = [before] if before is not None else []
            (read if len(held) == 1 else perhaps).extend(held)
        if b.changed and part is array and before is not None and before not in read:
            read.append(before)
        step = Step(b, part, read, perhaps, statement)
        if before is not None and np.shape(before.binding.value) == array.shape:
            step.more = array - before.binding.value if statement.adds else part if part is not array else None
        others = [x for x in steps[-RECENT:] if x.binding.value is not b.value]
        same = [x for x in others if equal(np.asarray(x.binding.value), array)]
        if same and not b.changed:
            step.sources, step.perhaps = [same[0]], []
        if before is not None and (b.changed or statement.adds) and before in now.get((b.function, holder), ()):
            before.open = part is array
        steps.append(step)
        versions[key] = step
        if b.held_by and holder != f"self.{b.name}":
            now.setdefault((b.function, holder), []).append(step)
        elif part is not array:
            now[b.function, holder] = [*now.get((b.function, holder), []), step]
        else:
            now[b.function, holder] = [step]
    return steps


def written(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The rows, columns or the entry in which an array has changed."""
    if np.shape(before) != after.shape or not after.ndim:
        return after
    changed, part = before != after, after
    for axis in range(after.ndim):
        others = tuple(k for k in range(changed.ndim) if k != axis)
        places = np.flatnonzero(changed.any(axis=others))
        if len(places) == 1:
            changed, part = changed.take(places, axis), part.take(places, axis)
    return after if part.shape == after.shape else part
