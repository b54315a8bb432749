"""The page that steps through both passes, as a file: its data, its policy, and bad input."""

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from graphs import HOSTILE, content, every_graph, leaf, network, normal

import tinygrad_edu as tg
from tinygrad_edu import autograd, ops
from tinygrad_edu.graph import Graph
from tinygrad_edu.read import draw as drawing
from tinygrad_edu.read.draw import explorer
from tinygrad_edu.read.draw.explorer import MOST_NODES, as_data, explore, shown
from tinygrad_edu.read.draw.working import working
from tinygrad_edu.tensor import Tensor

# The page


@every_graph
def test_a_page_is_written(make, tmp_path):
    path = explore(make(), tmp_path / "page.html")
    assert path == tmp_path / "page.html"
    data = content(path)
    arrays = data["arrays"]
    for step in data["steps"]:
        for term in step["terms"]:
            assert isinstance(term, str) or term[1] < len(arrays)
        assert 0 <= step["node"] < len(data["nodes"])
        assert step.get("link", 0) < len(data["links"])
    for array in arrays:
        assert len(array["cells"]) == array["rows"] * array["columns"]


def test_the_page_of_three_layers_is_small(tmp_path):
    assert explore(network((30, 64, 64, 10), 128), tmp_path / "page.html").stat().st_size < 200_000


def test_the_page_shows_five_digits_and_says_what_it_leaves_out():
    large = normal(40, 30)
    entry = shown(large)
    assert (entry["shape"], entry["rows"], entry["columns"]) == ([40, 30], 12, 12)
    rows, columns = entry["chosen"]
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, 39, 0, 29)
    np.testing.assert_allclose(entry["cells"], large[np.ix_(rows, columns)].ravel(), rtol=1e-4)
    np.testing.assert_allclose(entry["size"], np.abs(large).max(), rtol=1e-4)
    assert "chosen" not in shown(normal(12, 12))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (3, 0), (2, 0, 2), (2, 3, 4), (0, 0)])
def test_any_shape_is_shown(shape, tmp_path):
    entry = shown(np.ones(shape))
    assert entry["shape"] == list(shape)
    assert len(entry["cells"]) == entry["rows"] * entry["columns"] == np.ones(shape).size
    explore(np.sum(leaf(np.ones(shape), "x") * 2.0), tmp_path / "page.html")


def test_what_is_not_finite_is_named_and_counted(tmp_path):
    entry = shown(np.array([1.0, np.nan, np.inf, -np.inf, 2.0]))
    assert entry["cells"] == [1.0, "nan", "inf", "-inf", 2.0]
    assert (entry["bad"], entry["size"]) == (3, 2.0)
    x = leaf([0.0, -1.0, 2.0], "x")
    with np.errstate(all="ignore"):
        J = np.sum(np.log(x) * x)
    assert any("nan" in array["cells"] for array in content(explore(J, tmp_path / "page.html"))["arrays"])
    assert shown(np.array([np.nan]))["size"] == 0


def test_integers_booleans_and_float32_are_shown():
    assert shown(np.array([1, 2]))["cells"] == [1, 2]
    assert json.dumps(shown(np.array([True, False]))["cells"]) == "[1, 0]"
    assert shown(np.array([0.1], np.float32))["cells"] == [0.1]


def test_a_result_that_is_no_scalar_counts_as_its_sum(tmp_path):
    y = leaf([1.0, 2.0, 3.0], "x") * 2.0
    seed = next(step for step in working(Graph(y)) if step.kind == "seed")
    assert "3 entries: what is differentiated here is their sum" in seed.say
    explore(y, tmp_path / "page.html")


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style", "title") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, text):
        if self.inside:
            self.texts.append((self.inside, text))


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("name", ["J", HOSTILE])
def test_the_policy_allows_the_page_s_own_parts_and_nothing_else(name, tmp_path):
    text = explore(network(), tmp_path / "page.html", names=None if name == "J" else {}).read_text("utf-8")
    parts = Parts(text)
    metas = [attributes for tag, attributes in parts.elements if tag == "meta" and "http-equiv" in attributes]
    policy = dict(rule.split(" ", 1) for rule in metas[0]["content"].split("; "))
    (style,) = [content for tag, content in parts.texts if tag == "style"]
    _, script = [content for tag, content in parts.texts if tag == "script"]
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest(script)}'",
        "style-src": f"'sha256-{digest(style)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_page_refers_to_nothing_outside(tmp_path):
    text = explore(network(), tmp_path / "page.html").read_text("utf-8")
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
    assert set(re.findall(r"(?:https?:)?//[\w.]+\.\w[^\"'\s)]*", text)) == namespaces
    for tag, attributes in Parts(text).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
        "@import",
        "url(h",
    ):
        assert word not in text


@pytest.mark.parametrize("sign", ["</script>", "<!--", "&amp;", "\u2028", "\\", '"', "]]>"])
def test_data_cannot_end_its_element(sign):
    text = as_data({"name": sign})
    assert json.loads(text) == {"name": sign}
    assert not set(text) & set("<>&\u2028\u2029")


