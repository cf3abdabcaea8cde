"""Reading and writing by index: x[...], gather and scatter, masks.

Basic indices (integers, slices, None, ...) give views; tensors, arrays, lists and masks give copies. As in PyTorch, and unlike NumPy, an
integer beside an index tensor selects first, so it does not move the indexed dimensions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.grad_mode import mode
from nptorch.ops.add_at import add_at
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.promotion import number
from nptorch.ops.registry import check_writable, op, quiet
from nptorch.ops.shape import broadcast_shapes, expand, reshape, slice_op
from nptorch.ops.signatures import function, method, not_a_tensor, shown_as, takes_out
from nptorch.tensor import Tensor, from_array


def _index(xp: Any, x: Any, *, index: tuple[Any, ...]) -> Any:
    (*ahead, last) = index
    if last.__class__ is np.ndarray and last.dtype.kind == "i" and _is_all(ahead):
        return x.take(last, len(ahead))  # in a quarter of the time
    return x[index]


def _is_all(index: list[Any]) -> bool:
    for item in index:
        if item.__class__ is not slice or item != _ALL:
            return False
    return True


_ALL = slice(None)
index_op = op("index", _index, lambda g, x_shape, *, index: index_add_at(g, shape=x_shape, index=index))


def pick(x: Tensor, index: tuple[Any, ...]) -> Tensor:
    """x[index], with a gradient that does not mind if the user's indices change afterwards."""
    if mode.grad and x.requires_grad:
        index = tuple([i.copy() if i.__class__ is np.ndarray else i for i in index])
    return index_op(x, index=index)


