"""Activations, element by element unless a dimension is named."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nptorch.ops import activation as ops
from nptorch.ops import pointwise
from nptorch.ops.activation import prelu
from nptorch.ops.compare import clamp
from nptorch.ops.parts import chunk
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.promotion import number
from nptorch.ops.registry import Op
from nptorch.ops.signatures import axis, function, not_a_tensor, shown_as
from nptorch.random import engine
from nptorch.tensor import Tensor, from_array


def _apply(op: Op, input: Tensor, inplace: bool, **params: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(op.name, "input", 1, input)
    return op.into(input, input, **params) if inplace else op(input, **params)


def _composed(function: Callable[[Tensor], Tensor], input: Tensor, inplace: bool) -> Tensor:
    """A composition; in place it works on a copy, since its derivative needs the values that are overwritten."""
    return input.copy_(function(input.clone())) if inplace else function(input)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""
    return _apply(ops.relu, input, inplace)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return _apply(pointwise.sigmoid, input, False)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return _apply(pointwise.tanh, input, False)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, else negative_slope * x."""
    return _apply(ops.leaky_relu, input, inplace, slope=negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, else alpha (exp(x) - 1) (Clevert et al., arXiv:1511.07289)."""
    return _apply(ops.elu, input, inplace, alpha=alpha, scale=1.0, input_scale=1.0)


@function()
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising elu (Klambauer et al., arXiv:1706.02515)."""
    return _apply(ops.elu, input, inplace, alpha=1.6732632423543772, scale=1.0507009873554805, input_scale=1.0)


@function()
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron, arXiv:1704.07483)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _apply(ops.elu, input, inplace, alpha=alpha, scale=1.0, input_scale=1 / alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Phi(x), or its tanh approximation (Hendrycks, Gimpel, arXiv:1606.08415)."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")
    return ops.gelu(input, approximate=approximate == "tanh")


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return _apply(ops.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x)) (Misra, arXiv:1908.08681)."""
    return _apply(ops.mish, input, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    return ops.softplus(input, beta=beta, threshold=threshold)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]."""
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val, got {min_val} and {max_val}")
    if input._array.dtype.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
    return _apply(ops.hardtanh, input, inplace, low=min_val, high=max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(x + 3) / 6 limited to [0, 1]."""
    return _apply(ops.hardsigmoid, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x) (Howard et al., arXiv:1905.02244)."""
    return _apply(ops.hardswish, input, inplace)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return ops.log_sigmoid(input)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + input.abs())


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - tanh(input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x drawn towards 0 by lambd, and 0 within it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}")
    return input - clamp(input, -lambd, lambd)


@function()
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0."""
    return where((input < -lambd) | (input > lambd), input, zeros_of(input))


@function()
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where above the threshold, else `value`."""
    return _composed(lambda x: where(x > threshold, x, from_array(number(value, x._array.dtype))), input, inplace)


@function()
def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """leaky_relu() with a random slope of [lower, upper] for each negative element; the mean slope in evaluation."""
    if lower > upper:
        raise RuntimeError(
            f"rrelu(): Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    # PyTorch draws one number for each negative element only.
    negative = input._array <= 0
    slopes = np.ones(input._array.shape, input._array.dtype)
    slopes[negative] = engine(None).uniform((int(negative.sum()),), np.dtype(np.float64), lower, upper)
    return _composed(lambda x: x * from_array(slopes), input, inplace)


@shown_as("GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of a dimension times the sigmoid of the second (Dauphin et al., arXiv:1612.08083)."""
    n = input._array.shape[axis("glu", dim, input._array.ndim)]
    if n % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {n}")
    a, b = chunk(input, 2, dim)
    return a * sigmoid(b)


# --- softmax ---


def _legacy_dim(name: str, ndim: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`."""
    d = _legacy_dim("softmax", input._array.ndim) if dim is None else dim
    return ops.softmax_function(input, d, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow."""
    d = _legacy_dim("log_softmax", input._array.ndim) if dim is None else dim
    return ops.log_softmax_function(input, d, dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax() of -x."""
    d = _legacy_dim("softmin", input._array.ndim) if dim is None else dim
    return ops.softmax_function(-input, d, dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax of logits with Gumbel noise (Jang et al., arXiv:1611.01144); `hard` gives one-hot values with soft
    gradients."""
    noise = engine(None).exponential(logits._array.shape, logits._array.dtype)
    soft = softmax((logits - from_array(np.log(noise))) / tau, dim)
    if not hard:
        return soft
    one_hot = zeros_of(soft).scatter_(dim, soft.argmax(dim, keepdim=True), 1.0)
    return one_hot - soft.detach() + soft


relu_, leaky_relu_, elu_ = partial(relu, inplace=True), partial(leaky_relu, inplace=True), partial(elu, inplace=True)
selu_, celu_, rrelu_ = partial(selu, inplace=True), partial(celu, inplace=True), partial(rrelu, inplace=True)
hardtanh_, threshold_ = partial(hardtanh, inplace=True), partial(threshold, inplace=True)

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_",
    "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign",
    "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip
