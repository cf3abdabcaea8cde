"""Losses that ask for a margin between right and wrong; `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nptorch.nn.functional.activation import logsigmoid, softplus
from nptorch.nn.functional.embedding import pairwise_distance
from nptorch.nn.functional.loss import check_reduction, legacy_reduction, reduce_loss
from nptorch.ops.compare import clamp
from nptorch.ops.extremes import take_along
from nptorch.ops.loss import check_targets
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor, from_array


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """x where the label is 1, max(0, margin - x) where it is -1."""
    zero = zeros_of(input)
    loss = where(target != 1, clamp(margin - input, min=0), zero) + where(target != -1, input, zero)
    return reduce_loss(loss, legacy_reduction(reduction, size_average, reduce))


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -y (x1 - x2) + margin).

    Raises: RuntimeError if the three have different numbers of dimensions.
    """
    if not input1._array.ndim == input2._array.ndim == target._array.ndim:
        raise RuntimeError(
            "margin_ranking_loss: All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape!r}, input2: {input2.shape!r}, target: {target.shape!r}"
        )
    return reduce_loss(
        clamp(-target * (input1 - input2) + margin, min=0), legacy_reduction(reduction, size_average, reduce)
    )


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-y x))."""
    return reduce_loss(softplus(-target * input, 1.0, math.inf), legacy_reduction(reduction, size_average, reduce))


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where the label is 1, max(0, cos - margin) where it is -1."""
    if target._array.ndim != input1._array.ndim - 1:
        raise RuntimeError(
            f"cosine_embedding_loss(): {target._array.ndim}D target tensor expects {target._array.ndim + 1}D input "
            f"tensors, but found inputs with sizes {list(input1._array.shape)} and {list(input2._array.shape)}"
        )
    tiny = 1e-12  # PyTorch's floor here is another than cosine_similarity()'s
    energies = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cos = (input1 * input2).sum(-1) / energies.sqrt()
    zero = zeros_of(cos)
    loss = where(target == 1, 1 - cos, zero) + where(target == -1, clamp(cos - margin, min=0), zero)
    return reduce_loss(loss, legacy_reduction(reduction, size_average, reduce))


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[..., Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) (Balntas et al., BMVC 2016)."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduce_loss(clamp(near - far + margin, min=0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_with_distance_loss() with a p-norm."""
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=legacy_reduction(reduction, size_average, reduce),
    )


def _rows(name: str, x: Tensor) -> Tensor:
    """One row (C), or the one score (), as (1, C).

    Raises: RuntimeError for other dimensions, and where there is no class.
    """
    if x._array.ndim > 2 or 0 in x._array.shape[-1:]:
        raise RuntimeError(
            f"{name}(): Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(x._array.shape)}"
        )
    return x if x._array.ndim == 2 else reshape(x, 1, x._array.size)


def _check_labels(name: str, labels: Tensor, x: Tensor) -> None:
    if labels._array.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): expected labels of type Long but found {labels.dtype!r}; convert them with .long()"
        )
    check_targets(labels._array, x._array.shape[1], -1)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over wrong classes of max(0, margin - x[y] + x[i]) ** p."""
    how = legacy_reduction(reduction, size_average, reduce)
    check_reduction(how)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss(): only p == 1 and p == 2 supported, got {p}")
    x = _rows("multi_margin_loss", input)
    labels = reshape(target, -1, 1)
    if labels._array.shape[0] != x._array.shape[0]:
        raise RuntimeError(
            f"inconsistent target size, expected {x._array.shape[0]} but got {list(target._array.shape)}"
        )
    if weight is not None and weight._array.ndim != 1:
        raise ValueError(f"multi_margin_loss(): weight must be one-dimensional, got {list(weight._array.shape)}")
    if weight is not None and weight._array.size != x._array.shape[1]:
        raise RuntimeError(f"inconsistent weight size, expected {x._array.shape[1]} but got {weight._array.size}")
    _check_labels("multi_margin_loss", labels, x)
    hinge = clamp(margin - take_along(x, labels, axis=1) + x, min=0) ** p
    if weight is not None:
        hinge = hinge * take_along(weight, reshape(labels, -1), axis=0).unsqueeze(1)
    others = from_array((np.arange(x._array.shape[1]) != labels._array).astype(x._array.dtype))
    loss = (hinge * others).mean(1)
    return reduce_loss(loss if input._array.ndim > 1 else loss[0], how)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean hinge of every wrong class against every right one; a row's labels end at the first -1."""
    how = legacy_reduction(reduction, size_average, reduce)
    check_reduction(how)
    x, labels = _rows("multilabel_margin_loss", input), _rows("multilabel_margin_loss", target)
    if labels._array.shape != x._array.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target._array.shape)} for input of size: {list(input._array.shape)}"
        )
    _check_labels("multilabel_margin_loss", labels, x)
    valid = np.cumprod(labels._array >= 0, axis=1).astype(bool)
    right = np.zeros(x._array.shape, bool)
    rows, _ = np.nonzero(valid)
    right[rows, labels._array[valid]] = True
    picked = take_along(x, from_array(np.where(valid, labels._array, 0).astype(np.int64)), axis=1)  # (N, labels)
    hinge = clamp(1 - (picked.unsqueeze(2) - x.unsqueeze(1)), min=0)
    pairs = from_array((valid[:, :, None] & ~right[:, None, :]).astype(x._array.dtype))
    loss = (hinge * pairs).sum((1, 2)) / x._array.shape[1]
    return reduce_loss(loss if input._array.ndim > 1 else loss[0], how)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of binary_cross_entropy_with_logits()."""
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduce_loss(loss.mean(-1), legacy_reduction(reduction, size_average, reduce))


__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip
