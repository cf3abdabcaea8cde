"""Batches whose images and labels are mixed with those of their neighbours in the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nptorch.nn.functional import one_hot
from nptorch.tensor import Tensor
from nptorch.vision.transforms import draw
from nptorch.vision.transforms.v2 import functional as F
from nptorch.vision.transforms.v2.sample import Transform, leaves, rebuilt
from nptorch.vision.tv_tensors import wrap


def _find_labels(sample: Any) -> Any:
    """The second part of a pair, or what a dictionary keeps under a name like "labels"."""
    if isinstance(sample, (tuple, list)):
        sample = sample[1]
    if isinstance(sample, Mapping):
        names = [name for name in sample if isinstance(name, str) and "label" in name.lower()]
        if not names:
            raise ValueError(f"Could not infer where the labels are in the sample; its keys are {list(sample)}")
        return sample[min(names, key=lambda name: name.lower() not in ("label", "labels"))]
    return sample


class _Mixing(Transform):
    """alpha: of the Beta distribution of the shares. labels_getter: what finds the labels in a sample.

    Raises: ValueError, when called, for labels that are not (N,) or (N, num_classes), or images that are not (N, C, H, W).
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: Callable[[Any], Any] | str | None = "default",
    ) -> None:
        super().__init__()
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self._labels_getter = labels_getter if callable(labels_getter) else _find_labels

    def forward(self, *inputs: Any) -> Any:
        """The sample with mixed images and labels, the labels as float (N, num_classes)."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(sample))
        labels = self._labels_getter(sample)
        self._check_labels(labels)
        chosen = [
            choose and leaf is not labels for leaf, choose in zip(flat, self._needs_transform_list(flat), strict=True)
        ]
        images = [leaf for leaf, choose in zip(flat, chosen, strict=True) if choose]
        for image in images:
            if not isinstance(image, Tensor) or image.ndim != 4 or len(image) != len(labels):
                shape = list(image.shape) if isinstance(image, Tensor) else type(image).__name__
                raise ValueError(
                    f"{type(self).__name__} wants images ({len(labels)}, C, H, W) for the labels, got {shape}"
                )
        params = self.make_params(images)

        def new(leaf: Any, choose: bool) -> Any:
            if leaf is labels:
                return self._mixed_labels(leaf, params["lam"])
            return wrap(self.transform(leaf, params), like=leaf) if choose else leaf

        return rebuilt(sample, map(new, flat, chosen))

    def _check_labels(self, labels: Any) -> None:
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(
                f"labels should be (batch_size,) or (batch_size, num_classes), got shape {list(labels.shape)}"
            )
        if labels.ndim == 2 and self.num_classes not in (None, labels.shape[1]):
            raise ValueError(f"2D labels must have num_classes columns: {labels.shape[1]} != {self.num_classes}")
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def _mixed_labels(self, labels: Tensor, share: float) -> Tensor:
        labels = (one_hot(labels, self.num_classes or -1) if labels.ndim == 1 else labels).float()
        return _mixed(labels, share)

    def _share(self) -> float:
        return float(draw.dirichlet([self.alpha, self.alpha], 1)[0, 0])


def _mixed(batch: Tensor, share: float) -> Tensor:
    """share of each, and the rest of the one before it."""
    return batch.roll(1, 0).mul_(1.0 - share).add_(batch.mul(share))


class MixUp(_Mixing):
    """Each image and its label mixed with the one before it in the batch.

    Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", arXiv:1710.09412.
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The share of the image itself."""
        return {"lam": self._share()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The mixed images."""
        return _mixed(inpt, params["lam"])


class CutMix(_Mixing):
    """A rectangle of each image taken from the one before it in the batch, and as large a share of its label.

    Source: S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    arXiv:1905.04899.
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The rectangle, and the share that it leaves."""
        half = 0.5 * math.sqrt(1.0 - self._share())
        height, width = F.get_size(flat_inputs[0])
        x, y = draw.integer(0, width), draw.integer(0, height)
        left, right = max(x - int(half * width), 0), min(x + int(half * width), width)
        top, bottom = max(y - int(half * height), 0), min(y + int(half * height), height)
        left_over = 1.0 - (right - left) * (bottom - top) / (width * height)
        return {"box": (left, top, right, bottom), "lam": left_over}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The images with rectangles of others."""
        left, top, right, bottom = params["box"]
        made = inpt.clone()
        made[..., top:bottom, left:right] = inpt.roll(1, 0)[..., top:bottom, left:right]
        return made
