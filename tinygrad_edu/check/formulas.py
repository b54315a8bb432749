"""The backward pass as people write it by hand, in bare NumPy.

Nothing here knows of the engine: these formulas are what it is compared with. Letters are the textbook's:
`Z` pre-activation, `A` activation, `W`, `b`, `J` the cost of the batch, `L` the loss of one example, `Y`
targets, `m` examples. An array dX is dJ/dX.

Two layouts are in use, and every formula of a dense layer is given for both:

    layout="rows"      X (m, n), one example a row      Z = A_prev W.T + b,   W (out, in), b (out,)
    layout="columns"   X (n, m), one example a column   Z = W A_prev + b,     W (out, in), b (out, 1)

Two conventions are in use for the 1/m of the cost J = (1/m) sum L, and both are right:

    in dZ          dZ = (A - Y) / m,   dW = dZ.T A_prev          dZ is dJ/dZ
    in dW and db   dZ = A - Y,         dW = (1/m) dZ.T A_prev    dZ is dL/dZ, of each example on its own

So each function that can carry the 1/m takes `m`; give it to one of the two, not to both.

PAIRS holds the last layers by name; WRONG the formulas that people arrive at who know one of them and no more.
Source:  in brackets; NNDL is M. Nielsen, Neural Networks and Deep Learning, by the numbers of its equations (its x
are our examples, its n our m); PRML is C. Bishop, Pattern Recognition and Machine Learning; PyTorch its documentation
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PAIRS", "WRONG", "Pair", "Wrong"]  # and every formula by its own name

Function = Callable[..., Any]
LAYOUTS = ("rows", "columns")


def in_rows(layout: str) -> bool:
    if layout not in LAYOUTS:
        raise ValueError(f"formulas: layout must be 'rows' or 'columns'; got {layout!r}. Rows are PyTorch's, (m, n).")
    return layout == "rows"


# Forward


def dense(A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, layout: str = "rows") -> np.ndarray:
    """Z = A_prev W.T + b in rows, W A_prev + b in columns."""
    return A_prev @ W.T + b if in_rows(layout) else W @ A_prev + b


def sigmoid(Z: np.ndarray) -> np.ndarray:
    """A = 1 / (1 + exp(-Z))"""
    return 1 / (1 + np.exp(-Z))


def softmax(Z: np.ndarray, layout: str = "rows") -> np.ndarray:
    """A_j = exp(Z_j) / sum_k exp(Z_k), the sum over the classes of one example   [NNDL 78]"""
    axis = 1 if in_rows(layout) else 0
    E = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)


def one_hot(labels: np.ndarray, classes: int, layout: str = "rows") -> np.ndarray:
    """Y with a 1 at the class of each example: (m, classes) in rows, (classes, m) in columns."""
    Y = np.eye(classes)[labels]
    return Y if in_rows(layout) else Y.T


# Costs, and their derivative by A alone


def bce_cost(A: np.ndarray, Y: np.ndarray, m: float = 1) -> float:
    """J = -(1/m) sum of Y log A + (1 - Y) log(1 - A)   [NNDL 57, 63]"""
    return float(-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m)


def bce_dA(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dA = (-(Y/A) + (1 - Y)/(1 - A)) / m = (A - Y) / (A (1 - A)) / m   [NNDL 58, 75]"""
    return (-(Y / A) + (1 - Y) / (1 - A)) / m


def log_likelihood_cost(A: np.ndarray, Y: np.ndarray, m: float = 1) -> float:
    """J = -(1/m) sum of Y log A: of each example, the log of the one a_y whose class is true   [NNDL 80]"""
    return float(-np.sum(Y * np.log(A)) / m)


