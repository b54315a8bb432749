"""Hand in a forward and a backward pass and get them marked.

    report = backprop(forward, backward, params, X, Y)
    assert_backprop(forward, backward, params, X, Y)      in a test: the message is the report
    gradients(cost, params, grads)                        where there are arrays only

    trace.py        the forward and the backward pass, run; watch.py notes which name held what, in which line
    places.py       arrays that forward writes into; filled.py makes one value of those that it fills part by part
    probe.py        the numbers that they are run on; network.py the right gradients, by the rules of the table
    diagnose.py     which gradient is the first wrong one, and in which line; reached.py has those in variables
    turns.py        the same by the order of the run, by flow.py, walk.py and sums.py
    search.py       which slip gives the same numbers: rules.py, matrices.py, entries.py, activations.py have them
    explain.py      what several slips tell together
    fix.py          the line as it should be; repair.py for one that raised an error
    hygiene.py      what is a trap though it is right
    wording.py      all that in words; report.py as a page

Read next: `trace.py`, then the others in this order.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_edu.check.marking import hygiene, rounding
from tinygrad_edu.check.marking.diagnose import mark
from tinygrad_edu.check.marking.differences import agrees, slopes
from tinygrad_edu.check.marking.judged import meanings, named_value
from tinygrad_edu.check.marking.nested import flattened
from tinygrad_edu.check.marking.network import Network
from tinygrad_edu.check.marking.probe import Probe, examples, own, probes, redrawn
from tinygrad_edu.check.marking.reached import distance, proportional
from tinygrad_edu.check.marking.report import Found, Report, Term
from tinygrad_edu.check.marking.steps import of_each_example
from tinygrad_edu.check.marking.trace import Ran, Traced, run_backward, trace
from tinygrad_edu.check.marking.wording import from_failure, line_of, source_file, stopped, worded

__all__ = ["assert_backprop", "backprop", "gradients"]

INPUTS = {"X", "x", "A0", "a0"}


def backprop(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    params: Any = None,
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

    Both are plain NumPy, examples in rows or in columns; parameters, cache and gradients may be lists and dicts in
    dicts. With `init(sizes, rng)` and `data(sizes, m, rng)` sizes are chosen that hide nothing. `names` says which
    value a gradient belongs to where its key does not: {"e2": "Z2"}.

    Raises:  ValueError if there is nothing to run on, or forward returns no cost; TypeError if a function takes other
             arguments; whatever forward itself raises
    """
    if params is None and (init is None or data is None or sizes is None):
        raise ValueError("backprop: needs params, X and Y, or init, data and sizes; got neither. Pass your parameters.")
    takes(forward, "forward", "params", "X", "Y")
    takes(backward, "backward", "params", "cache", "X", "Y")
    forward, backward, params, init = flattened(forward, backward, params, init)
    if init is not None and data is not None and sizes is None and params is not None:
        sizes = guessed(params, X)
    generator = np.random.default_rng(0 if rng is None else rng)
    state = generator.bit_generator.state
    work = Work(forward, backward, names, show_fix)
    try:
        theirs, *chosen = probes(forward, backward, params, X, Y, init, data, sizes, m, generator)
        first = run(work, theirs)
        report = marked_on(work, first)
        others = [other for probe in chosen if (other := attempted(work, probe)) is not None]
        unsure = not report.mistakes or report.mistakes[0].id == "X2" or report.mistakes[0].alternatives
        if not others and unsure and (probe := first.redrawn(generator)) is not None:
            others = [other for other in [attempted(work, probe)] if other is not None]
    finally:
        generator.bit_generator.state = state
    report = others[0] if report.unmarked and others else report
    found = surer(report, next((other for other in others if not other.ok), report))
    said = {(mistake.id, mistake.term) for mistake in found.mistakes}
    faults = [*first.faults(work), *hygiene.gradient_checks(forward, backward)]
    faults = [fault for fault in faults if (fault.id, fault.term) not in said]
    extra = tuple(x for x in report.notes if x not in found.notes)
    return replace(found, mistakes=(*faults, *found.mistakes), notes=(*found.notes, *extra))


def takes(function: Callable[..., Any], called: str, *wanted: str) -> None:
    """Refuse a function with other arguments, or the same in another order."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # it does not tell
        return
    names = [name.lower() for name in signature.parameters]
    try:
        signature.bind(*wanted)
        fitting = names == [name.lower() for name in wanted] or {*names} != {name.lower() for name in wanted}
    except TypeError:
        fitting = False
    if not fitting:
        raise TypeError(
            f"backprop: {called} must take {', '.join(wanted)} in this order; got {called}{signature}. "
            "Write a function with these arguments that calls yours."
        )


def surer(own: Report, other: Report) -> Report:
    """The report that tells more; on the person's own numbers if both tell the same."""
    if own.mistakes and other.mistakes:
        mine, its = own.mistakes[0], other.mistakes[0]
        same = (mine.id, mine.term) == (its.id, its.term)
        return own if same and len(mine.alternatives) <= len(its.alternatives) else other
    return own if own.mistakes else other


