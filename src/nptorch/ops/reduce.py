"""Many elements to one: sums, means, moments, truth."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.pointwise import cast_op, conj, exp, real, sqrt, where, zeros_of
from nptorch.ops.registry import op
from nptorch.ops.shape import expand_op, reshape, view_op
from nptorch.ops.signatures import axes as parse_axes
from nptorch.ops.signatures import (
    function,
    into_out,
    method,
    shown_as,
    takes_out,
)
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor, from_array


def keep_dims(g: Tensor, axis: tuple[int, ...], keepdims: bool, ndim: int) -> Tensor:
    """A reduced gradient with its reduced dimensions back, of length 1."""
    if keepdims or not ndim or not axis:
        return g
    shape = list(g._array.shape)
    for a in sorted(axis):
        shape.insert(a, 1)
    return view_op(g, shape=tuple(shape))


def nonempty(name: str, x: Any, axis: tuple[int, ...], named: bool = False) -> Any:
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


def _spread(g: Tensor, x_shape: Any, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    if len(axis) < len(x_shape):  # else g is one number
        g = keep_dims(g, axis, keepdims, len(x_shape))
    return expand_op(g, shape=x_shape)


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
    nonempty("hash_tensor", x, a, dim is not None and dim != ())
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
    squares = real(centred * conj(centred)) if input._array.dtype.kind == "c" else centred * centred
    n = _count(input._array.shape, a) - minus
    return sum_op(squares, axis=a, keepdims=keepdim) / (n if n > 0 else 0.0)


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


# --- tests ---

any_op = op(
    "any",
    lambda xp, x, *, axis, keepdims: (
        xp.count_nonzero(x) > 0 if _is_whole(x, axis, keepdims) else x.any(axis, keepdims=keepdims)
    ),
)
all_op = op(
    "all",
    lambda xp, x, *, axis, keepdims: (
        xp.count_nonzero(x) == x.size if _is_whole(x, axis, keepdims) else x.all(axis, keepdims=keepdims)
    ),
)


def _is_whole(x: Any, axis: tuple[int, ...], keepdims: bool) -> bool:
    """Whether bools become one, which counting finds in a quarter of the time."""
    return x.dtype.kind == "b" and len(axis) == x.ndim and not keepdims


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


# --- logarithms ---


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
        keep_dims(g, axis, keepdims, x._array.ndim) * conj(exp(x - keep_dims(out, axis, keepdims, x._array.ndim)))
    ),
)


@function()
@takes_out
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over `dim`, without overflow."""
    x = input if input._array.dtype.kind in "fc" else cast_op(input, dtype=dtypes.get_default_dtype().numpy)
    return logsumexp_op(x, axis=parse_axes("logsumexp", dim, x._array.ndim), keepdims=keepdim)
