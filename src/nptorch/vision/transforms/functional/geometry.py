"""Where pixels are: crops, flips, sizes, turns. PIL images through Pillow, Tensors (..., H, W) in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.images import (
    PILLOW,
    InterpolationMode,
    get_dimensions,
    interpolation_mode,
    is_pil,
    need_image,
)


def pair(size: Any, what: str = "size") -> tuple[int, int]:
    """(height, width) from a number or a sequence of one or two.

    Raises: ValueError for anything else.
    """
    if isinstance(size, (int, float)):
        return int(size), int(size)
    values = tuple(size)
    if len(values) == 1:
        return int(values[0]), int(values[0])
    if len(values) != 2:
        raise ValueError(f"Please provide only two dimensions (h, w) for {what}, got {size!r}")
    return int(values[0]), int(values[1])


# --- crops and flips ---


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle from (top, left) on; what lies outside the image is 0."""
    if is_pil(img):
        return img.crop((left, top, left + width, top + height))
    array = need_image(img)._array
    h, w = array.shape[-2:]
    inside = array[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if left >= 0 and top >= 0 and top + height <= h and left + width <= w:
        return from_array(inside)
    out = np.zeros((*array.shape[:-2], height, width), array.dtype)
    y, x = max(-top, 0), max(-left, 0)
    out[..., y : y + inside.shape[-2], x : x + inside.shape[-1]] = inside
    return from_array(out)


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle rectangle; a smaller image is padded with 0 first."""
    th, tw = pair(output_size)
    _, h, w = get_dimensions(img)
    if tw > w or th > h:
        sides = [max(tw - w, 0) // 2, max(th - h, 0) // 2, (max(tw - w, 0) + 1) // 2, (max(th - h, 0) + 1) // 2]
        img = pad(img, sides)
        _, h, w = get_dimensions(img)
    return crop(img, round((h - th) / 2.0), round((w - tw) / 2.0), th, tw)


def hflip(img: Any) -> Any:
    """Mirrored left to right."""
    if is_pil(img):
        return img.transpose(0)
    return from_array(np.ascontiguousarray(need_image(img)._array[..., ::-1]))


def vflip(img: Any) -> Any:
    """Mirrored top to bottom."""
    if is_pil(img):
        return img.transpose(1)
    return from_array(np.ascontiguousarray(need_image(img)._array[..., ::-1, :]))


def five_crop(img: Any, size: Any) -> tuple[Any, ...]:
    """The four corners and the centre.

    Raises: ValueError if the crop is larger than the image.
    """
    th, tw = pair(size)
    _, h, w = get_dimensions(img)
    if tw > w or th > h:
        raise ValueError(f"Requested crop size {(th, tw)} is bigger than input size {(h, w)}")
    corners = [(0, 0), (0, w - tw), (h - th, 0), (h - th, w - tw)]
    return (*(crop(img, top, left, th, tw) for top, left in corners), center_crop(img, (th, tw)))


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """five_crop() of the image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def _sides(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom)."""
    if isinstance(padding, int):
        return (padding,) * 4
    values = tuple(padding)
    if len(values) == 1:
        return values * 4
    if len(values) == 2:
        return (*values, *values)
    if len(values) != 4:
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(values)} element tuple")
    return values  # type: ignore[return-value]


_NUMPY_MODES = {"edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Borders of (left, top, right, bottom) pixels: of one value, or mirrored from the image.

    Raises: ValueError for a mode that does not exist.
    """
    left, top, right, bottom = _sides(padding)
    if padding_mode != "constant" and padding_mode not in _NUMPY_MODES:
        raise ValueError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")
    if is_pil(img):
        from PIL import Image, ImageOps

        if padding_mode == "constant":
            value = tuple(int(f) for f in fill) if isinstance(fill, (tuple, list)) else fill
            if isinstance(value, (int, float)) and img.mode in ("RGB", "RGBA"):
                value = (int(value),) * len(img.getbands())
            return ImageOps.expand(img, (left, top, right, bottom), fill=value)
        pixels = np.asarray(img)
        widths = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
        return Image.fromarray(np.pad(pixels, widths, mode=_NUMPY_MODES[padding_mode]))  # type: ignore[call-overload]
    array = need_image(img)._array
    widths = ((0, 0),) * (array.ndim - 2) + ((top, bottom), (left, right))
    if padding_mode == "constant":
        value = fill[0] if isinstance(fill, (tuple, list)) else fill
        return from_array(np.pad(array, widths, constant_values=value or 0))
    return from_array(np.pad(array, widths, mode=_NUMPY_MODES[padding_mode]))  # type: ignore[call-overload]


# --- sizes ---


def resized_size(image_size: tuple[int, int], size: Any, max_size: int | None = None) -> tuple[int, int]:
    """The (height, width) that resize() gives an image of (height, width).

    Raises: ValueError if max_size is not larger than a size for the shorter side.
    """
    values = (size,) if isinstance(size, int) else tuple(size)
    if len(values) == 2:
        return int(values[0]), int(values[1])
    h, w = image_size
    short, long = min(h, w), max(h, w)
    new_short, new_long = int(values[0]), int(values[0] * long / short)
    if max_size is not None:
        if max_size <= values[0]:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge size = {size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if h <= w else (new_long, new_short)


def resize(
    img: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Resampled to (height, width), or so that the shorter side has a length."""
    mode = interpolation_mode(interpolation)
    _, h, w = get_dimensions(img)
    height, width = resized_size((h, w), size, max_size)
    if is_pil(img):
        return img.resize((width, height), PILLOW[mode])
    if (height, width) == (h, w):
        return img
    from PIL import Image

    array = img._array
    planes = array.reshape(-1, h, w)
    if mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        half = 0.5 if mode is InterpolationMode.NEAREST_EXACT else 0.0
        rows = np.minimum(((np.arange(height) + half) * (h / height)).astype(int), h - 1)
        columns = np.minimum(((np.arange(width) + half) * (w / width)).astype(int), w - 1)
        return from_array(array[..., rows[:, None], columns])
    if antialias:
        # Pillow's filters widen with the reduction, which is what antialias means.
        made = np.stack(
            [np.asarray(Image.fromarray(p.astype(np.float32)).resize((width, height), PILLOW[mode])) for p in planes]
        )
    else:
        from nptorch.nn.functional import interpolate

        made = interpolate(
            from_array(planes[:, None].astype(np.float32)), (height, width), mode=mode.value, align_corners=False
        )._array[:, 0]
    made = made.reshape(*array.shape[:-2], height, width)
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        made = np.clip(np.rint(made), limits.min, limits.max)
    return from_array(made.astype(array.dtype))


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """crop(), then resize()."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


# --- turns ---


def inverse_affine_matrix(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """Where an output pixel comes from: (a, b, c, d, e, f) with x_in = a x + b y + c, y_in = d x + e y + f.

    The image is scaled, sheared and turned (degrees, counter-clockwise positive here) about the centre, then moved.
    """
    rotation, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(rotation - sy) / math.cos(sy)
    b = -math.cos(rotation - sy) * math.tan(sx) / math.cos(sy) - math.sin(rotation)
    c = math.sin(rotation - sy) / math.cos(sy)
    d = -math.sin(rotation - sy) * math.tan(sx) / math.cos(sy) + math.cos(rotation)
    matrix = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]
    (cx, cy), (tx, ty) = center, translate
    matrix[2] += matrix[0] * (-cx - tx) + matrix[1] * (-cy - ty) + cx
    matrix[5] += matrix[3] * (-cx - tx) + matrix[4] * (-cy - ty) + cy
    return matrix


def _fill(img: Any, fill: Any) -> Any:
    if fill is None:
        return None
    bands = len(img.getbands())
    if isinstance(fill, (int, float)) and bands > 1:
        fill = (fill,) * bands
    return tuple(int(f) for f in fill) if isinstance(fill, (tuple, list)) and img.mode != "F" else fill


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Any = None,
) -> Any:
    """Turned clockwise by `angle` degrees, moved, scaled and sheared about the centre.

    Raises: ValueError for a scale that is not positive.
    """
    if scale <= 0.0:
        raise ValueError(f"Argument scale should be positive, got {scale}")
    shears = [float(shear), 0.0] if isinstance(shear, (int, float)) else [*map(float, shear), 0.0][:2]
    _, h, w = get_dimensions(img)
    mode = interpolation_mode(interpolation)
    middle = [w * 0.5, h * 0.5] if center is None else list(center)
    if is_pil(img):
        matrix = inverse_affine_matrix(middle, angle, translate, scale, shears)
        return img.transform((w, h), 0, matrix, PILLOW[mode], fillcolor=_fill(img, fill))
    return _warp(img, inverse_affine_matrix(middle, angle, translate, scale, shears), h, w, mode, fill)


def _warp(img: Tensor, matrix: list[float], height: int, width: int, mode: InterpolationMode, fill: Any) -> Tensor:
    """The output pixel centres led back through `matrix` and read there."""
    array = need_image(img)._array
    h, w = array.shape[-2:]
    y, x = np.mgrid[0:height, 0:width] + 0.5
    a, b, c, d, e, f = matrix
    xs, ys = a * x + b * y + c - 0.5, d * x + e * y + f - 0.5
    value = 0.0 if fill is None else float(fill[0] if isinstance(fill, (tuple, list)) else fill)

    def read(rows: Any, columns: Any) -> Any:
        inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
        found = array[..., np.clip(rows, 0, h - 1), np.clip(columns, 0, w - 1)]
        return np.where(inside, found, np.asarray(value, array.dtype))

    if mode is InterpolationMode.NEAREST:
        return from_array(read(np.rint(ys).astype(int), np.rint(xs).astype(int)))
    top, left = np.floor(ys).astype(int), np.floor(xs).astype(int)
    v, u = ys - top, xs - left
    made = (read(top, left) * (1 - u) + read(top, left + 1) * u) * (1 - v) + (
        read(top + 1, left) * (1 - u) + read(top + 1, left + 1) * u
    ) * v
    return from_array((np.rint(made) if array.dtype.kind in "iu" else made).astype(array.dtype))


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Any = None,
    fill: Any = None,
) -> Any:
    """Turned counter-clockwise by `angle` degrees; `expand` enlarges the image so that all of it is kept."""
    mode = interpolation_mode(interpolation)
    if is_pil(img):
        return img.rotate(angle, PILLOW[mode], expand, center, fillcolor=_fill(img, fill))
    _, h, w = get_dimensions(img)
    middle = [w * 0.5, h * 0.5] if center is None else list(center)
    matrix = inverse_affine_matrix(middle, -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    if not expand:
        return _warp(img, matrix, h, w, mode, fill)
    turn = math.radians(angle)
    width = math.ceil(abs(w * math.cos(turn)) + abs(h * math.sin(turn)) - 1e-9)
    height = math.ceil(abs(w * math.sin(turn)) + abs(h * math.cos(turn)) - 1e-9)
    dx, dy = (width - w) / 2, (height - h) / 2
    matrix[2] -= matrix[0] * dx + matrix[1] * dy
    matrix[5] -= matrix[3] * dx + matrix[4] * dy
    return _warp(img, matrix, height, width, mode, fill)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """A tensor image with the rectangle at (i, j) replaced by `v`."""
    if not isinstance(img, Tensor):
        raise TypeError(f"Tensor is expected, got {type(img).__name__}; put ToTensor() before RandomErasing()")
    out = img if inplace else from_array(img._array.copy())
    out._array[..., i : i + h, j : j + w] = v._array if isinstance(v, Tensor) else v
    out._version[0] += 1
    return out
