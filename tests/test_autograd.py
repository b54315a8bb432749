"""The chain rule: order, sums, graphs of gradients, un-broadcasting, modes, and memory."""

import asyncio
import gc
import math
import threading
import weakref

import numpy as np
import pytest
from engine import leaf, raised
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_edu import autograd
from tinygrad_edu.autograd import Node, chain_rule, detect_anomaly, grad, no_grad, order
from tinygrad_edu.ops import Op
from tinygrad_edu.tensor import Tensor

# Order


def test_a_gradient_is_complete_before_it_is_handed_on():
    a = leaf(3)
    b = a + a
    c = b + b
    assert order([c]) == [c, b]
    c.backward()
    assert a.grad.item() == 4


def test_sixty_doublings_take_sixty_steps():
    x = leaf(1)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_uses_of_different_depth_are_all_added():
    x = leaf(2)
    deep = x
    for _ in range(5):
        deep = deep * x
    (deep + x * x + x).backward()  # x**6 + x**2 + x
    assert x.grad.item() == 6 * 2**5 + 2 * 2 + 1


def test_order_is_newest_first_and_only_towards_what_is_asked():
    x, w = leaf(1), leaf(2)
    a, b = x * 2, w * 3
    y = a + b
    assert order([y]) == [y, b, a]
    assert order([y], [x]) == [y, a]
    assert order([y], [a]) == [y, a]
    assert order([y, a]) == [y, b, a]
    assert order([x]) == [] and order([y], [leaf(0)]) == []


def test_a_chain_of_100_000_ops_runs_backward_and_is_freed_without_recursion():
    x = leaf([1.0, 2.0])
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward(np.ones(2))
    assert x.grad.tolist() == [1, 1]
    gradient = grad(y, x, np.ones(2), create_graph=True)
    middle = weakref.ref(y.inputs[0])
    del y, gradient
    assert middle() is None


def test_a_chain_of_recorded_gradients_is_freed_without_recursion():
    x = leaf(1)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    g = grad(y * x, x, create_graph=True)
    assert g.item() == 2
    assert grad(g, x).item() == 2
    del y, g


# Leaves collect, others do not


def test_a_second_backward_doubles_the_leaves_and_nothing_else():
    x, w = leaf([1, 2]), leaf([3, 4])
    h = x * w
    y = (h * h).sum()
    h.retain_grad()
    y.backward()
    first, kept, held = x.grad.data.copy(), h.grad.data.copy(), x.grad.data
    values = [t.data.copy() for t in (x, w, h, y)]
    y.backward()
    assert_array_equal(x.grad.data, 2 * first)
    assert_array_equal(held, first)  # the array of the first call was not changed in place
    assert_array_equal(h.grad.data, 2 * kept)
    for t, value in zip((x, w, h, y), values, strict=True):
        assert_array_equal(t.data, value)
    assert y.grad is None


