"""The autograd you can read: one table of derivative rules, one chain rule, and readings of the graph.

    import tinygrad_edu as tg

    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                          # Tensor([2., 4.])

Read in this order: `ops.py` (the derivative sheet), `autograd.py` (the chain rule), `tensor.py`.
"""

from tinygrad_edu import autograd, check, data, functional, nn, optim
from tinygrad_edu.autograd import detect_anomaly, no_grad
from tinygrad_edu.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    leaky_relu,
    linear,
    log_softmax,
    logsumexp,
    mse_loss,
    nll_loss,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from tinygrad_edu.memory import keep_freed_arrays
from tinygrad_edu.tensor import Tensor

__all__ = [
    "Tensor",
    "autograd",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check",
    "cross_entropy",
    "data",
    "detect_anomaly",
    "dropout",
    "functional",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "mse_loss",
    "nll_loss",
    "nn",
    "no_grad",
    "optim",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
]

__version__ = "0.1.0"

keep_freed_arrays()
