"""Activations, the affine map and losses: tables from elsewhere, differences, and what is refused."""

import pickle

import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import difference_gradients, hips_gradients

import tinygrad_edu as tg
from tinygrad_edu import functional
from tinygrad_edu.autograd import grad
from tinygrad_edu.tensor import Tensor

# Four examples of three columns: logits Z, probabilities A, targets T in [0, 1], classes, and rows of class
# probabilities, the last two of which do not sum to one.

Z = np.array([[0.5, -1.25, 2.0], [3.0, 0.0, -0.75], [-2.5, 1.5, 0.25], [1.0, 1.0, -4.0]])
A = np.array([[0.9, 0.2, 0.65], [0.3, 0.99, 0.05], [0.1, 0.5, 0.8], [0.75, 0.01, 0.6]])
T = np.array([[1.0, 0.0, 1.0], [0.25, 1.0, 0.0], [0.0, 0.5, 0.75], [1.0, 0.0, 1.0]])
CLASSES = np.array([2, 0, 1, 1])
ROWS = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.4, 0.4, 0.9], [0.1, 0.0, 0.2]])

# For each loss: the function, its first two arguments, then from PyTorch 2.13 in float64, by
# F.mse_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.nll_loss and F.cross_entropy on
# the same arrays: the losses (reduction="none") and the gradient of their mean by the first argument.
# fmt: off
LOSSES = {
    "mse": (tg.mse_loss, Z, T,
        [[0.25, 1.5625, 1.0], [7.5625, 1.0, 0.5625], [6.25, 1.0, 0.25], [0.0, 1.0, 25.0]],
        [[-0.08333333333333333, -0.20833333333333331, 0.16666666666666666],
         [0.4583333333333333, -0.16666666666666666, -0.125],
         [-0.41666666666666663, 0.16666666666666666, -0.08333333333333333],
         [0.0, 0.16666666666666666, -0.8333333333333333]]),
    "bce": (tg.binary_cross_entropy, A, T,
        [[0.10536051565782628, 0.22314355131420976, 0.4307829160924542],
         [0.5684994090355333, 0.01005033585350145, 0.051293294387550536],
         [0.10536051565782631, 0.6931471805599453, 0.5697171415941824],
         [0.2876820724517809, 0.010050335853501442, 0.5108256237659907]],
        [[-0.0925925925925926, 0.10416666666666664, -0.12820512820512822],
         [0.019841269841269837, -0.08417508417508417, 0.08771929824561403],
         [0.09259259259259257, 0.0, 0.026041666666666696],
         [-0.1111111111111111, 0.08417508417508417, -0.1388888888888889]]),
    "bce_with_logits": (tg.binary_cross_entropy_with_logits, Z, T,
        [[0.4740769841801067, 0.25192908134537295, 0.1269280110429725],
         [2.298587351573742, 0.6931471805599453, 0.3868710061148999],
         [0.07888973429254964, 0.9514132779827524, 0.6384394198788436],
         [0.31326168751822286, 1.3132616875182228, 4.0181499279178094]],
        [[-0.03146172239984545, 0.01855834490210907, -0.009933576835176474],
         [0.05854784390186945, -0.041666666666666664, 0.026735108402050584],
         [0.0063215150017702955, 0.02646453968280364, -0.01565195825951683],
         [-0.02241178511416626, 0.06092154821916707, -0.08183448250315904]]),
    "nll": (tg.nll_loss, Z, CLASSES,
        [-2.0, -3.0, -1.5, -1.0],
        [[0.0, 0.0, -0.25], [-0.25, 0.0, 0.0], [0.0, -0.25, 0.0], [0.0, -0.25, 0.0]]),
    "cross_entropy": (tg.cross_entropy, Z, CLASSES,
        [0.23262198310203266, 0.07074249993632657, 0.2660654341800425, 0.6965104917820788],
        [[0.044205045526861074, 0.007681685081609108, -0.05188673060847018],
         [-0.017074556373084276, 0.011596674986468292, 0.00547788138661598],
         [0.0035092259415414515, -0.05840275554351801, 0.05489352960197655],
         [0.12458029229668717, -0.12541970770331284, 0.0008394154066256534]]),
    "cross_entropy_rows": (tg.cross_entropy, Z, ROWS,
        [2.157621983102033, 0.07074249993632657, 3.177311238106072, 1.2089531475346238],
        [[-0.005794954473138929, -0.1173183149183909, 0.12311326939152982],
         [-0.017074556373084276, 0.011596674986468292, 0.00547788138661598],
         [-0.09403431589937954, 0.22571531557601943, -0.13168099967663988],
         [0.012374087689006155, 0.03737408768900616, -0.04974817537801231]]),
}

