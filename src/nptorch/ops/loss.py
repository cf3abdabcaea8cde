"""Losses that are ops of their own: fused log-softmax and negative log likelihood, and the likelihood alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.activation import TENSORS, backward_of, log_softmax_backward
from nptorch.ops.derive import through
from nptorch.ops.pointwise import exp, log, neg
from nptorch.ops.promotion import Rule, common, float_only
from nptorch.ops.registry import Op, op
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor, from_array


def check_targets(target: Any, classes: int, ignore_index: int) -> Any:
    """Raises: IndexError naming the first label outside [0, classes)."""
    if target.size == 0:
        return None
    low, high = target.min(), target.max()
    if 0 <= low and high < classes:
        return None
    wrong = target[((target < 0) | (target >= classes)) & (target != ignore_index)]
    if wrong.size:
        raise IndexError(
            f"Target {wrong[0]} is out of bounds: the scores are for {classes} classes, so labels go from 0 to "
            f"{classes - 1}"
        )
    return None


def _floats(name: str) -> Any:
    check = float_only(name)
    return lambda xs: [*check(xs[:1]), *xs[1:]]


def _reduced(losses: Any, kept: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    total = losses.sum()
    # A batch whose every label is ignored has no mean: nan, as in PyTorch.
    return total / losses.dtype.type(kept.sum()) if reduction == "mean" else total


def _cross_entropy(xp: Any, x: Any, target: Any, *, ignore_index: int, reduction: str) -> Any:
    check_targets(target, x.shape[1], ignore_index)
    shifted = x - x.max(1, keepdims=True) if x.size else x
    log_probs = shifted - xp.log(xp.exp(shifted).sum(1, keepdims=True))
    return _nll(xp, log_probs, target, ignore_index=ignore_index, reduction=reduction), log_probs


def _nll(xp: Any, log_probs: Any, target: Any, *, ignore_index: int, reduction: str) -> Any:
    kept = target != ignore_index
    rows = xp.arange(target.shape[0])
    losses = xp.where(kept, -log_probs[rows, xp.where(kept, target, 0).astype(np.intp)], 0).astype(log_probs.dtype)
    return _reduced(losses, kept, reduction)


def _per_row(xp: Any, g: Any, target: Any, ignore_index: int, reduction: str) -> tuple[Any, Any, Any]:
    """The gradient of each row's loss, the column of its label, and the row numbers."""
    kept = target != ignore_index
    scale = g / kept.sum().astype(g.dtype) if reduction == "mean" else g
    return (
        xp.where(kept, scale, 0).astype(g.dtype),
        xp.where(kept, target, 0).astype(np.intp),
        xp.arange(target.shape[0]),
    )


def _cross_entropy_backward(xp: Any, g: Any, log_probs: Any, target: Any, *, ignore_index: int, reduction: str) -> Any:
    per_row, labels, rows = _per_row(xp, g, target, ignore_index, reduction)
    out = xp.exp(log_probs)
    out[rows, labels] -= 1
    out *= per_row[:, None]
    return out


def _nll_backward(xp: Any, g: Any, target: Any, *, shape: Any, ignore_index: int, reduction: str) -> Any:
    per_row, labels, rows = _per_row(xp, g, target, ignore_index, reduction)
    out = xp.zeros(shape, g.dtype)
    out[rows, labels] = -per_row
    return out


def _cross_entropy_vjp(g: tuple[Tensor | None, ...], log_probs: Tensor, target: Tensor, **hp: Any) -> Tensor:
    # A gradient comes to log_probs only when this gradient is itself differentiated.
    g_loss, g_log_probs = g
    gx = None if g_loss is None else cross_entropy_backward(g_loss, log_probs, target, **hp)
    if g_log_probs is None:
        return gx  # type: ignore[return-value]
    by_log_probs = log_softmax_backward(g_log_probs, log_probs, axis=1)
    return by_log_probs if gx is None else gx + by_log_probs


