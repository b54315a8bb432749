"""Data to learn from: toy sets, small real sets, and batches of either.

    X, y = moons(400, rng=0)                     toy sets in the plane: blobs, circles, moons, spirals, xor
    X, y = iris()                                real sets, shipped as files: iris, cancer, digits
    for X_batch, y_batch in batches(X, y, 32):   one epoch; before it: split, standardize

Everything is a plain NumPy array with examples in rows; nothing here knows of tensors or touches the network.
Read next: `toys.py`, `real.py`, `batches.py`.
"""

from tinygrad_edu.data.batches import batches, split, standardize
from tinygrad_edu.data.real import Dataset, cancer, digits, iris
from tinygrad_edu.data.toys import blobs, circles, moons, spirals, xor

__all__ = [
    "Dataset",
    "batches",
    "blobs",
    "cancer",
    "circles",
    "digits",
    "iris",
    "moons",
    "spirals",
    "split",
    "standardize",
    "xor",
]
