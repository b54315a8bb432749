"""Optimizers: what to do with the gradients that backward() has left.

    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        for X, Y in batches:
            optimizer.zero_grad()           gradients add up: forget those of the last step
            loss(model(X), Y).backward()
            optimizer.step()                x -= lr * g, or cleverer
        schedule.step()                     a new optimizer.lr

    SGD, Adam, AdamW, RMSprop       optimizers; `lr` may be set at any time
    StepLR, CosineAnnealingLR       schedules, which set it

In the formulas x is a parameter and g its gradient. A parameter without a gradient (frozen, or not
used) is skipped. Each `step` changes `parameter.data` in place, outside of the graph.

Read next: `data/batches.py`, for what the loop is fed with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = ["SGD", "Adam", "AdamW", "CosineAnnealingLR", "LRScheduler", "Optimizer", "RMSprop", "StepLR"]

#: Bytes of a parameter that are worked on at a time. A formula of several NumPy operations reads and
#: writes its arrays several times over; pieces of this size, and what is computed from them, stay in the cache.
PIECE = 1 << 18


def require(condition: bool, message: str) -> None:
    """Raise a ValueError unless the condition holds."""
    if not condition:
        raise ValueError(message)


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

        Raises:  ValueError if names or shapes differ from those here; then nothing is changed
        """
        name, own = type(self).__name__, self.state_dict()
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


class SGD(Optimizer):
    """Stochastic gradient descent: step against the gradient.

        g := g + weight_decay * x
        v := momentum * v + g                       with momentum, starting from v = 0
        x := x - lr * g                             plain
        x := x - lr * v                             with momentum
        x := x - lr * (g + momentum * v)            with nesterov

    Raises:  ValueError for settings out of range
    >>> x = Tensor([4.0], requires_grad=True)
    >>> optimizer = SGD([x], lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    Tensor([2.], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        require_fraction("SGD", "momentum", momentum)
        require(
            bool(momentum) or not nesterov,
            f"SGD: nesterov needs momentum; got momentum={momentum}. Pass for example momentum=0.9.",
        )
        require_decay("SGD", weight_decay)
        super().__init__(params, lr, ("velocity",) if momentum else ())
        self.momentum, self.nesterov, self.weight_decay = float(momentum), nesterov, float(weight_decay)

    def step(self) -> None:
        for position, x, g, state in self.pieces():
            if self.weight_decay:
                g = g + self.weight_decay * x
            if self.momentum:
                (velocity,) = state
                velocity *= self.momentum
                velocity += g
                g = g + self.momentum * velocity if self.nesterov else velocity
            x -= self.rates[position] * g


class Adam(Optimizer):
    """Adam: steps of about lr, whatever the gradient's size.

        g := g + weight_decay * x
        m := beta1 * m + (1 - beta1) * g            mean of the gradient, starting from 0
        v := beta2 * v + (1 - beta2) * g**2         mean of its square, starting from 0
        x := x - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)        at step t = 1, 2, ...

    The divisions by 1 - beta**t undo the pull towards the zeros that the means start from.

    Raises:  ValueError for settings out of range
    Source:  Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, Algorithm 1
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        name = type(self).__name__
        require(len(betas) == 2, f"{name}: betas must be two numbers; got {betas}. Pass for example (0.9, 0.999).")
        for position, beta in enumerate(betas):
            require_fraction(name, f"betas[{position}]", beta)
        require_eps(name, eps)
        require_decay(name, weight_decay)
        super().__init__(params, lr, ("mean", "square"))
        self.betas, self.eps, self.weight_decay = (float(betas[0]), float(betas[1])), float(eps), float(weight_decay)

    def step(self) -> None:
        lr, (beta, beta_square) = self.lr, self.betas
        for position, x, g, (mean, square) in self.pieces():
            t = self.steps[position]
            if self.weight_decay and self.decoupled:
                x -= lr * self.weight_decay * x
            elif self.weight_decay:
                g = g + self.weight_decay * x
            mean *= beta
            mean += (1 - beta) * g
            square *= beta_square
            square += (1 - beta_square) * (g * g)
            divisor = np.sqrt(square / (1 - beta_square**t)) + self.eps
            x -= lr / (1 - beta**t) * mean / divisor


