"""The affine map of a layer: x (..., in), w (out, in), b (out) -> (..., out)."""

from __future__ import annotations

from typing import Any

from nptorch.ops.derive import through
from nptorch.ops.linalg import matmul
from nptorch.ops.promotion import same
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.tensor import Tensor


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


def _bias_gradient(g: Tensor) -> Tensor:
    return sum_op(g, axis=tuple(range(g._array.ndim - 1)), keepdims=False)


def _linear_gradients(g: Tensor, x: Tensor, w: Tensor, needs: Any) -> Any:
    """Those of x, w and b that are needed."""
    if needs[0] and needs[1]:
        return linear_backward(g, x, w)
    return (
        matmul(g, w) if needs[0] else None,
        linear_weight(g, x) if needs[1] else None,
        _bias_gradient(g) if needs[2] else None,
    )


linear = op(
    "linear",
    _linear,
    lambda g, w: matmul(g, w),
    lambda g, x: linear_weight(g, x),
    lambda g: _bias_gradient(g),
    together=lambda g, x, w, *, needs: _linear_gradients(g, x, w, needs),
    promote=same("linear"),
    label=_label,
)
# All three; the bias's costs too little to leave out.
linear_backward = op(
    "linear_backward",
    lambda xp, g, x, w: (xp.matmul(g, w), _linear_weight(xp, g, x), g.sum(tuple(range(g.ndim - 1)))),
    joint=through(lambda g, x, w: (matmul(g, w), linear_weight(g, x), _bias_gradient(g))),
    outputs=("gx", "gw", "gb"),
)
# The gradient of w: g (..., out), x (..., in) -> (out, in).
linear_weight = op(
    "linear_weight",
    _linear_weight,
    lambda ct, x: linear(x, ct, None),
    lambda ct, g: matmul(g, ct),
)
