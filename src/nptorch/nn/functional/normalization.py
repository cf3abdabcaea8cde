"""Normalisation, dropout and what rescales vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.kernels.native import kernel
from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.padding import pad
from nptorch.nn.functional.pooling import avg_pool2d
from nptorch.ops.norm import batch_norm as batch_norm_op
from nptorch.ops.norm import channel_scale
from nptorch.ops.norm import group_norm as group_norm_op
from nptorch.ops.norm import layer_norm as layer_norm_op
from nptorch.ops.pointwise import mul, rsqrt
from nptorch.ops.reduce import mean_op
from nptorch.ops.shape import reshape
from nptorch.ops.signatures import axes, function, show
from nptorch.ops.vector_norm import vector_norm
from nptorch.random import engine
from nptorch.tensor import Tensor, from_array


@function(method=False)
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Centre and scale each channel of (N, C, ...): by the batch's own statistics in training (which then move the
    running ones), else by the running ones.

    Raises: ValueError for a single value per channel in training, RuntimeError for sizes that do not fit.
    """
    check_tensors("batch_norm", input=input)
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    shape = input._array.shape
    if not input._array.size:  # nothing to centre, nothing to remember
        out = input.clone() if weight is None else input * weight[0]
        return out if bias is None else out + bias[0]
    if len(shape) < 2:
        raise RuntimeError(f"batch_norm(): expected an input (N, C, ...) with 2 or more dimensions, got {list(shape)}")
    channels = shape[1]
    for t in (running_mean, running_var, weight, bias):
        if t is not None and t._array.size != channels:
            names = {id(running_mean): "running_mean", id(running_var): "running_var", id(weight): "weight"}
            raise RuntimeError(f"{names.get(id(t), 'bias')} should contain {channels} elements not {t._array.size}")
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        return _with_running(input, running_mean, running_var, weight, bias, eps)
    count = input._array.size // channels
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape!r}")
    out, mean, rstd = batch_norm_op(input, weight, bias, eps=eps)
    if running_mean is not None and running_var is not None:
        _move_statistics(running_mean, running_var, mean._array, rstd._array, momentum, eps, count)
    return out


_native_move_statistics = kernel("move_statistics")


def _move_statistics(
    running_mean: Tensor, running_var: Tensor, mean: Any, rstd: Any, momentum: float, eps: float, count: int
) -> None:
    arrays = running_mean._array, running_var._array
    done = _native_move_statistics(mean, rstd, *arrays, momentum=momentum, eps=eps, count=count)
    if done is NotImplemented:
        variance = np.maximum(1 / np.square(rstd, dtype=np.float64) - eps, 0) * (count / (count - 1))
        for array, value in zip(arrays, (mean, variance.astype(rstd.dtype)), strict=True):
            array *= 1 - momentum
            array += (momentum * value).astype(array.dtype, copy=False)
    running_mean._version[0] += 1
    running_var._version[0] += 1


def _with_running(
    x: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    rstd = rsqrt(var + eps)
    scale = rstd if weight is None else rstd * weight
    return channel_scale(x, scale, -mean * scale if bias is None else bias - mean * scale)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """batch_norm() of each image alone (Ulyanov et al., arXiv:1607.08022)."""
    if not use_input_stats or not input._array.size:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    n, c, *rest = input._array.shape
    if math.prod(rest) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape!r}")
    out, mean, rstd = _in_groups(input, c, weight, bias, eps)
    if running_mean is not None and running_var is not None:
        # Each image moves the statistics by itself; what stays is the mean of where they came.
        means, variances = (from_array(np.tile(running._array, n)) for running in (running_mean, running_var))
        statistics = mean._array.reshape(-1), rstd._array.reshape(-1)
        _move_statistics(means, variances, *statistics, momentum, eps, math.prod(rest))
        for running, moved in ((running_mean, means), (running_var, variances)):
            running._array[...] = moved._array.reshape(n, c).mean(0)
            running._version[0] += 1
    return show(out, "ViewBackward0")


def _in_groups(
    input: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t._array.shape != input._array.shape[1:2]:
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of shape "
                f"{list(t._array.shape)} and input of shape {list(input._array.shape)}"
            )
    out: tuple[Tensor, Tensor, Tensor] = group_norm_op(input, weight, bias, groups=groups, eps=eps)
    return out


def _normalized(input: Tensor, normalized_shape: Any, **parameters: Tensor | None) -> tuple[int, ...]:
    """The lengths of the last dimensions to normalise over, checked."""
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not wanted:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, but got normalized_shape = []")
    if input._array.shape[input._array.ndim - len(wanted) :] != wanted:
        raise RuntimeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [*, "
            f"{', '.join(map(str, wanted))}], but got input of size{list(input._array.shape)}"
        )
    for name, t in parameters.items():
        if t is not None and t._array.shape != wanted:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(t._array.shape)} and normalized_shape = {list(wanted)}"
            )
    return wanted


