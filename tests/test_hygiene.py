"""What is wrong though every formula is right: dtypes, shapes, infinities, saturation, aliases, gradient checks."""

import numpy as np
import pytest

from tinygrad_edu import check
from tinygrad_edu.check.marking.files import backprop_in

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 8)), (RNG.random((2, 8)) > 0.5) * 1.0
PARAMS = {
    "W1": RNG.standard_normal((4, 3)),
    "b1": np.zeros((4, 1)),
    "W2": RNG.standard_normal((2, 4)),
    "b2": np.zeros((2, 1)),
}


def forward(params, X, Y):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1]
    return cost, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def backward(params, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dA1 = params["W2"].T @ dZ2
    dZ1 = dA1 * (1 - cache["A1"] ** 2)
    return {
        "dZ2": dZ2,
        "dA1": dA1,
        "dZ1": dZ1,
        "dW2": dZ2 @ cache["A1"].T / m,
        "db2": dZ2.sum(axis=1, keepdims=True) / m,
        "dW1": dZ1 @ X.T / m,
        "db1": dZ1.sum(axis=1, keepdims=True) / m,
    }


def first(report):
    return report.mistakes[0].id, report.mistakes[0].term


# Dtypes


def test_integer_weights_are_a_mistake():
    W1 = np.array([[1, 2, 0], [0, 1, -1], [2, 0, 1], [1, -1, 1]])
    report = check.backprop(forward, backward, PARAMS | {"W1": W1}, X, Y)
    assert first(report) == ("G3", "W1")
    assert all(term.verdict.startswith("right") for term in report.terms)


def test_integer_data_are_a_note():
    report = check.backprop(forward, backward, PARAMS, (X * 3).astype(int), Y)
    assert report.ok
    assert "int-dtype (G3): X holds integers" in str(report)


def test_float32_is_a_note():
    report = check.backprop(forward, backward, {k: x.astype(np.float32) for k, x in PARAMS.items()}, X, Y)
    assert report.ok
    assert "eps-or-float32 (G4)" in str(report)


def test_gradients_of_float32_parameters_are_not_held_to_float64():
    W = RNG.standard_normal((3, 4)).astype(np.float32)
    X32 = X.astype(np.float32)
    report = check.gradients(lambda p: np.sum((p["W"].T @ X32) ** 2), {"W": W}, {"W": 2 * X32 @ (X32.T @ W)})
    assert report.ok, str(report)


# A gradient check of one's own

CHECK = """
import numpy as np
rng = np.random.default_rng(0)
params = {"w": rng.standard_normal((4, 1))}
X, Y = rng.standard_normal((9, 4)), rng.standard_normal((9, 1))

def forward(params, X, Y):
    A = X @ params["w"]
    return np.mean((A - Y) ** 2), {"A": A}

def backward(params, cache, X, Y):
    return {"dw": 2 * X.T @ (cache["A"] - Y) / len(X)}

def relative_error(a, b, eps=1e-12):
    return np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b) + eps)

%s
"""
CHECKS = {
    "right": """def gradient_check(params, grads, epsilon=1e-6):
    w = params["w"]
    for k in range(w.size):
        up, down = w.copy(), w.copy()
        up.flat[k] += epsilon
        down.flat[k] -= epsilon
        slope = (forward({"w": up}, X, Y)[0] - forward({"w": down}, X, Y)[0]) / (2 * epsilon)""",
    "guarded": """def gradient_check(params, grads, h=1e-6):
    eps = 1e-12
    slope = (forward({"w": params["w"] + h}, X, Y)[0] - forward({"w": params["w"] - h}, X, Y)[0]) / (2 * h)
    return abs(slope - grads["dw"].sum()) / (abs(slope) + eps)""",
    "small": """def gradient_check(params, grads, epsilon=1e-12):
    return (forward({"w": params["w"] + epsilon}, X, Y)[0] - forward(params, X, Y)[0]) / epsilon""",
    "variable": """def numerical_gradient(f, x):
    h = 1e-14
    return (f(x + h) - f(x - h)) / (2 * h)""",
    "single": """def eval_numerical_gradient(f, x, h=1e-4):
    x = x.astype(np.float32)
    return (f(x + h) - f(x - h)) / (2 * h)""",
}


@pytest.mark.parametrize("kind", CHECKS)
def test_a_gradient_check_that_measures_rounding(kind, tmp_path):
    file = tmp_path / "homework.py"
    file.write_text(CHECK % CHECKS[kind], encoding="utf-8")
    report = backprop_in(file)
    assert [term.verdict for term in report.terms] == ["right"]
    if kind in ("right", "guarded"):
        assert report.ok
    else:
        assert first(report) == ("G4", CHECKS[kind].split("(")[0].removeprefix("def "))
        assert report.mistakes[0].text.strip() in CHECKS[kind]


# Numerical gradients, handed in as arrays


def two_arrays(dtype=np.float64):
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((20, 3)).astype(dtype), (rng.random((20, 2)) > 0.5).astype(dtype)

    def cost(p):
        A = 1 / (1 + np.exp(-(X @ p["W"] + p["b"])))
        return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))

    return cost, {"W": rng.standard_normal((3, 2)).astype(dtype), "b": np.zeros((1, 2), dtype)}


