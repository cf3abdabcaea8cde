"""Images as PIL images, ndarrays and Tensors: what they are and how one becomes another."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor, from_array


class InterpolationMode(Enum):
    """How values between pixels are found."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's numbers for the modes
PILLOW = {
    InterpolationMode.NEAREST: 0, InterpolationMode.NEAREST_EXACT: 0, InterpolationMode.LANCZOS: 1, InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3, InterpolationMode.BOX: 4, InterpolationMode.HAMMING: 5,
}  # fmt: skip


def interpolation_mode(value: Any) -> InterpolationMode:
    """A mode given as such or as Pillow's number.

    Raises: TypeError for anything else.
    """
    if isinstance(value, InterpolationMode):
        return value
    for mode, number in PILLOW.items():
        if value == number and isinstance(value, int):
            return mode
    raise TypeError(
        f"Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant, got {value!r}"
    )


def is_pil(image: Any) -> bool:
    """Whether this is a PIL image; does not import Pillow, since without it there is none."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def need_image(image: Any) -> Any:
    """The image itself.

    Raises: TypeError if it is neither a PIL image nor a Tensor of at least two dimensions.
    """
    if is_pil(image) or (isinstance(image, Tensor) and image._array.ndim >= 2):
        return image
    raise TypeError(
        f"Input image should be a PIL image or a Tensor of at least 2 dimensions, got {type(image).__name__}; arrays become images by ToPILImage()"
    )


def get_dimensions(image: Any) -> list[int]:
    """[channels, height, width]."""
    if is_pil(image):
        return [len(image.getbands()), image.height, image.width]
    shape = need_image(image)._array.shape
    return [1 if len(shape) == 2 else shape[-3], shape[-2], shape[-1]]


def get_image_size(image: Any) -> list[int]:
    """[width, height]."""
    _, height, width = get_dimensions(image)
    return [width, height]


def get_image_num_channels(image: Any) -> int:
    """The number of channels."""
    return get_dimensions(image)[0]


_PIL_ARRAYS = {"I": np.int32, "I;16": np.int16, "F": np.float32}


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or an ndarray (H, W) or (H, W, C) as a float tensor (C, H, W); 8-bit values become [0, 1].

    Raises: TypeError for what is no image, ValueError for an array of other than 2 or 3 dimensions.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic[None] if pic.ndim == 2 else pic.transpose(2, 0, 1)
        if pixels.dtype != np.uint8:
            return from_array(np.ascontiguousarray(pixels))
        return from_array(np.divide(pixels, np.float32(255), dtype=np.float32, order="C"))
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    array = np.array(pic, _PIL_ARRAYS.get(pic.mode, np.uint8), copy=True)
    if pic.mode == "1":
        array = array * np.uint8(255)
    pixels = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    if array.dtype != np.uint8:
        return from_array(np.ascontiguousarray(pixels))
    return from_array(np.divide(pixels, np.float32(255), dtype=np.float32, order="C"))


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of its own type, unscaled.

    Raises: TypeError if it is none.
    """
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = np.array(pic, copy=True)
    return from_array(np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1)))


def convert_image_dtype(image: Tensor, dtype: Any = dtypes.float32) -> Tensor:
    """An image in another dtype, its values scaled from the one type's range to the other's."""
    target, source = dtypes.parse(dtype), image.dtype
    if target is source:
        return image
    if source.is_floating_point:
        if target.is_floating_point:
            return image.to(target)
        top = np.iinfo(target.numpy).max
        return from_array((image._array * (top + 1 - 1e-3)).astype(target.numpy))
    if target.is_floating_point:
        return from_array(image._array.astype(target.numpy) / target.numpy.type(np.iinfo(source.numpy).max))
    high, low = np.iinfo(source.numpy).max, np.iinfo(target.numpy).max
    if high > low:
        return from_array((image._array // ((high + 1) // (low + 1))).astype(target.numpy))
    return from_array(image._array.astype(target.numpy) * np.asarray((low + 1) // (high + 1), target.numpy))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or an array (H, W, C) as a PIL image; floats are taken as [0, 1].

    Raises: TypeError or ValueError for what cannot be one.
    """
    from PIL import Image

    if isinstance(pic, Tensor):
        array = pic.detach()._array
        if array.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
        array = array[None] if array.ndim == 2 else array
        if array.shape[0] > 4:
            raise ValueError(f"pic should not have > 4 channels. Got {array.shape[0]} channels.")
        if array.dtype.kind == "f" and mode != "F":
            array = (array * 255).astype(np.uint8)
        array = array.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = pic[:, :, None] if pic.ndim == 2 else pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    array = np.ascontiguousarray(array)
    channels = array.shape[2]
    if channels == 1:
        array = array[:, :, 0]
        natural = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}.get(str(array.dtype))
        if natural is None:
            raise TypeError(f"Input type {array.dtype} is not supported")
        image = Image.fromarray(array)
    else:
        if array.dtype != np.uint8:
            raise TypeError(f"Input type {array.dtype} is not supported for {channels} channels; use uint8")
        natural = {2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        image = Image.fromarray(array, mode="LA") if channels == 2 else Image.fromarray(array)
    return (
        image
        if mode is None or mode == image.mode
        else image.convert(mode)
        if mode in ("L", "1")
        else _as_mode(image, array, mode)
    )


def _as_mode(image: Any, array: Any, mode: str) -> Any:
    from PIL import Image

    permitted = {"L": ("L", "1"), "LA": ("LA",), "RGB": ("RGB", "YCbCr", "HSV"), "RGBA": ("RGBA", "CMYK", "RGBX")}.get(
        image.mode, ()
    )
    if mode not in permitted:
        raise ValueError(f"Only modes {list(permitted)} are supported for this input, got {mode!r}")
    return Image.frombytes(mode, image.size, array.tobytes())


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(tensor - mean) / std, a number for each channel of (..., C, H, W).

    Raises: TypeError for what is no float tensor, ValueError for a std of zero or too few dimensions.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}; put ToTensor() before Normalize()")
    array = tensor._array
    if array.dtype.kind != "f":
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype!r}.")
    if array.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.shape!r}"
        )
    m, s = (np.asarray(v._array if isinstance(v, Tensor) else v, array.dtype).reshape(-1, 1, 1) for v in (mean, std))
    if not s.all():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype!r}, leading to division by zero.")
    if m.size not in (1, array.shape[-3]) or s.size not in (1, array.shape[-3]):
        raise ValueError(f"mean and std have {m.size} and {s.size} numbers, the image has {array.shape[-3]} channels")
    out = np.subtract(array, m, out=array if inplace else None)
    out /= s
    if inplace:
        tensor._version[0] += 1
        return tensor
    return from_array(out)
