"""The storages of a file: bytes that become the memory of tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.errors import CheckpointError
from nptorch.storage import LEGACY, TypedStorage, UntypedStorage, flat_bytes

# FloatStorage and its like, or UntypedStorage: what a file calls a storage.
Kind = Any
Array = np.ndarray[Any, Any]
Placement = Callable[[UntypedStorage, str], UntypedStorage]

BFLOAT16 = LEGACY["BFloat16Storage"]
WIDENED = "bfloat16 tensors of the file became float32, with the same values: NumPy has no bfloat16"
_ALIGNMENT = 16


def stored(kind: Kind) -> np.dtype[Any]:
    """What one element is in the file."""
    if kind is UntypedStorage:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16) if kind is BFLOAT16 else kind.dtype.numpy


def widen(values: Array, out: Array) -> None:
    """Write bfloat16 numbers, which are upper halves of float32 numbers, as float32."""
    words = out.view(np.uint32)
    words[...] = values
    words <<= 16


class Storages:
    """What load() made of the storages of one file, by their keys; `widened` is set once a bfloat16 came along.

    place: map_location as a function.
    """

    def __init__(self, place: Placement) -> None:
        self._place = place
        self._made: dict[str, tuple[Kind, UntypedStorage]] = {}
        self.widened = False

    def __contains__(self, key: str) -> bool:
        return key in self._made

    def __getitem__(self, key: str) -> tuple[Kind, UntypedStorage]:
        return self._made[key]

    def get(self, key: str, kind: Kind) -> Any:
        """The storage as what the file calls it.

        Raises: CheckpointError if it was made as something else.
        """
        known, storage = self._made[key]
        if known is not kind:
            raise CheckpointError(f"storage {key} is read as {kind.__name__} and as {known.__name__}")
        if kind is UntypedStorage:
            return storage
        return TypedStorage(wrap_storage=storage, dtype=dtypes.float32 if kind is BFLOAT16 else kind.dtype)

    def add(self, key: str, kind: Kind, raw: Array, location: str, order: str = "little") -> None:
        """Make a storage of its bytes in the file (uint8), and of the byte order in which they are."""
        values = raw.view(stored(kind))
        if order != sys.byteorder and values.itemsize > 1:
            values = values.byteswap()
        if kind is UntypedStorage and order != sys.byteorder:
            raise CheckpointError(f"its storages of no type are {order}-endian, and this machine is not")
        if kind is BFLOAT16:
            wide = np.empty(values.size, np.float32)
            widen(values, wide)
            values = wide
        elif raw.__array_interface__["data"][0] % _ALIGNMENT:
            values = values.copy()
        self.place(key, kind, flat_bytes(values), location)

    def place(self, key: str, kind: Kind, content: Array, location: str) -> None:
        """Keep the memory of a storage, where map_location wants it."""
        storage = UntypedStorage.around(content)
        moved = self._place(storage, location)
        if moved.nbytes() != storage.nbytes():
            raise CheckpointError(
                f"map_location made {moved.nbytes()} bytes of the {storage.nbytes()} of storage {key}"
            )
        self._made[key] = kind, moved
        self.widened |= kind is BFLOAT16
