"""Order and counting: sorting, the k largest, distinct values, quantiles."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from nptorch.kernels.native import kernel
from nptorch.ops.compare import lerp
from nptorch.ops.extremes import along, take_along
from nptorch.ops.pointwise import where
from nptorch.ops.shape import clone_op, flatten, movedim, reshape
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, result, shown_as, takes_out
from nptorch.tensor import Tensor, from_array

_PLACE = (1 << 32) - 1
_FEW = 2048  # so few elements are sorted before a key is made of each


def _keys(x: Any, d: int, descending: bool = False) -> Any:
    """Integers in the order of the elements of each line along d, which becomes the last dimension: what decides it, and in
    the 32 bits below, the place in the line. None where 32 bits do not decide it, or where there is little to sort.

    No two of them are equal, so that NumPy's fastest sorting and selecting, which is not stable, serves.
    """
    kind, size = x.dtype.kind, x.dtype.itemsize
    if x.size < _FEW or kind not in "fiub" or (kind == "f" and size > 4):
        return None
    x = np.moveaxis(x, d, -1)
    if kind == "f":
        x = np.add(x, 0, dtype=np.float32, order="C")  # -0 becomes 0
        order = x.view(np.int32)
        nan = np.isnan(x)
        order ^= (order >> 31) & 0x7FFFFFFF  # below zero, larger bits are smaller numbers
        np.copyto(order, 0x7FFFFFFF, where=nan)
    else:
        low = x.min()
        if int(x.max()) - int(low) >> 31:
            return None
        order = np.subtract(x, low, dtype=np.int64)
    keys = np.array(order, np.int64, order="C")
    if descending:
        keys = ~keys
    keys <<= 32
    keys |= np.arange(x.shape[-1])
    return keys


def _in_16_bits(x: Any, d: int) -> Any:
    """Integers of a small range, along long lines, as 16 bits: NumPy's stable sort takes those by radix. Else None."""
    if x.dtype.kind not in "iu" or x.shape[d] < 1024:
        return None
    low = x.min()
    return None if int(x.max()) - int(low) >> 16 else x.astype(np.uint16) - low.astype(np.uint16)


def _order_along(x: Any, d: int, descending: bool = False) -> Any:
    if (short := _in_16_bits(x, d)) is not None:
        x = short
    elif (keys := _keys(x, d, descending)) is not None:
        keys.sort(-1)
        keys &= _PLACE
        return np.moveaxis(keys, -1, d)
    if not descending:
        return np.argsort(x, d, kind="stable")
    # Stable and descending: sort the reversed line, then turn the positions around.
    turned = (slice(None),) * (d % x.ndim) + (slice(None, None, -1),)
    return (x.shape[d] - 1 - np.argsort(x[turned], d, kind="stable"))[turned]


def _place_of_rank(x: Any, d: int, rank: int) -> Any:
    """Where the element of this rank stands in each line along d, equal ones ranked by their places."""
    keys = _keys(x, d)
    if keys is None:
        return np.argsort(x, d, kind="stable").take(rank, d)
    keys.partition(rank, -1)
    return keys[..., rank] & _PLACE


@function()
@takes_out
@shown_as("SortBackward0")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """(values, indices) in order along `dim`; equal elements keep their order."""
    if input._array.ndim == 0:
        return result("sort", values=clone_op(input), indices=from_array(np.zeros((), np.int64)))
    d = parse_axis("sort", dim, input._array.ndim)
    indices = from_array(np.ascontiguousarray(_order_along(input._array, d, descending), np.int64))
    return result("sort", values=take_along(input, indices, axis=d), indices=indices)


@function()
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along `dim`."""
    return sort(input, dim, descending).indices


@function()
@takes_out
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0).values


def _foremost(x: Any, k: int, largest: bool) -> Any:
    """Where the k largest (or smallest) elements of each last line stand, in no order; NaN is the largest of all."""
    n = x.shape[-1]
    rows = math.isqrt(n // k)
    if rows < 4:
        return np.argpartition(x, n - k, -1)[..., n - k :] if largest else np.argpartition(x, k - 1, -1)[..., :k]
    # Of the line as a matrix, only the k columns with the best extremes can hold what is looked for; and what is left over.
    columns = n // rows
    matrix = x[..., : rows * columns].reshape(*x.shape[:-1], rows, columns)
    best = _foremost(np.maximum.reduce(matrix, -2) if largest else np.fmin.reduce(matrix, -2), k, largest)
    inside = (best[..., None] + np.arange(rows) * columns).reshape(*x.shape[:-1], -1)
    left_over = np.broadcast_to(np.arange(rows * columns, n), (*x.shape[:-1], n - rows * columns))
    places = np.concatenate((inside, left_over), -1)
    chosen = _foremost(np.take_along_axis(x, places, -1), k, largest)
    return np.take_along_axis(places, chosen, -1)


_native_topk = kernel("topk_places")


def _order_of_foremost(x: Any, d: int, k: int, largest: bool) -> Any:
    if k == 0 or not x.size:
        return np.zeros(x.shape[:d] + (k,) + x.shape[d + 1 :], np.int64)
    lines = x.swapaxes(d, -1)
    places = _native_topk(lines, k, largest)
    if places is not NotImplemented:
        return places.swapaxes(d, -1)
    if x.size < _FEW:
        return _order_along(x, d, largest)[(slice(None),) * d + (slice(k),)]
    places = np.sort(_foremost(lines, k, largest), -1)  # equal elements in their order
    order = _order_along(np.take_along_axis(lines, places, -1), -1, largest)
    return np.take_along_axis(places, order, -1).swapaxes(d, -1)


@function()
@takes_out
@shown_as("TopkBackward0")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices) of the k largest (or smallest) elements along `dim`.

    Raises: RuntimeError if there are fewer.
    """
    if input._array.ndim == 0 and k in (0, 1):
        return sort(input, dim)
    x = input
    d = parse_axis("topk", dim, x._array.ndim)
    if not 0 <= k <= x._array.shape[d]:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has {x._array.shape[d]} elements")
    indices = from_array(np.ascontiguousarray(_order_of_foremost(x._array, d, operator.index(k), largest), np.int64))
    return result("topk", values=take_along(x, indices, axis=d), indices=indices)


