"""Training in several processes: not here, and scripts that ask are told so (https://pytorch.org/docs/stable/distributed.html)."""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    """False."""
    return False


is_initialized = is_nccl_available = is_gloo_available = is_mpi_available = is_torchelastic_launched = is_available


def get_rank(group: Any = None) -> int:
    """0: there is one process."""
    return 0


def get_world_size(group: Any = None) -> int:
    """1: there is one process."""
    return 1


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> None:
    """There is nobody to wait for."""


def destroy_process_group(group: Any = None) -> None:
    """Accepted: there is no group."""


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Not supported.

    Raises: RuntimeError that says what to do instead.
    """
    raise RuntimeError(
        "nptorch trains in one process, on all cores; skip init_process_group() if distributed.is_available() is False"
    )