def quotients(cost, params, h):
    found = {}
    for name, x in params.items():
        g = found["d" + name] = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            up, down = x.copy(), x.copy()
            up[index] += h
            down[index] -= h
            g[index] = (cost(params | {name: up}) - cost(params | {name: down})) / (2 * h)
    return found


@pytest.mark.parametrize("step", [1e-12, 1e-14])
def test_quotients_with_too_small_a_step_are_told_from_wrong_gradients(step):
    cost, params = two_arrays()
    mistake = check.gradients(cost, params, quotients(cost, params, step)).mistakes[0]
    assert (mistake.id, {*mistake.terms}) == ("G4", {"db", "dW"})
    assert f"step of about {step:.0e} is too small" in mistake.done


def test_quotients_in_float32_are_told_from_wrong_gradients():
    cost, params = two_arrays(np.float32)
    mistake = check.gradients(cost, params, quotients(cost, params, 1e-4)).mistakes[0]
    assert mistake.id == "G4"
    assert "the cost is in float32" in mistake.done


def test_wrong_gradients_are_not_excused_as_rounding():
    cost, params = two_arrays()
    right = quotients(cost, params, 1e-6)
    rng = np.random.default_rng(0)
    for step in (1e-6, 1e-12):
        for name, g in quotients(cost, params, step).items():
            assert check.gradients(cost, params, right | {name: -g}).mistakes[0].id != "G4"
    noisy = {name: g + 1e-3 * rng.standard_normal(g.shape) for name, g in right.items()}
    assert "G4" not in [mistake.id for mistake in check.gradients(cost, params, noisy).mistakes]


@pytest.mark.parametrize("step", [1e-5, 1e-7, 1e-9])
def test_good_quotients_are_right_and_zero_biases_stay_zero(step):
    cost, params = two_arrays()
    assert check.gradients(cost, params, quotients(cost, params, step)).ok


# The forward pass


def test_a_column_and_a_flat_array_in_forward_are_found():
    def stretched(params, X, Y):
        A = X @ params["w"]
        error = A - Y
        return np.mean(error**2), {"A": A}

    def back(params, cache, X, Y):
        return {"dw": 2 * X.T @ (cache["A"] - Y.reshape(-1, 1)) / len(Y)}

    report = check.backprop(stretched, back, {"w": np.ones((3, 1)) + RNG.random((3, 1))}, X.T, Y[0])
    assert first(report) == ("E9", "forward")
    assert report.mistakes[0].text == "error = A - Y"
    assert "(8, 8)" in report.mistakes[0].done


