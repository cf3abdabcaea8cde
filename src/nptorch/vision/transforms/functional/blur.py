"""Gaussian blur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.tensor import from_array
from nptorch.vision.transforms.functional.conversion import pil_to_tensor, to_pil_image
from nptorch.vision.transforms.functional.image import Array, array_of, as_float, is_tensor_image, pair, rounded


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None) -> Any:
    """The image smoothed by a Gaussian, kernel_size (x, y) pixels wide, of standard deviation sigma (x, y).

    sigma: 0.15 * kernel_size + 0.35 if not given. The border is reflected.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.gaussian_blur.html

    Raises: ValueError for a size that is not odd and positive, or a sigma that is not positive.
    """
    sizes = pair(kernel_size, "kernel_size")
    if any(size % 2 == 0 or size < 1 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers, got {kernel_size!r}")
    sigmas = pair([0.15 * size + 0.35 for size in sizes] if sigma is None else sigma, "sigma")
    if any(s <= 0 for s in sigmas):
        raise ValueError(f"sigma should have positive values, got {sigma!r}")
    if not is_tensor_image(img):
        return to_pil_image(gaussian_blur(pil_to_tensor(img), sizes, sigmas), img.mode)
    array = array_of(img, "gaussian_blur")
    values = as_float(array)
    for axis, size, s in ((-1, sizes[0], sigmas[0]), (-2, sizes[1], sigmas[1])):
        values = _convolve(values, axis, _gaussian(size, s).astype(values.dtype))
    return from_array(rounded(values, array.dtype))


def _gaussian(size: int, sigma: float) -> Array:
    density = np.exp(-0.5 * ((np.arange(size) - (size - 1) * 0.5) / sigma) ** 2)
    return density / density.sum()


def _convolve(values: Array, axis: int, kernel: Array) -> Array:
    reach = len(kernel) // 2
    if reach >= values.shape[axis]:
        raise ValueError(
            f"kernel_size ({len(kernel)}) is too large for an image of {values.shape[axis]} pixels to be reflected"
        )
    widths = [(0, 0)] * values.ndim
    widths[axis] = (reach, reach)
    padded = np.pad(values, widths, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis) @ kernel
