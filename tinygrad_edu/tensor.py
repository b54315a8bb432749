"""Tensor: an array that remembers how it was made.

    >>> import numpy as np
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> J = np.sum(x * x)
    >>> J.backward()
    >>> x.grad
    Tensor([2., 4.])

Python's operators and NumPy's functions work on Tensors and record: `1 / (1 + np.exp(-z))`,
`array @ t`, `np.sum(t, axis=1, keepdims=True)`. All of them end in `apply`, which computes
and notes the op, its inputs and its parameters. Nothing else is kept, and nothing else is needed.

Read next: `protocol.py`, how a call of NumPy finds its op.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from tinygrad_edu import habits, notebook, ops, protocol
from tinygrad_edu.anomaly import note
from tinygrad_edu.arrays import REAL, array_of, as_array
from tinygrad_edu.autograd import Node, chain_rule, created, mode, seed

__all__ = ["NO_PARAMS", "Tensor", "apply"]

NO_PARAMS: dict[str, Any] = {}
NUMBERS = {float, int, bool, type(None)}  # kept as they are: NumPy does not upcast for a Python number
ndarray = np.ndarray
new = object.__new__


def positions(bits: int) -> tuple[int, ...]:
    """Where a number has its bits: 0b101 at 0 and 2."""
    return tuple(k for k in range(bits.bit_length()) if bits >> k & 1)


POSITIONS = [positions(bits) for bits in range(16)]  # so that all small ops share theirs


def apply(op: ops.Op, inputs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Compute an op, and record it if one of its inputs requires a gradient; the answer to a question is no Tensor."""
    values: list[Any] = []
    flows, bit = 0, 1
    for x in inputs:
        if type(x) is Tensor:
            values.append(x.data)
            if x.requires_grad:
                flows |= bit
        elif type(x) in NUMBERS or (type(x) is ndarray and x.dtype.kind in REAL):
            values.append(x)
        else:
            return apply(op, tuple(operand(op, x) for x in inputs), params)
        bit += bit
    try:
        data: Any = op.forward(*values, **params) if params else op.forward(*values)  # without, a little faster
    except (ValueError, TypeError, IndexError) as error:
        data = in_one_step(op, values, params, error)
    if not op.rules and not op.every:
        return data  # type: ignore[no-any-return]
    tensor = new(Tensor)
    if type(data) is not ndarray:
        data = as_array(data)
        op = op if type(data) is ndarray else data.guarded(op)
    tensor.data = data
    tensor.op = op
    tensor.grad = tensor.name = None
    tensor.retains_grad = False
    now = mode.get()
    if flows and now.record:
        tensor.requires_grad = True
        tensor.inputs = inputs
        tensor.flows_to = POSITIONS[flows] if flows < 16 else positions(flows)
        tensor.params = params
        tensor.created = next(created)
        tensor.scopes = ()
    else:
        tensor.requires_grad = False
        tensor.inputs, tensor.params = (), NO_PARAMS
    if now.anomaly:
        tensor.noted = note(op, values, data)
    return tensor


def in_one_step(op: ops.Op, values: list[Any], params: dict[str, Any], error: Exception) -> Any:
    """What a traced array notes of an op that needs values: its call as a whole. For arrays, the error explained."""
    for x in values:
        if hasattr(x, "_apply"):
            try:
                if not op.rules and not op.every:  # a check of one's own: it is done each time
                    return x._apply(op, tuple(values), params)
                return x.whole(op.forward, values, params)
            except (ValueError, TypeError, IndexError) as again:
                error = again
    raise explain(op, values, error) from (None if op.name in ops.TABLE else error)


def operand(op: ops.Op, x: Any) -> Any:
    """An input of an op, as a Tensor, an array or a Python number."""
    if isinstance(x, Tensor) or type(x) in NUMBERS:
        return x
    if hasattr(x, "_apply"):
        return Tensor.wrap(x)
    array = array_of(x) if isinstance(x, list | tuple) else np.asarray(x)
    if array.dtype.kind not in REAL:
        raise TypeError(
            f"{op.name}: operands must be real numbers; got {x!r} of dtype {array.dtype}. Convert it to numbers first."
        )
    return array


