"""The native kernels as the ops call them: a function an op, with the reference's signature.

Each takes the cases it is fast at and returns NotImplemented for what the reference has to serve: another dtype,
mixed dtypes, empty arrays, an axis it does not know. Arrays that do not lie in C order are copied. Without the extension
(no compiler at installation) AVAILABLE is False, KERNELS is empty, and the functions that are called directly return
NotImplemented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

try:
    _native: Any = import_module("nptorch._native")
except ModuleNotFoundError:  # any other ImportError, such as an unknown NPTORCH_ISA, is the user's to see
    _native = None

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

AVAILABLE = _native is not None
ISA: str | None = _native.isa() if AVAILABLE else None

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def _fit(*arrays: Array | None) -> bool:
    """Whether these are non-empty arrays of one native float dtype."""
    dtype = arrays[0].dtype  # type: ignore[union-attr]
    # A dtype is nearly always the one object that NumPy has for it; unpickled ones are equal only.
    if dtype is not _FLOAT32 and dtype is not _FLOAT64 and dtype not in (_FLOAT32, _FLOAT64):
        return False
    for x in arrays:
        if x is not None and ((x.dtype is not dtype and x.dtype != dtype) or not x.size):
            return False
    return True


# --- linear algebra ---


def linear(x: Array, w: Array, b: Array | None) -> Any:
    """x @ w.T + b: x (..., in), w (out, in), b (out)."""
    if not _fit(x, w, b):
        return NotImplemented
    return _native.linear(x, w, b, False)


def linear_weight(g: Array, x: Array) -> Any:
    """The gradient of linear's w: g (..., out), x (..., in) -> (out, in)."""
    if not _fit(g, x) or g.shape[:-1] != x.shape[:-1]:
        return NotImplemented
    return _native.matmul(g.reshape(-1, g.shape[-1]).T, x.reshape(-1, x.shape[-1]))


def matmul(x: Array, y: Array) -> Any:
    """x @ y for matrices, and batches with equal leading shapes or with one plain matrix."""
    if not _fit(x, y) or x.ndim < 2 or y.ndim < 2:
        return NotImplemented
    if x.ndim > 2 and y.ndim > 2 and x.shape[:-2] != y.shape[:-2]:
        return NotImplemented
    if x.shape[-1] != y.shape[-2]:
        return NotImplemented
    return _native.matmul(x, y)


# --- convolution ---


