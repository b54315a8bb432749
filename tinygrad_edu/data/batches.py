"""From one table of examples to what a training loop eats.

`split` holds examples back for testing, `standardize` brings every column to mean 0 and standard
deviation 1 by what it saw of the training part, `batches` walks through one epoch:

    (X_train, y_train), (X_test, y_test) = split(X, y, test_fraction=0.25, rng=rng)
    X_train, X_test = standardize(X_train, X_test)
    for X_batch, y_batch in batches(X_train, y_train, size=32, rng=rng):
        ...

Examples are rows in all three. Next: `toys.py` and `real.py` for something to feed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.data import arguments

Pair = tuple[NDArray[Any], NDArray[Any]]


def batches(X: ArrayLike, y: ArrayLike, size: int, rng: np.random.Generator | None = None) -> Iterator[Pair]:
    """One epoch in batches: every example once.

        batch b:  examples order[b size], ..., order[(b + 1) size - 1]
        order = a random permutation by rng, or 0, 1, ..., m - 1 without

    The last batch is smaller when size does not divide m. After shuffling, its mean gradient is as right as any
    other, only noisier: a random subset of any size estimates the mean without bias. But the plain mean of the
    batch losses is no longer the mean over the examples: weigh each by len(X_batch) when you log an epoch.

    The arguments are checked and the order is drawn by the call itself, not by the first `next`. Batches are
    copies: changing one leaves X as it was.

    Shapes:  X (m, ...), y (m, ...) -> ceil(m / size) pairs (size, ...), (size, ...)
    Raises:  ValueError if X is empty, lengths differ or size < 1; TypeError if rng is not a Generator
    >>> for X_batch, y_batch in batches([[1], [2], [3]], [0, 1, 0], size=2):
    ...     print(X_batch.tolist(), y_batch.tolist())
    [[1], [2]] [0, 1]
    [[3]] [0]
    """
    X, y = _paired("batches", X, y)
    size = arguments.whole_number("batches", "size", size, 1, "size counts the examples of a batch.")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"batches: rng must be a numpy Generator or None; got {type(rng).__name__}. A seed would repeat one order"
            " in every epoch: make rng = np.random.default_rng(0) once, before the loop."
        )
    order = np.arange(len(X)) if rng is None else rng.permutation(len(X))
    parts = (order[start : start + size] for start in range(0, len(X), size))
    return ((X[part], y[part]) for part in parts)


def split(
    X: ArrayLike, y: ArrayLike, test_fraction: float, rng: np.random.Generator | int, stratified: bool = False
) -> tuple[Pair, Pair]:
    """Two parts without overlap, for training and for testing.

        order = random permutation;  test = the first round(test_fraction m) of it;  train = the rest

    With stratified=True every class has its share of both parts, to less than one example, which matters where
    a class is rare: the random order is sorted by y, and every so-manyth example held back.

    Shapes:  X (m, ...), y (m, ...) -> (X_train, y_train), (X_test, y_test)
    Raises:  ValueError if lengths differ, test_fraction is outside (0, 1) or a part would be empty;
             TypeError if rng is neither Generator nor int
    >>> (X_train, y_train), (X_test, y_test) = split(np.eye(10), np.arange(10), test_fraction=0.2, rng=0)
    >>> X_train.shape, X_test.shape, sorted([*y_train.tolist(), *y_test.tolist()])
    ((8, 10), (2, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    X, y = _paired("split", X, y)
    rng = arguments.random_generator("split", rng)
    advice = "0.25 holds back a quarter."
    fraction = arguments.finite_number("split", "test_fraction", test_fraction, advice)
    if not 0 < fraction < 1:
        raise ValueError(f"split: test_fraction must lie between 0 and 1; got {fraction}. {advice}")
    m, held_back = len(X), round(fraction * len(X))
    if not 0 < held_back < m:
        raise ValueError(
            f"split: each part must hold at least one example; got {m - held_back} for training and {held_back} for"
            f" testing out of {m}. Use more examples or another test_fraction."
        )
    order = rng.permutation(m)
    if stratified:
        by_class = order[np.argsort(_one_column(y)[order], kind="stable")]
        spread = np.diff(np.arange(m + 1) * held_back // m) == 1  # held_back of the m places, evenly apart
        order = np.concatenate([rng.permutation(by_class[spread]), rng.permutation(by_class[~spread])])
    test, train = order[:held_back], order[held_back:]
    return (X[train], y[train]), (X[test], y[test])


@overload
def standardize(train: ArrayLike, /) -> NDArray[Any]: ...
@overload
def standardize(train: ArrayLike, other: ArrayLike, /, *others: ArrayLike) -> tuple[NDArray[Any], ...]: ...
def standardize(train: ArrayLike, /, *others: ArrayLike) -> NDArray[Any] | tuple[NDArray[Any], ...]:
    """Every column at mean 0 and standard deviation 1.

        X -> (X - mean(train)) / std(train)      over axis 0, std with 1/m

    Mean and deviation come from the first array alone: a test set must not tell the training anything about
    itself. A column that is constant there is only centred, not divided by its deviation of zero. float32 stays
    float32, whole numbers become float64; others take the dtype of the first.

    Shapes:  (m, ...), (any, ...), ... -> the same shapes; one array -> one array, several -> a tuple
    Raises:  ValueError if an array is empty or not finite, or if columns differ; TypeError if not real numbers
    >>> X_train, X_test = standardize([[0., 7.], [2., 7.]], [[3., 8.]])
    >>> X_train.tolist(), X_test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[2.0, 1.0]])
    """
    given = enumerate((train, *others), start=1)
    arrays = [arguments.real_rows("standardize", f"array {position}", values) for position, values in given]
    first = arrays[0] if arrays[0].dtype.kind == "f" else arrays[0].astype(np.float64)
    for position, array in enumerate(arrays[1:], start=2):
        if array.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"standardize: all arrays must have the columns of the first; got {first.shape} and, as array"
                f" {position}, {array.shape}. Standardize X alone, not y, and with examples in rows."
            )
    mean, scale = moments(first)
    results = tuple(((array - mean) / scale).astype(first.dtype) for array in arrays)
    return results if others else results[0]


def moments(train: NDArray[Any]) -> Pair:
    """What `standardize` subtracts from every column, and what it divides by.

    Shapes:  (m, ...) -> (...), (...)
    """
    mean, deviation = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    constant = train.max(axis=0) == train.min(axis=0)
    return mean, np.where(constant, 1.0, deviation)


def _paired(function: str, X: ArrayLike, y: ArrayLike) -> Pair:
    """X and y as arrays with one row per example each."""
    X, y = arguments.rows(function, "X", X), arguments.rows(function, "y", y)
    if len(X) != len(y):
        raise ValueError(
            f"{function}: X and y must have the same length; got {X.shape} and {y.shape}."
            " One row per example: transpose an array that holds its examples in columns."
        )
    return X, y


def _one_column(y: NDArray[Any]) -> NDArray[Any]:
    """y as one number for each example."""
    if y.size != len(y) or y.dtype.kind not in "iubf":
        raise ValueError(
            f"split: a stratified split needs one number for each example; got y {y.shape} of {y.dtype}. "
            "Pass class numbers, or leave stratified out."
        )
    return y.ravel()
