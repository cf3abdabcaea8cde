"""Connectionist temporal classification (Graves et al., ICML 2006): the likelihood of a sequence of labels, wherever
in time they are.

The labels a b with blanks around them, _ a _ b _, are the 2 S + 1 states that time passes through.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.loss import reduce_loss
from nptorch.ops.pointwise import where
from nptorch.ops.promotion import float_only
from nptorch.ops.registry import op
from nptorch.ops.shape import squeeze_op, unsqueeze_op
from nptorch.tensor import Tensor, from_array


def _ways(xp: Any, log_probs: Any, targets: Any, blank: int) -> tuple[Any, Any, Any]:
    """(ways, said, labels): the log-likelihood of all ways into each state at each time, (T, N, 2 S + 1), that of what
    the state says there, and the label of each state, (N, 2 S + 1)."""
    n, s = targets.shape
    labels = xp.full((n, 2 * s + 1), blank)
    labels[:, 1::2] = targets
    said = log_probs[:, xp.arange(n)[:, None], labels]
    # A blank may be left out between two different labels.
    skips = labels[:, 2:] != labels[:, :-2]
    ways = xp.full_like(said, -np.inf)
    ways[:1, :, :2] = said[:1, :, :2]
    for t in range(1, len(ways)):
        before, now = ways[t - 1], ways[t - 1].copy()
        now[:, 1:] = xp.logaddexp(now[:, 1:], before[:, :-1])
        now[:, 2:] = xp.logaddexp(now[:, 2:], xp.where(skips, before[:, :-2], -np.inf))
        ways[t] = now + said[t]
    return ways, said, labels


def _turned(xp: Any, x: Any, lengths: Any) -> Any:
    """Sequences (time, N, ...) backwards, each from its own last element."""
    return x[xp.maximum(lengths - 1 - xp.arange(len(x))[:, None], 0), xp.arange(len(lengths))]


def _ctc(xp: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, *, blank: int) -> Any:
    ways, _, _ = _ways(xp, log_probs, targets, blank)
    rows, last = xp.arange(len(targets)), 2 * target_lengths
    ends = ways[xp.maximum(input_lengths - 1, 0), rows]
    in_label = xp.where(target_lengths > 0, ends[rows, xp.maximum(last - 1, 0)], -np.inf)
    loss = -xp.logaddexp(ends[rows, last], in_label)
    # In no time nothing can be said.
    return xp.where(input_lengths > 0, loss, xp.where(target_lengths > 0, np.inf, 0)).astype(log_probs.dtype)


def _ctc_backward(
    xp: Any, g: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, loss: Any, *, blank: int
) -> Any:
    ways, said, labels = _ways(xp, log_probs, targets, blank)
    # The ways out of a state are the ways into it of everything backwards.
    backwards = _turned(xp, log_probs, input_lengths), _turned(xp, targets.T, target_lengths).T
    onward = _turned(xp, _ways(xp, *backwards, blank)[0], input_lengths)
    onward = _turned(xp, onward.transpose(2, 1, 0), 2 * target_lengths + 1).transpose(2, 1, 0)
    share = xp.exp(ways + onward - said + loss[:, None])  # both count what the state says
    share[:, xp.arange(labels.shape[1]) > 2 * target_lengths[:, None]] = 0
    out = xp.exp(log_probs)  # as if the log-probabilities were any scores: PyTorch's gradient
    times, rows = xp.arange(len(out)), xp.arange(len(targets))
    xp.subtract.at(out, (times[:, None, None], rows[:, None], labels), share)
    out[:, xp.isinf(loss)] = np.nan
    out *= g[:, None]
    out[:, g == 0] = 0
    out[times[:, None] >= input_lengths] = 0
    return out


def _no_further(g: Any) -> Any:
    raise RuntimeError("ctc_loss(): the derivative of its gradient is not implemented")


ctc_loss_op = op(
    "ctc_loss",
    _ctc,
    lambda g, log_probs, targets, input_lengths, target_lengths, out, *, blank: ctc_loss_backward(
        g, log_probs, targets, input_lengths, target_lengths, out, blank=blank
    ),
    promote=lambda xs: [*float_only("ctc_loss")(xs[:1]), *xs[1:]],
)
ctc_loss_backward = op("ctc_loss_backward", _ctc_backward, joint=_no_further)


def _lengths(name: str, lengths: Any, n: int, most: int) -> Any:
    found = np.asarray(lengths._array if isinstance(lengths, Tensor) else lengths).reshape(-1).astype(np.int64)
    if found.size != n:
        raise RuntimeError(f"ctc_loss(): {name} must be of size batch_size ({n}), got {found.size} numbers")
    if found.size and (found.min() < 0 or found.max() > most):
        raise RuntimeError(
            f"ctc_loss(): Expected {name} to have values from 0 to {most}, but got {found.min()} to {found.max()}"
        )
    return found


def _padded(targets: Any, lengths: Any, blank: int) -> Any:
    """Labels (N, S), or all in one row, as (N, longest) with blanks behind each sequence's end."""
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    out = np.full(inside.shape, blank, np.int64)
    out[inside] = targets[:, : inside.shape[1]][inside] if targets.ndim == 2 else targets[: inside.sum()]
    return out


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the likelihood of labels (N, S), or all of them in one row, given log-probabilities (T, N, C); "mean"
    divides by the target lengths first. zero_infinity: a target too long for its input costs nothing, not infinity.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html
    Raises: RuntimeError for lengths, labels or a blank that do not fit.
    """
    check_tensors("ctc_loss", log_probs=log_probs, targets=targets)
    single = log_probs._array.ndim == 2
    if single:
        log_probs = unsqueeze_op(log_probs, dim=1)
    if log_probs._array.ndim != 3 or targets._array.dtype.kind not in "iu":
        raise RuntimeError(
            "ctc_loss(): expected log_probs (T, N, C) or (T, C) and targets of integers, got "
            f"{list(log_probs._array.shape)} and {targets.dtype!r}"
        )
    steps, n, classes = log_probs._array.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss(): blank must be in label range, from 0 to {classes - 1}, got {blank}")
    labels = targets._array
    inputs = _lengths("input_lengths", input_lengths, n, steps)
    spoken = _lengths("target_lengths", target_lengths, n, labels.shape[-1])
    if labels.ndim == 1 and spoken.sum() > labels.size:
        raise RuntimeError(f"ctc_loss(): target_lengths add up to {spoken.sum()}, but there are {labels.size} targets")
    padded = _padded(labels, spoken, blank)
    if padded.size and (padded.min() < 0 or padded.max() >= classes):
        raise RuntimeError(f"ctc_loss(): targets must be from 0 to {classes - 1}, got {padded.min()} to {padded.max()}")
    loss = ctc_loss_op(log_probs, *map(from_array, (padded, inputs, spoken)), blank=blank)
    if zero_infinity:
        loss = where(loss.isinf(), 0.0, loss)
    if reduction == "mean":
        loss = loss / from_array(np.maximum(spoken, 1))
    return reduce_loss(squeeze_op(loss, dims=(0,)) if single else loss, reduction)


__all__ = ["ctc_loss"]
