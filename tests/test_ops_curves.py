"""Differences, areas, interpolation, polynomials and convolutions; each is linear in its values."""

import autograd.numpy as anp
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from op_factory import Judged, Row, apart, case, one, pairs, positive, real

DIFFS = [*one((4,), n=[1, 2, 3]), *one((2, 3), axis=[0, 1, -2]), *one((0,)), *one((3, 2, 3), n=[2], axis=[0])]
STEPS = np.array([0.0, 0.5, 1.5, 1.75, 3.0])
SLOPES = [*one((5,), (2,), edge_order=[1]), *one((5,), (3,), edge_order=[2]), *one((2, 5), axis=[0, 1, (1,)])]
UNEVEN = [*one((5,), edge_order=[1, 2]), *one((2, 5), axis=[1, -1])]
AREAS = [case((4,)), case((2, 3)), *one((2, 3), (2, 3, 2), axis=[0, 1]), *one((3,), dx=[0.5])]
CURVES = [case((4,), (4,)), case((2, 4), (4,)), case((4, 2), (4,), axis=0), case((2, 4), (2, 4))]
LINES = [*one((), (2,), num=[1, 2, 5]), *one((2, 3), num=[3], axis=[-1], endpoint=[False, True])]
MODES = [
    case(a, v, mode=mode)
    for a, v in [((4,), (2,)), ((2,), (5,)), ((3,), (3,)), ((1,), (4,)), ((4,), (3,))]
    for mode in ("full", "same", "valid")
]
POINTS = np.array([-1.0, -0.2, 0.3, 1.1])
VALUES = np.array([0.5, -1.0, 2.0, 1.0])


def scattered(rng, shape):
    """Apart from the points above, and from their images one period on; some of them outside."""
    return rng.choice([-1.7, -0.9, -0.4, 0.0, 0.15, 0.6, 0.9, 1.6], shape)


def rising(rng, shape):
    return np.cumsum(rng.uniform(0.5, 1, shape), -1)


def by_matrix(f):
    """A linear function along axes, by what it does to each unit array."""

    def linear(x, **params):
        units = np.eye(x.size).reshape(x.size, *x.shape)
        if not x.size:
            return anp.reshape(x, f(np.zeros(x.shape), **params).shape)
        return anp.dot(np.stack([f(unit, **params) for unit in units], -1), anp.ravel(x))

    return linear


def area(y, x, axis=-1):
    y, x = anp.moveaxis(y, axis, -1), anp.moveaxis(x, axis, -1) if x.ndim > 1 else x
    return anp.sum((x[..., 1:] - x[..., :-1]) * (y[..., 1:] + y[..., :-1]), axis=-1) / 2


def hats(x, xp, fp, period=None):
    """The line through the points, as a sum of hats; outside it goes on level, or starts again."""
    if period is not None:
        x = x - period * anp.floor((x - xp[0]) / period)
        xp, fp = anp.concatenate([xp, xp[:1] + period]), anp.concatenate([fp, fp[:1]])
    y = fp[0] * (x < xp[0]) + fp[-1] * (x >= xp[-1]) + 0 * x + 0 * anp.sum(xp)
    for k in range(len(xp) - 1):
        within = 1.0 * (x >= xp[k]) * (x < xp[k + 1])
        y = y + within * (fp[k] + (fp[k + 1] - fp[k]) * (x - xp[k]) / (xp[k + 1] - xp[k]))
    return y


