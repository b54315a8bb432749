"""Transforms of functions: from f to its gradient, its Jacobian, its Hessian.

    slope = grad(lambda x: np.sum(x**2))
    slope(np.array([1.0, 2.0]))                    # array([2., 4.])
    grad(grad(grad(np.sin)))(0.0)                  # -1.0

    grad, value_and_grad    of a function with a scalar result
    elementwise_grad        of a function that treats each entry on its own
    vjp, jvp                one row, one column of the Jacobian, without the rest of it
    jacobian, hessian, hvp  all of it; all second derivatives; these times a vector
    checkpoint              the same function, computed again in the backward pass instead of remembered

The functions may be plain NumPy that knows nothing of this package. Arguments may be numbers, arrays, Tensors, and
tuples, lists and dicts of them, nested; gradients have the same structure.

Arrays go in and arrays come out. Where the function uses other Tensors that require a gradient (variables of a
transform around this one, the parameters of a network, a leaf that is given), the results record: transforms can be
nested to any order, and backward() goes through them. Under no_grad() they are arrays again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu import autograd
from tinygrad_edu.arrays import as_array
from tinygrad_edu.ops import Op
from tinygrad_edu.recompute import checkpoint, recording, require_function
from tinygrad_edu.tensor import Tensor

__all__ = ["checkpoint", "elementwise_grad", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]

#: What a function is differentiated by: a node of its own for each transform, so that nested ones are told apart.
variable = Op(lambda x: x, lambda g, y, x: g, name="variable")

#: A value tied to an input that it does not depend on: a constant gradient has the gradient zero, and is not cut off.
tied = Op(
    lambda value, x: value,
    lambda g, y, value, x: g,
    lambda g, y, value, x: np.zeros(x.shape, x.dtype),
    name="tied",
)


# Nested arguments


def leaves(tree: Any) -> Iterator[Any]:
    """The numbers, arrays and Tensors in nested tuples, lists and dicts, in order."""
    if isinstance(tree, dict):
        for key in tree:
            yield from leaves(tree[key])
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def rebuild(tree: Any, new: Iterator[Any]) -> Any:
    """The same nesting with other leaves, taken in order."""
    if isinstance(tree, dict):
        return {key: rebuild(part, new) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [rebuild(part, new) for part in tree]
        if hasattr(tree, "_fields"):  # a named tuple
            return type(tree)(*parts)
        return type(tree)(parts)
    return next(new)


def fresh(array: Any) -> Tensor:
    """A variable with nothing behind it."""
    x = Tensor(array, requires_grad=True)
    x.op, x.inputs, x.flows_to, x.scopes = variable, (x.data,), (), ()
    x.created = next(autograd.created)
    return x


def variables(caller: str, tree: Any) -> Any:
    """Fresh nodes to differentiate by, in the nesting of an argument.

    A Tensor that records already (inside another transform) is behind its new node: the inner derivative is that by
    the new node alone, and the outer one sees through it.
    """
    nodes = []
    for x in leaves(tree):
        if isinstance(x, Tensor) and x.requires_grad:
            with recording():
                nodes.append(variable(x))
            continue
        array = as_array(x.data if isinstance(x, Tensor) else x)
        if array.dtype.kind != "f":
            raise TypeError(
                f"{caller}: arguments that are differentiated must be floats; got {array.dtype}. Write 1.0 for 1, "
                "or choose the others by argnums."
            )
        nodes.append(fresh(array))
    return rebuild(tree, iter(nodes))


#: The variables of the transforms whose functions are being called, here and now.
active: ContextVar[frozenset[Any]] = ContextVar("active", default=frozenset())


def tied_elsewhere(*results: Any) -> bool:
    """Whether results depend on leaves, or on the variables of a transform around this one: then they must record."""
    if not autograd.mode.get().record:
        return False
    recorded = [x for x in leaves(results) if isinstance(x, Tensor) and x.requires_grad]
    nodes, around = autograd.order(recorded), active.get()
    used = [*recorded, *(node.inputs[k] for node in nodes for k in node.flows_to)]
    return not all(x.inputs for x in used) or any(node in around for node in nodes)


def plain(tree: Any) -> Any:
    """The same nesting with arrays in place of Tensors; numbers for arrays without axes."""
    arrays = (x.data if isinstance(x, Tensor) else as_array(x) for x in leaves(tree))
    return rebuild(tree, (x[()] for x in arrays))


@recording()
def result_of(
    caller: str, function: Function, by: Any, args: tuple[Any, ...], has_aux: bool = False
) -> tuple[Any, Any]:
    """The result, which must be a Tensor, and what came with it; `by` are the variables among the arguments."""
    before = active.set(active.get().union(leaves(by)))
    try:
        result = function(*args)
    finally:
        active.reset(before)
    if has_aux and not (isinstance(result, tuple | list) and len(result) == 2):
        raise TypeError(
            f"{caller}: with has_aux=True the function must return (value, anything); got {type(result).__name__}. "
            "Return two, or leave has_aux out."
        )
    result, aux = result if has_aux else (result, None)
    if not isinstance(result, Tensor):
        raise TypeError(
            f"{caller}: the function must return a Tensor; got {type(result).__name__}. "
            + (
                "Join several with np.stack; grad and value_and_grad take has_aux=True for what comes with the value."
                if isinstance(result, tuple | list | dict)
                else "float(), .item() or np.array() inside it cut the graph: return the Tensor itself."
            )
        )
    return result, aux


# Gradients


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that gives the value of another and its gradient.

        value_and_grad(f)(x) = f(x), df/dx

    `argnums` chooses the arguments to differentiate by; for several the gradients come as a tuple. With has_aux=True
    the function returns (value, anything), and the result is ((value, anything), gradient). The form that
    scipy.optimize.minimize takes with jac=True.

    Raises:  TypeError, ValueError, RuntimeError
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    require_function("value_and_grad", function)

    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        value, aux, gradient = _gradient("grad", function, argnums, has_aux, args, kwargs)
        return ((value, aux) if has_aux else value), gradient

    return with_gradient


def grad(function: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function with a scalar result, as a function.

        grad(f)(x) = df/dx

    Arguments as for `value_and_grad`; with has_aux=True the result is (gradient, anything).

    Raises:  TypeError, ValueError, RuntimeError
    >>> grad(lambda w, x: np.tanh(w * x), argnums=(0, 1))(0.0, 2.0)
    (np.float64(2.0), np.float64(0.0))
    """
    require_function("grad", function)

    def gradient_of(*args: Any, **kwargs: Any) -> Any:
        _, aux, gradient = _gradient("grad", function, argnums, has_aux, args, kwargs)
        return (gradient, aux) if has_aux else gradient

    return gradient_of


