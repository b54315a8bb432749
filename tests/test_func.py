"""Function transforms against closed forms, HIPS autograd and SciPy-free differences."""

import asyncio
import threading
import weakref
from typing import NamedTuple

import autograd as hips
import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_edu import Tensor, autograd, dropout, func, nn, no_grad
from tinygrad_edu.func import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tinygrad_edu.graph import Graph

RNG = np.random.default_rng(0)
X, V = RNG.standard_normal(4), RNG.standard_normal(4)


def mixed(x):
    return np.sum(np.exp(x / 2) * np.sin(x[::-1])) / (1 + np.sum(x * x))


def mixed_by_hips(x):
    return anp.sum(anp.exp(x / 2) * anp.sin(x[::-1])) / (1 + anp.sum(x * x))


def pair(x):
    return np.stack([x[0] * x[1], np.tanh(x[2]), np.sum(x)])


def pair_by_hips(x):
    return anp.array([x[0] * x[1], anp.tanh(x[2]), anp.sum(x)])


def test_arrays_go_in_and_arrays_come_out():
    gradient = grad(mixed)(X)
    assert type(gradient) is np.ndarray
    assert_allclose(gradient, hips.grad(mixed_by_hips)(X), rtol=1e-12)
    value, gradient = value_and_grad(mixed)(X)
    assert isinstance(value, float)
    assert_allclose(value, mixed_by_hips(X), rtol=1e-15)
    assert_allclose(gradient, hips.grad(mixed_by_hips)(X), rtol=1e-12)


def test_a_tensor_of_plain_data_is_an_argument_like_an_array():
    assert grad(np.sin)(Tensor(0.5)) == grad(np.sin)(0.5) == np.cos(0.5)


def test_gradients_of_any_order():
    f = np.sin
    for order in range(1, 7):
        f = grad(f)
        assert_allclose(f(0.3), np.sin(0.3 + order * np.pi / 2), rtol=1e-13)


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), (0, 2)])
def test_argnums_choose_the_arguments(argnums):
    expected = (2 * 3.0 * 5.0, 4.0 * 5.0, 4.0 * 3.0)  # of x^2 y z at (2, 3, 5), halved below for the first
    expected = (expected[0] * 2, *expected[1:])
    chosen = expected[argnums] if isinstance(argnums, int) else tuple(expected[k] for k in argnums)
    assert grad(lambda x, y, z: x * x * y * z, argnums)(2.0, 3.0, 5.0) == chosen


class Layer(NamedTuple):
    W: object
    b: object


def test_nested_arguments_give_gradients_in_the_same_nesting():
    params = {"layers": [Layer(np.ones((2, 2)), np.zeros(2)), Layer(np.ones((1, 2)), np.zeros(1))], "scale": 2.0}

    def cost(p, x):
        for layer in p["layers"]:
            x = np.tanh(layer.W @ x + layer.b)
        return np.sum(x) * p["scale"]

    gradients = grad(cost)(params, np.array([0.1, -0.3]))
    assert list(gradients) == ["layers", "scale"]
    assert type(gradients["layers"]) is list
    assert type(gradients["layers"][0]) is Layer
    assert gradients["layers"][1].W.shape == (1, 2)
    h = 1e-6
    for at in (0, 1):
        up, down = np.zeros(2), np.zeros(2)
        up[at], down[at] = h, -h
        values = [
            cost(params | {"layers": [Layer(np.ones((2, 2)), b), params["layers"][1]]}, np.array([0.1, -0.3]))
            for b in (up, down)
        ]
        assert_allclose(gradients["layers"][0].b[at], (values[0] - values[1]) / (2 * h), rtol=1e-8)


def test_what_the_value_does_not_depend_on_has_gradient_zero():
    gradients = grad(lambda p: p["used"] ** 2)({"used": 3.0, "unused": np.ones(2)})
    assert gradients["used"] == 6
    assert gradients["unused"].tolist() == [0, 0]


def test_what_is_returned_beside_the_value_comes_back_beside_the_gradient():
    assert grad(lambda x: (x * x, "note"), has_aux=True)(3.0) == (6.0, "note")
    assert value_and_grad(lambda x: (x * x, "note"), has_aux=True)(3.0) == ((9.0, "note"), 6.0)
    _, aux = grad(lambda x: (np.sum(x * x), {"twice": 2 * x, "first": x[0]}), has_aux=True)(X)
    assert type(aux["twice"]) is np.ndarray and aux["twice"].tolist() == (2 * X).tolist()
    assert type(aux["first"]) is np.float64
    assert grad(lambda x: grad(lambda y: (x * y, 3 * y), has_aux=True)(x)[1])(2.0) == 3
    assert grad(lambda x: grad(lambda y: (y * y, x * y), has_aux=True)(5.0)[1])(2.0) == 5


