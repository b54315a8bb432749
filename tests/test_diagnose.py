"""A backprop by hand, marked: the slips that people posted, random networks, and code that is right."""

import importlib.util
import json
import linecache
from pathlib import Path

import hand_slips
import numpy as np
import pytest
import random_networks
import slips

from tinygrad_edu import check, cli
from tinygrad_edu.check.marking.files import backprop_in

FOLDER = Path(__file__).parent / "backprops"
HANDS = Path(__file__).parent / "hands"
INDEX = {entry["id"]: entry for entry in json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))}
WRONG = [name for name, entry in INDEX.items() if entry["kind"] != "right"]
RIGHT = [name for name, entry in INDEX.items() if entry["kind"] == "right"]


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"backprop_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_own_sizes(name, seed=0):
    module, rng = loaded(name), np.random.default_rng(seed)
    params = module.init(module.SIZES, rng)
    return module.forward, module.backward, params, *module.data(module.SIZES, module.EXAMPLES, rng)


# What people posted


@pytest.mark.parametrize("name", WRONG)
def test_the_posted_mistake_is_found_and_named(name):
    for report in (backprop_in(FOLDER / f"{name}.py"), check.backprop(*on_own_sizes(name))):
        assert not report.ok
        assert report.mistakes[0].term == (INDEX[name]["first"] or "dA1")
        assert report.mistakes[0].id == name
        assert report.mistakes[0].name == INDEX[name]["slug"]


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_file_is_called_right(name):
    for report in (backprop_in(FOLDER / f"{name}.py"), *(check.backprop(*on_own_sizes(name, k)) for k in range(3))):
        assert report.ok, str(report)
        assert not report.mistakes


# The line as it should be

NO_LINE = {"C5", "G2"}  # forward is wrong, and two names for one array


@pytest.mark.parametrize("name", sorted(set(WRONG) - NO_LINE))
def test_the_fix_makes_the_line_right(name, tmp_path):
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()
    mistake = backprop_in(FOLDER / f"{name}.py", show_fix=True).mistakes[0]
    indent = lines[mistake.line - 1][: -len(lines[mistake.line - 1].lstrip())]
    lines[mistake.line - 1] = indent + mistake.fix
    file = tmp_path / f"{name}.py"
    file.write_text("\n".join(lines), encoding="utf-8")
    verdicts = {term.key: term.verdict for term in backprop_in(file).terms}
    assert verdicts.get(mistake.term, "right").startswith("right")


def test_fixes_in_other_hands_make_the_line_right(tmp_path):
    tried = 0
    for name, right, wrong, *_ in hand_slips.SLIPS[::2]:
        file = tmp_path / f"{name}.py"
        text = (HANDS / f"{name}.py").read_text(encoding="utf-8").replace(right, wrong, 1)
        file.write_text(text, encoding="utf-8")
        mistake = backprop_in(file, show_fix=True).mistakes[0]
        if mistake.fix and mistake.text.startswith(f"{mistake.term.split(' (')[0]} = "):
            tried += 1
            file.write_text(text.replace(mistake.text, mistake.fix, 1), encoding="utf-8")
            assert all(found.term != mistake.term for found in backprop_in(file).mistakes), mistake.fix
    assert tried > 5


# Random networks


def test_random_right_networks_raise_no_alarm():
    for rng in random_networks.rngs(40):
        network = random_networks.network(rng)
        report = network.marked()
        assert report.ok, f"{network.text}\n{report}"
        assert all(term.verdict.startswith("right") for term in report.terms), f"{network.text}\n{report}"


def test_slips_in_random_networks_are_localised_and_named():
    tally = [slips.tally(name, 1) for name in slips.SLIPS]
    total, localised, named = (sum(column) for column in zip(*tally, strict=True))
    assert localised >= 0.98 * total
    assert named >= 0.95 * total


# Other hands


@pytest.mark.parametrize("name", sorted(path.stem for path in HANDS.glob("*.py")))
def test_other_hands_are_right(name):
    report = backprop_in(HANDS / f"{name}.py")
    assert report.ok, str(report)
    assert all(term.verdict.startswith("right") for term in report.terms)


@pytest.mark.parametrize(("name", "right", "wrong", "term", "ids"), hand_slips.SLIPS)
def test_a_slip_in_another_hand_is_found_and_named(name, right, wrong, term, ids, tmp_path):
    text = (HANDS / f"{name}.py").read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / f"{name}.py"
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    found = backprop_in(file).mistakes[0]
    assert found.term.split(" (")[0] == term
    assert found.id in ids


IN_LINE = [
    ("deep", "np.dot(W.T, dZ)", "np.dot(W.T, dZ) / m", "dA_prev = np.dot(W.T, dZ) / m"),
    ("deep", "dZ = dA * s * (1 - s)", "dZ = dA * s", "dZ = dA * s"),
    ("stateful", "self.dz1.sum(axis=1", "self.dz1.sum(axis=0", "db1 = self.dz1.sum(axis=0, keepdims=True)"),
    ("objects", "grad.sum(axis=0", "grad.mean(axis=0", "self.db = grad.mean(axis=0, keepdims=True)"),
    ("objects", "self.alpha)\n\n\nclass", "0)\n\n\nclass", "return grad * np.where(self.x > 0, 1, 0)"),
    ("shared_array", "dscores -= Y", "dscores += Y", "dscores += Y"),
    ("shared_array", "dscores /= len(X)", "dscores /= len(X[0])", "dscores /= len(X[0])"),
    ("shared_array", "dz1 *= 1 - cache", "dz1 *= cache", 'dz1 *= cache["h"] ** 2'),
    ("shared_array", "dW1 = X.T @ dz1", "dW1 = X.T @ dz1 / 10", "dW1 = X.T @ dz1 / 10"),
    ("shared_array", "dW1 += reg *", "dW1 += 3 * reg *", 'dW1 += 3 * reg * params["W1"]'),
    ("classwise", "dscores[range(N), y] -= 1", "dscores[range(N), y] -= 2", "dscores[range(N), y] -= 2"),
    ("classwise", "dscores /= N", "dscores /= N - 1", "dscores /= N - 1"),
    ("margins", "dW[:, y[i]] -= X[i]", "dW[:, y[i]] += X[i]", "dW[:, y[i]] += X[i]"),
    ("examplewise", "(1 - h[i] ** 2)", "(1 + h[i] ** 2)", "back = V.T @ err * (1 + h[i] ** 2)"),
]


@pytest.mark.parametrize(("name", "right", "wrong", "line"), IN_LINE)
def test_the_line_is_the_one_that_made_the_value(name, right, wrong, line, tmp_path):
    text = (HANDS / f"{name}.py").read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / f"{name}.py"
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert backprop_in(file).mistakes[0].text == line


def test_an_error_is_not_said_to_lack_the_targets():
    def forward(params, X, Y):
        r = X @ params["w"] - Y
        return np.mean(np.where(np.abs(r) <= 1, 0.5 * r**2, np.abs(r) - 0.5)), {"r": r}

    def backward(params, cache, X, Y):
        r = X @ params["w"] - Y
        dp = r / len(Y)
        return {"dw": X.T @ dp}

    rng = np.random.default_rng(0)
    X, Y, w = rng.standard_normal((25, 3)), 3 * rng.standard_normal(25), rng.standard_normal(3)
    report = check.backprop(forward, backward, {"w": w}, X, Y)
    assert not report.ok
    assert "targets" not in report.mistakes[0].done


def test_the_fix_of_a_line_leaves_the_lines_after_it_as_they_are(tmp_path):
    text = (HANDS / "shared_array.py").read_text(encoding="utf-8")
    file = tmp_path / "shared_array.py"
    file.write_text(text.replace("dW1 = X.T @ dz1", "dW1 = X @ dz1.T", 1).replace("X @ dz1.T", "X.T @ dh * 3", 1))
    found = backprop_in(file, show_fix=True).mistakes[0]
    assert found.text == "dW1 = X.T @ dh * 3"
    assert "reg" not in found.fix
    file.write_text(file.read_text().replace(found.text, found.fix, 1))
    linecache.checkcache()
    assert backprop_in(file).ok