def test_flat_arrays_that_fit_are_no_mistake():
    def flat(params, X, Y):
        A = (X @ params["w"])[:, 0] + params["b"]
        return np.mean((A - Y) ** 2), {"A": A}

    def back(params, cache, X, Y):
        g = 2 * (cache["A"] - Y) / len(Y)
        return {"dw": X.T @ g[:, None], "db": g.sum()}

    assert check.backprop(flat, back, {"w": RNG.random((3, 1)), "b": 0.5}, X.T, Y[0]).ok


def test_log_of_zero_is_named_with_its_line():
    report = check.backprop(forward, backward, {name: x * 1e4 for name, x in PARAMS.items()}, X, Y)
    assert first(report) == ("G5", "cost")
    assert report.mistakes[0].text.startswith("cost = -np.sum(Y * np.log(A2)")
    assert "log(0)" in report.mistakes[0].done
    assert all(term.verdict.startswith("right") for term in report.terms)  # on smaller weights


def test_infinity_times_zero_in_backward_is_named():
    def clipped(params, X, Y):
        _, cache = forward(params, X, Y)
        A2 = np.clip(cache["A2"], 1e-7, 1 - 1e-7)
        return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1], cache

    def by_steps(params, cache, X, Y):
        A2 = cache["A2"]
        dA2 = -Y / A2 + (1 - Y) / (1 - A2)
        return {"dA2": dA2, "dZ2": dA2 * A2 * (1 - A2)}

    saturated = PARAMS | {"b2": np.array([[60.0], [-60.0]])}
    report = check.backprop(clipped, by_steps, saturated, X, Y)
    assert first(report) == ("G5", "dA2")


def test_saturated_units_are_no_mistake():
    def squares(params, X, Y):
        A = 1 / (1 + np.exp(-(params["W"] @ X)))
        return np.mean((A - Y) ** 2), {"Z": params["W"] @ X, "A": A}

    def back(params, cache, X, Y):
        A = cache["A"]
        dZ = 2 * (A - Y) * A * (1 - A) / A.size
        return {"dZ": dZ, "dW": dZ @ X.T}

    report = check.backprop(squares, back, {"W": 60 * RNG.standard_normal((2, 3))}, X, Y)
    assert report.ok, str(report)
    assert "saturated (G6)" in str(report)
    assert "saturated" not in str(check.backprop(squares, back, {"W": RNG.standard_normal((2, 3))}, X, Y))


# What backward does to its arguments


