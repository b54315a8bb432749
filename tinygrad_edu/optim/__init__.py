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

Read next: `optimizer.py`, what they share; then `descent.py`, their formulas.
"""

from tinygrad_edu.optim.descent import SGD, Adam, AdamW, RMSprop
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.schedules import CosineAnnealingLR, LRScheduler, StepLR

__all__ = ["SGD", "Adam", "AdamW", "CosineAnnealingLR", "LRScheduler", "Optimizer", "RMSprop", "StepLR"]
