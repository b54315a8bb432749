"""A table of one's own, by both readers; and IDX files."""

import csv
import gzip
import importlib.util
import io
import json
import struct
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_edu.data import Table, cells, load_idx, read_table

READERS = ["csv", *(["arrow"] if importlib.util.find_spec("pyarrow") else [])]
FLOWERS = "length,colour,species\n1.5,red,a\n2,green,b\n3.25,red,a\n"


@pytest.fixture(params=READERS)
def reader(request, monkeypatch):
    """Both ways of reading must give the same."""
    if request.param == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    return request.param


@pytest.fixture
def file(tmp_path, reader):
    """Write a file; returns its path."""

    def write(content, name="f.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# What a table is


def test_numbers_are_features_and_text_is_one_hot(file):
    table = read_table(file(FLOWERS), target="species")
    X, y = table
    np.testing.assert_array_equal(X, [[1.5, 0, 1], [2, 1, 0], [3.25, 0, 1]])
    np.testing.assert_array_equal(y, [0, 1, 0])
    assert X.dtype == np.float64 and y.dtype == np.int64
    assert table.feature_names == ("length", "colour=green", "colour=red")
    assert table.class_names == ("a", "b")
    assert (table.target, table.task) == ("species", "classification")
    assert repr(table) == "Table: X (3, 3) float64, y (3,) int64, classes a, b"


@pytest.mark.parametrize("target", ["species", 0, -3])
def test_the_target_is_a_name_or_a_place(file, target):
    table = read_table(file("species,a,b\nx,1,2\ny,3,4\n"), target)
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])
    assert table.target == "species"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a,b,c\n1,2,x\n3,4,y\n", {}),
        ("a,b,c\r\n1,2,x\r\n3,4,y\r\n", {}),
        ("a,b,c\r1,2,x\r3,4,y", {}),
        ("\n\na,b,c\n\n1,2,x\n\n3,4,y\n\n", {}),
        ("\ufeffa,b,c\n1,2,x\n3,4,y\n", {}),
        ('"a","b","c"\n"1","2","x"\n"3","4","y"\n', {}),
        ("a;b;c\n1;2;x\n3;4;y\n", {}),
        ("a\tb\tc\n1\t2\tx\n3\t4\ty\n", {}),
        ("a|b|c\n1|2|x\n3|4|y\n", {}),
        ("a:b:c\n1:2:x\n3:4:y\n", {"delimiter": ":"}),
        ("a§b§c\n1§2§x\n3§4§y\n", {"delimiter": "§"}),
        ("a, b, c\n 1, 2, x\n3 ,4 ,y \n", {}),
        ("a,b,c\n1e0,+2,x\n3.,04,y", {}),
        (gzip.compress(b"a,b,c\n1,2,x\n3,4,y\n", mtime=0), {}),
        ("\ufeffa;b;c\r\n1,0;2;x\r\n3;4,00;y\r\n", {}),
        ("a\tb\tc\n1\t2\tx\n,3e1\t+4,0\ty\n", {}),
    ],
)
def test_the_same_table_in_other_clothes(file, content, options):
    table = read_table(file(content), **options)
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])
    assert (table.names, table.class_names) == (("a", "b", "c"), ("x", "y"))


def test_without_a_header_columns_are_numbered(file):
    table = read_table(file("1,2,x\n3,4,y\n"))
    assert (table.names, table.target) == (("x1", "x2", "x3"), "x3")
    np.testing.assert_array_equal(read_table(file("p,1\nq,2\np,1\n"), header=False).X, [[1, 0], [0, 1], [1, 0]])
    years = read_table(file("2019,2020,price\n1,2,0.5\n3,4,0.7\n"), "price")
    assert years.feature_names == ("2019", "2020")
    assert read_table(file("1,2\n1,2\n3,4\n"), header=True).names == ("1", "2")
    assert read_table(file(",a,b\n0,1,x\n1,2,y\n"), ignore=["x1"]).feature_names == ("a",)


