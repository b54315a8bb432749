"""The gradient written out: the text runs with NumPy alone, and is what autograd and differences say."""

import ast
import io
import itertools
import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import difference_gradients

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn
from tinygrad_edu.autograd import grad
from tinygrad_edu.cli import main
from tinygrad_edu.ops import Op
from tinygrad_edu.read.source import source
from tinygrad_edu.read.source.identities import DEFINITIONS, IDENTITIES

rng = np.random.default_rng(0)
ACTIVATIONS = (nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softplus, nn.LeakyReLU)


def parameter(*shape, name=None, dtype=float):
    return Tensor(rng.standard_normal(shape), requires_grad=True, name=name, dtype=dtype)


def one_hot(labels, k):
    return np.eye(k)[labels]


def run(program, arguments):
    """What the text computes where nothing but NumPy can be imported."""
    assert [x.names[0].name for x in ast.walk(ast.parse(str(program))) if isinstance(x, ast.Import)] == ["numpy"]
    namespace = {"__builtins__": {"__import__": only_numpy, "float": float}}
    exec(str(program), namespace)
    return namespace["backprop"](**arguments)


def only_numpy(name, *rest):
    assert name == "numpy"
    return np


def agrees(J, leaves, names=None, **options):
    """Values and gradients are those of autograd, in the shapes of the arguments; `leaves` by their names."""
    program = source(J, names=names, **options)
    value, gradients = run(program, program.arguments)
    assert_allclose(value, J.data, rtol=1e-12, atol=1e-12)
    assert [*gradients] == [f"d{name}" for name in program.arguments if name in leaves]
    for name, exact in zip(leaves, grad(J, list(leaves.values())), strict=True):
        g, exact, shape = gradients[f"d{name}"], exact.data, program.arguments[name].shape
        assert np.shape(g) == shape
        turned = exact if exact.shape == shape else exact.T if exact.ndim == 2 else exact[:, None]
        assert_allclose(g, turned, rtol=1e-12, atol=1e-12, err_msg=name)
    return program


# Networks

LOSSES = {
    "bce": lambda Z, Y, y: -np.mean(Y * np.log(tg.sigmoid(Z)) + (1 - Y) * np.log(1 - tg.sigmoid(Z))),
    "bce of a function": lambda Z, Y, y: tg.binary_cross_entropy(tg.sigmoid(Z), Y),
    "bce by hand": lambda Z, Y, y: (lambda A: -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 5)(
        1 / (1 + np.exp(-Z))
    ),
    "bce with logits": lambda Z, Y, y: tg.binary_cross_entropy_with_logits(Z, Y),
    "mse": lambda Z, Y, y: tg.mse_loss(Z, Y),
    "mse of sigmoid": lambda Z, Y, y: np.sum((tg.sigmoid(Z) - Y) ** 2) / (2 * 5),
    "cross-entropy": lambda Z, Y, y: tg.cross_entropy(Z, y),
    "cross-entropy of rows": lambda Z, Y, y: tg.cross_entropy(Z, one_hot(y, 3)),
    "nll": lambda Z, Y, y: tg.nll_loss(tg.log_softmax(Z), y),
    "softmax": lambda Z, Y, y: -np.mean(np.sum(one_hot(y, 3) * np.log(tg.softmax(Z)), axis=1)),
    "softmax by hand": lambda Z, Y, y: (
        -np.sum(one_hot(y, 3) * np.log(np.exp(Z) / np.sum(np.exp(Z), 1, keepdims=True))) / 5
    ),
    "logsumexp": lambda Z, Y, y: np.mean(tg.logsumexp(Z, axis=1) - Z[np.arange(5), y]),
    "focal": lambda Z, Y, y: -np.mean(Y * (1 - tg.sigmoid(Z)) ** 2 * np.log(tg.sigmoid(Z))),
}


def network(loss, activation=nn.Tanh, sizes=(2, 4, 3)):
    X, Y, y = rng.standard_normal((5, sizes[0])), rng.integers(0, 2, (5, 3)).astype(float), np.array([0, 2, 1, 1, 0])
    model = nn.MLP(list(sizes), activation, rng)
    J = LOSSES[loss](model(X), Y, y)
    return J, {x.name: x for x in model.parameters()}, {"X": X, "Y": Y, "y": y}


