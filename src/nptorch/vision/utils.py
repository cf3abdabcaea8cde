"""Pictures of batches of images (https://pytorch.org/vision/stable/utils.html)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.tensor import Tensor, from_array
from nptorch.vision.drawing import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks

__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "make_grid", "save_image"]


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """A batch (N, C, H, W), or a list of images (C, H, W), as one picture (3, ...) with `nrow` images a row.

    Raises: TypeError for what is no tensor, or a value_range that is no tuple; ValueError for what is no batch of images,
    or an nrow below 1.
    """
    for item in tensor if isinstance(tensor, (list, tuple)) else [tensor]:
        if not isinstance(item, Tensor):
            raise TypeError(f"tensor or list of tensors expected, got {type(item).__name__}")
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(f"value_range has to be a tuple (min, max) of numbers, got {value_range!r}")
    if nrow < 1 or padding < 0:
        raise ValueError(f"nrow should be at least 1 and padding at least 0, got {nrow} and {padding}")
    if isinstance(tensor, (list, tuple)):
        shapes = {t._array.shape for t in tensor}
        if len(shapes) != 1:
            raise ValueError(f"a grid needs one or more images of the same shape, got {sorted(map(list, shapes))}")
        tensor = from_array(np.stack([t._array for t in tensor]))
    images = tensor._array
    if images.ndim not in (2, 3, 4) or not images.size:
        raise ValueError(f"expected images (N, C, H, W), (C, H, W) or (H, W), got shape {list(images.shape)}")
    if images.ndim == 2:
        images = images[None]
    if images.ndim == 3:
        images = np.repeat(images, 3, 0) if images.shape[0] == 1 else images
        images = images[None]
    if images.shape[1] == 1:
        images = np.repeat(images, 3, 1)
    if normalize:
        images = _to_unit(images.astype(np.result_type(images.dtype, np.float32)), value_range, scale_each)
    if len(images) == 1:
        return from_array(images[0].copy())
    n, c, h, w = images.shape
    columns = min(nrow, n)
    rows = math.ceil(n / columns)
    grid = np.full((c, (h + padding) * rows + padding, (w + padding) * columns + padding), pad_value, images.dtype)
    for k, image in enumerate(images):
        top, left = (k // columns) * (h + padding) + padding, (k % columns) * (w + padding) + padding
        grid[:, top : top + h, left : left + w] = image
    return from_array(grid)


def _to_unit(images: Any, value_range: tuple[float, float] | None, scale_each: bool) -> Any:
    if scale_each:
        return np.stack([_to_unit(image, value_range, False) for image in images])
    low, high = value_range if value_range is not None else (float(images.min()), float(images.max()))
    return (np.clip(images, low, high) - low) / max(high - low, 1e-5)


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """make_grid() written as an image file; values are taken as [0, 1]."""
    from PIL import Image

    grid = make_grid(tensor, **kwargs)._array
    pixels = np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(pixels)).save(fp, format=format)
