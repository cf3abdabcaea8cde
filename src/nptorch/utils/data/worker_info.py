"""What a DataLoader's worker process knows about itself."""

from __future__ import annotations

from typing import Any, NamedTuple


class WorkerInfo(NamedTuple):
    """A worker's number of num_workers, the seed of its random numbers, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of this worker process, or None in the main process."""
    return _info


def announce(info: WorkerInfo) -> None:
    """Make get_worker_info() tell of this process."""
    global _info
    _info = info
