"""Real handwritten digits that come with the package: something to learn from without a download."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import Any

import numpy as np

from nptorch.tensor import from_array
from nptorch.vision.datasets.in_memory import InMemoryImages
from nptorch.vision.datasets.mnist import DIGIT_CLASSES
from nptorch.vision.datasets.vision import Transform

_SIDE, _BOX, _LEVELS = 28, 20, 16  # MNIST's image, the box its digits fit into; the brightest pixel of the source


class Digits(InMemoryImages):
    """1,437 training and 360 test images of handwritten digits in MNIST's look: 28 x 28, white on black, centred.

    data: uint8, (N, 28, 28). targets: int64, (N,). root and download are taken, and not needed, as MNIST takes them.
    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49, CC BY 4.0.
    """

    classes = DIGIT_CLASSES

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        part = "train" if train else "test"
        with files("nptorch.vision.datasets").joinpath("digits.npz").open("rb") as stream, np.load(stream) as stored:
            self.data = from_array(_as_mnist(stored[f"{part}_images"]))
            self.targets = from_array(stored[f"{part}_labels"].astype(np.int64))


def _as_mnist(small: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(N, 8, 8) of 0..16 to (N, 28, 28) of 0..255; in integers, so that every machine gets the same pixels."""
    weights, scale = _bilinear(small.shape[1], _BOX)
    large = np.einsum("oi,nij,pj->nop", weights, small.astype(np.int64), weights, optimize=True)
    unit = _LEVELS * scale * scale
    large = (large * 255 + unit // 2) // unit
    result = np.zeros((len(large), _SIDE, _SIDE), np.uint8)
    rows, columns = _centring_shift(large.sum(2)), _centring_shift(large.sum(1))
    for image, digit, top, left in zip(result, large, rows, columns, strict=True):
        image[top : top + _BOX, left : left + _BOX] = digit
    return result


def _bilinear(size: int, new_size: int) -> tuple[np.ndarray[Any, Any], int]:
    """Integer weights (new_size, size) of bilinear interpolation between pixel centres, and what each row sums to."""
    scale = 2 * new_size
    # Pixel o's centre lies at (o + 1/2) * size / new_size - 1/2 on the old grid; here in units of 1 / scale.
    centres = np.clip((2 * np.arange(new_size) + 1) * size - new_size, 0, (size - 1) * scale)
    return np.maximum(scale - abs(centres[:, None] - scale * np.arange(size)), 0), scale


def _centring_shift(profile: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where the box must start so that the mass lies in the middle; profile: the mass by row or column, (N, box)."""
    mass = profile.sum(1)
    doubled_moment = profile @ (2 * np.arange(_BOX) + 1)
    return np.clip((_SIDE * mass - doubled_moment + mass) // (2 * mass), 0, _SIDE - _BOX)
