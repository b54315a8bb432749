"""Oracles: tables that PyTorch computed, and closed forms where there are any."""

import gc
import io
import math

import numpy as np
import pytest

from tinygrad_edu import optim
from tinygrad_edu.optim import SGD, Adam, AdamW, CosineAnnealingLR, LRScheduler, Optimizer, RMSprop, StepLR
from tinygrad_edu.tensor import Tensor

# Made once with torch.optim of PyTorch 2.13 in float64. x starts at (3, -2) and w at 0.5, J is the
# cost below, w takes no part in the first and third step (so that it has no gradient there), and lr
# becomes 0.05 before the fifth. A row holds x[0], x[1] and w after a step, printed with repr().
TABLES = [
    (
        SGD,
        {"lr": 0.1},
        [
            (2.8, -1.7, 0.5),
            (2.64125, -1.4649999999999999, 0.6065),
            (2.477125, -1.2185, 0.6065),
            (2.34788800625, -1.0342094078125, 0.6596497878500001),
            (2.2890213061431997, -0.9518587352371046, 0.6756504568787458),
            (2.2326092882028767, -0.8735980271165098, 0.6874639271818491),
        ],
    ),
    (
        SGD,
        {"lr": 0.1, "weight_decay": 0.05},
        [
            (2.785, -1.69, 0.5),
            (2.6137, -1.4473624999999999, 0.60266625),
            (2.4392615, -1.1953894374999998, 0.60266625),
            (2.3011495642396933, -1.0066250610868592, 0.6506603680645713),
            (2.238526350026482, -0.9224930806602969, 0.6642155090439454),
            (2.1786628942895954, -0.8426479929142704, 0.6737157792433718),
        ],
    ),
    (
        SGD,
        {"lr": 0.1, "momentum": 0.5},
        [
            (2.8, -1.7, 0.5),
            (2.54125, -1.315, 0.6065),
            (2.2577499999999997, -0.8909999999999999, 0.6065),
            (2.0037347874999996, -0.5241331343749999, 0.6877317487875),
            (1.8945500324637645, -0.3734351616189214, 0.7049034886573479),
            (1.798520600175115, -0.24610785375143104, 0.7048200666094301),
        ],
    ),
    (
        SGD,
        {"lr": 0.1, "momentum": 0.5, "nesterov": True},
        [
            (2.7, -1.55, 0.5),
            (2.4240625000000002, -1.143125, 0.6381875),
            (2.147796875, -0.7288437499999999, 0.6381875),
            (1.9261403676513673, -0.4209339544311523, 0.6809330970911499),
            (1.8324277889471177, -0.2966326843301498, 0.6798562444366313),
            (1.7482827676588426, -0.18791913243071354, 0.6687679257574514),
        ],
    ),
    (
        SGD,
        {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.05},
        [
            (2.6775, -1.535, 0.5),
            (2.380825, -1.115940625, 0.63162359375),
            (2.0884825625000003, -0.6945034140624998, 0.63162359375),
            (1.8548185804910677, -0.38245496100179827, 0.6654180876160932),
            (1.7571883678156974, -0.2574524506550283, 0.6605985511810896),
            (1.6702819508688735, -0.14876724795066193, 0.646336964708765),
        ],
    ),
    (
        Adam,
        {"lr": 0.1},
        [
            (2.9000000005, -1.9000000003333333, 0.5),
            (2.8009003234142207, -1.8007809223712974, 0.5999999992015967),
            (2.701550733931005, -1.70124452739083, 0.5999999992015967),
            (2.6033670610279502, -1.6026440815050704, 0.6981939338083627),
            (2.5548811458306564, -1.553803526067807, 0.7459140564407273),
            (2.506908183252154, -1.5053432534990638, 0.7922434246229625),
        ],
    ),
    (
        Adam,
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.05},
        [
            (2.900462962962963, -1.9003215434083602, 0.5),
            (2.801841232077426, -1.8014761753461377, 0.5991922149317223),
            (2.7029446080286013, -1.7022588048952123, 0.5991922149317223),
            (2.6053036819906286, -1.6041130315634966, 0.6962633136567348),
            (2.5571047130031004, -1.5555376175764846, 0.743181289757795),
            (2.509390345829991, -1.5073382109798963, 0.7884801555495204),
        ],
    ),
    (
        AdamW,
        {"lr": 0.1},
        [
            (2.8970000005, -1.8980000003333333, 0.5),
            (2.7950150481384437, -1.796887197443166, 0.5994999991997609),
            (2.692888754770393, -1.6955605860271465, 0.5994999991997609),
            (2.592052824582798, -1.595277078408413, 0.6970452431276458),
            (2.542305122808434, -1.5456482194215, 0.7443650978006031),
            (2.4931078257929222, -1.4964269181990817, 0.7902466881217838),
        ],
    ),
    (
        AdamW,
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.5},
        [
            (2.7504975124378106, -1.8003322259136212, 0.5),
            (2.5152156838093784, -1.611755766815066, 0.5741094902466047),
            (2.291957090958431, -1.43238011495621, 0.5741094902466047),
            (2.0827804764291837, -1.2633890133507013, 0.6390820909895536),
            (1.9851182103109215, -1.1837912212773458, 0.6666976792986073),
            (1.8913602733170534, -1.1066880380814557, 0.6906514210128822),
        ],
    ),
    (
        RMSprop,
        {"lr": 0.1},
        [
            (2.000000049999998, -1.0000000333333325, 0.5),
            (1.5974884281571435, -0.49423870598988207, 1.4999997333334247),
            (1.3312233795134505, -0.09610086212235419, 1.4999997333334247),
            (1.2001545609314346, 0.06173781947096832, 0.5061707762859005),
            (1.1539495735108771, 0.16402592559250634, 0.4840512733014608),
            (1.115257737692151, 0.2535838329253161, 0.4599694259210072),
        ],
    ),
    (
        RMSprop,
        {"lr": 0.1, "alpha": 0.9, "eps": 0.01, "weight_decay": 0.05},
        [
            (2.688355977839915, -1.6869654666019551, 0.5),
            (2.494640872683372, -1.4869363706383767, 0.8063795632668425),
            (2.322916312440864, -1.3056600725806018, 0.8063795632668425),
            (2.201702184748463, -1.1762810222580615, 0.8685368533300643),
            (2.147812057039511, -1.1178263071002374, 0.8599071944620317),
            (2.096278312455054, -1.0617408962302886, 0.846008211234511),
        ],
    ),
    (
        RMSprop,
        {"lr": 0.1, "alpha": 0.9, "momentum": 0.5},
        [
            (2.683772238983162, -1.6837722373164954, 0.5),
            (2.331712574702774, -1.3244006127419343, 0.81622775606377),
            (1.9961362650028212, -0.9697841087749686, 0.81622775606377),
            (1.7323029207116054, -0.6770751502620026, 0.9545281598853864),
            (1.6310644670071661, -0.5569271254699211, 0.9042254331185982),
            (1.5482197283717165, -0.4521943305388491, 0.8080486304982992),
        ],
    ),
    (
        RMSprop,
        {"lr": 0.1, "alpha": 0.9, "eps": 0.01, "weight_decay": 0.05, "momentum": 0.5},
        [
            (2.688355977839915, -1.6869654666019551, 0.5),
            (2.33881886160333, -1.3304191039393545, 0.8063795632668425),
            (2.00506238232086, -0.9789025988927198, 0.8063795632668425),
            (1.7390468684948748, -0.6880405978225086, 0.9353993201773326),
            (1.6353761802144007, -0.5684117256072534, 0.8851505897265526),
            (1.549551699801539, -0.46409182573439806, 0.7906239888820272),
        ],
    ),
]

