"""Activations that are ops of their own; those that are one line of others stand in nn/functional."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.grad_mode import mode
from nptorch.ops.derive import through
from nptorch.ops.later import Later, now
from nptorch.ops.pointwise import cast_op, exp, sigmoid, sigmoid_array, tanh, where, zeros_of
from nptorch.ops.promotion import Rule, float_only
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import Op, op
from nptorch.ops.shape import reshape
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import check_tensors, function, method, not_a_tensor, takes_out
from nptorch.ops.special import erf, erf_array
from nptorch.tensor import Tensor


def _no_bool(inputs: Any) -> Any:
    if inputs[0].dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu; convert them with .float()")
    return inputs


class Rectified(Later):
    """The gradient of a ReLU's input: `g` where `out` is positive."""

    __slots__ = ("g", "out")

    def __init__(self, g: Tensor, out: Tensor) -> None:
        Later.__init__(self, g._array.shape, g._array.dtype)
        self.g, self.out = g, out

    def compute(self) -> Tensor:
        return threshold_backward(self.g, self.out)


def _relu_backward(g: Tensor | Later, out: Tensor) -> Tensor | Later:
    known = g.through_relu() if isinstance(g, Later) else None
    if known is not None:
        return known
    later = Rectified(now(g), out)
    return later.now() if mode.grad else later


relu = op("relu", lambda xp, x: xp.maximum(x, 0), lambda later, out: _relu_backward(later, out), promote=_no_bool)
# The step has a slope of zero, which a gradient penalty on a ReLU net must be able to ask for.
threshold_backward = op(
    "threshold_backward",
    lambda xp, g, y: xp.where(y <= 0, g.dtype.type(0), g),
    lambda g, y: threshold_backward(g, y),
    lambda g: zeros_of(g),
)

# --- activations whose derivative is a kernel of its own ---

# What their formulas call, once of arrays and once of Tensors.
_ARRAYS = SimpleNamespace(
    where=np.where, exp=np.exp, tanh=np.tanh, sigmoid=lambda x: sigmoid_array(np, x), erf=lambda x: erf_array(np, x)
)
TENSORS = SimpleNamespace(where=where, exp=exp, tanh=tanh, sigmoid=sigmoid, erf=erf)


def backward_of(name: str, slope: Callable[..., Any]) -> Op:
    """The op that scales g by `slope(m, *inputs)`, which is written with the functions of m."""
    return op(
        f"{name}_backward",
        lambda xp, g, *inputs, **params: (g * slope(_ARRAYS, *inputs, **params)).astype(g.dtype, copy=False),
        joint=through(lambda g, *inputs, **params: g * slope(TENSORS, *inputs, **params)),
    )


def _activation(name: str, forward: Callable[..., Any], slope: Callable[..., Any], promote: Rule | None = None) -> Op:
    """An op of x with this slope."""
    backward = backward_of(name, slope)
    return op(name, forward, lambda g, x, **params: backward(g, x, **params), promote=promote)


leaky_relu = _activation(
    "leaky_relu",
    lambda xp, x, *, slope: xp.where(x > 0, x, x * x.dtype.type(slope)),
    lambda m, x, *, slope: m.where(x > 0, 1.0, slope),
    float_only("leaky_relu"),
)
# With scale and input_scale it is also selu and celu.
elu = _activation(
    "elu",
    lambda xp, x, *, alpha, scale, input_scale: xp.where(
        x > 0, x * x.dtype.type(scale), x.dtype.type(alpha * scale) * xp.expm1(xp.minimum(x, 0) * input_scale)
    ),
    lambda m, x, *, alpha, scale, input_scale: m.where(
        x > 0, scale, m.exp(m.where(x > 0, 0.0, x) * input_scale) * (alpha * scale * input_scale)
    ),
    float_only("elu"),
)
softplus = _activation(
    "softplus",
    lambda xp, x, *, beta, threshold: xp.where(
        x * beta > threshold, x, xp.logaddexp(x * x.dtype.type(beta), 0) / x.dtype.type(beta)
    ),
    lambda m, x, *, beta, threshold: m.where(x * beta > threshold, 1.0, m.sigmoid(x * beta)),
    float_only("softplus"),
)
log_sigmoid = _activation(
    "log_sigmoid", lambda xp, x: -xp.logaddexp(-x, 0), lambda m, x: m.sigmoid(-x), float_only("logsigmoid")
)
hardtanh = _activation(
    "hardtanh",
    lambda xp, x, *, low, high: xp.clip(x, low, high),
    lambda m, x, *, low, high: (x > low) & (x < high),
)
hardsigmoid = _activation(
    "hardsigmoid",
    lambda xp, x: xp.clip(x + 3, 0, 6) / 6,
    lambda m, x: m.where((x > -3) & (x < 3), 1 / 6, 0.0),
    float_only("hardsigmoid"),
)
hardswish = _activation(
    "hardswish",
    lambda xp, x: x * (xp.clip(x + 3, 0, 6) / 6),
    lambda m, x: m.where(x < -3, 0.0, m.where(x < 3, x / 3 + 0.5, 1.0)),
    float_only("hardswish"),
)


