"""Which implementation serves an op: native code if it was built and the case fits, else the reference beside the op."""

from __future__ import annotations

import os
from typing import Any

from nptorch.kernels import native
from nptorch.kernels.native import get_num_threads, memory_stats, release_memory, set_num_threads

__all__ = ["description", "get_num_threads", "install", "memory_stats", "release_memory", "set_num_threads"]

ADVICE = "none native: the NumPy reference serves; with a C++ compiler, `pip install --force-reinstall nptorch-core` builds faster ones"


def install(table: dict[str, Any]) -> None:
    """Give the ops their native kernels; the environment's NPTORCH_NATIVE=0 leaves the reference in charge."""
    if os.environ.get("NPTORCH_NATIVE") == "0":
        return
    for name, kernel in native.KERNELS.items():
        if name in table:
            table[name].native = kernel
            table[name].native_takes_out = "out" in (kernel.__kwdefaults__ or {})


def description() -> str:
    """One line for people: what computes here."""
    return f"native, {native.ISA}" if native.AVAILABLE else ADVICE
