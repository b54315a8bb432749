"""Hand in a forward and a backward pass and get them marked.

    report = backprop(forward, backward, params, X, Y)
    assert_backprop(forward, backward, params, X, Y)      in a test: the message is the report
    gradients(cost, params, grads)                        where there are arrays only

Read next: `diagnose.py`, how the marks come about.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_edu.autograd import grad, order
from tinygrad_edu.check.derivation import derivation
from tinygrad_edu.check.diagnose import distance, mark
from tinygrad_edu.check.judged import Judged, Marked, named_value
from tinygrad_edu.check.mistakes import MISTAKES
from tinygrad_edu.check.probe import Probe, examples, probes
from tinygrad_edu.check.repair import repaired
from tinygrad_edu.check.report import Found, Report, Term
from tinygrad_edu.check.trace import Failure, Ran, Traced, run_backward, same_randomness, trace

__all__ = ["assert_backprop", "backprop", "gradients"]


def backprop(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    params: dict[str, Any] | None = None,
    X: Any = None,
    Y: Any = None,
    init: Callable[..., Any] | None = None,
    data: Callable[..., Any] | None = None,
    rng: np.random.Generator | int | None = None,
    *,
    sizes: Sequence[int] | None = None,
    m: int | None = None,
    names: dict[str, str] | None = None,
    show_fix: bool = False,
) -> Report:
    """Mark a hand-written backward pass.

        cost, cache = forward(params, X, Y)         the cache a dict: Z1, A1, ...
        grads = backward(params, cache, X, Y)       a dict: dW1, db1, dZ1, dA1, ...

    Both are plain NumPy, examples in rows or in columns. With `init(sizes, rng)` and `data(sizes, m, rng)` sizes are
    chosen that hide nothing. `names` says which value a gradient belongs to where its key does not: {"e2": "Z2"}.

    Raises:  ValueError if there is nothing to run on; whatever forward itself raises
    """
    if params is None and (init is None or data is None or sizes is None):
        raise ValueError("backprop: needs params, X and Y, or init, data and sizes; got neither. Pass your parameters.")
    if init is not None and data is not None and sizes is None and params is not None:
        sizes = guessed(params, X)
    generator = np.random.default_rng(0 if rng is None else rng)
    state = generator.bit_generator.state
    try:
        chosen = probes(forward, backward, params, X, Y, init, data, sizes, m, generator)
    finally:
        generator.bit_generator.state = state
    report = marked_on(forward, backward, chosen[0], names, show_fix)
    if len(chosen) > 1:
        other = attempted(forward, backward, chosen[1], names, show_fix)
        if other is not None and (not report.ok or not other.ok):
            return other
    return report


def attempted(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    probe: Probe,
    names: dict[str, str] | None,
    show_fix: bool,
) -> Report | None:
    """The report on sizes that the person did not choose; None where their code does not run on them."""
    try:
        report = marked_on(forward, backward, probe, names, show_fix)
    except Exception:  # forward is made for its own sizes
        return None
    stopped = report.unmarked or any(found.id == "X1" for found in report.mistakes)
    return None if stopped or any("stopped" in note for note in report.notes) else report


def guessed(params: dict[str, Any], X: Any) -> tuple[int, ...] | None:
    """The sizes of the layers, by the shapes of the weights."""
    shapes = [x.shape for x in params.values() if isinstance(x, np.ndarray) and x.ndim == 2 and min(x.shape) > 1]
    x = np.shape(X)
    if not shapes or len(x) != 2:
        return None
    if all(a[0] == b[1] for a, b in pairwise(shapes)) and shapes[0][1] == x[0]:
        return (shapes[0][1], *(shape[0] for shape in shapes))
    if all(a[1] == b[0] for a, b in pairwise(shapes)) and shapes[0][0] == x[1]:
        return (shapes[0][0], *(shape[1] for shape in shapes))
    return None


def marked_on(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    probe: Probe,
    names: dict[str, str] | None,
    show_fix: bool,
    calmer: int = 0,
) -> Report:
    """Trace, run, mark, and put it in words; on smaller weights where the cost has lost its digits."""
    traced = trace(forward, probe.params, probe.X, probe.Y)
    ran = run_backward(backward, probe.params, traced.cache, probe.X, probe.Y)
    notes = [*probe.notes, *hygiene(traced, ran)]
    if not np.isfinite(traced.value):
        return Report((), (), "", (*notes, not_finite(traced)), probe.about, show_fix, unmarked=True)
    sure = traced.cost is not None and agrees(forward, traced, probe)
    if not sure and traced.cost is not None and calmer < 3:
        softer = {
            name: x * 0.4 if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
            for name, x in probe.params.items()
        }
        note = (
            ""
            if calmer
            else "Units are saturated on these weights: marked with smaller ones, where the cost has digits."
        )
        mild = Probe(softer, probe.X, probe.Y, probe.about, tuple(x for x in (*probe.notes, note) if x))
        report = marked_on(forward, backward, mild, names, show_fix, calmer + 1)
        if report.terms and any(term.verdict != "cannot tell" for term in report.terms if term.of not in probe.params):
            return report
    if not sure:
        notes.append(
            "The forward pass could not be traced"
            + (f" ({traced.cut})" if traced.cut else "")
            + ": parameters were compared with differences, and dZ and dA cannot be told."
        )
        return by_differences(forward, probe, ran, names, tuple(notes), show_fix)
    count, axis = examples(traced, probe.X, probe.Y)
    marked = mark(traced, ran, probe.X, probe.Y, count, axis, names)
    if count == 1:
        notes.append("There is one example: a missing or extra 1/m cannot be told on your data.")
    return worded(marked, ran, backward, tuple(notes), probe.about, show_fix)


def agrees(forward: Callable[..., Any], traced: Traced, probe: Probe) -> bool:
    """Whether the traced gradient is the slope of forward: a part of the cost may have been cut from the graph."""
    rng = np.random.default_rng(1)
    moved = {name: rng.standard_normal(x.shape) for name, x in traced.params.items() if hasattr(x, "requires_grad")}
    tensors = [traced.params[name] for name in moved]
    slopes = grad(traced.cost, tensors, allow_unused=True)
    predicted = sum(float(np.vdot(moved[n], g.data)) for n, g in zip(moved, slopes, strict=True) if g is not None)
    with np.errstate(all="ignore"):

        def at(h: float) -> float:
            there = {name: x + h * moved[name] if name in moved else x for name, x in probe.params.items()}
            with same_randomness(forward):
                result = forward(there, probe.X.copy(), probe.Y)
            return float(np.squeeze(result[0] if isinstance(result, tuple) else result))

        try:
            if abs(at(0.0) - traced.value) > 1e-9 * max(1.0, abs(traced.value)):
                return True  # another value on the same inputs: a fresh mask, which the trace has already
            for h in (1e-5, 1e-6, 1e-7):
                slope = (at(h) - at(-h)) / (2 * h)
                if abs(slope - predicted) <= 1e-4 * max(abs(slope), abs(predicted)) + 1e-9 / h * 1e-3:
                    return True
        except Exception:
            return True
    return False


def hygiene(traced: Traced, ran: Ran) -> list[str]:
    """What is not a wrong gradient, but will be a trap."""
    notes = []
    for name in dict.fromkeys(ran.changed):
        kind = "a parameter" if name in traced.params else "an array of the forward pass"
        notes.append(f"backward changes {name} in place, {kind}: work on a copy.")
    return notes


def not_finite(traced: Traced) -> str:
    """Where NaN or infinity arose first."""
    if traced.cost is not None:
        for node in reversed(order([traced.cost])):
            if not np.isfinite(node.data).all():
                return (
                    f"The cost is {traced.value}: `{node.op.name}` gives it first, at {node.data.shape}. log(0) and "
                    "saturated outputs do this; clip, or compute the cost from Z."
                )
    return f"The cost is {traced.value}."


def worded(
    marked: Marked, ran: Ran, backward: Callable[..., Any], notes: tuple[str, ...], about: str, show_fix: bool
) -> Report:
    """The report on what was judged."""
    lines = {binding.name: binding.line for binding in ran.bindings}
    shown = tuple(
        Term(t.key, t.name, t.verdict, t.error, shape_of(t), t.expected, lines.get(t.key), said(t))
        for t in marked.terms
        if not t.hidden or t.wrong
    )
    mistakes = group(marked, ran, lines, source_file(backward))
    if ran.failure is not None:
        notes = (*notes, stopped(ran.failure))
        if not mistakes:
            mistakes = (from_failure(ran.failure, marked),)
    elif not isinstance(ran.returned, dict):
        notes = (*notes, f"backward must return a dict of gradients; got {type(ran.returned).__name__}.")
    unmarked = not mistakes and not any(t.verdict.startswith("right") for t in marked.terms)
    return Report(shown, mistakes, convention(marked), notes, about, show_fix, unmarked)


def shape_of(term: Judged) -> tuple[int, ...]:
    return () if term.given is None else term.given.shape


def said(term: Judged) -> str:
    if term.note:
        return term.note
    return "a variable of backward, not returned" if term.hidden else ""


def group(marked: Marked, ran: Ran, lines: dict[str, int], file: str) -> tuple[Found, ...]:
    """One mistake for all the terms that have the same slip."""
    together: dict[str, list[Judged]] = {}
    in_place = {binding.name for binding in ran.bindings if binding.changed}
    for term in marked.roots:
        found = term.readings[0].id if term.readings else f"X2 {term.key}"
        if found == "D9" and shared(term.key, ran, in_place):
            found = "G2"
        together.setdefault(found, []).append(term)
    mistakes = []
    for found, terms in together.items():
        first = terms[0]
        reading = first.readings[0] if first.readings else None
        line = lines.get(first.key)
        others = [r for r in first.readings[1:] if reading and r.price <= reading.price + 0.4 and r.id != found]
        mistakes.append(
            Found(
                id=found.split()[0],
                term=first.key,
                terms=tuple(term.key for term in terms),
                done=reading.done if reading else "no slip in the catalogue gives these numbers",
                derivation=derivation(first, marked),
                line=line,
                text=linecache.getline(file, line).strip() if line and file else "",
                factor=reading.factor if reading else 1.0,
                alternatives=tuple(f"{MISTAKES[r.id].name} ({r.id})" for r in others[:3]),
            )
        )
    return tuple(mistakes)


def shared(key: str, ran: Ran, in_place: set[str]) -> bool:
    """Whether a gradient was changed in place through another name."""
    if key not in in_place or not isinstance(ran.returned, dict):
        return False
    mine = ran.returned[key]
    return any(
        name != key and np.shares_memory(mine, x) for name, x in ran.returned.items() if isinstance(x, np.ndarray)
    )


def source_file(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code else ""


def convention(marked: Marked) -> str:
    """Where the person's 1/m stands."""
    inner = [t for t in marked.terms if t.verdict == "right by convention"]
    if not inner:
        return ""
    if abs(inner[0].scale / marked.m - 1) < 1e-4:
        return (
            "Your dZ and dA are those of one example's loss, and the 1/m stands in dW and db. The other convention has "
            "1/m in dZ already; both are right."
        )
    return (
        f"Your dZ and dA are {inner[0].scale:g} times those of the cost, and dW and db make up for it; that is right."
    )


