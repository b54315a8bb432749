"""A network as a table: its layers, what comes out of each, and how many parameters it holds.

print(summary(model, X[:1]))
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.autograd import no_grad
from tinygrad_edu.notebook import table
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    from tinygrad_edu.nn.module import Module

__all__ = ["Summary", "summary"]


@dataclass(frozen=True, repr=False)
class Summary:
    """Prints as a table; a notebook shows it as one.

    rows        name, layer, shape of the output, number of parameters; the titles first
    parameters  all of them; a shared one counts once
    trained     those that require a gradient
    """

    title: str
    rows: list[list[str]]
    parameters: int
    trained: int

    @property
    def total(self) -> str:
        """The last line of the table."""
        unit = "parameter" if self.parameters == 1 else "parameters"
        return f"{self.parameters:,} {unit}" + (f", {self.trained:,} trained" * (self.trained != self.parameters))

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [self.title] if self.title else []
        for name, layer, *others in self.rows:
            cells = [f"{name:<{widths[0]}}", f"{layer:<{widths[1]}}"]
            cells += [f"{x:>{width}}" for x, width in zip(others, widths[2:], strict=True)]
            lines.append("   ".join(cells).rstrip())
        return "\n".join([*lines, self.total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [[f"{name} {layer}".strip(), *others] for name, layer, *others in self.rows]
        return table(rows, self.title, self.total)


def summary(model: Module, example: Any = None) -> Summary:
    """The layers of a network in a table; with a batch `example`, what comes out of each.

    The network is called once on the example, in evaluation; m stands for the number of examples.

    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.summary(nn.MLP([2, 16, 1]), np.zeros((5, 2)))
    MLP
        layer                                               output   parameters
    0   Linear(in_features=2, out_features=16, bias=True)   (m, 16)           48
    1   Tanh()                                              (m, 16)            0
    2   Linear(in_features=16, out_features=1, bias=True)    (m, 1)           17
    65 parameters
    """
    named = dict(model.named_modules())
    shapes = {} if example is None else outputs(model, example)
    rows = [["", "layer", *(["output"] if shapes else []), "parameters"]]
    for name, module in named.items():
        inner = f"{name}." if name else ""
        below = [other for other in named if other != name and other.startswith(inner)]
        own = [x for key, x in module.named_parameters() if not any(f"{inner}{key}".startswith(f"{b}.") for b in below)]
        if own or not below:
            layer = type(module).__name__ if below else repr(module)
            shown = [shapes.get(id(module), "")] if shapes else []
            rows.append([name, layer, *shown, f"{sum(x.size for x in own):,}"])
    parameters = list(model.parameters())
    trained = sum(x.size for x in parameters if x.requires_grad)
    return Summary(type(model).__name__, rows, sum(x.size for x in parameters), trained)


def outputs(model: Module, example: Any) -> dict[int, str]:
    """The shape of what each module gave last, by the id of the module."""
    x, modules, found = np.asarray(example), list(model.modules()), dict[int, str]()

    def noting(module: Module) -> Callable[..., Any]:
        forward = module.forward

        def noted(*inputs: Any) -> Any:
            result = forward(*inputs)
            if isinstance(result, Tensor):
                sizes = ["m" if axis == 0 and size == len(x) else str(size) for axis, size in enumerate(result.shape)]
                found[id(module)] = f"({', '.join(sizes)})"
            return result

        return noted

    with model.evaluating(), no_grad(), ExitStack() as after:
        for module in modules:
            if "forward" in vars(module):  # an attribute, not only a method
                after.callback(vars(module).update, forward=module.forward)
            after.callback(vars(module).pop, "forward")
            vars(module)["forward"] = noting(module)
        model(Tensor(x))
    return found
