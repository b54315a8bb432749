"""The recorded graph as named nodes, and their notation."""

import numpy as np
import pytest
from graphs import leaf, network

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.graph import Graph
from tinygrad_edu.read import notation
from tinygrad_edu.read.draw import draw
from tinygrad_edu.tensor import Tensor


def names_of(*outputs, names=None):
    return [node.name for node in Graph(list(outputs), names).nodes]


# Nodes


def test_inputs_come_before_what_is_made_of_them():
    graph = Graph(network())
    position = {id(node): k for k, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        for x in node.parents:
            assert position[id(x)] < position[id(node)]
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
    assert [node.inputs for node in power[1:]] == [[power[0], 3.0], [2.0, power[1]], [power[2], 1.0]]
    assert power[2].parents == [power[1]]


def test_a_tensor_of_one_number_is_a_node():
    assert names_of(leaf(3.0, "a") * Tensor(2.0, name="b")) == ["a", "b", "J"]


def test_a_missing_bias_is_no_node():
    node = Graph(tg.linear(np.ones((2, 2)), leaf(np.ones((1, 2)), "W"))).nodes[-1]
    assert [x and x.name for x in node.inputs] == ["constant", "W", None]
    assert len(node.parents) == 2


def test_an_output_that_another_is_made_of_stays_one():
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


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (lambda x: x[:, 0], "x[:, 0]"),
        (lambda x: x[1:, ::2], "x[1:, ::2]"),
        (lambda x: x.T, "xᵀ"),
        (lambda x: x[:, :, None], "x.reshape(4, 3, 1)"),
        (lambda x: x[:, 1][:, None], "x[:, 1:2]"),
        (lambda x: 0 * x[0], "zeros"),
        (lambda x: x.copy(), "x"),
        (lambda x: 1 - x, "1 − x"),
    ],
)
def test_data_without_a_name_are_called_by_what_they_were_made_of(part, name):
    x = np.arange(12.0).reshape(4, 3)
    array = part(x)
    assert names_of(array * leaf(np.ones(array.shape)), names={"x": x})[0] == name


def test_an_index_says_what_it_takes():
    x, i = leaf(np.ones((4, 3))), np.array([2, 0, 2, 1])
    y = x[np.arange(4), i][:, None] + x[..., -1:] + x[[0, 1, 2, 3]][:, ::2]
    nodes = Graph(np.sum(y), {"i": i}).nodes
    assert [node.key for node in nodes if node.key] == ["i, i", ":, None", "…, -1:", "…", ":, ::2"]


def test_an_array_that_others_were_made_of_may_be_named():
    x = leaf(np.ones(3))
    Graph(np.sum(np.eye(3)[[0, 2, 1]] @ x), {"labels": np.array([0, 2, 1]), "x": x})


def test_the_textbook_s_names():
    assert names_of(network()) == [
        *["X", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "log", "Y", "multiply", "subtract"],
        *["log (2)", "1 − Y", "multiply (2)", "add", "mean", "J"],
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
        with pytest.raises(
            ValueError, match=r"Graph: the output must have been recorded; got Tensor\(.*Does it depend"
        ):
            read(output)


def test_no_outputs_are_refused():
    with pytest.raises(ValueError, match=r"Graph: "):
        Graph([])


# Uses


def test_uses_are_the_nodes_made_from_a_node():
    x = leaf(name="x")
    y = np.exp(x)
    nodes = Graph(y * y + x).nodes
    assert [[user.name for user in node.uses] for node in nodes] == [
        ["exp", "add"],
        ["multiply", "multiply"],
        ["add"],
        [],
    ]


# Modules


def test_a_value_knows_the_calls_it_was_made_in():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh())
    graph = Graph(nn.MSELoss()(model(np.ones((4, 2))), np.zeros((4, 3))))
    scopes = {node.name: [str(scope) for scope in node.scopes] for node in graph.nodes if node.op}
    assert scopes["Z1"] == ["Sequential", "0: Linear"]
    assert scopes["A1"] == ["Sequential", "1: Tanh"]
    assert scopes["J"] == ["MSELoss"]
    assert not any(node.scopes for node in graph.nodes if node.op is None)


