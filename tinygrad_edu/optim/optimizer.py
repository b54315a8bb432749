"""Optimizer: parameters, the state that is kept for each, and what a step works on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = ["Optimizer", "require", "require_names", "require_number"]

#: Bytes of a parameter that are worked on at a time. A formula of several NumPy operations reads and
#: writes its arrays several times over; pieces of this size, and what is computed from them, stay in the cache.
PIECE = 1 << 18


def require(condition: bool, message: str) -> None:
    """Raise a ValueError unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_number(owner: str, name: str, value: Any) -> None:
    """Raise a TypeError unless the setting is one number."""
    if not hasattr(value, "__float__") or np.ndim(value):
        raise TypeError(f"{owner}: {name} must be a number; got {value!r:.60}. Write it without quotes or brackets.")


def require_names(owner: str, state: Any) -> None:
    """Raise a TypeError unless the state holds values by name."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{owner}: the state must be a dict, as state_dict() gives it; got {type(state).__name__}. "
            "Pass the dict itself, not a file."
        )


class Optimizer:
    """The parameters, and the state kept for each of them.

    params  the parameters, in the order given
    lr      the learning rate, a number; set it whenever you like
    steps   for each parameter, how many steps it has taken
    state   for each parameter, its arrays, named by `buffers`

    To write your own, name the buffers, and let `step` go through `pieces()`.

    Raises:  ValueError, TypeError for parameters that cannot be trained
    """

    def __init__(self, params: Iterable[Tensor], lr: float, buffers: tuple[str, ...] = ()) -> None:
        name = type(self).__name__
        require_number(name, "lr", lr)
        require(
            0 < lr < math.inf,
            f"{name}: lr must be positive and finite; got {lr}. To stop training a parameter, set requires_grad=False.",
        )
        if isinstance(params, Tensor) or not isinstance(params, Iterable):
            raise TypeError(
                f"{name}: params must be an iterable of Tensors; got {type(params).__name__}. "
                "Pass model.parameters(), or [x] for a single Tensor."
            )
        self.params = list(params)
        require(
            bool(self.params),
            f"{name}: params must hold at least one Tensor; got none. "
            "Did the module define any? Or was a generator used before?",
        )
        first: dict[Tensor, int] = {}
        for position, x in enumerate(self.params):
            if not isinstance(x, Tensor):
                raise TypeError(
                    f"{name}: params must hold Tensors only; got {type(x).__name__} at position {position}. "
                    "Pass model.parameters()."
                )
            if x.op is not None:
                raise ValueError(
                    f"{name}: params must be leaves, as others keep no gradient; got the result of {x.op.name} "
                    f"at position {position}. Compute the array first, then Tensor(array, requires_grad=True)."
                )
            if x in first:
                raise ValueError(
                    f"{name}: each Tensor must be listed once; got the same at positions {first[x]} and {position}. "
                    "A shared weight has one gradient: leave the repetition out."
                )
            first[x] = position
        require(
            any(x.requires_grad for x in self.params),
            f"{name}: at least one parameter must require a gradient; got none among {len(self.params)}. "
            "Make them with requires_grad=True.",
        )
        self.lr, self.buffers = lr, buffers
        self.steps = [0] * len(self.params)
        self.state = [tuple(np.zeros_like(x.data) for _ in buffers) for x in self.params]

    @property
    def lr(self) -> float:
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        name = type(self).__name__
        require_number(name, "lr", lr)
        require(0 <= lr < math.inf, f"{name}: lr must be finite, and not negative; got {lr}. Pass 0.1, say.")
        self._lr = float(lr)
        self.rates = [np.array(lr, x.dtype) for x in self.params]  # for NumPy, faster to multiply by than a float

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for x in self.params:
            x.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        raise NotImplementedError(
            f"{type(self).__name__}: step must be defined; got only Optimizer.step. Use SGD or Adam, or write one."
        )

    def pieces(self) -> list[tuple[Any, ...]]:
        """What a step works on: position, x, g and the arrays of its state, where there is a gradient.

        All are changed in place, except g, which is only read. A large parameter comes in pieces of
        some rows, one after the other.
        """
        pieces: list[tuple[Any, ...]] = []
        for position, parameter in enumerate(self.params):
            if parameter.grad is None:
                continue
            x, g, state = parameter.data, parameter.grad.data, self.state[position]
            if g.shape != x.shape:
                raise ValueError(
                    f"{type(self).__name__}.step: a gradient must have the shape of its parameter, {x.shape}; got "
                    f"{g.shape} at position {position}. Check the transposes and the sum over the examples."
                )
            self.steps[position] += 1
            if x.nbytes <= PIECE:
                pieces.append((position, x, g, state))
                continue
            size = max(1, PIECE * len(x) // x.nbytes)
            for start in range(0, len(x), size):
                rows = slice(start, start + size)
                pieces.append((position, x[rows], g[rows], tuple([array[rows] for array in state])))
        if not pieces:
            raise RuntimeError(
                f"{type(self).__name__}.step: at least one parameter must have a gradient; got none among "
                f"{len(self.params)}. Call backward() first, and zero_grad() only before it or after step()."
            )
        return pieces

    def state_dict(self) -> dict[str, Any]:
        """All that training changes here: lr, the steps taken and a copy of each array.

        The arrays are named by buffer and position: "velocity.0". What the constructor was given
        besides (momentum, betas ...) is not in it.
        """
        arrays = {
            f"{buffer}.{position}": array.copy()
            for position, state in enumerate(self.state)
            for buffer, array in zip(self.buffers, state, strict=True)
        }
        return {"lr": self.lr, "steps": np.array(self.steps), **arrays}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the optimizer that gave this state_dict() was.

        Raises:  TypeError, ValueError if names or shapes differ from those here; then nothing is changed
        """
        name, own = type(self).__name__, self.state_dict()
        require_names(f"{name}.load_state_dict", state_dict)
        different = sorted(own.keys() ^ state_dict.keys())
        require(
            not different,
            f"{name}.load_state_dict: the names must be those of this optimizer; got a difference in "
            f"{', '.join(different[:4])}. Make the optimizer as it was: class, momentum, number of parameters.",
        )
        loaded = {key: np.array(state_dict[key], np.asarray(value).dtype) for key, value in own.items()}
        for key, array in loaded.items():
            require(
                array.shape == np.shape(own[key]),
                f"{name}.load_state_dict: {key} must have the shape {np.shape(own[key])}; got {array.shape}. "
                "After the dot stands the position of the parameter: was it another model, or another order?",
            )
        self.lr, self.steps = loaded["lr"].item(), loaded["steps"].tolist()
        for position, state in enumerate(self.state):
            for buffer, array in zip(self.buffers, state, strict=True):
                array[...] = loaded[f"{buffer}.{position}"]
