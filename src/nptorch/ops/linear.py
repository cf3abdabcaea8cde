"""The affine map of a layer: x (..., in), w (out, in), b (out) -> (..., out)."""

from __future__ import annotations

from typing import Any

from nptorch.ops.linalg import matmul
from nptorch.ops.promotion import same
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op


def _linear(xp: Any, x: Any, w: Any, b: Any) -> Any:
    y = xp.matmul(x, w.T)
    if b is not None:
        y += b
    return y


def _linear_weight(xp: Any, g: Any, x: Any) -> Any:
    return xp.matmul(g.reshape(-1, g.shape[-1]).T, x.reshape(-1, x.shape[-1]))


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
    lambda g, x: linear_weight(g, x),
    lambda g: sum_op(g, axis=tuple(range(g._array.ndim - 1)), keepdims=False),
    promote=same("linear"),
    label=_label,
)
# The gradient of w: g (..., out), x (..., in) -> (out, in).
linear_weight = op(
    "linear_weight",
    _linear_weight,
    lambda ct, x: linear(x, ct, None),
    lambda ct, g: matmul(g, ct),
)