def log_likelihood_dA(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dA = -(Y/A) / m: zero for every class but the true one."""
    return -(Y / A) / m


def squared_error_cost(A: np.ndarray, Y: np.ndarray, m: float = 1) -> float:
    """J = (1/m) sum of (A - Y)^2"""
    return float(np.sum((A - Y) ** 2) / m)


def squared_error_dA(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dA = 2 (A - Y) / m"""
    return 2 * (A - Y) / m


def half_squared_error_cost(A: np.ndarray, Y: np.ndarray, m: float = 1) -> float:
    """J = (1/m) sum of (A - Y)^2 / 2   [NNDL 6, 54]"""
    return float(np.sum((A - Y) ** 2) / (2 * m))


def half_squared_error_dA(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dA = (A - Y) / m: the 1/2 is there to cancel the 2   [NNDL, between BP1 and BP1a]"""
    return (A - Y) / m


def poisson_cost(A: np.ndarray, Y: np.ndarray, m: float = 1) -> float:
    """J = (1/m) sum of A - Y log A, for counts Y; log(Y!) has no A in it   [PyTorch, PoissonNLLLoss]"""
    return float(np.sum(A - Y * np.log(A)) / m)


def poisson_dA(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dA = (1 - Y/A) / m"""
    return (1 - Y / A) / m


# The last layer: dJ/dZ = dJ/dA dA/dZ, where both factors are known and may cancel


def sigmoid_bce_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m: sigmoid and cross-entropy together.

        dJ/dA * dA/dZ = (A - Y) / (A (1 - A)) / m * A (1 - A)

    The A (1 - A) cancels. No other layer is different: there the two factors are just not known as one.
    [NNDL 60, 61, 66]
    """
    return (A - Y) / m


def softmax_log_likelihood_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m: softmax and log-likelihood together, for targets Y that sum to one.

    Only a_y stands in the loss, but every z_j moves a_y: -1/a_y * a_y ([j = y] - a_j) = a_j - [j = y].
    [NNDL 81 (dC/db_j = a_j - y_j) and 84]
    """
    return (A - Y) / m


def softmax_any_targets_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1, layout: str = "rows") -> np.ndarray:
    """dJ/dZ = (A s - Y) / m with s = sum_k Y_k of each example, which need not be one."""
    return (A * Y.sum(axis=1 if in_rows(layout) else 0, keepdims=True) - Y) / m


def softmax_dZ(dA: np.ndarray, A: np.ndarray, layout: str = "rows") -> np.ndarray:
    """dJ/dZ_j = sum_k dA_k A_k ([j = k] - A_j) = A_j (dA_j - sum_k dA_k A_k): softmax under any cost.

    The diagonal terms are A_j (1 - A_j), as the sigmoid's; each other class adds -A_k A_j.
    """
    return A * (dA - np.sum(dA * A, axis=1 if in_rows(layout) else 0, keepdims=True))


def linear_squared_error_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = 2 (A - Y) / m: dA/dZ is 1."""
    return 2 * (A - Y) / m


def linear_half_squared_error_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m   [NNDL 68]"""
    return (A - Y) / m


def sigmoid_squared_error_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = 2 (A - Y) A (1 - A) / m: nothing cancels, and learning is slow where A is near 0 or 1.

    [NNDL 65, there with the 1/2 and so without the 2]
    """
    return 2 * (A - Y) * A * (1 - A) / m


def tanh_squared_error_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = 2 (A - Y) (1 - A^2) / m: nothing cancels."""
    return 2 * (A - Y) * (1 - A * A) / m


def exp_poisson_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m: dJ/dA * dA/dZ = (1 - Y/A) / m * A.

    [PRML 4.124: so it is for every canonical link, of which exp for counts is one]
    """
    return (A - Y) / m


@dataclass(frozen=True)
class Pair:
    """An activation and a cost that meet in the last layer.

    A = activation(Z, layout),   J = cost(A, Y, m),   dA(A, Y, m),   dZ(A, Y, m)

    cancels  whether the slope of the activation cancels, so that dZ is a multiple of A - Y
    text     the formulas as they are written: "A", "J", "dJ/dA", "dJ/dZ"
    """

    name: str
    cost: Callable[[np.ndarray, np.ndarray, float], float]
    dA: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    dZ: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    cancels: bool
    text: dict[str, str]
    elementwise: Callable[[np.ndarray], np.ndarray] | None = None

    def activation(self, Z: np.ndarray, layout: str = "rows") -> np.ndarray:
        return self.elementwise(Z) if self.elementwise else softmax(Z, layout)


def _pair(name: str, cost: Function, dA: Function, dZ: Function, elementwise: Function | None, *text: str) -> Pair:
    texts = dict(zip(("A", "J", "dJ/dA", "dJ/dZ"), text, strict=True))
    return Pair(name, cost, dA, dZ, texts["dJ/dZ"].endswith("(A - Y)/m"), texts, elementwise)


#: The pairs by name.
PAIRS = {
    pair.name: pair
    for pair in (
        _pair("sigmoid-bce", bce_cost, bce_dA, sigmoid_bce_dZ, sigmoid, "1/(1 + exp(-Z))",
              "-(1/m) sum (Y log A + (1 - Y) log(1 - A))", "(-(Y/A) + (1 - Y)/(1 - A))/m", "(A - Y)/m"),
        _pair("softmax-nll", log_likelihood_cost, log_likelihood_dA, softmax_log_likelihood_dZ, None,
              "exp(Z)/sum exp(Z)", "-(1/m) sum Y log A", "-(Y/A)/m", "(A - Y)/m"),
        _pair("linear-mse", squared_error_cost, squared_error_dA, linear_squared_error_dZ, np.positive,
              "Z", "(1/m) sum (A - Y)^2", "2 (A - Y)/m", "2 (A - Y)/m"),
        _pair("linear-mse-half", half_squared_error_cost, half_squared_error_dA, linear_half_squared_error_dZ,
              np.positive, "Z", "(1/2m) sum (A - Y)^2", "(A - Y)/m", "(A - Y)/m"),
        _pair("sigmoid-mse", squared_error_cost, squared_error_dA, sigmoid_squared_error_dZ, sigmoid,
              "1/(1 + exp(-Z))", "(1/m) sum (A - Y)^2", "2 (A - Y)/m", "2 (A - Y) A (1 - A)/m"),
        _pair("tanh-mse", squared_error_cost, squared_error_dA, tanh_squared_error_dZ, np.tanh,
              "tanh(Z)", "(1/m) sum (A - Y)^2", "2 (A - Y)/m", "2 (A - Y) (1 - A^2)/m"),
        _pair("exp-poisson", poisson_cost, poisson_dA, exp_poisson_dZ, np.exp,
              "exp(Z)", "(1/m) sum (A - Y log A)", "(1 - Y/A)/m", "(A - Y)/m"),
    )
}  # fmt: skip


# Any dense layer


def dense_dW(dZ: np.ndarray, A_prev: np.ndarray, layout: str = "rows", m: float = 1) -> np.ndarray:
    """dJ/dW = (1/m) dZ.T A_prev in rows, (1/m) dZ A_prev.T in columns.

    W[j, k] multiplies A_prev[., k] on its way into Z[., j]: dZ[., j]/dW[j, k] = A_prev[., k].   [NNDL BP4, 67]
    """
    return (dZ.T @ A_prev if in_rows(layout) else dZ @ A_prev.T) / m


def dense_db(dZ: np.ndarray, layout: str = "rows", m: float = 1) -> np.ndarray:
    """dJ/db = (1/m) sum of dZ over the examples; b (out,) in rows, (out, 1) in columns   [NNDL BP3]"""
    return (dZ.sum(axis=0) if in_rows(layout) else dZ.sum(axis=1, keepdims=True)) / m


def dense_dA_prev(dZ: np.ndarray, W: np.ndarray, layout: str = "rows") -> np.ndarray:
    """dJ/dA_prev = dZ W in rows, W.T dZ in columns: what reaches the layer below   [NNDL BP2]"""
    return dZ @ W if in_rows(layout) else W.T @ dZ


# Hidden layers

#: A from Z, and dA/dZ from A, by name; `slope` is that of leaky_relu.  [PyTorch, LeakyReLU and Softplus]
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (lambda Z, slope: sigmoid(Z), lambda A, slope: A * (1 - A)),
    "tanh": (lambda Z, slope: np.tanh(Z), lambda A, slope: 1 - A * A),
    "relu": (lambda Z, slope: np.maximum(Z, 0), lambda A, slope: (A > 0).astype(A.dtype)),
    "leaky_relu": (
        lambda Z, slope: np.where(Z > 0, Z, slope * Z),
        lambda A, slope: np.where(A > 0, 1, slope).astype(A.dtype),
    ),
    "softplus": (lambda Z, slope: np.logaddexp(0, Z), lambda A, slope: -np.expm1(-A)),
}


def activate(Z: np.ndarray, activation: str, slope: float = 0.01) -> np.ndarray:
    """A: sigmoid, tanh, relu max(Z, 0), leaky_relu Z or slope Z, softplus log(1 + exp(Z))."""
    check_activation("activate", activation)
    return ACTIVATIONS[activation][0](Z, slope)


def activation_slope(A: np.ndarray, activation: str, slope: float = 0.01) -> np.ndarray:
    """dA/dZ: sigmoid A (1 - A), tanh 1 - A^2, relu [A > 0], leaky_relu 1 or slope, softplus 1 - exp(-A)."""
    check_activation("activation_slope", activation)
    return ACTIVATIONS[activation][1](A, slope)


def check_activation(name: str, activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise ValueError(f"{name}: activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}.")


def hidden_dZ(dA: np.ndarray, A: np.ndarray, activation: str, slope: float = 0.01) -> np.ndarray:
    """dJ/dZ = dA * dA/dZ, where dA is dense_dA_prev of the layer above   [NNDL BP2]"""
    return dA * activation_slope(A, activation, slope)


# L2: J = J_0 + (strength / 2m) sum of W^2; biases are left alone


def l2_cost(W: np.ndarray, strength: float, m: float = 1) -> float:
    """What a weight matrix adds to J: (strength / 2m) sum of W^2   [NNDL 87]"""
    return float(strength / (2 * m) * np.sum(W * W))


def l2_dW(W: np.ndarray, strength: float, m: float = 1) -> np.ndarray:
    """What it adds to dJ/dW: (strength / m) W   [NNDL 88]"""
    return strength / m * W


# Wrong. What people write who know one formula and not yet the chain rule behind it; kept to be shown to disagree.


def wrong_dA_as_dZ(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    return bce_dA(A, Y, m)


def wrong_softmax_without_off_diagonal(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    return Y * (A - 1) / m


def wrong_squared_error_without_slope(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    return 2 * (A - Y) / m


def wrong_W_at_last_layer(
    A: np.ndarray, Y: np.ndarray, W: np.ndarray, layout: str = "rows", m: float = 1
) -> np.ndarray:
    return dense_dA_prev((A - Y) / m, W, layout)


def wrong_A_minus_Y_in_hidden_layer(A: np.ndarray, Y: np.ndarray, m: float = 1) -> np.ndarray:
    return (A - Y) / m


def wrong_hidden_without_slope(dZ_next: np.ndarray, W_next: np.ndarray, layout: str = "rows") -> np.ndarray:
    return dense_dA_prev(dZ_next, W_next, layout)


def wrong_dW_without_A_prev(dZ: np.ndarray, A_prev: np.ndarray, layout: str = "rows", m: float = 1) -> np.ndarray:
    return dense_dW(dZ, np.ones_like(A_prev), layout, m)


def wrong_dW_with_A(dZ: np.ndarray, A: np.ndarray, layout: str = "rows", m: float = 1) -> np.ndarray:
    return dense_dW(dZ, A, layout, m)


def wrong_one_over_m_twice(A: np.ndarray, Y: np.ndarray, A_prev: np.ndarray, layout: str, m: float) -> np.ndarray:
    return dense_dW((A - Y) / m, A_prev, layout, m)


@dataclass(frozen=True)
class Wrong:
    """A wrong formula, the right one in its place, where it goes wrong, and when it agrees by accident."""

    function: Callable[..., np.ndarray]
    instead: Callable[..., np.ndarray]
    text: str
    why: str
    agrees: str


#: The wrong formulas by name.
WRONG = {
    wrong.function.__name__: wrong
    for wrong in (
        Wrong(wrong_dA_as_dZ, sigmoid_bce_dZ, "dZ = -(Y/A) + (1 - Y)/(1 - A)",
              "this is dJ/dA; the factor dA/dZ = A (1 - A) is missing", "only where A = Y"),
        Wrong(wrong_softmax_without_off_diagonal, softmax_log_likelihood_dZ, "dZ = Y (A - 1)",
              "every z_j moves a_y, as they share one sum; the terms -a_y a_j of the other classes are missing",
              "at the true class always, at the others only where a_j = 0"),
        Wrong(wrong_squared_error_without_slope, sigmoid_squared_error_dZ, "dZ = 2 (A - Y)",
              "A (1 - A) cancels against a cross-entropy, not against a squared error", "only where A = Y"),
        Wrong(wrong_W_at_last_layer, sigmoid_bce_dZ, "dZ = W.T (A - Y)",
              "W leads from Z down to A_prev; no layer above the last sends anything back through a W",
              "only where W.T (A - Y) = A - Y, as with W the identity; else not even the shape need fit"),
        Wrong(wrong_A_minus_Y_in_hidden_layer, hidden_dZ, "dZ = A - Y",
              "no target belongs to a hidden A: the cost sees it through the layers above",
              "only where those layers are the identity, up to the last pair"),
        Wrong(wrong_hidden_without_slope, hidden_dZ, "dZ = W_next.T dZ_next",
              "this is dJ/dA; the factor dA/dZ of the layer's own activation is missing",
              "where that slope is 1: a linear layer, or a relu with every Z above 0"),
        Wrong(wrong_dW_without_A_prev, dense_dW, "dW = sum of dZ",
              "Z = W A_prev + b changes by A_prev as W changes by one: A_prev is the local derivative",
              "only where every A_prev = 1, as for b"),
        Wrong(wrong_dW_with_A, dense_dW, "dW = dZ.T A",
              "W multiplies what comes into the layer, not what comes out", "only where A = A_prev"),
        Wrong(wrong_one_over_m_twice, dense_dW, "dZ = (A - Y)/m and dW = (1/m) dZ.T A_prev",
              "either place is right for the 1/m, but only one of them", "only where m = 1"),
    )
}  # fmt: skip
