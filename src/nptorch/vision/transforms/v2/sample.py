"""Samples: an image, or tuples, lists and dictionaries with images in them; what a transform changes and what it lets pass."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nptorch.nn.module import Module
from nptorch.random import get_rng_state, set_rng_state
from nptorch.tensor import Tensor
from nptorch.vision.transforms.functional.image import InterpolationMode, is_pil_image
from nptorch.vision.tv_tensors import Image, TVTensor, wrap


def leaves(sample: Any) -> Iterator[Any]:
    """What is in tuples, lists and dictionaries, depth first."""
    if isinstance(sample, (tuple, list, dict)):
        for part in sample.values() if isinstance(sample, dict) else sample:
            yield from leaves(part)
    else:
        yield sample


def rebuilt(sample: Any, new: Iterator[Any]) -> Any:
    """The same tuples, lists and dictionaries, with new leaves."""
    if isinstance(sample, dict):
        return type(sample)((key, rebuilt(part, new)) for key, part in sample.items())
    if isinstance(sample, (tuple, list)):
        parts = [rebuilt(part, new) for part in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
    return next(new)


def is_pure_tensor(value: Any) -> bool:
    """Whether it is a Tensor, and no TVTensor."""
    return isinstance(value, Tensor) and not isinstance(value, TVTensor)


def _is_one(value: Any, kinds: Iterable[Any]) -> bool:
    return any(isinstance(value, kind) if isinstance(kind, type) else kind(value) for kind in kinds)


class Transform(Module):
    """The base of transforms of samples: make_params() draws once a sample, transform() changes each image.

    If there is a PIL image or a tv_tensors.Image, plain tensors pass; else the first of them is the image.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.v2.Transform.html
    """

    _transformed_types: tuple[type | Callable[[Any], bool], ...] = (Tensor, is_pil_image)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raises what there is to object to a sample."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What transform() is told, from all that will be transformed."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The changed image; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define transform(inpt, params)")

    def forward(self, *inputs: Any) -> Any:
        """The sample, changed."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(sample))
        self.check_inputs(flat)
        chosen = self._needs_transform_list(flat)
        params = self.make_params([leaf for leaf, choose in zip(flat, chosen, strict=True) if choose])
        new = (self.transform(leaf, params) if choose else leaf for leaf, choose in zip(flat, chosen, strict=True))
        return rebuilt(sample, new)

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        """Which of the leaves to transform."""
        plain_is_image = not any(isinstance(leaf, Image) or is_pil_image(leaf) for leaf in flat_inputs)
        chosen = []
        for leaf in flat_inputs:
            choose = _is_one(leaf, self._transformed_types)
            if choose and is_pure_tensor(leaf):
                choose, plain_is_image = plain_is_image, False
            chosen.append(choose)
        return chosen

    def extra_repr(self) -> str:
        """The simple attributes, in the order in which they were set."""
        simple = (bool, int, float, str, tuple, list, enum.Enum)
        shown = {name: value for name, value in vars(self).items() if name[0] != "_" and name != "training"}
        return ", ".join(f"{name}={value}" for name, value in shown.items() if isinstance(value, simple))


class OnSample(Transform):
    """A transform of the first version, for samples: all images of one sample get the same random numbers."""

    first_version: Any

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Where the generator stands, if it must stand there again."""
        return {"state": get_rng_state() if len(flat_inputs) > 1 else None}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """What the first version makes of the image."""
        if params["state"] is not None:
            set_rng_state(params["state"])
        made = self.first_version.forward(self, inpt)
        return wrap(made, like=inpt) if isinstance(made, Tensor) else made

    def extra_repr(self) -> str:
        """The simple attributes; an interpolation by its name, for that is how the second version takes it."""
        return re.sub(
            r"InterpolationMode\.(\w+)", lambda found: InterpolationMode[found[1]].value, super().extra_repr()
        )

    __repr__ = Module.__repr__


def on_samples(first_version: Any) -> Any:
    """The transform of the same name for samples."""
    names = {
        "__module__": "nptorch.vision.transforms.v2",
        "__doc__": first_version.__doc__,
        "first_version": first_version,
    }
    return type(first_version.__name__, (OnSample, first_version), names)
