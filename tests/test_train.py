"""Training: the loop, its history, and all the ways in which it ends."""

import csv
import io
import signal
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.history import History
from tinygrad_edu.metrics import accuracy, confusion, shares


def moons(m=120, seed=0):
    X, y = data.moons(m, seed)
    return X, y[:, None].astype(float)


def network(seed=0, dropout=0.0, dtype=None):
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(2, 8, rng=rng, dtype=dtype), nn.Tanh(), nn.Linear(8, 1, rng=rng, dtype=dtype)]
    return nn.Sequential(*layers[:2], nn.Dropout(dropout, rng=rng), layers[2])


def train(model=None, epochs=4, batch_size=32, rng=0, progress=False, **options):
    model = model or network()
    X, y = options.pop("data", None) or moons()
    loss = options.pop("loss", None) or nn.BCEWithLogitsLoss()
    optimizer = options.pop("optimizer", None) or optim.Adam(model.parameters(), lr=options.pop("lr", 0.05))
    history = tg.fit(model, loss, optimizer, X, y, epochs, batch_size, rng=rng, progress=progress, **options)
    return history, model


def same_weights(a, b):
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# The loop


def by_hand(X, y, W, b, lr, epochs, size, rng):
    """Logistic regression as on paper: dZ = (A - Y) / m, dW = dZ.T X, db = sum of dZ."""
    losses, norms = [], []
    for _ in range(epochs):
        order, total, lengths = rng.permutation(len(X)), 0.0, []
        for start in range(0, len(X), size):
            part = order[start : start + size]
            A = 1 / (1 + np.exp(-(X[part] @ W.T + b)))
            total -= (y[part] * np.log(A) + (1 - y[part]) * np.log(1 - A)).sum()
            dZ = (A - y[part]) / len(part)
            dW, db = dZ.T @ X[part], dZ.sum(axis=0)
            lengths.append(np.sqrt((dW**2).sum() + (db**2).sum()))
            W, b = W - lr * dW, b - lr * db
        losses.append(total / len(X))
        norms.append(np.mean(lengths))
    return W, b, losses, norms


def test_it_is_the_loop_that_people_write_by_hand():
    X, y = moons(50)
    model = nn.Sequential(nn.Linear(2, 1, rng=0))
    W, b = model.state_dict().values()
    W, b, losses, norms = by_hand(X, y, W, b, 0.3, 6, 16, np.random.default_rng(7))
    history, _ = train(model, 6, 16, 7, data=(X, y), optimizer=optim.SGD(model.parameters(), lr=0.3))
    np.testing.assert_allclose(model[0].weight.numpy(), W, rtol=1e-12)
    np.testing.assert_allclose(model[0].bias.numpy(), b, rtol=1e-12)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)
    np.testing.assert_allclose(history["gradient_norm"], norms, rtol=1e-12)


def test_the_history_holds_what_the_trained_network_does():
    X, y = moons()
    X_other, y_other = moons(77, seed=9)
    history, model = train(epochs=5, data=(X, y), validation=(X_other, y_other))
    z = model(X_other).numpy()
    loss = np.mean(np.logaddexp(0, z) - y_other * z)
    assert history["validation_loss"][-1] == pytest.approx(loss, rel=1e-12)
    assert history["validation_accuracy"][-1] == np.mean((z > 0) == y_other)
    assert history["accuracy"][-1] == np.mean((model(X).numpy() > 0) == y)
    names = ["loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "gradient_norm", "seconds"]
    assert list(history) == names
    assert {len(values) for values in history.values()} == {history.epochs} == {5}
    assert history.best_epoch == int(np.argmin(history["validation_loss"])) + 1
    assert history.stopped == ""


def test_the_same_seed_gives_the_same_numbers():
    (first, one), (again, other) = (train(network(dropout=0.2), rng=3) for _ in range(2))
    assert same_weights(one, other)
    assert all(first[name] == again[name] for name in first if name != "seconds")
    _, third = train(network(dropout=0.2), rng=4)
    assert not same_weights(one, third)


def test_dropout_is_off_while_the_metrics_are_taken_and_modes_are_left_as_they_were():
    model = network(dropout=0.5)
    model[1].eval()
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append(self.training)
            return x

    model.layers.append(Watch())
    _, X = train(model, epochs=2, data=moons(64)), moons(64)[0]
    assert seen == [False, True, True, False, True, True, False]  # first what does not fit would show
    assert [module.training for module in model.layers] == [True, False, True, True, True]
    assert not np.array_equal(model(X).numpy(), model(X).numpy())


def test_float32_stays_float32():
    _, model = train(network(dtype=np.float32), data=tuple(x.astype(np.float64) for x in moons()))
    assert {x.dtype for x in model.parameters()} == {np.dtype(np.float32)}
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append(x.dtype)
            return x

    train(nn.Sequential(Watch(), *network(dtype=np.float32)), epochs=1)
    assert set(seen) == {np.dtype(np.float32)}


def test_a_schedule_steps_once_an_epoch():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.4)
    history, _ = train(model, 5, optimizer=optimizer, schedule=optim.StepLR(optimizer, 2, gamma=0.5))
    assert history["learning_rate"] == [0.4, 0.4, 0.2, 0.2, 0.1]


