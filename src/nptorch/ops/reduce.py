"""Many elements to one: sums, extremes, moments, running totals, sorting."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.pointwise import absolute, cast_op, conj, exp, pow, real, sgn, sqrt, where, zeros_of
from nptorch.ops.registry import op
from nptorch.ops.shape import expand_op, reshape, squeeze_op, unsqueeze_op, view_op
from nptorch.ops.signatures import (
    FUNCTIONS,
    check_tensors,
    function,
    into_out,
    method,
    result,
    show,
    shown_as,
    takes_out,
)
from nptorch.ops.signatures import axes as parse_axes
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import shape as parse_shape
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


def _reduction_label(name: str) -> Any:
    """PyTorch numbers the overloads: 0 reduces everything, 1 some dimensions."""
    return lambda node: f"{name}Backward{1 if node.outputs[0][0] else 0}"


# --- sums ---


def _sum(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.kind in "biu":
        return x.sum(axis, dtype=np.int64, keepdims=keepdims)
    if x.dtype == np.float16:  # half precision adds up in single precision
        return x.sum(axis, dtype=np.float32, keepdims=keepdims).astype(np.float16)
    return x.sum(axis, keepdims=keepdims)


sum_op = op(
    "sum",
    _sum,
    lambda g, x_shape, *, axis, keepdims: _spread(g, x_shape, axis, keepdims),
    label=_reduction_label("Sum"),
)
mean_op = op(
    "mean",
    lambda xp, x, *, axis, keepdims: (_sum(xp, x, axis=axis, keepdims=keepdims) / _count(x.shape, axis)).astype(
        x.dtype
    ),
    lambda g, x_shape, *, axis, keepdims: _spread(g / _count(x_shape, axis), x_shape, axis, keepdims),
    label=_reduction_label("Mean"),
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
@takes_out
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
@takes_out
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The mean over `dim` of what is not NaN."""
    return nansum(input, dim, keepdim) / sum(input == input, dim, keepdim)