def elementwise_grad(function: Function, argnums: int = 0) -> Function:
    """The slope of a function that treats each entry on its own, at each entry.

        elementwise_grad(f)(x)_i = f'(x_i)

    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    require_function("elementwise_grad", function)
    return grad(lambda *args, **kwargs: np.sum(function(*args, **kwargs)), argnums)


def _gradient(
    caller: str, function: Function, argnums: int | Sequence[int], has_aux: bool, args: tuple[Any, ...], kwargs: Any
) -> tuple[Any, Any, Any]:
    """The value, what came with it, and the gradients in the nesting of the chosen arguments."""
    chosen = positions(caller, argnums, args)
    args_out = list(args)
    for k in chosen:
        args_out[k] = variables(caller, args[k])
    by = tuple(args_out[k] for k in chosen)
    value, aux = result_of(caller, partial(function, **kwargs), by, tuple(args_out), has_aux)
    record = tied_elsewhere(value)
    nested = rebuild(by, iter(_towards(caller, value, list(leaves(by)), None, record)))
    if not record:
        value, nested = plain(value), plain(nested)
        aux = rebuild(aux, (x if not isinstance(x, Tensor) or tied_elsewhere(x) else plain(x) for x in leaves(aux)))
    return value, aux, nested[0] if isinstance(argnums, int) else nested


def positions(caller: str, argnums: Any, args: tuple[Any, ...]) -> tuple[int, ...]:
    """The positions of the arguments to differentiate by."""
    chosen = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(chosen, Sequence) or not all(isinstance(k, int) and -len(args) <= k < len(args) for k in chosen):
        raise ValueError(
            f"{caller}: argnums must number positional arguments; got {argnums} for {len(args)} of them. Count from 0."
        )
    return tuple(chosen)


def position(caller: str, argnums: Any, args: tuple[Any, ...]) -> int:
    """The position of the one argument to differentiate by."""
    chosen = positions(caller, argnums, args)
    if not isinstance(argnums, int):
        raise ValueError(f"{caller}: argnums must be one number; got {argnums}. Call it once for each argument.")
    return chosen[0]


def check_alike(caller: str, name: str, tree: Any, other_name: str, other: Any) -> None:
    """Raise unless two trees have leaves of the same shapes."""
    shapes, expected = [np.shape(x) for x in leaves(tree)], [np.shape(x) for x in leaves(other)]
    if shapes != expected:
        raise ValueError(
            f"{caller}: {name} must have the nesting and the shapes of {other_name}, {expected}; got {shapes}. "
            "Check both."
        )


def _towards(caller: str, value: Tensor, xs: list[Tensor], gradient: Any, create_graph: bool) -> list[Any]:
    """The gradients by xs. At least one must be tied to the value; what the others do not move has gradient zero."""
    if value.size != 1 and gradient is None:
        raise ValueError(
            f"{caller}: the function must return a scalar; got shape {value.shape}. "
            "Reduce it, for example with np.sum, or use jacobian."
        )
    found = autograd.grad(value, xs, gradient, create_graph, allow_unused=True) if value.requires_grad else ()
    if all(g is None for g in found):
        raise RuntimeError(
            f"{caller}: the result must depend on the arguments that it is differentiated by; got one that does not. "
            "Did np.array(), float(), .item() or .numpy() inside the function cut the graph?"
        )
    zeros = [Tensor(np.zeros(x.shape, x.dtype)) if g is None else g for g, x in zip(found, xs, strict=True)]
    return [tied(g, x) if create_graph and not g.requires_grad else g for g, x in zip(zeros, xs, strict=True)]


# Jacobians


def vjp(function: Function, *args: Any) -> tuple[Any, Function]:
    """The value, and a function from a cotangent to the gradients: one backward pass.

        y, back = vjp(f, x);   back(u) = u . dy/dx

    Shapes:  u has the shape of y; the gradients come as a tuple, one for each argument, in its nesting
    >>> y, back = vjp(np.square, np.array([1.0, 3.0]))
    >>> back(np.array([1.0, 10.0]))
    (array([ 2., 60.]),)
    """
    require_function("vjp", function)
    by = tuple(variables("vjp", x) for x in args)
    value, _ = result_of("vjp", function, by, by)
    record = tied_elsewhere(value)

    def back(cotangent: Any) -> Any:
        if np.shape(cotangent) != value.shape:
            raise ValueError(
                f"vjp: the cotangent must have the shape of the result, {value.shape}; got {np.shape(cotangent)}."
            )
        recorded = record or tied_elsewhere(cotangent)
        nested = rebuild(by, iter(_towards("vjp", value, list(leaves(by)), cotangent, recorded)))
        return nested if recorded else plain(nested)

    return (value if record else plain(value)), back


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value, and how it changes as the arguments move along a tangent.

        jvp(f, (x,), (t,)) = f(x), dy/dx t

    By reverse mode twice: u -> u . dy/dx is linear in u, and its own derivative along t is dy/dx t.

    Shapes:  tangents like primals -> the value and a tangent of its shape
    >>> jvp(np.square, (np.array([1.0, 3.0]),), (np.array([1.0, 10.0]),))
    (array([1., 9.]), array([ 2., 60.]))
    """
    require_function("jvp", function)
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(f"jvp: {name} must be a tuple of arguments; got {type(given).__name__}. Write (x,).")
    check_alike("jvp", "tangents", tuple(tangents), "the primals", tuple(primals))
    by = tuple(variables("jvp", x) for x in primals)
    value, _ = result_of("jvp", function, by, by)
    record = tied_elsewhere(value, tuple(tangents))
    cotangent = fresh(np.zeros(value.shape, value.dtype))
    with recording():
        gradients = _towards("jvp", value, list(leaves(by)), cotangent, create_graph=True)
        moved = sum(np.sum(g * t) for g, t in zip(gradients, leaves(tuple(tangents)), strict=True))
    (tangent,) = _towards("jvp", moved, [cotangent], None, create_graph=record)
    return (value, tangent) if record else (plain(value), plain(tangent))