def stopped(failure: Failure) -> str:
    """An exception in words."""
    where = f" at line {failure.line}, `{failure.text}`" if failure.line else ""
    shapes = ", ".join(f"{name} {shape}" for name, shape in failure.shapes.items() if name in failure.text)
    return f"backward stopped{where}: {failure.kind}: {failure.message}" + (f" Shapes: {shapes}." if shapes else "")


def from_failure(failure: Failure, marked: Marked | None = None) -> Found:
    """The likely slip behind an exception: the one change of the line with which it gives the right gradient."""
    if marked is not None and (repair := repaired(failure, marked)):
        key, found, done = repair
        return Found(found, key, (key,), done, "", failure.line, failure.text)
    target = failure.text.split("=")[0].strip()
    return Found("X1", target, (target,), f"{failure.kind}: {failure.message}", "", failure.line, failure.text)


def by_differences(
    forward: Callable[..., Any],
    probe: Probe,
    ran: Ran,
    names: dict[str, str] | None,
    notes: tuple[str, ...],
    show_fix: bool,
) -> Report:
    """Without a graph: the parameters alone, against central differences."""
    returned = ran.returned if isinstance(ran.returned, dict) else {}
    terms, mistakes = [], []
    for key, value in returned.items():
        name = named_value(str(key), probe.params, names)
        x = probe.params.get(name)
        if not isinstance(x, np.ndarray):
            terms.append(Term(str(key), name, "cannot tell", float("nan"), np.shape(value), ()))
            continue
        g = np.asarray(value, float)
        slope = differences(forward, probe, name)
        same = g.size == slope.size and np.broadcast_shapes(g.shape, slope.shape) == slope.shape
        error = distance(g.reshape(slope.shape), slope) if same else float("inf")
        verdict = "right" if error < 1e-5 else "root cause"
        terms.append(Term(str(key), name, verdict, error, g.shape, x.shape))
        if verdict == "root cause":
            mistakes.append(Found("X2", str(key), (str(key),), "it differs from the slope of your cost"))
    unmarked = not mistakes and not any(term.verdict == "right" for term in terms)
    if ran.failure is not None:
        notes, mistakes = (*notes, stopped(ran.failure)), [from_failure(ran.failure)]
    return Report(tuple(terms), tuple(mistakes), "", notes, probe.about, show_fix, unmarked)


