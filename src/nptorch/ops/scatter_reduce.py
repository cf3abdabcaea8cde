"""Scattered writes that combine what meets at one place: scatter_reduce, index_reduce, put."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.extremes import put_along, take_along
from nptorch.ops.gather import _indices, _widened, scatter, scatter_add
from nptorch.ops.index import copy_, place
from nptorch.ops.pointwise import conj, floor_div, where
from nptorch.ops.registry import op
from nptorch.ops.shape import expand, reshape
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, method, takes_out
from nptorch.tensor import Tensor, from_array


def _meet(ufunc: Any, x: Any, index: Any, src: Any, axis: int) -> Any:
    out = x.copy()
    at = list(np.ogrid[tuple(map(slice, index.shape))])
    at[axis] = index
    ufunc.at(out, tuple(at), src[tuple(map(slice, index.shape))])
    return out


def _like_index(src: Tensor, index: Tensor) -> Tensor:
    shape = index._array.shape
    return src if src._array.shape == shape else src[tuple(map(slice, shape))]


def _winners(x: Tensor, index: Tensor, src: Tensor, out: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Who reached the extreme (in x, in src), and how many of them there are at each place: equals share the gradient."""
    mine = (x == out).to(x.dtype)
    theirs = (_like_index(src, index) == take_along(out, index, axis=axis)).to(x.dtype)
    return mine, theirs, mine + put_along(theirs, index, shape=x._array.shape, axis=axis)


def _extreme_self(g: Tensor, x: Tensor, index: Tensor, src: Tensor, out: Tensor, *, axis: int) -> Tensor:
    mine, _, count = _winners(x, index, src, out, axis)
    return g * mine / count


def _extreme_src(g: Tensor, x: Tensor, index: Tensor, src: Tensor, out: Tensor, *, axis: int) -> Tensor:
    _, theirs, count = _winners(x, index, src, out, axis)
    return _widened(take_along(g / count, index, axis=axis) * theirs, src._array.shape)


scatter_amax = op(
    "scatter_amax",
    lambda xp, x, index, src, *, axis: _meet(xp.maximum, x, index, src, axis),
    _extreme_self,
    None,
    _extreme_src,
)
scatter_amin = op(
    "scatter_amin",
    lambda xp, x, index, src, *, axis: _meet(xp.minimum, x, index, src, axis),
    _extreme_self,
    None,
    _extreme_src,
)


def _prod_src(g: Tensor, x: Tensor, index: Tensor, src: Tensor, *, axis: int) -> Tensor:
    part = _like_index(src, index)
    zero = part == 0
    # A zero's slope is the product of the others: all but the zeros, where it is the only one.
    zeros = put_along(zero.to(g.dtype), index, shape=x._array.shape, axis=axis)
    solid = where(zero, 1.0, part)
    others = take_along(scatter_prod(x, index, solid, axis=axis), index, axis=axis)
    alone = take_along(zeros, index, axis=axis) == 1
    whole = take_along(scatter_prod(x, index, part, axis=axis), index, axis=axis)
    slope = where(zero, where(alone, others, 0.0), whole / solid)
    return _widened(take_along(g, index, axis=axis) * conj(slope), src._array.shape)


scatter_prod = op(
    "scatter_prod",
    lambda xp, x, index, src, *, axis: _meet(xp.multiply, x, index, src, axis),
    lambda g, x, index, src, *, axis: g * conj(scatter_prod(from_array(np.ones_like(x._array)), index, src, axis=axis)),
    None,
    _prod_src,
)

# What does not change the other operand: the place's own value when it is not included.
_NEUTRAL = {
    "sum": lambda d: 0,
    "mean": lambda d: 0,
    "prod": lambda d: 1,
    "amax": lambda d: _limit(d, -1),
    "amin": lambda d: _limit(d, 1),
}


def _limit(dtype: Any, sign: int) -> Any:
    if dtype.kind == "f":
        return sign * np.inf
    if dtype.kind == "b":
        return sign > 0
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


@function()
@takes_out
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which the elements of `src` that `index` sends to one place are combined by "sum", "prod", "mean", "amax" or "amin"
    (https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html).

    Raises: RuntimeError for another `reduce`.
    """
    if reduce not in _NEUTRAL:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    if input._array.ndim == 0:
        one = [reshape(t, 1) for t in (input, index, src)]
        return reshape(scatter_reduce(one[0], 0, one[1], one[2], reduce, include_self=include_self), ())
    d = parse_axis("scatter_reduce", dim, input._array.ndim)
    _indices("scatter_reduce", index, input._array.ndim, input._array.shape[d])
    if index._array.size == 0:
        return input.clone()
    x = input if include_self else scatter(input, d, index, value=_NEUTRAL[reduce](input._array.dtype))
    if reduce == "sum":
        return scatter_add(x, d, index, src)
    if reduce == "mean":
        ones = np.ones(index._array.shape, input._array.dtype)
        own = from_array(np.ones_like(input._array))
        own = own if include_self else scatter(own, d, index, value=0)
        count = from_array(_meet(np.add, own._array, index._array, ones, d))
        total = scatter_add(x, d, index, src)
        return total / count if total._array.dtype.kind in "fc" else floor_div(total, count)
    combine = {"prod": scatter_prod, "amax": scatter_amax, "amin": scatter_amin}[reduce]
    return combine(x, index, src, axis=d)


@method()
def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """In-place scatter_reduce()."""
    return copy_(self, scatter_reduce(self, dim, index, src, reduce, include_self=include_self))


@function()
@takes_out
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """As scatter_reduce() ("prod", "mean", "amax", "amin"), whole slices of `source` at a time
    (https://pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html)."""
    d = parse_axis("index_reduce", dim, input._array.ndim)
    lines = reshape(index, [-1 if i == d else 1 for i in range(source._array.ndim)])
    return scatter_reduce(input, d, expand(lines, source._array.shape), source, reduce, include_self=include_self)


@method()
def index_reduce_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """In-place index_reduce()."""
    return copy_(self, index_reduce(self, dim, index, source, reduce, include_self=include_self))


@method()
def put(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `source` written (or added) at positions of the flattened tensor."""
    n = self._array.size
    if index._array.size and not (-n <= index._array.min() and index._array.max() < n):
        raise IndexError(f"put(): an index is out of range for a tensor of {n} elements")
    at = (index._array.reshape(-1),)
    flat = place(reshape(self, -1), reshape(source, -1), at, accumulate=accumulate)
    return reshape(flat, self._array.shape)


@method()
def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """In-place put()."""
    return copy_(self, put(self, index, source, accumulate))
