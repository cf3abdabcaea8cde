"""Images at another size: interpolation and the exchange of channels with pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.pooling import adaptive_average, along
from nptorch.ops.gather import index_select
from nptorch.ops.pool import avg_pool2d_backward
from nptorch.ops.shape import expand_op, permute_op, reshape, unsqueeze_op
from nptorch.ops.signatures import function, shown_as
from nptorch.tensor import Tensor, from_array


@function(method=False)
@shown_as("PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels to pixels: (..., C r r, H, W) -> (..., C, H r, W r) (Shi et al., arXiv:1609.05158)."""
    *lead, c, h, w = input._array.shape
    r = upscale_factor
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but {c} is not divisible by {r * r}"
        )
    x = reshape(input, math.prod(lead), c // (r * r), r, r, h, w)
    return reshape(permute_op(x, dims=(0, 1, 4, 2, 5, 3)), *lead, c // (r * r), h * r, w * r)


@function(method=False)
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels to channels: the reverse of pixel_shuffle()."""
    *lead, c, h, w = input._array.shape
    r = downscale_factor
    if h % r or w % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor {r}, got {h} and {w}"
        )
    x = reshape(input, math.prod(lead), c, h // r, r, w // r, r)
    return reshape(permute_op(x, dims=(0, 1, 3, 5, 2, 4)), *lead, c * r * r, h // r, w // r)


@function(method=False)
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of (N, C, ...) taken in turn from each of `groups` groups (Zhang et al., arXiv:1707.01083)."""
    n, c, *rest = input._array.shape
    if c % groups:
        raise RuntimeError(f"channel_shuffle(): the number of channels ({c}) must be divisible by groups ({groups})")
    x = reshape(input, n, groups, c // groups, *rest)
    return reshape(permute_op(x, dims=(0, 2, 1, *range(3, len(rest) + 3))), n, c, *rest)


native_channel_shuffle = channel_shuffle


# What each mode does along a dimension, and how many dimensions its input has (None: any).
_MODES: dict[str, tuple[str, int | None]] = {
    "nearest": ("nearest", None),
    "nearest-exact": ("nearest-exact", None),
    "linear": ("linear", 3),
    "bilinear": ("linear", 4),
    "trilinear": ("linear", 5),
    "bicubic": ("cubic", 4),
    "area": ("area", None),
}


def _ratio(n: int, m: int, align_corners: bool, scale: float | None) -> float:
    """Old pixels for each new one."""
    if align_corners:
        return (n - 1) / (m - 1) if m > 1 else 0.0
    return 1 / scale if scale else n / m


def cubic_weights(t: Any) -> list[tuple[int, Any]]:
    """Keys' cubic convolution with a = -0.75: the weights of the pixels around a place t in [0, 1) behind pixel 0."""
    a = -0.75
    near = lambda u: ((a + 2) * u - (a + 3)) * u * u + 1
    far = lambda u: ((a * u - 5 * a) * u + 8 * a) * u - 4 * a
    return [(-1, far(t + 1)), (0, near(t)), (1, near(1 - t)), (2, far(2 - t))]


def _filter(n: int, m: int, kind: str, align_corners: bool, scale: float | None) -> Any:
    """What each of n old points adds to each of m new ones, (n, m): a filter as wide as the wider of the two pixels.

    The triangle, or Keys' cubic convolution with a = -0.5, as in Pillow.
    """
    ratio = _ratio(n, m, align_corners, scale)
    centres = (np.arange(m) + 0.5) * ratio - 0.5
    x = abs(np.arange(n)[:, None] - centres) / max(ratio, 1.0)
    if kind == "linear":
        weights = np.maximum(1 - x, 0)
    else:
        weights = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))
    return weights / weights.sum(0)


def _weights(n: int, m: int, kind: str, align_corners: bool, scale: float | None) -> Any:
    """The weights of m new points on n old ones, as a matrix (n, m)."""
    k, ratio = np.arange(m), _ratio(n, m, align_corners, scale)
    at = k * ratio if align_corners else (k + 0.5) * ratio - 0.5
    out = np.zeros((n, m))
    if kind == "linear":
        at = np.maximum(at, 0)
    low = np.floor(at).astype(int)
    t = at - low
    if kind == "linear":
        taps = [(0, 1 - t), (1, t)]
    else:
        taps = cubic_weights(t)
    for shift, weight in taps:
        np.add.at(out, (np.clip(low + shift, 0, n - 1), k), weight)
    return out


def _nearest(n: int, m: int, kind: str, scale: float | None) -> Any:
    """The old pixel that each of m new ones copies."""
    # Single precision, as PyTorch computes it: the rounding decides between two pixels.
    ratio = np.float32(_ratio(n, m, False, scale))
    at = (np.arange(m, dtype=np.float32) + np.float32(0.5 if kind == "nearest-exact" else 0)) * ratio
    return np.minimum(np.floor(at).astype(np.int64), n - 1)


def _times(n: int, pixels: Any) -> int:
    """How many times each of n old pixels is copied; 0 if that differs."""
    times = len(pixels) // n if n else 0
    return times if times and np.array_equal(pixels, np.arange(len(pixels)) // times) else 0


def _copied(input: Tensor, dim: int, pixels: Any) -> Tensor:
    """The `pixels` of a dimension."""
    shape, m = input._array.shape, len(pixels)
    times = _times(shape[dim], pixels)
    if not times:
        return index_select(input, dim, from_array(pixels))
    # Each the same number of times: the gradient is a sum, several times faster than adding to picked places.
    repeated = (*shape[: dim + 1], times, *shape[dim + 1 :])
    return reshape(expand_op(unsqueeze_op(input, dim=dim + 1), shape=repeated), *shape[:dim], m, *shape[dim + 1 :])


def _all_copied(input: Tensor, pixels: list[Any]) -> Tensor:
    """The `pixels` of each dimension after the first two."""
    n, c, *lengths = input._array.shape
    times = tuple(_times(length, picked) for length, picked in zip(lengths, pixels, strict=True))
    if len(times) == 2 and all(times) and input._array.dtype.kind == "f":
        # Each pixel fills a window, as the gradient of a sum over windows does.
        shape = (n, c, len(pixels[0]), len(pixels[1]))
        windows = {"kernel": times, "stride": times, "padding": (0, 0), "ceil_mode": False}
        return avg_pool2d_backward(input, shape=shape, **windows, count_include_pad=True, divisor=1)
    for i, picked in enumerate(pixels):
        input = _copied(input, 2 + i, picked)
    return input


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """(N, C, ...) resampled to `size` or by `scale_factor`; modes nearest, nearest-exact, linear, bilinear, trilinear,
    bicubic, area; with antialias, bilinear and bicubic average over all old pixels
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html).

    Raises: ValueError or NotImplementedError for a mode or a size that does not suit the input.
    """
    check_tensors("interpolate", input=input)
    lengths = input._array.shape[2:]
    if mode not in _MODES:
        raise NotImplementedError(f"interpolate(mode={mode!r}): expected one of {', '.join(_MODES)}")
    kind, ndim = _MODES[mode]
    if not lengths or (ndim is not None and input._array.ndim != ndim):
        wanted = f"{ndim}D" if ndim else "3D, 4D or 5D"
        raise NotImplementedError(f"Got {input._array.ndim}D input, but {mode} mode needs {wanted} input")
    if align_corners is not None and kind not in ("linear", "cubic"):
        raise ValueError(f"align_corners belongs to linear, bilinear, bicubic and trilinear; mode is {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input, got mode "
            f"{mode!r}"
        )
    sizes, scales = _target(lengths, size, scale_factor)
    if recompute_scale_factor:
        scales = [None] * len(lengths)
    if kind == "area":
        return adaptive_average(input, sizes)
    dimensions = list(zip(lengths, sizes, scales, strict=True))
    if kind.startswith("nearest"):
        return _all_copied(input, [_nearest(n, m, kind, scale) for n, m, scale in dimensions])
    weigh = _filter if antialias else _weights
    for i, (n, m, scale) in enumerate(dimensions):
        input = along(input, 2 + i, weigh(n, m, kind, bool(align_corners), scale))
    return input


def _target(lengths: Any, size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The new lengths, and the factors if those were given."""
    if (size is None) == (scale_factor is None):
        raise ValueError("either size or scale_factor should be defined, and not both")
    given = scale_factor if size is None else size
    numbers = list(given) if isinstance(given, (tuple, list)) else [given] * len(lengths)
    if len(numbers) != len(lengths):
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but the input has "
            f"{list(lengths)} and {'scale_factor' if size is None else 'size'} is {tuple(numbers)}"
        )
    if size is not None:
        return [int(s) for s in numbers], [None] * len(lengths)
    factors = [float(f) for f in numbers]
    return [math.floor(n * f) for n, f in zip(lengths, factors, strict=True)], list(factors)


upsample = interpolate


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate() with mode nearest."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate() with mode bilinear and align_corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


__all__ = [
    "channel_shuffle", "interpolate", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "upsample", "upsample_bilinear",
    "upsample_nearest",
]  # fmt: skip
