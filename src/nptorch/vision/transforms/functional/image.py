"""What counts as an image: a PIL image, or a Tensor (..., C, H, W); and what all functions ask of one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from numbers import Integral
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.grad_mode import is_grad_enabled
from nptorch.tensor import Tensor

Array = np.ndarray[Any, Any]


class InterpolationMode(Enum):
    """How pixels between pixels are found; BOX, HAMMING and LANCZOS are for PIL images only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PIL_CODES = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.NEAREST_EXACT: 0,
}


def interpolation_mode(value: Any) -> InterpolationMode:
    """The mode that an argument means: a mode, its name, or Pillow's integer for it.

    Raises: ValueError for a name that is none; TypeError for anything else.
    """
    if isinstance(value, InterpolationMode | str):
        return InterpolationMode(value)
    found = next((mode for mode, code in _PIL_CODES.items() if isinstance(value, int) and code == value), None)
    if found is None:
        raise TypeError(
            f"interpolation should be an InterpolationMode or the corresponding Pillow integer constant, got {value!r}"
        )
    return found


def pil_code(mode: InterpolationMode) -> Any:
    """Pillow's integer for a mode."""
    return _PIL_CODES[mode]


def is_pil_image(value: Any) -> bool:
    """Whether `value` is a PIL image; Pillow is not imported for the answer."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def is_tensor_image(img: Any) -> bool:
    """True for a Tensor, False for a PIL image.

    Raises: TypeError for anything else, or a Tensor that is no image.
    """
    if isinstance(img, Tensor):
        if img._array.ndim < 2:
            raise TypeError(f"Tensor is not an image: expected (..., C, H, W), got shape {list(img._array.shape)}")
        return True
    if is_pil_image(img):
        return False
    raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width] of an image."""
    if is_tensor_image(img):
        shape = img._array.shape
        return [1 if len(shape) == 2 else shape[-3], *shape[-2:]]
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Any) -> list[int]:
    """[width, height] of an image."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """The number of channels of an image."""
    return get_dimensions(img)[0]


def check_channels(img: Any, function: str) -> int:
    """The number of channels of a tensor image.

    Raises: TypeError unless it is (..., 1, H, W) or (..., 3, H, W).
    """
    shape = img._array.shape
    if len(shape) < 3 or shape[-3] not in (1, 3):
        raise TypeError(f"{function} expects a tensor (..., C, H, W) of 1 or 3 channels, got shape {list(shape)}")
    return shape[-3]


def array_of(img: Tensor, function: str) -> Array:
    """The pixels of a tensor image, for a function that autograd does not follow.

    Raises: RuntimeError if a gradient would be lost.
    """
    if img.requires_grad and is_grad_enabled():
        raise RuntimeError(
            f"{function} is not differentiable, and this image requires grad: call .detach() on it first"
        )
    return img._array


def max_value(dtype: dtypes.dtype) -> int:
    """The value of full brightness: 1 for floats and bool, the largest number for integers."""
    return int(np.iinfo(dtype.numpy).max) if dtype.category == dtypes.INT else 1


def as_float(array: Array) -> Array:
    """float32 for anything but float32 and float64."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """The values in a dtype; the nearest ones if that is an integer type."""
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype, copy=False)


def pair(value: Any, name: str) -> Sequence[Any]:
    """Two of a number or of a sequence of one; a sequence of two as it is, for the repr shows it.

    Raises: ValueError for any other length.
    """
    if not isinstance(value, Sequence):
        return value, value
    if len(value) not in (1, 2):
        raise ValueError(f"{name} should be a number or a sequence of 1 or 2, got {value!r}")
    return value if len(value) == 2 else (value[0], value[0])


def check_size(value: Any, name: str = "size") -> Sequence[int]:
    """(H, W) of a size: one whole number for both, or two.

    Raises: TypeError for anything but whole numbers; ValueError unless they are one or two and positive.
    """
    height, width = size = pair(value, name)
    if not (isinstance(height, Integral) and isinstance(width, Integral)):
        raise TypeError(f"{name} should be a whole number, or two (height, width), got {value!r}")
    if height < 1 or width < 1:
        raise ValueError(f"{name} should be positive, got {value!r}")
    return size


def check_fill(fill: Any, img: Any) -> Array:
    """A fill value (None: 0) as an array of one number, or one a channel, to broadcast with (C, H, W).

    Raises: ValueError for another number of them.
    """
    values = np.atleast_1d(np.asarray(0 if fill is None else fill))
    channels = get_image_num_channels(img)
    if values.shape not in ((1,), (channels,)):
        raise ValueError(f"fill should be a number or one for each of the {channels} channels, got {fill!r}")
    return values.reshape(-1, 1, 1)


def pil_fill(fill: Any, img: Any) -> Any:
    """A fill value as Pillow takes it: one number, or one a channel."""
    values = check_fill(fill, img).ravel()
    numbers = (values if img.mode == "F" else values.astype(int)).tolist()
    channels = get_image_num_channels(img)
    return numbers[0] if channels == 1 else tuple(numbers * channels if len(numbers) == 1 else numbers)
