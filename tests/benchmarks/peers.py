"""The same training step in other packages: each where it is installed (extra `bench`).

Weights lie as in the hand-written step, (in, out), where the package leaves the choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contenders import LEARNING_RATE, PyTorch
from workloads import Problem


class HipsAutograd:
    """HIPS autograd: NumPy wrapped, the loss written as a function."""

    def __init__(self, problem: Problem):
        import autograd.numpy as anp
        from autograd import value_and_grad
        from autograd.scipy.special import logsumexp

        self.parameters = [array for layer in problem.layers for array in layer]
        activation = anp.tanh if problem.activation == "tanh" else lambda Z: anp.maximum(Z, 0)
        rows, m = np.arange(len(problem.X)), len(problem.X)

        def cost(parameters: Any) -> Any:
            A = problem.X
            for k in range(0, len(parameters), 2):
                Z = anp.dot(A, parameters[k]) + parameters[k + 1]
                A = activation(Z)
            if problem.loss == "binary":
                return anp.sum(anp.logaddexp(0, Z) - problem.y * Z) / m
            return anp.sum(logsumexp(Z, axis=1) - Z[rows, problem.y]) / m

        self.value_and_grad = value_and_grad(cost)

    def step(self) -> float:
        J, gradients = self.value_and_grad(self.parameters)
        for x, g in zip(self.parameters, gradients, strict=True):
            x -= LEARNING_RATE * g
        return float(J)


class MyGrad:
    """MyGrad, with its checks of memory off."""

    def __init__(self, problem: Problem):
        import mygrad
        from mygrad.nnet.losses import softmax_crossentropy

        mygrad.turn_memory_guarding_off()
        self.package, self.class_loss, self.problem = mygrad, softmax_crossentropy, problem
        self.layers = [(mygrad.tensor(W), mygrad.tensor(b)) for W, b in problem.layers]

    def step(self) -> float:
        mg, A = self.package, self.problem.X
        for W, b in self.layers:
            Z = mg.matmul(A, W) + b
            A = mg.tanh(Z) if self.problem.activation == "tanh" else mg.maximum(Z, 0)
        if self.problem.loss == "binary":
            J = mg.sum(mg.logaddexp(0, Z) - self.problem.y * Z) / len(self.problem.X)
        else:
            J = self.class_loss(Z, self.problem.y)
        J.backward()
        for x in (x for layer in self.layers for x in layer):
            x.data -= LEARNING_RATE * x.grad
            x.null_grad()
        return float(J.data)


class TorchCompile(PyTorch):
    """PyTorch: value, gradients and update as one graph through torch.compile."""

    def __init__(self, problem: Problem):
        import torch

        super().__init__(problem)
        model, loss = self.model, self.loss
        self.parameters = {name: x.detach() for name, x in model.named_parameters()}

        def cost(parameters: Any, X: Any, y: Any) -> Any:
            return loss(torch.func.functional_call(model, parameters, (X,)), y)

        def whole(parameters: Any, X: Any, y: Any) -> Any:
            gradients, J = torch.func.grad_and_value(cost)(parameters, X, y)
            for name, x in parameters.items():
                x.sub_(gradients[name], alpha=LEARNING_RATE)
            return J

        self.whole: Any = torch.compile(whole)
        self.no_grad = torch.no_grad

    def step(self) -> float:
        with self.no_grad():
            return self.whole(self.parameters, self.X, self.y).item()


class Jax:
    """JAX, the whole step under jit, its parameters handed over."""

    at_once = False

    def __init__(self, problem: Problem):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_cpu_enable_async_dispatch", not self.at_once)
        jax.config.update("jax_enable_x64", problem.X.dtype == np.float64)
        self.parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.layers]
        X, y = jnp.asarray(problem.X), jnp.asarray(problem.y)
        rows, m = np.arange(len(problem.X)), len(problem.X)
        activation = jnp.tanh if problem.activation == "tanh" else lambda Z: jnp.maximum(Z, 0)

        def cost(parameters: Any) -> Any:
            A = X
            for W, b in parameters:
                Z = A @ W + b
                A = activation(Z)
            if problem.loss == "binary":
                return jnp.sum(jnp.logaddexp(0, Z) - y * Z) / m
            return jnp.sum(jax.nn.logsumexp(Z, axis=1) - Z[rows, y]) / m

        def step(parameters: Any) -> Any:
            J, gradients = jax.value_and_grad(cost)(parameters)
            return J, jax.tree.map(lambda x, g: x - LEARNING_RATE * g, parameters, gradients)

        self.whole = jax.jit(step, donate_argnums=0)

    def step(self) -> float:
        J, self.parameters = self.whole(self.parameters)
        return float(J)


class JaxAtOnce(Jax):
    """The same, computed in the thread that calls."""

    at_once = True


PEERS: dict[str, Any] = {
    "autograd": HipsAutograd,
    "mygrad": MyGrad,
    "torch.compile": TorchCompile,
    "jax": Jax,
    "jax-sync": JaxAtOnce,
}
PEER_PACKAGES = {
    "autograd": ["autograd"],
    "mygrad": ["mygrad"],
    "torch.compile": ["torch"],
    "jax": ["jax"],
    "jax-sync": ["jax"],
}
