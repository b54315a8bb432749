"""Products of matrices in a compiled program: by NumPy's BLAS or, large ones, by MKL.

Read next: `emit.py`, all other steps.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu import mkl
from tinygrad_edu.read.compile.expressions import Expressions
from tinygrad_edu.read.compile.memory import Memory, Place
from tinygrad_edu.read.program import Program, Step, Value

__all__ = ["Products"]


class Products(Expressions):
    """Writes products."""

    program: Program
    memory: Memory

    def product(self, number: int, step: Step) -> None:
        """A product by BLAS."""
        place = self.places[step.result] = self.memory.room(step.result, number, (), self.memory.order(step))
        left, right = map(self.place, step.args)
        if mkl.takes(step.args[0].shape, step.args[1].shape, step.result.dtype):
            self.by_mkl(left, right, place)
            return
        if packs(left.array, right.array):
            if step.args[0].size < step.args[1].size:
                left = self.copied(number, step.args[0], "F")
            else:
                right = self.copied(number, step.args[1], "C")
        a, b, out = self.turned_over(left, right, place)
        self.lines.append(f"{a}.dot({b}, {out})")  # faster than np.dot, which looks for __array_function__

    def by_mkl(self, left: Place, right: Place, place: Place, more: str = "") -> None:
        """A product by MKL."""
        product = self.names.of(mkl.product, "product_by_mkl")
        self.lines.append(f"{product}({', '.join(self.turned_over(left, right, place))}{more})")

    def turned_over(self, left: Place, right: Place, place: Place) -> list[str]:
        """Two factors and their product by name; all transposed and the factors exchanged, if it lies by columns."""
        if place.array is None or place.array.flags.c_contiguous:
            return [left.name, right.name, place.name]
        return [*map(self.transposed, (right, left, place))]

    def descend(self, number: int, step: Step) -> None:
        """x less a multiple of a product, in x itself if nothing else needs it as it was."""
        x, rate, *factors = step.args
        before, left, right = map(self.place, (x, *factors))
        apart = before.buffer not in (left.buffer, right.buffer)
        place = self.places[step.result] = self.memory.room(step.result, number, (x,) if apart else ())
        if before.name != place.name:
            self.lines.append(f"{self.call(np.copyto)}({place.name}, {before.name})")
        self.by_mkl(left, right, place, f", -{self.expression(rate)}, 1")

    def copied(self, number: int, value: Value, order: str) -> Place:
        """A copy for the time of a step, row by row ("C") or column by column."""
        copy = self.memory.take(Value(value.shape, value.dtype, self.program.steps[number]), number, order)
        self.lines.append(f"{self.call(np.copyto)}({copy.name}, {self.place(value).name})")
        return copy


def packs(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether OpenBLAS copies both factors into blocks, though the product is small: because of the ways they lie.

    It has a quicker way for small products, but not for rows by columns (in its sources,
    kernel/x86_64/dgemm_small_kernel_permit_skylakex.c).
    """
    if a is None or b is None or a.ndim != 2 or b.ndim != 2:
        return False
    (m, k), n = a.shape, b.shape[1]
    by_columns = b.flags.f_contiguous and not b.flags.c_contiguous
    return a.flags.c_contiguous and by_columns and m * n > 1200 and m * n * k <= 1_000_000
