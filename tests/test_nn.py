"""Modules: their parameters, names and states; layers, losses, initial weights; and a network that learns."""

import contextlib
import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import init
from tinygrad_edu.tensor import Tensor


def parameter(*shape, dtype=float):
    return Tensor(np.arange(np.prod(shape, dtype=int)).reshape(shape), requires_grad=True, dtype=dtype)


class Everything(nn.Module):
    """Parameters in every place where one may be kept, and things that are none."""

    def __init__(self):
        self.scale = parameter(2)
        self.frozen = Tensor([1.0])
        self.first = nn.Linear(2, 3)
        self.blocks = [nn.Linear(3, 3), (nn.Linear(3, 1), "no tensor")]
        self.heads = {"left": nn.Linear(1, 1, bias=False), "right": [parameter(1)]}
        self.again = self.scale
        self.twice = self.first
        self._private = parameter(5)
        self.recorded = self.scale * 2
        self.number, self.array, self.nothing = 3, np.ones(2), None


NAMES = [
    *["scale", "frozen", "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.0.weight"],
    *["blocks.1.0.bias", "heads.left.weight", "heads.right.0"],
]


# Module


def test_parameters_are_found_in_order_each_once():
    model = Everything()
    named = dict(model.named_parameters())
    assert list(named) == NAMES
    assert named["scale"] is model.scale
    assert named["heads.right.0"] is model.heads["right"][0]
    assert [id(x) for x in model.parameters()] == [id(x) for x in named.values()]


def test_a_parameter_set_later_comes_last():
    model = nn.Linear(2, 1)
    model.extra = parameter(1)
    assert [name for name, _ in model.named_parameters()] == ["weight", "bias", "extra"]


def test_a_parameter_set_on_a_network_of_layers_is_found():
    model = nn.Sequential(nn.Linear(2, 1))
    model.temperature = parameter(1)
    assert {name for name, _ in model.named_parameters()} == {"0.weight", "0.bias", "temperature"}


def test_names_and_shapes_are_those_of_pytorch():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Sequential(nn.Linear(3, 2, bias=False)))
    shapes = {name: x.shape for name, x in model.named_parameters()}
    assert shapes == {"0.weight": (3, 4), "0.bias": (3,), "2.0.weight": (2, 3)}
    assert {name: x.shape for name, x in model.state_dict().items()} == shapes


def test_a_module_that_knows_its_parent_is_walked_once():
    model = nn.Sequential(nn.Linear(2, 1))
    model[0].parent = model
    assert [x.shape for x in model.parameters()] == [(1, 2), (1,)]
    assert repr(model).count("Linear(") == 1


def test_modules_are_walked_depth_first():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Sigmoid()), nn.Tanh())
    kinds = [type(x).__name__ for x in model.modules()]
    assert kinds == ["Sequential", "Linear", "Sequential", "ReLU", "Sigmoid", "Tanh"]


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Module: a Module must define forward\(self, x\)"):
        nn.Module()(1)


def test_a_forward_that_returns_nothing_says_so():
    class Silent(nn.Module):
        def forward(self, x):
            np.tanh(x)

    with pytest.raises(TypeError, match=r"^Silent: forward must return its result; got None\. End it with return"):
        nn.Sequential(Silent(), nn.ReLU())(Tensor(np.ones(2)))


def test_a_module_takes_several_inputs():
    class Distance(nn.Module):
        def forward(self, a, b):
            return np.sum(np.square(a - b))

    assert Distance()(Tensor([1.0, 2.0]), np.zeros(2)).item() == 5


def test_zero_grad_forgets_every_gradient():
    model = nn.MLP([2, 3, 1])
    model(np.ones((4, 2))).sum().backward()
    assert all(x.grad is not None for x in model.parameters())
    model.zero_grad()
    assert all(x.grad is None for x in model.parameters())


def test_train_and_eval_reach_every_module():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.Linear(1, 1)))
    assert all(x.training for x in model.modules())
    assert model.eval() is model
    assert not any(x.training for x in model.modules())
    assert model.train() is model
    assert all(x.training for x in model.modules())
    model.train(False)
    assert not any(x.training for x in model.modules())
    assert nn.Module.training


