"""Other people's handwriting from MNIST's: crossed sevens, ones with a foot, thin and thick strokes, slant, shaking hands, grey pencils."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.app.strokes import COLUMNS, ROWS, SIDE, interpolation, nonsense, segments
from nptorch.ops.create import from_numpy
from nptorch.random import randint
from nptorch.utils.data.collate import Batch
from nptorch.utils.data.dataset import Dataset

Array = np.ndarray[Any, Any]
NO_DIGIT = "no digit"
_REJECTED = 0.1  # the share of images that become something else


class WrittenDigits(Dataset[Any]):
    """A data set of digits in memory, each image varied anew whenever it is asked for.

    reject: one class more, NO_DIGIT, that some images become. Shape: batches of float32 (N, 1, 28, 28) in [0, 1], light ink on black.
    """

    def __init__(self, digits: Any, reject: bool = False) -> None:
        self.digits = digits
        self.reject = reject
        self.classes = [*digits.classes, NO_DIGIT] if reject else digits.classes
        self.targets = digits.targets

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> Any:
        images, labels = self.__getitems__([index])
        return images[0], int(labels[0])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """The varied images of these digits."""
        rows = np.asarray(indices)
        images = self.digits.data.numpy()[rows].astype(np.float32) / 255
        labels = np.asarray(self.targets)[rows].astype(np.int64)
        # The numbers come from the library's generator, so that a seed decides them too.
        rng = np.random.default_rng(int(randint(0, 2**31, (1,)).item()))
        _habits(images, labels, rng)
        if self.reject:
            spoiled = np.flatnonzero(rng.random(len(labels)) < _REJECTED)
            images[spoiled] = nonsense(images[spoiled], rng)
            labels[spoiled] = self.classes.index(NO_DIGIT)
        return Batch(from_numpy(vary(images, rng)[:, None]), from_numpy(labels))


def vary(images: Array, rng: np.random.Generator) -> Array:
    """Images (N, 28, 28) in [0, 1], each changed at random in a way that another hand, pen or paper would."""
    images = _thickness(images.copy(), rng)
    images = _warp(images, rng)
    n = len(images)
    # Pencils are grey, felt pens black, and photographs noisy and soft.
    soft = rng.random(n) < 0.25
    images[soft] = _blurred(images[soft])
    images = images ** np.exp(rng.normal(0, 0.3, (n, 1, 1))).astype(np.float32)
    images *= rng.uniform(0.65, 1.0, (n, 1, 1)).astype(np.float32)
    noisy = np.flatnonzero(rng.random(n) < 0.25)
    images[noisy] += rng.normal(0, 0.06, (len(noisy), SIDE, SIDE)).astype(np.float32)
    return np.clip(images, 0, 1).astype(np.float32)


def _habits(images: Array, labels: Array, rng: np.random.Generator) -> None:
    """The bar of a crossed seven, the foot and the flag of a one, in place."""

    def some(digit: int, share: float) -> tuple[Array, Array, Array]:
        chosen = np.flatnonzero((labels == digit) & (rng.random(len(labels)) < share))
        return chosen, images[chosen] > 0.4, rng.uniform(1.4, 3.0, len(chosen))

    def row_center(ink: Array, row: Array) -> Array:
        line = ink[np.arange(len(ink)), row]
        return (line * np.arange(SIDE)).sum(1) / np.maximum(line.sum(1), 1)

    chosen, ink, width = some(7, 0.3)
    if len(chosen):
        row = rng.integers(13, 18, len(chosen))
        x, reach, tilt = row_center(ink, row), rng.uniform(3, 6, len(chosen)), rng.uniform(-1.5, 1.5, len(chosen))
        segments(images, chosen, (x - reach, row + tilt), (x + reach, row - tilt), width)
    chosen, ink, width = some(1, 0.3)
    if len(chosen):
        bottom = SIDE - 1 - np.argmax(np.any(ink, axis=2)[:, ::-1], 1)
        x, reach = row_center(ink, bottom), rng.uniform(2.5, 6, len(chosen))
        tilt = rng.uniform(-1, 1, len(chosen))
        segments(images, chosen, (x - reach, bottom + tilt), (x + reach, bottom - tilt), width)
    chosen, ink, width = some(1, 0.6)
    if len(chosen):
        top = np.argmax(ink.any(2), 1)
        x = row_center(ink, top)
        # A flag falls, where the top of a seven is nearly level.
        across = rng.uniform(2, 10, len(chosen))
        down = across * rng.uniform(0.6, 1.6, len(chosen))
        segments(images, chosen, (x, top + 0.5), (x - across, top + down), width)


def _shifted_extreme(images: Array, f: Any, offsets: Sequence[tuple[int, int]]) -> Array:
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    found = images
    for dy, dx in offsets:
        found = f(found, padded[:, 1 + dy : 1 + dy + SIDE, 1 + dx : 1 + dx + SIDE])
    return found


_CROSS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_CORNER = ((0, 1), (1, 0), (1, 1))


def _thickness(images: Array, rng: np.random.Generator) -> Array:
    """Some strokes thicker by one, two or four pixels, some thinner by one where that leaves ink."""
    kind = rng.random(len(images))
    for low, high, f, offsets in (
        (0.0, 0.18, np.maximum, _CORNER),
        (0.18, 0.30, np.maximum, _CROSS),
        (0.30, 0.36, np.maximum, _CROSS + _CORNER),
        (0.36, 0.50, np.minimum, _CORNER),
    ):
        chosen = np.flatnonzero((kind >= low) & (kind < high))
        changed = _shifted_extreme(images[chosen], f, offsets)
        enough = changed.sum((1, 2)) > 0.35 * images[chosen].sum((1, 2))
        images[chosen[enough]] = changed[enough]
    chosen = np.flatnonzero((kind >= 0.30) & (kind < 0.36))
    images[chosen] = _shifted_extreme(images[chosen], np.maximum, _CROSS)
    return images


_COARSE = interpolation(5)


def _warp(images: Array, rng: np.random.Generator) -> Array:
    """Turn, slant, stretch, shift, and shake by a smooth random field."""
    n = len(images)
    angle, slant = rng.normal(0, 0.17, n), rng.normal(0, 0.22, n)
    stretch = np.exp(rng.normal(0, 0.13, (2, n)))
    common = np.exp(rng.uniform(-0.08, 0.25, n))  # up to a fifth smaller
    # Inverse map: where each target pixel comes from.
    cos, sin = np.cos(angle) * common, np.sin(angle) * common
    x, y = COLUMNS - 13.5, ROWS - 13.5
    a, b = (cos * stretch[0])[:, None, None], (sin * stretch[0] + slant)[:, None, None]
    c, d = (-sin * stretch[1])[:, None, None], (cos * stretch[1])[:, None, None]
    shift = rng.normal(0, 1.1, (2, n, 1, 1))
    shake = rng.normal(0, 1, (2, n, 5, 5)).astype(np.float32) * rng.uniform(0.2, 1.4, (1, n, 1, 1)).astype(np.float32)
    field = _COARSE @ shake @ _COARSE.T
    from_x = a * x + b * y + shift[0] + field[0] + 13.5
    from_y = c * x + d * y + shift[1] + field[1] + 13.5
    return _sampled(images, from_x.astype(np.float32), from_y.astype(np.float32))


def _sampled(images: Array, x: Array, y: Array) -> Array:
    """Values at places between pixels, bilinear, black outside."""
    n = len(images)
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2))).reshape(-1)
    width = SIDE + 3
    x, y = np.clip(x + 1, 0, SIDE + 1), np.clip(y + 1, 0, SIDE + 1)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = x - left, y - top
    at = (np.arange(n, dtype=np.int32) * (width * width))[:, None, None] + top * width + left
    upper = padded[at] * (1 - fx) + padded[at + 1] * fx
    lower = padded[at + width] * (1 - fx) + padded[at + width + 1] * fx
    return upper * (1 - fy) + lower * fy


def _blurred(images: Array) -> Array:
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