def test_numbers_with_a_comma(file):
    table = read_table(file("size;note;price\n-0,5;a, b;1,25\n1e1;c;2,75\n"))
    np.testing.assert_array_equal(table.X, [[-0.5, 1, 0], [10, 0, 1]])
    np.testing.assert_array_equal(table.y, [1.25, 2.75])
    np.testing.assert_array_equal(table.encode(file("size;note\n3,5;c\n")), [[3.5, 0, 1]])
    np.testing.assert_array_equal(read_table(file("1,5;2\n2,5;3\n"), target=0).y, [1.5, 2.5])
    for thousands in ("1,5;2\n1.234;3\n", "999;2\n1,234;3\n"):
        with pytest.raises(ValueError, match=r"line 3, column 'size' must hold a number; got '1.234'"):
            read_table(file("size;price\n" + thousands))
    with pytest.raises(ValueError, match=r"line 3, column 'size' must hold a number; got '1\.234,5'"):
        read_table(file("size;price\n0,5;1\n1.234,5;2\n"))
    with pytest.raises(ValueError, match=r"line 102, column 'size' must hold a number; got '1\.5'"):
        read_table(file("size;price\n" + "0,5;1\n" * 100 + "1.5;2\n"))


def test_a_text_may_hold_delimiters_quotes_and_lines(file):
    content = 'note,label\n"a, b",x\n"say ""hi""",y\n"two\nlines",x\n'
    assert read_table(file(content)).columns == {"note": ("a, b", 'say "hi"', "two\nlines")}


def test_numbers_for_people_among_words_are_categories(file):
    table = read_table(file("age,share,y\n18-25,23%,1\n5+,most,2\n18-25,23%,1\n"))
    assert table.columns == {"age": ("18-25", "5+"), "share": ("23%", "most")}
    days = file("day,version,y\n01.02.2026,1.2.3,1\n2026-02-01,1.2.4,2\n01.02.2026,1.2.3,1\n")
    assert read_table(days).columns == {"day": ("01.02.2026", "2026-02-01"), "version": ("1.2.3", "1.2.4")}
    rates = file("rate,y\n5%,1\n7%,2\n5%,1\n")
    assert read_table(rates, text=["rate"]).columns == {"rate": ("5%", "7%")}


