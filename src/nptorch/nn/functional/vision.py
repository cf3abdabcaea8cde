"""Images and volumes read at given places: grid_sample() and the grids of affine maps."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.resampling import cubic_weights
from nptorch.ops.compare import clamp
from nptorch.ops.extremes import take_along
from nptorch.ops.linalg import matmul
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.shape import reshape, transpose_op, unsqueeze_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor, from_array

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")

Taps = list[tuple[Any, Tensor | None]]  # places along a dimension, and the weight of each (None: 1)


def _pixels(places: Tensor, n: int, align_corners: bool) -> Tensor:
    """Places of [-1, 1] as places among n pixels: -1 and 1 are the outer pixels' centres, or their outer edges."""
    return (places + 1) * ((n - 1) / 2) if align_corners else ((places + 1) * n - 1) / 2


def _reflected(at: Tensor, n: int, align_corners: bool) -> Tensor:
    """Places thrown back at the outer pixels' centres (edges) as often as it takes."""
    low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
    if span == 0:
        return zeros_of(at)
    away = (at - low).abs()
    flips = np.floor(away._array / span)
    rest = away - from_array(flips * span)
    return where(from_array(flips % 2 == 0), rest + low, span - rest + low)


def _inside(at: Tensor, n: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Places brought onto the image, unless zeros lie around it."""
    if padding_mode == "zeros":
        return at
    return clamp(_reflected(at, n, align_corners) if padding_mode == "reflection" else at, 0, n - 1)


def _taps(places: Tensor, n: int, mode: str, padding_mode: str, align_corners: bool) -> Taps:
    """The pixels that a place along a dimension is read from."""
    at = _pixels(places, n, align_corners)
    if mode == "bicubic":
        low = from_array(np.floor(at._array))
        found = [(low + shift, weight) for shift, weight in cubic_weights(at - low)]
        return [(_inside(t, n, padding_mode, align_corners)._array, weight) for t, weight in found]
    at = _inside(at, n, padding_mode, align_corners)
    if mode == "nearest":
        return [(np.rint(at._array), None)]
    low = from_array(np.floor(at._array))
    return [(low._array, 1 - (at - low)), (low._array + 1, at - low)]


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images (N, C, H, W) read at the places (x, y) of a grid (N, oH, oW, 2), each of [-1, 1] -> (N, C, oH, oW);
    volumes (N, C, D, H, W) at (x, y, z). Modes bilinear, nearest, bicubic; padding_mode zeros, border, reflection
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html).

    Raises: ValueError for an unknown mode, RuntimeError for sizes that do not fit.
    """
    check_tensors("grid_sample", input=input, grid=grid)
    if mode not in _MODES:
        raise ValueError(f"grid_sample(): expected mode to be one of {_MODES}, but got: {mode!r}")
    if padding_mode not in _PADDINGS:
        raise ValueError(f"grid_sample(): expected padding_mode to be one of {_PADDINGS}, but got: {padding_mode!r}")
    shape, wanted = input._array.shape, grid._array.shape
    n = len(shape) - 2
    if n not in (2, 3) or len(wanted) != n + 2 or wanted[-1] != n or wanted[0] != shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected an input (N, C, H, W) with a grid (N, oH, oW, 2), or (N, C, D, H, W) with "
            f"(N, oD, oH, oW, 3), but got input with sizes {list(shape)} and grid with sizes {list(wanted)}"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if 0 in shape[1:]:
        raise RuntimeError(
            f"grid_sampler(): expected input to have non-empty spatial dimensions, but got {list(shape)}"
        )
    lengths, out = shape[2:], wanted[1:-1]
    # The grid names the last dimension first.
    axes = [
        _taps(grid[..., n - 1 - i], length, mode, padding_mode, bool(align_corners)) for i, length in enumerate(lengths)
    ]
    flat = reshape(input, *shape[:2], math.prod(lengths))
    total = None
    for taps in itertools.product(*axes):
        place, seen = np.zeros((shape[0], *out), int), np.ones((shape[0], *out), bool)
        for (at, _), length in zip(taps, lengths, strict=True):
            seen &= (at >= 0) & (at < length)
            place = place * length + np.clip(np.nan_to_num(at), 0, length - 1).astype(int)
        index = np.broadcast_to(place.reshape(shape[0], 1, math.prod(out)), (*shape[:2], math.prod(out)))
        value = reshape(take_along(flat, from_array(index), axis=2), *shape[:2], *out)
        weight = from_array(seen.astype(input._array.dtype))
        for _, w in taps:
            weight = weight if w is None else weight * w
        part = value * unsqueeze_op(weight, dim=1)
        total = part if total is None else total + part
    assert total is not None
    return total


@function("grid_sampler", "grid_sampler_2d", "grid_sampler_3d", method=False)
def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """grid_sample() with the modes as numbers."""
    return grid_sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid by which grid_sample() applies affine maps theta (N, 2, 3) to images of `size` (N, C, H, W) ->
    (N, H, W, 2); (N, 3, 4) for volumes (N, C, D, H, W) -> (N, D, H, W, 3).

    Raises: ValueError for sizes that do not fit, NotImplementedError for other numbers of dimensions.
    """
    check_tensors("affine_grid", theta=theta)
    if theta._array.dtype.kind != "f":
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype!r}")
    lengths = tuple(int(length) for length in size)
    if len(lengths) not in (4, 5):
        raise NotImplementedError(
            f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms. Got size {lengths}"
        )
    n = len(lengths) - 2
    if theta._array.shape[1:] != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {lengths}. "
            f"Got {list(theta._array.shape)}."
        )
    if min(lengths) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {lengths}")
    places = [np.linspace(-1, 1, k) if k > 1 else np.zeros(1) for k in lengths[2:]]
    if not align_corners:
        places = [p * (k - 1) / k for p, k in zip(places, lengths[2:], strict=True)]
    *first, last = np.meshgrid(*places, indexing="ij")
    points = np.stack([last, *reversed(first), np.ones(lengths[2:])], -1).astype(theta._array.dtype)
    rows = from_array(points.reshape(1, -1, n + 1))
    return reshape(matmul(rows, transpose_op(theta, a=1, b=2)), lengths[0], *lengths[2:], n)


__all__ = ["affine_grid", "grid_sample"]
