"""Transforms of size and place; random ones draw from the default generator in torchvision's order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.nn.module import Module
from nptorch.random import randn
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms import draw
from nptorch.vision.transforms import functional as F
from nptorch.vision.transforms.chance import Chance
from nptorch.vision.transforms.functional.geometry import check_padding
from nptorch.vision.transforms.functional.image import InterpolationMode, check_size, interpolation_mode

_BILINEAR = InterpolationMode.BILINEAR


class Resize(Module):
    """The image scaled to (H, W), or its shorter edge to one number (and the longer one to at most max_size).

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html

    Raises: ValueError or TypeError for a size that is not one or two positive whole numbers.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = _BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        check_size(size)
        self.size = size
        self.interpolation = interpolation_mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        """The scaled image."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        shown = f"size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}"
        return f"{type(self).__name__}({shown}, antialias={self.antialias})"


class CenterCrop(Module):
    """The middle (H, W) of the image, which is padded with 0 where it is smaller."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = check_size(size)

    def forward(self, img: Any) -> Any:
        """The middle."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Pad(Module):
    """The image with a border; see functional.pad()."""

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        check_padding(padding, padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        """The padded image."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(Module):
    """(H, W) of the image at a random place, after padding.

    pad_if_needed: pad an image that is smaller (H on both sides, W on both sides).
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html

    Raises: ValueError, when called, if the image is smaller.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = check_size(size)
        check_padding(0 if padding is None else padding, padding_mode)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """A random (top, left, height, width) for a rectangle of output_size (H, W).

        Raises: ValueError if the image is smaller.
        """
        (_, height, width), (new_height, new_width) = F.get_dimensions(img), output_size
        if height < new_height or width < new_width:
            raise ValueError(
                f"Required crop size {tuple(output_size)} is larger than input image size {(height, width)}"
            )
        if (height, width) == (new_height, new_width):
            return 0, 0, height, width
        top = draw.integer(0, height - new_height + 1)
        return top, draw.integer(0, width - new_width + 1), new_height, new_width

    def forward(self, img: Any) -> Any:
        """The rectangle."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        (_, height, width), (new_height, new_width) = F.get_dimensions(img), self.size
        if self.pad_if_needed and width < new_width:
            img = F.pad(img, [new_width - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < new_height:
            img = F.pad(img, [0, new_height - height], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


def _random_rectangle(area: float, scale: Sequence[float], ratio: Sequence[float]) -> tuple[float, float]:
    """Two lengths of a rectangle: `scale` of the area, the first `ratio` times the second."""
    part = area * draw.uniform(scale[0], scale[1])
    low, high = np.log(np.asarray(ratio, np.float32)).tolist()
    first_to_second = float(np.exp(np.float32(draw.uniform(low, high))))
    return math.sqrt(part * first_to_second), math.sqrt(part / first_to_second)


class RandomResizedCrop(Module):
    """A rectangle of `scale` of the image's area and of aspect `ratio` W : H at a random place, scaled to (H, W).

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomResizedCrop.html

    Raises: TypeError if scale or ratio is no pair.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode | int = _BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        _check_pair("scale", scale)
        _check_pair("ratio", ratio)
        self.size = check_size(size)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """A random (top, left, height, width); the largest in the middle if ten draws do not fit."""
        _, height, width = F.get_dimensions(img)
        for _ in range(10):
            w, h = map(round, _random_rectangle(height * width, scale, ratio))
            if 0 < w <= width and 0 < h <= height:
                top = draw.integer(0, height - h + 1)
                return top, draw.integer(0, width - w + 1), h, w
        h = min(height, round(width / min(ratio)))
        w = min(width, round(height * max(ratio)))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img: Any) -> Any:
        """The scaled rectangle."""
        place = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *place, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(x, 4) for x in numbers) for numbers in (self.scale, self.ratio))
        shown = f"size={self.size}, scale={scale}, ratio={ratio}, interpolation={self.interpolation.value}"
        return f"{type(self).__name__}({shown}, antialias={self.antialias})"


class FiveCrop(Module):
    """The four corners and the middle of the image, each (H, W), as a tuple."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = check_size(size)

    def forward(self, img: Any) -> Any:
        """Five images."""
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(Module):
    """FiveCrop of the image and of its mirror image, as a tuple."""

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = check_size(size)
        self.vertical_flip = vertical_flip

    def forward(self, img: Any) -> Any:
        """Ten images."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


class RandomHorizontalFlip(Chance):
    """Mirrored left to right with probability p."""

    def change(self, img: Any) -> Any:
        """Mirrored."""
        return F.hflip(img)


class RandomVerticalFlip(Chance):
    """Mirrored top to bottom with probability p."""

    def change(self, img: Any) -> Any:
        """Mirrored."""
        return F.vflip(img)


class RandomErasing(Module):
    """A random rectangle of a tensor image (C, H, W) set to `value`: a number, one a channel, or "random" normal ones.

    scale: part of the area. ratio: H : W.
    Source: Z. Zhong et al., "Random Erasing Data Augmentation", arXiv:1708.04896.

    Raises: ValueError for a p or scale outside [0, 1], or a value that is none of these; TypeError for a scale or ratio
    that is no pair.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        _check_pair("scale", scale)
        _check_pair("ratio", ratio)
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', got {value!r}")
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale should be a range within [0, 1], got {scale!r}")
        if not 0 <= p <= 1:
            raise ValueError(f"p should be between 0 and 1, got {p}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    def forward(self, img: Tensor) -> Tensor:
        """The image, erased in part or not."""
        if not draw.happens(self.p):
            return img
        channels, height, width = F.get_dimensions(img)
        for _ in range(10):
            h, w = map(round, _random_rectangle(height * width, self.scale, self.ratio))
            if h < height and w < width:
                value = self._value(channels, h, w)
                top = draw.integer(0, height - h + 1)
                return F.erase(img, top, draw.integer(0, width - w + 1), h, w, value, self.inplace)
        return img

    def _value(self, channels: int, height: int, width: int) -> Tensor:
        if self.value == "random":
            return randn(channels, height, width)
        value = np.atleast_1d(np.asarray(self.value, np.float32))
        if value.shape not in ((1,), (channels,)):
            raise ValueError(
                f"If value is a sequence, it should have 1 or {channels} (input channels) values, got {self.value!r}"
            )
        return from_array(value.reshape(-1, 1, 1))

    def __repr__(self) -> str:
        shown = f"p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, inplace={self.inplace}"
        return f"{type(self).__name__}({shown})"


def _check_pair(name: str, value: Any) -> None:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise TypeError(f"{name} should be a sequence of two numbers, got {value!r}")
