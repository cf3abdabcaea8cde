"""Element by element: arithmetic, powers, exponentials, trigonometry, comparison, logic, bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.promotion import cast, common, float_only, result_type, to_float
from nptorch.ops.registry import op
from nptorch.ops.signatures import (
    as_tensor_like,
    binary,
    check_tensors,
    function,
    into_out,
    method,
    not_a_tensor,
    takes_out,
    unary,
)
from nptorch.tensor import Tensor, from_array

# --- arithmetic ---

# bool + bool is a logical or, and bool * bool a logical and: NumPy agrees with PyTorch there.
add = op("add", lambda xp, x, y: x + y, lambda g: g, lambda g: g, promote=common)
sub = op("sub", lambda xp, x, y: x - y, lambda g: g, lambda g: neg(g), promote=common)
mul = binary(
    "mul",
    lambda xp, x, y: x * y,
    lambda g, y: g * conj(y),
    lambda g, x: g * conj(x),
    promote=common,
    aliases=("multiply",),
)
div = op(
    "div",
    lambda xp, x, y: xp.true_divide(x, y),
    lambda g, y: g / conj(y),
    lambda g, y, out: neg(g * conj(out / y)),
    promote=to_float,
)
neg = unary("neg", lambda xp, x: _no_bool(x) or -x, lambda g: neg(g), aliases=("negative",))
absolute = unary("abs", lambda xp, x: xp.abs(x), lambda g, x: g * sgn(x), aliases=("absolute",))
sign = unary("sign", lambda xp, x: xp.sign(x) if x.dtype.kind != "b" else x, lambda g: zeros_of(g))
sgn = unary("sgn", lambda xp, x: xp.sign(x) if x.dtype.kind != "b" else x, lambda g, x, out: _sgn_vjp(g, x, out))
square = unary(
    "square",
    lambda xp, x: x * x,
    lambda g, x: g * (2 * conj(x)),
    promote=lambda xs: xs if xs[0].dtype.kind != "b" else cast(xs, dtypes.int64),
    label="PowBackward0",
)
reciprocal = unary(
    "reciprocal", lambda xp, x: xp.reciprocal(x), lambda g, out: neg(g * conj(out * out)), promote=to_float
)
positive = unary("positive", lambda xp, x: x.copy(), lambda g: g, inplace=False)


def _sgn_vjp(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    if out._array.dtype.kind != "c":
        return zeros_of(g)
    # The direction of a complex number turns with what is at right angles to it.
    zero = x == 0
    return where(zero, 0.0, (g - out * real(g * conj(out))) / where(zero, 1.0, absolute(x)))


def _alpha(name: str, other: Any, alpha: Any) -> Any:
    if alpha == 1:
        return other
    if (
        isinstance(alpha, float)
        and isinstance(other, Tensor)
        and not other.dtype.is_floating_point
        and not other.dtype.is_complex
    ):
        raise RuntimeError(
            f"{name}(): for integral input tensors, argument alpha must not be a floating point number (got {alpha})"
        )
    return other * alpha


@function("add")
def _add(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha * other, broadcast (https://pytorch.org/docs/stable/generated/torch.add.html)."""
    other = _alpha("add", other, alpha)
    return add(input, other) if out is None else into_out(out, add, input, other)


@function("sub", "subtract")
def _sub(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha * other, broadcast (https://pytorch.org/docs/stable/generated/torch.sub.html)."""
    for x in (input, other):
        if isinstance(x, Tensor) and x._array.dtype.kind == "b":
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. Use `^` or `logical_xor()` instead."
            )
    other = _alpha("sub", other, alpha)
    return sub(input, other) if out is None else into_out(out, sub, input, other)


@method()
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """In-place add()."""
    return add.into(self, self, _alpha("add_", other, alpha))


@method("sub_", "subtract_")
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """In-place sub()."""
    return sub.into(self, self, _alpha("sub_", other, alpha))


def _no_bool(x: Any) -> Any:
    if x.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or "
            "`logical_not()` operator instead."
        )
    return None