class AdamW(Adam):
    """Adam whose weight decay bypasses the means.

        x := x - lr * weight_decay * x              then as Adam, with the bare gradient

    In Adam, a decay that is part of g is divided by sqrt(v) too: weights with large gradients
    hardly decay. Here all weights decay alike. (The paper's lambda is lr * weight_decay here, so that
    the decay follows the schedule of lr.)

    Raises:  ValueError for settings out of range
    Source:  Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, Algorithm 2
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """RMSprop: divide by the recent size of the gradient.

        g := g + weight_decay * x
        s := alpha * s + (1 - alpha) * g**2         mean square of the gradient, starting from 0
        x := x - lr * g / (sqrt(s) + eps)           plain
        v := momentum * v + g / (sqrt(s) + eps)     with momentum, starting from v = 0
        x := x - lr * v

    Raises:  ValueError for settings out of range
    Source:  Tieleman and Hinton, Neural Networks for Machine Learning, 2012, lecture 6.5
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        require_fraction("RMSprop", "alpha", alpha)
        require_eps("RMSprop", eps)
        require_decay("RMSprop", weight_decay)
        require_fraction("RMSprop", "momentum", momentum)
        super().__init__(params, lr, ("square", "velocity") if momentum else ("square",))
        self.alpha, self.eps, self.weight_decay, self.momentum = map(float, (alpha, eps, weight_decay, momentum))

    def step(self) -> None:
        lr = self.lr
        for _, x, g, (square, *velocities) in self.pieces():
            if self.weight_decay:
                g = g + self.weight_decay * x
            square *= self.alpha
            square += (1 - self.alpha) * (g * g)
            g = g / (np.sqrt(square) + self.eps)
            for velocity in velocities:
                velocity *= self.momentum
                velocity += g
                g = velocity
            x -= lr * g


class LRScheduler:
    """A learning rate that is a function of the steps taken.

    optimizer  whose lr is set by `step()`
    base_lr    the lr it had at the start
    steps      how often `step()` was called
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.base_lr, self.steps = optimizer, float(optimizer.lr), 0

    def lr_at(self, steps: int) -> float:
        """The learning rate after that many steps."""
        raise NotImplementedError(
            f"{type(self).__name__}: lr_at must be defined; got only LRScheduler.lr_at. Use StepLR, or write one."
        )

    def step(self) -> None:
        """Count a step and set the learning rate of the optimizer."""
        self.steps += 1
        self.optimizer.lr = self.lr_at(self.steps)

    def state_dict(self) -> dict[str, Any]:
        """The first learning rate and the steps taken."""
        return {"base_lr": self.base_lr, "steps": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the schedule that gave this state_dict() was."""
        self.base_lr, self.steps = float(state_dict["base_lr"]), int(state_dict["steps"])
        self.optimizer.lr = self.lr_at(self.steps)


class StepLR(LRScheduler):
    """Multiply the learning rate by gamma every step_size steps.

        lr(t) = base_lr * gamma**floor(t / step_size)

    Raises:  ValueError for settings out of range
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        require(step_size >= 1, f"StepLR: step_size must be at least 1; got {step_size}. Pass a number of steps.")
        require(0 < gamma < math.inf, f"StepLR: gamma must be positive; got {gamma}. Pass 0.1 to divide by ten.")
        super().__init__(optimizer)
        self.step_size, self.gamma = step_size, float(gamma)

    def lr_at(self, steps: int) -> float:
        return self.base_lr * self.gamma ** (steps // self.step_size)


class CosineAnnealingLR(LRScheduler):
    """Lower the learning rate along half a cosine.

        lr(t) = eta_min + (base_lr - eta_min) * (1 + cos(pi * t / T_max)) / 2

    It is eta_min at t = T_max; with more steps it rises again, back to base_lr at 2 * T_max.

    Raises:  ValueError for settings out of range
    Source:  Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        require(T_max >= 1, f"CosineAnnealingLR: T_max must be at least 1; got {T_max}. Pass the number of steps down.")
        require(
            0 <= eta_min < math.inf,
            f"CosineAnnealingLR: eta_min must not be negative; got {eta_min}. Pass the last learning rate.",
        )
        super().__init__(optimizer)
        self.T_max, self.eta_min = T_max, float(eta_min)

    def lr_at(self, steps: int) -> float:
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * steps / self.T_max)) / 2


def require_fraction(owner: str, name: str, value: float) -> None:
    require(0 <= value < 1, f"{owner}: {name} must be in [0, 1); got {value}. It is the share kept of the past.")


def require_eps(owner: str, eps: float) -> None:
    require(0 < eps < math.inf, f"{owner}: eps must be positive; got {eps}. It keeps the divisor from zero; try 1e-8.")


def require_decay(owner: str, weight_decay: float) -> None:
    require(
        0 <= weight_decay < math.inf,
        f"{owner}: weight_decay must not be negative; got {weight_decay}. Weights would grow; pass 0 for none.",
    )