def test_keywords_are_passed_on():
    assert grad(lambda x, *, power: x**power)(2.0, power=3) == 12


def test_elementwise_grad_is_the_slope_of_each_entry():
    assert_allclose(elementwise_grad(np.tanh)(X), 1 - np.tanh(X) ** 2, rtol=1e-14)
    assert_allclose(elementwise_grad(elementwise_grad(np.sin))(X), -np.sin(X), rtol=1e-14)


# Nested over different variables


def test_an_inner_derivative_is_that_by_its_own_variable():
    """The classic test of perturbation confusion: d/dx (x d/dy (x + y)) = 1, not 2."""
    assert grad(lambda x: x * grad(lambda y: x + y)(2.0))(3.0) == 1
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12
    assert grad(lambda x: grad(lambda x: x**3)(x) * x)(2.0) == 36


def test_an_inner_derivative_that_does_not_depend_on_the_outer_variable_is_a_number():
    seen = []

    def f(x):
        seen.append(grad(np.sin)(0.0))
        return x * seen[-1]

    assert grad(f)(5.0) == 1
    assert isinstance(seen[0], float)


def test_a_leaf_sees_through_the_transforms_it_is_given_to():
    w, A, B = Tensor(X, requires_grad=True), RNG.standard_normal((5, 4)), RNG.standard_normal((3, 4))
    for moved in (
        grad(lambda w: np.sum((A @ w) ** 2))(w),
        vjp(lambda w: np.sum((A @ w) ** 2), w)[1](1.0)[0],
        value_and_grad(lambda w: np.sum((A @ w) ** 2))(w)[1],
        jacobian(lambda w: np.sum((A @ w) ** 2))(w),
    ):
        w.zero_grad()
        np.sum((B @ (w - 0.1 * moved)) ** 2).backward()
        step = np.eye(4) - 0.2 * A.T @ A
        assert_allclose(w.grad.data, 2 * step.T @ B.T @ B @ step @ X, rtol=1e-12)
    w.zero_grad()
    jvp(lambda x: np.sum(x**3), (w,), (V,))[1].backward()
    assert_allclose(w.grad.data, 6 * X * V, rtol=1e-14)


def test_parameters_of_a_network_see_through_a_transform():
    model = nn.MLP([4, 3, 1], activation=nn.Tanh, rng=0)

    def steepness():
        return np.sum(grad(lambda x: model(x).sum())(X) ** 2)

    steepness().backward()
    for parameter in model.parameters():
        if parameter.grad is None:
            continue  # the last bias moves no slope
        expected = difference_of(steepness, parameter.data)
        assert_allclose(parameter.grad.data, expected, rtol=1e-6, atol=1e-9)
    assert sum(parameter.grad is not None for parameter in model.parameters()) == 3


def test_a_graph_through_a_transform_is_read_like_any_other():
    w = Tensor(0.5, requires_grad=True, name="w")
    same = nn.Dropout(0.5, rng=0).eval()  # a module that hands the variable itself on
    J = grad(lambda x: np.tanh(w * same(x)))(2.0) ** 2
    names = [node.op.name for node in Graph(J).nodes if node.op]
    assert names.count("variable") == 1 and names.count("tanh") == 1


def difference_of(f, array, step=1e-6):
    """The gradient of f by an array that it reads, by differences."""
    found = np.zeros(array.shape)
    with no_grad():
        for place in np.ndindex(array.shape):
            for sign in (1, -1):
                array[place] += sign * step
                found[place] += sign * f() / (2 * step)
                array[place] -= sign * step
    return found


def test_under_no_grad_a_transform_differentiates_and_gives_arrays():
    model, w = nn.MLP([4, 3, 1], rng=0), Tensor(X, requires_grad=True)
    with no_grad():
        assert type(grad(lambda x: model(x).sum())(X)) is np.ndarray
        assert_allclose(grad(lambda x: np.sum(x**3))(w), 3 * X**2, rtol=1e-15)
        assert_allclose(hvp(lambda x: np.sum(x**3), X, V), 6 * X * V, rtol=1e-14)
        value, moved = jvp(np.sin, (w,), (V,))
        assert_allclose(moved, np.cos(X) * V, rtol=1e-14)
        assert type(value) is type(moved) is np.ndarray
        assert not (w * 2).requires_grad
    assert all(x.grad is None for x in model.parameters())


# Jacobians


@pytest.mark.parametrize("x", [X, X * 3])
def test_the_jacobian_is_that_of_autograd(x):
    assert_allclose(jacobian(pair)(x), hips.jacobian(pair_by_hips)(x), rtol=1e-13, atol=1e-15)


