"""Which chains of transforms can be applied to a whole batch of uint8 images at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor
from nptorch.vision.transforms.chains import Compose
from nptorch.vision.transforms.color import Grayscale
from nptorch.vision.transforms.conversion import ConvertImageDtype, Normalize, PILToTensor, ToTensor
from nptorch.vision.transforms.functional.geometry import resized_size
from nptorch.vision.transforms.geometry import Resize


class BatchPlan(NamedTuple):
    """What is left of a chain: division by 255, then these, one number a channel or one for all."""

    mean: np.ndarray[Any, Any] | None = None
    std: np.ndarray[Any, Any] | None = None


def batch_plan(transform: Any, pixels: Any) -> BatchPlan | None:
    """How `transform` turns images into tensors, or None if it must see them one by one.

    pixels: the images, uint8, (N, H, W) or (N, H, W, C).
    """
    if transform is None or not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        return None
    height, width = pixels.shape[1:3]
    channels = pixels.shape[3] if pixels.ndim == 4 else 1
    stage, plan = "image", BatchPlan()
    for step in _flatten(transform):
        match stage, _kind(step):
            case "image", cls if cls is ToTensor:
                stage = "float"
            case "image", cls if cls is PILToTensor:
                stage = "uint8"
            case "image", cls if cls is Grayscale and step.num_output_channels == channels == 1:
                pass
            case (("uint8" | "float"), cls) if (
                cls is ConvertImageDtype and step.dtype is dtypes.float32 and getattr(step, "scale", True)
            ):
                stage = "float"
            case "float", cls if cls is Normalize and plan.mean is None:
                mean, std = _numbers(step.mean), _numbers(step.std)
                if mean.size not in (1, channels) or std.size not in (1, channels) or not std.all():
                    return None
                plan = BatchPlan(mean, std)
            case _, cls if cls is Resize and resized_size((height, width), step.size, step.max_size) == (height, width):
                pass
            case _:
                return None
    return plan if stage == "float" else None


def _flatten(transform: Any) -> Iterator[Any]:
    if _kind(transform) is Compose:
        for step in transform.transforms:
            yield from _flatten(step)
    else:
        yield transform


def _kind(transform: Any) -> type:
    """The exact type, for a subclass may do anything; transforms.v2 names the one that its own mean."""
    return vars(type(transform)).get("first_version", type(transform))


def _numbers(values: Any) -> Any:
    return np.asarray(values._array if isinstance(values, Tensor) else values, np.float32).reshape(-1)
