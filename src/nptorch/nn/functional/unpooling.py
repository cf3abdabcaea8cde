"""Back from the maxima: each value at the place that max pooling took it from."""

from __future__ import annotations

import math
from typing import Any

from nptorch.nn.functional.arguments import ntuple
from nptorch.nn.functional.pooling import batched, steps
from nptorch.ops.create import zeros
from nptorch.ops.gather import scatter
from nptorch.ops.shape import reshape, squeeze_op
from nptorch.tensor import Tensor, from_array


def _max_unpool(
    n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{n}d"
    x, single = batched(name, input, n)
    if indices._array.shape != input._array.shape:
        raise RuntimeError(
            f"{name}(): Expected shape of indices to be: {list(input._array.shape)} but got: {list(indices._array.shape)}"
        )
    k, s, p = (ntuple(v, n, f"{name}()") for v in (kernel_size, steps(stride, kernel_size), padding))
    lead, lengths = x._array.shape[:2], x._array.shape[2:]
    size = [(m - 1) * s[i] - 2 * p[i] + k[i] for i, m in enumerate(lengths)]
    if output_size is not None:
        size = [int(m) for m in output_size][-n:]
    places = indices._array.reshape(*lead, math.prod(lengths))
    if places.size and not (places.min() >= 0 and places.max() < math.prod(size)):
        raise RuntimeError(f"{name}(): found an invalid max index {places.max()} for an output of size {size}")
    empty = zeros((*lead, math.prod(size)), dtype=x.dtype)
    y = reshape(scatter(empty, 2, from_array(places), reshape(x, places.shape)), *lead, *size)
    return squeeze_op(y, dims=(0,)) if single else y


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Each value at the place that max_pool1d(return_indices=True) took it from, zeros elsewhere.

    Raises: RuntimeError if an index lies outside the output.
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Each value at the place that max_pool2d(return_indices=True) took it from, zeros elsewhere.

    Raises: RuntimeError if an index lies outside the output.
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Each value at the place that max_pool3d(return_indices=True) took it from, zeros elsewhere.

    Raises: RuntimeError if an index lies outside the output.
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]
