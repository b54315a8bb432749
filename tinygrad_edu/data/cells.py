"""The cells of a CSV file, as columns of numbers and of texts.

    sheet = from_file("read_table", "flowers.csv")
    numbers, texts = columns(sheet, {"length": False, "species": True})     is it text?

Python's csv module defines what a file means, and finds what is wrong with it. Where PyArrow is installed (extra
`table`) it reads the same numbers several times faster; what it refuses is left to csv. Next: `tables.py`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.data import arguments

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "?")
DELIMITERS = ";\t|,"  # of two that fit equally well, the first: 1,5;2 has one comma, too
LOOKED_AT = 100  # rows that tell how numbers are written
BLOCK = 1000  # rows at a time: their texts stay in the cache

Piece = list[NDArray[Any]]  # a block of rows, column by column


@dataclass(frozen=True)
class Sheet:
    """Rows of cells under names, in a file or in memory.

    title    begins every message
    place    what a row is called there: "line" or "row"
    rows     gives every row with its number, from the start on every call
    most     there are no more rows than that
    comma    whether numbers are written as 3,5
    file     the bytes and the delimiter, and whether the first row is a header; None in memory
    """

    title: str
    place: str
    names: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[int, Sequence[str]]]]
    most: int
    comma: bool = False
    file: tuple[bytes, str, bool] | None = None

    @property
    def header(self) -> bool:
        """Whether the first line of the file names the columns."""
        return self.file is not None and self.file[2]

    def refuse(self, number: int, name: str, wanted: str, got: str, advice: str) -> NoReturn:
        """A cell is not what it must be."""
        raise ValueError(
            f"{self.title}: {self.place} {number}, column {name!r} must hold {wanted}; got {shortened(got)}. {advice}"
        )


def from_file(
    function: str, path: Any, delimiter: str | None = None, header: bool | None = None, target: Any = None
) -> Sheet:
    """A file, plain or gzip, that has been looked at: its delimiter, its header, its names.

    The delimiter is that of `,` `;` tab `|` which makes most cells of the first line. The first line is a header if
    `target` stands in it, or if none of its cells is a number. Without a header, columns are x1, x2, ...
    Numbers are written with a comma if one of the first rows has 3,5 and none 3.5, and commas delimit nothing.
    """
    return from_bytes(f"{function}: {Path(path).name}", arguments.contents(function, path), delimiter, header, target)


def from_bytes(title: str, content: bytes, delimiter: str | None, header: bool | None, target: Any = None) -> Sheet:
    """The same for the bytes of a file."""
    check_text(title, content)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise ValueError(f"{title}: the delimiter must be one character; got {delimiter!r}. Try ',' or '\\t'.")
    if delimiter is None:
        line = next((line for line in lines_of(content) if line.strip()), "")
        delimiter = max(DELIMITERS, key=lambda x: len(next(csv.reader([line], delimiter=x), [])))
    top = [[cell.strip() for cell in cells] for _, cells in islice(parsed(title, content, delimiter), LOOKED_AT)]
    if not top:
        raise ValueError(f"{title} must hold a row of cells; got an empty file. Is it the right one?")
    first, comma = top[0], delimiter != "," and writes(",", top) and not writes(".", top)
    if header is None:
        header = target in first or not any(is_number(cell, comma) for cell in first)
    names = tuple(cell if cell and header else f"x{k}" for k, cell in enumerate(first, start=1))
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(
            f"{title} must name each column once; got {', '.join(map(repr, twice))} more than once. Rename them, or "
            "pass header=False if the first line holds data."
        )

    def rows() -> Iterator[tuple[int, Sequence[str]]]:
        for number, cells in islice(parsed(title, content, delimiter), int(header), None):
            if len(cells) != len(names):
                raise ValueError(
                    f"{title}: line {number} must hold {len(names)} cells, as the first does; got {len(cells)}. "
                    f"Mend the line. Is {delimiter!r} the delimiter?"
                )
            yield number, cells

    ends = content.count(b"\n")
    if b"\r" in content:
        ends += content.count(b"\r") - content.count(b"\r\n")
    return Sheet(title, "line", names, rows, ends + 1, comma, (content, delimiter, header))


def from_memory(function: str, given: Iterable[Any], names: tuple[str, ...]) -> Sheet:
    """Rows in memory: mappings by column name, or sequences in the order of `names`."""
    texts = []
    for number, row in enumerate(given, start=1):
        if isinstance(row, Mapping):
            absent = [name for name in names if name not in row]
            if absent:
                raise ValueError(
                    f"{function}: row {number} must have the columns {', '.join(absent)}; got none. Add them."
                )
            row = [row[name] for name in names]
        elif isinstance(row, str) or not hasattr(row, "__len__") or len(row) != len(names):
            raise ValueError(
                f"{function}: row {number} must hold {len(names)} cells; got {shortened(str(row))}. "
                f"Give them in the order {', '.join(names)}, or by name."
            )
        texts.append((number, ["" if cell is None else str(cell) for cell in row]))
    return Sheet(function, "row", names, lambda: iter(texts), len(texts))


def columns(sheet: Sheet, wanted: Mapping[str, bool]) -> tuple[NDArray[np.float64], dict[str, list[str]]]:
    """The wanted columns side by side: numbers, and for a column of text the places in its list of texts.

    What is missing is NaN. Texts are stripped and sorted.

    Shapes:  -> (rows, columns), {name: texts}
    Raises:  ValueError for a file without rows, a row of another length, text or infinity where a number is needed
    """
    try:
        return filled(sheet, wanted, by_arrow)
    except (ImportError, ValueError):
        return filled(sheet, wanted, by_csv)


def filled(
    sheet: Sheet, wanted: Mapping[str, bool], read: Callable[..., Iterator[Piece]]
) -> tuple[NDArray[np.float64], dict[str, list[str]]]:
    """The same, by one of the two readers."""
    found: dict[str, dict[str, int]] = {name: {} for name, text in wanted.items() if text}
    table, rows = np.empty((sheet.most, len(wanted))), 0  # what is not written to takes no memory
    for piece in read(sheet, wanted, found):
        part = table[rows : rows + len(piece[0])]
        for k, cells in enumerate(piece):
            part[:, k] = cells
        rows += len(part)
    table = table[:rows]
    if not rows:
        raise ValueError(f"{sheet.title} must hold at least one row of data; got none. Is it the right one?")
    if np.isinf(table).any():
        row, k = np.argwhere(np.isinf(table))[0].tolist()
        number, line = next(islice(sheet.rows(), row, None))
        name = list(wanted)[k]
        sheet.refuse(number, name, "a finite number", line[sheet.names.index(name)], "Mend the cell.")
    return table, {name: in_order(table[:, list(wanted).index(name)], known) for name, known in found.items()}


def in_order(column: NDArray[np.float64], known: Mapping[str, int]) -> list[str]:
    """Texts stripped and sorted, and their numbers in the column changed accordingly; NaN for what is missing."""
    texts = sorted({text for cell in known if (text := cell.strip()) not in MISSING})
    place = {text: float(k) for k, text in enumerate(texts)}
    column[:] = np.array([place.get(cell.strip(), math.nan) for cell in known])[column.astype(np.int64)]
    return texts


def by_csv(sheet: Sheet, wanted: Mapping[str, bool], found: dict[str, dict[str, int]]) -> Iterator[Piece]:
    """Blocks of rows, each column as numbers; texts are numbered as they are found."""
    place = {name: sheet.names.index(name) for name in wanted}
    rows = sheet.rows()
    while block := list(islice(rows, BLOCK)):
        lines, of_lines = zip(*block, strict=True)
        across = list(zip(*of_lines, strict=True))
        yield [
            numbered(across[k], found[name]) if wanted[name] else numbers(sheet, name, across[k], lines)
            for name, k in place.items()
        ]


def by_arrow(sheet: Sheet, wanted: Mapping[str, bool], found: dict[str, dict[str, int]]) -> Iterator[Piece]:
    """The same by PyArrow; raises ArrowInvalid, a ValueError, where csv has to look."""
    if sheet.file is None:
        raise ValueError("rows in memory are no file")
    import pyarrow
    from pyarrow import csv as arrow

    content, delimiter, header = sheet.file
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    batches = arrow.open_csv(
        pyarrow.BufferReader(content),
        arrow.ReadOptions(column_names=sheet.names, skip_rows_after_names=int(header)),
        arrow.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content),
        arrow.ConvertOptions(
            column_types={name: text if wanted[name] else pyarrow.float64() for name in wanted},
            include_columns=list(wanted),
            null_values=MISSING,
            decimal_point="," if sheet.comma else ".",
        ),
    )
    for batch in batches:
        piece = []
        for name, column in zip(wanted, batch.columns, strict=True):
            if wanted[name]:
                number = numbered(column.dictionary.to_pylist(), found[name])
                piece.append(number[column.indices.to_numpy()])
            else:
                piece.append(column.to_numpy(zero_copy_only=False))
        yield piece


def numbered(cells: Sequence[str], known: dict[str, int]) -> NDArray[np.int64]:
    """The number of each text, in the order in which they were first met."""
    return np.array([known.setdefault(cell, len(known)) for cell in cells], np.int64)


def numbers(sheet: Sheet, name: str, cells: Sequence[str], places: Sequence[int]) -> NDArray[np.float64]:
    """The cells as floats, NaN where one is missing."""
    texts = [pointed(cell) for cell in cells] if sheet.comma else cells
    try:
        if "_" not in "".join(cells):  # 1_000 is a number to Python alone
            return np.fromiter(map(float, texts), np.float64, len(cells))
    except ValueError:
        pass
    values = []
    for place, cell, text in zip(places, cells, texts, strict=True):
        missing = cell.strip() in MISSING
        if not missing and not is_number(text):
            advice = f"Mend the cell; if the column holds categories, read the table with text=[{name!r}]."
            sheet.refuse(place, name, "a number", cell, advice)
        values.append(math.nan if missing else float(text))
    return np.array(values)


def kinds(sheet: Sheet, names: Sequence[str]) -> dict[str, bool]:
    """Whether each column holds text: its first cell that is not missing decides."""
    left, decided = set(names), dict.fromkeys(names, False)
    for _, cells in sheet.rows():
        for name, cell in zip(sheet.names, cells, strict=True):
            if name in left and cell.strip() not in MISSING:
                decided[name] = not is_number(cell, sheet.comma)
                left.discard(name)
        if not left:
            break
    return decided


def is_number(text: str, comma: bool = False) -> bool:
    """Whether the text is that of a number, 3.5 or with a comma 3,5."""
    try:
        float(pointed(text) if comma else text)
    except ValueError:
        return False
    return "_" not in text


def is_for_people(text: str) -> bool:
    """Whether the text is a number for people: 23%, 1,234, € 5."""
    number = r"(\d+|\d{1,3}([.,'’\s]\d{3})+)([.,]\d+)?"
    return re.fullmatch(rf"[+-]?[$€£]?\s?{number}\s?[%$€£]?", text) is not None


def pointed(text: str) -> str:
    """3,5 as Python writes it, 3.5; what had a point is no number then."""
    return text.replace(".", "'").replace(",", ".")


def writes(mark: str, rows: Iterable[Iterable[str]]) -> bool:
    """Whether a cell is a number with that decimal mark. In 1,234 it may stand for a thousand: that says nothing."""
    number = re.compile(rf"[+-]?(?![1-9]\d{{0,2}}[{mark}]\d{{3}}$)\d*[{mark}]\d+")
    return any(map(number.fullmatch, (cell for cells in rows for cell in cells)))


def shortened(text: str) -> str:
    """The text in quotation marks, cut where it is long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


# From bytes to cells


def check_text(title: str, content: bytes) -> None:
    """Refuse what is no text in UTF-8."""
    if b"\0" in content[:65536]:
        raise ValueError(f"{title} must be a text file; got binary data. Save the table as CSV in UTF-8.")
    try:
        _ = content.isascii() or content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{title} must be text in UTF-8; got byte 0x{content[error.start]:02x} in line {line}. "
            "Save it as UTF-8 (in a spreadsheet: CSV UTF-8)."
        ) from error


def lines_of(content: bytes) -> TextIOWrapper:
    """The lines of the text, with their ends as they are; a byte order mark is passed over."""
    return TextIOWrapper(BytesIO(content), "utf-8-sig", newline="")


def parsed(title: str, content: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank, with the number of its line."""
    reader = csv.reader(lines_of(content), delimiter=delimiter)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{title}: line {reader.line_num} must be CSV; got: {error}. Is a quotation mark left open?"
        ) from error
