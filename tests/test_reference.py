"""The page of public names is what their docstrings say today."""

import runpy
from pathlib import Path

import tinygrad_edu as tg

DOCS = Path(tg.__file__).parents[1] / "docs"
REFERENCE = runpy.run_path(str(DOCS / "reference.py"))


def test_the_page_is_up_to_date():
    assert REFERENCE["page"]() == (DOCS / "reference.md").read_text(encoding="utf-8"), "run python docs/reference.py"


def test_every_public_module_has_its_table_and_every_name_its_sentence():
    shown = set(REFERENCE["MODULES"])
    assert {"nn", "optim", "data", "autograd", "func", "check", "plot", "onnx", "distributed"} <= shown
    for module in shown:
        for row in REFERENCE["rows"](module):
            assert row.endswith(". |"), row
