"""Order and counting: sorting, the k largest, distinct values, histograms, quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.reduce import _along, take_along
from nptorch.ops.shape import flatten, movedim, reshape, squeeze_op
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, result
from nptorch.tensor import Tensor, from_array


def _order_along(x: Any, d: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, d, kind="stable")
    # Stable and descending: sort the reversed line, then turn the positions around.
    n = x.shape[d]
    return np.flip(n - 1 - np.argsort(np.flip(x, d), d, kind="stable"), d)


@function()
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """(values, indices) in order along `dim`; equal elements keep their order."""
    if input._array.ndim == 0:
        return result("sort", values=input * 1, indices=from_array(np.zeros((), np.int64)))
    d = parse_axis("sort", dim, input._array.ndim)
    indices = from_array(np.ascontiguousarray(_order_along(input._array, d, descending), np.int64))
    return result("sort", values=take_along(input, indices, axis=d), indices=indices)


@function()
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along `dim`."""
    return sort(input, dim, descending).indices


@function()
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0).values


@function()
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices) of the k largest (or smallest) elements along `dim`.

    Raises: RuntimeError if there are fewer.
    """
    x = reshape(input, 1) if input._array.ndim == 0 else input
    d = parse_axis("topk", dim, x._array.ndim)
    if not 0 <= k <= x._array.shape[d]:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has {x._array.shape[d]} elements")
    order = _order_along(x._array, d, largest)[(slice(None),) * d + (slice(0, k),)]
    indices = from_array(np.ascontiguousarray(order, np.int64))
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
    found = np.unique(input._array, return_inverse=True, return_counts=True, axis=dim)
    values, inverse, counts = (
        from_array(found[0]),
        from_array(np.asarray(found[1], np.int64)),
        from_array(np.asarray(found[2], np.int64)),
    )
    wanted = [values] + [inverse] * return_inverse + [counts] * return_counts
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


@function()
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The flattened elements without repeats of the one before."""
    x = input._array.reshape(-1)
    new = np.concatenate([[True], x[1:] != x[:-1]]) if x.size else np.zeros(0, bool)
    starts = np.flatnonzero(new)
    values = from_array(x[new])
    inverse = from_array((np.cumsum(new) - 1).reshape(input._array.shape))
    counts = from_array(np.diff(np.append(starts, x.size)).astype(np.int64))
    wanted = [values] + [inverse] * return_inverse + [counts] * return_counts
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


@function()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights."""
    if input._array.dtype.kind not in "iu" or input._array.ndim != 1 or (input._array < 0).any():
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    return from_array(np.bincount(input._array, None if weights is None else weights._array, minlength))


@function()
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The number of elements in each of `bins` equal intervals of [min, max] (of the data if both are 0)."""
    x = input._array
    low, high = (float(x.min()), float(x.max())) if min == max == 0 and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    return from_array(np.histogram(x, bins, (low, high))[0].astype(x.dtype))


def _quantile(input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str) -> Tensor:
    x = flatten(input) if dim is None else input
    d = 0 if dim is None else parse_axis("quantile", dim, x._array.ndim)
    ordered = sort(x, d).values
    n = ordered._array.shape[d]
    at = np.asarray(q._array if isinstance(q, Tensor) else q, np.float64) * (n - 1)
    if ((at < 0) | (at > n - 1)).any():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    low, high = np.floor(at), np.ceil(at)
    weight = {
        "linear": at - low,
        "lower": 0 * at,
        "higher": 0 * at + 1,
        "midpoint": 0 * at + 0.5,
        "nearest": np.round(at) - low,
    }[interpolation]

    def pick(where: Any) -> Tensor:
        shape = [1] * ordered._array.ndim
        shape[d] = where.size
        return take_along(
            ordered,
            from_array(
                np.broadcast_to(
                    where.astype(np.int64).reshape(shape),
                    [where.size if i == d else m for i, m in enumerate(ordered._array.shape)],
                )
            ),
            axis=d,
        )

    w = from_array(
        weight.astype(ordered._array.dtype).reshape([-1 if i == d else 1 for i in range(ordered._array.ndim)])
    )
    y = pick(low) + (pick(high) - pick(low)) * w
    y = reshape(y, [1] * input._array.ndim) if dim is None and keepdim and at.ndim == 0 else y
    if at.ndim == 0:
        return y if keepdim else squeeze_op(y, dims=(d,))
    return movedim(y, d, 0)


@function()
def quantile(input: Tensor, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """The q-th quantiles along `dim`, or of all elements."""
    return _quantile(input, q, dim, keepdim, interpolation)


def _middle(x: Any, d: int) -> Any:
    order = np.argsort(x, d, kind="stable")
    middle = np.take(order, (x.shape[d] - 1) // 2, d)
    if x.dtype.kind == "f":  # a NaN is the median
        middle = np.where(np.isnan(x).any(d), np.isnan(x).argmax(d), middle)
    return middle


@function()
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median of all elements; with `dim`, (values, indices) along it."""
    if dim is None:
        return _along("median", flatten(input), 0, False, _middle)[0]
    values, indices = _along("median", input, dim, keepdim, _middle)
    return result("median", values=values, indices=indices)


@function()
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along `dim` (the smallest of equals), and an index of it."""

    def pick(x: Any, d: int) -> Any:
        def last_of(line: Any) -> int:
            found, counts = np.unique(line, return_counts=True)
            return int(np.flatnonzero(line == found[counts.argmax()])[-1])

        return np.apply_along_axis(last_of, d, x)

    values, indices = _along("mode", input, dim, keepdim, pick)
    return result("mode", values=values, indices=indices)


@function()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (k counts from 1), and its index."""
    n = input._array.shape[parse_axis("kthvalue", dim, input._array.ndim)] if input._array.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: k is {k}, the size {n}")
    values, indices = _along(
        "kthvalue", input, dim, keepdim, lambda x, d: np.take(np.argsort(x, d, kind="stable"), k - 1, d)
    )
    return result("kthvalue", values=values, indices=indices)