def test_jacobian_of_matrices_and_of_a_chosen_argument():
    A, B = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2))
    by_a = jacobian(np.matmul)(A, B)
    assert by_a.shape == (2, 2, 2, 3)
    assert_allclose(by_a, np.einsum("ik,lj->ijkl", np.eye(2), B), rtol=1e-15)
    for argnums in (1, -1):
        assert_allclose(jacobian(np.matmul, argnums)(A, B), np.einsum("ik,jl->ijkl", A, np.eye(2)), rtol=1e-15)


def test_hessian_and_its_products():
    exact = hips.hessian(mixed_by_hips)(X)
    assert_allclose(hessian(mixed)(X), exact, rtol=1e-11)
    assert_allclose(hvp(mixed, X, V), exact @ V, rtol=1e-11)


def test_the_hessian_of_a_linear_function_is_zero():
    assert hessian(lambda x: 3 * np.sum(x))(X).tolist() == np.zeros((4, 4)).tolist()
    assert grad(grad(lambda x: 2 * x))(1.0) == 0


def test_vjp_and_jvp_are_rows_and_columns_of_the_jacobian():
    J = hips.jacobian(pair_by_hips)(X)
    u = RNG.standard_normal(3)
    y, back = vjp(pair, X)
    assert type(y) is type(back(u)[0]) is np.ndarray
    assert_allclose(y, pair_by_hips(X), rtol=1e-15)
    assert_allclose(back(u)[0], u @ J, rtol=1e-13)
    assert_allclose(back(2 * u)[0], 2 * u @ J, rtol=1e-13)
    y, moved = jvp(pair, (X,), (V,))
    assert_allclose(y, pair_by_hips(X), rtol=1e-15)
    assert_allclose(moved, J @ V, rtol=1e-13)


def test_jvp_of_several_arguments_and_inside_a_gradient():
    _, moved = jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    assert moved == 1 * 3 + 2 * 10
    assert_allclose(grad(lambda t: jvp(np.sin, (t,), (1.0,))[1])(0.3), -np.sin(0.3), rtol=1e-14)
    assert_allclose(grad(lambda t: vjp(np.sin, t)[1](np.array(1.0))[0])(0.3), -np.sin(0.3), rtol=1e-14)


def test_nothing_is_mutated():
    x, v = X.copy(), V.copy()
    grad(mixed)(x), hessian(mixed)(x), hvp(mixed, x, v), jvp(pair, (x,), (v,))
    assert x.tolist() == X.tolist()
    assert v.tolist() == V.tolist()


# Threads and tasks


def test_threads_do_not_disturb_each_other():
    results = {}

    def work(k):
        results[k] = [grad(lambda x: x * grad(lambda y: x * y**k)(2.0))(3.0) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {k: set(values) for k, values in results.items()} == {1: {6.0}, 2: {24.0}, 3: {72.0}}


def test_tasks_do_not_disturb_each_other():
    async def work(k):
        await asyncio.sleep(0)
        return grad(lambda x: x * grad(lambda y: x * y**k)(2.0))(3.0)

    async def both():
        return await asyncio.gather(work(1), work(2))

    assert asyncio.run(both()) == [6.0, 24.0]


# Bad input


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: grad(float)(1.0), TypeError, r"grad: the function must return a Tensor; got float\. float\(\)"),
        (lambda: grad(lambda x: x.item() ** 2)(1.0), TypeError, r"grad: the function must return a Tensor; got float"),
        (lambda: grad(lambda x: Tensor(x.numpy()) * 2)(1.0), RuntimeError, r"grad: the result must depend on the arg"),
        (lambda: grad(np.square)(np.ones(2)), ValueError, r"grad: the function must return a scalar; got shape \(2,\)"),
        (lambda: grad(np.square)(2), TypeError, r"grad: arguments that are differentiated must be floats; got int64"),
        (lambda: grad(np.square, 1)(2.0), ValueError, r"grad: argnums must number positional arguments; got 1 for 1"),
        (lambda: vjp(np.square, X)[1](np.ones(3)), ValueError, r"vjp: the cotangent must have the shape of the res"),
        (lambda: jvp(np.square, (X,), (np.ones(3),)), ValueError, r"jvp: tangents must have the nesting and the sha"),
        (
            lambda: jvp(np.square, X, V),
            TypeError,
            r"jvp: primals must be a tuple of arguments; got ndarray\. Write \(x",
        ),
        (
            lambda: hvp(mixed, X, np.ones(3)),
            ValueError,
            r"hvp: direction must have the nesting and the shapes of x, \[",
        ),
        (lambda: hvp(mixed, X, 1.0), ValueError, r"hvp: direction must have .* of x, \[\(4,\)\]; got \[\(\)\]"),
        (lambda: hvp(mixed, X, [1.0] * 4), ValueError, r"hvp: direction must have the nesting"),
        (
            lambda: hessian(lambda p: p["a"])({"a": 1.0}),
            TypeError,
            r"hessian: the argument must be one array; got dict",
        ),
        (lambda: grad(lambda x: (x, 1))(1.0), TypeError, r"grad: the function must return a Tensor; got tuple\. Join"),
        (lambda: grad(np.sin, "x")(1.0), ValueError, r"grad: argnums must number positional arguments; got x for 1"),
        (lambda: grad(np.sin, 1.0)(1.0), ValueError, r"grad: argnums must number positional arguments; got 1.0 for 1"),
        (lambda: jacobian(np.sin)(), ValueError, r"jacobian: argnums must number positional arguments; got 0 for 0"),
        (lambda: hessian(np.sum, 2)(X), ValueError, r"hessian: argnums must number positional arguments; got 2 for 1"),
        (
            lambda: jacobian(np.add, (0, 1))(X, X),
            ValueError,
            r"jacobian: argnums must be one number; got \(0, 1\)\. Ca",
        ),
        (lambda: grad(np.sum, has_aux=True)(X), TypeError, r"grad: with has_aux=True the function must return \(val"),
        (lambda: vjp(3.0, X), TypeError, r"^vjp: needs a function; got float\. Pass f itself"),
        (lambda: jvp(3.0, (X,), (V,)), TypeError, r"^jvp: needs a function; got float"),
        (lambda: hvp(3.0, X, V), TypeError, r"^hvp: needs a function; got float"),
        (lambda: jvp(np.square, (X,), V), TypeError, r"jvp: tangents must be a tuple of arguments; got ndarray"),
        (lambda: jacobian(np.i0)(X), TypeError, r"np\.i0: a function of Tensors needs a derivative rule"),
        (lambda: jacobian(lambda x: x.data)(X), TypeError, r"jacobian: the function must return a Tensor; got ndarray"),
    ],
)
def test_what_cannot_be_differentiated_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("transform", [grad, value_and_grad, elementwise_grad, jacobian, hessian, func.checkpoint])
def test_a_value_in_place_of_the_function_is_refused(transform):
    with pytest.raises(TypeError, match=rf"^{transform.__name__}: needs a function; got Tensor\. Pass f itself, not f"):
        transform(Tensor(3.0))