def _index_add_at(xp: Any, g: Any, *, shape: tuple[int, ...], index: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    add_at(out, index, g)
    return out


index_add_at = op("index_add_at", _index_add_at, lambda g, *, index: index_op(g, index=index))


def _index_put(xp: Any, x: Any, value: Any, *, index: Any, accumulate: bool) -> Any:
    out = x.copy()
    if accumulate:
        add_at(out, index, value)
    else:
        out[index] = value
    return out


index_put_op = op(
    "index_put",
    _index_put,
    lambda g, value_shape, *, index, accumulate: (
        g if accumulate else index_put_op(g, 0.0, index=index, accumulate=False)
    ),
    lambda g, *, index: index_op(g, index=index),
)


_SEQUENCES = (list, tuple, range)


def _simple(index: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """An index of nothing but integers in range, slices of integers, None and ..., as nearly all are; None for any other."""
    items = index if index.__class__ is tuple else (index,)
    dim = 0
    end: tuple[Any, ...] = (...,)
    for k, item in enumerate(items):
        kind = item.__class__
        if kind is int:
            if dim >= len(shape) or not -shape[dim] <= item < shape[dim]:
                return None
            dim += 1
        elif kind is slice:
            for part in (item.start, item.stop, item.step):
                if part is not None and part.__class__ is not int:
                    return None
            if item.step is not None and item.step <= 0:
                return None
            dim += 1
        elif item is Ellipsis and end:
            left = len(shape) - sum([i is not None for i in items[k + 1 :]])
            if left < dim:
                return None
            dim, end = left, ()
        elif item is not None:
            return None
    return (*items, *end) if dim <= len(shape) else None


def _parse(x: Tensor, index: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """An index as a basic part, applied first, and an advanced part for what that gives; None where there is nothing to do."""
    shape = x._array.shape
    if (simple := _simple(index, shape)) is not None:
        return simple, None
    items = list(index) if isinstance(index, tuple) else [index]
    spent = sum(_dims_of(i) for i in items)
    if spent > len(shape):
        if not shape:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` for its number")
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}: got {spent}")
    if not any(i is Ellipsis for i in items):
        items.append(Ellipsis)
    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    plain = True
    for item in items:
        if item is Ellipsis:
            skip = len(shape) - spent
            basic += [slice(None)] * skip
            advanced += [slice(None)] * skip
            dim += skip
        elif item is None:
            basic.append(None)
            advanced.append(slice(None))
        elif isinstance(item, slice):
            basic.append(_slice(item))
            advanced.append(slice(None))
            dim += 1
        elif (position := _integer(item)) is not None:
            n = shape[dim]
            if not -n <= position < n:
                raise IndexError(f"index {position} is out of bounds for dimension {dim} with size {n}")
            basic.append(position)
            dim += 1
        else:
            plain = False
            array = _index_array(item)
            if array.dtype.kind == "b":
                if array.shape != shape[dim : dim + array.ndim]:
                    bad = next(k for k in range(array.ndim) if array.shape[k] != shape[dim + k])
                    raise IndexError(
                        f"The shape of the mask {list(array.shape)} at index {bad} does not match the shape of the indexed tensor "
                        f"{list(shape)} at index {dim + bad}"
                    )
                basic += [slice(None)] * array.ndim if array.ndim else [None]
                advanced += np.nonzero(array) if array.ndim else [np.zeros(int(array), np.int64)]
                dim += array.ndim
            else:
                n = shape[dim]
                if array.size and (array.min() < -n or array.max() >= n):
                    wrong = array[(array < -n) | (array >= n)].flat[0]
                    raise IndexError(f"index {wrong} is out of bounds for dimension {dim} with size {n}")
                basic.append(slice(None))
                advanced.append(array)
                dim += 1
    trivial = all(isinstance(b, slice) and b == slice(None) for b in basic)
    return (None if trivial and not plain else (*basic, ...)), (None if plain else tuple(advanced))


def _dims_of(item: Any) -> int:
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, (Tensor, np.ndarray)):
        array = item._array if isinstance(item, Tensor) else item
        return array.ndim if array.dtype.kind == "b" else 1
    if isinstance(item, _SEQUENCES):
        array = np.asarray(_index_array(item))
        return array.ndim if array.dtype.kind == "b" else 1
    return 1


def _integer(item: Any) -> int | None:
    if item.__class__ is int:
        return item
    if isinstance(item, bool):
        return None
    if isinstance(item, Tensor):
        array = item._array
        return int(array) if array.ndim == 0 and array.dtype.kind in "iu" else None
    if isinstance(item, np.integer):
        return int(item)
    if not isinstance(item, (*_SEQUENCES, np.ndarray)):
        raise TypeError(
            f"only integers, slices (`:`), ellipsis (`...`), None and long or bool tensors are valid indices (got {type(item).__name__})"
        )
    return None


def _index_array(item: Any) -> Any:
    if isinstance(item, _SEQUENCES):
        item = np.asarray([int(i) if isinstance(i, Tensor) else i for i in item])
        if item.size == 0:
            item = item.astype(np.int64)
    array = item._array if isinstance(item, Tensor) else np.asarray(item)
    if array.dtype.kind not in "biu" or (array.dtype.kind == "u" and array.dtype.itemsize > 1):
        from nptorch import dtypes

        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, got {dtypes.of(array.dtype)!r}"
        )
    return array.astype(bool) if array.dtype == np.uint8 else array


def _slice(item: slice) -> slice:
    start, stop, step = (_integer(i) if i is not None else None for i in (item.start, item.stop, item.step))
    if step is not None and step <= 0:
        raise ValueError(f"step must be greater than zero, got {step}; use flip() to reverse")
    return slice(start, stop, step)


@method("__getitem__")
def getitem(self: Tensor, index: Any) -> Tensor:
    """self[index]: a view for basic indices, a copy for tensors and masks."""
    if index.__class__ is Tensor and index._array.ndim and self._array.ndim and index._array.dtype.kind == "i":
        try:
            return pick(self, (index._array,))
        except IndexError:
            pass  # below with PyTorch's words
    basic, advanced = _parse(self, index)
    x = self if basic is None else slice_op(self, index=basic)
    return x if advanced is None else pick(x, advanced)


@method("__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """self[index] = value, broadcast, in place.

    Raises: RuntimeError if the value does not fit there.
    """
    basic, advanced = _parse(self, index)
    if not isinstance(value, Tensor):
        value = from_array(np.asarray(value) if isinstance(value, np.ndarray) else number(value, self._array.dtype))
    x = self if basic is None else slice_op(self, index=basic)
    if advanced is None:
        copy_(x, value)
        return
    _put(x, advanced, value, accumulate=False)


def _put(x: Tensor, index: Any, value: Tensor, *, accumulate: bool) -> Tensor:
    value = value if value._array.dtype == x._array.dtype else value.to(x.dtype)
    if value._array.ndim:
        _check_fits(x._array[index].shape, value._array.shape)
    if mode.grad and (x.requires_grad or value.requires_grad):
        return index_put_op.into(x, x, value, index=index, accumulate=accumulate)
    check_writable(x, "index_put_")
    if accumulate:
        add_at(x._array, index, value._array)
    else:
        x._array[index] = value._array
    x._version[0] += 1
    return x


def _check_fits(room: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if not shape or shape == room:
        return
    try:
        fits = np.broadcast_shapes(room, shape) == room
    except ValueError:
        fits = False
    if not fits and not (len(shape) > len(room) and all(n == 1 for n in shape[: len(shape) - len(room)])):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(shape)} cannot be broadcast to indexing result of shape {list(room)}"
        )


# --- whole-tensor writes ---

assign_op = op(
    "copy",
    lambda xp, x, source: xp.broadcast_to(source, x.shape).astype(x.dtype),
    None,
    lambda g: g,
    label="CopyBackwards",
)


@method()
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write `src`, broadcast and converted, into this tensor."""
    if not isinstance(src, Tensor):
        raise not_a_tensor("copy_", "other", 1, src)
    _check_fits(self._array.shape, src._array.shape)
    shape = src._array.shape
    if len(shape) > self._array.ndim:
        src = reshape(src, shape[len(shape) - self._array.ndim :])
    if mode.grad and (self.requires_grad or src.requires_grad):
        return assign_op.into(self, self, src)
    check_writable(self, "copy_")
    quiet.run(np.copyto, self._array, src._array, casting="unsafe")
    self._version[0] += 1
    return self


fill_op = op(
    "fill",
    lambda xp, x, value: xp.full(x.shape, value, x.dtype),
    lambda g: zeros_of(g),
    lambda g: g,
)


def _filling(x: Tensor, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        return from_array(number(value, x._array.dtype))
    if value._array.ndim:
        raise RuntimeError(
            f"fill only supports 0-dimension value tensor but got tensor with {value._array.ndim} dimensions."
        )
    return value


@method()
def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one value into every element."""
    if isinstance(value, Tensor) or (mode.grad and self.requires_grad):
        return fill_op.into(self, self, _filling(self, value))
    check_writable(self, "fill_")
    self._array[...] = number(value, self._array.dtype)
    self._version[0] += 1
    return self


@function(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """One value in every element of a new tensor like `input`."""
    return fill_op(input, _filling(input, value))


@method()
def zero_(self: Tensor) -> Tensor:
    """Write 0 into every element."""
    return fill_(self, 0)


@method()
def fill_diagonal_(self: Tensor, fill_value: Any) -> Tensor:
    """Write one value onto the main diagonal."""
    check_writable(self, "fill_diagonal_")
    np.fill_diagonal(self._array, fill_value)
    self._version[0] += 1
    return self


@function()
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `values` written (or added) where `indices` say."""
    return index_put_(input.clone(), indices, values, accumulate)


@method()
def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) `values` where the tuple of index tensors says."""
    basic, advanced = _parse(self, tuple(indices))
    x = self if basic is None else slice_op(self, index=basic)
    _put(x, advanced, values, accumulate=accumulate)
    return self


# --- masks and places ---


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
    return index_op(expand(input, shape), index=(np.broadcast_to(mask._array, shape),))


@method()
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Write the elements of `source`, in order, to the places where `mask` holds."""
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype!r}")
    at = np.broadcast_to(mask._array, self._array.shape)
    return _put(self, (at,), reshape(source, -1)[: int(at.sum())], accumulate=False)


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