# Made once with torch.optim.lr_scheduler of PyTorch 2.13: lr after each of twelve steps, starting from 0.4.
SCHEDULES = [
    (
        StepLR,
        {"step_size": 5},
        [
            0.4,
            0.4,
            0.4,
            0.4,
            0.04000000000000001,
            0.04000000000000001,
            0.04000000000000001,
            0.04000000000000001,
            0.04000000000000001,
            0.004000000000000001,
            0.004000000000000001,
            0.004000000000000001,
        ],
    ),
    (
        StepLR,
        {"step_size": 3, "gamma": 0.5},
        [0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025],
    ),
    (
        CosineAnnealingLR,
        {"T_max": 5},
        [
            0.3618033988749895,
            0.2618033988749895,
            0.13819660112501053,
            0.03819660112501053,
            0.0,
            0.03819660112501051,
            0.1381966011250106,
            0.26180339887498966,
            0.36180339887498975,
            0.40000000000000024,
            0.36180339887498986,
            0.2618033988749897,
        ],
    ),
    (
        CosineAnnealingLR,
        {"T_max": 12, "eta_min": 0.01},
        [
            0.3933555361263683,
            0.3738749537379656,
            0.34288582233137677,
            0.30250000000000005,
            0.25546971379499156,
            0.20500000000000002,
            0.1545302862050085,
            0.10750000000000005,
            0.06711417766862325,
            0.03612504626203446,
            0.016644463873631703,
            0.01,
        ],
    ),
]

