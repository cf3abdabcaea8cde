"""Many elements to one: sums, extremes, moments, running totals, sorting."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.pointwise import absolute, cast_op, conj, exp, pow, sqrt, where, zeros_of
from nptorch.ops.registry import op
from nptorch.ops.shape import expand_op, flatten, flip_op, reshape, squeeze_op, unsqueeze_op
from nptorch.ops.signatures import axes as parse_axes
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, into_out, result
from nptorch.tensor import Tensor, from_array


def _keep(g: Tensor, axis: tuple[int, ...], keepdims: bool, ndim: int) -> Tensor:
    """A reduced gradient with its reduced dimensions back, of length 1."""
    if keepdims or not ndim or not axis:
        return g
    for a in sorted(axis):
        g = unsqueeze_op(g, dim=a)
    return g


def _spread(g: Tensor, x_shape: Any, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    return expand_op(_keep(g, axis, keepdims, len(x_shape)), shape=x_shape)


# --- sums ---


def _sum(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.kind in "biu":
        return x.sum(axis, dtype=np.int64, keepdims=keepdims)
    if x.dtype == np.float16:  # half precision adds up in single precision
        return x.sum(axis, dtype=np.float32, keepdims=keepdims).astype(np.float16)
    return x.sum(axis, keepdims=keepdims)


sum_op = op(
    "sum", _sum, lambda g, x_shape, *, axis, keepdims: _spread(g, x_shape, axis, keepdims), label="SumBackward0"
)
mean_op = op(
    "mean",
    lambda xp, x, *, axis, keepdims: (_sum(xp, x, axis=axis, keepdims=keepdims) / _count(x.shape, axis)).astype(
        x.dtype
    ),
    lambda g, x_shape, *, axis, keepdims: _spread(g / _count(x_shape, axis), x_shape, axis, keepdims),
)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    # A NumPy divisor: the mean of nothing is nan, not an exception.
    return np.float64(math.prod(shape[a] for a in axis)).item() or math.nan


def _typed(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else cast_op(input, dtype=dtypes.parse(dtype).numpy)


@function("sum")
def sum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None
) -> Tensor:
    """The sum over `dim` (all dimensions by default); integers and bools give int64
    (https://pytorch.org/docs/stable/generated/torch.sum.html)."""
    x = _typed(input, dtype)
    a = parse_axes("sum", dim, x._array.ndim)
    y = sum_op(x, axis=a, keepdims=keepdim) if out is None else into_out(out, sum_op, x, axis=a, keepdims=keepdim)
    return y if dtype is None or out is not None else _typed(y, dtype)


@function()
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` with NaN taken as 0."""
    return sum(where(input != input, zeros_of(input), input), dim, keepdim, dtype=dtype)


@function()
def mean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None
) -> Tensor:
    """The mean over `dim` (all dimensions by default).

    Raises: RuntimeError for integers, which have no floating mean.
    """
    x = _typed(input, dtype)
    if x._array.dtype.kind not in "fc":
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {x.dtype!r}; use .float().mean()"
        )
    a = parse_axes("mean", dim, x._array.ndim)
    return mean_op(x, axis=a, keepdims=keepdim) if out is None else into_out(out, mean_op, x, axis=a, keepdims=keepdim)


@function()
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The mean over `dim` of what is not NaN."""
    return nansum(input, dim, keepdim) / sum(input == input, dim, keepdim)


def _prod_vjp(g: Tensor, x: Tensor, *, axis: int) -> Tensor:
    # The product of all others, from both sides: right also where elements are 0.
    before = _exclusive_cumprod(x, axis)
    after = flip_op(_exclusive_cumprod(flip_op(x, axes=(axis,)), axis), axes=(axis,))
    return unsqueeze_op(g, dim=axis) * before * after


def _exclusive_cumprod(x: Tensor, axis: int) -> Tensor:
    from nptorch.ops.shape import cat_op, narrow

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
    if dim is None:
        return prod_op(reshape(x, -1), axis=0)
    a = parse_axis("prod", dim, x._array.ndim)
    if x._array.ndim == 0:
        return prod_op(reshape(x, -1), axis=0)
    y = prod_op(x, axis=a)
    return unsqueeze_op(y, dim=a) if keepdim else y


# --- moments ---


@function("var")
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance over `dim`, divided by n - correction (1 unless unbiased=False)."""
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    minus = correction if correction is not None else 0 if unbiased is False else 1
    a = parse_axes("var", dim, input._array.ndim)
    centred = input - mean(input, a or None, True)
    n = _count(input._array.shape, a) - minus
    return sum_op(centred * conj(centred), axis=a, keepdims=keepdim) / (n if n > 0 else 0.0)


@function("std")
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The square root of var()."""
    return sqrt(var(input, dim, unbiased, keepdim, correction=correction))


@function(method=False)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """var() and mean()."""
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


@function(method=False)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """std() and mean()."""
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


# --- extremes ---


def _extreme_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    # Equal extremes share the gradient evenly.
    ndim = x._array.ndim
    hit = x == _keep(out, axis, keepdims, ndim)
    share = cast_op(hit, dtype=x._array.dtype)
    return share * (_keep(g, axis, keepdims, ndim) / sum_op(share, axis=axis, keepdims=True))


def _nonempty(name: str, x: Any, axis: tuple[int, ...]) -> Any:
    if builtins.any(x.shape[a] == 0 for a in axis) or (not axis and x.size == 0):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0 or to have non-zero size; got shape {list(x.shape)}"
        )
    return None


amax_op = op(
    "amax", lambda xp, x, *, axis, keepdims: _nonempty("amax", x, axis) or x.max(axis, keepdims=keepdims), _extreme_vjp
)
amin_op = op(
    "amin", lambda xp, x, *, axis, keepdims: _nonempty("amin", x, axis) or x.min(axis, keepdims=keepdims), _extreme_vjp
)


@function()
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; ties share the gradient."""
    return amax_op(input, axis=parse_axes("amax", dim, input._array.ndim), keepdims=keepdim)


@function()
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; ties share the gradient."""
    return amin_op(input, axis=parse_axes("amin", dim, input._array.ndim), keepdims=keepdim)


@function(method=False)
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element over `dim`."""
    chosen = () if dim is None else dim
    return result("aminmax", min=amin(input, chosen, keepdim), max=amax(input, chosen, keepdim))


take_along = op(
    "take_along",
    lambda xp, x, indices, *, axis: xp.take_along_axis(x, indices, axis),
    lambda g, x_shape, indices, *, axis: put_along(g, indices, shape=x_shape, axis=axis),
    None,
    label="GatherBackward0",
)


def _put_along(xp: Any, g: Any, indices: Any, *, shape: tuple[int, ...], axis: int) -> Any:
    out = xp.zeros(shape, g.dtype)
    where = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    where[axis] = indices
    xp.add.at(out, tuple(where), g)
    return out


put_along = op("put_along", _put_along, lambda g, indices, *, axis: take_along(g, indices, axis=axis), None)


def _along(name: str, input: Tensor, dim: int, keepdim: bool, pick: Any) -> tuple[Tensor, Tensor]:
    """Values and indices of one element per line along `dim`."""
    scalar = input._array.ndim == 0
    x = reshape(input, 1) if scalar else input
    d = parse_axis(name, dim, x._array.ndim)
    _nonempty(name, x._array, (d,))
    indices = from_array(np.expand_dims(np.asarray(pick(x._array, d), np.int64), d))
    values = take_along(x, indices, axis=d)
    if scalar or not keepdim:
        values, indices = squeeze_op(values, dims=(d,)), from_array(indices._array.squeeze(d))
    return values, indices


def _extreme(
    name: str, input: Tensor, dim: Any, keepdim: bool, whole: Any, pick: Any, pairwise: str, other: Any
) -> Any:
    from nptorch.ops.signatures import FUNCTIONS

    if isinstance(dim, Tensor) or isinstance(other, Tensor):  # max(a, b)
        return FUNCTIONS[pairwise](input, dim if isinstance(dim, Tensor) else other)
    if dim is None:
        axis = tuple(range(input._array.ndim))
        return whole(input, axis=axis, keepdims=False)
    values, indices = _along(name, input, dim, keepdim, pick)
    return result(name, values=values, indices=indices)


@function("max")
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The largest element of all; with `dim`, (values, indices) along it; with a second tensor, maximum()
    (https://pytorch.org/docs/stable/generated/torch.max.html)."""
    return _extreme("max", input, dim, keepdim, amax_op, lambda x, d: x.argmax(d), "maximum", other)


@function("min")
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The smallest element of all; with `dim`, (values, indices) along it; with a second tensor, minimum()
    (https://pytorch.org/docs/stable/generated/torch.min.html)."""
    return _extreme("min", input, dim, keepdim, amin_op, lambda x, d: x.argmin(d), "minimum", other)


def _arg(name: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    x = input._array
    if x.size == 0 and (dim is None or x.shape[parse_axis(name, dim, x.ndim)] == 0):
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    if dim is None:
        found = np.asarray(getattr(x, name)(), np.int64)
        return from_array(found.reshape((1,) * x.ndim) if keepdim else found)
    d = parse_axis(name, dim, x.ndim)
    return from_array(np.asarray(getattr(x, name)(d, keepdims=keepdim) if x.ndim else 0, np.int64))


@function()
def argmax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmax", input, dim, keepdim)


@function()
def argmin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmin", input, dim, keepdim)


def _middle(x: Any, d: int) -> Any:
    order = np.argsort(x, d, kind="stable")
    middle = np.take(order, (x.shape[d] - 1) // 2, d)
    if x.dtype.kind == "f":  # a NaN is the median
        middle = np.where(np.isnan(x).any(d), np.isnan(x).argmax(d), middle)
    return middle


@function()
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median of all elements; with `dim`, (values, indices) along it."""
    if dim is None:
        return _along("median", flatten(input), 0, False, _middle)[0]
    values, indices = _along("median", input, dim, keepdim, _middle)
    return result("median", values=values, indices=indices)


@function()
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along `dim` (the smallest of equals), and an index of it."""

    def pick(x: Any, d: int) -> Any:
        def last_of(line: Any) -> int:
            found, counts = np.unique(line, return_counts=True)
            return int(np.flatnonzero(line == found[counts.argmax()])[-1])

        return np.apply_along_axis(last_of, d, x)

    values, indices = _along("mode", input, dim, keepdim, pick)
    return result("mode", values=values, indices=indices)


@function()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (k counts from 1), and its index."""
    n = input._array.shape[parse_axis("kthvalue", dim, input._array.ndim)] if input._array.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: k is {k}, the size {n}")
    values, indices = _along(
        "kthvalue", input, dim, keepdim, lambda x, d: np.take(np.argsort(x, d, kind="stable"), k - 1, d)
    )
    return result("kthvalue", values=values, indices=indices)


# --- tests ---

any_op = op("any", lambda xp, x, *, axis, keepdims: x.any(axis, keepdims=keepdims))
all_op = op("all", lambda xp, x, *, axis, keepdims: x.all(axis, keepdims=keepdims))


@function("any")
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some element (along `dim`) is not zero."""
    return any_op(input, axis=parse_axes("any", dim, input._array.ndim), keepdims=keepdim)


@function("all")
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether every element (along `dim`) is not zero."""
    return all_op(input, axis=parse_axes("all", dim, input._array.ndim), keepdims=keepdim)


@function()
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements (along `dim`) are not zero."""
    return sum(input != 0, dim)


# --- logarithms and norms ---


def _logsumexp(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.size == 0:
        return xp.log(x.sum(axis, keepdims=keepdims))
    top = x.max(axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    y = xp.log(xp.exp(x - top).sum(axis, keepdims=True)) + top
    return (y if keepdims else xp.squeeze(y, axis)).astype(x.dtype)


logsumexp_op = op(
    "logsumexp",
    _logsumexp,
    lambda g, x, out, *, axis, keepdims: (
        _keep(g, axis, keepdims, x._array.ndim) * exp(x - _keep(out, axis, keepdims, x._array.ndim))
    ),
)


@function()
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over `dim`, without overflow."""
    x = input if input._array.dtype.kind == "f" else cast_op(input, dtype=dtypes.get_default_dtype().numpy)
    return logsumexp_op(x, axis=parse_axes("logsumexp", dim, x._array.ndim), keepdims=keepdim)


def vector_norm(x: Tensor, p: float, axis: tuple[int, ...], keepdim: bool) -> Tensor:
    """The p-norm over some dimensions."""
    size = absolute(x)
    if p == math.inf:
        return amax_op(size, axis=axis, keepdims=keepdim)
    if p == -math.inf:
        return amin_op(size, axis=axis, keepdims=keepdim)
    if p == 0:
        return cast_op(sum_op(x != 0, axis=axis, keepdims=keepdim), dtype=x._array.dtype)
    if p == 1:
        return sum_op(size, axis=axis, keepdims=keepdim)
    if p == 2:
        return norm2_op(x, axis=axis, keepdims=keepdim)
    return pow(sum_op(pow(size, p), axis=axis, keepdims=keepdim), 1 / p)


def _norm2_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    length = _keep(out, axis, keepdims, x._array.ndim)
    # The slope at the origin is 0.
    return _keep(g, axis, keepdims, x._array.ndim) * where(
        length == 0, zeros_of(x), x / where(length == 0, 1.0, length)
    )


norm2_op = op(
    "norm2",
    lambda xp, x, *, axis, keepdims: xp.sqrt(xp.square(xp.abs(x)).sum(axis, keepdims=keepdims)),
    _norm2_vjp,
    label="LinalgVectorNormBackward0",
)


@function()
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm ("fro": 2) over `dim`, or of all elements
    (https://pytorch.org/docs/stable/generated/torch.norm.html)."""
    x = _typed(input, dtype)
    if x._array.dtype.kind not in "fc":
        raise RuntimeError(f"norm(): expected a floating-point input, got {x.dtype!r}; convert it with .float()")
    return vector_norm(x, 2.0 if p in ("fro", None) else float(p), parse_axes("norm", dim, x._array.ndim), keepdim)


@function(method=False)
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


# --- running totals ---


def _reversed_cumsum(g: Tensor, axis: int) -> Tensor:
    return flip_op(cumsum_op(flip_op(g, axes=(axis,)), axis=axis), axes=(axis,))


cumsum_op = op(
    "cumsum",
    lambda xp, x, *, axis: x.cumsum(axis, dtype=np.int64 if x.dtype.kind in "biu" else x.dtype),
    lambda g, *, axis: _reversed_cumsum(g, axis),
)


def _cumprod_vjp(g: Tensor, x: Tensor, *, axis: int) -> Tensor:
    # d out[k] / d x[i] is the product of the others up to k: a triangular sum, right where elements are 0 too.
    from nptorch.ops.shape import cat_op, narrow, stack_op

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
        slope = sum_op(narrow(g, axis, i, n - i) * tail, axis=(axis,), keepdims=False)
        xi = squeeze_op(narrow(x, axis, i, 1), dims=(axis,))
        parts.append(slope if before is None else slope * before)
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
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    return _running("cumsum", cumsum_op, input, dim, dtype)


@function()
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`."""
    return _running("cumprod", cumprod_op, input, dim, dtype)


def _cumulative_extreme(name: str, input: Tensor, dim: int, reach: Any) -> Any:
    x = input._array
    d = parse_axis(name, dim, x.ndim)
    best = reach(x, d)
    # The last position that reached the running extreme.
    n = np.arange(x.shape[d]).reshape([-1 if i == d else 1 for i in range(x.ndim)])
    indices = from_array(np.maximum.accumulate(np.where(x == best, n, 0), d).astype(np.int64))
    return result(name, values=take_along(input, indices, axis=d), indices=indices)


@function()
def cummax(input: Tensor, dim: int) -> Any:
    """Running maxima along `dim`, and where they stand."""
    return _cumulative_extreme("cummax", input, dim, np.maximum.accumulate)


@function()
def cummin(input: Tensor, dim: int) -> Any:
    """Running minima along `dim`, and where they stand."""
    return _cumulative_extreme("cummin", input, dim, np.minimum.accumulate)


@function()
def diff(input: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    """The n-th differences of neighbours along `dim`."""
    from nptorch.ops.shape import narrow

    d = parse_axis("diff", dim, input._array.ndim)
    for _ in range(n):
        length = input._array.shape[d]
        input = narrow(input, d, 1, length - 1) - narrow(input, d, 0, length - 1)
    return input


@function(method=False)
def trapz(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The integral of y by the trapezoid rule."""
    from nptorch.ops.shape import narrow

    d = parse_axis("trapz", dim, y._array.ndim)
    n = y._array.shape[d]
    width = dx if x is None else diff(x, 1, -1)
    return sum((narrow(y, d, 1, n - 1) + narrow(y, d, 0, n - 1)) * width, d) / 2
