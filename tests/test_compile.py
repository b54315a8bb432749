"""Compiled steps and functions do what eager ones do: same numbers, same errors, nothing frozen."""

import copy
import gc
import logging
import random
import threading
import time
import types
import warnings
from dataclasses import dataclass
from functools import partial

import fuzz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from op_factory import Setting

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.autograd import grad
from tinygrad_edu.ops import Op
from tinygrad_edu.read.compile.rewrites import rewritten
from tinygrad_edu.read.program import tidied
from tinygrad_edu.read.traced import Trace
from tinygrad_edu.tensor import Tensor

TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "momentum": lambda p: optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, 0.01, weight_decay=0.01, eps=1e-4),
    "AdamW": lambda p: optim.AdamW(p, 0.01, eps=1e-4),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01, momentum=0.5, eps=1e-3),
}
FACTOR, LOG = 2.0, logging.getLogger("compiled")
ACTIVATIONS = [nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softplus, nn.LeakyReLU]


def problem(loss, m, columns, outputs, dtype, rng):
    """A loss, and data that fits it."""
    X = rng.standard_normal((m, columns)).astype(dtype)
    if loss == "classes":
        return nn.CrossEntropyLoss(), X, rng.integers(0, outputs, m)
    if loss == "shares":
        return nn.CrossEntropyLoss("sum"), X, rng.dirichlet(np.ones(outputs), m).astype(dtype)
    Y = rng.integers(0, 2, (m, outputs)).astype(dtype)
    return (nn.MSELoss() if loss == "squares" else nn.BCEWithLogitsLoss()), X, Y


def eager_step(model, loss, optimizer, X, Y):
    optimizer.zero_grad()
    J = loss(model(X), Y)
    J.backward()
    optimizer.step()
    return J.item()


def twins(model, optimizer):
    """Two equal models with an optimizer each."""
    other = copy.deepcopy(model)
    return (model, optimizer(model.parameters())), (other, optimizer(other.parameters()))


def assert_same_state(one, other, tolerance=1e-10):
    for key, x in one.items():
        assert_allclose(other[key], x, rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.fixture
def network():
    """A small network with its loss, data and a compiled step."""
    rng = np.random.default_rng(0)
    model = nn.MLP([3, 5, 4], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    X, Y = rng.standard_normal((6, 3)), rng.integers(0, 4, 6)
    return model, nn.CrossEntropyLoss(), optimizer, X, Y


# The same numbers


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.integers(1, 9),
    st.sampled_from(ACTIVATIONS),
    st.sampled_from(["classes", "shares", "squares", "logits"]),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.sampled_from([np.float64, np.float32]),
    st.sampled_from([0, 0.5]),
    st.integers(0, 99),
)
def test_fifty_compiled_steps_equal_fifty_eager_ones(sizes, m, activation, loss, optimizer, dtype, p, seed):
    rng = np.random.default_rng(seed)
    loss, X, Y = problem(loss, m, sizes[0], sizes[-1], dtype, rng)
    model = nn.MLP(sizes, activation, rng=seed, dtype=dtype)
    model.layers.insert(1, nn.Dropout(p, rng=seed))
    (model, ours), (other, eager) = twins(model, OPTIMIZERS[optimizer])
    step = tg.compile(model, loss, ours)
    for number in range(50):
        ours.lr = eager.lr = ours.lr * 0.98
        J = step(X, Y)
        assert_allclose(J, eager_step(other, loss, eager, X, Y), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        assert J.dtype == dtype, number
    assert_same_state(other.state_dict(), model.state_dict(), TOLERANCE[dtype])
    assert_same_state(eager.state_dict(), ours.state_dict(), TOLERANCE[dtype])
    assert step.retraces == 0


#: Compositions that look at values in Python: refused by name.
BRANCHING = {
    "np.average", "np.nanvar", "np.nanstd", "np.median", "np.quantile", "np.quantile, several", "np.quantile, methods",
    "np.percentile", "np.nanmedian", "np.nanpercentile", "np.piecewise", "lstsq",
}  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in fuzz.rows()])
def test_every_op_of_the_table_compiles_with_its_rules(row):
    it = Setting(row, row.cases[-1])

    def value_and_gradients(*arrays):
        leaves = [Tensor(x, requires_grad=True) for x in arrays]
        y = it.op(*it.put(leaves), **it.params)
        return y, *grad(y, leaves, it.weights)

    arrays = [it.inputs[k] for k in it.smooth]
    fast = tg.compile(value_and_gradients)
    if row.name in BRANCHING:
        with pytest.raises(TypeError, match=r"compile: .* needs the values of an array"):
            fast(*arrays)
        return
    expected = value_and_gradients(*arrays)
    for _ in range(2):
        for ours, eager in zip(fast(*arrays), expected, strict=True):
            assert_allclose(ours.data, eager.data, rtol=1e-12, atol=1e-12)
            assert not any(np.shares_memory(ours.data, x) for x in arrays)


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_of_eighty_ops(seed):
    rng = np.random.default_rng(seed)
    it = fuzz.program(rng, [row for row in fuzz.rows() if row.name not in {*BRANCHING, "np.unique"}])

    def value_and_gradients(*leaves):
        leaves = [Tensor(x, requires_grad=True) for x in leaves]
        J = it.run(leaves, np)
        return J, *(g for g in grad(J, leaves, allow_unused=True) if g is not None)

    fast = tg.compile(value_and_gradients)
    fast(*(np.full(x.shape, 0.1) for x in it.leaves))
    for ours, eager in zip(fast(*it.leaves), value_and_gradients(*it.leaves), strict=True):
        assert_allclose(ours.data, eager.data, rtol=1e-10, atol=1e-10 * np.abs(eager.data).max(initial=1))
    assert fast.retraces == 0


@pytest.mark.parametrize("loss", ["mean", "probabilities", "likelihood"])
def test_losses_that_are_composed(loss):
    def cost(a, t):
        if loss == "mean":
            return tg.binary_cross_entropy(tg.sigmoid(a), t)
        if loss == "probabilities":
            return -np.mean(t * np.log(tg.softmax(a)))
        return tg.nll_loss(tg.log_softmax(a), np.argmax(t, axis=1))

    (model, ours), (other, eager) = twins(nn.MLP([3, 4, 3], rng=0), OPTIMIZERS["SGD"])
    X, T = np.random.default_rng(0).standard_normal((5, 3)), np.eye(3)[[0, 1, 2, 0, 1]]
    step = tg.compile(model, cost, ours)
    for _ in range(5):
        assert_allclose(step(X, T), eager_step(other, cost, eager, X, T), rtol=1e-12)