ALL = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (Adam, {"weight_decay": 0.1}),
    (AdamW, {}),
    (RMSprop, {"weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.9}),
]


def cost(x, w, step):
    """The cost of the tables: the third and the first step leave w out."""
    J = np.sum((x - 1) ** 2) / 2
    return J if step in (0, 2) else J + x[0] * x[1] * w / 4 + w**4 / 4


def parameters(dtype=np.float64):
    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(size=shape), requires_grad=True, dtype=dtype) for shape in [(3, 2), (4,), (), (2, 2, 2)]]


def set_gradients(params, seed=1):
    rng = np.random.default_rng(seed)
    for x in params:
        x.grad = Tensor(rng.normal(size=x.shape), dtype=x.dtype)


def take_steps(optimizer, seeds):
    for seed in seeds:
        set_gradients(optimizer.params, seed)
        optimizer.step()


# The numbers


@pytest.mark.parametrize("kind, options, table", TABLES)
def test_the_steps_are_those_of_the_table(kind, options, table):
    x, w = Tensor([3.0, -2.0], requires_grad=True), Tensor(0.5, requires_grad=True)
    optimizer = kind([x, w], **options)
    for step, row in enumerate(table):
        if step == 4:
            optimizer.lr = 0.05
        optimizer.zero_grad()
        cost(x, w, step).backward()
        assert (w.grad is None) == (step in (0, 2))
        optimizer.step()
        np.testing.assert_allclose([*x.data, w.item()], row, rtol=1e-12)


