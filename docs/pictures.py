"""Make the pictures of the documentation: python docs/pictures.py"""

from pathlib import Path

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.read.draw import Drawing, draw

PICTURES = Path(__file__).parent / "pictures"


def last_layer() -> Drawing:
    """A network with one hidden layer, sigmoid output and the cross-entropy written out."""
    rng = np.random.default_rng(0)
    X, Y = (
        tg.Tensor(rng.standard_normal((5, 3)), name="X"),
        tg.Tensor(rng.integers(0, 2, (5, 1)), name="Y", dtype=float),
    )
    A2 = tg.sigmoid(tg.nn.MLP([3, 4, 1], rng=rng)(X))
    return draw(tg.binary_cross_entropy(A2, Y), direction="LR")


if __name__ == "__main__":
    for path in (PICTURES / "last-layer.gv", PICTURES / "last-layer.svg"):
        print(last_layer().save(path))
