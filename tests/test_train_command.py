"""The commands `tinygrad-edu train` and `predict`."""

import csv
import signal
import sys
import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from interpreters import start

from tinygrad_edu import data, weights
from tinygrad_edu.cli import main
from tinygrad_edu.commands import config as options
from tinygrad_edu.commands import report
from tinygrad_edu.commands import train as training
from tinygrad_edu.commands.task import Task

pytest.importorskip("safetensors")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A directory of its own, few points, and no pictures: they take longer than all else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "POINTS", 100)
    monkeypatch.setattr(training, "pictures", lambda *_: iter(()))
    return tmp_path


@pytest.fixture
def drawn(elsewhere, monkeypatch):
    """With pictures."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(training, "pictures", report.pictures)


def run(*arguments):
    try:
        return main([str(x) for x in arguments])
    except SystemExit as left:
        return left.code


def refused(capsys, *arguments, status=2):
    """The sentence on the error stream of a command that failed before it did anything."""
    assert run(*arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tinygrad-edu: ")
    return captured.err.removeprefix("tinygrad-edu: ").rstrip("\n")


def table(path, rows=60, classes=("fast", "slow, red"), seed=0):
    """A file of cars: two numbers, a colour with a comma, and a class that follows from them."""
    rng = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["speed", "weight", "colour", "kind"])
        for k in range(rows):
            weight, colour = rng.uniform(0, 5), ["red", "dark, blue"][k % 2]
            writer.writerow([round(200 * (k % 2) + weight, 3), round(weight, 3), colour, classes[k % len(classes)]])
    return path


# What is made


def test_a_run_leaves_all_of_it(elsewhere, drawn, capsys):
    assert run("train", "--data", "moons", "--epochs", 3, "--hidden", 4, "--out", "moons", "--seed", 2) == 0
    out = capsys.readouterr().out
    names = {"config.toml", "task.json", "weights.safetensors", "checkpoint.safetensors", "history.csv"}
    pictures = {"loss.png", "boundary.png"}
    assert {x.name for x in (elsewhere / "moons").iterdir()} == names | pictures
    assert all((elsewhere / "moons" / name).read_bytes()[:4] == b"\x89PNG" for name in pictures)
    assert out.startswith("moons: 80 examples to learn from and 20 held out, 2 inputs, 2 classes\n")
    assert "Linear(in_features=2, out_features=4, bias=True)" in out and "17 parameters" in out
    assert "Held out: accuracy " in out and " of 20 right." in out
    with open("moons/history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = min(rows, key=lambda row: float(row["validation_loss"]))
    assert f"the loss by epoch; validation was lowest in epoch {best['epoch']}.\n" in out
    found, _ = weights.load("moons/weights.safetensors")
    assert {name: x.shape for name, x in found.items()} == {
        "0.weight": (4, 2), "0.bias": (4,), "2.weight": (1, 4), "2.bias": (1,)
    }  # fmt: skip


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    for seed, out in ((1, "a"), (1, "b"), (2, "c")):
        assert run("train", "--data", "xor", "--epochs", 2, "--seed", seed, "--out", out) == 0
    first, again, other = (weights.load(f"{out}/weights.safetensors")[0]["0.weight"] for out in "abc")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_out_each_run_has_a_directory_of_its_own(elsewhere):
    for _ in range(2):
        assert run("train", "--data", "blobs", "--epochs", 1) == 0
    assert {x.name for x in (elsewhere / "runs").iterdir()} == {"blobs-1", "blobs-2"}


def test_digits_show_their_worst_mistakes(drawn, monkeypatch):
    whole = data.digits()
    few = data.Dataset(whole.X[:200], whole.y[:200], whole.feature_names, whole.class_names, whole.source)
    monkeypatch.setattr(data, "digits", lambda: few)
    assert run("train", "--data", "digits", "--epochs", 1, "--hidden", 8, "--out", "d") == 0
    assert Path("d/mistakes.png").read_bytes()[:4] == b"\x89PNG"
    assert not Path("d/boundary.png").exists()


def test_without_matplotlib_all_but_the_pictures_is_there(drawn, monkeypatch, capsys):
    def absent(*_):
        raise ImportError("plot: needs Matplotlib; got none.")

    monkeypatch.setattr(report.plot, "loss_curve", absent)
    assert run("train", "--data", "moons", "--epochs", 1, "--out", "m") == 0
    assert "No pictures. plot: needs Matplotlib" in capsys.readouterr().out
    assert not list(Path("m").glob("*.png")) and Path("m/weights.safetensors").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--loss", "mse", "--optimizer", "sgd"],
        ["--loss", "cross-entropy", "--optimizer", "momentum", "--schedule", "constant"],
        ["--activation", "leaky-relu", "--optimizer", "rmsprop", "--schedule", "step", "--lr", "0.003"],
        ["--hidden", "--optimizer", "adamw", "--activation", "sigmoid"],
        ["--data", "blobs", "--loss", "mse", "--activation", "softplus"],
        ["--compile"],
    ],
)
def test_every_choice_trains(flags, capsys):
    assert run("train", "--data", "moons", "--epochs", 2, "--out", "m", *flags) == 0
    assert "Held out: accuracy" in capsys.readouterr().out


def test_what_speaks_of_no_probabilities_has_a_boundary(drawn):
    assert run("train", "--data", "blobs", "--loss", "mse", "--epochs", 1, "--out", "m") == 0
    assert Path("m/boundary.png").read_bytes()[:4] == b"\x89PNG"


# A table of one's own


def test_a_table_is_learned_and_new_rows_are_answered(capsys):
    table("cars.csv")
    assert run("train", "--data", "cars.csv", "--epochs", 30, "--out", "my cars") == 0
    out = capsys.readouterr().out
    assert out.endswith("Apply it:  tinygrad-edu predict 'my cars' FILE.csv\n")
    assert "48 examples to learn from and 12 held out, 4 inputs, 2 classes" in out
    assert "slow, red |" in out
    new = table("new.csv", rows=9, seed=5)
    assert run("predict", "my cars", new) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(captured.out.splitlines()))
    assert [row["kind"] for row in rows] == [("fast", "slow, red")[k % 2] for k in range(9)]
    assert all(float(row["P(fast)"]) + float(row["P(slow, red)"]) == pytest.approx(1, abs=2e-4) for row in rows)
    assert captured.err == "9 of 9 right.\n"
    Path("unlabelled.csv").write_text('colour,weight,speed\nred,1,2\n"dark, blue",1,203\n')
    assert run("predict", "my cars", "unlabelled.csv") == 0
    captured = capsys.readouterr()
    assert [line.rsplit(",", 2)[0] for line in captured.out.splitlines()[1:]] == ["fast", '"slow, red"']
    assert captured.err == ""


def test_a_quantity_is_learned_in_its_own_unit(capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    rows = np.column_stack([X, 5e6 + 9e5 * X[:, 0] - 4e5 * X[:, 1]])
    np.savetxt("price.csv", rows, delimiter=",", header="a,b,price", comments="", fmt="%.6f")
    assert run("train", "--data", "price.csv", "--out", "p", "--epochs", 60) == 0
    out = capsys.readouterr().out
    assert "2 inputs, the quantity price" in out and ", R² 0.99" in out
    assert "e+" not in out
    assert run("predict", "p", "price.csv") == 0
    captured = capsys.readouterr()
    assert "e+" not in captured.out + captured.err
    answers = np.array([float(line) for line in captured.out.splitlines()[1:]])
    error = np.abs(answers - rows[:, 2]).mean()
    assert error < 1e5
    assert float(captured.err.removeprefix("Mean absolute error ").rstrip(".\n")) == pytest.approx(error, rel=1e-3)


def test_the_training_part_alone_tells_what_inputs_are_standardized_by():
    X, y = data.moons(50, 0)
    task = Task.of(training.built_in(X, y, ("x1", "x2"), ("0", "1")), X[:40], y[:40], "auto")
    np.testing.assert_allclose(task.inputs(X[:40]).mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.inputs(X[:40]).std(axis=0), 1)
    again = Task.from_json(task.to_json())
    assert np.array_equal(again.inputs(X), task.inputs(X)) and again.loss == "bce"


def test_classes_are_not_set_side_by_side_beyond_80_columns(capsys):
    rng = np.random.default_rng(0)
    names = [f"class number {k}\x1b[31m" for k in range(8)]
    with open("many.csv", "w", newline="") as file:
        csv.writer(file).writerows([["x", "y", "kind"], *([rng.normal(), k % 8, names[k % 8]] for k in range(80))])
    assert run("train", "--data", "many.csv", "--epochs", 1, "--out", "m") == 0
    out = capsys.readouterr().out
    assert "Most often confused:" in out and "taken for class num…" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_a_class_without_an_example_to_learn_from_is_named(capsys):
    rows = [f"{k},{'ab'[k % 2]}" for k in range(20)]
    Path("rare.csv").write_text("\n".join(["x,kind", *rows, "5,c\n"]))
    assert run("train", "--data", "rare.csv", "--epochs", 1, "--out", "m") == 0
    assert "3 classes; no example to learn from of c\n" in capsys.readouterr().out


# Options


def test_the_options_are_written_back_and_read_again():
    flags = ["--hidden", 5, 3, "--lr", "1e-3", "--validation", "0.25", "--schedule", "step", "--epochs", 2, "--seed", 9]
    assert run("train", "--data", "circles", *flags, "--out", "one") == 0
    kept = tomllib.loads(Path("one/config.toml").read_text())
    assert kept == {
        "data": "circles", "target": "", "missing": "", "ignore": [], "hidden": [5, 3], "activation": "tanh",
        "loss": "bce", "optimizer": "adam", "lr": 0.001, "schedule": "step", "epochs": 2, "batch_size": 32,
        "validation": 0.25, "seed": 9, "compile": False, "text": [], "task": "",
    }  # fmt: skip
    assert run("train", "--config", "one/config.toml", "--out", "two") == 0
    assert Path("two/weights.safetensors").read_bytes() == Path("one/weights.safetensors").read_bytes()
    assert run("train", "--config", "one/config.toml", "--hidden", 4, "--out", "three") == 0
    assert tomllib.loads(Path("three/config.toml").read_text()) == kept | {"hidden": [4]}


def test_any_text_survives_the_file(tmp_path):
    config = options.chosen({"data": 'a "b"\\\n\t\x7f\x01 ü 🙂.csv', "ignore": ["'", "#"]})
    options.save(config, tmp_path / "c.toml")
    assert options.read(tmp_path / "c.toml") == vars(config)


def test_the_defaults_are_those_of_the_data_set():
    assert options.chosen({"data": "digits", "lr": None}).hidden == [128]
    assert options.chosen({"data": "moons"}).hidden == [16, 16]
    assert options.chosen({"data": "iris", "optimizer": "sgd"}).lr == 0.1
    assert options.chosen({"data": "iris", "optimizer": "sgd", "lr": 0.5}).lr == 0.5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr = ", "c.toml must be TOML; got: "),
        ("rate = 1", "c.toml must hold options of train; got 'rate'. Known: data, "),
        ("lr = 'fast'", "lr must be a number above 0; got 'fast' in c.toml"),
        ("lr = true", "lr must be a number above 0; got True"),
        ("lr = nan", "lr must be a number above 0; got nan"),
        ("epochs = 2.5", "epochs must be a whole number at least 1; got 2.5"),
        ("hidden = 3", "hidden must be a list, each a whole number at least 1; got 3"),
        ("hidden = [3, 0]", r"hidden must be a list, each a whole number at least 1; got [3, 0]"),
        ("validation = 1", "validation must be a number above 0, below 1; got 1"),
        ("optimizer = 'adagrad'", "optimizer must be one of sgd, momentum, rmsprop, adam, adamw; got 'adagrad'"),
        ("compile = 1", "compile must be true or false; got 1"),
        ("data = ['moons']", "data must be text; got ['moons']"),
        ("epochs = 1", "needs data; got none. Pass --data moons"),
    ],
)
def test_a_wrong_configuration_is_refused(line, message, elsewhere, capsys):
    Path("c.toml").write_text(line + "\n")
    assert message in refused(capsys, "train", "--config", "c.toml")
    assert [x.name for x in elsewhere.iterdir()] == ["c.toml"]


# Bad input


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "train: needs data; got none."),
        (["--data", "moon"], "blobs, xor, iris, cancer, digits, or a file; got 'moon'"),
        (["--data", "cars.csv", "--target", "size"], "must have the column 'size'; got 'speed', 'weight', 'colour'"),
        (["--data", "empty.csv"], "train: empty.csv must hold a row of cells; got an empty file"),
        (["--data", "one.csv"], "the target 'kind' must have at least two classes; got 'fast' in every row"),
        (["--data", "holes.csv"], "got 1 in 'x', in 1 of 3 rows. Pass --missing 'drop' to leave such rows out, or"),
        (["--data", "typo.csv"], "got '4O'. Mend the cell; if the column holds categories, read the table with --text"),
        (["--data", "names.csv"], "must have at most 10 categories; got 12 in 12 rows, such as 'no. 0', 'no. 1'"),
        (["--data", "names.csv"], "Leave it out with --ignore 'name'; if it should hold numbers"),
        (["--data", "moons", "--target", "x1"], "--target is for a file of yours; got it with moons"),
        (["--data", "iris", "--missing", "drop"], "--missing is for a file of yours; got it with iris"),
        (["--data", "moons", "--batch-size", "81"], "at most the number of examples to learn from, 80; got 81"),
        (["--data", "moons", "--hidden", "1000000000000000"], "Unable to allocate 14.2 PiB for an array with"),
        (["--data", "moons", "--epochs", "0"], "train: epochs must be a whole number at least 1; got 0"),
        (["--data", "moons", "--validation", "0.001"], "train: each part must hold at least one example; got 100"),
        (["--data", "moons", "--validation", "0.001"], "Use more examples or another --validation."),
        (["--data", "blobs", "--loss", "bce"], "the loss bce needs two classes; got 3 in 'class'. Use cross-entropy"),
        (["--data", "cars.csv", "--target", "weight", "--loss", "cross-entropy"], "quantity in 'weight'. Use mse"),
        (["--data", "moons", "--out", "cars.csv"], "train: cars.csv must be a directory that can be written to"),
        (["--data", "moons", "--resume"], "--resume needs the directory of a run; got none. Name it by --out"),
        (["--resume", "--out", "nowhere"], "nowhere must hold the run to go on with; got no config.toml"),
        (["--config", "none.toml"], "none.toml: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_told_in_a_sentence(flags, message, capsys):
    table("cars.csv")
    Path("empty.csv").write_text("")
    Path("one.csv").write_text("x,kind\n1,fast\n2,fast\n")
    Path("holes.csv").write_text("x,kind\n1,fast\n,slow\n3,fast\n")
    Path("typo.csv").write_text("x,kind\n1,fast\n4O,slow\n")
    Path("names.csv").write_text("name,kind\n" + "".join(f"no. {k},{'ab'[k % 2]}\n" for k in range(12)))
    assert message in refused(capsys, "train", *flags)


@pytest.mark.parametrize("flags", [["--lr", "fast"], ["--activation", "gelu"], ["--hidden", "x"], ["extra"]])
def test_wrong_flags_show_the_usage(flags, capsys):
    assert run("train", "--data", "moons", *flags) == 2
    assert capsys.readouterr().err.startswith("usage: tinygrad-edu")


def test_missing_values_are_filled_or_left_out():
    Path("holes.csv").write_text("x,kind\n" + "".join(f"{k if k % 5 else ''},{'ab'[k % 2]}\n" for k in range(40)))
    for how in ("mean", "drop"):
        assert run("train", "--data", "holes.csv", "--missing", how, "--epochs", 1, "--out", how) == 0


def test_without_safetensors_nothing_is_begun(monkeypatch, elsewhere, capsys):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    assert "pip install 'tinygrad_edu[io]'" in refused(capsys, "train", "--data", "moons", status=1)
    assert list(elsewhere.iterdir()) == []


def test_nan_is_told_with_the_op(capsys):
    assert run("train", "--data", "moons", "--lr", "1e300", "--loss", "mse", "--optimizer", "sgd", "--out", "m") == 2
    told = capsys.readouterr().err
    assert "fit: loss, gradient and weights must be finite; got NaN or infinity in epoch 1" in told
    assert "from inputs (" in told and "Made at" not in told and told.endswith(". Lower --lr.\n")


def test_a_full_disk_keeps_the_last_checkpoint(monkeypatch, capsys):
    assert run("train", "--data", "moons", "--schedule", "constant", "--epochs", 2, "--out", "m") == 0
    before = Path("m/checkpoint.safetensors").read_bytes()
    write_bytes = Path.write_bytes

    def write_half(self, content):
        if not self.name.startswith("checkpoint"):
            return write_bytes(self, content)
        write_bytes(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    assert run("train", "--resume", "--epochs", 4, "--out", "m") == 2
    assert capsys.readouterr().err == "tinygrad-edu: m/checkpoint.safetensors: No space left on device\n"
    assert Path("m/checkpoint.safetensors").read_bytes() == before
    assert not list(Path("m").glob("*.part"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda: Path("m/task.json").unlink(), "m must be a directory that train has written; got no task.json"),
        (lambda: Path("m/task.json").write_text("{}"), "the task must be what train wrote; got KeyError"),
        (lambda: Path("m/weights.safetensors").unlink(), "m must hold weights; got none. Finish it: "),
        (lambda: Path("m/weights.safetensors").write_bytes(b"x"), "weights.safetensors must be a whole safetensors"),
        (lambda: Path("m/config.toml").write_text("data = 'm'\nhidden = [4]\n"), "safetensors, names must agree"),
        (lambda: Path("new.csv").unlink(), "new.csv: No such file or directory"),
        (lambda: Path("new.csv").write_text("x1,x3\n1,2\n"), "the columns of the table; got none named 'x2'"),
        (lambda: Path("new.csv").write_text("x1,x2\n1,red\n"), "predict: new.csv: line 2, column 'x2' must hold a"),
        (lambda: Path("new.csv").write_text("x1,x2,class\n1,2,7\n"), "one of '0', '1'; got '7'. The model knows no"),
        (lambda: Path("new.csv").write_text("x1,x2\n1,2\n3\n"), "line 3 must hold 2 cells, as the first does; got 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_in_a_sentence(spoil, message, capsys):
    assert run("train", "--data", "moons", "--epochs", 1, "--out", "m") == 0
    Path("new.csv").write_text("x1,x2\n1,2\n")
    spoil()
    capsys.readouterr()
    assert message in refused(capsys, "predict", "m", "new.csv")


# Going on


def interrupted(monkeypatch, epochs, *arguments):
    """Run train, and press Ctrl-C after so many epochs."""

    def press(model, history):
        if history.epochs == epochs:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", partial(training.fit, callbacks=[press]))
        assert run("train", *arguments) == 130


def test_a_run_that_is_resumed_has_the_weights_of_the_unbroken_run(monkeypatch, capsys):
    flags = ["--data", "moons", "--epochs", 8, "--seed", 3]
    assert run("train", *flags, "--out", "whole") == 0
    interrupted(monkeypatch, 5, *flags, "--out", "parts")
    said = capsys.readouterr().out
    assert "Ctrl-C after epoch 5: the model has the weights of epoch 5, the best." in said
    assert said.endswith("Go on:     tinygrad-edu train --resume --out parts\n")
    Path("parts/history.csv.77.part").write_text("of a run that was killed while it wrote")
    assert run("train", "--resume", "--out", "parts") == 0
    assert "Go on:" not in capsys.readouterr().out
    assert {x.name for x in Path("parts").iterdir()} == {x.name for x in Path("whole").iterdir()}
    assert Path("parts/weights.safetensors").read_bytes() == Path("whole/weights.safetensors").read_bytes()


def test_another_run_is_neither_overwritten_nor_mixed_up(capsys):
    assert run("train", "--data", "moons", "--epochs", 1, "--out", "m") == 0
    before = {x.name: x.read_bytes() for x in Path("m").iterdir()}
    capsys.readouterr()
    assert "m must not hold another run; got one of moons." in refused(capsys, "train", "--data", "xor", "--out", "m")
    for flags, message in (
        (["--data", "xor"], "with data 'moons'; got 'xor'"),
        (["--hidden", "3"], "with hidden [16, 16]; got [3]"),
        (["--batch-size", "16"], "with batch-size 32; got 16"),
        (["--epochs", "2"], "of a run with a constant rate; got 2 in place of 1, by which cosine sets the rate. Leave"),
        (["--seed", "1"], "with seed 0; got 1"),
    ):
        assert message in refused(capsys, "train", "--resume", "--out", "m", *flags)
    assert before == {x.name: x.read_bytes() for x in Path("m").iterdir()}


def test_a_run_is_not_resumed_on_other_data(capsys):
    table("cars.csv")
    assert run("train", "--data", "cars.csv", "--epochs", 1, "--out", "m") == 0
    table("cars.csv", seed=1)
    capsys.readouterr()
    message = "the data must be those m was begun with; got cars.csv with other columns or numbers"
    assert message in refused(capsys, "train", "--resume", "--out", "m")


def test_a_run_with_a_constant_rate_may_be_made_longer():
    for epochs, out in ((5, "whole"), (2, "parts")):
        assert run("train", "--data", "moons", "--schedule", "constant", "--epochs", epochs, "--out", out) == 0
    assert run("train", "--resume", "--epochs", 5, "--out", "parts") == 0
    assert Path("parts/weights.safetensors").read_bytes() == Path("whole/weights.safetensors").read_bytes()


def test_a_run_is_not_made_shorter_than_it_is(monkeypatch, capsys):
    flags = ["--data", "moons", "--schedule", "constant"]
    assert run("train", *flags, "--epochs", 5, "--out", "whole") == 0
    interrupted(monkeypatch, 3, *flags, "--epochs", 30, "--out", "m")
    before = Path("m/config.toml").read_bytes()
    capsys.readouterr()
    message = "--epochs count from the beginning of the run, and m has 3; got 2. Ask for more, or leave them out."
    assert message in refused(capsys, "train", "--resume", "--epochs", "2", "--out", "m")
    assert Path("m/config.toml").read_bytes() == before
    assert run("train", "--resume", "--epochs", 5, "--out", "m") == 0
    assert Path("m/weights.safetensors").read_bytes() == Path("whole/weights.safetensors").read_bytes()
    capsys.readouterr()
    assert run("train", "--resume", "--out", "m") == 0
    assert "The run has all of its 5 epochs.\n" in capsys.readouterr().out


def test_control_c_before_the_training_ends_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(data, "moons", lambda *_: signal.raise_signal(signal.SIGINT))
    assert refused(capsys, "train", "--data", "moons", status=130) == "stopped by Ctrl-C."


def test_the_target_is_what_one_says_it_is(capsys):
    Path("stars.csv").write_text("zip,stars\n" + "".join(f"{100 * (k % 3)},{k % 5}\n" for k in range(40)))
    assert run("train", "--data", "stars.csv", "--epochs", 1, "--out", "a") == 0
    assert "1 input, 5 classes" in capsys.readouterr().out
    flags = ["--text", "zip", "--task", "regression"]
    assert run("train", "--data", "stars.csv", *flags, "--epochs", 1, "--out", "b") == 0
    assert "3 inputs, the quantity stars" in capsys.readouterr().out


# In a shell


def test_it_works_in_a_pipe():
    running = start("-m", "tinygrad_edu", "train", "--data", "iris", "--epochs", 2, "--out", "i")
    out, err = running.communicate()
    assert (running.returncode, err) == (0, b"")
    assert b"Held out: accuracy" in out and b"setosa" in out and b"\r" not in out.replace(b"\r\n", b"\n")


def test_help_shows_a_default_of_zero(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert run("train", "--help") == 0
    assert "of the data, the split, the weights and the batches (default: 0)" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "predict"])
def test_help_has_an_example(command, capsys):
    assert run(command, "--help") == 0
    assert f"Example: tinygrad-edu {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tinygrad-edu tr", {"train"}),
        ("tinygrad-edu train --data mo", {"moons"}),
        ("tinygrad-edu train --activation s", {"sigmoid", "softplus"}),
        ("tinygrad-edu train --ep", {"--epochs"}),
    ],
)
def test_a_shell_is_told_how_the_line_goes_on(line, words, tmp_path):
    pytest.importorskip("argcomplete")
    answer = tmp_path / "answer"
    asked = {
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    asked |= {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
    start("-m", "tinygrad_edu", **asked).communicate()
    assert set(answer.read_text().split()) == words
