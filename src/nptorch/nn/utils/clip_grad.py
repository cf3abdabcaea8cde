"""Gradient clipping.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor, from_array


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all tensors' elements taken as one vector, a 0-dim tensor.

    Raises: RuntimeError for a norm that is not finite, if error_if_nonfinite.
    """
    arrays = [t._array for t in ([tensors] if isinstance(tensors, Tensor) else list(tensors))]
    if not arrays:
        return from_array(np.zeros((), dtypes.get_default_dtype().numpy))
    order = float(norm_type)
    with np.errstate(all="ignore"):
        norms = np.stack([np.linalg.norm(a.reshape(-1), order) if a.size else a.real.dtype.type(0) for a in arrays])
        total = np.asarray(np.linalg.norm(norms, order))
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return from_array(total)


@np.errstate(all="ignore")
def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their norm, as one vector, is at most max_norm; returns the norm before.

    Raises: RuntimeError for a norm that is not finite, if error_if_nonfinite.
    """
    grads = _grads(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, total)
    return total


@np.errstate(all="ignore")
def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None) -> None:
    """Scale the gradients in place by max_norm / total_norm, if that is less than 1."""
    _scale(_grads(parameters), max_norm, total_norm)


def _scale(grads: list[Tensor], max_norm: float, total: Tensor) -> None:
    scale = float(max_norm) / (total._array + 1e-6)
    # Multiplied even where the scale is 1, so that a norm that is not finite shows in the gradients.
    for g in grads:
        g._array *= np.minimum(scale, 1.0).astype(g._array.real.dtype)
        g._version[0] += 1


def clip_grad_norm(parameters: Any, max_norm: float, norm_type: float = 2.0, **options: Any) -> Tensor:
    """Deprecated name of clip_grad_norm_()."""
    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, **options)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clamp every element of the gradients to [-clip_value, clip_value] in place."""
    limit = float(clip_value)
    for g in _grads(parameters):
        np.clip(g._array, -limit, limit, out=g._array)
        g._version[0] += 1


def _grads(parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p._grad for p in given if p._grad is not None]