def test_a_variable_called_after_the_output_may_hold_the_gradient_of_what_that_was_made_of():
    rng = np.random.default_rng(0)
    params = {"W1": rng.standard_normal((3, 4)), "W2": rng.standard_normal((4, 2))}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def forward(params, X, Y):
        h = sigmoid(X @ params["W1"])
        out = sigmoid(h @ params["W2"])
        return 0.5 * np.sum((out - Y) ** 2), {"h": h, "out": out}

    def backward(params, cache, X, Y):
        h, out = cache["h"], cache["out"]
        d_out = (out - Y) * out * (1 - out)
        d_h = d_out @ params["W2"].T * sigmoid(h) * (1 - sigmoid(h))
        return {"W1": X.T @ d_h, "W2": h.T @ d_out}

    (found,) = check.backprop(forward, backward, params, rng.standard_normal((6, 3)), rng.random((6, 2))).mistakes
    assert found.id == "B1"
    assert found.text.startswith("d_h = ")


def test_the_rule_of_a_value_that_is_used_twice_names_both_uses(tmp_path):
    text = (HANDS / "recurrent.py").read_text(encoding="utf-8")
    file = tmp_path / "recurrent.py"
    file.write_text(text.replace('g["Wh"] += hs[t].T @ dz', 'g["Wh"] += hs[t + 1].T @ dz'), encoding="utf-8")
    assert backprop_in(file).mistakes[0].derivation == "dJ/dWh = Σ over its 3 uses of what comes back through each"


IN_A_LOOP = [
    ("characters", "+ dhnext\n", "\n", 'dh = np.dot(params["Why"].T, dy)', "t = 2"),
    ("characters", "(1 - hs[t] * hs[t])", "(1 - hs[t])", "dhraw = (1 - hs[t]) * dh", "t = 3"),
    ("characters", "dbh += dhraw", "dbh += dh", "dbh += dh", "t = 3"),
    ("characters", "dby += dy", "dby = dy", "dby = dy", ""),
    ("step_by_step", "dz @ Wh.T", "dz @ Wh", "dprev_h = dz @ Wh", "t = 3"),
    ("step_by_step", "prev_h.T @ dz", "next_h.T @ dz", "dWh = next_h.T @ dz", "t = 3"),
    ("heads", "dv = a.T @ dhead", "dv = a @ dhead", "dv = a @ dhead", "h = 0"),
    ("one_by_one", "db1 += dz1", "db1 += da1", "db1 += da1", "i = 0"),
    ("states", '@ params["Wh"].T', '@ params["Wh"]', 'dnext = draw @ params["Wh"]', "t = 2"),
]


@pytest.mark.parametrize(("name", "right", "wrong", "line", "turn"), IN_A_LOOP)
def test_the_line_in_a_loop_is_told_and_the_pass(name, right, wrong, line, turn, tmp_path):
    text = (HANDS / f"{name}.py").read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / f"{name}.py"
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    found = backprop_in(file).mistakes[0]
    assert (found.text, found.turn) == (line, turn)


def test_the_rule_of_scores_that_are_compared_with_each_other_is_no_product_of_entries(tmp_path):
    text = (HANDS / "margins_at_once.py").read_text(encoding="utf-8")
    file = tmp_path / "margins_at_once.py"
    file.write_text(text.replace("= -np.sum(dscores, axis=1)", "= -1"), encoding="utf-8")
    assert backprop_in(file).mistakes[0].derivation == "dJ/dscores = what comes back through margins"


def test_a_parameter_without_a_gradient_is_told():
    forward, backward, *given = on_own_sizes("K1")
    assert not any("No gradient" in note for note in check.backprop(forward, backward, *given).notes)
    report = check.backprop(forward, lambda *a: {k: g for k, g in backward(*a).items() if k != "db1"}, *given)
    assert report.ok
    assert report.headline().endswith("gradients agree with autograd; there is none for b1.")
    assert any(note.startswith("No gradient was returned for b1, which the cost") for note in report.notes)


