"""The line of the derivation that a gradient follows from, in the person's own names.

dJ/dW2 = dJ/dZ2 · A1ᵀ
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.check.activations import recognise
from tinygrad_edu.check.judged import Judged, Marked
from tinygrad_edu.check.network import Network

__all__ = ["derivation"]


def derivation(term: Judged, marked: Marked) -> str:
    """How the right value follows from the one above."""
    network, node = marked.network, term.node
    if network is None or node is None:
        return ""
    following = sorted(network.next_named(node), key=lambda x: x.created)
    left = f"dJ/d{term.name}"
    if not following:
        return f"{left} is the derivative of your cost by {term.name} itself"
    above = f"dJ/d{network.name_of[following[0]]}"
    if node in network.parameters and network.is_bias(node):
        text = f"{left} = Σ over the examples of {above}"
    elif products := network.products(node):
        text = f"{left} = {multiplied(above, products[0].other, products[0].other_left, marked)}"
        others = [network.name_of[x] for x in following[1:] if node not in network.parameters]
        text += f" + what comes through {' and '.join(others)}" if others else ""
    else:
        text = f"{left} = {applied(node, following[-1], network)}"
    decay = node in network.parameters and term.right is not None
    if decay and not np.allclose(network.main({}).get(node, term.right), term.right, rtol=1e-12, atol=0):  # type: ignore[arg-type]
        text += f" + the derivative of the term of {term.name} in the cost"
    return text


def multiplied(above: str, other: Any, other_left: bool, marked: Marked) -> str:
    """dJ/dZ times the transpose of the other operand, on its side."""
    name = operand(other, marked)
    return f"{name} · {above}" if other_left else f"{above} · {name}"


def operand(x: Any, marked: Marked) -> str:
    """The transposed operand by name."""
    data = x.data if isinstance(x, Node) else np.asarray(x)
    for name, value in marked.scene.arrays.items() if marked.scene else ():
        if value.shape == data.shape and np.array_equal(value, data):
            return f"{name}ᵀ"
        if value.T.shape == data.shape and np.array_equal(value.T, data):
            return name
    return "(its factor)ᵀ"


def applied(z: Node, a: Node, network: Network) -> str:
    """dJ/dA times the derivative of the activation."""
    above, a_name, z_name = f"dJ/d{network.name_of[a]}", network.name_of[a], network.name_of.get(z, "Z")
    link = network.elementwise(z)
    pre = link.pre if link else a
    activation = recognise(z.data, pre.data)
    if activation.name.startswith("softmax"):
        return f"{a_name} ⊙ ({above} − Σ over the classes of {above} ⊙ {a_name})"
    text = (
        f"{above} ⊙ {activation.written.format(z=z_name, a=a_name if pre is a else f'{activation.called}({z_name})')}"
    )
    return text if pre is a else f"{text} ⊙ mask / keep"
