"""The memory of tensors as checkpoint files hold it."""

from __future__ import annotations

import math
from reprlib import repr as short
from typing import Any, Literal, NamedTuple

import numpy as np

from nptorch import devices
from nptorch.errors import CheckpointError

_BFLOAT16 = "BFloat16Storage"


class StorageType(NamedTuple):
    """The name that a file gives to a storage of one element type, e.g. FloatStorage, and what is stored."""

    name: str
    stored: np.dtype[Any]


TYPES = [
    StorageType(name + "Storage", np.dtype(stored))
    for name, stored in {
        "Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64", "Half": "float16",
        "Float": "float32", "Double": "float64", "ComplexFloat": "complex64", "ComplexDouble": "complex128",
        "BFloat16": "uint16", "Untyped": "uint8",
    }.items()
]  # fmt: skip
UNTYPED = TYPES[-1]
_OF_DTYPE = {kind.stored: kind for kind in reversed(TYPES[:-2])}


def type_of(dtype: np.dtype[Any]) -> StorageType:
    """The storage type that tensors of a dtype are written with; UNTYPED for those that came late (uint16, uint32, uint64)."""
    return _OF_DTYPE.get(dtype, UNTYPED)


class Storage:
    """A block of bytes that tensors share; `map_location` functions receive it.

    `raw` is a uint8 array in the file's byte order ("<" or ">").
    """

    def __init__(self, kind: StorageType, raw: np.ndarray[Any, Any], order: Literal["<", ">"] = "<") -> None:
        self.kind = kind
        self.raw = raw
        self._order = order
        self._values: dict[np.dtype[Any], np.ndarray[Any, Any]] = {}

    @property
    def device(self) -> devices.device:
        """Where it was loaded to."""
        return devices.CPU

    def cpu(self) -> Storage:
        """Itself."""
        return self

    def cuda(self, device: Any = None) -> Storage:
        """Raises: RuntimeError, since nptorch computes on the CPU."""
        devices.resolve("cuda" if device is None else device)
        return self

    def nbytes(self) -> int:
        """Bytes."""
        return self.raw.nbytes

    def values(self, stored: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """All elements, read as `stored`, in one flat array: the same one at every call, so that tensors share it."""
        if stored not in self._values:
            self._values[stored] = self._convert(stored)
        return self._values[stored]

    def refresh(self) -> None:
        """Convert again what does not share memory with `raw`, after that was filled."""
        for stored, values in self._values.items():
            if not np.may_share_memory(values, self.raw):
                values[...] = self._convert(stored)

    def _convert(self, stored: np.dtype[Any]) -> np.ndarray[Any, Any]:
        values = self.raw.view(stored.newbyteorder(self._order))
        if self.kind.name == _BFLOAT16:
            # A bfloat16 is the upper half of a float32, and NumPy has no type for it.
            return (values.astype(np.uint32) << 16).view(np.float32)
        return np.require(values.astype(stored, copy=False), requirements="A")


def view(values: np.ndarray[Any, Any], offset: Any, size: Any, stride: Any) -> np.ndarray[Any, Any]:
    """The array of a shape and strides (in elements) that starts at an element of flat `values`.

    Raises: CheckpointError if it would reach beyond them.
    """
    numbers = [offset, *size, *stride]
    if any(type(n) is not int or n < 0 for n in numbers) or len(size) != len(stride):
        raise CheckpointError(
            f"a tensor has size {short(size)}, stride {short(stride)} and offset {short(offset)}, which make no sense"
        )
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if math.prod(size) else -1
    if last >= values.size:
        raise CheckpointError(
            f"a tensor of size {tuple(size)}, stride {tuple(stride)} and offset {offset} reaches beyond its {values.size} stored elements"
        )
    if last < 0:
        return np.empty(size, values.dtype)
    step = values.itemsize
    return np.ndarray(tuple(size), values.dtype, values, offset * step, tuple(n * step for n in stride))