@dataclass(frozen=True)
class Work:
    """What the person handed in."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    names: dict[str, str] | None = None
    show_fix: bool = False


@dataclass(frozen=True)
class Run:
    """Both passes on the numbers of a probe."""

    probe: Probe
    traced: Traced
    ran: Ran
    m: int
    axis: int | None
    network: Network | None

    def faults(self, work: Work) -> list[Found]:
        """Mistakes that are in no gradient: in dtypes, in the forward pass."""
        file = source_file(work.forward)
        if not np.isfinite(self.traced.value):
            return [hygiene.not_finite(self.traced, file)]
        if self.network is None:
            return []
        return [
            *hygiene.stretched(self.network, self.traced, self.m, file),
            *hygiene.integers(self.probe, self.network),
            *hygiene.not_finite_gradients(self.ran, source_file(work.backward)),
        ]

    def redrawn(self, rng: np.random.Generator) -> Probe | None:
        """Other weights for a second look."""
        if self.network is None or not np.isfinite(self.traced.value):
            return None
        trained = [name for name, x in self.traced.params.items() if x in self.network.parameters]
        return redrawn(self.probe, trained, self.m, self.axis, rng)


def run(work: Work, probe: Probe) -> Run:
    """Trace forward, run backward."""
    try:
        traced = trace(work.forward, probe.params, probe.X, probe.Y)
    except IndexError:
        if probe.indices is None:
            raise
        whole = tuple(name for name in probe.integers if name != "X")
        return run(work, replace(probe, X=probe.indices, indices=None, integers=whole))
    ran = run_backward(work.backward, probe.params, traced.cache, probe.X, probe.Y)
    keys = ran.returned if isinstance(ran.returned, dict) else {}
    numbers = {name: np.asarray(x) for name, x in probe.params.items() if isinstance(x, float)}
    if asked := {named_value(key, numbers, work.names) for key in keys} & numbers.keys():  # b = 0.0 is a parameter
        return run(work, replace(probe, params=probe.params | {name: numbers[name] for name in asked}))
    traced = followed(work, probe, traced, by_input=any(INPUTS & set(meanings(key)) for key in keys))
    m, axis = examples(traced, probe.X, probe.Y)
    network = Network(traced) if traced.cost is not None else None
    ran = replace(ran, bindings=[*ran.bindings, *of_each_example(ran.bindings, m, axis)])
    return Run(probe, traced, ran, m, axis, network)


def followed(work: Work, probe: Probe, traced: Traced, by_input: bool) -> Traced:
    """The trace, or another where it was cut: X.dot(W) needs X as a Tensor, Z[Z < 0] = 0 one that follows writes."""
    inputs = np.asarray(probe.X).dtype.kind == "f" and np.ndim(probe.X) > 0
    if inputs and (by_input or traced.cost is None):
        other = trace(work.forward, probe.params, probe.X, probe.Y, by_input=True)
        traced = other if traced.cost is None or other.cost is not None else traced
    if traced.cost is None or not agrees(work.forward, traced, probe):
        other = trace(work.forward, probe.params, probe.X, probe.Y, by_input=inputs, writes=True)
        if other.cost is not None and agrees(work.forward, other, probe):
            return other
        traced = replace(traced, cut=other.cut or traced.cut)
    return traced


def attempted(work: Work, probe: Probe) -> Report | None:
    """The report on numbers that the person did not choose; None where their code does not run on them."""
    try:
        report = marked_on(work, run(work, probe))
    except Exception:  # forward is made for its own sizes
        return None
    return None if report.unmarked or any("stopped" in note for note in report.notes) else report


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


def marked_on(work: Work, given: Run, calmer: int = 0) -> Report:
    """Mark one run and put it in words; on smaller weights where the cost has lost its digits."""
    probe, traced, ran = given.probe, given.traced, given.ran
    finite = bool(np.isfinite(traced.value))
    sure = finite and traced.cost is not None and agrees(work.forward, traced, probe)
    whole = sure and not any(hygiene.not_finite_gradients(ran, ""))
    if not whole and traced.cost is not None and calmer < 4:
        report = marked_on(work, run(work, smaller(probe)), calmer + 1)
        if report.terms and any(term.verdict != "cannot tell" for term in report.terms if term.of not in probe.params):
            note = "Units are saturated on these weights: marked with smaller ones, where the numbers have digits."
            return report if note in report.notes else replace(report, notes=(*report.notes, note))
    notes = list(hygiene.notes(traced, ran, probe, given.network))
    if not finite:
        return Report((), (), "", tuple(notes), probe.about, work.show_fix, unmarked=True)
    if not sure:
        notes.append(
            "The forward pass could not be traced"
            + (f" ({traced.cut})" if traced.cut else "")
            + ": parameters were compared with differences, and dZ and dA cannot be told."
        )
        return by_differences(work, probe, ran, tuple(notes))
    marked = mark(traced, ran, probe.X, probe.Y, given.m, given.axis, work.names)
    if given.m == 1 and probe.X is not None:
        notes.append("There is one example: a missing or extra 1/m cannot be told on your data.")
    report = worded(marked, ran, work.backward, tuple(notes), probe.about, work.show_fix)
    if missing := unanswered(given, report):
        said = f"No gradient was returned for {', '.join(missing)}, which the cost depends on: right if not trained"
        report = replace(report, unanswered=missing, notes=(*report.notes, f"{said}, else return it, too."))
    return report


def unanswered(given: Run, report: Report) -> tuple[str, ...]:
    """Which parameters got no gradient, where others did."""
    answered = {term.of for term in report.terms}
    trained = given.network.parameters if given.network else ()
    missing = [name for name, x in given.traced.params.items() if x in trained and name not in answered]
    return tuple(missing) if given.ran.failure is None and answered & given.traced.params.keys() else ()


def smaller(probe: Probe) -> Probe:
    """The same with smaller weights."""
    params = {
        name: x * 0.4 if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for name, x in probe.params.items()
    }
    return replace(probe, params=params)


def by_differences(work: Work, probe: Probe, ran: Ran, notes: tuple[str, ...]) -> Report:
    """Without a graph: the parameters alone, against central differences."""
    returned = ran.returned if isinstance(ran.returned, dict) else {}
    terms, mistakes, file = [], [], source_file(work.backward)
    for key, value in returned.items():
        name = named_value(str(key), probe.params, work.names)
        x = probe.params.get(name)
        if not isinstance(x, np.ndarray):
            terms.append(Term(str(key), name, "cannot tell", float("nan"), np.shape(value), ()))
            continue
        g = np.asarray(value, float)
        slope = slopes(work.forward, probe, name)
        same = g.size == slope.size and np.broadcast_shapes(g.shape, slope.shape) == slope.shape
        error = distance(g.reshape(slope.shape), slope) if same else float("inf")
        verdict = "right" if error < 1e-5 else "root cause"
        line = line_of(str(key), g, ran)
        terms.append(Term(str(key), name, verdict, error, g.shape, x.shape, line))
        if verdict == "root cause":
            factor = proportional(g.reshape(slope.shape), slope) if same else 0.0
            done = f"it is {factor:.4g} times the slope of your cost" if factor else "it is not the slope of your cost"
            text = linecache.getline(file, line).strip() if line else ""
            mistakes.append(
                Found("F1" if abs(factor + 1) < 1e-4 else "X2", str(key), (str(key),), done, "", line, text, factor)
            )
    unmarked = not mistakes and not any(term.verdict == "right" for term in terms)
    if ran.failure is not None:
        notes, mistakes = (*notes, stopped(ran.failure)), [from_failure(ran.failure)]
    return Report(tuple(terms), tuple(mistakes), "", notes, probe.about, work.show_fix, unmarked)


def gradients(
    cost: Callable[..., Any], params: dict[str, Any], grads: dict[str, Any], *, names: dict[str, str] | None = None
) -> Report:
    """Mark gradients given as arrays, of a cost given as a function of the parameters.

    Which line is wrong, and whether 1/m or a sum over the batch is hidden by the data, cannot be told from arrays.
    """
    forward, backward, flat_params, _ = flattened(
        lambda given, X, Y: cost(given), lambda given, cache, X, Y: grads, params, None
    )
    work = Work(forward, backward, names)
    given = run(work, own(flat_params or {}, None, None, None))
    report = excused(work, given, marked_on(work, given))
    note = "There are arrays only: which line is wrong, and what one batch hides, cannot be told from them."
    return replace(report, mistakes=(*given.faults(work), *report.mistakes), notes=(*report.notes, note))


def excused(work: Work, given: Run, report: Report) -> Report:
    """The same report, with one mistake where the gradients are difference quotients that rounding alone has spoilt."""
    wrong = [term for term in report.terms if term.verdict in ("root cause", "consequence")]
    returned = given.ran.returned if isinstance(given.ran.returned, dict) else {}
    arrays = {term: np.asarray(returned[term.key], float) for term in wrong if term.key in returned}
    J = float(given.traced.value)
    if not wrong or len(arrays) < len(wrong) or not np.isfinite([J, *(x.sum() for x in arrays.values())]).all():
        return report
    found = rounding.step_of(list(arrays.values()), J)
    if found is None or not all(
        rounding.near(g, slopes(work.forward, given.probe, term.of), given.probe.params[term.of], J, *found)
        for term, g in arrays.items()
    ):
        return report
    dtype, h = found
    keys = tuple(term.key for term in wrong)
    small = f"a step of about {10 ** np.rint(np.log10(h)):.0e} is too small"
    said = "the cost is in float32" if dtype is np.float32 else small
    done = f"right to the accuracy of these difference quotients: {said}. Take float64 and a step of about 1e-6"
    terms = tuple(replace(term, verdict="cannot tell") if term in wrong else term for term in report.terms)
    return replace(report, terms=terms, mistakes=(Found("G4", keys[0], keys, done),))


def assert_backprop(forward: Callable[..., Any], backward: Callable[..., Any], *given: Any, **options: Any) -> None:
    """Raise AssertionError with the report as its message unless the backprop is right; takes what backprop takes."""
    report = backprop(forward, backward, *given, **options)
    if not report.ok:
        raise AssertionError(str(report))
