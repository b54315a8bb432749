"""The catalogue of mistakes and the page that is written from it."""

import json
import re
import runpy
from pathlib import Path

from tinygrad_edu.check.mistakes import MISTAKES

ROOT = Path(__file__).parents[1]


def test_every_posted_mistake_is_in_the_catalogue_by_its_name():
    for entry in json.loads((ROOT / "tests/backprops/index.json").read_text(encoding="utf-8")):
        if entry["kind"] != "right":
            assert MISTAKES[entry["id"]].name == entry["slug"]


def test_every_id_that_the_search_gives_is_in_the_catalogue():
    for file in ("search.py", "activations.py", "diagnose.py", "marking.py"):
        text = (ROOT / "tinygrad_edu/check" / file).read_text(encoding="utf-8")
        assert set(re.findall(r'"([A-GX]\d{1,2})"', text)) <= set(MISTAKES)


def test_the_page_is_written_from_the_catalogue():
    made = runpy.run_path(str(ROOT / "docs/mistakes.py"))["page"]()
    assert (ROOT / "docs/mistakes.md").read_text(encoding="utf-8") == made
