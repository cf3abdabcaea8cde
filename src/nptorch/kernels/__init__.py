"""Which implementation serves an op: native code if it was built and the case fits, else the reference beside the op."""

from __future__ import annotations

from typing import Any

from nptorch.kernels import native
from nptorch.kernels.native import get_num_threads, memory_stats, release_memory, set_num_threads

__all__ = ["description", "get_num_threads", "install", "memory_stats", "release_memory", "set_num_threads"]

ADVICE = "none native: the NumPy reference serves; with a C++ compiler, `pip install --force-reinstall nptorch-core` builds faster ones"


_TAKES_OUT = {"add", "sub", "mul", "div", "relu"}  # kernels that can write into a given array


def install(table: dict[str, Any]) -> None:
    """Give each op the native kernel of its name; the environment's NPTORCH_NATIVE=0 leaves the reference in charge."""
    if not native.IN_USE:
        return
    for name, op in table.items():
        op.native = getattr(native.extension, name, None)
        op.native_takes_out = op.native is not None and name in _TAKES_OUT


def description() -> str:
    """One line for people: what computes here."""
    return f"native, {native.ISA}" if native.AVAILABLE else ADVICE
