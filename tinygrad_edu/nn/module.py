"""Module: a function with parameters.

    class Affine(Module):
        def __init__(self, rng):
            self.weight = Tensor(rng.standard_normal((3, 2)), requires_grad=True)

        def forward(self, x):
            return x @ self.weight.T

Its parameters are found by walking the attributes in the order in which they were set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_edu import weights
from tinygrad_edu.autograd import created
from tinygrad_edu.nn.summary import summary
from tinygrad_edu.tensor import Tensor

__all__ = ["Module"]


def walk(name: str, value: Any, above: tuple[Module, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every Module and every leaf Tensor in an attribute, with its dotted name, depth first.

    A module that is met again below itself (a child that knows its parent) is not entered again.
    """
    if isinstance(value, Module):
        if any(value is module for module in above):
            return
        above = (*above, value)
        yield name, value
        children: Any = value.children()
    elif isinstance(value, list | tuple):
        children = enumerate(value)
    elif isinstance(value, dict):
        children = value.items()
    else:
        if isinstance(value, Tensor) and value.op is None:
            yield name, value
        return
    for key, x in children:
        yield from walk(f"{name}.{key}" if name else str(key), x, above)


class Module:
    """Base of all layers, networks and losses: write `forward`, set Tensors and Modules as attributes.

    Every leaf Tensor in an attribute (or in a list, tuple or dict there) is a parameter; those with
    requires_grad=False are kept and saved but not trained. Attributes that start with an underscore
    are private and not looked at.
    """

    training = True

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a Module must define forward(self, x); got none. Add it.")

    def __call__(self, *inputs: Any) -> Any:
        start = next(created)
        result = self.forward(*inputs)
        if type(result) is Tensor and result.inputs and result.created > start:
            result.scopes += ((self, start),)  # so that a Graph knows what made it
        elif result is None:
            raise TypeError(
                f"{type(self).__name__}: forward must return its result; got None. End it with return and the result."
            )
        return result

    def children(self) -> Iterator[tuple[str, Any]]:
        """The attributes that may hold parameters, by name."""
        return ((key, x) for key, x in vars(self).items() if not key.startswith("_"))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module and every module in it, with its dotted name; its own is empty."""
        return ((name, x) for name, x in walk("", self) if isinstance(x, Module))

    def modules(self) -> Iterator[Module]:
        """This module and every module in it."""
        return (x for _, x in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Each parameter once, with its dotted name (`0.weight`)."""
        seen = set()
        for name, x in walk("", self):
            if isinstance(x, Tensor) and x not in seen:
                seen.add(x)
                yield name, x

    def parameters(self) -> Iterator[Tensor]:
        """Each parameter once."""
        return (x for _, x in self.named_parameters())

    def zero_grad(self) -> None:
        """Forget the gradients of the last step; else the next `backward()` adds to them."""
        for x in self.parameters():
            x.grad = None

    def train(self, mode: bool = True) -> Module:
        """Switch to training: dropout drops."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch to evaluation: dropout passes all."""
        return self.train(False)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Switch to evaluation for a while, then each module back to what it was."""
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's array by name; the names and shapes are PyTorch's."""
        return {name: x.data.copy() for name, x in walk("", self) if isinstance(x, Tensor)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy arrays into the parameters, all of them or, if one does not fit, none.

        Raises:  TypeError, KeyError for missing or unexpected names; ValueError for another shape
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: the state must be a dict of arrays by name; got {type(state).__name__}. "
                "A file is read by load(path)."
            )
        own = {name: x for name, x in walk("", self) if isinstance(x, Tensor)}
        missing, unexpected = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unexpected:
            raise KeyError(
                f"load_state_dict: names must agree; got {sorted(missing)} missing, {sorted(unexpected)} unexpected. "
                "Build the model with the layers that the state was saved from."
            )
        arrays = {name: x.data if isinstance(x, Tensor) else np.asarray(x) for name, x in state.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in "fiub":
                raise TypeError(
                    f"load_state_dict: {name!r} must hold real numbers; got dtype {array.dtype}. Is the file damaged?"
                )
        for name, x in own.items():
            if arrays[name].shape != x.shape:
                raise ValueError(
                    f"load_state_dict: {name!r} must have shape {x.shape}; got {arrays[name].shape}. "
                    "Build the model with the sizes that the state was saved from."
                )
        for name, x in own.items():
            x.data[...] = arrays[name]

    def save(self, path: Any) -> None:
        """Write every parameter to a safetensors file (extra `io`), by the names of `state_dict()`."""
        weights.save(path, self.state_dict())

    def load(self, path: Any) -> None:
        """Read every parameter from a safetensors file, `save`'s or PyTorch's; all of them or, if one is wrong, none.

        Raises:  OSError, ValueError naming the file, for one that is damaged or of another model
        """
        state, _ = weights.load(path)
        try:
            self.load_state_dict(state)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"load: in {path}, {error.args[0].removeprefix('load_state_dict: ')}") from None

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr."""
        return ""

    def __repr__(self) -> str:
        return describe(self)

    def _repr_html_(self) -> str:
        return summary(self)._repr_html_()


def describe(module: Module, above: tuple[Module, ...] = ()) -> str:
    """The module and the modules in it, each on a line, as PyTorch shows them."""
    extra = module.extra_repr()
    inner = [(name, x) for name, x in walk("", module, above) if isinstance(x, Module) and x is not module]
    lines = [
        f"  ({name}): " + describe(x, (*above, module)).replace("\n", "\n  ")
        for name, x in inner
        if not any(name.startswith(f"{other}.") for other, _ in inner)
    ]
    if not lines:
        return f"{type(module).__name__}({extra})"
    return "\n".join([f"{type(module).__name__}(", *([f"  {extra}"] if extra else []), *lines, ")"])
