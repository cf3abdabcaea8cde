"""A batch normalization folded into the layer before it, for evaluation.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
"""

from __future__ import annotations

import copy
from typing import Any

from nptorch.nn.parameter import Parameter
from nptorch.ops.pointwise import rsqrt
from nptorch.tensor import Tensor


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of a convolution that computes bn(conv(x)).

    Raises: AssertionError in training mode or without running statistics.
    """
    return _fused(conv, bn, int(transpose))


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of a linear layer that computes bn(linear(x)).

    Raises: AssertionError in training mode, without running statistics, or for other numbers of features.
    """
    if bn.num_features not in (1, linear.out_features):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    return _fused(linear, bn, 0)


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the convolution that fuse_conv_bn_eval() makes."""
    return _weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, int(transpose))


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor | None, bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the linear layer that fuse_linear_bn_eval() makes."""
    return _weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused(layer: Any, bn: Any, axis: int) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    made = copy.deepcopy(layer)
    made.weight, made.bias = _weights(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, axis
    )
    return made


def _weights(
    w: Tensor, b: Tensor | None, mean: Tensor, var: Tensor, eps: float, scale: Tensor | None, shift: Tensor | None, axis: int
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """`axis`: the dimension of the weight that holds the outputs."""
    factor = rsqrt(var + eps) if scale is None else rsqrt(var + eps) * scale
    wide = [1] * w.ndim
    wide[axis] = -1
    bias = -mean * factor if b is None else (b - mean) * factor
    bias = bias if shift is None else bias + shift
    grads = w.requires_grad, b is not None and b.requires_grad
    fused = (w * factor.reshape(wide)).to(w.dtype), bias.to(w.dtype if b is None else b.dtype)
    weight, bias = (Parameter(t.detach(), grad) for t, grad in zip(fused, grads, strict=True))
    return weight, bias
