"""Small real sets that ship with the package: no download, no further dependency.

`iris()`, `cancer()` and `digits()` each read a CSV file in `files/`, which a person can read too, and give
a `Dataset`, whose arrays are new on every call. Where the numbers come from, who made them and under which
licence stands in `files/SOURCES.md`. Next: `batches.py`, to split, standardize and batch a set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.data import cells

_FILES = Path(__file__).parent / "files"


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

    Raises:  ValueError naming the file and what was expected there
    """
    try:
        sheet = cells.from_file("read_dataset", file, ",", header=True)
        *features, label = sheet.names
        table, texts = cells.filled(sheet, dict.fromkeys(features, False) | {label: True}, cells.by_csv)
        X, found = table[:, :-1].copy(), tuple(texts[label])
        if X.shape != shape or np.isnan(table).any() or set(found) != set(class_names):
            raise ValueError(
                f"{sheet.title} must hold {shape[0]} rows of {shape[1]} numbers and one of {', '.join(class_names)}; "
                f"got {len(X)} of {X.shape[1]} and {', '.join(found)}, with {np.isnan(table).sum()} missing."
            )
    except ValueError as error:
        raise ValueError(f"{error} The file is damaged: install tinygrad_edu again.") from error
    y = np.array([class_names.index(text) for text in found], np.int64)[table[:, -1].astype(np.int64)]
    return Dataset(X, y, tuple(features), class_names, source)
