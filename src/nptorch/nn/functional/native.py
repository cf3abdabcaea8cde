"""What PyTorch's layers call below nn.functional: names of torch alone, the layers with their statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.grad_mode import no_grad
from nptorch.nn.functional.normalization import batch_norm, dropout, layer_norm
from nptorch.nn.functional.padding import pad as pad_function
from nptorch.ops.norm import batch_norm as batch_norm_op
from nptorch.ops.norm import group_norm as group_norm_op
from nptorch.ops.norm import layer_norm as layer_norm_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor, from_array

__all__ = ()  # nothing here is a name of nn.functional


@function(method=False)
def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    """nn.functional.pad() with a constant."""
    return pad_function(input, pad, "constant", value)


@function(method=False)
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """nn.functional.batch_norm() with the mean and 1 / standard deviation of each channel (empty unless training)."""
    out = batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        none = from_array(np.empty(0, input._array.dtype))
        return out, none, none
    with no_grad():
        _, mean, rstd = batch_norm_op(input, None, None, eps=eps)
    return out, mean, rstd


@function(method=False)
def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """nn.functional.layer_norm() with the means and 1 / standard deviations, the normalised dimensions as ones."""
    out = layer_norm(input, normalized_shape, weight, bias, eps)
    with no_grad():
        _, mean, rstd = layer_norm_op(input, None, None, ndim=len(normalized_shape), eps=eps)
    return out, mean, rstd


@function(method=False)
def native_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """nn.functional.group_norm() with the means and 1 / standard deviations (N, group)."""
    out: tuple[Tensor, Tensor, Tensor] = group_norm_op(input, weight, bias, groups=group, eps=eps)
    return out


@function(method=False)
def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """nn.functional.dropout() with the mask of what was kept."""
    with no_grad():
        scale = dropout(from_array(np.ones_like(input._array)), p, train is not False)
    return input * scale, scale != 0
