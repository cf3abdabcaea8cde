"""Reading and writing along one dimension: gather, scatter, index_select and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.extremes import put_along, take_along
from nptorch.ops.index import index_op, parse_index, pick, place, put
from nptorch.ops.pointwise import zeros_of
from nptorch.ops.promotion import number
from nptorch.ops.registry import op
from nptorch.ops.shape import broadcast_shapes, expand, narrow, reshape, slice_op
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, method, not_a_tensor, shown_as, takes_out
from nptorch.tensor import Tensor, from_array


def _indices(name: str, index: Tensor, ndim: int, size: int) -> None:
    if not isinstance(index, Tensor):
        raise not_a_tensor(name, "index", 3, index)
    if index._array.dtype.kind not in "iu":
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {index.dtype!r}")
    if index._array.ndim != ndim and index._array.size:
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as input tensor ({ndim}), got {index._array.ndim}"
        )
    array = index._array
    # As extremes they are found in a quarter of the time that min() and max() take.
    if array.size and (array.item(array.argmin()) < 0 or array.item(array.argmax()) >= size):
        wrong = array[(array < 0) | (array >= size)].flat[0]
        raise RuntimeError(f"{name}(): index {wrong} is out of bounds for dimension with size {size}")


def _window(x: Tensor, index: Tensor, d: int) -> Tensor:
    """The part of `x` that `index` reaches: its own lengths in all dimensions but `d`."""
    lengths = index._array.shape
    if all(n == m for i, (n, m) in enumerate(zip(lengths, x._array.shape, strict=True)) if i != d):
        return x
    return slice_op(x, index=tuple(slice(None) if i == d else slice(0, n) for i, n in enumerate(lengths)))


@function()
@takes_out(apart=True)
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, and so on
    (https://pytorch.org/docs/stable/generated/torch.gather.html)."""
    if input._array.ndim == 0:
        return reshape(gather(reshape(input, 1), 0, reshape(index, -1)), index._array.shape)
    d = parse_axis("gather", dim, input._array.ndim)
    _indices("gather", index, input._array.ndim, input._array.shape[d])
    if not index._array.size:  # it may have another number of dimensions
        return reshape(narrow(reshape(input, -1), 0, 0, 0), index._array.shape)
    return take_along(input, index, axis=d)


@function()
@takes_out
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather() with broadcasting; without `dim`, from the flattened tensor."""
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    d = parse_axis("take_along_dim", dim, input._array.ndim)
    n = input._array.shape[d]
    indices = from_array(np.where(indices._array < 0, indices._array + n, indices._array))  # from the end
    _indices("take_along_dim", indices, input._array.ndim, n)
    ours, theirs = (t._array.shape[:d] + (1,) + t._array.shape[d + 1 :] for t in (input, indices))
    shape = broadcast_shapes(ours, theirs)
    wide, at = (expand(t, (*shape[:d], t._array.shape[d], *shape[d + 1 :])) for t in (input, indices))
    return take_along(wide, at, axis=d)


def _scatter_forward(xp: Any, x: Any, index: Any, src: Any, *, axis: int) -> Any:
    out = x.copy()
    xp.put_along_axis(out, index, src, axis) if src.shape == index.shape else xp.put_along_axis(
        out, index, src[tuple(map(slice, index.shape))], axis
    )
    return out


scatter_op = op(
    "scatter",
    _scatter_forward,
    lambda g, index, src_shape, *, axis: scatter_op(
        g, index, from_array(np.zeros(index._array.shape, g._array.dtype)), axis=axis
    ),
    None,
    lambda g, index, src_shape, *, axis: _widened(take_along(g, index, axis=axis), src_shape),
)


def _widened(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    if g._array.shape == shape:
        return g
    from nptorch.ops.shape import slice_backward

    return slice_backward(g, shape=shape, index=tuple(map(slice, g._array.shape)))


def _beside(input: Tensor, x: Any) -> Any:
    """A single index or value counts as a vector of one beside a vector."""
    return reshape(x, 1) if isinstance(x, Tensor) and x._array.ndim == 0 and input._array.ndim == 1 else x


def _source(name: str, input: Tensor, index: Tensor, src: Any) -> Tensor:
    src = _beside(input, src)
    if not isinstance(src, Tensor):
        return from_array(np.broadcast_to(number(src, input._array.dtype), index._array.shape))
    if src._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype!r} and {src.dtype!r}"
        )
    if any(n > m for n, m in zip(index._array.shape, src._array.shape, strict=True)):
        raise RuntimeError(
            f"{name}(): Expected index {list(index._array.shape)} to be no larger than src {list(src._array.shape)}"
        )
    return src


@function()
@takes_out
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with `src` written where `index` points along `dim`: the reverse of gather()
    (https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html)."""
    return scatter_(input.clone(), dim, index, src, value=value, reduce=reduce)


