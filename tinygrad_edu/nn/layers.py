"""Layers with parameters, and networks made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from numbers import Integral
from typing import Any

import numpy as np

from tinygrad_edu import functional, ops
from tinygrad_edu.arrays import get_default_dtype
from tinygrad_edu.nn.activations import Tanh
from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import NO_PARAMS, Tensor, apply

__all__ = ["MLP", "Dropout", "Linear", "Sequential"]


class Linear(Module):
    """A dense layer, examples in rows.

        z = x W.T + b
        dJ/dW = (dJ/dz).T x,   dJ/db = sum of dJ/dz over the examples,   dJ/dx = dJ/dz W

    Weights and biases start uniform in +-1/sqrt(in_features), as PyTorch's do.

    Shapes:  x (..., in_features) -> (..., out_features); weight (out_features, in_features)
    Raises:  ValueError for a size below 1
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: np.random.Generator | int | None = None,
        dtype: Any = None,
    ) -> None:
        if not all(isinstance(size, Integral) for size in (in_features, out_features)):
            raise TypeError(
                f"Linear: in_features and out_features must be whole numbers; got {in_features!r}, {out_features!r}. "
                "They are the numbers of columns that come in and go out."
            )
        if in_features < 1 or out_features < 1:
            raise ValueError(
                f"Linear: in_features and out_features must be at least 1; got {in_features} and {out_features}. "
                "They are the numbers of columns that come in and go out."
            )
        rng, dtype = np.random.default_rng(rng), dtype or get_default_dtype()
        limit = 1 / math.sqrt(in_features)
        self.weight: Tensor = Tensor(rng.uniform(-limit, limit, (out_features, in_features)), True, dtype=dtype)
        self.bias: Tensor | None = Tensor(rng.uniform(-limit, limit, out_features), True, dtype=dtype) if bias else None

    def forward(self, x: Any) -> Any:
        return apply(ops.linear, (x, self.weight, self.bias), NO_PARAMS)

    def extra_repr(self) -> str:
        out_features, in_features = self.weight.shape
        return f"in_features={in_features}, out_features={out_features}, bias={self.bias is not None}"


class Dropout(Module):
    """In training, zero each entry with probability p and scale the rest by 1/(1 - p)."""

    def __init__(self, p: float = 0.5, rng: np.random.Generator | int | None = None) -> None:
        functional.check_share("Dropout", p)
        self.p = p
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Any) -> Any:
        return functional.dropout(x, self.p, self.rng) if self.training and self.p else x

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Sequential(Module):
    """Modules (or functions) in a row, each fed with what the last one gave."""

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for position, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                raise TypeError(
                    f"Sequential: layer {position} must be a Module or a function; got {type(layer).__name__}. "
                    "Pass the layers one by one: Sequential(a, b()), each made with its brackets."
                )
        self.layers = list(layers)

    def children(self) -> Iterator[tuple[str, Any]]:
        layers = ((str(position), layer) for position, layer in enumerate(self.layers))
        others = filter(lambda child: child[0] != "layers", super().children())
        return chain(layers, others)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, position: int | slice) -> Any:
        """A layer, or for a slice a network of the same layers."""
        return Sequential(*self.layers[position]) if isinstance(position, slice) else self.layers[position]


class MLP(Sequential):
    """A multilayer perceptron: Linear layers of the given sizes with an activation between them.

        Z1 = X W1.T + b1,  A1 = activation(Z1),  Z2 = A1 W2.T + b2,  ...

    The last layer gives Z, without an activation: add one, or use a loss on logits.

    Shapes:  x (m, sizes[0]) -> (m, sizes[-1])
    Raises:  ValueError for fewer than two sizes; TypeError for an activation that is no class of modules
    >>> MLP([2, 3, 1])
    MLP(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Tanh()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: type[Module] = Tanh,
        rng: np.random.Generator | int | None = None,
        dtype: Any = None,
    ) -> None:
        if not isinstance(sizes, Sequence) or len(sizes) < 2:
            raise ValueError(f"MLP: sizes must hold at least the inputs and the outputs; got {sizes}. Try [2, 16, 1].")
        rng = np.random.default_rng(rng)
        if not (isinstance(activation, type) and issubclass(activation, Module)):
            raise TypeError(
                f"MLP: activation must be a class of modules; got {activation!r}. Pass nn.Tanh or nn.ReLU, without "
                "brackets: each layer gets one of its own."
            )
        layers: list[Module] = []
        for number, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
            layer = Linear(fan_in, fan_out, rng=rng, dtype=dtype)
            for letter, x in zip("Wb", layer.parameters(), strict=True):
                x.name = f"{letter}{number}"
            layers += [layer, activation()]
        super().__init__(*layers[:-1])
