"""Weights in files, and runs that are killed and go on."""

import json
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from interpreters import start

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim, weights
from tinygrad_edu.checkpoint import Checkpoint

pytest.importorskip("safetensors")


def network(sizes=(2, 8, 1), seed=0, activation=nn.Tanh):
    return nn.MLP(list(sizes), activation=activation, rng=seed)


def arrays(model):
    return {name: x.copy() for name, x in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# Weights


def test_what_is_saved_is_loaded(tmp_path):
    model, other = network(seed=1), network(seed=2)
    model.save(tmp_path / "w.safetensors")
    other.load(tmp_path / "w.safetensors")
    assert same(arrays(model), arrays(other))
    assert [x.name for x in tmp_path.iterdir()] == ["w.safetensors"]


def test_every_shape_dtype_and_layout_is_kept(tmp_path):
    kept = {
        "scalar": np.array(2.5),
        "empty": np.ones((0, 3)),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "strided": np.arange(10.0)[::3],
        "half": np.ones(2, np.float16),
        "whole": np.arange(3),
        "ünï": np.array([np.nan, np.inf]),
    }
    weights.save(tmp_path / "a", kept, 'a "note"')
    found, note = weights.load(tmp_path / "a")
    assert note == 'a "note"'
    assert {name: x.dtype for name, x in found.items()} == {name: x.dtype for name, x in kept.items()}
    assert all(np.array_equal(found[name], kept[name], equal_nan=x.dtype.kind == "f") for name, x in kept.items())


def saved(path, state):
    weights.save(path, state)


def cut(path, state):
    weights.save(path, state)
    path.write_bytes(path.read_bytes()[:-3])


def renamed(state, old, new):
    return {new if name == old else name: x for name, x in state.items()}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda path, state: saved(path, renamed(state, "2.bias", "3.bias")),
            r"got \['2.bias'\] missing, \['3.bias'\]",
        ),
        (lambda path, state: saved(path, {"0.weight": state["0.weight"]}), "names must agree; got .* missing"),
        (lambda path, state: saved(path, state | {"more": np.ones(1)}), r"\['more'\] unexpected"),
        (
            lambda path, state: saved(path, state | {"2.bias": np.ones(2)}),
            r"'2.bias' must have shape \(1,\); got \(2,\)",
        ),
        (cut, "must be a whole safetensors file of NumPy's dtypes; got: .* Was it cut short"),
        (lambda path, state: path.write_bytes(b""), "must be a whole safetensors file"),
        (lambda path, state: path.write_text("weights " * 99), "must be a whole safetensors file"),
    ],
)
def test_a_file_that_is_not_of_the_model_is_refused_by_name_and_changes_nothing(tmp_path, spoil, message):
    model = network()
    before = arrays(model)
    path = tmp_path / "other.safetensors"
    spoil(path, {name: x + 1 for name, x in before.items()})
    with pytest.raises(ValueError, match=rf"load: .*{path.name}.*{message}"):
        model.load(path)
    assert same(arrays(model), before)


def test_a_path_without_a_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        network().load(tmp_path / "none.safetensors")
    with pytest.raises(IsADirectoryError, match="load: needs a file; got the directory"):
        network().load(tmp_path)


def test_without_safetensors_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for attempt in (network().save, network().load):
        with pytest.raises(ImportError, match=r"needs safetensors; got none. .*pip install 'tinygrad_edu\[io\]'"):
            attempt(tmp_path / "w")


# Checkpoints


def train(directory, epochs, resume=False, model=None, **options):
    """A run with every kind of state: dropout, a schedule, an optimizer with two arrays, validation."""
    rng = np.random.default_rng(5)
    X, y = data.moons(60, rng)
    sets = data.split(X, y[:, None].astype(float), 0.25, rng)
    dropped = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.Tanh(), nn.Dropout(0.2, rng=7), nn.Linear(8, 1, rng=rng))
    model = model or dropped
    optimizer = options.pop("optimizer", optim.Adam)(model.parameters(), lr=0.05)
    schedule = optim.StepLR(optimizer, 3, gamma=0.7)
    loss = options.pop("loss", nn.BCEWithLogitsLoss())
    options = {"batch_size": 16, "rng": rng, "schedule": schedule, "validation": sets[1], "progress": False} | options
    history = tg.fit(model, loss, optimizer, *sets[0], epochs, checkpoint=directory, resume=resume, **options)
    return arrays(model), {name: values for name, values in history.items() if name != "seconds"}, history