def _backward_composed(g: Tensor, log_probs: Tensor, target: Tensor, *, ignore_index: int, reduction: str) -> Tensor:
    kept = target._array != ignore_index
    one_hot = np.zeros(log_probs._array.shape, g._array.dtype)
    one_hot[kept.nonzero()[0], target._array[kept]] = 1
    per_row = kept[:, None].astype(g._array.dtype)
    if reduction == "none":
        g = reshape(g, -1, 1)
    elif reduction == "mean":
        per_row /= max(per_row.sum(), 1)
    return (exp(log_probs) - from_array(one_hot)) * from_array(per_row) * g


cross_entropy = op(
    "cross_entropy",
    _cross_entropy,
    _cross_entropy_vjp,
    None,
    outputs=("loss", "log_probs"),
    promote=_floats("cross_entropy"),
    label="NllLossBackward0",
)
cross_entropy_backward = op("cross_entropy_backward", _cross_entropy_backward, joint=through(_backward_composed))
nll_loss = op(
    "nll_loss",
    lambda xp, x, target, *, ignore_index, reduction: (
        check_targets(target, x.shape[1], ignore_index)
        or _nll(xp, x, target, ignore_index=ignore_index, reduction=reduction)
    ),
    lambda g, x_shape, target, **hp: nll_loss_backward(g, target, shape=x_shape, **hp),
    promote=_floats("nll_loss"),
)
nll_loss_backward = op(
    "nll_loss_backward",
    _nll_backward,
    lambda g, target, *, shape, **hp: nll_loss(g, target, **hp),
)


# --- of each element and its target ---


def _real(name: str) -> Rule:
    def rule(inputs: Any) -> Any:
        found = common(inputs)
        if found[0].dtype.kind != "f":
            raise RuntimeError(
                f"{name}(): expected floating-point numbers, got {dtypes.of(found[0].dtype)!r}; convert them with .float()"
            )
        return found

    return rule


def _pair_loss(name: str, forward: Callable[..., Any], slope: Callable[..., Any], of_target: Callable[..., Any]) -> Op:
    """An op of x and target whose gradient of x, an op too, is g times `slope(m, x, target)`, written with the functions of m."""
    backward = backward_of(name, slope)
    return op(
        name, forward, lambda g, x, target, **params: backward(g, x, target, **params), of_target, promote=_real(name)
    )


def _smooth_l1(xp: Any, x: Any, target: Any, *, beta: float) -> Any:
    size = xp.abs(x - target)
    return xp.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)


def _smooth_l1_slope(m: Any, x: Any, target: Any, *, beta: float) -> Any:
    d = x - target
    return m.where(d <= -beta, -1.0, m.where(d >= beta, 1.0, d / beta))


def _bce_slope(m: Any, x: Any, target: Any) -> Any:
    scale = (1 - x) * x
    return (x - target) / m.where(scale < 1e-12, 1e-12, scale)


mse_loss = _pair_loss(
    "mse_loss",
    lambda xp, x, target: xp.square(x - target),
    lambda m, x, target: 2 * (x - target),
    lambda g, x, target: g * (2 * (target - x)),
)
smooth_l1_loss = _pair_loss(
    "smooth_l1_loss",
    _smooth_l1,
    _smooth_l1_slope,
    lambda g, x, target, *, beta: neg(g * _smooth_l1_slope(TENSORS, x, target, beta=beta)),
)
binary_cross_entropy = _pair_loss(
    "binary_cross_entropy",
    lambda xp, x, target: (target - 1) * xp.maximum(xp.log1p(-x), -100) - target * xp.maximum(xp.log(x), -100),
    _bce_slope,
    lambda g, x: g * (log(1 - x) - log(x)),
)
binary_cross_entropy_with_logits = _pair_loss(
    "binary_cross_entropy_with_logits",
    lambda xp, x, target: (1 - target) * x + xp.logaddexp(-x, 0),
    lambda m, x, target: m.sigmoid(x) - target,
    lambda g, x: neg(g * x),
)
