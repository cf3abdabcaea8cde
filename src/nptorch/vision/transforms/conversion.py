"""Transforms between PIL images, arrays and tensors, and of the range of values."""

from __future__ import annotations

import math
from typing import Any

from nptorch import dtypes
from nptorch.nn.module import Module
from nptorch.tensor import Tensor
from nptorch.vision.transforms import functional as F


class ToTensor:
    """A PIL image or an ndarray (H, W) or (H, W, C) as a tensor (C, H, W); uint8 becomes float in [0, 1]."""

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A PIL image as a tensor (C, H, W) of the same type, values unchanged."""

    def __call__(self, pic: Any) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ConvertImageDtype(Module):
    """A tensor image in another dtype, values scaled from the one's range to the other's."""

    def __init__(self, dtype: dtypes.dtype) -> None:
        super().__init__()
        if not isinstance(dtype, dtypes.dtype):
            raise TypeError(f"Argument dtype should be a dtype such as {dtypes.float32!r}, got {dtype!r}")
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """The converted image."""
        return F.convert_image_dtype(image, self.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """A tensor (C, H, W) or an ndarray (H, W, C) as a PIL image; floats of [0, 1] become uint8."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class LinearTransformation(Module):
    """(flattened image - mean_vector) @ transformation_matrix, for tensors (..., C, H, W): whitening, for example.

    transformation_matrix: (D, D) and mean_vector: (D,) of D = C * H * W.

    Raises: ValueError for other shapes.
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        size = len(mean_vector)
        if transformation_matrix.shape != (size, size):
            raise ValueError(
                f"transformation_matrix should be square, of the length of mean_vector ({size}). Got "
                f"{tuple(transformation_matrix.shape)}"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        """The transformed image."""
        if math.prod(tensor.shape[-3:]) != len(self.mean_vector):
            raise ValueError(
                "Input tensor and transformation matrix have incompatible shape: "
                f"{list(tensor.shape[-3:])} for {len(self.mean_vector)} numbers"
            )
        flat = tensor.reshape(-1, len(self.mean_vector)) - self.mean_vector
        return (flat @ self.transformation_matrix.to(flat.dtype)).reshape(tensor.shape)

    def __repr__(self) -> str:
        matrix, mean = self.transformation_matrix.tolist(), self.mean_vector.tolist()
        return f"{type(self).__name__}(transformation_matrix={matrix}, mean_vector={mean})"


class Normalize(Module):
    """(image - mean) / std for float tensors (..., C, H, W); mean and std hold one number a channel, or one for all."""

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The normalised image."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"
