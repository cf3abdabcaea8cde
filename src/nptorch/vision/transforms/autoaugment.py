"""Chains of changes whose kind and strength are drawn: AutoAugment, RandAugment, TrivialAugment, AugMix.

Images are PIL images ("L" or "RGB") or uint8 tensors (..., 1 or 3, H, W); the draws are torchvision's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nptorch.nn.module import Module
from nptorch.ops.create import linspace
from nptorch.random import rand, randint
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms import draw
from nptorch.vision.transforms import functional as F
from nptorch.vision.transforms.functional.image import InterpolationMode, interpolation_mode, max_value
from nptorch.vision.transforms.policies import POLICIES, Step

_NEAREST = InterpolationMode.NEAREST
_PLACES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_COLOURS = ("Brightness", "Color", "Contrast", "Sharpness")
_LEVELS = ("Posterize", "Solarize", "AutoContrast", "Equalize")
_SIGNED = {*_PLACES, *_COLOURS}


class AutoAugmentPolicy(Enum):
    """What AutoAugment's policies were learned on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


def _move(img: Any, x: float = 0, y: float = 0, shear: tuple[float, float] = (0.0, 0.0), **how: Any) -> Any:
    return F.affine(img, 0.0, [int(x), int(y)], 1.0, list(shear), **how)


def _slope(strength: float) -> float:
    return math.degrees(math.atan(strength))


# (image, strength, how places are read) to the changed image; shears leave the corner (0, 0) where it is.
_CHANGES: dict[str, Callable[..., Any]] = {
    "Identity": lambda img, s, **how: img,
    "ShearX": lambda img, s, **how: _move(img, shear=(_slope(s), 0.0), center=[0, 0], **how),
    "ShearY": lambda img, s, **how: _move(img, shear=(0.0, _slope(s)), center=[0, 0], **how),
    "TranslateX": lambda img, s, **how: _move(img, x=s, **how),
    "TranslateY": lambda img, s, **how: _move(img, y=s, **how),
    "Rotate": lambda img, s, **how: F.rotate(img, s, **how),
    "Brightness": lambda img, s, **how: F.adjust_brightness(img, 1.0 + s),
    "Color": lambda img, s, **how: F.adjust_saturation(img, 1.0 + s),
    "Contrast": lambda img, s, **how: F.adjust_contrast(img, 1.0 + s),
    "Sharpness": lambda img, s, **how: F.adjust_sharpness(img, 1.0 + s),
    "Posterize": lambda img, s, **how: F.posterize(img, int(s)),
    "Solarize": lambda img, s, **how: F.solarize(img, s),
    "AutoContrast": lambda img, s, **how: F.autocontrast(img),
    "Equalize": lambda img, s, **how: F.equalize(img),
    "Invert": lambda img, s, **how: F.invert(img),
}


class Space(NamedTuple):
    """The changes to draw from, and the strength of the strongest of each kind."""

    names: tuple[str, ...]
    shear: float
    turn: float  # degrees
    colour: float
    bits: tuple[int, int]  # of the weakest Posterize, and how many fewer the strongest leaves
    part: float = 0.0  # of the image to move by
    pixels: float = 0.0  # to move by

    def strengths(self, name: str, bins: int, width: int, height: int, full: float) -> list[float] | None:
        """What the numbers 0 to bins - 1 mean for a change; None if it has no strength. full: the highest threshold."""
        if name == "Posterize":
            first, fewer = self.bits
            return (first - np.rint(np.arange(bins, dtype=np.float32) / np.float32((bins - 1) / fewer))).tolist()
        low, high = {
            **dict.fromkeys(("ShearX", "ShearY"), (0.0, self.shear)),
            "TranslateX": (0.0, self.part * width + self.pixels),
            "TranslateY": (0.0, self.part * height + self.pixels),
            "Rotate": (0.0, self.turn),
            **dict.fromkeys(_COLOURS, (0.0, self.colour)),
            "Solarize": (full, 0.0),
        }.get(name, (0.0, 0.0))
        return None if low == high else linspace(low, high, bins).tolist()


AUTO = Space((), shear=0.3, turn=30.0, colour=0.9, bits=(8, 4), part=150.0 / 331.0)
RAND = AUTO._replace(names=("Identity", *_PLACES, *_COLOURS, *_LEVELS))
WIDE = Space(RAND.names, shear=0.99, turn=135.0, colour=0.99, bits=(8, 6), pixels=32.0)
MIX = Space((*_PLACES, *_LEVELS), shear=0.3, turn=30.0, colour=0.9, bits=(4, 4), part=1 / 3)


