"""Convolutions over volumes (N, C, D, H, W), made of those over images."""

from __future__ import annotations

from typing import Any

from nptorch.nn.functional.arguments import ntuple
from nptorch.nn.functional.convolution import check_transposed, conv_transpose2d, fold, geometry, out_lengths
from nptorch.nn.functional.padding import pad
from nptorch.ops.conv import conv2d as conv2d_op
from nptorch.ops.shape import permute_op, reshape, squeeze_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor


@function(method=False)
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution over volumes: (N, C, D, H, W) with a weight (O, C/groups, kD, kH, kW) -> (N, O, oD, oH, oW).

    Raises: RuntimeError if channels, groups or sizes do not fit.
    """
    x, s, p, d, single = geometry("conv3d", 3, input, weight, stride, padding, dilation)
    lengths = out_lengths("conv3d", x, weight, bias, groups, s, p, d)
    x = pad(x, (0, 0, 0, 0, p[0], p[0])) if p[0] else x
    n, c, _, h, w = x._array.shape
    # A volume's convolution is a sum of image convolutions, one for each slice of the kernel.
    y = None
    for k in range(weight._array.shape[2]):
        start = k * d[0]
        slices = x[:, :, start : start + s[0] * (lengths[0] - 1) + 1 : s[0]]
        images = reshape(slices.transpose(1, 2), n * lengths[0], c, h, w)
        b = bias if k == 0 else None
        part = conv2d_op(images, weight[:, :, k], b, stride=s[1:], padding=p[1:], dilation=d[1:], groups=groups)
        y = part if y is None else y + part
    assert y is not None
    y = reshape(y, n, lengths[0], *y._array.shape[1:]).transpose(1, 2)
    return squeeze_op(y, dims=(0,)) if single else y


@function(method=False)
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of conv3d: (N, C, D, H, W) with a weight (C, O/groups, kD, kH, kW) -> (N, O, oD, oH, oW).

    Raises: RuntimeError if channels or output_padding do not fit.
    """
    x, s, p, d, single = geometry("conv_transpose3d", 3, input, weight, stride, padding, dilation)
    extra = ntuple(output_padding, 3, "conv_transpose3d() output_padding")
    check_transposed("conv_transpose3d", x, weight, bias, groups, extra, s, d)
    if beyond := extra[0] // s[0]:  # with dilation: whole windows of zeros
        x = pad(x, (0, 0, 0, 0, 0, beyond))
    (n, c, depth, *plane), (_, o, kd, *kernel) = x._array.shape, weight._array.shape
    o *= groups
    # Each plane with all slices of the kernel at once, then the slices are added up along the depth.
    images = reshape(permute_op(x, dims=(0, 2, 1, 3, 4)), n * depth, c, *plane)
    slices = reshape(weight, c, o * kd // groups, *kernel)
    y = conv_transpose2d(images, slices, None, s[1:], p[1:], extra[1:], groups, d[1:])
    oh, ow = y._array.shape[2:]
    columns = permute_op(reshape(y, n, depth, o * kd, oh * ow), dims=(0, 2, 1, 3))
    od = (depth - 1) * s[0] - 2 * p[0] + d[0] * (kd - 1) + extra[0] % s[0] + 1
    y = fold(reshape(columns, n, o * kd, depth * oh * ow), (od, oh * ow), (kd, 1), (d[0], 1), (p[0], 0), (s[0], 1))
    y = reshape(y, n, o, od, oh, ow)
    y = y if bias is None else y + reshape(bias, 1, -1, 1, 1, 1)
    return squeeze_op(y, dims=(0,)) if single else y


__all__ = ["conv3d", "conv_transpose3d"]