def differences(forward: Callable[..., Any], probe: Probe, name: str) -> np.ndarray:
    """The slopes of the cost by every entry of a parameter."""
    params = dict(probe.params)
    x = params[name] = probe.params[name].copy()
    slopes = np.empty(x.shape)

    def cost() -> float:
        with np.errstate(all="ignore"), same_randomness(forward):
            copies = {key: v.copy() if isinstance(v, np.ndarray) else v for key, v in params.items()}
            result = forward(copies, probe.X.copy() if probe.X is not None else None, probe.Y)
        return float(np.squeeze(result[0] if isinstance(result, tuple) else result))

    for index in np.ndindex(x.shape):
        before, h = x[index], 1e-5 * max(1.0, abs(float(x[index])))
        x[index] = before + h
        right = cost()
        x[index] = before - h
        slopes[index] = (right - cost()) / (2 * h)
        x[index] = before
    return slopes


def gradients(
    cost: Callable[..., Any], params: dict[str, Any], grads: dict[str, Any], *, names: dict[str, str] | None = None
) -> Report:
    """Mark gradients given as arrays, of a cost given as a function of the parameters.

    Which line is wrong, and whether 1/m or a sum over the batch is hidden by the data, cannot be told from arrays.
    """
    return backprop(
        lambda given, X, Y: cost(given), lambda given, cache, X, Y: grads, params, np.zeros((1, 1)), None, names=names
    )


def assert_backprop(forward: Callable[..., Any], backward: Callable[..., Any], *given: Any, **options: Any) -> None:
    """Raise AssertionError with the report as its message unless the backprop is right; takes what backprop takes."""
    report = backprop(forward, backward, *given, **options)
    if not report.ok:
        raise AssertionError(str(report))
