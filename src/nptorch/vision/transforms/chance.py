"""The base of transforms that happen with a probability."""

from __future__ import annotations

from typing import Any

from nptorch.nn.module import Module
from nptorch.vision.transforms import draw


class Chance(Module):
    """change(img) with probability p, else the image as it is."""

    shown: tuple[str, ...] = ()  # what the repr shows before p

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def change(self, img: Any) -> Any:
        """The changed image; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define change(img)")

    def forward(self, img: Any) -> Any:
        """The image, changed or not."""
        return self.change(img) if draw.happens(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}({','.join(f'{name}={getattr(self, name)}' for name in (*self.shown, 'p'))})"