def test_columns_can_be_called_text_or_left_out(file):
    table = read_table(file("id,zip,label\nq1,100,x\nq2,200,y\nq3,100,x\n"), text=["zip"], ignore=["id"])
    assert table.feature_names == ("zip=100", "zip=200")
    np.testing.assert_array_equal(table.X, [[1, 0], [0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("values", "task", "found", "y"),
    [
        (["b", "a", "b"], None, ("a", "b"), [1, 0, 1]),
        (["2", "10", "2.0"], None, ("2", "10"), [0, 1, 0]),
        (["-1", "1", "1"], None, ("-1", "1"), [0, 1, 1]),
        (["True", "False", "True"], None, ("False", "True"), [1, 0, 1]),
        (["0.5", "1", "2"], None, (), [0.5, 1, 2]),
        (list(map(str, range(21))), None, (), range(21)),
        (list(map(str, range(20))) * 2, None, tuple(map(str, range(20))), [*range(20)] * 2),
        (list(map(str, range(20))), None, (), range(20)),
        (list(map(str, range(10))), None, tuple(map(str, range(10))), range(10)),
        (list(map(str, range(21))), "classification", tuple(map(str, range(21))), range(21)),
        (["1", "2", "2"], "regression", (), [1, 2, 2]),
        (["0.5", "1.5", "0.5"], "classification", ("0.5", "1.5"), [0, 1, 0]),
    ],
)
def test_the_target_gives_classes_or_a_quantity(file, values, task, found, y):
    table = read_table(file("a,b\n" + "".join(f"1,{value}\n" for value in values)), task=task)
    assert table.class_names == found
    np.testing.assert_array_equal(table.y, y)
    assert table.y.dtype == (np.int64 if found else np.float64)
    assert table.task == ("classification" if found else "regression")
    assert found or repr(table).endswith("target b")


# Missing values

GAPS = "a,c,label\n,r,x\n3,?,y\n5,s,x\n1,s,NA\n"


@pytest.mark.parametrize("mark", ["", " ", "NA", "N/A", "NaN", "nan", "null", "?", '""', " NA "])
def test_missing_values_are_counted(file, mark):
    message = r"f\.csv must have no missing values; got 2 in 'a', 1 in 'c', in 2 of 4 rows\. Pass missing='drop'"
    with pytest.raises(ValueError, match=message):
        read_table(file(f"a,c,label\n{mark},r,x\n3,s,x\n{mark},{mark},y\n5,s,x\n"))


def test_rows_with_gaps_are_dropped(file):
    table = read_table(file("a,c,label\n,r,x\n3,?,y\n5,s,x\n1,s,NA\n2,r,y\n"), missing="drop")
    np.testing.assert_array_equal(table.X, [[5, 0, 1], [2, 1, 0]])
    assert [table.class_names[k] for k in table.y] == ["x", "y"]


def test_gaps_are_filled_with_means_and_shares(file):
    table = read_table(file("a,c,label\n,r,x\n3,?,y\n5,s,x\n1,s,x\n"), missing="mean")
    np.testing.assert_allclose(table.X, [[3, 1, 0], [3, 1 / 3, 2 / 3], [5, 0, 1], [1, 0, 1]])
    np.testing.assert_allclose(table.encode([[None, "r"], [7, None]]), [[3, 1, 0], [7, 1 / 3, 2 / 3]])
    again = Table.from_json(table.to_json())
    np.testing.assert_array_equal(again.encode([[None, None]]), [table.means])


# New rows

NEW = "extra,colour,length\n9,green,7\n9,red,8\n"


def test_new_rows_are_encoded_by_name(file, tmp_path):
    table = read_table(file(FLOWERS))
    expected = [[7, 1, 0], [8, 0, 1]]
    new = file(NEW, "new.csv")
    for known in (table, Table.from_json(table.to_json())):
        np.testing.assert_array_equal(known.encode(new), expected)
        np.testing.assert_array_equal(known.encode(str(new)), expected)
        rows = [{"length": 7, "colour": "green"}, {"colour": "red", "length": "8.0"}]
        np.testing.assert_array_equal(known.encode(rows), expected)
        np.testing.assert_array_equal(known.encode([[7, "green"], (np.float64(8), "red")]), expected)
        assert known.encode_target(new) is None
        assert known.encode_target(rows) is None
    np.testing.assert_array_equal(table.encode(file(FLOWERS)), table.X)
    np.testing.assert_array_equal(table.encode_target(file(FLOWERS)), table.y)
    np.testing.assert_array_equal(
        table.encode_target([[1, "red", "b"], {"length": 1, "colour": "red", "species": "a"}]), [1, 0]
    )


def test_new_rows_of_a_file_without_a_header(file):
    table = read_table(file("1,p,0.5,2\n3,q,0.25,4\n"), target="x3", ignore=["x4"])
    np.testing.assert_array_equal(table.encode(file("5,q,6\n")), [[5, 0, 1]])
    np.testing.assert_array_equal(table.encode(file("5,q,0.125,6\n")), [[5, 0, 1]])
    np.testing.assert_array_equal(table.encode_target(file("5,q,0.125,6\n")), [0.125])
    with pytest.raises(ValueError, match=r"f\.csv must have the 4 columns of the table, or all but the target; got 2"):
        table.encode(file("5,q\n"))


def test_class_numbers_may_be_written_as_floats(file):
    table = read_table(file("a,b\n1,1\n2,2\n"))
    np.testing.assert_array_equal(table.encode_target(file("a,b\n1,2.0\n1,1\n")), [1, 0])


def test_a_table_is_kept_as_json(file):
    table = read_table(file(FLOWERS))
    again = Table.from_json(table.to_json())
    assert json.loads(table.to_json())["columns"] == {"length": [], "colour": ["green", "red"]}
    for name in ("columns", "target", "class_names", "names", "header", "means", "feature_names", "task"):
        assert getattr(again, name) == getattr(table, name)
    assert again.X.shape == (0, 3) and again.y.shape == (0,) and again.y.dtype == table.y.dtype


# Errors

MANY = "n,label\n" + "".join(f"name {k:03},{k % 2}\n" for k in range(120))


NAMES = "n,name\n" + "".join(f"{k % 2},{x}\n" for k, x in enumerate("abcdefghijkl"))
FIGURES = 'rise,price\n23%,"1,200"\n,€ 1.50\n1%,3 000\n'


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, r"read_table: f\.csv must hold a row of cells; got an empty file\. Is"),
        ("\n \n", {}, r"f\.csv must have a column besides the target 'x1'; got 'x1'\. Is the delimiter"),
        ("a,b\n", {}, r"f\.csv must hold at least one row of data; got none"),
        ("a,b\n1,x\n1,2,y\n", {}, r"f\.csv: line 3 must hold 2 cells, as the first does; got 3\. Mend the line"),
        ('a,b\n"1\n",x\n2\n', {}, r"f\.csv: line 4 must hold 2 cells, as the first does; got 1"),
        ("a,b,a\n1,2,3\n", {}, r"f\.csv must name each column once; got 'a' more than once\. Rename"),
        ("a,b\n1,2\n", {"target": "c"}, r"f\.csv must have the column 'c'; got 'a', 'b'\. Name one"),
        ("a,b\n1,2\n", {"target": 2}, r"f\.csv must have the column 2; got 'a', 'b'"),
        ("a,b\n1,2\n", {"ignore": ["c"]}, r"f\.csv must have the column 'c'"),
        ("a,b\n1,2\n", {"text": ["c"]}, r"f\.csv must have the column 'c'"),
        ("a,b\n1,2\n", {"ignore": ["a"]}, r"f\.csv must have a column besides the target 'b'; got 'a', 'b'"),
        ("a,b\n1,2\n", {"delimiter": ", "}, r"f\.csv: the delimiter must be one character; got ', '\. Try ','"),
        ("a,b\n1,2\n", {"delimiter": '"'}, r"the delimiter must be one character; got"),
        ("a b\n1 2\n", {}, r"f\.csv must have a column besides the target 'a b'"),
        ("a,b\n1,x\n2,x\n", {}, r"target 'b' must have at least two classes; got 'x' in every row"),
        ("a,b\n1,3\n2,3\n", {}, r"target 'b' must have at least two classes; got '3' in every row"),
        (
            "a,b\n1,x\ntwo,y\n",
            {},
            r"f\.csv: line 3, column 'a' must hold a number; got 'two'\. Mend the cell; .*text=\['a'\]",
        ),
        ("a,b\n1,x\n1_000,y\n", {}, r"line 3, column 'a' must hold a number; got '1_000'"),
        ("a,b\n1,x\n" + "z" * 60 + ",y\n", {}, r"must hold a number; got 'z{40}…'\."),
        ("a,b\n1,0.5\n1,x\n", {}, r"line 3, column 'b' must hold a number; got 'x'"),
        ("a,b\n1,x\n-inf,y\n", {}, r"f\.csv: line 3, column 'a' must hold a finite number; got '-inf'"),
        ("a,b\n1,x\n\n1e999,y\n", {}, r"f\.csv: line 4, column 'a' must hold a finite number; got '1e999'"),
        (b"a,b\n1,x\n2,caf\xe9\n", {}, r"f\.csv must be text in UTF-8; got byte 0xe9 in line 3\. Save"),
        ("a,b\n1,x\n".encode("utf-16"), {}, r"f\.csv must be a text file; got binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", {}, r"f\.csv must be a text file; got binary data"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], {}, r"f\.csv must be a whole gzip file; got: "),
        ("a,b\n" + "x" * 200_000 + ",1\n", {"header": True}, r"f\.csv: line 2 must be CSV; got: field larger"),
        (MANY, {}, r"column 'n' must have at most 60 categories; got 120 in 120 rows, such as 'name 000'.*=\['n'\]"),
        (MANY * 3, {"header": False}, r"column 'x1' must have at most 100 categories; got 121 in 363 rows"),
        (
            "id,day,y\n" + "".join(f"no {k},day {k},{k % 2}\n" for k in range(12)),
            {},
            r"columns 'id', 'day' must have at most 10 categories; got 12, 12 in 12 rows, such as 'no 0', 'day 0'\. "
            r"Leave them out with ignore=\['id', 'day'\]; if they should hold numbers",
        ),
        (NAMES, {}, r"target 'name' must have at most 10 classes; got 12 in 12 rows, such as 'a'.*task="),
        (FIGURES, {}, r"columns 'rise', 'price' must hold plain numbers; got '1%', '1,200'\. Write them as 1234\.5; "),
        (FIGURES, {"target": "price", "text": ["price"]}, r"column 'rise' must .*categories pass text=\['rise'\]"),
        ("a,b\n1,x\n", {"task": "regression"}, r"target of a regression must hold numbers; got the text 'x' in 'b'"),
        (GAPS, {"missing": "mean"}, r"no missing values; got 1 in 'label', in 1 of 4 rows\. A target is not filled in"),
        (
            "a,c,b\n,1,x\n,2,y\n",
            {"missing": "mean"},
            r"must hold a value to have a mean; got none in 'a'\. Pass ignore",
        ),
        ("a,b\n,x\n,y\n", {"missing": "drop"}, r"none of 2\. Pass missing='mean', or ignore=\['a'\]\."),
        ("a,b,c\n,1,x\n1,,y\n", {"missing": "drop"}, r"missing values; got none of 2\. Pass missing='mean'\.$"),
        ("a,b\n1,x\n", {"missing": "skip"}, r"missing must be 'mean' or 'drop'; got 'skip'"),
        ("a,b\n1,x\n", {"task": "guess"}, r"task must be 'classification' or 'regression'; got 'guess'"),
    ],
)
def test_what_does_not_fit_is_refused(file, content, options, message):
    with pytest.raises(ValueError, match=message):
        read_table(file(content), **options)