def test_large_arrays_are_worked_on_in_pieces():
    for optimizer in ("SGD", "Adam"):
        (model, ours), (other, eager) = twins(nn.MLP([300, 450, 300], nn.ReLU, rng=0), OPTIMIZERS[optimizer])
        X, Y = np.random.default_rng(0).standard_normal((300, 300)), np.arange(300)
        step = tg.compile(model, nn.CrossEntropyLoss(), ours)
        for _ in range(3):
            assert_allclose(step(X, Y), eager_step(other, nn.CrossEntropyLoss(), eager, X, Y), rtol=1e-12)
        assert "for " in step.source
        assert_same_state(eager.state_dict(), ours.state_dict())


def test_a_bias_is_added_to_long_columns_without_being_written_out():
    (model, ours), (other, eager) = twins(nn.MLP([80, 64, 1], nn.ReLU, rng=0), OPTIMIZERS["SGD"])
    X, Y = np.random.default_rng(0).standard_normal((600, 80)), np.ones((600, 1))
    step, before = tg.compile(model, nn.MSELoss(), ours), np.getbufsize()
    for _ in range(3):
        assert_allclose(step(X, Y), eager_step(other, nn.MSELoss(), eager, X, Y), rtol=1e-12)
    assert "spread_add(" in step.source and np.getbufsize() == before


def test_an_optimizer_that_looks_at_norms_updates_each_parameter_alone(network):
    class Normed(optim.Optimizer):
        """Steps of length lr."""

        def step(self):
            for _, x, g, _ in self.pieces():
                x -= self.lr * g / np.sqrt(np.sum(g * g))

    model, loss, _, X, Y = network
    (model, ours), (other, eager) = twins(model, lambda p: Normed(p, 0.1))
    step = tg.compile(model, loss, ours)
    for _ in range(5):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)


def test_an_optimizer_may_treat_each_parameter_in_its_way(network):
    class Particular(optim.Optimizer):
        """No decay of biases, and a rate for each position."""

        def step(self):
            for k, x, g, _ in self.pieces():
                x -= self.lr * [1.0, 0.5, 0.2, 0.1][k] * (g + 0.1 * x if x.ndim > 1 else g)

    model, loss, _, X, Y = network
    model[0].bias.requires_grad = False
    (model, ours), (other, eager) = twins(model, lambda p: Particular(p, 0.1))
    step = tg.compile(model, loss, ours)
    for _ in range(3):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
    assert_same_state(other.state_dict(), model.state_dict())


def test_frozen_and_unused_parameters_stay(network):
    model, loss, _, X, Y = network
    model[0].weight.requires_grad = False
    extra = Tensor(np.ones(2), requires_grad=True)
    optimizer = optim.SGD([*model.parameters(), extra], lr=0.1)
    before = model[0].weight.data.copy()
    step = tg.compile(model, loss, optimizer)
    assert step(X, Y) > step(X, Y)
    assert_array_equal(model[0].weight.data, before)
    assert_array_equal(extra.data, np.ones(2))
    assert optimizer.steps == [0, 2, 2, 2, 0]
    model[0].weight.data[...] = 0  # frozen ones are read anew, too
    expected = loss(model(X), Y).item()
    assert_allclose(step(X, Y), expected)


