"""Reductions, running sums, sorting and curves, judged along every axis."""

import autograd.numpy as anp
import numpy as np
from autograd.tracer import getval
from op_factory import KEEP, REDUCTIONS, SUMS, Judged, Row, apart, case, nonzero, one, positive, real

ALONG = [
    *one((3,), (1,), axis=[None, 0, -1]),
    *one((2, 3), axis=[None, 0, 1]),
    *one((2, 3, 2), axis=[-2]),
    *one((0, 3), axis=[0, 1]),
]
LASTS = [*one((3,), (2, 3), (0, 3)), *one((2, 3), (2, 3, 2), axis=[0, -2, None])]
WHOLE = [*one((4,), (5,)), *one((2, 3), axis=[None, 0, 1, (0, 1)], keepdims=KEEP), *one((2, 3, 2), axis=[(-1, 0)])]
FEW = [*one((), axis=[None]), *one((4,), (2, 3), axis=[None, 0, -1], keepdims=KEEP), *one((2, 3, 2), axis=[(0, 2)])]


def holes(rng, shape):
    """Real numbers, some of them NaN, but no row of them."""
    x = rng.standard_normal(shape)
    return np.where((np.arange(x.size) % 5 == 1).reshape(shape), np.nan, x)


def filled(x, value=0):
    return anp.where(np.isnan(getval(x)), value, x)


def present(x, **options):
    return np.sum(~np.isnan(getval(x)), **options)


def spread(x, axis=None, ddof=0, keepdims=False):
    where = {"axis": axis, "keepdims": True}
    mean = anp.sum(filled(x), **where) / present(x, **where)
    total = anp.sum((filled(x - mean)) ** 2, axis=axis, keepdims=keepdims)
    return total / (present(x, axis=axis, keepdims=keepdims) - ddof)


def moved(x, f):
    """The entries of x at the places that f makes of a table of places, and of the values of x."""
    places = np.asarray(f(np.arange(np.size(getval(x))).reshape(np.shape(x)), getval(x)))
    taken = np.equal.outer(places.ravel(), np.arange(np.size(getval(x)))) * 1.0
    return anp.reshape(anp.dot(taken, anp.ravel(x)), places.shape)


def in_order(x, axis=-1):
    if axis is None:
        return in_order(anp.ravel(x), 0)
    return moved(x, lambda places, values: np.take_along_axis(places, np.argsort(values, axis), axis))


def joined(x, axis):
    """Some axes as the last one."""
    axes = range(np.ndim(x)) if axis is None else [a % np.ndim(x) for a in np.ravel(axis)]
    kept = [a for a in range(np.ndim(x)) if a not in axes]
    return anp.reshape(anp.transpose(x, [*kept, *axes]), [*(x.shape[a] for a in kept), -1])


def fitted(y, x, axis, keepdims):
    return anp.reshape(y, np.sum(getval(x), axis=axis, keepdims=keepdims).shape)


