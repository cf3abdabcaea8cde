"""Data sets whose images lie in memory as one uint8 array: a batch of them is one gather, not one call per image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.kernels.images import image_batch
from nptorch.tensor import Tensor, from_array
from nptorch.utils.data.collate import Batch
from nptorch.vision.datasets.vision import VisionDataset
from nptorch.vision.transforms.batched import batch_plan


class InMemoryImages(VisionDataset):
    """Images in `data`, uint8, (N, H, W) as a Tensor or (N, H, W, C) as an ndarray; labels in `targets`.

    A sample is a PIL image and an int, then the transforms.
    """

    data: Any
    targets: Any

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from PIL import Image

        image = Image.fromarray(_array(self.data)[index])
        return self._apply(image, int(self.targets[index]))

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """The samples of many indices: a collated Batch if the transforms allow it, else a list of samples."""
        pixels = _array(self.data)
        # A subclass with a __getitem__ of its own decides what a sample is.
        if type(self).__getitem__ is InMemoryImages.__getitem__ and self.target_transform is None:
            plan = batch_plan(self.transform, pixels)
            labels = None if plan is None else self._labels(indices)
            if plan is not None and labels is not None:
                images = image_batch(pixels, np.asarray(indices, np.int64), mean=plan.mean, std=plan.std)
                return Batch(from_array(images), from_array(labels))
        return [self[i] for i in indices]

    def _labels(self, indices: Sequence[int]) -> np.ndarray[Any, Any] | None:
        """The labels as default_collate makes them from ints, or None if some are something else."""
        if isinstance(self.targets, Tensor):
            labels = self.targets._array
            return (
                labels[np.asarray(indices)].astype(np.int64) if labels.dtype.kind in "iu" and labels.ndim == 1 else None
            )
        chosen = [self.targets[i] for i in indices]
        return np.array(chosen, np.int64) if set(map(type, chosen)) <= {int} else None


def _array(data: Any) -> Any:
    return data._array if isinstance(data, Tensor) else data
