"""Transforms of where pixels are; random ones draw from the default generator in torchvision's order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.random import engine, rand, randint
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.color import _Chance, uniform
from nptorch.vision.transforms.functional import geometry as F
from nptorch.vision.transforms.functional.images import InterpolationMode, get_dimensions, interpolation_mode


def _below(n: int) -> int:
    """A number of [0, n) as `torch.randint(0, n, size=(1,))` draws it."""
    return int(randint(0, n, (1,)).item())


class Resize:
    """Resampled to (height, width), or so that the shorter side has a length."""

    def __init__(
        self,
        size: Any,
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if not isinstance(size, int) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size, self.max_size, self.antialias = size, max_size, antialias
        self.interpolation = interpolation_mode(interpolation)

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return f"Resize(size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}, antialias={self.antialias})"


class CenterCrop:
    """The middle rectangle of a size."""

    def __init__(self, size: Any) -> None:
        self.size = F.pair(size)

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class Pad:
    """Borders: a number of pixels for all sides, (left/right, top/bottom), or (left, top, right, bottom)."""

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
            raise ValueError(
                f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
            )
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop:
    """A rectangle of a size at a random place, after optional padding.

    Raises: ValueError if the image is smaller.
    """

    def __init__(
        self, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0, padding_mode: str = "constant"
    ) -> None:
        self.size = F.pair(size)
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        (_, h, w), (th, tw) = get_dimensions(img), self.size
        if self.pad_if_needed and w < tw:
            img = F.pad(img, [tw - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < th:
            img = F.pad(img, [0, th - h], self.fill, self.padding_mode)
        _, h, w = get_dimensions(img)
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than input image size {(h, w)}")
        if (h, w) == (th, tw):
            return F.crop(img, 0, 0, h, w)
        top = _below(h - th + 1)
        return F.crop(img, top, _below(w - tw + 1), th, tw)

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomResizedCrop:
    """A random part of the area (scale) and shape (ratio) of the image, resized."""

    def __init__(
        self,
        size: Any,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size, self.scale, self.ratio, self.antialias = F.pair(size), scale, ratio, antialias
        self.interpolation = interpolation_mode(interpolation)

    def _place(self, img: Any) -> tuple[int, int, int, int]:
        _, height, width = get_dimensions(img)
        low, high = np.log(np.asarray(self.ratio, np.float32))
        for _ in range(10):
            area = height * width * uniform(*self.scale)
            shape = float(np.exp(np.float32(uniform(float(low), float(high)))))
            w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < w <= width and 0 < h <= height:
                top = _below(height - h + 1)
                return top, _below(width - w + 1), h, w
        w, h = width, height
        if width / height < min(self.ratio):
            h = round(width / min(self.ratio))
        elif width / height > max(self.ratio):
            w = round(height * max(self.ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def __call__(self, img: Any) -> Any:
        return F.resized_crop(img, *self._place(img), self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={tuple(round(v, 4) for v in getattr(self, name))}" for name in ("scale", "ratio"))
        return f"RandomResizedCrop(size={self.size}, {numbers}, interpolation={self.interpolation.value}, antialias={self.antialias})"


class FiveCrop:
    """The four corners and the centre, as a tuple."""

    def __init__(self, size: Any) -> None:
        self.size = F.pair(size)

    def __call__(self, img: Any) -> Any:
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"FiveCrop(size={self.size})"


class TenCrop(FiveCrop):
    """FiveCrop of the image and of its mirror image."""

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        super().__init__(size)
        self.vertical_flip = vertical_flip

    def __call__(self, img: Any) -> Any:
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"TenCrop(size={self.size}, vertical_flip={self.vertical_flip})"


class RandomHorizontalFlip(_Chance):
    """Mirrored left to right with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """Mirrored."""
        return F.hflip(img)