def middle(x, axis=None, keepdims=False):
    rows = in_order(joined(x, axis))
    n = rows.shape[-1]
    return fitted((rows[..., (n - 1) // 2] + rows[..., n // 2]) / 2, x, axis, keepdims)


PLACES = {  # where the quantile q of n entries stands among the sorted ones, counted from 0
    "linear": lambda n, q: q * (n - 1),
    "lower": lambda n, q: np.floor(q * (n - 1)),
    "higher": lambda n, q: np.ceil(q * (n - 1)),
    "midpoint": lambda n, q: (np.floor(q * (n - 1)) + np.ceil(q * (n - 1))) / 2,
    "hazen": lambda n, q: np.clip(n * q - 0.5, 0, n - 1),
    "weibull": lambda n, q: np.clip((n + 1) * q - 1, 0, n - 1),
    "median_unbiased": lambda n, q: np.clip((n + 1 / 3) * q - 2 / 3, 0, n - 1),
}


def quantile(x, q, axis=None, method="linear", keepdims=False):
    rows = in_order(joined(x, axis))
    place = PLACES[method](rows.shape[-1], np.asarray(q))
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    y = rows[..., low] * (1 - place + low) + rows[..., high] * (place - low)
    y = anp.moveaxis(y, range(-np.ndim(q), 0), range(np.ndim(q)))
    return anp.reshape(y, np.shape(q) + np.sum(getval(x), axis=axis, keepdims=keepdims).shape)


def nan_quantile(x, q, axis=None, keepdims=False):
    """Row by row, of the numbers in it."""
    rows = joined(x, axis)
    rows = anp.reshape(rows, (-1, rows.shape[-1]))
    parts = [quantile(row[~np.isnan(getval(row))], q) for row in rows]
    return fitted(anp.stack(parts), x, axis, keepdims)


def running(f):
    """f of the last result and the next entry, along an axis."""

    def run(x, axis=0):
        rows = [anp.moveaxis(x, axis, 0)[0]]
        for row in anp.moveaxis(x, axis, 0)[1:]:
            rows.append(f(rows[-1], row))
        return anp.moveaxis(anp.stack(rows), 0, axis)

    return run


def ran(f):
    return lambda x, axis=None: f(anp.ravel(x), 0) if axis is None else f(x, axis)


RUNS = [*one((3,), (1,), axis=[0, -1]), *one((2, 3), axis=[0, 1]), *one((2, 3, 2), axis=[-2])]
FIRST = [case((3,)), case((2, 3)), *one((2, 3), axis=[1, -2])]
NAN_RUNS = [*one((3,), (2, 3), axis=[None, 0, -1])]
WEIGHTED = [
    case((3,), (3,)),
    case((2, 3), (2, 3)),
    case((2, 3), (3,), axis=1),
    case((2, 3), (2,), axis=-2, keepdims=True),
    case((2, 3, 2), (2, 3, 2), axis=(0, 2)),
    case((2, 3, 4), (4, 2), axis=(2, 0)),
]
STDS = [*one((4,), axis=[None, 0, -1]), *one((2, 3), axis=[None, 1], keepdims=KEEP), *one((2, 3), ddof=[1])]


def weighted(a, w, axis=None, keepdims=False):
    if a.shape != w.shape:
        axes = [x % a.ndim for x in np.ravel(axis)]
        w = anp.reshape(anp.transpose(w, np.argsort(axes)), [n if k in axes else 1 for k, n in enumerate(a.shape)])
    w = w + 0 * a
    return anp.sum(a * w, axis=axis, keepdims=keepdims) / anp.sum(w, axis=axis, keepdims=keepdims)


# fmt: off
class TestReductions(Judged):
    ROWS = (
        Row("prod",         anp.prod,                                               nonzero,  SUMS),
        Row("sum, initial", lambda x, **p: anp.sum(x, **p) + 3.0,                   real,     SUMS,
            lambda x, **p: np.sum(x, initial=3.0, **p)),
        Row("prod, initial", lambda x, **p: anp.prod(x, **p) * 3.0,                 nonzero,  SUMS,
            lambda x, **p: np.prod(x, initial=3.0, **p)),
        Row("max, initial", lambda x, **p: anp.maximum(anp.max(x, **p), 0.01),      apart,    REDUCTIONS,
            lambda x, **p: np.max(x, initial=0.01, **p)),
        Row("np.ptp",       lambda x, **p: anp.max(x, **p) - anp.min(x, **p),       apart,    FEW, np.ptp),
        Row("np.average",   weighted,                                               (real, positive), WEIGHTED,
            lambda a, w, **p: np.average(a, weights=w, **p)),
        Row("np.average, equal", anp.mean,                                          real,     FEW, np.average),
        Row("nanmax",       lambda x, **p: anp.max(x, **p),                         apart,    FEW),
        Row("nanmin",       lambda x, **p: anp.min(x, **p),                         apart,    FEW),
        Row("nanmax of holes", lambda x, **p: anp.max(filled(x, -9), **p),          holes,    FEW, np.nanmax),
        Row("nanmin of holes", lambda x, **p: anp.min(filled(x, 9), **p),           holes,    FEW, np.nanmin),
        Row("np.nansum",    lambda x, **p: anp.sum(filled(x), **p),                 holes,    FEW, np.nansum),
        Row("np.nanprod",   lambda x, **p: anp.prod(filled(x, 1), **p),             holes,    FEW, np.nanprod),
        Row("np.nanmean",   lambda x, **p: anp.sum(filled(x), **p) / present(x, **p), holes,  FEW, np.nanmean),
        Row("np.nanvar",    spread,                                                 holes,    FEW[1:], np.nanvar),
        Row("np.nanstd",    lambda x, **p: anp.sqrt(spread(x, **p)),                holes,    STDS, np.nanstd),
        Row("add.reduce",   lambda x, axis=0: anp.sum(x, axis),                     real,     FIRST, np.add.reduce),
        Row("multiply.reduce", lambda x, axis=0: anp.prod(x, axis),                 nonzero,  FIRST,
            np.multiply.reduce),
        Row("maximum.reduce", lambda x, axis=0: anp.max(x, axis),                   apart,    FIRST, np.maximum.reduce),
        Row("fmin.reduce",  lambda x, axis=0: anp.min(x, axis),                     apart,    FIRST, np.fmin.reduce),
        Row("logaddexp.reduce", lambda x, axis=0: anp.log(anp.sum(anp.exp(x), axis)), real,   FIRST,
            np.logaddexp.reduce),
    )


class TestRunning(Judged):
    ROWS = (
        Row("cumsum",       anp.cumsum,                                             real,     ALONG),
        Row("cumprod",      lambda x, **p: anp.exp(anp.cumsum(anp.log(x), **p)),    positive, ALONG),
        Row("cumprod of any sign", ran(running(lambda y, x: y * x)),                nonzero,  NAN_RUNS, np.cumprod),
        Row("cummax",       running(anp.maximum),                                   apart,    RUNS),
        Row("cummin",       running(anp.minimum),                                   apart,    RUNS),
        Row("maximum.accumulate", running(anp.maximum),                             apart,    FIRST,
            np.maximum.accumulate),
        Row("add.accumulate", running(anp.add),                                     real,     FIRST, np.add.accumulate),
        Row("multiply.accumulate", running(anp.multiply),                           nonzero,  FIRST,
            np.multiply.accumulate),
        Row("np.nancumsum", lambda x, **p: anp.cumsum(filled(x), **p),              holes,    NAN_RUNS, np.nancumsum),
        Row("np.nancumprod", lambda x, **p: ran(running(anp.multiply))(filled(x, 1), **p), holes, NAN_RUNS,
            np.nancumprod),
    )


class TestSorting(Judged):
    ROWS = (
        Row("sort",         in_order,                                               apart,    LASTS),
        Row("np.partition", in_order,                                               apart,    LASTS[:2] + LASTS[3:5],
            lambda x, **p: np.partition(x, range(2), **p)),
        Row("np.unique",    lambda x: in_order(x, None),                            apart,    one((3,), (2, 3), (0,)),
            np.unique),
        Row("np.take_along_axis", lambda x: moved(x, lambda p, v: p[:, [1, 1, 0]]), real,
            one((1, 2), (2, 2), (2, 3), (0, 2)),
            lambda x: np.take_along_axis(x, np.array([[1, 1, 0]]), 1)),
        Row("np.median",    middle,                                                 apart,    WHOLE, np.median),
        Row("np.quantile",  lambda x, **p: quantile(x, 0.3, **p),                   apart,    WHOLE,
            lambda x, **p: np.quantile(x, 0.3, **p)),
        Row("np.quantile, several", lambda x, **p: quantile(x, [[0.1, 1.0], [0.5, 0.85]], **p), apart, WHOLE[:6],
            lambda x, **p: np.quantile(x, [[0.1, 1.0], [0.5, 0.85]], **p)),
        Row("np.quantile, methods", lambda x, **p: quantile(x, 0.4, **p),           apart,
            one((5,), (6,), method=list(PLACES)),
            lambda x, **p: np.quantile(x, 0.4, **p)),
        Row("np.percentile", lambda x, **p: quantile(x, 0.75, **p),                 apart,    WHOLE,
            lambda x, **p: np.percentile(x, 75, **p)),
        Row("np.nanmedian", lambda x, **p: nan_quantile(x, 0.5, **p),               holes,    WHOLE, np.nanmedian),
        Row("np.nanpercentile", lambda x, **p: nan_quantile(x, 0.3, **p),           holes,    WHOLE,
            lambda x, **p: np.nanpercentile(x, 30, **p)),
    )
# fmt: on
