"""Files of PyTorch before 1.6: pickles one after the other, then the storages."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from nptorch.errors import CheckpointError
from nptorch.serialization.storage import Storage
from nptorch.serialization.unpickler import Unpickler

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


def load_legacy(file: IO[bytes], place: Callable[[Storage, str], Storage], *, models: bool, encoding: str) -> Any:
    """The object in a legacy file; `place` is told the location of each storage."""
    stream = _Bounded(file)
    storages: dict[str, Storage] = {}
    parts: dict[str, Storage] = {}

    def load_storage(kind: Any, key: str, location: Any, count: int, part: Any) -> Storage:
        if key not in storages:
            size = count * kind.stored.itemsize
            if not 0 <= size <= stream.left - sum(s.nbytes() for s in storages.values()):
                raise CheckpointError(
                    f"a storage of {size:,} bytes is promised, and the file holds no more than {stream.left:,}"
                )
            made = Storage(kind, np.zeros(size, np.uint8))
            storages[key] = place(made, location.decode() if isinstance(location, bytes) else location)
        root = storages[key]
        if part is None:
            return root
        part_key, start, length = part
        step = kind.stored.itemsize
        if not 0 <= start <= start + length <= root.nbytes() // step:
            raise CheckpointError("a part of a storage lies outside of it")
        return parts.setdefault(part_key, Storage(kind, root.raw[start * step : (start + length) * step]))

    def load() -> Any:
        return Unpickler(stream, load_storage, models=models, encoding=encoding).load()

    if load() != MAGIC:
        raise CheckpointError("it is a pickle, but not of save(): the magic number is missing")
    if load() != PROTOCOL:
        raise CheckpointError("its protocol version is unknown")
    load()  # sizes of C types where it was written; storages are little-endian all the same
    result = load()
    for key in load():
        if key not in storages:
            raise CheckpointError(f"a storage follows that nothing refers to: {key!r}")
        raw = storages[key].raw
        step = storages[key].kind.stored.itemsize
        count = int(np.frombuffer(stream.read(_COUNT.itemsize), _COUNT)[0])
        if count * step != raw.nbytes:
            raise CheckpointError(f"storage {key} has {count} elements, and {raw.nbytes // step} were promised")
        raw[:] = np.frombuffer(stream.read(raw.nbytes), np.uint8)
    for storage in (*storages.values(), *parts.values()):
        storage.refresh()
    return result
