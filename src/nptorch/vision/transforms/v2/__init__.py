"""The same transforms for samples, torchvision.transforms.v2 (https://pytorch.org/vision/stable/transforms.html).

Images of a sample are changed, labels pass. Boxes, masks, key points and videos are not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nptorch.vision import transforms as first
from nptorch.vision.transforms import AutoAugmentPolicy, InterpolationMode, draw
from nptorch.vision.transforms.v2 import functional
from nptorch.vision.transforms.v2.augment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from nptorch.vision.transforms.v2.containers import Compose, Identity, Lambda, RandomApply, RandomChoice, RandomOrder
from nptorch.vision.transforms.v2.conversion import (
    RGB,
    GaussianNoise,
    PILToTensor,
    RandomChannelPermutation,
    ToDtype,
    ToImage,
    ToPILImage,
    ToPureTensor,
    ToTensor,
)
from nptorch.vision.transforms.v2.mixing import CutMix, MixUp
from nptorch.vision.transforms.v2.sample import OnSample, Transform, on_samples

CenterCrop, Resize, Pad = map(on_samples, (first.CenterCrop, first.Resize, first.Pad))
FiveCrop, TenCrop = map(on_samples, (first.FiveCrop, first.TenCrop))
RandomHorizontalFlip, RandomVerticalFlip = map(on_samples, (first.RandomHorizontalFlip, first.RandomVerticalFlip))
RandomResizedCrop, RandomErasing = map(on_samples, (first.RandomResizedCrop, first.RandomErasing))
RandomRotation, RandomAffine = map(on_samples, (first.RandomRotation, first.RandomAffine))
RandomPerspective, GaussianBlur = map(on_samples, (first.RandomPerspective, first.GaussianBlur))
ColorJitter, Grayscale, RandomGrayscale = map(on_samples, (first.ColorJitter, first.Grayscale, first.RandomGrayscale))
RandomInvert, RandomPosterize, RandomSolarize = map(
    on_samples, (first.RandomInvert, first.RandomPosterize, first.RandomSolarize)
)
RandomAutocontrast, RandomEqualize, RandomAdjustSharpness = map(
    on_samples, (first.RandomAutocontrast, first.RandomEqualize, first.RandomAdjustSharpness)
)
ConvertImageDtype, Normalize = map(on_samples, (first.ConvertImageDtype, first.Normalize))
ElasticTransform, LinearTransformation = map(on_samples, (first.ElasticTransform, first.LinearTransformation))


class RandomCrop(OnSample, first.RandomCrop):
    __doc__ = first.RandomCrop.__doc__
    first_version = first.RandomCrop

    @staticmethod
    def get_params(img: Any, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """A random (top, left, height, width); a number is drawn only where there is a choice.

        Raises: ValueError if the image is smaller.
        """
        (_, height, width), (new_height, new_width) = functional.get_dimensions(img), output_size
        if height < new_height or width < new_width:
            raise ValueError(
                f"Required crop size {tuple(output_size)} is larger than input image size {(height, width)}"
            )
        top = draw.integer(0, height - new_height + 1) if height > new_height else 0
        left = draw.integer(0, width - new_width + 1) if width > new_width else 0
        return top, left, new_height, new_width


__all__ = [
    "RGB",
    "AugMix",
    "AutoAugment",
    "AutoAugmentPolicy",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "CutMix",
    "ElasticTransform", "FiveCrop",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "Identity",
    "InterpolationMode",
    "Lambda", "LinearTransformation",
    "MixUp",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomChannelPermutation",
    "RandomChoice",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
    "Transform",
    "TrivialAugmentWide",
    "functional",
]  # fmt: skip
