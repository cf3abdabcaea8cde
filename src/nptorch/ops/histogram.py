"""Counting values: by themselves, in intervals, in cells of several dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.add_at import add_at
from nptorch.ops.create import spaced
from nptorch.ops.signatures import function, result, takes_out
from nptorch.tensor import Tensor, from_array


@function()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights."""
    if input._array.dtype.kind not in "iu" or input._array.ndim != 1 or (input._array < 0).any():
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return from_array(np.bincount(input._array, None, minlength))
    total = np.bincount(input._array, weights._array, minlength)
    return from_array(total.astype(weights._array.dtype) if weights._array.dtype == np.float32 else total)


@function()
@takes_out
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The number of elements in each of `bins` equal intervals of [min, max] (of the data if both are 0)."""
    x = input._array
    low, high = (float(x.min()), float(x.max())) if min == max == 0 and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    return from_array(np.histogram(x, bins, (low, high))[0].astype(x.dtype))


def _edges(low: float, high: float, bins: int, dtype: Any) -> Any:
    if low == high:  # room for the one value
        low, high = low - 0.5, high + 0.5
    return spaced(low, high, bins + 1, dtype)


def _counts(points: Any, edges: list[Any], weight: Tensor | None, density: bool) -> Any:
    """How many rows of `points` lie in each cell between the edges; the last cell takes its upper edge too."""
    cells = tuple(len(e) - 1 for e in edges)
    at = [np.searchsorted(e, p, "right") - 1 for e, p in zip(edges, points.T, strict=True)]
    inside = np.ones(len(points), bool)
    for k, (e, p) in enumerate(zip(edges, points.T, strict=True)):
        inside &= (p >= e[0]) & (p <= e[-1])
        at[k] = np.where(p == e[-1], cells[k] - 1, at[k])
    found = np.zeros(cells, points.dtype)
    weights = np.ones(len(points), points.dtype) if weight is None else weight._array.reshape(-1)
    add_at(found, tuple(a[inside] for a in at), weights[inside])
    if density:
        found /= found.sum()
        for k, e in enumerate(edges):
            found /= np.diff(e).reshape([-1 if i == k else 1 for i in range(len(cells))])
    return found


def _all_edges(name: str, points: Any, bins: Any, range: Any) -> list[Any]:
    dims = points.shape[1]
    bins = [bins] * dims if isinstance(bins, int) else bins
    if len(bins) != dims:
        raise RuntimeError(
            f"{name}(): expected {dims} sequences of bin edges for the innermost dimension, got {len(bins)}"
        )
    if isinstance(bins[0], Tensor):
        return [b._array for b in bins]
    if range is not None:
        limits = np.asarray(range, np.float64).reshape(dims, 2)
    elif len(points):
        limits = np.stack([points.min(0), points.max(0)], 1)
    else:
        limits = np.tile([0.0, 1.0], (dims, 1))
    return [_edges(low, high, n, points.dtype) for (low, high), n in zip(limits, bins, strict=True)]


@function()
def histogram(
    input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> Any:
    """(hist, bin_edges) of all elements in equal intervals of `range`, or between given edges
    (https://pytorch.org/docs/stable/generated/torch.histogram.html)."""
    points = input._array.reshape(-1, 1)
    edges = _all_edges("histogram", points, [bins], range)
    hist = _counts(points, edges, weight, density)
    return result("histogram", hist=from_array(hist), bin_edges=from_array(edges[0]))


@function(method=False)
def histogramdd(
    input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> Any:
    """(hist, bin_edges) of the points (..., D) in cells of D dimensions, with a tuple of edges
    (https://pytorch.org/docs/stable/generated/torch.histogramdd.html)."""
    points = input._array.reshape(-1, input._array.shape[-1])
    edges = _all_edges("histogramdd", points, bins, range)
    hist = _counts(points, edges, weight, density)
    return result("histogramdd", hist=from_array(hist), bin_edges=tuple(map(from_array, edges)))
