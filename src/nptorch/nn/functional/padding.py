"""Padding and resampling of the last dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.ops.registry import op
from nptorch.ops.shape import cat, flip, narrow, permute_op, reshape, slice_op
from nptorch.tensor import Tensor, from_array

pad_op = op(
    "constant_pad",
    lambda xp, x, *, widths, value: xp.pad(x, widths, constant_values=value),
    lambda g, x_shape, *, widths: slice_op(g, index=tuple(slice(a, a + n) for (a, _), n in zip(widths, x_shape, strict=True))),
    label="ConstantPadNdBackward0",
)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Padding as (left, right) of the last dimension, then of the one before, and so on; negative widths crop
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html).

    Raises: RuntimeError for an odd number of widths or a width that the mode cannot fill.
    """
    sides = [int(p) for p in pad]
    n = input._array.ndim
    if len(sides) % 2 or len(sides) // 2 > n:
        raise RuntimeError(f"Padding length must be divisible by 2 and at most twice the number of dimensions ({n}), got {sides}")
    if mode == "constant":
        widths = [(0, 0)] * n
        for i in range(len(sides) // 2):
            widths[n - 1 - i] = (sides[2 * i], sides[2 * i + 1])
        for d, (a, b) in enumerate(widths):
            if a < 0 or b < 0:
                length = input._array.shape[d] + min(a, 0) + min(b, 0)
                if length < 0:
                    raise RuntimeError(f"The input size {input._array.shape[d]}, plus negative padding {a} and {b}, resulted in a negative output size")
                input = narrow(input, d, max(-a, 0), length)
                widths[d] = (max(a, 0), max(b, 0))
        return pad_op(input, widths=tuple(widths), value=0 if value is None else value) if any(map(any, widths)) else input
    if mode not in _EDGES:
        raise NotImplementedError(f"Unrecognised padding mode {mode!r}; expected constant, reflect, replicate or circular")
    for i in range(len(sides) // 2):
        d, (left, right) = n - 1 - i, (sides[2 * i], sides[2 * i + 1])
        limit = input._array.shape[d] - (mode == "reflect")
        if mode != "replicate" and max(left, right) > limit:
            raise RuntimeError(f"Padding size should be less than the corresponding input dimension: {mode} padding ({left}, {right}) at dimension {d} of input {list(input._array.shape)}")
        before, after = _EDGES[mode](input, d, left, right)
        input = cat([*before, input, *after], d)
    return input


def _reflect(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [flip(narrow(x, d, 1, left), d)] * (left > 0), [flip(narrow(x, d, n - 1 - right, right), d)] * (right > 0)


def _replicate(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [narrow(x, d, 0, 1)] * left, [narrow(x, d, n - 1, 1)] * right


def _circular(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [narrow(x, d, n - left, left)] * (left > 0), [narrow(x, d, 0, right)] * (right > 0)


_EDGES = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels to pixels: (..., C r r, H, W) -> (..., C, H r, W r) (Shi et al., arXiv:1609.05158)."""
    *lead, c, h, w = input._array.shape
    r = upscale_factor
    if c % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but {c} is not divisible by {r * r}")
    x = reshape(input, -1, c // (r * r), r, r, h, w)
    return reshape(permute_op(x, dims=(0, 1, 4, 2, 5, 3)), *lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels to channels: the reverse of pixel_shuffle()."""
    *lead, c, h, w = input._array.shape
    r = downscale_factor
    if h % r or w % r:
        raise RuntimeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor {r}, got {h} and {w}")
    x = reshape(input, -1, c, h // r, r, w // r, r)
    return reshape(permute_op(x, dims=(0, 1, 3, 5, 2, 4)), *lead, c * r * r, h // r, w // r)


def _resampling(n: int, m: int, mode: str, align_corners: bool, scale: float | None, dtype: Any) -> Any:
    """The weights of m new points on n old ones, as a matrix (n, m)."""
    ratio = (n - 1) / (m - 1) if align_corners and m > 1 else 0.0 if align_corners else (1 / scale if scale else n / m)
    k = np.arange(m)
    out = np.zeros((n, m), dtype)
    if mode == "nearest":
        out[np.minimum(np.floor(k * ratio).astype(int), n - 1), k] = 1
        return out
    at = k * ratio if align_corners else (k + 0.5) * ratio - 0.5
    if mode == "cubic":
        low = np.floor(at).astype(int)
        t = at - low
        a = -0.75
        near = lambda u: ((a + 2) * u - (a + 3)) * u * u + 1
        far = lambda u: ((a * u - 5 * a) * u + 8 * a) * u - 4 * a
        for shift, weight in ((-1, far(t + 1)), (0, near(t)), (1, near(1 - t)), (2, far(2 - t))):
            np.add.at(out, (np.clip(low + shift, 0, n - 1), k), weight)
        return out
    at = np.maximum(at, 0)
    low = np.minimum(np.floor(at).astype(int), n - 1)
    t = at - low
    np.add.at(out, (low, k), 1 - t)
    np.add.at(out, (np.minimum(low + 1, n - 1), k), t)
    return out


_KINDS = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resampled to `size` or by `scale_factor`; modes nearest, linear, bilinear, trilinear, bicubic, area
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html)."""
    lengths = input._array.shape[2:]
    if (size is None) == (scale_factor is None):
        raise ValueError("either size or scale_factor should be defined, and not both")
    if antialias:
        raise NotImplementedError("interpolate(antialias=True) is not supported; resize images with vision.transforms.Resize")
    scales: list[float | None] = [None] * len(lengths)
    if size is not None:
        sizes = [int(size)] * len(lengths) if isinstance(size, int) else [int(s) for s in size]
    else:
        factors = [float(scale_factor)] * len(lengths) if isinstance(scale_factor, (int, float)) else [float(s) for s in scale_factor]
        sizes = [math.floor(n * f) for n, f in zip(lengths, factors, strict=True)]
        scales = [None] * len(lengths) if recompute_scale_factor else list(factors)
    if mode == "area":
        from nptorch.nn.functional.pooling import adaptive_average

        return adaptive_average(input, sizes)
    if mode not in _KINDS:
        raise NotImplementedError(f"interpolate(mode={mode!r}): expected one of {', '.join([*_KINDS, 'area'])}")
    for i, (m, scale) in enumerate(zip(sizes, scales, strict=True)):
        weights = _resampling(lengths[i], m, _KINDS[mode], bool(align_corners), scale, input._array.dtype)
        input = along(input, 2 + i, weights)
    return input


def along(x: Tensor, d: int, weights: Any) -> Tensor:
    """Multiply one dimension by a matrix of constants: length n becomes m with weights (n, m)."""
    moved = x.transpose(d, -1) @ from_array(np.ascontiguousarray(weights, x._array.dtype))
    return moved.transpose(d, -1)


upsample = interpolate

__all__ = ["interpolate", "pad", "pixel_shuffle", "pixel_unshuffle", "upsample"]
