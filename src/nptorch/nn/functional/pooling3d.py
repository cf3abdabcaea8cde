"""Pooling of volumes (N, C, D, H, W): the planes first, then across the depth."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors, ntuple
from nptorch.nn.functional.pooling import (
    adaptive_max_pool2d,
    avg_pool2d,
    batched,
    check_divisor,
    max_pool2d,
    power_norm,
    steps,
    target_sizes,
)
from nptorch.ops.pool import divisors
from nptorch.ops.shape import reshape, squeeze_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor, from_array


def _triples(name: str, *values: Any) -> list[tuple[int, ...]]:
    return [ntuple(v, 3, f"{name}()") for v in values]


def _planes(x: Tensor) -> Tensor:
    """(N, C, D, H, W) as images (N, C * D, H, W)."""
    n, c, depth, h, w = x._array.shape
    return reshape(x, n, c * depth, h, w)


def _columns(planes: Tensor, x: Tensor) -> Tensor:
    """The pooled planes of x as images (N, C, D, oH * oW), whose columns are the depth."""
    n, c, depth = x._array.shape[:3]
    oh, ow = planes._array.shape[2:]
    return reshape(planes, n, c, depth, oh * ow)


def _volume(columns: Tensor, planes: Tensor, single: bool) -> Tensor:
    """(N, C, oD, oH * oW) as (N, C, oD, oH, oW)."""
    out = reshape(columns, *columns._array.shape[:3], *planes._array.shape[2:])
    return squeeze_op(out, dims=(0,)) if single else out


def _with_places(x: Tensor, planes: Any, columns: Any, single: bool, return_indices: bool) -> Any:
    """The maxima and, if asked for, their flat places in D * H * W, from those in the planes and in the columns."""
    (plane, in_plane), (column, in_column) = planes, columns
    out = _volume(column, plane, single)
    if not return_indices:
        return out
    n, c, _, h, w = x._array.shape
    at = in_column._array.reshape(n, c, -1)
    chosen = np.take_along_axis(in_plane._array.reshape(n, c, -1), at, 2) if at.size else at
    depth = at // max(plane._array[0, 0].size if plane._array.size else 1, 1)
    return out, from_array((depth * (h * w) + chosen).reshape(out._array.shape))


@function(method=False)
def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window, (N, C, D, H, W) -> (N, C, oD, oH, oW); with return_indices also its flat place."""
    x, single = batched("max_pool3d", input, 3)
    k, s, p, d = _triples("max_pool3d", kernel_size, steps(stride, kernel_size), padding, dilation)
    planes = max_pool2d(_planes(x), k[1:], s[1:], p[1:], d[1:], ceil_mode, True)
    columns = max_pool2d(_columns(planes[0], x), (k[0], 1), (s[0], 1), (p[0], 0), (d[0], 1), ceil_mode, True)
    return _with_places(x, planes, columns, single, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over windows that make an output of the given size: (N, C, D, H, W) -> (N, C, *output_size)."""
    check_tensors("adaptive_max_pool3d", input=input)
    depth, *size = target_sizes("adaptive_max_pool3d", input, output_size, 3)
    x, single = batched("adaptive_max_pool3d", input, 3)
    planes = adaptive_max_pool2d(_planes(x), size, True)
    columns = adaptive_max_pool2d(_columns(planes[0], x), (depth, size[0] * size[1]), True)
    return _with_places(x, planes, columns, single, return_indices)


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, (N, C, D, H, W) -> (N, C, oD, oH, oW)."""
    x, single = batched("avg_pool3d", input, 3)
    check_divisor("avg_pool3d", divisor_override)
    k, s, p = _triples("avg_pool3d", kernel_size, steps(stride, kernel_size), padding)
    planes = avg_pool2d(_planes(x), k[1:], s[1:], p[1:], ceil_mode, divisor_override=1)
    columns = avg_pool2d(_columns(planes, x), (k[0], 1), (s[0], 1), (p[0], 0), ceil_mode, divisor_override=1)
    total = _volume(columns, planes, single)
    out = total._array.shape[-3:]
    by = divisor_override or from_array(divisors(np, x._array.shape[2:], out, k, s, p, count_include_pad))
    return total.div(by, rounding_mode=None if total.is_floating_point() else "trunc")


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window of volumes."""
    return power_norm(avg_pool3d, input, norm_type, ntuple(kernel_size, 3, "kernel_size"), stride, ceil_mode)


max_pool3d_with_indices = partial(max_pool3d, return_indices=True)
adaptive_max_pool3d_with_indices = partial(adaptive_max_pool3d, return_indices=True)

__all__ = [
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool3d", "lp_pool3d", "max_pool3d",
    "max_pool3d_with_indices",
]  # fmt: skip