def test_dropout_draws_a_fresh_mask_at_each_call():
    noisy = tg.compile(nn.Dropout(0.5, rng=3))
    plain, x = nn.Dropout(0.5, rng=3), np.ones(64)
    for _ in range(3):
        assert_array_equal(noisy(x), plain(x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_length_of_the_gradient(dtype):
    model = nn.Sequential(nn.Linear(300, 200, rng=0, dtype=dtype), nn.Tanh(), nn.MLP([200, 5, 4], rng=1, dtype=dtype))
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["momentum"])
    loss, X, Y = problem("classes", 7, 300, 4, dtype, np.random.default_rng(0))
    step = tg.compile(model, loss, ours, gradient_norm=True)
    for _ in range(4):
        J, norm = step(X, Y)
        assert_allclose(J, eager_step(other, loss, eager, X, Y), rtol=TOLERANCE[dtype])
        assert_allclose(norm, np.linalg.norm(np.concatenate([x.grad.data.ravel() for x in other.parameters()])), 1e-5)
    assert_same_state(other.state_dict(), model.state_dict(), TOLERANCE[dtype])
    with pytest.raises(TypeError, match=r"gradient_norm is for training steps; got a function alone.*its norm"):
        tg.compile(model, gradient_norm=True)


# Functions


def test_transforms_compile():
    def cost(parameters, x):
        return np.sum(np.tanh(x @ parameters["w"] + parameters["b"]) ** 2)

    rng = np.random.default_rng(0)
    parameters, x = {"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}, rng.standard_normal((4, 3))
    for transform in (tg.func.grad, tg.func.value_and_grad):
        fast, slow = tg.compile(transform(cost)), transform(cost)
        ours, eager = fast(parameters, x), slow(parameters, x)
        for one, other in zip(tg.func.leaves(ours), tg.func.leaves(eager), strict=True):
            assert_allclose(one, other, rtol=1e-13)
    hessian = tg.func.hessian(lambda x: np.sum(np.exp(x) * x))
    assert_allclose(tg.compile(hessian)(x[0]), hessian(x[0]), rtol=1e-13)
    product = tg.compile(lambda x, v: tg.func.hvp(lambda x: np.sum(x**4), x, v))
    assert_allclose(product(x[0], x[1]), 12 * x[0] ** 2 * x[1], rtol=1e-13)


def test_a_compiled_function_may_be_a_part_of_another():
    inner = tg.compile(lambda x: np.tanh(x) * 2)
    outer = tg.compile(tg.func.grad(lambda x: np.sum(inner(x) ** 2)))
    x = np.array([0.3, -2.0])
    assert_allclose(outer(x), 8 * np.tanh(x) * (1 - np.tanh(x) ** 2), rtol=1e-13)
    with pytest.raises(TypeError, match="a compiled function records no graph; got an argument that requires"):
        inner(Tensor(x, requires_grad=True))
    assert_allclose(inner(Tensor(x)).data, np.tanh(x) * 2)
    assert_allclose(tg.compile(lambda x: inner(x) + 1)(Tensor(x)).data, np.tanh(x) * 2 + 1)


def test_a_step_is_no_part_of_a_function(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    with pytest.raises(TypeError, match="a step cannot be a part of another function"):
        tg.compile(lambda x: step(x, Y))(X)
    with pytest.raises(TypeError, match="a step takes arguments by position; got Y"):
        step(X, Y=Y)


def test_what_comes_back_is_of_the_same_kinds():
    fast = tg.compile(lambda t, a, rate: {"tensor": t * 2, "array": a * rate, "sum": np.sum(a), "text": "same"})
    found = fast(Tensor([1.0]), np.array([1, 2]), 0.5)
    assert isinstance(found["tensor"], Tensor) and type(found["array"]) is np.ndarray and found["text"] == "same"
    assert found["sum"] == 3 and found["sum"].dtype == int
    assert fast(Tensor([1.0]), np.array([1, 2]), 4.0)["array"].tolist() == [4, 8]  # a float is no part of the form
    assert fast.retraces == 0


def test_results_and_arguments_share_no_memory_with_what_is_kept():
    fast = tg.compile(lambda x: (x, x.T, np.tanh(x), np.tanh(x), x[0], np.reshape(x, -1)))
    x = np.ones((2, 2))
    first, second = fast(x), fast(x)
    arrays = [x, *first, *second]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])


@pytest.mark.parametrize(
    "view", [lambda y: np.einsum("ij->ji", y), lambda y: np.einsum("ii->i", y), lambda y: y.astype(float, copy=False)]
)
def test_what_may_be_a_view_is_not_written_over(view):
    def function(x):
        y = np.tanh(x)
        seen = view(y)
        return np.exp(y), seen * 2

    x = np.arange(9.0).reshape(3, 3)
    for found, expected in zip(tg.compile(function)(x), function(x), strict=True):
        assert_array_equal(found, expected)


def test_tensors_around_a_function_are_read_anew():
    model = nn.MLP([2, 3, 1], rng=0)
    predict, X = tg.compile(lambda x: model(x)), np.ones((4, 2))
    assert_allclose(predict(X).data, model(X).data)
    model[0].weight.data[...] = 1
    model[2].bias.data = np.array([5.0])
    assert_allclose(predict(X).data, model(X).data)
    assert predict.retraces == 0


def test_arrays_around_a_function_are_read_anew():
    table = np.array([1.0, 2.0])
    fast = tg.compile(lambda x: x * table)
    assert fast(np.ones(2)).tolist() == [1, 2]
    table[0] = 9
    assert fast(np.ones(2)).tolist() == [9, 2]


class Surroundings:
    """What a function may use besides its arguments, and how to change it."""

    __slots__ = ("by_default", "entries", "factor", "module", "names", "table")
    shared = 2.0

    def __init__(self):
        self.factor, self.table, self.entries, self.names = 2.0, np.array([1.0, 2.0, 3.0]), [[2.0]], {"on"}
        self.module = types.ModuleType("settings")
        self.module.factor = 2.0

    @property
    def twice(self):
        return self.factor * 2

    @staticmethod
    def made():
        return Surroundings.shared + 1


AROUND = {
    "a global, in a comprehension": (lambda s, x: sum([x * FACTOR for _ in range(2)]), "globals"),
    "a global, in a transform": (lambda s, x: tg.func.grad(lambda w: np.sum(w * w * FACTOR))(x), "globals"),
    "a slot": (lambda s, x: x * s.factor, lambda s: setattr(s, "factor", 3.0)),
    "a property": (lambda s, x: x * s.twice, lambda s: setattr(s, "factor", 3.0)),
    "an attribute of a class": (lambda s, x: x * s.shared, lambda s: setattr(type(s), "shared", type(s).shared + 1)),
    "a static method": (lambda s, x: x * s.made(), lambda s: setattr(type(s), "shared", type(s).shared + 1)),
    "a nested list": (lambda s, x: x * s.entries[0][0], lambda s: s.entries[0].append(s.entries[0].pop() + 1)),
    "a set": (lambda s, x: x if "off" in s.names else -x, lambda s: s.names.add("off")),
    "a variable of a module": (lambda s, x: x * s.module.factor, lambda s: setattr(s.module, "factor", 3.0)),
    "what is computed from an array": (lambda s, x: x * np.sum(s.table * 2), lambda s: s.table.fill(7)),
    "a branch by an array": (lambda s, x: x if s.table[0] > 1 else -x, lambda s: s.table.fill(7)),
    "a mask": (lambda s, x: x[s.table > 1], lambda s: s.table.fill(7)),
}


@pytest.mark.parametrize("name", AROUND)
@pytest.mark.parametrize("given", [False, True])
def test_what_is_around_a_function_is_seen_to_change(name, given, monkeypatch):
    (use, change), s, x = AROUND[name], Surroundings(), np.arange(3.0)
    fast = partial(tg.compile(use), s) if given else tg.compile(partial(use, s))
    for _ in range(2):
        assert_array_equal(fast(x), use(s, x))
    if change == "globals":
        monkeypatch.setitem(globals(), "FACTOR", 3.0)
    else:
        change(s)
    assert_array_equal(fast(x), use(s, x))


@dataclass
class Factor:
    entry: object


NUMBERS = [2, 2.0, np.float64(2), np.float32(2), True, 1, 1.0, 0.0, -0.0]


@pytest.mark.parametrize(
    ("wrap", "use"),
    [
        (lambda n: n, lambda x, n: x * n),
        (lambda n: (n,), lambda x, n: x * n[0]),
        (lambda n: [n], lambda x, n: x * n[0]),
        (lambda n: {"factor": n}, lambda x, n: x * n["factor"]),
        (lambda n: {n}, lambda x, n: x * next(iter(n))),
        (np.array, lambda x, n: x * n),
        (lambda n: np.array([n]), lambda x, n: x * n),
        (Factor, lambda x, n: x * n.entry),
    ],
    ids=["number", "tuple", "list", "dict", "set", "array", "array of one", "dataclass"],
)
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32])
def test_numbers_that_are_equal_but_not_the_same_are_told_apart(wrap, use, dtype):
    s, x = types.SimpleNamespace(), np.array([1, 0, 1]).astype(dtype)
    around, given = tg.compile(lambda x: use(x, s.factor)), tg.compile(use)
    for number in NUMBERS:  # later ones are seen against those before
        s.factor = wrap(number)
        expected = use(x, s.factor)
        for found in (around(x), given(x, s.factor)):
            assert found.dtype == expected.dtype
            assert_array_equal(found, expected)
            assert_array_equal(np.signbit(found), np.signbit(expected))


def test_entries_of_lists_and_long_dicts_are_told_apart():
    listed, named = [2] * 30, dict.fromkeys(range(30), 2)
    fast = tg.compile(lambda x: x * sum(listed) * sum(named.values()))
    assert fast(np.arange(3)).dtype == np.int64
    listed[7] = 2.0
    assert fast(np.arange(3)).dtype == np.float64
    listed[7], named[7] = 2, 2.0
    assert fast(np.arange(3)).dtype == np.float64
    assert fast.retraces == 2


def test_equal_settings_make_no_new_program(network):
    model, loss, _, X, Y = network
    optimizer = optim.Adam(model.parameters(), 0.1)
    model.scale = 0.5
    step = tg.compile(model, loss, optimizer)
    for _ in range(3):
        step(X, Y)
        model.scale, optimizer.eps = float(np.float64(0.5)), float(np.float64(optimizer.eps))
    assert step.retraces == 0


def test_a_parameter_of_one_entry_is_seen_to_be_replaced():
    layer = nn.Linear(3, 1, rng=0)
    fast, x = tg.compile(layer), np.ones((2, 3))
    fast(x)
    layer.bias = Tensor(layer.bias.data.copy(), requires_grad=True)
    fast(x)
    assert fast.retraces == 1


