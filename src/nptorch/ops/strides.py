"""Tensors by the steps in their memory: as_strided, and empty tensors laid out in a wanted order."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nptorch.ops.create import empty
from nptorch.ops.index import index_add_at, index_op
from nptorch.ops.registry import op
from nptorch.ops.shape import permute_op, reshape
from nptorch.ops.signatures import function, method
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor


class _Home(NamedTuple):
    """Where a tensor lies in its memory, in elements."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    memory: int  # how many elements there are


def _memory(x: Any) -> tuple[Any, int]:
    """The memory that an array shares with others, as a vector, and the place of the array's first element."""
    root = x
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not root.flags.forc or root.nbytes % x.itemsize:
        raise RuntimeError("as_strided(): the memory of this tensor has gaps; call .contiguous() first")
    start = x.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    flat = root.ravel("K")
    return (flat if root.dtype == x.dtype else flat.view(x.dtype)), start // x.itemsize


@method()
def storage_offset(self: Tensor) -> int:
    """The first element's place in the memory shared with other tensors, in elements."""
    return _memory(self._array)[1]


def _home(x: Any) -> _Home:
    memory, start = _memory(x)
    return _Home(x.shape, tuple([s // x.itemsize for s in x.strides]), start, memory.size)


def _window(memory: Any, size: Any, stride: Any, offset: int) -> Any:
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if offset < 0 or (math.prod(size) and last >= memory.size):
        raise RuntimeError(
            f"as_strided(): sizes {list(size)}, strides {list(stride)}, storage offset {offset} require {last + 1} elements "
            f"and are out of bounds for storage of {memory.size}"
        )
    # Not NumPy's as_strided(): its views do not know whose memory they see.
    step = memory.itemsize
    return np.ndarray(size, memory.dtype, memory, offset * step if math.prod(size) else 0, [s * step for s in stride])


def _as_strided(xp: Any, x: Any, *, size: Any, stride: Any, offset: int, home: _Home) -> Any:
    found = _home(x)
    if found.memory < home.memory or any(
        n > 1 and a != b for n, a, b in zip(x.shape, found.stride, home.stride, strict=True)
    ):  # not the tensor itself but a gradient in its shape: it has no more elements than the tensor
        at = _places(size, stride, offset, home)
        return xp.where(at < 0, 0, x.reshape(-1)[at])
    return _window(_memory(x)[0], size, stride, offset - home.offset + found.offset)


def _places(size: Any, stride: Any, offset: int, home: _Home) -> Any:
    """Which element of the tensor each element of the view is, counted in the tensor's order; -1 for one outside of it."""
    order = np.full(home.memory, -1)
    _window(order, home.shape, home.stride, home.offset)[...] = np.arange(math.prod(home.shape)).reshape(home.shape)
    return _window(order, size, stride, offset)


def _as_strided_vjp(g: Tensor, *, size: Any, stride: Any, offset: int, home: _Home) -> Tensor:
    at = _places(size, stride, offset, home)
    inside = at >= 0
    found = index_add_at(index_op(g, index=(inside,)), shape=(math.prod(home.shape),), index=(at[inside],))
    return reshape(found, home.shape)


as_strided_op = op("as_strided", _as_strided, _as_strided_vjp, view=True)


@function()
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view with any size, stride and offset into the memory that `input` shares with others
    (https://pytorch.org/docs/stable/generated/torch.as_strided.html).

    Raises: RuntimeError if it would reach outside that memory.
    """
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: as_strided() got size {size} and stride {stride}")
    if min(stride, default=0) < 0:
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    home = _home(input._array)
    offset = home.offset if storage_offset is None else storage_offset
    return as_strided_op(input, size=size, stride=stride, offset=offset, home=home)


@function(method=False)
def empty_strided(size: Any, stride: Any, **options: Any) -> Tensor:
    """An uninitialised tensor with this size and these steps in memory."""
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    reach = sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1 if math.prod(size) else 0
    requires_grad = options.pop("requires_grad", False)
    made = as_strided(empty(reach, **options), size, stride).detach()
    return made.requires_grad_() if requires_grad else made


@method()
def new_empty_strided(self: Tensor, size: Any, stride: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """empty_strided() in the dtype of this tensor."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, **options)


@function(method=False)
def empty_permuted(size: Any, physical_layout: Any, **options: Any) -> Tensor:
    """An uninitialised tensor whose dimensions lie in memory in the order `physical_layout`, the outermost first."""
    size, order = parse_shape("empty_permuted", (size,)), tuple(physical_layout)
    if len(size) != len(order):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {len(size)} "
            f"is not equal to len(physical_layout) = {len(order)}"
        )
    for d in order:
        if not 0 <= d < len(size):
            raise RuntimeError(f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d})")
    if len(set(order)) < len(order):
        raise RuntimeError(f"Duplicate dim not allowed: physical_layout is {list(order)}")
    requires_grad = options.pop("requires_grad", False)
    laid = empty(tuple(size[d] for d in order), **options)
    made = permute_op(laid, dims=tuple(np.argsort(order).tolist())).detach()
    return made.requires_grad_() if requires_grad else made


@function()
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Another shape in place, that of a template; elements beyond the old ones are uninitialised."""
    return input.resize_(the_template._array.shape)
