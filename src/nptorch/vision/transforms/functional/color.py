"""What colour pixels have: brightness, contrast, saturation, hue, grey, blur."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.tensor import from_array
from nptorch.vision.transforms.functional.images import get_dimensions, is_pil, need_image

_GREY = (0.2989, 0.587, 0.114)  # ITU-R BT.601 weights, as torchvision rounds them


def _top(array: Any) -> float:
    return 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)


def _blend(first: Any, second: Any, ratio: float) -> Any:
    mixed = np.clip(ratio * first.astype(np.float32) + (1.0 - ratio) * second, 0, _top(first))
    return mixed.astype(first.dtype)


def _grey(array: Any) -> Any:
    if array.shape[-3] == 1:
        return array
    red, green, blue = (array[..., i, :, :].astype(np.float32) for i in range(3))
    return (_GREY[0] * red + _GREY[1] * green + _GREY[2] * blue).astype(array.dtype)[..., None, :, :]


def _positive(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def _enhanced(kind: str, img: Any, factor: float) -> Any:
    from PIL import ImageEnhance

    return getattr(ImageEnhance, kind)(img).enhance(factor)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the image, 2 twice as bright."""
    _positive("brightness_factor", brightness_factor)
    if is_pil(img):
        return _enhanced("Brightness", img, brightness_factor)
    return from_array(_blend(need_image(img)._array, 0, brightness_factor))


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives the mean grey, 1 the image."""
    _positive("contrast_factor", contrast_factor)
    if is_pil(img):
        return _enhanced("Contrast", img, contrast_factor)
    array = need_image(img)._array
    return from_array(_blend(array, _grey(array).astype(np.float32).mean((-3, -2, -1), keepdims=True), contrast_factor))


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives greys, 1 the image."""
    _positive("saturation_factor", saturation_factor)
    if is_pil(img):
        return _enhanced("Color", img, saturation_factor)
    array = need_image(img)._array
    return (
        img if array.shape[-3] == 1 else from_array(_blend(array, _grey(array).astype(np.float32), saturation_factor))
    )


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The hue turned by hue_factor of a full circle, in [-0.5, 0.5].

    Raises: ValueError outside of that.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if not is_pil(img):
        from nptorch.vision.transforms.functional.images import pil_to_tensor, to_pil_image

        array = need_image(img)._array
        if array.shape[-3] == 1:
            return img
        turned = pil_to_tensor(adjust_hue(to_pil_image(img), hue_factor))._array
        return from_array((turned / np.float32(255)).astype(array.dtype) if array.dtype.kind == "f" else turned)
    if img.mode in ("L", "1", "I", "F"):
        return img
    from PIL import Image

    hue, saturation, value = img.convert("HSV").split()
    turned_hue = np.asarray(hue) + np.uint8(int(hue_factor * 255) % 256)
    return Image.merge("HSV", (Image.fromarray(turned_hue), saturation, value)).convert(img.mode)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Greys, in one channel or three equal ones.

    Raises: ValueError for another number of channels.
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if is_pil(img):
        grey = img.convert("L")
        if num_output_channels == 1:
            return grey
        from PIL import Image

        return Image.merge("RGB", (grey, grey, grey))
    if get_dimensions(img)[0] not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are 1 or 3, but found {get_dimensions(img)[0]}")
    grey = _grey(img._array)
    return from_array(np.repeat(grey, 3, -3) if num_output_channels == 3 else grey)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """rgb_to_grayscale() of a PIL image."""
    if not is_pil(img):
        raise TypeError("Input should be PIL Image; use rgb_to_grayscale() for tensors")
    return rgb_to_grayscale(img, num_output_channels)


def invert(img: Any) -> Any:
    """Light for dark."""
    if is_pil(img):
        from PIL import ImageOps

        return ImageOps.invert(img)
    array = need_image(img)._array
    return from_array((_top(array) - array).astype(array.dtype))


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Smoothed by a Gaussian of odd size (x, y) and standard deviation sigma, in pixels.

    Raises: ValueError for a size that is not odd and positive.
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    for k in sizes:
        if k % 2 == 0 or k < 1:
            raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    sigmas = (
        [k * 0.15 + 0.35 for k in sizes]
        if sigma is None
        else [float(sigma)] * 2
        if isinstance(sigma, (int, float))
        else list(sigma)
    )
    if is_pil(img):
        from nptorch.vision.transforms.functional.images import pil_to_tensor, to_pil_image

        return to_pil_image(gaussian_blur(pil_to_tensor(img), sizes, sigmas), img.mode)
    array = need_image(img)._array
    out = array.astype(np.float32)
    for d, k, s in ((-1, sizes[0], sigmas[0]), (-2, sizes[1], sigmas[1])):
        at = np.arange(k) - (k - 1) * 0.5
        weights = np.exp(-0.5 * (at / s) ** 2)
        weights = (weights / weights.sum()).astype(np.float32)
        widths = [(0, 0)] * out.ndim
        widths[d] = (k // 2, k // 2)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(out, widths, mode="reflect"), k, axis=d)
        out = windows @ weights
    return from_array((np.rint(out) if array.dtype.kind in "iu" else out).astype(array.dtype))
