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


def test_every_id_that_the_marker_gives_is_in_the_catalogue():
    given = set()
    for file in (ROOT / "tinygrad_edu/check").rglob("*.py"):
        if file.name != "mistakes.py":
            given |= set(re.findall(r'["(]([A-GX][1-9]\d?)[")]', file.read_text(encoding="utf-8")))
    assert given == set(MISTAKES)


def test_the_page_is_written_from_the_catalogue():
    made = runpy.run_path(str(ROOT / "docs/mistakes.py"))["page"]()
    assert (ROOT / "docs/mistakes.md").read_text(encoding="utf-8") == made