@pytest.mark.parametrize("layout", [None, "columns"])
@pytest.mark.parametrize("simplify", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_networks_are_those_of_autograd(loss, simplify, layout):
    J, leaves, names = network(loss)
    agrees(J, leaves, names, simplify=simplify, layout=layout)


@pytest.mark.parametrize(("seed", "simplify"), list(itertools.product(range(6), [True, False])))
def test_random_networks_are_those_of_autograd(seed, simplify):
    choose = np.random.default_rng(seed)
    sizes = (*choose.integers(1, 5, choose.integers(1, 4)), 3)
    J, leaves, names = network(choose.choice(list(LOSSES)), choose.choice(ACTIVATIONS), [int(n) for n in sizes])
    agrees(J, leaves, names, simplify=simplify, layout=str(choose.choice(["rows", "columns"])))


@pytest.mark.parametrize("loss", ["bce", "bce of a function", "bce by hand", "bce with logits"])
def test_the_slope_of_the_sigmoid_cancels(loss):
    J, leaves, names = network(loss)
    text = str(agrees(J, leaves, names))
    A = "1 / (1 + t1)" if loss == "bce by hand" else "A2"
    assert f"dZ2 = ({A} - Y) / (3 * m)" in text or f"dZ2 = ({A} - Y) / m" in text


@pytest.mark.parametrize(
    "loss", ["cross-entropy", "cross-entropy of rows", "nll", "softmax", "softmax by hand", "logsumexp"]
)
def test_the_derivative_of_the_softmax_cancels(loss):
    J, leaves, names = network(loss)
    line = next(line for line in str(agrees(J, leaves, names)).splitlines() if " dZ2 = " in line)
    assert re.search(r"- Y(_2)?\) / m$", line.split("  #")[0].strip())


def lines_of(program):
    """The lines of the backward pass without their comments."""
    backward = str(program).partition("# backward")[2]
    return [text.strip() for line in backward.splitlines() if (text := line.partition("#")[0]).strip()]


def test_a_vector_of_weights_is_written_as_on_paper():
    X, y, w, b = rng.standard_normal((6, 3)), rng.integers(0, 2, 6) * 1.0, parameter(3, name="w"), parameter(name="b")
    p = tg.sigmoid(X @ w + b)
    J = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    program = agrees(J, {"w": w, "b": b}, {"X": X, "y": y, "p": p})
    assert lines_of(program)[:3] == ["dz = (p - y) / m", "dw = X.T @ dz", "db = np.sum(dz)"]
    e = y - X @ w
    program = agrees(e @ e / 6 + 0.1 * (w @ w), {"w": w}, {"X": X, "y": y, "e": e})
    assert lines_of(program)[:2] == ["de = 2 * e / m", "dw = 0.2 * w - X.T @ de"]
    assert " y - X @ w\n" in str(program)


def test_the_two_branches_of_a_choice_are_one():
    X, w, b, y = rng.standard_normal((9, 2)), parameter(2, name="w"), parameter(name="b"), 3 * rng.standard_normal(9)
    d = X @ w + b - y
    J = np.mean(np.where(np.abs(d) <= 1, 0.5 * d**2, np.abs(d) - 0.5))
    program = agrees(J, {"w": w, "b": b}, {"X": X, "y": y, "d": d})
    assert "np.where(t1 < 1, " in lines_of(program)[0]
    assert str(program).count("np.where") == 2  # one forward, one backward
    Z = X @ w
    A = np.where(Z > 0, Z, np.exp(Z) - 1)
    program = agrees(np.mean((A - y) ** 2), {"w": w}, {"X": X, "y": y, "A": A, "Z": Z})
    assert "dZ = dA * np.where(Z > 0, 1, t1)" in lines_of(program)


def test_the_positive_part_by_numpy_s_maximum():
    X, Y, W = rng.standard_normal((5, 2)), rng.standard_normal((5, 3)), parameter(2, 3, name="W")
    X[0] = 0  # at the kink the rule counts half
    A = np.maximum(0, X @ W)
    program = agrees(np.mean((A - Y) ** 2), {"W": W}, {"X": X, "Y": Y, "A": A})
    assert "dZ = dA * np.heaviside(Z, 0.5)" in lines_of(program)
    margin = (X @ W)[:, 0] * np.sign(Y[:, 0])
    agrees(np.mean(np.maximum(0, 1 - margin)), {"W": W}, {"X": X, "margin": margin})


def test_a_residual_layer_adds_the_gradient_that_has_a_name():
    X, Y, W1, W2 = (*rng.standard_normal((2, 6, 3)), parameter(3, 3, name="W1"), parameter(3, 3, name="W2"))
    H1 = X + np.tanh(X @ W1)
    H2 = H1 + np.tanh(H1 @ W2)
    program = agrees(np.mean((H2 - Y) ** 2), {"W1": W1, "W2": W2}, {"X": X, "Y": Y, "H1": H1, "H2": H2})
    assert "dH1 = dH2 + dZ2 @ W2.T" in lines_of(program)


def test_the_identities_are_named():
    assert {"cancel", "complement"} <= set(source(network("bce")[0]).identities)
    assert "logistic" in source(network("bce by hand")[0]).identities
    assert "exp of log-softmax" in source(network("nll")[0]).identities
    assert "rows of probabilities" in source(network("softmax")[0]).identities
    assert source(network("bce")[0], simplify=False).identities == ()


def test_the_program_is_for_any_batch():
    J, leaves, names = network("bce")
    program = source(J, names=names)
    X, Y = rng.standard_normal((7, 2)), rng.integers(0, 2, (7, 3)).astype(float)
    value, gradients = program(**(program.arguments | {"X": X, "Y": Y}))
    Z = np.tanh(X @ leaves["W1"].T + leaves["b1"]) @ leaves["W2"].T + leaves["b2"]
    again = LOSSES["bce"](Z, Y, None)
    assert_allclose(value, again.data, rtol=1e-12)
    for name, exact in zip(leaves, grad(again, list(leaves.values())), strict=True):
        assert_allclose(gradients[f"d{name}"], exact.data, rtol=1e-12, atol=1e-14)


def test_gradients_are_those_of_differences():
    J, leaves, names = network("softmax")
    program = source(J, names=names)
    _, gradients = program()
    arrays = [program.arguments[name] for name in leaves]

    def cost(*values):
        return program(**(program.arguments | dict(zip(leaves, values, strict=True))))[0]

    for name, exact in zip(leaves, difference_gradients(cost, arrays), strict=True):
        assert_allclose(gradients[f"d{name}"], exact, atol=1e-7)


def columns():
    X, Y = rng.standard_normal((2, 5)), rng.integers(0, 2, (1, 5)).astype(float)
    leaves = {"W1": parameter(3, 2), "b1": parameter(3, 1), "W2": parameter(1, 3), "b2": parameter(1, 1)}
    Z1 = leaves["W1"] @ X + leaves["b1"]
    A1 = np.tanh(Z1)
    Z2 = leaves["W2"] @ A1 + leaves["b2"]
    A2 = tg.sigmoid(Z2)
    J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1]
    return J, leaves, {"X": X, "Y": Y, "Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "J": J, **leaves}


@pytest.mark.parametrize("simplify", [True, False])
def test_the_notation_of_the_course_stays_and_turns_into_rows(simplify):
    J, leaves, names = columns()
    product, turned = ("Z1 = W1 @ X + b1", "Z1 = X @ W1.T + b1") if simplify else ("u1 = W1 @ X", "u1 = X @ W1.T")
    text = str(agrees(J, leaves, names, simplify=simplify))
    assert "m = X.shape[1]" in text and product in text and "dW1 = dZ1 @ X.T" in text
    text = str(agrees(J, leaves, names, simplify=simplify, layout="rows"))
    assert "m = X.shape[0]" in text and turned in text and "dW1 = dZ1.T @ X" in text


# Other graphs


def graphs():
    x, y, A = parameter(4, name="x"), parameter(4, name="y"), parameter(3, 4, name="A")
    K, signal = parameter(3, name="K"), parameter(8, name="s")
    windows = np.stack([signal[k : k + 3] for k in range(6)])
    return {
        "indexing": (np.sum(A[[0, 2, 2], 1:] ** 2) + A[1, 2], {"A": A}),
        "joining": (np.sum(np.concatenate([x * y, y[:2]]) ** 3), {"x": x, "y": y}),
        "convolution": (np.sum(np.tanh(windows @ K)), {"s": signal, "K": K}),
        "choices": (
            np.sum(np.where(A > 0, A * 2, np.exp(A))) + np.max(A) + np.sum(np.maximum(x, y)),
            {"A": A, "x": x, "y": y},
        ),
        "powers": (np.sum(np.abs(x) ** 2.5) + np.sum(x**3 / (1 + y**2)) + np.sum(2.0**y), {"x": x, "y": y}),
        "spread": (np.sum(np.std(A, axis=0) * np.mean(A, axis=0)) + np.var(x, ddof=1), {"A": A, "x": x}),
        "three axes": (
            np.sum(tg.softmax(np.reshape(A, (3, 2, 2)), axis=1) * np.arange(12.0).reshape(3, 2, 2)),
            {"A": A},
        ),
        "scalars": ((lambda a: a * a + np.log(a) / a)(x[0] ** 2), {"x": x}),
        "used often": ((lambda v: np.sum(v * v * v + np.exp(v)))(np.tanh(x * y)), {"x": x, "y": y}),
        "truth values": (
            (lambda t: np.sum(A[0, 0] * (1 - t) - t * (1 - A[0, 0])))(np.maximum(x, y)),
            {"A": A, "x": x, "y": y},
        ),
        "clip": (np.sum(np.clip(A, -0.5, 0.5) * A), {"A": A}),
    }


@pytest.mark.parametrize("simplify", [True, False])
@pytest.mark.parametrize("name", [*graphs()])
def test_any_graph_is_written_out(name, simplify):
    agrees(*graphs()[name], simplify=simplify)


def test_a_weight_that_is_used_in_every_step():
    X, W, h = rng.standard_normal((5, 3)), parameter(3, 3, name="W"), np.zeros((5, 3))
    for _ in range(4):
        h = np.tanh(h @ W.T + X)
    agrees(np.mean(h**2), {"W": W}, {"X": X})


def test_a_long_chain_is_written_op_by_op():
    x = y = parameter(3, name="x")
    for _ in range(400):
        y = np.tanh(y) + 0.1
    text = str(agrees(np.sum(y), {"x": x}))
    assert max(map(len, text.splitlines())) < 120


def test_the_first_power_is_written_without_exponent():
    x = parameter(4, name="x")
    assert "**1" not in str(agrees(np.sum(x**2), {"x": x}, simplify=False))


def test_several_outputs_and_chosen_inputs():
    W, X = parameter(2, 3, name="W"), rng.standard_normal((4, 3))
    Z = X @ W.T
    first, second = np.sum(Z**2), np.mean(np.exp(Z))
    program = source([first, second], inputs=[Z], names={"Z": Z, "X": X, "J": first, "K": second})
    values, gradients = program()
    assert_allclose(values, [first.data, second.data])
    assert_allclose(gradients["dZ"], grad([first, second], Z).data)


def test_the_gradient_of_an_output_that_is_no_scalar_is_an_argument():
    W, X, g = parameter(2, 3, name="W"), rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    A = np.tanh(X @ W.T)
    value, gradients = source(A, names={"A": A, "X": X})(X=X, W=W.data, dA=g)
    assert_allclose(value, A.data)
    assert_allclose(gradients["dW"], grad(A, W, g).data)


def test_float32_stays_float32():
    X, y = rng.standard_normal((5, 2)).astype(np.float32), np.array([0, 2, 1, 1, 0])
    model = nn.MLP([2, 4, 3], rng=rng, dtype=np.float32)
    for J in (tg.cross_entropy(model(X), y), np.sum(np.tanh(model(X)))):
        value, gradients = source(J, names={"X": X, "y": y})()
        assert value.dtype == np.float32 and {g.dtype for g in gradients.values()} == {np.dtype(np.float32)}


def test_an_op_of_ones_own_is_written_out_or_copied():
    x = parameter(4, name="x")
    swish = Op(lambda x: x / (1 + np.exp(-x)), lambda g, y, x: g * (y + (1 - y) / (1 + np.exp(-x))), name="swish")
    agrees(np.sum(swish(x)), {"x": x})

    def doubled_if_large(x):
        if np.sum(x) > 0:
            return x * 2
        return x * 3

    doubled_if_large.__name__ = "x):\n    raise SystemExit\ndef doubled("
    op = Op(doubled_if_large, lambda g, y, x: g * y / x)
    assert "def doubled_if_large(x):" in str(agrees(np.sum(op(x)), {"x": x}))


# Names

HOSTILE = [
    "__import__('os').system('touch hacked')",
    'x"""\nraise SystemExit("hacked")\n"""',
    "a\n    raise SystemExit\n#",
    "lambda",
    "np",
    "sum",
    "m",
    "backprop",
    "sigmoid",
    "dW",
    "1 − Y",
    "",
    "😀",
    "'; --",
    "{0.__class__}",
    "W" * 500,
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("simplify", [True, False])
def test_names_never_reach_the_code(name, simplify):
    W, V, X = parameter(2, 3, name=name), parameter(2, 3, name="W"), rng.standard_normal((4, 3))
    A = tg.sigmoid(X @ (W * V).T)
    J = np.mean(A * X[:, :2])
    program = source(J, names={name + " ": A, name + "x": X, "": J}, simplify=simplify)
    value, gradients = run(program, program.arguments)
    assert_allclose(value, J.data, rtol=1e-12)
    exact = [g.data for g in grad(J, [W, V])]
    assert all(any(np.allclose(g, x, rtol=1e-12) for x in exact) for g in gradients.values()) and len(gradients) == 2
    allowed = (ast.Import, ast.FunctionDef)
    assert all(isinstance(node, allowed) for node in ast.parse(str(program)).body)
    assert max(map(len, str(program).splitlines())) < 300


def test_data_are_not_called_what_they_are_not():
    y, w, X = np.array([1.0, -1.0, 1.0, -1.0]), parameter(2, name="w"), rng.standard_normal((4, 2))
    program = source(np.mean(np.log(1 + np.exp(-y * (X @ w)))), names={"X": X, "y": y})
    assert [*program.arguments] == ["X", "y", "w"]
    assert "np.exp(-y * z)" in str(program)


def test_a_condition_that_fits_by_chance_is_an_argument():
    x = parameter(6, name="x")
    J = np.sum(np.where(np.array([True, False, True, True, False, True]) & (x > -9), x, 3 * x + 1))
    assert [*source(J).arguments] == ["mask", "x"]
    assert [*source(np.sum(tg.sigmoid(x) * (x > -9))).arguments] == ["mask", "x"]


def test_two_tensors_of_one_name_are_told_apart():
    a, b = parameter(3, name="w"), parameter(3, name="w")
    program = source(np.sum(a * b))
    assert {*program()[1]} == {"dw", "dw_2"}


# Identities


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
def test_identities_hold_for_random_numbers(identity, axis):
    for _ in range(20):
        values = {name: rng.uniform(0.1, 0.9, (4, 3)) for name in identity.parameters}
        for name in identity.columns:
            values[name] = np.mean(values[name], axis=axis, keepdims=True)
        if "probabilities" in identity.name:
            values["y"] = values["y"] / np.sum(values["y"], axis=1 if "row" in identity.name else 0, keepdims=True)
        params = {"axis": axis} if identity.along else {}
        left, right = identity.left(*values.values(), **params), identity.right(*values.values(), **params)
        assert_allclose(*np.broadcast_arrays(left, right), rtol=1e-12, atol=1e-14)


def test_zero_over_zero_counts_as_zero():
    identity = next(identity for identity in IDENTITIES if identity.name == "zero over zero")
    x, y = np.array([0.0, 0.0, 0.3]), np.array([0.0, 0.5, 0.2])
    assert_allclose(identity.left(x, y), identity.right(x, y), rtol=1e-12)


@pytest.mark.parametrize("op", [op for op in DEFINITIONS if len(op.rules) == 1], ids=lambda op: op.name)
def test_definitions_say_what_the_op_computes(op):
    x = 3 * rng.standard_normal((4, 3))
    assert_allclose(DEFINITIONS[op](x), op(x), rtol=1e-12)


# What cannot be done


def test_bad_input_is_told():
    W = parameter(2, name="W")
    J = np.sum(W * W)
    with pytest.raises(TypeError, match=r"source: outputs must be Tensors; got float. float\(\), .item\(\)"):
        source(float(J))
    with pytest.raises(TypeError, match="source: inputs must be Tensors; got ndarray"):
        source(J, inputs=[W.data])
    with pytest.raises(ValueError, match="source: the output must have been recorded; got Tensor"):
        source(Tensor(1.0))
    with pytest.raises(ValueError, match="source: the outputs must depend on every input; got input 0"):
        source(J, inputs=[parameter(2)])
    with pytest.raises(ValueError, match=r"source: layout must be 'rows' or 'columns'.*got 'diagonal'"):
        source(J, layout="diagonal")
    with pytest.raises(ValueError, match=r"source: to turn the layout there must be several examples.*'columns'"):
        source(parameter() * 2, layout="columns")
    with pytest.raises(TypeError, match=r"source: bool\(\) needs the values of an array"):
        source(np.linalg.det(parameter(2, 2)))
    factor = 3.0

    def closed(x):
        return x * factor if x.sum() > 0 else x

    with pytest.raises(NotImplementedError, match="source: the op must be written with NumPy; got closed"):
        source(np.sum(Op(closed, lambda g, y, x: g * 3.0)(W)))


# What it looks like


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_shows_with_colours_on_a_terminal_and_without_elsewhere(capsys, monkeypatch):
    program = source(network("bce")[0])
    program.show()
    assert capsys.readouterr().out == str(program)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured, plain = Terminal(), Terminal()
    program.show(coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    program.show(plain)
    assert "\x1b[35mdef\x1b[0m \x1b[1mbackprop\x1b[0m" in coloured.getvalue()
    assert re.sub(r"\x1b\[\d+m", "", coloured.getvalue()) == plain.getvalue() == str(program)


def test_a_notebook_shows_it_escaped():
    W = parameter(2, name="W")
    html = source(np.sum(np.where(W > 0, W, 0)), names={"<script>": W})._repr_html_()
    assert "&gt;" in html and "<script>" not in html and html.startswith("<pre")


@pytest.mark.parametrize("dtype", [float, int])
def test_a_logistic_regression_as_in_a_course(dtype):
    X, Y = rng.standard_normal((3, 6)), np.array([[1, 0, 0, 1, 1, 0]], dtype)
    w, b = Tensor(rng.standard_normal((3, 1)), requires_grad=True), Tensor(0.0, requires_grad=True)
    A = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
    cost = -1 / 6 * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    text = str(source(cost, names={"X": X, "Y": Y, "w": w, "b": b, "A": A, "cost": cost}))
    assert "def backprop(X, Y, w, b):" in text
    assert "(A - Y) / m " in text


def test_the_command_prints_it(capsys):
    assert main(["source", "mlp", "--sizes", "2", "16", "1", "--loss", "bce"]) == 0
    text = capsys.readouterr().out
    assert "dZ2 = (A2 - Y) / m" in text and "W1 (16, 2)" in text
    assert main(["source", "softmax", "--layout", "columns"]) == 0
    assert "dW2 = dZ2 @ A1.T" in capsys.readouterr().out
    assert main(["source", "mlp", "--loss", "cross-entropy", "--fused", "--no-simplify"]) == 0
    assert "log_softmax(Z2)[np.arange(m), y]" in capsys.readouterr().out
    assert main(["source", "neuron", "--sizes", "2"]) == 2
    assert "--sizes, --activation, --loss and --fused are for mlp" in capsys.readouterr().err
    assert main(["source", "mlp", "--sizes", "2"]) == 2
    assert "--sizes must be at least two whole numbers above 0; got [2]" in capsys.readouterr().err
    assert main(["source", "mlp", "--sizes", "2", "4", "1", "--loss", "cross-entropy"]) == 2
    assert "cross-entropy needs at least two classes, the last of --sizes; got [2, 4, 1]" in capsys.readouterr().err


def test_it_is_loaded_when_it_is_asked_for():
    assert tg.source is source and "tinygrad_edu.read.source" in sys.modules


# Marked by the package's own marker

HOMEWORK = """\
{helpers}
X = np.array({X})
Y = np.array({Y})
params = {{name: np.array(x) for name, x in {params}.items()}}


def forward(params, X, Y):
    {parameters}
{forward}
    return J, {{{values}}}


def backward(params, cache, X, Y):
    m = {m}
    {parameters}
    {cached}
{backward}
    return {{{gradients}}}
"""


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_the_marker_finds_nothing_wrong_in_it(layout, tmp_path, capsys):
    J, leaves, names = network("bce")
    program = source(J, names=names, layout=layout)
    helpers, _, body = str(program).partition("def backprop(")
    forward, _, backward = body.partition("    # forward\n")[2].partition("    # backward\n")
    backward = backward.partition("    return ")[0]

    def assigned(lines):
        return [line.split()[0] for line in lines.splitlines() if " = " in line and line.strip()[0] != "#"]

    values, gradients = [name for name in assigned(forward) if name not in ("m", "J")], assigned(backward)
    parts = {
        "helpers": helpers,
        "X": program.arguments["X"].tolist(),
        "Y": program.arguments["Y"].tolist(),
        "params": {name: program.arguments[name].tolist() for name in leaves},
        "parameters": "\n    ".join(f'{name} = params["{name}"]' for name in leaves),
        "m": f"X.shape[{int(layout == 'columns')}]",
        "forward": forward.rstrip(),
        "values": ", ".join(f'"{name}": {name}' for name in values),
        "cached": "\n    ".join(f'{name} = cache["{name}"]' for name in values),
        "backward": backward.rstrip(),
        "gradients": ", ".join(f'"{name}": {name}' for name in gradients),
    }
    file = tmp_path / "homework.py"
    file.write_text(HOMEWORK.format(**parts), encoding="utf-8")
    assert main(["check", str(file)]) == 0, capsys.readouterr().out
