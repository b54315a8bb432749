"""The demonstration, and what importing the package costs."""

import ctypes
import importlib
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import demo as demonstration
from tinygrad_edu import memory, nn
from tinygrad_edu.check import Comparison
from tinygrad_edu.cli import main

TERMS = ["dJ/dA2", "dJ/dZ2", "dJ/dW2", "dJ/db2", "dJ/dA1", "dJ/dZ1", "dJ/dW1", "dJ/db1"]


def run(*arguments, code=0):
    """What a fresh interpreter prints."""
    path = os.pathsep.join([str(Path(tg.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    """One run of the command, with what it printed."""
    out = tmp_path_factory.mktemp("demo") / "deep" / "down"
    with pytest.MonkeyPatch.context() as patched:
        lines = []
        patched.setattr("builtins.print", lambda *words: lines.append(" ".join(map(str, words))))
        patched.setattr(demonstration, "progress", lambda epochs, quiet: epochs)
        assert main(["demo", "--out", str(out)]) == 0
    return out, "\n".join(lines)


# The demonstration


def test_the_demo_writes_its_pictures_and_its_page(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(x.name for x in tmp_path.iterdir()) == ["graph.html", "graph.svg", "loss.png"]
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    root = ElementTree.parse(tmp_path / "graph.svg").getroot()
    texts = ["".join(x.itertext()) for x in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"X", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "Y", "J"} <= set(texts)


def test_the_demo_makes_its_directory_and_says_what_it_wrote(demo_run):
    out, text = demo_run
    assert sorted(x.name for x in out.iterdir()) == ["graph.html", "graph.svg", "loss.png"]
    written = text.splitlines()[-3:]
    assert [line.split(": ")[0] for line in written] == [
        str(out / name) for name in ("loss.png", "graph.svg", "graph.html")
    ]
    assert all(len(line.removeprefix(str(out))) > 40 for line in written)


def test_the_demo_prints_its_accuracy(demo_run):
    (line,) = [line for line in demo_run[1].splitlines() if line.startswith("Test accuracy: ")]
    assert float(line.split()[2].rstrip(",")) >= 0.95


def test_the_demo_prints_eight_terms_by_three_routes(demo_run):
    lines = demo_run[1].splitlines()
    rows = [line.split() for line in lines if line.startswith("dJ/")]
    assert [row[0] for row in rows] == TERMS
    assert [row[1] for row in rows] == ["32x1", "32x1", "1x16", "1", "32x16", "32x16", "16x30", "16"]
    title = next(line for line in lines if "largest entry" in line)
    assert all(route in title for route in ("composed", "fused", "by hand"))
    for row in rows:
        assert float(row[2]) > 0
        differences = [cell for cell in row[3:] if cell not in ("reference", "-")]
        assert len(differences) == (1 if row[0] == "dJ/dA2" else 2)
        assert all(float(cell) < 1e-12 for cell in differences)
    assert "largest difference of all" in demo_run[1]


@pytest.mark.parametrize("seed", range(5))
def test_the_demo_learns_for_every_seed(seed, tmp_path, monkeypatch):
    tables = []

    def kept(*arguments):
        tables.append(demonstration_table(*arguments))
        return tables[-1]

    demonstration_table = demonstration.last_layer_table
    monkeypatch.setattr(demonstration, "last_layer_table", kept)
    monkeypatch.setattr(demonstration, "write_pictures", lambda *_: iter(()))
    assert demonstration.demo(tmp_path, seed, quiet=True) >= 0.95
    ((table, cost),) = tables
    assert list(table.terms) == TERMS
    for term, routes in table.terms.items():
        assert set(routes) == {"composed", "by hand"} | ({"fused"} if term != "dJ/dA2" else set())
        for route in routes:
            assert table.difference(term, route) < 1e-12
    assert 0 < cost.item() < 1


def test_the_demo_repeats_with_its_seed(tmp_path, monkeypatch):
    losses = []
    monkeypatch.setattr(demonstration, "write_pictures", lambda out, series, cost: losses.append(series) or iter(()))
    for seed in (3, 3, 4):
        demonstration.demo(tmp_path, seed, quiet=True)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert [len(series) for series in losses[0].values()] == [demonstration.EPOCHS] * 2
    assert losses[0]["training"][-1] < losses[0]["training"][0] / 5


def test_the_table_is_right_for_weights_that_were_not_trained():
    """Where the gradients are large, and checked against the weights' own differences."""
    model = nn.MLP([4, 3, 1], rng=np.random.default_rng(0))
    X, Y = np.random.default_rng(1).standard_normal((6, 4)), np.array([[0.0], [1.0], [1.0], [0.0], [1.0], [1.0]])
    table, cost = demonstration.last_layer_table(model, X, Y)
    assert isinstance(table, Comparison)
    assert table.largest < 1e-12
    loss = nn.BCEWithLogitsLoss()
    assert cost.item() == pytest.approx(loss(model(X), Y).item(), rel=1e-12)
    loss(model(X), Y).backward()
    for name, x in zip(("dJ/dW1", "dJ/db1", "dJ/dW2", "dJ/db2"), model.parameters(), strict=True):
        for by in table.terms[name].values():
            np.testing.assert_allclose(by, x.grad.numpy(), rtol=1e-10, atol=1e-15)


# Where something is missing


def test_without_matplotlib_one_line_says_so_and_the_rest_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert sorted(x.name for x in tmp_path.iterdir()) == ["graph.html", "graph.svg"]
    line, other, _ = capsys.readouterr().out.splitlines()[-3:]
    assert line.startswith("No loss curve. plot: needs Matplotlib")
    assert line.endswith("pip install 'tinygrad_edu[plot]'.")
    assert other.startswith(str(tmp_path / "graph.svg"))


def test_without_graphviz_one_line_says_so_and_the_rest_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert sorted(x.name for x in tmp_path.iterdir()) == ["graph.gv", "graph.html", "loss.png"]
    other, line, page = capsys.readouterr().out.splitlines()[-3:]
    assert page.startswith(str(tmp_path / "graph.html"))
    assert other.startswith(str(tmp_path / "loss.png"))
    assert line.startswith("No picture of the graph. draw: needs Graphviz")
    assert "pip install 'tinygrad_edu[dot]'" in line
    assert str(tmp_path / "graph.gv") in line


def test_without_any_extra_the_demo_still_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    for name in ("matplotlib", "matplotlib.figure", "pygraphviz", "tqdm", "threadpoolctl", "sympy"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert [line.split(".")[0] for line in captured.out.splitlines()[-3:-1]] == [
        "No loss curve",
        "No picture of the graph",
    ]
    assert "Test accuracy" in captured.out
    assert captured.err == ""


def test_the_progress_bar_goes_to_the_error_stream_of_a_terminal(monkeypatch, capsys):
    for terminal in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        assert list(demonstration.progress(range(3), quiet=False)) == [0, 1, 2]
        assert list(demonstration.progress(range(3), quiet=True)) == [0, 1, 2]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("Training: 100%") == 1


# Importing

HEAVY = [
    "matplotlib",
    "sympy",
    "tqdm",
    "graphviz",
    "pygraphviz",
    "threadpoolctl",
    "scipy",
    "pandas",
    "torch",
    "PIL",
    "pyarrow",
]


def test_importing_the_package_loads_nothing_heavy():
    loaded = run("-c", "import sys, tinygrad_edu; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert "tinygrad_edu" in loaded
    assert "numpy" in loaded
    assert not set(HEAVY) & set(loaded)
    outside = set(loaded) - sys.stdlib_module_names - {"tinygrad_edu", "numpy"}
    known = run("-c", "import sys, numpy.random, ctypes; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert outside <= set(known)


def test_plotting_does_not_touch_pyplot(tmp_path):
    """Its global state, and the windows it may open, belong to the person who imports it."""
    program = (
        "import sys; from tinygrad_edu import plot; "
        f"plot.save(plot.loss_curve({{'training': [2.0, 1.0]}}), {str(tmp_path / 'loss.png')!r}); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run("-c", program) == "False\n"


def test_drawing_is_loaded_when_it_is_first_asked_for():
    program = (
        "import sys, tinygrad_edu as tg; print('graphviz' in sys.modules); tg.draw; print('graphviz' in sys.modules)"
    )
    assert run("-W", "ignore", "-c", program).split() == ["False", "True"]
    assert tg.draw is importlib.import_module("tinygrad_edu.read.draw").draw
    assert tg.explore is importlib.import_module("tinygrad_edu.read.draw.explorer").explore
    assert {"draw", "explore", "tree", "Tensor", "__version__"} <= set(dir(tg))
    with pytest.raises(AttributeError, match="module 'tinygrad_edu' has no attribute 'drow'"):
        _ = tg.drow
    with pytest.raises(ImportError, match="drow"):
        exec("from tinygrad_edu import drow")


def test_every_public_name_is_there():
    assert all(hasattr(tg, name) for name in tg.__all__)
    assert len(set(tg.__all__)) == len(tg.__all__)
    for module in (tg.check, tg.data, tg.nn, tg.optim, tg.functional, tg.autograd):
        assert all(hasattr(module, name) for name in module.__all__)


# Memory


def test_keeping_freed_arrays_answers_whether_it_could():
    assert isinstance(memory.keep_freed_arrays(), bool)


@pytest.mark.parametrize("platform", ["darwin", "win32", "emscripten", "freebsd14"])
def test_other_systems_are_left_alone(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("the C library was opened"))
    assert memory.keep_freed_arrays() is False


@pytest.mark.parametrize(
    ("library", "answer"),
    [
        (SimpleNamespace(), False),
        (SimpleNamespace(mallopt=lambda *_: 1), False),
        (SimpleNamespace(mallopt=lambda *_: 1, gnu_get_libc_version=None), True),
        (SimpleNamespace(mallopt=lambda *_: 0, gnu_get_libc_version=None), False),
    ],
)
def test_other_c_libraries_are_left_alone(library, answer, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert memory.keep_freed_arrays() is answer


def test_the_settings_are_those_of_the_c_library(monkeypatch):
    """The numbers of M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD in glibc's malloc.h."""
    given = {}
    library = SimpleNamespace(mallopt=lambda key, value: given.update({key: value}) or 1, gnu_get_libc_version=None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert memory.keep_freed_arrays()
    assert set(given) == {-3, -1, -2}
    assert 0 < given[-3] <= 4 * 1024 * 1024 * ctypes.sizeof(ctypes.c_long)  # more is refused
    assert all(0 < value < 2**31 for value in given.values())