class Augment(Module):
    """The base: how a change is drawn, and how it is applied."""

    shown: tuple[str, ...] = ()  # what the repr shows before fill
    full: float | None = 255.0  # Solarize's highest threshold; None: the image's full brightness

    def __init__(self, interpolation: InterpolationMode | int = _NEAREST, fill: Any = None) -> None:
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.fill = fill

    def negative(self) -> bool:
        """Whether a strength gets a minus."""
        return bool(draw.integer(0, 2))

    def drawn(self, space: Space) -> str:
        """One of the changes."""
        return space.names[draw.integer(0, len(space.names))]

    def changed(
        self, img: Any, space: Space, name: str, bins: int, level: Callable[[], int], negative: Callable[[], bool]
    ) -> Any:
        """The image after a change of strength level() of `bins`, with a minus if negative()."""
        _, height, width = F.get_dimensions(img)
        full = 1.0 if self.full is None else self.full
        strengths = space.strengths(name, bins, width, height, full)
        strength = 0.0 if strengths is None else strengths[level()]
        if name in _SIGNED and negative():
            strength = -strength
        if name == "Solarize" and self.full is None:
            strength *= max_value(img.dtype) if isinstance(img, Tensor) else 255
        return _CHANGES[name](img, strength, interpolation=self.interpolation, fill=self.fill)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in (*self.shown, 'fill'))})"


class AutoAugment(Augment):
    """One of 25 learned pairs of changes, each with its probability and strength.

    Source: E. D. Cubuk et al., "AutoAugment: Learning Augmentation Policies from Data", arXiv:1805.09501.

    Raises: ValueError for a policy that is none.
    """

    shown = ("policy",)

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: InterpolationMode | int = _NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized; AutoAugmentPolicy has them")
        self.policy = policy

    @property
    def policies(self) -> list[tuple[Step, Step]]:
        """The pairs: (change, probability, strength of 0 to 9) each."""
        return POLICIES[self.policy.value]

    def forward(self, img: Any) -> Any:
        """The changed image."""
        pair = self.policies[draw.integer(0, len(self.policies))]
        chances, signs = rand(2).tolist(), randint(2, (2,)).tolist()
        for (name, p, level), chance, sign in zip(pair, chances, signs, strict=True):
            if chance <= p:
                img = self.changed(img, AUTO, name, 10, partial(int, level or 0), partial(bool, not sign))
        return img


class RandAugment(Augment):
    """num_ops changes of one strength, of 0 to num_magnitude_bins - 1.

    Source: E. D. Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space",
    arXiv:1909.13719.
    """

    shown = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation")

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode | int = _NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        """The changed image."""
        for _ in range(self.num_ops):
            name = self.drawn(RAND)
            img = self.changed(img, RAND, name, self.num_magnitude_bins, lambda: self.magnitude, self.negative)
        return img


class TrivialAugmentWide(Augment):
    """One change of any strength.

    Source: S. G. Muller, F. Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation",
    arXiv:2103.10158.
    """

    shown = ("num_magnitude_bins", "interpolation")

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: InterpolationMode | int = _NEAREST, fill: Any = None
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        """The changed image."""
        bins = self.num_magnitude_bins
        return self.changed(img, WIDE, self.drawn(WIDE), bins, lambda: draw.integer(0, bins), self.negative)


class AugMix(Augment):
    """The image mixed with mixture_width of its chains of chain_depth changes (negative: 1 to 3), of at most `severity`.

    alpha: of the Dirichlet distribution of the weights. all_ops: with brightness, colour, contrast and sharpness.
    Source: D. Hendrycks et al., "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty",
    arXiv:1912.02781.

    Raises: ValueError for a severity outside [1, 10].
    """

    shown = ("severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation")

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def forward(self, orig_img: Any) -> Any:
        """The mixture."""
        img = orig_img if isinstance(orig_img, Tensor) else F.pil_to_tensor(orig_img)
        space = MIX._replace(names=(*MIX.names, *_COLOURS)) if self.all_ops else MIX
        batch = img[(None,) * max(4 - img.ndim, 0)]
        kept, share = draw.dirichlet([self.alpha] * 2, len(batch)).T
        weights = (draw.dirichlet([self.alpha] * self.mixture_width, len(batch)) * share[:, None]).T
        mixture = _scaled(batch, kept)
        for weight in weights:
            changed = batch
            for _ in range(self.chain_depth if self.chain_depth > 0 else draw.integer(1, 4)):
                name = self.drawn(space)
                changed = self.changed(changed, space, name, 10, lambda: draw.integer(0, self.severity), self.negative)
            mixture = mixture + _scaled(changed, weight)
        made = from_array(mixture).reshape(img.shape).to(img.dtype)
        return made if img is orig_img else F.to_pil_image(made)


def _scaled(batch: Tensor, weights: Any) -> Any:
    return weights.reshape(-1, *[1] * (batch.ndim - 1)) * batch.detach()._array.astype(np.float32)