@function(method=False)
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Centre and scale over the last dimensions, whose lengths are `normalized_shape`.

    Raises: RuntimeError if the input does not end in them, or weight or bias are of another shape.
    """
    wanted = _normalized(input, normalized_shape, weight=weight, bias=bias)
    out: Tensor = layer_norm_op(input, weight, bias, ndim=len(wanted), eps=eps)[0]
    return out


@function(method=False)
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """x over its root mean square in the last dimensions (Zhang, Sennrich, arXiv:1910.07467).

    Raises: RuntimeError if the input does not end in them, or the weight is of another shape.
    """
    wanted = _normalized(input, normalized_shape, weight=weight)
    axes = tuple(range(input._array.ndim - len(wanted), input._array.ndim))
    e = float(np.finfo(input._array.dtype).eps) if eps is None else eps
    out = input * rsqrt(mean_op(input * input, axis=axes, keepdims=True) + e)
    return out if weight is None else out * weight


@function(method=False)
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Centre and scale groups of channels of each image (Wu, He, arXiv:1803.08494).

    Raises: RuntimeError if the channels cannot be divided so.
    """
    if input._array.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input._array.ndim}")
    if input._array.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input._array.shape)} and num_groups={num_groups}"
        )
    return _in_groups(input, num_groups, weight, bias, eps)[0]


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each channel over a power of its neighbours' energy (Krizhevsky et al., 2012)."""
    if input._array.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input._array.ndim} dimensions)")
    if not input._array.size:
        return input
    n, c, *rest = input._array.shape
    energy = reshape(input * input, n, 1, c, -1)
    around = avg_pool2d(pad(energy, (0, 0, size // 2, (size - 1) // 2)), (size, 1), 1)
    return input / (reshape(around, n, c, *rest) * alpha + k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x over its p-norm along `dim`, which counts at least eps."""
    length = vector_norm(input, p, axes("normalize", dim, input._array.ndim), True)
    return input / length.clamp(min=eps)


# --- dropout (Srivastava et al., JMLR 15, 2014) ---


def _check_p(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _mask(shape: tuple[int, ...], p: float, x: Any) -> Any:
    """Ones with probability 1 - p, drawn in the order in which x lies in memory, as PyTorch does."""
    draw = engine(None).bernoulli
    if shape != x.shape or x.flags.c_contiguous:
        return draw(1 - p, shape, x.dtype)
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    return draw(1 - p, tuple(shape[axis] for axis in order), x.dtype).transpose(np.argsort(order))


def _drop(input: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
    _check_p(p)
    if not training or p == 0 or input._array.size == 0:
        return input
    if p == 1:
        scaled = np.zeros(shape, input._array.dtype)
    else:
        scaled = _mask(shape, p, input._array)
        scaled /= scaled.dtype.type(1 - p)
    noise = from_array(scaled)
    return mul.into(input, input, noise) if inplace else mul(input, noise)


@function(method=False)
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability p in training, the others scaled by 1 / (1 - p).

    Raises: ValueError if p is no probability.
    """
    return _drop(input, p, training, inplace, input._array.shape)


def _channels(input: Tensor, n: int) -> tuple[int, ...]:
    """The shape of a mask with one element a channel; n spatial dimensions."""
    shape, spatial = input._array.shape, min(n, input._array.ndim)
    return shape[: len(shape) - spatial] + (1,) * spatial


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout() of whole channels of (N, C, L)."""
    return _drop(input, p, training, inplace, _channels(input, 1))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout() of whole channels of (N, C, H, W)."""
    # A 3-dimensional input has always been taken as (N, C, L).
    return _drop(input, p, training, inplace, _channels(input, input._array.ndim - 2))


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout() of whole channels of (N, C, D, H, W)."""
    return _drop(input, p, training, inplace, _channels(input, 3))


def _alpha_drop(input: Tensor, p: float, training: bool, shape: tuple[int, ...]) -> Tensor:
    _check_p(p)
    if not training or p == 0 or input._array.size == 0:
        return input
    if p == 1:
        return input * 0
    alpha = 1.7580993408473766
    a = 1 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    kept = from_array(_mask(shape, p, input._array))
    return input * (kept * a) + ((kept - 1) * (alpha * a) + alpha * a * p)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """The dropout that keeps selu()'s mean and variance."""
    return _alpha_drop(input, p, training, input._array.shape)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout() of whole channels."""
    return _alpha_drop(input, p, training, _channels(input, input._array.ndim - 2))


__all__ = [
    "alpha_dropout", "batch_norm", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
    "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
]  # fmt: skip