def test_what_modules_use_is_seen_to_change(monkeypatch):
    class Scaled(nn.Module):
        factor = 2.0

        def __init__(self):
            self.inner = nn.Linear(3, 2, rng=0)

        def forward(self, x):
            return self.inner(x) * self.factor * FACTOR

    model, X = Scaled(), np.ones((2, 3))
    for predict in (tg.compile(model), partial(tg.compile(lambda model, x: model(x)), model)):
        assert_allclose(predict(X).data, model(X).data)
        Scaled.factor += 1
        assert_allclose(predict(X).data, model(X).data)
        monkeypatch.setitem(globals(), "FACTOR", FACTOR + 1)
        assert_allclose(predict(X).data, model(X).data)
        model.inner.weight.data = model.inner.weight.data * 2
        assert_allclose(predict(X).data, model(X).data)


def test_arrays_around_a_function_are_not_changed_by_it():
    total = np.zeros(3)

    def summed(x):
        total[...] += x
        return total * 1.0

    with pytest.raises(TypeError, match="got one in which total was changed in place"):
        tg.compile(summed)(np.ones(3))
    assert_array_equal(total, np.zeros(3))
    table = np.array([2.0, 3.0])
    fast = tg.compile(lambda x: (table, x))
    assert not np.shares_memory(fast(table)[0], table)


def test_arrays_that_a_partial_holds_are_read_anew():
    table = np.ones(3)

    def use(table, x, other):
        return x * np.mean(table * 2) + np.sum(other)

    held = partial(use, table, other=table)
    fast, x = tg.compile(held), np.arange(3.0)
    assert_array_equal(fast(x), held(x))
    table[:] = 5
    assert_array_equal(fast(x), use(table, x, table))
    assert held.args == (table,) and held.keywords["other"] is table and fast.retraces == 0


def test_a_function_that_raises_leaves_what_is_around_it():
    table = np.ones(3)
    kept, listed, paired = {"table": table}, [table], (table, 2.0)

    def wrong(x):
        raise KeyError(np.sum(x * table * kept["table"] * listed[0] * paired[0]).shape)

    with pytest.raises(KeyError):
        tg.compile(wrong)(np.ones(3))
    assert kept["table"] is listed[0] is paired[0] is table and type(table) is np.ndarray


def test_what_is_logged_is_no_change():
    def logged(x):
        LOG.debug("called")
        return x * 2

    assert_array_equal(tg.compile(logged)(np.ones(1)), [2])


# Arguments by keyword


def test_arguments_may_be_given_by_keyword():
    def scaled(x, factor=2.0, shift=1.0):
        return x * factor + shift

    fast, x = tg.compile(scaled), np.arange(3.0)
    for keywords in ({}, {"factor": 3.0}, {"shift": 3.0}, {"shift": 4.0, "factor": 5.0}):
        assert_array_equal(fast(x, **keywords), scaled(x, **keywords))
    assert_array_equal(fast(x=x), scaled(x))
    with pytest.raises(TypeError, match="unexpected keyword argument 'wrong'"):
        fast(x, wrong=1)

    def named(x, *, factor=2.0):
        return x * factor

    assert_array_equal(tg.compile(partial(named, factor=3.0))(x), 3 * x)
    with pytest.raises(TypeError, match="arguments must have a position; got factor by keyword alone"):
        tg.compile(named)(x, factor=3.0)


def test_what_is_nothing_comes_back_as_nothing():
    assert tg.compile(lambda x: (None, x * 2, 3.0))(np.ones(1)) == (None, 2, 3.0)


# A program for each form


def test_a_new_form_makes_a_new_program_that_is_kept(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    for m in (6, 5, 6, 5):
        step(X[:m], Y[:m])
    assert step.retraces == 1 and "2 programs" in repr(step)
    step(X.astype(np.float32), Y)
    assert step.retraces == 2


def test_train_and_eval_are_programs_of_their_own():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout(0.5, rng=0))
    predict, X = tg.compile(model), np.ones((4, 2))
    for _ in range(2):
        assert (predict(X).data == 0).any()
        model.eval()
        assert_allclose(predict(X).data, model(X).data)
        model.train()
    assert predict.retraces == 1


def test_the_tenth_retrace_warns_with_its_reason():
    fast = tg.compile(lambda x: x + 1)
    for m in range(10):
        fast(np.ones(m))
    with pytest.warns(RuntimeWarning, match=r"traced again 10 times, last because argument 0 was ndarray \(9,\)"):
        fast(np.ones(10))


def test_a_changed_model_is_seen(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    model.layers.append(nn.Sigmoid())
    expected = loss(model(X), Y).item()
    assert_allclose(step(X, Y), expected)
    model[0].weight.data = np.zeros((5, 3))  # another array of that form
    expected = loss(model(X), Y).item()
    assert_allclose(step(X, Y), expected)
    assert step.retraces == 1
    optimizer.weight_decay = 0.1
    twin = copy.deepcopy(model), copy.deepcopy(optimizer)
    twin[1].params = list(twin[0].parameters())
    step(X, Y)
    eager_step(twin[0], loss, twin[1], X, Y)
    assert_same_state(twin[0].state_dict(), model.state_dict())
    model[0].bias.requires_grad = False
    before = model[0].bias.data.copy()
    step(X, Y)
    assert_array_equal(model[0].bias.data, before)


def test_parameters_may_lie_in_any_memory(network):
    model, loss, _, X, Y = network
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["SGD"])
    model[0].weight.data = np.frombuffer(bytearray(model[0].weight.data.tobytes())).reshape(5, 3)
    model[2].weight.data = np.asfortranarray(model[2].weight.data)
    model[2].bias.data = np.repeat(model[2].bias.data, 2)[::2]
    step = tg.compile(model, loss, ours)
    for _ in range(3):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
    assert_same_state(other.state_dict(), model.state_dict())


def test_loaded_states_are_gone_on_from(network):
    model, loss, _, X, Y = network
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["Adam"])
    step = tg.compile(model, loss, ours)
    step(X, Y)
    start, state = other.state_dict(), eager.state_dict()
    model.load_state_dict(start)
    ours.load_state_dict(state)
    for _ in range(3):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
    eager_step(model, loss, ours, X, Y)  # eager and compiled steps may take turns
    eager_step(other, loss, eager, X, Y)
    assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
    assert_same_state(eager.state_dict(), ours.state_dict())


def test_parameters_may_become_views_of_each_other():
    model, loss = nn.MLP([3, 3, 3], rng=0), nn.MSELoss()
    step, X = tg.compile(model, loss, optim.SGD(model.parameters(), 0.1)), np.eye(3)
    step(X, X)
    one, other = model[0].weight, model[2].weight
    for change in (lambda: one.data[::-1], lambda: one.data.T, lambda: other.data):
        one.data, other.data = change(), one.data
        expected = loss(model(X), X).item()
        assert_allclose(step(X, X), expected, rtol=1e-12)


