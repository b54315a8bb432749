"""Weights that PyTorch reads, and PyTorch's that we read: the same names, shapes and results."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="needs PyTorch; pip install torch")
safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors; pip install 'tinygrad_edu[io]'")

LAYERS = (
    ("Linear", (3, 5)),
    ("ReLU", ()),
    ("Linear", (5, 4)),
    ("LeakyReLU", (0.1,)),
    ("Dropout", (0.3,)),
    ("Linear", (4, 4)),
    ("Tanh", ()),
    ("Linear", (4, 4)),
    ("Sigmoid", ()),
    ("Linear", (4, 3)),
    ("Softplus", ()),
    ("LogSoftmax", (1,)),
)
X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)


def ours(rng=0, dtype=np.float32):
    options = {"Linear": {"rng": rng, "dtype": dtype}}
    return tg.nn.Sequential(*(getattr(tg.nn, name)(*given, **options.get(name, {})) for name, given in LAYERS)).eval()


def theirs():
    return torch.nn.Sequential(*(getattr(torch.nn, name)(*given) for name, given in LAYERS)).eval()


def assert_same_function(model, other):
    with torch.no_grad():
        expected = other(torch.from_numpy(X)).numpy()
    assert_allclose(model(X).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_pytorch_loads_our_file_by_name(tmp_path):
    model, other = ours(), theirs()
    model.save(tmp_path / "weights.safetensors")
    other.load_state_dict(safetensors.load_file(tmp_path / "weights.safetensors"))
    assert_same_function(model, other)


def test_we_load_pytorchs_file_by_name(tmp_path):
    model, other = ours(), theirs()
    safetensors.save_file(other.state_dict(), tmp_path / "weights.safetensors")
    model.load(tmp_path / "weights.safetensors")
    assert_same_function(model, other)


def test_names_and_shapes_are_the_same():
    state, other = ours().state_dict(), theirs().state_dict()
    assert {name: array.shape for name, array in state.items()} == {name: tuple(x.shape) for name, x in other.items()}
    assert list(state) == list(other)


def test_without_a_file_and_in_float64():
    model, other = ours(rng=3, dtype=np.float64), theirs()
    other.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()})
    assert_same_function(model, other)
    again = ours(rng=4, dtype=np.float64)
    again.load_state_dict(other.state_dict())
    assert_same_function(again, other)


def test_another_model_is_refused_by_name(tmp_path):
    safetensors.save_file(theirs()[:6].state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"names must agree; got .*9\.weight.* missing"):
        ours().load(tmp_path / "weights.safetensors")
