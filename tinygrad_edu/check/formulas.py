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
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "activation_slope",
    "bce_cost",
    "bce_dA",
    "dense",
    "dense_dA_prev",
    "dense_dW",
    "dense_db",
    "log_likelihood_cost",
    "sigmoid",
    "sigmoid_bce_dZ",
    "softmax",
    "softmax_log_likelihood_dZ",
]

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
    """A_j = exp(Z_j) / sum_k exp(Z_k), the sum over the classes of one example."""
    axis = 1 if in_rows(layout) else 0
    E = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)


def bce_cost(A: np.ndarray, Y: np.ndarray, m: int = 1) -> float:
    """J = -(1/m) sum of Y log A + (1 - Y) log(1 - A)"""
    return float(-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m)


def log_likelihood_cost(A: np.ndarray, Y: np.ndarray, m: int = 1) -> float:
    """J = -(1/m) sum of Y log A: of each example, the log of the one a_y whose class is true.

    Source:  Nielsen, Neural Networks and Deep Learning, chapter 3, equation 80
    """
    return float(-np.sum(Y * np.log(A)) / m)


# The last layer


def bce_dA(A: np.ndarray, Y: np.ndarray, m: int = 1) -> np.ndarray:
    """dJ/dA = (-(Y/A) + (1 - Y)/(1 - A)) / m: the cross-entropy alone."""
    return (-(Y / A) + (1 - Y) / (1 - A)) / m


def sigmoid_bce_dZ(A: np.ndarray, Y: np.ndarray, m: int = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m: sigmoid and cross-entropy together.

        dJ/dA * dA/dZ = (A - Y) / (A (1 - A)) / m * A (1 - A)

    The A (1 - A) cancels. No other layer is different: there the two factors are just not known as one.
    """
    return (A - Y) / m


def softmax_log_likelihood_dZ(A: np.ndarray, Y: np.ndarray, m: int = 1) -> np.ndarray:
    """dJ/dZ = (A - Y) / m: softmax and log-likelihood together, for rows Y that sum to one.

    Only a_y stands in the loss, but every z_j moves a_y: -1/a_y * a_y ([j = y] - a_j) = a_j - [j = y].

    Source:  Nielsen, Neural Networks and Deep Learning, chapter 3, equation 81 (dC/db_j = a_j - y_j)
    """
    return (A - Y) / m


# Any dense layer


def dense_dW(dZ: np.ndarray, A_prev: np.ndarray, layout: str = "rows", m: int = 1) -> np.ndarray:
    """dJ/dW = (1/m) dZ.T A_prev in rows, (1/m) dZ A_prev.T in columns.

    W[j, k] multiplies A_prev[., k] on its way into Z[., j]: dZ[., j]/dW[j, k] = A_prev[., k].
    """
    return (dZ.T @ A_prev if in_rows(layout) else dZ @ A_prev.T) / m


def dense_db(dZ: np.ndarray, layout: str = "rows", m: int = 1) -> np.ndarray:
    """dJ/db = (1/m) sum of dZ over the examples; b (out,) in rows, (out, 1) in columns."""
    return (dZ.sum(axis=0) if in_rows(layout) else dZ.sum(axis=1, keepdims=True)) / m


def dense_dA_prev(dZ: np.ndarray, W: np.ndarray, layout: str = "rows") -> np.ndarray:
    """dJ/dA_prev = dZ W in rows, W.T dZ in columns: what reaches the layer below."""
    return dZ @ W if in_rows(layout) else W.T @ dZ


def activation_slope(A: np.ndarray, activation: str) -> np.ndarray:
    """dA/dZ of a hidden activation, from A itself; dZ = dA * slope.

    sigmoid A (1 - A),   tanh 1 - A^2,   relu [A > 0]
    """
    slopes = {"sigmoid": A * (1 - A), "tanh": 1 - A * A, "relu": (A > 0).astype(A.dtype)}
    if activation not in slopes:
        raise ValueError(f"activation_slope: activation must be one of {', '.join(slopes)}; got {activation!r}.")
    return slopes[activation]