def test_callbacks_see_the_model_and_the_history_after_every_epoch():
    seen = []
    model = network()
    train(model, 3, callbacks=[lambda trained, history: seen.append((trained is model, history.epochs))])
    assert seen == [(True, 1), (True, 2), (True, 3)]


def test_metrics_have_names_or_are_functions():
    def largest(output, targets):
        return float(np.abs(output - targets).max())

    history, _ = train(loss=nn.MSELoss(), metrics=("mean_absolute_error", largest), epochs=2)
    assert list(history)[:3] == ["loss", "mean_absolute_error", "largest"]
    assert history["mean_absolute_error"][-1] < history["largest"][-1]
    history, _ = train(metrics=(), epochs=1)
    assert list(history) == ["loss", "learning_rate", "gradient_norm", "seconds"]


def test_many_classes_are_told_apart_by_the_highest_score():
    X, y = data.blobs(90, rng=0)
    model = nn.MLP([2, 8, 3], rng=0)
    history, _ = train(model, 20, data=(X, y), loss=nn.CrossEntropyLoss())
    assert history["accuracy"][-1] == np.mean(model(X).numpy().argmax(axis=1) == y) > 0.97


def test_numbers_are_evaluated_in_parts_without_changing_them(monkeypatch):
    from tinygrad_edu import train as module

    whole, _ = train(epochs=2)
    monkeypatch.setattr(module, "CHUNK", 7)
    parts, _ = train(epochs=2)
    np.testing.assert_allclose(parts["accuracy"], whole["accuracy"], rtol=1e-12)


def test_compiled_steps_give_the_same_numbers():
    (eager, one), (compiled, other) = (
        train(network(dropout=0.2), epochs=6, data=moons(70), validation=moons(20, 1), compile=compile)
        for compile in (False, True)
    )
    assert list(eager) == list(compiled)
    for name in compiled:
        if name != "seconds":
            np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-9)
    for x, y in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-8, atol=1e-12)


# How it ends


def test_early_stopping_gives_the_best_weights_back():
    kept = {}
    X, y = moons(40)
    y_wrong = 1 - y  # what is learned is wrong there: the loss rises from the first epoch on
    model = network()
    keep = lambda trained, history: kept.setdefault(history.epochs, trained.state_dict())  # noqa: E731
    history, _ = train(model, 50, data=(X, y), validation=(X, y_wrong), early_stopping=3, callbacks=[keep])
    assert history.epochs == history.best_epoch + 3 < 50
    assert all(np.array_equal(x, kept[history.best_epoch][name]) for name, x in model.state_dict().items())
    assert history.stopped == (
        f"No lower loss for 3 epochs: the model has the weights of epoch {history.best_epoch}, the best."
    )


def test_control_c_ends_after_the_batch_and_keeps_history_and_best_weights(capsys):
    kept, batches = {}, []

    class Watch(nn.Module):
        def forward(self, x):
            if self.training:
                batches.append(len(x))
                if len(batches) == 4 * 3 + 2:  # the second batch of the fourth epoch
                    signal.raise_signal(signal.SIGINT)
            return x

    model = nn.Sequential(Watch(), *network())
    keep = lambda trained, history: kept.setdefault(history.epochs, trained.state_dict())  # noqa: E731
    before = signal.getsignal(signal.SIGINT)
    history, _ = train(model, 50, callbacks=[keep], progress="auto")
    assert signal.getsignal(signal.SIGINT) is before
    assert (history.epochs, len(batches)) == (3, 14)
    assert history.stopped == (
        f"Ctrl-C after epoch 3: the model has the weights of epoch {history.best_epoch}, the best."
    )
    assert history.stopped in capsys.readouterr().out
    assert all(np.array_equal(x, kept[history.best_epoch][name]) for name, x in model.state_dict().items())


