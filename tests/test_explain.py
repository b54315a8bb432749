"""The answers to the questions about the last layer, from Python and from the command line."""

import re
from functools import cache
from html.parser import HTMLParser

import pytest

from tinygrad_edu.cli import main
from tinygrad_edu.read.derive.mathematics import text
from tinygrad_edu.read.explain import TOPICS, explain

RESULTS = {
    "sigmoid-bce": ["dJ/dZ = (A - Y)/m"],
    "softmax-nll": ["dJ/dZ = (A - Y)/m"],
    "linear-mse": ["dJ/dZ = 2*(Z - Y)/m"],
    "sigmoid-mse": ["dJ/dZ = 2*A*(1 - A)*(A - Y)/m", "dJ/dZ = 2*A*(A - Y)*(1 - A)/m"],
    "weights": ["dJ/dW2 = (dJ/dZ2).T @ A1", "dJ/dW2 = dJ/dZ2 @ A1.T"],
    "hidden": ["dJ/dZ1 = dJ/dA1*(1 - A1**2)"],
    "last-layer": ["dJ/dW1 = (dJ/dZ1).T @ X", "dJ/dW1 = dJ/dZ1 @ X.T"],
}


@cache
def answered(topic, layout="rows"):
    return explain(topic, layout)


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_right_in_every_line_and_shows_what_is_wrong(topic, layout):
    answer = answered(topic, layout)
    for derivation in answer.derivations:
        report = derivation.check()
        assert report, str(report)
    assert text(answer.derivations[0].result) in RESULTS[topic]
    assert answer.comparison.largest_relative < 1e-12
    assert "by hand" in answer.comparison.routes
    title = next(title for title, part in answer.parts if part is answer.comparison)
    assert ("fused" in title) is ("fused" in answer.comparison.routes)
    assert "composed" in answer.comparison.routes
    assert answer.wrong
    assert all(wrong.difference > 1e-3 for wrong in answer.wrong)
    written = str(answer)
    assert max(map(len, written.splitlines())) <= 80
    assert written.startswith(answer.question[:40])
    assert "THE WRONG ANSWER" in written
    assert "0 wrong" in written


class Balanced(HTMLParser):
    """Raises where a tag is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_is_whole_and_needs_no_network(topic):
    page = answered(topic).page()
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert {"math", "table", "h1", "mfrac"} <= parser.seen
    assert not re.search(r"https?:|<script|<link|url\(", page)


def test_two_layers_stand_side_by_side():
    written = str(answered("last-layer"))
    assert re.search(r"dJ/dA   \(A2 - Y\)/\(m\*A2\*\(1 - A2\)\)   dJ/dZ2 @ W2", written)
    assert re.search(r"dJ/dZ   \(A2 - Y\)/m +dJ/dA1\*\(1 - A1\*\*2\)", written)


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_a_hidden_unit_adds_up_what_comes_back_from_all_units(layout):
    letters = "ij" if layout == "rows" else "ji"
    own = "ik" if layout == "rows" else "ki"
    assert f"dJ/dA1_{own} = sum_j (dJ/dZ2_{letters}*W2_jk)" in str(answered("hidden", layout))


def test_without_a_topic_there_is_the_list():
    listed = explain()
    assert all(topic in listed for topic in TOPICS)
    assert max(map(len, listed.splitlines())) <= 80


def test_an_unknown_topic_lists_them_and_the_nearest():
    with pytest.raises(ValueError, match=r"one of sigmoid-bce, .*; got 'softmx'. Did you mean softmax-nll\?"):
        explain("softmx")
    with pytest.raises(ValueError, match=r"got 'xyz'. Choose one of them."):
        explain("xyz")


def test_an_unknown_layout_or_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"explain: layout must be 'rows' or 'columns'; got 'diagonal'"):
        explain("hidden", "diagonal")
    with pytest.raises(ValueError, match=r"explain: the page must end in .html; got 'page.txt'. Try page.html."):
        explain("hidden", html=tmp_path / "page.txt")


# The command


def test_the_command_lists_answers_and_writes(tmp_path, capsys):
    assert main(["explain"]) == 0
    assert "softmax-nll" in capsys.readouterr().out
    assert main(["explain", "weights", "--layout", "columns"]) == 0
    assert "dJ/dW2 = dJ/dZ2 @ A1.T" in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert main(["explain", "sigmoid-bce", "--html", str(page)]) == 0
    assert capsys.readouterr().out.startswith(f"{page}: Sigmoid and cross-entropy")
    assert page.read_text(encoding="utf-8") == answered("sigmoid-bce").page()


def test_the_command_refuses_an_unknown_topic(capsys):
    assert main(["explain", "sigmoid-bc"]) == 2
    assert "Did you mean sigmoid-bce?" in capsys.readouterr().err


def test_the_command_without_sympy(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "sympy", None)
    assert main(["explain", "sigmoid-bce"]) == 1
    assert "tinygrad_edu[derive]" in capsys.readouterr().err
