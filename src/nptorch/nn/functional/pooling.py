"""Pooling over windows: fixed (max, average, power) or as many as asked for (adaptive)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors, ntuple, remembered
from nptorch.ops.pool import adaptive_matrix, plane_indices, pooled_length
from nptorch.ops.pool import adaptive_max_pool2d as adaptive_max_pool2d_op
from nptorch.ops.pool import avg_pool2d as avg_pool2d_op
from nptorch.ops.pool import max_pool2d as max_pool2d_op
from nptorch.ops.shape import squeeze_op, unsqueeze_op
from nptorch.ops.signatures import function, show
from nptorch.tensor import Tensor, from_array


def batched(name: str, input: Tensor, n: int) -> tuple[Tensor, bool]:
    """The input with a batch dimension, and whether one was added."""
    check_tensors(name, input=input)
    ndim = input._array.ndim
    if ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}(): Expected {n + 1}D or {n + 2}D input, but got input of size {list(input._array.shape)}"
        )
    return (unsqueeze_op(input, dim=0), True) if ndim == n + 1 else (input, False)


def steps(stride: Any, kernel_size: Any) -> Any:
    """The stride, which is the kernel's size unless it is given."""
    return kernel_size if stride is None or (isinstance(stride, (tuple, list)) and not stride) else stride


def check_divisor(name: str, divisor: int | None) -> None:
    if divisor == 0:
        raise RuntimeError(f"{name}(): divisor must be not zero")


