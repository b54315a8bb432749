"""Derivatives from outside the package: differences, and another differentiator. Nothing here imports tinygrad_edu."""

import autograd
import autograd.numpy as anp
import numpy as np


def total(f, arrays, weights):
    """The scalar J = sum(f(*arrays) * weights), with what is not differentiated already bound in f."""
    return lambda *inputs: anp.sum(f(*inputs) * weights)


def difference(f, step=1e-3):
    """df(t)/dt at 0 by central differences, one step of Richardson: the error falls with step**4."""
    coarse = (f(step) - f(-step)) / (2 * step)
    fine = (f(step / 2) - f(-step / 2)) / step
    return (4 * fine - coarse) / 3


def difference_gradients(J, arrays):
    """dJ/dx for every x in arrays, one entry at a time."""
    gradients = []
    for k, x in enumerate(arrays):
        gradient = np.zeros(x.shape)
        for position in np.ndindex(x.shape):
            direction = np.zeros(x.shape)
            direction[position] = 1
            gradient[position] = difference(lambda t: J(*arrays[:k], x + t * direction, *arrays[k + 1 :]))  # noqa: B023
        gradients.append(gradient)
    return gradients


def hips_gradients(J, arrays):
    """dJ/dx for every x in arrays, by HIPS autograd."""
    return [np.asarray(autograd.grad(J, k)(*arrays), float) for k in range(len(arrays))]


def hessian_product(J, arrays, directions):
    """H v for the Hessian H of J by all entries of all arrays: the change of the HIPS gradients along v."""

    def moved(k):
        return lambda t: autograd.grad(J, k)(*(x + t * v for x, v in zip(arrays, directions, strict=True)))

    return [np.asarray(difference(moved(k)), float) for k in range(len(arrays))]
