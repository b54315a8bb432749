"""A value that was made in several lines: which of them a slip belongs to.

dscores = probs.copy()
dscores[range(N), y] -= 1      # a wrong sign is a slip of this line
dscores /= N                   # a wrong count is one of this

made(term, marked, ran)        the version of the value that the slip is in, and the steps that followed it
undone(x, later)               what a value must have been for those steps to give x
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.check.marking.judged import Judged, Marked
from tinygrad_edu.check.marking.network import close
from tinygrad_edu.check.marking.trace import Ran
from tinygrad_edu.check.marking.watch import Binding, equal

__all__ = ["Step", "held", "made", "of_each_example", "undone"]

COUNTS = ("A1", "A2", "A3", "A7", "A8", "A9", "E11")  # slips that may be in a step that multiplies by a number
FINAL = ("A13", "A14", "A15", "A16", "D9", "G2")  # those of the last version

Step = tuple[float, Any]  # a number that all was multiplied by, and what was added


def held(key: str, given: Any, ran: Ran) -> Binding | None:
    """Where a value was held first, best in the variable of its name, or in a function that made it for that."""
    same = [b for b in ran.bindings if given is not None and equal(np.asarray(b.value), given)]
    plain = [binding for binding in same if binding.held_by in ("", "self")]
    named = [binding for binding in plain if binding.name == key.split(" (")[0]]
    if named and plain[0].function != named[0].function and (once(plain[0], ran) or not once(named[0], ran)):
        return [binding for binding in plain if binding.function == plain[0].function][-1]
    return next(iter((*named, *plain, *same)), None)


def once(binding: Binding, ran: Ran) -> bool:
    """Whether a line gave a variable its value once."""
    return [(b.name, b.line) for b in ran.bindings].count((binding.name, binding.line)) == 1


def made(term: Judged, marked: Marked, ran: Ran) -> tuple[Binding | None, list[Step]]:
    """Go back from the value handed in over the steps that have nothing to do with its slip.

    These are a product with a number, where the slip is no number, and the L2 term added, where it is not about that.
    """
    current = held(term.key, term.given, ran)
    found = term.readings[0].id if term.readings else ""
    later: list[Step] = []
    while current is not None and found not in FINAL:
        before = version_before(current, ran)
        step = step_between(before.value, current.value, decay_of(term, marked)) if before is not None else None
        if before is None or step is None or (step[0] != 1.0 and found in COUNTS):
            break
        later.insert(0, step)
        current = held(before.name, before.value, ran)
    return current, later


def version_before(binding: Binding, ran: Ran) -> Binding | None:
    """What the same variable held before."""
    place = next(k for k, other in enumerate(ran.bindings) if other is binding)
    for other in reversed(ran.bindings[:place]):
        if (other.name, other.held_by, other.outer) == (binding.name, binding.held_by, binding.outer):
            return other if np.shape(other.value) == np.shape(binding.value) else None
    return None


def step_between(before: Any, after: Any, decay: Any) -> Step | None:
    """The number that an array was multiplied by, or the multiple of the L2 term that was added to it."""
    for base, target in ((before, after), (decay, np.subtract(after, before))):
        square = float(np.vdot(base, base))
        factor = float(np.vdot(base, target)) / square if square and np.shape(base) == np.shape(target) else 0.0
        if factor and close(target, factor * np.asarray(base)):
            return (factor, 0.0) if base is before else (1.0, target)
    return None


def decay_of(term: Judged, marked: Marked) -> Any:
    """The L2 term of a parameter; 0 where there is none."""
    if marked.network is None or term.node not in marked.network.parameters or term.right is None:
        return 0.0
    return term.right - marked.network.main({}).get(term.node, 0.0)


def undone(x: np.ndarray, later: list[Step]) -> np.ndarray:
    """What must have been there for the steps to give x."""
    for factor, added in reversed(later):
        x = (x - added) / factor
    return x


def of_each_example(bindings: list[Binding], m: int, axis: int | None) -> list[Binding]:
    """What a loop over the examples gave its variables, as one array for all."""
    loops: dict[tuple[Any, ...], list[Binding]] = {}
    for b in bindings:
        if isinstance(b.value, np.ndarray) and not b.changed and not b.held_by:
            loops.setdefault((b.name, b.line, b.function, b.value.shape), []).append(b)
    found = []
    for (_, _, _, shape), values in loops.items():
        if axis is not None and len(values) == m > 1 and (len(shape) == 1 or (len(shape) == 2 and shape[axis] == 1)):
            join = np.stack if len(shape) == 1 else np.concatenate
            found.append(replace(values[-1], value=join([b.value for b in values], axis), outer=False, joined=True))
    return found
