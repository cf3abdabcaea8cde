"""The update formulas of the optimizers, on lists of arrays: each function changes parameters and state in place.

PyTorch's order of operations, so that runs agree to rounding. Native kernels serve sgd_step and adam_step.
Every function takes `params` and `grads`, then one list a state value, all in the same order; `step` counts from 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nptorch.kernels.native import kernel

Array = np.ndarray[Any, Any]
Arrays = Sequence[Array]

# Elements updated at a time: a dozen passes over so many stay in the L2 cache, over all each would go to memory.
_BLOCK = 1 << 15


def _native_first(reference: Callable[..., None]) -> Callable[..., None]:
    """The native kernel of the same name where it is built and takes the case, else the reference."""
    native = kernel(reference.__name__)

    @functools.wraps(reference)
    def step(*args: Any, **kwargs: Any) -> None:
        if native(*args, **kwargs) is NotImplemented:
            reference(*args, **kwargs)

    return step


def _blocks(*columns: Sequence[Array | None]) -> Iterator[tuple[Any, ...]]:
    """Matching pieces of a parameter, its gradient and its state, then two scratch arrays of the same shape."""
    for row in zip(*columns, strict=True):
        p = row[0]
        arrays = [p, *(x for x in row[2:] if x is not None)]
        if not all(x.flags.c_contiguous for x in arrays):
            if p.dtype.kind == "c":
                raise NotImplementedError("optimizers need contiguous complex parameters; make them with .contiguous()")
            yield *row, np.empty_like(p), np.empty_like(p)
            continue
        flat = [None if x is None else x.reshape(-1) for x in row]
        if p.dtype.kind == "c":  # real and imaginary parts are parameters of their own
            flat = [None if x is None else x.view(p.real.dtype) for x in flat]
        n = flat[0].size  # type: ignore[union-attr]
        scratch = np.empty((2, min(n, _BLOCK)), flat[0].dtype)  # type: ignore[union-attr]
        for i in range(0, n, _BLOCK):
            pieces = [None if x is None else x[i : i + _BLOCK] for x in flat]
            size = min(_BLOCK, n - i)
            yield *pieces, scratch[0, :size], scratch[1, :size]


def _descent(p: Array, g: Array, maximize: bool, weight_decay: float, out: Array) -> Array:
    """The gradient to descend: negated to maximize, with the L2 penalty's part; in `out` if it is not g itself."""
    if weight_decay:
        np.multiply(p, weight_decay, out=out)
        return np.subtract(out, g, out=out) if maximize else np.add(g, out, out=out)
    return np.negative(g, out=out) if maximize else g


def _lerp(average: Array, g: Array, weight: float, scratch: Array) -> None:
    np.subtract(g, average, out=scratch)
    scratch *= weight
    average += scratch


def _average_square(average: Array, g: Array, decay: float, scratch: Array) -> None:
    np.multiply(g, 1 - decay, out=scratch)
    scratch *= g
    average *= decay
    average += scratch


def _add_scaled(p: Array, x: Array, scale: float, scratch: Array, *, over: Array | None = None) -> None:
    """p += scale * x, or scale * x / over."""
    np.multiply(x, scale, out=scratch)
    if over is not None:
        scratch /= over
    p += scratch


