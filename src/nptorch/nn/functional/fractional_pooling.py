"""Max pooling over windows whose places are drawn (Graham, arXiv:1412.6071)."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import ntuple
from nptorch.nn.functional.pooling import batched
from nptorch.ops.extremes import take_along
from nptorch.ops.shape import reshape, squeeze_op
from nptorch.random import rand
from nptorch.tensor import Tensor, from_array


def _starts(samples: Any, n: int, kernel: int, out: int) -> Any:
    """Where the windows along a dimension of length n begin, for each number drawn: (N, C) -> (N, C, out)."""
    last = np.full((*samples.shape, 1), n - kernel)
    if out == 1:
        return last
    # In the type of the numbers drawn, as PyTorch computes it: the rounding decides between two places.
    step = samples.dtype.type(n - kernel) / samples.dtype.type(out - 1)
    samples = samples[..., None]
    steps = np.arange(out - 1, dtype=samples.dtype)
    return np.concatenate([((steps + samples) * step).astype(int) - (samples * step).astype(int), last], -1)


def _places(x: Any, kernel: tuple[int, ...], starts: list[Any]) -> Any:
    """The flat place of each window's maximum: (N, C, *out)."""
    n, lengths = len(kernel), x.shape[2:]
    strides = [math.prod(lengths[i + 1 :]) for i in range(n)]
    wide = [s.reshape(*s.shape[:2], *(s.shape[2] if i == j else 1 for j in range(n))) for i, s in enumerate(starts)]
    corner = sum(s * stride for s, stride in zip(wide, strides, strict=True))
    flat, best, place = x.reshape(*x.shape[:2], math.prod(lengths)), None, corner
    for tap in itertools.product(*map(range, kernel)):
        at = corner + sum(i * stride for i, stride in zip(tap, strides, strict=True))
        value = np.take_along_axis(flat, at.reshape(*at.shape[:2], math.prod(at.shape[2:])), 2).reshape(at.shape)
        if best is None:
            best = value
            continue
        better = (value > best) | (value != value)  # the first maximum wins; NaN beats all
        best, place = np.where(better, value, best), np.where(better, at, place)
    return place


def _fractional_max_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Tensor | None,
) -> Any:
    name = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    x, single = batched(name, input, n)
    kernel, lead, lengths = ntuple(kernel_size, n, f"{name}() kernel_size"), x._array.shape[:2], x._array.shape[2:]
    if output_size is not None:
        out = ntuple(output_size, n, f"{name}() output_size")
    else:
        ratios = [output_ratio] * n if isinstance(output_ratio, float) else output_ratio
        out = tuple(int(length * ratio) for length, ratio in zip(lengths, ratios, strict=True))
    for length, k, o in zip(lengths, kernel, out, strict=True):
        if o < 1 or o + k - 1 > length:
            raise RuntimeError(
                f"{name}(): {o} windows of {k} do not fit into the length {length} of an input of size "
                f"{list(input._array.shape)}; each begins at a place of its own"
            )
    # Of numbers given for more images, the first ones count.
    drawn = rand(*lead, n, dtype=x.dtype)._array if samples is None else samples._array[: lead[0]]
    if drawn.shape != (*lead, n):
        raise RuntimeError(f"{name}(): expected _random_samples of shape {[*lead, n]}, got {list(drawn.shape)}")
    # The last dimension takes the first number of an image, but a volume's first dimension takes it.
    order = range(n) if n == 3 else reversed(range(n))
    starts = [_starts(drawn[..., j], lengths[i], kernel[i], out[i]) for i, j in enumerate(order)]
    places = _places(x._array, kernel, starts)
    indices = from_array(places)
    y = take_along(reshape(x, *lead, math.prod(lengths)), reshape(indices, *lead, math.prod(out)), axis=2)
    y = reshape(y, *lead, *out)
    if single:
        y, indices = squeeze_op(y, dims=(0,)), squeeze_op(indices, dims=(0,))
    return (y, indices) if return_indices else y


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Maxima of windows of kernel_size at random places, as many as output_size or output_ratio say:
    (N, C, H, W) -> (N, C, oH, oW).

    Raises: ValueError if neither is given, RuntimeError if the windows do not fit.
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Maxima of windows of kernel_size at random places, as many as output_size or output_ratio say:
    (N, C, D, H, W) -> (N, C, oD, oH, oW).

    Raises: ValueError if neither is given, RuntimeError if the windows do not fit.
    """
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


fractional_max_pool2d_with_indices = partial(fractional_max_pool2d, return_indices=True)
fractional_max_pool3d_with_indices = partial(fractional_max_pool3d, return_indices=True)

__all__ = [
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]  # fmt: skip
