"""Arrays without values, which record what is done with them.

    trace = Trace("compile")
    x = trace.input((3, 2), np.float64, "x")        # a Traced array: a shape and a dtype
    y = np.tanh(x) @ x.T                            # records three steps
    trace.outputs = [y.value]
    trace.run(np.ones((3, 2)))

A `Traced` array speaks NumPy's protocols, and each call on it becomes a `Step`. A Tensor may hold one in place of its
array: then the ops' forward functions, the chain rule, the rules of the table and the optimizers run on it, and what
they do is written down, forward and backward, with nothing known here about networks. What needs values (an `if`,
float()) is an error that names the call.

Two levels: a step is a NumPy function or, for the ops in `whole`, the op itself.

Read next: `compile/`, which makes fast programs of these, and `source/`, which makes readable ones.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, NoReturn

import numpy as np

from tinygrad_edu.autograd import Node
from tinygrad_edu.ops import Op
from tinygrad_edu.ops.op import Rule
from tinygrad_edu.read.forms import OF_FORM, PYTHON, VIEWS, WrongShape, form_of
from tinygrad_edu.read.program import Program, Step, Value, added_at, placed, replaced, sources, stand_in, value_like

__all__ = ["Refusal", "Trace", "Traced"]


class Refusal(TypeError):
    """What needs values.

    around  the arrays from outside that these are made of
    """

    around: Sequence[Value] = ()


class Trace(Program):
    """A program that is being recorded.

    caller  who asked, for errors
    whole   the ops that are one step each
    section the heading of what is recorded from here on
    arrays  what stands for the arrays from outside, by the id of each
    like    the steps of an earlier trace of the same, whose forms are taken over
    """

    def __init__(self, caller: str, whole: Collection[Op] = ()) -> None:
        super().__init__()
        self.caller, self.whole, self.section = caller, whole, ""
        self.constants: dict[int, Value] = {}
        self.arrays: dict[int, Traced] = {}
        self.like: list[Step] = []

    def input(self, shape: tuple[int, ...], dtype: Any, name: str | None = None) -> Traced:
        """An array that is given when the program runs."""
        self.inputs.append(Value(tuple(shape), dtype, name=name))
        return Traced(self, self.inputs[-1])

    def number(self, dtype: Any, name: str | None = None) -> Traced:
        """A Python number that is given when the program runs."""
        self.inputs.append(Value((), dtype, number=True, name=name))
        return Traced(self, self.inputs[-1])

    def constant(self, array: Any) -> Value:
        """An array that is known now."""
        if id(array) not in self.constants:
            self.constants[id(array)] = Value(array.shape, array.dtype, constant=array)
        return self.constants[id(array)]

    def around(self, name: str, array: np.ndarray) -> Traced:
        """An array from outside, which is read anew at each run."""
        if id(array) not in self.arrays:
            value = self.constant(array)
            value.name, value.fixed = name, False
            self.arrays[id(array)] = Traced(self, value)
        return self.arrays[id(array)]

    def record(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], acts: bool = False, form: Any = None
    ) -> Any:
        """Note a call, and give what it makes: a Traced array, or a tuple of them.

        `form` is an array of the form of the result, for functions that cannot be tried on stand-ins.
        """
        known = (Traced, np.ndarray, np.generic)
        args, kwargs = (
            replaced(part, known, lambda x: x.value if isinstance(x, Traced) else self.constant(x))
            for part in (args, tuple(kwargs.items()))
        )
        step = Step(function, args, dict(kwargs), acts)
        step.section = self.section
        try:
            form = self.form(step)
        except (ValueError, TypeError, IndexError, ArithmeticError):
            if form is None:
                raise
            form = form.value.example() if isinstance(form, Traced) else form
        if isinstance(form, np.ndarray):
            form = stand_in(form.shape, form.dtype)
        step.form = form
        self.steps.append(step)
        if isinstance(form, tuple | list):
            step.result = Value((len(form),), object, step)
            whole = Traced(self, step.result)
            parts = [self._entry(whole, k, part) for k, part in enumerate(form)]
            return type(form)(*parts) if hasattr(form, "_fields") else type(form)(parts)
        step.result = value_like(form, step)
        return Traced(self, step.result)

    def _entry(self, whole: Traced, k: int, form: Any) -> Traced:
        step = Step(operator.getitem, (whole.value, k), {})
        self.steps.append(step)
        step.result = value_like(form, step)
        return Traced(self, step.result)

    def form(self, step: Step) -> Any:
        """Something of the form of its result: that of the same step of another trace, or found by trial."""
        like = self.like[len(self.steps)] if len(self.steps) < len(self.like) else None
        if like is not None and like.function == step.function and not isinstance(like.form, tuple | list):
            return like.form
        try:
            return form_of(step)
        except WrongShape:
            value = step.inputs[0]
            raise self.refusal(f"the shape of the result of {step.name}", "a shape by the values", value) from None

    def refusal(self, what: str, given: str, value: Value) -> Refusal:
        """The error for what would need values."""
        made_by = f" the result of {value.step.name}" if value.step else f" {value.name or 'an input'}"
        error = Refusal(
            f"{self.caller}: {what} needs the values of an array, and here only shapes are known; got {given} of"
            f"{made_by} {value.shape}. A branch or number would be frozen: use np.where, or keep it outside."
        )
        error.around = [x for x in sources(value) if not x.fixed]
        return error


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array without values: what is done with it is recorded.

    It stands for a place in memory, and so its value may change (`x += y`, `x[key] = y`); a view follows the array that
    it was taken from, and changes it.
    """

    __slots__ = ("_value", "made_from", "program", "remake", "seen")
    __hash__ = object.__hash__
    base = None  # to the chain rule, each is memory of its own

    def __init__(self, program: Trace, value: Value) -> None:
        self.program, self._value = program, value
        self.made_from: Traced | None = None
        self.remake: Any = None
        self.seen: Value | None = None

    @property
    def value(self) -> Value:
        """What it holds at this point of the program."""
        if self.made_from is not None and self.made_from.value is not self.seen:
            function, args, kwargs = self.remake
            self.seen = self.made_from.value
            self._value = self.program.record(function, (self.made_from, *args), kwargs).value
        return self._value

    def change(self, new: Any) -> None:
        """Hold another value from here on, of the same shape and dtype."""
        if new.dtype != self.dtype or new.shape != self.shape:
            new = self.program.record(placed, (self, ..., new), {})
        if self.made_from is not None:
            function, args, _ = self.remake
            if function is not operator.getitem:
                raise TypeError(
                    f"{self.program.caller}: an array must not be changed through a view of it; got one by "
                    f"{function.__name__}. Change the array itself, or write a = a + b in place of a += b."
                )
            self.made_from[args[0]] = new
            self.seen = self.made_from.value
        self._value = new.value

    def _view(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call whose result shares this array's memory."""
        view = self.program.record(function, (self, *args), kwargs)
        view.made_from, view.remake, view.seen = self, (function, args, kwargs), self.value
        return view

    # What is known: the form

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> Any:
        return self._value.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def itemsize(self) -> int:
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    # What is not: the values

    def _refuse(self, what: str) -> NoReturn:
        raise self.program.refusal(what, what, self._value)

    def __bool__(self) -> bool:
        self._refuse("bool()")

    def __float__(self) -> float:
        self._refuse("float()")

    def __int__(self) -> int:
        self._refuse("int()")

    def __index__(self) -> int:
        self._refuse("a whole number")

    def __contains__(self, x: Any) -> bool:
        self._refuse("`in`")

    def item(self, *_: Any) -> Any:
        self._refuse(".item()")

    def tolist(self) -> Any:
        self._refuse(".tolist()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse("np.array()")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec) if not spec else self._refuse("format()")

    def __repr__(self) -> str:
        return f"Traced({self._value.name or ''}{list(self.shape)} {self.dtype})"

    # NumPy's protocols

    def _apply(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Record an op that is called on arrays: whole, or what its forward function does."""
        for x in inputs:
            if isinstance(x, Node):
                return type(x)._apply(op, inputs, params)  # type: ignore[attr-defined]
        own = hasattr(op.forward, "__code__")  # a check, a draw: what it does is its own
        acts = own and not (op.rules or op.every)
        if acts or op in self.program.whole:
            return self.program.record(op, inputs, params, acts)
        return op.forward(*inputs, **params)

    def whole(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], form: Any = None) -> Any:
        """Record a function of arrays as one step, whatever it does."""
        return self.program.record(function, tuple(args), kwargs, form=form)

    def guarded(self, op: Op) -> Op:
        """The op as it is to be recorded with."""
        return guarded(op)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented  # a Tensor records in the graph
        if method == "at" and ufunc is np.add:
            array, key, x = inputs
            if not isinstance(array, Traced):
                raise self.program.refusal("np.add.at", "a change of a plain array by the values", self._value)
            array.change(self.program.record(added_at, (array, key, x), {}))
            return None
        (out,) = kwargs.pop("out", None) or (None,)
        if method == "__call__" and ufunc in PYTHON and all(is_number(x) for x in inputs):
            result = self.program.record(PYTHON[ufunc], inputs, kwargs)
        else:
            result = self.program.record(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)
        if out is None:
            return result
        if not isinstance(out, Traced):
            raise self.program.refusal(f"np.{ufunc.__name__}", "a change of a plain array by the values", self._value)
        if not out.shape and out.value.step:
            return result  # a single number is no place in memory: the name gets another
        out.change(result)
        return out

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, Node) for kind in types):
            return NotImplemented
        if function in (np.array2string, np.array_repr, np.array_str):
            return repr(self)
        if function in OF_FORM:
            forms = replaced((args, tuple(kwargs.items())), Traced, lambda x: x.value.example())
            return function(*forms[0], **dict(forms[1]))
        if function in VIEWS and args and args[0] is self:
            return self._view(function, args[1:], kwargs)
        if kwargs.get("out") is not None:
            raise self.program.refusal(f"np.{function.__name__}", "out=", self._value)
        return self.program.record(function, args, kwargs)

    # The methods of ndarray

    def __getitem__(self, key: Any) -> Any:
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, Traced) and part.dtype == bool:
                raise self.program.refusal("a shape", "an index", part.value)
        if takes_copy(key):
            return self.program.record(operator.getitem, (self, key), {})
        view = self._view(operator.getitem, (key,), {})
        if not view.shape and not (isinstance(key, tuple) and ... in key):
            view.made_from = None  # a single entry is no view
        return view

    def __setitem__(self, key: Any, x: Any) -> None:
        self.change(self.program.record(placed, (self, key, x), {}))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def astype(self, dtype: Any, **kwargs: Any) -> Any:
        return self.program.record(np.ndarray.astype, (self, np.dtype(dtype)), kwargs)

    def copy(self, order: Any = "C") -> Any:
        return self.program.record(np.copy, (self,), {"order": order})

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def flatten(self) -> Any:
        return np.reshape(self.copy(), -1)

    def __getattr__(self, name: str) -> Any:
        """The other methods are NumPy's functions of the same name: x.sum(axis=0) is np.sum(x, axis=0)."""
        if name.startswith("_") or not hasattr(np.ndarray, name) or not callable(getattr(np, name, None)):
            raise AttributeError(f"{self.program.caller}: a traced array has no attribute {name!r}.")
        return partial(getattr(np, name), self)


@lru_cache(maxsize=256)
def guarded(op: Op) -> Op:
    """The op, with rules that are recorded as one step each where they look at values."""
    return Op(
        op.forward,
        every=lambda *inputs, **_: [guarded_rule(op, k) for k in range(len(inputs))],
        numpy=op.numpy,
        name=op.name,
    )


@lru_cache(maxsize=1024)
def guarded_rule(op: Op, k: int) -> Rule:
    def rule(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        return op.rules_for(inputs, params)[k](g, y, *inputs, **params)

    def attempt(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        try:
            return rule(g, y, *inputs, **params)
        except TypeError:  # a Refusal, most often
            traced = next((x for x in (g, y, *inputs) if isinstance(x, Traced)), None)
            if traced is None:  # tensors, which record
                raise
            return traced.whole(rule, (g, y, *inputs), params, form=inputs[k])

    rule.__name__ = f"{op.name}_rule"
    return attempt


def is_number(x: Any) -> bool:
    """Whether x is a Python number, known or traced."""
    return x.value.number if isinstance(x, Traced) else type(x) in (int, float, bool)


def takes_copy(key: Any) -> bool:
    """Whether indexing by the key copies: where it holds an array, a list or a truth value."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(part, Traced | np.ndarray | np.generic | list | bool) for part in parts)
