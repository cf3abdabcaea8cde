"""Convolution and its two gradients: a bilinear map and its adjoints, which close over each other for every order of derivative.

    conv2d:        x (N, C, H, W), w (O, C/groups, kH, kW), b (O) -> (N, O, oH, oW)
    conv2d_input:  g (N, O, oH, oW), w -> (N, C, H, W)
    conv2d_weight: x, g -> (O, C/groups, kH, kW)

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.promotion import float_only
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.tensor import Tensor

Pair = tuple[int, int]


def out_length(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows fit along a dimension."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _padded(xp: Any, x: Any, padding: Pair) -> Any:
    ph, pw = padding
    return xp.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw))) if ph or pw else x


def windows(x: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Any:
    """All windows of a padded image as a view: (N, C, H, W) -> (N, C, oH, oW, kH, kW)."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    n, c, h, w = x.shape
    a, b, i, j = x.strides
    shape = (n, c, (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1, kh, kw)
    return np.lib.stride_tricks.as_strided(x, shape, (a, b, i * sh, j * sw, i * dh, j * dw))


def _columns(xp: Any, x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """The windows as a matrix for each group: (groups, N * oH * oW, C/groups * kH * kW)."""
    view = windows(_padded(xp, x, padding), kernel, stride, dilation)
    n, c, oh, ow, kh, kw = view.shape
    view = view.reshape(n, groups, c // groups, oh, ow, kh, kw) if groups > 1 else view[:, None]
    return view.transpose(1, 0, 3, 4, 2, 5, 6).reshape(groups, n * oh * ow, c // groups * kh * kw)


def _conv2d(xp: Any, x: Any, w: Any, b: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    n, o = x.shape[0], w.shape[0]
    oh, ow = (out_length(x.shape[2 + i], w.shape[2 + i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    columns = _columns(xp, x, w.shape[2:], stride, padding, dilation, groups)
    product = xp.matmul(columns, w.reshape(groups, o // groups, -1).transpose(0, 2, 1))  # (groups, N * oH * oW, O/groups)
    out = product.reshape(groups, n, oh, ow, o // groups).transpose(1, 0, 4, 2, 3).reshape(n, o, oh, ow)
    return xp.ascontiguousarray(out) if b is None else out + b.reshape(1, o, 1, 1)


def _conv2d_input(xp: Any, g: Any, w: Any, *, shape: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    (n, c, h, width), (sh, sw), (ph, pw), (dh, dw) = shape, stride, padding, dilation
    o, per_group, kh, kw = w.shape
    oh, ow = g.shape[2:]
    by_pixel = g.reshape(n, groups, o // groups, oh, ow).transpose(1, 0, 3, 4, 2).reshape(groups, n * oh * ow, o // groups)
    columns = xp.matmul(by_pixel, w.reshape(groups, o // groups, -1))
    taps = columns.reshape(groups, n, oh, ow, per_group, kh, kw).transpose(5, 6, 1, 0, 4, 2, 3).reshape(kh, kw, n, c, oh, ow)
    out = xp.zeros((n, c, h + 2 * ph, width + 2 * pw), g.dtype)
    for i in range(kh):
        for j in range(kw):
            out[:, :, i * dh : i * dh + sh * (oh - 1) + 1 : sh, j * dw : j * dw + sw * (ow - 1) + 1 : sw] += taps[i, j]
    return xp.ascontiguousarray(out[:, :, ph : ph + h, pw : pw + width])


def _conv2d_weight(xp: Any, x: Any, g: Any, *, shape: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    o = shape[0]
    n, _, oh, ow = g.shape
    columns = _columns(xp, x, shape[2:], stride, padding, dilation, groups)
    by_channel = g.reshape(n, groups, o // groups, oh * ow).transpose(1, 2, 0, 3).reshape(groups, o // groups, n * oh * ow)
    return xp.matmul(by_channel, columns).reshape(shape)


def _bias_gradient(g: Tensor) -> Tensor:
    return sum_op(g, axis=(0, 2, 3), keepdims=False)


conv2d = op(
    "conv2d",
    _conv2d,
    lambda g, x_shape, w, **hp: conv2d_input(g, w, shape=x_shape, **hp),
    lambda g, x, w_shape, **hp: conv2d_weight(x, g, shape=w_shape, **hp),
    lambda g: _bias_gradient(g),
    promote=float_only("conv2d"),
    label="ConvolutionBackward0",
)
conv2d_input = op(
    "conv2d_input",
    _conv2d_input,
    lambda ct, w, *, shape, **hp: conv2d(ct, w, None, **hp),
    lambda ct, g, w_shape, *, shape, **hp: conv2d_weight(ct, g, shape=w_shape, **hp),
)
conv2d_weight = op(
    "conv2d_weight",
    _conv2d_weight,
    lambda ct, x_shape, g, *, shape, **hp: conv2d_input(g, ct, shape=x_shape, **hp),
    lambda ct, x, *, shape, **hp: conv2d(x, ct, None, **hp),
)
