"""The picture of a graph: its source, its files, what stands in it."""

import os
import re
import runpy
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pygraphviz
import pytest
from graphs import leaf, network

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.autograd import grad
from tinygrad_edu.graph import Graph
from tinygrad_edu.read import draw as drawing
from tinygrad_edu.read.draw import Drawing, draw, labels
from tinygrad_edu.read.draw.render import render, without_font_warnings
from tinygrad_edu.tensor import Tensor

ROOT = Path(__file__).parents[1]


def of_modules(layers=2, width=3):
    """A cost with a module for each step."""
    model = nn.MLP([width] * layers + [1], rng=np.random.default_rng(0))
    X = Tensor(np.ones((2, width)), name="X")
    return nn.BCEWithLogitsLoss()(model(X), Tensor(np.ones((2, 1)), name="Y"))


def chain(length, x):
    """x is used in every second op."""
    y = x
    for k in range(length):
        y = y * 0.5 if k % 2 else y + x
    return y.sum()


def parsed(x, **params):
    return pygraphviz.AGraph(string=draw(x, **params).source)


def texts_in(label):
    """The texts of an HTML-like label, as they are read."""
    root = ElementTree.fromstring(f"<label>{label}</label>")
    return ["".join(cell.itertext()) for cell in root.iter("TD") if cell.find("TABLE") is None] or [
        "".join(root.itertext())
    ]


def node_texts(picture):
    """The texts of every node that stands for a value, in order."""
    found = [picture.get_node(str(k)) for k in range(len(picture.nodes())) if picture.has_node(str(k))]
    return [texts_in(node.attr["label"]) for node in found]


def edge_texts(picture):
    return {(a, b): texts_in(picture.get_edge(a, b).attr["label"] or "")[0] for a, b in picture.edges()}


def boxes(picture):
    return {texts_in(box.graph_attr["label"])[0]: sorted(map(int, box.nodes())) for box in picture.subgraphs()}


