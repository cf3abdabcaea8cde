"""Tensors that say what they are (https://pytorch.org/vision/stable/tv_tensors.html): here, images."""

from __future__ import annotations

from typing import Any

from nptorch.ops.create import as_tensor
from nptorch.tensor import Tensor, from_array
from nptorch.vision.transforms.functional.conversion import pil_to_tensor
from nptorch.vision.transforms.functional.image import is_pil_image


class TVTensor(Tensor):
    """The base; operations on one give plain tensors, transforms of transforms.v2 give one again."""


class Image(TVTensor):
    """A picture (..., C, H, W), made of a PIL image, an array or a tensor (whose memory it shares); (H, W) becomes (1, H, W).

    Raises: ValueError for fewer than two dimensions.
    """

    def __new__(
        cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None
    ) -> Image:  # fmt: skip
        tensor = as_tensor(pil_to_tensor(data) if is_pil_image(data) else data, dtype=dtype, device=device)
        if tensor.ndim < 2:
            raise ValueError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        made = from_array(tensor._array[None] if tensor.ndim == 2 else tensor._array, cls)
        return made.requires_grad_(tensor.requires_grad if requires_grad is None else requires_grad)

    def __init__(self, data: Any, **options: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, )"


def wrap(wrappee: Tensor, *, like: Any) -> Tensor:
    """The tensor as the kind of TVTensor that `like` is; as it is if `like` is none, or if a gradient would be lost."""
    if not isinstance(like, TVTensor) or isinstance(wrappee, TVTensor) or wrappee.requires_grad:
        return wrappee
    return from_array(wrappee._array, type(like))
