"""Running totals along a dimension, and the product, whose derivative is made of them."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nptorch.ops.extremes import take_along
from nptorch.ops.join import flip_op
from nptorch.ops.pointwise import conj, exp, log, where, zeros_of
from nptorch.ops.promotion import to_float
from nptorch.ops.reduce import _typed, sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import clone_op, reshape, squeeze_op, unsqueeze_op
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, result, takes_out
from nptorch.tensor import Tensor, from_array


def _prod_vjp(g: Tensor, x: Tensor, *, axis: int) -> Tensor:
    # The product of all others, from both sides: right also where elements are 0.
    before = _exclusive_cumprod(x, axis)
    after = flip_op(_exclusive_cumprod(flip_op(x, axes=(axis,)), axis), axes=(axis,))
    return unsqueeze_op(g, dim=axis) * conj(before * after)


def _exclusive_cumprod(x: Tensor, axis: int) -> Tensor:
    from nptorch.ops.join import cat_op
    from nptorch.ops.shape import narrow

    n = x._array.shape[axis]
    ones = from_array(np.ones_like(x._array[(slice(None),) * axis + (slice(0, 1),)]))
    return cumprod_op(cat_op(ones, narrow(x, axis, 0, n - 1), axis=axis), axis=axis) if n > 1 else ones if n else x


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


def _reversed_cumsum(g: Tensor, axis: int) -> Tensor:
    return flip_op(cumsum_op(flip_op(g, axes=(axis,)), axis=axis), axes=(axis,))


def _cumsum(xp: Any, x: Any, *, axis: int) -> Any:
    dtype = np.int64 if x.dtype.kind in "biu" else x.dtype
    behind = math.prod(x.shape[axis + 1 :])
    if behind < 16 or math.prod(x.shape[:axis]) * behind < 1024:
        return x.cumsum(axis, dtype=dtype)
    # Many lines side by side: all of them a step at a time, where NumPy goes along one after the other.
    out = xp.empty(x.shape, dtype)
    lines, totals = xp.moveaxis(x, axis, 0), xp.moveaxis(out, axis, 0)
    totals[:1] = lines[:1]
    for k in range(1, len(lines)):
        xp.add(totals[k - 1], lines[k], out=totals[k])
    return out


cumsum_op = op(
    "cumsum",
    _cumsum,
    lambda g, *, axis: _reversed_cumsum(g, axis),
)


def _cumprod_vjp(g: Tensor, x: Tensor, *, axis: int) -> Tensor:
    # d out[k] / d x[i] is the product of the others up to k: a triangular sum, right where elements are 0 too.
    from nptorch.ops.join import cat_op, stack_op
    from nptorch.ops.shape import narrow

    n = x._array.shape[axis]
    parts = []
    before = None
    for i in range(n):
        # The products of x[i+1..k] for k >= i, times everything before i.
        if i + 1 < n:
            ones = from_array(np.ones_like(narrow(x, axis, 0, 1)._array))
            tail = cumprod_op(cat_op(ones, narrow(x, axis, i + 1, n - i - 1), axis=axis), axis=axis)
        else:
            tail = from_array(np.ones_like(narrow(x, axis, 0, 1)._array))
        slope = sum_op(narrow(g, axis, i, n - i) * conj(tail), axis=(axis,), keepdims=False)
        xi = squeeze_op(narrow(x, axis, i, 1), dims=(axis,))
        parts.append(slope if before is None else slope * conj(before))
        before = xi if before is None else before * xi
    return stack_op(*parts, axis=axis) if parts else g


cumprod_op = op(
    "cumprod",
    lambda xp, x, *, axis: x.cumprod(axis, dtype=np.int64 if x.dtype.kind in "biu" else x.dtype),
    _cumprod_vjp,
)


def _running(name: str, running: Any, input: Tensor, dim: int, dtype: Any) -> Tensor:
    x = _typed(input, dtype)
    if x._array.ndim == 0:
        parse_axis(name, dim, 0)
        return reshape(running(reshape(x, 1), axis=0), ())
    return running(x, axis=parse_axis(name, dim, x._array.ndim))


@function()
@takes_out
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    return _running("cumsum", cumsum_op, input, dim, dtype)


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
    from nptorch.ops.join import cat_op
    from nptorch.ops.shape import narrow

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
