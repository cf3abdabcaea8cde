"""The switches of torch.serialization.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch-serialization-config
"""

from __future__ import annotations

import enum
import mmap
from types import TracebackType
from typing import Any

MAP_PRIVATE, MAP_SHARED = getattr(mmap, "MAP_PRIVATE", 2), getattr(mmap, "MAP_SHARED", 1)


class LoadEndianness(enum.Enum):
    """The byte order of files that do not say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


_now: dict[str, Any] = {"mmap": MAP_PRIVATE, "endianness": None, "crc32": True}


def get_default_mmap_options() -> int:
    """How load(mmap=True) maps: mmap.MAP_PRIVATE or mmap.MAP_SHARED."""
    return _now["mmap"]


class set_default_mmap_options:
    """Let load(mmap=True) map with mmap.MAP_PRIVATE (changes stay in memory) or mmap.MAP_SHARED (they go to the file).

    Also a context manager.
    Raises: ValueError for another flag.
    """

    def __init__(self, flags: int) -> None:
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(
                f"Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags}"
            )
        self.prev, _now["mmap"] = _now["mmap"], flags

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _now["mmap"] = self.prev


def get_default_load_endianness() -> LoadEndianness | None:
    """The byte order of files that do not say theirs; None: little."""
    return _now["endianness"]


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Set the byte order of files that do not say theirs.

    Raises: TypeError for anything but a LoadEndianness.
    """
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError(f"expected a LoadEndianness, got {type(endianness).__name__}")
    _now["endianness"] = endianness


def get_crc32_options() -> bool:
    """Whether checksums are wanted."""
    return _now["crc32"]


def set_crc32_options(compute_crc32: bool) -> None:
    """Kept for scripts that ask for files without checksums: save() always writes them, so that load() can notice damage."""
    _now["crc32"] = bool(compute_crc32)
