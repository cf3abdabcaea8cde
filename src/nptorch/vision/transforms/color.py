"""Transforms of colours; random ones draw from the default generator in torchvision's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nptorch.nn.module import Module
from nptorch.random import randperm
from nptorch.vision.transforms import draw
from nptorch.vision.transforms import functional as F
from nptorch.vision.transforms.chance import Chance
from nptorch.vision.transforms.functional.image import pair


class Grayscale(Module):
    """Greys in 1 channel or in 3 equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        """The grey image."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(Chance):
    """Greys in as many channels as the image has, with probability p."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """Grey."""
        return F.rgb_to_grayscale(img, F.get_image_num_channels(img))


class RandomInvert(Chance):
    """Light for dark with probability p."""

    def change(self, img: Any) -> Any:
        """Inverted."""
        return F.invert(img)


class RandomAutocontrast(Chance):
    """Every channel stretched to the full range with probability p."""

    def change(self, img: Any) -> Any:
        """Stretched."""
        return F.autocontrast(img)


class RandomEqualize(Chance):
    """Every channel's levels spread evenly with probability p."""

    def change(self, img: Any) -> Any:
        """Equalized."""
        return F.equalize(img)


class RandomPosterize(Chance):
    """Only the `bits` highest bits of each pixel, with probability p."""

    shown = ("bits",)

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: Any) -> Any:
        """Posterized."""
        return F.posterize(img, self.bits)


class RandomSolarize(Chance):
    """Light for dark where a pixel reaches the threshold, with probability p."""

    shown = ("threshold",)

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: Any) -> Any:
        """Solarized."""
        return F.solarize(img, self.threshold)


class RandomAdjustSharpness(Chance):
    """Sharper (above 1) or smoother (below 1) with probability p."""

    shown = ("sharpness_factor",)

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: Any) -> Any:
        """Sharpened."""
        return F.adjust_sharpness(img, self.sharpness_factor)


class ColorJitter(Module):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    A number x means factors of [max(0, 1 - x), 1 + x], for hue of [-x, x]; a pair is the range itself.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html

    Raises: ValueError for a negative number or a range out of bounds; TypeError for anything else.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _factors("hue", hue, middle=0, bounds=(-0.5, 0.5))

    def forward(self, img: Any) -> Any:
        """The changed image."""
        order = randperm(4).tolist()
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        factors = [None if r is None else draw.uniform(*r) for r in ranges]
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            factor = factors[i]
            if factor is not None:
                img = changes[i](img, factor)
        return img

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in ("brightness", "contrast", "saturation", "hue"))
        return f"{type(self).__name__}({shown})"


def _factors(
    name: str, value: Any, middle: float = 1, bounds: tuple[float, float] = (0, float("inf"))
) -> tuple[float, float] | None:
    """The range that an argument of ColorJitter means; None if it changes nothing."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative, got {value}.")
        low, high = float(middle - value), float(middle + value)
        low = max(low, 0.0) if middle else low
    elif isinstance(value, Sequence) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2, got {value!r}.")
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"{name} values should be between {bounds}, but got {(low, high)}.")
    return None if low == high == middle else (low, high)


class GaussianBlur(Module):
    """Smoothed by a Gaussian, kernel_size (x, y) pixels wide, of a random standard deviation within sigma (min, max).

    Raises: ValueError for a size that is not odd and positive, or a sigma that is no range of positive numbers.
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = pair(kernel_size, "kernel_size")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"Kernel size value should be an odd and positive number, got {kernel_size!r}.")
        self.sigma = pair(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {sigma!r}")

    def forward(self, img: Any) -> Any:
        """The smoothed image."""
        sigma = draw.uniform(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"
