"""Comparison and choice: limits, tests, logic, bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.pointwise import _where, conj, log, zeros_of
from nptorch.ops.promotion import common
from nptorch.ops.promotion import result_type as _result_type
from nptorch.ops.registry import op
from nptorch.ops.signatures import binary, check_tensors, function, into_out, method, takes_out, unary
from nptorch.tensor import Tensor, from_array


@function()
@takes_out
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; `eps` clamps the input to [eps, 1 - eps]."""
    x = input if input._array.dtype.kind in "fc" else input.to(dtypes.get_default_dtype())
    x = x if eps is None else clamp(x, eps, 1 - eps)
    return log(x / (1 - x))


def _share(g: Tensor, x: Any, other: Any, wins: Tensor) -> Tensor:
    # A tie gives half to each, as in PyTorch.
    return _where(x == other, g / 2, _where(wins, g, zeros_of(g)))


maximum = binary(
    "maximum",
    lambda xp, x, y: xp.maximum(x, y),
    lambda g, x, y: _share(g, x, y, x > y),
    lambda g, x, y: _share(g, x, y, y > x),
    tensors=2,
    promote=common,
    inplace=False,
)


minimum = binary(
    "minimum",
    lambda xp, x, y: xp.minimum(x, y),
    lambda g, x, y: _share(g, x, y, x < y),
    lambda g, x, y: _share(g, x, y, y < x),
    tensors=2,
    promote=common,
    inplace=False,
)


fmax = binary(
    "fmax",
    lambda xp, x, y: xp.fmax(x, y),
    lambda g, x, y: g * ((x >= y) | isnan(y)),
    lambda g, x, y: g * ~((x >= y) | isnan(y)),
    tensors=2,
    promote=common,
    inplace=False,
)


fmin = binary(
    "fmin",
    lambda xp, x, y: xp.fmin(x, y),
    lambda g, x, y: g * ((x <= y) | isnan(y)),
    lambda g, x, y: g * ~((x <= y) | isnan(y)),
    tensors=2,
    promote=common,
    inplace=False,
)


def _clamp_forward(xp: Any, x: Any, low: Any, high: Any) -> Any:
    if low is not None:
        x = xp.maximum(x, low)
    return x if high is None else xp.minimum(x, high)


def _inside(x: Tensor, low: Any, high: Any) -> Tensor:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


_clamp = op(
    "clamp",
    _clamp_forward,
    lambda g, x, low, high: g * _inside(x, low, high),
    lambda g, x, low, high: g * (x < low if high is None else (x < low) & (low <= high)),
    lambda g, x, low, high: g * (x > high if low is None else (x > high) | (low > high)),
    promote=common,
    label="ClampBackward1",
)


def _bounds(name: str, low: Any, high: Any) -> None:
    if low is None and high is None:
        raise ValueError(f"torch.{name}: At least one of 'min' or 'max' must not be None")


