"""What scripts ask CUDA for: there is none here, and these functions say so (https://pytorch.org/docs/stable/cuda.html)."""

from __future__ import annotations

from typing import Any, NoReturn

from nptorch import amp as amp
from nptorch.errors import OutOfMemoryError as OutOfMemoryError


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepted: there is no GPU whose numbers could be seeded."""


manual_seed_all = manual_seed


def seed_all() -> None:
    """Accepted, as manual_seed."""


def synchronize(device: Any = None) -> None:
    """Nothing runs behind the program's back."""


def empty_cache() -> None:
    """Accepted: there is no GPU memory."""


ipc_collect = reset_peak_memory_stats = reset_max_memory_allocated = empty_cache


def memory_allocated(device: Any = None) -> int:
    """0 bytes."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = memory_allocated


def _missing(*args: Any, **kwargs: Any) -> NoReturn:
    raise RuntimeError("there is no CUDA here: nptorch computes on the CPU; choose the device by cuda.is_available()")


get_device_name = get_device_properties = get_device_capability = current_device = set_device = device = _missing
Stream = Event = current_stream = stream = mem_get_info = _missing
