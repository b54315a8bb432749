"""Schedules: a learning rate that changes from step to step, or from epoch to epoch.

Read next: `data/batches.py`, for what the loop is fed with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tinygrad_edu.optim.optimizer import Optimizer, require, require_names, require_number

__all__ = ["CosineAnnealingLR", "LRScheduler", "StepLR"]


class LRScheduler:
    """A learning rate that is a function of the steps taken.

    optimizer  whose lr is set by `step()`
    base_lr    the lr it had at the start
    steps      how often `step()` was called
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: optimizer must be an Optimizer; got {type(optimizer).__name__}. "
                "Pass the one whose lr it sets, as in StepLR(optimizer, 10)."
            )
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
        name = f"{type(self).__name__}.load_state_dict"
        require_names(name, state_dict)
        require(
            self.state_dict().keys() <= state_dict.keys(),
            f"{name}: the state must hold base_lr and steps; got {', '.join(map(str, state_dict)) or 'nothing'}. "
            "Was it the optimizer's?",
        )
        self.base_lr, self.steps = float(state_dict["base_lr"]), int(state_dict["steps"])
        self.optimizer.lr = self.lr_at(self.steps)


class StepLR(LRScheduler):
    """Multiply the learning rate by gamma every step_size steps.

        lr(t) = base_lr * gamma**floor(t / step_size)

    Raises:  ValueError for settings out of range
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        require_number("StepLR", "step_size", step_size)
        require_number("StepLR", "gamma", gamma)
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
        require_number("CosineAnnealingLR", "T_max", T_max)
        require_number("CosineAnnealingLR", "eta_min", eta_min)
        require(T_max >= 1, f"CosineAnnealingLR: T_max must be at least 1; got {T_max}. Pass the number of steps down.")
        require(
            0 <= eta_min < math.inf,
            f"CosineAnnealingLR: eta_min must not be negative; got {eta_min}. Pass the last learning rate.",
        )
        super().__init__(optimizer)
        self.T_max, self.eta_min = T_max, float(eta_min)

    def lr_at(self, steps: int) -> float:
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * steps / self.T_max)) / 2
