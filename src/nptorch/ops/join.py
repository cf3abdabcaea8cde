"""Tensors joined, repeated, and put in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nptorch.ops.promotion import cast, result_type
from nptorch.ops.registry import op
from nptorch.ops.shape import (
    clone,
    clone_op,
    expand,
    expand_op,
    narrow,
    reshape,
    select,
    transpose,
    unsqueeze,
)
from nptorch.ops.signatures import axis, check_apart, function, into_out, method, not_a_tensor, shown_as, takes_out
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor


def _cat_forward(xp: Any, *xs: Any, axis: int) -> Any:
    return xp.concatenate(xs, axis)


def _cat_vjp(g: Tensor, shapes: Any, *, axis: int, i: int) -> Tensor:
    start = sum(s[axis] for s in shapes[:i])
    return narrow(g, axis, start, shapes[i][axis])


def _cat_promote(xs: Sequence[Any]) -> Sequence[Any]:
    first = xs[0].dtype
    for x in xs:
        if x.dtype is not first and x.dtype != first:
            return cast(xs, result_type(xs))
    return xs


cat_op = op("cat", _cat_forward, _cat_vjp, promote=_cat_promote)


def _stack_forward(xp: Any, *xs: Any, axis: int) -> Any:
    if axis == 0 and xs[0].ndim:  # as the samples of a batch are: no view of each is needed
        return xp.concatenate(xs).reshape(len(xs), *xs[0].shape)
    return xp.stack(xs, axis)


stack_op = op("stack", _stack_forward, lambda g, *, axis, i: select(g, axis, i), promote=_cat_promote)


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
    if not tensors:
        raise (ValueError if name == "cat" else RuntimeError)(f"{name}(): expected a non-empty list of Tensors")
    return list(tensors)


@function("cat", "concat", "concatenate", method=False)
def cat(tensors: Any, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Tensors joined along an existing dimension; all other dimensions must agree.

    Raises: RuntimeError if they do not.
    """
    parts = _tensors("cat", tensors)
    # PyTorch lets empty 1-D tensors pass: programs start a list with torch.tensor([]).
    solid = [t for t in parts if t._array.shape != (0,)] or parts[:1]
    d = axis("cat", dim, solid[0]._array.ndim)
    if solid[0]._array.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated; use stack()")
    try:
        if out is None:
            return cat_op(*solid, axis=d)
        check_apart(out, solid)
        return into_out(out, cat_op, *solid, axis=d)
    except ValueError:
        _check_joinable([t._array.shape for t in solid], d)
        raise


def _check_joinable(shapes: list[tuple[int, ...]], d: int) -> None:
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if len(shape) != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
        if shape[:d] + shape[d + 1 :] != first[:d] + first[d + 1 :]:
            bad = next(k for k in range(len(first)) if k != d and shape[k] != first[k])
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {d}. Expected size {first[bad]} but got size {shape[bad]} for tensor number {i} in the list."
            )


