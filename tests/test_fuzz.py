"""A few random programs of `fuzz.py`, and that it notices what is wrong."""

import re

import fuzz
import numpy as np
import pytest

from tinygrad_edu import ops


@pytest.fixture(scope="module")
def menu():
    return fuzz.rows()


def test_random_programs_agree():
    report = fuzz.fuzz(60, seed=8)
    assert not report.failed, "\n".join(map(str, report.failed[0]))
    assert report.ops > 60 * 50


def test_a_seed_makes_the_same_program(menu):
    first, again, other = (fuzz.program(np.random.default_rng([3, number]), menu) for number in (1, 1, 2))
    assert str(first) == str(again) != str(other)
    assert len(first.steps) > 5


@pytest.mark.parametrize("wrong", [lambda g, y, x: 1.001 * g * (1 - y * y), lambda g, y, x: g * (1 - y)])
def test_a_wrong_rule_is_noticed(wrong, monkeypatch, capsys):
    monkeypatch.setattr(ops.tanh, "rules", (wrong,))
    assert fuzz.main(["--programs", "10", "--seed", "1"]) == 1
    shown = capsys.readouterr().out
    assert re.search(r"^program \d of seed 1: \{'values': .*\}\nv0 = leaf \(", shown)
    assert int(re.search(r"(\d+) failed\n$", shown)[1]) > 5  # in the others it moves nothing


def test_a_wrong_value_is_noticed(monkeypatch):
    forward = ops.tanh.forward
    monkeypatch.setattr(ops.tanh, "forward", lambda x: forward(x) * (1 + 1e-9))
    assert len(fuzz.fuzz(10, seed=1).failed) > 5


def test_a_wrong_second_derivative_is_noticed(monkeypatch):
    monkeypatch.setattr(ops.tanh, "rules", (lambda g, y, x: g * (1 - y * getattr(y, "data", y)),))  # y, half a constant
    failed = fuzz.fuzz(10, seed=1).failed
    assert len(failed) > 5
    for _, _, errors in failed:
        assert errors["gradients"] < 1e-9 < errors["Hessian-vector products"]


def test_one_line_sums_up(capsys):
    assert fuzz.main(["--programs", "2", "--seed", "5", "--first", "7"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("2 programs, ") and line.endswith("; 0 failed\n") and line.count("\n") == 1
