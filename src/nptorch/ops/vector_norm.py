"""The p-norms of vectors (https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html)."""

from __future__ import annotations

import math

import numpy as np

from nptorch.ops.extremes import amax_op, amin_op
from nptorch.ops.pointwise import absolute, pow, sgn, where, zeros_of
from nptorch.ops.reduce import keep_dims, sum_op
from nptorch.ops.registry import op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor, from_array


def vector_norm(x: Tensor, p: float, axis: tuple[int, ...], keepdim: bool) -> Tensor:
    """The p-norm over some dimensions."""
    if p == math.inf:
        return amax_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == -math.inf:
        return amin_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == 0:
        return norm0_op(x, axis=axis, keepdims=keepdim)
    if p == 1:
        return sum_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == 2:
        return norm2_op(x, axis=axis, keepdims=keepdim)
    return normp_op(x, axis=axis, keepdims=keepdim, p=p)


norm0_op = op(
    "norm0",
    lambda xp, x, *, axis, keepdims: (x != 0).sum(axis, keepdims=keepdims).astype(x.real.dtype),
    lambda g, x_shape: from_array(np.zeros(x_shape, g._array.dtype)),
    label="LinalgVectorNormBackward0",
)


def _normp_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool, p: float) -> Tensor:
    g, length = (keep_dims(t, axis, keepdims, x._array.ndim) for t in (g, out))
    origin, zero = length == 0, x == 0
    # The slope is 0 at the origin and where a coordinate is 0.
    powers = where(zero, 0.0, sgn(x) * pow(where(zero, 1.0, absolute(x)), p - 1))
    return powers * where(origin, 0.0, g * pow(where(origin, 1.0, length), 1 - p))


normp_op = op(
    "normp",
    lambda xp, x, *, axis, keepdims, p: (xp.abs(x) ** p).sum(axis, keepdims=keepdims) ** (1 / p),
    _normp_vjp,
    label="LinalgVectorNormBackward0",
)


def _norm2_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    length = keep_dims(out, axis, keepdims, x._array.ndim)
    # The slope at the origin is 0.
    return keep_dims(g, axis, keepdims, x._array.ndim) * where(
        length == 0, zeros_of(x), x / where(length == 0, 1.0, length)
    )


norm2_op = op(
    "norm2",
    lambda xp, x, *, axis, keepdims: xp.sqrt(xp.square(xp.abs(x)).sum(axis, keepdims=keepdims)),
    _norm2_vjp,
    label="LinalgVectorNormBackward0",
)


@function()
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    gap = input - other
    return vector_norm(gap, float(p), tuple(range(gap._array.ndim)), False)