# The gradient of the mean of the last one by the rows of probabilities, from PyTorch in the same way.
ROWS_GRADIENT = [[0.43315549577550816, 0.8706554957755082, 0.058155495775508166],
                 [0.017685624984081643, 0.7676856249840817, 0.9551856249840817],
                 [1.0665163585450106, 0.06651635854501063, 0.37901635854501065],
                 [0.1741276229455197, 0.1741276229455197, 1.4241276229455198]]

# Activations: the values of x, then value and slope from PyTorch 2.13 in float64 (torch.sigmoid, torch.relu,
# F.leaky_relu with slope 0.2, F.softplus). One entry is by hand: the slope of sigmoid at 40 is exp(-40) to
# 16 digits, where PyTorch's 1 - y has lost them all; this one is therefore compared absolutely.
X = [-1000.0, -30.0, -2.5, -1e-3, 0.0, 0.3, 4.0, 40.0, 1000.0]
ACTIVATIONS = {
    "sigmoid": (tg.sigmoid, {},
        [0.0, 9.357622968839299e-14, 0.07585818002124355, 0.4997500000208333, 0.5, 0.574442516811659,
         0.9820137900379085, 1.0, 1.0],
        [0.0, 9.357622968838423e-14, 0.07010371654510815, 0.24999993750001046, 0.25, 0.24445831169074586,
         0.017662706213291107, 4.248354255291589e-18, 0.0]),
    "relu": (tg.relu, {},
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 4.0, 40.0, 1000.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    "leaky_relu": (tg.leaky_relu, {"slope": 0.2},
        [-200.0, -6.0, -0.5, -2e-4, 0.0, 0.3, 4.0, 40.0, 1000.0],
        [0.2, 0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0]),
    "softplus": (tg.softplus, {},
        [0.0, 9.357622968839737e-14, 0.07888973429254963, 0.6926473055599401, 0.6931471805599453,
         0.8543552444685272, 4.0181499279178094, 40.0, 1000.0],
        [0.0, 9.3576229688393e-14, 0.07585818002124356, 0.49975000002083336, 0.5, 0.574442516811659,
         0.9820137900379085, 1.0, 1.0]),
}

# Value, and gradient of the sum weighed with (1, -2, 0.5) in each row: F.softmax(Z, 1), F.log_softmax(Z, 1).
WEIGHTS = np.array([1.0, -2.0, 0.5])
SOFTMAXES = {
    "softmax": (tg.softmax,
        [[0.17682018210744427, 0.03072674032643643, 0.7924530775661193],
         [0.9317017745076629, 0.04638669994587317, 0.02191152554646392],
         [0.014036903766165803, 0.766388977825928, 0.21957411840790622],
         [0.4983211691867487, 0.4983211691867487, 0.0033576616265026146]],
        [[0.08636017220368886, -0.07717307329841476, -0.009187098905274122],
         [0.1398632155762789, -0.132196720361574, -0.007666495214704819],
         [0.03381425537239442, -0.45297114539673955, 0.41915689002434503],
         [0.7458085599126707, -0.7491549476475754, 0.0033463877349045263]]),
    "log_softmax": (tg.log_softmax,
        [[-1.7326219831020326, -3.4826219831020326, -0.23262198310203266],
         [-0.07074249993632657, -3.0707424999363266, -3.8207424999363266],
         [-4.266065434180042, -0.2660654341800425, -1.5160654341800426],
         [-0.6965104917820788, -0.6965104917820788, -5.696510491782079]],
        [[1.0884100910537222, -1.9846366298367817, 0.8962265387830597],
         [1.4658508872538314, -1.9768066500270634, 0.510955762773232],
         [1.007018451883083, -1.616805511087036, 0.6097870592039532],
         [1.2491605845933744, -1.7508394154066256, 0.5016788308132513]]),
}
# fmt: on

REDUCE = {"none": np.asarray, "mean": np.mean, "sum": np.sum}
losses = pytest.mark.parametrize(("loss", "x", "target", "values", "gradient"), LOSSES.values(), ids=LOSSES)
reductions = pytest.mark.parametrize("reduction", REDUCE)


def gradient_of(f, *arrays):
    """The gradients of sum(f) by autograd."""
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    return [g.numpy() for g in grad(np.sum(f(*tensors)), tensors)]


def rows(factor):
    """A factor of each example, to multiply the rows of its gradient with."""
    return factor[:, None] if np.ndim(factor) == 1 else factor


# Activations


@pytest.mark.parametrize(("f", "params", "values", "slopes"), ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activation_agrees_with_the_table(f, params, values, slopes):
    x = Tensor(X, requires_grad=True)
    y = f(x, **params)
    assert_allclose(y.numpy(), values, rtol=1e-14, atol=1e-300)
    y.sum().backward()
    assert_allclose(x.grad.numpy(), slopes, rtol=1e-12, atol=1e-16)
    assert_allclose(f(np.array(X), **params), values, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize(("f", "params"), [row[:2] for row in ACTIVATIONS.values()], ids=ACTIVATIONS)
def test_activation_gradient_agrees_with_differences(f, params):
    x = np.array([-3.0, -0.5, 0.4, 2.0])
    expected = difference_gradients(lambda x: np.sum(f(x, **params)), [x])[0]
    assert_allclose(gradient_of(lambda x: f(x, **params), x)[0], expected, rtol=1e-9)


@pytest.mark.parametrize(("f", "values", "gradient"), SOFTMAXES.values(), ids=SOFTMAXES)
def test_softmax_agrees_with_the_table(f, values, gradient):
    assert_allclose(f(Tensor(Z)).numpy(), values, rtol=1e-14)
    assert_allclose(gradient_of(lambda z: f(z) * WEIGHTS, Z)[0], gradient, rtol=1e-12)
    assert_allclose(f(Tensor(Z.T), axis=0).numpy(), np.transpose(values), rtol=1e-14)
    assert_allclose(gradient_of(lambda z: f(z, axis=0) * WEIGHTS[:, None], Z.T)[0], np.transpose(gradient), rtol=1e-12)


def test_leaky_relu_defaults_to_one_percent():
    assert tg.leaky_relu(Tensor([-2.0])).item() == -0.02


@pytest.mark.parametrize("f", [tg.sigmoid, tg.relu, tg.leaky_relu, tg.softplus, tg.softmax, tg.log_softmax])
def test_activations_take_lists(f):
    assert_allclose(f([-1.0, 2.0]), f(Tensor([-1.0, 2.0])).numpy())


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_logsumexp_agrees_with_its_definition(axis, keepdims):
    values = np.log(np.sum(np.exp(Z), axis=axis, keepdims=keepdims))
    assert_allclose(tg.logsumexp(Tensor(Z), axis=axis, keepdims=keepdims).numpy(), values, rtol=1e-14)
    ours = gradient_of(lambda z: np.square(tg.logsumexp(z, axis=axis, keepdims=keepdims)), Z)[0]
    theirs = hips_gradients(lambda z: anp.sum(anp.log(anp.sum(anp.exp(z), axis=axis, keepdims=keepdims)) ** 2), [Z])[0]
    assert_allclose(ours, theirs, rtol=1e-12)


def test_logsumexp_of_huge_and_of_impossible_numbers():
    assert tg.logsumexp(Tensor([1000.0, 1000.0])).item() == 1000 + np.log(2)
    assert tg.logsumexp(Tensor([-np.inf, 3.0])).item() == 3
    assert tg.logsumexp(Tensor([-np.inf, -np.inf])).item() == -np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [tg.sigmoid, tg.relu, tg.leaky_relu, tg.softplus, tg.softmax, tg.log_softmax])
def test_activations_are_stable_and_keep_their_dtype(f, dtype):
    x = Tensor(np.array([-1000, -1, 0, 1, 1000]), requires_grad=True, dtype=dtype)
    y = f(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


def test_log_softmax_is_exact_where_softmax_rounds_to_zero():
    assert_array_equal(tg.softmax(Tensor([0.0, 1000.0])).numpy(), [0, 1])
    assert_array_equal(tg.log_softmax(Tensor([0.0, 1000.0])).numpy(), [-1000, 0])


# The affine map


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_agrees_with_its_formula_and_differences(shape, bias):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(n) for n in (shape, (2, 3), (2,))[: 3 if bias else 2]]
    x, weight, *b = arrays
    expected = x @ weight.T + (b[0] if bias else 0)
    assert_allclose(tg.linear(*map(Tensor, arrays)).numpy(), expected, rtol=1e-14)
    weights = rng.standard_normal(expected.shape)
    ours = gradient_of(lambda *inputs: tg.linear(*inputs) * weights, *arrays)
    theirs = hips_gradients(
        lambda x, w, *b: anp.sum((anp.dot(x, anp.transpose(w)) + (b[0] if b else 0)) * weights), arrays
    )
    for g, expected in zip(ours, theirs, strict=True):
        assert_allclose(g, expected, rtol=1e-12, atol=1e-14)


def test_linear_refuses_sizes_that_do_not_fit():
    weight = Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(ValueError, match=r"linear: x must have in_features columns; got x \(4, 2\) and weight"):
        tg.linear(np.ones((4, 2)), weight)
    with pytest.raises(ValueError, match=r"linear: .*got \(4, 3\) and \(2, 3\) and \(3,\)"):
        tg.linear(np.ones((4, 3)), weight, np.ones(3))


@pytest.mark.parametrize("shape", [(1, 2), (4, 1), (2, 1)])
def test_linear_refuses_a_bias_that_is_not_one_number_for_each_output(shape):
    """The course's column b (n, 1) would be added to the rows: refused where it is given, not in backward()."""
    with pytest.raises(ValueError, match=r"linear: .*bias"):
        tg.linear(np.ones((shape[0], 3)), np.ones((2, 3)), Tensor(np.zeros(shape), requires_grad=True))


def test_linear_of_integers_and_a_fractional_bias():
    assert_array_equal(tg.linear(np.array([[1, 2]]), Tensor([[1, 2]]), np.array([0.5])).numpy(), [[5.5]])


# Dropout


def test_dropout_drops_a_share_and_keeps_the_mean():
    x = Tensor(np.ones((200, 100)), requires_grad=True)
    y = tg.dropout(x, 0.25, np.random.default_rng(0))
    assert_array_equal(np.unique(y.numpy()), [0, 1 / 0.75])
    assert abs(np.mean(y.numpy() == 0) - 0.25) < 0.01
    assert abs(np.mean(y.numpy()) - 1) < 0.02
    y.sum().backward()
    assert_array_equal(x.grad.numpy(), y.numpy())


def test_dropout_repeats_with_the_rng_and_keeps_float32():
    x = Tensor(np.ones(50), dtype=np.float32)
    first, second, other = (tg.dropout(x, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert_array_equal(first.numpy(), second.numpy())
    assert np.any(first.numpy() != other.numpy())


def test_dropout_of_nothing_is_the_same():
    assert_array_equal(tg.dropout(Tensor(Z), 0, np.random.default_rng(0)).numpy(), Z)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, np.nan, "half"])
def test_dropout_refuses_a_share_outside_its_range(p):
    with pytest.raises(ValueError, match=rf"dropout: p must be in \[0, 1\); got {p!r}\."):
        tg.dropout(Tensor(Z), p, np.random.default_rng(0))


# Losses: values, reductions and gradients


@losses
@reductions
def test_loss_agrees_with_the_table(loss, x, target, values, gradient, reduction):
    expected = REDUCE[reduction](values)
    for given in (target, Tensor(target), target.tolist()):
        J = loss(Tensor(x, requires_grad=True), given, reduction=reduction)
        assert J.shape == np.shape(expected)
        assert_allclose(J.numpy(), expected, rtol=1e-13)
    assert_allclose(loss(x, target, reduction=reduction), expected, rtol=1e-13)
    if reduction == "mean":
        assert_allclose(loss(Tensor(x), target).item(), expected, rtol=1e-13)


@losses
def test_loss_takes_lists(loss, x, target, values, gradient):
    assert_allclose(loss(x.tolist(), target.tolist()), np.mean(values), rtol=1e-13)


@losses
@reductions
def test_loss_gradient_agrees_with_the_table_and_with_differences(loss, x, target, values, gradient, reduction):
    weights = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(values)) if reduction == "none" else 1.0

    def J(x):
        return np.sum(loss(x, target, reduction=reduction) * weights)

    ours = gradient_of(J, x)[0]
    assert_allclose(ours, difference_gradients(J, [x])[0], rtol=1e-7, atol=1e-9)
    each = {"mean": 1.0, "sum": np.size(values), "none": np.size(values) * np.asarray(weights)}[reduction]
    assert_allclose(ours, np.multiply(gradient, rows(each)), rtol=1e-12, atol=1e-15)


@reductions
def test_gradient_by_the_probability_labels(reduction):
    weights = np.array([0.5, 2.0, -1.0, 1.5]) if reduction == "none" else 1.0

    def J(rows):
        return np.sum(tg.cross_entropy(Z, rows, reduction=reduction) * weights)

    ours = gradient_of(J, ROWS)[0]
    assert_allclose(ours, difference_gradients(J, [ROWS])[0], rtol=1e-9)
    each = {"mean": 1.0, "sum": 4.0, "none": 4 * np.asarray(weights)}[reduction]
    assert_allclose(ours, np.multiply(ROWS_GRADIENT, rows(each)), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "x"), [(tg.mse_loss, Z), (tg.binary_cross_entropy, A), (tg.binary_cross_entropy_with_logits, Z)]
)
def test_gradient_by_the_targets(loss, x):
    soft = 0.1 + 0.8 * T  # within [0, 1] on both sides of a step
    ours = gradient_of(lambda t: loss(x, t), soft)[0]
    assert_allclose(ours, difference_gradients(lambda t: loss(Tensor(x), t).item(), [soft])[0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "x"), [(tg.binary_cross_entropy, [0.2, 0.7]), (tg.binary_cross_entropy_with_logits, [1.0, -1.0])]
)
def test_targets_of_a_yes_or_no_are_zero_and_one(loss, x):
    with pytest.raises(ValueError, match=r"targets must be in \[0, 1\]; got -1 to 1\. Write 0 and 1 for no and yes"):
        loss(Tensor(x), [1, -1])


