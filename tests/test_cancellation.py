"""What the fused op is for, against decimal, long doubles and closed forms; and the plots of it."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_edu import check, plot


def test_exact_numbers_agree_with_long_doubles():
    """decimal against NumPy's long double, where that has more digits than a double."""
    found = check.cancellation()
    z = found.z.astype(np.longdouble)
    digits = 1e-14 if np.finfo(np.longdouble).eps < 1e-18 else 1e-10
    assert_allclose(found.exact["loss"], np.logaddexp(z, np.longdouble(0)).astype(float), rtol=digits)
    assert_allclose(found.exact["dL/dz"], (1 / (1 + np.exp(-z))).astype(float), rtol=digits)


def test_the_fused_op_keeps_its_digits_and_the_steps_do_not():
    found = check.cancellation()
    assert_array_equal(found.z, np.linspace(-40, 40, 81))
    for dtype, full, edge in (("float32", 6.5, 17), ("float64", 15, 37)):
        assert found.numbers[dtype]["fused"]["loss"].dtype == dtype
        for quantity in ("loss", "dL/dz"):
            assert found.digits(dtype, "fused", quantity).min() > full
            composed = found.numbers[dtype]["composed"][quantity]
            assert_array_equal(np.isfinite(composed), found.z < edge)
            assert not found.digits(dtype, "composed", quantity)[found.z >= edge].any()
        assert not found.numbers[dtype]["composed"]["loss"][found.z < -edge].any()
        assert found.digits(dtype, "composed", "loss")[found.z == -10] < full - 2


def test_with_target_one_the_steps_multiply_zero_by_infinity():
    found = check.cancellation([20, 40, 100], target=1)
    for quantity in ("loss", "dL/dz"):
        assert np.isnan(found.numbers["float32"]["composed"][quantity]).all()
    assert found.error("float32", "fused", "dL/dz").max() < 6e-8
    assert found.digits("float32", "fused", "dL/dz").max() == 0  # a - t itself has none left: it is below rounding


def test_exp_overflows_in_float32_first():
    found = check.cancellation([-100, -88, 88], target=1)
    assert_array_equal(np.isfinite(found.numbers["float32"]["composed"]["loss"]), [False, True, False])
    assert_array_equal(np.isfinite(found.numbers["float64"]["composed"]["loss"]), [True, True, False])
    assert_allclose(found.numbers["float32"]["fused"]["loss"][0], 100)


def test_the_table_of_digits():
    text = str(check.cancellation())
    assert max(map(len, text.splitlines()[:-2])) <= 100
    rows = [line for line in text.splitlines() if line.startswith("z = ")]
    assert len(rows) == 2 * 15
    assert rows[-1].split()[2:] == ["40", "40", "inf", "[", "0]", "40", "[16]", "1", "inf", "[", "0]", "1", "[16]"]
    assert "no number at all for z from 17 to 40" in text
    assert "no number at all for z from 37 to 40" in text
    assert "a number everywhere." in str(check.cancellation([0, 1]))
    few = str(check.cancellation([-20, 0, 20, 30]))
    assert "float32: composed, no number at all for z from 20 to 30, and no digit of the loss right for z = -20." in few


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": 2}, r"cancellation: the target must be in \[0, 1\]; got 2"),
        ({"target": 0.1}, r"cancellation: float32 must hold the target exactly; got 0.1"),
        ({"z": [0.1]}, r"cancellation: z must be one axis of numbers that float32 holds exactly; got shape \(1,\)"),
        ({"z": [0, np.inf]}, r"that float32 holds exactly; got shape \(2,\), \[ 0\. inf\]"),
        ({"z": [1e200]}, r"that float32 holds exactly; got shape \(1,\), \[1\.e\+200\]"),
        ({"z": []}, r"that float32 holds exactly; got shape \(0,\), \[\]"),
        ({"z": [[1.0]]}, r"got shape \(1, 1\)"),
    ],
)
def test_what_float32_cannot_hold_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        check.cancellation(**given)


def neuron(slope, rate, epochs):
    """Cost-free gradient descent on one neuron by closed forms: the outputs by epoch."""
    w, b, outputs = 2.0, 2.0, []
    for _ in range(epochs + 1):
        a = 1 / (1 + math.exp(-(w + b)))
        outputs.append(a)
        w, b = w - rate * slope(a), b - rate * slope(a)
    return outputs


def test_the_slow_start_by_closed_forms():
    runs = check.slow_start(epochs=300)
    slopes = {"squared error": lambda a: a * a * (1 - a), "cross-entropy": lambda a: a}
    assert list(runs.costs) == ["squared error, rate 0.15", "cross-entropy, rate 0.15", "cross-entropy, rate 0.005"]
    for run, outputs in runs.outputs.items():
        loss, rate = run.split(", rate ")
        assert_allclose(outputs, neuron(slopes[loss], float(rate), 300), rtol=1e-10)
        costs = outputs**2 / 2 if loss == "squared error" else -np.log(1 - outputs)
        assert_allclose(runs.costs[run], costs, rtol=1e-10)
    assert runs.outputs["squared error, rate 0.15"][[0, 150, 300]].round(2).tolist() == [0.98, 0.93, 0.2]
    assert [runs.half_way(run) for run in runs.costs] == [233, 17, None]


def test_the_slow_start_in_words():
    text = str(check.slow_start(epochs=60))
    assert "squared error, rate 0.15: not yet half way to the target" in text
    assert "cross-entropy, rate 0.15: half way to the target after epoch 17" in text
    assert list(check.slow_start(rates={"cross-entropy": (1.0,)}, epochs=2).costs) == ["cross-entropy, rate 1"]
    with pytest.raises(ValueError, match=r"slow_start: losses are squared error and cross-entropy; got hinge"):
        check.slow_start(rates={"hinge": (0.1,)})
    with pytest.raises(ValueError, match=r"slow_start: losses are squared error and cross-entropy; got none"):
        check.slow_start(rates={})
    with pytest.raises(ValueError, match=r"slow_start: epochs must be at least 1; got -1"):
        check.slow_start(epochs=-1)


def test_the_plots_show_every_series(tmp_path):
    digits, slow = plot.right_digits(check.cancellation()), plot.slow_start(check.slow_start(epochs=20))
    assert [ax.get_title() for ax in digits.axes] == ["float32", "float64", "", ""]
    assert [len(ax.lines) for ax in digits.axes] == [2] * 4
    assert [len(ax.lines) for ax in slow.axes] == [3] * 2
    assert slow.axes[0].lines[0].get_ydata()[0] == 1
    for name, drawing in (("digits.png", digits), ("slow.svg", slow)):
        plot.save(drawing, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000