# State


def test_a_state_goes_there_and_back():
    saved, loaded = nn.MLP([3, 4, 2], rng=np.random.default_rng(0)), nn.MLP([3, 4, 2], rng=np.random.default_rng(1))
    tensors = list(loaded.parameters())
    loaded.load_state_dict(saved.state_dict())
    for (name, x), (same, y) in zip(saved.named_parameters(), loaded.named_parameters(), strict=True):
        assert name == same
        assert_array_equal(x.numpy(), y.numpy())
    assert all(x is y for x, y in zip(loaded.parameters(), tensors, strict=True))
    x = np.ones((2, 3))
    assert_array_equal(saved(x).numpy(), loaded(x).numpy())


def test_a_state_is_a_copy():
    model = nn.Linear(2, 2)
    state = model.state_dict()
    before = model.weight.numpy().copy()
    state["weight"][...] = 7
    assert_array_equal(model.weight.numpy(), before)
    model.load_state_dict(state)
    state["weight"][...] = 9
    assert_array_equal(model.weight.numpy(), np.full((2, 2), 7))


def test_a_state_may_hold_tensors_and_lists_and_keeps_the_model_s_dtype():
    model = nn.Linear(2, 1, dtype=np.float32)
    model.load_state_dict({"weight": Tensor([[1.5, 2.5]], requires_grad=True), "bias": [3]})
    assert_array_equal(model.weight.numpy(), [[1.5, 2.5]])
    assert_array_equal(model.bias.numpy(), [3])
    assert model.weight.dtype == model.bias.dtype == np.float32


def test_a_shared_tensor_is_saved_under_each_of_its_names():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert sorted(model.state_dict()) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    model.load_state_dict(model.state_dict())


def test_what_a_module_remembers_of_its_forward_pass_is_no_state():
    class Remembers(nn.Linear):
        def forward(self, x):
            self.result = super().forward(x)
            return self.result

    model = Remembers(2, 1)
    for mode in (contextlib.nullcontext, tg.no_grad):
        with mode():
            model(np.ones((1, 2)))
        assert sorted(model.state_dict()) == ["bias", "weight"]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"2.bias": None}, KeyError, r"names must agree; got \['2\.bias'\] missing, \[\] unexpected"),
        ({"extra": np.ones(1)}, KeyError, r"names must agree; got \[\] missing, \['extra'\] unexpected"),
        ({"0.bias": None, "0.b": np.ones(3)}, KeyError, r"got \['0\.bias'\] missing, \['0\.b'\] unexpected"),
        ({"2.weight": np.ones((3, 1))}, ValueError, r"'2\.weight' must have shape \(1, 3\); got \(3, 1\)"),
        ({"2.bias": np.ones((1, 1))}, ValueError, r"'2\.bias' must have shape \(1,\); got \(1, 1\)"),
        ({"2.bias": 1.0}, ValueError, r"'2\.bias' must have shape \(1,\); got \(\)"),
        ({"2.bias": np.array(["one"])}, (TypeError, ValueError), r"load_state_dict: '2\.bias'"),
        ({"2.bias": np.array([1j])}, (TypeError, ValueError), r"load_state_dict: '2\.bias'"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, kind, message):
    model = nn.MLP([2, 3, 1])
    before = model.state_dict()
    state = {name: np.zeros_like(x) for name, x in before.items()} | change
    state = {name: x for name, x in state.items() if x is not None}
    try:
        with pytest.raises(kind, match=message):
            model.load_state_dict(state)
    finally:
        for name, x in model.state_dict().items():
            assert_array_equal(x, before[name])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_can_be_copied(duplicate):
    model = nn.MLP([2, 3, 1], dtype=np.float32)
    twin = duplicate(model)
    assert repr(twin) == repr(model)
    assert [x.name for x in twin.parameters()] == ["W1", "b1", "W2", "b2"]
    for x, y in zip(model.parameters(), twin.parameters(), strict=True):
        assert x is not y
        assert y.requires_grad
        assert y.dtype == np.float32
        assert_array_equal(x.numpy(), y.numpy())
        assert not np.shares_memory(x.numpy(), y.numpy())


# What is printed

