"""Arithmetic of integers, of floating-point formats, and of three tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.ops.pointwise import add, logaddexp, sign, zeros_of
from nptorch.ops.pointwise import pow as _pow
from nptorch.ops.promotion import common, to_float
from nptorch.ops.signatures import binary, check_tensors, function, method, result, takes_out
from nptorch.tensor import Tensor, from_array

gcd = binary("gcd", lambda xp, x, y: xp.gcd(x, y), tensors=2, promote=common)
lcm = binary("lcm", lambda xp, x, y: xp.abs(xp.lcm(x, y)), tensors=2, promote=common)
# A step of one bit: the slope is 1 in the start, 0 in the direction.
nextafter = binary(
    "nextafter", lambda xp, x, y: xp.nextafter(x, y), lambda g: g, lambda g: zeros_of(g), tensors=2, promote=common
)
copysign = binary(
    "copysign",
    lambda xp, x, y: xp.copysign(x, y),
    lambda g, x, out: g * (sign(x) * sign(out)),
    lambda g: zeros_of(g),
    tensors=1,
    promote=to_float,
)


@function()
@takes_out
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2 ** other (https://pytorch.org/docs/stable/generated/torch.ldexp.html)."""
    check_tensors("ldexp", input=input, other=other)
    return input * _pow(2.0, other)


@method()
def ldexp_(self: Tensor, other: Tensor) -> Tensor:
    """In-place ldexp()."""
    check_tensors("ldexp_", input=self, other=other)
    return self.mul_(_pow(2.0, other))


@function()
@takes_out
def frexp(input: Tensor) -> Any:
    """(mantissa, exponent): input = mantissa * 2 ** exponent, 0.5 <= |mantissa| < 1."""
    if input._array.dtype.kind != "f":
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {input.dtype!r}")
    exponent = np.asarray(np.frexp(input._array)[1], np.int32)
    return result(
        "frexp",
        mantissa=input * from_array(np.asarray(np.exp2(-exponent.astype(np.float64)), input._array.dtype)),
        exponent=from_array(exponent),
    )


@function()
@takes_out
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2 ** input + 2 ** other)."""
    return logaddexp(input * math.log(2), other * math.log(2)) / math.log(2)


# --- of three ---


@function()
@takes_out
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    return input + tensor1 * tensor2 * value


@function()
@takes_out
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    return input + tensor1 / tensor2 * value


@method()
def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """In-place addcmul()."""
    return add.into(self, self, tensor1 * tensor2 * value)


@method()
def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """In-place addcdiv()."""
    return add.into(self, self, tensor1 / tensor2 * value)
