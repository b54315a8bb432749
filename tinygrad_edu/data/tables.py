"""A table of your own: from a CSV file to numbers, and new rows by the same rules.

    table = read_table("flowers.csv", target="species")
    X, y = table
    X_new = table.encode("unlabelled.csv")                # the same columns, the same categories
    text = table.to_json()                                # kept beside the weights; Table.from_json(text)

A column of numbers is one feature, a column of text one feature for each category (one-hot): `colour=red` is 1 where
the colour is red. Read next: `batches.py`, to split, standardize and batch it; `cells.py`, how a file is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.data import cells
from tinygrad_edu.data.cells import Sheet

CATEGORIES = 100  # more would be names or numbers of rows, from which nothing can be learnt
CLASSES = 20  # more different whole numbers are taken for a quantity
FEW = 10  # beyond these, each category and each class needs two rows on average
TASKS = ("classification", "regression")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Table:
    """Examples in rows, and the columns that they came from.

        X[i, j]  feature feature_names[j] of example i
        y[i]     class class_names[y[i]], or for regression the number itself

    Unpacks as `X, y = table`. `columns` maps each input column to its categories, () for numbers; `names` are all
    columns of the file, in its order, and `means` those of the features, where missing values are filled with them.

    Shapes:  X (m, n) float64; y (m,) int64, or float64 for regression
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    columns: dict[str, tuple[str, ...]]
    target: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    header: bool
    means: tuple[float, ...] | None = None

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        found = f"classes {', '.join(self.class_names)}" if self.class_names else f"target {self.target}"
        return f"Table: X {self.X.shape} {self.X.dtype}, y {self.y.shape} {self.y.dtype}, {found}"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns of X: the column's, or column=category."""
        return tuple(
            f"{name}={category}" if category else name
            for name, categories in self.columns.items()
            for category in categories or ("",)
        )

    @property
    def task(self) -> str:
        """What y asks for: "classification" or "regression"."""
        return TASKS[0] if self.class_names else TASKS[1]

    def encode(self, rows: str | os.PathLike[str] | Iterable[Any]) -> NDArray[np.float64]:
        """X for new rows, by the columns and categories of this table.

        `rows` is a file, or rows in memory: mappings by column name, or sequences in the order of `columns`. Other
        columns are not looked at. A missing value is filled as in the table, with missing="mean", or else refused.

        Shapes:  -> (rows, n)
        Raises:  ValueError naming the column that is missing, the category that is unknown, the value that is missing
        """
        sheet = self._sheet("encode", rows, tuple(self.columns))
        table, texts = cells.columns(sheet, {name: bool(known) for name, known in self.columns.items()})
        X = one_hot(sheet, table, texts, self.columns)
        if self.means is None:
            refuse_missing(sheet, table, tuple(self.columns), "Fill them, or read the table with missing='mean'.")
        return with_means(X, self.means)

    def encode_target(self, rows: str | os.PathLike[str] | Iterable[Any]) -> NDArray[Any] | None:
        """y for new rows; None where the target column is not among them.

        Raises:  ValueError for a class that this table does not have, or a value that is missing
        """
        sheet = self._sheet("encode_target", rows, (*self.columns, self.target))
        if self.target not in sheet.names:
            return None
        table, texts = cells.columns(sheet, {self.target: bool(self.class_names)})
        refuse_missing(sheet, table, (self.target,), "Leave these rows out.")
        if not self.class_names:
            return table[:, 0]
        number = {name: k for k, name in enumerate(self.class_names)}
        found = [number.get(text, number.get(whole(text), -1)) for text in texts[self.target]]
        if unknown := [text for text, k in zip(texts[self.target], found, strict=True) if k < 0]:
            raise ValueError(
                f"{sheet.title}: {self.target!r} must be one of {listed(self.class_names)}; got {listed(unknown)}. "
                "The model knows no other classes."
            )
        return np.array(found, np.int64)[table[:, 0].astype(np.int64)]

    def _sheet(self, method: str, rows: Any, order: tuple[str, ...]) -> Sheet:
        """The new rows under the names of this table."""
        function = f"Table.{method}"
        if not isinstance(rows, str | os.PathLike):
            return self._in_memory(function, rows, order)
        sheet = cells.from_file(function, rows, header=self.header)
        if not self.header:
            unlabelled = tuple(name for name in self.names if name != self.target)
            by_width = {len(names): names for names in (unlabelled, self.names)}
            if len(sheet.names) not in by_width:
                raise ValueError(
                    f"{sheet.title} must have the {len(self.names)} columns of the table, or all but the target; "
                    f"got {len(sheet.names)}. Is it the right file?"
                )
            sheet = replace(sheet, names=by_width[len(sheet.names)])
        if absent := [name for name in self.columns if name not in sheet.names]:
            raise ValueError(
                f"{sheet.title} must have the columns of the table; got none named {listed(absent)}. "
                f"It has {listed(sheet.names)}."
            )
        return sheet

    def _in_memory(self, function: str, rows: Any, order: tuple[str, ...]) -> Sheet:
        rows = list(rows)
        if rows and isinstance(rows[0], dict):
            order = tuple(name for name in order if name in self.columns or name in rows[0])
        elif rows and hasattr(rows[0], "__len__") and len(rows[0]) == len(self.columns):
            order = tuple(self.columns)
        return cells.from_memory(function, rows, order)

    def to_json(self) -> str:
        """Everything but the rows, as JSON: what `encode` needs."""
        kept = {name: getattr(self, name) for name in ("target", "class_names", "names", "header", "means", "columns")}
        return json.dumps(kept, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The table that `to_json` wrote, without its rows.

        Raises:  ValueError for a text that it did not write
        """
        try:
            kept = json.loads(text)
            columns = {str(name): tuple(map(str, known)) for name, known in kept["columns"].items()}
            classes, names = tuple(map(str, kept["class_names"])), tuple(map(str, kept["names"]))
            means = None if kept["means"] is None else tuple(map(float, kept["means"]))
            target, header = str(kept["target"]), bool(kept["header"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Table.from_json: the text must be what to_json wrote; got {type(error).__name__}: {error}. "
                "Is the file damaged?"
            ) from error
        n = sum(len(known) or 1 for known in columns.values())
        y = np.empty(0, np.int64 if classes else np.float64)
        return cls(np.empty((0, n)), y, columns, target, classes, names, header, means)


def read_table(
    path: str | os.PathLike[str],
    target: str | int = -1,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    missing: str | None = None,
    text: Sequence[str] = (),
    ignore: Sequence[str] = (),
    task: str | None = None,
) -> Table:
    """A CSV or TSV file as examples in rows.

    A column holds numbers if its first value is one, else text. `text` names columns of numbers that are categories,
    such as postal codes; `ignore` names columns to leave out, such as the number of the row.

    The target, a name or a place (-1 is the last), gives classes if it is text, or at most 20 different whole numbers
    that come back from row to row; else it is a quantity. `task` ("classification", "regression") says so instead.

    Missing are cells that are empty, NA, N/A, NaN, null or ?. They are an error that counts them, unless `missing` is
    "drop", which leaves such rows out, or "mean", which fills in the mean of the feature (for a category its share).
    The mean is that of the whole file: for a strict test, read the part held out with `encode`.

    `header` and `delimiter` are found out (`cells.from_file`) if not given, and whether numbers are written as 3,5.
    The file is UTF-8, plain or gzip.

    Shapes:  -> X (m, n), y (m,)
    Raises:  OSError if there is no such file; ValueError naming the line and the column of what does not fit
    """
    check(missing, task, text, ignore)
    sheet = cells.from_file("read_table", path, delimiter, header, target)
    target = name_of(sheet, target)
    inputs = inputs_of(sheet, target, ignore)
    as_text = {name_of(sheet, name) for name in text}
    kinds = {name: kind or name in as_text for name, kind in cells.kinds(sheet, [*inputs, target]).items()}
    table, texts = cells.columns(sheet, kinds)
    refuse_numbers_for_people(sheet, {name: known for name, known in texts.items() if name not in as_text})
    table = without_missing(sheet, table, (*inputs, target), missing)
    y, class_names = labels(sheet, table[:, -1], texts.get(target), target, task)
    columns = categories(sheet, inputs, texts, len(table))
    X = one_hot(sheet, table[:, :-1], texts, columns)
    means = tuple(np.nanmean(X, axis=0).tolist()) if missing == "mean" else None
    return Table(with_means(X, means), y, columns, target, class_names, sheet.names, sheet.header, means)


def check(missing: str | None, task: str | None, text: Sequence[str], ignore: Sequence[str]) -> None:
    """Raise unless these are what `read_table` knows."""
    for name, value, known in (("missing", missing, ("mean", "drop")), ("task", task, TASKS)):
        if value is not None and value not in known:
            raise ValueError(
                f"read_table: {name} must be {' or '.join(map(repr, known))}; got {value!r}. Or leave it out."
            )
    if isinstance(text, str) or isinstance(ignore, str):
        raise TypeError(
            f"read_table: text and ignore must be lists of names; got {text!r}, {ignore!r}. Put [ ] round it."
        )


def inputs_of(sheet: Sheet, target: str, ignore: Sequence[str]) -> list[str]:
    """The columns but the target and those that are left out."""
    left_out = {target, *(name_of(sheet, name) for name in ignore)}
    inputs = [name for name in sheet.names if name not in left_out]
    if not inputs:
        raise ValueError(
            f"{sheet.title} must have a column besides the target {target!r}; got {listed(sheet.names)}. "
            "Is the delimiter right? A comma, semicolon, tab or bar is found out; pass any other as delimiter."
        )
    return inputs


def name_of(sheet: Sheet, column: str | int) -> str:
    """The name of a column that is given by name or by place."""
    if isinstance(column, str) and column in sheet.names:
        return column
    if isinstance(column, int) and -len(sheet.names) <= column < len(sheet.names):
        return sheet.names[column]
    raise ValueError(f"{sheet.title} must have the column {column!r}; got {listed(sheet.names)}. Name one of these.")


def refuse_numbers_for_people(sheet: Sheet, texts: Mapping[str, Sequence[str]]) -> None:
    """Raise for columns of numbers that are written for people: as categories they would lose their order."""
    if found := [name for name, known in texts.items() if known and all(map(cells.is_for_people, known))]:
        raise ValueError(
            f"{sheet.title}: {'column' if len(found) == 1 else 'columns'} {listed(found)} must hold plain numbers; got "
            f"{listed([texts[name][0] for name in found])}. Write them as 1234.5; for categories pass text={found}."
        )


def without_missing(
    sheet: Sheet, table: NDArray[np.float64], names: tuple[str, ...], missing: str | None
) -> NDArray[np.float64]:
    """The rows without missing values; with missing="mean" those that have a target."""
    absent = np.isnan(table)
    if not absent.any():
        return table
    if missing is None:
        advice = "Pass missing='drop' to leave such rows out, or missing='mean' to fill in the mean."
        refuse_missing(sheet, table, names, advice)
    if missing == "mean":
        refuse_missing(sheet, table[:, -1:], names[-1:], "A target is not filled in: leave such rows out.")
        if empty := [name for name, column in zip(names, absent.T, strict=True) if column.all()]:
            raise ValueError(
                f"{sheet.title}: a column must hold a value to have a mean; got none in {listed(empty)}. "
                f"Pass ignore={empty}."
            )
        return table
    kept = table[~absent.any(axis=1)]
    if not len(kept):
        empty = [name for name, share in zip(names, absent.mean(axis=0), strict=True) if share > 0.5]
        raise ValueError(
            f"{sheet.title} must have a row without missing values; got none of {len(table)}. "
            f"Pass missing='mean'{f', or ignore={empty}' if empty else ''}."
        )
    return kept


def refuse_missing(sheet: Sheet, table: NDArray[np.float64], names: tuple[str, ...], advice: str) -> None:
    """Count what is missing, by column, where anything is."""
    counts = np.isnan(table).sum(axis=0).tolist()
    if any(counts):
        found = ", ".join(f"{count} in {name!r}" for name, count in zip(names, counts, strict=True) if count)
        rows = np.count_nonzero(np.isnan(table).any(axis=1))
        raise ValueError(
            f"{sheet.title} must have no missing values; got {found}, in {rows} of {len(table)} rows. {advice}"
        )


def labels(
    sheet: Sheet, values: NDArray[np.float64], texts: list[str] | None, target: str, task: str | None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """y, and the names of the classes: none for regression."""
    found, numbers = np.unique(values, return_inverse=True)
    if texts is None:
        few = len(found) <= min(CLASSES, most(len(values))) and bool((found == np.round(found)).all())
        if task == "regression" or (task is None and not few):
            return values.copy(), ()
        names = tuple(whole(str(x)) for x in found.tolist())
    elif task == "regression":
        raise ValueError(
            f"{sheet.title}: the target of a regression must hold numbers; got the text {texts[0]!r} in {target!r}. "
            "Name another target, or pass task='classification'."
        )
    else:
        names = tuple(texts[int(k)] for k in found)
    if len(names) < 2:
        raise ValueError(
            f"{sheet.title}: the target {target!r} must have at least two classes; got {listed(names)} in every row. "
            "Is it the right column?"
        )
    if task is None and len(names) > most(len(values)):
        raise ValueError(
            f"{sheet.title}: the target {target!r} must have at most {most(len(values))} classes; got {len(names)} in "
            f"{len(values)} rows, such as {listed(names[:3])}. Write numbers as 1234.5; if these are classes, pass "
            "task='classification'."
        )
    return numbers.astype(np.int64), names


def most(rows: int) -> int:
    """How many categories or classes there can be, if most of them shall come back."""
    return max(FEW, rows // 2)


def categories(
    sheet: Sheet, inputs: Sequence[str], texts: Mapping[str, Sequence[str]], rows: int
) -> dict[str, tuple[str, ...]]:
    """The categories of each column of text, in alphabetical order; () for numbers."""
    limit = min(CATEGORIES, most(rows))
    if many := [name for name in inputs if len(texts.get(name, ())) > limit]:
        alone = len(many) == 1
        which, they, them = ("column", "it", "it") if alone else ("columns", "they", "them")
        found = texts[many[0]][:3] if alone else [texts[name][0] for name in many]
        raise ValueError(
            f"{sheet.title}: {which} {listed(many)} must have at most {limit} categories; got "
            f"{', '.join(str(len(texts[name])) for name in many)} in {rows} rows, such as {listed(found)}. "
            f"Leave {them} out with ignore={many}; if {they} should hold numbers, write them as 1234.5."
        )
    return {name: tuple(texts.get(name, ())) for name in inputs}


def one_hot(
    sheet: Sheet,
    table: NDArray[np.float64],
    texts: dict[str, list[str]],
    columns: dict[str, tuple[str, ...]],
) -> NDArray[np.float64]:
    """Numbers as they are, and for each text a one among zeros at its category; NaN where it is missing."""
    if not any(columns.values()):
        return table
    X = np.empty((len(table), sum(len(known) or 1 for known in columns.values())))
    start = 0
    for (name, known), values in zip(columns.items(), table.T, strict=True):
        if not known:
            X[:, start] = values
            start += 1
            continue
        if unknown := [text for text in texts[name] if text not in known]:
            raise ValueError(
                f"{sheet.title}: column {name!r} must hold one of {listed(known)}; got {listed(unknown)}. "
                "The table was read without it: leave these rows out, or read again with them."
            )
        missing = np.isnan(values)
        place = np.array([*map(known.index, texts[name]), -1])
        of_row = place[np.where(missing, -1, values).astype(np.int64)]
        X[:, start : start + len(known)] = of_row[:, None] == np.arange(len(known))
        X[missing, start : start + len(known)] = np.nan
        start += len(known)
    return X


def with_means(X: NDArray[np.float64], means: Sequence[float] | None) -> NDArray[np.float64]:
    """X with the means where it is NaN."""
    return X if means is None else np.where(np.isnan(X), means, X)


def whole(text: str) -> str:
    """A number without its decimals if they are zero, so that the labels 1 and 1.0 are one."""
    return str(int(float(text))) if cells.is_number(text) and float(text).is_integer() else text


def listed(names: Sequence[str]) -> str:
    """At most ten names."""
    return ", ".join(map(repr, names[:10])) + (f", … ({len(names)})" if len(names) > 10 else "")
