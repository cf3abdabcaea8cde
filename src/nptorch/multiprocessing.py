"""Python's multiprocessing under PyTorch's name; tensors are sent as copies (https://pytorch.org/docs/stable/multiprocessing.html)."""

from __future__ import annotations

from multiprocessing import *  # noqa: F403
from multiprocessing import get_context
from typing import Any


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: tensors are sent as copies."""


def get_sharing_strategy() -> str:
    """'file_descriptor'."""
    return "file_descriptor"


def spawn(fn: Any, args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn") -> Any:  # fmt: skip
    """Run fn(i, *args) in nprocs processes.

    Raises: RuntimeError if one of them fails.
    """
    context = get_context(start_method)
    processes: list[Any] = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]  # type: ignore[attr-defined]
    for process in processes:
        process.start()
    if not join:
        return processes
    for i, process in enumerate(processes):
        process.join()
        if process.exitcode:
            raise RuntimeError(f"process {i} ended with exit code {process.exitcode}")
    return None
