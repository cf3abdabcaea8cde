"""torchvision.transforms' names (https://pytorch.org/vision/stable/transforms.html)."""

from nptorch.vision.transforms import functional
from nptorch.vision.transforms.chains import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from nptorch.vision.transforms.color import ColorJitter, GaussianBlur, Grayscale, RandomGrayscale, RandomInvert
from nptorch.vision.transforms.conversion import ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor
from nptorch.vision.transforms.functional import InterpolationMode
from nptorch.vision.transforms.geometry import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    TenCrop,
)

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "FiveCrop", "GaussianBlur", "Grayscale", "InterpolationMode", "Lambda",
    "Normalize", "PILToTensor", "Pad", "RandomAffine", "RandomApply", "RandomChoice", "RandomCrop", "RandomErasing", "RandomGrayscale",
    "RandomHorizontalFlip", "RandomInvert", "RandomOrder", "RandomResizedCrop", "RandomRotation", "RandomVerticalFlip", "Resize",
    "TenCrop", "ToPILImage", "ToTensor", "functional",
]  # fmt: skip