REPR = """\
Sequential(
  (0): Linear(in_features=2, out_features=3, bias=True)
  (1): Sequential(
    (0): ReLU()
    (1): Sequential(
      (0): Sigmoid()
    )
  )
  (2): Linear(in_features=3, out_features=1, bias=False)
)"""


def test_the_repr_is_pytorch_s():
    """As PyTorch 2.13 prints the same network."""
    inner = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Sigmoid()))
    assert repr(nn.Sequential(nn.Linear(2, 3), inner, nn.Linear(3, 1, bias=False))) == REPR


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Linear(2, 3), "Linear(in_features=2, out_features=3, bias=True)"),
        (nn.Sequential(), "Sequential()"),
        *[(kind(), f"{kind.__name__}()") for kind in (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.Softplus)],
        (nn.LeakyReLU(0.2), "LeakyReLU(slope=0.2)"),
        (nn.Softmax(), "Softmax(axis=-1)"),
        (nn.LogSoftmax(1), "LogSoftmax(axis=1)"),
        (nn.Dropout(0.2), "Dropout(p=0.2)"),
        (nn.MSELoss(), "MSELoss(reduction='mean')"),
        (nn.CrossEntropyLoss("sum"), "CrossEntropyLoss(reduction='sum')"),
    ],
)
def test_repr_of_single_modules(module, text):
    assert repr(module) == text


class Gated(nn.Module):
    def __init__(self):
        self.gate = nn.Sigmoid()
        self.blocks = [nn.Linear(2, 2)]
        self._private = nn.ReLU()

    def extra_repr(self):
        return "k=3"


def test_the_repr_of_a_module_of_one_s_own_keeps_its_extra_line():
    """As in PyTorch, where it stands before the modules."""
    assert repr(Gated()).splitlines()[:3] == ["Gated(", "  k=3", "  (gate): Sigmoid()"]


def test_the_repr_shows_the_modules_whose_parameters_are_trained():
    assert "Linear(in_features=2, out_features=2, bias=True)" in repr(Gated())
    assert "ReLU" not in repr(Gated())


# Linear


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_of_any_number_of_axes(shape, bias):
    rng = np.random.default_rng(0)
    layer, x = nn.Linear(3, 2, bias=bias, rng=rng), rng.standard_normal(shape)
    W = layer.weight.numpy()
    assert (layer.bias is not None) == bias
    expected = x @ W.T + (layer.bias.numpy() if bias else 0)
    y = layer(x)
    assert y.shape == (*shape[:-1], 2)
    assert_allclose(y.numpy(), expected, rtol=1e-14)
    assert_allclose(layer(x.tolist() if x.size else x).numpy(), expected, rtol=1e-14)
    g = rng.standard_normal(expected.shape)
    y.backward(g)
    rows = x.reshape(-1, 3)
    assert_allclose(layer.weight.grad.numpy(), g.reshape(-1, 2).T @ rows, rtol=1e-12, atol=1e-15)
    if bias:
        assert_allclose(layer.bias.grad.numpy(), g.reshape(-1, 2).sum(axis=0), rtol=1e-12, atol=1e-15)


def test_linear_starts_within_the_bounds_of_pytorch_and_repeats():
    layer, same = (nn.Linear(100, 50, rng=np.random.default_rng(3)) for _ in range(2))
    for x, y in zip(layer.parameters(), same.parameters(), strict=True):
        assert x.requires_grad
        assert np.abs(x.numpy()).max() <= 0.1
        assert np.abs(x.numpy()).max() > 0.09
        assert_array_equal(x.numpy(), y.numpy())
    assert np.any(nn.Linear(2, 2).weight.numpy() != nn.Linear(2, 2).weight.numpy())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", [nn.Linear, nn.MLP, nn.Dropout])
def test_a_seed_in_place_of_the_rng_is_used_or_refused(kind, seed):
    """`data` takes a seed as rng; here it must not be dropped in silence."""
    arguments = {nn.Linear: (2, 3), nn.MLP: ([2, 3, 1],), nn.Dropout: (0.5,)}[kind]
    x = np.ones((5, 2))
    try:
        one, other = (kind(*arguments, rng=seed) for _ in range(2))
    except TypeError as error:
        assert "rng" in str(error)
    else:
        assert_array_equal(*(np.asarray(getattr(y, "data", y)) for y in (one(x), other(x))))