def test_a_run_in_parts_gives_the_numbers_of_the_unbroken_run(tmp_path):
    whole, numbers, _ = train(tmp_path / "whole", 9)
    for epochs in (2, 3, 8, 9, 9):
        parts, resumed, history = train(tmp_path / "parts", epochs, resume=True)
        assert history.epochs == epochs
    assert same(parts, whole)
    assert resumed == numbers
    assert [x.name for x in (tmp_path / "parts").iterdir()] == ["checkpoint.safetensors"]


def test_epochs_count_from_the_beginning_of_the_run(tmp_path, capsys):
    train(tmp_path, 3)
    with pytest.raises(ValueError, match=r"fit: epochs must be at least those that the run has, 3; got 2\. They count"):
        train(tmp_path, 2, resume=True)
    _, _, history = train(tmp_path, 3, resume=True, progress=True)
    assert history.epochs == 3
    assert "The run has all of its 3 epochs." in "".join(capsys.readouterr())


def test_a_run_may_go_on_compiled(tmp_path):
    whole, numbers, _ = train(None, 4)
    train(tmp_path, 2, resume=True)
    parts, mixed, history = train(tmp_path, 4, resume=True, compile=True)
    assert all(np.allclose(parts[name], whole[name], rtol=1e-8) for name in whole)
    assert np.allclose(mixed["gradient_norm"], numbers["gradient_norm"], rtol=1e-8)
    assert len(repr(history).splitlines()) == 7


def test_a_run_with_checkpoints_has_the_numbers_of_one_without(tmp_path):
    assert same(train(tmp_path, 3)[0], train(None, 3)[0])


@pytest.mark.parametrize("kind", ["MT19937", "Philox", "SFC64"])
def test_any_generator_goes_on(tmp_path, kind):
    make = lambda: np.random.Generator(getattr(np.random, kind)(3))  # noqa: E731
    whole, _, _ = train(None, 4, rng=make())
    train(tmp_path, 2, rng=make())
    parts, _, _ = train(tmp_path, 4, resume=True, rng=make())
    assert same(parts, whole)


def test_early_stopping_goes_on_from_where_it_was(tmp_path):
    _, _, whole = train(None, 60, early_stopping=2, optimizer=lambda params, lr: optim.SGD(params, lr=3.0))
    _, _, first = train(tmp_path, 1, early_stopping=2, optimizer=lambda params, lr: optim.SGD(params, lr=3.0))
    weights_then, _, rest = train(
        tmp_path, 60, resume=True, early_stopping=2, optimizer=lambda params, lr: optim.SGD(params, lr=3.0)
    )
    again, _, _ = train(
        tmp_path, 60, resume=True, early_stopping=2, optimizer=lambda params, lr: optim.SGD(params, lr=3.0)
    )
    assert first.epochs == 1 < rest.epochs == whole.epochs < 60
    assert rest.stopped == whole.stopped
    assert same(weights_then, again)


def test_a_directory_with_another_run_is_refused(tmp_path):
    train(tmp_path, 1)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match=r"must not hold another run; got one.* Pass resume=True"):
        train(tmp_path, 2)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": network((2, 9, 1))}, r"its model was Sequential\(; got MLP\("),
        ({"loss": nn.MSELoss()}, r"its loss was BCEWithLogitsLoss\(reduction='mean'\); got MSELoss"),
        ({"batch_size": 15}, "its batch_size was 16; got 15"),
        ({"optimizer": optim.AdamW}, r"its optimizer was Adam\(betas=\(0.9, 0.999\).* weight_decay=0.0\); got AdamW"),
        ({"schedule": None}, r"its schedule was StepLR\(step_size=3, gamma=0.7\); got None"),
        ({"validation": None}, "its examples was 15; got nothing"),
        ({"metrics": ()}, "its metrics was accuracy; got nothing"),
        ({"rng": np.random.Generator(np.random.MT19937(0))}, "PCG64|MT19937"),
    ],
)  # fmt: skip
def test_another_run_is_not_resumed_and_nothing_is_changed(tmp_path, options, message):
    train(tmp_path, 1)
    model = options.get("model") or nn.Sequential(
        nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Dropout(0.2, rng=7), nn.Linear(8, 1, rng=0)
    )
    before = arrays(model)
    with pytest.raises(ValueError, match=rf"checkpoint: .*must be of this run; .*({message})"):
        train(tmp_path, 2, resume=True, **{"model": model} | options)
    assert same(arrays(model), before)