@function(method=False)
def stack(tensors: Any, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Tensors of one shape joined along a new dimension.

    Raises: RuntimeError if the shapes differ.
    """
    parts = _tensors("stack", tensors)
    shape = parts[0]._array.shape
    for i, t in enumerate(parts):
        if t._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(t._array.shape)} at entry {i}"
            )
    d = axis("stack", dim, len(shape) + 1)
    return stack_op(*parts, axis=d) if out is None else into_out(out, stack_op, *parts, axis=d)


def _at_least(tensor: Tensor, ndim: int) -> Tensor:
    shape = tensor._array.shape
    return tensor if len(shape) >= ndim else reshape(tensor, (1,) * (ndim - len(shape)) + shape)


@function(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dimension."""
    return _each(tensors, lambda t: _at_least(t, 1))


@function(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dimensions."""
    return _each(tensors, lambda t: _at_least(t, 2))


@function(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dimensions; a vector lies along the second."""
    return _each(tensors, lambda t: unsqueeze(_at_least(t, 2), -1) if t._array.ndim < 3 else t)


def _each(tensors: tuple[Any, ...], f: Any) -> Any:
    if len(tensors) == 1:
        return f(tensors[0]) if isinstance(tensors[0], Tensor) else tuple(f(t) for t in tensors[0])
    return tuple(f(t) for t in tensors)


@function(method=False)
@takes_out
def hstack(tensors: Any) -> Tensor:
    """Tensors joined side by side."""
    parts = [_at_least(t, 1) for t in _tensors("hstack", tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1)


@function("vstack", "row_stack", method=False)
@takes_out
def vstack(tensors: Any) -> Tensor:
    """Tensors joined as rows."""
    return cat([_at_least(t, 2) for t in _tensors("vstack", tensors)], 0)


@function(method=False)
@takes_out
def dstack(tensors: Any) -> Tensor:
    """Tensors joined along the third dimension."""
    return cat([atleast_3d(t) for t in _tensors("dstack", tensors)], 2)


@function(method=False)
@takes_out
def column_stack(tensors: Any) -> Tensor:
    """Vectors as columns, matrices side by side."""
    return cat([t if t._array.ndim > 1 else reshape(t, -1, 1) for t in _tensors("column_stack", tensors)], 1)


flip_op = op("flip", lambda xp, x, *, axes: xp.flip(x, axes).copy(), lambda g, *, axes: flip_op(g, axes=axes))


roll_op = op(
    "roll",
    lambda xp, x, *, shifts, axes: xp.roll(x, shifts, axes),
    lambda g, *, shifts, axes: roll_op(g, shifts=tuple(-s for s in shifts), axes=axes),
)


tril_op = op("tril", lambda xp, x, *, k: xp.tril(x, k), lambda g, *, k: tril_op(g, k=k))


triu_op = op("triu", lambda xp, x, *, k: xp.triu(x, k), lambda g, *, k: triu_op(g, k=k))


@function()
def flip(input: Tensor, *axes: Any, dims: Any = ()) -> Tensor:
    """A copy with the order reversed along the given dimensions."""
    return flip_op(input, axes=tuple(axis("flip", d, input._array.ndim) for d in parse_shape("flip", axes or (dims,))))


@function()
def fliplr(input: Tensor) -> Tensor:
    """flip() along dimension 1."""
    if input._array.ndim < 2:
        raise RuntimeError(f"Input must be >= 2-d, got {input._array.ndim}-d")
    return flip(input, 1)


@function()
def flipud(input: Tensor) -> Tensor:
    """flip() along dimension 0."""
    if not input._array.ndim:
        raise RuntimeError("Input must be >= 1-d, got 0-d")
    return flip(input, 0)


@function()
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by k quarter turns in the plane of two dimensions."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input._array.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input._array.ndim}")
    a, b = dims
    if a == b or abs(a - b) == input._array.ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}")
    turned = {
        0: lambda: clone(input),
        1: lambda: transpose(flip(input, b), a, b),
        2: lambda: flip(input, a, b),
        3: lambda: flip(transpose(input, a, b), b),
    }
    return turned[k % 4]()


@function()
@shown_as("RollBackward0")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along dimensions (or the flattened tensor), those that fall off coming back in front."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if dims is None or dims == ():
        return reshape(roll_op(reshape(input, -1), shifts=shifts, axes=(0,)), input._array.shape)
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims: {len(dims)}")
    return roll_op(input, shifts=shifts, axes=tuple(axis("roll", d, input._array.ndim) for d in dims))


def _matrices(name: str, x: Tensor) -> None:
    if x._array.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, got {x._array.ndim}")


@function()
@takes_out
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of the last two dimensions, zeros above."""
    _matrices("tril", input)
    return tril_op(input, k=diagonal)


@function()
@takes_out
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of the last two dimensions, zeros below."""
    _matrices("triu", input)
    return triu_op(input, k=diagonal)


@method()
@shown_as("RepeatBackward0")
def repeat(self: Tensor, *sizes: Any) -> Tensor:
    """Copies of the whole tensor along each dimension.

    Raises: RuntimeError if there are fewer counts than dimensions.
    """
    counts, have = parse_shape("repeat", sizes), self._array.shape
    if len(counts) < len(have):
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    have = (1,) * (len(counts) - len(have)) + have
    apart = reshape(self, tuple(n for length in have for n in (1, length)))
    tiled = expand_op(apart, shape=tuple(n for pair in zip(counts, have, strict=True) for n in pair))
    return reshape(clone_op(tiled), tuple(c * n for c, n in zip(counts, have, strict=True)))


@function()
@shown_as("RepeatBackward0")
def tile(input: Tensor, *dims: Any) -> Tensor:
    """repeat() with missing counts taken as 1."""
    counts = parse_shape("tile", dims)
    return repeat(input, (1,) * (input._array.ndim - len(counts)) + counts)


@function(method=False)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Grids of the coordinates in each given vector."""
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing}")
    if not tensors:
        raise not_a_tensor("meshgrid", "tensors", 1, None)
    swap = indexing == "xy" and len(tensors) > 1
    vectors = (tensors[1], tensors[0], *tensors[2:]) if swap else tensors
    lengths = tuple(v._array.size for v in vectors)
    grids = [expand(reshape(v, (-1,) + (1,) * (len(vectors) - 1 - i)), lengths) for i, v in enumerate(vectors)]
    return (grids[1], grids[0], *grids[2:]) if swap else tuple(grids)
