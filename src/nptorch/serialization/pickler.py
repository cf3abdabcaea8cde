"""Writes objects as PyTorch's pickler would, with PyTorch's names for what is ours."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from nptorch import devices, dtypes, settings
from nptorch.nn.parameter import Parameter
from nptorch.random import Generator
from nptorch.serialization import classes, constructors, names
from nptorch.size import Size
from nptorch.storage import LEGACY, TypedStorage, UntypedStorage, address, flat_bytes, legacy_name, memory, owner
from nptorch.tensor import Tensor, from_array

# The pickler written in Python: the one in C offers no way to write a name that cannot be imported here.
_PythonPickler: Any = pickle._Pickler
# Attributes by which autograd keeps its own things.
_PRIVATE = {"_after_accumulate", "_retains"}


class _Block:
    """A block of memory to be written as one storage; it keeps the memory's owner alive, so that the owner's id stays its own."""

    def __init__(self, kind: Any, key: str, owner: np.ndarray[Any, Any], itemsize: int) -> None:
        self.owner = owner
        self.memory = flat_bytes(owner)
        self.identity = ("storage", kind, key, "cpu", self.memory.nbytes // itemsize)


class Pickler(_PythonPickler):
    """Pickles one object; `blocks` are the storages of its tensors then, in the order of their keys.

    Tensors that share memory share a storage, and as in PyTorch a view brings the whole of the memory that it looks at.
    """

    dispatch: ClassVar[dict[Any, Any]] = dict(_PythonPickler.dispatch)

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self._blocks: dict[tuple[int, np.dtype[Any]], _Block] = {}

    @property
    def blocks(self) -> list[np.ndarray[Any, Any]]:
        """The storages as bytes."""
        return [block.memory for block in self._blocks.values()]

    def persistent_id(self, obj: Any) -> Any:
        """What stands for a block of memory."""
        if isinstance(obj, UntypedStorage | TypedStorage):
            whole, dtype = (
                owner(obj._values),
                np.dtype(np.uint8) if isinstance(obj, UntypedStorage) else obj._values.dtype,
            )
            root = whole if whole.nbytes == obj.nbytes() and memory(whole) is whole else obj._values
            obj = self._block(root, dtype, UntypedStorage if isinstance(obj, UntypedStorage) else kind_of(dtype))
        return obj.identity if isinstance(obj, _Block) else None

    def _block(self, root: np.ndarray[Any, Any], dtype: np.dtype[Any], kind: Any) -> _Block:
        place = (id(root), dtype)
        if place not in self._blocks:
            self._blocks[place] = _Block(
                kind, str(len(self._blocks)), root, dtype.itemsize if kind is not UntypedStorage else 1
            )
        return self._blocks[place]

    def reducer_override(self, obj: Any) -> Any:
        """How our types are taken apart: as PyTorch's are."""
        if isinstance(obj, Tensor):
            return self._parameter(obj) if isinstance(obj, Parameter) else self._tensor(obj)
        if isinstance(obj, Size):
            return Size, (tuple(obj),)
        if isinstance(obj, devices.device):
            return devices.device, (obj.type,) if obj.index is None else (obj.type, obj.index)
        if isinstance(obj, dtypes.dtype):
            return obj.name
        if isinstance(obj, settings.layout):
            return constructors.get_layout, (f"torch.{obj.name}",)
        if isinstance(obj, Generator):
            return Generator, (devices.CPU,), (obj.initial_seed(), None, obj.get_state())
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write a class, a function or a constant by its name."""
        found = names.spelled(obj) or classes.spelled(obj)
        if found is None:
            super().save_global(obj, name)
        else:
            self.write(pickle.GLOBAL + "{}\n{}\n".format(*found).encode())
            self.memoize(obj)

    dispatch[FunctionType] = save_global

    def _tensor(self, t: Tensor) -> Any:
        function, arguments = self._plain(t, t.requires_grad)
        state = {name: value for name, value in vars(t).items() if name not in _PRIVATE}
        if type(t) is Tensor and not state:
            return function, arguments
        return constructors.rebuild_from_type_v2, (function, type(t), arguments, state)

    def _parameter(self, t: Parameter) -> Any:
        state = {name: value for name, value in vars(t).items() if name not in _PRIVATE}
        arguments: tuple[Any, ...] = (t.data, t.requires_grad, OrderedDict())
        if state:
            return constructors.rebuild_parameter_with_state, (*arguments, state)
        return constructors.rebuild_parameter, arguments

    def _plain(self, t: Tensor, requires_grad: bool) -> Any:
        array, root = t._array, memory(t._array)
        if root is None:
            array = root = np.ascontiguousarray(array)
        kind = kind_of(array.dtype)
        offset = (address(array) - address(root)) // array.itemsize if array.size else 0
        arguments: tuple[Any, ...] = (
            self._block(root, array.dtype, kind),
            offset,
            tuple(array.shape),
            from_array(array).stride(),
            requires_grad,
            OrderedDict(),
        )
        if kind is UntypedStorage:
            return constructors.rebuild_tensor_v3, (*arguments, t.dtype)
        return constructors.rebuild_tensor_v2, arguments


def kind_of(dtype: np.dtype[Any]) -> Any:
    """The storage that tensors of a dtype are written with; UntypedStorage for those that came late (uint16, uint32, uint64)."""
    return LEGACY.get(legacy_name(dtypes.of(dtype)) or "", UntypedStorage)