def test_a_model_of_other_layers_inside_is_not_resumed(tmp_path):
    class Own(nn.Module):
        def __init__(self, size):
            self.first, self.last = nn.Linear(2, size, rng=0), nn.Linear(size, 1, rng=0)

        def forward(self, x):
            return self.last(np.tanh(self.first(x)))

        def __repr__(self):
            return "Own()"

    train(tmp_path, 1, model=Own(4))
    with pytest.raises(ValueError, match=r"must be of this run; load_state_dict: 'first.weight' must have shape"):
        train(tmp_path, 2, resume=True, model=Own(5))


@pytest.mark.parametrize("content", [b"", b"nothing of that kind", None])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, content):
    train(tmp_path, 1)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-9] if content is None else content)
    with pytest.raises(ValueError, match=r"checkpoint.safetensors must be a whole safetensors file"):
        train(tmp_path, 2, resume=True)


def test_weights_in_the_place_of_a_checkpoint_are_refused(tmp_path):
    weights.save(tmp_path / "checkpoint.safetensors", network().state_dict())
    with pytest.raises(ValueError, match=r"checkpoint.safetensors must be of this run"):
        train(tmp_path, 2, resume=True)


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file must be a directory that can be written to; got: "):
        train(tmp_path / "file", 1)


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a directory that nobody can write to")
def test_a_directory_that_cannot_be_written_to_is_refused_before_training():
    with pytest.raises(OSError, match="/sys/kernel must be a directory that can be written to"):
        train("/sys/kernel", 1)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    write_bytes = Path.write_bytes

    def write_half(self, content):
        write_bytes(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    def fill(model, history):
        if history.epochs == 3:
            monkeypatch.setattr(Path, "write_bytes", write_half)

    whole, _, _ = train(None, 6)
    with pytest.raises(OSError, match="No space left"):
        train(tmp_path, 6, callbacks=[fill])
    monkeypatch.undo()
    assert [x.name for x in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    assert weights.load(tmp_path / "checkpoint.safetensors")[0]["history.loss"].size == 3
    assert same(train(tmp_path, 6, resume=True)[0], whole)


def test_nothing_in_the_file_is_code(tmp_path):
    train(tmp_path, 2)
    found, note = weights.load(tmp_path / "checkpoint.safetensors")
    assert {name.split(".")[0] for name in found} == {"model", "optimizer", "best", "history"}
    assert set(json.loads(note)) == {"generators", "schedule", "run", "series"}


# kill -9

KILLED = """
import sys
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim

rng = np.random.default_rng(5)
X, y = data.moons(400, rng)
model = nn.Sequential(nn.Linear(2, 64, rng=rng), nn.Tanh(), nn.Dropout(0.1, rng=3), nn.Linear(64, 1, rng=rng))
optimizer = optim.Adam(model.parameters(), lr=0.02)
print("begun", flush=True)
tg.fit(
    model, nn.BCEWithLogitsLoss(), optimizer, X, y[:, None], int(sys.argv[2]), 16, rng=rng, metrics=(),
    checkpoint=sys.argv[1] or None, resume=bool(sys.argv[1]), progress=False,
)
print(*(repr(float(x)) for array in model.state_dict().values() for x in array.ravel()))
"""


def begin(directory, epochs):
    return start("-c", KILLED, directory, epochs)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_run_that_is_killed_at_random_moments_gives_the_numbers_of_the_unbroken_run(tmp_path):
    epochs, chance = 60, random.Random(1)
    unbroken = begin("", epochs)
    found, written = 0, tmp_path / "checkpoint.safetensors"
    for last in (False, False, False, True):
        run = begin(tmp_path, epochs)
        assert run.stdout.readline().rstrip() == b"begun"
        while last and not written.exists() and run.poll() is None:  # on a busy machine no other run got that far
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.15))
        run.kill()
        run.communicate()
        if written.exists():
            reached = weights.load(written)[0]["history.loss"].size
            assert reached >= found
            found = reached
    resumed, _ = begin(tmp_path, epochs).communicate()
    assert resumed == unbroken.communicate()[0]
    assert 0 < found <= epochs
    assert list(tmp_path.iterdir()) == [written]


def test_what_a_killed_run_left_half_written_is_removed_and_nothing_else(tmp_path):
    others = ["checkpoint.safetensors.part", "film.123.part", "checkpoint.safetensors.old.part"]
    for name in ("checkpoint.safetensors.123.part", *others):
        (tmp_path / name).write_bytes(b"half")
    Checkpoint(tmp_path, {}, resume=False)
    assert {x.name for x in tmp_path.iterdir()} == set(others)
