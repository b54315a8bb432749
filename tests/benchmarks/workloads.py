"""Five networks and their data, from one that is all overhead to one that is all arithmetic.

Draw one with `WORKLOADS["W1"].draw("float64")`. Read `contenders.py` next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Examples = tuple[np.ndarray, np.ndarray]


@dataclass
class Problem:
    """What a contender is given: data, starting weights, and which network they belong to."""

    activation: str
    loss: str
    X: np.ndarray
    y: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Workload:
    """A dense network, its loss, and where its examples come from.

    Shapes:  X (m, n); y (m, 1) for the binary loss, (m,) of int for classes; W (n, k); b (k,)
    """

    sizes: tuple[int, ...]
    activation: str
    loss: str
    source: str
    batch: int

    def draw(self, dtype: str) -> Problem:
        """Draw the same numbers every time, then cast them."""
        rng = np.random.default_rng(0)
        X, y = SOURCES[self.source](rng, self.batch, self.sizes)
        if self.loss == "binary":
            y = y[:, np.newaxis].astype(dtype)
        layers = []
        for inputs, outputs in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            bound = 1 / np.sqrt(inputs)
            W, b = rng.uniform(-bound, bound, (inputs, outputs)), rng.uniform(-bound, bound, outputs)
            layers.append((W.astype(dtype), b.astype(dtype)))
        return Problem(self.activation, self.loss, X.astype(dtype), y, layers)


def two_moons(rng: np.random.Generator, m: int, sizes: tuple[int, ...]) -> Examples:
    """Two half circles, one upside down, with a little noise."""
    angle, y = rng.uniform(0, np.pi, m), rng.integers(0, 2, m)
    upper, lower = (np.cos(angle), np.sin(angle)), (1 - np.cos(angle), 0.5 - np.sin(angle))
    X = np.where(y, lower, upper).T + rng.normal(0, 0.1, (m, 2))
    return X, y


def digits(rng: np.random.Generator, m: int, sizes: tuple[int, ...]) -> Examples:
    """The first m handwritten digits, pixels scaled to [0, 1]."""
    from tinygrad_edu.data import digits as load  # here, so that its rivals' processes never import it

    X, y = load()
    return np.reshape(X, (len(X), -1))[:m] / 16, y[:m]


def noise(rng: np.random.Generator, m: int, sizes: tuple[int, ...]) -> Examples:
    """Normal inputs with labels that mean nothing."""
    return rng.normal(size=(m, sizes[0])), rng.integers(0, sizes[-1], m)


SOURCES = {"two moons": two_moons, "digits": digits, "noise": noise}

WORKLOADS = {
    "W1": Workload((2, 16, 16, 1), "tanh", "binary", "two moons", 32),
    "W2": Workload((2, 64, 64, 1), "relu", "binary", "two moons", 1000),
    "W3": Workload((64, 128, 10), "relu", "classes", "digits", 128),
    "W4": Workload((784, 512, 256, 10), "relu", "classes", "noise", 128),
    "W5": Workload((784, 1024, 1024, 10), "relu", "classes", "noise", 512),
}
