"""Data to learn from: toy sets, small real sets, and batches of either.

    X, y = moons(400, rng=0)                     toy sets in the plane: blobs, circles, moons, spirals, xor
    X, y = iris()                                real sets, shipped as files: iris, cancer, digits
    X, y = read_table("flowers.csv", "species")  a table of your own; load_idx for files like MNIST's
    for X_batch, y_batch in batches(X, y, 32):   one epoch; before it: split, standardize

Everything is a plain NumPy array with examples in rows; nothing here knows of tensors or touches the network.
Read next: `toys.py`, `real.py`, `tables.py`, `batches.py`.
"""

from tinygrad_edu.data.batches import batches, split, standardize
from tinygrad_edu.data.idx import load_idx
from tinygrad_edu.data.real import Dataset, cancer, digits, iris
from tinygrad_edu.data.tables import Table, read_table
from tinygrad_edu.data.toys import blobs, circles, moons, spirals, xor

__all__ = [
    "Dataset",
    "Table",
    "batches",
    "blobs",
    "cancer",
    "circles",
    "digits",
    "iris",
    "load_idx",
    "moons",
    "read_table",
    "spirals",
    "split",
    "standardize",
    "xor",
]
