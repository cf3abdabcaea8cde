"""Boxes, masks and points drawn on images (C, H, W), uint8 or float in [0, 1]; the image itself stays as it is.

Source: https://pytorch.org/vision/stable/utils.html
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional import convert_image_dtype, pil_to_tensor, to_pil_image

Colour = str | tuple[int, int, int]
Colours = Colour | Sequence[Colour] | None
_PALETTE = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
_SEE_THROUGH = 100


def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str | None] | None = None,
    colors: Colours = None,
    fill: bool = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Colours = None,
    label_background_colors: Colours = None,
    fill_labels: bool = False,
) -> Tensor:
    """The image in colour with boxes (N, 4), (x1, y1, x2, y2) in pixels, and their labels.

    fill: colour the boxes as well. font: a TrueType file, font_size in points. fill_labels: give labels a background.

    Raises: TypeError or ValueError for what is no image, for boxes turned inside out, or too few labels or colours.
    """
    from PIL import ImageDraw, ImageFont

    _check_image(image, (1, 3))
    corners = boxes.detach()._array
    if corners.ndim != 2 or corners.shape[1] != 4 or (corners[:, :2] > corners[:, 2:]).any():
        raise ValueError(
            "Boxes need to be (N, 4) in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert them"
        )
    count = len(corners)
    if count == 0:
        warnings.warn("boxes doesn't contain any box. No box was drawn", stacklevel=2)
        return image
    texts = [None] * count if labels is None else labels
    if len(texts) != count:
        raise ValueError(
            f"Number of boxes ({count}) and labels ({len(texts)}) mismatch. Please specify labels for each box."
        )
    outlines = _colours(colors, count)
    inks = _colours(label_colors or "black", count) if label_colors or fill_labels else outlines
    papers = _colours(label_background_colors, count) if fill_labels and label_background_colors else outlines
    letters: Any = ImageFont.load_default() if font is None else ImageFont.truetype(font, font_size or 10)
    picture = _picture(image)
    pen = ImageDraw.Draw(picture, "RGBA" if fill else None)
    for box, text, outline, ink, paper in zip(
        corners.astype(np.int64).tolist(), texts, outlines, inks, papers, strict=True
    ):
        pen.rectangle(box, width=width, outline=outline, fill=(*outline, _SEE_THROUGH) if fill else None)
        if text is None:
            continue
        place = (box[0] + width + 1, box[1] + width + 1)
        if fill_labels:
            left, top, right, bottom = pen.textbbox(place, text, font=letters)
            pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=paper)
        pen.text(place, text, fill=ink, font=letters)
    return _as_image(picture, image)


def draw_segmentation_masks(image: Tensor, masks: Tensor, alpha: float = 0.8, colors: Colours = None) -> Tensor:
    """The image (3, H, W) under masks (N, H, W) or (H, W) of bool; black where several meet. alpha: 1 hides the image.

    Raises: TypeError or ValueError for what is no image, no mask of its size, or too few colours.
    """
    _check_image(image, (3,))
    array, places = image.detach()._array, masks._array
    places = places[None] if places.ndim == 2 else places
    if places.ndim != 3 or places.dtype != np.bool_ or places.shape[1:] != array.shape[1:]:
        raise ValueError(
            f"The masks must be bool, (N, H, W) of the image's height and width {list(array.shape[1:])}; "
            f"got {masks.dtype!r} of shape {list(masks.shape)}"
        )
    if not len(places):
        warnings.warn("masks doesn't contain any mask. No mask was drawn", stacklevel=2)
        return image
    covered = array.copy()
    full = 255 if array.dtype.kind == "f" else 1
    for mask, colour in zip(places, _colours(colors, len(places)), strict=True):
        covered[:, mask] = (np.array(colour) / full).astype(array.dtype)[:, None]
    covered[:, places.sum(0) > 1] = 0
    single = np.float32 if array.dtype.kind != "f" else array.dtype.type
    return from_array((array * single(1 - alpha) + covered * single(alpha)).astype(array.dtype))


def draw_keypoints(
    image: Tensor,
    keypoints: Tensor,
    connectivity: Sequence[tuple[int, int]] | None = None,
    colors: Colour | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: Tensor | None = None,
) -> Tensor:
    """The image (3, H, W) with the points (N, K, 2), (x, y) in pixels, of N things, and lines between pairs of them.

    visibility: (N, K), which of the points to draw.

    Raises: TypeError or ValueError for what is no image, or points of another shape.
    """
    from PIL import ImageDraw

    _check_image(image, (3,))
    places = keypoints.detach()._array
    seen = np.ones(places.shape[:-1], bool) if visibility is None else visibility._array.astype(bool)
    seen = seen[..., 0] if seen.ndim == 3 else seen
    if places.ndim != 3 or seen.shape != places.shape[:2]:
        raise ValueError(
            f"keypoints must be of shape (num_instances, K, 2) and visibility (num_instances, K), got {list(places.shape)} "
            f"and {list(seen.shape)}"
        )
    picture = _picture(image)
    pen = ImageDraw.Draw(picture)
    for points, shown in zip(places.astype(np.int64).tolist(), seen.tolist(), strict=True):
        for (x, y), visible in zip(points, shown, strict=True):
            if visible:
                pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colors, outline=None, width=0)
        for a, b in connectivity or ():
            if shown[a] and shown[b]:
                pen.line((tuple(points[a]), tuple(points[b])), width=width)
    return _as_image(picture, image)


def _check_image(image: Any, channels: tuple[int, ...]) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(f"The image must be a tensor, got {type(image)}")
    if not (image.dtype is dtypes.uint8 or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype!r}")
    if image.ndim != 3:
        raise ValueError(f"Pass individual images, not batches: expected (C, H, W), got shape {list(image.shape)}")
    if len(image) not in channels:
        raise ValueError(f"Pass an image of {' or '.join(map(str, channels))} channels, got {len(image)}")


def _picture(image: Tensor) -> Any:
    """The image as a PIL image in colour."""
    pixels = convert_image_dtype(image.detach(), dtypes.uint8)
    return to_pil_image(pixels.expand(3, -1, -1))


def _as_image(picture: Any, like: Tensor) -> Tensor:
    return convert_image_dtype(pil_to_tensor(picture), like.dtype)


def _colours(given: Colours, count: int) -> list[tuple[int, ...]]:
    """One colour (red, green, blue) of 0 to 255 for each of `count` things."""
    from PIL import ImageColor

    if given is None:
        return [tuple((i * _PALETTE % 255).tolist()) for i in range(count)]
    if isinstance(given, list):
        if len(given) < count:
            raise ValueError(
                f"Number of colors must be equal or larger than the number of objects, but got {len(given)} < {count}."
            )
        chosen: list[Any] = given[:count]
    elif isinstance(given, str) or (isinstance(given, tuple) and len(given) == 3):
        chosen = [given] * count
    else:
        raise ValueError(f"colors must be a name, an RGB triplet, or a list of them, but got {given!r}.")
    return [ImageColor.getrgb(colour)[:3] if isinstance(colour, str) else colour for colour in chosen]
