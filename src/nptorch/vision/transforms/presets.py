"""How images are prepared for trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nptorch.nn.module import Module
from nptorch.tensor import Tensor
from nptorch.vision.transforms import functional as F
from nptorch.vision.transforms.functional.image import InterpolationMode


class ImageClassification(Module):
    """The shorter edge scaled to resize_size, the middle of crop_size cut out, values normalised: float (..., C, H, W)."""

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Tensor:
        """The prepared image."""
        img = F.center_crop(
            F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias), self.crop_size
        )
        tensor = img if isinstance(img, Tensor) else F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(tensor), self.mean, self.std)

    def __repr__(self) -> str:
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        shown = "".join(f"\n    {name}={getattr(self, name)}" for name in names)
        return f"{type(self).__name__}({shown}\n)"
