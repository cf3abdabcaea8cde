"""Batches of images: from uint8 pixels in memory to the float32 tensor that a network takes, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nptorch.kernels import native

Array = np.ndarray[Any, Any]


def image_batch(
    images: Array,
    indices: Array,
    *,
    mean: Sequence[float] | Array | None = None,
    std: Sequence[float] | Array | None = None,
) -> Array:
    """(images[indices] / 255 - mean) / std, every step rounded to float32.

    images: uint8, (N, H, W) or (N, H, W, C). indices: int64, (B,). mean, std: one number a channel, or one for all.
    Returns: float32, (B, C, H, W).
    """
    fits = images.dtype == np.uint8 and images.ndim in (3, 4) and images.flags.c_contiguous
    if native.IN_USE and fits and indices.dtype == np.int64 and indices.ndim == 1:
        channels = 1 if images.ndim == 3 else images.shape[3]
        return native.extension.image_batch(images, indices, _table(channels, _key(mean), _key(std)))
    return image_batch_reference(images, indices, mean=mean, std=std)


def image_batch_reference(
    images: Array,
    indices: Array,
    *,
    mean: Sequence[float] | Array | None = None,
    std: Sequence[float] | Array | None = None,
) -> Array:
    """The same in NumPy."""
    pixels = images.take(indices, axis=0)
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    batch = np.ascontiguousarray(pixels).astype(np.float32)
    batch /= np.float32(255)
    if mean is not None:
        batch -= _per_channel(mean)
    if std is not None:
        batch /= _per_channel(std)
    return batch


def _key(numbers: Sequence[float] | Array | None) -> tuple[float, ...] | None:
    return None if numbers is None else tuple(np.ravel(numbers).tolist())


@lru_cache(maxsize=8)
def _table(channels: int, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Array:
    """What becomes of each byte in each channel."""
    table = np.arange(256, dtype=np.float32) / np.float32(255)
    if mean is not None:
        table = table - np.asarray(mean, np.float32).reshape(-1, 1)
    if std is not None:
        table = table / np.asarray(std, np.float32).reshape(-1, 1)
    return np.ascontiguousarray(np.broadcast_to(table, (channels, 256)))


def _per_channel(values: Sequence[float] | Array) -> Array:
    return np.asarray(values, np.float32).reshape(-1, 1, 1)
