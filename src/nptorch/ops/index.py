"""Reading and writing by index: x[...], and writing in place.

Basic indices (integers, slices, None, ...) give views; tensors, arrays, lists and masks give copies. As in PyTorch, and unlike NumPy, an
integer beside an index tensor selects first, so it does not move the indexed dimensions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.grad_mode import mode
from nptorch.ops.add_at import add_at
from nptorch.ops.pointwise import zeros_of
from nptorch.ops.promotion import number
from nptorch.ops.registry import check_writable, op, quiet
from nptorch.ops.shape import reshape, slice_op
from nptorch.ops.signatures import function, method, not_a_tensor
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


def _own(index: tuple[Any, ...], *inputs: Tensor) -> tuple[Any, ...]:
    """An index for the gradients of `inputs`: the user's arrays may change before they are computed."""
    for x in inputs:
        if mode.grad and x.requires_grad:
            return tuple([i.copy() if i.__class__ is np.ndarray else i for i in index])
    return index


def pick(x: Tensor, index: tuple[Any, ...]) -> Tensor:
    """x[index]."""
    return index_op(x, index=_own(index, x))


def place(x: Tensor, value: Tensor, index: tuple[Any, ...], *, accumulate: bool) -> Tensor:
    """A copy of x with `value` written (or added) where the index says."""
    return index_put_op(x, value, index=_own(index, x, value), accumulate=accumulate)


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


def parse_index(x: Tensor, index: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
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
    basic, advanced = parse_index(self, index)
    x = self if basic is None else slice_op(self, index=basic)
    return x if advanced is None else pick(x, advanced)


@method("__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """self[index] = value, broadcast, in place.

    Raises: RuntimeError if the value does not fit there.
    """
    basic, advanced = parse_index(self, index)
    if not isinstance(value, Tensor):
        value = from_array(np.asarray(value) if isinstance(value, np.ndarray) else number(value, self._array.dtype))
    x = self if basic is None else slice_op(self, index=basic)
    if advanced is None:
        copy_(x, value)
        return
    put(x, advanced, value, accumulate=False)


def put(x: Tensor, index: Any, value: Tensor, *, accumulate: bool) -> Tensor:
    """Write (or add) `value` where the index says, in place."""
    value = value if value._array.dtype == x._array.dtype else value.to(x.dtype)
    if value._array.ndim:
        _check_fits(x._array[index].shape, value._array.shape)
    if mode.grad and (x.requires_grad or value.requires_grad):
        return index_put_op.into(x, x, value, index=_own(index, x, value), accumulate=accumulate)
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
    basic, advanced = parse_index(self, tuple(indices))
    x = self if basic is None else slice_op(self, index=basic)
    put(x, advanced, values, accumulate=accumulate)
    return self
