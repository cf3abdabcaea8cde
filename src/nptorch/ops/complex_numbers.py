"""Complex numbers: from their parts, as their parts, by length and angle (PyTorch keeps no lazy conjugates here: conj() computes)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.pointwise import absolute, conj, cos, imag, real, sin, square, where, zeros_of
from nptorch.ops.promotion import to_float
from nptorch.ops.registry import op
from nptorch.ops.signatures import check_tensors, function, takes_out, unary
from nptorch.tensor import Tensor, from_array

_COMPLEX = {"float16": np.complex64, "float32": np.complex64, "float64": np.complex128}


def _join(xp: Any, re: Any, im: Any) -> Any:
    z = xp.empty(np.broadcast_shapes(re.shape, im.shape), _COMPLEX[re.dtype.name])
    z.real, z.imag = re, im
    return z


complex_op = op("complex", _join, lambda g: real(g), lambda g: imag(g))


def _parts(name: str, first: Tensor, second: Tensor) -> None:
    a, b = first._array.dtype, second._array.dtype
    if a.kind != "f" or b.kind != "f":
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {first.dtype!r} and {second.dtype!r}"
        )
    if a != b:
        names = {"float16": "Half", "float32": "Float", "float64": "Double"}
        raise RuntimeError(
            f"Expected object of scalar type {names[a.name]} but got scalar type {names[b.name]} for second argument"
        )


@function("complex", method=False)
@takes_out(apart=True)
def from_parts(real: Tensor, imag: Tensor) -> Tensor:
    """A complex tensor from its real and imaginary parts.

    Raises: RuntimeError unless both are of one floating type.
    """
    check_tensors("complex", real=real, imag=imag)
    _parts("complex", real, imag)
    return complex_op(real, imag)


@function(method=False)
@takes_out(apart=True)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """A complex tensor from lengths and angles (radians)."""
    check_tensors("polar", abs=abs, angle=angle)
    _parts("polar", abs, angle)
    return complex_op(abs * cos(angle), abs * sin(angle))


# --- views ---

view_as_real_op = op(
    "view_as_real",
    lambda xp, x: x[..., None].view(x.real.dtype),
    lambda g: view_as_complex_op(g.contiguous()),
    view=True,
)
view_as_complex_op = op(
    "view_as_complex",
    lambda xp, x: x.view(_COMPLEX[x.dtype.name])[..., 0],
    lambda g: view_as_real_op(g),
    view=True,
)


@function(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """The same memory as real numbers, with (re, im) as a last dimension."""
    if input._array.dtype.kind != "c":
        raise RuntimeError(f"view_as_real is only supported for complex tensors, got {input.dtype!r}")
    return view_as_real_op(input)


@function(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """The same memory as complex numbers; the last dimension of (re, im) goes."""
    x = input._array
    if x.dtype.kind != "f" or x.dtype == np.float16:
        raise RuntimeError(
            f"view_as_complex is only supported for floating point tensors, but got a tensor of scalar type: {input.dtype!r}"
        )
    if not x.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if x.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2, got shape {list(x.shape)}")
    if x.strides[-1] != x.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1; make it so with .contiguous()")
    if any(s % (2 * x.itemsize) for s in x.strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension; use .contiguous()")
    return view_as_complex_op(input)


# --- angles and conjugates ---


def _angle(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return xp.angle(x)
    return xp.where(xp.isnan(x), x, xp.where(x < 0, x.dtype.type(np.pi), x.dtype.type(0)))


def _angle_vjp(g: Tensor, x: Tensor) -> Tensor:
    if x._array.dtype.kind != "c":
        return zeros_of(g)
    zero = x == 0
    return where(zero, 0.0, g * (x * 1j / where(zero, 1.0, square(absolute(x)))))


angle = unary("angle", _angle, _angle_vjp, promote=to_float, inplace=False)
conj_physical = unary(
    "conj_physical",
    lambda xp, x: xp.conj(x) if x.dtype.kind == "c" else x.copy(),
    lambda g: conj(g),
    label="ConjPhysicalBackward0",
)


@function()
def isreal(input: Tensor) -> Tensor:
    """Where the imaginary part is 0."""
    x = input._array
    return from_array(np.asarray(x.imag == 0) if x.dtype.kind == "c" else np.ones(x.shape, bool))


@function("resolve_conj", "resolve_neg")
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates and negatives are computed at once."""
    return input


@function("is_conj", "is_neg")
def is_conj(input: Tensor) -> bool:
    """False: no tensor waits to be conjugated or negated."""
    return False
