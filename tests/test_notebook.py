"""Drawings in a notebook, run without a window."""

import os
from pathlib import Path

import pytest

import tinygrad_edu as tg

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
    paths = [str(Path(tg.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def test_a_notebook_shows_the_drawing(tmp_path):
    _, drawing, tree = run(tmp_path, NETWORK, "tg.draw(J)", "tg.tree(J)")
    assert "<svg" in drawing["image/svg+xml"]
    assert all(name in drawing["image/svg+xml"] for name in ("W1", "Z1", "A2"))
    assert tree["text/plain"].splitlines()[1].startswith("◎ J = ")
    assert not list(tmp_path.iterdir())


def test_without_graphviz_a_notebook_shows_the_text_tree(tmp_path):
    _, _, drawing = run(tmp_path, NETWORK, NO_GRAPHVIZ, "tg.draw(J)")
    assert list(drawing) == ["text/plain"]
    text = drawing["text/plain"]
    assert text.splitlines()[1].startswith("◎ J = ")
    assert all(name in text for name in ("◆ W1", "● Z1", "● A2"))
