"""What the distributions have in common: shapes, probabilities and log odds, values computed once, packed triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nptorch import dtypes
from nptorch.grad_mode import enable_grad
from nptorch.nn import functional as F
from nptorch.ops.create import empty, tensor, tril_indices, zeros
from nptorch.ops.shape import broadcast_tensors
from nptorch.tensor import Tensor

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> list[Tensor]:
    """Numbers and tensors in one shape, numbers in the dtype of the tensors.

    Raises: ValueError for anything else.
    """
    for value in values:
        if not isinstance(value, (Tensor, int, float)):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                f"__torch_function__, got {type(value).__name__}."
            )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), dtypes.get_default_dtype())
    return list(broadcast_tensors(*[v if isinstance(v, Tensor) else tensor(v, dtype=dtype) for v in values]))


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept off 0 and 1 by the smallest step."""
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def inside_unit(y: Tensor) -> Tensor:
    """Values of (0, 1) kept off both ends: as near to 0 as the dtype goes."""
    limits = dtypes.finfo(y.dtype)
    return y.clamp(min=limits.tiny, max=1.0 - limits.eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log odds, or of log weights along the last dimension."""
    return logits.sigmoid() if is_binary else F.softmax(logits, -1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The opposite; probabilities of 0 and 1 are moved by the smallest step."""
    safe = clamp_probs(probs)
    return safe.log() - (-safe).log1p() if is_binary else safe.log()


class lazy_property:
    """A property that is computed when first read, with its gradient, and kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped, self.__doc__ = wrapped, wrapped.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last `dims` dimensions."""
    return value.sum(tuple(range(-dims, 0))) if dims else value


def standard(draw: str, shape: Any, like: Tensor, *bounds: float) -> Tensor:
    """Numbers that a method such as `normal_` fills in, in the dtype of the parameters."""
    made: Tensor = getattr(empty(shape, dtype=like.dtype), draw)(*bounds)
    return made


def _below(size: int, diag: int) -> Any:
    return tril_indices(size, size, diag).unbind()


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The lower triangle of (..., n, n) matrices, row by row.

    Raises: ValueError if `diag` is no diagonal of them.
    """
    size = mat.shape[-1]
    if not -size <= diag < size:
        raise ValueError(f"diag ({diag}) provided is outside [{-size}, {size - 1}].")
    return mat[(..., *_below(size, diag))]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The (..., n, n) matrices whose lower triangles these vectors are.

    Raises: ValueError if no triangle has so many entries.
    """
    size = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(size) - size > dtypes.finfo(vec.dtype).eps:
        raise ValueError(f"The size of last dimension is {vec.shape[-1]} which cannot be expressed as a triangle.")
    made = zeros((*vec.shape[:-1], round(size), round(size)), dtype=vec.dtype)
    made[(..., *_below(round(size), diag))] = vec
    return made
