"""Numerical gradients handed in as such: wrong, or right but for the rounding of the cost?

    (J(W + h) − J(W)) / h  =  k · spacing(J) / h,  k a whole number

Two floats near J differ by a whole number of spacings. A formula does not give such numbers, so that a difference
quotient with too small a step, or of a cost in float32, is told from a gradient that is wrong.
"""

from __future__ import annotations

import numpy as np

__all__ = ["near", "step_of"]

STEPS = [digit * 10.0**-k for k in range(16, 1, -1) for digit in (1, 2, 3, 5)]
RANGES = ((np.float64, 1e-16, 1.1e-9), (np.float32, 1e-7, 0.1))  # steps that leave too few digits
CHANCE = -14.0  # log10 of the odds that numbers which are no quotients pass for some
NOISE = 30  # half spacings over h that a cost may be off by its own rounding


def step_of(gradients: list[np.ndarray], J: float) -> tuple[type, float] | None:
    """The dtype of the cost and the step h of which all these numbers are difference quotients, if there are such."""
    g = np.unique(np.abs(np.concatenate([np.ravel(x) for x in gradients])))
    g = g[g > 0]
    for dtype, smallest, largest in RANGES:
        for h in STEPS:
            k = g / quantum(dtype, h, J)
            off = 8 * float(np.finfo(dtype).eps) * k
            whole = (k > 0.5).all() and bool((np.abs(k - np.rint(k)) <= off).all())
            if smallest <= h <= largest and whole and np.log10(np.minimum(2 * off, 1)).sum() < CHANCE:
                return dtype, h
    return None


def quantum(dtype: type, h: float, J: float) -> float:
    """Half the spacing over h, for a quotient over 2h; where J is a power of 2, that just below it."""
    size = dtype(abs(J))
    return float(min(np.spacing(size), np.spacing(np.nextafter(size, dtype(0))))) / (2 * h)


def near(g: np.ndarray, slope: np.ndarray, x: np.ndarray, J: float, dtype: type, h: float) -> bool:
    """Whether a quotient differs from the slope at x by no more than its roundings explain: of J, of x + h."""
    step = float(np.spacing(dtype(np.max(np.abs(x), initial=0)))) / h
    largest = float(np.max(np.abs(slope), initial=0))
    allowed = NOISE * quantum(dtype, h, J) + largest * min(step, 1.0) + 10 * h * max(1.0, largest)
    return g.size == slope.size and bool((np.abs(g.reshape(slope.shape) - slope) <= allowed).all())
