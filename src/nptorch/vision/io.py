"""Image files and tensors (C, H, W), uint8 (https://pytorch.org/vision/stable/io.html). Videos are not here."""

from __future__ import annotations

import io
import os
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from nptorch.errors import DataError
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.conversion import channels_first, to_pil_image

__all__ = [
    "ImageReadMode", "decode_image", "decode_jpeg", "decode_png", "encode_jpeg", "encode_png", "read_file",
    "read_image", "write_file", "write_jpeg", "write_png",
]  # fmt: skip


class ImageReadMode(Enum):
    """The channels that reading gives: as in the file, grey, grey and alpha, colour, colour and alpha."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_PIL_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}
_AS_IN_FILE = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
Place = str | os.PathLike[str]


def decode_image(
    input: Tensor | Place,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """The image in a file, or in a file's bytes (n,) of uint8, as a uint8 tensor (C, H, W).

    apply_exif_orientation: turn it as the camera was held.
    Source: https://pytorch.org/vision/stable/generated/torchvision.io.decode_image.html

    Raises: FileNotFoundError if there is no such file; DataError if it is no image; ValueError or KeyError for a mode
    that is none.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    wanted = ImageReadMode[mode.upper()] if isinstance(mode, str) else ImageReadMode(mode)
    try:
        with Image.open(io.BytesIO(_bytes(input)) if isinstance(input, Tensor) else input) as file:
            if wanted is ImageReadMode.GRAY:
                file.draft("L", None)  # a JPEG's own brightness, as libjpeg gives it
            picture = ImageOps.exif_transpose(file) if apply_exif_orientation else file
            kind = _PIL_MODES.get(wanted) or _AS_IN_FILE.get(picture.mode, picture.mode)
            pixels = np.array(picture if picture.mode == kind else picture.convert(kind))
    except FileNotFoundError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        shown = "these bytes" if isinstance(input, Tensor) else os.fspath(input)
        raise DataError(f"cannot read {shown} as an image: {error}") from error
    return from_array(channels_first(pixels))


read_image = decode_jpeg = decode_png = decode_image


def read_file(path: Place) -> Tensor:
    """A file's bytes, uint8 (n,)."""
    return from_array(np.fromfile(path, np.uint8))


def write_file(filename: Place, data: Tensor) -> None:
    """Write bytes, uint8 (n,), as a file."""
    Path(filename).write_bytes(_bytes(data))


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """The bytes (n,) of a PNG file of an image (1 or 3, H, W), uint8; compression_level: 0 to 9.

    Raises: ValueError for another shape, dtype or level.
    """
    if not 0 <= compression_level <= 9:
        raise ValueError(f"Compression level should be between 0 and 9, got {compression_level}")
    return _encoded(input, "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """The bytes (n,) of a JPEG file of an image (1 or 3, H, W), uint8; quality: 1 to 100.

    Raises: ValueError for another shape, dtype or quality.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"Image quality should be a positive number between 1 and 100, got {quality}")
    return _encoded(input, "JPEG", quality=quality)


def write_png(input: Tensor, filename: Place, compression_level: int = 6) -> None:
    """encode_png() into a file."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: Place, quality: int = 75) -> None:
    """encode_jpeg() into a file."""
    write_file(filename, encode_jpeg(input, quality))


def _encoded(image: Tensor, kind: str, **options: Any) -> Tensor:
    array = image.detach()._array
    if array.dtype != np.uint8 or array.ndim != 3 or len(array) not in (1, 3):
        raise ValueError(
            f"Input should be a uint8 image (1 or 3, H, W), got {image.dtype!r} of shape {list(image.shape)}"
        )
    file = io.BytesIO()
    to_pil_image(image).save(file, kind, **options)
    return from_array(np.frombuffer(file.getvalue(), np.uint8).copy())


def _bytes(data: Tensor) -> bytes:
    array = data.detach()._array
    if array.dtype != np.uint8 or array.ndim != 1:
        raise ValueError(f"Expected a file's bytes, uint8 (n,), got {data.dtype!r} of shape {list(data.shape)}")
    return array.tobytes()