def test_each_call_of_a_module_is_a_scope_of_its_own():
    layer = nn.Linear(2, 2, rng=0)
    Z, again = (node for node in Graph(layer(layer(np.ones((1, 2))))).nodes if node.op)
    assert Z.scopes[0] is not again.scopes[0]
    assert Z.scopes[0].module is again.scopes[0].module is layer


def test_what_is_made_between_two_calls_belongs_to_neither():
    first, second = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    nodes = [node for node in Graph(second(np.sin(first(np.ones((1, 2)))))).nodes if node.op]
    assert [len(node.scopes) for node in nodes] == [1, 0, 1]


def test_a_module_s_own_ops_stand_beside_those_of_its_layers():
    class Residual(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(2, 2, rng=0)

        def forward(self, x):
            return x + self.inner(x)

    nodes = [node for node in Graph(Residual()(leaf(np.ones((1, 2)), "x"))).nodes if node.op]
    assert [[str(scope) for scope in node.scopes] for node in nodes] == [
        ["Residual", "inner: Linear"],
        ["Residual"],
    ]


def test_leaves_of_linear_ops_have_the_textbook_s_names():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, bias=False, rng=0))
    assert names_of(model(np.ones((4, 2)))) == ["constant", "W1", "b1", "Z1", "A1", "W2", "Z2"]
    W1 = leaf(np.ones((2, 2)), "W1")
    assert names_of(nn.Linear(2, 2, rng=0)(np.ones((3, 2)) @ W1))[1:] == ["W1", "Z1", "parameter", "b1", "linear"]


def test_linear_by_hand_has_the_textbook_s_name_too():
    X, W1, w, b = np.ones((4, 2)), leaf(np.ones((2, 2)), "W1"), leaf(np.ones(2), "w"), leaf(0.5, "b")
    assert names_of(tg.sigmoid(X @ w + b))[1:] == ["w", "matmul", "b", "z", "a"]
    assert names_of(np.tanh(W1.T @ X.T))[-2:] == ["Z1", "A1"]
    assert names_of(np.tanh(X @ W1 + 0.5))[-2:] == ["Z1", "A1"]
    assert names_of(X @ W1 + X)[-2:] == ["Z1", "add"]  # data that is added is no bias
    again = np.tanh(X @ W1 + b)
    assert [name for name in names_of(np.tanh(again @ W1 + b)) if name[:1] in "ZA"] == []  # one weight, two layers


def test_data_without_a_name_are_what_their_numbers_say():
    Y = np.array([1.0, 0.0, 0.0])
    names = {"Y": Y, "m": 3}
    x = leaf(np.ones(3), "x")
    assert names_of((1 - Y) * x + Y * x, names=names)[0] == "1 − Y"
    assert names_of(-Y * x, names=names)[0] == "−Y"  # though Y itself is not in the graph
    pixels = np.array([[200, 255, 0]], np.uint8)
    assert names_of(pixels[0] * x, names={"pixels": pixels[0].copy(), "m": 3})[0] == "pixels"
    assert names_of(np.ones(3) * x, names={"Y": np.zeros(3), "m": 3})[0] == "constant"  # any number would do
    assert names_of(np.array([1.0]) * leaf(np.ones(1), "x"), names={"Y": np.zeros(1), "m": 1})[0] == "constant"


# Backward


def test_backward_gives_the_gradient_at_every_node_and_leaves_nothing_behind():
    x, y = leaf(name="x"), Tensor([3.0, 4.0], name="y")
    z = x * y
    graph = Graph(np.sum(z**2), {"z": z})
    found = {node.name: g.tolist() for node, g in graph.backward().items()}
    assert found == {"x": [18.0, 64.0], "z": [6.0, 16.0], "power": [1.0, 1.0], "J": 1.0}
    assert x.grad is None
    assert z.grad is None


def test_backward_of_several_outputs_is_that_of_their_sum():
    x = leaf(name="x")
    found = Graph([x.sum(), (2 * x).sum()]).backward()
    assert next(g.tolist() for node, g in found.items() if node.name == "x") == [3.0, 3.0]
    graph = Graph(2 * x)
    assert graph.backward([np.array([1.0, 10.0])])[graph.nodes[0]].tolist() == [2.0, 20.0]


def test_backward_of_what_is_no_scalar_needs_a_gradient():
    with pytest.raises(ValueError, match=r"Graph\.backward: needs a scalar; got shape \(2,\)"):
        Graph(leaf() * 2).backward()


def test_a_name_that_is_not_in_the_graph_is_refused():
    x = leaf()
    with pytest.raises(ValueError, match=r"Graph: names must be those of values in the graph; got other, which"):
        Graph(x.sum(), {"x": x, "other": leaf()})


# Notation


@pytest.mark.parametrize("op", notation.NOTATION, ids=lambda op: op.name)
def test_every_notation_has_a_factor_for_every_rule(op):
    assert len(notation.NOTATION[op]) - 1 == len(op.rules or [None])


def test_an_op_without_a_notation_is_written_as_numpy_calls_it():
    x = leaf((0.5, 0.25), "x")
    node = last(np.arctan2(x, 2.0))
    assert notation.expression(node) == "arctan2(x, 2)"
    assert notation.factor(node, 0) == f"∂{node.name}/∂x"


def last(tensor, **names):
    return Graph(tensor, names).nodes[-1]


@pytest.mark.parametrize(
    ("make", "text", "factors"),
    [
        (lambda a, b: a - b, "a − b", ["· 1", "· (−1)"]),
        (lambda a, b: a * b, "a ⊙ b", ["⊙ b", "⊙ a"]),
        (lambda a, b: 2 * a, "2 · a", ["", "· 2"]),
        (lambda a, b: a**3, "a³", ["⊙ 3 a²"]),
        (lambda a, b: a**2, "a²", ["⊙ 2 a"]),
        (lambda a, b: a**1, "a¹", ["· 1"]),
        (lambda a, b: a**0.5, "a^0.5", ["⊙ 0.5 a^−0.5"]),
        (lambda a, b: a**-1, "a⁻¹", ["⊙ (−1) a⁻²"]),
        (lambda a, b: np.tanh(a), "tanh a", ["⊙ (1 − (tanh a)²)"]),
        (lambda a, b: np.log(1 - a), "log(1 − a)", ["⊘ (1 − a)"]),
        (lambda a, b: a * np.log(b) + a, "a ⊙ log b + a", ["· 1", "· 1"]),
        (lambda a, b: a - (b - a), "a − (b − a)", ["· 1", "· (−1)"]),
        (lambda a, b: (a - b) - a, "a − b − a", ["· 1", "· (−1)"]),
        (lambda a, b: (a + b) * a, "(a + b) ⊙ a", ["⊙ a", "⊙ (a + b)"]),
        (lambda a, b: a / (a * b), "a ⊘ (a ⊙ b)", ["⊘ (a ⊙ b)"]),
        (lambda a, b: -(a + b), "−(a + b)", ["· (−1)"]),
        (lambda a, b: a - (-b), "a − (−b)", ["· 1"]),
        (lambda a, b: -a + b, "−a + b", ["· 1"]),
        (lambda a, b: (-a + b) * a, "(−a + b) ⊙ a", ["⊙ a"]),
        (lambda a, b: -a + b + a, "−a + b + a", ["· 1"]),
        (lambda a, b: a + (-a + b), "a + (−a + b)", ["· 1"]),
        (lambda a, b: -a / b, "−a ⊘ b", ["⊘ b"]),
        (lambda a, b: b * -a, "b ⊙ (−a)", ["⊙ (−a)"]),
        (lambda a, b: -0.5 * a, "−0.5 · a", ["", "· (−0.5)"]),
        (lambda a, b: -(-0.5 * a), "−(−0.5 · a)", ["· (−1)"]),
        (lambda a, b: np.sinh(a + b) * b, "sinh(a + b) ⊙ b", ["⊙ b", "⊙ sinh(a + b)"]),
        (lambda a, b: np.hypot(a, b), "√(a² + b²)", ["⊙ a ⊘ √(a² + b²)", "⊙ b ⊘ √(a² + b²)"]),
        (lambda a, b: np.reciprocal(a) + b, "1 ⊘ a + b", ["· 1", "· 1"]),
        (lambda a, b: np.logaddexp(a, 0.5), "log(exp a + exp 0.5)", []),
        (lambda a, b: (-a) ** 2, "(−a)²", ["⊙ 2 (−a)"]),
        (lambda a, b: (a**2) ** 2, "(a²)²", ["⊙ 2 (a²)"]),
        (lambda a, b: np.mean(a), "mean a", ["· 1/2 to each entry"]),
    ],
)
def test_expressions_and_factors(make, text, factors):
    a, b = leaf((0.5, 0.25), "a"), leaf((3.0, 4.0), "b")
    node = last(make(a, b))
    assert notation.expression(node) == text
    for position, expected in enumerate(factors):
        if expected:
            assert notation.factor(node, position) == expected


