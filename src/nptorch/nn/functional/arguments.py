"""What the functions of this package accept as arguments."""

from __future__ import annotations

from typing import Any

from nptorch.ops.signatures import check_tensors as check_tensors


def ntuple(value: Any, n: int, name: str) -> tuple[int, ...]:
    """A number for each of n dimensions, given as one for all or as a sequence.

    Raises: RuntimeError if there are neither 1 nor n of them.
    """
    if isinstance(value, int):
        return (value,) * n
    found = tuple(int(v) for v in value)
    if len(found) == 1:
        return found * n
    if len(found) != n:
        raise RuntimeError(f"{name}: expected a number or {n} numbers, got {list(found)}")
    return found
