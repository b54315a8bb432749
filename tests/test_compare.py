"""One term by several routes, all of them the same where the formulas are right."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_edu as tg
from tinygrad_edu import check
from tinygrad_edu.check import Comparison, formulas
from tinygrad_edu.tensor import Tensor

layouts = pytest.mark.parametrize("layout", ["rows", "columns"])
pairs = pytest.mark.parametrize("pair", formulas.PAIRS)

# One term by several routes


def test_comparison_prints_a_table_of_differences():
    dZ = np.array([[0.5], [-0.25]])
    comparison = Comparison(
        {
            "dJ/dZ": {"composed": dZ, "fused": dZ - 0.25, "by hand": dZ.copy()},
            "dJ/db": {"composed": np.array(-3.0), "by hand": np.array(-2.0)},
        }
    )
    titles, *rows, last = (re.split(r" {2,}", line.strip()) for line in str(comparison).splitlines())
    assert titles == ["shape", "largest entry", "composed", "fused", "by hand"]
    assert rows == [
        ["dJ/dZ", "2x1", "0.5", "reference", "2.5e-01", "0.0e+00"],
        ["dJ/db", "scalar", "3", "reference", "-", "1.0e+00"],
    ]
    assert last == ["largest difference of all: 1.0e+00, relative to its term 5.0e-01"]
    assert comparison.difference("dJ/dZ", "composed") == 0
    assert comparison.difference("dJ/dZ", "fused") == 0.25
    assert comparison.difference("dJ/db", "by hand") == 1
    assert comparison.largest == 1
    assert comparison.relative_difference("dJ/dZ", "fused") == 0.5
    assert comparison.relative_difference("dJ/db", "by hand") == 1 / 3
    assert comparison.largest_relative == 0.5


def test_comparison_keeps_its_columns_in_line():
    ones = np.ones(1)
    text = str(Comparison({"a term with a long name": {"one": ones, "a route with a long name": ones}}))
    lines = text.splitlines()[:-1]
    assert {len(line) for line in lines} == {len(lines[0])}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_difference_that_is_not_finite_is_not_lost(broken):
    comparison = Comparison({"dJ/dZ": {"composed": np.ones(2), "by hand": np.array([1, broken])}})
    assert not comparison.largest < 1e-12
    assert "0.0e+00" not in str(comparison).splitlines()[-1]


def test_comparison_of_nothing_and_of_empty_arrays():
    assert "largest difference of all: 0.0e+00" in str(Comparison({"dJ/dZ": {"one": np.ones((0, 2))}}))
    assert Comparison({}).largest == 0


@pytest.mark.parametrize("convert", [Tensor, list])
def test_comparison_takes_what_holds_numbers(convert):
    comparison = Comparison({"dJ/dZ": {"composed": convert([1.0, 2.0]), "by hand": convert([1.0, 2.5])}})
    assert comparison.largest == 0.5
    assert "5.0e-01" in str(comparison)


@pytest.mark.parametrize("other", [np.ones((1, 2)), np.ones(2), np.ones(())])
def test_comparison_refuses_other_shapes(other):
    """They would broadcast."""
    comparison = Comparison({"dJ/dZ": {"composed": np.ones((2, 1)), "by hand": other}})
    shape = str(other.shape).replace("(", r"\(").replace(")", r"\)")
    message = rf"Comparison: the routes of dJ/dZ must have one shape; got \(2, 1\) and {shape} for 'by hand'"
    for use in (str, lambda c: c.largest, lambda c: c.difference("dJ/dZ", "by hand")):
        with pytest.raises(ValueError, match=message):
            use(comparison)


def test_where_both_routes_are_infinite_they_agree():
    comparison = Comparison({"dJ/dA": {"composed": np.array([np.inf, 1]), "by hand": np.array([np.inf, 1.5])}})
    assert comparison.largest == 0.5


def test_a_difference_from_nothing_is_relative_to_nothing():
    assert Comparison({"J": {"one": np.zeros(2), "other": np.zeros(2)}}).largest_relative == 0
    assert Comparison({"J": {"one": np.zeros(2), "other": np.ones(2)}}).largest_relative == np.inf


def test_the_table_for_notebooks_is_escaped_and_loads_nothing():
    comparison = Comparison({"<b>": {"one & two": np.ones(2), "<script>": np.ones(2)}}, "<title>")
    page = comparison._repr_html_()
    root = ElementTree.fromstring(page)
    assert [x.text for x in root.iter("th")] == [None, "shape", "largest entry", "one & two", "<script>", "<b>"]
    assert [x.text for x in root.iter("td")] == ["2", "1", "reference", "0.0e+00"]
    assert root.find(".//caption").text == "<title>"
    assert root.find("p").text == comparison.summary == str(comparison).splitlines()[-1]
    assert not re.search(r"http|src=|url\(|@import|#[0-9a-f]{3}", page)  # and no colour but that of the page
    assert ElementTree.fromstring(Comparison({})._repr_html_()).find(".//caption") is None
    assert repr(comparison) == str(comparison)


# A pair and a batch


def batch(pair, layout, dtype=float):
    """A_prev, W, b and targets of 6 examples."""
    rng = np.random.default_rng(1)
    A_prev, W, b = rng.standard_normal((6, 4)), rng.standard_normal((3, 4)), rng.standard_normal(3)
    Y = np.eye(3)[[0, 2, 1, 1, 0, 2]] if pair == "softmax-nll" else rng.integers(0, 2, (6, 3))
    if layout == "columns":
        A_prev, b, Y = A_prev.T, b[:, None], Y.T
    return {"A_prev": A_prev.astype(dtype), "W": W.astype(dtype), "b": b.astype(dtype), "Y": Y}


TERMS = ["J", "dJ/dA", "dJ/dZ", "dJ/dW", "dJ/db", "dJ/dA_prev"]


@layouts
@pairs
def test_all_routes_agree_on_every_pair(pair, layout):
    given = batch(pair, layout)
    comparison = check.compare(pair, **given, layout=layout)
    assert list(comparison.terms) == TERMS
    assert comparison.largest < 1e-13
    assert comparison.largest_relative < 1e-14
    assert comparison.title.startswith(f"{pair}: A = ")
    for term, by in comparison.terms.items():
        fused = ["fused"] if pair in ("sigmoid-bce", "softmax-nll") and term != "dJ/dA" else []
        assert list(by) == ["composed", *fused, "by hand"]
        name = term.removeprefix("dJ/d")
        shape = () if term == "J" else given["Y" if name in "AZ" else name].shape
        assert all(np.shape(x) == shape for x in by.values())


@layouts
@pairs
def test_from_Z_alone_there_are_the_first_three_terms(pair, layout):
    given = batch(pair, layout)
    Y, Z = given.pop("Y"), formulas.dense(*given.values(), layout)
    comparison = check.compare(pair, Z, Y, layout=layout)
    assert list(comparison.terms) == TERMS[:3]
    assert comparison.largest < 1e-13
    full = check.compare(pair, Y=Y, **given, layout=layout)
    assert_allclose(comparison.terms["dJ/dZ"]["by hand"], full.terms["dJ/dZ"]["by hand"], rtol=1e-13)


@layouts
@pairs
def test_the_1_over_m_in_dW_and_db_gives_the_same_weights(pair, layout):
    given = batch(pair, layout)
    one, other = (check.compare(pair, **given, layout=layout, per_example=each) for each in (False, True))
    assert list(other.terms) == ["J", "dL/dA", "dL/dZ", "dJ/dW", "dJ/db", "dL/dA_prev"]
    assert other.largest < 1e-12
    for term, term_of_L in zip(one.terms, other.terms, strict=True):
        for route, x in other.terms[term_of_L].items():
            scale = 1 if term == term_of_L else 6
            assert_allclose(x, one.terms[term][route] * scale, rtol=1e-12, atol=1e-14)


@pairs
def test_float32_stays_float32(pair):
    comparison = check.compare(pair, **batch(pair, "rows", np.float32))
    assert {x.dtype for by in comparison.terms.values() for x in by.values()} == {np.dtype(np.float32)}
    assert 1e-9 < comparison.largest_relative < 1e-6


def test_m_is_what_the_sum_is_divided_by():
    given = batch("sigmoid-bce", "rows")
    comparison = check.compare("sigmoid-bce", **given, m=18)
    W, b = (Tensor(given[name], requires_grad=True) for name in "Wb")
    J = tg.binary_cross_entropy_with_logits(tg.linear(given["A_prev"], W, b), given["Y"])
    assert_allclose(comparison.terms["J"]["by hand"], J.item(), rtol=1e-13)
    assert_allclose(comparison.terms["dJ/dW"]["by hand"], tg.autograd.grad(J, W).numpy(), rtol=1e-11)


@layouts
@pytest.mark.parametrize("pair", ["softmax-nll", "sigmoid-bce", "sigmoid-mse"])
def test_class_numbers_are_turned_into_one_hot_targets(pair, layout):
    given, labels = batch(pair, layout), np.array([0, 2, 1, 1, 0, 2])
    given["Y"] = formulas.one_hot(labels, 3, layout)
    expected = check.compare(pair, **given, layout=layout)
    for Y in (labels, labels.tolist(), Tensor(labels)):
        comparison = check.compare(pair, **(given | {"Y": Y}), layout=layout)
        assert_array_equal(comparison.terms["dJ/dW"]["by hand"], expected.terms["dJ/dW"]["by hand"])


def test_a_layer_without_bias_and_what_holds_numbers():
    given = batch("linear-mse", "columns")
    comparison = check.compare(
        "linear-mse", A_prev=Tensor(given["A_prev"]), W=given["W"].tolist(), Y=given["Y"], layout="columns"
    )
    assert list(comparison.terms) == [term for term in TERMS if term != "dJ/db"]
    assert comparison.largest < 1e-13


def test_a_wrong_formula_shows_in_the_table(monkeypatch):
    monkeypatch.setitem(
        formulas.PAIRS,
        "softmax-nll",
        formulas.Pair(**(vars(formulas.PAIRS["softmax-nll"]) | {"dZ": formulas.wrong_softmax_without_off_diagonal})),
    )
    comparison = check.compare("softmax-nll", **batch("softmax-nll", "rows"))
    for term in TERMS[2:]:
        assert comparison.difference(term, "fused") < 1e-14
        assert comparison.difference(term, "by hand") > 0.01


def test_where_the_steps_overflow_the_table_says_so():
    comparison = check.compare("sigmoid-bce", [[800.0], [1.0]], [[1.0], [1.0]])
    assert math.isnan(comparison.difference("dJ/dZ", "fused"))
    assert math.isnan(comparison.largest)
    assert "nan" in str(comparison).splitlines()[-1]


Z, Y = np.zeros((4, 2)), np.ones((4, 2))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("sigmoid_bce", r"compare: the pair must be one of sigmoid-bce, .*Did you mean 'sigmoid-bce'"),
        ("softmax nl", r"got 'softmax nl'. Did you mean 'softmax-nll'"),
        ("hinge", r"got 'hinge'. Name the activation, then the loss."),
        (3, r"got 3\. Name the activation"),
    ],
)  # fmt: skip
def test_an_unknown_pair_is_refused_with_the_nearest(pair, message):
    with pytest.raises(ValueError, match=message):
        check.compare(pair, Z, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"compare: needs Y, and either Z or A_prev and W \(and b\); got neither"),
        ({"Z": Z}, r"compare: needs Y, .*; got Z\."),
        ({"Z": Z, "Y": Y, "W": np.eye(2)}, r"needs Y, and either Z or .*; got Z, Y, W"),
        ({"Y": Y, "W": np.eye(2)}, r"needs Y, and either Z or .*; got Y, W"),
        ({"Z": Z, "Y": Y, "layout": "row"}, r"layout must be 'rows' or 'columns'; got 'row'"),
        ({"Z": Z[0], "Y": Y}, r"compare: Z must have two axes, and nothing of length 0; got shape \(2,\)"),
        ({"Z": Z[:0], "Y": Y[:0]}, r"compare: Z must have two axes, and nothing of length 0; got shape \(0, 2\)"),
        ({"Z": Z, "Y": Y.T}, r"compare: Y must have the shape of Z with layout='rows'; got .*the other way round"),
        ({"Z": Z, "Y": Y[:, 0]}, r"got \(4,\) for Z \(4, 2\)\. Reshape Y, for example y\[:, None\]"),
        ({"Z": Z, "Y": [0, 1, 2, 1]}, r"compare: class numbers must be in \[0, 2\); got 0 to 2"),
        ({"Z": Z, "Y": -Y}, r"compare: targets must be in \[0, 1\]; got -1 to -1"),
        ({"Y": Y, "A_prev": np.ones((3, 4)), "W": np.ones((2, 3))},
         r"A_prev must be \(m, in\) and W \(out, in\) with layout='rows'; got \(3, 4\) .*fits layout='columns'"),
        ({"Y": Y, "A_prev": np.ones((4, 3)), "W": np.ones((5, 6))}, r"W is \(out, in\) in both layouts"),
        ({"Y": Y, "A_prev": np.ones((4, 3)), "W": np.ones((2, 3)), "b": np.ones((2, 1))},
         r"compare: b must be \(2,\) for W \(2, 3\) with layout='rows'; got \(2, 1\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        check.compare("sigmoid-bce", **given)


@pytest.mark.parametrize(
    ("pair", "Y", "message"),
    [
        ("softmax-nll", Y, r"targets of each example must be 0 or more and sum to one, .*; got sums from 2 to 2"),
        ("softmax-nll", [0.0, 1.0, 1.0, 0.0], r"Class numbers are integers, one for each example"),
        ("exp-poisson", -Y, r"compare: targets must be counts, 0 or more; got -1"),
        ("linear-mse", [0, 1, 1, 0], r"Y must have the shape of Z"),
    ],
)
def test_targets_that_do_not_fit_the_pair_are_refused(pair, Y, message):
    with pytest.raises(ValueError, match=message):
        check.compare(pair, Z, Y)


@pytest.mark.parametrize("Z", [np.array([["a"]]), np.array([[1j]])])
def test_what_is_no_number_is_refused(Z):
    with pytest.raises(TypeError, match=r"compare: Z must hold real numbers; got dtype"):
        check.compare("linear-mse", Z, [[1.0]])