def test_names_come_in_lists(file):
    with pytest.raises(TypeError, match=r"text and ignore must be lists of names; got 'a', \(\)"):
        read_table(file(FLOWERS), text="a")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        read_table(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "length,size\n1,2\n",
            r"Table\.encode: f\.csv must have the columns of the table; got none named 'colour'\. It has",
        ),
        ("length,colour\n1,blue\n", r"f\.csv: column 'colour' must hold one of 'green', 'red'; got 'blue'"),
        ("length,colour\n,red\n2,red\n", r"must have no missing values; got 1 in 'length', in 1 of 2 rows\. Fill them"),
        ("length,colour\nlong,red\n", r"f\.csv: line 2, column 'length' must hold a number; got 'long'"),
        ([{"length": 1, "size": 2}], r"Table\.encode: row 1 must have the columns colour; got none"),
        (
            [[1, "red"], [2]],
            r"Table\.encode: row 2 must hold 2 cells; got '\[2\]'\. Give them in the order length, colour",
        ),
        ([[1, "blue"]], r"column 'colour' must hold one of 'green', 'red'; got 'blue'"),
        ([[1, None]], r"got 1 in 'colour', in 1 of 1 rows"),
        ([["one", "red"]], r"row 1, column 'length' must hold a number; got 'one'"),
        ([1, 2], r"row 1 must hold 2 cells; got '1'"),
        ([], r"Table\.encode must hold at least one row of data; got none"),
    ],
)
def test_new_rows_that_do_not_fit_are_refused(file, rows, message):
    table = read_table(file(FLOWERS))
    with pytest.raises(ValueError, match=message):
        table.encode(file(rows) if isinstance(rows, str) else rows)


