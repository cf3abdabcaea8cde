"""Files of PyTorch before 1.6: pickles one after the other, then the storages."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from nptorch.errors import CheckpointError
from nptorch.serialization.storage import BFLOAT16, Storages, stored, widen
from nptorch.storage import TypedStorage, UntypedStorage

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_COUNT = np.dtype("<i8")


class _Bounded:
    """A file that never reads beyond its end: a length that lies must not become an allocation."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        here = file.tell()
        self._end = file.seek(0, os.SEEK_END)
        file.seek(here)
        self.readline = file.readline

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return self._end - self._file.tell()

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise CheckpointError("the file is cut off")
        return self._file.read(count)

    def fill(self, array: np.ndarray[Any, Any]) -> None:
        """Read as many bytes as the array has."""
        if self._file.readinto(array.view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise CheckpointError("the file is cut off")


def _fill(stream: _Bounded, kind: Any, content: np.ndarray[Any, Any]) -> None:
    """Read the elements of a storage into its memory."""
    if kind is BFLOAT16:
        halves = np.empty(content.size // 4, "<u2")
        stream.fill(halves)
        widen(halves, content.view(np.float32))
        return
    stream.fill(content)
    if sys.byteorder == "big":
        content.view(stored(kind)).byteswap(inplace=True)


def pickled_object(file: Any, load: Callable[[Any], Any]) -> Any:
    """The object in a legacy file, whose storages follow; `load(stream)` reads one pickle."""
    stream = file if isinstance(file, _Bounded) else _Bounded(file)
    if load(stream) != MAGIC:
        raise CheckpointError("it is a pickle, but not of save(): the magic number is missing")
    if load(stream) != PROTOCOL:
        raise CheckpointError("its protocol version is unknown")
    load(stream)  # sizes of C types where it was written; storages are little-endian all the same
    return load(stream)


def load_legacy(file: IO[bytes], storages: Storages, unpickler: Callable[..., Any]) -> Any:
    """The object in a legacy file; `unpickler(stream, load_storage)` reads one pickle of it."""
    stream = _Bounded(file)
    counts: dict[str, int] = {}
    parts: dict[str, Any] = {}
    promised = 0

    def load_storage(kind: Any, key: str, location: Any, count: int, part: Any) -> Any:
        nonlocal promised
        if key not in counts:
            size = count * stored(kind).itemsize
            promised += size
            if size < 0 or promised > stream.left:
                raise CheckpointError(
                    f"a storage of {size:,} bytes is promised, and the file holds no more than {stream.left:,}"
                )
            counts[key] = count
            location = location.decode() if isinstance(location, bytes) else location
            storages.place(key, kind, np.zeros(2 * size if kind is BFLOAT16 else size, np.uint8), location)
        whole = storages.get(key, kind)
        if part is None:
            return whole
        part_key, start, length = part
        if not 0 <= start <= start + length <= whole.size():
            raise CheckpointError("a part of a storage lies outside of it")
        step = whole.element_size()
        piece = whole.untyped()[start * step : (start + length) * step]
        if kind is not UntypedStorage:
            piece = TypedStorage(wrap_storage=piece, dtype=whole.dtype)
        return parts.setdefault(part_key, piece)

    def load(stream: _Bounded) -> Any:
        return unpickler(stream, load_storage).load()

    result = pickled_object(stream, load)
    for key in load(stream):
        if key not in counts:
            raise CheckpointError(f"a storage follows that nothing refers to: {key!r}")
        count = int(np.frombuffer(stream.read(_COUNT.itemsize), _COUNT)[0])
        if count != counts[key]:
            raise CheckpointError(f"storage {key} has {count} elements, and {counts[key]} were promised")
        kind, storage = storages[key]
        _fill(stream, kind, storage.content)
    return result
