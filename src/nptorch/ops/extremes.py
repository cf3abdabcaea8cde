"""The largest and the smallest: amax, max, argmax and their kin; and elements taken along a dimension by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.add_at import add_at
from nptorch.ops.pointwise import cast_op
from nptorch.ops.reduce import keep_dims, nonempty, sum_op
from nptorch.ops.registry import Op, op
from nptorch.ops.shape import reshape, squeeze_op, view_op
from nptorch.ops.signatures import FUNCTIONS, function, not_a_tensor, result, show, takes_out
from nptorch.ops.signatures import axes as parse_axes
from nptorch.ops.signatures import axis as parse_axis
from nptorch.tensor import Tensor, from_array


def _extreme_vjp(g: Tensor, x: Tensor, out: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    # Equal extremes share the gradient evenly.
    ndim = x._array.ndim
    hit = x == keep_dims(out, axis, keepdims, ndim)
    share = cast_op(hit, dtype=x._array.dtype)
    return share * (keep_dims(g, axis, keepdims, ndim) / sum_op(share, axis=axis, keepdims=True))


def _extreme_of(name: str) -> Op:
    def forward(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        nonempty(f"a{name}", x, axis)
        if len(axis) == x.ndim and not keepdims:  # half the time for a small tensor
            return x.take(getattr(x, f"arg{name}")())
        return getattr(x, name)(axis, keepdims=keepdims)

    return op(f"a{name}", forward, _extreme_vjp)


amax_op, amin_op = _extreme_of("max"), _extreme_of("min")


@function()
@takes_out(apart=True)
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; ties share the gradient."""
    axis = parse_axes("amax", dim, input._array.ndim)
    nonempty("amax", input._array, axis, dim != ())
    return amax_op(input, axis=axis, keepdims=keepdim)


@function()
@takes_out(apart=True)
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; ties share the gradient."""
    axis = parse_axes("amin", dim, input._array.ndim)
    nonempty("amin", input._array, axis, dim != ())
    return amin_op(input, axis=axis, keepdims=keepdim)


@function()
@takes_out(apart=True)
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element over `dim`."""
    chosen = () if dim is None else dim
    return result("aminmax", min=amin(input, chosen, keepdim), max=amax(input, chosen, keepdim))


# --- one element of each line ---


def _take_along(xp: Any, x: Any, indices: Any, *, axis: int) -> Any:
    # `indices` may be shorter in the other dimensions.
    if x.ndim == 1:
        return x.take(indices)
    if x.ndim == 2:
        others = np.arange(indices.shape[1 - axis])
        return x[others[:, None], indices] if axis else x[indices, others]
    shorter = tuple([slice(None if d == axis else n) for d, n in enumerate(indices.shape)])
    return xp.take_along_axis(x[shorter], indices, axis)


take_along = op(
    "take_along",
    _take_along,
    lambda g, x_shape, indices, *, axis: put_along(g, indices, shape=x_shape, axis=axis),
    None,
    label="GatherBackward0",
)


def _put_along(xp: Any, g: Any, indices: Any, *, shape: tuple[int, ...], axis: int) -> Any:
    out = xp.zeros(shape, g.dtype)
    where = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    where[axis] = indices
    add_at(out, tuple(where), g)
    return out


put_along = op("put_along", _put_along, lambda g, indices, *, axis: take_along(g, indices, axis=axis), None)


def along(name: str, input: Tensor, dim: int, keepdim: bool, pick: Any) -> tuple[Tensor, Tensor]:
    """Values and indices of one element per line along `dim`."""
    scalar = input._array.ndim == 0
    x = reshape(input, 1) if scalar else input
    d = parse_axis(name, dim, x._array.ndim)
    nonempty(name, x._array, (d,), True)
    indices = from_array(np.expand_dims(np.asarray(pick(x._array, d), np.int64), d))
    values = take_along(x, indices, axis=d)
    if scalar or not keepdim:
        values, indices = squeeze_op(values, dims=(d,)), from_array(indices._array.squeeze(d))
    return values, indices


def _extreme(
    name: str, input: Tensor, dim: Any, keepdim: bool, whole: Op, of_lines: Op, pairwise: str, other: Any
) -> Any:
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, "input", 1, input)
    if isinstance(dim, Tensor) or isinstance(other, Tensor):  # max(a, b)
        return FUNCTIONS[pairwise](input, dim if isinstance(dim, Tensor) else other)
    if dim is None:
        axis = tuple(range(input._array.ndim))
        nonempty(name, input._array, axis)
        return show(whole(input, axis=axis, keepdims=False), f"{name.capitalize()}Backward1")
    ndim = input._array.ndim
    d = parse_axis(name, dim, ndim)
    if not ndim:
        values, indices = view_op(input, shape=()), from_array(np.zeros((), np.int64))
    else:
        nonempty(name, input._array, (d,), True)
        values, indices = of_lines(input, axis=d, keepdims=keepdim)
    return result(name, values=show(values, f"{name.capitalize()}Backward0"), indices=indices)


def _of_lines(name: str) -> Op:
    """The extreme elements along one dimension, and their indices."""
    return op(
        f"{name}_of_lines",
        lambda xp, x, *, axis, keepdims: (
            getattr(x, name)(axis, keepdims=keepdims),
            getattr(x, f"arg{name}")(axis, keepdims=keepdims),
        ),
        lambda g, x_shape, indices, *, axis, keepdims: put_along(
            keep_dims(g, (axis,), keepdims, len(x_shape)),
            keep_dims(indices, (axis,), keepdims, len(x_shape)),
            shape=x_shape,
            axis=axis,
        ),
        outputs=("values",),
        aux=("indices",),
    )


max_of_lines, min_of_lines = _of_lines("max"), _of_lines("min")


@function("max")
@takes_out
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The largest element of all; with `dim`, (values, indices) along it; with a second tensor, maximum()
    (https://pytorch.org/docs/stable/generated/torch.max.html)."""
    return _extreme("max", input, dim, keepdim, amax_op, max_of_lines, "maximum", other)


@function("min")
@takes_out
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The smallest element of all; with `dim`, (values, indices) along it; with a second tensor, minimum()
    (https://pytorch.org/docs/stable/generated/torch.min.html)."""
    return _extreme("min", input, dim, keepdim, amin_op, min_of_lines, "minimum", other)


def _arg(name: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    x = input._array
    if x.size == 0 and dim is None:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    nonempty(name, x, () if dim is None else (parse_axis(name, dim, x.ndim),), True)
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