class Tensor(Node):
    """An array and its place in the graph.

    `data` is copied, as np.array does. A tensor with requires_grad=True is a leaf that collects its
    gradient in `.grad`, a Tensor of the same shape and dtype, when `backward()` is called on what was
    computed from it. `name` is shown in pictures and derivations.

    Raises:  TypeError for data that is not real numbers, or where integers are asked for a gradient
    >>> Tensor([[1, 2], [3, 4]], dtype=float) @ np.ones(2)
    Tensor([3., 7.])
    """

    __slots__ = ("__weakref__", "grad", "name")

    grad: Tensor | None
    name: str | None

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None, dtype: Any = None) -> None:
        array = array_of(data, dtype)
        if array.dtype.kind not in REAL:
            raise TypeError(
                f"Tensor: data must be real numbers; got dtype {array.dtype}. "
                "Check for ragged rows, text or complex numbers, or pass dtype=float."
            )
        if requires_grad and array.dtype.kind != "f":
            raise TypeError(
                f"Tensor: gradients need a floating dtype; got {array.dtype}. Pass dtype=float, or write 1.0 for 1."
            )
        self.data, self.requires_grad, self.retains_grad = array, requires_grad, False
        self.op, self.inputs, self.params = None, (), NO_PARAMS
        self.grad, self.name = None, name

    def __init_subclass__(cls) -> None:
        raise TypeError(
            f"Tensor: must not be subclassed; got {cls.__name__}. Hold a Tensor in an attribute, or write a Module."
        )

    @classmethod
    def wrap(cls, data: Any) -> Self:
        tensor = new(cls)
        tensor.data = data if type(data) is ndarray else as_array(data)
        tensor.requires_grad = tensor.retains_grad = False
        tensor.op, tensor.inputs, tensor.params = None, (), NO_PARAMS
        tensor.grad = tensor.name = None
        return tensor

    # Gradients

    def backward(self, gradient: Any = None, create_graph: bool = False) -> None:
        """Add dJ/dx to `.grad` of every leaf x that this tensor J was computed from.

        A tensor that is no scalar needs `gradient`, dJ/d(this tensor), of its own shape. With
        create_graph=True the gradients record too and can be differentiated; a leaf and its gradient
        then hold each other until `.grad` is set to None (`autograd.grad` has no such knot).

        Raises:  ValueError if not a scalar; RuntimeError if nothing here requires a gradient
        """
        start = seed(self, gradient, "backward", create_graph)
        wrap = Tensor.wrap
        for x, g in chain_rule({self: start}, create_graph=create_graph).items():
            if x.grad is not None:
                g = x.grad + g if create_graph else x.grad.data + g
            x.grad = g if type(g) is Tensor else wrap(g)

    def retain_grad(self) -> None:
        """Keep `.grad` here too, though this tensor is no leaf."""
        if not self.requires_grad:
            raise RuntimeError(
                f"retain_grad: needs a tensor that requires a gradient; got {self!r}. "
                "Set requires_grad=True on its inputs."
            )
        self.retains_grad = True

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def detach(self) -> Tensor:
        """The same array (shared), cut off from the graph."""
        return Tensor.wrap(self.data)

    def numpy(self) -> np.ndarray:
        """The array itself (shared), cut off from the graph."""
        return self.data

    def item(self) -> float:
        """The number in a tensor of one entry."""
        number: float = self.data.item()
        return number

    def tolist(self) -> Any:
        """The array as nested lists of numbers."""
        return self.data.tolist()

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return apply(ops.add, (self, other), NO_PARAMS)

    def __radd__(self, other: Any) -> Tensor:
        return apply(ops.add, (other, self), NO_PARAMS)

    def __sub__(self, other: Any) -> Tensor:
        return apply(ops.subtract, (self, other), NO_PARAMS)

    def __rsub__(self, other: Any) -> Tensor:
        return apply(ops.subtract, (other, self), NO_PARAMS)

    def __mul__(self, other: Any) -> Tensor:
        return apply(ops.multiply, (self, other), NO_PARAMS)

    def __rmul__(self, other: Any) -> Tensor:
        return apply(ops.multiply, (other, self), NO_PARAMS)

    def __truediv__(self, other: Any) -> Tensor:
        return apply(ops.divide, (self, other), NO_PARAMS)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(ops.divide, (other, self), NO_PARAMS)

    def __pow__(self, other: Any) -> Tensor:
        return apply(ops.power, (self, other), NO_PARAMS)

    def __rpow__(self, other: Any) -> Tensor:
        return apply(ops.power, (other, self), NO_PARAMS)

    def __mod__(self, other: Any) -> Tensor:
        return apply(ops.remainder, (self, other), NO_PARAMS)

    def __rmod__(self, other: Any) -> Tensor:
        return apply(ops.remainder, (other, self), NO_PARAMS)

    def __floordiv__(self, other: Any) -> Tensor:
        return apply(ops.floor_divide, (self, other), NO_PARAMS)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return apply(ops.floor_divide, (other, self), NO_PARAMS)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __matmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, (self, other), NO_PARAMS)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, (other, self), NO_PARAMS)

    def __neg__(self) -> Tensor:
        return apply(ops.negative, (self,), NO_PARAMS)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return apply(ops.abs, (self,), NO_PARAMS)

    # Comparisons give plain boolean arrays; a tensor is still a key of dicts and sets by identity.

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return apply(ops.equal, (self, other), NO_PARAMS)

    def __ne__(self, other: Any) -> Any:
        return apply(ops.not_equal, (self, other), NO_PARAMS)

    def __lt__(self, other: Any) -> Any:
        return apply(ops.less, (self, other), NO_PARAMS)

    def __le__(self, other: Any) -> Any:
        return apply(ops.less_equal, (self, other), NO_PARAMS)

    def __gt__(self, other: Any) -> Any:
        return apply(ops.greater, (self, other), NO_PARAMS)

    def __ge__(self, other: Any) -> Any:
        return apply(ops.greater_equal, (self, other), NO_PARAMS)

    # The methods of ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return apply(ops.transpose, (self,), NO_PARAMS)

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes swapped."""
        return apply(ops.swapaxes, (self,), {"axis1": -1, "axis2": -2})

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return apply(ops.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return apply(ops.mean, (self,), {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return apply(ops.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return apply(ops.min, (self,), {"axis": axis, "keepdims": keepdims})

    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return apply(ops.var, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return apply(ops.std, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return apply(ops.prod, (self,), {"axis": axis, "keepdims": keepdims})

    def cumsum(self, axis: int | None = None) -> Tensor:
        return apply(ops.cumsum, (self,), {"axis": axis})

    def cumprod(self, axis: int | None = None) -> Tensor:
        return apply(ops.cumprod, (self,), {"axis": axis})

    def round(self, decimals: int = 0) -> Tensor:
        return apply(ops.round, (self,), {"decimals": decimals})

    def argmax(self, axis: int | None = None) -> Any:
        return self.data.argmax(axis)

    def argmin(self, axis: int | None = None) -> Any:
        return self.data.argmin(axis)

    def argsort(self, axis: int | None = -1) -> np.ndarray:
        return self.data.argsort(axis)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self.data.any(axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self.data.all(axis, keepdims=keepdims)

    def nonzero(self) -> tuple[np.ndarray, ...]:
        return self.data.nonzero()

    def reshape(self, *shape: Any) -> Tensor:
        return apply(ops.reshape, (self,), {"shape": shape[0] if len(shape) == 1 else shape})

    def ravel(self) -> Tensor:
        return apply(ops.ravel, (self,), NO_PARAMS)

    def flatten(self) -> Tensor:
        return self.ravel()

    def copy(self) -> Tensor:
        """The same value in memory of its own; the gradient passes through."""
        return self.astype(self.dtype)

    def squeeze(self, axis: Any = None) -> Tensor:
        return apply(ops.squeeze, (self,), {"axis": axis})

    def transpose(self, *axes: Any) -> Tensor:
        return apply(ops.transpose, (self,), {"axes": (axes[0] if len(axes) == 1 else axes) or None})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return apply(ops.swapaxes, (self,), {"axis1": axis1, "axis2": axis2})

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return apply(ops.clip, (self, min, max), NO_PARAMS)

    def dot(self, other: Any) -> Tensor:
        return apply(ops.dot, (self, other), NO_PARAMS)

    def by(self, function: Callable[..., Any], *args: Any) -> Tensor:
        """What a NumPy function makes of this tensor."""
        result: Tensor = protocol.of_function(function, (self, *args), {})
        return result

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return self.by(np.repeat, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Tensor:
        return self.by(np.take, indices, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return self.by(np.diagonal, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return self.by(np.trace, offset, axis1, axis2)

    def astype(self, dtype: Any) -> Tensor:
        """A copy in another floating dtype; the gradient is cast back on its way."""
        if self.requires_grad and np.dtype(dtype).kind != "f":
            raise TypeError(
                f"astype: gradients need a floating dtype; got {np.dtype(dtype)}. To leave the graph, .detach() first."
            )
        return apply(ops.astype, (self,), {"dtype": dtype})

    # Python's protocols

    def __getitem__(self, key: Any) -> Tensor:
        plain = tuple(x.data if isinstance(x, Node) else x for x in key) if isinstance(key, tuple) else key
        return apply(ops.index, (self,), {"key": plain.data if isinstance(plain, Node) else plain})

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "Tensor: a value that the graph has recorded must not change; got an assignment to its items. "
            "Make a new tensor with np.where or np.concatenate, or change a leaf outside the graph: t.data[...] = v."
        )

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        facts = [np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=100, edgeitems=2)]
        facts += [f"shape={self.shape}"] if self.size > 100 or self.size == 0 else []
        facts += [f"dtype={self.dtype}"] if self.dtype != np.float64 else []
        facts += [f"name={self.name!r}"] if self.name else []
        facts += [f"op={self.op.name}"] if self.inputs else ["requires_grad=True"] if self.requires_grad else []
        return f"Tensor({', '.join(facts)})"

    def _repr_html_(self) -> str:
        facts = [f"shape={self.shape}", str(self.dtype)]
        facts += [f"op={self.op.name}"] if self.op else ["requires_grad=True"] if self.requires_grad else []
        return notebook.array(self.data, f"{self.name or 'Tensor'}: {', '.join(facts)}")

    def __reduce__(self) -> Any:
        if self.inputs:
            raise TypeError(
                f"Tensor: only leaves can be copied or pickled; got the result of {self.op.name}, which holds its "
                "whole graph. Use .detach() first."
            )
        return Tensor, (self.data, self.requires_grad, self.name)

    # NumPy's protocols

    _apply = staticmethod(apply)  # how ops.Op records

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise TypeError(
                "np.asarray: a tensor that requires a gradient must not become a plain array; it would cut the graph "
                "in silence. Use .numpy() or .detach() to leave the graph, np.stack to join tensors, "
                "a @ t, not a.dot(t)."
            )
        return np.array(self.data, dtype) if copy else np.asarray(self.data, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Record a NumPy ufunc, or its reduce, accumulate or outer, by the op that answers for it."""
        if method == "__call__" and not kwargs and ufunc in ops.FOR_NUMPY:  # the short way, for nearly all calls
            return apply(ops.FOR_NUMPY[ufunc], inputs, NO_PARAMS)
        return protocol.of_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """Record a NumPy function by the op that answers for it."""
        return protocol.of_function(function, args, kwargs)


