"""Losses; `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.nn.functional.activation import log_softmax, logsigmoid, softplus
from nptorch.nn.functional.embedding import cosine_similarity, pairwise_distance
from nptorch.ops.loss import check_targets
from nptorch.ops.loss import cross_entropy as cross_entropy_op
from nptorch.ops.loss import nll_loss as nll_loss_op
from nptorch.ops.pointwise import clamp, log, where, zeros_of
from nptorch.ops.reduce import take_along
from nptorch.ops.shape import movedim, reshape, squeeze_op, unsqueeze_op
from nptorch.tensor import Tensor, from_array


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, or what the two older arguments mean."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _same_size(name: str, input: Tensor, target: Tensor) -> None:
    if input._array.shape != target._array.shape:
        warnings.warn(
            f"Using a target size ({target.shape!r}) that is different to the input size ({input.shape!r}). This will likely lead to incorrect "
            f"results due to broadcasting. Please ensure they have the same size ({name}).",
            stacklevel=3,
        )


# --- classes ---


def _class_rows(x: Tensor) -> Tensor:
    """(N, C, d1, ...) as (N * d1 * ..., C)."""
    if x._array.ndim == 2:
        return x
    return reshape(movedim(x, 1, -1), -1, x._array.shape[1])


def _integer_targets(name: str, x: Tensor, target: Tensor) -> None:
    if target._array.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): expected the labels as integers (int64), but got {target.dtype!r}; convert them with .long()"
        )
    shape, wanted = target._array.shape, x._array.shape[:1] + x._array.shape[2:]
    if shape != wanted:
        if shape[:1] != wanted[:1]:
            raise ValueError(
                f"Expected input batch_size ({wanted[0]}) to match target batch_size ({shape[0] if shape else 0})."
            )
        raise RuntimeError(
            f"{name}(): input of shape {list(x._array.shape)} needs labels of shape {list(wanted)}, got {list(shape)}"
        )


def _weighted_nll(
    log_probs: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float = 0.0
) -> Tensor:
    """Negative log likelihood of rows (M, C) and labels (M,), with class weights and label smoothing."""
    labels = target._array
    kept = labels != ignore_index
    safe = from_array(np.where(kept, labels, 0).astype(np.int64)[:, None])
    w = (
        from_array(np.ones(labels.shape, log_probs._array.dtype))
        if weight is None
        else take_along(weight, squeeze_op(safe, dims=(1,)), axis=0)
    )
    w = w * from_array(kept.astype(log_probs._array.dtype))
    loss = -squeeze_op(take_along(log_probs, safe, axis=1), dims=(1,)) * w
    if smoothing:
        spread = log_probs if weight is None else log_probs * weight
        uniform = -spread.sum(1) * from_array(kept.astype(log_probs._array.dtype))
        loss = loss * (1 - smoothing) + uniform * (smoothing / log_probs._array.shape[1])
    return loss.sum() / w.sum() if reduction == "mean" else _reduce(loss, reduction)


def _labelled(
    name: str,
    fused: Any,
    x: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """A loss over labels, for inputs (C), (N, C) and (N, C, d1, ...): the fused op where it fits, else the composition."""
    single = x._array.ndim == 1
    if single:
        x, target = unsqueeze_op(x, dim=0), reshape(target, 1)
    _integer_targets(name, x, target)
    shape = target._array.shape
    rows, labels = _class_rows(x), target if target._array.ndim == 1 else reshape(target, -1)
    if weight is None and not smoothing:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{reduction} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")
        loss = fused(rows, labels, ignore_index=ignore_index, reduction=reduction)
        loss = loss[0] if isinstance(loss, tuple) else loss
    else:
        if weight is not None and weight._array.shape != (rows._array.shape[1],):
            raise RuntimeError(
                f"weight tensor should be defined either for all {rows._array.shape[1]} classes "
                f"or no classes but got weight tensor of shape: {list(weight._array.shape)}"
            )
        check_targets(labels._array, rows._array.shape[1], ignore_index)
        log_probs = rows if fused is nll_loss_op else log_softmax(rows, 1)
        loss = _weighted_nll(log_probs, labels, weight, ignore_index, reduction, smoothing)
    return reshape(loss, () if single else shape) if reduction == "none" else loss


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of integer labels: log-probabilities (N, C, ...) and labels (N, ...).

    Raises: IndexError for a label that is no class, RuntimeError or ValueError for shapes and dtypes that do not fit.
    """
    return _labelled(
        "nll_loss", nll_loss_op, input, target, weight, ignore_index, _reduction(reduction, size_average, reduce), 0.0
    )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """nll_loss(log_softmax(input)): scores (N, C, ...) and integer labels (N, ...), or probabilities in the scores' shape
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html).

    Raises: IndexError for a label that is no class, RuntimeError or ValueError for shapes and dtypes that do not fit.
    """
    how = _reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target._array.dtype.kind == "f" and target._array.shape == input._array.shape:
        c = 1 if input._array.ndim > 1 else 0
        probabilities = (
            target * (1 - label_smoothing) + label_smoothing / input._array.shape[c] if label_smoothing else target
        )
        scores = log_softmax(input, c)
        if weight is not None:
            scores = scores * reshape(weight, (1, -1) + (1,) * (input._array.ndim - 2)) if c else scores * weight
        loss = -(scores * probabilities).sum(c)
        return loss.sum() / max(1, input._array.size // input._array.shape[c]) if how == "mean" else _reduce(loss, how)
    return _labelled("cross_entropy", cross_entropy_op, input, target, weight, ignore_index, how, label_smoothing)


# --- numbers ---


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target) squared."""
    _same_size("mse_loss", input, target)
    difference = input - target
    squared = difference * difference
    if weight is None:
        return _reduce(squared, _reduction(reduction, size_average, reduce))
    return (squared * weight).sum() / weight.sum() if reduction == "mean" else _reduce(squared * weight, reduction)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """|input - target|."""
    _same_size("l1_loss", input, target)
    return _reduce((input - target).abs(), _reduction(reduction, size_average, reduce))


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Quadratic below beta, linear above (Girshick, arXiv:1504.08083)."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    _same_size("smooth_l1_loss", input, target)
    size = (input - target).abs()
    return _reduce(
        where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), _reduction(reduction, size_average, reduce)
    )


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """delta * smooth_l1_loss() with beta = delta."""
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    _same_size("huber_loss", input, target)
    size = (input - target).abs()
    return _reduce(where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log(p) + (1 - t) log(1 - p)), each log at least -100.

    Raises: ValueError for different shapes, RuntimeError for a p outside [0, 1].
    """
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Using a target size ({target.shape!r}) that is different to the input size "
            f"({input.shape!r}) is deprecated. Please ensure they have the same size."
        )
    if input._array.size and not ((input._array >= 0) & (input._array <= 1)).all():
        raise RuntimeError(
            "all elements of input should be between 0 and 1; use binary_cross_entropy_with_logits() for scores"
        )
    loss = -(target * clamp(log(input), min=-100) + (1 - target) * clamp(log(1 - input), min=-100))
    return _reduce(loss if weight is None else loss * weight, _reduction(reduction, size_average, reduce))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy(sigmoid(input)), without overflow; pos_weight scales the positive part.

    Raises: ValueError for different shapes.
    """
    if input._array.shape != target._array.shape:
        raise ValueError(f"Target size ({target.shape!r}) must be the same as input size ({input.shape!r})")
    if pos_weight is None:
        loss = (1 - target) * input - logsigmoid(input)
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    return _reduce(loss if weight is None else loss * weight, _reduction(reduction, size_average, reduce))


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """The Kullback-Leibler divergence of log-probabilities from probabilities; "batchmean" divides the sum by N."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input._array.shape[0]
    return _reduce(loss, _reduction(reduction, size_average, reduce))


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of counts with a Poisson rate (or its logarithm)."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + where(target > 1, stirling, zeros_of(stirling))
    return _reduce(loss, _reduction(reduction, size_average, reduce))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Negative log likelihood of a normal distribution with mean `input` and variance `var` (at least eps)."""
    if not isinstance(var, Tensor):
        var = from_array(np.full(input._array.shape, var, input._array.dtype))
    if var._array.shape == input._array.shape[:-1]:
        var = unsqueeze_op(var, dim=var._array.ndim)
    if (var._array < 0).any():
        raise ValueError("var has negative entry/entries")
    # The floor passes gradients as if it were not there, as in PyTorch.
    var = var + from_array(np.maximum(eps - var._array, 0).astype(var._array.dtype))
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduce(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


# --- margins ---


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
    return _reduce(loss, _reduction(reduction, size_average, reduce))


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -y (x1 - x2) + margin)."""
    return _reduce(clamp(-target * (input1 - input2) + margin, min=0), _reduction(reduction, size_average, reduce))


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-y x))."""
    return _reduce(softplus(-target * input, 1.0, math.inf), _reduction(reduction, size_average, reduce))


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
    cos = cosine_similarity(input1, input2, -1)
    zero = zeros_of(cos)
    loss = where(target == 1, 1 - cos, zero) + where(target == -1, clamp(cos - margin, min=0), zero)
    return _reduce(loss, _reduction(reduction, size_average, reduce))


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
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return _reduce(clamp(near - far + margin, min=0), reduction)


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
        anchor, positive, negative, distance_function=lambda a, b: pairwise_distance(a, b, p, eps), margin=margin, swap=swap,
        reduction=_reduction(reduction, size_average, reduce),
    )  # fmt: skip


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
    x = unsqueeze_op(input, dim=0) if input._array.ndim == 1 else input
    labels = reshape(target, -1, 1)
    check_targets(labels._array, x._array.shape[1], -1)
    hinge = clamp(margin - take_along(x, labels, axis=1) + x, min=0) ** p
    if weight is not None:
        hinge = hinge * take_along(weight, reshape(labels, -1), axis=0).unsqueeze(1)
    others = from_array((np.arange(x._array.shape[1]) != labels._array).astype(x._array.dtype))
    loss = (hinge * others).mean(1)
    loss = loss if input._array.ndim > 1 else loss[0]
    return _reduce(loss, _reduction(reduction, size_average, reduce))


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean hinge of every wrong class against every right one; a row's labels end at the first -1."""
    x, labels = (unsqueeze_op(t, dim=0) if t._array.ndim == 1 else t for t in (input, target))
    valid = np.cumprod(labels._array >= 0, axis=1).astype(bool)
    right = np.zeros(x._array.shape, bool)
    rows, _ = np.nonzero(valid)
    right[rows, labels._array[valid]] = True
    picked = take_along(x, from_array(np.where(valid, labels._array, 0).astype(np.int64)), axis=1)  # (N, labels)
    hinge = clamp(1 - (picked.unsqueeze(2) - x.unsqueeze(1)), min=0)
    pairs = from_array((valid[:, :, None] & ~right[:, None, :]).astype(x._array.dtype))
    loss = (hinge * pairs).sum((1, 2)) / x._array.shape[1]
    return _reduce(loss if input._array.ndim > 1 else loss[0], _reduction(reduction, size_average, reduce))


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
    return _reduce(loss.mean(-1), _reduction(reduction, size_average, reduce))


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy", "gaussian_nll_loss",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip
