"""Central differences of a person's forward: the judge where it cannot be traced, the proof that a trace is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.autograd import grad
from tinygrad_edu.check.marking.probe import Probe
from tinygrad_edu.check.marking.trace import Traced, copied, same_randomness

__all__ = ["agrees", "slopes"]


def agrees(forward: Callable[..., Any], traced: Traced, probe: Probe) -> bool:
    """Whether the traced gradient is the slope of forward: a part of the cost may have been cut from the graph."""
    rng = np.random.default_rng(1)
    moved = {name: rng.standard_normal(x.shape) for name, x in traced.params.items() if hasattr(x, "requires_grad")}
    tensors = [traced.params[name] for name in moved]
    with np.errstate(all="ignore"):
        gradients = grad(traced.cost, tensors, allow_unused=True)
    predicted = sum(float(np.vdot(moved[n], g.data)) for n, g in zip(moved, gradients, strict=True) if g is not None)

    def at(h: float) -> float:
        return cost(forward, {n: x + h * moved[n] if n in moved else x for n, x in probe.params.items()}, probe)

    try:
        if abs(at(0.0) - traced.value) > 1e-9 * max(1.0, abs(traced.value)):
            return True  # another value on the same inputs: a fresh mask, which the trace has already
        for h in (1e-5, 1e-6, 1e-7):
            slope = (at(h) - at(-h)) / (2 * h)
            if abs(slope - predicted) <= 1e-4 * max(abs(slope), abs(predicted)) + 1e-9 / h * 1e-3:
                return True
    except Exception:  # forward does not run on plain arrays in float64
        return True
    return False


def cost(forward: Callable[..., Any], params: dict[str, Any], probe: Probe) -> float:
    """The cost on plain arrays."""
    with np.errstate(all="ignore"), same_randomness(forward):
        result = forward(copied(params), copied(probe.X), copied(probe.Y))
    return float(np.squeeze(result[0] if isinstance(result, tuple) else result))


def slopes(forward: Callable[..., Any], probe: Probe, name: str) -> np.ndarray:
    """The slopes of the cost by every entry of a parameter."""
    params = dict(probe.params)
    x = params[name] = probe.params[name].copy()
    found = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        before, h = x[index], 1e-5 * max(1.0, abs(float(x[index])))
        x[index] = before + h
        right = cost(forward, params, probe)
        x[index] = before - h
        found[index] = (right - cost(forward, params, probe)) / (2 * h)
        x[index] = before
    return found