@remembered
def _windows(
    name: str, shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[tuple[int, ...], ...]:
    kernel = ntuple(kernel_size, 2, f"{name}() kernel_size")
    s = ntuple(steps(stride, kernel), 2, f"{name}() stride")
    p, d = ntuple(padding, 2, f"{name}() padding"), ntuple(dilation, 2, f"{name}() dilation")
    if any(v <= 0 for v in (*kernel, *s, *d)):
        raise RuntimeError(
            f"{name}(): kernel_size {list(kernel)}, stride {list(s)} and dilation {list(d)} must be greater than zero"
        )
    if any(2 * a > k or a < 0 for a, k in zip(p, kernel, strict=True)):
        raise RuntimeError(
            f"{name}(): pad should be at most half of effective kernel size, but got pad={list(p)} and "
            f"kernel_size={list(kernel)}"
        )
    if 0 in shape[1:]:
        raise RuntimeError(
            f"{name}(): Expected input's non-batch dimensions to have positive length, got a batch of size {list(shape)}"
        )
    sizes = [pooled_length(*hp, ceil_mode) for hp in zip(shape[2:], kernel, s, p, d, strict=True)]
    if any(n <= 0 for n in sizes):
        raise RuntimeError(
            f"{name}(): Given input size: ({'x'.join(map(str, shape[1:]))}). Calculated "
            f"output size: ({shape[1]}x{sizes[0]}x{sizes[1]}). Output size is too small"
        )
    return kernel, s, p, d


@function(method=False)
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window, (N, C, H, W) -> (N, C, oH, oW); with return_indices also its flat place in H * W.

    Raises: RuntimeError if the windows do not fit.
    """
    x, single = batched("max_pool2d", input, 2)
    kernel, s, p, d = _windows("max_pool2d", x._array.shape, kernel_size, stride, padding, dilation, ceil_mode)
    out, places = max_pool2d_op(x, kernel=kernel, stride=s, padding=p, dilation=d, ceil_mode=ceil_mode)
    if single:
        out = squeeze_op(out, dims=(0,))
    if not return_indices:
        return out
    indices = plane_indices(places._array, x._array.shape, kernel, s, p, d)
    return out, from_array(indices[0] if single else indices)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, (N, C, H, W) -> (N, C, oH, oW).

    Raises: RuntimeError if the windows do not fit.
    """
    x, single = batched("avg_pool2d", input, 2)
    check_divisor("avg_pool2d", divisor_override)
    kernel, s, p, _ = _windows("avg_pool2d", x._array.shape, kernel_size, stride, padding, 1, ceil_mode)
    out = avg_pool2d_op(
        x,
        kernel=kernel,
        stride=s,
        padding=p,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor=divisor_override,
    )
    return squeeze_op(out, dims=(0,)) if single else out


def _one(value: Any, name: str) -> Any:
    return None if value is None or value == () or value == [] else ntuple(value, 1, name)[0]


def _as_image(f: Callable[..., Any], input: Tensor, *args: Any) -> Any:
    """Run a 2-d pooling on (N, C, L) as on images of one row."""
    out = f(unsqueeze_op(input, dim=input._array.ndim - 1), *args)
    return (
        tuple(squeeze_op(o, dims=(o._array.ndim - 2,)) for o in out)
        if isinstance(out, tuple)
        else squeeze_op(out, dims=(out._array.ndim - 2,))
    )


@function(method=False)
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """max_pool2d() along one dimension: (N, C, L) -> (N, C, oL)."""
    k = _one(kernel_size, "kernel_size")
    s = _one(steps(stride, k), "stride")
    pad, dil = _one(padding, "padding"), _one(dilation, "dilation")
    return _as_image(max_pool2d, input, (1, k), (1, s), (0, pad), (1, dil), ceil_mode, return_indices)


@function(method=False)
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """avg_pool2d() along one dimension: (N, C, L) -> (N, C, oL)."""
    k = _one(kernel_size, "kernel_size")
    return _as_image(
        avg_pool2d,
        input,
        (1, k),
        (1, _one(steps(stride, k), "stride")),
        (0, _one(padding, "padding")),
        ceil_mode,
        count_include_pad,
    )


def power_norm(
    pool: Callable[..., Tensor], input: Tensor, p: float, kernel: tuple[int, ...], stride: Any, ceil_mode: bool
) -> Tensor:
    """The p-norm of each window, from the average of the powers."""
    powers = pool(input.pow(p), kernel, stride, 0, ceil_mode)
    return (powers.sign() * powers.abs().relu() * math.prod(kernel)).pow(1 / p)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window."""
    return power_norm(avg_pool2d, input, norm_type, ntuple(kernel_size, 2, "kernel_size"), stride, ceil_mode)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """lp_pool2d() along one dimension."""
    k = _one(kernel_size, "kernel_size")
    return _as_image(lp_pool2d, input, norm_type, (1, k), (1, _one(steps(stride, k), "stride")), ceil_mode)


# --- adaptive ---


def target_sizes(name: str, input: Tensor, output_size: Any, n: int) -> tuple[int, ...]:
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(sizes) != n:
        raise RuntimeError(f"{name}(): output_size must be a number or {n} numbers, got {sizes}")
    if any(want is not None and want < 0 for want in sizes):
        raise RuntimeError(f"{name}(): elements of output_size must be greater than or equal to 0 but received {sizes}")
    lengths = input._array.shape[-n:]
    if len(lengths) < n or (n > 1 and input._array.ndim == n and not isinstance(output_size, int)):
        raise ValueError(f"{name}(): Input dimension should be at least {n + 1}, got {input._array.ndim}")
    return tuple(have if want is None else int(want) for want, have in zip(sizes, lengths, strict=True))


def even_windows(input: Tensor, sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The windows that tile the last dimensions, if there is something in them and they are all alike."""
    lengths = input._array.shape[-len(sizes) :]
    if not input._array.size or not all(sizes) or any(n % m for n, m in zip(lengths, sizes, strict=True)):
        return None
    return tuple(n // m for n, m in zip(lengths, sizes, strict=True))


def along(x: Tensor, d: int, weights: Any) -> Tensor:
    """Multiply one dimension by a matrix of constants: length n becomes m with weights (n, m)."""
    moved = x.transpose(d, -1) @ from_array(np.ascontiguousarray(weights, x._array.dtype))
    return moved.transpose(d, -1)


def adaptive_average(input: Tensor, sizes: Any) -> Tensor:
    """Means over windows of nearly equal size that tile the last dimensions."""
    first = input._array.ndim - len(sizes)
    if all(m == 1 for m in sizes):
        return input.mean(tuple(range(first, input._array.ndim)), keepdim=True)
    for i, m in enumerate(sizes):
        input = along(input, first + i, adaptive_matrix(input._array.shape[first + i], m, input._array.dtype))
    return input


def _adaptive_avg_pool(n: int, input: Tensor, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{n}d"
    check_tensors(name, input=input)
    sizes = target_sizes(name, input, output_size, n)
    batched(name, input, n)
    windows = even_windows(input, sizes) if n < 3 and math.prod(sizes) > 1 else None
    if windows is None:
        return adaptive_average(input, sizes)
    return avg_pool1d(input, windows) if n == 1 else show(avg_pool2d(input, windows), "AdaptiveAvgPool2DBackward0")


@function(method=False)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that make an output of the given size: (N, C, L) -> (N, C, oL)."""
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that make an output of the given size: (N, C, H, W) -> (N, C, *output_size)."""
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that make an output of the given size: (N, C, D, H, W) -> (N, C, *output_size)."""
    return _adaptive_avg_pool(3, input, output_size)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over windows that make an output of the given size: (N, C, H, W) -> (N, C, *output_size)."""
    check_tensors("adaptive_max_pool2d", input=input)
    size = target_sizes("adaptive_max_pool2d", input, output_size, 2)
    x, single = batched("adaptive_max_pool2d", input, 2)
    windows = even_windows(x, size)
    if windows is not None and math.prod(windows) <= math.prod(size):  # few large windows are faster one by one
        return show(max_pool2d(input, windows, return_indices=return_indices), "AdaptiveMaxPool2DBackward0")
    out, indices = adaptive_max_pool2d_op(x, size=size)
    if single:
        out, indices = squeeze_op(out, dims=(0,)), squeeze_op(indices, dims=(0,))
    return (out, indices) if return_indices else out


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """adaptive_max_pool2d() along one dimension."""
    batched("adaptive_max_pool1d", input, 1)
    (m,) = target_sizes("adaptive_max_pool1d", input, output_size, 1)
    return _as_image(adaptive_max_pool2d, input, (1, m), return_indices)


max_pool1d_with_indices = partial(max_pool1d, return_indices=True)
max_pool2d_with_indices = partial(max_pool2d, return_indices=True)
adaptive_max_pool1d_with_indices = partial(adaptive_max_pool1d, return_indices=True)
adaptive_max_pool2d_with_indices = partial(adaptive_max_pool2d, return_indices=True)

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", "avg_pool1d",
    "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool2d_with_indices",
]  # fmt: skip