@_native_first
@np.errstate(all="ignore")
def sgd_step(
    params: Arrays,
    grads: Arrays,
    momentum_buffers: Arrays | None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """Gradient descent with momentum; first: the buffers are new and start as the gradient."""
    for p, g, buffer, a, b in _blocks(params, grads, momentum_buffers or [None] * len(params)):
        g = _descent(p, g, maximize, weight_decay, a)
        if buffer is not None:
            if first:
                buffer[...] = g
            else:
                buffer *= momentum
                _add_scaled(buffer, g, 1 - dampening, b)
            if nesterov:
                np.multiply(buffer, momentum, out=b)
                g = np.add(g, b, out=b)
            else:
                g = buffer
        _add_scaled(p, g, -lr, a)


@_native_first
@np.errstate(all="ignore")
def adam_step(
    params: Arrays,
    grads: Arrays,
    exp_avgs: Arrays,
    exp_avg_sqs: Arrays,
    max_exp_avg_sqs: Arrays | None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> None:
    """Adam (Kingma and Ba 2014), AMSGrad where max_exp_avg_sqs is given, AdamW where the weight decay is decoupled."""
    step_size = lr / (1 - beta1**step)
    root = (1 - beta2**step) ** 0.5
    for p, g, m, v, peak, a, b in _blocks(
        params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs or [None] * len(params)
    ):
        if decoupled and weight_decay:
            p *= 1 - lr * weight_decay
        g = _descent(p, g, maximize, 0 if decoupled else weight_decay, a)
        _lerp(m, g, 1 - beta1, b)
        _average_square(v, g, beta2, b)
        if peak is not None:
            v = np.maximum(peak, v, out=peak)
        np.sqrt(v, out=b)
        b /= root
        b += eps
        _add_scaled(p, m, -step_size, a, over=b)


@np.errstate(all="ignore")
def rmsprop_step(
    params: Arrays,
    grads: Arrays,
    square_avgs: Arrays,
    momentum_buffers: Arrays | None,
    grad_avgs: Arrays | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """RMSprop (Hinton's lecture 6e), centered where grad_avgs are given (Graves 2013)."""
    none = [None] * len(params)
    for p, g, square, buffer, mean, a, b in _blocks(
        params, grads, square_avgs, momentum_buffers or none, grad_avgs or none
    ):
        g = _descent(p, g, maximize, weight_decay, a)
        _average_square(square, g, alpha, b)
        if mean is None:
            np.sqrt(square, out=b)
        else:
            _lerp(mean, g, 1 - alpha, b)
            np.multiply(mean, mean, out=b)
            np.subtract(square, b, out=b)
            np.sqrt(b, out=b)
        b += eps
        if buffer is None:
            _add_scaled(p, g, -lr, a, over=b)
        else:
            buffer *= momentum
            np.divide(g, b, out=b)
            buffer += b
            _add_scaled(p, buffer, -lr, a)


@np.errstate(all="ignore")
def adagrad_step(
    params: Arrays, grads: Arrays, sums: Arrays, *, lr: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    """Adagrad (Duchi et al. 2011); lr is the one of this step."""
    for p, g, total, a, b in _blocks(params, grads, sums):
        g = _descent(p, g, maximize, weight_decay, a)
        np.multiply(g, g, out=b)
        total += b
        np.sqrt(total, out=b)
        b += eps
        _add_scaled(p, g, -lr, a, over=b)


@np.errstate(all="ignore")
def adadelta_step(
    params: Arrays,
    grads: Arrays,
    square_avgs: Arrays,
    acc_deltas: Arrays,
    *,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """Adadelta (Zeiler 2012)."""
    for p, g, square, accumulated, a, b in _blocks(params, grads, square_avgs, acc_deltas):
        g = _descent(p, g, maximize, weight_decay, a)
        _average_square(square, g, rho, b)
        std = np.sqrt(square + eps)
        delta = np.sqrt(np.add(accumulated, eps, out=b), out=b)
        delta /= std
        delta *= g
        _average_square(accumulated, delta, rho, std)
        _add_scaled(p, delta, -lr, a)


@np.errstate(all="ignore")
def adamax_step(
    params: Arrays,
    grads: Arrays,
    exp_avgs: Arrays,
    exp_infs: Arrays,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    maximize: bool,
) -> None:
    """Adamax, Adam by the infinity norm (Kingma and Ba 2014)."""
    for p, g, m, largest, a, b in _blocks(params, grads, exp_avgs, exp_infs):
        g = _descent(p, g, maximize, weight_decay, a)
        _lerp(m, g, 1 - beta1, b)
        largest *= beta2
        np.abs(g, out=b)
        b += eps
        np.maximum(largest, b, out=largest)
        _add_scaled(p, m, -lr / (1 - beta1**step), a, over=largest)


@np.errstate(all="ignore")
def nadam_step(
    params: Arrays,
    grads: Arrays,
    exp_avgs: Arrays,
    exp_avg_sqs: Arrays,
    *,
    grad_scale: float,
    average_scale: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> None:
    """NAdam (Dozat 2016): p += (grad_scale * gradient + average_scale * exp_avg) / the root of the second moment."""
    for p, g, m, v, a, b in _blocks(params, grads, exp_avgs, exp_avg_sqs):
        if decoupled and weight_decay:
            p *= 1 - lr * weight_decay
        g = _descent(p, g, maximize, 0 if decoupled else weight_decay, a)
        _lerp(m, g, 1 - beta1, b)
        _average_square(v, g, beta2, b)
        np.divide(v, 1 - beta2**step, out=b)
        np.sqrt(b, out=b)
        b += eps
        _add_scaled(p, g, grad_scale, a, over=b)
        _add_scaled(p, m, average_scale, a, over=b)


@np.errstate(all="ignore")
def radam_step(
    params: Arrays,
    grads: Arrays,
    exp_avgs: Arrays,
    exp_avg_sqs: Arrays,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> None:
    """RAdam (Liu et al. 2019): Adam with its second moment rectified, and left out while too few steps support it."""
    correction2 = 1 - beta2**step
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / correction2
    for p, g, m, v, a, b in _blocks(params, grads, exp_avgs, exp_avg_sqs):
        if decoupled and weight_decay:
            p *= 1 - lr * weight_decay
        g = _descent(p, g, maximize, 0 if decoupled else weight_decay, a)
        _lerp(m, g, 1 - beta1, b)
        _average_square(v, g, beta2, b)
        np.divide(m, 1 - beta1**step, out=a)
        a *= lr
        if length > 5.0:
            np.sqrt(v, out=b)
            b += eps
            np.divide(correction2**0.5, b, out=b)
            a *= b
            a *= ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
        p -= a
