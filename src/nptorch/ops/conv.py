"""Convolution and its two gradients: a bilinear map and its adjoints, closed under differentiation of every order.

    conv2d:        x (N, C, H, W), w (O, C/groups, kH, kW), b (O) -> (N, O, oH, oW)
    conv2d_input:  g (N, O, oH, oW), w -> (N, C, H, W)
    conv2d_weight: x, g -> (O, C/groups, kH, kW)

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.derive import through
from nptorch.ops.later import Later, now
from nptorch.ops.promotion import same
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.tensor import Tensor

Pair = tuple[int, int]


def out_length(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows fit along a dimension."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _padded(xp: Any, x: Any, padding: Pair) -> Any:
    (n, c, h, w), (ph, pw) = x.shape, padding
    if not (ph or pw):
        return x
    out = xp.zeros((n, c, h + 2 * ph, w + 2 * pw), x.dtype)
    out[:, :, ph : ph + h, pw : pw + w] = x
    return out


def windows(x: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Any:
    """All windows of a padded image as a view: (N, C, H, W) -> (N, C, oH, oW, kH, kW)."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    n, c, h, w = x.shape
    a, b, i, j = x.strides
    shape = (n, c, (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1, kh, kw)
    return np.lib.stride_tricks.as_strided(x, shape, (a, b, i * sh, j * sw, i * dh, j * dw))


def tap(x: Any, i: int, j: int, out: Pair, stride: Pair, dilation: Pair) -> Any:
    """What each window of a padded image has at kernel place (i, j), as a view: (N, C, H, W) -> (N, C, oH, oW)."""
    (oh, ow), (sh, sw), top, left = out, stride, i * dilation[0], j * dilation[1]
    return x[:, :, top : top + sh * (oh - 1) + 1 : sh, left : left + sw * (ow - 1) + 1 : sw]


# Columns keep the pixels last: rows of the image are then copied as wholes, several times faster than kernel by kernel.


def _conv2d(xp: Any, x: Any, w: Any, b: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    view = windows(_padded(xp, x, padding), w.shape[2:], stride, dilation)
    n, c, oh, ow, kh, kw = view.shape
    o = w.shape[0]
    columns = view.transpose(0, 1, 4, 5, 2, 3).reshape(n, groups, c // groups * kh * kw, oh * ow)
    out = xp.matmul(w.reshape(groups, o // groups, c // groups * kh * kw), columns).reshape(n, o, oh, ow)
    if b is not None:
        out += b.reshape(o, 1, 1)
    return out


def _conv2d_input(
    xp: Any, g: Any, w: Any, *, shape: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    (n, c, h, width), (ph, pw) = shape, padding
    o, per_group, kh, kw = w.shape
    oh, ow = g.shape[2:]
    taps_first = w.reshape(groups, o // groups, per_group * kh * kw).transpose(0, 2, 1)
    columns = xp.matmul(taps_first, g.reshape(n, groups, o // groups, oh * ow)).reshape(n, c, kh, kw, oh, ow)
    out = xp.zeros((n, c, h + 2 * ph, width + 2 * pw), g.dtype)
    for i in range(kh):
        for j in range(kw):
            place = tap(out, i, j, (oh, ow), stride, dilation)
            place += columns[:, :, i, j]
    return xp.ascontiguousarray(out[:, :, ph : ph + h, pw : pw + width])


def _conv2d_weight(
    xp: Any, x: Any, g: Any, *, shape: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    (n, o, oh, ow), (kh, kw) = g.shape, shape[2:]
    view = windows(_padded(xp, x, padding), (kh, kw), stride, dilation)[:, :, :oh, :ow]
    # One product over all images: image by image it degenerates where a kernel is as large as the image.
    columns = view.transpose(1, 4, 5, 0, 2, 3).reshape(groups, shape[1] * kh * kw, n * oh * ow)
    by_channel = g.transpose(1, 0, 2, 3).reshape(groups, o // groups, n * oh * ow)
    return xp.matmul(by_channel, columns.transpose(0, 2, 1)).reshape(shape)


def _bias_gradient(g: Tensor | Later) -> Tensor:
    sums = g.channel_sums() if isinstance(g, Later) else None
    return sum_op(now(g), axis=(0, 2, 3), keepdims=False) if sums is None else sums


def _conv2d_gradients(later: Tensor | Later, x: Tensor, w: Tensor, needs: Any, hp: Any) -> Any:
    """Those of x, w and b that are needed."""
    gb = _bias_gradient(later) if needs[2] else None
    g = now(later)
    if needs[0] and needs[1]:
        return *conv2d_backward(g, x, w, **hp), gb
    gx = conv2d_input(g, w, shape=x._array.shape, **hp) if needs[0] else None
    gw = conv2d_weight(x, g, shape=w._array.shape, **hp) if needs[1] else None
    return gx, gw, gb


conv2d = op(
    "conv2d",
    _conv2d,
    lambda g, x_shape, w, **hp: conv2d_input(g, w, shape=x_shape, **hp),
    lambda g, x, w_shape, **hp: conv2d_weight(x, g, shape=w_shape, **hp),
    lambda later: _bias_gradient(later),
    together=lambda later, x, w, *, needs, **hp: _conv2d_gradients(later, x, w, needs, hp),
    promote=same("conv2d"),
    label="ConvolutionBackward0",
)
# Both gradients, which may share what they read.
conv2d_backward = op(
    "conv2d_backward",
    lambda xp, g, x, w, **hp: (
        _conv2d_input(xp, g, w, shape=x.shape, **hp),
        _conv2d_weight(xp, x, g, shape=w.shape, **hp),
    ),
    joint=through(
        lambda g, x, w, **hp: (
            conv2d_input(g, w, shape=x._array.shape, **hp),
            conv2d_weight(x, g, shape=w._array.shape, **hp),
        )
    ),
    outputs=("gx", "gw"),
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
