"""`tinygrad-edu check` of many files: none can hang, end or spoil the marking of the others."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tinygrad_edu.cli import main

RIGHT = """\
import numpy as np

def forward(params, X, Y):
    A = X @ params["W"]
    return np.mean((A - Y) ** 2), {"A": A}

def backward(params, cache, X, Y):
    dA = 2 * (cache["A"] - Y) / Y.size
    return {"dA": dA, "dW": X.T @ dA}

rng = np.random.default_rng(0)
params, X, Y = {"W": rng.standard_normal((3, 2))}, rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
"""
WRONG = RIGHT.replace('cache["A"] - Y', 'cache["A"] + Y')
SPOILED = {
    "ends": ("import os\nos._exit(0)", "not marked: its process ended before it could be marked."),
    "lacks": ("import no_such_package", "not marked: *lacks.py, line 1, raised ModuleNotFoundError*"),
    "asks": ("input('ready?')", "not marked: *asks.py, line 1, raised EOFError*"),
    "fails": (r"raise ValueError('\ud800')", "not marked: *fails.py, line 1, raised ValueError: *"),
    "empty": ("", "not marked: the file must define forward*"),
}


@pytest.fixture(autouse=True)
def handed_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, program):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(program, encoding="utf-8")
        return f"{name}.py"

    return write


def test_each_of_several_files_has_a_line_and_a_page(handed_in, tmp_path, capfd):
    files = [handed_in("anna/homework", f"print('hello')\n{RIGHT}"), handed_in("ben/homework", WRONG)]
    assert main(["check", *files, "--html", "pages"]) == 1
    first, second, _, total = capfd.readouterr().out.splitlines()
    assert first == "anna/homework.py  Your backprop is right: 2 of 2 gradients agree with autograd."
    assert second.startswith("ben/homework.py   dA, line 8: ")
    assert total == "2 files: 1 right, 1 with mistakes, 0 not marked."
    pages = [(tmp_path / "pages" / name / "homework.html").read_text(encoding="utf-8") for name in ("anna", "ben")]
    assert "Your backprop is right" in pages[0]
    assert "Look at dA first" in pages[1]


def test_files_that_cannot_be_marked_spoil_no_other(handed_in, tmp_path, capfd):
    files = [*(handed_in(name, program) for name, (program, _) in SPOILED.items()), handed_in("right", RIGHT)]
    assert main(["check", *files, "--html", "pages"]) == 2
    out, err = capfd.readouterr()
    *lines, other, _, total = out.splitlines()
    for (name, (_, wanted)), line in zip(SPOILED.items(), lines, strict=True):
        assert fnmatchcase(line, f"{name}.py * {wanted}")
        assert "could not be marked" in (tmp_path / "pages" / f"{name}.html").read_text(encoding="utf-8")
    assert other == "right.py  Your backprop is right: 2 of 2 gradients agree with autograd."
    assert total == "6 files: 1 right, 0 with mistakes, 5 not marked."
    assert err == ""


def test_a_file_that_does_not_end_is_left_when_its_time_is_over(handed_in, capfd):
    files = [handed_in(name, "while True: pass\n") for name in ("one", "two")]
    assert main(["check", *files, "--seconds", "0.1"]) == 2
    assert capfd.readouterr().out.count("not marked: it took longer than 0.1 seconds.") == 2


def test_what_the_program_prints_is_not_in_the_report(handed_in, capsys):
    assert main(["check", handed_in("loud", f"print('hello')\n{RIGHT}")]) == 0
    assert capsys.readouterr().out.startswith("Your backprop is right")


def test_a_directory_is_refused(handed_in, capsys):
    handed_in("all/homework", RIGHT)
    assert main(["check", "all"]) == 2
    said = capsys.readouterr().err
    assert (
        said == f"tinygrad-edu: check: needs a file; got the directory 'all'. Name what is in it: {Path('all/*.py')}\n"
    )
