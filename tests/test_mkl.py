"""Large products by MKL give what NumPy's give, for every way that a matrix can lie in memory."""

from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_edu as tg
from tinygrad_edu import mkl, nn, optim

DTYPES = [np.float64, np.float32]
#: A matrix of the same numbers, laid out in another way.
LAYOUTS = {
    "rows": lambda x: x.copy(),
    "columns": lambda x: x.T.copy().T,
    "rows of a wider matrix": lambda x: np.concatenate([x, x], 1)[:, : x.shape[1]],
    "columns of a longer matrix": lambda x: np.concatenate([x, x]).T.copy().T[: len(x)],
    "every second column": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "rows from the last to the first": lambda x: x[::-1].copy()[::-1],
    "between other numbers": lambda x: np.rec.fromarrays([x, np.zeros(x.shape, "i1")]).f0,
}


@pytest.fixture
def installed():
    if not mkl.library():
        pytest.skip("MKL is not installed")


@pytest.fixture
def missing(monkeypatch):
    monkeypatch.setattr(mkl, "library", dict)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("first", LAYOUTS)
def test_a_product_is_numpys(first, second, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((7, 5)).astype(dtype), rng.standard_normal((5, 3)).astype(dtype)
    expected, few = np.einsum("ij,jk", a.astype(float), b.astype(float)), 50 * np.finfo(dtype).eps
    wide = np.full((7, 5), np.nan, dtype)  # what stood there before does not count
    for out in (np.full((7, 3), np.nan, dtype), wide[:, 1:4]):
        mkl.product(LAYOUTS[first](a), LAYOUTS[second](b), out)
        assert_allclose(out, expected, atol=few)
        mkl.product(LAYOUTS[first](a), LAYOUTS[second](b), out, -0.25, 2)
        assert_allclose(out, 2 * expected - 0.25 * expected, atol=few)
    assert np.isnan(wide[:, [0, 4]]).all()


@pytest.mark.usefixtures("installed")
def test_large_products_of_matrices_are_taken():
    f8, f4 = np.dtype(np.float64), np.dtype(np.float32)
    assert mkl.takes((128, 64), (64, 128), f8) and not mkl.takes((128, 64), (64, 128), f4)
    assert mkl.takes((1000, 64), (64, 64), f4) and not mkl.takes((32, 16), (16, 16), f8)
    assert not mkl.takes((4000, 1000), (1000, 1), f8) and not mkl.takes((4000, 1000), (1000,), f8)
    assert not mkl.takes((1000, 64), (64, 64), np.dtype(np.longdouble))


def test_none_are_where_it_is_missing(missing):
    assert not mkl.takes((1000, 1000), (1000, 1000), np.dtype(float))


def steps(dtype, engine="numpy"):
    """A model and its data, twice, with products for MKL in the first of them."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 100)).astype(dtype), rng.integers(0, 10, 200)
    for compiled in (True, False):
        model = nn.MLP([100, 120, 110, 10], activation=nn.ReLU, rng=1, dtype=dtype)
        optimizer, loss = optim.SGD(model.parameters(), 0.1, momentum=0.9), nn.CrossEntropyLoss()
        step = tg.compile(model, loss, optimizer, engine=engine) if compiled else eager(model, loss, optimizer)
        yield model, step, X, y


def eager(model, loss, optimizer):
    def step(X, y):
        optimizer.zero_grad()
        J = loss(model(X), y)
        J.backward()
        optimizer.step()
        return J.data

    return step


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_compiled_step_has_the_same_numbers(engine, dtype):
    pytest.importorskip(engine)
    (model, step, X, y), (other, slow, _, _) = steps(dtype, engine)
    tolerance = 1e-11 if dtype == np.float64 else 1e-4
    for batch in (X, X, np.asfortranarray(X), np.repeat(X, 2, 1)[:, ::2], X):
        assert_allclose(step(batch, y), slow(batch, y), rtol=tolerance)
    assert step.source.count("product_by_mkl(") >= 5
    for name, x in other.state_dict().items():
        assert_allclose(model.state_dict()[name], x, rtol=tolerance, atol=tolerance, err_msg=name)


class Chain(nn.Module):
    """X (U V): the gradient of each weight is a product with the other one."""

    def __init__(self, rng):
        self.U, self.V = (tg.Tensor(rng.standard_normal((110, 110)) / 20, requires_grad=True) for _ in "UV")

    def forward(self, X):
        return X @ (self.U @ self.V)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("build", [Chain, lambda rng: nn.MLP([110, 120, 110], rng=rng)])
def test_a_large_weight_is_updated_by_one_product(build, measured):
    X, Y = np.random.default_rng(0).standard_normal((2, 150, 110))
    model, other = build(np.random.default_rng(1)), build(np.random.default_rng(1))
    optimizer, others = (optim.SGD(x.parameters(), 0.1) for x in (model, other))
    step = tg.compile(model, nn.MSELoss("sum"), optimizer, gradient_norm=measured)
    slow = eager(other, nn.MSELoss("sum"), others)
    for lr in (1e-4, 1e-3, 1e-5):
        optimizer.lr = others.lr = lr
        J = step(X, Y)
        assert_allclose(J[0] if measured else J, slow(X, Y), rtol=1e-11)
    assert step.source.count(", -lr, 1)") == (0 if measured else 2)  # its length needs the gradient itself
    for name, x in other.state_dict().items():
        assert_allclose(model.state_dict()[name], x, rtol=1e-10, atol=1e-12, err_msg=name)


def test_a_compiled_step_without_it_is_numpys(missing):
    (_, step, X, y), _ = steps(np.float64)
    step(X, y)
    assert "mkl" not in step.source and ".dot(" in step.source


@pytest.mark.usefixtures("installed")
def test_results_are_those_of_each_call():
    a, b = np.random.default_rng(0).standard_normal((2, 120, 120))
    product = tg.compile(lambda a, b: np.exp(-((a @ b) ** 2)) + a @ b.T)
    first = product(a, b)
    kept = first.copy()
    product(b, a)
    assert "product_by_mkl(" in product.source
    assert_array_equal(first, kept)
    assert_allclose(first, np.exp(-((a @ b) ** 2)) + a @ b.T, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("fails", [False, True])
def test_in_a_step_mkl_has_the_threads_and_numpy_one(fails, monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    a = np.random.default_rng(0).standard_normal((120, 120))
    seen = []

    def threads():
        pools = [x for x in threadpoolctl.threadpool_info() if "scipy.libs" not in x["filepath"]]  # another OpenBLAS
        return {pool["internal_api"]: pool["num_threads"] for pool in pools}

    def product(*args):
        seen.append(threads())
        if fails:
            raise MemoryError
        mkl_product(*args)

    mkl_product = mkl.product
    monkeypatch.setattr(mkl, "product", product)
    square = tg.compile(lambda a: np.exp(a @ a))
    for limit in (2, 1):
        with threadpoolctl.threadpool_limits(limit):
            before = threads()
            with pytest.raises(MemoryError) if fails else nullcontext():
                square(a)
            after = threads()
        assert seen[-1]["mkl"] == limit and seen[-1]["openblas"] == 1
        assert before["openblas"] == after["openblas"] == limit
