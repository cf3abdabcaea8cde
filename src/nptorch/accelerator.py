"""The accelerator of this machine: there is none (https://pytorch.org/docs/stable/accelerator.html)."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """False."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None."""
    return


def device_count() -> int:
    """0."""
    return 0


def synchronize(device: Any = None) -> None:
    """Nothing runs behind the program's back."""
