"""Helpers of the layers' constructors."""

from __future__ import annotations

from collections.abc import Iterable
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