@pytest.mark.parametrize("curvature", [0.5, 3.0, 15.0])
def test_sgd_on_a_parabola(curvature):
    """x_k = (1 - lr a)**k x_0; it shrinks if lr < 2 / a."""
    x = Tensor([1.0, -2.0], requires_grad=True)
    optimizer = SGD([x], lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        (curvature / 2 * np.sum(x * x)).backward()
        optimizer.step()
    np.testing.assert_allclose(x.data, (1 - 0.1 * curvature) ** 10 * np.array([1.0, -2.0]), rtol=1e-12)


def test_momentum_on_a_slope():
    """With a constant gradient the velocity is a geometric sum: v_k = g (1 - momentum**k) / (1 - momentum)."""
    x = Tensor([0.0], requires_grad=True)
    x.grad = Tensor([2.0])
    optimizer = SGD([x], lr=0.1, momentum=0.5)
    for _ in range(8):
        optimizer.step()
    np.testing.assert_allclose(x.data, -0.1 * sum(2 * (1 - 0.5**k) / 0.5 for k in range(1, 9)))
    np.testing.assert_allclose(optimizer.state[0][0], 2 * (1 - 0.5**8) / 0.5)


def test_adam_on_a_slope():
    """With a constant gradient every step is lr against its sign, from the first one on: the means are unbiased."""
    x = Tensor([0.0, 0.0, 0.0], requires_grad=True)
    x.grad = Tensor([1e-3, -5.0, 1e4])
    optimizer = Adam([x], lr=0.1, eps=1e-12)
    for k in range(1, 6):
        optimizer.step()
        np.testing.assert_allclose(x.data, [-0.1 * k, 0.1 * k, -0.1 * k], rtol=1e-8)


def test_adamw_decays_all_weights_alike():
    """With the gradient 0: x_k = (1 - lr weight_decay)**k x_0."""
    x = Tensor([1.0, 1000.0], requires_grad=True)
    x.grad = Tensor([0.0, 0.0])
    optimizer = AdamW([x], lr=0.1, weight_decay=0.5)
    for _ in range(5):
        optimizer.step()
    np.testing.assert_allclose(x.data, 0.95**5 * np.array([1.0, 1000.0]))


@pytest.mark.parametrize("size", [1e-15, 1e15, 1e20])
def test_the_first_step_does_not_depend_on_the_size_of_the_gradient(size):
    """It is lr, and lr / sqrt(1 - alpha) of RMSprop; in float32 the square of 1e20 alone would overflow."""
    for kind, step in ((Adam, 0.01), (AdamW, 0.01), (RMSprop, 0.1)):
        x = Tensor(np.zeros(3, np.float32), requires_grad=True)
        x.grad = Tensor(np.array([size, -size, 0], np.float32))
        kind([x], lr=0.01, eps=1e-30).step()
        np.testing.assert_allclose(x.data, [-step, step, 0], rtol=1e-4)


def test_rmsprop_on_a_slope():
    """With a constant gradient: s_k = (1 - alpha**k) g**2, so the first steps are longer than lr."""
    x = Tensor([0.0], requires_grad=True)
    x.grad = Tensor([7.0])
    optimizer = RMSprop([x], lr=0.1, alpha=0.5, eps=1e-12)
    for _ in range(6):
        optimizer.step()
    np.testing.assert_allclose(x.data, -0.1 * sum(1 / math.sqrt(1 - 0.5**k) for k in range(1, 7)))


@pytest.mark.parametrize("kind, options", ALL)
def test_pieces_change_nothing(kind, options, monkeypatch):
    """A large parameter is updated piece by piece: with the same numbers, whatever its layout."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in [(7, 5), (23,), (), (1, 40), (5, 3, 2), (3, 0)]]
    arrays.append(np.asfortranarray(rng.normal(size=(9, 4))))
    results = []
    for piece in (10**9, 64, 8):
        monkeypatch.setattr(optim.optimizer, "PIECE", piece)
        params = [Tensor(array, requires_grad=True) for array in arrays]
        params.append(Tensor(0.0, requires_grad=True))
        params[-1].data = rng.normal(size=(6, 8)).T[::2] * 0 + 1  # a layout of its own
        optimizer = kind(params, **options)
        take_steps(optimizer, range(3))
        assert optimizer.steps == [3] * len(params)
        results.append([x.data for x in params])
    for others in results[1:]:
        for x, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(x, other)


# What is changed, and what is not


@pytest.mark.parametrize("kind, options", ALL)
def test_in_place_and_gradient_untouched(kind, options):
    params = parameters()
    optimizer = kind(params, **options)
    arrays = [x.data for x in params]
    for seed in range(3):
        set_gradients(params, seed)
        gradients = [x.grad for x in params]
        before, copies = [x.data.copy() for x in params], [g.data.copy() for g in gradients]
        optimizer.step()
        for x, array, old, g, copy in zip(params, arrays, before, gradients, copies, strict=True):
            assert x.data is array and np.all(array != old)
            assert x.grad is g and np.array_equal(g.data, copy)
            assert x.requires_grad and x.op is None


@pytest.mark.parametrize("kind, options", ALL)
def test_float32_stays(kind, options):
    params = parameters(np.float32)
    optimizer = kind(params, **options)
    optimizer.lr = np.float64(0.1)
    take_steps(optimizer, range(2))
    assert {x.dtype for x in params} == {np.dtype(np.float32)}
    assert {array.dtype for state in optimizer.state for array in state} <= {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sgd_is_what_one_would_write(dtype):
    """To the last bit: lr is rounded to the dtype of the parameter, as NumPy does with a Python float."""
    params = parameters(dtype)
    expected = [x.data.copy() for x in params]
    optimizer = SGD(params, lr=0.1)
    for seed in range(5):
        take_steps(optimizer, [seed])
        for x, own in zip(params, expected, strict=True):
            own -= 0.1 * x.grad.data
            np.testing.assert_array_equal(x.data, own)


@pytest.mark.parametrize("kind, options", ALL)
def test_float32_agrees_with_float64(kind, options):
    single, double = parameters(np.float32), parameters(np.float64)
    take_steps(kind(single, **options), range(5))
    take_steps(kind(double, **options), range(5))
    for x, y in zip(single, double, strict=True):
        np.testing.assert_allclose(x.data, y.data, rtol=1e-4, atol=1e-5)


def test_frozen_and_unused_are_skipped():
    x, frozen, unused = Tensor([1.0], requires_grad=True), Tensor([1.0]), Tensor([1.0], requires_grad=True)
    optimizer = AdamW([frozen, x, unused])
    for _ in range(3):
        optimizer.zero_grad()
        np.sum(x * frozen).backward()
        optimizer.step()
    assert frozen.data == unused.data == 1.0 != x.data
    assert optimizer.steps == [0, 3, 0]


def test_zero_grad_leaves_no_gradient():
    params = parameters()
    set_gradients(params)
    SGD(params, lr=0.1).zero_grad()
    assert [x.grad for x in params] == [None] * 4


def test_params_from_a_generator_keep_their_order():
    params = parameters()
    optimizer = SGD((x for x in params), lr=0.1)
    assert all(x is y for x, y in zip(optimizer.params, params, strict=True))


def test_lr_may_change_between_steps():
    x = Tensor([0.0], requires_grad=True)
    x.grad = Tensor([1.0])
    optimizer = SGD([x], lr=1.0)
    for lr in (1.0, 0.5, 0.0, 0.25, np.float64(0.25)):
        optimizer.lr = lr
        optimizer.step()
    assert x.data == -2.0


@pytest.mark.parametrize("kind, options", ALL)
def test_no_cyclic_garbage(kind, options):
    def train():
        params = parameters()
        optimizer = kind(params, **options)
        schedule = StepLR(optimizer, 2)
        for _ in range(3):
            optimizer.zero_grad()
            sum(np.sum(x * x) for x in params).backward()
            optimizer.step()
            schedule.step()

    train()
    gc.collect()
    gc.disable()
    try:
        train()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_optimizer_of_ones_own():
    class SignDescent(Optimizer):
        def step(self):
            for _, x, g, _ in self.pieces():
                x -= self.lr * np.sign(g)

    x = Tensor([3.0, -4.0], requires_grad=True)
    optimizer = SignDescent([x], lr=0.5)
    np.sum(x * x).backward()
    optimizer.step()
    assert x.tolist() == [2.5, -3.5]


# Saving and loading


@pytest.mark.parametrize("kind, options", ALL)
def test_going_on_from_a_saved_state(kind, options):
    params = parameters()
    optimizer = kind(params, **options)
    take_steps(optimizer, [1, 2])
    optimizer.lr = 0.05
    file = io.BytesIO()
    np.savez(file, **optimizer.state_dict())
    file.seek(0)
    copies = [Tensor(x.data, requires_grad=True) for x in params]
    other = kind(copies, **options)
    with np.load(file) as saved:  # arrays and numbers: nothing to unpickle
        other.load_state_dict(saved)
    assert other.lr == 0.05 and other.steps == [2, 2, 2, 2]
    take_steps(optimizer, [3, 4])
    take_steps(other, [3, 4])
    for x, y in zip(params, copies, strict=True):
        np.testing.assert_array_equal(x.data, y.data)


def test_state_dict_is_a_copy():
    optimizer = Adam(parameters())
    take_steps(optimizer, [1])
    saved = optimizer.state_dict()
    assert list(saved)[:4] == ["lr", "steps", "mean.0", "square.0"]
    kept = saved["mean.0"].copy()
    take_steps(optimizer, [2])
    np.testing.assert_array_equal(saved["mean.0"], kept)
    optimizer.load_state_dict(saved)
    take_steps(optimizer, [3])
    np.testing.assert_array_equal(saved["mean.0"], kept)


BAD_STATES = {
    "shape": (
        {"mean.1": np.ones(3)},
        r"Adam.load_state_dict: mean.1 must have the shape \(4,\); got \(3,\). After the dot stands the position",
    ),
    "scalar": ({"square.2": np.ones(1)}, r"square.2 must have the shape \(\); got \(1,\)"),
    "count": ({"steps": np.ones(3)}, r"steps must have the shape \(4,\); got \(3,\)"),
    "extra": ({"velocity.0": np.ones(3)}, "names must be those of this optimizer; got a difference in velocity.0. "),
}


@pytest.mark.parametrize("change, message", BAD_STATES.values(), ids=BAD_STATES)
def test_a_wrong_state_changes_nothing(change, message):
    optimizer = Adam(parameters())
    take_steps(optimizer, [1])
    before = optimizer.state_dict()
    wrong = {key: np.asarray(value) + 1 for key, value in before.items()} | change
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_the_state_of_another_optimizer():
    with pytest.raises(ValueError, match=r"SGD.load_state_dict: .* got a difference in velocity.0, velocity.1, "):
        SGD(parameters(), lr=0.1).load_state_dict(SGD(parameters(), lr=0.1, momentum=0.9).state_dict())


# Schedules


@pytest.mark.parametrize("kind, options, table", SCHEDULES)
def test_the_rates_are_those_of_the_table(kind, options, table):
    optimizer = SGD(parameters(), lr=0.4)
    schedule = kind(optimizer, **options)
    assert optimizer.lr == 0.4
    for lr in table:
        schedule.step()
        assert optimizer.lr == pytest.approx(lr, rel=1e-12, abs=1e-15)
    assert [schedule.lr_at(k) for k in range(1, 13)] == pytest.approx(table, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("kind, options, table", SCHEDULES)
def test_a_schedule_goes_on_from_its_state(kind, options, table):
    schedule = kind(SGD(parameters(), lr=0.4), **options)
    for _ in range(7):
        schedule.step()
    optimizer = SGD(parameters(), lr=123.0)
    other = kind(optimizer, **options)
    other.load_state_dict(schedule.state_dict())
    assert optimizer.lr == pytest.approx(table[6])
    other.step()
    assert optimizer.lr == pytest.approx(table[7])


def test_schedule_of_adam():
    optimizer = Adam(parameters())
    schedule = CosineAnnealingLR(optimizer, T_max=4)
    for _ in range(4):
        set_gradients(optimizer.params)
        optimizer.step()
        schedule.step()
    before = [x.data.copy() for x in optimizer.params]
    take_steps(optimizer, [5])  # at lr = 0 nothing moves
    assert optimizer.lr == 0.0 and all(np.array_equal(x.data, y) for x, y in zip(optimizer.params, before, strict=True))


# Errors


def one():
    return [Tensor([1.0], requires_grad=True)]


def tied():
    x, y = one() + one()
    return [x, y, x]


ERRORS = [
    (lambda: SGD(one(), lr=0), ValueError, "SGD: lr must be positive and finite; got 0. "),
    (lambda: Adam(one(), lr=-1.0), ValueError, "Adam: lr must be positive and finite; got -1.0. "),
    (lambda: AdamW(one(), lr=math.nan), ValueError, "AdamW: lr must be positive and finite; got nan. "),
    (lambda: RMSprop(one(), lr=math.inf), ValueError, "RMSprop: lr must be positive and finite; got inf. "),
    (lambda: SGD(one(), 0.1, momentum=1.0), ValueError, r"SGD: momentum must be in \[0, 1\); got 1.0. "),
    (lambda: SGD(one(), 0.1, momentum=-0.1), ValueError, r"SGD: momentum must be in \[0, 1\); got -0.1. "),
    (lambda: RMSprop(one(), momentum=math.nan), ValueError, r"RMSprop: momentum must be in \[0, 1\); got nan. "),
    (lambda: RMSprop(one(), alpha=1), ValueError, r"RMSprop: alpha must be in \[0, 1\); got 1. "),
    (lambda: SGD(one(), 0.1, nesterov=True), ValueError, "SGD: nesterov needs momentum; got momentum=0.0. "),
    (lambda: Adam(one(), betas=(1.0, 0.9)), ValueError, r"Adam: betas\[0\] must be in \[0, 1\); got 1.0. "),
    (lambda: AdamW(one(), betas=(0.9, -1)), ValueError, r"AdamW: betas\[1\] must be in \[0, 1\); got -1. "),
    (lambda: Adam(one(), betas=(0.9,)), ValueError, r"Adam: betas must be two numbers; got \(0.9,\). "),
    (lambda: Adam(one(), eps=0), ValueError, "Adam: eps must be positive; got 0. "),
    (lambda: RMSprop(one(), weight_decay=-1), ValueError, "RMSprop: weight_decay must not be negative; got -1. "),
    (lambda: RMSprop(one(), eps=-1e-8), ValueError, "RMSprop: eps must be positive; got -1e-08. "),
    (lambda: SGD(one(), 0.1, weight_decay=-1), ValueError, "SGD: weight_decay must not be negative; got -1. "),
    (lambda: AdamW(one(), weight_decay=math.nan), ValueError, "AdamW: weight_decay must not be negative; got nan. "),
    (
        lambda: SGD([], 0.1),
        ValueError,
        "SGD: params must hold at least one Tensor; got none. Did the module define any?",
    ),
    (lambda: SGD(one()[0], 0.1), TypeError, r"SGD: params must be an iterable of Tensors; got Tensor. .* \[x\]"),
    (lambda: SGD(3, 0.1), TypeError, "SGD: params must be an iterable of Tensors; got int. "),
    (
        lambda: SGD([*one(), np.ones(2)], 0.1),
        TypeError,
        "SGD: params must hold Tensors only; got ndarray at position 1. ",
    ),
    (
        lambda: SGD([Tensor([1.0])] * 1, 0.1),
        ValueError,
        "SGD: at least one parameter must require .* got none among 1. ",
    ),
    (
        lambda: SGD(tied(), 0.1),
        ValueError,
        "SGD: each Tensor must be listed once; got the same at positions 0 and 2. ",
    ),
    (
        lambda: SGD([one()[0] * 2], 0.1),
        ValueError,
        "SGD: params must be leaves, .* got the result of multiply at position 0",
    ),
    (
        lambda: SGD(one(), 0.1).step(),
        RuntimeError,
        r"SGD.step: at least one .* got none among 1. Call backward\(\) first",
    ),
    (
        lambda: Adam(one()).step(),
        RuntimeError,
        "Adam.step: at least one parameter must have a gradient; got none among 1. ",
    ),
    (lambda: Optimizer(one(), 0.1).step(), NotImplementedError, "Optimizer: step must be defined; got "),
    (lambda: StepLR(SGD(one(), 0.1), 0), ValueError, "StepLR: step_size must be at least 1; got 0. "),
    (lambda: StepLR(SGD(one(), 0.1), 1, gamma=0), ValueError, "StepLR: gamma must be positive; got 0. "),
    (lambda: CosineAnnealingLR(SGD(one(), 0.1), 0), ValueError, "CosineAnnealingLR: T_max must be at least 1; got 0. "),
    (
        lambda: CosineAnnealingLR(SGD(one(), 0.1), 5, eta_min=-1),
        ValueError,
        "CosineAnnealingLR: eta_min must not be negative; got -1. ",
    ),
    (lambda: LRScheduler(SGD(one(), 0.1)).step(), NotImplementedError, "LRScheduler: lr_at must be defined; got "),
    (lambda: SGD(one(), "0.1"), TypeError, "SGD: lr must be a number; got '0.1'. Write it without quotes"),
    (lambda: Adam(one(), None), TypeError, "Adam: lr must be a number; got None. "),
    (lambda: SGD(one(), np.ones(2)), TypeError, r"SGD: lr must be a number; got array\(\[1., 1.\]\). "),
    (lambda: SGD(one(), 0.1, momentum="a"), TypeError, "SGD: momentum must be a number; got 'a'. "),
    (lambda: AdamW(one(), weight_decay=None), TypeError, "AdamW: weight_decay must be a number; got None. "),
    (lambda: Adam(one(), eps="a"), TypeError, "Adam: eps must be a number; got 'a'. "),
    (lambda: Adam(one(), betas=0.9), ValueError, "Adam: betas must be two numbers; got 0.9. "),
    (lambda: Adam(one(), betas=(0.9, None)), TypeError, r"Adam: betas\[1\] must be a number; got None. "),
    (lambda: StepLR(SGD(one(), 0.1), "a"), TypeError, "StepLR: step_size must be a number; got 'a'. "),
    (
        lambda: CosineAnnealingLR(SGD(one(), 0.1), None),
        TypeError,
        "CosineAnnealingLR: T_max must be a number; got None. ",
    ),
    (lambda: StepLR(0.1, 2), TypeError, "StepLR: optimizer must be an Optimizer; got float. "),
    (
        lambda: SGD(one(), 0.1).load_state_dict("run.npz"),
        TypeError,
        "SGD.load_state_dict: the state must be a dict, as state_dict.* got str. ",
    ),
    (
        lambda: StepLR(SGD(one(), 0.1), 2).load_state_dict({"lr": 0.1}),
        ValueError,
        "StepLR.load_state_dict: the state must hold base_lr and steps; got lr. ",
    ),
    (
        lambda: setattr(SGD(one(), 0.1), "lr", -1),
        ValueError,
        "SGD: lr must be finite, and not negative; got -1. ",
    ),
    (lambda: setattr(SGD(one(), 0.1), "lr", "a"), TypeError, "SGD: lr must be a number; got 'a'. "),
]


@pytest.mark.parametrize("call, kind, message", ERRORS)
def test_wrong_arguments_are_told_in_a_sentence(call, kind, message):
    with pytest.raises(kind, match="^" + message) as caught:
        call()
    assert str(caught.value).endswith((".", "?"))


@pytest.mark.parametrize("kind, options", ALL)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 3), (), (1, 1)])
def test_a_gradient_of_the_wrong_shape(kind, options, shape):
    """Broadcasting would hide it."""
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    optimizer = kind([*one(), x], **options)
    x.grad = Tensor(np.ones(shape))
    with pytest.raises(ValueError, match=r"step: a gradient must have the shape of its parameter, \(2, 3\); got .* 1"):
        optimizer.step()
    assert np.all(x.data == 1)
