"""ONNX files, run by ONNX Runtime: what comes out is what the model gives."""

import sys
from pathlib import Path

import fuzz
import numpy as np
import pytest
from numpy.testing import assert_allclose
from op_factory import Setting, all_rows

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.graph import Graph
from tinygrad_edu.read import onnx as module
from tinygrad_edu.read.onnx.counterparts import COUNTERPARTS
from tinygrad_edu.read.onnx.elementwise import SAME, SCALED

onnx = pytest.importorskip("onnx", reason="needs onnx; pip install 'tinygrad_edu[onnx]'")
runtime = pytest.importorskip("onnxruntime", reason="needs ONNX Runtime; pip install onnxruntime")
runtime.set_default_logger_severity(4)  # it warns of processors that it does not find


def run(path, feeds):
    """What ONNX Runtime makes of a file."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(str(path), options).run(None, feeds)


def judged():
    """Every row of the table with its cases: by name, those of all chapters."""
    found = {}
    for row in all_rows():
        if row.name in ops.TABLE and row.call is None:
            found.setdefault(row.name, []).extend((row, case) for case in row.cases)
    return found


CASES = judged()
DIFFERENTIABLE = {name for name, op in ops.TABLE.items() if op.rules or op.every}
EXPORTED = sorted(name for name, op in ops.TABLE.items() if op in COUNTERPARTS)
#: ONNX Runtime computes them in float32 only.
NOT_IN_FLOAT64 = {"det", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cosh", "sinh", "tan"}


# Every row of the table


@pytest.mark.parametrize(
    "name, dtype",
    [
        (name, dtype)
        for name in sorted(CASES.keys() & EXPORTED)
        for dtype in (np.float32, *([np.float64] if name not in NOT_IN_FLOAT64 else []))
    ],
)
def test_every_case_of_a_row_agrees(name, dtype, tmp_path):
    """All cases of a row in one file of many outputs, with sizes as they are."""
    rtol = 1e-5 if dtype is np.float32 else 1e-12
    inputs, outputs = {}, []
    for row, case in CASES[name]:
        it = Setting(row, case, dtype)
        leaves = it.leaves()
        inputs |= {f"x{len(inputs) + k}": leaf for k, leaf in enumerate(leaves)}
        outputs.append(it.op(*it.put(leaves), **it.params))
    path = tg.onnx.export(Graph(outputs), inputs, tmp_path / "row.onnx", batch_axis=None)
    results = run(path, {key: leaf.data for key, leaf in inputs.items()})
    for result, output in zip(results, outputs, strict=True):
        assert (result.shape, result.dtype) == (output.shape, output.dtype)
        scale = np.abs(output.data).max(initial=1)
        assert_allclose(result, output.data, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("name", sorted(CASES.keys() & DIFFERENTIABLE - set(EXPORTED)))
def test_a_row_without_counterpart_is_refused_by_name(name, tmp_path):
    it = Setting(*CASES[name][0])
    leaves = it.leaves()
    J = it.op(*it.put(leaves), **it.params)
    with pytest.raises(ValueError, match=f"every op must have a counterpart in ONNX; got {name} at "):
        tg.onnx.export(Graph(J), leaves[0], tmp_path / "refused.onnx", batch_axis=None)
    assert not list(tmp_path.iterdir())


def test_the_page_tells_what_has_a_counterpart():
    page = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
    listed = page.partition("## What has a counterpart")[2].split("\n\n")[2]
    assert sorted(listed.replace("`", "").replace(",", " ").split()) == EXPORTED


# With any number of examples: what the shapes, numbers and arrays in a graph have to do with it

W = tg.Tensor(np.linspace(-1, 1, 12).reshape(4, 3), requires_grad=True, name="W")
b = tg.Tensor(np.linspace(-1, 1, 4), requires_grad=True, name="b")


def with_batch(x):
    """A column of as many rows as x has, made by the size."""
    return np.concatenate([x[:, :1], np.broadcast_to(b[:1], (len(x), 1))], axis=1)


# fmt: off
BATCHED = {
    "add": lambda x: x + np.ones(3),
    "subtract": lambda x: x - np.zeros(x.shape),
    "multiply": lambda x: x * (2 * len(x)),
    "divide": lambda x: np.sum(x) / len(x) + 1 / len(x) * x,
    "negative": lambda x: -x,
    "power": lambda x: (x * x + 1) ** 1.5,
    "square": np.square,
    "sqrt": lambda x: np.sqrt(x * x + 1),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": lambda x: np.log(x * x + 1),
    "log1p": lambda x: np.log1p(x * x),
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "abs": np.abs,
    "sign": np.sign,
    "maximum": lambda x: np.maximum(x, 0.5),
    "minimum": lambda x: np.minimum(x, [0.1, 0.2, 0.3]),
    "where": lambda x: np.where([True, False, True], x, 0),
    "clip": lambda x: np.clip(x, -0.5, None),
    "sum": lambda x: np.sum(x, axis=0),
    "mean": lambda x: np.mean(x, axis=1, keepdims=True),
    "max": lambda x: np.max(x, axis=-1),
    "min": lambda x: np.min(x),
    "var": lambda x: np.var(x, axis=0, ddof=0.5),
    "std": lambda x: np.std(x, axis=1, ddof=1),
    "prod": lambda x: np.prod(x, axis=1),
    "cumsum": lambda x: np.cumsum(x, axis=0) + np.sum(np.cumsum(x)),
    "vector_norm": lambda x: np.linalg.norm(x, axis=1) + np.linalg.norm(np.ravel(x), 3),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, W) + np.einsum("ij,ij->i", x, np.ones((1, 3)))[:, None],
    "tril": lambda x: np.tril(x, 1),
    "triu": lambda x: np.triu(x, -1),
    "flip": lambda x: np.flip(x, 0),
    "log2": lambda x: np.log2(x * x + 1),
    "log10": lambda x: np.log10(x * x + 1),
    "exp2": np.exp2,
    "logaddexp": lambda x: np.logaddexp(x, 1),
    "hypot": lambda x: np.hypot(x, 1),
    "cbrt": np.cbrt,
    "sinc": np.sinc,
    "trunc": lambda x: np.trunc(x * 3),
    "fix": lambda x: np.fix(x * 3),
    "heaviside": lambda x: np.heaviside(x, x),
    "fmod": lambda x: np.fmod(x * 9, 0.7),
    "remainder": lambda x: np.remainder(x * 9, -0.7),
    "floor_divide": lambda x: np.floor_divide(x * 9, 0.7),
    "round": lambda x: np.round(x, 2),
    "nan_to_num": lambda x: np.nan_to_num(np.where([True, False, True], x, np.inf), posinf=7),
    "logaddexp2": lambda x: np.logaddexp2(x * 100, 1),
    "rot90": lambda x: np.concatenate([np.ravel(np.rot90(x, k)) for k in range(-1, 3)]),
    "roll": lambda x: np.roll(x, (5, -1), (0, 1)) + np.roll(x, 4),
    "sort": lambda x: np.sort(x, axis=0) + np.sum(np.sort(x, axis=None)),
    "fmax": lambda x: np.fmax(x, 0.1),
    "fmin": lambda x: np.fmin(x, 0.1),
    "reshape": lambda x: np.reshape(x, (3, len(x))) + np.reshape(np.reshape(x, -1), (1, 3, -1)),
    "ravel": np.ravel,
    "expand_dims": lambda x: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 2), axis=2),
    "transpose": np.transpose,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, *x.shape)) + np.broadcast_to(b[0], (len(x), 3)),
    "astype": lambda x: x.astype(np.float32),
    "index": lambda x: x[::-1, 1:] + x[np.arange(len(x)), [-1]][:, None] + x[:, [0, 2]],
    "concatenate": with_batch,
    "stack": lambda x: np.stack([x, x * 2], axis=1),
    "matmul": lambda x: x @ W.T,
    "dot": lambda x: np.dot(x, W.T) + np.dot(x, np.ones((2, 3, 4)))[:, 0],
    "linear": lambda x: tg.linear(np.stack([x, x]), W, b),
    "sigmoid": tg.sigmoid,
    "relu": tg.relu,
    "leaky_relu": lambda x: tg.leaky_relu(x, 0.2),
    "softplus": lambda x: tg.softplus(x * 50),
    "logsumexp": lambda x: tg.logsumexp(x * 1000, axis=1),
    "softmax": lambda x: tg.softmax(x, axis=0),
    "log_softmax": tg.log_softmax,
    "xlogy": lambda x: ops.xlogy(np.maximum(x, 0), np.maximum(x, 0)),
    "bce_with_logits": lambda x: tg.binary_cross_entropy_with_logits(x * 50, tg.sigmoid(x)),
    "cross_entropy": lambda x: tg.cross_entropy(x, tg.softmax(x), reduction="sum"),
}
# fmt: on
FIXED_ONLY = {"det", "scatter"}
COMPOSED = {
    "differences": lambda x: np.diff(x, axis=0) * x[1:, None, 0],
    "picked": lambda x: x[None, :, [0, 1], None] - x[..., [[1, 2]], None][:, 0],
    "apart": lambda x: x[:, :, None][np.arange(len(x)), :, 0] + x[np.arange(len(x))[:, None], None, [0, 2]][:, 0, :1],
    "split": lambda x: np.split(x, 3, axis=1)[1] @ np.ones((1, 2)),
    "tensordot": lambda x: np.tensordot(x, W, axes=(1, 1)),
    "norm": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
    "attention": lambda x: tg.softmax(tg.linear(x, W) @ np.transpose(tg.linear(x, W)) / 2) @ x,
    "layer norm": lambda x: (x - np.mean(x, axis=1, keepdims=True)) / np.sqrt(np.var(x, axis=1, keepdims=True) + 1e-5),
    "median": lambda x: np.median(x, axis=1),
    "tile": lambda x: np.tile(x, (2, 2)),
}


def rows(m, dtype=np.float64):
    return np.random.default_rng(m).standard_normal((m, 3)).astype(dtype)


def agree(model, path, sizes=(1, 2, 3, 7, 8), dtype=np.float64, rtol=1e-11):
    for m in sizes:
        X = rows(m, dtype)
        for result, expected in zip(run(path, {"x": X}), [model(tg.Tensor(X))], strict=True):
            assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
            assert_allclose(result, expected.data, rtol=rtol, atol=rtol)


def test_every_row_that_knows_sizes_is_tried_with_batches():
    assert set(EXPORTED) <= set(BATCHED) | set(SAME) | set(SCALED) | FIXED_ONLY


@pytest.mark.parametrize("name", BATCHED)
@pytest.mark.parametrize("m", [1, 3])
def test_the_number_of_examples_stays_open(name, m, tmp_path):
    def model(x):
        return BATCHED[name](x)

    path = tg.onnx.export(model, rows(m), tmp_path / "row.onnx")
    agree(model, path)
    assert ops.TABLE[name] in [node.op for node in Graph(model(tg.Tensor(rows(3), requires_grad=True))).nodes]


@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_made_of_the_rows_can_be_exported(name, tmp_path):
    agree(COMPOSED[name], tg.onnx.export(COMPOSED[name], rows(4), tmp_path / "composed.onnx"), (2, 3, 9))


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_agree(seed, tmp_path):
    """Some eighty ops on values of mixed shapes, many used several times."""
    menu = [row for row in fuzz.rows() if row.call is None and row.name in {*EXPORTED} - NOT_IN_FLOAT64]
    program = fuzz.program(np.random.default_rng(seed), menu)
    leaves = [tg.Tensor(x, requires_grad=True) for x in program.leaves]
    graph = Graph(program.run(leaves, np))
    there = {node.value for node in graph.nodes if node.op is None and isinstance(node.value, tg.Tensor)}
    inputs = {f"x{k}": leaf for k, leaf in enumerate(leaves) if leaf in there}
    path = tg.onnx.export(graph, inputs, tmp_path / "program.onnx", batch_axis=None)
    (result,) = run(path, {name: leaf.data for name, leaf in inputs.items()})
    assert_allclose(result, graph.outputs[0].data, rtol=1e-11, atol=1e-11)


def network(activation=tg.nn.Tanh, dtype=np.float32):
    return tg.nn.MLP([3, 5, 4, 2], activation=activation, rng=0, dtype=dtype)


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 1e-5), (np.float64, 1e-12)], ids=["float32", "float64"])
@pytest.mark.parametrize("activation", ["ReLU", "LeakyReLU", "Tanh", "Sigmoid", "Softplus", "Softmax", "LogSoftmax"])
def test_networks_agree(activation, dtype, rtol, tmp_path):
    model = network(getattr(tg.nn, activation), dtype)
    path = tg.onnx.export(model, rows(4, dtype), tmp_path / "model.onnx")
    agree(model, path, (1, 2, 4, 100), dtype, rtol)


def test_names_are_kept(tmp_path):
    path = tg.onnx.export(network(), rows(4, np.float32), tmp_path / "model.onnx")
    graph = onnx.load(path).graph
    assert [x.name for x in graph.initializer] == list(network().state_dict())
    assert [x.name for x in graph.input] == ["x"]
    assert [x.name for x in graph.node] == [x.output[0] for x in graph.node] == ["Z1", "A1", "Z2", "A2", "Z3"]
    shapes = [[d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim] for x in (*graph.input, *graph.output)]
    assert shapes == [["batch", 3], ["batch", 2]]


def test_names_that_meet_are_told_apart(tmp_path):
    class Clash(tg.nn.Module):
        def __init__(self):
            self.x, self.add = (tg.Tensor(value, requires_grad=True, name="Add") for value in (np.ones(3), np.ones(3)))

        def forward(self, x):
            return np.sum(x * self.x + self.add, axis=1)

    path = tg.onnx.export(Clash(), rows(4), tmp_path / "model.onnx")
    agree(Clash(), path)


def test_a_loss_with_labels(tmp_path):
    model = network(dtype=np.float64)

    def cost(x, labels):
        return tg.nn.CrossEntropyLoss()(model(x), labels)

    def written_out(x, labels):
        return -np.mean(tg.log_softmax(model(x))[np.arange(len(labels)), labels])

    for function in (cost, written_out, lambda x, labels: tg.nll_loss(tg.log_softmax(model(x)), labels)):
        path = tg.onnx.export(function, (rows(4), np.array([0, 1, 1, 0])), tmp_path / "cost.onnx")
        for m in (1, 2, 9):
            X, labels = rows(m), np.arange(m) % 2
            (J,) = run(path, {"x": X, "labels": labels})
            assert_allclose(J, cost(X, labels).data, rtol=1e-12)


def test_examples_in_columns(tmp_path):
    W1, b1 = tg.Tensor(np.linspace(-1, 1, 6).reshape(2, 3), requires_grad=True), tg.Tensor([[1.0], [2.0]])

    def course(X, Y):
        A = 1 / (1 + np.exp(-(W1 @ X + b1)))
        return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / X.shape[1], A

    path = tg.onnx.export(course, {"X": rows(4).T, "Y": np.full((2, 4), 0.5)}, tmp_path / "course.onnx", batch_axis=1)
    for m in (1, 2, 9):
        X, Y = rows(m).T, np.full((2, m), 0.25)
        for result, expected in zip(run(path, {"X": X, "Y": Y}), course(X, Y), strict=True):
            assert_allclose(result, expected.data, rtol=1e-12)


def test_a_recurrent_network_starts_from_zeros(tmp_path):
    cell, state = tg.nn.Linear(1, 4, rng=0), tg.nn.Linear(4, 4, rng=1)

    def recurrent(x):
        h = np.zeros((len(x), 4))
        for t in range(3):
            h = np.tanh(cell(x[:, t : t + 1]) + state(h))
        return h

    agree(recurrent, tg.onnx.export(recurrent, rows(4), tmp_path / "recurrent.onnx"))


def test_dropout_passes_all_and_the_model_trains_on(tmp_path):
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.Dropout(0.5, rng=0), tg.nn.Linear(4, 2, rng=1))
    model[2].eval()
    path = tg.onnx.export(model, rows(4), tmp_path / "model.onnx")
    assert [module.training for module in model.modules()] == [True, True, True, False]
    agree(model.eval(), path)


def test_a_shared_weight_is_stored_once(tmp_path):
    layer = tg.nn.Linear(3, 3, rng=0)
    model = tg.nn.Sequential(layer, tg.nn.Tanh(), layer)
    path = tg.onnx.export(model, rows(4), tmp_path / "model.onnx")
    assert [x.name for x in onnx.load(path).graph.initializer] == ["0.weight", "0.bias"]
    agree(model, path)


def test_the_gradient_is_a_graph_and_can_be_exported(tmp_path):
    X = tg.Tensor(rows(4), requires_grad=True, name="X")
    J = np.sum(np.tanh(tg.linear(X, W, b)))
    path = tg.onnx.export(Graph(tg.autograd.grad(J, X, create_graph=True)), X, tmp_path / "g.onnx", batch_axis=None)
    (result,) = run(path, {"X": X.data})
    assert_allclose(result, (1 - np.tanh(X.data @ W.data.T + b.data) ** 2) @ W.data, rtol=1e-12)


# A graph that is there


def test_a_graph_of_an_input_without_gradient(tmp_path):
    X = rows(5)
    output = network(dtype=np.float64)(X)
    path = tg.onnx.export(Graph(output), {"X": X}, tmp_path / "graph.onnx")
    for m in (1, 5, 8):
        assert_allclose(run(path, {"X": rows(m)})[0], network(dtype=np.float64)(rows(m)).data, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(BATCHED.keys() - {"add", "multiply", "divide", "reshape", "index"}))
def test_a_graph_grows_with_its_batch_or_is_refused(name, tmp_path):
    """What is exported is right; what might be wrong is not exported."""
    X = tg.Tensor(rows(7), requires_grad=True)
    try:
        path = tg.onnx.export(Graph(BATCHED[name](X)), {"x": X}, tmp_path / "graph.onnx")
    except ValueError as error:
        assert name in ("subtract", "broadcast_to", "concatenate")
        assert "must be clear what depends on the number of examples" in str(error) or "any number of" in str(error)
    else:
        agree(BATCHED[name], path, (1, 3, 14))


@pytest.mark.parametrize(
    "function, what",
    [
        (lambda x: x * 7.0, "the number 7"),
        (lambda x: x / 7, "the number 7"),
        (lambda x: x + np.ones((7, 3)), r"an array of shape \(7, 3\)"),
        (lambda x: x[:7], r"the index slice\(None, 7, None\)"),
        (lambda x: x[np.arange(7), 0], r"the index array\(\[0, 1"),
        (lambda x: np.broadcast_to(x[:1], (7, 3)), r"the shape \(7, 3\)"),
        (lambda x: np.reshape(x, (7, -1)), r"the shape \(7, -1\)"),
        (lambda x: np.reshape(x[:, :1] * tg.Tensor(np.ones(7), requires_grad=True), (7, 7)), r"the shape \(7, 7\)"),
    ],
)
def test_what_may_be_the_batch_in_a_graph_is_refused(function, what, tmp_path):
    X = tg.Tensor(rows(7), requires_grad=True)
    graph = Graph(function(X))
    with pytest.raises(ValueError, match=f"clear what depends on the number of examples; got {what}"):
        tg.onnx.export(graph, X, tmp_path / "graph.onnx")
    path = tg.onnx.export(graph, {"x": X}, tmp_path / "graph.onnx", batch_axis=None)
    assert_allclose(run(path, {"x": X.data})[0], function(X).data, rtol=1e-12)


def test_sizes_of_a_graph_that_can_only_be_the_batch_grow(tmp_path):
    def model(x):
        return np.reshape(np.concatenate([x, x], axis=1), (len(x), 2, 3)) * np.reshape(x, (len(x), 1, 3))

    X = tg.Tensor(rows(7), requires_grad=True)
    agree(model, tg.onnx.export(Graph(model(X)), {"x": X}, tmp_path / "graph.onnx"))


def test_a_graph_whose_sizes_cannot_grow_is_refused(tmp_path):
    X = tg.Tensor(rows(7), requires_grad=True)
    graph = Graph(np.transpose(X) @ tg.Tensor(rows(7), requires_grad=True))
    with pytest.raises(ValueError, match="must take any number of examples; got an error with 15 in place of 7: "):
        tg.onnx.export(graph, X, tmp_path / "graph.onnx")


# Bad input


HUMP = ops.Op(lambda x: x, lambda g, y, x: g, name="hump")


def export_error(kind, match, model, example, folder, **options):
    with pytest.raises(kind, match=match):
        tg.onnx.export(model, example, folder / "model.onnx", **options)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "kind, match, model, example",
    [
        (TypeError, "the model must return a Tensor; got ndarray", lambda x: x.numpy(), rows(3)),
        (TypeError, "the model must return a Tensor; got float", lambda x: float(np.sum(x)), rows(3)),
        (ValueError, "Graph: the output must have been recorded", lambda x: tg.Tensor([1.0]), rows(3)),
        (TypeError, "the example must be real numbers; got 'x' of dtype <U1", network(), np.array([["a"]])),
        (TypeError, "dtype of the model's parameters, float32; got 'x' of float64", network(), rows(3)),
        (ValueError, "linear: x must have in_features columns", network(), np.ones((3, 4), np.float32)),
        (ValueError, r"at least one example along axis 0.*got x \(\)", np.sin, 1.0),
        (ValueError, r"at least one example along axis 0.*got x \(0, 3\)", network(), rows(0, np.float32)),
        (ValueError, r"equally many; got a \(3, 3\), b \(2, 3\)", lambda a, b: a * b[0], (rows(3), rows(2))),
        (ValueError, "an example must name its arrays; got \\[0\\]", np.sin, {0: rows(3)}),
        (ValueError, "depend on every input; got none on 'b', of shape", lambda a, b: a * 2, (rows(3), rows(3))),
        (ValueError, "an index must be slices, integers, arrays or None; got True in", lambda x: x[0, True], rows(3)),
        (ValueError, "array must be the same for every batch.*'where'", lambda x: np.where(x > 0, x, 0), rows(3)),
        (ValueError, "array must be the same.*'multiply'", lambda x: x * x.data, rows(3)),
        (ValueError, "array must be the same.*'multiply'", lambda x: x * tg.Tensor(x.data.max()), rows(3)),
        (ValueError, "number must be the same for every batch", lambda x: x * float(np.max(x.data)), rows(3)),
        (ValueError, "number must be the same", lambda x: x * len(x) ** 2, rows(3)),
        (ValueError, "size must be the same for every batch, or a multiple", lambda x: x[: len(x) - 1], rows(3)),
        (ValueError, r"number of axes must be the same.*got \(3,\) at 'squeeze', and \(3, 3\)", np.squeeze, rows(1)),
        (ValueError, "same ops for any number", lambda x: sum(x[i] for i in range(len(x))), rows(3)),
        (ValueError, "must take any number of examples; got an error with 7 in place of 3: add: shapes must",
         lambda x: x + np.ones((3, 1)), rows(3)),
        (ValueError, "axis must be the same for every batch; got 0", lambda x: np.sum(x, axis=len(x) // 4), rows(3)),
        (ValueError, "must have a counterpart in ONNX; got hump at 'hump'",
         HUMP, rows(3)),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_by_name(kind, match, model, example, tmp_path):
    export_error(kind, match, model, example, tmp_path)


def test_an_example_that_is_not_in_the_graph(tmp_path):
    X = rows(3)
    graph = Graph(network(dtype=np.float64)(X), names={"X": X})
    export_error(
        ValueError, r"ndarray of shape \(3, 3\), which is not in it; there are X \(3, 3\)", graph, rows(3), tmp_path
    )


def test_a_file_larger_than_the_format_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)
    export_error(ValueError, "smaller than 2 GiB; got parameters of 2", network(), rows(3, np.float32), tmp_path)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    export_error(ImportError, r"pip install 'tinygrad_edu\[onnx\]'", network(), rows(3, np.float32), tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tg.onnx.export(network(), rows(3, np.float32), tmp_path / "model.onnx")
    before = path.read_bytes()

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        tg.onnx.export(network(), rows(3, np.float32), path)
    assert path.read_bytes() == before
    assert [x.name for x in tmp_path.iterdir()] == ["model.onnx"]