def test_an_array_of_the_cache_that_is_changed_is_a_note():
    def back(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        cache["A1"] *= 2
        return grads

    report = check.backprop(forward, back, PARAMS, X, Y)
    assert report.ok
    assert "backward changes A1 in place, an array of the forward pass" in " ".join(str(report).split())


@pytest.mark.parametrize("in_place", [True, False])
def test_parameters_that_are_updated_inside_are_a_note(in_place):
    def back(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        if in_place:
            params["W1"] -= 0.1 * grads["dW1"]
        else:
            params["W1"] = params["W1"] - 0.1 * grads["dW1"]
        return grads

    report = check.backprop(forward, back, PARAMS, X, Y)
    assert report.ok
    assert "backward changes W1 in place, a parameter" in str(report)


# What the data hide


def test_one_example_is_made_more_where_the_shapes_tell():
    def no_mean(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        return grads | {"dW1": grads["dW1"] * X.shape[1]}

    assert check.backprop(forward, backward, PARAMS, X[:, :1], Y[:, :1]).ok
    report = check.backprop(forward, no_mean, PARAMS, X[:, :1], Y[:, :1])
    assert report.mistakes[0].term == "dW1"
    assert "one example hides every 1/m" in str(report)


def test_small_weights_do_not_hide_a_slip():
    def of_z(params, cache, X, Y):
        grads, m = backward(params, cache, X, Y), X.shape[1]
        dZ1 = grads["dA1"] * (1 - cache["Z1"] ** 2)
        return grads | {"dZ1": dZ1, "dW1": dZ1 @ X.T / m, "db1": dZ1.sum(axis=1, keepdims=True) / m}

    small = {name: 1e-3 * x for name, x in PARAMS.items()}
    assert first(check.backprop(forward, of_z, small, X, Y)) == ("B3", "dZ1")


def test_dead_units_do_not_hide_a_slip():
    def relu(params, X, Y):
        Z = params["W"] @ X + params["b"]
        A = np.maximum(Z, 0)
        return np.sum((params["V"] @ A - Y) ** 2), {"Z": Z, "A": A}

    def back(params, cache, X, Y):
        dA = params["V"].T @ (2 * (params["V"] @ cache["A"] - Y))
        return {"dA": dA, "dZ": dA * (cache["Z"] < 0)}

    params = {"W": RNG.random((4, 3)), "b": np.full((4, 1), -9.0), "V": RNG.random((2, 4))}
    assert first(check.backprop(relu, back, params, X, Y)) == ("B12", "dZ")


# Gradients of the input


def test_the_gradient_of_the_input_is_judged():
    def with_input(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        return grads | {"dX": params["W1"].T @ grads["dZ1"]}

    report = check.backprop(forward, with_input, PARAMS, X, Y)
    assert report.ok and report.terms[-1].key == "dX" and report.terms[-1].verdict == "right by convention"

    def wrong(params, cache, X, Y):
        grads = backward(params, cache, X, Y)
        return grads | {"dA0": params["W1"].T @ grads["dA1"]}

    report = check.backprop(forward, wrong, PARAMS, X, Y)
    assert first(report) == ("D2", "dA0")


# Lines that raise an error

RAISING = {
    'dW2 = dZ2 @ cache["A1"] / m': ("E8", "dW2", '`cache["A1"]` is not transposed'),
    'dW2 = np.dot(dZ2, cache["A1"]) / m': ("E8", "dW2", '`cache["A1"]` is not transposed'),
    'dW2 = dZ2.dot(cache["A1"]) / m': ("E8", "dW2", '`cache["A1"]` is not transposed'),
    'dW2 = dZ2.T @ cache["A1"] / m': ("E8", "dW2", "`dZ2.T` is transposed where it should not be"),
    'dW2 = dZ2 * cache["A1"].T / m': ("E5", "dW2", "a product of matrices belongs here"),
    'dA1 = params["W2"] @ dZ2': ("E8", "dA1", '`params["W2"]` is not transposed'),
    'dA1 = params["W1"].T @ dZ2': ("D6", "dA1", "stands where params['W2'] belongs"),
    'dZ1 = dA1 @ (1 - cache["A1"] ** 2)': ("B16", "dZ1", "is a product of matrices"),
    'dZ1 = dA1 * (1 - cache["A2"] ** 2)': ("D5", "dZ1", "stands where cache['A1'] belongs"),
    'dZ1 = (dA1\n        * (1 - cache["A2"] ** 2))': ("D5", "dZ1", "stands where cache['A1'] belongs"),
}
LINES = [
    'dZ2 = cache["A2"] - Y',
    'dW2 = dZ2 @ cache["A1"].T / m',
    'dA1 = params["W2"].T @ dZ2',
    'dZ1 = dA1 * (1 - cache["A1"] ** 2)',
    "dW1 = dZ1 @ X.T / m",
]


@pytest.mark.parametrize("line", RAISING)
def test_the_slip_of_a_line_that_raises_is_named(line, tmp_path):
    kind, term, done = RAISING[line]
    lines = [line if right.startswith(term) else right for right in LINES]
    file = tmp_path / "homework.py"
    body = "\n    ".join(["def backward(params, cache, X, Y):", "m = X.shape[1]", *lines, 'return {"dW1": dW1}', ""])
    file.write_text("import numpy as np\n" + body, encoding="utf-8")
    namespace = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
    report = check.backprop(forward, namespace["backward"], PARAMS, X, Y)
    assert first(report) == (kind, term), str(report)
    assert done.replace('"', "'") in report.mistakes[0].done.replace('"', "'")
    assert report.mistakes[0].line == 4 + lines.index(line)