def texts_of(path):
    """What a reader of the SVG sees, a line of text each."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(x.itertext()) for x in root.iter("{http://www.w3.org/2000/svg}text")]


# Nodes


def test_the_source_has_a_node_for_each_value_and_an_edge_for_each_use():
    x = leaf(name="x")
    picture = parsed(np.sum(x * x + [1.0, 2.0]))
    assert picture.directed
    assert not picture.strict
    assert sorted(map(int, picture.nodes())) == [0, 1, 2, 3, 4]
    assert sorted((int(a), int(b)) for a, b in picture.edges()) == [(0, 1), (0, 1), (1, 3), (2, 3), (3, 4)]
    titles = [texts[0] for texts in node_texts(picture)]
    assert titles == ["x", "multiply = x ⊙ x", "constant", "add = x ⊙ x + constant", "J = Σ(x ⊙ x + constant)"]


def test_each_kind_has_its_shape_and_colour():
    picture = parsed(np.sum(np.ones(2) * leaf(name="x")))
    looks = [dict(picture.get_node(str(k)).attr) for k in range(4)]
    assert [look["shape"] for look in looks] == ["note", "tab", "box", "box"]
    assert [look.get("peripheries") or "1" for look in looks] == ["1", "1", "1", "2"]
    assert len({look["fillcolor"] for look in looks}) == 4


def test_the_colours_differ_in_greyscale_and_text_on_them_can_be_read():
    shades = []
    for look in drawing.LOOKS.values():
        red, green, blue = (int(look["fillcolor"][k : k + 2], 16) for k in (1, 3, 5))
        shades.append(0.299 * red + 0.587 * green + 0.114 * blue)
    assert shades == sorted(shades, reverse=True)
    assert min(-np.diff(shades)) > 12
    assert min(shades) > 128


def test_the_picture_of_the_textbook_s_network():
    picture, graph = parsed(network()), Graph(network())
    assert len(picture.nodes()) == len(graph.nodes)
    assert len(picture.edges()) == sum(len(node.parents) for node in graph.nodes)
    assert node_texts(picture)[3][:2] == ["Z1 = X W1ᵀ + b1", "5 × 4"]


def test_a_node_shows_value_and_gradient():
    x = leaf([[1.0, -2.5], [0.0, 10.25]], "x")
    texts = node_texts(parsed((x * [[1.0, 2.0], [3.0, 4.0]]).sum()))[0]
    assert texts[:4] == ["x", "2 × 2", "value", "dJ/dx"]
    assert [text.replace("\xa0", " ") for text in texts[4:]] == ["⎡1.0 −2.5⎤⎣  0 10.2⎦", "⎡1 2⎤⎣3 4⎦"]


def test_gradients_can_be_left_out_and_are_where_the_output_is_no_scalar():
    x = leaf(name="x")
    for picture in (parsed(x.sum(), gradients=False), parsed(x * 2)):
        assert "gradient" not in picture.string()
        assert "dJ/dx" not in picture.string()
        assert "both" not in picture.string()


def test_a_gradient_that_fails_is_told_in_the_picture():
    op = tg.ops.Op(lambda x: x * 2, lambda g, y, x: g[:1], name="bad")
    picture = parsed(np.sum(op(leaf(np.ones(3), "x"))))
    assert "No gradients. bad: a rule must return a gradient" in " ".join(texts_in(picture.graph_attr["label"]))


def test_drawing_leaves_no_gradient_behind():
    x = leaf(name="x")
    draw(x.sum())
    assert x.grad is None


def test_the_graph_of_a_gradient_is_drawn():
    x = leaf(0.5, "x")
    slope = grad(np.tanh(x), x, create_graph=True)
    titles = [texts[0] for texts in node_texts(parsed(slope, names={"slope": slope}))]
    assert titles[0] == "x"
    assert titles[1] == "tanh = tanh x"
    assert titles[-1].startswith("slope = ")


def test_values_can_be_heat_maps_summaries_or_left_out():
    x = leaf([1.0, 2.0], "x")
    assert node_texts(parsed(x * 2, values="heatmap"))[0] == ["x", "(2,)", "", "", "1 … 2"]
    assert node_texts(parsed(x * 2, values="summary"))[0] == ["x", "(2,)", "1 … 2, mean 1.5"]
    assert node_texts(parsed(x * 2, values="none"))[0] == ["x", "(2,)"]


def test_the_names_given_are_drawn():
    x = leaf()
    assert node_texts(parsed(x * 2, names={"velocity": x}))[0][0] == "velocity"


@pytest.mark.parametrize("name", ["summary", "sum of squares", "summe"])
def test_a_name_that_starts_like_its_op_is_drawn(name):
    J = leaf(name="x").sum()
    J.name = name
    assert node_texts(parsed(J))[1][0] == f"{name} = Σ x"


# Arrays


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        ([[0.0]], ["0"]),
        (1234567.0, ["1.235e+06"]),
        ([1, 2], ["[1 2]"]),
        ([0.001, -0.002], ["[1.00 −2.00]× 10⁻³"]),
        ([1e7 + 0.5, 0], ["[1.00 0]× 10⁷"]),
        ([True, False], ["[1 0]"]),
        ([5e-324, 0], None),
        ([1e308, -1e308], ["[1.00 −1.00]× 10³⁰⁸"]),
        ([[[1], [2]], [[3], [4]]], ["⎡1⎤⎢2⎥⎢3⎥⎣4⎦"]),
        ([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1]], ["⎡1 0 1 1 0⎤⎣0 1 0 0 1⎦"]),
        (np.zeros((0, 3)), ["empty"]),
    ],
)
def test_small_arrays_stand_in_full(array, lines):
    shown = [text.replace("\xa0", " ") for text in texts_in(labels.panel(np.array(array), "auto"))]
    assert lines is None or shown == lines


@pytest.mark.parametrize("shape", [(5, 3), (100, 100), (9, 1), (13,), (3, 4, 5), (17, 2), (8, 8)])
def test_a_larger_array_is_a_heat_map_of_few_cells(shape):
    label = labels.panel(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape), "auto")
    rows = label.count("<TR>") - 2
    assert 1 <= rows <= 8
    assert label.count("BGCOLOR") % rows == 0
    assert label.count("BGCOLOR") // rows <= 8
    assert "−1 … 1" in label


def test_the_cells_of_a_heat_map_are_the_means_of_their_parts():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((16, 24))
    assert np.allclose(labels.blocks(rows), rows.reshape(8, 2, 8, 3).mean((1, 3)))
    assert np.allclose(labels.blocks(np.ones((11, 9))), 1)


def test_a_heat_map_is_white_at_zero_and_marks_what_is_below():
    label = labels.panel(np.array([[0.0, 1.0, -1.0, 0.5] * 2] * 2), "auto")
    assert [label.count(color) for color in ("#ffffff", "#d55e00", "#0072b2")] == [4, 4, 4]
    assert label.count(">−<") == 4


@pytest.mark.parametrize("values", ["auto", "heatmap", "summary"])
@pytest.mark.parametrize("shape", [(), (2,), (20, 20)])
@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "∞"), (-np.inf, "−∞")])
def test_what_is_not_finite_is_written_out_and_marked(values, shape, value, shown):
    array = np.ones(shape)
    array.flat[0] = value
    label = labels.panel(array, values)
    assert labels.MARK in label
    assert shown in "".join(texts_in(label))


def test_nan_and_infinity_are_drawn_with_their_gradients(tmp_path):
    x = leaf(np.array([[np.nan, np.inf, -np.inf, 1.0]] * 5), "x")
    texts = texts_of(draw((x * 2).mean()).save(tmp_path / "graph.svg"))
    assert "5 × NaN, 5 × ∞, 5 × −∞" in texts
    assert "NaN" in texts


def test_arrays_of_size_0_are_drawn(tmp_path):
    x = leaf(np.zeros((0, 3)), "x")
    assert "empty" in texts_of(draw((x * 2).sum()).save(tmp_path / "graph.svg"))


def test_extreme_numbers_are_drawn():
    for array in ([1e308] * 50, [5e-324] * 50, [-1e308, 1e308] * 50, [1e-320, 1.0] * 50):
        for values in ("auto", "heatmap", "summary"):
            assert labels.panel(np.array(array), values)


# Links


def test_a_link_shows_its_local_derivative():
    a, b = leaf(name="a"), leaf(name="b")
    texts = edge_texts(parsed(np.sum(a * b)))
    assert texts == {("0", "2"): "⊙ b", ("1", "2"): "⊙ a", ("2", "3"): "to each entry"}


def test_a_link_from_what_was_stretched_says_that_its_gradient_is_summed():
    b, scale = leaf(name="b"), leaf(np.ones((2, 1)), "s")
    texts = edge_texts(parsed((leaf(np.ones((2, 2)), "X") * scale + b).sum()))
    assert [text for text in texts.values() if "summed" in text] == ["⊙ X, summed", "· 1, summed"]
    assert not any("summed" in text for text in edge_texts(parsed((b * b + b).sum())).values())


def test_a_transposed_factor_stands_without_brackets():
    Q, K = leaf(np.ones((2, 2)), "Q"), leaf(np.ones((2, 2)), "K")
    picture = parsed((Q @ K.T).sum())
    assert node_texts(picture)[3][0] == "matmul = Q Kᵀ"
    assert "· K" in edge_texts(picture).values()
    assert node_texts(parsed((K.T**2).sum()))[2][0] == "power = (Kᵀ)²"
    assert "log(Kᵀ)ᵀ g" in edge_texts(parsed((np.log(K.T) @ Q).sum())).values()


def test_what_stands_between_brackets_needs_no_others():
    x, y = leaf(np.ones(3), "x"), np.arange(3.0)
    texts = [text[0] for text in node_texts(parsed(tg.sigmoid(np.maximum(0, x + 1) @ y)))]
    assert {"maximum = max(0, x + 1)", "sigmoid = σ(max(0, x + 1) constant)"} <= {*texts}
    assert "⊙ [x + 1 > 0]" in edge_texts(parsed(np.maximum(0, x + 1).sum())).values()


def test_a_condition_is_called_by_what_it_says():
    r = leaf(np.array([-2.0, 0.5, 1.5]), "r")
    picture = parsed(np.where(np.abs(r) <= 1, r**2, 2 * np.abs(r) - 1).sum())
    assert "where = where(|r| < 1, r², 2 · |r| − 1)" in [text[0] for text in node_texts(picture)]
    assert {"⊙ [|r| < 1]", "⊙ [not |r| < 1]"} <= {*edge_texts(picture).values()}


def test_batches_of_matrices_are_transposed():
    K = leaf(np.ones((2, 3, 4)), "K")
    picture = parsed((leaf(np.ones((2, 5, 4)), "Q") @ np.swapaxes(K, 1, 2)).sum())
    assert "matmul = Q Kᵀ" in [text[0] for text in node_texts(picture)]


def test_links_can_show_shapes_or_nothing():
    x = leaf(np.ones((2, 3)), "x")
    assert set(edge_texts(parsed(np.sum(x * 2), edges="shape")).values()) == {"2 × 3"}
    assert set(edge_texts(parsed(np.sum(x * 2), edges="none")).values()) == {""}


def test_a_link_to_data_has_no_derivative_and_no_way_back():
    picture = parsed(np.sum(leaf(name="w") * Tensor([1.0, 2.0], name="x")))
    assert edge_texts(picture)["1", "2"] == ""
    assert not picture.get_edge("1", "2").attr["dir"]
    assert picture.get_edge("0", "2").attr["dir"] == "both"


def test_operands_stand_in_their_order():
    a, b = leaf(name="a"), leaf(name="b")
    y = np.sin(b)
    picture = parsed(a - y)
    assert picture.get_node("3").attr["ordering"] == "in"
    assert node_texts(picture)[3][0] == "subtract = a − sin b"
    assert re.findall(r"(\d) -> 3", draw(a - y).source) == ["2", "1"]


def test_the_direction_can_be_chosen():
    for way in ("TB", "LR", "BT", "RL"):
        picture = parsed(leaf(name="x") * 2, direction=way)
        assert picture.graph_attr["rankdir"] == way


# Boxes


def test_a_box_stands_around_each_layer_with_its_parameters():
    picture = parsed(of_modules())
    layers = {"0: Linear": [1, 2, 3], "1: Tanh": [4], "2: Linear": [5, 6, 7]}
    assert boxes(picture) == layers | {"BCEWithLogitsLoss": [9]}
    assert boxes(parsed(of_modules(), group=None)) == {}


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_deep_network_runs_straight_between_its_parameters(direction):
    plain = render(draw(of_modules(6), direction=direction).source, "plain").decode()
    across = 2 if direction == "TB" else 3
    words = [line.split() for line in plain.splitlines() if line.startswith("node")]
    place = {int(line[1]): float(line[across]) for line in words}
    nodes = Graph(of_modules(6)).nodes
    spine = [place[k] for k, node in enumerate(nodes) if node.op and node.kind == "op"]
    assert max(spine) - min(spine) < 1  # inch, less than a node
    weights, biases = ([place[k] for k, node in enumerate(nodes) if node.name[0] == letter] for letter in "Wb")
    assert len(weights) == len(biases) == 6
    assert max(weights) < min(spine) <= max(spine) < min(biases)


def test_folded_each_box_is_a_node():
    picture = parsed(of_modules(), group="fold")
    titles = [texts[0] for texts in node_texts(picture)]
    assert titles == ["X", "0: Linear", "1: Tanh", "2: Linear", "Y", "BCEWithLogitsLoss"]
    assert picture.get_node("1").attr["shape"] == "box3d"
    assert node_texts(picture)[1][1:3] == ["Z1 = X W1ᵀ + b1", "W1 3 × 3, b1 (3,)"]
    assert len(picture.edges()) == len(titles) - 1 == 5


class Block(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 2, rng=0)

    def forward(self, x):
        return np.tanh(x + self.inner(x)) * 2


def test_a_block_with_layers_in_it_is_a_box_around_boxes():
    block = Block()
    y = block(block(leaf(np.ones((1, 2)), "x"))).sum()
    picture = parsed(y)
    outer = picture.subgraphs()
    assert len(outer) == 2
    assert [len(box.subgraphs()) for box in outer] == [1, 1]
    titles = [texts[0] for texts in node_texts(parsed(y, group="fold"))]
    assert titles.count("inner: Linear") == 2
    assert "W1" in titles  # it is used by two calls, and stands in neither


def test_the_link_to_several_folded_ops_is_the_derivative_of_their_result():
    class Square(nn.Module):
        def forward(self, x):
            return np.sin(x) ** 2

    x = leaf(name="x")
    assert edge_texts(parsed(Square()(x).sum(), group="fold"))["0", "1"] == "∂((sin x)²)/∂x"


# Size


def test_above_max_nodes_layers_are_folded_and_the_picture_says_so():
    drawing = draw(of_modules(10), max_nodes=30)
    assert drawing.note.endswith("values, folded: a node for each layer.")
    picture = pygraphviz.AGraph(string=drawing.source)
    assert drawing.note in " ".join(texts_in(picture.graph_attr["label"]))
    assert "box3d" in drawing.source
    assert draw(of_modules(10)).note == ""
    assert draw(of_modules(10), group="fold").note == ""


@pytest.mark.parametrize("group", ["module", "fold", None])
def test_where_folding_is_not_enough_the_middle_is_left_out(group):
    drawing = draw(chain(1000, leaf(name="x")), max_nodes=20, group=group)
    picture = pygraphviz.AGraph(string=drawing.source)
    assert len(picture.nodes()) == 20
    assert "… 983 ops …" in [texts[0] for texts in node_texts(picture)]
    assert drawing.note.startswith("1,002 values, of which the first and the last are drawn.")
    assert "larger max_nodes" in repr(drawing)


def test_in_a_large_picture_a_value_used_far_away_is_drawn_again():
    picture = parsed(chain(100, leaf(name="x")))
    again = [node for node in picture.nodes() if " for " in node]
    assert len(again) > 40
    assert {texts_in(node.attr["label"])[0] for node in again} == {"x ↺"}


def test_doubling_sixty_times_is_sixty_nodes():
    y = leaf(name="x")
    for _ in range(60):
        y = y + y
    assert draw(y).source.count("->") == 120


def test_a_thousand_nodes_are_laid_out(tmp_path):
    y = chain(1000, leaf(name="x"))
    draw(y, max_nodes=2000).save(tmp_path / "graph.svg")


def test_tens_of_thousands_of_nodes_are_drawn(tmp_path):
    drawing = draw(chain(20_000, leaf(name="x")))
    drawing.save(tmp_path / "graph.svg")
    assert "… 19," in drawing.source


# Bad input


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"values": "all"}, r"draw: values must be 'auto' or 'heatmap' or 'summary' or 'none'; got 'all'"),
        ({"edges": None}, r"draw: edges must be 'formula' or 'shape' or 'none'; got None"),
        ({"group": "layer"}, r"draw: group must be 'module' or 'fold' or None; got 'layer'"),
        ({"direction": "down"}, r"draw: direction must be 'TB' or 'LR' or 'BT' or 'RL'; got 'down'"),
        ({"max_nodes": 2}, r"draw: max_nodes must be a whole number, 3 or more; got 2"),
        ({"max_nodes": 50.0}, r"draw: max_nodes must be a whole number"),
    ],
)
def test_unknown_choices_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        draw(leaf() * 2, **params)


def test_a_name_that_is_not_in_the_graph_is_refused():
    with pytest.raises(ValueError, match=r"Graph: names must be those of values in the graph; got other"):
        draw(leaf().sum(), names={"other": leaf()})


# Files


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("gv", b"digraph"),
        ("SVG", b"<?xml"),
        ("html", b"<!DOCTYPE html>"),
    ],
)
def test_each_format_is_written(tmp_path, form, start):
    path = tmp_path / f"graph.{form}"
    for given in (path, str(path)):
        assert draw(network()).save(given) == path
        assert path.read_bytes().startswith(start)
        assert [x.name for x in tmp_path.iterdir()] == [path.name]
        path.unlink()


def test_the_svg_shows_names_ops_and_shapes(tmp_path):
    texts = texts_of(draw(network()).save(tmp_path / "graph.svg"))
    for text in ("X", "W1", "Z1", "A1", "W2", "Z2", "A2", "Y", "J", "5 × 4", "⊙ (1 − A1²)", "dJ/dW1"):
        assert text in texts


HOSTILE = {
    "<lambda> <map>": "<lambda> <map>",
    'say "hi"': 'say "hi"',
    "it's": "it's",
    "back\\slash \\ \\\\": "back\\slash \\ \\\\",
    "\\N \\G \\n \\l": "\\N \\G \\n \\l",
    "\\Lambda \\Theta \\Eta \\Huge": "\\Lambda \\Theta \\Eta \\Huge",
    "R&D &amp; &#92; &lt;": "R&D &amp; &#92; &lt;",
    "|{}| {0} %s": "|{}| {0} %s",
    "]]> --> ;": "]]> --> ;",
    "</B><BR/>": "</B><BR/>",
    "two\nlines\tand a tab": "two lines and a tab",
    "∂J/∂z größe 矩阵 🙂": "∂J/∂z größe 矩阵 🙂",
    "0": "0",
    "node": "node",
    "x" * 10_000: "x" * 59 + "…",
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items(), ids=[name[:20] for name in HOSTILE])
def test_any_name_survives_the_picture(tmp_path, name, shown):
    texts = texts_of(draw(np.sum(leaf(name=name) * 2)).save(tmp_path / "graph.svg"))
    assert shown in texts
    assert any(text.endswith(" · 2") for text in texts)


@pytest.mark.parametrize("name", HOSTILE, ids=[name[:20] for name in HOSTILE])
def test_any_name_can_be_drawn_as_pixels(tmp_path, name):
    picture = draw(np.sum(leaf(name=name) * 2)).save(tmp_path / "graph.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert picture.rstrip().endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("name", ["\x00\x07", "\ud800", "\u202ertl", " ", "\n", "\x7f", "\ufffe"])
def test_no_unprintable_name_breaks_the_picture(tmp_path, name):
    assert "multiply" in texts_of(draw(np.sum(leaf(name=name) * 2)).save(tmp_path / "graph.svg"))


def test_an_op_of_one_s_own_is_drawn_by_its_name(tmp_path):
    op = tg.ops.Op(lambda x: x * 2, lambda g, y, x: g * 2)
    assert "<lambda>" in texts_of(draw(np.sum(op(leaf(name="x")))).save(tmp_path / "graph.svg"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0, 1e300])
def test_any_number_is_drawn(tmp_path, value):
    shown = labels.number(value)
    assert shown in texts_of(draw(leaf(value, "x") * 1.0).save(tmp_path / "graph.svg"))


@pytest.mark.parametrize("name", ["graph.jpg", "graph", "graph.", ".svg", "graph.svg.txt"])
def test_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(
        ValueError, match=rf"draw: the file must end in svg, png, pdf, gv, html; got '{name}'. Try graph.svg"
    ):
        draw(network()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["svg", "gv"])
def test_a_missing_directory_is_refused(tmp_path, form):
    with pytest.raises(FileNotFoundError, match=r"draw: the directory must exist; got '.*missing'\. Create it first"):
        draw(network()).save(tmp_path / "missing" / f"graph.{form}")
    assert not list(tmp_path.iterdir())


# Without Graphviz


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def test_without_graphviz_the_source_is_written_and_both_ways_are_named(tmp_path, no_graphviz):
    with pytest.raises(RuntimeError, match=r"draw: needs Graphviz; got neither `dot` on PATH nor pygraphviz") as caught:
        draw(network()).save(tmp_path / "graph.svg")
    message = str(caught.value)
    assert "Install Graphviz from your system's packages" in message
    assert "pip install 'tinygrad_edu[dot]'" in message
    assert message.endswith(f"The drawing's source is in {tmp_path / 'graph.gv'}.")
    assert caught.value.__cause__ is None
    assert [x.name for x in tmp_path.iterdir()] == ["graph.gv"]
    assert (tmp_path / "graph.gv").read_text(encoding="utf-8") == draw(network()).source


def test_without_graphviz_the_source_can_be_saved(tmp_path, no_graphviz):
    path = draw(network()).save(tmp_path / "graph.gv")
    assert len(pygraphviz.AGraph(str(path)).nodes()) == 19


def test_without_dot_on_path_pygraphviz_draws_and_says_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", "")
    assert "Z1" in texts_of(draw(network()).save(tmp_path / "graph.svg"))
    assert capfd.readouterr().err == ""


def test_of_what_its_library_says_only_the_warnings_about_fonts_are_left_out(capfd):
    with pytest.raises(KeyError), without_font_warnings():
        os.write(2, b"Error: flat edge\nFontconfig warning: unknown element\nmemory")
        raise KeyError
    assert capfd.readouterr().err == "Error: flat edge\nmemory"


def test_a_dot_on_path_goes_first(tmp_path, monkeypatch):
    """`dot` is asked before pygraphviz, and what it writes is what is saved."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ncat >/dev/null\necho '<svg/>'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert draw(network()).save(tmp_path / "graph.svg").read_bytes() == b"<svg/>\n"