def test_class_numbers_are_rows_with_a_single_one():
    rows = np.eye(3)[CLASSES]
    assert_allclose(tg.cross_entropy(Z, rows), tg.cross_entropy(Z, CLASSES), rtol=1e-14)
    ours = [gradient_of(lambda z, t=t: tg.cross_entropy(z, t), Z)[0] for t in (rows, CLASSES)]
    assert_allclose(*ours, rtol=1e-12, atol=1e-16)


def test_the_fused_losses_are_the_textbook_s_two_steps():
    assert_allclose(tg.binary_cross_entropy_with_logits(Z, T), tg.binary_cross_entropy(tg.sigmoid(Z), T), rtol=1e-13)
    assert_allclose(tg.cross_entropy(Z, CLASSES), tg.nll_loss(tg.log_softmax(Z), CLASSES), rtol=1e-13)
    ours = gradient_of(lambda z: tg.cross_entropy(z, CLASSES), Z)[0]
    assert_allclose(ours, (tg.softmax(Z) - np.eye(3)[CLASSES]) / 4, rtol=1e-12, atol=1e-16)
    ours = gradient_of(lambda z: tg.binary_cross_entropy_with_logits(z, T), Z)[0]
    assert_allclose(ours, (tg.sigmoid(Z) - T) / 12, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("labels", [CLASSES.astype(t) for t in (np.uint8, np.int32, np.uint64)] + [CLASSES.tolist()])
def test_class_numbers_of_any_integer_type(labels):
    for loss in (tg.cross_entropy, tg.nll_loss):
        assert_allclose(loss(Tensor(Z), labels).item(), loss(Tensor(Z), CLASSES).item(), rtol=1e-15)
        assert_allclose(loss(Tensor(Z), Tensor(labels)).item(), loss(Tensor(Z), CLASSES).item(), rtol=1e-15)


# Numbers


@losses
@reductions
def test_float32_stays_float32(loss, x, target, values, gradient, reduction):
    kinds = [np.int64, np.int8, np.uint8] if target is CLASSES else [np.float64, np.float32, np.int64, bool]
    for kind in kinds:
        tensor = Tensor(x, requires_grad=True, dtype=np.float32)
        J = loss(tensor, target.astype(kind), reduction=reduction)
        J.sum().backward()
        assert J.dtype == tensor.grad.dtype == np.float32
    assert loss(x.astype(np.float32), target, reduction=reduction).dtype == np.float32
    tensor = Tensor(x, requires_grad=True, dtype=np.float32)
    assert_allclose(loss(tensor, target, reduction=reduction).numpy(), REDUCE[reduction](values), rtol=2e-6)


@pytest.mark.parametrize("loss", [tg.mse_loss, tg.binary_cross_entropy_with_logits, tg.cross_entropy])
def test_targets_are_not_rounded_to_the_integers_of_a_prediction(loss):
    integers, halves = np.array([[0, 2]]), [[0.5, 0.5]]
    expected = loss(integers.astype(float), halves)
    assert_allclose(loss(integers, halves), expected)
    J = loss(Tensor(integers), halves)
    assert_allclose(J.item() if isinstance(J, Tensor) else J, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_losses_are_stable_far_out(dtype):
    z = Tensor(np.array([[1000, -1000], [-1000, 1000], [1000, 1000]]), requires_grad=True, dtype=dtype)
    L = tg.cross_entropy(z, [0, 0, 0], reduction="none")
    assert_allclose(L.numpy(), [0, 2000, np.log(2)], rtol=1e-6)
    L.sum().backward()
    assert_allclose(z.grad.numpy(), [[0, 0], [-1, 1], [-0.5, 0.5]])
    z.zero_grad()
    L = tg.binary_cross_entropy_with_logits(z, [[1, 1], [1, 1], [0, 0.5]], reduction="none")
    assert_allclose(L.numpy(), [[0, 1000], [1000, 0], [1000, 500]])
    L.sum().backward()
    assert_allclose(z.grad.numpy(), [[0, -1], [-1, 0], [1, 0.5]])
    assert z.grad.dtype == dtype


def test_a_certain_and_right_probability_costs_nothing():
    a = Tensor([0.0, 1.0], requires_grad=True)
    J = tg.binary_cross_entropy(a, [0, 1])
    J.backward()
    assert J.item() == 0
    assert_array_equal(a.grad.numpy(), [0.5, -0.5])


def test_a_certain_and_wrong_probability_costs_everything():
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert tg.binary_cross_entropy(Tensor([0.0]), [1]).item() == np.inf


@losses
def test_losses_leave_their_arguments_alone(loss, x, target, values, gradient):
    before = x.copy(), target.copy()
    tensor = Tensor(x, requires_grad=True)
    loss(tensor, target).backward()
    assert_array_equal(x, before[0])
    assert_array_equal(target, before[1])
    assert_array_equal(tensor.numpy(), x)


# Bad input


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize(("one", "other"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 1), (1, 4)), ((4,), ()), ((4,), (3,))])
def test_shapes_that_would_broadcast_are_refused(name, one, other):
    message = f"{name}: prediction and target must have one shape; got {one} and {other}"
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        getattr(functional, name)(Tensor(np.full(one, 0.5)), np.full(other, 0.5))


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_what_is_no_real_number_is_refused(name):
    for one, other, dtypes in ((0.5, None, "float64 and object"), (None, 0.5, "object and float64"), (1j, 1.0, "comp")):
        with pytest.raises(TypeError, match=rf"^{name}: prediction and target must be real numbers; got {dtypes}"):
            getattr(functional, name)(one, other)


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize(
    ("scores", "labels", "kind", "message"),
    [
        (Z, [2.0, 0.0, 1.0, 1.0], TypeError, r"class numbers must be integers; got float64"),
        (Z, [True, False, True, True], TypeError, r"class numbers must be integers; got bool"),
        (
            Z,
            Tensor([2.0, 0.0, 1.0, 1.0], requires_grad=True),
            TypeError,
            r"class numbers must be integers; got float64",
        ),
        (Z, [2, 0, 3, 1], ValueError, r"class numbers must be in \[0, 3\); got 0 to 3"),
        (Z, [2, 0, -1, 1], ValueError, r"class numbers must be in \[0, 3\); got -1 to 2"),
        (Z, [[2], [0], [1], [1]], ValueError, r"labels \(m,\) class numbers.*; got \(4, 3\) and \(4, 1\)"),
        (Z, [2, 0, 1], ValueError, r"labels \(m,\) class numbers.*; got \(4, 3\) and \(3,\)"),
        (Z, 1, ValueError, r"labels \(m,\) class numbers.*; got \(4, 3\) and \(\)"),
        (Z[0], [1], ValueError, r"scores must be \(m, k\).*; got \(3,\) and \(1,\)"),
        (Z[None], CLASSES[None], ValueError, r"scores must be \(m, k\).*; got \(1, 4, 3\) and \(1, 4\)"),
        (Z[:0], CLASSES[:0], ValueError, r"the batch must not be empty; got shape \(0, 3\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(name, scores, labels, kind, message):
    with pytest.raises(kind, match=f"{name}: .*{message}"):
        getattr(functional, name)(Tensor(scores), labels)


def test_probability_rows_for_nll_are_refused():
    with pytest.raises(ValueError, match=r"nll_loss: .*labels \(m,\) class numbers; got \(4, 3\) and \(4, 3\)"):
        tg.nll_loss(Tensor(Z), ROWS)


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize("shape", [(0,), (0, 1), (3, 0)])
def test_an_empty_batch_is_refused(name, shape):
    with pytest.raises(ValueError, match=rf"{name}: the batch must not be empty; got shape \({shape[0]},"):
        getattr(functional, name)(Tensor(np.ones(shape)), np.ones(shape))


def test_an_empty_batch_of_probability_rows_is_refused():
    with pytest.raises(ValueError, match=r"cross_entropy: the batch must not be empty; got shape \(0, 3\)"):
        tg.cross_entropy(Tensor(Z[:0]), ROWS[:0])


@losses
@pytest.mark.parametrize("reduction", ["average", "Mean", None, ""])
def test_an_unknown_reduction_is_refused(loss, x, target, values, gradient, reduction):
    message = rf"{loss.__name__}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}\."
    with pytest.raises(ValueError, match=message):
        loss(Tensor(x), target, reduction=reduction)


@pytest.mark.parametrize(
    ("probability", "found"), [([0.5, 1.1], "0.5 to 1.1"), ([-0.1, 0.5], "-0.1 to 0.5"), ([0.5, np.nan], "nan to nan")]
)
def test_what_is_no_probability_is_refused(probability, found):
    message = rf"binary_cross_entropy: probabilities must be in \[0, 1\]; got {found}\. Apply sigmoid first"
    for given in (Tensor(probability, requires_grad=True), np.array(probability)):
        with pytest.raises(ValueError, match=message):
            tg.binary_cross_entropy(given, [0, 1])


def test_the_public_names_are_those_of_the_module():
    assert all(getattr(tg, name) is getattr(functional, name) for name in functional.__all__)


def test_a_target_that_was_pickled_is_not_cast():
    target = pickle.loads(pickle.dumps(np.ones((3, 1))))
    assert target.dtype is not np.ones(1).dtype
    assert functional.matched("mse_loss", np.zeros((3, 1)), target, "mean")[1] is target
