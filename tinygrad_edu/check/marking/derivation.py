"""The line of the derivation that a gradient follows from, in the person's own names.

dJ/dW2 = dJ/dZ2 · A1ᵀ
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.check.marking.activations import recognise
from tinygrad_edu.check.marking.judged import Judged, Marked

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
    uses, products = network.uses.get(node, []), network.products(node)
    again_and_again = bool(
        network.traced.steps.intersection(network.later(node, network.name_of))
    )  # h[t + 1] from h[t]
    if node in network.parameters and (len(following) > 1 or again_and_again):
        count = len(uses if again_and_again else following)
        text = f"{left} = Σ over its {count} uses of what comes back through each"
    elif node in network.parameters and network.is_bias(node):
        text = f"{left} = Σ over the examples of {above}"
    elif products:
        text = f"{left} = {multiplied(above, products[0].other, products[0].other_left, marked)}"
        others = [network.name_of[x] for x in following[1:]]
        text += f" + what comes through {' and '.join(others)}" if others else ""
    elif len(following) > 1:
        text = f"{left} = what comes back through {' and '.join(network.name_of[x] for x in following)}, added up"
    elif node in network.parameters and [use.op for use, _ in uses] == [ops.multiply]:
        text = f"{left} = Σ over the examples of {above} ⊙ {operand(uses[0][0].inputs[1 - uses[0][1]], marked)}"
    else:
        text = f"{left} = {applied(node, following[-1], marked)}"
    decay = node in network.parameters and term.right is not None
    if decay and not np.allclose(network.main({}).get(node, term.right), term.right, rtol=1e-12, atol=0):  # type: ignore[arg-type]
        text += f" + the derivative of the term of {term.name} in the cost"
    return text


def multiplied(above: str, other: Any, other_left: bool, marked: Marked) -> str:
    """dJ/dZ times the transpose of the other operand, on its side."""
    name = turned(operand(other, marked))
    return f"{name} · {above}" if other_left else f"{above} · {name}"


def turned(name: str) -> str:
    """The transpose, by name."""
    return name[:-1] if name.endswith("ᵀ") else f"{name}ᵀ"


def operand(x: Any, marked: Marked) -> str:
    """An operand by name, or its transpose."""
    data = x.data if isinstance(x, Node) else np.asarray(x)
    if isinstance(x, Node) and marked.network is not None and x in marked.network.name_of:
        return marked.network.name_of[x]
    for name, value in marked.scene.arrays.items() if marked.scene else ():
        if value.shape == data.shape and np.array_equal(value, data):
            return name
        if value.T.shape == data.shape and np.array_equal(value.T, data):
            return f"{name}ᵀ"
    return "(its factor)"


def applied(z: Node, a: Node, marked: Marked) -> str:
    """dJ/dA times the derivative of the activation."""
    network = marked.network
    if network is None:
        return ""
    above, a_name, z_name = f"dJ/d{network.name_of[a]}", network.name_of[a], network.name_of.get(z, "Z")
    link = network.elementwise(z)
    pre = link.pre if link else a
    activation = recognise(z.data, pre.data)
    if activation.name.startswith("softmax"):
        return f"{a_name} ⊙ ({above} − Σ over the classes of {above} ⊙ {a_name})"
    if link is None and activation.name == "unknown":  # an entry is made of several
        return f"what comes back through {a_name}"
    if any(z is x for x in network.through_dropout(a)):
        return f"{above} (after dropout) ⊙ mask / keep"
    if activation.name == "unknown" and link and (name := factor(link.slope, marked)):
        return f"{above} ⊙ {name}"
    text = (
        f"{above} ⊙ {activation.written.format(z=z_name, a=a_name if pre is a else f'{activation.called}({z_name})')}"
    )
    return text if pre is a else f"{text} ⊙ mask / keep"


def factor(slope: np.ndarray, marked: Marked) -> str:
    """The array that a value was multiplied by, by name; "" if it has none."""
    for name, value in marked.scene.arrays.items() if marked.scene else ():
        if value.shape == slope.shape[slope.ndim - value.ndim :] and np.array_equal(
            slope, np.broadcast_to(value, slope.shape)
        ):
            return name
    return ""
