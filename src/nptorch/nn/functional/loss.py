"""Losses over classes and numbers; `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nptorch.nn.functional.activation import log_softmax, logsigmoid
from nptorch.nn.functional.arguments import check_tensors
from nptorch.ops import loss as ops
from nptorch.ops.extremes import take_along
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.shape import movedim, reshape, squeeze_op, unsqueeze_op
from nptorch.ops.signatures import shown_as
from nptorch.tensor import Tensor, from_array


def check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """The loss of each element as `reduction` says.

    Raises: ValueError if it is none of "mean", "sum" and "none".
    """
    check_reduction(reduction)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def legacy_reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, or what the two older arguments mean."""
    if size_average is None and reduce is None:
        return reduction
    found = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{found}' instead.", stacklevel=3
    )
    return found


def _same_size(name: str, input: Tensor, target: Tensor) -> None:
    check_tensors(name, input=input, target=target)
    if input._array.shape != target._array.shape:
        warnings.warn(
            f"Using a target size ({target.shape!r}) that is different to the input size ({input.shape!r}). This will "
            f"likely lead to incorrect results due to broadcasting. Please ensure they have the same size ({name}).",
            stacklevel=3,
        )


# --- classes ---


def _class_rows(x: Tensor) -> Tensor:
    """(N, C, d1, ...) as (N * d1 * ..., C)."""
    if x._array.ndim == 2:
        return x
    return reshape(movedim(x, 1, -1), -1, x._array.shape[1])


def _check_labels(name: str, x: Tensor, target: Tensor) -> None:
    if x._array.ndim == 0:
        raise RuntimeError(f"{name}(): expected scores (C) or (N, C, ...), got a 0-dimensional input")
    shape, wanted = target._array.shape, x._array.shape[:1] + x._array.shape[2:]
    if shape[:1] != wanted[:1]:
        raise ValueError(
            f"Expected input batch_size ({wanted[0]}) to match target batch_size ({shape[0] if shape else 0})."
        )
    if target._array.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): expected target dtype to be an integer one, but got {target.dtype!r}; "
            "convert the labels with .long()"
        )
    if shape != wanted:
        words = (
            "0D or 1D target tensor expected, multi-target not supported" if len(wanted) == 1 else "Wrong target size"
        )
        raise RuntimeError(
            f"{words}: {name}() with an input of shape {list(x._array.shape)} expects labels of shape {list(wanted)}, "
            f"got {list(shape)}"
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
    return loss.sum() / w.sum() if reduction == "mean" else reduce_loss(loss, reduction)


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
    """A loss over labels of inputs (C), (N, C) and (N, C, d1, ...): the fused op where it fits, else a composition."""
    single = x._array.ndim == 1
    if single:
        x, target = unsqueeze_op(x, dim=0), reshape(target, 1)
    _check_labels(name, x, target)
    shape = target._array.shape
    rows, labels = _class_rows(x), target if target._array.ndim == 1 else reshape(target, -1)
    if weight is None and not smoothing:
        check_reduction(reduction)
        loss = fused(rows, labels, ignore_index=ignore_index, reduction=reduction)
        loss = loss[0] if isinstance(loss, tuple) else loss
    else:
        if weight is not None and weight._array.shape != (rows._array.shape[1],):
            raise RuntimeError(
                f"weight tensor should be defined either for all {rows._array.shape[1]} classes "
                f"or no classes but got weight tensor of shape: {list(weight._array.shape)}"
            )
        if weight is not None and weight._array.dtype != rows._array.dtype:
            raise RuntimeError(f"{name}(): expected a weight of type {rows.dtype!r} but found {weight.dtype!r}")
        ops.check_targets(labels._array, rows._array.shape[1], ignore_index)
        log_probs = rows if fused is ops.nll_loss else log_softmax(rows, 1)
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
    check_tensors("nll_loss", input=input, target=target)
    return _labelled(
        "nll_loss",
        ops.nll_loss,
        input,
        target,
        weight,
        ignore_index,
        legacy_reduction(reduction, size_average, reduce),
        0.0,
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
    """nll_loss(log_softmax(input)): scores (N, C, ...) and integer labels (N, ...), or probabilities in their shape
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html).

    Raises: IndexError for a label that is no class, RuntimeError or ValueError for shapes and dtypes that do not fit.
    """
    check_tensors("cross_entropy", input=input, target=target)
    how = legacy_reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target._array.dtype.kind == "f" and target._array.shape == input._array.shape:
        if ignore_index >= 0:
            raise RuntimeError(
                "ignore_index is not supported for floating point target; a target in the input's shape holds probabilities"
            )
        c = 1 if input._array.ndim > 1 else 0
        probabilities = (
            target * (1 - label_smoothing) + label_smoothing / input._array.shape[c] if label_smoothing else target
        )
        scores = log_softmax(input, c)
        if weight is not None:
            scores = scores * reshape(weight, (1, -1) + (1,) * (input._array.ndim - 2)) if c else scores * weight
        loss = -(scores * probabilities).sum(c)
        return (
            loss.sum() / max(1, input._array.size // input._array.shape[c]) if how == "mean" else reduce_loss(loss, how)
        )
    return _labelled("cross_entropy", ops.cross_entropy, input, target, weight, ignore_index, how, label_smoothing)


# --- numbers ---


@shown_as("MseLossBackward0")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target) squared."""
    how = legacy_reduction(reduction, size_average, reduce)
    _same_size("mse_loss", input, target)
    squared = ops.mse_loss(input, target)
    if weight is None:
        return reduce_loss(squared, how)
    return (squared * weight).sum() / weight.sum() if how == "mean" else reduce_loss(squared * weight, how)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """|input - target|."""
    _same_size("l1_loss", input, target)
    return reduce_loss((input - target).abs(), legacy_reduction(reduction, size_average, reduce))


@shown_as("SmoothL1LossBackward0")
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
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    _same_size("smooth_l1_loss", input, target)
    return reduce_loss(ops.smooth_l1_loss(input, target, beta=beta), legacy_reduction(reduction, size_average, reduce))


@shown_as("HuberLossBackward0")
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """delta * smooth_l1_loss() with beta = delta."""
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    _same_size("huber_loss", input, target)
    loss = ops.smooth_l1_loss(input, target, beta=delta)
    return reduce_loss(loss if delta == 1 else loss * delta, reduction)


@shown_as("BinaryCrossEntropyBackward0")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log(p) + (1 - t) log(1 - p)), each log at least -100.

    Raises: ValueError for different shapes, RuntimeError for different dtypes or a p outside [0, 1].
    """
    check_tensors("binary_cross_entropy", input=input, target=target)
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Using a target size ({target.shape!r}) that is different to the input size "
            f"({input.shape!r}) is deprecated. Please ensure they have the same size."
        )
    if input._array.size and not ((input._array >= 0) & (input._array <= 1)).all():
        raise RuntimeError(
            "all elements of input should be between 0 and 1; use binary_cross_entropy_with_logits() for scores"
        )
    if target._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"binary_cross_entropy(): Found dtype {target.dtype!r} but expected {input.dtype!r}; "
            "convert the target with .to(input.dtype)"
        )
    loss = ops.binary_cross_entropy(input, target)
    return reduce_loss(loss if weight is None else loss * weight, legacy_reduction(reduction, size_average, reduce))