def test_layers_from_one_seed_differ():
    first, _, second = nn.MLP([3, 3, 3], rng=0)
    assert (first.weight.numpy() != second.weight.numpy()).all()


def test_linear_in_float32_stays_there():
    layer = nn.Linear(3, 2, dtype=np.float32)
    y = layer(np.ones((4, 3), np.float32))
    y.sum().backward()
    assert y.dtype == layer.weight.grad.dtype == layer.bias.grad.dtype == np.float32


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_settings_of_any_float_leave_float32_what_it_is(kind):
    x = Tensor(np.array([[-1, 2]], np.float32), requires_grad=True)
    for layer in (nn.LeakyReLU(kind(0.5)), nn.Dropout(kind(0.5), rng=0)):
        assert layer(x).dtype == np.float32
    assert_array_equal(nn.LeakyReLU(kind(0.5))(x).numpy(), [[-0.5, 2]])


@pytest.mark.parametrize("slope", ["0.1", None, Tensor(0.1)])
def test_a_slope_that_is_no_number_is_refused(slope):
    kind = type(slope).__name__
    with pytest.raises(TypeError, match=rf"^leaky_relu: slope must be a number; got {kind}\. One that is learned"):
        nn.LeakyReLU(slope)(np.ones(2))


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3)])
def test_linear_refuses_sizes_below_one(sizes):
    message = f"Linear: in_features and out_features must be at least 1; got {sizes[0]} and {sizes[1]}"
    with pytest.raises(ValueError, match=message):
        nn.Linear(*sizes)


def test_linear_refuses_sizes_that_are_not_whole():
    with pytest.raises(TypeError, match=r"^Linear: in_features and out_features must be whole numbers; got 2\.0, 3\."):
        nn.Linear(2.0, 3)


def test_linear_refuses_an_integer_dtype():
    with pytest.raises(TypeError, match=r"gradients need a floating dtype; got int64"):
        nn.Linear(2, 3, dtype=int)


def test_linear_refuses_the_wrong_number_of_columns():
    with pytest.raises(ValueError, match=r"linear: x must have in_features columns; got x \(4, 3\) and weight"):
        nn.Linear(2, 1)(np.ones((4, 3)))


# Activations and dropout


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.Sigmoid(), tg.sigmoid),
        (nn.Tanh(), np.tanh),
        (nn.ReLU(), tg.relu),
        (nn.Softplus(), tg.softplus),
        (nn.LeakyReLU(0.3), lambda x: tg.leaky_relu(x, 0.3)),
        (nn.Softmax(), tg.softmax),
        (nn.Softmax(0), lambda x: tg.softmax(x, axis=0)),
        (nn.LogSoftmax(), tg.log_softmax),
        (nn.LogSoftmax(0), lambda x: tg.log_softmax(x, axis=0)),
    ],
)
def test_activations_are_the_functions(module, function):
    x = Tensor([[-1.0, 0.5, 3.0], [0.0, 1.0, -2.0]], requires_grad=True)
    y = module(x)
    assert_array_equal(y.numpy(), function(x).numpy())
    assert y.requires_grad
    assert not list(module.parameters())


def test_dropout_drops_in_training_and_passes_in_evaluation():
    layer, x = nn.Dropout(0.4, np.random.default_rng(0)), Tensor(np.ones((100, 100)))
    y = layer(x).numpy()
    assert_array_equal(np.unique(y), [0, 1 / 0.6])
    assert abs(y.mean() - 1) < 0.02
    assert np.any(layer(x).numpy() != y)
    assert layer.eval()(x) is x
    assert_array_equal(nn.Dropout(0.4, np.random.default_rng(0))(x).numpy(), y)
    assert nn.Dropout(0)(x) is x


@pytest.mark.parametrize("p", [-0.1, 1, 2, np.nan, None])
def test_dropout_refuses_a_share_outside_its_range(p):
    with pytest.raises(ValueError, match=rf"Dropout: p must be in \[0, 1\); got {p}\."):
        nn.Dropout(p)


# Sequential and MLP


def test_sequential_feeds_each_layer_with_the_last():
    first, last = nn.Linear(2, 3), nn.Linear(3, 1)
    model = nn.Sequential(first, np.tanh, last)
    x = np.ones((4, 2))
    assert_array_equal(model(x).numpy(), last(np.tanh(first(x))).numpy())
    assert list(model) == [first, np.tanh, last]
    assert len(model) == 3
    assert model[0] is first
    assert model[-1] is last
    assert list(nn.Sequential()) == []
    assert nn.Sequential()(x) is x


def test_a_part_of_a_network_is_a_network():
    """As in PyTorch: `model[:-1]` gives what the last layer is fed with."""
    model = nn.MLP([2, 3, 1])
    assert_array_equal(model[:-1](np.ones((1, 2))).numpy(), np.tanh(model[0](np.ones((1, 2)))).numpy())


@pytest.mark.parametrize("layer", [[nn.ReLU()], 3, None, "relu", Tensor(1.0)])
def test_sequential_refuses_what_is_no_layer(layer):
    message = rf"Sequential: layer 1 must be a Module or a function; got {type(layer).__name__}\. Pass the layers one"
    with pytest.raises(TypeError, match=message):
        nn.Sequential(nn.ReLU(), layer)


@pytest.mark.parametrize("layer", [nn.ReLU, nn.Softmax])
def test_sequential_refuses_a_class(layer):
    """`nn.Softmax` without its brackets: calling it would make a module of the data."""
    with pytest.raises(TypeError, match=r"Sequential: layer 0 must be"):
        nn.Sequential(layer)


