"""Helpers of the layers' constructors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def ntuple(name: str, value: Any, n: int) -> tuple[Any, ...]:
    """An argument that may be one number or one for each of n dimensions, as a tuple.

    Raises: ValueError if it has another length.
    """
    if not isinstance(value, Iterable) or isinstance(value, str):
        return (value,) * n
    values = tuple(value)
    if len(values) != n:
        raise ValueError(f"{name} must be one number or {n} of them, got {value!r}")
    return values


def _ntuple(n: int) -> Callable[[Any], tuple[Any, ...]]:
    """PyTorch's spelling, which scripts with layers of their own import."""
    return lambda value: ntuple("value", value, n)


_single, _pair, _triple, _quadruple = map(_ntuple, (1, 2, 3, 4))
