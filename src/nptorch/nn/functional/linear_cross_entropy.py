"""The last layer of a classifier and its loss in one call."""

from __future__ import annotations

from typing import Any

from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.convolution import linear
from nptorch.nn.functional.loss import cross_entropy
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target): (in) or (N, in) with a weight (C, d1, ..., in);
    `options` (chunks that save PyTorch memory) change nothing here.

    Raises: RuntimeError for shapes that do not fit.
    """
    check_tensors("linear_cross_entropy", input=input, linear_weight=linear_weight, target=target)
    shape, (*outputs, features) = input._array.shape, linear_weight._array.shape
    if len(shape) not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {len(shape)}")
    if not outputs:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight._array.ndim}")
    if shape[-1] != features:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {shape[-1]} and {features}, respectively"
        )
    if linear_bias is not None and linear_bias._array.shape != tuple(outputs):
        raise RuntimeError(f"expected linear_bias shape {tuple(outputs)}, got {linear_bias._array.shape}")
    if len(outputs) > 1 and len(shape) == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {linear_weight._array.shape} requires batched input, "
            f"(N, {features}), got unbatched input with shape {shape}"
        )
    logits_shape = (*shape[:-1], *outputs)
    if target._array.shape == logits_shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    bias = None if linear_bias is None else reshape(linear_bias, -1)
    logits = reshape(linear(input, reshape(linear_weight, -1, features), bias), logits_shape)
    return cross_entropy(
        logits,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )


__all__ = ["linear_cross_entropy"]