def jacobian(function: Function, argnums: int = 0) -> Function:
    """All first derivatives of a function, as a function.

        jacobian(f)(x)[i.., j..] = dy_i.. / dx_j..

    One backward pass for each entry of the result.

    Shapes:  y (*a,), x (*b,) -> (*a, *b), in the nesting of the argument
    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[0]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 0.]])
    """
    require_function("jacobian", function)

    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        k = position("jacobian", argnums, args)
        by = variables("jacobian", args[k])
        inputs = (*args[:k], by, *args[k:][1:])
        value, _ = result_of("jacobian", partial(function, **kwargs), by, inputs)
        record, xs = tied_elsewhere(value), list(leaves(by))
        rows = []
        for entry in range(value.size):
            u = np.zeros(value.size, value.dtype)
            u[entry] = 1
            rows.append(_towards("jacobian", value, xs, u.reshape(value.shape), record))
        columns = [np.reshape(np.stack([row[k] for row in rows]), (*value.shape, *x.shape)) for k, x in enumerate(xs)]
        nested = rebuild(by, iter(columns))
        return nested if record else plain(nested)

    return jacobian_of


def hessian(function: Function, argnums: int = 0) -> Function:
    """All second derivatives of a function with a scalar result, as a function.

        hessian(f)(x)[i.., j..] = d2f / dx_i.. dx_j..

    Shapes:  x (*b,) -> (*b, *b); for one array
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    require_function("hessian", function)

    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        x = args[position("hessian", argnums, args)]
        if isinstance(x, tuple | list | dict):
            raise TypeError(
                f"hessian: the argument must be one array; got {type(x).__name__}. Join the parameters in "
                "one with np.concatenate, or use hvp, which takes them nested."
            )
        return jacobian(grad(function, argnums), argnums)(*args, **kwargs)

    return hessian_of


def hvp(function: Function, x: Any, direction: Any) -> Any:
    """The Hessian times a vector, without the Hessian: two backward passes.

        hvp(f, x, v) = d/dx (df/dx . v)

    Shapes:  v like x -> like x
    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 3.0]), np.array([1.0, 0.0]))
    array([6., 2.])
    """
    require_function("hvp", function)
    check_alike("hvp", "direction", direction, "x", x)

    def along(x: Any) -> Any:
        parts = zip(leaves(grad(function)(x)), leaves(direction), strict=True)
        return sum(np.sum(g * v) for g, v in parts)

    return grad(along)(x)
