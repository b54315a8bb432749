"""The benchmarks run, tiny, so that they cannot rot; no time is asserted."""

import importlib
import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a module of the benchmarks by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def run_quick(command, *options):
    """The cells of every table row that a benchmark prints."""
    finished = subprocess.run(
        [sys.executable, BENCHMARKS, command, "--quick", *options],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [line.strip("| ").split(" | ") for line in finished.stdout.splitlines() if line.startswith("|")]


def test_training_step_compares_every_contender():
    rows = run_quick("training_step", "--dtypes", "float32", "--only", "ours", "compiled")
    names = sorted(row[2].removesuffix(" (baseline)") for row in rows[2:])
    assert names == sorted(["numpy", "numpy-out", "ours", "compiled"] * 2)  # two workloads


@pytest.mark.skipif(find_spec("mpi4py") is None, reason="needs MPI; pip install 'tinygrad_edu[mpi]'")
def test_processes_share_a_step():
    rows = run_quick("processes", "--examples", "9")
    assert [row[:3] for row in rows[2:]] == [["W4", "9", "1"], ["W4", "9", "2"]]
    assert all(float(cell) > 0 for row in rows[2:] for cell in (row[3], row[5]))


def test_overhead_times_operations_and_the_import():
    rows = run_quick("overhead")
    assert "`a * b` forward and backward, (1, 1)" in [row[0] for row in rows]
    assert rows[-1][0] == "tinygrad_edu beyond that"


def test_memory_measures_long_graphs_and_peaks():
    rows = run_quick("memory")
    assert "the same: objects left to the collector" in [row[0] for row in rows]
    assert [row[2] for row in rows[-4:]] == ["numpy", "ours"] * 2


def test_marking_counts_what_is_found_and_named():
    rows = run_quick("marking")
    assert [row[0] for row in rows[2:]] == ["A1", "A2", "A2 in dW", "all"]
    assert rows[-1][1] == "3"


@pytest.mark.parametrize("wrong", [1.001, math.nan])
def test_different_losses_stop_the_benchmark(load, wrong):
    require_equal_losses = load("training_step").require_equal_losses
    require_equal_losses({"numpy": [1.0, 0.5], "ours": [1.0, 0.5 + 1e-9]}, 1e-6)
    with pytest.raises(SystemExit, match=r"from ours and 0.5 from numpy after 1 steps"):
        require_equal_losses({"numpy": [1.0, 0.5], "ours": [1.0, 0.5 * wrong]}, 1e-6)


def test_a_worker_that_dies_stops_the_benchmark(load, capfd):
    worker = load("isolation").Worker(load("training_step").Stopwatch, "no such contender", None)
    with pytest.raises(SystemExit, match="the process must live"):
        worker.call("losses", 1)
    worker.close()
    assert "KeyError: 'no such contender'" in capfd.readouterr().err


def test_blocks_beside_a_noisy_baseline_are_left_out(load):
    turns = load("turns")
    quiet, slow, torn = turns.Visit(10, 20, 10.5), turns.Visit(14, 20, 14), turns.Visit(10, 20, 12)
    assert turns.quiet_visits([quiet, slow, torn], turns.best_baseline([quiet, slow, torn])) == [quiet]
    assert turns.summarize([quiet, slow, torn], best=10).ratio == quiet.ratio


def test_a_lucky_moment_does_not_make_all_others_noisy(load):
    turns = load("turns")
    usual, lucky = turns.Visit(10, 20, 10), turns.Visit(5, 20, 5)
    visits = [usual] * 19 + [lucky]
    assert turns.best_baseline(visits) == 10
    assert turns.summarize(visits, turns.best_baseline(visits)).ratio == usual.ratio


def test_memory_is_not_measured_where_the_system_does_not_tell(load, monkeypatch, tmp_path):
    memory = load("memory")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent" / "status")
    monkeypatch.setattr(memory, "REFERENCES", tmp_path / "absent" / "clear_refs")
    assert memory.resident_bytes() is None
    assert not memory.forget_peak()
    assert memory.show(memory.difference(memory.resident_bytes(), 0), 1, "MiB") == "not measured"