@function("clamp", "clip")
def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Each element limited to [min, max] (https://pytorch.org/docs/stable/generated/torch.clamp.html)."""
    _bounds("clamp", min, max)
    return _clamp(input, min, max) if out is None else into_out(out, _clamp, input, min, max)


@method("clamp_", "clip_")
def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """In-place clamp()."""
    _bounds("clamp", min, max)
    return _clamp.into(self, self, min, max)


@function()
@takes_out
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Each element, at least `min`."""
    check_tensors("clamp_min", input=input)
    return _clamp(input, min, None)


@function()
@takes_out
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Each element, at most `max`."""
    check_tensors("clamp_max", input=input)
    return _clamp(input, None, max)


@method()
def clamp_min_(self: Tensor, min: Any) -> Tensor:
    """In-place clamp_min()."""
    return _clamp.into(self, self, min, None)


@method()
def clamp_max_(self: Tensor, max: Any) -> Tensor:
    """In-place clamp_max()."""
    return _clamp.into(self, self, None, max)


_nan_to_num = op(
    "nan_to_num",
    lambda xp, x, *, nan, posinf, neginf: xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda g, x: g * isfinite(x),
)


@function()
@takes_out
def nan_to_num(input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """NaN and infinities replaced, by default with 0 and the largest finite numbers."""
    return _nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


lerp_op = op(
    "lerp",
    lambda xp, x, y, weight: x + weight * (y - x),
    lambda g, weight: g * conj(1 - weight),
    lambda g, weight: g * conj(weight),
    lambda g, x, y: g * conj(y - x),
    promote=common,
)


@function()
def lerp(input: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """input + weight * (end - input)."""
    return lerp_op(input, end, weight) if out is None else into_out(out, lerp_op, input, end, weight)


@method()
def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """In-place lerp()."""
    return lerp_op.into(self, self, end, weight)


eq = binary("eq", lambda xp, x, y: x == y, tensors=1, promote=common)


ne = binary("ne", lambda xp, x, y: x != y, tensors=1, promote=common, aliases=("not_equal",))


lt = binary("lt", lambda xp, x, y: x < y, tensors=1, promote=common, aliases=("less",))


le = binary("le", lambda xp, x, y: x <= y, tensors=1, promote=common, aliases=("less_equal",))


gt = binary("gt", lambda xp, x, y: x > y, tensors=1, promote=common, aliases=("greater",))


ge = binary("ge", lambda xp, x, y: x >= y, tensors=1, promote=common, aliases=("greater_equal",))


isnan = unary("isnan", lambda xp, x: xp.isnan(x), inplace=False)


isinf = unary("isinf", lambda xp, x: xp.isinf(x), inplace=False)


isfinite = unary("isfinite", lambda xp, x: xp.isfinite(x), inplace=False)


isposinf = unary("isposinf", lambda xp, x: xp.isposinf(x), inplace=False)


isneginf = unary("isneginf", lambda xp, x: xp.isneginf(x), inplace=False)


signbit = unary("signbit", lambda xp, x: xp.signbit(x) if x.dtype.kind == "f" else x < 0, inplace=False)


logical_not = unary("logical_not", lambda xp, x: xp.logical_not(x))


logical_and = binary("logical_and", lambda xp, x, y: xp.logical_and(x, y), tensors=2, promote=common)


logical_or = binary("logical_or", lambda xp, x, y: xp.logical_or(x, y), tensors=2, promote=common)


logical_xor = binary("logical_xor", lambda xp, x, y: xp.logical_xor(x, y), tensors=2, promote=common)


bitwise_not = unary("bitwise_not", lambda xp, x: xp.invert(_bits("bitwise_not", x)))


bitwise_and = binary("bitwise_and", lambda xp, x, y: xp.bitwise_and(_bits("bitwise_and", x), y), promote=common)


bitwise_or = binary("bitwise_or", lambda xp, x, y: xp.bitwise_or(_bits("bitwise_or", x), y), promote=common)


bitwise_xor = binary("bitwise_xor", lambda xp, x, y: xp.bitwise_xor(_bits("bitwise_xor", x), y), promote=common)


bitwise_left_shift = binary(
    "bitwise_left_shift", lambda xp, x, y: xp.left_shift(_bits("bitwise_left_shift", x), y), promote=common
)


bitwise_right_shift = binary(
    "bitwise_right_shift", lambda xp, x, y: xp.right_shift(_bits("bitwise_right_shift", x), y), promote=common
)


def _bits(name: str, x: Any) -> Any:
    if x.dtype.kind not in "biu":
        raise RuntimeError(f"{name}() works on integers and bools, got {dtypes.of(x.dtype)!r}")
    return x


# --- whole tensors ---


@function()
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol |other|, element by element.

    Raises: RuntimeError for a negative tolerance.
    """
    check_tensors("isclose", input=input, other=other)
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if bound < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {bound}")
    return from_array(np.asarray(np.isclose(input._array, other._array, rtol, atol, equal_nan)))


@function()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@function()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    a, b = input._array, other._array
    return a.shape == b.shape and not np.count_nonzero(a != b)


@function(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether this is a Tensor."""
    return isinstance(obj, Tensor)


@function(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating type."""
    return input.dtype.is_floating_point


@function(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is a complex type."""
    return input.dtype.is_complex


@function(method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input._array.size


@function()
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    Raises: RuntimeError if there is not exactly one.
    """
    return bool(input)


@function(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of an operation on two tensors or numbers (https://pytorch.org/docs/stable/generated/torch.result_type.html)."""
    return _result_type([x._array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)])