@method()
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions in which a tensor of `size` would be broadcast to this shape.

    Raises: RuntimeError if it would not be.
    """
    wanted, have = parse_shape("sum_to_size", size), self._array.shape
    lead = len(have) - len(wanted)
    if lead < 0 or builtins.any(n not in (1, m) for n, m in zip(wanted, have[lead:], strict=True)):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(have)}}}.")
    over = (*range(lead), *(lead + i for i, n in enumerate(wanted) if n == 1 != have[lead + i]))
    if not over and wanted:
        return view_op(self, shape=have)
    return reshape(sum_op(self, axis=over, keepdims=False), wanted)


@function()
@takes_out
def hash_tensor(input: Tensor, dim: Any = (), *, keepdim: bool = False, mode: int = 0) -> Tensor:
    """The exclusive or of the elements' 64 bits over `dim`, as uint64
    (https://pytorch.org/docs/stable/generated/torch.hash_tensor.html).

    Raises: RuntimeError for a mode other than 0, or if there is nothing to reduce.
    """
    if mode != 0:
        raise RuntimeError(f"hash_tensor: Unknown mode {mode}; only 0 is there")
    x = input._array
    a = parse_axes("hash_tensor", dim, x.ndim)
    _nonempty("hash_tensor", x, a, dim is not None and dim != ())
    wide = x.astype({"f": np.float64, "u": np.uint64, "b": np.uint64}.get(x.dtype.kind, np.int64)).view(np.uint64)
    found = np.bitwise_xor.reduce(wide, axis=a, keepdims=True)
    return from_array(np.asarray(found if keepdim else found.squeeze(a)))


# --- moments ---


@function("var")
@takes_out
@shown_as("VarBackward0")
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
    return sum_op(real(centred * conj(centred)), axis=a, keepdims=keepdim) / (n if n > 0 else 0.0)


@function("std")
@takes_out
@shown_as("StdBackward0")
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
    if isinstance(dim, bool):  # (input, unbiased)
        dim, unbiased = None, dim
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
    if isinstance(dim, bool):  # (input, unbiased)
        dim, unbiased = None, dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


# --- extremes ---


def _extreme_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    # Equal extremes share the gradient evenly.
    ndim = x._array.ndim
    hit = x == _keep(out, axis, keepdims, ndim)
    share = cast_op(hit, dtype=x._array.dtype)
    return share * (_keep(g, axis, keepdims, ndim) / sum_op(share, axis=axis, keepdims=True))


def _nonempty(name: str, x: Any, axis: tuple[int, ...], named: bool = False) -> Any:
    """Raises: IndexError for a dimension without elements, if it was `named` or is one of several; RuntimeError if all are reduced."""
    if x.size:
        return None
    for a in axis if named or len(axis) < x.ndim else ():
        if not x.shape[a]:
            raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size, got shape {list(x.shape)}")
    if len(axis) == x.ndim:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' "
            f"argument; got shape {list(x.shape)}"
        )
    return None


amax_op = op(
    "amax", lambda xp, x, *, axis, keepdims: _nonempty("amax", x, axis) or x.max(axis, keepdims=keepdims), _extreme_vjp
)
amin_op = op(
    "amin", lambda xp, x, *, axis, keepdims: _nonempty("amin", x, axis) or x.min(axis, keepdims=keepdims), _extreme_vjp
)


@function()
@takes_out(apart=True)
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; ties share the gradient."""
    axis = parse_axes("amax", dim, input._array.ndim)
    _nonempty("amax", input._array, axis, dim != ())
    return amax_op(input, axis=axis, keepdims=keepdim)


@function()
@takes_out(apart=True)
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; ties share the gradient."""
    axis = parse_axes("amin", dim, input._array.ndim)
    _nonempty("amin", input._array, axis, dim != ())
    return amin_op(input, axis=axis, keepdims=keepdim)


@function()
@takes_out(apart=True)
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element over `dim`."""
    chosen = () if dim is None else dim
    return result("aminmax", min=amin(input, chosen, keepdim), max=amax(input, chosen, keepdim))


take_along = op(
    "take_along",
    # `indices` may be shorter in the other dimensions.
    lambda xp, x, indices, *, axis: xp.take_along_axis(
        x[tuple([slice(None if d == axis else n) for d, n in enumerate(indices.shape)])], indices, axis
    ),
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
    _nonempty(name, x._array, (d,), True)
    indices = from_array(np.expand_dims(np.asarray(pick(x._array, d), np.int64), d))
    values = take_along(x, indices, axis=d)
    if scalar or not keepdim:
        values, indices = squeeze_op(values, dims=(d,)), from_array(indices._array.squeeze(d))
    return values, indices


def _extreme(
    name: str, input: Tensor, dim: Any, keepdim: bool, whole: Any, pick: Any, pairwise: str, other: Any
) -> Any:
    check_tensors(name, input=input)
    if isinstance(dim, Tensor) or isinstance(other, Tensor):  # max(a, b)
        return FUNCTIONS[pairwise](input, dim if isinstance(dim, Tensor) else other)
    if dim is None:
        axis = tuple(range(input._array.ndim))
        _nonempty(name, input._array, axis)
        return show(whole(input, axis=axis, keepdims=False), f"{name.capitalize()}Backward1")
    values, indices = _along(name, input, dim, keepdim, pick)
    return result(name, values=show(values, f"{name.capitalize()}Backward0"), indices=indices)


@function("max")
@takes_out
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The largest element of all; with `dim`, (values, indices) along it; with a second tensor, maximum()
    (https://pytorch.org/docs/stable/generated/torch.max.html)."""
    return _extreme("max", input, dim, keepdim, amax_op, lambda x, d: x.argmax(d), "maximum", other)


@function("min")
@takes_out
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The smallest element of all; with `dim`, (values, indices) along it; with a second tensor, minimum()
    (https://pytorch.org/docs/stable/generated/torch.min.html)."""
    return _extreme("min", input, dim, keepdim, amin_op, lambda x, d: x.argmin(d), "minimum", other)


def _arg(name: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    x = input._array
    if x.size == 0 and dim is None:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    _nonempty(name, x, () if dim is None else (parse_axis(name, dim, x.ndim),), True)
    if dim is None:
        found = np.asarray(getattr(x, name)(), np.int64)
        return from_array(found.reshape((1,) * x.ndim) if keepdim else found)
    d = parse_axis(name, dim, x.ndim)
    return from_array(np.asarray(getattr(x, name)(d, keepdims=keepdim) if x.ndim else 0, np.int64))


@function()
@takes_out
def argmax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmax", input, dim, keepdim)


@function()
@takes_out
def argmin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmin", input, dim, keepdim)


# --- tests ---

any_op = op("any", lambda xp, x, *, axis, keepdims: x.any(axis, keepdims=keepdims))
all_op = op("all", lambda xp, x, *, axis, keepdims: x.all(axis, keepdims=keepdims))


@function("any")
@takes_out
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some element (along `dim`) is not zero."""
    return any_op(input, axis=parse_axes("any", dim, input._array.ndim), keepdims=keepdim)


@function("all")
@takes_out
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
    top = x.real.max(axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    y = xp.log(xp.exp(x - top).sum(axis, keepdims=True)) + top
    return (y if keepdims else xp.squeeze(y, axis)).astype(x.dtype)


logsumexp_op = op(
    "logsumexp",
    _logsumexp,
    lambda g, x, out, *, axis, keepdims: (
        _keep(g, axis, keepdims, x._array.ndim) * conj(exp(x - _keep(out, axis, keepdims, x._array.ndim)))
    ),
)


@function()
@takes_out
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over `dim`, without overflow."""
    x = input if input._array.dtype.kind in "fc" else cast_op(input, dtype=dtypes.get_default_dtype().numpy)
    return logsumexp_op(x, axis=parse_axes("logsumexp", dim, x._array.ndim), keepdims=keepdim)


def vector_norm(x: Tensor, p: float, axis: tuple[int, ...], keepdim: bool) -> Tensor:
    """The p-norm over some dimensions."""
    if p == math.inf:
        return amax_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == -math.inf:
        return amin_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == 0:
        return norm0_op(x, axis=axis, keepdims=keepdim)
    if p == 1:
        return sum_op(absolute(x), axis=axis, keepdims=keepdim)
    if p == 2:
        return norm2_op(x, axis=axis, keepdims=keepdim)
    return normp_op(x, axis=axis, keepdims=keepdim, p=p)


norm0_op = op(
    "norm0",
    lambda xp, x, *, axis, keepdims: (x != 0).sum(axis, keepdims=keepdims).astype(x.real.dtype),
    lambda g, x_shape: from_array(np.zeros(x_shape, g._array.dtype)),
    label="LinalgVectorNormBackward0",
)


def _normp_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool, p: float) -> Tensor:
    g, length = (_keep(t, axis, keepdims, x._array.ndim) for t in (g, out))
    origin, zero = length == 0, x == 0
    # The slope is 0 at the origin and where a coordinate is 0.
    powers = where(zero, 0.0, sgn(x) * pow(where(zero, 1.0, absolute(x)), p - 1))
    return powers * where(origin, 0.0, g * pow(where(origin, 1.0, length), 1 - p))


normp_op = op(
    "normp",
    lambda xp, x, *, axis, keepdims, p: (xp.abs(x) ** p).sum(axis, keepdims=keepdims) ** (1 / p),
    _normp_vjp,
    label="LinalgVectorNormBackward0",
)


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
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    gap = input - other
    return vector_norm(gap, float(p), tuple(range(gap._array.ndim)), False)