@pytest.mark.parametrize(
    ("species", "message"),
    [("c", r"'species' must be one of 'a', 'b'; got 'c'\. The model"), ("", r"got 1 in 'species'")],
)
def test_new_targets_that_do_not_fit_are_refused(file, species, message):
    with pytest.raises(ValueError, match=message):
        read_table(file(FLOWERS)).encode_target([[1, "red", species]])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"columns": 3}', '{"columns": {}, "class_names": 1}'])
def test_json_of_another_kind_is_refused(text):
    with pytest.raises(ValueError, match=r"Table\.from_json: the text must be what to_json wrote; got "):
        Table.from_json(text)


# Both readers give the same

CELLS = st.sampled_from(
    [
        "1",
        "-2.5",
        "3,5",
        "1.234,5",
        " 3",
        "4 ",
        "1e3",
        ".5",
        "",
        "NA",
        "?",
        "red",
        "blue ",
        '"q"',
        "a,b",
        "c;d",
        "two\nlines",
        "é",
        "0x1",
        "1_0",
    ]
)


@pytest.mark.skipif("arrow" not in READERS, reason="needs PyArrow")
@settings(max_examples=150)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";"]),
    st.booleans(),
)
def test_both_readers_give_the_same(rows, end, delimiter, header):
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator=end).writerows([("a", "b", "c")] * header + rows)

    def read(name):
        sheet = cells.from_bytes("f", written.getvalue().encode(), delimiter, header)
        try:
            return cells.filled(sheet, cells.kinds(sheet, sheet.names), getattr(cells, name))
        except ValueError as error:
            return str(error)

    by_arrow, by_csv = read("by_arrow"), read("by_csv")
    if isinstance(by_csv, str):
        assert isinstance(by_arrow, str)
    elif not isinstance(by_arrow, str):  # else csv has to look, and its answer counts
        np.testing.assert_array_equal(by_arrow[0], by_csv[0])
        assert by_arrow[1] == by_csv[1]


