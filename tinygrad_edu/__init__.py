"""The autograd you can read: one table of derivative rules, one chain rule, and readings of the graph.

    import tinygrad_edu as tg

    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                          # Tensor([2., 4.])

Read in this order: `ops` (the derivative sheet), `autograd.py` (the chain rule), `tensor.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tinygrad_edu import autograd, functional, nn, optim
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
from tinygrad_edu.tensor import Tensor, get_default_dtype, set_default_dtype

if TYPE_CHECKING:
    from tinygrad_edu import check, data, func
    from tinygrad_edu.read.derive import derive
    from tinygrad_edu.read.draw import draw
    from tinygrad_edu.read.explorer import explore
    from tinygrad_edu.read.tree import tree
else:
    #: What is imported when it is first asked for, so that the engine alone loads fast.
    LATER = {
        "check": "check",
        "data": "data",
        "derive": "read.derive",
        "draw": "read.draw",
        "explore": "read.explorer",
        "func": "func",
        "tree": "read.tree",
    }

    def __getattr__(name):
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{LATER[name]}")
        return module if LATER[name] == name else getattr(module, name)

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "Tensor",
    "autograd",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check",
    "cross_entropy",
    "data",
    "derive",
    "detect_anomaly",
    "draw",
    "dropout",
    "explore",
    "func",
    "functional",
    "get_default_dtype",
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
    "set_default_dtype",
    "sigmoid",
    "softmax",
    "softplus",
    "tree",
]

__version__ = "0.1.0"

keep_freed_arrays()
