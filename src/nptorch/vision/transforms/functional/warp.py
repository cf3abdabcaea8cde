"""Turning, moving, scaling, shearing and perspective. Images are PIL images or tensors (..., C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.conversion import pil_to_tensor, to_pil_image
from nptorch.vision.transforms.functional.image import (
    Array,
    InterpolationMode,
    array_of,
    as_float,
    check_fill,
    get_dimensions,
    interpolation_mode,
    is_tensor_image,
    pil_code,
    pil_fill,
    rounded,
)

_NEAREST = InterpolationMode.NEAREST
_PIL_AFFINE, _PIL_PERSPECTIVE = 0, 2


def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode | int = _NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """The image turned counter-clockwise by `angle` degrees about `center` (x, y), or its middle.

    expand: make the image large enough for all of it, as it is about the middle. fill: what surrounds it.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.rotate.html
    """
    mode = interpolation_mode(interpolation)
    if not is_tensor_image(img):
        return img.rotate(angle, pil_code(mode), expand, center, fillcolor=pil_fill(fill, img))
    height, width = get_dimensions(img)[1:]
    matrix = _inverse_affine(_from_middle(center, height, width), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    size = _turned_size(matrix, height, width) if expand else (height, width)
    return _read(img, *_affine_source(matrix, (height, width), size), mode, fill, "rotate")


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = _NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """The image scaled, sheared (x, y; degrees) and turned clockwise by `angle` degrees about its middle, then moved.

    translate: (x, y) in pixels. center: (x, y) to turn about instead. fill: what surrounds it.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.affine.html

    Raises: ValueError for a scale that is not positive, or a wrong number of translations or shears.
    """
    mode = interpolation_mode(interpolation)
    if len(translate) != 2:
        raise ValueError(f"translate should be a sequence of length 2, got {translate!r}")
    if scale <= 0:
        raise ValueError(f"scale should be positive, got {scale}")
    shears = [shear, 0.0] if not isinstance(shear, Sequence) else [shear[0], shear[-1]]
    if isinstance(shear, Sequence) and len(shear) not in (1, 2):
        raise ValueError(f"shear should be a number or a sequence of 1 or 2, got {shear!r}")
    height, width = get_dimensions(img)[1:]
    if not is_tensor_image(img):
        matrix = _inverse_affine(center or (width * 0.5, height * 0.5), angle, translate, scale, shears)
        return img.transform(img.size, _PIL_AFFINE, matrix, pil_code(mode), fillcolor=pil_fill(fill, img))
    matrix = _inverse_affine(_from_middle(center, height, width), angle, translate, scale, shears)
    return _read(img, *_affine_source(matrix, (height, width), (height, width)), mode, fill, "affine")


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[float]],
    endpoints: Sequence[Sequence[float]],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """The image seen so that its points (x, y) `startpoints` come to lie at `endpoints`, four each.

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.perspective.html

    Raises: ValueError unless there are four of each.
    """
    mode = interpolation_mode(interpolation)
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"perspective needs four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints"
        )
    a, b, c, d, e, f, g, h = coefficients = _perspective_coefficients(startpoints, endpoints)
    if not is_tensor_image(img):
        return img.transform(img.size, _PIL_PERSPECTIVE, coefficients, pil_code(mode), fillcolor=pil_fill(fill, img))
    y, x = (axis + np.float32(0.5) for axis in np.indices(img._array.shape[-2:], np.float32))
    depth = np.float32(g) * x + np.float32(h) * y + 1
    xs = (np.float32(a) * x + np.float32(b) * y + np.float32(c)) / depth
    ys = (np.float32(d) * x + np.float32(e) * y + np.float32(f)) / depth
    return _read(img, xs - np.float32(0.5), ys - np.float32(0.5), mode, fill, "perspective")


def elastic_transform(
    img: Any,
    displacement: Tensor,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """The image read at places moved by the displacement (1, H, W, 2), (x, y) in halves of the image's width and height.

    fill: what surrounds the image.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.elastic_transform.html

    Raises: TypeError for a displacement that is no Tensor; ValueError for one of another shape.
    """
    if not isinstance(displacement, Tensor):
        raise TypeError(f"Argument displacement should be a Tensor, got {type(displacement).__name__}")
    if not is_tensor_image(img):
        moved = elastic_transform(pil_to_tensor(img), displacement, interpolation, fill)
        return to_pil_image(moved, img.mode)
    height, width = get_dimensions(img)[1:]
    if displacement.shape != (1, height, width, 2):
        raise ValueError(
            f"Argument displacement shape should be (1, {height}, {width}, 2), got {list(displacement.shape)}"
        )
    half = np.array([width, height], np.float32) / 2
    y, x = np.indices((height, width), np.float32)
    dx, dy = np.moveaxis(displacement.detach()._array[0] * half, -1, 0)
    return _read(img, x + dx, y + dy, interpolation_mode(interpolation), fill, "elastic_transform")


def _from_middle(center: Sequence[float] | None, height: int, width: int) -> tuple[float, float]:
    return (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)


def _inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """[a, b, c, d, e, f] that lead a place (x, y) of the result to its source (a x + b y + c, d x + e y + f)."""
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    # The linear part turn * shear_y * shear_x has determinant 1: its inverse needs no division.
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(turn)
    d = math.sin(turn - shear_y) / math.cos(shear_y)
    e = -d * math.tan(shear_x) + math.cos(turn)
    a, b, d, e = e / scale, -b / scale, -d / scale, a / scale
    x, y = center[0] + translate[0], center[1] + translate[1]
    return [a, b, center[0] - a * x - b * y, d, e, center[1] - d * x - e * y]


def _turned_size(matrix: list[float], height: int, width: int) -> tuple[int, int]:
    """(H, W) of the rectangle around the turned corners; it counts whole pixels of the old grid, as Pillow does."""
    corners = np.array([[x * width, y * height, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5)], np.float32)
    places = corners @ np.array(matrix, np.float32).reshape(2, 3).T + np.array(
        [width, height], np.float32
    ) * np.float32(0.5)
    # Rounding errors must not make a pixel more.
    steps = np.trunc(places / np.float32(1e-4)) * np.float32(1e-4)
    new_width, new_height = (np.ceil(steps.max(0)) - np.floor(steps.min(0))).astype(int)
    return int(new_height), int(new_width)


def _affine_source(matrix: list[float], old: tuple[int, int], new: tuple[int, int]) -> tuple[Array, Array]:
    """The source x and y, in old pixels, of each new pixel; the matrix counts from the middle of both images."""
    # Single precision, as in torchvision: at ties the rounding decides.
    a, b, c, d, e, f = np.array(matrix, np.float32)
    x = np.arange(new[1], dtype=np.float32) - np.float32(new[1] * 0.5 - 0.5)
    y = (np.arange(new[0], dtype=np.float32) - np.float32(new[0] * 0.5 - 0.5))[:, None]
    return a * x + b * y + c + np.float32(old[1] * 0.5 - 0.5), d * x + e * y + f + np.float32(old[0] * 0.5 - 0.5)


def _perspective_coefficients(startpoints: Any, endpoints: Any) -> list[float]:
    """[a..h] that lead a place (x, y) of the result to its source (a x + b y + c, d x + e y + f) / (g x + h y + 1)."""
    equations = []
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solution = np.linalg.lstsq(np.array(equations, np.float64), np.array(startpoints, np.float64).ravel(), rcond=None)[
        0
    ]
    return solution.astype(np.float32).tolist()


def _read(img: Tensor, x: Array, y: Array, mode: InterpolationMode, fill: Any, function: str) -> Tensor:
    """The image at the places (x, y), in pixels; `fill` (0 if None) where there is none."""
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    array = array_of(img, function)
    height, width = array.shape[-2:]
    colours = check_fill(fill, img)

    def pixels(rows: Array, columns: Array) -> tuple[Array, Array]:
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return array[..., rows.clip(0, height - 1), columns.clip(0, width - 1)], inside

    if mode is InterpolationMode.NEAREST:
        values, inside = pixels(np.rint(y).astype(np.intp), np.rint(x).astype(np.intp))
        return from_array(np.where(inside, values, colours.astype(array.dtype)))
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right_part, low_part = x - left, y - top
    total: Any = 0
    covered: Any = 0
    for rows, down in ((top, 1 - low_part), (top + 1, low_part)):
        for columns, across in ((left, 1 - right_part), (left + 1, right_part)):
            values, inside = pixels(rows, columns)
            weight = down * across * inside
            total, covered = total + as_float(values) * weight, covered + weight
    if fill is not None:
        # Border pixels lose brightness twice, here and above: torchvision's images have that edge, too.
        total = total * covered + (1 - covered) * colours
    return from_array(rounded(total, array.dtype))