def conv2d(x: Array, w: Array, b: Array | None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """x (N, C, H, W), w (O, C / groups, kH, kW), b (O)."""
    if not _fit(x, w, b):
        return NotImplemented
    return _native.conv2d(x, w, b, stride, padding, dilation, groups)


def conv2d_input(
    g: Array, w: Array, *, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The gradient of conv2d's x, of this shape."""
    if not _fit(g, w):
        return NotImplemented
    return _native.conv2d_input(g, w, shape, stride, padding, dilation, groups)


def conv2d_weight(
    x: Array, g: Array, *, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The gradient of conv2d's w, of this shape."""
    if not _fit(x, g):
        return NotImplemented
    return _native.conv2d_weight(x, g, shape, stride, padding, dilation, groups)


def conv2d_backward(g: Array, x: Array, w: Array, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """(gx, gw) of conv2d."""
    if not _fit(g, x, w):
        return NotImplemented
    return _native.conv2d_backward(g, x, w, stride, padding, dilation, groups)


# --- pooling ---


def max_pool2d(x: Array, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Any:
    """(maxima, their places as ops/pool.py counts them)."""
    if not _fit(x):
        return NotImplemented
    return _native.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)


def max_pool2d_backward(
    g: Array,
    places: Array,
    *,
    shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
    rectified: bool,
) -> Any:
    """(the gradient of max_pool2d's x, of this shape, its sums over the planes); rectified: of a ReLU's input before it."""
    if not _fit(g):
        return NotImplemented
    return _native.max_pool2d_backward(g, places, shape, kernel, stride, padding, dilation, ceil_mode, rectified)


def avg_pool2d(
    x: Array,
    *,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: float | None,
) -> Any:
    """Means of windows; divisor replaces their size."""
    if not _fit(x):
        return NotImplemented
    return _native.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor)


def avg_pool2d_backward(
    g: Array,
    *,
    shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: float | None,
) -> Any:
    """The gradient of avg_pool2d's x, of this shape."""
    if not _fit(g):
        return NotImplemented
    return _native.avg_pool2d_backward(g, shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor)


# --- normalisation ---


def batch_norm(x: Array, w: Array | None, b: Array | None, *, eps: float) -> Any:
    """(out, mean, 1 / sqrt(var + eps)) with the statistics of x over all axes but 1."""
    if not _fit(x, w, b):
        return NotImplemented
    return _native.batch_norm(x, w, b, eps)


def move_statistics(
    mean: Array, rstd: Array, running_mean: Array, running_var: Array, *, momentum: float, eps: float, count: int
) -> Any:
    """Moves running statistics towards those of a batch of `count` numbers a channel, in place."""
    written_in_place = running_mean.flags.carray and running_var.flags.carray
    if not AVAILABLE or not written_in_place or not _fit(mean, rstd, running_mean, running_var):
        return NotImplemented
    return _native.move_statistics(mean, rstd, running_mean, running_var, momentum, eps, count)


def batch_norm_backward(g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, rectified: Array | None) -> Any:
    """(gx, gw, gb) of batch_norm; rectified: the output of a ReLU behind it that g is the gradient of."""
    if not _fit(g, x, w, mean, rstd, rectified):
        return NotImplemented
    return _native.batch_norm_backward(g, x, w, mean, rstd, rectified)


def channel_scale(x: Array, scale: Array, shift: Array) -> Any:
    """x * scale + shift with a number a channel (axis 1): batch norm with running statistics."""
    if not _fit(x, scale, shift):
        return NotImplemented
    return _native.channel_scale(x, scale, shift)


def layer_norm(x: Array, w: Array | None, b: Array | None, *, ndim: int, eps: float) -> Any:
    """(out, mean, 1 / sqrt(var + eps)) over the last ndim axes; the statistics keep them as ones."""
    if not _fit(x, w, b):
        return NotImplemented
    return _native.layer_norm(x, w, b, ndim, eps)


def layer_norm_backward(g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, *, ndim: int) -> Any:
    """(gx, gw, gb) of layer_norm."""
    if not _fit(g, x, w, mean, rstd):
        return NotImplemented
    return _native.layer_norm_backward(g, x, w, mean, rstd, ndim)


# --- softmax and cross-entropy ---


def softmax(x: Array, *, axis: int) -> Any:
    """Along the last axis."""
    if not _fit(x) or axis not in (-1, x.ndim - 1):
        return NotImplemented
    return _native.softmax(x)


def log_softmax(x: Array, *, axis: int) -> Any:
    """Along the last axis."""
    if not _fit(x) or axis not in (-1, x.ndim - 1):
        return NotImplemented
    return _native.log_softmax(x)


def softmax_backward(g: Array, out: Array, *, axis: int) -> Any:
    """Along the last axis."""
    if not _fit(g, out) or axis not in (-1, g.ndim - 1):
        return NotImplemented
    return _native.softmax_backward(g, out)


def log_softmax_backward(g: Array, out: Array, *, axis: int) -> Any:
    """Along the last axis."""
    if not _fit(g, out) or axis not in (-1, g.ndim - 1):
        return NotImplemented
    return _native.log_softmax_backward(g, out)


def nll_loss(x: Array, target: Array, *, ignore_index: int, reduction: str) -> Any:
    """The loss of log-probabilities x (N, classes) and target (N), class indices."""
    if not _fit(x) or x.ndim != 2 or target.dtype != np.int64:
        return NotImplemented
    return _native.nll_loss(x, target, ignore_index, reduction)


def nll_loss_backward(g: Array, target: Array, *, shape: tuple[int, ...], ignore_index: int, reduction: str) -> Any:
    """The gradient of nll_loss's x."""
    if not _fit(g) or len(shape) != 2 or target.dtype != np.int64:
        return NotImplemented
    return _native.nll_loss_backward(g, target, shape, ignore_index, reduction)


def cross_entropy(x: Array, target: Array, *, ignore_index: int, reduction: str) -> Any:
    """(loss, log-probabilities) of x (N, classes) and target (N), class indices."""
    if not _fit(x) or x.ndim != 2 or target.dtype != np.int64:
        return NotImplemented
    return _native.cross_entropy(x, target, ignore_index, reduction)


def cross_entropy_backward(g: Array, log_probs: Array, target: Array, *, ignore_index: int, reduction: str) -> Any:
    """The gradient of cross_entropy's x."""
    if not _fit(g, log_probs) or log_probs.ndim != 2 or target.dtype != np.int64:
        return NotImplemented
    return _native.cross_entropy_backward(g, log_probs, target, ignore_index, reduction)


# --- elementwise ---


def accumulate(total: Array, x: Array) -> None:
    """total += x for arrays of one shape: a gradient that arrives again."""
    if not AVAILABLE or add(total, x, out=total) is NotImplemented:
        np.add(total, x, out=total)


def relu(x: Array, *, out: Array | None = None) -> Any:
    """max(x, 0), NaN kept; into out (x itself too) if given."""
    if not _fit(x, out) or (out is not None and not out.flags.c_contiguous):
        return NotImplemented
    return _native.relu(x, out)


def leaky_relu(x: Array, *, slope: float) -> Any:
    """x where positive, else slope * x."""
    if not _fit(x):
        return NotImplemented
    return _native.leaky_relu(x, slope)


def _unary(name: str) -> Callable[[Array], Any]:
    def function(x: Array) -> Any:
        return kernel(x) if _fit(x) else NotImplemented

    kernel: Any = getattr(_native, name, None)
    function.__name__ = function.__qualname__ = name
    return function


def _binary(name: str) -> Callable[..., Any]:
    def function(x: Array, y: Array, *, out: Array | None = None) -> Any:
        if x.__class__ is not np.ndarray or y.__class__ is not np.ndarray:
            return NotImplemented  # a bare number: NumPy is as fast
        if not _fit(x, y) or not (x.shape == y.shape or y.shape == x.shape[-1:] or y.ndim == 0):
            return NotImplemented
        if out is not None and not (_fit(x, out) and out.shape == x.shape and out.flags.carray):
            return NotImplemented
        return kernel(x, y, out)

    kernel: Any = getattr(_native, name, None)
    function.__name__ = function.__qualname__ = name
    return function


def _gradient(name: str) -> Callable[[Array, Array], Any]:
    """The gradient of a function of one number, from g and its result or its input."""

    def function(g: Array, of: Array) -> Any:
        return kernel(g, of) if _fit(g, of) and g.shape == of.shape else NotImplemented

    kernel: Any = getattr(_native, name, None)
    function.__name__ = function.__qualname__ = name
    return function


sigmoid, tanh, exp, silu = _unary("sigmoid"), _unary("tanh"), _unary("exp"), _unary("silu")
threshold_backward, sigmoid_backward = _gradient("threshold_backward"), _gradient("sigmoid_backward")
tanh_backward, silu_backward = _gradient("tanh_backward"), _gradient("silu_backward")
add, sub, mul, div = _binary("add"), _binary("sub"), _binary("mul"), _binary("div")


def gelu(x: Array, *, approximate: bool) -> Any:
    """x times the normal distribution function, not its approximation by tanh."""
    if approximate or not _fit(x):
        return NotImplemented
    return _native.gelu(x)


def gelu_backward(g: Array, x: Array, *, approximate: bool) -> Any:
    """The gradient of gelu."""
    if approximate or not _fit(g, x) or g.shape != x.shape:
        return NotImplemented
    return _native.gelu_backward(g, x)


def sum(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Sums over axes that, merged with their neighbours, form at most kept, summed, kept, summed blocks."""
    if not _fit(x):
        return NotImplemented
    blocks, shape = _sum_blocks(x.shape, axis, keepdims)
    return NotImplemented if len(blocks) > 4 else _native.sum(x, blocks, shape)


@lru_cache(maxsize=256)
def _sum_blocks(
    shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(alternating sizes of at least four blocks, beginning with a kept one; shape of the sums)."""
    blocks, summed = [1], False
    for i, n in enumerate(shape):
        if (i in axis) is summed:
            blocks[-1] *= n
        else:
            blocks.append(n)
            summed = not summed
    ones = [1] * (4 - len(blocks))
    return (*blocks, *ones), tuple([1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis])


# --- called directly ---


def sgd_step(
    params: Sequence[Array],
    grads: Sequence[Array],
    momentum_buffers: Sequence[Array] | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> Any:
    """One step of SGD on all parameters in place; first: the buffers are new and start as the gradient.

    https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    if not _fit_step(params, grads, momentum_buffers):
        return NotImplemented
    buffers = None if momentum_buffers is None else list(momentum_buffers)
    return _native.sgd_step(
        list(params), list(grads), buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first
    )


def adam_step(
    params: Sequence[Array],
    grads: Sequence[Array],
    exp_avgs: Sequence[Array],
    exp_avg_sqs: Sequence[Array],
    max_exp_avg_sqs: Sequence[Array] | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> Any:
    """One step of Adam, or of AdamW if decoupled, on all parameters in place; step counts from 1.

    https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
    """
    if not _fit_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs):
        return NotImplemented
    most = None if max_exp_avg_sqs is None else list(max_exp_avg_sqs)
    return _native.adam_step(
        list(params), list(grads), list(exp_avgs), list(exp_avg_sqs), most,
        lr, beta1, beta2, eps, weight_decay, decoupled, step, maximize,
    )  # fmt: skip


def _fit_step(params: Sequence[Array], grads: Sequence[Array], *states: Sequence[Array] | None) -> bool:
    """Whether all arrays have one float dtype, and those that are written lie in C order."""
    if not AVAILABLE or not params:
        return False
    dtype = params[0].dtype
    if dtype not in (_FLOAT32, _FLOAT64):
        return False
    for arrays in (params, grads, *states):
        for x in arrays or ():
            if (x.dtype is not dtype and x.dtype != dtype) or (arrays is not grads and not x.flags.c_contiguous):
                return False
    return True


def image_batch(images: Array, indices: Array, table: Array) -> Array:
    """table[c, byte] of images[indices], float32 (B, C, H, W): uint8 (N, H, W[, C]) in C order, int64, float32 (C, 256)."""
    return _native.image_batch(images, indices, table)


# --- threads and memory ---


def get_num_threads() -> int:
    """How many threads a kernel may use; 1 without the extension."""
    return _native.get_num_threads() if AVAILABLE else 1


def set_num_threads(count: int) -> None:
    """Let a kernel use this many threads.

    Raises: ValueError if it is less than 1 or more than 1024.
    """
    if AVAILABLE:
        _native.set_num_threads(count)


def release_memory() -> int:
    """Give the memory that is kept for reuse back to the system; returns its bytes."""
    return _native.release_memory() if AVAILABLE else 0


def memory_stats() -> dict[str, int]:
    """Bytes live, kept, and kept at most (limit); allocations reused and fresh. Empty without the extension."""
    return _native.memory_stats() if AVAILABLE else {}


def use_cached_memory() -> None:
    """Let NumPy arrays made in the current context (contextvars) use memory that is kept for reuse.

    Importing this module does so for the importing thread; a new thread or an empty Context needs this call, or one
    native kernel.
    """
    if AVAILABLE:
        _native.use_cached_memory()


_OPS: tuple[Callable[..., Any], ...] = (
    linear, linear_weight, matmul, conv2d, conv2d_input, conv2d_weight, conv2d_backward,
    max_pool2d, max_pool2d_backward, avg_pool2d, avg_pool2d_backward,
    batch_norm, batch_norm_backward, channel_scale, layer_norm, layer_norm_backward,
    softmax, log_softmax, softmax_backward, log_softmax_backward,
    nll_loss, nll_loss_backward, cross_entropy, cross_entropy_backward,
    relu, leaky_relu, sigmoid, tanh, exp, silu, gelu,
    threshold_backward, sigmoid_backward, tanh_backward, silu_backward, gelu_backward, add, sub, mul, div, sum,
)  # fmt: skip

KERNELS: dict[str, Callable[..., Any]] = {f.__name__: f for f in _OPS} if AVAILABLE else {}