@shown_as("BinaryCrossEntropyWithLogitsBackward0")
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

    Raises: ValueError for different shapes, RuntimeError for integer targets.
    """
    check_tensors("binary_cross_entropy_with_logits", input=input, target=target)
    if target._array.dtype.kind != "f":
        raise RuntimeError(
            f"binary_cross_entropy_with_logits(): expected a floating-point target, got {target.dtype!r}; "
            "convert it with .float()"
        )
    if input._array.shape != target._array.shape:
        raise ValueError(f"Target size ({target.shape!r}) must be the same as input size ({input.shape!r})")
    if pos_weight is None:
        loss = ops.binary_cross_entropy_with_logits(input, target)
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    return reduce_loss(loss if weight is None else loss * weight, legacy_reduction(reduction, size_average, reduce))


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
        return loss.sum() / input._array.shape[0] if input._array.ndim else loss
    return reduce_loss(loss, legacy_reduction(reduction, size_average, reduce))


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
    return reduce_loss(loss, legacy_reduction(reduction, size_average, reduce))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Negative log likelihood of a normal distribution with mean `input` and variance `var` (at least eps)."""
    if not isinstance(var, Tensor):
        var = from_array(np.full(input._array.shape, var, input._array.dtype))
    shape, found = input._array.shape, var._array.shape
    if found == shape[:-1]:
        var = unsqueeze_op(var, dim=var._array.ndim)
    elif found != shape and (
        len(found) != len(shape) or [m for n, m in zip(shape, found, strict=True) if n != m] != [1]
    ):
        raise ValueError(
            f"var is of incorrect size: {list(found)} for an input of shape {list(shape)}; it may have that shape, "
            "lack the last dimension or have 1 in place of one length"
        )
    if (var._array < 0).any():
        raise ValueError("var has negative entry/entries")
    # The floor passes gradients as if it were not there, as in PyTorch.
    var = var + from_array(np.maximum(eps - var._array, 0).astype(var._array.dtype))
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return reduce_loss(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss", "huber_loss",
    "kl_div",
    "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip
