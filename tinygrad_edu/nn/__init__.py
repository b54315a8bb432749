"""Dense networks: modules that hold their parameters, and losses.

    model = MLP([2, 16, 1], activation=Tanh, rng=np.random.default_rng(0))
    J = BCEWithLogitsLoss()(model(X), Y)
    J.backward()

Read next: `module.py`, then `layers.py`.
"""

from tinygrad_edu.nn import init
from tinygrad_edu.nn.activations import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Softplus, Tanh
from tinygrad_edu.nn.layers import MLP, Dropout, Linear, Sequential
from tinygrad_edu.nn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, NLLLoss
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.summary import Summary, summary

__all__ = [
    "MLP",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "NLLLoss",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Summary",
    "Tanh",
    "init",
    "summary",
]