def test_control_c_in_the_first_epoch_leaves_what_was_learned_so_far():
    class Press(nn.Module):
        def forward(self, x):
            if self.training:
                signal.raise_signal(signal.SIGINT)
            return x

    history, _ = train(nn.Sequential(Press(), *network()))
    assert history.epochs == 0
    assert history.stopped == "Ctrl-C in the first epoch."
    assert repr(history) == "History: no epochs. Ctrl-C in the first epoch."


def test_control_c_in_the_last_batch_leaves_the_epoch_whole():
    left = iter(range(4 * 2))

    class Press(nn.Module):
        def forward(self, x):
            if self.training and next(left) == 3:  # of the first epoch
                signal.raise_signal(signal.SIGINT)
            return x

    history, _ = train(nn.Sequential(Press(), *network()), epochs=2)
    assert history.epochs == 1
    assert history.stopped == "Ctrl-C after epoch 1: the model has the weights of epoch 1, the best."


def test_a_second_control_c_does_not_wait():
    class Press(nn.Module):
        def forward(self, x):
            if self.training:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            return x

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(nn.Sequential(Press(), *network()))
    assert signal.getsignal(signal.SIGINT) is before


def test_nan_stops_with_the_epoch_the_batch_and_the_op():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 2)), rng.normal(size=(64, 1))
    X[40] = 1e200  # finite, but its square is not
    model = nn.Sequential(nn.Linear(2, 1, rng=0), np.square)
    message = (
        r"fit: loss, gradient and weights must be finite; got NaN or infinity in epoch 1, batch \d\. "
        r"square: the result must be finite; got inf"
    )
    with pytest.raises(FloatingPointError, match=message):
        train(model, data=(X, y), loss=nn.MSELoss(), metrics=(), batch_size=8)


def test_the_first_op_is_named_though_the_gradient_was_it_and_the_loss_only_showed_it():
    model = nn.Sequential(nn.Linear(1, 1, rng=0), np.abs, np.sqrt)
    model[0].weight.data[...], model[0].bias.data[...] = 1.0, 0.0
    X = np.ones((6, 1))
    X[5] = 0  # sqrt is 0 there, its slope is not finite
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 1\. sqrt: the gradient must be finite"):
        train(model, data=(X, X + 1), loss=nn.MSELoss(), metrics=(), batch_size=6)


def test_after_nan_the_model_has_its_best_weights():
    model, kept = network(), {}

    def spoil(trained, history):
        kept[history.epochs] = trained.state_dict()
        if history.epochs == 3:
            optimizer.lr = 1e300

    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FloatingPointError, match="in epoch 4, batch 2"):
        train(model, 9, loss=nn.MSELoss(), optimizer=optimizer, callbacks=[spoil])
    assert all(np.array_equal(x, kept[3][name]) for name, x in model.state_dict().items())


@pytest.mark.parametrize("compile", [False, True])
def test_infinite_weights_are_found_at_the_end_of_the_epoch_that_made_them(compile):
    model = nn.Sequential(nn.Linear(1, 1, rng=0))
    optimizer = optim.SGD(model.parameters(), lr=1e308)
    X = np.full((4, 1), 100.0)
    with pytest.raises(FloatingPointError, match="must be finite; got NaN or infinity in epoch 1, batch 1"):
        train(model, data=(X, X), loss=nn.MSELoss(), optimizer=optimizer, metrics=(), batch_size=4, compile=compile)
    assert all(np.isfinite(x).all() for x in model.state_dict().values())


def test_nan_of_no_op_is_said_to_be_that():
    class Own:
        reduction = "mean"

        def __call__(self, output, target):
            return np.mean(np.square(output - target)) * float("nan")

    with pytest.raises(FloatingPointError, match="epoch 1, batch 1"):
        train(loss=Own(), metrics=())


# What is shown


