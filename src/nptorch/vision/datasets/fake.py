"""Random images, for trying a program out without data."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.mt19937 import Engine
from nptorch.tensor import from_array
from nptorch.vision.datasets.vision import Transform, VisionDataset
from nptorch.vision.transforms.functional import to_pil_image


class FakeData(VisionDataset):
    """`size` PIL images of normal noise with random labels; an index always gives the same sample.

    image_size: (C, H, W). Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.FakeData.html
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.image_size = image_size
        self.num_classes = num_classes
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= self.size:
            raise IndexError(f"{type(self).__name__} index {index} is out of range: it has {self.size} samples")
        # An engine of its own: the global one stays as it is.
        engine = Engine(index + self.random_offset)
        noise = engine.normal(self.image_size, np.float32)
        label = int(engine.randint(0, self.num_classes, (1,))[0])
        return self._apply(to_pil_image(from_array(noise)), label)

    def __len__(self) -> int:
        return self.size
