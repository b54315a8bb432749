"""Products of matrices: what is one step on paper, and which factor is the matrix of weights.

merge_transposes(graph, kept)   X @ W.T becomes one value, the product of X and W
written_in(node)                Z, for the product in Z = X @ W.T + b: both have the same gradient
weight_first(node)              whether it is W @ A: examples are columns
"""

from __future__ import annotations

from tinygrad_edu import ops
from tinygrad_edu.graph import Graph, GraphNode

__all__ = ["PRODUCTS", "merge_transposes", "one_example", "weight_first", "written_in"]

PRODUCTS = (ops.linear, ops.matmul, ops.dot)


def merge_transposes(graph: Graph, kept: GraphNode) -> None:
    """Take a transposed matrix without a name together with the product in which it stands on the right."""
    for node in graph.nodes:
        a, turned = node.inputs[:2] if node.op in (ops.matmul, ops.dot) else (None, None)
        if not isinstance(a, GraphNode) or not isinstance(turned, GraphNode) or a is turned or turned is kept:
            continue
        if turned.op is not ops.transpose or turned.named or a.data.ndim not in (1, 2) or turned.data.ndim != 2:
            continue
        (matrix,) = turned.parents
        node.op, node.inputs, node.params = ops.linear, [a, matrix, None], {}
        turned.uses.remove(node)
        matrix.uses.append(node)
        if not turned.uses:
            matrix.uses.remove(turned)
            graph.nodes.remove(turned)


def written_in(node: GraphNode) -> GraphNode:
    """The value with a name that a product without one is a term of, or the node itself."""
    use = node.uses[0] if len(node.uses) == 1 and node.op in PRODUCTS and not node.named else node
    return use if use.op is ops.add and use.named and use.shape == node.shape else node


def weight_first(node: GraphNode) -> bool:
    """Whether a product has its matrix of parameters on the left."""
    if node.op not in (ops.matmul, ops.dot):
        return False
    a, b = (x.parents[0] if isinstance(x, GraphNode) and x.op is ops.transpose else x for x in node.inputs)
    both = isinstance(a, GraphNode) and isinstance(b, GraphNode) and a.data.ndim == b.data.ndim == 2
    return both and a.kind == "parameter" and b.kind != "parameter"  # type: ignore[union-attr]


def one_example(node: GraphNode) -> bool:
    """Whether a product is of a matrix of parameters and a vector."""
    weights = any(x.kind == "parameter" and x.data.ndim == 2 for x in node.parents)
    return node.op in PRODUCTS and node.data.ndim == 1 and weights
