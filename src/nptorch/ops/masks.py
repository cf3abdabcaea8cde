"""Masks, and where something holds: masked_fill, masked_select, nonzero, where.

Source: https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.index import copy_, pick, put
from nptorch.ops.pointwise import where
from nptorch.ops.promotion import number
from nptorch.ops.shape import broadcast_shapes, expand, reshape
from nptorch.ops.signatures import function, method, shown_as, takes_out
from nptorch.tensor import Tensor, from_array


@method()
def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Write one value wherever `mask` holds."""
    return copy_(self, masked_fill(self, mask, value))


@function()
@shown_as("MaskedFillBackward0")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with one value wherever `mask` (broadcast) holds."""
    if not isinstance(mask, Tensor) or mask._array.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got {mask.dtype if isinstance(mask, Tensor) else type(mask).__name__}"
        )
    if isinstance(value, Tensor) and value._array.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value._array.ndim} dimension(s)."
        )
    if input._array.dtype.kind != "c" and (
        isinstance(value, complex) or (isinstance(value, Tensor) and value._array.dtype.kind == "c")
    ):
        raise RuntimeError(f"value cannot be converted to type {input.dtype!r} without overflow")
    if isinstance(value, Tensor):
        value = value if value._array.dtype == input._array.dtype else value.to(input.dtype)
    else:
        value = from_array(number(value, input._array.dtype))
    return where(mask, value, input)


@function()
@takes_out(apart=True)
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask` (broadcast) holds, in one dimension."""
    shape = np.broadcast_shapes(input._array.shape, mask._array.shape)
    return pick(expand(input, shape), (np.broadcast_to(mask._array, shape),))


@method()
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Write the elements of `source`, in order, to the places where `mask` holds."""
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype!r}")
    at = np.broadcast_to(mask._array, self._array.shape)
    return put(self, (at,), reshape(source, -1)[: int(at.sum())], accumulate=False)


@function()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the elements of `source`, in order, where `mask` holds."""
    shape = broadcast_shapes(input._array.shape, mask._array.shape)
    return masked_scatter_(expand(input, shape).clone(), mask, source)


@function()
@takes_out
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero, a row each (or a tuple of columns)."""
    found = (
        np.nonzero(np.atleast_1d(input._array))
        if input._array.ndim == 0 and as_tuple
        else np.nonzero(input._array)
        if input._array.ndim
        else None
    )
    if as_tuple:
        return tuple(from_array(i.astype(np.int64)) for i in found or ())
    if found is None:
        return from_array(np.zeros((int(bool(input._array)), 0), np.int64))
    return from_array(np.stack(found, 1).astype(np.int64))


@function()
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of nonzero(); rows of `fill_value` where there are fewer.

    Raises: RuntimeError for a negative size.
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = nonzero(input)._array[:size]
    rows = np.full((size, input._array.ndim), fill_value, np.int64)
    rows[: len(found)] = found
    return from_array(rows)


@function(method=False)
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Places in the flattened tensor as a coordinate for each dimension of `shape`.

    Raises: TypeError for indices that are no integers, ValueError for a shape or for places that do not exist.
    """
    if not isinstance(indices, Tensor) or indices._array.dtype.kind not in "iu":
        raise TypeError(
            f"expected 'indices' to be an integer tensor, but got {getattr(indices, 'dtype', type(indices))}"
        )
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in lengths:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(f"expected 'shape' to be a sequence of ints, but got {shape!r}")
        if n < 0:
            raise ValueError(f"'shape' cannot have negative values, but got {lengths}")
    found, rest = [], indices._array
    for n in reversed(lengths):
        rest, place = np.divmod(rest, n)
        found.append(from_array(np.asarray(place)))
    return tuple(reversed(found))


@function()
def argwhere(input: Tensor) -> Tensor:
    """nonzero() as rows."""
    return nonzero(input)


@function("where", method=False)
@takes_out
def where_function(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where condition holds, else other; with one argument, nonzero() as a tuple
    (https://pytorch.org/docs/stable/generated/torch.where.html)."""
    return nonzero(condition, as_tuple=True) if input is None else where(condition, input, other)


@method("where")
def where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """self where condition holds, else other."""
    return where(condition, self, other)
