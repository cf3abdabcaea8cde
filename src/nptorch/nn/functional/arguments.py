"""What the functions of this package accept as arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

from nptorch.ops.signatures import check_tensors as check_tensors

F = TypeVar("F", bound=Callable[..., Any])


def remembered(f: F) -> F:
    """`f` of shapes and settings alone, which are the same at every training step: what it gave is kept, its errors are not."""
    kept = lru_cache(maxsize=1024, typed=True)(f)

    @wraps(f)
    def call(*arguments: Any) -> Any:
        try:
            return kept(*arguments)
        except TypeError:  # a list is among them
            return f(*arguments)

    return call  # type: ignore[return-value]


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
