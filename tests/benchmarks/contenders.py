"""The same training step, written four ways.

A contender is made from a `Problem`, which it may keep and change; `step()` does forward, loss,
backward and gradient descent once and returns the loss before the update. Add one by adding a class
and its row in `CONTENDERS`. Read `training_step.py` next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import Problem

LEARNING_RATE = 0.1


class HandwrittenNumpy:
    """Backprop by hand: in place where that is natural, new arrays elsewhere."""

    def __init__(self, problem: Problem):
        self.X, self.y, self.layers = problem.X, problem.y, problem.layers
        self.rows = np.arange(len(self.X))
        self.tanh = problem.activation == "tanh"
        self.loss = self.binary_loss if problem.loss == "binary" else self.class_loss

    def step(self) -> float:
        *hidden, (W, b) = self.layers
        activations = [self.X]
        for W_hidden, b_hidden in hidden:
            Z = activations[-1] @ W_hidden
            Z += b_hidden
            activations.append(np.tanh(Z, out=Z) if self.tanh else np.maximum(Z, 0, out=Z))
        Z = activations[-1] @ W
        Z += b
        J, dZ = self.loss(Z)
        dZ /= len(dZ)
        for layer in reversed(range(len(self.layers))):
            W, b = self.layers[layer]
            A = activations[layer]
            dW, db = A.T @ dZ, dZ.sum(axis=0)
            if layer > 0:
                dZ = dZ @ W.T
                dZ *= (1 - A * A) if self.tanh else (A > 0)
            dW *= LEARNING_RATE
            db *= LEARNING_RATE
            W -= dW
            b -= db
        return float(J)

    def binary_loss(self, Z: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean cross-entropy with logits, and the gradient of its sum."""
        smaller = np.exp(-np.abs(Z))
        J = (np.maximum(Z, 0) - self.y * Z + np.log1p(smaller)).sum() / len(Z)
        return J, 0.5 + 0.5 * np.tanh(0.5 * Z) - self.y

    def class_loss(self, Z: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean cross-entropy of the true class, and the gradient of its sum."""
        Z -= Z.max(axis=1, keepdims=True)
        true = Z[self.rows, self.y]
        dZ = np.exp(Z, out=Z)
        total = dZ.sum(axis=1, keepdims=True)
        J = (np.log(total).sum() - true.sum()) / len(Z)
        dZ /= total
        dZ[self.rows, self.y] -= 1
        return J, dZ


class PreallocatedNumpy:
    """Backprop by hand into arrays that are made once."""

    def __init__(self, problem: Problem):
        self.X, self.y, self.layers = problem.X, problem.y, problem.layers
        m, dtype = len(self.X), self.X.dtype
        self.tanh = problem.activation == "tanh"
        self.loss = self.binary_loss if problem.loss == "binary" else self.class_loss
        self.outputs = [np.empty((m, len(b)), dtype) for _, b in self.layers]
        self.gradients = [np.empty_like(output) for output in self.outputs]
        self.slopes = [np.empty_like(output, dtype if self.tanh else bool) for output in self.outputs]
        self.updates = [(np.empty_like(W), np.empty_like(b)) for W, b in self.layers]
        self.rows, self.ones = np.arange(m), np.ones(m, dtype)
        self.column, self.spare = np.empty((m, 1), dtype), np.empty_like(self.outputs[-1])

    def step(self) -> float:
        A, last = self.X, len(self.layers) - 1
        for layer, (W, b) in enumerate(self.layers):
            Z = np.matmul(A, W, out=self.outputs[layer])
            np.add(Z, b, out=Z)
            if layer < last:
                A = np.tanh(Z, out=Z) if self.tanh else np.maximum(Z, 0, out=Z)
        dZ = self.gradients[last]
        J = self.loss(Z, dZ)
        np.multiply(dZ, 1 / len(dZ), out=dZ)
        for layer in range(last, -1, -1):
            W, b = self.layers[layer]
            dW, db = self.updates[layer]
            A = self.outputs[layer - 1] if layer > 0 else self.X
            np.matmul(A.T, dZ, out=dW)
            np.dot(self.ones, dZ, out=db)  # faster than a sum over rows
            if layer > 0:
                dZ = np.matmul(dZ, W.T, out=self.gradients[layer - 1])
                np.multiply(dZ, self.slope(A, self.slopes[layer - 1]), out=dZ)
            np.multiply(dW, LEARNING_RATE, out=dW)
            np.multiply(db, LEARNING_RATE, out=db)
            np.subtract(W, dW, out=W)
            np.subtract(b, db, out=b)
        return float(J)

    def slope(self, A: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Derivative of the activation, from its output."""
        if self.tanh:
            np.multiply(A, A, out=out)
            return np.subtract(1, out, out=out)
        return np.greater(A, 0, out=out)

    def binary_loss(self, Z: np.ndarray, dZ: np.ndarray) -> float:
        """Fill dZ with the gradient of the sum; return the mean."""
        np.abs(Z, out=dZ)
        np.negative(dZ, out=dZ)
        np.exp(dZ, out=dZ)
        np.log1p(dZ, out=dZ)
        np.maximum(Z, 0, out=self.spare)
        np.add(dZ, self.spare, out=dZ)
        J = (np.add.reduce(dZ, axis=None) - np.vdot(self.y, Z)) / len(Z)
        np.multiply(Z, 0.5, out=dZ)
        np.tanh(dZ, out=dZ)
        np.multiply(dZ, 0.5, out=dZ)
        np.add(dZ, 0.5, out=dZ)
        np.subtract(dZ, self.y, out=dZ)
        return J

    def class_loss(self, Z: np.ndarray, dZ: np.ndarray) -> float:
        """Fill dZ with the gradient of the sum; return the mean."""
        np.maximum.reduce(Z, axis=1, keepdims=True, out=self.column)
        np.subtract(Z, self.column, out=Z)
        true = np.add.reduce(Z[self.rows, self.y])
        np.exp(Z, out=dZ)
        np.add.reduce(dZ, axis=1, keepdims=True, out=self.column)
        np.divide(dZ, self.column, out=dZ)
        dZ[self.rows, self.y] -= 1
        return (np.add.reduce(np.log(self.column, out=self.column), axis=None) - true) / len(Z)


class TinygradEdu:
    """This project: modules, a recorded graph and `SGD`."""

    def __init__(self, problem: Problem):
        import tinygrad_edu as tg

        modules: list[Any] = []
        for W, b in problem.layers:
            linear: Any = tg.nn.Linear(*W.shape)
            linear.weight.data, linear.bias.data = np.ascontiguousarray(W.T), b
            modules += [linear, tg.nn.Tanh() if problem.activation == "tanh" else tg.nn.ReLU()]
        self.model = tg.nn.Sequential(*modules[:-1])
        self.loss = tg.nn.BCEWithLogitsLoss() if problem.loss == "binary" else tg.nn.CrossEntropyLoss()
        self.optimizer = tg.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)
        self.X, self.y = tg.Tensor(problem.X), problem.y

    def step(self) -> float:
        self.optimizer.zero_grad()
        J = self.loss(self.model(self.X), self.y)
        J.backward()
        self.optimizer.step()
        return J.item()


