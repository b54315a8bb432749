"""The recorded graph as named nodes, and its picture."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pygraphviz
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.graph import Graph
from tinygrad_edu.read import draw as drawing
from tinygrad_edu.read.draw import Drawing, draw
from tinygrad_edu.tensor import Tensor


def leaf(value=(1.0, 2.0), name=None):
    return Tensor(value, requires_grad=True, name=name)


def two_layers():
    """The textbook's network, with the names of `nn.MLP`, and its cost."""
    model = nn.MLP([3, 4, 1], rng=np.random.default_rng(0))
    A2 = tg.sigmoid(model(Tensor(np.ones((5, 3)), name="X")))
    T = Tensor(np.ones((5, 1)), name="Y")
    return -np.mean(T * np.log(A2) + (1 - T) * np.log(1 - A2))


def names_of(*outputs, names=None):
    return [node.name for node in Graph(list(outputs), names).nodes]


# Nodes


def test_inputs_come_before_what_is_made_of_them():
    graph = Graph(two_layers())
    position = {id(node): k for k, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        for x in node.inputs:
            assert x is None or position[id(x)] < position[id(node)]
    assert graph.nodes[-1].kind == "output"


def test_nodes_know_their_kind_op_shape_and_params():
    x, data = leaf(np.ones((2, 3)), "x"), np.full((2, 3), 2.0)
    a, parameter, product, J = Graph(np.sum(data * x, axis=1)).nodes
    assert [node.kind for node in (a, parameter, product, J)] == ["input", "parameter", "op", "output"]
    assert a.value is data
    assert parameter.value is x
    assert [node.op and node.op.name for node in (a, parameter, product, J)] == [None, None, "multiply", "sum"]
    assert [node.shape for node in (a, parameter, product, J)] == [(2, 3), (2, 3), (2, 3), (2,)]
    assert product.inputs == [a, parameter]
    assert J.inputs == [product]
    assert J.params["axis"] == 1


def test_data_in_a_tensor_is_an_input():
    nodes = Graph(Tensor([1.0, 2.0], name="X") * leaf(name="w")).nodes
    assert [(node.name, node.kind) for node in nodes][:2] == [("X", "input"), ("w", "parameter")]


def test_a_value_used_twice_is_one_node():
    x, data = leaf(name="x"), np.array([3.0, 4.0])
    y = x * data
    graph = Graph((y + y) * x + data)
    assert len(graph.nodes) == 6
    assert [node.value is data for node in graph.nodes].count(True) == 1
    both = graph.nodes[3]
    assert both.inputs[0] is both.inputs[1]


def test_equal_values_are_not_merged():
    a, b = leaf([1.0], "a"), leaf([1.0], "b")
    assert len(Graph(a * 2.0 + b * 2.0).nodes) == 5
    assert len(Graph(a * np.ones(2) + a * np.ones(2)).nodes) == 6


def test_single_numbers_are_no_nodes_but_known():
    x = leaf(name="x")
    power = Graph(2 * x**3 - np.float64(1)).nodes
    assert [node.name for node in power] == ["x", "power", "multiply", "subtract"]
    assert [node.numbers for node in power[1:]] == [[None, 3.0], [2.0, None], [None, 1.0]]
    assert [len(node.inputs) for node in power[1:]] == [2, 2, 2]
    assert power[2].inputs == [None, power[1]]


def test_a_tensor_of_one_number_is_a_node():
    assert names_of(leaf(3.0, "a") * Tensor(2.0, name="b")) == ["a", "b", "J"]


def test_a_missing_bias_is_no_node():
    node = Graph(tg.linear(np.ones((2, 2)), leaf(np.ones((1, 2)), "W"))).nodes[-1]
    assert [x and x.name for x in node.inputs] == ["constant", "W", None]
    assert node.numbers == [None, None, None]


def test_several_outputs():
    x = leaf(name="x")
    y = np.exp(x)
    z = y.sum()
    nodes = Graph([y, z]).nodes
    assert [(node.name, node.kind) for node in nodes] == [("x", "parameter"), ("exp", "output"), ("J", "output")]


def test_every_gradient_s_graph_is_a_graph():
    x = leaf(name="x")
    g = tg.autograd.grad(np.sum(x**3), x, create_graph=True)
    nodes = Graph(g).nodes
    assert nodes[0].value is x
    assert nodes[-1].value is g


# Names


def test_a_name_that_is_given_goes_before_the_tensor_s_own():
    x, y = leaf(name="x"), leaf()
    z = x + y
    assert names_of(z) == ["x", "parameter", "add"]
    assert names_of(z, names={"velocity": x, "y": y, "total": z, "nothing": 3}) == ["velocity", "y", "total"]
    z.name = "z"
    assert names_of(z) == ["x", "parameter", "z"]


def test_names_can_be_those_of_the_local_variables():
    speed, time = leaf(), leaf()
    way = speed * time
    assert [node.name for node in Graph(way, locals()).nodes] == ["speed", "time", "way"]


def test_the_textbook_s_names():
    assert names_of(two_layers()) == [
        *["X", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "log", "Y", "multiply", "subtract"],
        *["log (2)", "input", "multiply (2)", "add", "mean", "J"],
    ]


@pytest.mark.parametrize("activation", [tg.sigmoid, np.tanh, tg.relu, tg.leaky_relu, tg.softplus, tg.softmax])
def test_the_output_of_a_dense_layer_is_z_and_its_activation_a(activation):
    Z = tg.linear(np.ones((2, 2)), leaf(np.ones((1, 2)), "W7"))
    assert names_of(activation(Z)) == ["constant", "W7", "Z7", "A7"]
    assert names_of(activation(tg.linear(np.ones((2, 2)), leaf(np.ones((1, 2)), "W")))) == ["constant", "W", "Z", "A"]
    assert names_of(activation(tg.linear(np.ones((2, 2)), leaf(np.ones((1, 2)), "U"))))[1:3] == ["U", "linear"]


def test_a_cost_is_j_and_other_results_are_their_op():
    x = leaf(name="x")
    assert names_of(x.sum())[-1] == "J"
    assert names_of(np.exp(x))[-1] == "exp"
    assert names_of(np.exp(x.sum()))[-2:] == ["sum", "J"]


def test_equal_names_are_told_apart():
    x = leaf(name="x")
    assert names_of(np.sin(np.sin(np.sin(x)))) == ["x", "sin", "sin (2)", "sin (3)"]
    assert names_of(leaf(name="x") * leaf(name="x")) == ["x", "x (2)", "multiply"]


def test_names_are_unique_even_where_they_look_numbered():
    x = leaf(name="x")
    parts = []
    for name in ("a", "a (2)", "a"):
        parts.append(x * 2.0)
        parts[-1].name = name
    names = names_of(parts[0] + parts[1] + parts[2])
    assert len(set(names)) == len(names)


# Size


def test_a_long_chain_needs_no_recursion():
    x = leaf(name="x")
    y = x
    for _ in range(10_000):
        y = y + 1.0
    graph = Graph(y)
    assert len(graph.nodes) == 10_001
    assert graph.nodes[5000].name == "add (5000)"


def test_doubling_sixty_times_is_sixty_nodes():
    y = leaf(name="x")
    for _ in range(60):
        y = y + y
    nodes = Graph(y).nodes
    assert len(nodes) == 61
    assert draw(y).source.count("->") == 120


@pytest.mark.parametrize(("length", "step"), [(10_000, lambda y: y + 1.0), (8, lambda y: y + y)])
def test_the_repr_of_a_node_does_not_unfold_the_graph(length, step):
    y = leaf(name="x")
    for _ in range(length):
        y = step(y)
    assert len(repr(Graph(y).nodes[-1])) < 10_000


# Bad input


@pytest.mark.parametrize("read", [Graph, draw])
@pytest.mark.parametrize("output", [3.0, np.float64(3), np.ones(2), None, "J", [1.0]])
def test_what_is_no_tensor_is_refused(read, output):
    with pytest.raises(TypeError, match=r"Graph: outputs must be Tensors; got \w+\. Pass the result itself"):
        read(output)


@pytest.mark.parametrize("read", [Graph, draw])
def test_what_was_not_recorded_is_refused(read):
    x = leaf(name="x")
    with tg.no_grad():
        unrecorded = x * 2
    for output in (x, Tensor(3.0), unrecorded, (x * 2).detach()):
        with pytest.raises(ValueError, match=r"Graph: the output must have been recorded; got Tensor\(.*a leaf\."):
            read(output)


def test_no_outputs_are_refused():
    with pytest.raises(ValueError, match=r"Graph: "):
        Graph([])


# The picture's source


def parsed(x, **params):
    return pygraphviz.AGraph(string=draw(x, **params).source)


def labels(picture):
    """The label of every node, in order."""
    return [picture.get_node(str(k)).attr["label"] for k in range(len(picture.nodes()))]


def texts_of(path):
    """What a reader of the SVG sees, a line of text each."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(x.itertext()) for x in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_source_has_a_node_for_each_value_and_an_edge_for_each_use():
    x = leaf(name="x")
    picture = parsed(np.sum(x * x + [1.0, 2.0]))
    assert picture.directed
    assert not picture.strict
    assert sorted(map(int, picture.nodes())) == [0, 1, 2, 3, 4]
    assert sorted((int(a), int(b)) for a, b in picture.edges()) == [(0, 1), (0, 1), (1, 3), (2, 3), (3, 4)]
    for label, texts in zip(
        labels(picture), [["x", "2"], ["multiply"], ["constant"], ["add"], ["J", "sum"]], strict=True
    ):
        assert all(text in label for text in texts)


def test_each_kind_has_its_shape():
    picture = parsed(np.sum(np.ones(2) * leaf(name="x")))
    looks = [dict(picture.get_node(str(k)).attr) for k in range(4)]
    assert [look["shape"] for look in looks] == ["parallelogram", "tab", "ellipse", "ellipse"]
    assert [look.get("peripheries") or "1" for look in looks] == ["1", "1", "1", "2"]
    assert len({look["fillcolor"] for look in looks}) == 4


def test_the_picture_of_the_textbook_s_network():
    picture = parsed(two_layers())
    graph = Graph(two_layers())
    assert len(picture.nodes()) == len(graph.nodes)
    assert len(picture.edges()) == sum(x is not None for node in graph.nodes for x in node.inputs)
    assert all(text in labels(picture)[3] for text in ("Z1", "linear", "5 × 4"))


def test_single_numbers_stand_in_the_label():
    picture = parsed(2.5 * leaf(name="x") ** 3)
    assert "power (3)" in labels(picture)[1]
    assert "multiply (2.5)" in labels(picture)[2]


def test_a_single_entry_shows_its_value_and_a_larger_one_its_shape():
    picture = parsed(leaf([[1.23456789]], "x") * np.ones((2, 3)))
    assert "1.2346" in labels(picture)[0]
    assert "2 × 3" in labels(picture)[1]


def test_the_direction_can_be_chosen():
    down, right = parsed(leaf(name="x") * 2), parsed(leaf(name="x") * 2, direction="LR")
    assert down.graph_attr["rankdir"] == "TB"
    assert right.graph_attr["rankdir"] == "LR"


def test_the_names_given_are_drawn():
    x = leaf()
    picture = parsed(x * 2, names={"velocity": x})
    assert "velocity" in labels(picture)[0]


@pytest.mark.parametrize("name", ["summary", "sum of squares", "summe"])
def test_a_name_that_starts_like_its_op_is_drawn(name):
    J = leaf(name="x").sum()
    J.name = name
    picture = parsed(J)
    assert name in labels(picture)[1]


# Files


@pytest.mark.parametrize(
    ("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("gv", b"digraph"), ("SVG", b"<?xml")]
)
def test_each_format_is_written(tmp_path, form, start):
    path = tmp_path / f"graph.{form}"
    for given in (path, str(path)):
        assert draw(two_layers()).save(given) == path
        assert path.read_bytes().startswith(start)
        assert [x.name for x in tmp_path.iterdir()] == [path.name]
        path.unlink()


def test_the_svg_shows_names_ops_and_shapes(tmp_path):
    texts = texts_of(draw(two_layers()).save(tmp_path / "graph.svg"))
    for text in ("X", "W1", "Z1", "A1", "W2", "Z2", "A2", "Y", "J", "linear", "sigmoid", "5 × 4"):
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
    assert "multiply (2)" in texts


@pytest.mark.parametrize("name", ["\x00\x07", "\ud800", "\u202ertl", " ", "\n", "\x7f", "\ufffe"])
def test_no_unprintable_name_breaks_the_picture(tmp_path, name):
    assert "multiply (2)" in texts_of(draw(np.sum(leaf(name=name) * 2)).save(tmp_path / "graph.svg"))


def test_an_op_of_one_s_own_is_drawn_by_its_name(tmp_path):
    op = tg.autograd.Op(lambda x: x * 2, lambda g, y, x: g * 2)
    assert "<lambda>" in texts_of(draw(np.sum(op(leaf(name="x")))).save(tmp_path / "graph.svg"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0, 1e300])
def test_any_number_is_drawn(tmp_path, value):
    assert f"{value:.5g}" in [
        text.replace("\N{MINUS SIGN}", "-")
        for text in texts_of(draw(leaf(value, "x") * 1.0).save(tmp_path / "graph.svg"))
    ]


@pytest.mark.parametrize("name", ["graph.jpg", "graph", "graph.", ".svg", "graph.svg.txt"])
def test_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=rf"draw: the file must end in svg, png, pdf, gv; got '{name}'. Try graph.svg"):
        draw(two_layers()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["svg", "gv"])
def test_a_missing_directory_is_refused(tmp_path, form):
    with pytest.raises(FileNotFoundError, match=r"draw: the directory must exist; got '.*missing'\. Create it first"):
        draw(two_layers()).save(tmp_path / "missing" / f"graph.{form}")
    assert not list(tmp_path.iterdir())


# Without Graphviz


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def test_without_graphviz_the_source_is_written_and_both_ways_are_named(tmp_path, no_graphviz):
    with pytest.raises(RuntimeError, match=r"draw: needs Graphviz; got neither `dot` on PATH nor pygraphviz") as caught:
        draw(two_layers()).save(tmp_path / "graph.svg")
    message = str(caught.value)
    assert "Install Graphviz from your system's packages" in message
    assert "pip install 'tinygrad_edu[dot]'" in message
    assert message.endswith(f"The drawing's source is in {tmp_path / 'graph.gv'}.")
    assert caught.value.__cause__ is None
    assert [x.name for x in tmp_path.iterdir()] == ["graph.gv"]
    assert (tmp_path / "graph.gv").read_text(encoding="utf-8") == draw(two_layers()).source


def test_without_graphviz_the_source_can_be_saved(tmp_path, no_graphviz):
    path = draw(two_layers()).save(tmp_path / "graph.gv")
    assert len(pygraphviz.AGraph(str(path)).nodes()) == 19


def test_without_dot_on_path_pygraphviz_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "Z1" in texts_of(draw(two_layers()).save(tmp_path / "graph.svg"))


def test_a_dot_on_path_goes_first(tmp_path, monkeypatch):
    """`dot` is asked before pygraphviz, and what it writes is what is saved."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '<svg/>'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert draw(two_layers()).save(tmp_path / "graph.svg").read_bytes() == b"<svg/>\n"


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
            draw(two_layers()).save(path)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == ({} if old is None else {"graph.svg": old})


def test_a_drawing_that_cannot_be_laid_out_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_bytes(b"the old picture")

    def fail(source, form):
        raise OSError("the layout program died")

    monkeypatch.setattr(drawing, "render", fail)
    with pytest.raises(OSError, match="died"):
        draw(two_layers()).save(path)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == {"graph.svg": b"the old picture"}


def test_a_directory_in_the_place_of_the_picture_is_left_alone(tmp_path):
    (tmp_path / "graph.svg").mkdir()
    with pytest.raises(OSError, match=r"graph\.svg"):
        draw(two_layers()).save(tmp_path / "graph.svg")
    assert [x.name for x in tmp_path.iterdir()] == ["graph.svg"]


def test_a_drawing_is_its_source():
    assert Drawing("digraph { a -> b }").source == "digraph { a -> b }"
