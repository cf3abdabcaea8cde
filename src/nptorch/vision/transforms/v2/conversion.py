"""Transforms of a sample's images to other kinds, and of their channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.random import randperm
from nptorch.tensor import Tensor
from nptorch.vision.transforms.conversion import ConvertImageDtype as _ConvertImageDtype
from nptorch.vision.transforms.conversion import PILToTensor as _PILToTensor
from nptorch.vision.transforms.conversion import ToTensor as _ToTensor
from nptorch.vision.transforms.functional.image import is_pil_image
from nptorch.vision.transforms.v2 import functional as F
from nptorch.vision.transforms.v2.sample import Transform, is_pure_tensor
from nptorch.vision.tv_tensors import Image, TVTensor, wrap


class ToImage(Transform):
    """A tensor, a PIL image or an ndarray (H, W) or (H, W, C) as tv_tensors.Image; values unchanged."""

    first_version = _PILToTensor
    _transformed_types = (is_pure_tensor, is_pil_image, np.ndarray)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The Image."""
        return F.to_image(inpt)


class PILToTensor(Transform):
    """A PIL image as a tensor (C, H, W) of the same type, values unchanged."""

    first_version = _PILToTensor
    _transformed_types = (is_pil_image,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The tensor."""
        return F.pil_to_tensor(inpt)


class ToTensor(Transform):
    """A PIL image or an ndarray as a float tensor; ToImage() and ToDtype(float32, scale=True) are preferred."""

    first_version = _ToTensor
    _transformed_types = (is_pil_image, np.ndarray)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The tensor."""
        return F.to_tensor(inpt)


class ToPILImage(Transform):
    """A tensor (C, H, W) or an ndarray (H, W, C) as a PIL image; floats of [0, 1] become uint8."""

    _transformed_types = (is_pure_tensor, Image, np.ndarray)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The PIL image."""
        return F.to_pil_image(inpt, self.mode)


class ToPureTensor(Transform):
    """A tv_tensors.Image as a plain tensor."""

    _transformed_types = (TVTensor,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The plain tensor."""
        return inpt[...]


class ToDtype(Transform):
    """Images in another dtype; scale: from the one's range of values to the other's.

    dtype: one for images, or a dictionary {type: dtype or None, "others": dtype or None}.

    Raises: ValueError for anything else, or, when called, if the dictionary has nothing for a type.
    """

    first_version = _ConvertImageDtype
    _transformed_types = (Tensor,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (dict, dtypes.dtype)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image in its dtype."""
        dtype = self.dtype
        if isinstance(dtype, dict):
            key = type(inpt) if type(inpt) in dtype else "others"
            if key not in dtype:
                raise ValueError(f'No dtype was specified for type {type(inpt)}; "others" stands for all other types')
            dtype = dtype[key]
        return inpt if dtype is None else F.to_dtype(inpt, dtype, self.scale)


class RGB(Transform):
    """Three channels."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image in colour."""
        made = F.grayscale_to_rgb(inpt)
        return wrap(made, like=inpt) if isinstance(made, Tensor) else made


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The order."""
        return {"permutation": randperm(F.get_num_channels(flat_inputs[0])).tolist()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The permuted image."""
        made = F.permute_channels(inpt, params["permutation"])
        return wrap(made, like=inpt) if isinstance(made, Tensor) else made


class GaussianNoise(Transform):
    """Tensor images with normal noise."""

    _transformed_types = (Tensor,)

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The noisy image."""
        return wrap(F.gaussian_noise(inpt, self.mean, self.sigma, self.clip), like=inpt)