def test_single_numbers_are_multiplied_by_a_dot():
    w, x = leaf(2.0, "w"), leaf(3.0, "x")
    node = last(w * x)
    assert (notation.expression(node), notation.factor(node, 0), notation.product(node, 0)) == ("w · x", "· x", "g · x")


def test_a_cost_is_written_as_on_the_board():
    A, Y = leaf((0.5, 0.25), "A"), Tensor((1.0, 0.0), name="Y")
    J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 2
    assert notation.expression(Graph(J, {"Y": Y}).outputs[0]) == "−Σ(Y ⊙ log A + (1 − Y) ⊙ log(1 − A)) / 2"


def test_what_would_get_too_long_is_called_by_its_name():
    y = leaf(name="x")
    for _ in range(50):
        y = np.sin(y) * y
    texts = [notation.expression(node) for node in Graph(y).nodes]
    assert max(map(len, texts)) < 3 * notation.LONGEST_PART
    assert texts[-1] == "sin (50) ⊙ multiply (49)"
    assert len(notation.expression(last(leaf(name="x" * 10_000) * 2))) < 60


def test_a_loss_that_is_summed_is_not_divided_by_the_examples():
    z = leaf(np.ones((3, 1)), "z")
    mean, total = (
        notation.factor(last(tg.binary_cross_entropy_with_logits(z, np.ones((3, 1)), reduction)), 0)
        for reduction in ("mean", "sum")
    )
    assert (mean, total) == ("· (σ(z) − constant) / 3", "· (σ(z) − constant)")


def test_an_op_of_one_s_own_is_written_as_a_function():
    op = tg.ops.Op(lambda a, b: a * b, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, name="cross")
    node = last(op(leaf(name="a"), leaf(name="b")))
    assert (notation.expression(node), notation.factor(node, 1)) == ("cross(a, b)", "∂cross/∂b")


def test_a_name_that_is_a_sum_gets_brackets():
    y, z = leaf(), leaf(name="z")
    assert notation.expression(last(y * z, **{"1 − y": y})) == "(1 − y) ⊙ z"
    assert notation.expression(last(y * z, **{"dJ/d(1 − y)": y})) == "dJ/d(1 − y) ⊙ z"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda W, X, b: W @ X + b, "W X + b"),
        (lambda W, X, b: b - W @ X, "b − W X"),
        (lambda W, X, b: -(W @ X), "−W X"),
        (lambda W, X, b: (W @ X) * b, "(W X) ⊙ b"),
        (lambda W, X, b: W @ (X + b), "W (X + b)"),
        (lambda W, X, b: W @ X @ b, "(W X) b"),
    ],
)
def test_a_product_of_matrices_binds_closer_than_a_sum_and_less_than_one_of_entries(make, text):
    W, X, b = (leaf(np.ones((2, 2)), name) for name in "WXb")
    assert notation.expression(last(make(W, X, b))) == text


def test_the_whole_of_a_gradient_is_transposed():
    g, X = leaf(np.ones((3, 2)), "dJ/dZ"), leaf(np.ones((3, 4)), "X")
    assert notation.expression(last(g.T @ X)) == "(dJ/dZ)ᵀ X"
    assert notation.expression(last(X.T @ g)) == "Xᵀ dJ/dZ"
