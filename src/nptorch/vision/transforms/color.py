"""Transforms of colours; random ones draw from the default generator in torchvision's order."""

from __future__ import annotations

from typing import Any

from nptorch.random import engine, rand, randperm
from nptorch.vision.transforms.functional import color as F
from nptorch.vision.transforms.functional.images import get_dimensions


def uniform(low: float, high: float) -> float:
    """One number as `torch.empty(1).uniform_(low, high)` draws it."""
    import numpy as np

    return float(engine(None).uniform((1,), np.dtype(np.float32), low, high)[0])


class Grayscale:
    """Greys, in one channel or three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"Grayscale(num_output_channels={self.num_output_channels})"


class _Chance:
    """A transform done with probability p."""

    def __init__(self, p: float) -> None:
        self.p = p

    def change(self, img: Any) -> Any:
        """The transformed image."""
        raise NotImplementedError

    def __call__(self, img: Any) -> Any:
        return self.change(img) if rand(1).item() < self.p else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomGrayscale(_Chance):
    """Greys in as many channels as the image has, with probability p."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """Greys."""
        return F.rgb_to_grayscale(img, get_dimensions(img)[0])


class RandomInvert(_Chance):
    """Light for dark, with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """Inverted."""
        return F.invert(img)


class ColorJitter:
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    Raises: ValueError for a negative amount or a range outside what is possible.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        self.brightness = self._range("brightness", brightness)
        self.contrast = self._range("contrast", contrast)
        self.saturation = self._range("saturation", saturation)
        self.hue = self._range("hue", hue, 0, (-0.5, 0.5), False)

    @staticmethod
    def _range(
        name: str,
        value: Any,
        center: float = 1,
        bound: tuple[float, float] = (0, float("inf")),
        clip_first: bool = True,
    ) -> tuple[float, float] | None:
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - value, center + value
            if clip_first:
                low = max(low, 0.0)
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = map(float, value)
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not bound[0] <= low <= high <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    def __call__(self, img: Any) -> Any:
        order = randperm(4).tolist()
        factors = [
            None if r is None else uniform(*r) for r in (self.brightness, self.contrast, self.saturation, self.hue)
        ]
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            factor = factors[i]
            if factor is not None:
                img = changes[i](img, factor)
        return img

    def __repr__(self) -> str:
        return f"ColorJitter(brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}, hue={self.hue})"


class GaussianBlur:
    """Smoothed by a Gaussian of a size (x, y) and a random sigma of a range, in pixels."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        self.kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        self.sigma = (float(sigma), float(sigma)) if isinstance(sigma, (int, float)) else tuple(sigma)
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def __call__(self, img: Any) -> Any:
        sigma = uniform(*self.sigma)
        return F.gaussian_blur(img, list(self.kernel_size), [sigma, sigma])

    def __repr__(self) -> str:
        return f"GaussianBlur(kernel_size={self.kernel_size}, sigma={self.sigma})"
