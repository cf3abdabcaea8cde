"""Running totals along a dimension, and the product, whose derivative is made of them."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nptorch.ops.extremes import take_along
from nptorch.ops.join import cat_op, flip_op
from nptorch.ops.pointwise import conj, exp, log, where, zeros_of
from nptorch.ops.promotion import to_float
from nptorch.ops.reduce import _typed
from nptorch.ops.registry import op
from nptorch.ops.shape import clone_op, narrow, reshape, unsqueeze_op
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, result, takes_out
from nptorch.tensor import Tensor, from_array


def _prod_vjp(g: Tensor, x: Tensor, *, axis: int) -> Tensor:
    # The product of all others, from both sides: right also where elements are 0.
    before = _exclusive_cumprod(x, axis)
    after = flip_op(_exclusive_cumprod(flip_op(x, axes=(axis,)), axis), axes=(axis,))
    return unsqueeze_op(g, dim=axis) * conj(before * after)


def _before(x: Tensor, axis: int, first: float) -> Tensor:
    """What stands before each element along `axis`; `first` before the first."""
    n = x._array.shape[axis]
    edge = from_array(np.full_like(x._array[(slice(None),) * axis + (slice(0, 1),)], first))
    return cat_op(edge, narrow(x, axis, 0, n - 1), axis=axis) if n else x


def _exclusive_cumprod(x: Tensor, axis: int) -> Tensor:
    return _before(cumprod_op(x, axis=axis), axis, 1)


prod_op = op(
    "prod", lambda xp, x, *, axis: x.prod(axis, dtype=np.int64 if x.dtype.kind in "biu" else x.dtype), _prod_vjp
)


@function()
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over one dimension, or of all elements."""
    x = _typed(input, dtype)
    a = 0 if dim is None else parse_axis("prod", dim, x._array.ndim)
    y = prod_op(reshape(x, -1) if dim is None or x._array.ndim == 0 else x, axis=a)
    return _typed(unsqueeze_op(y, dim=a) if keepdim and dim is not None and x._array.ndim else y, dtype)


def _accumulated(xp: Any, x: Any, axis: int, ufunc: Any) -> Any:
    # Totals are kept in double (PyTorch's acc_type).
    if x.dtype.kind in "biu":
        return ufunc.accumulate(x, axis, np.int64)
    return ufunc.accumulate(x, axis, np.result_type(x.dtype, np.float64)).astype(x.dtype, copy=False)