def test_a_parameter_of_another_form_is_seen_behind_one_that_moved(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    weight, bias = model[0].weight, model[0].bias
    weight.data, bias.data = weight.data.copy(), bias.data.astype(np.float32)
    step(X, Y)
    assert bias.dtype == np.float32
    weight.data, bias.data = weight.data.copy(), np.ones(1)
    with pytest.raises(ValueError, match="one entry for each of the 5 outputs"):
        step(X, Y)


def test_other_parameters_of_an_optimizer_are_seen(network):
    model, loss, _, X, Y = network
    optimizer = optim.SGD(model[0].parameters(), 0.1)
    step, before = tg.compile(model, loss, optimizer), model[2].weight.data.copy()
    step(X, Y)
    vars(optimizer).update(vars(optim.SGD(model.parameters(), 0.1)))
    assert_array_equal(model[2].weight.data, before)
    step(X, Y)
    assert not np.array_equal(model[2].weight.data, before)


def test_a_copied_step_trains_the_copied_model(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    other, again = copy.deepcopy((model, step))
    before, copied = model.state_dict(), other.state_dict()
    again(X, Y)
    assert_same_state(before, model.state_dict(), 0)
    assert not np.array_equal(copied["0.weight"], other.state_dict()["0.weight"])


def test_threads_take_turns():
    fast, wrong = tg.compile(nn.MLP([3, 200, 4], rng=0)), []
    inputs = [np.full((2000, 3), k + 0.5) for k in range(3)]
    expected = [fast(x).data for x in inputs]

    def work(k):
        wrong.extend(k for _ in range(20) if not np.array_equal(fast(inputs[k]).data, expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_two_compiled_steps_share_a_model(network):
    model, loss, _, X, Y = network
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["momentum"])
    one = tg.compile(model, loss, ours)
    two = tg.compile(model, lambda z, y: loss(z, y) * 2, optim.SGD([model[0].weight, model[0].bias], 0.1))
    doubled = optim.SGD([other[0].weight, other[0].bias], 0.1)
    for _ in range(3):
        assert_allclose(one(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
        expected = eager_step(other, lambda z, y: loss(z, y) * 2, doubled, X, Y)
        assert_allclose(two(X, Y), expected, rtol=1e-12)


def test_nothing_grows_with_the_steps(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    for _ in range(5):
        step(X, Y)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        step(X, Y)
    assert len(gc.get_objects()) <= before + 5


# Refusals


class Counting(nn.Module):
    def __init__(self):
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * 1.0


RNG = np.random.default_rng(0)


def grown(x):
    x += 1
    return x


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: x if np.sum(x) > 1 else -x, r"compile: bool\(\) needs the values.*result of greater \(\)"),
        (lambda x: float(np.sum(x)), r"float\(\) needs the values of an array"),
        (lambda x: Tensor(x).sum().item(), r"\.item\(\) needs the values"),
        (lambda x: np.array(x), r"np.array\(\) needs the values"),
        (lambda x: np.zeros(int(x[0])), r"int\(\) needs the values"),
        (lambda x: x[x > 0], "compile: a shape needs the values.*greater"),
        (lambda x: np.nonzero(x), "the shape of the result of nonzero"),
        (lambda x: x * RNG.random(), "must do the same each time; got random numbers that it drew"),
        (lambda x: x * (RNG.random() * 0), "got random numbers that it drew"),  # the same number by chance
        (lambda x: x if random.random() < 2 else -x, "got random numbers that it drew"),
        (lambda x: x * (np.random.rand() * 0), "got random numbers that it drew"),  # noqa: NPY002
        (lambda x: x * time.perf_counter(), "must do the same each time; got another operand of multiply"),
        (Counting(), "calls.* has changed|has changed"),
        (grown, "must not change what is around it; got one in which x0 was changed in place"),
        (lambda x: np.add(np.zeros(3), x, out=np.zeros(3)), "a change of a plain array"),
    ],
)
def test_what_would_be_frozen_is_refused_by_name(function, message):
    with pytest.raises(TypeError, match=message):
        tg.compile(function)(np.ones(3))


def test_a_refused_function_leaves_all_as_it_was():
    module = Counting()
    with pytest.raises(TypeError, match="has changed"):
        tg.compile(module)(np.ones(3))
    assert module.calls == 0
    weight = Tensor(np.ones(3), requires_grad=True)

    def trained(x):
        np.sum(weight * x).backward()
        return x

    with pytest.raises(TypeError, match=r"the \.grad of weight was set"):
        tg.compile(trained)(np.ones(3))
    assert type(weight.data) is np.ndarray and weight.grad is None


def test_modes_of_the_engine_are_seen(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    with tg.no_grad(), pytest.raises(RuntimeError, match="computed from one with requires_grad=True"):
        step(X, Y)
    with tg.detect_anomaly(), pytest.raises(TypeError, match="needs the values of an array"):
        step(X, Y)
    step(X, Y)
    assert step.retraces == 0


def test_an_op_of_ones_own_may_look_at_values():
    halved = Op(lambda x: x / 2 if x.max() > 1 else x, lambda g, y, x: g / 2 if x.max() > 1 else g, name="halved")
    slope = tg.compile(tg.func.grad(lambda x: np.sum(halved(x))))
    assert slope(np.ones(2)).tolist() == [1, 1]
    assert slope(np.full(2, 3.0)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        (lambda m, o: (m, nn.MSELoss()), TypeError, "compile: a training step needs a model, a loss and an optimizer"),
        (lambda m, o: (m, None, o), TypeError, "got no loss"),
        (lambda m, o: (3,), TypeError, "compile: needs something to call; got int"),
        (lambda m, o: (m, nn.MSELoss(), 3), TypeError, "compile: optimizer must be an Optimizer; got int"),
    ],
)
def test_wrong_arguments_are_named(network, arguments, kind, message):
    with pytest.raises(kind, match=message):
        tg.compile(*arguments(network[0], network[2]))


def test_an_unknown_engine_is_named(network):
    with pytest.raises(ValueError, match=r"compile: engine must be .*; got 'cuda'"):
        tg.compile(network[0], engine="cuda")


def test_a_step_needs_inputs_and_targets(network):
    model, loss, optimizer, X, _ = network
    with pytest.raises(TypeError, match="a step needs inputs and targets; got 1"):
        tg.compile(model, loss, optimizer)(X)
    with pytest.raises(TypeError, match="the loss must return a Tensor; got float"):
        tg.compile(model, lambda z, y: 1.0, optimizer)(X, X)
    with pytest.raises(RuntimeError, match="there is no code before the first call"):
        print(tg.compile(model).source)


# Bad input


def test_an_optimizer_of_another_model_is_named(network):
    model, loss, _, X, Y = network
    step = tg.compile(model, loss, optim.SGD(copy.deepcopy(model).parameters(), 0.1, momentum=0.9))
    with pytest.raises(RuntimeError, match=r"must depend on a parameter of the optimizer; got one .* none of 4"):
        step(X, Y)


def test_labels_and_targets_are_checked_at_each_call(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    before = model.state_dict()
    for wrong in (Y + 4, Y - 4):
        with pytest.raises(ValueError, match=r"cross_entropy: class numbers must be in \[0, 4\)"):
            step(X, wrong)
    assert_same_state(before, model.state_dict(), 0)
    step = tg.compile(model, nn.BCEWithLogitsLoss(), optimizer)
    T = np.eye(4)[Y]
    step(X, T)
    with pytest.raises(ValueError, match=r"targets must be in \[0, 1\]; got -1 to 1"):
        step(X, 2 * T - 1)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_odd_arrays_are_read_as_eager_reads_them(network):
    model, loss, _, X, Y = network
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["SGD"])
    step = tg.compile(model, loss, ours)
    twice = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    fixed = X.copy()
    fixed.flags.writeable = False
    for x in (twice[::2, ::2], np.asfortranarray(X), fixed, Tensor(X), X[::-1][::-1]):
        assert_allclose(step(x, Y), eager_step(other, loss, eager, x, Y), rtol=1e-12)
    X[0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(step(X, Y)) and np.isnan(eager_step(other, loss, eager, X, Y))
    assert_array_equal(np.isnan(model[0].weight.data), np.isnan(other[0].weight.data))


def test_parameters_that_cannot_be_updated_are_named(network):
    model, loss, optimizer, X, Y = network
    model[0].weight.data.flags.writeable = False
    with pytest.raises(ValueError, match="parameters must be writable; got W1"):
        tg.compile(model, loss, optimizer)(X, Y)
    shared = np.zeros(6)
    model[0].weight.data, model[0].bias.data = np.ones((5, 3)), shared[:5]
    model[2].bias.data = shared[2:]
    with pytest.raises(ValueError, match="each parameter must have memory of its own"):
        tg.compile(model, loss, optimizer)(X, Y)


def test_the_array_of_a_parameter_is_not_used_besides_it(network):
    model, loss, optimizer, X, Y = network
    weights = model[0].weight.data
    step = tg.compile(model, lambda z, y: loss(z, y) + np.sum(weights), optimizer)
    with pytest.raises(ValueError, match="must be used through its Tensor; got weights, its array"):
        step(X, Y)
    assert model[0].weight.data is weights


def test_an_exception_leaves_the_parameters_or_says_that_it_does_not(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"class numbers must be in \[0, 4\)"):
        step(X, Y + 4)
    assert_same_state(before, model.state_dict(), 0)
    optimizer.lr = 1e308
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        for _ in range(5):
            step(X, Y)
    notes = getattr(caught.value, "__notes__", [])
    assert optimizer.steps[0] > 1 or "parameters may be changed in part" in notes[0]


# Loops by Numba


def test_numba_gives_the_same_numbers():
    pytest.importorskip("numba")
    loss, X, Y = problem("classes", 7, 3, 4, np.float32, np.random.default_rng(0))
    model = nn.Sequential(nn.Linear(3, 5, rng=0, dtype=np.float32), nn.ReLU(), nn.MLP([5, 4], rng=1, dtype=np.float32))
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["Adam"])
    step = tg.compile(model, loss, ours, engine="numba")
    for _ in range(20):
        J = step(X, Y)
        assert_allclose(J, eager_step(other, loss, eager, X, Y), rtol=1e-4)
    assert J.dtype == np.float32 and "loop(dot1, " in step.source
    assert_same_state(other.state_dict(), model.state_dict(), 1e-4)


def test_numba_keeps_what_is_not_a_number():
    pytest.importorskip("numba")
    x = np.array([np.nan, -1.0, 0.0, np.inf, 3.0])
    fast = tg.compile(lambda x: np.exp(np.clip(np.exp(x) * 2 - 1, 0, 5) * (np.exp(x) > 1) / 2), engine="numba")
    with np.errstate(all="ignore"):
        assert_array_equal(fast(x), np.exp(np.clip(np.exp(x) * 2 - 1, 0, 5) * (np.exp(x) > 1) / 2))


@pytest.mark.parametrize(
    ("function", "more"),
    [
        (lambda x, n: np.exp(np.maximum(x * x, n) + 1), [np.array(2.0), np.float64(3), 2.5, 2]),
        (lambda x, n: np.copysign(1, (x * x + 1) * 0.0 + n), [-0.0]),
        (lambda x, n: np.copysign(1, (x * x + 1) * -0.0 + n), [-0.0]),
        (lambda x, n: np.exp((x * x - np.sum(x)) * n), [0.5]),
    ],
    ids=["a number of any kind", "zero", "minus zero", "a sum"],
)
def test_numba_takes_numbers_as_numpy_does(function, more):
    pytest.importorskip("numba")
    fast = tg.compile(function, engine="numba")
    for dtype in (np.float64, np.float32):
        x = np.arange(3, dtype=dtype)
        for n in more:
            found, expected = fast(x, n), function(x, n)
            assert found.dtype == expected.dtype and ("loop(" in fast.source or expected.dtype != dtype)
            assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_numba_leaves_to_numpy_what_it_does_not_know(dtype):
    pytest.importorskip("numba")
    fast = tg.compile(lambda x: np.exp(-(x * x) * 2), engine="numba")
    assert_array_equal(fast(np.ones(3, dtype)), np.exp(np.full(3, -2, dtype)))


@pytest.mark.parametrize(
    "shapes", [((5, 1), (1, 3)), ((3, 1), (1, 3)), ((1, 1), (1, 4)), ((1, 1), (1, 1)), ((4, 1), (1, 1))]
)
def test_numba_makes_the_product_of_a_column_and_a_row_entry_by_entry(shapes):
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes)

    def function(a, b):
        product = np.dot(np.exp(a), np.exp(b))
        other = np.dot(2.0, np.exp(b))
        return np.exp(-product * product * 2), product @ other.T

    fast = tg.compile(function, engine="numba")
    for result, expected in zip(fast(a, b), function(a, b), strict=True):
        assert_allclose(result, expected, rtol=1e-13)
    assert ".dot(" not in fast.source.partition("exp(")[2].partition("loop")[0]


@pytest.mark.parametrize(
    "view", [lambda a: a[:, ::-1], lambda a: a[::-1], lambda a: a.T, lambda a: a[:1], lambda a: a[:, :1]]
)
def test_numba_does_not_write_over_what_a_view_shows(view):
    pytest.importorskip("numba")

    def function(x):
        a = np.sin(x)
        z = a * view(a) + a
        return np.exp(z * z - z)

    x = np.random.default_rng(0).standard_normal((4, 4))
    fast = tg.compile(function, engine="numba")
    assert_allclose(fast(x), function(x), rtol=1e-13)
    assert "loop(" in fast.source


def test_numba_that_is_missing_is_named(network, monkeypatch):
    monkeypatch.setattr("tinygrad_edu.read.compile.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"engine='numba' needs Numba.*pip install 'tinygrad_edu\[numba\]'"):
        tg.compile(network[0], engine="numba")


# The text


class Hostile(nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def test_hostile_names_never_reach_the_code(network):
    model, loss, optimizer, X, Y = network
    names = ["import os; os.abort()", "class", "x\n    boom()", 'W")', "step", "λ", "", "__import__('os').abort()"]
    for name, x in zip(names, model.parameters(), strict=False):
        x.name = name
    setattr(optimizer, "lr) or boom(", 1)
    setattr(Hostile, "a) or boom(", 1)
    setattr(Hostile, "class", 1)
    step = tg.compile(Hostile(model), loss, optimizer)
    for _ in range(2):
        step(X, Y)
    assert step.retraces == 0
    assert not any(word in step.source for word in ("os.abort", "boom()", 'W")', "λ", "class("))


def test_the_source_tells_what_runs(network):
    model, loss, optimizer, X, Y = network
    step = tg.compile(model, loss, optimizer)
    step(X, Y)
    lines = step.source.splitlines()
    for expected in ("# forward", "# backward", "# update", "tanh(dot1, dot1)"):
        assert any(line.strip() == expected for line in lines), step.source


# The program


def test_what_numpy_does_faster_is_put_in_its_place():
    trace = Trace("compile")
    x = trace.input((3, 4), np.float64, "x")
    mask = (x > 0).astype(np.float64)
    onehot = np.zeros_like(x)
    onehot[np.arange(3), 1] = 1
    results = [np.mean(x, axis=0), np.sum(x), x @ x.T, np.clip(x, 0, np.inf), mask, x - onehot, np.mean(x)]
    trace.outputs = [y.value for y in results]
    program, values = rewritten(trace), np.random.default_rng(0).standard_normal((3, 4))
    names = [step.name for step in program.steps]
    assert not {"mean", "sum", "matmul", "astype", "placed"}.intersection(names)
    assert {"add.reduce", "dot", "greater", "taken_off"} <= {*names}
    expected = [values.mean(0), values.sum(), values @ values.T, values.clip(0), values > 0, values, values.mean()]
    expected[5] = values - np.eye(4)[[1, 1, 1]]
    for found, exact in zip(program.run(values), expected, strict=True):
        assert_allclose(found, exact, rtol=1e-14)


def test_zero_and_minus_zero_are_two_calculations():
    x = np.arange(3.0)
    assert not np.any(np.signbit(tg.compile(lambda x: x * 0.0 + x * -0.0)(x)))


@pytest.mark.parametrize(
    ("sizes", "added"), [([9, 5, 1], "add(dot1_T, b1_column, dot1_T)"), ([9, 1], "b1_entry, dot1)")]
)
def test_a_bias_beside_many_inputs_is_added_along_the_memory(sizes, added):
    loss, X, Y = problem("chances", 8, 9, 1, np.float64, np.random.default_rng(0))
    (model, ours), (other, eager) = twins(nn.MLP(sizes, rng=0), OPTIMIZERS["SGD"])
    step = tg.compile(model, loss, ours)
    for k in range(5):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-12)
        for x in (model, other):
            x[0].bias.data = np.arange(1.0 * sizes[1]) + k
    assert added in step.source


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_bias_is_a_weight_of_a_constant_one(name):
    loss, X, Y = problem("classes", 8, 3, 4, np.float64, np.random.default_rng(0))
    (model, ours), (other, eager) = twins(nn.MLP([3, 5, 4], rng=0), OPTIMIZERS[name])
    step = tg.compile(model, loss, ours)
    for _ in range(5):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-11)
    assert "W1_b1_T.dot(X_2_and_ones_T, " in step.source and "dot1_and_ones_T.dot(" in step.source
    assert " add(" not in step.source.partition("# backward")[0].replace("add(index", "")
    arrays = [x.data for x in model.parameters()]
    for m in (5, 8, 3):  # another program for another batch, in the same arrays
        assert_allclose(step(X[:m], Y[:m]), eager_step(other, loss, eager, X[:m], Y[:m]), rtol=1e-11)
        assert all(x.data is array for x, array in zip(model.parameters(), arrays, strict=True))
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9)
    assert_allclose(eager_step(model, loss, ours, X, Y), eager_step(other, loss, eager, X, Y), rtol=1e-11)


class Odd(nn.Module):
    """Layers that share inputs, weights and biases in all ways that a rewriting could trip over."""

    def __init__(self, case):
        self.first, self.second = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)
        self.third, self.last, self.case = nn.Linear(4, 4, rng=2), nn.Linear(4, 1, rng=3), case
        if case == "a frozen bias":
            self.second.bias.requires_grad = False
        if case == "a frozen weight":
            self.second.weight.requires_grad = False
        if case == "no bias":
            self.second = nn.Linear(4, 4, bias=False, rng=1)

    def forward(self, x):
        a = np.tanh(self.first(x))
        if self.case == "one input for two layers":
            a = np.tanh(self.second(a)) * np.tanh(self.third(a)) + self.second.bias
        elif self.case == "around a layer":
            a = a + np.tanh(self.second(a))
        elif self.case == "a layer twice":
            a = np.tanh(self.second(np.tanh(self.second(a))))
        elif self.case == "a weight tied":
            a = np.tanh(self.second(a)) @ self.second.weight
        elif self.case == "a penalty":
            a = np.tanh(self.second(a)) + np.sum(self.second.weight**2) + np.sum(self.second.bias**2)
        elif self.case == "a layer's result twice":
            z = self.second(a)
            a = np.tanh(z) * z
        elif self.case == "ones of its own":
            a = np.concatenate([np.tanh(self.second(a))[:, :3], np.ones((len(x), 1))], axis=1)
        elif self.case == "a reshaped input":
            a = np.tanh(self.second(np.reshape(np.reshape(a, (-1,)), (-1, 4))))
        elif self.case == "the input again":
            a = np.tanh(self.second(x)) + self.third(a) * x
        elif self.case == "a part of what is written over":
            z = self.second(a)
            part = z[:, 1:2]
            a = np.tanh(self.third(np.tanh(z))) * np.sin(part)
        elif self.case == "a part that is needed for long":
            a = np.sin(self.second(x))
            part = np.sin(a[:, 1:2])
            a = np.sin(self.third(a)) * part
        elif self.case == "two results over one":
            b = np.sin(a)
            c = b - a
            a = np.tanh(self.second(c + b)) * c
        elif self.case == "two layers added":
            a = np.tanh(self.second(a) + self.third(x))
        elif self.case == "two layers of one input added":
            a = np.tanh(self.second(a) + self.third(a))
        elif self.case == "the later layer first":
            a = a[:, ::-1]
            a = np.tanh(self.third(a)) * np.tanh(self.second(a))
        elif self.case == "two inputs that meet before":
            a, b = a[:, ::-1], x[:, ::-1]
            meeting = a * b
            a = np.tanh(self.second(a)) * np.tanh(self.third(b)) + meeting
        elif self.case == "seen as it was":
            z = -self.second(a)
            seen = np.einsum("ij->ji", np.einsum("ij->ji", z))
            product = seen * z
            a = np.tanh(self.third(z)) + product
        else:
            a = np.tanh(self.second(a))
        return self.last(a)


