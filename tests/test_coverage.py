"""The page of NumPy's functions and their rules, and what it says of other packages."""

import runpy
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from autograd import core

ROOT = Path(__file__).parents[1]
PAGE = runpy.run_path(str(ROOT / "docs/coverage.py"))


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="an older NumPy has fewer functions")
def test_the_page_is_written_from_the_table():
    assert (ROOT / "docs/coverage.md").read_text(encoding="utf-8") == PAGE["page"]()


def test_what_another_package_has_and_we_lack_has_a_reason():
    reasons = tuple(PAGE["WHY"])
    assert [name for name in PAGE["lacking"]() if not name.startswith(reasons)] == []
    assert all(any(name.startswith(reason) for name in PAGE["lacking"]()) for reason in reasons)


def test_every_note_on_a_kink_is_of_a_row():
    assert set(PAGE["AT_KINKS"]) <= set(PAGE["ops"].TABLE)


@pytest.mark.skipif(version("autograd") != "1.9.1", reason="the list was made of version 1.9.1")
def test_the_list_of_hips_autograd_is_that_of_its_table():
    """Its table of rules, and the functions that it writes with them: concatenate and the stacks."""
    listed = set(PAGE["PEERS"]["HIPS autograd 1.9.1"].split())
    named = {f.__name__ for f in core.primitive_vjps}
    of_numpy = {name for name in named if not name.startswith("_") and callable(getattr(np, name, None))}
    inside = {f"linalg.{name}" for name in named & set(np.linalg.__all__)} - {"linalg.matmul", "linalg.trace"}
    inside -= {"linalg.cross", "linalg.diagonal", "linalg.outer", "linalg.tensordot"}
    shared = {f"fft.{name}" for name in named & set(np.fft.__all__)}
    written = {"append", "column_stack", "concatenate", "hstack", "stack", "vstack"}
    assert listed == of_numpy - {"astype"} | inside | shared | written
