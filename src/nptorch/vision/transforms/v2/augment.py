"""AutoAugment and its kin with the second version's draws: a sign is a uniform number, thresholds are parts of full brightness."""

from __future__ import annotations

from functools import partial
from typing import Any

from nptorch.vision.transforms import autoaugment as first
from nptorch.vision.transforms import draw
from nptorch.vision.transforms.autoaugment import AUTO
from nptorch.vision.transforms.v2.sample import OnSample


class _Augment(OnSample, first.Augment):
    full = None

    def negative(self) -> bool:
        """Whether a strength gets a minus."""
        return draw.uniform() <= 0.5


class RandAugment(_Augment, first.RandAugment):
    __doc__ = first.RandAugment.__doc__
    first_version = first.RandAugment


class TrivialAugmentWide(_Augment, first.TrivialAugmentWide):
    __doc__ = first.TrivialAugmentWide.__doc__
    first_version = first.TrivialAugmentWide


class AugMix(_Augment, first.AugMix):
    __doc__ = first.AugMix.__doc__
    first_version = first.AugMix


class AutoAugment(_Augment, first.AutoAugment):
    __doc__ = first.AutoAugment.__doc__

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The changed image."""
        for name, p, level in self.policies[draw.integer(0, len(self.policies))]:
            if draw.uniform() <= p:
                inpt = self.changed(inpt, AUTO, name, 10, partial(int, level or 0), self.negative)
        return inpt
