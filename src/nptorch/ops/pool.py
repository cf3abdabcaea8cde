"""Pooling over windows of the last two dimensions: (N, C, H, W) -> (N, C, oH, oW)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nptorch.ops.conv import Pair, tap
from nptorch.ops.pointwise import trunc_divide
from nptorch.ops.reduce import take_along
from nptorch.ops.registry import op
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor


def pooled_length(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit; in ceil_mode also a last one that begins inside the image or its left padding."""
    span = n + 2 * padding - dilation * (kernel - 1) - 1
    out = (span + (stride - 1 if ceil_mode else 0)) // stride + 1
    return out - 1 if ceil_mode and (out - 1) * stride >= n + padding else out


def _framed(
    xp: Any, x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool, value: Any
) -> tuple[Any, Pair]:
    """The image in a frame wide enough for every window, and the number of windows."""
    n, c, *lengths = x.shape
    out, full = [], []
    for length, k, s, p, d in zip(lengths, kernel, stride, padding, dilation, strict=True):
        out.append(pooled_length(length, k, s, p, d, ceil_mode))
        full.append(max(length + p, (out[-1] - 1) * s + d * (k - 1) + 1))
    if full != lengths or any(padding):
        framed = xp.full((n, c, full[0], full[1]), value, x.dtype)
        framed[:, :, padding[0] : padding[0] + lengths[0], padding[1] : padding[1] + lengths[1]] = x
        x = framed
    return x, (out[0], out[1])


def _max_pool2d(xp: Any, x: Any, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Any:
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    framed, (oh, ow) = _framed(xp, x, kernel, stride, padding, dilation, ceil_mode, lowest)
    width = x.shape[3]
    top, left = xp.arange(oh) * stride[0] - padding[0], xp.arange(ow) * stride[1] - padding[1]
    # Until something is larger, the place of the window's first pixel inside the image: a window may hold -inf only.
    first_row, first_column = (dilation[i] * -(xp.minimum(at, 0) // dilation[i]) for i, at in enumerate((top, left)))
    best = tap(framed, 0, 0, (oh, ow), stride, dilation).copy()
    place = xp.broadcast_to(first_row[:, None] * width + first_column, best.shape)
    # One pass per tap: the taps are few, the windows many.
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        value = tap(framed, i, j, (oh, ow), stride, dilation)
        better = (value > best) | (value != value)  # the first maximum wins; NaN beats all
        xp.maximum(best, value, out=best)
        place = xp.where(better, i * dilation[0] * width + j * dilation[1], place)
    return best, place + (top[:, None] * width + left)


def _from_pixels(x: Tensor, indices: Tensor) -> Tensor:
    """The pixel that `indices` names for each window."""
    flat = take_along(reshape(x, *x._array.shape[:2], -1), reshape(indices, *indices._array.shape[:2], -1), axis=2)
    return reshape(flat, indices._array.shape)


def _max_pool2d_backward(xp: Any, g: Any, indices: Any, *, shape: Any) -> Any:
    n, c, h, w = shape
    out = xp.zeros(n * c * h * w, g.dtype)
    planes = xp.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    xp.add.at(out, (planes + indices).reshape(-1), g.reshape(-1))
    return out.reshape(shape)


max_pool2d = op(
    "max_pool2d",
    _max_pool2d,
    lambda g, x_shape, indices: max_pool2d_backward(g, indices, shape=x_shape),
    aux=("indices",),
    label="MaxPool2DWithIndicesBackward0",
)
max_pool2d_backward = op(
    "max_pool2d_backward",
    _max_pool2d_backward,
    lambda g, indices: _from_pixels(g, indices),
    None,
)


def divisors(xp: Any, lengths: Any, out: Any, kernel: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    """How many elements each window over images or volumes of `lengths` averages, in the shape `out`."""
    product: Any = 1
    for n, o, k, s, p in zip(lengths, out, kernel, stride, padding, strict=True):
        start = xp.arange(o) * s - p
        # ceil_mode windows may reach past the padding: what lies beyond it never counts
        end = xp.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = xp.maximum(start, 0), xp.minimum(end, n)
        product = xp.multiply.outer(product, end - start)
    return product


def _avg_pool2d(
    xp: Any,
    x: Any,
    *,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Any:
    framed, out = _framed(xp, x, kernel, stride, padding, (1, 1), ceil_mode, 0)
    total = xp.zeros((*x.shape[:2], *out), x.dtype)
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        total += tap(framed, i, j, out, stride, (1, 1))
    by = divisor or divisors(xp, x.shape[2:], out, kernel, stride, padding, count_include_pad)
    if x.dtype.kind in "iu":
        return trunc_divide(xp, total, xp.asarray(by, x.dtype))
    return xp.divide(total, by, dtype=x.dtype)


def _avg_pool2d_backward(
    xp: Any,
    g: Any,
    *,
    shape: Any,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Any:
    (n, c, h, w), (ph, pw), (sh, sw) = shape, padding, stride
    oh, ow = g.shape[2:]
    by = divisor or divisors(xp, (h, w), (oh, ow), kernel, stride, padding, count_include_pad)
    share = xp.divide(g, by, dtype=g.dtype)
    framed = (n, c, max(h + 2 * ph, (oh - 1) * sh + kernel[0]), max(w + 2 * pw, (ow - 1) * sw + kernel[1]))
    out = xp.zeros(framed, g.dtype)
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        place = tap(out, i, j, (oh, ow), stride, (1, 1))
        place += share
    return xp.ascontiguousarray(out[:, :, ph : ph + h, pw : pw + w])


avg_pool2d = op(
    "avg_pool2d",
    _avg_pool2d,
    lambda g, x_shape, **hp: avg_pool2d_backward(g, shape=x_shape, **hp),
    label="AvgPool2DBackward0",
)
avg_pool2d_backward = op("avg_pool2d_backward", _avg_pool2d_backward, lambda g, *, shape, **hp: avg_pool2d(g, **hp))


# Windows of nearly equal size that tile a dimension: window i covers floor(i n / m) .. ceil((i + 1) n / m).
def adaptive_matrix(n: int, m: int, dtype: Any) -> Any:
    """The averages over the m windows of n elements as a matrix (n, m)."""
    out = np.zeros((n, m), dtype)
    for i in range(m):
        start, end = i * n // m, -(-(i + 1) * n // m)
        out[start:end, i] = 1 / (end - start)
    return out


def _adaptive_max_pool2d(xp: Any, x: Any, *, size: Pair) -> Any:
    n, c, h, w = x.shape
    out = xp.empty((n, c, *size), x.dtype)
    indices = xp.empty((n, c, *size), np.int64)
    for i in range(size[0]):
        top, bottom = i * h // size[0], -(-(i + 1) * h // size[0])
        for j in range(size[1]):
            left, right = j * w // size[1], -(-(j + 1) * w // size[1])
            part = x[:, :, top:bottom, left:right].reshape(n, c, -1)
            k = part.argmax(2)
            out[:, :, i, j] = xp.take_along_axis(part, k[..., None], 2)[..., 0]
            indices[:, :, i, j] = (top + k // (right - left)) * w + left + k % (right - left)
    return out, indices


adaptive_max_pool2d = op(
    "adaptive_max_pool2d",
    _adaptive_max_pool2d,
    lambda g, x_shape, indices: max_pool2d_backward(g, indices, shape=x_shape),
    aux=("indices",),
)
