"""The demonstration."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tinygrad_edu import demo as demonstration
from tinygrad_edu import nn
from tinygrad_edu.check import Comparison
from tinygrad_edu.cli import main

TERMS = ["dJ/dA2", "dJ/dZ2", "dJ/dW2", "dJ/db2", "dJ/dA1", "dJ/dZ1", "dJ/dW1", "dJ/db1"]


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    """One run of the command, with what it printed."""
    out = tmp_path_factory.mktemp("demo") / "deep" / "down"
    with pytest.MonkeyPatch.context() as patched:
        lines = []
        patched.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
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


def test_the_demo_prints_its_accuracy(demo_run):
    (line,) = [line for line in demo_run[1].splitlines() if line.startswith("Test accuracy: ")]
    assert float(line.split()[2].rstrip(",")) >= 0.95


def test_the_demo_prints_eight_terms_by_three_routes(demo_run):
    lines = demo_run[1].splitlines()
    rows = [line.split() for line in lines if re.match(r"dJ/d\w+ +\d", line)]
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
    monkeypatch.setattr(demonstration, "write_pictures", lambda *_: ())
    assert demonstration.demo(tmp_path, seed, quiet=True) >= 0.95
    ((table, cost),) = tables
    assert list(table.terms) == TERMS
    for term, routes in table.terms.items():
        assert set(routes) == {"composed", "by hand"} | ({"fused"} if term != "dJ/dA2" else set())
        for route in routes:
            assert table.difference(term, route) < 1e-12
    assert 0 < cost.item() < 1


def test_the_demo_repeats_with_its_seed(tmp_path, monkeypatch):
    histories = []
    monkeypatch.setattr(demonstration, "write_pictures", lambda out, history, cost: histories.append(history) or ())
    for seed in (3, 3, 4):
        demonstration.demo(tmp_path, seed, quiet=True)
    first, again, other = (history["validation_loss"] for history in histories)
    assert first == again != other
    assert histories[0].epochs == demonstration.EPOCHS
    assert histories[0]["loss"][-1] < histories[0]["loss"][0] / 5


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
