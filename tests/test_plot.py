"""Plots: what stands in them, against what was given."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.contour import ContourSet
from PIL import Image

from tinygrad_edu import Tensor, data, mse_loss, nn, plot

# Curves, and files


def test_the_loss_curve_shows_each_series_by_epoch():
    ax = plot.loss_curve({"training": [3.0, 2.0, 1.0], "test": [3.5, 2.5]})
    assert [line.get_label() for line in ax.lines] == ["training", "test"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 3.5], [2, 2.5]])
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert ax.get_xlabel() == "epoch"
    assert "nats" in ax.get_ylabel()
    assert ax.get_yscale() == "log"
    assert {text.get_text().strip() for text in ax.texts} == {"training", "test"}


def test_the_loss_curve_goes_into_axes_that_are_given():
    ax = plot.figure().add_subplot()
    assert plot.loss_curve({"training": [2.0, 1.0]}, ax) is ax


def test_the_loss_curve_shows_every_series():
    series = {name: [2.0, 1.0] for name in "abcdefg"}
    assert [line.get_label() for line in plot.loss_curve(series).lines] == list(series)


def test_the_loss_curve_of_a_series_without_epochs(tmp_path):
    plot.save(plot.loss_curve({"training": [2.0, 1.0], "test": []}), tmp_path / "loss.png")


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_plot_is_saved_by_its_ending(tmp_path, form, start):
    path = tmp_path / f"loss.{form}"
    plot.save(plot.loss_curve({"training": [2.0, 1.0]}), path)
    assert path.read_bytes().startswith(start)


def test_a_plot_without_matplotlib_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = r"plot: needs Matplotlib; got none\. Install it with pip install 'tinygrad_edu\[plot\]'"
    with pytest.raises(ImportError, match=message):
        plot.loss_curve({"training": [1.0]})


def test_losses_that_are_not_finite_are_left_out(tmp_path):
    ax = plot.loss_curve({"training": [0.5, 0.25, np.nan], "test": [np.inf, -np.inf]})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0.5, 0.25, np.nan])
    (label,) = ax.texts
    assert (label.get_text(), label.xy) == (" training", (2, 0.25))
    assert ax.get_yscale() == "log"
    plot.save(ax, tmp_path / "loss.png")


@pytest.mark.parametrize("losses", [[0.5, 0.0], [0.0, 0.0], [0.5, -1.0]])
def test_losses_of_zero_and_below_have_a_place_on_a_linear_scale(losses, tmp_path):
    ax = plot.loss_curve({"training": losses, "test": [1.0, 0.5]})
    assert ax.get_yscale() == "linear"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), losses)
    low, high = ax.get_ylim()
    assert low < min(losses) and high > 1
    plot.save(ax, tmp_path / "loss.png")


def test_the_ticks_of_losses_are_plain_numbers():
    ax = plot.loss_curve({"training": [1.0, 0.1]})
    ax.figure.canvas.draw()
    labels = [text.get_text() for which in ("major", "minor") for text in ax.get_yticklabels(which=which)]
    assert {"0.1", "0.2", "0.5", "1"} <= set(labels) and not {"0.3", "0.4", "0.6"} & set(labels)


def test_the_ticks_of_a_flat_loss_differ():
    ax = plot.loss_curve({"training": [0.2 + 1e-5 * k for k in range(20)]})
    ax.figure.canvas.draw()
    labels = [tick.get_text() for tick in ax.get_yticklabels(which="minor") if tick.get_text()]
    assert len(labels) > 2
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("curve", [plot.loss_curve, plot.metric_curve])
def test_a_series_without_a_name_is_refused(curve):
    message = rf"{curve.__name__}: series must be a mapping from name to numbers; got list\. Write for example"
    with pytest.raises(TypeError, match=message):
        curve([1.0, 0.5])


def test_a_metric_curve_names_what_it_shows():
    ax = plot.metric_curve({"accuracy": [0.5, 0.75, 1.0]})
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.5], [2, 0.75], [3, 1]])
    assert (ax.get_ylabel(), ax.get_xlabel(), ax.get_yscale()) == ("accuracy", "epoch", "linear")
    both = plot.metric_curve({"training": [0.5], "validation": [0.25]}, ylabel="accuracy")
    assert both.get_ylabel() == "accuracy" and len(both.texts) == 2


def test_many_series_get_a_legend():
    names = list("abcde")
    ax = plot.metric_curve({name: [1.0, 2.0] for name in names})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names and not ax.texts


def test_a_figure_shows_itself_in_a_notebook():
    assert plot.loss_curve({"training": [2.0, 1.0]}).figure._repr_png_().startswith(b"\x89PNG")


# The decision boundary

SQUARE = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])


def test_the_boundary_runs_where_the_logit_is_zero():
    ax = plot.decision_boundary(lambda X: X[:, 0] - 0.25, SQUARE, [0, 0, 1, 1])
    (line,) = next(x for x in ax.collections if isinstance(x, ContourSet)).get_paths()
    np.testing.assert_allclose(line.vertices[:, 0], 0.25, atol=1e-9)
    assert line.vertices[:, 1].min() < -1 and line.vertices[:, 1].max() > 1


def test_each_side_has_the_colour_of_its_class():
    ax = plot.decision_boundary(lambda X: 50 * X[:, :1], SQUARE, np.array([[0], [0], [1], [1]]), resolution=40)
    picture = np.asarray(ax.images[0].get_array())
    left, right = picture[20, 2], picture[20, -3]
    for side, colour in ((left, plot.figures.COLOURS[0]), (right, plot.figures.COLOURS[1])):
        full = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        np.testing.assert_allclose(side, 1 - 0.45 * (1 - full), atol=1e-6)
    np.testing.assert_allclose(ax.collections[-1].get_offsets(), SQUARE[2:])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "1"]


def test_the_boundary_of_several_classes():
    centres = np.array([[0.0, 1], [1, -1], [-1, -1]])
    X = np.repeat(centres, 3, axis=0)
    y = np.repeat([0, 1, 2], 3)
    ax = plot.decision_boundary(lambda X: X @ centres.T, X, y, class_names=["north", "east", "west"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["north", "east", "west"]
    markers = {tuple(map(tuple, c.get_paths()[0].vertices)) for c in ax.collections[-3:]}
    assert len(markers) == 3
    probabilities = plot.decision_boundary(lambda X: np.full((len(X), 3), 1 / 3), X, y, probabilities=True)
    assert len(np.unique(np.asarray(probabilities.images[0].get_array()))) <= 3  # one mixture all over, and no boundary


def test_a_network_is_evaluated_and_left_as_it_was():
    model = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Dropout(0.5, rng=0), nn.Linear(8, 1, rng=0))
    first, second = (plot.decision_boundary(model, SQUARE, [0, 1, 1, 0], resolution=20) for _ in range(2))
    np.testing.assert_array_equal(first.images[0].get_array(), second.images[0].get_array())
    assert all(module.training for module in model.modules())
    assert all(x.grad is None for x in model.parameters())


def test_the_boundary_goes_into_axes_that_are_given():
    ax = plot.figure().add_subplot()
    assert plot.decision_boundary(lambda X: X[:, 0], SQUARE.astype(int), [0, 0, 1, 1], ax) is ax


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((3, 3)), [0, 0, 0], r"decision_boundary: X must have two columns, .*; got \(3, 3\)\. Choose two"),
        (np.zeros((0, 2)), [], r"X must have two columns, one row for each example; got \(0, 2\)"),
        (SQUARE, [0, 1], r"y must hold one class number for each row of X \(4, 2\); got int64 \(2,\)\. Number"),
        (SQUARE, [0, 0.5, 1, 1], r"y must hold one class number .*; got float64"),
        (SQUARE, [-1, 1, 1, 1], r"y must hold one class number"),
    ],
)
def test_points_that_are_none_are_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        plot.decision_boundary(lambda X: X[:, 0], X, y)


# Animation


@pytest.fixture
def learner():
    """A network, and three states: at the start, halfway, at the end."""
    model = nn.MLP([2, 4, 1], rng=0)
    start = model.state_dict()
    return model, [{name: scale * x for name, x in start.items()} for scale in (1, 3, 9)]


def test_the_animation_has_a_frame_for_each_state(tmp_path, learner):
    model, states = learner
    before = model.state_dict()
    path = plot.animate_boundary(model, iter(states), SQUARE, [0, 1, 1, 0], tmp_path / "b.gif", titles=["a", "b", "c"])
    with Image.open(path) as gif:
        assert (gif.format, gif.n_frames) == ("GIF", 3)
        waits = []
        for frame in range(3):
            gif.seek(frame)
            waits.append(gif.info["duration"])
    assert waits == [200, 200, 1200]
    assert all(np.array_equal(model.state_dict()[name], x) for name, x in before.items())
    assert [x.name for x in tmp_path.iterdir()] == ["b.gif"]


def test_a_state_that_does_not_fit_leaves_the_model_and_the_old_file(tmp_path, learner):
    model, states = learner
    before = model.state_dict()
    path = tmp_path / "b.gif"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(KeyError, match="load_state_dict: names must agree"):
        plot.animate_boundary(model, [states[2], {}], SQUARE, [0, 1, 1, 0], path)
    assert path.read_text(encoding="utf-8") == "old"
    assert all(np.array_equal(model.state_dict()[name], x) for name, x in before.items())
    with pytest.raises(ValueError, match=r"animate_boundary: needs at least one state; got none\. Collect"):
        plot.animate_boundary(model, [], SQUARE, [0, 1, 1, 0], path)
    with pytest.raises(ValueError, match=r"animate_boundary: needs a title for each state; got 1 for 3\. Or leave"):
        plot.animate_boundary(model, states, SQUARE, [0, 1, 1, 0], path, titles=["one"])


# Layers


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def medians(ax):
    return [line.get_xdata()[0] for line in ax.lines]


def test_histograms_stand_for_the_layers():
    X, y = data.moons(60, 0)
    model, loss = nn.MLP([2, 5, 4, 1], activation=nn.Sigmoid, rng=0), nn.BCEWithLogitsLoss()
    weights, activations, gradients = plot.histograms(model, loss, X, y[:, None])
    assert names(weights) == ["W1", "W2", "W3"]
    assert names(activations) == ["A1", "A2", "Z3"]
    assert names(gradients) == ["dJ/dW1", "dJ/dW2", "dJ/dW3"]
    loss(model(X), y[:, None]).backward()
    layers = [model[0], model[2], model[4]]
    np.testing.assert_allclose(medians(weights), [np.median(layer.weight.numpy()) for layer in layers])
    np.testing.assert_allclose(medians(gradients), [np.median(np.abs(layer.weight.grad.numpy())) for layer in layers])
    A1 = 1 / (1 + np.exp(-(X @ layers[0].weight.numpy().T + layers[0].bias.numpy())))
    np.testing.assert_allclose(medians(activations)[0], np.median(A1))
    assert (weights.get_xscale(), gradients.get_xscale()) == ("linear", "log")


def test_gradients_that_vanish_walk_to_the_left():
    X, y = data.moons(60, 0)
    model = nn.MLP([2, *[8] * 6, 1], activation=nn.Sigmoid, rng=0)
    gradients = medians(plot.histograms(model, nn.BCEWithLogitsLoss(), X, y[:, None])[2])
    assert gradients[1] < 1e-3 * gradients[-1]


@pytest.mark.parametrize(
    "forward",
    [
        lambda W, b, X: np.tanh(X @ W.T + b),
        lambda W, b, X: np.tanh(np.dot(X, np.transpose(W)) + b),
        lambda W, b, X: np.tanh(b + X @ np.swapaxes(W, 0, 1)),
    ],
)
def test_a_layer_may_be_written_out(forward):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 2))
    W, b = Tensor(rng.standard_normal((3, 2)), requires_grad=True, name="W"), Tensor(np.ones(3), requires_grad=True)
    _, activations, gradients = plot.histograms(lambda X: forward(W, b, X), mse_loss, X, np.zeros((6, 3)))
    np.testing.assert_allclose(medians(activations), [np.median(np.tanh(X @ W.numpy().T + 1))])
    assert names(gradients) == ["dJ/dW"]


def test_zeros_have_no_place_on_a_logarithmic_scale():
    model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.ReLU(), nn.Linear(4, 1, rng=0))
    model[0].bias.data[...] = [-9, -9, 9, 9]  # half of the units are dead
    gradients = plot.histograms(model, nn.MSELoss(), SQUARE, np.zeros((4, 1)))[2]
    assert [text.get_text() for text in gradients.texts] == ["50%\nare 0", "50%\nare 0"]


def test_a_gradient_that_is_zero_everywhere_can_be_drawn(tmp_path):
    model = nn.MLP([2, 1], rng=0)
    axes = plot.figure().subplots(1, 3)
    drawn = plot.histograms(model, lambda z, y: 0 * z.sum(), SQUARE, None, axes)
    assert list(drawn) == list(axes)
    assert [text.get_text() for text in axes[2].texts] == ["100%\nare 0"]
    plot.save(axes[0], tmp_path / "zero.png")


def test_a_network_without_weights_is_refused():
    bias = Tensor(np.zeros(2), requires_grad=True)
    with pytest.raises(ValueError, match=r"histograms: the network must have a matrix of weights .*; got none"):
        plot.histograms(lambda X: X + bias, nn.MSELoss(), SQUARE, SQUARE)


# Mistakes


def test_the_confusion_matrix_shows_its_counts():
    counts = [[8, 2], [0, 10]]
    ax = plot.confusion(counts, ["cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["8", "2", "·", "10"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.get_title(loc="left") == "90.0% of 20 right"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("taken for", "true class")
    picture = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(picture[1, 0], [1, 1, 1])
    assert picture[0, 0, 2] > picture[0, 0, 0] and picture[0, 1, 0] > picture[0, 1, 2]  # right is blue, wrong orange
    assert plot.confusion(counts, ax=ax) is ax
    assert plot.confusion([[0, 0], [0, 3]]).get_title(loc="left") == "100.0% of 3 right"


@pytest.mark.parametrize(("matrix", "labels"), [([[1, 2]], None), ([[1, 2], [3, 4]], ["a"]), ([], None)])
def test_a_matrix_that_is_not_square_is_refused(matrix, labels):
    with pytest.raises(ValueError, match=r"confusion: needs a square matrix and a name for each class; got "):
        plot.confusion(matrix, labels)


IMAGES = np.arange(5 * 4).reshape(5, 2, 2)


def test_the_worst_mistakes_come_first():
    y = [0, 1, 1, 0, 1]
    p = np.array([0.9, 0.4, 0.2, 0.3, 0.8])  # of class 1: wrong are 0, 1 and 2
    ax = plot.worst(IMAGES, y, p, names=["no", "yes"])
    assert [text.get_text() for text in ax.texts] == [
        "is no\nsaid yes, 90%",
        "is yes\nsaid no, 80%",
        "is yes\nsaid no, 60%",
    ]
    np.testing.assert_array_equal([image.get_array() for image in ax.images], IMAGES[[0, 2, 1]])
    assert ax.get_title(loc="left") == "3 of 5 wrong"
    two = plot.worst(IMAGES, y, np.column_stack([1 - p, p]), count=2, ax=plot.figure().add_subplot())
    assert len(two.images) == 2 and two.get_title(loc="left") == "3 of 5 wrong, the 2 worst"
    assert two.texts[0].get_text() == "is 0\nsaid 1, 90%"


def test_no_mistakes_are_a_picture_too(tmp_path):
    ax = plot.worst(IMAGES, [1] * 5, np.ones(5))
    assert not ax.images and ax.get_title(loc="left") == "0 of 5 wrong"
    plot.save(ax, tmp_path / "worst.png")


def test_images_must_be_images():
    message = r"worst: needs images \(m, height, width\) .*; got \(5, 4\), \(5,\) and \(5, 2\)\. Reshape"
    with pytest.raises(ValueError, match=message):
        plot.worst(IMAGES.reshape(5, 4), [1] * 5, np.ones(5))
    message = r"worst: class numbers must be in \[0, 2\), with a name for each; got 0 to {} and {} names"
    with pytest.raises(ValueError, match=message.format(2, 2)):
        plot.worst(IMAGES, [0, 0, 1, 1, 2], np.ones(5))
    with pytest.raises(ValueError, match=message.format(1, 1)):
        plot.worst(IMAGES, [0, 0, 1, 1, 1], np.ones(5), names=["cat"])


def test_names_are_shown_as_they_are(tmp_path):
    """Between dollar signs Matplotlib reads mathematics, and fails where it is none."""
    hostile = [r"$\frac{$", "$x$"]
    model = nn.Linear(2, 1, rng=0)
    model.weight.name = hostile[0]
    axes = [
        plot.loss_curve({name: [2.0, 1.0] for name in hostile}),
        plot.metric_curve({hostile[0]: [2.0, 1.0]}),
        plot.decision_boundary(lambda X: X[:, 0], SQUARE, [0, 0, 1, 1], class_names=hostile),
        plot.confusion([[1, 1], [1, 1]], hostile),
        plot.worst(IMAGES, [0] * 5, np.ones(5), hostile),
        plot.histograms(model, nn.MSELoss(), SQUARE, np.zeros((4, 1)))[0],
    ]
    for number, ax in enumerate(axes):
        plot.save(ax, tmp_path / f"{number}.svg")


# The pictures of the documentation


def test_the_page_shows_the_plots_that_it_saves():
    docs = Path(__file__).parents[1] / "docs"
    page = (docs / "plots.md").read_text(encoding="utf-8")
    shown = runpy.run_path(str(docs / "pictures.py"))["shown"](page)
    assert len(shown) >= 6
    kept = {path.name for form in ("png", "gif") for path in (docs / "pictures").glob(f"*.{form}")}
    assert set(shown) == kept, "run python docs/pictures.py"
    assert all(f'"{name}"' in page for name in shown)


def test_the_names_at_the_ends_of_lines_can_be_read():
    """WCAG 2, level AA: 4.5 to 1 on white."""
    ax = plot.loss_curve({"training": [1.0, 0.5], "validation": [1.1, 0.7]})
    for text in ax.texts:
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in text.get_color()]
        assert 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05) > 4.5, text.get_text()
    assert len(ax.texts) == 2