for name in (*habits.INSTEAD, *habits.FUNCTIONS):
    setattr(Tensor, name, habits.Elsewhere(name))


def explain(op: ops.Op, values: list[Any], error: Exception) -> Exception:
    """NumPy's error, in a sentence that names the op and the shapes it was given."""
    shapes = [np.shape(x) for x in values if x is not None]
    if op in (ops.matmul, ops.dot) and all(shapes):
        (*_, columns), rows = shapes[0], shapes[1][-2:][0]
        if columns != rows:
            return ValueError(
                f"{op.name}: inner sizes must agree; got {shapes[0]} @ {shapes[1]}, {columns} != {rows}. "
                "Transpose one operand or check in_features."
            )
    if op is ops.linear and shapes[0] and shapes[0][-1:] != shapes[1][1:]:
        return ValueError(
            f"linear: x must have in_features columns; got x {shapes[0]} and weight {shapes[1]} (out_features, "
            f"in_features), {shapes[0][-1]} != {shapes[1][-1]}. Transpose x or check in_features."
        )
    listed = " and ".join(map(str, shapes))
    if "broadcast" in str(error):
        return ValueError(
            f"{op.name}: shapes must broadcast; got {listed}. Make each pair of axes, from the last, equal or 1."
        )
    kind = next(
        kind
        for kind in (np.linalg.LinAlgError, np.exceptions.AxisError, IndexError, TypeError, ValueError)
        if isinstance(error, kind)
    )
    text = str(error).removeprefix(f"{op.name}: ")
    return kind(f"{op.name}: {text}" if "; got" in text else f"{op.name}: {text.rstrip('.')}; got {listed}.")
