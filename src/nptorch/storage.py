"""The memory behind tensors as PyTorch names it: UntypedStorage, TypedStorage and its older forms such as FloatStorage.

Source: https://docs.pytorch.org/docs/stable/storage.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from reprlib import repr as short
from typing import Any

import numpy as np

from nptorch import devices, dtypes, naming
from nptorch.ops.signatures import method
from nptorch.tensor import Tensor, from_array

Array = np.ndarray[Any, Any]


def address(array: Array) -> int:
    """Where an array's first element lies."""
    return array.__array_interface__["data"][0]


def owner(array: Array) -> Array:
    """The array that owns the memory that `array` looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def memory(array: Array) -> Array | None:
    """The array that owns the memory, or None where PyTorch could not express how `array` lies in it."""
    root, step = owner(array), array.itemsize
    distances = (address(array) - address(root), root.nbytes, *array.strides)
    whole = root.flags.c_contiguous or root.flags.f_contiguous
    return root if whole and all(d >= 0 and d % step == 0 for d in distances) else None


def flat_bytes(root: Array) -> Array:
    """All bytes of a contiguous array, in the order in which they lie in memory."""
    return np.asarray(root).reshape(-1, order="A").view(np.uint8)


def view(values: Array, offset: Any, size: Any, stride: Any) -> Array:
    """The array of a shape and strides (in elements) that starts at an element of flat `values`.

    Raises: RuntimeError if it would reach beyond them.
    """
    numbers = [offset, *size, *stride]
    if any(type(n) is not int or n < 0 for n in numbers) or len(size) != len(stride):
        raise RuntimeError(
            f"a tensor has size {short(size)}, stride {short(stride)} and offset {short(offset)}, which make no sense"
        )
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if math.prod(size) else -1
    if last >= values.size:
        raise RuntimeError(
            f"a tensor of size {tuple(size)}, stride {tuple(stride)} and offset {offset} reaches beyond its {values.size} stored elements"
        )
    if last < 0:
        return np.empty(size, values.dtype)
    step = values.itemsize
    return np.ndarray(tuple(size), values.dtype, values, offset * step, tuple(n * step for n in stride))


class _Storage:
    """What storages with and without a dtype have in common: a flat array, `_values`."""

    _values: Array
    # What is to be computed once the bytes are there, for a storage of an older file, whose bytes come last.
    _awaiting: list[Callable[[], Any]] | None = None
    is_cuda, is_sparse, is_sparse_csr = False, False, False

    @property
    def device(self) -> devices.device:
        """Where the memory is."""
        return devices.CPU

    @property
    def content(self) -> Array:
        """All bytes, as an array that shares the memory."""
        return flat_bytes(self._values)

    def nbytes(self) -> int:
        """Bytes."""
        return self._values.nbytes

    def size(self) -> int:
        """The number of elements."""
        return self._values.size

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._values.itemsize

    def data_ptr(self) -> int:
        """The address of the first byte; equal for tensors that share memory."""
        return address(self._values)

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        return self._values.tolist()

    def cpu(self) -> Any:
        """Itself."""
        return self

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Any:
        """Raises: RuntimeError, since nptorch computes on the CPU."""
        devices.resolve("cuda" if device is None else devices.device(device))
        return self

    def is_shared(self) -> bool:
        """False."""
        return False

    def is_pinned(self, device: Any = None) -> bool:
        """False."""
        return False

    def share_memory_(self) -> Any:
        """Itself."""
        return self

    pin_memory = share_memory_

    def fill_(self, value: Any) -> Any:
        """Set all elements to a value."""
        self._values[...] = value
        return self

    def copy_(self, source: Any, non_blocking: bool | None = None) -> Any:
        """Take over the elements of a storage of the same size."""
        self._values[...] = source._values
        return self

    def __len__(self) -> int:
        return self.size()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._values, dtype, copy=copy)

    def __setitem__(self, index: int | slice, value: Any) -> None:
        self._values[index] = value._values if isinstance(value, _Storage) else value

    def __copy__(self) -> Any:
        return self.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return memo.setdefault(id(self), self.clone())

    def clone(self) -> Any:
        """A copy with memory of its own."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n".join([*(f" {value}" for value in self.tolist()), f"[{self._described()} of size {self.size()}]"])

    def _described(self) -> str:
        raise NotImplementedError


