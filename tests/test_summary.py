"""The table of a network, and the tables that notebooks show."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tinygrad_edu import Tensor, nn, notebook, relu


def cells(page):
    """The rows of a table in HTML."""
    return [[x.text or "" for x in row] for row in ElementTree.fromstring(page).iter("tr")]


def test_the_summary_names_layers_shapes_and_parameters():
    model = nn.MLP([4, 3, 2], activation=nn.ReLU)
    found = nn.summary(model, np.zeros((7, 4)))
    assert found.rows == [
        ["", "layer", "output", "parameters"],
        ["0", "Linear(in_features=4, out_features=3, bias=True)", "(m, 3)", "15"],
        ["1", "ReLU()", "(m, 3)", "0"],
        ["2", "Linear(in_features=3, out_features=2, bias=True)", "(m, 2)", "8"],
    ]
    assert (found.title, found.parameters, found.trained) == ("MLP", 23, 23)
    lines = str(found).splitlines()
    assert lines[0] == "MLP" and lines[-1] == "23 parameters" and len({len(line) for line in lines[2:-1]}) == 1
    assert repr(found) == str(found)
    assert nn.summary(model).rows[1] == ["0", "Linear(in_features=4, out_features=3, bias=True)", "15"]


class Own(nn.Module):
    """Parameters of its own, a layer that is used twice, and one in a list."""

    def __init__(self):
        self.scale = Tensor(np.ones(1000), requires_grad=True)
        self.layer = nn.Linear(3, 3, bias=False)
        self.others = [nn.Sequential(self.layer, nn.Linear(3, 1))]

    def forward(self, x):
        return self.others[0](relu(self.layer(x)))


def test_the_summary_of_a_module_of_ones_own():
    found = nn.summary(Own(), np.zeros((3, 3)))
    assert [row[0] for row in found.rows] == ["", "", "layer", "others.0.0", "others.0.1"]
    assert [row[-1] for row in found.rows[1:]] == ["1,000", "9", "9", "4"]
    assert found.rows[1][1:3] == ["Own", "(m, 1)"]
    assert found.total == "1,013 parameters"  # the shared layer counts once


def test_what_is_frozen_and_what_is_trained():
    model = nn.MLP([2, 1])
    model[0].weight.requires_grad = False
    assert nn.summary(model).total == "3 parameters, 1 trained"
    assert nn.summary(nn.MLP([2, 1]).layers[0]).title == "Linear"
    assert nn.summary(nn.Tanh()).total == "0 parameters"
    assert nn.summary(nn.Linear(1, 1, bias=False)).total == "1 parameter"


def test_the_example_leaves_no_trace():
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5, rng=0), nn.Linear(4, 1))
    model[2].eval()
    state = model[1].rng.bit_generator.state
    nn.summary(model, np.zeros((3, 2)))
    assert [layer.training for layer in model] == [True, True, False]
    assert model[1].rng.bit_generator.state == state
    assert all(x.grad is None for x in model.parameters())
    with pytest.raises(ValueError, match="linear: x must have in_features columns"):
        nn.summary(model, np.zeros((3, 5)))
    assert [layer.training for layer in model] == [True, True, False]
    assert not any("forward" in vars(layer) for layer in model)


def test_a_layer_that_passes_on_what_it_is_given_has_its_shape_too():
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5))
    model[1].forward = own = lambda x: x
    assert [row[2] for row in nn.summary(model, np.zeros((3, 2))).rows] == ["output", "(m, 4)", "(m, 4)"]
    assert model[1].forward is own


def test_a_notebook_shows_a_network_as_its_summary():
    page = nn.MLP([2, 1])._repr_html_()
    assert cells(page) == [["layer", "parameters"], ["0 Linear(in_features=2, out_features=1, bias=True)", "3"]]
    assert ElementTree.fromstring(page).find("p").text == "3 parameters"


# Tensors


def test_a_notebook_shows_the_numbers_of_a_tensor():
    page = Tensor([[1.5, -2.0], [0.25, 1e-9]], requires_grad=True, name="<W1> & co")._repr_html_()
    assert cells(page) == [["", "0", "1"], ["0", "1.5", "-2"], ["1", "0.25", "1e-09"]]
    caption = ElementTree.fromstring(page).find(".//caption").text
    assert caption == "<W1> & co: shape=(2, 2), float64, requires_grad=True"
    assert not re.search(r"http|src=|url\(|@import|#[0-9a-f]{3}", page)


def test_the_middle_of_a_large_tensor_is_left_out():
    rows = cells(notebook.array(np.arange(20 * 9).reshape(20, 9), ""))
    assert rows[0] == ["", "0", "1", "2", "3", "…", "5", "6", "7", "8"]
    assert rows[1] == ["0", "0", "1", "2", "3", "…", "5", "6", "7", "8"]
    assert rows[5] == ["", *"⋮" * 9]
    assert rows[-1][:2] == ["19", "171"] and len(rows) == 10
    assert len(notebook.array(np.zeros((10**6, 100)), "")) < 5000


@pytest.mark.parametrize(
    ("x", "rows"),
    [
        (3.0, [["", ""], ["", "3"]]),
        ([1, 2], [["", "0", "1"], ["", "1", "2"]]),
        ([7.0], [["", ""], ["", "7"]]),
        ([[1.0, np.nan]], [["", "0", "1"], ["0", "1", "nan"]]),
        (np.arange(24.0).reshape(2, 3, 4), [["", "least", "mean", "largest"], ["", "0", "11.5", "23"]]),
    ],
)
def test_tensors_of_every_rank_are_shown(x, rows):
    assert cells(Tensor(x)._repr_html_()) == rows


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_tensors_without_numbers_are_shown(shape):
    assert f"shape={shape}" in Tensor(np.zeros(shape))._repr_html_()


def test_a_result_names_its_op():
    caption = ElementTree.fromstring((Tensor([1.0], requires_grad=True) * 2)._repr_html_()).find(".//caption").text
    assert caption == "Tensor: shape=(1,), float64, op=multiply"