ODD = [
    "one input for two layers", "around a layer", "a layer twice", "a weight tied", "a penalty", "a frozen bias",
    "a frozen weight", "no bias", "a layer's result twice", "ones of its own", "a reshaped input", "the input again",
    "a part of what is written over", "a part that is needed for long",
    "two layers added", "two layers of one input added", "the later layer first", "two inputs that meet before",
    "seen as it was", "two results over one",
]  # fmt: skip


@pytest.mark.parametrize(("case", "engine"), [*((case, "numpy") for case in ODD), ("two results over one", "numba")])
def test_weights_and_biases_in_odd_places_are_trained_as_eagerly(case, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    (model, ours), (other, eager) = twins(Odd(case), OPTIMIZERS["momentum"])
    step = tg.compile(model, nn.MSELoss(), ours, engine=engine)
    for m in (6, 2, 6, 1, 6):
        X, Y = rng.standard_normal((m, 4)), rng.standard_normal((m, 1))
        assert_allclose(step(X, Y), eager_step(other, nn.MSELoss(), eager, X, Y), rtol=1e-10)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9)


def test_infinity_and_nan_pass_beside_ones():
    (model, ours), (other, eager) = twins(nn.MLP([2, 3, 1], nn.ReLU, rng=0), OPTIMIZERS["SGD"])
    step, Y = tg.compile(model, nn.MSELoss(), ours), np.zeros((4, 1))
    for bad in (np.inf, np.nan):
        X = np.arange(8.0).reshape(4, 2)
        X[1, 1] = bad
        with np.errstate(all="ignore"):
            assert_array_equal(step(X, Y), eager_step(other, nn.MSELoss(), eager, X, Y))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.int32])
