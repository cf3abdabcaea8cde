"""Pooling over windows of the last two dimensions: (N, C, H, W) -> (N, C, oH, oW)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nptorch.grad_mode import mode
from nptorch.ops.conv import Pair, tap
from nptorch.ops.extremes import take_along
from nptorch.ops.later import Later
from nptorch.ops.pointwise import trunc_divide
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor, from_array


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
    # Until something is larger, the window's first pixel inside the image: a window may hold -inf only.
    top, left = (
        -((xp.arange(n) * s - p).clip(max=0) // d)
        for n, s, p, d in zip((oh, ow), stride, padding, dilation, strict=True)
    )
    best = tap(framed, 0, 0, (oh, ow), stride, dilation).copy()
    place = xp.broadcast_to(top[:, None] * kernel[1] + left, best.shape)
    # One pass per tap: the taps are few, the windows many.
    for k, (i, j) in enumerate(itertools.product(range(kernel[0]), range(kernel[1]))):
        value = tap(framed, i, j, (oh, ow), stride, dilation)
        better = (value > best) | (value != value)  # the first maximum wins; NaN beats all
        xp.maximum(best, value, out=best)
        place = xp.where(better, k, place)
    return best, (2 * place + (best <= 0)).astype(np.uint8 if kernel[0] * kernel[1] <= 128 else np.int32)


def plane_indices(places: Any, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """max_pool2d's places as indices h * W + w into the planes of its input, int64."""
    (oh, ow), number = places.shape[2:], places.astype(np.int64) >> 1
    rows = (np.arange(oh) * stride[0] - padding[0])[:, None] + number // kernel[1] * dilation[0]
    columns = np.arange(ow) * stride[1] - padding[1] + number % kernel[1] * dilation[1]
    return rows * shape[3] + columns


def _from_planes(x: Tensor, indices: Any) -> Tensor:
    """The pixel that `indices` names for each window."""
    flat = from_array(indices.reshape(*indices.shape[:2], -1))
    return reshape(take_along(reshape(x, *x._array.shape[:2], -1), flat, axis=2), indices.shape)


def _into_planes(xp: Any, g: Any, indices: Any, *, shape: Any) -> Any:
    """Zeros (N, C, H, W) with each number of g added at the pixel that its index names."""
    n, c, h, w = shape
    out = xp.zeros(n * c * h * w, g.dtype)
    planes = xp.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    xp.add.at(out, (planes + indices).reshape(-1), g.reshape(-1))
    return out.reshape(shape)


def _max_pool2d_backward(
    xp: Any, g: Any, places: Any, *, shape: Any, rectified: bool, ceil_mode: bool, **windows: Pair
) -> Any:
    if rectified:
        g = xp.where(places & 1, g.dtype.type(0), g)
    return _into_planes(xp, g, plane_indices(places, shape, **windows), shape=shape), g.sum((2, 3))


def _max_pool2d_picked(
    ct: Tensor, places: Tensor, *, shape: Any, rectified: bool, ceil_mode: bool, **windows: Pair
) -> Tensor:
    """The derivative of max_pool2d_backward with respect to its g."""
    picked = _from_planes(ct, plane_indices(places._array, shape, **windows))
    return picked * from_array(places._array & 1 == 0) if rectified else picked


class _Unpooled(Later):
    """The gradient of max_pool2d's input, or of the input of a ReLU before the pool."""

    __slots__ = ("_g", "_places", "_plane_sums", "_rectified", "_windows")

    def __init__(self, g: Tensor, places: Tensor, shape: tuple[int, ...], windows: Any, rectified: bool) -> None:
        Later.__init__(self, shape, g._array.dtype)
        self._g, self._places, self._windows, self._rectified = g, places, windows, rectified

    def compute(self) -> Tensor:
        out, self._plane_sums = max_pool2d_backward(
            self._g, self._places, shape=self.shape, rectified=self._rectified, **self._windows
        )
        return out

    def through_relu(self) -> Later:
        return _Unpooled(self._g, self._places, self.shape, self._windows, rectified=True)

    def channel_sums(self) -> Tensor:
        self.now()
        return sum_op(self._plane_sums, axis=(0,), keepdims=False)


def _unpooled(g: Tensor, places: Tensor, *, shape: Any, **windows: Any) -> Tensor | Later:
    later = _Unpooled(g, places, shape, windows, rectified=False)
    return later.now() if mode.grad else later


# places: 2 * (i * kW + j) for a maximum at row i and column j of its window, and 1 more if it is not positive: where a ReLU
# came before the pool, its derivative is known from that. Bytes, if the windows are small enough.
max_pool2d = op(
    "max_pool2d",
    _max_pool2d,
    lambda g, x_shape, places, **hp: _unpooled(g, places, shape=x_shape, **hp),
    aux=("places",),
    label="MaxPool2DWithIndicesBackward0",
)
# The gradient of max_pool2d's input or, rectified, of the input of a ReLU before it; and its sum over each plane (N, C).
max_pool2d_backward = op(
    "max_pool2d_backward",
    _max_pool2d_backward,
    _max_pool2d_picked,
    None,
    aux=("sums",),
)
into_planes = op("into_planes", _into_planes, lambda g, indices: _from_planes(g, indices._array), None)


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
    lambda g, x_shape, indices: into_planes(g, indices, shape=x_shape),
    aux=("indices",),
    label="AdaptiveMaxPool2DBackward0",
)
