"""Small real sets that ship with the package: no download, no further dependency.

`iris()`, `cancer()` and `digits()` each read a CSV file in `files/`, which a person can read too, and give
a `Dataset`, whose arrays are new on every call. Where the numbers come from, who made them and under which
licence stands in `files/SOURCES.md`. Next: `batches.py`, to split, standardize and batch a set.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FILES = Path(__file__).parent / "files"
_REPAIR = "The file is damaged: install tinygrad_edu again."


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """Examples in rows, their class numbers, and the names.

        X[i, j]  feature feature_names[j] of example i
        y[i]     class class_names[y[i]]

    Unpacks as `X, y = data`. `source` is the citation to give wherever the set is used.

    Shapes:  X (m, n) float64, for images (m, height, width) with feature_names in reading order; y (m,) int64
    >>> iris()
    Dataset: X (150, 4) float64, y (150,) int64, classes setosa, versicolor, virginica
    >>> X, y = iris()
    """

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    source: str

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        return (
            f"Dataset: X {self.X.shape} {self.X.dtype}, y {self.y.shape} {self.y.dtype},"
            f" classes {', '.join(self.class_names)}"
        )


def iris() -> Dataset:
    """Three species of iris by four lengths.

        y:  0 setosa, 1 versicolor, 2 virginica     50 flowers of each
        X:  length and width of sepal and petal, in cm

    Setosa is linearly separable from the other two, which are not from one another.

    Shapes:  -> X (150, 4), y (150,)
    Source:  R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936; files/SOURCES.md
    >>> X, y = iris()
    >>> X[0].tolist(), np.bincount(y).tolist()
    ([5.1, 3.5, 1.4, 0.2], [50, 50, 50])
    """
    source = "R. A. Fisher (1936), Iris. UCI Machine Learning Repository, doi:10.24432/C56C76. CC BY 4.0."
    return read_dataset(_FILES / "iris.csv", (150, 4), ("setosa", "versicolor", "virginica"), source)


def cancer() -> Dataset:
    """Breast tumours, malignant or benign, by thirty measurements.

        y:  0 malignant (212), 1 benign (357)       scikit-learn's numbers
        X:  mean, standard error and worst of ten properties of the cell nuclei in an image

    Mind the numbers: a model of P(y = 1) is a model of *benign*. The columns differ in scale by a factor
    of 200 000: standardize them first.

    Shapes:  -> X (569, 30), y (569,)
    Source:  W. N. Street, W. H. Wolberg, O. L. Mangasarian, Nuclear feature extraction for breast tumor
             diagnosis, 1993; files/SOURCES.md
    >>> X, y = cancer()
    >>> X.shape, np.bincount(y).tolist()
    ((569, 30), [212, 357])
    """
    source = (
        "W. H. Wolberg, W. N. Street, O. L. Mangasarian (1995), Breast Cancer Wisconsin (Diagnostic)."
        " UCI Machine Learning Repository, doi:10.24432/C5DW2B. CC BY 4.0."
    )
    return read_dataset(_FILES / "cancer.csv", (569, 30), ("malignant", "benign"), source)


def digits() -> Dataset:
    """Handwritten digits, eight by eight pixels.

        y:  the digit, 0 .. 9
        X:  how many of the 4 x 4 dots under a pixel are inked, 0 .. 16

    For a network of Linear layers: `X.reshape(len(X), 64) / 16`.

    Shapes:  -> X (1797, 8, 8), y (1797,)
    Source:  E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, 1998; files/SOURCES.md
    >>> X, y = digits()
    >>> X.shape, X.min().item(), X.max().item(), y[:5].tolist()
    ((1797, 8, 8), 0.0, 16.0, [0, 1, 2, 3, 4])
    """
    source = (
        "E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits."
        " UCI Machine Learning Repository, doi:10.24432/C50P49. CC BY 4.0."
    )
    flat = read_dataset(_FILES / "digits.csv.gz", (1797, 64), tuple("0123456789"), source)
    return Dataset(flat.X.reshape(1797, 8, 8), flat.y, flat.feature_names, flat.class_names, source)


def read_dataset(file: Path, shape: tuple[int, int], class_names: tuple[str, ...], source: str) -> Dataset:
    """Dataset in a CSV file: numbers, then the class by name.

    The first line names the columns. `shape` is what X must have: a file cut short must not pass for a small one.

    Raises:  ValueError naming the file, the line and what was expected there
    """
    m, n = shape
    header, *rows = _cells(file)
    if len(header) != n + 1:
        raise ValueError(
            f"read_dataset: line 1 of {file.name} must name {n} features and the class; got {len(header)} names."
            f" {_REPAIR}"
        )
    feature_names, X, y = tuple(header[:-1]), [], []
    for line, row in enumerate(rows, start=2):
        where = f"read_dataset: line {line} of {file.name}"
        if len(row) != n + 1:
            raise ValueError(f"{where} must hold {n} numbers and a class; got {len(row)} values. {_REPAIR}")
        if row[-1] not in class_names:
            raise ValueError(f"{where} must end in one of {', '.join(class_names)}; got {row[-1]!r}. {_REPAIR}")
        X.append([_number(text, column, where) for text, column in zip(row[:-1], feature_names, strict=True)])
        y.append(class_names.index(row[-1]))
    if len(rows) != m:
        raise ValueError(f"read_dataset: {file.name} must hold {m} examples; got {len(rows)}. {_REPAIR}")
    return Dataset(np.array(X, np.float64), np.array(y, np.int64), feature_names, class_names, source)


def _cells(file: Path) -> list[list[str]]:
    """The values of every line, as text; at least one line."""
    content = file.read_bytes()
    try:
        text = (gzip.decompress(content) if file.name.endswith(".gz") else content).decode("utf-8")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"read_dataset: {file.name} must be readable text; got: {error}. {_REPAIR}") from error
    return [line.split(",") for line in text.splitlines()] or [[]]


def _number(text: str, column: str, where: str) -> float:
    """The value as a finite float."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where} must hold a finite number as {column!r}; got {text!r}. {_REPAIR}")
    return number