@function()
def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input."""
    check_tensors("rsub", input=input)
    return _sub(other, input, alpha=alpha)


floor_div = op(
    "floor_div",
    lambda xp, x, y: _no_int_zero("floor division", y) or xp.floor_divide(x, y),
    lambda g: zeros_of(g),
    lambda g: zeros_of(g),
    promote=common,
)
trunc_div = op(
    "trunc_div",
    lambda xp, x, y: _no_int_zero("division", y) or trunc_divide(xp, x, y),
    lambda g: zeros_of(g),
    lambda g: zeros_of(g),
    promote=common,
)


def _no_int_zero(what: str, y: Any) -> Any:
    if isinstance(y, np.ndarray) and y.dtype.kind in "iu" and (y == 0).any():
        raise RuntimeError(f"ZeroDivisionError: integer {what} by zero")
    return None


def trunc_divide(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        return (xp.sign(x) * xp.sign(y) * (xp.abs(x) // xp.abs(y))).astype(x.dtype)
    return xp.trunc(xp.true_divide(x, y))


def _rounded_div(rounding_mode: str | None) -> Any:
    try:
        return {None: div, "floor": floor_div, "trunc": trunc_div}[rounding_mode]
    except KeyError:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
        ) from None


@function("div", "divide", "true_divide")
def _div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """input / other; integers give floats unless rounding_mode is "floor" or "trunc"
    (https://pytorch.org/docs/stable/generated/torch.div.html)."""
    chosen = _rounded_div(rounding_mode)
    return chosen(input, other) if out is None else into_out(out, chosen, input, other)


@method("div_", "divide_", "true_divide_")
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """In-place div()."""
    return _rounded_div(rounding_mode).into(self, self, other)


@function()
def floor_divide(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """input // other, rounded down."""
    return floor_div(input, other) if out is None else into_out(out, floor_div, input, other)


@method()
def floor_divide_(self: Tensor, other: Any) -> Tensor:
    """In-place floor_divide()."""
    return floor_div.into(self, self, other)


remainder = binary(
    "remainder",
    lambda xp, x, y: _no_int_zero("modulo", y) or xp.remainder(x, y),
    lambda g: g,
    lambda g, x, y: neg(g * floor_div(x, y)),
    promote=common,
)
fmod = binary(
    "fmod",
    lambda xp, x, y: _no_int_zero("modulo", y) or xp.fmod(x, y),
    lambda g: g,
    lambda g, x, y: neg(g * trunc_div(x, y)),
    tensors=1,
    promote=common,
)

# --- powers, exponentials, logarithms ---


def _pow_types(inputs: Sequence[Any]) -> Sequence[Any]:
    base, exponent = inputs
    if isinstance(exponent, int) and exponent < 0 and base.dtype.kind in "biu":
        raise RuntimeError("Integers to negative integer powers are not allowed; convert the base with .float()")
    return common(inputs)


def _pow(xp: Any, x: Any, y: Any) -> Any:
    if y.__class__ is np.ndarray and y.dtype.kind == "i" and (y < 0).any():  # what 1 / x ** -y is, cut to an integer
        unit = xp.where(x == 1, 1, xp.where(x == -1, 1 - 2 * (y & 1), 0))
        return xp.where(y < 0, unit, xp.power(x, xp.maximum(y, 0))).astype(x.dtype)
    if y.__class__ in (int, float):  # the common exponents: far cheaper than power()
        if y == 2:
            return x * x
        if y == 3:
            return x * x * x
        if y == 0.5:
            return xp.sqrt(x)
        if y == 1:
            return x.copy()
        if y == -1 and x.dtype.kind == "f":
            return 1 / x
    return xp.power(x, y)


def _pow_base_vjp(g: Tensor, x: Any, y: Any) -> Tensor:
    if isinstance(y, Tensor):  # 0 ** 0 has no slope, not nan
        return where(y == 0, 0.0, g * conj(y * pow(x, y - 1)))
    return zeros_of(g) if y == 0 else g * conj(y * pow(x, y - 1))


def _pow_exponent_vjp(g: Tensor, x: Any, y: Tensor, out: Tensor) -> Tensor:
    base = as_tensor_like(x, out)
    flat = (base == 0) & (real(y) >= 0)
    return where(flat, 0.0, g * conj(out * log(where(flat, 1.0, base))))


pow = binary("pow", _pow, _pow_base_vjp, _pow_exponent_vjp, promote=_pow_types)
float_power = op(
    "float_power",
    lambda xp, x, y: xp.power(x, y),
    _pow_base_vjp,
    _pow_exponent_vjp,
    promote=lambda xs: cast(xs, dtypes.promote_types(result_type(xs), dtypes.float64)),
)


@function("float_power")
@takes_out
def _float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent in double precision."""
    if not isinstance(exponent, Tensor):
        check_tensors("float_power", input=input)
    return float_power(input, exponent)


exp = unary("exp", lambda xp, x: xp.exp(x), lambda g, out: g * conj(out), promote=to_float)
exp2 = unary("exp2", lambda xp, x: xp.exp2(x), lambda g, out: g * conj(out * math.log(2)), promote=to_float)
expm1 = unary("expm1", lambda xp, x: xp.expm1(x), lambda g, out: g * conj(out + 1), promote=to_float)
log = unary("log", lambda xp, x: xp.log(x), lambda g, x: g / conj(x), promote=to_float)
log2 = unary("log2", lambda xp, x: xp.log2(x), lambda g, x: g / conj(x * math.log(2)), promote=to_float)
log10 = unary("log10", lambda xp, x: xp.log10(x), lambda g, x: g / conj(x * math.log(10)), promote=to_float)
log1p = unary(
    "log1p", lambda xp, x: xp.log1p(x), lambda g, x: g / conj(x + 1), promote=to_float, label="Log1PBackward0"
)
sqrt = unary("sqrt", lambda xp, x: xp.sqrt(x), lambda g, out: g / (2 * conj(out)), promote=to_float)
rsqrt = unary(
    "rsqrt", lambda xp, x: 1 / xp.sqrt(x), lambda g, out: g * (-0.5 * conj(out * out * out)), promote=to_float
)
logaddexp = binary(
    "logaddexp",
    lambda xp, x, y: _logaddexp(xp, x, y),
    lambda g, x, out: g * conj(exp(x - out)),
    lambda g, y, out: g * conj(exp(y - out)),
    tensors=2,
    promote=float_only("logaddexp"),
    inplace=False,
)
xlogy = binary(
    "xlogy",
    lambda xp, x, y: xp.where(xp.isnan(y), xp.nan, xp.where(x == 0, xp.zeros_like(x), x * xp.log(y))).astype(
        _inexact(x, y)
    ),
    lambda g, x, y: g * where((x == 0) & (as_tensor_like(y, g) <= 0), zeros_of(g), log(as_tensor_like(y, g))),
    lambda g, x, y: g * (x / y),
    promote=to_float,
)


def _logaddexp(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind != "c":
        return xp.logaddexp(x, y)
    first = x.real >= y.real
    return xp.where(first, x, y) + xp.log1p(xp.exp(xp.where(first, y - x, x - y)))


def _inexact(*xs: Any) -> Any:
    return next(x.dtype for x in xs if isinstance(x, np.ndarray))


# --- trigonometry and relatives ---

sin = unary("sin", lambda xp, x: xp.sin(x), lambda g, x: g * conj(cos(x)), promote=to_float)
cos = unary("cos", lambda xp, x: xp.cos(x), lambda g, x: neg(g * conj(sin(x))), promote=to_float)
tan = unary("tan", lambda xp, x: xp.tan(x), lambda g, out: g * conj(out * out + 1), promote=to_float)
asin = unary(
    "asin", lambda xp, x: xp.arcsin(x), lambda g, x: g * conj(rsqrt(1 - x * x)), promote=to_float, aliases=("arcsin",)
)
acos = unary(
    "acos",
    lambda xp, x: xp.arccos(x),
    lambda g, x: neg(g * conj(rsqrt(1 - x * x))),
    promote=to_float,
    aliases=("arccos",),
)
atan = unary(
    "atan", lambda xp, x: xp.arctan(x), lambda g, x: g / conj(x * x + 1), promote=to_float, aliases=("arctan",)
)
sinh = unary("sinh", lambda xp, x: xp.sinh(x), lambda g, x: g * conj(cosh(x)), promote=to_float)
cosh = unary("cosh", lambda xp, x: xp.cosh(x), lambda g, x: g * conj(sinh(x)), promote=to_float)
tanh = unary("tanh", lambda xp, x: xp.tanh(x), lambda g, out: tanh_backward(g, out), promote=to_float)
tanh_backward = op(
    "tanh_backward",
    lambda xp, d, y: d * xp.conj(1 - y * y),
    lambda g, y: g * (1 - y * y) if y.is_complex() else tanh_backward(g, y),
    lambda g, d, y: conj(g) * d * (-2 * conj(y)),
)
asinh = unary(
    "asinh",
    lambda xp, x: xp.arcsinh(x),
    lambda g, x: g * conj(rsqrt(x * x + 1)),
    promote=to_float,
    aliases=("arcsinh",),
)
acosh = unary(
    "acosh", lambda xp, x: xp.arccosh(x), lambda g, x: g * conj(_acosh_slope(x)), promote=to_float, aliases=("arccosh",)
)
atanh = unary(
    "atanh", lambda xp, x: xp.arctanh(x), lambda g, x: g / conj(1 - x * x), promote=to_float, aliases=("arctanh",)
)
atan2 = binary(
    "atan2",
    lambda xp, x, y: xp.arctan2(x, y),
    lambda g, x, y: g * (y / (x * x + y * y)),
    lambda g, x, y: g * (neg(x) / (x * x + y * y)),
    tensors=2,
    promote=to_float,
    aliases=("arctan2",),
)
hypot = binary(
    "hypot",
    lambda xp, x, y: xp.hypot(x, y),
    lambda g, x, out: g * (x / out),
    lambda g, y, out: g * (y / out),
    tensors=2,
    promote=common,
)
deg2rad = unary("deg2rad", lambda xp, x: x * (math.pi / 180), lambda g: g * (math.pi / 180), promote=to_float)
rad2deg = unary("rad2deg", lambda xp, x: x * (180 / math.pi), lambda g: g * (180 / math.pi), promote=to_float)
sinc = unary("sinc", lambda xp, x: xp.sinc(x), lambda g, x: g * conj(_sinc_slope(x)), promote=to_float)


def _acosh_slope(x: Tensor) -> Tensor:
    # Two roots, not one: they choose the branch of a complex number.
    return rsqrt(x - 1) * rsqrt(x + 1) if x._array.dtype.kind == "c" else rsqrt(x * x - 1)


def _sinc_slope(x: Tensor) -> Tensor:
    zero = x == 0
    safe = where(zero, 1.0, x) * math.pi
    return where(zero, zeros_of(x), (cos(safe) - sin(safe) / safe) / safe * math.pi)


def sigmoid_array(xp: Any, x: Any) -> Any:
    # exp of a negative number only: no overflow on either side
    e = xp.exp(-xp.abs(x))
    return (
        xp.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype, copy=False)
        if x.dtype.kind != "c"
        else 1 / (1 + xp.exp(-x))
    )


sigmoid = unary("sigmoid", sigmoid_array, lambda g, out: sigmoid_backward(g, out), promote=to_float)
sigmoid_backward = op(
    "sigmoid_backward",
    lambda xp, d, y: d * xp.conj(y * (1 - y)),
    lambda g, y: g * (y * (1 - y)) if y.is_complex() else sigmoid_backward(g, y),
    lambda g, d, y: conj(g) * d * conj(1 - 2 * y),
)


# --- rounding: slopes of zero ---

floor = unary("floor", lambda xp, x: xp.floor(x), lambda g: zeros_of(g))
ceil = unary("ceil", lambda xp, x: xp.ceil(x), lambda g: zeros_of(g))
trunc = unary("trunc", lambda xp, x: xp.trunc(x), lambda g: zeros_of(g), aliases=("fix",))
frac = unary("frac", lambda xp, x: x - xp.trunc(x), lambda g: g)
_round = op("round", lambda xp, x, *, decimals: xp.round(x, decimals), lambda g: zeros_of(g))


@function("round")
@takes_out
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Each element to the nearest integer (halves to even), or to `decimals` places."""
    return _round(input, decimals=decimals)


@method()
def round_(self: Tensor, *, decimals: int = 0) -> Tensor:
    """In-place round()."""
    return _round.into(self, self, decimals=decimals)


# --- choosing ---


def zeros_of(g: Tensor) -> Tensor:
    """Zeros in the shape and dtype of `g`."""
    return from_array(np.zeros_like(g._array))


_where = op(
    "where",
    lambda xp, condition, x, y: xp.where(condition, x, y),
    None,
    lambda g, condition: _where(condition, g, zeros_of(g)),
    lambda g, condition: _where(condition, zeros_of(g), g),
    promote=lambda xs: [xs[0], *common(xs[1:])],
)


def where(condition: Tensor, x: Any, y: Any) -> Tensor:
    """x where condition holds, else y; all broadcast."""
    if not isinstance(condition, Tensor):
        raise not_a_tensor("where", "condition", 1, condition)
    if condition._array.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype!r}"
        )
    return _where(condition, x, y)


# --- dtype and complex parts ---

# The engine casts a gradient to the dtype of the tensor it belongs to.
cast_op = op("to_copy", lambda xp, x, *, dtype: x.astype(dtype), lambda g: g)
_conj = op("conj", lambda xp, x: xp.conj(x), lambda g: conj(g))
real_op = op("real", lambda xp, x: xp.real(x), lambda g: g, view=True)
imag_op = op(
    "imag",
    lambda xp, x: xp.imag(x),
    lambda g: g * from_array(np.asarray(1j, np.result_type(g._array.dtype, np.complex64))),
    view=True,
)


@function()
def conj(input: Any) -> Any:
    """The complex conjugate; a real tensor or number is returned as it is."""
    if isinstance(input, Tensor):
        return _conj(input) if input._array.dtype.kind == "c" else input
    return input.conjugate()


@function()
def real(input: Tensor) -> Tensor:
    """The real parts; a real tensor is returned as it is."""
    return real_op(input) if input._array.dtype.kind == "c" else input


@function()
def imag(input: Tensor) -> Tensor:
    """The imaginary parts.

    Raises: RuntimeError for a real tensor.
    """
    if input._array.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {input.dtype!r}")
    return imag_op(input)
