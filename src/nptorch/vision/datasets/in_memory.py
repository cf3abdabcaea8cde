"""Data sets whose images lie in memory as one uint8 array: a batch of them is one gather, not one call per image."""

from __future__ import annotations

import operator
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
    classes: list[str]
    train: bool

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {'Train' if self.train else 'Test'}"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from PIL import Image

        index = operator.index(index)
        image = Image.fromarray(_array(self.data)[index])
        return self._apply(image, int(self.targets[index]))

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """The samples of many indices: a collated Batch if the transforms allow it, else a list of samples.

        Raises: IndexError for an index out of range.
        """
        pixels = _array(self.data)
        plan = batch_plan(self.transform, pixels) if self.target_transform is None else None
        if plan is not None:
            rows = self._rows(indices)
            labels = self._labels(rows)
            if labels is not None:
                return Batch(from_array(image_batch(pixels, rows, mean=plan.mean, std=plan.std)), from_array(labels))
        return [self[i] for i in indices]

    def _rows(self, indices: Sequence[int]) -> np.ndarray[Any, Any]:
        rows = np.fromiter(map(operator.index, indices), np.int64, len(indices))
        count = len(self)
        wrong = rows[(rows < -count) | (rows >= count)]
        if wrong.size:
            raise IndexError(f"index {wrong[0]} is out of range: {type(self).__name__} has {count} samples")
        return np.where(rows < 0, rows + count, rows)

    def _labels(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """The labels as default_collate makes them of ints, or None if some are something else."""
        if isinstance(self.targets, Tensor):
            labels = self.targets._array
            return labels[rows].astype(np.int64) if labels.dtype.kind in "iu" and labels.ndim == 1 else None
        chosen = [self.targets[i] for i in rows.tolist()]
        return np.array(chosen, np.int64) if set(map(type, chosen)) <= {int} else None


def _array(data: Any) -> Any:
    return data._array if isinstance(data, Tensor) else data
