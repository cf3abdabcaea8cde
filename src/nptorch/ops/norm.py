"""Normalisation: batch norm (Ioffe, Szegedy, arXiv:1502.03167), group norm (Wu, He, arXiv:1803.08494) and layer norm
(Ba et al., arXiv:1607.06450).

All centre and scale x over some axes, then apply a weight and a bias; the axes and the weight's place differ.
"""

from __future__ import annotations

import math
from typing import Any

from nptorch.ops.activation import Rectified, threshold_backward
from nptorch.ops.derive import through
from nptorch.ops.later import Later, now
from nptorch.ops.pointwise import conj, rsqrt, zeros_of
from nptorch.ops.promotion import common, float_only
from nptorch.ops.reduce import mean_op, sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor


def _channels(v: Any, ndim: int) -> Any:
    """A vector with an element a channel, in the shape that broadcasts over (N, C, ...)."""
    return None if v is None else v.reshape((1, -1) + (1,) * (ndim - 2))


def _all_but_channels(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


def _normalize(xp: Any, x: Any, w: Any, b: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """(out, mean, rstd), the last two with the reduced axes kept; w and b already broadcast."""
    mean = x.mean(axes, keepdims=True)
    centred = x - mean
    rstd = 1 / xp.sqrt((centred * centred).mean(axes, keepdims=True) + x.dtype.type(eps))
    out = centred
    out *= rstd if w is None else rstd * w
    if b is not None:
        out += b
    return out, mean, rstd.astype(x.dtype, copy=False)


def _normalize_backward(
    xp: Any, g: Any, x: Any, w: Any, mean: Any, rstd: Any, axes: tuple[int, ...], over: tuple[int, ...]
) -> Any:
    """(gx, gw, gb); `over` are the axes that weight and bias are shared along."""
    n = math.prod(x.shape[a] for a in axes)
    unit = (x - mean) * rstd
    gw, gb = (g * unit).sum(over), g.sum(over)
    scaled = g if w is None else g * w
    gx = (scaled - (scaled.sum(axes, keepdims=True) + unit * (scaled * unit).sum(axes, keepdims=True)) / n) * rstd
    return gx.astype(x.dtype, copy=False), gw, gb


# --- batch norm: over N and the pixels, a weight for each channel ---


def _batch_norm(xp: Any, x: Any, w: Any, b: Any, *, eps: float) -> Any:
    out, mean, rstd = _normalize(xp, x, _channels(w, x.ndim), _channels(b, x.ndim), _all_but_channels(x.ndim), eps)
    return out, mean.reshape(-1), rstd.reshape(-1)


def _batch_norm_backward(xp: Any, g: Any, x: Any, w: Any, mean: Any, rstd: Any, rectified: Any) -> Any:
    if rectified is not None:
        g = xp.where(rectified <= 0, g.dtype.type(0), g)
    axes = _all_but_channels(x.ndim)
    w, mean, rstd = (_channels(v, x.ndim) for v in (w, mean, rstd))
    return _normalize_backward(xp, g, x, w, mean, rstd, axes, axes)


def _composed_backward(
    g: Tensor, x: Tensor, w: Tensor | None, axes: tuple[int, ...], over: tuple[int, ...], known: Tensor
) -> tuple[Tensor, ...]:
    """The same in Tensor operations, with mean and rstd as functions of x; `known` is the rstd that was computed."""
    n = math.prod(x._array.shape[a] for a in axes)
    centred = x - mean_op(x, axis=axes, keepdims=True)
    variance = mean_op(centred * centred, axis=axes, keepdims=True)
    eps = 1 / known.detach() ** 2 - variance.detach()
    rstd = rsqrt(variance + eps)
    unit = centred * rstd
    scaled = g if w is None else g * w
    mixed = sum_op(scaled, axis=axes, keepdims=True) + unit * sum_op(scaled * unit, axis=axes, keepdims=True)
    return (
        (scaled - mixed / n) * rstd,
        sum_op(g * unit, axis=over, keepdims=False),
        sum_op(g, axis=over, keepdims=False),
    )


def _batch_norm_composed(
    g: Tensor, x: Tensor, w: Tensor | None, mean: Tensor, rstd: Tensor, rectified: Tensor | None
) -> tuple[Tensor, ...]:
    if rectified is not None:
        g = threshold_backward(g, rectified)
    axes = _all_but_channels(x._array.ndim)
    if w is not None:
        w = reshape(w, (1, -1) + (1,) * (x._array.ndim - 2))
    return _composed_backward(g, x, w, axes, axes, reshape(rstd, (1, -1) + (1,) * (x._array.ndim - 2)))


def _batch_norm_gradients(later: Tensor | Later, *kept: Tensor) -> Any:
    """A ReLU behind batch norm does not need a pass of its own."""
    if isinstance(later, Rectified):
        return batch_norm_backward(later.g, *kept, later.out)
    return batch_norm_backward(now(later), *kept, None)


batch_norm = op(
    "batch_norm",
    _batch_norm,
    joint=lambda later, x, w, mean, rstd: _batch_norm_gradients(later, x, w, mean, rstd),
    aux=("mean", "rstd"),
    promote=float_only("batch_norm"),
    label="NativeBatchNormBackward0",
)
# rectified: the output of a ReLU that g is the gradient of, or None.
batch_norm_backward = op(
    "batch_norm_backward",
    _batch_norm_backward,
    joint=through(_batch_norm_composed),
    outputs=("gx", "gw", "gb"),
)

# --- a weight and a bias for each channel, where the statistics are other ones or known ---

channel_scale = op(
    "channel_scale",
    lambda xp, x, scale, shift: x * _channels(scale, x.ndim) + _channels(shift, x.ndim),
    lambda g, scale: channel_scale(g, conj(scale), zeros_of(scale)),
    lambda g, x: sum_op(g * conj(x), axis=_all_but_channels(x._array.ndim), keepdims=False),
    lambda g: sum_op(g, axis=_all_but_channels(g._array.ndim), keepdims=False),
    promote=common,
)

# --- group norm: over groups of channels of each image, a weight for each channel; a group of one is instance norm ---


def _groups(v: Any, groups: int) -> Any:
    """A vector with an element a channel, in the shape that broadcasts over _grouped(x)."""
    return None if v is None else v.reshape(groups, -1, 1)


def _grouped(shape: tuple[int, ...], groups: int) -> tuple[int, int, int, int]:
    """(N, C, ...) as (N, groups, C / groups, pixels)."""
    return shape[0], groups, shape[1] // groups, math.prod(shape[2:])


def _group_norm(xp: Any, x: Any, w: Any, b: Any, *, groups: int, eps: float) -> Any:
    grouped = x.reshape(_grouped(x.shape, groups))
    out, mean, rstd = _normalize(xp, grouped, _groups(w, groups), _groups(b, groups), (2, 3), eps)
    return out.reshape(x.shape), mean[..., 0, 0], rstd[..., 0, 0]


def _group_norm_backward(xp: Any, g: Any, x: Any, w: Any, mean: Any, rstd: Any, *, groups: int) -> Any:
    g, grouped = (v.reshape(_grouped(x.shape, groups)) for v in (g, x))
    mean, rstd = mean[..., None, None], rstd[..., None, None]
    gx, gw, gb = _normalize_backward(xp, g, grouped, _groups(w, groups), mean, rstd, (2, 3), (0, 3))
    return gx.reshape(x.shape), gw.reshape(-1), gb.reshape(-1)


def _group_norm_composed(
    g: Tensor, x: Tensor, w: Tensor | None, mean: Tensor, rstd: Tensor, *, groups: int
) -> tuple[Tensor, ...]:
    shape = _grouped(x._array.shape, groups)
    weight = None if w is None else reshape(w, (groups, -1, 1))
    known = reshape(rstd, (*rstd._array.shape, 1, 1))
    gx, gw, gb = _composed_backward(reshape(g, shape), reshape(x, shape), weight, (2, 3), (0, 3), known)
    return reshape(gx, x._array.shape), reshape(gw, -1), reshape(gb, -1)


group_norm = op(
    "group_norm",
    _group_norm,
    joint=lambda g, x, w, mean, rstd, *, groups: group_norm_backward(g, x, w, mean, rstd, groups=groups),
    aux=("mean", "rstd"),
    promote=float_only("group_norm"),
    label="NativeGroupNormBackward0",
)
group_norm_backward = op(
    "group_norm_backward",
    _group_norm_backward,
    joint=through(_group_norm_composed),
    outputs=("gx", "gw", "gb"),
)

# --- layer norm: over the last axes, a weight for each of their elements ---


def _last(x: Any, ndim: int) -> tuple[int, ...]:
    return tuple(range(x.ndim - ndim, x.ndim))


def _layer_norm_composed(
    g: Tensor, x: Tensor, w: Tensor | None, mean: Tensor, rstd: Tensor, *, ndim: int
) -> tuple[Tensor, ...]:
    return _composed_backward(g, x, w, _last(x._array, ndim), tuple(range(x._array.ndim - ndim)), rstd)


layer_norm = op(
    "layer_norm",
    lambda xp, x, w, b, *, ndim, eps: _normalize(xp, x, w, b, _last(x, ndim), eps),
    joint=lambda g, x, w, mean, rstd, *, ndim: layer_norm_backward(g, x, w, mean, rstd, ndim=ndim),
    aux=("mean", "rstd"),
    promote=float_only("layer_norm"),
    label="NativeLayerNormBackward0",
)
layer_norm_backward = op(
    "layer_norm_backward",
    lambda xp, g, x, w, mean, rstd, *, ndim: _normalize_backward(
        xp, g, x, w, mean, rstd, _last(x, ndim), tuple(range(x.ndim - ndim))
    ),
    joint=through(_layer_norm_composed),
    outputs=("gx", "gw", "gb"),
)