class UntypedStorage(_Storage):
    """A block of bytes that tensors share: of a size (its bytes are not set) or made of a sequence of bytes."""

    def __init__(self, content: Any = 0, device: Any = None) -> None:
        devices.resolve(device)
        self._values = np.empty(content, np.uint8) if isinstance(content, int) else np.array(content, np.uint8)

    @classmethod
    def around(cls, values: Array) -> UntypedStorage:
        """The storage whose bytes are those of a flat uint8 array."""
        made = cls.__new__(cls)
        made._values = values
        return made

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first `nbytes` bytes of a file, mapped: read when they are looked at; shared: changes go to the file.

        Raises: OSError or ValueError for a file that is not as long.
        """
        return cls.around(np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)).view(np.ndarray))

    def __getitem__(self, index: int | slice) -> Any:
        return UntypedStorage.around(self._values[index]) if isinstance(index, slice) else int(self._values[index])

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def clone(self) -> UntypedStorage:
        """A copy with memory of its own."""
        return UntypedStorage.around(self._values.copy())

    def _described(self) -> str:
        return f"{naming.package()}.storage.UntypedStorage(device=cpu)"


class TypedStorage(_Storage):
    """A block of memory read as elements of one dtype."""

    dtype: dtypes.dtype = dtypes.float32

    def __init__(self, content: Any = 0, *, wrap_storage: Any = None, dtype: Any = None, device: Any = None) -> None:
        devices.resolve(device)
        self.dtype = self.dtype if dtype is None else dtype
        if wrap_storage is not None:
            self._values = wrap_storage._values.view(self.dtype.numpy)
        elif isinstance(content, int):
            self._values = np.empty(content, self.dtype.numpy)
        else:
            self._values = np.array(content, self.dtype.numpy)

    def __getitem__(self, index: int) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self._values[index].item()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage.around(self.content)

    _untyped_storage = property(untyped)

    def type(self, dtype: Any = None) -> Any:
        """The name of this kind of storage, or a copy in another dtype."""
        return f"{naming.package()}.{legacy_name(self.dtype)}" if dtype is None else self._converted(dtype)

    def _converted(self, dtype: dtypes.dtype) -> TypedStorage:
        values = self._values.astype(dtype.numpy, copy=False)
        return TypedStorage(wrap_storage=UntypedStorage.around(flat_bytes(values)), dtype=dtype)

    def clone(self) -> TypedStorage:
        """A copy with memory of its own."""
        return TypedStorage(wrap_storage=self.untyped().clone(), dtype=self.dtype)

    def _described(self) -> str:
        return f"{naming.package()}.storage.TypedStorage(dtype={self.dtype}, device=cpu)"


class _Legacy(type):
    """FloatStorage and its like make TypedStorages, and those of their dtype are their instances."""

    dtype: dtypes.dtype

    def __call__(cls, content: Any = 0, **options: Any) -> TypedStorage:
        return TypedStorage(content, dtype=cls.dtype, **options)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, TypedStorage) and value.dtype is cls.dtype


# PyTorch's names, and what `TypedStorage.<method>()` converts to the type.
_KINDS = {
    "Bool": (dtypes.bool_, "bool"), "Byte": (dtypes.uint8, "byte"), "Char": (dtypes.int8, "char"),
    "Short": (dtypes.int16, "short"), "Int": (dtypes.int32, "int"), "Long": (dtypes.int64, "long"),
    "Half": (dtypes.float16, "half"), "BFloat16": (dtypes.bfloat16, "bfloat16"), "Float": (dtypes.float32, "float"),
    "Double": (dtypes.float64, "double"), "ComplexFloat": (dtypes.complex64, "complex_float"),
    "ComplexDouble": (dtypes.complex128, "complex_double"),
}  # fmt: skip
LEGACY: dict[str, Any] = {
    f"{name}Storage": _Legacy(f"{name}Storage", (), {"dtype": dtype, "__module__": "torch", "__doc__": f"Storages of {dtype.name}."})
    for name, (dtype, _) in _KINDS.items()
}  # fmt: skip
_NAME_OF = {kind.dtype: name for name, kind in LEGACY.items()}


def _conversion(dtype: dtypes.dtype) -> Any:
    def convert(self: TypedStorage) -> TypedStorage:
        return self._converted(dtype)

    convert.__doc__ = f"The elements as {dtype.name}; itself in memory if it is of that dtype."
    return convert


for _dtype, _method in _KINDS.values():
    setattr(TypedStorage, _method, _conversion(_dtype))


def legacy_name(dtype: dtypes.dtype) -> str | None:
    """FloatStorage for float32, and so on; None for the dtypes that came late (uint16, uint32, uint64)."""
    return _NAME_OF.get(dtype)


def is_storage(obj: Any, /) -> bool:
    """Whether `obj` is a storage."""
    return isinstance(obj, _Storage)


@method()
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The whole memory that the tensor looks at, shared with it and its other views."""
    root = memory(self._array)
    return UntypedStorage.around(flat_bytes(np.ascontiguousarray(self._array) if root is None else root))


@method()
def storage(self: Tensor) -> TypedStorage:
    """The whole memory that the tensor looks at, as elements of its dtype."""
    return TypedStorage(wrap_storage=self.untyped_storage(), dtype=self.dtype)


@method()
def storage_type(self: Tensor) -> Any:
    """FloatStorage and its like."""
    return LEGACY.get(legacy_name(self.dtype) or "", TypedStorage)


@method()
def storage_offset(self: Tensor) -> int:
    """The first element's place in the memory shared with its root, in elements."""
    return (address(self._array) - address(owner(self._array))) // self._array.itemsize


@method()
def set_(self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Tensor:
    """Look at the memory of another tensor, or at elements of a storage from `storage_offset` on (stride: in elements).

    Raises: RuntimeError if the storage does not hold them.
    """
    if isinstance(source, Tensor):
        self.data = source
        return self
    values = np.empty(0, self._array.dtype) if source is None else source.content.view(self._array.dtype)
    size = (values.size - storage_offset,) if size is None else tuple(size)
    if stride is None:
        stride = [math.prod(size[i + 1 :]) for i in range(len(size))]
    self.data = from_array(view(values, storage_offset, size, tuple(stride)))
    return self
