"""NumPy's protocols: which row of the table answers for a call of NumPy.

    np.exp(t)             FOR_NUMPY[np.exp]          a row
    np.add.reduce(t)      FOR_NUMPY[np.add.reduce]   a row
    np.diff(t)            COMPOSED[np.diff]          a function made of rows
    np.ravel(t, "F")      COMPOSED[ops.ravel]        a function made of rows, where the row does not know an argument
    np.argmax(t)          a row without rules        a question: the answer is a plain array
    np.fill_diagonal(t)   REFUSED                    an error that says what to do

Arguments that NumPy would take as left out are left out; all others arrive by name, and an op that does not
know one of them refuses it. Only dtype= is known to all: the operands are cast first, as NumPy does.

Read next: `functional.py`, the functions that NumPy has no name for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.autograd import Node
from tinygrad_edu.ops.op import cut

__all__ = ["of_function", "of_ufunc"]

NO_VALUE, PLAIN = np._NoValue, {bool, int, str}
#: What the methods of a ufunc take as left out. A reduction or accumulation goes along the first axis.
LEFT_OUT = {
    "casting": "same_kind",
    "dtype": None,
    "initial": NO_VALUE,
    "keepdims": False,
    "order": "K",
    "subok": True,
    "where": True,
}
#: Functions written in C, whose parameters NumPy does not tell before version 2.4.
IN_C: dict[Callable[..., Any], dict[str, Any]] = {
    np.concatenate: {"arrays": ..., "axis": 0, "out": None, "dtype": None, "casting": "same_kind"},
    np.dot: {"a": ..., "b": ..., "out": None},
    np.where: {"condition": ..., "x": ..., "y": ...},
}
#: Parameters that NumPy knows by a second name.
ALIASES = {"newshape": "shape", "correction": "ddof"}


def of_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc, or its reduce, accumulate, reduceat or outer, on Tensors."""
    row = ops.FOR_NUMPY.get(ufunc)
    if row is not None and row.rules and method == "__call__" and not kwargs:
        return row(*inputs)  # the short way, for operands alone
    name = ufunc.__name__ + ("" if method == "__call__" else f".{method}")
    function = ufunc if method == "__call__" else getattr(ufunc, method)
    out = kwargs.pop("out", None)
    if out is not None or method == "at":
        require_plain(name, inputs, inputs[:1] if method == "at" else out, "where" in kwargs)
        return function(*map(plain, inputs), **kwargs, **({} if out is None else {"out": out}))
    if is_question(row):
        return function(*map(plain, inputs), **kwargs)
    given = {key: x for key, x in kwargs.items() if not left_out(x, LEFT_OUT.get(key, ...))}
    if method == "outer":
        a, b = inputs
        return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **given)
    if method == "reduceat":
        return in_segments(ufunc, *inputs, **given)
    if method in ("reduce", "accumulate"):
        given = {"axis": 0} | given
    if function in ops.COMPOSED:
        return composed(name, ops.COMPOSED[function], inputs, given)
    if function in ops.FOR_NUMPY:
        return recorded(ops.FOR_NUMPY[function], inputs, given)
    raise unsupported(function, name)


def of_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of NumPy on Tensors."""
    made = ops.COMPOSED.get(function)
    op: Any = None if made else ops.FOR_NUMPY.get(function)
    if op is not None and 0 < (operands := len(op.rules)) <= len(args):
        inputs, params = args[:operands], kwargs
        if len(args) > operands:
            params = dict(zip(signature(function).names[operands:], args[operands:], strict=False), **kwargs)
        for key in params:
            if key not in op.parameters or params[key] is NO_VALUE:
                break
        else:  # the short way, where the row knows all that is given
            for x in inputs:
                if hasattr(x, "_apply"):
                    return x._apply(op, inputs, params)
    if op is None and made is None:
        raise unsupported(function, named(function))
    if is_question(op):
        return function(*map(plain, args), **{key: plain(x) for key, x in kwargs.items()})
    names, known, several, _ = signature(function)
    if not several:
        args, kwargs = (), dict(zip(known, args, strict=False)) | kwargs
    given = {ALIASES.get(key, key): x for key, x in kwargs.items() if not left_out(x, known.get(key))}
    if made is not None:
        return composed(named(function), made, args, given)
    names = names[: len(op.rules) or 1]
    if absent := [key for key in names if key not in given]:
        raise TypeError(f"np.{named(function)}: needs {', '.join(absent)}; got none. Pass all operands.")
    inputs = tuple(given.pop(key) for key in names)
    return recorded(op, tuple(inputs[0]) if op.every else inputs, given)


def require_plain(name: str, inputs: tuple[Any, ...], changed: tuple[Any, ...], choosing: bool) -> None:
    """Raise where an array is changed in place that is a Tensor's, or by a Tensor that requires a gradient."""
    if any(isinstance(x, Node) for x in changed) or any(isinstance(x, Node) and x.requires_grad for x in inputs):
        instead = "a = a + t in place of a += t, or leave the graph with t.numpy()"
        if choosing:
            instead = "np.where(c, a / np.where(c, b, 1), 0), which chooses before and after"
        raise TypeError(
            f"np.{name}: an array cannot take a Tensor in place (out= or +=); the graph would not know. "
            f"Write {instead}."
        )


