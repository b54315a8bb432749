"""The optimizers, each with the formula of its step.

Read next: `schedules.py`, for a learning rate that changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinygrad_edu.optim.optimizer import Optimizer, require, require_number
from tinygrad_edu.tensor import Tensor

__all__ = ["SGD", "Adam", "AdamW", "RMSprop"]


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
        require(np.shape(betas) == (2,), f"{name}: betas must be two numbers; got {betas}. Pass (0.9, 0.999), say.")
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
            square += (1 - beta_square) * g * g  # not g * g first, which overflows sooner
            divisor = np.sqrt(square) / (1 - beta_square**t) ** 0.5 + self.eps
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
            square += (1 - self.alpha) * g * g
            g = g / (np.sqrt(square) + self.eps)
            for velocity in velocities:
                velocity *= self.momentum
                velocity += g
                g = velocity
            x -= lr * g


def require_fraction(owner: str, name: str, value: float) -> None:
    """Raise unless a share of the past is at least 0 and below 1."""
    require_number(owner, name, value)
    require(0 <= value < 1, f"{owner}: {name} must be in [0, 1); got {value}. It is the share kept of the past.")


def require_eps(owner: str, eps: float) -> None:
    """Raise unless eps is a positive number."""
    require_number(owner, "eps", eps)
    require(0 < eps < math.inf, f"{owner}: eps must be positive; got {eps}. It keeps the divisor from zero; try 1e-8.")


def require_decay(owner: str, weight_decay: float) -> None:
    """Raise unless the weight decay is a number, 0 or more."""
    require_number(owner, "weight_decay", weight_decay)
    require(
        0 <= weight_decay < math.inf,
        f"{owner}: weight_decay must not be negative; got {weight_decay}. Weights would grow; pass 0 for none.",
    )