def products(a, v, mode="full"):
    """y_k = sum over i of a_i v_(k-i), entry by entry."""
    n, m = len(a), len(v)
    y = anp.stack([sum(a[i] * v[k - i] for i in range(n) if 0 <= k - i < m) for k in range(n + m - 1)])
    start, stop = {"full": (0, n + m - 1), "same": ((min(n, m) - 1) // 2, 0), "valid": (min(n, m) - 1, max(n, m))}[mode]
    return y[start : stop or start + max(n, m)]


def shifted(a, v, mode):
    return products(a, v[::-1], mode) if len(a) >= len(v) else products(a[::-1], v, mode)[::-1]


def powers(p, x):
    return sum(c * x ** (len(p) - 1 - k) for k, c in enumerate(p)) + 0 * x


# fmt: off
class TestDifferences(Judged):
    ROWS = (
        Row("np.diff",      by_matrix(np.diff),                                     real,     DIFFS, np.diff),
        Row("np.diff with edges", lambda x: anp.concatenate([x[:1], x[1:] - x[:-1], 2.0 - x[-1:]]), real,
            one((1,), (2,), (3,), (4,)), lambda x: np.diff(x, prepend=0, append=2.0)),
        Row("np.ediff1d",   lambda x: anp.concatenate([[7.0], anp.ravel(x)[1:] - anp.ravel(x)[:-1], [8.0, 9.0]]), real,
            one((1,), (3,), (2, 3), (2, 2)), lambda x: np.ediff1d(x, [8.0, 9.0], 7.0)),
        Row("np.gradient",  by_matrix(lambda x, **p: np.gradient(x, 0.5, **p)),     real,     SLOPES,
            lambda x, **p: np.gradient(x, 0.5, **p)),
        Row("np.gradient, uneven", by_matrix(lambda x, **p: np.gradient(x, STEPS, **p)), real, UNEVEN,
            lambda x, **p: np.gradient(x, STEPS, **p)),
        Row("np.gradient, several", by_matrix(lambda x: sum(np.gradient(x, 0.5, 2.0))), real,
            one((2, 3), (3, 2), (4, 2), (3, 3)), lambda x: sum(np.gradient(x, 0.5, 2.0))),
        Row("np.gradient by its points", lambda f, h: by_points(f, h),              (real, rising), pairs(
            ((3,), (3,)), ((4,), (4,)), ((5,), (5,)), ((2, 4), (4,))),
            lambda f, h: np.gradient(f, h, axis=-1)),
        Row("np.trapezoid", by_matrix(np.trapezoid),                                real,     AREAS, np.trapezoid),
        Row("np.trapezoid, by x", area,                                             (real, rising), CURVES,
            np.trapezoid),
    )


def by_points(f, h):
    """The slope of the parabola through three neighbours; of the line, at the ends."""
    left, right = h[1:-1] - h[:-2], h[2:] - h[1:-1]
    before, after = (f[..., 1:-1] - f[..., :-2]) / left, (f[..., 2:] - f[..., 1:-1]) / right
    first = (f[..., 1:2] - f[..., :1]) / (h[1] - h[0])
    last = (f[..., -1:] - f[..., -2:-1]) / (h[-1] - h[-2])
    return anp.concatenate([first, (before * right + after * left) / (left + right), last], -1)


class TestLines(Judged):
    ROWS = (
        Row("np.linspace",  by_matrix(lambda x, **p: np.linspace(x, 2 * x, **p)),   real,     LINES,
            lambda x, **p: np.linspace(x, 2 * x, **p)),
        Row("np.linspace of two", lambda a, b: a + (b - a) * np.arange(4)[:, None, None] / 3, real,
            pairs(((2, 3), (2, 3)), ((1, 3), (2, 1)), ((2, 3), (1, 1)), ((2, 1), (1, 1))),
            lambda a, b: np.linspace(a, b, 4)),
        Row("np.interp",    hats,                                                   (scattered, rising, real),
            [case(s, (n,), (n,)) for s in [(), (3,), (2, 3)] for n in (1, 2, 4)], np.interp),
        Row("np.interp, with ends", lambda x: hats(x, POINTS, VALUES) + (3 - VALUES[0]) * (x < POINTS[0])
            + (5 - VALUES[-1]) * (x > POINTS[-1]), scattered, one((), (3,), (2, 3), (0,)),
            lambda x: np.interp(x, POINTS, VALUES, left=3.0, right=5.0)),
        Row("np.interp, periodic", lambda x, fp: hats(x, POINTS, fp, 2.5),          (scattered, real),
            [case(s, (4,)) for s in [(), (3,), (2, 3), (0,)]], lambda x, fp: np.interp(x, POINTS, fp, period=2.5)),
        Row("np.unwrap",    lambda x, axis=-1: x * 1,                               apart,
            one((3,), (4,), (2, 3)) + one((2, 3), axis=[0]), np.unwrap),
        Row("np.unwrap, turned", lambda x: x * 1,                                   positive,
            one((3,), (4,), (2, 3), (2, 4)),
            lambda x: np.unwrap(x - 7.0 * (np.arange(np.shape(x)[-1]) % 2), period=7.0)),
    )


class TestPolynomials(Judged):
    ROWS = (
        Row("np.polyval",   powers,                                                 (real, real),
            pairs(((3,), ()), ((1,), (2,)), ((4,), (2, 3)), ((2,), (0,))), np.polyval),
        Row("convolve",     products,                                               real,     pairs(
            ((3,), (2,)), ((1,), (1,)), ((2,), (4,)), ((3,), (3,)))),
        Row("np.convolve",  products,                                               real,     MODES, np.convolve),
        Row("np.correlate", shifted,                                                real,     MODES, np.correlate),
        Row("sliding_window_view", by_matrix(lambda x: np.array(sliding_window_view(x, 2, -1))), real,
            one((2,), (4,), (2, 3), (3, 2)), lambda x: sliding_window_view(x, 2, -1)),
        Row("sliding_window_view of two axes", by_matrix(lambda x: np.array(sliding_window_view(x, (2, 2)))), real,
            one((2, 2), (2, 3), (3, 2), (3, 4)), lambda x: sliding_window_view(x, (2, 2))),
    )
# fmt: on