class Compiled(TinygradEdu):
    """The same, compiled; its products by NumPy's library."""

    engine, by_mkl = "numpy", False

    def __init__(self, problem: Problem):
        import tinygrad_edu as tg
        from tinygrad_edu import mkl

        super().__init__(problem)
        if not self.by_mkl:
            mkl.library = dict  # none, in this process
        self.compiled = tg.compile(self.model, self.loss, self.optimizer, engine=self.engine)

    def step(self) -> float:
        return float(self.compiled(self.X, self.y))


class CompiledLoops(Compiled):
    """The same, its loops compiled by Numba."""

    engine = "numba"


class CompiledByMkl(Compiled):
    """The same as `Compiled`, its large products by MKL."""

    by_mkl = True


class CompiledLoopsByMkl(CompiledLoops):
    """Both."""

    by_mkl = True


class PyTorch:
    """PyTorch, eager."""

    def __init__(self, problem: Problem):
        import torch

        modules: list[Any] = []
        for W, b in problem.layers:
            linear = torch.nn.Linear(*W.shape)
            linear.weight = torch.nn.Parameter(torch.from_numpy(np.ascontiguousarray(W.T)))
            linear.bias = torch.nn.Parameter(torch.from_numpy(b))
            modules += [linear, torch.nn.Tanh() if problem.activation == "tanh" else torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*modules[:-1])
        self.loss = torch.nn.BCEWithLogitsLoss() if problem.loss == "binary" else torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)

    def step(self) -> float:
        self.optimizer.zero_grad()
        J = self.loss(self.model(self.X), self.y)
        J.backward()
        self.optimizer.step()
        return J.item()


CONTENDERS: dict[str, Any] = {
    "numpy": HandwrittenNumpy,
    "numpy-out": PreallocatedNumpy,
    "ours": TinygradEdu,
    "compiled": Compiled,
    "compiled-numba": CompiledLoops,
    "compiled-mkl": CompiledByMkl,
    "compiled-numba-mkl": CompiledLoopsByMkl,
    "torch": PyTorch,
}
#: What must be installed for each, besides this project.
PACKAGES = {
    "numpy": ["numpy"],
    "numpy-out": ["numpy"],
    "ours": [],
    "compiled": [],
    "compiled-numba": ["numba"],
    "compiled-mkl": ["mkl"],
    "compiled-numba-mkl": ["numba", "mkl"],
    "torch": ["torch"],
}
