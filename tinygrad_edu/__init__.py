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
from tinygrad_edu.arrays import get_default_dtype, set_default_dtype
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
from tinygrad_edu.habits import advice
from tinygrad_edu.memory import keep_freed_arrays
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    from tinygrad_edu import check, data, func, plot
    from tinygrad_edu.read import onnx
    from tinygrad_edu.read.compile import compile
    from tinygrad_edu.read.derive import derive
    from tinygrad_edu.read.draw import draw
    from tinygrad_edu.read.draw.explorer import explore
    from tinygrad_edu.read.draw.tree import tree
    from tinygrad_edu.read.explain import explain
    from tinygrad_edu.read.source import source
    from tinygrad_edu.train import fit
else:
    #: What is imported when it is first asked for, so that the engine alone loads fast.
    LATER = {
        "check": "check",
        "compile": "read.compile",
        "data": "data",
        "derive": "read.derive",
        "distributed": "distributed",
        "draw": "read.draw",
        "explain": "read.explain",
        "explore": "read.draw.explorer",
        "fit": "train",
        "func": "func",
        "onnx": "read.onnx",
        "plot": "plot",
        "source": "read.source",
        "tree": "read.draw.tree",
    }

    def __getattr__(name):
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{advice(name)}")
        module = import_module(f"{__name__}.{LATER[name]}")
        return getattr(module, name, module)

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "Tensor",
    "autograd",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check",
    "compile",
    "cross_entropy",
    "data",
    "derive",
    "detect_anomaly",
    "distributed",
    "draw",
    "dropout",
    "explain",
    "explore",
    "fit",
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
    "onnx",
    "optim",
    "plot",
    "relu",
    "set_default_dtype",
    "sigmoid",
    "softmax",
    "softplus",
    "source",
    "tree",
]

__version__ = "0.1.0"

keep_freed_arrays()