def _cumsum(xp: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    if reverse:
        return xp.flip(_cumsum(xp, xp.flip(x, axis), axis=axis, reverse=False), axis).copy()
    return _accumulated(xp, x, axis, xp.add)


cumsum_op = op("cumsum", _cumsum, lambda g, *, axis, reverse: cumsum_op(g, axis=axis, reverse=not reverse))


def _recurrence(xp: Any, x: Any, a: Any, *, axis: int, reverse: bool) -> Any:
    out = xp.empty_like(x)
    lines, slopes, totals = (xp.moveaxis(v, axis, 0) for v in (x, a, out))
    carried: Any = 0
    if reverse:
        for i in reversed(range(len(lines))):
            totals[i] = lines[i] + carried
            carried = slopes[i] * totals[i]
    else:
        for i in range(len(lines)):
            totals[i] = carried = lines[i] + slopes[i] * carried
    return out


def _recurrence_slope(g: Tensor, a: Tensor, out: Tensor, *, axis: int, reverse: bool) -> Tensor:
    arriving = recurrence_op(g, conj(a), axis=axis, reverse=not reverse)
    if reverse:
        return _before(arriving, axis, 0) * conj(out)
    return arriving * conj(_before(out, axis, 0))


# out[i] = x[i] + a[i] * out[i - 1]; in reverse out[i] = x[i] + a[i + 1] * out[i + 1], which is the transpose of the first.
recurrence_op = op(
    "recurrence",
    _recurrence,
    lambda g, a, *, axis, reverse: recurrence_op(g, conj(a), axis=axis, reverse=not reverse),
    _recurrence_slope,
)

# d out[k] / d x[i] is the product of the others up to k, those before i and those behind it: right where elements are 0.
cumprod_op = op(
    "cumprod",
    lambda xp, x, *, axis: _accumulated(xp, x, axis, xp.multiply),
    lambda g, x, out, *, axis: conj(_before(out, axis, 1)) * recurrence_op(g, conj(x), axis=axis, reverse=True),
)


def _running(name: str, running: Any, input: Tensor, dim: int, dtype: Any, **how: bool) -> Tensor:
    x = _typed(input, dtype)
    if x._array.ndim == 0:
        parse_axis(name, dim, 0)
        return reshape(running(reshape(x, 1), axis=0, **how), ())
    return running(x, axis=parse_axis(name, dim, x._array.ndim), **how)


@function()
@takes_out
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    return _running("cumsum", cumsum_op, input, dim, dtype, reverse=False)


@function()
@takes_out
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`."""
    return _running("cumprod", cumprod_op, input, dim, dtype)


def _logcumsumexp(xp: Any, x: Any, *, axis: int) -> Any:
    if x.dtype.kind == "f":
        return xp.logaddexp.accumulate(x, axis)
    # logaddexp() takes no complex numbers: each step beside the larger of the two.
    out = x.copy()
    lines = xp.moveaxis(out, axis, 0)
    for k in range(1, len(lines)):
        a, b = lines[k - 1], lines[k]
        top = xp.where(xp.isfinite(a) & (a.real >= b.real), a, b)
        lines[k] = xp.log(xp.exp(a - top) + xp.exp(b - top)) + top
    return out


def _logcumsumexp_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: int) -> Tensor:
    """The sum over k >= i of g[k] * exp(x[i] - out[k]), whose factors may overflow where their product does not."""
    x, out = conj(x), conj(out)

    def part(g: Tensor) -> Tensor:
        none = g == 0
        shares = where(none, -math.inf, log(where(none, 1.0, g)) - out)
        return exp(x + flip_op(logcumsumexp_op(flip_op(shares, axes=(axis,)), axis=axis), axes=(axis,)))

    if g._array.dtype.kind == "c":
        return part(g)
    zero = zeros_of(g)
    return part(where(g > 0, g, zero)) - part(where(g < 0, -g, zero))


logcumsumexp_op = op("logcumsumexp", _logcumsumexp, _logcumsumexp_vjp, promote=to_float)


@function()
@takes_out
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Running log(sum(exp(input))) along `dim`, without overflow."""
    return _running("logcumsumexp", logcumsumexp_op, input, dim, None)


def _cumulative_extreme(name: str, input: Tensor, dim: int, reach: Any) -> Any:
    x = input._array
    d = parse_axis(name, dim, x.ndim)
    if x.ndim == 0:
        return result(name, values=clone_op(input), indices=from_array(np.zeros((), np.int64)))
    best = reach(x, d)
    # The last position that reached the running extreme.
    n = np.arange(x.shape[d]).reshape([-1 if i == d else 1 for i in range(x.ndim)])
    indices = from_array(np.maximum.accumulate(np.where(x == best, n, 0), d).astype(np.int64))
    return result(name, values=take_along(input, indices, axis=d), indices=indices)


@function()
@takes_out
def cummax(input: Tensor, dim: int) -> Any:
    """Running maxima along `dim`, and where they stand."""
    return _cumulative_extreme("cummax", input, dim, np.maximum.accumulate)


@function()
@takes_out
def cummin(input: Tensor, dim: int) -> Any:
    """Running minima along `dim`, and where they stand."""
    return _cumulative_extreme("cummin", input, dim, np.minimum.accumulate)


@function()
@takes_out
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The n-th differences of neighbours along `dim`, with tensors set before and after."""
    from nptorch.ops.compare import ne

    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if not input._array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    d = parse_axis("diff", dim, input._array.ndim)
    if n == 0:
        return input.clone()
    parts = [t for t in (prepend, input, append) if t is not None]
    input = cat_op(*parts, axis=d) if len(parts) > 1 else input
    n = builtins.min(n, input._array.shape[d])
    for _ in range(n):
        length = input._array.shape[d]
        after, before = narrow(input, d, 1, length - 1), narrow(input, d, 0, length - 1)
        input = ne(after, before) if input._array.dtype.kind == "b" else after - before
    return input