@pytest.mark.parametrize(
    ("name", "there"),
    [
        (HOSTILE, HOSTILE[:39] + "…"),
        ("x" * 10_000, "x" * 39 + "…"),
        ("two\nlines\x00", "two lines"),
        ("\ud800\u202ertl", "rtl"),
        (" ", "unnamed"),
        ("größe 矩阵 🙂", "größe 矩阵 🙂"),
    ],
)
def test_names_are_made_fit_for_the_page(name, there, tmp_path):
    path = explore(np.sum(leaf([1.0], name) * 2.0), tmp_path / "page.html")
    assert [node["name"] for node in content(path)["nodes"]] == [there, "u1", "J"]
    assert len(Parts(path.read_text("utf-8")).elements) == len(
        Parts(explore(np.sum(leaf([1.0], "x") * 2.0), path).read_text("utf-8")).elements
    )


def test_a_hostile_name_of_the_result_stays_in_the_title(tmp_path):
    J = np.sum(leaf([1.0], "x") * 2.0)
    J.name = "</title><script>alert(1)</script>"
    parts = Parts(explore(J, tmp_path / "page.html").read_text("utf-8"))
    assert [tag for tag, _ in parts.elements].count("script") == 2
    assert parts.texts[0] == ("title", "</title><script>alert(1)</script>, step by step")


def test_every_node_has_a_name_of_its_own(tmp_path):
    long = [leaf([1.0], "x" * 100) for _ in range(3)]
    v = leaf([1.0], "u1")
    data = content(explore(np.sum(long[0] * long[1] * long[2] * np.ones(1) * v), tmp_path / "page.html"))
    names = [node["name"] for node in data["nodes"]]
    assert len(set(names)) == len(names)
    assert {"u1", "u2", "u3", "u4"} < set(names)


def test_names_can_be_given(tmp_path):
    x = leaf([1.0, 2.0])
    total = np.sum(x * x)
    path = explore(total, tmp_path / "page.html", names=locals())
    assert [node["name"] for node in content(path)["nodes"]] == ["x", "u1", "total"]


# Bad input


def long_chain(length):
    x = leaf([1.0], "x")
    for _ in range(length):
        x = x * 1.0
    return x


def test_a_graph_of_the_largest_size_is_written(tmp_path):
    x = y = leaf(normal(8, 8), "x")
    for _ in range((MOST_NODES - 2) // 2):
        y = y + np.tanh(y)
    explore(np.sum(y), tmp_path / "page.html", names={"x": x})


@pytest.mark.parametrize("length", [MOST_NODES, 20_000])
def test_a_graph_that_is_too_large_says_how_to_choose_a_part(length, tmp_path):
    with pytest.raises(
        ValueError,
        match=rf"explore: a page shows at most 300 nodes; got {length + 1}\. Pass an intermediate tensor to see the "
        r"part above it, or start the part at tensor\.detach\(\)\.",
    ):
        explore(long_chain(length), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("x", [1.0, np.ones(2), "J", None, []])
def test_only_a_tensor_is_explored(x, tmp_path):
    with pytest.raises(TypeError, match=rf"explore: loss must be a Tensor; got {type(x).__name__}\. Pass the result"):
        explore(x, tmp_path / "page.html")


def test_what_was_not_recorded_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the output must have been recorded"):
        explore(Tensor(1.0), tmp_path / "page.html")
    with tg.no_grad(), pytest.raises(ValueError, match="the output must have been recorded"):
        explore(leaf(1.0) * 2, tmp_path / "page.html")


def test_a_missing_directory_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"explore: the directory must exist; got '.*missing'\. Create it first"
    ):
        explore(network(), tmp_path / "missing" / "page.html")


def test_a_name_that_is_not_in_the_graph_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Graph: names must be those of values in the graph; got stranger"):
        explore(network(), tmp_path / "page.html", names={"stranger": leaf(1.0)})


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("the old page")

    def fail(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="full"):
            explore(network(), path)
    assert [(x.name, x.read_text()) for x in tmp_path.iterdir()] == [("page.html", "the old page")]
    assert explorer.write is drawing.write
    explore(network(), str(path))
    assert [x.name for x in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_nothing_of_the_graph_changes(tmp_path):
    J = network()
    before = [(x, x.name, x.data.copy()) for x in autograd.order([J])]
    explore(J, tmp_path / "page.html")
    for x, name, data in before:
        assert x.name == name
        assert np.array_equal(x.data, data)
        assert x.grad is None


def test_a_wrong_shape_from_a_rule_of_one_s_own_is_an_error(tmp_path):
    op = ops.Op(np.matmul, lambda g, y, a, b: (g @ b.T).T, lambda g, y, a, b: a.T @ g, name="wrong")
    with pytest.raises(ValueError, match="wrong: a rule must return a gradient of the shape of its input"):
        explore(np.sum(op(leaf(np.ones((2, 3))), np.ones((3, 4)))), tmp_path / "page.html")