class RandomVerticalFlip(_Chance):
    """Mirrored top to bottom with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        """Mirrored."""
        return F.vflip(img)


def _angles(name: str, value: Any) -> list[float]:
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]
    if len(value) != 2 and not (name == "shear" and len(value) == 4):
        raise ValueError(f"{name} should be a sequence of length 2{' or 4' if name == 'shear' else ''}.")
    return [float(v) for v in value]


class RandomRotation:
    """Turned by a random angle of a range, in degrees."""

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
    ) -> None:
        self.degrees = _angles("degrees", degrees)
        self.interpolation, self.expand, self.center, self.fill = (
            interpolation_mode(interpolation),
            expand,
            center,
            fill,
        )

    def __call__(self, img: Any) -> Any:
        return F.rotate(img, uniform(*self.degrees), self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        text = f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        text += f", center={self.center}" if self.center is not None else ""
        return text + (f", fill={self.fill}" if self.fill is not None else "") + ")"


class RandomAffine:
    """Turned, moved (parts of the size), scaled and sheared at random about the centre."""

    def __init__(
        self,
        degrees: Any,
        translate: Any = None,
        scale: Any = None,
        shear: Any = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Any = None,
    ) -> None:
        self.degrees = _angles("degrees", degrees)
        if translate is not None and not all(0.0 <= t <= 1.0 for t in translate):
            raise ValueError(f"translation values should be between 0 and 1, got {translate}")
        if scale is not None and not all(s > 0 for s in scale):
            raise ValueError(f"scale values should be positive, got {scale}")
        self.translate, self.scale = translate, scale
        self.shear = None if shear is None else _angles("shear", shear)
        self.interpolation, self.fill, self.center = interpolation_mode(interpolation), fill, center

    def __call__(self, img: Any) -> Any:
        _, height, width = get_dimensions(img)
        angle = uniform(*self.degrees)
        move = (0, 0)
        if self.translate is not None:
            dx, dy = float(self.translate[0] * width), float(self.translate[1] * height)
            move = (round(uniform(-dx, dx)), round(uniform(-dy, dy)))
        scale = 1.0 if self.scale is None else uniform(*self.scale)
        shear = [0.0, 0.0]
        if self.shear is not None:
            shear = [uniform(*self.shear[:2]), uniform(*self.shear[2:]) if len(self.shear) == 4 else 0.0]
        return F.affine(img, angle, move, scale, shear, self.interpolation, self.fill, self.center)

    def __repr__(self) -> str:
        text = f"RandomAffine(degrees={self.degrees}"
        text += f", translate={self.translate}" if self.translate is not None else ""
        text += f", scale={self.scale}" if self.scale is not None else ""
        text += f", shear={self.shear}" if self.shear is not None else ""
        text += (
            f", interpolation={self.interpolation.value}" if self.interpolation is not InterpolationMode.NEAREST else ""
        )
        text += f", fill={self.fill}" if self.fill != 0 else ""
        return text + (f", center={self.center}" if self.center is not None else "") + ")"


class RandomErasing:
    """A random rectangle of a tensor image replaced by a value, or by normal numbers for "random" (Zhong et al., arXiv:1708.04896)."""

    def __init__(
        self, p: float = 0.5, scale: Any = (0.02, 0.33), ratio: Any = (0.3, 3.3), value: Any = 0, inplace: bool = False
    ) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Random erasing probability should be between 0 and 1, got {p}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', got {value!r}")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    def __call__(self, img: Tensor) -> Tensor:
        if not rand(1).item() < self.p:
            return img
        c, height, width = get_dimensions(img)
        low, high = np.log(np.asarray(self.ratio, np.float32))
        for _ in range(10):
            area = height * width * uniform(*self.scale)
            shape = float(np.exp(np.float32(uniform(float(low), float(high)))))
            h, w = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if not (h < height and w < width):
                continue
            if self.value == "random":
                v: Any = from_array(engine(None).normal((c, h, w), np.dtype(np.float32)))
            else:
                v = from_array(np.asarray(self.value, np.float32).reshape(-1, 1, 1))
            top = _below(height - h + 1)
            return F.erase(img, top, _below(width - w + 1), h, w, v, self.inplace)
        return img

    def __repr__(self) -> str:
        return f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, inplace={self.inplace})"
