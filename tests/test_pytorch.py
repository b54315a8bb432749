"""Weights that PyTorch reads, and PyTorch's that we read: the same names, shapes and results."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_edu as tg

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


@pytest.fixture(scope="module", autouse=True)
def peers():
    """PyTorch, and how it reads and writes files: imported, which takes seconds, where a test is run."""
    global torch, safetensors
    torch = pytest.importorskip("torch", reason="needs PyTorch; pip install torch")
    safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors; pip install 'tinygrad_edu[io]'")


def ours(rng=0, dtype=np.float32):
    options = {"Linear": {"rng": rng, "dtype": dtype}}
    return tg.nn.Sequential(*(getattr(tg.nn, name)(*given, **options.get(name, {})) for name, given in LAYERS)).eval()


def theirs(dtype=np.float32):
    layers = (getattr(torch.nn, name)(*given) for name, given in LAYERS)
    return torch.nn.Sequential(*layers).eval().to(torch.float64 if dtype is np.float64 else torch.float32)


def assert_same_function(model, other, dtype=np.float32):
    with torch.no_grad():
        expected = other(torch.from_numpy(X.astype(dtype))).numpy()
    rtol = 1e-12 if dtype is np.float64 else 1e-5
    assert_allclose(model(X.astype(dtype)).numpy(), expected, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pytorch_loads_our_file_by_name(dtype, tmp_path):
    model, other = ours(dtype=dtype), theirs(dtype)
    model.save(tmp_path / "weights.safetensors")
    other.load_state_dict(safetensors.load_file(tmp_path / "weights.safetensors"))
    assert_same_function(model, other, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_we_load_pytorchs_file_by_name(dtype, tmp_path):
    model, other = ours(dtype=dtype), theirs(dtype)
    safetensors.save_file(other.state_dict(), tmp_path / "weights.safetensors")
    model.load(tmp_path / "weights.safetensors")
    assert_same_function(model, other, dtype)


def test_weights_of_a_dtype_that_numpy_lacks_are_refused(tmp_path):
    safetensors.save_file(theirs().bfloat16().state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises((TypeError, ValueError), match=r"^load: .*bfloat16"):
        ours().load(tmp_path / "weights.safetensors")


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