def test_gradients_of_two_outputs_add_until_zero_grad():
    x = leaf([1, 2])
    (3 * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [5, 7]
    x.zero_grad()
    assert x.grad is None
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_retain_grad_keeps_the_gradient_of_a_node_in_the_middle():
    x = leaf([1, 2])
    h = x * 3
    other = x * 5
    h.retain_grad()
    y = (h * h + other).sum()
    y.retain_grad()
    y.backward()
    assert h.grad.tolist() == [6, 12] and y.grad.item() == 1
    assert other.grad is None and x.grad.tolist() == [23, 41]


def test_a_leaf_is_its_own_output():
    x = leaf(3)
    x.backward()
    assert x.grad.item() == 1
    assert grad(x, x).item() == 1
    y = x * x
    assert grad(y, y).item() == 1


def test_a_seed_weighs_the_entries_and_is_copied():
    x, seed = leaf([1, 2, 3]), np.array([1.0, 10.0, 100.0])
    (x + 0).backward(seed)
    seed[:] = 0
    assert x.grad.tolist() == [1, 10, 100]
    y = leaf([[1.0]])
    y.reshape(1).backward()
    assert y.grad.tolist() == [[1.0]]


def test_a_seed_tensor_is_recorded_only_on_request():
    x, u = leaf([1, 2]), leaf([3, 4])
    (x * x).backward(u)
    assert x.grad.tolist() == [6, 16] and not x.grad.requires_grad and u.grad is None
    product = grad(x * x, x, u, create_graph=True)
    assert grad(product.sum(), u).tolist() == [2, 4]
    x.zero_grad()
    (x + 0).backward(u, create_graph=True)
    assert x.grad is not u and not np.shares_memory(x.grad.data, u.data)


# Gradients of gradients


def derivatives(f, x, n):
    y, found = f(x), []
    for _ in range(n):
        y = grad(y, x, create_graph=True)
        found.append(y.item())
    return found


def test_derivatives_to_the_third_order_and_beyond():
    assert derivatives(lambda x: x**4, leaf(2), 4) == [32, 48, 48, 24]
    assert derivatives(lambda x: x * x * x * x, leaf(2), 4) == [32, 48, 48, 24]
    s, c = math.sin(0.7), math.cos(0.7)
    assert_allclose(derivatives(np.sin, leaf(0.7), 4), [c, -s, -c, s], rtol=1e-14)
    assert_allclose(derivatives(lambda x: np.exp(2 * x), leaf(0.5), 5), math.e * 2.0 ** np.arange(1, 6), rtol=1e-13)


def test_backward_with_create_graph_records_the_gradient():
    x = leaf([1, 2])
    (x**3).sum().backward(create_graph=True)
    first, x.grad = x.grad, None
    assert first.tolist() == [3, 12] and first.requires_grad
    first.sum().backward()
    assert x.grad.tolist() == [6, 12] and not x.grad.requires_grad


def test_recorded_gradients_are_un_broadcast_and_cast_with_a_graph():
    b, x = leaf([[2.0]], dtype=np.float32), leaf([[1, 2], [3, 4]])
    gradient = grad((b * b * x).sum(), b, create_graph=True)
    assert gradient.shape == (1, 1) and gradient.dtype == np.float32
    assert gradient.tolist() == [[40]]
    again = grad(gradient.sum(), [b, x])
    assert again[0].tolist() == [[20]] and again[0].dtype == np.float32
    assert again[1].tolist() == [[4, 4], [4, 4]]


# grad


def test_grad_of_several_outputs_by_several_inputs():
    x, w = leaf([1, 2]), leaf([3, 4])
    h = x * w
    J, K = (h * h).sum(), w.sum()
    by_x, by_h, by_w = grad([J, K], [x, h, w])
    assert by_h.tolist() == [6, 16] and by_x.tolist() == [18, 64] and by_w.tolist() == [7, 33]
    assert x.grad is w.grad is h.grad is None
    assert isinstance(grad(J, [x]), tuple) and isinstance(grad(J, x), Tensor)
    assert grad([J, J], x).tolist() == [36, 128]
    a = x.sum()
    assert grad([a, a * a], a).item() == 1 + 2 * 3  # an output behind another one: complete, whichever comes first


def test_grad_takes_one_seed_for_each_output():
    x = leaf([1, 2])
    h, J = x * 3, (x * x).sum()
    assert grad(h, x, np.ones(2)).tolist() == [3, 3]
    assert grad([J, h], x, [None, np.ones(2)]).tolist() == [5, 7]
    assert grad([h], x, [np.ones(2)]).tolist() == [3, 3]
    assert grad([J, x.sum()], x, np.array([2.0, 3.0])).tolist() == [7, 11]
    with pytest.raises(ValueError, match=r"^grad: .*gradient"):
        grad([J, x.sum()], x, [1.0])


def test_grad_of_an_input_that_is_not_used():
    x, w = leaf(1), leaf(2)
    assert grad(x * 2, [x, w], allow_unused=True)[1] is None
    with raised(RuntimeError, "grad: the outputs must depend on every input; got input 1, Tensor(2., requires_grad"):
        grad(x * 2, [x, w])
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        grad(x * 2, Tensor(1.0))


def test_a_rule_that_nobody_asked_for_is_never_called():
    def refuse(*_):
        raise AssertionError("nobody asked")

    product = Op(np.multiply, lambda g, y, a, b: g * b, refuse, name="product")
    a, b = leaf([1, 2]), leaf([3, 4])
    assert grad(product(a, b).sum(), a).tolist() == [3, 4]
    product(a, np.array([3, 4])).sum().backward()
    product(a, b.detach()).sum().backward()
    assert a.grad.tolist() == [6, 8]
    assert grad((product(b, b * 2) + a).sum(), a).tolist() == [1, 1]  # no way from b leads to a
    h = a * 2
    assert grad(product(h, 5.0).sum(), h).tolist() == [5, 5]
    with pytest.raises(AssertionError, match="nobody asked"):
        product(a, b).sum().backward()


def test_errors_of_grad_and_backward():
    x = leaf([1, 2])
    wrong = (([2.0], x, "float"), (2.0, x, "float"), (x.sum(), [np.ones(2)], "ndarray"), (x.sum(), 2.0, "float"))
    for outputs, inputs, got in wrong:
        with raised(TypeError, f"grad: outputs and inputs must be Tensors; got {got}. float(), .item()"):
            grad(outputs, inputs)
    for call, name in ((lambda y, **k: y.backward(**k), "backward"), (lambda y, **k: grad(y, x, **k), "grad")):
        with raised(ValueError, f"{name}: needs a scalar; got shape (2,). Reduce it, for example with .mean(),"):
            call(x * 2)
        with raised(ValueError, f"{name}: gradient must have the shape of the tensor, (2,); got (3,). Pass one number"):
            call(x * 2, gradient=np.ones(3))
        with raised(RuntimeError, f"{name}: needs a tensor that was computed from one with requires_grad=True; got"):
            call(Tensor(1.0))
        with no_grad(), pytest.raises(RuntimeError, match=r"Was it made under no_grad\(\), or cut by detach\(\)"):
            call((x * 2).sum())
    with raised(RuntimeError, "retain_grad: needs a tensor that requires a gradient; got Tensor(1.)."):
        Tensor(1.0).retain_grad()
    with pytest.raises(NotImplementedError):
        Node.wrap(np.ones(2))


@pytest.mark.parametrize("dtype", [int, bool], ids=["int", "bool"])
def test_integers_have_no_gradients(dtype):
    with raised(TypeError, f"Tensor: gradients need a floating dtype; got {np.dtype(dtype)}. Pass dtype=float, or"):
        Tensor([1, 0], requires_grad=True, dtype=dtype)
    with raised(TypeError, f"astype: gradients need a floating dtype; got {np.dtype(dtype)}. To leave the graph"):
        leaf([1, 2]).astype(dtype)
    late = Tensor([1, 0], dtype=dtype)
    late.requires_grad = True
    with raised(TypeError, f"backward: gradients need a floating dtype; got {np.dtype(dtype)}. Make the tensor with"):
        (late * 2.5).sum().backward()
    with pytest.raises(TypeError, match="gradients need a floating dtype"):
        (late * late).sum().backward()
    with pytest.raises(TypeError, match="gradients need a floating dtype"):
        grad((late * late).sum(), late)


def test_an_input_without_a_rule_is_named():
    condition = leaf([1, 0])
    with raised(TypeError, "where: this input has no derivative rule; got one that requires a gradient. Pass a plain"):
        np.where(condition, leaf([1, 2]), 0).sum().backward()


# What a rule returns is checked


def op_with(rule):
    return Op(lambda x: x * 2, rule, name="doubtful")


@pytest.mark.parametrize(
    "rule, shape, got",
    [
        (lambda g, y, x: np.transpose(g), (2, 3), (3, 2)),
        (lambda g, y, x: np.transpose(g), (1, 3), (3, 1)),
        (lambda g, y, x: g[0], (2, 3), (3,)),
        (lambda g, y, x: g[:, None], (3,), (3, 1)),
        (lambda g, y, x: np.ravel(g), (2, 3), (6,)),
        (lambda g, y, x: 1.0, (3,), ()),
        (lambda g, y, x: g[:, :1], (2, 3), (2, 1)),
        (lambda g, y, x: g[:2], (3,), (2,)),
        (lambda g, y, x: g[:, :2], (3, 3), (3, 2)),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_of_a_wrong_shape_is_an_error(rule, shape, got, create_graph):
    x = leaf(np.ones(shape))
    y = op_with(rule)(x).sum()
    text = f"doubtful: a rule must return a gradient of the shape of its input, {shape}, or one that broadcasting "
    with raised(ValueError, text + f"stretched from it; got {got}. Check the transposes in the rule."):
        grad(y, x, create_graph=create_graph)


def test_a_gradient_in_the_shape_of_the_other_operand_is_an_error():
    swapped = Op(np.matmul, lambda g, y, a, b: a.T @ g, None, name="swapped")
    with raised(ValueError, "swapped: a rule must return a gradient of the shape of its input, (2, 3), or one that"):
        swapped(leaf(np.ones((2, 3))), np.ones((3, 2))).sum().backward()


def test_a_column_times_a_row_in_a_rule_is_an_error_not_summed_away():
    x = leaf([1, 2, 3])
    with pytest.raises(ValueError, match=r"^doubtful: a rule must return .* got \(3, 3\)"):
        op_with(lambda g, y, x: g[:, None] * x)(x).sum().backward()


def test_a_stretched_gradient_is_summed_and_a_dtype_cast_back():
    for shape in [(), (1,), (3,), (2, 1), (1, 3), (1, 1, 1)]:
        x = leaf(np.ones(shape), dtype=np.float32)
        y = x * np.ones((4, 2, 3))  # float64
        y.backward(np.ones(y.shape))
        assert x.grad.shape == shape and x.grad.dtype == np.float32
        assert_array_equal(x.grad.data, np.full(shape, 24 / x.size))
    x = leaf([1, 2])
    op_with(lambda g, y, x: (2 * g).astype(np.float32))(x).sum().backward()
    assert x.grad.dtype == np.float64


def test_chain_rule_returns_leaves_and_targets():
    x, w = leaf(2), leaf(3)
    h = x * w
    assert chain_rule({h: np.float64(1)}) == {x: 3, w: 2}
    assert chain_rule({h * h: np.float64(1)}, [h])[h] == 12


# Many uses


def test_many_uses_add_up_in_place_and_change_nothing_else():
    x = leaf(np.arange(6.0).reshape(2, 3))
    weights = np.random.default_rng(0).standard_normal((7, 2, 3))
    start = np.ones((2, 3))
    J = sum(x * w for w in weights) + x + x + 0.0 * x
    J.backward(start)
    assert_allclose(x.grad.data, weights.sum(axis=0) + 2)
    assert (start == 1).all() and not np.shares_memory(x.grad.data, start)


KEYS = [
    0,
    -1,
    (1, 2),
    slice(None, None, 2),
    (slice(None), 1),
    np.array([0, 0, 1]),
    ([1, 1], [0, 0]),
    np.array([True, False]),
]


@pytest.mark.parametrize("create_graph", [False, True])
def test_indexing_adds_into_one_array(create_graph):
    x = leaf(np.arange(6.0).reshape(2, 3))
    expected, J = np.full((2, 3), 1.0), x.sum()
    for k, key in enumerate(KEYS, start=1):
        J = J + k * x[key].sum()
        np.add.at(expected, key, k)
    assert_array_equal(grad(J, x, create_graph=create_graph).data, expected)
    h = x * 1.0  # a value in between, which is used whole, too
    assert_array_equal(
        grad((h * h).sum() + sum(h[key].sum() for key in KEYS[:2]), x, create_graph=create_graph).data,
        2 * x.data + [[1, 1, 1], [1, 1, 1]],
    )


def test_the_pieces_of_a_join_find_their_way_back():
    rows = [leaf(np.full(3, k)) for k in range(5)]
    weights = np.arange(15.0).reshape(5, 3)
    for J in (
        np.stack(rows) * weights,
        np.concatenate(rows).reshape(5, 3) * weights,
        np.stack(rows, axis=-1).T * weights,
    ):
        for g, w in zip(grad(J.sum(), rows), weights, strict=True):
            assert_array_equal(g.data, w)


# Memory


GRADIENTS = {
    "backward": lambda y, a, b: [y.backward(np.ones(3)), a.grad, b.grad][1:],
    "grad": lambda y, a, b: grad(y, [a, b], np.ones(3)),
    "recorded": lambda y, a, b: grad(y, [a, b], np.ones(3), create_graph=True),
    "backward, recorded": lambda y, a, b: [y.backward(np.ones(3), create_graph=True), a.grad, b.grad][1:],
}


@pytest.mark.parametrize("gradients", GRADIENTS.values(), ids=GRADIENTS)
@pytest.mark.parametrize("f", [lambda a, b: a + b, lambda a, b: a + b.reshape(3).ravel(), lambda a, b: a + (b + a) - a])
def test_gradients_share_no_memory(f, gradients):
    a, b = leaf([1, 2, 3]), leaf([1, 2, 3])
    by_a, by_b = gradients(f(a, b), a, b)
    assert by_a.tolist() == by_b.tolist() == [1, 1, 1]
    assert by_a is not by_b and not np.shares_memory(by_a.data, by_b.data)
    a.grad = b.grad = None


def test_training_makes_no_cyclic_garbage():
    rng = np.random.default_rng(0)
    X, target = rng.standard_normal((8, 3)), rng.standard_normal((8, 1))
    W, b, V = leaf(rng.standard_normal((3, 4))), leaf(np.zeros(4)), leaf(rng.standard_normal((4, 1)))
    gc.collect()
    gc.disable()
    try:
        losses = []
        for step in range(200):
            hidden = np.tanh(X @ W + b)
            hidden.retain_grad()
            J = np.mean((hidden @ V - target) ** 2)
            J.backward()
            if step % 50 == 0:
                penalty = grad(np.sum(grad(np.sum(np.tanh(X @ W)), W, create_graph=True) ** 2), W)
                assert penalty.shape == W.shape
            with no_grad():
                np.mean(X @ W)
            losses.append(float(J))
            for t in (W, b, V):
                t.data -= 0.1 * t.grad.data
                t.zero_grad()
        del hidden, J, penalty
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert losses[-1] < losses[0] / 2


# no_grad


def test_no_grad_records_nothing():
    x = leaf(2)
    with no_grad():
        y = x * x
        with no_grad():
            pass
        z = x * x  # the inner one has not switched recording on
    assert not y.requires_grad and y.inputs == () and not z.requires_grad
    assert (x * x).requires_grad

    @no_grad()
    def predict(x):
        return x * x

    assert not predict(x).requires_grad and not predict(x).requires_grad
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_no_grad_holds_for_its_own_thread():
    x, seen, inside, done = leaf(2), [], threading.Event(), threading.Event()

    def work():
        with no_grad():
            inside.set()
            done.wait(5)
            seen.append((x * x).requires_grad)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(5)
    seen.append((x * x).requires_grad)
    done.set()
    thread.join()
    assert seen == [True, False]


def test_no_grad_holds_for_its_own_task():
    x = leaf(2)

    async def silent():
        with no_grad():
            await asyncio.sleep(0.01)
            return (x * x).requires_grad

    async def recording():
        await asyncio.sleep(0.005)
        return (x * x).requires_grad

    async def both():
        return await asyncio.gather(silent(), recording())

    assert asyncio.run(both()) == [False, True]


# detect_anomaly


def test_an_anomaly_forward_names_the_op_its_inputs_and_the_line():
    x = leaf([[0.0, -1.0], [4.0, 1.0]])
    with detect_anomaly(), np.errstate(all="ignore"):
        with pytest.raises(FloatingPointError) as caught:
            np.log(x)  # the line
        with raised(FloatingPointError, "exp: the result must be finite; got inf at (1,), from inputs (2,) in"):
            np.exp(Tensor([1.0, 1000.0]))
    message = str(caught.value)
    assert message.startswith("log: the result must be finite; got -inf at (0, 0), from inputs (2, 2) in [-1, 4].")
    assert "test_autograd.py:" in message and message.endswith("np.log(x)  # the line")


def test_an_anomaly_backward_names_the_op_and_the_line_that_made_it():
    x = leaf([4.0, 0.0])
    with detect_anomaly(), np.errstate(all="ignore"):
        root = np.sqrt(x)  # made here
        J = root.sum()
        with pytest.raises(FloatingPointError) as caught:
            J.backward()
        with pytest.raises(FloatingPointError, match=r"got inf at \(1,\)"):
            grad(J, x, create_graph=True)
    message = str(caught.value)
    assert message.startswith("sqrt: the gradient must be finite; got inf at (1,), from inputs (2,) in [0, 4]. Made at")
    assert message.endswith("root = np.sqrt(x)  # made here")
    assert x.grad is None


def test_an_anomaly_in_a_graph_recorded_before():
    x = leaf([4.0, 0.0])
    J, fine = np.sqrt(x).sum(), (x * x).sum()
    with detect_anomaly(), np.errstate(all="ignore"):
        fine.backward()
        with raised(FloatingPointError, "sqrt: the gradient must be finite; got inf at (1,)"):
            J.backward()
    assert x.grad.tolist() == [8, 0]


def test_an_anomaly_beside_inputs_that_are_no_numbers():
    x = leaf([np.inf, 0.0])
    with detect_anomaly(), np.errstate(all="ignore"):
        with raised(FloatingPointError, "where: the result must be finite; got inf at (0,)"):
            np.where(np.array([True, False]), x, 0)
        with raised(FloatingPointError, "sum: the result must be finite; got inf at ()"):
            x.sum()
        with raised(FloatingPointError, "add: the result must be finite; got nan at (0,)"):
            x + np.array([np.nan, 0])
        with raised(FloatingPointError, "clip: the result must be finite; got inf at (0,)"):
            np.clip(x, 0, None)
        assert (x[1:] * 2).tolist() == [0] and np.sum(Tensor(np.ones((0, 2)))).item() == 0


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_anomaly_is_an_array_changed_after_it_was_recorded(create_graph):
    x, data = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    with detect_anomaly():
        y = x * data  # recorded here
        J = np.exp(y).sum()
        data[0] = 5
        with pytest.raises(RuntimeError) as caught:
            grad(J, x, create_graph=create_graph)
        data[0] = 3
        y.data[1] = 0
        with raised(RuntimeError, "exp: arrays must stay as they were recorded until backward() is done; got input 0"):
            grad(J, x, create_graph=create_graph)
        y.data[1] = 8
        grad(J, x, create_graph=create_graph)
    message = str(caught.value)
    assert message.startswith("multiply: arrays must stay as they were recorded until backward() is done; got input 1,")
    assert message.endswith("y = x * data  # recorded here")
    data[0] = 5
    assert grad(J, x).tolist()[0] == 5 * np.exp(3)  # without the mode nothing is noted, and nothing seen


def test_an_anomaly_is_a_result_changed_after_it_was_recorded():
    x = leaf([1.0, 2.0])
    with detect_anomaly():
        y = np.tanh(x)
        y.data += 1
        with raised(RuntimeError, "tanh: arrays must stay as they were recorded until backward() is done; got its res"):
            y.sum().backward()
    assert x.grad is None


def test_detect_anomaly_ends_with_its_block():
    with pytest.raises(FloatingPointError), detect_anomaly(), np.errstate(all="ignore"):
        np.log(Tensor(0.0))
    with np.errstate(all="ignore"):
        assert np.log(Tensor(0.0)).item() == -np.inf


def test_the_module_says_what_it_offers():
    assert all(hasattr(autograd, name) and getattr(autograd, name).__doc__ for name in autograd.__all__)


def test_parts_of_a_number_add_up_with_its_other_uses():
    x = Tensor(2.0, requires_grad=True)
    y = 3 * x
    (2 * y + y[()] * y[...]).backward()
    assert x.grad.item() == 3 * (2 + 2 * 6)
