"""The ONNX counterparts of ops that treat each entry on its own."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_edu.read.onnx.call import Call, counterpart

#: Rows that are one op of ONNX, with the same inputs.
SAME = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "negative": "Neg",
    "power": "Pow",
    "reciprocal": "Reciprocal",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "tanh": "Tanh",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
    "abs": "Abs",
    "fabs": "Abs",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "rint": "Round",
    "positive": "Identity",
    "maximum": "Max",
    "minimum": "Min",
    "matmul": "MatMul",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "astype": "Identity",  # an input of another dtype is cast on its way in
}
#: Rows that multiply by a number.
SCALED = {
    "degrees": 180 / math.pi,
    "rad2deg": 180 / math.pi,
    "radians": math.pi / 180,
    "deg2rad": math.pi / 180,
}


@counterpart(*SAME)
def same(call: Call) -> str:
    return call(SAME[call.row], *(call.x(k) for k in range(len(call.node.inputs))))


@counterpart("square")
def square(call: Call) -> str:
    x = call.x(0)
    return call("Mul", x, x)


@counterpart("expm1")
def expm1(call: Call) -> str:
    x = call.x(0)  # e^x - 1 = tanh(x/2) (e^x + 1)
    return call("Mul", call("Tanh", call("Div", x, call.number(2))), call("Add", call("Exp", x), call.number(1)))


@counterpart("log1p")
def log1p(call: Call) -> str:
    return log_of_one_plus(call, call.x(0))


def log_of_one_plus(call: Call, x: str) -> str:
    """log(u) x / (u - 1) with u = 1 + x as it was rounded: the error of u cancels."""
    u = call("Add", x, call.number(1))
    rounded = call("Sub", u, call.number(1))
    correction = call("Where", call("Equal", rounded, x), call.number(1), call("Div", x, rounded))
    return call("Where", call("Equal", rounded, call.number(0)), x, call("Mul", call("Log", u), correction))


@counterpart("softplus")
def softplus(call: Call) -> str:
    return stable_softplus(call, call.x(0))


def stable_softplus(call: Call, x: str) -> str:
    """max(x, 0) + log(1 + exp(-|x|))."""
    small = log_of_one_plus(call, call("Exp", call("Neg", call("Abs", x))))
    return call("Add", call("Max", x, call.number(0)), small)


@counterpart("leaky_relu")
def leaky_relu(call: Call) -> str:
    x = call.x(0)
    below = call("Mul", x, call.number(call.param("slope", 0.01)))
    return call("Where", call("Greater", x, call.number(0)), x, below)


@counterpart("where")
def where(call: Call) -> str:
    return call("Where", call.x(0, bool), call.x(1), call.x(2))


@counterpart("clip")
def clip(call: Call) -> str:
    x = call("Max", call.x(0), call.x(1)) if call.given(1) else call.x(0)
    return call("Min", x, call.x(2)) if call.given(2) else x


@counterpart("xlogy")
def xlogy(call: Call) -> str:
    x = call.x(0)
    nothing = call("Equal", x, call.number(0))
    product = call("Mul", x, call("Log", call("Where", nothing, call.number(1), call.x(1))))
    return call("Where", nothing, call.number(0), product)


@counterpart(*SCALED)
def scaled(call: Call) -> str:
    return call("Mul", call.x(0), call.number(SCALED[call.row]))


@counterpart("log2", "log10")
def log(call: Call) -> str:
    return call("Div", call("Log", call.x(0)), call.number(math.log({"log2": 2, "log10": 10}[call.row])))


@counterpart("exp2")
def exp2(call: Call) -> str:
    return call("Pow", call.number(2), call.x(0))


@counterpart("logaddexp", "logaddexp2")
def logaddexp(call: Call) -> str:
    """max(a, b) + log(1 + exp(-|a - b|)), all logarithms to the base of e or 2."""
    a, b = call.x(0), call.x(1)
    unit = call.number(1 if call.row == "logaddexp" else math.log(2))
    apart = call("Where", call("Equal", a, b), call.number(0), call("Abs", call("Sub", a, b)))
    small = log_of_one_plus(call, call("Exp", call("Neg", call("Mul", apart, unit))))
    return call("Add", call("Max", a, b), call("Div", small, unit))


@counterpart("hypot")
def hypot(call: Call) -> str:
    """Both are divided by the larger one: its square might be infinite."""
    a, b = call("Abs", call.x(0)), call("Abs", call.x(1))
    larger = call("Max", a, b)
    divisor = call("Where", call("Equal", larger, call.number(0)), call.number(1), larger)
    squares = [call("Mul", x, x) for x in (call("Div", a, divisor), call("Div", b, divisor))]
    return call("Mul", larger, call("Sqrt", call("Add", *squares)))


@counterpart("cbrt")
def cbrt(call: Call) -> str:
    x = call.x(0)
    return call("Mul", call("Sign", x), call("Pow", call("Abs", x), call.number(1 / 3)))


@counterpart("sinc")
def sinc(call: Call) -> str:
    x = call("Mul", call.x(0), call.number(math.pi))
    divisor = call("Where", call("Equal", x, call.number(0)), call.number(1), x)
    return call("Where", call("Equal", x, call.number(0)), call.number(1), call("Div", call("Sin", x), divisor))


@counterpart("trunc", "fix")
def trunc(call: Call) -> str:
    x = call.x(0)
    return call("Mul", call("Sign", x), call("Floor", call("Abs", x)))


@counterpart("heaviside")
def heaviside(call: Call) -> str:
    x = call.x(0)
    step = call.writer.cast(call("Greater", x, call.number(0)), np.dtype(bool), call.dtype)
    return call("Where", call("Equal", x, call.number(0)), call.x(1), step)


@counterpart("fmax", "fmin")
def fmax(call: Call) -> str:
    """What is no number gives way to what is."""
    a, b = call.x(0), call.x(1)
    both = call({"fmax": "Max", "fmin": "Min"}[call.row], a, b)
    return call("Where", call("IsNaN", a), b, call("Where", call("IsNaN", b), a, both))


@counterpart("fmod")
def fmod(call: Call) -> str:
    return call("Mod", call.x(0), call.x(1), fmod=1)


@counterpart("remainder")
def remainder(call: Call) -> str:
    """As fmod, but with the sign of the divisor."""
    b, left = call.x(1), fmod(call)
    none = call("Equal", left, call.number(0))
    differ = call("Xor", call("Less", left, call.number(0)), call("Less", b, call.number(0)))
    return call("Where", call("And", differ, call("Not", none)), call("Add", left, b), left)


@counterpart("floor_divide")
def floor_divide(call: Call) -> str:
    return call("Round", call("Div", call("Sub", call.x(0), remainder(call)), call.x(1)))


@counterpart("round")
def round(call: Call) -> str:
    power = call.number(10.0 ** call.param("decimals", 0))
    return call("Div", call("Round", call("Mul", call.x(0), power)), power)


@counterpart("nan_to_num")
def nan_to_num(call: Call) -> str:
    x, largest = call.x(0), np.finfo(call.dtype).max
    for name, infinite, finite in (("posinf", np.inf, largest), ("neginf", -np.inf, -largest)):
        given = call.param(name)
        value = call.number(finite if given is None else given)
        x = call("Where", call("Equal", call.x(0), call.number(infinite)), value, x)
    return call("Where", call("IsNaN", call.x(0)), call.number(call.param("nan", 0.0)), x)
