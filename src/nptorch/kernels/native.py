"""The native kernels: the functions of the extension, each with the signature of the reference that it stands for.

Each takes the cases it is fast at and returns NotImplemented for what the reference has to serve: another dtype,
mixed dtypes, empty arrays, an axis it does not know. Arrays that do not lie in C order are copied. Without the extension
(no compiler at installation) AVAILABLE is False, and no kernel takes any case.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

try:
    extension: Any = import_module("nptorch._native")
except ModuleNotFoundError:  # any other ImportError, such as an unknown NPTORCH_ISA, is the user's to see
    extension = None

Array = np.ndarray[Any, Any]

AVAILABLE = extension is not None
IN_USE = AVAILABLE and os.environ.get("NPTORCH_NATIVE") != "0"
ISA: str | None = extension.isa() if AVAILABLE else None


def kernel(name: str) -> Callable[..., Any]:
    """The native function of this name; without the extension, or with NPTORCH_NATIVE=0, one that declines."""
    return getattr(extension, name) if IN_USE else _declines


def _declines(*_: Any, **__: Any) -> Any:
    return NotImplemented


_add = kernel("add")


def accumulate(total: Array, x: Array) -> None:
    """total += x for arrays of one shape: a gradient that arrives again."""
    if _add(total, x, total) is NotImplemented:
        np.add(total, x, out=total)


# --- threads and memory ---


def get_num_threads() -> int:
    """How many threads a kernel may use; 1 without the extension."""
    return extension.get_num_threads() if AVAILABLE else 1


def set_num_threads(count: int) -> None:
    """Let a kernel use this many threads.

    Raises: ValueError if it is less than 1 or more than 1024.
    """
    if AVAILABLE:
        extension.set_num_threads(count)


def release_memory() -> int:
    """Give the memory that is kept for reuse back to the system; returns its bytes."""
    return extension.release_memory() if AVAILABLE else 0


def memory_stats() -> dict[str, int]:
    """Bytes live, kept, and kept at most (limit); allocations reused and fresh. Empty without the extension."""
    return extension.memory_stats() if AVAILABLE else {}


def use_cached_memory() -> None:
    """Let NumPy arrays made in the current context (contextvars) use memory that is kept for reuse.

    Importing this module does so for the importing thread; a new thread or an empty Context needs this call, or one
    native kernel.
    """
    if AVAILABLE:
        extension.use_cached_memory()
