"""Size and place: resizing, cropping, padding, flipping, erasing. Images are PIL images or tensors (..., C, H, W)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.nn.functional import interpolate
from nptorch.nn.functional import pad as pad_tensor
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.image import (
    Array,
    InterpolationMode,
    check_size,
    get_dimensions,
    interpolation_mode,
    is_tensor_image,
    pil_code,
    pil_fill,
)

_BILINEAR = InterpolationMode.BILINEAR


def resized_size(
    image_size: tuple[int, int], size: int | Sequence[int], max_size: int | None = None
) -> tuple[int, int]:
    """(H, W) after resize(): `size` itself; for one number, the shorter edge gets it, the longer one its share.

    Raises: as check_size(); ValueError if max_size is not above the shorter edge's length, or given with two sizes.
    """
    new_height, new_width = check_size(size)
    if isinstance(size, Sequence) and len(size) == 2:
        if max_size is not None:
            raise ValueError(
                f"max_size ({max_size}) goes with a size of one number, the shorter edge, not with {size!r}"
            )
        return new_height, new_width
    height, width = image_size
    short, long = new_height, int(new_height * max(image_size) / min(image_size))
    if max_size is not None:
        if max_size <= short:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge, {size}"
            )
        if long > max_size:
            short, long = int(max_size * short / long), max_size
    return (long, short) if width <= height else (short, long)


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = _BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The image scaled to (H, W), or its shorter edge to one number.

    max_size: a limit for the longer edge. antialias: for tensors; Pillow always does it.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.resize.html
    """
    mode = interpolation_mode(interpolation)
    height, width = get_dimensions(img)[1:]
    new_size = resized_size((height, width), size, max_size)
    if new_size == (height, width):
        return img
    if is_tensor_image(img):
        return _resize_tensor(img, new_size, mode, bool(antialias))
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.", stacklevel=2
        )
    return img.resize(new_size[::-1], pil_code(mode))


def _resize_tensor(img: Tensor, size: tuple[int, int], mode: InterpolationMode, antialias: bool) -> Tensor:
    height, width = img._array.shape[-2:]
    if mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        return interpolate(img.reshape(1, -1, height, width), size, mode=mode.value).reshape(*img.shape[:-2], *size)
    if mode not in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    values = img if img._array.dtype in (np.float32, np.float64) else img.to(dtypes.float32)
    planes = values.reshape(1, -1, height, width)
    values = interpolate(planes, size, mode=mode.value, align_corners=False, antialias=antialias)
    values = values.reshape(*img.shape[:-2], *size)
    if img._array.dtype.kind not in "iu":
        return values.to(img.dtype)
    if img.dtype is dtypes.uint8:  # bicubic weights overshoot
        values = values.clamp(0, 255)
    return values.round().to(img.dtype)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle of the image; what lies outside it is 0."""
    if not is_tensor_image(img):
        return img.crop((left, top, left + width, top + height))
    h, w = img._array.shape[-2:]
    right, bottom = left + width, top + height
    inside = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return inside
    margins = [
        max(min(-left, width), 0),
        max(min(-top, height), 0),
        max(right - max(w, left), 0),
        max(bottom - max(h, top), 0),
    ]
    return pad(inside, margins)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The middle (H, W) of the image, which is padded with 0 where it is smaller."""
    new_height, new_width = check_size(output_size, "output_size")
    height, width = get_dimensions(img)[1:]
    more_h, more_w = max(new_height - height, 0), max(new_width - width, 0)
    if more_h or more_w:
        img = pad(img, [more_w // 2, more_h // 2, (more_w + 1) // 2, (more_h + 1) // 2])
        height, width = height + more_h, width + more_w
    return crop(img, round((height - new_height) / 2), round((width - new_width) / 2), new_height, new_width)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = _BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """The rectangle of the image, scaled to `size`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


_PAD_MODES = ("constant", "edge", "reflect", "symmetric")


def pad(img: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with a border of [all], [left and right, top and bottom] or [left, top, right, bottom] pixels.

    padding_mode: "constant" (fill), "edge", "reflect" (without the edge), "symmetric" (with it). Negative numbers crop.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.pad.html

    Raises: TypeError or ValueError for padding or a mode that does not exist.
    """
    left, top, right, bottom = check_padding(padding, padding_mode)
    if is_tensor_image(img):
        if fill is not None and not isinstance(fill, (int, float)):
            raise TypeError(f"fill should be a number for tensors, got {fill!r}")
        if padding_mode == "constant":
            return pad_tensor(img, [left, right, top, bottom], value=fill or 0)
        height, width = img._array.shape[-2:]
        rows, columns = _mirrored(height, top, bottom, padding_mode), _mirrored(width, left, right, padding_mode)
        return img[..., from_array(rows[:, None]), from_array(columns)]
    if padding_mode == "constant":
        from PIL import ImageOps

        expanded = ImageOps.expand(img, border=(left, top, right, bottom), fill=pil_fill(fill, img))
        if img.mode == "P":
            expanded.putpalette(img.getpalette())
        return expanded
    from PIL import Image

    rows, columns = _mirrored(img.height, top, bottom, padding_mode), _mirrored(img.width, left, right, padding_mode)
    padded = Image.fromarray(np.asarray(img)[rows[:, None], columns])
    if img.mode == "P":
        padded.putpalette(img.getpalette())
    return padded


def check_padding(padding: Any, padding_mode: str = "constant") -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of an argument of pad().

    Raises: TypeError or ValueError for padding or a mode that does not exist.
    """
    if padding_mode not in _PAD_MODES:
        raise ValueError(f"Padding mode should be one of {', '.join(_PAD_MODES)}, got {padding_mode!r}")
    values = [padding] if isinstance(padding, int) else padding
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"padding should be an int or a sequence of ints, got {padding!r}")
    if len(values) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(values)} element tuple")
    left, top, right, bottom = values if len(values) == 4 else (values[0], values[-1]) * 2
    return left, top, right, bottom


def _mirrored(size: int, before: int, after: int, mode: str) -> Array:
    """Which old row (or column) each one of a padded image copies."""
    kept = np.arange(max(-before, 0), size - max(-after, 0))
    return np.pad(kept, (max(before, 0), max(after, 0)), mode=mode)  # type: ignore[call-overload]


def hflip(img: Any) -> Any:
    """The image mirrored left to right."""
    return img.flip(-1) if is_tensor_image(img) else img.transpose(0)


def vflip(img: Any) -> Any:
    """The image mirrored top to bottom."""
    return img.flip(-2) if is_tensor_image(img) else img.transpose(1)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle of the image, each (H, W).

    Raises: ValueError if the image is smaller.
    """
    new_height, new_width = check_size(size)
    height, width = get_dimensions(img)[1:]
    if new_width > width or new_height > height:
        raise ValueError(f"Requested crop size {(new_height, new_width)} is bigger than input size {(height, width)}")
    bottom, right = height - new_height, width - new_width
    corners = [crop(img, top, left, new_height, new_width) for top in (0, bottom) for left in (0, right)]
    return corners[0], corners[1], corners[2], corners[3], center_crop(img, (new_height, new_width))


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """five_crop() of the image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The image with rows i..i+h and columns j..j+w set to v.

    Raises: TypeError for anything but a tensor.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    result = img if inplace else img.clone()
    result[..., i : i + h, j : j + w] = v
    return result
