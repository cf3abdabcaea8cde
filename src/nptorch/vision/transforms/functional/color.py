"""Brightness, contrast, saturation, hue, greys and their like. Images are PIL images or tensors (..., C, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.conversion import convert_image_dtype
from nptorch.vision.transforms.functional.image import (
    Array,
    array_of,
    as_float,
    check_channels,
    is_pil_image,
    is_tensor_image,
    max_value,
)

# ITU-R BT.601, rounded as torchvision rounds it
_LUMA = np.array([0.2989, 0.587, 0.114], np.float32)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the image, 2 twice the brightness.

    Raises: ValueError for a negative factor.
    """
    _check_factor("brightness_factor", brightness_factor)
    if not is_tensor_image(img):
        return _enhance("Brightness", img, brightness_factor)
    check_channels(img, "adjust_brightness")
    return _blend(array_of(img, "adjust_brightness"), np.float32(0), brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives the mean grey, 1 the image, 2 twice the contrast.

    Raises: ValueError for a negative factor.
    """
    _check_factor("contrast_factor", contrast_factor)
    if not is_tensor_image(img):
        return _enhance("Contrast", img, contrast_factor)
    check_channels(img, "adjust_contrast")
    array = array_of(img, "adjust_contrast")
    return _blend(array, as_float(_grey(array)).mean((-3, -2, -1), keepdims=True), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives greys, 1 the image, 2 twice the saturation.

    Raises: ValueError for a negative factor.
    """
    _check_factor("saturation_factor", saturation_factor)
    if not is_tensor_image(img):
        return _enhance("Color", img, saturation_factor)
    if check_channels(img, "adjust_saturation") == 1:
        return img
    array = array_of(img, "adjust_saturation")
    return _blend(array, _grey(array), saturation_factor)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """0 gives a smoothed image, 1 the image, 2 twice the sharpness.

    Raises: ValueError for a negative factor.
    """
    _check_factor("sharpness_factor", sharpness_factor)
    if not is_tensor_image(img):
        return _enhance("Sharpness", img, sharpness_factor)
    check_channels(img, "adjust_sharpness")
    array = array_of(img, "adjust_sharpness")
    if min(array.shape[-2:]) <= 2:
        return img
    values = as_float(array)
    rows = values[..., :-2, :] + values[..., 1:-1, :] + values[..., 2:, :]
    inner = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * values[..., 1:-1, 1:-1]) / np.float32(13)
    smooth = array.copy()
    smooth[..., 1:-1, 1:-1] = np.rint(inner) if array.dtype.kind in "iu" else inner
    return _blend(array, smooth, sharpness_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The hue of every pixel moved by hue_factor of the colour circle; grey images stay as they are.

    Raises: ValueError for a factor outside [-0.5, 0.5].
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if is_tensor_image(img):
        if check_channels(img, "adjust_hue") == 1:
            return img
        array_of(img, "adjust_hue")
        values = img if img.is_floating_point() else convert_image_dtype(img)
        hue, saturation, value = _to_hsv(values._array)
        return convert_image_dtype(
            from_array(_to_rgb((hue + np.float32(hue_factor)) % 1, saturation, value)), img.dtype
        )
    if img.mode in ("L", "1", "I", "F"):
        return img
    from PIL import Image

    hue, saturation, value = img.convert("HSV").split()
    moved = Image.fromarray(np.asarray(hue) + np.uint8(int(hue_factor * 255) % 256))
    return Image.merge("HSV", (moved, saturation, value)).convert(img.mode)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain * img ** gamma, brightness counted as [0, 1].

    Raises: ValueError for a negative gamma.
    """
    _check_factor("gamma", gamma)
    if is_tensor_image(img):
        check_channels(img, "adjust_gamma")
        array_of(img, "adjust_gamma")
        values = img if img.is_floating_point() else convert_image_dtype(img)
        return convert_image_dtype((gain * values**gamma).clamp(0, 1), img.dtype)
    # Pillow wants one table after the other for the channels; nearly a whole step more gives all levels equal shares.
    table = [int((256 - 1e-3) * gain * (level / 255) ** gamma) for level in range(256)]
    return img.convert("RGB").point(table * 3).convert(img.mode)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Greys in 1 channel or in 3 equal ones.

    Raises: ValueError for another number; TypeError for an image of neither 1 nor 3 channels.
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if is_tensor_image(img):
        check_channels(img, "rgb_to_grayscale")
        grey = _grey(array_of(img, "rgb_to_grayscale"))
        return from_array(np.repeat(grey, num_output_channels, axis=-3))
    grey = img.convert("L")
    if num_output_channels == 1:
        return grey
    from PIL import Image

    return Image.merge("RGB", (grey, grey, grey))


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """rgb_to_grayscale() of a PIL image.

    Raises: TypeError for anything else.
    """
    if not is_pil_image(img):
        raise TypeError(f"img should be PIL Image, got {type(img)}; use rgb_to_grayscale() for tensors")
    return rgb_to_grayscale(img, num_output_channels)


def invert(img: Any) -> Any:
    """Light for dark."""
    if not is_tensor_image(img):
        return _image_ops().invert(img)
    check_channels(img, "invert")
    return max_value(img.dtype) - img


def posterize(img: Any, bits: int) -> Any:
    """Only the `bits` highest bits of each pixel.

    Raises: ValueError for bits outside [0, 8]; TypeError for a tensor that is not uint8.
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"bits should be between 0 and 8, got {bits}")
    if not is_tensor_image(img):
        return _image_ops().posterize(img, bits)
    _check_bytes(img, "posterize")
    return from_array(img._array & np.uint8(256 - 2 ** (8 - bits)))


