"""Adding to picked places of an array, where a place may be picked many times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.kernels.native import kernel

_native_add_rows = kernel("add_rows")
# Two neighbours as one complex number, whose parts are added each by itself.
_PAIRS: dict[Any, Any] = {np.dtype(np.float32): np.complex64, np.dtype(np.float64): np.complex128}


def add_at(out: Any, index: tuple[Any, ...], values: Any) -> None:
    """out[index] += values, all of them where places repeat; the index holds arrays and slices of whole dimensions.

    As np.add.at, several times faster: that one is quick only with a vector of places.
    """
    picked = [d for d, i in enumerate(index) if not isinstance(i, slice)]
    first, last = picked[0], picked[-1] + 1
    if len(picked) == 1 and index[first].dtype == bool:  # a mask picks nothing twice
        out[index] += values
        return
    if len(picked) < last - first or not out.flags.c_contiguous:
        np.add.at(out, index, values)
        return
    ahead, among, behind = (math.prod(out.shape[s]) for s in (slice(first), slice(first, last), slice(last, None)))
    numbers = np.ravel_multi_index(index[first:last], out.shape[first:last], mode="wrap")
    rows = np.broadcast_to(values, out.shape[:first] + numbers.shape + out.shape[last:])
    rows, numbers = rows.reshape(ahead, numbers.size, behind), numbers.reshape(-1)
    if _native_add_rows(out.reshape(ahead, among, behind), rows, numbers) is not NotImplemented:
        return
    if values.size < 1000:  # all of what follows takes longer
        np.add.at(out, index, values)
        return
    if behind > 64 and np.unique(numbers).size == numbers.size:
        out.reshape(ahead, among, behind)[:, numbers] += rows
        return
    flat, added = out.reshape(-1), np.ascontiguousarray(rows).reshape(-1)
    pair = _PAIRS.get(out.dtype)
    if pair and behind % 2 == 0:
        flat, added, behind = flat.view(pair), added.view(pair), behind // 2
    places = (np.arange(ahead)[:, None] * among + numbers)[..., None] * behind + np.arange(behind)
    np.add.at(flat, places.reshape(-1), added)
