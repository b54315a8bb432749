"""What notebooks show, run without a window."""

import re
from pathlib import Path

import pytest
from interpreters import environment

nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat; pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="running a notebook needs nbclient; pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="running a notebook needs ipykernel; pip install nbclient ipykernel")

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the notebook programs are none of ours

NETWORK = """\
import numpy as np
import tinygrad_edu as tg

X, Y = np.ones((2, 3)), np.ones((2, 1))
A2 = tg.sigmoid(tg.nn.MLP([3, 4, 1], rng=np.random.default_rng(0))(X))
J = tg.binary_cross_entropy(A2, Y)
"""
NO_GRAPHVIZ = """\
import os, sys
os.environ["PATH"] = ""
sys.modules["pygraphviz"] = None
"""


EXAMPLES = Path(__file__).parents[1] / "examples"


def code(program):
    """The cells of code of a notebook in the percent format."""
    parts = re.split(r"^# %%(.*)$", program, flags=re.MULTILINE)[1:]
    return [cell.strip() for mark, cell in zip(parts[::2], parts[1::2], strict=True) if "markdown" not in mark]


def run(folder, *cells):
    """What each cell of a notebook shows, by kind of content."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    shown = []
    for cell in notebook.cells:
        (output,) = [x for x in cell.outputs if x.output_type == "execute_result"] or [{"data": {}}]
        shown.append(output["data"])
    return shown


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The kernel is a program of its own and must find the package too."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])


def test_a_notebook_shows_drawing_tree_and_tables(tmp_path):
    cells = ["tg.draw(J)", "tg.tree(J)", "tg.Tensor([1.0, 2.0])", "tg.nn.Linear(2, 1)"]
    _, drawing, tree, tensor, model = run(tmp_path, NETWORK, *cells)
    assert "<svg" in drawing["image/svg+xml"]
    assert all(name in drawing["image/svg+xml"] for name in ("W1", "Z1", "A2"))
    assert tree["text/plain"].splitlines()[1].startswith("◎ J = ")
    assert "<td>1</td><td>2</td>" in tensor["text/html"] and tensor["text/plain"] == "Tensor([1., 2.])"
    assert "3 parameters" in model["text/html"] and model["text/plain"].startswith("Linear(in_features=2")
    assert not list(tmp_path.iterdir())


def test_without_graphviz_a_notebook_shows_the_text_tree(tmp_path):
    _, _, drawing = run(tmp_path, NETWORK, NO_GRAPHVIZ, "tg.draw(J)")
    assert list(drawing) == ["text/plain"]
    text = drawing["text/plain"]
    assert text.splitlines()[1].startswith("◎ J = ")
    assert all(name in text for name in ("◆ W1", "● Z1", "● A2"))


def test_the_example_shows_its_tables_and_plots(tmp_path):
    summary, _, *pictures = run(tmp_path, *code((EXAMPLES / "12_watch_it_learn.py").read_text(encoding="utf-8")))
    assert "Linear(in_features=2, out_features=16, bias=True)" in summary["text/html"]
    assert summary["text/plain"].splitlines()[-1] == "337 parameters"
    shown = ["image/png" in picture for picture in pictures]
    assert shown == [True, True, False, True, True, True, False]
    assert (tmp_path / "learning.gif").read_bytes().startswith(b"GIF89a")
