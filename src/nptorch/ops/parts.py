"""All parts of a dimension at once, as views: split, chunk, unbind.

The parts come from one node, whose derivative joins their gradients; as many slices would each give a gradient of the whole size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nptorch.ops.join import cat, stack
from nptorch.ops.registry import Op, mark_view, op
from nptorch.ops.shape import narrow, slice_op
from nptorch.ops.signatures import axis, function, shown_as
from nptorch.tensor import Tensor, from_array


def _place(axis: int, part: Any) -> tuple[Any, ...]:
    """The index of a part."""
    return (slice(None),) * axis + (part,)


def _whole(g: Any, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """The gradients of all parts: zeros for those that nothing was computed from."""
    parts = g if isinstance(g, tuple) else (g,)
    dtype = next(part._array.dtype for part in parts if part is not None)
    return [from_array(np.zeros(s, dtype)) if part is None else part for part, s in zip(parts, shapes, strict=True)]


split_op = op(
    "split",
    lambda xp, x, *, axis, edges: tuple([x[_place(axis, slice(a, b))] for a, b in itertools.pairwise(edges)]),
    lambda g, x_shape, *, axis, edges: cat(
        _whole(g, [(*x_shape[:axis], b - a, *x_shape[axis + 1 :]) for a, b in itertools.pairwise(edges)]), axis
    ),
    outputs=None,
)
unbind_op = op(
    "unbind",
    lambda xp, x, *, axis: tuple(x.transpose(axis, *range(axis), *range(axis + 1, x.ndim)) if axis else x),
    lambda g, x_shape, *, axis: stack(_whole(g, [x_shape[:axis] + x_shape[axis + 1 :]] * x_shape[axis]), axis),
    outputs=None,
)


def _views(made_by: Op, whole: Tensor, places: Iterable[Any], **params: Any) -> tuple[Tensor, ...]:
    """The parts, each a view like the slice at its place: what is written into one, or into the whole, shows in the other."""
    parts: tuple[Tensor, ...] = made_by(whole, **params)
    for part, place in zip(parts, places, strict=True):
        mark_view(slice_op, whole, part, {"index": _place(params["axis"], place)})
    return parts


@function()
@shown_as("SplitBackward0")
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts: of one size (the last may be smaller), or of the sizes in a list."""
    d = axis("split", dim, tensor._array.ndim)
    n = tensor._array.shape[d]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size <= 0 and n:
            raise RuntimeError(f"split expects split_size be non-negative and not 0, but got split_size={size}")
        sizes = [min(size, n - start) for start in range(0, n, size)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {d}), but got split_sizes={sizes}"
            )
    edges = [0, *itertools.accumulate(sizes)]
    return _views(split_op, tensor, itertools.starmap(slice, itertools.pairwise(edges)), axis=d, edges=edges)


@function()
@shown_as("SplitBackward0")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input._array.shape[axis("chunk", dim, input._array.ndim)]
    return split(input, max(1, -(-n // chunks)), dim)


@function()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of n nearly equal parts, or of the parts between indices."""
    d = axis("tensor_split", dim, input._array.ndim)
    n = input._array.shape[d]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections._array.tolist()
    if isinstance(indices_or_sections, int):
        size, extra = divmod(n, indices_or_sections)
        cuts = np.cumsum([size + (i < extra) for i in range(indices_or_sections)])[:-1].tolist()
    else:
        cuts = [int(i) for i in indices_or_sections]
    edges = [0, *(slice(None, c).indices(n)[1] for c in cuts), n]
    return tuple(narrow(input, d, a, max(0, b - a)) for a, b in itertools.pairwise(edges))


@function()
@shown_as("UnbindBackward0")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices of a dimension."""
    d = axis("unbind", dim, input._array.ndim)
    return _views(unbind_op, input, range(input._array.shape[d]), axis=d)