def test_a_gradient_of_zeros_is_said_to_be_one():
    forward, backward, *given = on_own_sizes("K9")

    def nothing(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        return grads | {"dW1": 1 // X.shape[1] * grads["dW1"]}

    assert check.backprop(forward, nothing, *given).mistakes[0].done == "dW1 is 0 everywhere"


def test_what_an_object_keeps_is_an_array_again(tmp_path):
    text = (HANDS / "stateful.py").read_text(encoding="utf-8")
    file = tmp_path / "stateful.py"
    file.write_text(text.replace("self.dz2 @ self.a1.T", "self.z2 @ self.a1.T"), encoding="utf-8")
    assert backprop_in(file).mistakes[0].term == "W2"


# What is promised


def test_arrays_and_random_states_are_left_alone():
    forward, backward, params, X, Y = on_own_sizes("G2")
    before = {name: x.copy() for name, x in params.items()}
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    rng = np.random.default_rng(3)
    check.backprop(forward, backward, params, X, Y, rng=rng)
    assert all(np.array_equal(x, before[name]) for name, x in params.items())
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert rng.random() == np.random.default_rng(3).random()


def test_a_cost_made_a_float_is_still_traced():
    forward, backward, *given = on_own_sizes("B1")

    def rounded(params, X, Y):
        cost, cache = forward(params, X, Y)
        return float(np.squeeze(cost)), cache

    assert check.backprop(rounded, backward, *given).mistakes[0].id == "B1"


def test_a_forward_that_cannot_be_traced_is_compared_with_differences():
    forward, backward, *given = on_own_sizes("K9")

    def cut(params, X, Y):
        cost, cache = forward(params, X, Y)
        return float(cost) + 1.0, cache

    report = check.backprop(cut, backward, *given)
    assert report.ok
    assert {term.verdict for term in report.terms} == {"right", "cannot tell"}
    assert "could not be traced" in str(report)


def test_a_forward_that_writes_into_an_array_of_its_file_is_compared_with_differences():
    forward, backward, *given = on_own_sizes("K9")
    kept = np.zeros_like(given[0]["W1"])

    def cut(params, X, Y):
        kept[:] = params["W1"]
        return forward(params | {"W1": kept}, X, Y)

    report = check.backprop(cut, backward, *given)
    assert report.ok
    said = " ".join(str(report).split())
    assert '`kept[:] = params["W1"]`: a plain array is made or written into there; one that forward makes' in said


def test_without_a_trace_the_line_is_told_and_a_factor():
    forward, backward, *given = on_own_sizes("K9")

    def cut(params, X, Y):
        return forward(params | {"W1": np.vectorize(lambda x: x)(params["W1"])}, X, Y)

    def negative(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        dW2 = -grads["dW2"]
        return grads | {"dW2": dW2}

    report = check.backprop(cut, negative, *given)
    assert "np.vectorize(lambda x: x)" in " ".join(str(report).split())
    found = report.mistakes[0]
    assert (found.id, found.text) == ("F1", 'dW2 = -grads["dW2"]')
    assert found.done == "it is -1 times the slope of your cost"


# Forwards that write into arrays


def on_a_line(forward, wrong=1.0):
    """The report on a cost of Z = X @ W + b that `forward` makes in its own way, and whether it was traced."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))

    def whole(params, X, Y):
        Z = forward(params, X)
        return np.sum((Z - Y) ** 2) / len(X), {"Z": Z}

    def backward(params, cache, X, Y):
        dZ = 2 * wrong * (cache["Z"] - Y) / len(X)
        return {"dZ": dZ, "dW": X.T @ dZ, "db": dZ.sum(axis=0)}

    report = check.backprop(whole, backward, {"W": rng.standard_normal((3, 2)), "b": np.array([0.3, -0.2])}, X, Y)
    return report, not any("could not be traced" in note for note in report.notes)


def put_at(params, X):
    Z = np.empty((len(X), 2))
    for i, x in enumerate(X):
        Z[i] = np.dot(x, params["W"])
        Z[i] += params["b"]
    return Z


def looked_at_before(params, X):
    Z = X @ params["W"]
    first = Z[0]
    Z += params["b"]
    Z[1:] += 0 * first  # the first row as it is now
    return Z


def taken_in_turn(params, X):
    Z = np.array([list(x @ params["W"] + params["b"]) for x in X])
    Z[0], Z[1] = Z[1].copy(), Z[0].copy()
    Z[[0, 1]] = Z[[1, 0]]
    return Z


def drawn(params, X):
    noise = np.zeros(6, dtype=int)
    noise[:] = np.random.default_rng(0).integers(0, 2, 6)
    Z = np.zeros((6, 2))
    Z[:] = params["b"]
    Z[noise == 1] += X[noise == 1] @ params["W"]
    np.add(Z, X @ params["W"], out=Z, where=True)
    Z[noise == 1] -= np.c_[X @ params["W"][:, 0], X @ params["W"][:, 1]][noise == 1]
    return Z


def turned(params, X):
    Z = np.zeros((2, 6))
    Z.T[:, 0] = X @ params["W"][:, 0]
    Z.reshape(-1)[6:] = X @ params["W"][:, 1]
    rows = Z.T
    for row in rows:
        row += params["b"]
    return np.asarray(rows)


@pytest.mark.parametrize("forward", [put_at, looked_at_before, taken_in_turn, drawn, turned])
def test_writes_are_followed(forward):
    report, traced = on_a_line(forward)
    assert report.ok, str(report)
    assert traced, str(report)
    assert on_a_line(forward, wrong=-1.0)[0].mistakes[0].id == "F1"


def test_numpy_and_what_forward_keeps_are_as_they_were():
    numpy, zeros = np, np.zeros
    seen = []

    def forward(params, X):
        seen.append(type(np.zeros(2)))
        return put_at(params, X)

    assert on_a_line(forward)[1]
    assert np is numpy and np.zeros is zeros
    assert len(set(seen)) == 2 and type(np.zeros(2)) is np.ndarray


def test_an_array_that_goes_on_being_made_from_itself_gives_no_verdict_on_the_whole():
    """dh as a whole is what comes back at every step; no one value of h has that gradient."""
    rng = np.random.default_rng(0)
    X, params = rng.standard_normal(4), {"w": np.array([0.7])}

    def forward(params, X, Y):
        h = np.zeros(5)
        for t in range(4):
            h[t + 1] = np.tanh(params["w"] * h[t] + X[t])[0]
        return np.sum(h**2), {"h": h}

    def backward(params, cache, X, Y):
        h, dh, dw = cache["h"], 2 * cache["h"], 0.0
        for t in reversed(range(4)):
            da = dh[t + 1] * (1 - h[t + 1] ** 2)
            dw += da * h[t]
            dh[t] += da * params["w"][0]
        return {"dh": dh, "dw": np.array([dw])}

    report = check.backprop(forward, backward, params, X, None)
    assert report.ok, str(report)
    assert {term.key: term.verdict for term in report.terms} == {"dh": "cannot tell", "dw": "right"}


def test_an_exception_in_backward_is_a_finding():
    forward, _, *given = on_own_sizes("K9")

    def backward(params, cache, X, Y):
        dZ2 = cache["A2"] - Y
        dW2 = dZ2 @ cache["A1"]
        return {"dZ2": dZ2, "dW2": dW2}

    report = check.backprop(forward, backward, *given)
    assert not report.ok
    assert report.mistakes[0].term == "dW2"
    assert report.mistakes[0].id == "E8"
    assert 'dW2 = dZ2 @ cache["A1"]' in str(report)


def test_a_matrix_product_that_does_not_fit_is_named():
    forward, _, *given = on_own_sizes("K9")

    def backward(params, cache, X, Y):
        dZ2 = cache["A2"] - Y
        dA1 = params["W2"].T @ dZ2
        dZ1 = np.dot(dA1, 1 - cache["A1"] ** 2)
        return {"dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}

    report = check.backprop(forward, backward, *given)
    assert (report.mistakes[0].term, report.mistakes[0].id) == ("dZ1", "B16")


def test_gradients_of_parameters_alone_are_traced_to_the_variable():
    forward, backward, *given = on_own_sizes("B1")

    def alone(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        return {key: grads[key] for key in ("dW1", "db1", "dW2", "db2")}

    report = check.backprop(forward, alone, *given)
    assert report.mistakes[0].id == "B1"
    assert report.mistakes[0].term == "dZ1"


def test_an_epsilon_in_the_log_and_a_name_bound_again_are_no_mistakes():
    _, _, params, X, Y = on_own_sizes("K4")

    def forward(params, X, Y):
        m = X.shape[1]
        Z1 = params["W1"] @ X + params["b1"]
        A1 = np.maximum(0, Z1)
        D1 = np.random.rand(*A1.shape) < 0.8  # noqa: NPY002
        A1 = A1 * D1
        A1 = A1 / 0.8
        Z2 = params["W2"] @ A1 + params["b2"]
        A2 = 1 / (1 + np.exp(-Z2))
        cost = -np.sum(Y * np.log(A2 + 1e-8) + (1 - Y) * np.log(1 - A2 + 1e-8)) / m
        return float(np.squeeze(cost)), {"Z1": Z1, "A1": A1, "D1": D1, "Z2": Z2, "A2": A2}

    def backward(params, cache, X, Y):
        m = X.shape[1]
        dZ2 = cache["A2"] - Y
        dA1 = params["W2"].T @ dZ2
        dA1 = dA1 * cache["D1"]
        dA1 = dA1 / 0.8
        dZ1 = np.array(dA1, copy=True)
        dZ1[cache["Z1"] <= 0] = 0
        return {"dZ2": dZ2, "dW2": dZ2 @ cache["A1"].T / m, "dA1": dA1, "dZ1": dZ1, "dW1": dZ1 @ X.T / m}

    report = check.backprop(forward, backward, params, X, Y)
    assert report.ok, str(report)
    assert all(term.verdict.startswith("right") for term in report.terms)


def test_one_example_cannot_tell_one_over_m():
    forward, backward, params, X, Y = on_own_sizes("K9")
    report = check.backprop(forward, backward, params, X[:, :1], Y[:, :1])
    assert report.ok
    assert "cannot be told on your data" in str(report)


def test_nothing_to_run_on():
    with pytest.raises(ValueError, match="needs params, X and Y, or init, data and sizes"):
        check.backprop(lambda *_: 0, lambda *_: {})


# Reports


def test_the_report_fits_in_eighty_columns():
    for name in WRONG[::3]:
        assert max(map(len, str(backprop_in(FOLDER / f"{name}.py")).splitlines())) <= 80


def test_a_page_escapes_what_it_quotes():
    page = check.backprop(*on_own_sizes("E6")).to_html()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    forward, backward, *given = on_own_sizes("E6")
    evil = check.backprop(forward, lambda *a: {"<script>": 1, **backward(*a)}, *given).to_html()
    assert "<script" not in evil and "&lt;script&gt;" in evil


def test_json_holds_the_same():
    whole = json.loads(check.backprop(*on_own_sizes("E4")).to_json())
    assert whole["ok"] is False
    assert whole["mistakes"][0]["id"] == "E4"
    assert "rule" not in whole["mistakes"][0]


def test_assert_backprop_says_the_report():
    check.assert_backprop(*on_own_sizes("K1"))
    with pytest.raises(AssertionError, match="sigmoid-prime-of-activation"):
        check.assert_backprop(*on_own_sizes("B1"))


def test_gradients_as_arrays():
    W = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert check.gradients(lambda p: np.sum(p["W"] ** 2), {"W": W}, {"dW": 2 * W}).ok
    report = check.gradients(lambda p: np.sum(p["W"] ** 2), {"W": W}, {"dW": -2 * W})
    assert report.mistakes[0].id == "F1"


# The command


def test_the_command(capsys, tmp_path):
    out = tmp_path / "report.html"
    assert cli.main(["check", str(FOLDER / "B1.py"), "--html", str(out), "--show-fix"]) == 1
    assert "fix  dZ1 = dA1 * A1 * (1 - A1)" in capsys.readouterr().out
    assert "dZ1" in out.read_text(encoding="utf-8")
    assert cli.main(["check", str(FOLDER / "K1.py")]) == 0
    assert "Your backprop is right" in capsys.readouterr().out
    assert cli.main(["check", str(tmp_path / "none.py")]) == 2
    (tmp_path / "empty.py").write_text("x = 1\n", encoding="utf-8")
    assert cli.main(["check", str(tmp_path / "empty.py")]) == 2
    assert "must define forward" in capsys.readouterr().err


HALF = """
import numpy as np

X, Y = np.ones((3, 5)), np.zeros((2, 5))
params = {"W": np.ones((2, 3))}


def forward(params, X, Y):
    Z = params["W"] @ X
    print("Z", Z)
    return np.mean((Z - Y) ** 2), {"Z": Z}


def backward(params, cache, X, Y):
    return {"dW": 2 * (cache["Z"] - Y) @ X.T / Y.size}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "forward(params, X, Y)",
            "forward(X, Y, params)",
            r"forward must take params, X, Y in this order; got forward\(X",
        ),
        ("backward(params, cache, X, Y)", "backward(cache, Y)", "backward must take params, cache, X, Y in this order"),
        ("return np.mean((Z - Y) ** 2), ", "return Z, ", r"the cost, one number.*got ndarray of shape \(2, 5\) first"),
        ("return np.mean((Z - Y) ** 2), ", "return Z, 1.0, ", "the cost, one number.*got tuple first"),
        ("def backward", "def backprop", "got no backward in half.py, but forward, backprop"),
        ("X, Y =", "X, y =", "got params, X in half.py"),
    ],
)
def test_what_is_lacking_in_a_file_is_said(right, wrong, said, tmp_path):
    file = tmp_path / "half.py"
    file.write_text(HALF.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises((ValueError, RuntimeError), match=said):
        backprop_in(file)


def test_what_a_cache_holds_is_said_where_a_key_is_not_in_it(tmp_path):
    file = tmp_path / "half.py"
    file.write_text(HALF.replace('{"Z": Z}', '{"z": Z}'), encoding="utf-8")
    assert "KeyError: 'Z'. cache holds z." in str(backprop_in(file))


def test_a_file_is_run_without_the_options_of_the_command_and_its_functions_print_nothing(tmp_path, capsys):
    file = tmp_path / "half.py"
    file.write_text(f"import argparse\nargparse.ArgumentParser().parse_args()\n{HALF}", encoding="utf-8")
    assert cli.main(["check", str(file)]) == 0
    assert capsys.readouterr().out.startswith("Your backprop is right")


def test_gradients_returned_without_names_are_known_by_their_variables():
    forward, _, *given = on_own_sizes("K9")

    def backward(params, cache, X, Y):
        m = X.shape[1]
        dZ2 = cache["A2"] - Y
        dW2, db2 = dZ2 @ cache["A1"].T / m, np.sum(dZ2, axis=1, keepdims=True)
        return dW2, db2

    report = check.backprop(forward, backward, *given)
    assert {term.key: term.verdict for term in report.terms} == {"dW2": "right", "db2": "root cause"}


def test_the_cost_may_stand_beside_the_gradients():
    X, Y, w = np.eye(3), np.ones(3), np.arange(3.0)

    def both(params, X, Y):
        error = X @ params["w"] - Y
        return error @ error, {"w": 2 * X.T @ error}

    def forward(params, X, Y):
        return both(params, X, Y)[0]

    assert check.backprop(forward, lambda params, cache, X, Y: both(params, X, Y), {"w": w}, X, Y).ok


def test_what_a_file_prints_is_not_shown(tmp_path, capsys):
    file = tmp_path / "loud.py"
    file.write_text((HANDS / "tiny.py").read_text() + '\nprint("epoch 1")\n')
    assert backprop_in(file).ok
    assert not capsys.readouterr().out
