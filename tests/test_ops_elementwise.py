"""Arithmetic, exponentials, waves, steps and choices, judged entry by entry."""

import autograd.numpy as anp
import numpy as np
from op_factory import Judged, Row, apart, case, coin, nonzero, one, pairs, positive, real

FEW = one((), (3,), (2, 3), (0,))
TWO = pairs(((), ()), ((3,), (3,)), ((2, 3), ()), ((3, 1), (1, 4)), ((0,), ()))
ROUNDED = one((3,), (2, 3), (0,), decimals=[0, 1])


def inside(rng, shape):
    return rng.uniform(-0.9, 0.9, shape)


def beyond(rng, shape):
    return rng.uniform(1.2, 3, shape)


def between(rng, shape):
    """Away from the integers, and from the tenths between them."""
    return rng.integers(-3, 4, shape) + rng.choice([0.22, 0.43, 0.68, 0.82], shape)


def odds(rng, shape):
    return rng.choice([-2.0, -0.5, 0.5, 3.0], shape)


def third_root(x):
    return anp.sign(x) * anp.exp(anp.log(anp.abs(x)) / 3)


def step(f):
    return lambda x, **params: 0 * x + f(x, **params)


# fmt: off
class TestArithmetic(Judged):
    ROWS = (
        Row("positive",     lambda x: x * 1,                                       real,                FEW),
        Row("reciprocal",   lambda x: x**-1,                                       nonzero,             FEW),
        Row("cbrt",         third_root,                                            nonzero,             FEW),
        Row("hypot",        lambda a, b: anp.sqrt(a * a + b * b),                  nonzero,             TWO),
        Row("floor_divide", lambda a, b: 0 * a + 0 * b + anp.floor(a / b),         (between, odds),     TWO),
        Row("remainder",    lambda a, b: a - b * anp.floor(a / b),                 (between, odds),     TWO),
        Row("fmod",         lambda a, b: a - b * anp.trunc(a / b),                 (between, odds),     TWO),
        Row("float_power",  lambda a, b: anp.exp(b * anp.log(a)),                  (positive, real),    TWO,
            np.float_power),
        Row("divmod",       lambda a, b: anp.floor(a / b) + a - b * anp.floor(a / b), (between, odds),  TWO,
            lambda a, b: sum(np.divmod(a, b))),
        Row("modf",         lambda x: 3 * x - 2 * anp.trunc(x),                    between,             FEW,
            lambda x: 3 * np.modf(x)[0] + np.modf(x)[1]),
    )


class TestWaves(Judged):
    ROWS = (
        Row("exp2",         lambda x: anp.exp(x * np.log(2)),                      real,                FEW),
        Row("log2",         lambda x: anp.log(x) / np.log(2),                      positive,            FEW),
        Row("log10",        lambda x: anp.log(x) / np.log(10),                     positive,            FEW),
        Row("logaddexp",    lambda a, b: anp.log(anp.exp(a) + anp.exp(b)),         real,                TWO),
        Row("logaddexp2",   lambda a, b: anp.log(2**a + 2**b) / np.log(2),         real,                TWO),
        Row("tan",          lambda x: anp.sin(x) / anp.cos(x),                     inside,              FEW),
        Row("arcsin",       lambda x: anp.arctan(x / anp.sqrt(1 - x * x)),         inside,              FEW),
        Row("arccos",       lambda x: np.pi / 2 - anp.arctan(x / anp.sqrt(1 - x * x)), inside,          FEW),
        Row("arctan",       lambda x: anp.arcsin(x / anp.sqrt(1 + x * x)),         real,                FEW),
        Row("arctan2",      anp.arctan2,                                           nonzero,             TWO),
        Row("degrees",      lambda x: x * 180 / np.pi,                             real,                FEW),
        Row("rad2deg",      lambda x: x * 180 / np.pi,                             real,                FEW),
        Row("radians",      lambda x: x * np.pi / 180,                             real,                FEW),
        Row("deg2rad",      lambda x: x * np.pi / 180,                             real,                FEW),
        Row("sinc",         lambda x: anp.sin(np.pi * x) / (np.pi * x),            nonzero,             FEW),
        Row("sinh",         lambda x: (anp.exp(x) - anp.exp(-x)) / 2,              real,                FEW),
        Row("cosh",         lambda x: (anp.exp(x) + anp.exp(-x)) / 2,              real,                FEW),
        Row("arcsinh",      lambda x: anp.log(x + anp.sqrt(x * x + 1)),            real,                FEW),
        Row("arccosh",      lambda x: anp.log(x + anp.sqrt(x * x - 1)),            beyond,              FEW),
        Row("arctanh",      lambda x: anp.log((1 + x) / (1 - x)) / 2,              inside,              FEW),
    )


class TestKinks(Judged):
    ROWS = (
        Row("fabs",         lambda x: anp.sqrt(x * x),                             nonzero,             FEW),
        Row("copysign",     lambda a, b: anp.sqrt(a * a) * (2.0 * (b > 0) - 1) + 0 * b, nonzero,        TWO),
        Row("fmax",         lambda a, b: a * (a > b) + b * (a < b),                apart,               TWO),
        Row("fmin",         lambda a, b: a * (a < b) + b * (a > b),                apart,               TWO),
        Row("floor",        step(anp.floor),                                       between,             FEW),
        Row("ceil",         step(anp.ceil),                                        between,             FEW),
        Row("rint",         step(lambda x: anp.floor(x + 0.5)),                    between,             FEW),
        Row("trunc",        step(lambda x: anp.sign(x) * anp.floor(anp.abs(x))),   between,             FEW),
        Row("fix",          step(lambda x: anp.sign(x) * anp.floor(anp.abs(x))),   between,             FEW),
        Row("round",        step(lambda x, decimals: anp.floor(x * 10**decimals + 0.5) / 10**decimals),
            between, ROUNDED),
        Row("heaviside",    lambda x, h: 0 * x + 0 * h + (x > 0),                  (nonzero, real),     TWO),
        Row("nan_to_num",   lambda x, nan=0.0: x * 1,                              real,                FEW),
    )


def piecewise(x):
    return np.piecewise(x, [x < -0.5, x > 0.5], [lambda x: x * x, np.exp, 2.0])


CHOICES = [case(c, a, b) for c, a, b in [((), (), ()), ((3,), (3,), ()), ((2, 1), (3,), (2, 3)), ((0,), (1,), (0,))]]


class TestChoices(Judged):
    ROWS = (
        Row("np.select",    lambda c, a, b: c * a + (1 - c) * b,                   (coin, real, real),  CHOICES,
            lambda c, a, b: np.select([c, np.logical_not(c)], [a, b])),
        Row("select with a default", lambda c, a, b: c * a + (1 - c) * (a > 0) * b + (1 - c) * (a < 0) * 7.0,
            (coin, nonzero, real), CHOICES, lambda c, a, b: np.select([c, a > 0], [a, b], 7.0)),
        Row("np.choose",    lambda c, a, b: (1 - c) * a + c * b,                   (coin, real, real),  CHOICES,
            lambda c, a, b: np.choose(c, [a, b])),
        Row("choose, wrapped", lambda c, a, b: (1 - c) * b + c * a,                (coin, real, real),  CHOICES,
            lambda c, a, b: np.choose(np.asarray(c) * 1 - 3, [a, b], mode="wrap")),
        Row("np.piecewise", lambda x: x * x * (x < -0.5) + anp.exp(x) * (x > 0.5) + 2.0 * (x >= -0.5) * (x <= 0.5),
            real, one((), (5,), (2, 3), (0,)), piecewise),
    )
# fmt: on