@function()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), in order, with inverse indices and counts if asked for."""
    x = input._array
    if dim is not None:
        found = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
        return _distinct(*found, return_inverse, return_counts)
    flat = x.reshape(-1)
    order = _order_along(flat, 0)
    values, run, counts = _runs(flat[order], 0)
    inverse = np.empty_like(run)
    inverse[order] = run
    return _distinct(values, inverse.reshape(x.shape), counts, return_inverse, return_counts)


def _runs(x: Any, d: int) -> tuple[Any, Any, Any]:
    """The slices of x along d without repeats of the one before, the number of the run that each is of, and their lengths."""
    lines = np.moveaxis(x, d, 0)
    n = len(lines)
    new = np.ones(n, bool)
    new[1:] = (lines[1:] != lines[:-1]).any(tuple(range(1, x.ndim)))
    starts = np.flatnonzero(new)
    return np.ascontiguousarray(x[(slice(None),) * d + (new,)]), np.cumsum(new) - 1, np.diff(starts, append=n)


def _distinct(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    wanted = [values] + [inverse] * return_inverse + [counts] * return_counts
    found = tuple(map(from_array, wanted))
    return found if len(found) > 1 else found[0]


@function()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The flattened elements (or slices along `dim`) without repeats of the one before."""
    x = input._array.reshape(-1) if dim is None or input._array.ndim == 0 else input._array
    d = 0 if dim is None else parse_axis("unique_consecutive", dim, input._array.ndim)
    values, inverse, counts = _runs(x, d)
    inverse = inverse if dim is not None else inverse.reshape(input._array.shape)
    return _distinct(values, inverse, counts, return_inverse, return_counts)