@method()
def scatter_(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """In-place scatter(); reduce="add" adds and "multiply" multiplies."""
    if self._array.ndim == 0:
        line = reshape(src, -1) if isinstance(src, Tensor) else src
        scatter_(reshape(self, 1), dim, reshape(index, -1), line, value=value, reduce=reduce)
        return self
    index = _beside(self, index)
    d = parse_axis("scatter_", dim, self._array.ndim)
    _indices("scatter", index, self._array.ndim, self._array.shape[d])
    source = _source("scatter", self, index, value if src is None else src)
    if reduce == "add":
        return scatter_add_(self, d, index, source)
    if reduce == "multiply":
        factor = from_array(np.ones_like(self._array))
        at = list(np.ogrid[tuple(slice(n) for n in index._array.shape)])
        at[d] = index._array
        np.multiply.at(factor._array, tuple(at), source._array[tuple(map(slice, index._array.shape))])
        return self.mul_(factor)
    if reduce is not None:
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    window = _window(self, index, d)
    scatter_op.into(window, window, index, source, axis=d)
    return self


@function()
@takes_out
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with `src` added where `index` points along `dim`; repeated places add up."""
    if input._array.ndim == 0:
        return reshape(scatter_add(reshape(input, 1), dim, reshape(index, -1), reshape(src, -1)), ())
    index = _beside(input, index)
    d = parse_axis("scatter_add", dim, input._array.ndim)
    _indices("scatter_add", index, input._array.ndim, input._array.shape[d])
    source = _source("scatter_add", input, index, src)
    if source._array.shape != index._array.shape:
        source = slice_op(source, index=tuple(map(slice, index._array.shape)))
    return input + put_along(source, index, shape=input._array.shape, axis=d)


@method()
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """In-place scatter_add()."""
    return self.add_(scatter_add(zeros_of(self), dim, index, src))


def _line(name: str, input: Tensor, dim: int, index: Tensor) -> tuple[int, tuple[Any, ...]]:
    d = parse_axis(name, dim, input._array.ndim)
    if not isinstance(index, Tensor):
        raise not_a_tensor(name, "index", 3, index)
    if index._array.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, got shape {list(index._array.shape)}")
    _indices(name, index.reshape(-1), 1, input._array.shape[d])
    return d, (slice(None),) * d + (index._array.reshape(-1),)


@function()
@takes_out(apart=True)
@shown_as("IndexSelectBackward0")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `dim` that `index` names, in its order."""
    if input._array.ndim == 0:  # one line of one element, taken any number of times: still 0-dim for one index
        return reshape(index_select(reshape(input, 1), dim, index), ())
    return pick(input, _line("index_select", input, dim, index)[1])


@function()
@takes_out
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with alpha * source added to the slices that `index` names."""
    if input._array.ndim == 0:
        return reshape(index_add(reshape(input, 1), dim, index, reshape(source, -1), alpha=alpha), ())
    d, at = _line("index_add", input, dim, index)
    ours, theirs = (t._array.shape[:d] + t._array.shape[d + 1 :] for t in (input, source))
    if source._array.ndim and ours != theirs:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input._array.shape)} source.shape = {list(source._array.shape)}"
        )
    return place(input, source if alpha == 1 else source * alpha, at, accumulate=True)


@function()
@takes_out
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with `source` in the slices that `index` names."""
    if input._array.ndim == 0:
        return reshape(index_copy(reshape(input, 1), dim, index, reshape(source, -1)), ())
    _, at = _line("index_copy", input, dim, index)
    return place(input, source, at, accumulate=False)


@function()
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with one value in the slices that `index` names."""
    if input._array.ndim == 0:
        return reshape(index_fill(reshape(input, 1), dim, index, value), ())
    # Each slice once: a value written twice has the gradient of one.
    _, at = _line("index_fill", input, dim, from_array(np.unique(index._array)))
    value = value if isinstance(value, Tensor) else from_array(number(value, input._array.dtype))
    return place(input, value, at, accumulate=False)


@method()
def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """In-place index_add()."""
    if self._array.ndim == 0:
        index_add_(reshape(self, 1), dim, index, reshape(source, -1), alpha=alpha)
        return self
    _, at = _line("index_add_", self, dim, index)
    return put(self, at, source if alpha == 1 else source * alpha, accumulate=True)


@method()
def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """In-place index_copy()."""
    if self._array.ndim == 0:
        index_copy_(reshape(self, 1), dim, index, reshape(source, -1))
        return self
    _, at = _line("index_copy_", self, dim, index)
    return put(self, at, source, accumulate=False)


@method()
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """In-place index_fill()."""
    if self._array.ndim == 0:
        index_fill_(reshape(self, 1), dim, index, value)
        return self
    _, at = _line("index_fill_", self, dim, index)
    return put(
        self, at, value if isinstance(value, Tensor) else from_array(number(value, self._array.dtype)), accumulate=False
    )


@function()
@takes_out(apart=True)
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor."""
    flat = reshape(input, -1)
    return pick(flat, parse_index(flat, index)[1] or (index._array,))


@function()
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Every element (or slice of `dim`) repeated on the spot."""
    x = reshape(input, -1) if dim is None else input
    d = 0 if dim is None else parse_axis("repeat_interleave", dim, x._array.ndim)
    times = repeats._array if isinstance(repeats, Tensor) else repeats
    return index_op(x, index=(slice(None),) * d + (np.repeat(np.arange(x._array.shape[d]), times),))


@function()
@takes_out
def isin(elements: Any, test_elements: Any) -> Tensor:
    """Whether each element is one of `test_elements`."""
    a, b = (x._array if isinstance(x, Tensor) else np.asarray(x) for x in (elements, test_elements))
    return from_array(np.asarray(np.isin(a, b)))


@function()
@takes_out
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value would stand in a sorted vector, or in the line of a sorted tensor; `sorter` holds the order of an unsorted one."""
    if sorter is not None:
        sorted_sequence = take_along(sorted_sequence, sorter, axis=sorted_sequence._array.ndim - 1)
    if out_int32:
        return searchsorted(sorted_sequence, input, right=right, side=side).int()
    values = input._array if isinstance(input, Tensor) else np.asarray(input)
    where: Any = "right" if side == "right" or right else "left"
    places, edges = np.empty(values.shape, np.int64), sorted_sequence._array
    if edges.ndim == 1:
        places[...] = np.searchsorted(edges, values, where)
    else:
        for line in np.ndindex(edges.shape[:-1]):
            places[line] = np.searchsorted(edges[line], values[line], where)
    return from_array(places)


@function()
@takes_out
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the interval between `boundaries` that each value falls into."""
    if boundaries._array.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries._array.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