def solarize(img: Any, threshold: float) -> Any:
    """Light for dark where a pixel reaches the threshold.

    Raises: TypeError for a threshold above full brightness.
    """
    if not is_tensor_image(img):
        return _image_ops().solarize(img, threshold)
    if threshold > max_value(img.dtype):
        raise TypeError(
            f"threshold ({threshold}) should be at most {max_value(img.dtype)}, the image's full brightness"
        )
    array = array_of(img, "solarize")
    return from_array(np.where(array >= threshold, invert(img)._array, array))


def autocontrast(img: Any) -> Any:
    """Each channel stretched so that its darkest pixel becomes black and its lightest one full."""
    if not is_tensor_image(img):
        return _image_ops().autocontrast(img)
    check_channels(img, "autocontrast")
    array = array_of(img, "autocontrast")
    values = as_float(array)
    low, high = values.min((-2, -1), keepdims=True), values.max((-2, -1), keepdims=True)
    flat = low == high
    top = max_value(img.dtype)
    scale = np.where(flat, 1, top / np.where(flat, 1, high - low)).astype(values.dtype)
    return from_array(((values - np.where(flat, 0, low)) * scale).clip(0, top).astype(array.dtype))


def equalize(img: Any) -> Any:
    """Each channel's levels spread so that all get about equal shares of the pixels.

    Raises: TypeError for a tensor that is not uint8.
    """
    if not is_tensor_image(img):
        return _image_ops().equalize(img)
    _check_bytes(img, "equalize")
    planes = img._array.reshape(-1, *img._array.shape[-2:])
    return from_array(np.stack([_equalized(plane) for plane in planes]).reshape(img._array.shape))


def _equalized(plane: Array) -> Array:
    counts = np.bincount(plane.ravel(), minlength=256)
    step = (plane.size - counts[counts > 0][-1]) // 255
    if step == 0:
        return plane
    table = np.zeros(256, np.int64)
    table[1:] = (np.cumsum(counts)[:-1] + step // 2) // step
    return table.clip(0, 255).astype(np.uint8)[plane]


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def _check_bytes(img: Tensor, function: str) -> None:
    check_channels(img, function)
    if img._array.dtype != np.uint8:
        raise TypeError(f"{function} expects a uint8 tensor, got {img.dtype!r}")


def _image_ops() -> Any:
    from PIL import ImageOps

    return ImageOps


def _enhance(kind: str, img: Any, factor: float) -> Any:
    from PIL import ImageEnhance

    return getattr(ImageEnhance, kind)(img).enhance(factor)


def _blend(array: Array, other: Any, ratio: float) -> Tensor:
    """ratio of the image and 1 - ratio of the other, within its range; integers are truncated."""
    mixed = np.float32(ratio) * as_float(array) + np.float32(1 - ratio) * other
    top = 1 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    return from_array(mixed.clip(0, top).astype(array.dtype))


def _grey(array: Array) -> Array:
    """(..., 1 or 3, H, W) to (..., 1, H, W); integers are truncated."""
    if array.shape[-3] == 1:
        return array
    red, green, blue = (as_float(array[..., i : i + 1, :, :]) * _LUMA[i] for i in range(3))
    return (red + green + blue).astype(array.dtype)


def _to_hsv(array: Array) -> tuple[Array, Array, Array]:
    """Hue, saturation and value of [0, 1], (..., H, W) each.

    Source: A. R. Smith, "Color Gamut Transform Pairs", SIGGRAPH 1978.
    """
    red, green = array[..., 0, :, :], array[..., 1, :, :]
    value = array.max(-3)
    spread = value - array.min(-3)
    grey = spread == 0
    saturation = spread / np.where(grey, 1, value)
    part = (value[..., None, :, :] - array) / np.where(grey, 1, spread)[..., None, :, :]
    r, g, b = (part[..., i, :, :] for i in range(3))
    sixths = np.where(value == red, b - g, np.where(value == green, 2 + r - b, 4 + g - r))
    return (sixths / 6 + 1) % 1, saturation, value


def _to_rgb(hue: Array, saturation: Array, value: Array) -> Array:
    sector = np.floor(hue * 6)
    part = hue * 6 - sector
    low = (value * (1 - saturation)).clip(0, 1)
    falling = (value * (1 - saturation * part)).clip(0, 1)
    rising = (value * (1 - saturation * (1 - part))).clip(0, 1)
    # Which of the four each of the six sectors takes for red; green and blue follow two and four sectors later.
    ring = [value, falling, low, low, rising, value]
    sector = sector.astype(int) % 6
    channels = [np.choose((sector + shift) % 6, ring) for shift in (0, 4, 2)]
    return np.stack(channels, axis=-3)
