# ruff: noqa: F403
"""torchvision.transforms.v2.functional's names: those of the first version, and some more."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.random import randn_like
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional import *
from nptorch.vision.transforms.functional import convert_image_dtype, get_dimensions, hflip, rgb_to_grayscale, vflip
from nptorch.vision.transforms.functional import get_image_num_channels as get_num_channels
from nptorch.vision.transforms.functional.conversion import _channels_first
from nptorch.vision.transforms.functional.image import is_pil_image, is_tensor_image
from nptorch.vision.transforms.v2.sample import is_pure_tensor as is_pure_tensor
from nptorch.vision.tv_tensors import Image, wrap

horizontal_flip, vertical_flip, to_grayscale = hflip, vflip, rgb_to_grayscale


def to_image(inpt: Any) -> Image:
    """A PIL image, an ndarray (H, W) or (H, W, C), or a tensor as tv_tensors.Image; values unchanged.

    Raises: TypeError for anything else.
    """
    if isinstance(inpt, np.ndarray):
        return Image(from_array(_channels_first(np.atleast_3d(inpt))))
    if not (isinstance(inpt, Tensor) or is_pil_image(inpt)):
        raise TypeError(
            f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
        )
    return Image(inpt)


def to_dtype(inpt: Tensor, dtype: dtypes.dtype = dtypes.float32, scale: bool = False) -> Tensor:
    """The tensor in another dtype; scale: from the one's range of values to the other's."""
    made = convert_image_dtype(inpt, dtype) if scale else inpt.to(dtype)
    return wrap(made, like=inpt)


def get_size(inpt: Any) -> list[int]:
    """[height, width] of an image."""
    return get_dimensions(inpt)[1:]


def grayscale_to_rgb(inpt: Any) -> Any:
    """An image of three channels."""
    if not is_tensor_image(inpt):
        return inpt.convert("RGB")
    return inpt if inpt.shape[-3] == 3 else rgb_to_grayscale(inpt, 3)


def permute_channels(inpt: Any, permutation: list[int]) -> Any:
    """The channels in another order.

    Raises: ValueError unless there is one number for each.
    """
    if len(permutation) != get_num_channels(inpt):
        raise ValueError(f"Length of permutation {len(permutation)} doesn't match {get_num_channels(inpt)} channels")
    if is_tensor_image(inpt):
        return inpt[..., permutation, :, :]
    from PIL import Image as pil

    return pil.merge(inpt.mode, [inpt.getchannel(i) for i in permutation])


def gaussian_noise(inpt: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """A float image of [0, 1], or a uint8 one, with normal noise; clip: within the range.

    Raises: ValueError for another dtype or a negative sigma.
    """
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    if not (inpt.is_floating_point() or inpt.dtype is dtypes.uint8):
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={inpt.dtype!r}")
    if inpt.is_floating_point():
        made = inpt + (randn_like(inpt) * sigma + mean)
        return made.clamp(0, 1) if clip else made
    noise = randn_like(inpt, dtype=dtypes.float32) * (sigma * 255) + mean * 255
    made = inpt + noise.to(dtypes.int16)
    return (made.clamp(0, 255) if clip else made).to(dtypes.uint8)