def _quantile(
    name: str, input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nan: bool = False
) -> Tensor:
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    x = reshape(input, -1) if dim is None or input._array.ndim == 0 else input
    d = 0 if dim is None else parse_axis(name, dim, input._array.ndim)
    ordered = sort(x, d).values  # NaN last
    n, dtype = ordered._array.shape[d], ordered._array.dtype
    if not x._array.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    wanted = q if isinstance(q, Tensor) else from_array(np.asarray(q, dtype))
    if not ((wanted._array >= 0) & (wanted._array <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    present = (~np.isnan(ordered._array)).sum(d, keepdims=True)
    along_d = reshape(wanted, [-1 if i == d else 1 for i in range(x._array.ndim)])
    if skip_nan:
        rank = along_d * from_array(np.maximum(present - 1, 0).astype(dtype))
    else:  # a NaN is every quantile
        rank = where(from_array(present < n), float(n - 1), along_d * (n - 1))
    places = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}.get(interpolation, np.asarray)(rank._array)
    below = np.floor(places)
    y = take_along(ordered, from_array(below.astype(np.int64)), axis=d)
    if interpolation in ("linear", "midpoint"):
        above = take_along(ordered, from_array(np.ceil(places).astype(np.int64)), axis=d)
        y = lerp(y, above, rank - from_array(below) if interpolation == "linear" else 0.5)
    y = movedim(y, d, 0) if wanted._array.ndim else y
    lines = (1,) * input._array.ndim if dim is None else tuple(1 if i == d else m for i, m in enumerate(input.shape))
    lines = lines if keepdim else () if dim is None else tuple(m for i, m in enumerate(input.shape) if i != d)
    return reshape(y, wanted._array.shape + lines)


@function()
@takes_out
def quantile(input: Tensor, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """The q-th quantiles along `dim`, or of all elements.

    Raises: RuntimeError for a q outside [0, 1].
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@function()
@takes_out
def nanquantile(
    input: Tensor, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """quantile() of what is not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, skip_nan=True)


def _middle(x: Any, d: int) -> Any:
    middle = _place_of_rank(x, d, (x.shape[d] - 1) // 2)
    if x.dtype.kind == "f" and (nan := np.isnan(x)).any():  # a NaN is the median
        middle = np.where(nan.any(d), nan.argmax(d), middle)
    return middle


def _no_middle(input: Tensor) -> Tensor:
    return from_array(np.full((), np.nan if input._array.dtype.kind == "f" else 0).astype(input._array.dtype))


@function()
@shown_as("MedianBackward0")
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median of all elements; with `dim`, (values, indices) along it."""
    if dim is None:
        return along("median", flatten(input), 0, False, _middle)[0] if input._array.size else _no_middle(input)
    values, indices = along("median", input, dim, keepdim, _middle)
    return result("median", values=values, indices=indices)


def _nan_middle(x: Any, d: int) -> Any:
    present = (~np.isnan(x)).sum(d, keepdims=True)
    if (present == x.shape[d]).all():
        return _place_of_rank(x, d, (x.shape[d] - 1) // 2)
    middle = np.maximum(present - 1, 0) // 2
    return np.take_along_axis(_order_along(x, d), middle, d).squeeze(d)


@function()
def nanmedian(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """median() of what is not NaN."""
    if dim is None:
        return along("nanmedian", flatten(input), 0, False, _nan_middle)[0] if input._array.size else _no_middle(input)
    values, indices = along("nanmedian", input, dim, keepdim, _nan_middle)
    return result("nanmedian", values=values, indices=indices)


def _most_frequent(x: Any, d: int) -> Any:
    """Where the last of the most frequent elements of each line along d stands, of the smallest of equally frequent ones."""
    lines = np.moveaxis(x, d, -1)
    if not x.size:
        return np.zeros(lines.shape[:-1], np.int64)
    ordered, places = np.sort(lines, -1), np.arange(x.shape[d])
    after, before = ordered[..., 1:], ordered[..., :-1]
    starts = np.zeros(lines.shape, np.int64)
    starts[..., 1:] = np.where((after != before) & ((after == after) | (before == before)), places[1:], 0)
    # The length of the run so far is largest at the end of the longest run.
    end = (places - np.maximum.accumulate(starts, -1)).argmax(-1, keepdims=True)
    value = np.take_along_axis(ordered, end, -1)
    return x.shape[d] - 1 - _equal(lines, value)[..., ::-1].argmax(-1)


def _equal(x: Any, value: Any) -> Any:
    """Where x is `value`; NaN is NaN here."""
    same = x == value
    return same if (value == value).all() else same | ((x != x) & (value != value))


@function()
@takes_out
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along `dim` (the smallest of equals), and an index of it."""
    values, indices = along("mode", input, dim, keepdim, _most_frequent)
    return result("mode", values=values, indices=indices)


def _selected(ranks: list[int], k: int) -> int:
    """Which of equal elements quickselect with the median of three as its pivot (Press et al., Numerical Recipes, 8.5) ends on."""
    at = list(range(len(ranks)))
    low, high = 0, len(ranks) - 1

    def exchange(i: int, j: int) -> None:
        ranks[i], ranks[j], at[i], at[j] = ranks[j], ranks[i], at[j], at[i]

    while high > low + 1:
        exchange(low + (high - low) // 2, low + 1)
        for i, j in ((low + 1, high), (low, high), (low + 1, low)):
            if ranks[i] > ranks[j]:
                exchange(i, j)
        i, j, pivot = low + 2, high - 1, ranks[low]
        while True:
            while ranks[i] < pivot:
                i += 1
            while ranks[j] > pivot:
                j -= 1
            if j < i:
                break
            exchange(i, j)
            i, j = i + 1, j - 1
        exchange(low, j)
        low, high = (i if j <= k else low), (j - 1 if j >= k else high)
    if high == low + 1 and ranks[low] > ranks[high]:
        exchange(low, high)
    return at[k]


def _kth(x: Any, d: int, k: int) -> Any:
    found = np.array(_place_of_rank(x, d, k))
    value = np.take_along_axis(x, np.expand_dims(found, d), d)
    same = _equal(x, value)
    if np.count_nonzero(same) == found.size:
        return found
    for line in map(tuple, np.argwhere(same.sum(d) > 1)):  # PyTorch's choice, since the gradient goes there
        _, ranks = np.unique(x[(*line[:d], slice(None), *line[d:])], return_inverse=True)
        found[line] = _selected(ranks.tolist(), k)
    return found


@function()
@takes_out(apart=True)
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (k counts from 1), and its index."""
    n = input._array.shape[parse_axis("kthvalue", dim, input._array.ndim)] if input._array.ndim else 1
    if n and not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: k is {k}, the size {n}")
    values, indices = along("kthvalue", input, dim, keepdim, lambda x, d: _kth(x, d, k - 1))
    return result("kthvalue", values=values, indices=indices)
