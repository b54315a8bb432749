"""What part a value plays in a graph: a parameter, a weight, a mean, a counter of the examples.

Read next: `replay.py`, which decides by it what the program computes again.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.graph import GraphNode
from tinygrad_edu.read.products import PRODUCTS, weight_first

__all__ = ["counts", "is_complement", "is_mean", "recorded", "weight", "weights_of"]

MOST = 100  # single numbers that another is made of, which are looked at


def recorded(node: GraphNode) -> bool:
    """Whether a gradient flows to a node."""
    return isinstance(node.value, Node) and node.value.requires_grad


def weight(node: GraphNode) -> bool:
    """Whether a leaf is multiplied with the examples, or added to all of them."""
    for use in node.uses:
        if use.op is ops.linear and node in use.inputs[1:]:
            return True
        if use.op in PRODUCTS and use.op is not ops.linear and use.inputs[0 if weight_first(use) else 1] is node:
            return True
        if use.shape != node.shape and use.op not in PRODUCTS and use.data.ndim > node.data.ndim:
            return True
    return False


def weights_of(node: GraphNode) -> list[np.ndarray]:
    """The data by which the terms of a sum were multiplied, where the node is that sum divided."""
    total = node.parents[0] if node.op is ops.divide and node.parents else None
    while total is not None and total.op is ops.negative:
        total = total.parents[0]
    product = total.parents[0] if total is not None and total.op is ops.sum else None
    if product is None or product.op is not ops.multiply:
        return []
    return [x.data for x in product.parents if x.op is None and not recorded(x)]


def is_mean(node: GraphNode) -> bool:
    """Whether a single number is made of means alone, which are divided by their numbers of entries already."""
    waiting, found = list(node.parents), False
    for x in waiting:
        if x.op is not None and any(y.data.size > 1 for y in x.parents):
            if x.op is not ops.mean and x.params.get("reduction") != "mean":
                return False
            found = True
        elif x.op is not None:
            waiting += [y for y in x.parents if y not in waiting]
        if len(waiting) > MOST:
            return False
    return found


def is_complement(node: GraphNode, form: str, other: GraphNode) -> bool:
    """Whether a single number is 1 - Y of one example, rather than a number that happens to be the same."""
    return form == "1 − {}" and other.named and not any(use.op in PRODUCTS for use in node.uses)


def counts(array: np.ndarray) -> bool:
    """Whether an array is 0 1 2 ..."""
    return array.ndim == 1 and array.dtype.kind in "iu" and np.array_equal(array, np.arange(len(array)))
