"""Random turns, moves, scales, shears and tilts, drawn from the default generator in torchvision's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nptorch.nn.module import Module
from nptorch.ops.join import cat
from nptorch.random import rand
from nptorch.tensor import Tensor
from nptorch.vision.transforms import draw
from nptorch.vision.transforms import functional as F
from nptorch.vision.transforms.chance import Chance
from nptorch.vision.transforms.functional.image import InterpolationMode, interpolation_mode, pair

_NEAREST = InterpolationMode.NEAREST
Range = float | Sequence[float]


class RandomRotation(Module):
    """Turned by a random angle of a range (min, max), or of [-degrees, degrees]; counter-clockwise.

    expand, center, fill: see functional.rotate().
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomRotation.html

    Raises: ValueError for a negative number or a range that is no pair.
    """

    def __init__(
        self,
        degrees: Range,
        interpolation: InterpolationMode | int = _NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = _angles("degrees", degrees)
        self.interpolation = interpolation_mode(interpolation)
        self.expand = expand
        self.center = center
        self.fill = fill

    def forward(self, img: Any) -> Any:
        """The turned image."""
        angle = draw.uniform(*self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        shown = f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        shown += "" if self.center is None else f", center={self.center}"
        shown += "" if self.fill is None else f", fill={self.fill}"
        return f"{type(self).__name__}({shown})"


class RandomAffine(Module):
    """Turned (clockwise), moved, scaled and sheared at random about the middle, or about `center` (x, y).

    translate: largest part of (W, H) to move by. scale: range of factors. shear: range of degrees in x, then in y.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomAffine.html

    Raises: ValueError for numbers out of range, or too many of them.
    """

    def __init__(
        self,
        degrees: Range,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Range | None = None,
        interpolation: InterpolationMode | int = _NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = _angles("degrees", degrees)
        if translate is not None and (len(translate) != 2 or not all(0.0 <= part <= 1.0 for part in translate)):
            raise ValueError(f"translate should be two values between 0 and 1, got {translate!r}")
        if scale is not None and (len(scale) != 2 or not all(factor > 0 for factor in scale)):
            raise ValueError(f"scale should be two positive values, got {scale!r}")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else _angles("shear", shear, lengths=(2, 4))
        self.interpolation = interpolation_mode(interpolation)
        self.fill = fill
        self.center = center

    def forward(self, img: Any) -> Any:
        """The changed image."""
        _, height, width = F.get_dimensions(img)
        angle = draw.uniform(*self.degrees)
        move = (0, 0)
        if self.translate is not None:
            most_x, most_y = self.translate[0] * width, self.translate[1] * height
            move_x = round(draw.uniform(-most_x, most_x))
            move = (move_x, round(draw.uniform(-most_y, most_y)))
        scale = 1.0 if self.scale is None else draw.uniform(*self.scale)
        shear = (0.0, 0.0)
        if self.shear is not None:
            shear_x = draw.uniform(*self.shear[:2])
            shear = (shear_x, draw.uniform(*self.shear[2:]) if len(self.shear) == 4 else 0.0)
        return F.affine(img, angle, move, scale, shear, self.interpolation, self.fill, self.center)

    def __repr__(self) -> str:
        shown = f"degrees={self.degrees}"
        shown += "".join(
            f", {name}={getattr(self, name)}"
            for name in ("translate", "scale", "shear")
            if getattr(self, name) is not None
        )
        shown += f", interpolation={self.interpolation.value}" if self.interpolation is not _NEAREST else ""
        shown += f", fill={self.fill}" if self.fill != 0 else ""
        shown += "" if self.center is None else f", center={self.center}"
        return f"{type(self).__name__}({shown})"


class RandomPerspective(Chance):
    """Each corner moved inwards by up to distortion_scale of half the image, with probability p.

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomPerspective.html
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:
        super().__init__(p)
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation_mode(interpolation)
        self.fill = fill

    def change(self, img: Any) -> Any:
        """Tilted."""
        _, height, width = F.get_dimensions(img)
        start, end = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, start, end, self.interpolation, self.fill)

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """The corners (x, y), clockwise from the top left, and where they go."""
        most_x, most_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        left, right = (0, most_x + 1), (width - most_x - 1, width)
        top, bottom = (0, most_y + 1), (height - most_y - 1, height)
        corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        ends = [
            [draw.integer(*x), draw.integer(*y)]
            for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        return corners, ends


class ElasticTransform(Module):
    """Every pixel moved at random, as seen through water: up to alpha (x, y), smoothed by Gaussians of sigma (x, y) pixels.

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.ElasticTransform.html

    Raises: ValueError for a sequence of another length.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.alpha = [float(a) for a in pair(alpha, "alpha")]
        self.sigma = [float(s) for s in pair(sigma, "sigma")]
        self.interpolation = interpolation_mode(interpolation)
        self.fill = [float(part) for part in (fill if isinstance(fill, Sequence) else [fill])]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """A random displacement (1, H, W, 2) for an image of `size` (H, W)."""
        moves = []
        for most, smooth, length in zip(alpha, sigma, reversed(size), strict=True):
            move = rand(1, 1, *size) * 2 - 1
            if smooth > 0.0:
                width = int(8 * smooth + 1) | 1
                move = F.gaussian_blur(move, [width, width], sigma)
            moves.append(move * most / length)
        return cat(moves, 1).permute(0, 2, 3, 1)

    def forward(self, tensor: Any) -> Any:
        """The moved image."""
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in ("alpha", "sigma", "interpolation", "fill"))
        return f"{type(self).__name__}({shown})"


def _angles(name: str, value: Any, lengths: tuple[int, ...] = (2,)) -> list[float]:
    if not isinstance(value, Sequence):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive, got {value}.")
        return [-float(value), float(value)]
    if len(value) not in lengths:
        raise ValueError(f"{name} should be a number or a sequence of {' or '.join(map(str, lengths))}, got {value!r}")
    return [float(angle) for angle in value]
