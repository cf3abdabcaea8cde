"""Pictures from files that may be anything: every kind that Pillow reads becomes one upright RGB image, or one clear error."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nptorch.errors import DataError

MOST_PIXELS = 100_000_000
_SIDE = 1600  # larger pictures are reduced while they are read


def open_picture(file: Any, name: str) -> Any:
    """The picture in a file (path or file object): first frame, turned upright, transparency on its opposite, 8 bits, RGB.

    Raises: DataError with `name` in it for a file that is no picture, is cut off, or would take too much memory;
    FileNotFoundError for a missing path.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limit here is our own
            with Image.open(file) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise DataError(
                        f"{name}: {image.width} x {image.height} pixels are too many; at most {MOST_PIXELS:,}"
                    )
                image.draft("RGB", (_SIDE, _SIDE))
                image.seek(0)
                image.load()
                reduced = max(image.size) // _SIDE
                small = image.reduce(reduced) if reduced > 1 and image.mode in ("L", "RGB", "RGBA", "CMYK") else image
                return _to_rgb(ImageOps.exif_transpose(small))
    except UnidentifiedImageError:
        raise DataError(f"{name} is not a picture (PNG, JPEG, GIF, BMP, TIFF, WebP ... are)") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder; name the pictures in it") from None
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} cannot be read as a picture ({error}); it may be cut off or damaged") from None


def _to_rgb(image: Any) -> Any:
    """Any mode in 8-bit RGB."""
    from PIL import Image

    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        pixels = np.asarray(image).astype(np.float64)
        # 16-bit files fill their range or hold 8-bit values; a picture of one tone stays that.
        top = 65535 if pixels.max() > 255 else 255
        pixels = np.clip(np.nan_to_num(pixels) * (255 / top if image.mode != "F" or top > 255 else 1), 0, 255)
        return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        pixels = np.asarray(image).astype(np.float32)
        alpha = pixels[..., 3:] / 255
        ink = (pixels[..., :3] * alpha).sum() / max(alpha.sum() * 3, 1e-6)
        # Dark ink was drawn for a light ground, light ink for a dark one.
        ground = 0.0 if ink > 127 else 255.0
        return Image.fromarray((pixels[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8))
    return image.convert("RGB")
