"""Transforms of transforms: one after the other, sometimes, in any order."""

from __future__ import annotations

import random as python_random
from collections.abc import Callable, Sequence
from typing import Any

from nptorch.random import rand

Transform = Callable[[Any], Any]


class _Chain:
    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError(f"Argument transforms should be a sequence, got {type(transforms).__name__}")
        self.transforms = transforms

    def _lines(self) -> str:
        return "".join("\n    " + repr(t) for t in self.transforms)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._lines()}\n)"


class Compose(_Chain):
    """Several transforms, one after the other (https://pytorch.org/vision/stable/generated/torchvision.transforms.Compose.html)."""

    def __call__(self, img: Any) -> Any:
        for t in self.transforms:
            img = t(img)
        return img


class RandomApply(_Chain):
    """All of the transforms with probability p, else none."""

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = p

    def __call__(self, img: Any) -> Any:
        if self.p < rand(1).item():
            return img
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return f"RandomApply(\n    p={self.p}{self._lines()}\n)"


class RandomChoice(_Chain):
    """One of the transforms, drawn by Python's generator as in torchvision."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        self.p = p

    def __call__(self, img: Any) -> Any:
        return python_random.choices(self.transforms, weights=self.p)[0](img)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


class RandomOrder(_Chain):
    """All transforms in an order drawn by Python's generator."""

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        python_random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class Lambda:
    """A user's function as a transform."""

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"