def _tanh_of_softplus(m: Any, x: Any) -> Any:
    e = m.exp(m.where(x > 20, 20.0, x))
    n = e * (e + 2)
    return n / (n + 2)


def _mish_slope(m: Any, x: Any) -> Any:
    t = _tanh_of_softplus(m, x)
    return t + x * (1 - t * t) * m.sigmoid(x)


def _gelu(xp: Any, x: Any, *, approximate: bool) -> Any:
    if approximate:
        return 0.5 * x * (1 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf_array(xp, x * (1 / math.sqrt(2))))


def _gelu_slope(m: Any, x: Any, *, approximate: bool) -> Any:
    if approximate:
        steepness = math.sqrt(2 / math.pi)
        t = m.tanh(steepness * (x + 0.044715 * x * x * x))
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (steepness * (1 + 3 * 0.044715 * x * x))
    return 0.5 * (1 + m.erf(x * (1 / math.sqrt(2)))) + x * (m.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


def _silu_slope(m: Any, x: Any) -> Any:
    s = m.sigmoid(x)
    return s * (1 + x * (1 - s))


mish = _activation("mish", lambda xp, x: x * _tanh_of_softplus(_ARRAYS, x), _mish_slope, float_only("mish"))
gelu = _activation("gelu", _gelu, _gelu_slope, float_only("gelu"))
silu = _activation("silu", lambda xp, x: x * sigmoid_array(xp, x), _silu_slope, float_only("silu"))

# --- softmax ---


def _shifted(xp: Any, x: Any, axis: int) -> Any:
    return x - x.max(axis, keepdims=True) if x.size else x


def _softmax(xp: Any, x: Any, *, axis: int) -> Any:
    e = xp.exp(_shifted(xp, x, axis))
    return e / e.sum(axis, keepdims=True)


def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    shifted = _shifted(xp, x, axis)
    return shifted - xp.log(xp.exp(shifted).sum(axis, keepdims=True))


softmax = op(
    "softmax", _softmax, lambda g, out, *, axis: softmax_backward(g, out, axis=axis), promote=float_only("softmax")
)
softmax_backward = op(
    "softmax_backward",
    lambda xp, g, y, *, axis: y * (g - (g * y).sum(axis, keepdims=True)),
    joint=through(lambda g, y, *, axis: y * (g - sum_op(g * y, axis=(axis,), keepdims=True))),
)
log_softmax = op(
    "log_softmax",
    _log_softmax,
    lambda g, out, *, axis: log_softmax_backward(g, out, axis=axis),
    promote=float_only("log_softmax"),
)
log_softmax_backward = op(
    "log_softmax_backward",
    lambda xp, g, y, *, axis: g - xp.exp(y) * g.sum(axis, keepdims=True),
    joint=through(lambda g, y, *, axis: g - exp(y) * sum_op(g, axis=(axis,), keepdims=True)),
)


# --- the functions that torch itself has ---


@function("relu")
def relu_function(input: Tensor) -> Tensor:
    """max(x, 0) of every element."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("relu", "input", 1, input)
    return relu(input)


@method("relu_")
def relu_(self: Tensor) -> Tensor:
    """In-place relu()."""
    return relu.into(self, self)


@function("prelu")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, else weight * x, with one weight or one for each channel (He et al., arXiv:1502.01852).

    Raises: RuntimeError unless there is 1 weight, or a row of one for each channel.
    """
    x, w = input._array, weight._array
    if w.ndim > 1:
        raise RuntimeError(f"prelu(): Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}")
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.size not in (1, channels):
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {w.size} and channel "
            f"size = {channels}."
        )
    if x.ndim != 1:
        weight = reshape(weight, (1, -1) + (1,) * (x.ndim - 2) if x.ndim else ())
    return where(input > 0, input, weight * input)


def _along(op: Op, input: Tensor, dim: int, dtype: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(op.name, "input", 1, input)
    x = input if dtype is None else cast_op(input, dtype=dtypes.parse(dtype).numpy)
    a = parse_axis(op.name, dim, x._array.ndim)
    return op(x, axis=a) if x._array.ndim else reshape(op(reshape(x, 1), axis=0), ())


@function("softmax")
@takes_out
def softmax_function(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, computed in `dtype` if given."""
    return _along(softmax, input, dim, dtype)


@function("log_softmax")
@takes_out
def log_softmax_function(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow, computed in `dtype` if given."""
    return _along(log_softmax, input, dim, dtype)


@function("heaviside")
@takes_out
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below zero, `values` at zero, 1 above."""
    check_tensors("heaviside", input=input, values=values)
    return where(input == 0, values, (input > 0).to(input.dtype))
