"""The affine map of a layer: x (..., in), w (out, in), b (out) -> (..., out)."""

from __future__ import annotations

from typing import Any

from nptorch.ops.linalg import matmul
from nptorch.ops.promotion import same
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import reshape, transpose_op
from nptorch.tensor import Tensor


def _linear(xp: Any, x: Any, w: Any, b: Any) -> Any:
    y = xp.matmul(x, w.T)
    if b is not None:
        y += b
    return y


def _rows(t: Tensor) -> Tensor:
    return t if t._array.ndim == 2 else reshape(t, -1, t._array.shape[-1])


def _label(node: Any) -> str:
    """PyTorch folds leading dimensions into one and adds the bias while it multiplies."""
    biased = node.edges[2] is not None
    if len(node.outputs[0][0]) == 2:
        return "AddmmBackward0" if biased else "MmBackward0"
    return "ViewBackward0" if biased else "UnsafeViewBackward0"


linear = op(
    "linear",
    _linear,
    lambda g, w: matmul(g, w),
    lambda g, x: matmul(transpose_op(_rows(g), a=0, b=1), _rows(x)),
    lambda g: sum_op(g, axis=tuple(range(g._array.ndim - 1)), keepdims=False),
    promote=same("linear"),
    label=_label,
)
