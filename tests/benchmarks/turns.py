"""Taking turns: a measurement counts beside its neighbours in time.

A shared machine has slow seconds. So a block of one contender stands between two blocks of the
baseline; their quotient is what lasts. A block counts if the machine was quiet around it: the two
baseline blocks agree, and are not far slower than the best one seen.
"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

AGREEMENT = 1.1  # at most this between the two baseline blocks around a quiet one
FAR_SLOWER = 1.3  # at most this between them and the best; a processor has fast moments, too
PATIENCE = 4  # give up after so many times the rounds that were asked for


class Visit(NamedTuple):
    """Microseconds: a contender's block, and the baseline's around it."""

    before: float
    block: float
    after: float

    @property
    def ratio(self) -> float:
        return 2 * self.block / (self.before + self.after)


class Summary(NamedTuple):
    """Medians over the visits that count."""

    ratio: float
    lower: float
    upper: float
    microseconds: float
    baseline: float
    quiet: int
    all: int

    def __str__(self) -> str:
        return f"**{self.ratio:.2f}** ({self.lower:.2f} to {self.upper:.2f})"


def quiet_visits(visits: list[Visit], best: float) -> list[Visit]:
    """Those between two baseline blocks that agree and are not far slower than the best."""

    def quiet(visit: Visit) -> bool:
        fast, slow = sorted((visit.before, visit.after))
        return slow <= AGREEMENT * fast and slow <= FAR_SLOWER * best

    return [visit for visit in visits if quiet(visit)]


def best_baseline(visits: list[Visit]) -> float:
    """The fastest baseline block, were it not for the fastest tenth: lucky moments."""
    times = sorted(time for visit in visits for time in (visit.before, visit.after))
    return times[len(times) // 10] if times else math.inf


def summarize(visits: list[Visit], best: float) -> Summary:
    """Medians over the quiet visits.

    Where fewer than a quarter were quiet, over those between baseline blocks that at least agree;
    where fewer than a quarter do, over all.
    """
    quiet = quiet_visits(visits, best)
    choices = (quiet, quiet_visits(visits, math.inf), visits)
    kept = next(choice for choice in choices if PATIENCE * len(choice) >= len(visits))
    lower, ratio, upper = quartiles([visit.ratio for visit in kept])
    return Summary(
        ratio,
        lower,
        upper,
        microseconds=statistics.median(visit.block for visit in kept),
        baseline=statistics.median(time for visit in kept for time in (visit.before, visit.after)),
        quiet=len(quiet),
        all=len(visits),
    )


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; of one value, that value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, median, upper