def test_one_entry_of_each_row_is_found_as_by_its_index(dtype):
    def cost(z, labels):
        p = np.tanh(z)
        picked = p[np.arange(len(labels)), labels]
        return np.sum(picked**2)

    rng = np.random.default_rng(0)
    fast, W = tg.compile(tg.func.value_and_grad(lambda W, X, y: cost(X @ W, y))), rng.standard_normal((3, 4))
    X, labels = rng.standard_normal((9, 3)), rng.integers(0, 4, 9).astype(dtype)
    for change in (0, 0 if np.dtype(dtype).kind == "u" else -4):  # -1 is the last
        value, gradient = fast(W, X, labels + dtype(change))
        expected = tg.func.value_and_grad(lambda W: cost(X @ W, labels))(W)
        assert_allclose(value, expected[0], rtol=1e-13)
        assert_allclose(gradient, expected[1], rtol=1e-12)
    assert "_flat[index]" in fast.source
    with pytest.raises(IndexError, match="out of bounds"):
        fast(W, X, labels + dtype(4))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_product_that_blas_would_copy_in_blocks_is_made_of_a_turned_factor(dtype):
    loss, X, Y = problem("classes", 64, 20, 10, dtype, np.random.default_rng(0))
    model = nn.MLP([20, 128, 10], nn.ReLU, rng=0)
    for x in model.parameters():
        x.data = x.data.astype(dtype)
    (model, ours), (other, eager) = twins(model, OPTIMIZERS["SGD"])
    step = tg.compile(model, loss, ours)
    for _ in range(3):
        assert_allclose(step(X, Y), eager_step(other, loss, eager, X, Y), rtol=TOLERANCE[dtype])
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert_allclose(mine.numpy(), theirs.numpy(), rtol=TOLERANCE[dtype], atol=1e-6)
    assert "copyto(dot4, exp1)" in step.source