def test_a_pipe_gets_lines(capsys):
    history, _ = train(progress="auto", epochs=3, validation=moons(20, 5))
    captured = capsys.readouterr()
    group, heading, *lines = captured.out.splitlines()
    assert group.split() == ["training", "validation"]
    assert heading.split() == ["epoch", *["loss", "accuracy"] * 2, "rate", "gradient", "seconds"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert float(lines[1].split()[1]) == pytest.approx(history["loss"][1], rel=1e-3)
    assert captured.err == ""


def test_of_many_epochs_about_twenty_are_printed(capsys):
    train(progress="auto", epochs=100, data=moons(8), batch_size=8)
    epochs = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()[1:]]
    assert epochs == [1, *range(5, 101, 5)]


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    train(progress="auto", epochs=3, validation=moons(20, 5))
    assert out.getvalue() == ""
    last = err.getvalue().strip().split("\r")[-1]
    assert last.startswith("3/3: loss 0.") and "; validation 0." in last
    assert len(last) <= 80 and last.endswith("#| 00:00 left")


def test_without_tqdm_a_terminal_gets_lines(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train(progress="auto", epochs=1)
    assert capsys.readouterr().out.splitlines()[0].split()[:2] == ["epoch", "loss"]


def test_silence_is_silent(capsys):
    train(progress=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


# History


def test_the_history_is_a_table_of_csv(tmp_path):
    history, _ = train(epochs=3)
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {name: [float(row[name]) for row in rows] for name in history} == dict(history)


def test_a_long_history_is_shown_with_its_ends():
    history = History({"loss": [1 / (k + 1) for k in range(100)]}, "Enough.")
    title, _, *lines = repr(history).splitlines()
    assert title == "History: 100 epochs, best 100 (lowest loss). Enough."
    assert [line.split()[0] for line in lines] == [*"123456", "⋮", *map(str, range(95, 101))]
    assert {len(line) for line in lines if "⋮" not in line} == {15}


def test_a_name_that_a_history_does_not_have_is_refused_with_those_it_has():
    history = History({"loss": [1.0], "validation_loss": [1.0]})
    assert "val_loss" not in history
    with pytest.raises(KeyError, match=r"History: the name must be one of loss, validation_loss; got 'val_loss'"):
        history["val_loss"]


def test_the_history_as_a_page_is_escaped():
    page = History({"loss": [1.0], "<script>": [1.0]}, "<b>")._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
    assert page.count("<tr>") == 2
    assert "no epochs" in History()._repr_html_()


def test_the_losses_are_plotted():
    pytest.importorskip("matplotlib")
    history, _ = train(epochs=4, validation=moons(20, 5))
    ax = history.plot()
    assert [list(line.get_ydata()) for line in ax.get_lines()] == [history["loss"], history["validation_loss"]]
    ax = history.plot("accuracy")
    assert [list(line.get_ydata()) for line in ax.get_lines()] == [history["accuracy"], history["validation_accuracy"]]
    assert ax.get_ylabel() == "accuracy"
    with pytest.raises(ValueError, match=r"History: plot needs a name that is there; got 'acc'\. Pass one of loss"):
        history.plot("acc")


# Metrics


@pytest.mark.parametrize(
    ("scores", "targets", "loss", "share"),
    [
        ([[0.3], [-0.3], [2.0]], [[1.0], [1.0], [1.0]], nn.BCEWithLogitsLoss(), 2 / 3),
        ([[0.3], [0.7]], [[0.0], [1.0]], nn.BCELoss(), 1),
        ([0.3, 0.7], [0.0, 0.0], nn.MSELoss(), 0.5),
        ([[1.0, 3.0, 2.0], [5.0, 1.0, 1.0]], [1, 1], nn.CrossEntropyLoss(), 0.5),
        ([[1.0, 3.0], [5.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]], nn.CrossEntropyLoss(), 1),
        ([[1.0, -3.0], [5.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], nn.BCEWithLogitsLoss(), 3 / 4),
        ([[0.6, 0.1, 0.2]], [[0.0, 1.0, 0.0]], nn.MSELoss(), 0),
        ([[0.3]], [[1.0]], tg.binary_cross_entropy_with_logits, 1),
    ],
)
def test_accuracy_is_the_share_of_right_answers(scores, targets, loss, share):
    assert accuracy(np.array(scores), np.array(targets), loss) == pytest.approx(share)


def test_shares_are_probabilities():
    z = np.array([-800.0, 0.0, 1.0])
    expected = [[1, 0], [0.5, 0.5], [1 / (1 + np.e), np.e / (1 + np.e)]]
    for given in (z, z[:, None], tg.Tensor(z)):
        np.testing.assert_allclose(shares(given), expected, atol=1e-300)
    np.testing.assert_allclose(shares([[0, np.log(3)], [800, 0]]), [[0.25, 0.75], [1, 0]], atol=1e-300)
    np.testing.assert_allclose(shares([0.25, 1], probabilities=True), [[0.75, 0.25], [0, 1]])
    np.testing.assert_allclose(shares([[0.2, 0.3, 0.5]], probabilities=True), [[0.2, 0.3, 0.5]])


def test_confusion_counts_truth_in_rows():
    truth, taken = np.array([0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 1])
    assert confusion(truth, taken, 4).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]


# Bad input

SPOILED = np.array([[1.0, 2.0], [np.nan, 1.0], [np.inf, 2.0]])
OTHERS = optim.SGD(network().parameters(), lr=1)
FOUR, UNPAIRED = np.ones((4, 2)), (np.ones((3, 2)), np.ones((4, 1)))
UNEQUAL = r"must have one row per example each; got \(3, 2\) and \(4, 1\)"


def mean(output, target):
    return np.mean(output)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "fit: epochs must be at least 1; got 0"),
        ({"epochs": 1.5}, TypeError, "fit: epochs must be a whole number; got float 1.5"),
        ({"batch_size": 0}, ValueError, "fit: batch_size must be at least 1; got 0"),
        ({"batch_size": 121}, ValueError, "at most the number of examples, 120; got 121. Pass batch_size=120"),
        ({"early_stopping": 0}, ValueError, "fit: early_stopping must be at least 1; got 0"),
        ({"model": np.tanh, "optimizer": OTHERS}, TypeError, "fit: model must be a Module; got ufunc"),
        ({"optimizer": "adam"}, TypeError, "fit: optimizer must be an Optimizer; got str"),
        ({"loss": nn.MSELoss}, TypeError, r"fit: loss must be a function.* a class. Write MSELoss\(\)"),
        ({"loss": "mse"}, TypeError, r"fit: loss must be a function.* got 'mse'. Write nn.MSELoss\(\)"),
        ({"optimizer": OTHERS}, ValueError, "must hold parameters of the model; got one of other"),
        ({"schedule": "cosine"}, TypeError, "fit: schedule must be a schedule of this optimizer; got str"),
        ({"loss": nn.MSELoss("sum")}, ValueError, "must be the mean over the batch; got reduction='sum'"),
        ({"validation": 0.2}, TypeError, r"validation must be a pair \(X, y\); got float. Hold examples back"),
        ({"validation": UNPAIRED}, ValueError, f"fit: validation {UNEQUAL}"),
        ({"data": UNPAIRED}, ValueError, f"fit: X, y {UNEQUAL}"),
        (
            {"data": (SPOILED, np.ones(3))},
            ValueError,
            "X must be finite; got 2 NaN or infinite values, the first in row 1",
        ),
        ({"data": (np.array([["a"]]), [1])}, TypeError, "fit: X must hold real numbers; got <U1"),
        ({"data": (np.ones((0, 2)), [])}, ValueError, "fit: X must hold at least one example"),
        ({"metrics": ("f1",)}, ValueError, "functions or of accuracy, mean_absolute_error; got 'f1'"),
        (
            {"loss": nn.MSELoss(), "data": (FOUR, np.full((4, 1), 2.5)), "batch_size": 2},
            ValueError,
            r"accuracy: targets must be classes; got float64 in \[2.5, 2.5\]. For a regression pass metrics",
        ),
        ({"loss": mean}, ValueError, "accuracy: one output needs a loss that tells"),
        (
            {"metrics": ("mean_absolute_error",), "data": (FOUR, np.ones(4)), "loss": mean, "batch_size": 2},
            ValueError,
            r"mean_absolute_error: prediction and targets must have one shape; got \(2, 1\) and \(2,\)",
        ),
        ({"metrics": (mean, mean)}, ValueError, "metrics must have names of their own; got 'mean' twice"),
        ({"callbacks": ["print"]}, TypeError, "callbacks must be functions; got str"),
        ({"progress": "loud"}, ValueError, "fit: progress must be 'auto', True or False; got 'loud'"),
        ({"resume": True}, ValueError, "fit: resume=True needs a checkpoint; got none"),
        ({"compile": True, "comm": object()}, ValueError, "compile=True and comm cannot be combined"),
        ({"comm": object()}, TypeError, "comm must be a communicator of mpi4py; got object"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(options, error, message):
    options = {"model": network(), **options}
    before = options["model"].state_dict() if isinstance(options["model"], nn.Module) else {}
    with pytest.raises(error, match=message):
        train(**options)
    assert all(np.array_equal(x, before[name]) for name, x in (options["model"].state_dict() if before else {}).items())
