"""Images from PIL and NumPy to tensors and back; their dtype and range."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.image import Array, is_pil_image, max_value


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or an ndarray (H, W) or (H, W, C) as a tensor (C, H, W); uint8 becomes float in [0, 1].

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.to_tensor.html

    Raises: TypeError for anything else; ValueError for an ndarray of other dimensions.
    """
    if isinstance(pic, np.ndarray):
        array = pic
        if array.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
        dtypes.of(array.dtype)
    elif is_pil_image(pic):
        array = np.array(pic)
        if array.dtype == np.bool_:
            array = array.astype(np.uint8) * np.uint8(255)
        elif array.dtype == np.uint16:
            array = array.view(np.int16)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    array = channels_first(array)
    if array.dtype == np.uint8:
        scaled = array.astype(dtypes.get_default_dtype().numpy, order="C")
        scaled /= 255
        return from_array(scaled)
    return from_array(np.ascontiguousarray(array))


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of the same type, values unchanged.

    Raises: TypeError for anything but a PIL image.
    """
    if not is_pil_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return from_array(channels_first(np.array(pic)))


def convert_image_dtype(image: Tensor, dtype: dtypes.dtype = dtypes.float32) -> Tensor:
    """The image in another dtype, values scaled from the one's range to the other's.

    Raises: RuntimeError from a float type to an integer type that it cannot fill exactly.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"image should be Tensor. Got {type(image)}")
    source = image.dtype
    if source is dtype:
        return image
    if source.is_floating_point and dtype.is_floating_point:
        return image.to(dtype)
    top, new_top = max_value(source), max_value(dtype)
    if source.is_floating_point:
        if dtype.itemsize >= 8 or (dtype.itemsize == 4 and source is not dtypes.float64):
            raise RuntimeError(f"The cast from {source!r} to {dtype!r} cannot be performed safely.")
        # Almost a whole step above the top, so that 1.0 truncates to it and all values get equal shares.
        return (image * (new_top + 1.0 - 1e-3)).to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / top
    if top > new_top:
        return from_array((image._array // ((top + 1) // (new_top + 1))).astype(dtype.numpy))
    return from_array(image._array.astype(dtype.numpy) * dtype.numpy.type((new_top + 1) // (top + 1)))


_MODES = {  # by number of channels and dtype
    (1, "uint8"): "L",
    (1, "int16"): "I;16",
    (1, "int32"): "I",
    (1, "float32"): "F",
    (2, "uint8"): "LA",
    (3, "uint8"): "RGB",
    (4, "uint8"): "RGBA",
}
_SAME_LAYOUT = {"RGB": ("RGB", "YCbCr", "HSV"), "RGBA": ("RGBA", "CMYK", "RGBX")}


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an ndarray (H, W, C) or (H, W), as a PIL image; floats of [0, 1] become uint8.

    mode: Pillow's, where the layout leaves a choice.

    Raises: TypeError or ValueError for what Pillow has no mode for.
    """
    from PIL import Image

    if isinstance(pic, Tensor):
        array = pic._array
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if array.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if array.dtype.kind == "f" and mode != "F":
        with np.errstate(invalid="ignore"):  # through int32 every machine wraps values outside [0, 1] alike
            array = (array * array.dtype.type(255)).astype(np.int32).astype(np.uint8)
    natural = _MODES.get((channels, array.dtype.name))
    if natural is None:
        raise TypeError(f"Input type {array.dtype} with {channels} channels is not supported")
    allowed = _SAME_LAYOUT.get(natural, (natural,))
    if mode is not None and mode not in allowed:
        raise ValueError(
            f"Incorrect mode ({mode}) supplied for {array.dtype} with {channels} channels. "
            f"Should be {' or '.join(allowed)}"
        )
    return Image.frombytes(mode or natural, (array.shape[1], array.shape[0]), array.tobytes())


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(tensor - mean) / std for float images (..., C, H, W); mean and std hold one number a channel, or one for all.

    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.normalize.html

    Raises: TypeError for anything but a float tensor; ValueError for fewer than 3 dimensions or a std of 0.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    array = tensor._array
    if array.dtype.kind != "f":
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype!r}.")
    if array.ndim < 3:
        raise ValueError(f"Expected a tensor image of size (..., C, H, W). Got tensor.size() = {list(array.shape)}")
    means, stds = _per_channel("mean", mean, array), _per_channel("std", std, array)
    if not stds.all():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype!r}, leading to division by zero.")
    if inplace:
        return tensor.sub_(from_array(means)).div_(from_array(stds))
    if tensor.requires_grad:
        return (tensor - from_array(means)) / from_array(stds)
    # The way of every image of a data set: half the time of two recorded operations.
    values = array - means
    values /= stds
    return from_array(values)


def _per_channel(name: str, values: Any, image: Array) -> Array:
    array = np.array(values._array if isinstance(values, Tensor) else values, image.dtype)
    if array.ndim == 1:
        array = array[:, None, None]
    if array.size not in (1, image.shape[-3]):
        raise ValueError(f"{name} has {array.size} values for an image of {image.shape[-3]} channels: {values!r}")
    return array


def channels_first(array: Array) -> Array:
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