@pytest.mark.skipif("arrow" not in READERS, reason="needs PyArrow")
def test_arrow_reads_what_is_in_order(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, species = rng.standard_normal((5000, 3)), rng.choice(["a", "b", "c"], 5000)
    path = tmp_path / "large.csv"
    lines = [f"{x!r},{y!r},{z!r},{word}\n" for (x, y, z), word in zip(X.tolist(), species, strict=True)]
    path.write_text("x,y,z,species\n" + "".join(lines) * 5, encoding="utf-8")  # more than a block of PyArrow's
    monkeypatch.setattr(cells, "by_csv", lambda *_: pytest.fail("csv was asked"))
    table = read_table(path)
    np.testing.assert_array_equal(table.X, np.tile(X, (5, 1)))
    np.testing.assert_array_equal(np.array(table.class_names)[table.y], np.tile(species, 5))


# IDX


def idx(kind, shape, numbers):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + numbers


@pytest.mark.parametrize(
    ("kind", "letter", "dtype"),
    [(8, "B", "u1"), (9, "b", "i1"), (11, "h", "i2"), (12, "i", "i4"), (13, "f", "f4"), (14, "d", "f8")],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_are_read(tmp_path, kind, letter, dtype, pack):
    values = [0, 1, 2, 3, 100, 127]
    (tmp_path / "a").write_bytes(pack(idx(kind, (2, 3), struct.pack(f">6{letter}", *values))))
    array = load_idx(tmp_path / "a")
    np.testing.assert_array_equal(array, np.reshape(values, (2, 3)))
    assert array.dtype == np.dtype(dtype) and array.dtype.isnative and array.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"load_idx: digits must begin as IDX files do, with 0, 0 and a type; got \[\]"),
        (b"a,b\n1,2\n", r"must begin as IDX files do, .*; got \[97, 44, 98, 10\]\. .*read_table"),
        (bytes([0, 0, 7, 1]), r"must begin as IDX files do"),
        (
            idx(8, (2, 3), b"12345"),
            r"digits must hold 18 bytes, for 2 axes of sizes \(2, 3\); got 17\. Is it cut short",
        ),
        (idx(8, (2, 3), b"1234567"), r"must hold 18 bytes, .*; got 19"),
        (idx(8, (2**32 - 1,) * 3, b""), r"must hold 79\d+ bytes"),
        (idx(8, (2, 3), b"")[:9], r"must hold 12 bytes, for 2 axes of sizes \(0, 0\); got 9"),
        (gzip.compress(idx(8, (2,), b"12"), mtime=0)[:-4], r"load_idx: digits must be a whole gzip file; got: "),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, content, message):
    (tmp_path / "digits").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_idx(tmp_path / "digits")
