"""Toy sets in the plane: what a small network can learn and a line cannot.

Every set comes from an explicit `rng`, a `np.random.Generator` or an int seed, and is a pair
`(X, y)`: points `X` (m, 2) float64 and class numbers `y` (m,) int64, in random order, the classes
equal in size to within one example. A point lies at a random place of its curve, so that two seeds draw
two different sets from one source: one seed to train, another to test.
Next: `batches.py`, to feed a set to a network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.data import arguments

Points = tuple[NDArray[np.float64], NDArray[np.int64]]


def moons(m: int, rng: np.random.Generator | int, noise: float = 0.1) -> Points:
    """Two half circles, each holding an end of the other.

        class 0:  (cos t, sin t)
        class 1:  (1 - cos t, 1/2 - sin t)      t uniform in [0, pi)
        X = curve + noise * N(0, 1)

    Shapes:  -> X (m, 2), y (m,) of 0 and 1
    Raises:  ValueError if m < 1 or noise < 0; TypeError if rng is neither Generator nor int
    Source:  the curves of scikit-learn's make_moons; here t is random, there evenly spaced
    >>> X, y = moons(100, rng=0)
    >>> X.shape, np.bincount(y).tolist()
    ((100, 2), [50, 50])
    """
    rng = arguments.random_generator("moons", rng)
    y = _balanced("moons", m, 2, rng)
    t = rng.uniform(0, np.pi, len(y))
    upper = np.column_stack([np.cos(t), np.sin(t)])
    lower = np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    return _blurred("moons", np.where(y[:, None] == 0, upper, lower), noise, rng), y


def circles(m: int, rng: np.random.Generator | int, noise: float = 0.1, factor: float = 0.5) -> Points:
    """A circle inside a circle.

        class 0:  (cos t, sin t)
        class 1:  factor * (cos t, sin t)       t uniform in [0, 2 pi)
        X = curve + noise * N(0, 1)

    Shapes:  -> X (m, 2), y (m,) of 0 (outer) and 1 (inner)
    Raises:  ValueError if m < 1, noise < 0 or factor is outside (0, 1); TypeError if rng is neither Generator nor int
    Source:  the curves of scikit-learn's make_circles; here t is random, there evenly spaced
    >>> X, y = circles(100, rng=0, noise=0)
    >>> np.unique(np.hypot(X[:, 0], X[:, 1]).round(12)).tolist()
    [0.5, 1.0]
    """
    rng = arguments.random_generator("circles", rng)
    advice = "It is the radius of the inner circle; the outer radius is 1."
    factor = arguments.finite_number("circles", "factor", factor, advice)
    if not 0 < factor < 1:
        raise ValueError(f"circles: factor must lie between 0 and 1; got {factor}. {advice}")
    y = _balanced("circles", m, 2, rng)
    radius = np.where(y == 0, 1.0, factor)
    return _blurred("circles", _polar(radius, rng.uniform(0, 2 * np.pi, len(y))), noise, rng), y


def spirals(
    m: int, rng: np.random.Generator | int, classes: int = 2, noise: float = 0.03, turns: float = 1.25
) -> Points:
    """Arms that wind around the origin and around one another.

        class k:  t (cos a, sin a)     a = 2 pi (turns t + k / classes)
        X = curve + noise * N(0, 1)    t^2 uniform in [0.04, 1)

    t^2 is uniform, not t, so that the long outer turn is as dense as the short inner one. Neighbouring arms are
    1 / (classes turns) apart: keep noise below about a sixth of that.

    Shapes:  -> X (m, 2), y (m,) of 0 .. classes - 1
    Raises:  ValueError if m < 1, classes < 2, noise < 0 or turns <= 0; TypeError if rng is neither Generator nor int
    Source:  after A. Wieland's two spirals in S. Fahlman's CMU benchmarks (three turns, 97 fixed points an arm)
    >>> X, y = spirals(100, rng=0, classes=3)
    >>> X.shape, np.bincount(y).tolist()
    ((100, 2), [34, 33, 33])
    """
    rng = arguments.random_generator("spirals", rng)
    turns = arguments.finite_number("spirals", "turns", turns, "1.25 is easy to learn, 3 is hard.")
    if turns <= 0:
        raise ValueError(f"spirals: turns must be above 0; got {turns}. 1.25 is easy to learn, 3 is hard.")
    y = _balanced("spirals", m, classes, rng)
    t = np.sqrt(rng.uniform(0.04, 1, len(y)))
    return _blurred("spirals", _polar(t, 2 * np.pi * (turns * t + y / classes)), noise, rng), y


def blobs(m: int, rng: np.random.Generator | int, classes: int = 3, noise: float = 0.2) -> Points:
    """Round clouds with their centres on the unit circle.

        class k:  X = (cos a, sin a) + noise * N(0, 1)      a = 2 pi k / classes

    Neighbouring centres are 2 sin(pi / classes) apart: more classes need less noise.

    Shapes:  -> X (m, 2), y (m,) of 0 .. classes - 1
    Raises:  ValueError if m < 1, classes < 2 or noise < 0; TypeError if rng is neither Generator nor int
    >>> X, y = blobs(8, rng=0, classes=4, noise=0)
    >>> X[y == 1].round(12).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    rng = arguments.random_generator("blobs", rng)
    y = _balanced("blobs", m, classes, rng)
    return _blurred("blobs", _polar(np.ones(len(y)), 2 * np.pi * y / classes), noise, rng), y


def xor(m: int, rng: np.random.Generator | int, noise: float = 0.1) -> Points:
    """The four corners of a square, labelled by exclusive or.

        X = (a, b) + noise * N(0, 1)     a, b in {0, 1}
        y = a xor b

    Shapes:  -> X (m, 2), y (m,) of 0 and 1; the corners too are equal in size to within one example
    Raises:  ValueError if m < 1 or noise < 0; TypeError if rng is neither Generator nor int
    >>> X, y = xor(4, rng=0, noise=0)
    >>> sorted((*map(int, corner), int(label)) for corner, label in zip(X, y, strict=True))
    [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    """
    rng = arguments.random_generator("xor", rng)
    a, y = np.divmod(_balanced("xor", m, 4, rng), 2)
    return _blurred("xor", np.column_stack([a, a ^ y]), noise, rng), y


def _balanced(function: str, m: int, classes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Class numbers in random order, equally often to within one."""
    m = arguments.whole_number(function, "m", m, 1, "m counts the examples.")
    classes = arguments.whole_number(function, "classes", classes, 2, "One class alone leaves nothing to tell apart.")
    return rng.permutation(np.arange(m, dtype=np.int64) % classes)


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _blurred(function: str, points: NDArray[np.float64], noise: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The points, each coordinate moved by Gaussian noise."""
    noise = arguments.finite_number(function, "noise", noise, "It is a standard deviation.")
    if noise < 0:
        raise ValueError(f"{function}: noise must be at least 0; got {noise}. It is a standard deviation.")
    return points + noise * rng.standard_normal(points.shape)