def test_a_program_has_each_calculation_once_and_no_dead_ones():
    trace = Trace("compile")
    x = trace.input((3,), np.float64, "x")
    y = np.exp(x) + np.exp(x)
    np.log(x)
    trace.outputs = [(y * (np.ones(3) + 1)).value]
    program = tidied(trace)
    assert [step.name for step in program.steps] == ["exp", "add", "multiply"]
    (found,) = program.run(np.zeros(3))
    assert found.tolist() == [4, 4, 4]


def test_places_in_memory_are_followed():
    trace = Trace("compile")
    x = trace.input((2, 3), np.float64, "x")
    y = np.zeros_like(x)
    alias, row = y, y[0]
    y += x
    row *= 2
    y[1, :2] = 7
    np.add.at(y, (np.array([0, 0]), 2), 1.0)
    trace.outputs = [y.value, alias.value, row.value, y.T.value]
    one, other, first, turned = tidied(trace).run(np.arange(6.0).reshape(2, 3))
    assert one.tolist() == other.tolist() == turned.T.tolist() == [[0, 2, 6], [7, 7, 5]]
    assert first.tolist() == [0, 2, 6]
    with pytest.raises(TypeError, match="must not be changed through a view of it; got one by transpose"):
        y.T.__iadd__(1)


def test_probabilities_are_checked_at_each_call():
    loss, fast = nn.BCELoss(), tg.compile(nn.BCELoss())
    p, y = np.array([[0.2], [0.9]]), np.array([[0.0], [1.0]])
    assert_allclose(fast(p, y), loss(p, y).item(), rtol=1e-14)
    for broken in (np.array([[0.2], [4.0]]), np.array([[-0.1], [0.5]]), np.array([[np.nan], [0.5]])):
        with pytest.raises(ValueError, match=r"^binary_cross_entropy: probabilities must be in \[0, 1\]"):
            loss(tg.Tensor(broken), y)
        with pytest.raises(ValueError, match=r"^binary_cross_entropy: probabilities must be in \[0, 1\]"):
            fast(broken, y)


def test_probabilities_of_a_model_are_checked_in_a_step():
    class Odds(nn.Module):
        """A layer that forgets the sigmoid."""

        def __init__(self):
            self.layer = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.layer(x)

    (model, ours), _ = twins(Odds(), OPTIMIZERS["SGD"])
    model.layer.weight.data, model.layer.bias.data = np.zeros((1, 2)), np.full(1, 0.5)
    step, X, Y = tg.compile(model, nn.BCELoss(), ours), np.ones((3, 2)), np.ones((3, 1))
    step(X, Y)
    model.layer.bias.data = np.full(1, 4.0)
    with pytest.raises(ValueError, match="probabilities must be in"):
        step(X, Y)
    assert model.layer.bias.data.tolist() == [4.0]
