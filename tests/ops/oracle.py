"""What a library says of a sample: value, gradients and second gradients, as (shape, dtype name, numbers)."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from tests.ops.sampling import Sample


def results(T: Any, s: Sample, dtype: Any = np.float64) -> list[tuple[list[int], str, Any]]:
    """The same list whichever library T is."""
    tensors = s.tensors(T, dtype)
    y = s.call(T, *tensors)
    parts = [_part(y)]
    wanted = [t for t in tensors if t.requires_grad]
    if not wanted or not y.requires_grad:
        return parts
    rng = np.random.default_rng(zlib.crc32(s.name.encode()) + 1)
    weights = T.tensor(rng.normal(size=tuple(y.shape)).astype(str(y.dtype).split(".")[1]))
    first = T.autograd.grad((y * weights).sum(), wanted, create_graph=True, allow_unused=True)
    parts += [_part(_zeros(T, t) if g is None else g) for t, g in zip(wanted, first, strict=True)]
    curved = [g for g in first if g is not None and g.requires_grad]
    # A number of the first gradients in which every element of them counts.
    total = sum(((g + 0.5) ** 2).sum() for g in curved) if curved else None
    second = [None] * len(wanted) if total is None else T.autograd.grad(total, wanted, allow_unused=True)
    return parts + [_part(_zeros(T, t) if g is None else g) for t, g in zip(wanted, second, strict=True)]


def _zeros(T: Any, t: Any) -> Any:
    return T.zeros(tuple(t.shape), dtype=t.dtype)


def _part(t: Any) -> tuple[list[int], str, Any]:
    t = t.detach()
    return list(t.shape), str(t.dtype).split(".")[1], np.asarray(t.numpy(force=True)).astype(np.float64)