def in_segments(ufunc: np.ufunc, x: Any, starts: Any, axis: int = 0, **options: Any) -> Any:
    """The reduction of each segment, from its start to the next one; where that is no later, the one entry."""
    starts, n = np.asarray(starts), np.shape(x)[axis]
    if np.any((starts < 0) | (starts >= n)):
        raise IndexError(f"np.{ufunc.__name__}.reduceat: starts must be in [0, {n}); got {starts.tolist()}.")
    stops = np.maximum(np.append(starts[1:], n), starts + 1)
    segments = [cut(x, axis, slice(start, stop)) for start, stop in zip(starts, stops, strict=True)]
    return np.stack([ufunc.reduce(segment, axis=axis, **options) for segment in segments], axis)


def recorded(op: ops.Op, inputs: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """A row of the table, applied."""
    if not given:
        return op(*inputs)
    known = op.parameters
    if "dtype" in given and "dtype" not in known:
        dtype = given.pop("dtype")
        inputs = tuple(x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype) for x in inputs)
    made = ops.COMPOSED.get(op)
    if made and not given.keys() <= set(known) and given.keys() <= set(signature(made).names):
        return made(*inputs, **given)
    return op(*inputs, **accepted(op.name, known, given))


def composed(name: str, made: Callable[..., Any], args: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """A function that is made of rows, called."""
    known = signature(made)
    return made(*args, **(given if known.options else accepted(f"np.{name}", known.defaults, given)))


def is_question(op: Any) -> bool:
    """Whether the answer is a plain array."""
    return op is not None and not op.rules and op.every is None


def plain(x: Any) -> Any:
    """An argument with arrays in place of Tensors."""
    if isinstance(x, list | tuple):
        return type(x)(map(plain, x))
    return x.data if isinstance(x, Node) else x


def left_out(x: Any, default: Any) -> bool:
    """Whether NumPy takes this argument as not given."""
    if x is default or x is NO_VALUE:
        return True
    return type(x) in PLAIN and type(x) is type(default) and x == default


class Signature(NamedTuple):
    """The parameters of a function and their defaults, and whether it takes more: operands (*), options (**)."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    operands: bool = False
    options: bool = False


@cache
def signature(function: Callable[..., Any]) -> Signature:
    """The arguments that a NumPy function takes, by name."""
    if function in IN_C:
        return Signature(tuple(IN_C[function]), IN_C[function])
    try:
        known = inspect.signature(function).parameters.values()
    except ValueError:  # written in C: the function that answers for it has the same
        return signature(ops.COMPOSED[function])
    kinds = [p.kind for p in known]
    several, options = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    defaults = {p.name: p.default for p in known if p.kind not in (several, options)}
    return Signature(tuple(defaults), defaults, several in kinds, options in kinds)


def accepted(name: str, known: Iterable[str], given: dict[str, Any]) -> dict[str, Any]:
    """The arguments, if the row or the function made of rows knows them all."""
    for key, value in given.items():
        if key not in known:
            options = ", ".join(known)
            advice = ", and choose entries with np.where before" if key == "where" else f", or use one of {options}"
            raise TypeError(
                f"{name}: there is no derivative rule with {key}=; got {key}={value!r}. "
                f"Leave it out{advice if options or key == 'where' else ''}."
            )
    return given


def named(function: Callable[..., Any]) -> str:
    """linalg.inv for np.linalg.inv."""
    return f"{function.__module__}.{function.__name__}".removeprefix("numpy.")


def unsupported(function: Callable[..., Any], name: str) -> TypeError:
    """The error for a NumPy function without a rule: what to write in its place, where that is known."""
    if advice := ops.REFUSED.get(function) or ops.REFUSED.get(getattr(function, "__module__", "")):
        return TypeError(f"np.{name}: {advice}")
    return TypeError(
        f"np.{name}: a function of Tensors needs a derivative rule; got one without. Write it with functions that have "
        f"one, leave the graph with .numpy(), or add a row of your own: Op(np.{name}, rule), see tinygrad_edu/ops."
    )