def test_mlp_has_the_sizes_names_and_activations_asked_for():
    model = nn.MLP([4, 8, 6, 3], activation=nn.ReLU)
    assert [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [x.name for x in model.parameters()] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert [x.shape for x in model.parameters()] == [(8, 4), (8,), (6, 8), (6,), (3, 6), (3,)]
    assert model(np.ones((5, 4))).shape == (5, 3)
    assert [type(layer) for layer in nn.MLP((2, 1))] == [nn.Linear]
    assert isinstance(nn.MLP([2, 3, 1])[1], nn.Tanh)


def test_mlp_repeats_with_the_rng_in_its_dtype():
    one, same = (nn.MLP([2, 3, 1], rng=np.random.default_rng(5), dtype=np.float32) for _ in range(2))
    for x, y in zip(one.parameters(), same.parameters(), strict=True):
        assert x.dtype == np.float32
        assert_array_equal(x.numpy(), y.numpy())


@pytest.mark.parametrize("sizes", [[], [3]])
def test_mlp_refuses_fewer_than_two_sizes(sizes):
    message = rf"MLP: sizes must hold at least the inputs and the outputs; got \[{sizes[0] if sizes else ''}\]"
    with pytest.raises(ValueError, match=message):
        nn.MLP(sizes)


def test_mlp_refuses_a_size_of_zero():
    with pytest.raises(ValueError, match=r"Linear: in_features and out_features must be at least 1; got 2 and 0"):
        nn.MLP([2, 0, 1])


@pytest.mark.parametrize("activation", [nn.Tanh(), tg.relu, np.tanh])
def test_mlp_takes_a_class_as_activation_and_says_so(activation):
    with pytest.raises(TypeError, match=r"MLP: activation must be"):
        nn.MLP([2, 3, 1], activation=activation)


# Losses


Z = np.array([[0.5, -1.25, 2.0], [3.0, 0.0, -0.75]])
T = np.array([[1.0, 0.0, 1.0], [0.25, 1.0, 0.0]])
LOSSES = {
    nn.MSELoss: (tg.mse_loss, Z, T),
    nn.BCELoss: (tg.binary_cross_entropy, T * 0.5 + 0.2, T),
    nn.BCEWithLogitsLoss: (tg.binary_cross_entropy_with_logits, Z, T),
    nn.NLLLoss: (tg.nll_loss, Z, np.array([2, 0])),
    nn.CrossEntropyLoss: (tg.cross_entropy, Z, np.array([2, 0])),
}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_are_the_functions(kind, reduction):
    function, x, target = LOSSES[kind]
    x = Tensor(x, requires_grad=True)
    assert_array_equal(kind(reduction)(x, target).numpy(), function(x, target, reduction).numpy())
    assert_array_equal(kind()(x, target).numpy(), function(x, target).numpy())
    assert not list(kind().parameters())


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_refuse_an_unknown_reduction_at_once(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: reduction must be 'mean', 'sum' or 'none'; got 'average'"):
        kind("average")


# Initial weights

OUT, IN = 300, 200
INIT = {
    "xavier_uniform": (init.xavier_uniform, {}, 2 / (IN + OUT), np.sqrt(6 / (IN + OUT))),
    "xavier_normal": (init.xavier_normal, {}, 2 / (IN + OUT), None),
    "he_uniform": (init.he_uniform, {}, 2 / IN, np.sqrt(6 / IN)),
    "he_normal": (init.he_normal, {}, 2 / IN, None),
    "gain_uniform": (init.xavier_uniform, {"gain": 3}, 9 * 2 / (IN + OUT), 3 * np.sqrt(6 / (IN + OUT))),
    "gain_normal": (init.xavier_normal, {"gain": 3}, 9 * 2 / (IN + OUT), None),
}


@pytest.mark.parametrize(("draw", "params", "variance", "bound"), INIT.values(), ids=INIT)
def test_initial_weights_have_their_variance_and_bounds(draw, params, variance, bound):
    weights = draw((OUT, IN), np.random.default_rng(0), **params)
    assert weights.shape == (OUT, IN)
    assert abs(weights.mean()) < 0.01 * np.sqrt(variance)
    assert abs(weights.var() / variance - 1) < 0.02
    if bound is None:
        kurtosis = np.mean(weights**4) / weights.var() ** 2
        assert abs(kurtosis - 3) < 0.1
    else:
        assert 0.999 * bound < np.abs(weights).max() <= bound
    assert_array_equal(weights, draw((OUT, IN), np.random.default_rng(0), **params))
    assert np.any(weights != draw((OUT, IN), np.random.default_rng(1), **params))


def test_the_fans_are_those_of_the_layer():
    """fan_in is the second axis, as in `Linear`: He looks at nothing else."""
    rng = np.random.default_rng(0)
    assert np.abs(init.he_uniform((10_000, 6), rng)).max() == pytest.approx(1, rel=1e-3)
    assert np.abs(init.he_uniform((6, 10_000), rng)).max() == pytest.approx(np.sqrt(6e-4), rel=1e-3)
    assert init.he_normal((10_000, 2), rng).std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("name", init.__all__)
@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4), (0, 3), (3, 0), 3, (2.5, 3)])
def test_initial_weights_refuse_what_is_no_matrix(name, shape):
    message = rf"{name}: the shape must be \(out, in\), both at least 1; got {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=message):
        getattr(init, name)(shape, np.random.default_rng(0))


# All of it


@pytest.mark.parametrize("seed", range(3))
def test_a_network_learns_the_moons(seed):
    rng = np.random.default_rng(seed)
    (X, y), (X_new, y_new) = data.moons(300, rng), data.moons(300, rng)
    model = nn.MLP([2, 16, 16, 1], activation=nn.Tanh, rng=rng)
    loss, optimizer = nn.BCEWithLogitsLoss(), optim.Adam(model.parameters(), lr=0.03)
    for _ in range(200):
        optimizer.zero_grad()
        loss(model(X), y[:, None]).backward()
        optimizer.step()
    assert np.mean((model(X_new).numpy() > 0) == y_new[:, None]) >= 0.97


def test_two_threads_train_two_models_as_each_would_alone():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((20, 3)), rng.random((20, 1))

    def train(seed):
        model = nn.MLP([3, 8, 8, 1], rng=seed)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        for _ in range(60):
            optimizer.zero_grad()
            tg.binary_cross_entropy_with_logits(model(X), Y).backward()
            optimizer.step()
        return [x.data for x in model.parameters()]

    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(4)))
    for one, other in zip(alone, together, strict=True):
        for x, y in zip(one, other, strict=True):
            assert_array_equal(x, y)