def test_an_error_inside_leaves_no_transform_active():
    with no_grad():
        with pytest.raises(ZeroDivisionError):
            grad(lambda x: 1 / 0)(1.0)
        assert not (Tensor(1.0, requires_grad=True) * 2).requires_grad
    assert not func.active.get()


# checkpoint


def test_checkpoint_gives_the_same_gradients_and_keeps_less():
    rng = np.random.default_rng(0)
    model = nn.MLP([3, 5, 5, 2], rng=0)
    X = Tensor(rng.standard_normal((4, 3)), requires_grad=True)

    def gradients(f):
        h = np.sin(X)
        J = np.sum(f(h) ** 2)
        nodes = len(autograd.order([J]))
        return nodes, [g.data for g in autograd.grad(J, [X, *model.parameters()])]

    nodes, expected = gradients(model)
    fewer, found = gradients(func.checkpoint(model))
    assert (nodes, fewer) == (5 + 3, 1 + 3)
    for g, e in zip(found, expected, strict=True):
        assert_array_equal(g, e)


def test_checkpoint_can_be_differentiated_again_and_nested():
    def f(x):
        return np.sum(np.tanh(x) ** 3)

    x, direction = np.array([0.3, -0.7]), np.array([1.0, 2.0])
    outer = func.checkpoint(lambda x: func.checkpoint(f)(x * 1.0))
    assert_allclose(grad(outer)(x), grad(f)(x), rtol=1e-14)
    assert_allclose(hvp(outer, x, direction), hvp(f, x, direction), rtol=1e-14)


def test_checkpoint_lets_go_of_the_graph():
    seen = []

    def f(x):
        seen.append(weakref.ref(y := np.exp(x)))
        return np.sum(y * y)

    x = Tensor([1.0, 2.0], requires_grad=True)
    J = func.checkpoint(f)(x)
    assert seen[0]() is None
    with no_grad():
        J.backward()
    assert_allclose(x.grad.data, 2 * np.exp(2 * x.data))
    assert len(seen) == 2 and seen[1]() is None
    assert not func.checkpoint(f)(Tensor(np.ones(2))).requires_grad


def test_checkpoint_refuses_what_it_cannot_repeat():
    rng = np.random.default_rng(0)
    x = Tensor(np.ones(9), requires_grad=True)
    J = func.checkpoint(lambda x: np.dot(dropout(x, 0.5, rng), 2.0 ** np.arange(9)))(x)
    with pytest.raises(RuntimeError, match=r"^checkpoint: the function must give the same result again; got another"):
        J.backward()
    with pytest.raises(TypeError, match=r"^checkpoint: the function must return one Tensor; got tuple"):
        func.checkpoint(lambda x: (x, x))(x)