# Never half a file


@pytest.mark.parametrize("old", [None, b"the old picture"])
def test_a_disk_that_fills_up_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch, old):
    path = tmp_path / "graph.svg"
    if old is not None:
        path.write_bytes(old)
    write_bytes = Path.write_bytes

    def write_half(self, content):
        write_bytes(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", write_half)
        with pytest.raises(OSError, match="No space left"):
            draw(network()).save(path)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == ({} if old is None else {"graph.svg": old})


def test_a_drawing_that_cannot_be_laid_out_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_bytes(b"the old picture")

    def fail(source, form):
        raise OSError("the layout program died")

    monkeypatch.setattr(drawing, "render", fail)
    with pytest.raises(OSError, match="died"):
        draw(network()).save(path)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == {"graph.svg": b"the old picture"}


def test_a_directory_in_the_place_of_the_picture_is_left_alone(tmp_path):
    (tmp_path / "graph.svg").mkdir()
    with pytest.raises(OSError, match=r"graph\.svg"):
        draw(network()).save(tmp_path / "graph.svg")
    assert [x.name for x in tmp_path.iterdir()] == ["graph.svg"]


def test_a_drawing_is_its_source():
    assert Drawing("digraph { a -> b }").source == "digraph { a -> b }"


# Pages and notebooks


def test_the_page_holds_the_picture_and_nothing_foreign(tmp_path):
    page = draw(leaf(name="</title><script>alert(1)</script>") * 2).save(tmp_path / "graph.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert "<?xml" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page.replace("xmlns:xlink", ""))


def test_a_notebook_shows_the_picture():
    shown = draw(network())._repr_mimebundle_(include=None, exclude=None)
    assert shown["image/svg+xml"].startswith("<?xml")
    assert shown["text/plain"] == "Drawing of J"


def test_a_notebook_without_graphviz_shows_the_tree(no_graphviz):
    from tinygrad_edu.read.draw.tree import tree

    J = network()
    assert draw(J)._repr_mimebundle_() == {"text/plain": str(tree(J))}


def test_a_notebook_goes_on_if_the_layout_fails(monkeypatch):
    def fail(source, form):
        raise OSError("the layout program died")

    monkeypatch.setattr(drawing, "render", fail)
    assert Drawing("digraph {}")._repr_mimebundle_() == {"text/plain": "digraph {}"}


# The pictures of the documentation

PICTURES = runpy.run_path(str(ROOT / "docs" / "pictures.py"))["PICTURES"]


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_picture_is_what_the_script_makes(name):
    committed = ROOT / "docs" / "pictures" / f"{name}.gv"
    assert committed.read_text(encoding="utf-8") == PICTURES[name]().source, "run python docs/pictures.py"
    assert committed.with_suffix(".svg").exists()


def test_every_committed_picture_is_made_by_the_script():
    assert {path.stem for path in (ROOT / "docs" / "pictures").glob("*.gv")} == set(PICTURES)


def test_the_tree_in_place_of_a_picture_keeps_the_names(monkeypatch):
    monkeypatch.setattr("tinygrad_edu.read.draw.render", lambda *_: (_ for _ in ()).throw(RuntimeError("no Graphviz")))
    x = leaf(name="x")
    speed = x * x
    bundle = draw(np.sum(speed), names={"speed": speed})._repr_mimebundle_()
    assert "speed" in bundle["text/plain"]
