"""More than one process: in threads with a communicator made for the tests, and by mpiexec where it is installed."""

import os
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interpreters import environment
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_edu as tg
from tinygrad_edu import distributed
from tinygrad_edu.distributed import Group


class Rank:
    """What Group asks of a communicator of mpi4py, between the threads of one process."""

    def __init__(self, rank, size, barrier, places):
        self.rank, self.size, self.barrier, self.places = rank, size, barrier, places
        self.reductions, self.aborted = [], None

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.size

    def allgather(self, value):
        self.places[self.rank] = value
        self.barrier.wait()
        everything = list(self.places)
        self.barrier.wait()
        return everything

    def bcast(self, value, root):
        return self.allgather(value)[root]

    def Allreduce(self, mine, total):
        assert mine is None  # in place
        self.reductions.append(total.size)
        total[...] = sum(self.allgather(total.copy()))

    def Abort(self, code):
        self.aborted = code


def ranks(size):
    barrier, places = threading.Barrier(size, timeout=20), [None] * size
    return [Rank(rank, size, barrier, places) for rank in range(size)]


def together(size, work):
    """work(comm) on each of so many threads; what each returns, or the exception that it raises."""
    results = [None] * size

    def one(comm):
        try:
            results[comm.rank] = work(comm)
        except Exception as error:
            results[comm.rank] = error
            comm.barrier.abort() if not isinstance(error, ValueError) else None

    threads = [threading.Thread(target=one, args=(comm,)) for comm in ranks(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ValueError):
            raise result
    return results


@pytest.fixture(autouse=True)
def excepthook(monkeypatch):
    """Each Group sets sys.excepthook; afterwards it is what it was."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


def made(rng=0, sizes=(3, 4, 2), dtype=np.float64):
    return tg.nn.MLP(sizes, rng=rng, dtype=dtype)


rng = np.random.default_rng(0)
X, Y = rng.standard_normal((11, 3)), rng.standard_normal((11, 2))
LOSS = tg.nn.MSELoss()


def gradients(model, X, Y):
    model.zero_grad()
    LOSS(model(X), Y).backward()
    return [x.grad.data for x in model.parameters()]


# Shares


@given(st.integers(0, 40), st.integers(1, 9))
def test_shares_follow_one_another_and_differ_by_one_row(m, size):
    rows = np.arange(m)
    shares = [Group(comm).shard(rows)[0] for comm in ranks(size)]
    assert_array_equal(np.concatenate(shares), rows)
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_all_arrays_are_cut_alike():
    (second,) = ranks(2)[1:]
    X_share, y_share, nothing = Group(second).shard(X, list(range(11)), np.ones((11, 0)))
    assert_array_equal(X_share, X[6:])
    assert y_share == [6, 7, 8, 9, 10]
    assert nothing.shape == (5, 0)
    with pytest.raises(ValueError, match=r"Group.shard: the arrays must have one row for each example; got \[11, 10\]"):
        Group(second).shard(X, Y[:10])


# Gradients


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("m", [11, 6, 2])
@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_the_average_is_the_gradient_of_the_whole_batch(size, m, dtype, rtol):
    expected = gradients(made(), X[:m], Y[:m])

    def work(comm):
        group, model = Group(comm), made(dtype=dtype)
        X_share, Y_share = group.shard(X[:m].astype(dtype), Y[:m])
        if len(X_share):
            gradients(model, X_share, Y_share)
        group.average(model.parameters(), len(X_share))
        return [x.grad for x in model.parameters()], comm.reductions

    for found, reductions in together(size, work):
        for g, exact in zip(found, expected, strict=True):
            assert g.dtype == dtype and g.data.flags.owndata
            assert_allclose(g.data, exact, rtol=rtol, atol=rtol)
        parameters = 4 * 3 + 4 + 2 * 4 + 2
        assert reductions == ([parameters + 4 + 1] if size > 1 else [])


def test_the_mean_of_the_ranks_gradients_is_right_for_equal_shares_only():
    def plain_mean(m):
        shares = [Group(comm).shard(X[:m], Y[:m]) for comm in ranks(2)]
        return np.mean([gradients(made(), *share)[0] for share in shares], axis=0)

    assert_allclose(plain_mean(10), gradients(made(), X[:10], Y[:10])[0], rtol=1e-12)
    assert np.abs(plain_mean(11) - gradients(made(), X, Y)[0]).max() > 1e-3


def test_dtypes_are_reduced_apart_and_what_has_no_gradient_keeps_none():
    def work(comm):
        wide, narrow, unused, frozen = (
            tg.Tensor(np.ones(2), requires_grad=grad, dtype=dtype)
            for grad, dtype in ((True, float), (True, np.float32), (True, float), (False, float))
        )
        group = Group(comm)
        if comm.rank == 1:
            (np.sum(wide) * 2 + np.sum(narrow * narrow)).backward()
        group.average([wide, narrow, unused, frozen], comm.rank)
        assert unused.grad is None and frozen.grad is None
        return wide.grad, narrow.grad, comm.reductions

    for wide, narrow, reductions in together(2, work):
        assert_array_equal(wide.data, [2, 2])
        assert_array_equal(narrow.data, [2, 2])
        assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
        assert reductions == [4 + 2 + 1, 2 + 1 + 1]


def test_the_mean_of_a_number_counts_examples():
    values, examples = [1.0, 4.0, np.nan], [3, 1, 0]
    assert together(3, lambda comm: Group(comm).mean(values[comm.rank], examples[comm.rank])) == [1.75] * 3


def test_a_batch_without_examples_is_an_error_on_every_rank():
    for error in together(2, lambda comm: Group(comm).mean(1.0, 0)):
        assert "Group.mean: at least one rank must have an example; got 0 in all" in str(error)
    for error in together(2, lambda comm: Group(comm).average(made().parameters(), 0)):
        assert "Group.average: at least one rank must have an example; got 0 in all" in str(error)


# Training


def trained(comm=None, epochs=6, m=11):
    group = Group(comm or ranks(1)[0])
    model = made(rng=group.rank)
    optimizer = tg.optim.Adam(model.parameters(), lr=0.05)
    group.agree(model, optimizer)
    shuffle = np.random.default_rng(group.same(group.rank + 3))
    for _ in range(epochs):
        for X_batch, Y_batch in tg.data.batches(X[:m], Y[:m], 4, shuffle):
            X_share, Y_share = group.shard(X_batch, Y_batch)
            optimizer.zero_grad()
            if len(X_share):
                LOSS(model(X_share), Y_share).backward()
            group.average(model.parameters(), len(X_share))
            optimizer.step()
    return model.state_dict()


@pytest.mark.parametrize("size", [2, 3, 4, 6])
def test_training_is_that_of_one_process(size):
    alone = trained()
    states = together(size, trained)
    for state in states:
        for name, array in alone.items():
            assert_allclose(state[name], array, rtol=1e-12, atol=1e-12)
            assert_array_equal(state[name], states[0][name])


def test_agreeing_gives_all_the_state_of_rank_0():
    def work(comm):
        model = made(rng=comm.rank)
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if comm.rank == 0:
            gradients(model, X, Y)
            optimizer.step()
        expected = comm.bcast((model.state_dict(), optimizer.state_dict()), root=0)
        Group(comm).agree(model, optimizer, epochs=3)
        for found, exact in zip((model.state_dict(), optimizer.state_dict()), expected, strict=True):
            for name, array in exact.items():
                assert_array_equal(found[name], array)

    together(3, work)


SGD, Adam = tg.optim.SGD, tg.optim.Adam
VERSION = tg.__version__
DIFFERENT = {
    "shape": (
        {},
        {"sizes": (3, 5, 2)},
        r"parameter '0.weight' \(4, 3\) float64 on rank 0, and \(5, 3\) float64 on rank 2",
    ),
    "dtype": ({}, {"dtype": np.float32}, r"parameter '0.weight' \(4, 3\) float64 on rank 0, and \(4, 3\) float32"),
    "missing": (
        {"sizes": (3, 4)},
        {"sizes": (3, 4, 4)},
        r"parameters of the optimizer \[\(4, 3\), \(4,\)\] on rank 0, and \[\(4, 3\), \(4,\), \(4",
    ),
    "more": ({"sizes": (3, 4, 4)}, {"sizes": (3, 4)}, r"parameter '2.weight' \(4, 4\) float64 on rank 0, and none"),
    "optimizer": ({}, {"kind": Adam}, "optimizer SGD on rank 0, and Adam on rank 2"),
    "lr": ({}, {"lr": 0.2}, "optimizer.lr 0.1 on rank 0, and 0.2 on rank 2"),
    "momentum": ({}, {"momentum": 0.5}, "optimizer.momentum 0.0 on rank 0, and 0.5 on rank 2"),
    "betas": (
        {"kind": Adam},
        {"kind": Adam, "betas": (0.8, 0.9)},
        r"optimizer.betas \(0.9, 0.999\) on rank 0, and \(0.8",
    ),
    "epochs": ({}, {"epochs": 4}, "epochs 3 on rank 0, and 4 on rank 2"),
    "version": ({}, {"version": "0.0.9"}, f"tinygrad_edu {VERSION} on rank 0, and 0.0.9 on rank 2"),
}


@pytest.mark.parametrize(("first", "last", "what"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_found_on_every_rank_before_the_first_step(first, last, what, monkeypatch):
    facts = distributed.facts
    monkeypatch.setattr(distributed, "facts", lambda *given: facts(*given) | {"tinygrad_edu": own.version})

    def work(comm):
        given = {"kind": SGD, "lr": 0.1, "epochs": 3, "version": VERSION} | (last if comm.rank == 2 else first)
        own.version, kind, epochs = given.pop("version"), given.pop("kind"), given.pop("epochs")
        model = made(**{name: given.pop(name) for name in ("sizes", "dtype") if name in given})
        before = model.state_dict()
        try:
            Group(comm).agree(model, kind(model.parameters(), **given), epochs=epochs)
        finally:
            for name, array in model.state_dict().items():
                assert_array_equal(array, before[name])

    errors = together(3, work)
    assert len({str(error) for error in errors}) == 1
    with pytest.raises(ValueError, match=f"Group.agree: all ranks must train the same; got {what}"):
        raise errors[0]


own = threading.local()  # what a thread believes of its own process


def test_another_class_with_the_same_parameters_differs():
    for error in together(2, lambda comm: Group(comm).agree(made() if comm.rank else tg.nn.Sequential(*made()))):
        assert "got model Sequential on rank 0, and MLP on rank 1" in str(error)


# The end of a rank


def test_an_exception_that_nobody_catches_ends_the_job(capsys):
    comm = ranks(3)[1]
    Group(comm)
    Group(comm)
    error = ZeroDivisionError("no luck")
    sys.excepthook(type(error), error, None)
    shown = capsys.readouterr().err
    assert shown.count("ZeroDivisionError: no luck") == 1
    assert shown.endswith("Rank 1 of 3 has failed: the job ends.\n")
    assert comm.aborted == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_of_all_ranks_is_shown_once_and_aborts_nothing(rank, capsys):
    comm = ranks(2)[rank]
    Group(comm)
    error = ValueError("everywhere")
    error.on_every_rank = True
    sys.excepthook(type(error), error, None)
    assert capsys.readouterr().err.count("ValueError: everywhere") == (1 if rank == 0 else 0)
    assert comm.aborted is None


def test_leaving_by_exit_ends_the_job_within_the_block(capsys):
    comm = ranks(2)[1]
    with pytest.raises(SystemExit), Group(comm):
        sys.exit(3)
    assert "Rank 1 of 2 has left the training by sys.exit(3): the job ends." in capsys.readouterr().err
    assert comm.aborted == 1


def test_one_process_alone_changes_nothing():
    hook, (comm,) = sys.excepthook, ranks(1)
    with pytest.raises(SystemExit), Group(comm) as group:
        sys.exit(3)
    assert sys.excepthook is hook
    assert comm.aborted is None
    assert repr(group) == "Group(rank=0, size=1)" and group.root


def test_something_that_is_no_communicator_is_refused():
    with pytest.raises(TypeError, match="Group: comm must be a communicator of mpi4py; got int"):
        Group(2)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        ImportError, match=r"Group: needs mpi4py and an MPI library; got .*pip install 'tinygrad_edu\[mpi\]'"
    ):
        Group()


# By mpiexec

MPIEXEC = shutil.which("mpiexec") or shutil.which("mpiexec", path=str(Path(sys.executable).parent))
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or find_spec("mpi4py") is None, reason="needs mpiexec and mpi4py; pip install 'tinygrad_edu[mpi]'"
)

PROGRAM = """\
import sys
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu.distributed import Group

comm = Group().comm if sys.argv[1] != "alone" else None
rank = comm.Get_rank() if comm else 0
X, y = tg.data.moons(43, rng=0)
model = tg.nn.MLP([2, 8, 1], rng=rank)
optimizer = tg.optim.Adam(model.parameters(), lr=0.02 if sys.argv[1] != "differ" else 0.02 + rank)

def fail(model, history):
    if sys.argv[1] == "fail" and rank == 1:
        raise ZeroDivisionError("no luck")

history = tg.fit(model, tg.nn.BCEWithLogitsLoss(), optimizer, X, y[:, None], epochs=4, batch_size=10,
                 comm=comm, rng=1, progress=False, callbacks=[fail])
if rank == 0:
    np.savez(sys.argv[2], **model.state_dict())
"""


def started(folder, size, what):
    """The program on so many processes, one of which may fail."""
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    root = ["--allow-run-as-root"] if os.name == "posix" and os.geteuid() == 0 else []
    command = [MPIEXEC, *root, "--oversubscribe", "-n", str(size)] if size else []
    return subprocess.run(
        [*command, sys.executable, str(program), what, str(folder / f"{size}.npz")],
        env=environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )


@needs_mpi
def test_mpiexec_trains_as_one_process_does(tmp_path):
    assert started(tmp_path, 0, "alone").returncode == 0
    finished = started(tmp_path, 3, "train")
    assert finished.returncode == 0, finished.stderr
    alone, state = np.load(tmp_path / "0.npz"), np.load(tmp_path / "3.npz")
    for name in alone:
        assert_allclose(state[name], alone[name], rtol=1e-12, atol=1e-12)


@needs_mpi
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("fail", "Rank 1 of 2 has failed: the job ends."),
        ("differ", "all ranks must train the same; got optimizer.lr 0.02 on rank 0, and 1.02 on rank 1."),
    ],
    ids=["fail", "differ"],
)
def test_a_failing_rank_ends_the_job_with_a_message(what, message, tmp_path):
    finished = started(tmp_path, 2, what)
    assert finished.returncode != 0
    assert message in finished.stderr
    assert not (tmp_path / "2.npz").exists()
