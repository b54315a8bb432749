"""The steps of both passes: their numbers, their order, and what is said of the last layer."""

import re

import numpy as np
import pytest
from graphs import GRAPHS, classes, columns, every_graph, leaf, network, normal
from oracles import difference_gradients

import tinygrad_edu as tg
from tinygrad_edu import autograd
from tinygrad_edu.graph import Graph, GraphNode
from tinygrad_edu.read.draw.working import ENTRYWISE, for_numbers, working
from tinygrad_edu.read.notation import NOTATION

# The numbers


@every_graph
def test_every_link_carries_what_differences_say(make):
    """g times the slope of one input of one op, the others held fast."""
    graph, found = Graph(make()), {}
    gradients = graph.backward()
    for step in working(graph):
        if step.kind in ("link", "stretched"):
            found[step.link] = step.terms[-1][1]  # a stretched link is overwritten by its sum
    expected = [
        (node, k)
        for node in graph.nodes
        for k, x in enumerate(node.inputs)
        if isinstance(x, GraphNode) and x in gradients
    ]
    assert set(found) == set(expected)
    for node, k in expected:
        values = [x.data if isinstance(x, GraphNode) else x for x in node.inputs]

        def J(x, node=node, k=k, values=values):
            return np.sum(gradients[node] * node.op.forward(*values[:k], x, *values[k + 1 :], **node.params))

        slope = difference_gradients(J, [values[k]])[0]
        np.testing.assert_allclose(found[node, k], slope, rtol=1e-7, atol=1e-9, err_msg=f"{node} {k}")


@every_graph
def test_the_gradients_are_those_of_the_engine(make):
    J = make()
    graph, found = Graph(J), {}
    for step in working(graph):
        if step.gradient is not None:
            found[step.node] = step.gradient
    for node, gradient in found.items():
        np.testing.assert_allclose(gradient, autograd.grad(J, node.value).numpy(), rtol=1e-12)
    assert set(found) == set(graph.backward())


@every_graph
def test_steps_come_in_the_order_of_the_chain_rule(make):
    """Each op once, then each link once, a node's gradient complete before its own links; sums where branches meet."""
    graph = Graph(make())
    steps = list(working(graph))
    made = [node for node in graph.nodes if node.op]
    assert [step.node for step in steps[: len(made)]] == made
    assert [steps[len(made)].kind, steps[-1].kind] == ["seed", "end"]
    backward = steps[len(made) + 1 : -1]
    left = set()
    for step in backward:
        if step.kind == "link":
            assert step.node not in left
            left.add(step.link[0])
    for node in graph.backward():
        links = sum(step.kind == "link" and step.node is node for step in backward)
        assert sum(step.kind == "meet" and step.node is node for step in backward) == max(links - 1, 0)


def test_a_stretched_bias_is_summed_back():
    step = next(step for step in working(Graph(classes())) if step.kind == "stretched")
    assert step.node.name == "b"
    (_, before), sign, (_, after) = step.terms
    assert (before.shape, sign, after.shape) == ((6, 3), "Σ", (3,))
    assert "b (3) was stretched to 6 × 3: each entry was used 6 times" in step.say


def test_products_of_matrices_multiply_to_what_is_shown():
    count = 0
    for make in GRAPHS.values():
        for step in working(Graph(make())):
            if "rows" in step.entry:
                found = step.entry["rows"] @ step.entry["columns"] + step.entry.get("plus", 0)
                np.testing.assert_allclose(found, step.entry["y"], rtol=1e-12)
                count += 1
            elif "sums" in step.entry:
                np.testing.assert_allclose(step.entry["sums"].sum(0), step.entry["y"], rtol=1e-12)
    assert count >= 9


WRITTEN = {"·": "*", "−": "-", "²": "**2", "^": "**", "[": "(", "]": ")", "σ": "sigma", "√": "sqrt"}
MEANING = {
    **{name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos", "sign", "sqrt")},
    "max": np.maximum,
    "min": np.minimum,
    "abs": np.abs,
    "relu": lambda x: np.maximum(x, 0),
    "sigma": lambda x: 1 / (1 + np.exp(-x)),
}


def meaning(template, **letters):
    """What a notation for numbers says, computed."""
    text = re.sub(r"\|(.*?)\|", r"abs(\1)", re.sub(r"\{(\w)\}", r"(\1)", template))
    for sign, written in WRITTEN.items():
        text = text.replace(sign, written)
    return eval(text, MEANING | letters)


@pytest.mark.parametrize("op", sorted(ENTRYWISE, key=lambda op: op.name), ids=lambda op: op.name)
def test_the_formula_with_numbers_put_in_gives_the_number(op):
    a, b, g = np.array([0.5, 2.5]), np.array([1.5, 0.25]), np.array([2.0, -3.0])
    inputs = (a, b)[: len(op.rules)]
    y = op.forward(*inputs)
    letters = dict(zip("ab", inputs, strict=False))
    value, *slopes = NOTATION[op]
    np.testing.assert_allclose(meaning(for_numbers(value), **letters), y)
    for rule, slope in zip(op.rules, slopes, strict=True):
        if "{" in slope:
            found = meaning("g " + for_numbers(slope), **letters, g=g, y=y)
            np.testing.assert_allclose(found, rule(g, y, *inputs), err_msg=slope)


# What cancels


def remarks(J):
    return [step.note for step in working(Graph(J)) if step.note]


def test_the_last_layer_says_what_cancels():
    assert remarks(network()) == ["The A2(1 − A2) cancels: what remains is (A2 − Y)/5"]


@pytest.mark.parametrize(
    ("make", "remark"),
    [
        (classes, r"The derivative of the softmax cancels: what remains is \(A − onehot labels\)/6"),
        (columns, r"The A\(1 − A\) cancels: what remains is \(A − constant \(2\)\)/4"),
        (
            lambda: tg.nll_loss(tg.log_softmax(leaf(normal(5, 3), "Z")), [0, 1, 2, 0, 1]),
            r"The derivative of the softmax cancels: what remains is \(softmax Z − onehot labels\)/5",
        ),
        (
            lambda: -np.sum(np.eye(3) * np.log(tg.softmax(leaf(normal(3, 3), "Z")))),
            r"The derivative of the softmax cancels: what remains is A − constant",
        ),
    ],
)
def test_what_remains_is_named(make, remark):
    (found,) = remarks(make())
    assert re.fullmatch(remark, found)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tg.mse_loss(tg.sigmoid(leaf(normal(4, 1), "Z")), np.ones((4, 1))),
        lambda: np.mean(tg.sigmoid(leaf(normal(4, 1), "Z")) * np.ones((4, 1))),
        lambda: np.sum(tg.softmax(leaf(normal(4, 2), "Z"))),
    ],
)
def test_nothing_is_said_where_nothing_cancels(make):
    assert remarks(make()) == []
