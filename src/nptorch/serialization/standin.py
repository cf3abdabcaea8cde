"""Looking into a file without making any object of a class that it names: their places are taken by stand-ins."""

from __future__ import annotations

import io
from collections.abc import Iterator
from reprlib import repr as short
from typing import Any, NamedTuple

from nptorch.errors import CheckpointError
from nptorch.serialization import constructors
from nptorch.serialization.archive import Archive
from nptorch.serialization.budget import Budget
from nptorch.serialization.legacy import pickled_object
from nptorch.serialization.names import NAMES, find_allowed
from nptorch.serialization.reading import is_zip, opened
from nptorch.serialization.unpickler import Unpickler
from nptorch.storage import LEGACY


class StandIn:
    """In the place of an object, a class or the result of a call: what it is called, what it was made of, and its state."""

    def __init__(self, name: str, *parts: Any) -> None:
        self.name, self.parts = name, list(parts)
        self.state: dict[Any, Any] = {}

    def __str__(self) -> str:
        return self.name

    def children(self) -> Iterator[tuple[str, Any]]:
        """What it holds, by name; a Module's parameters, buffers and layers as in its state_dict."""
        for part in self.parts:
            yield "", part
        for key, value in self.state.items():
            yield "" if key in ("_parameters", "_buffers", "_modules") and isinstance(value, dict) else str(key), value


class Stored(NamedTuple):
    """A storage that is not read: its kind (FloatStorage, ...) and its key in the file."""

    kind: str
    key: str


class Described(NamedTuple):
    """A tensor that is not read; tensors of one `storage` share memory."""

    storage: Stored
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str
    itemsize: int


_TENSORS = (constructors.rebuild_tensor, constructors.rebuild_tensor_v2, constructors.rebuild_tensor_v3)
_PARAMETERS = (constructors.rebuild_parameter, constructors.rebuild_parameter_with_state)


class Looking(Unpickler):
    """An Unpickler that reads no tensor and for which every unknown name is a stand-in; `unknown` collects these names."""

    def __init__(self, file: Any, *, unknown: list[str], budget: Budget) -> None:
        super().__init__(file, Stored, models=False, plain=False, budget=budget, encoding="latin1")
        self._unknown = unknown

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file means here, or a stand-in."""
        key = ("builtins" if module == "__builtin__" else module, name)
        if key in NAMES:
            return NAMES[key]
        full = f"{module}.{name}"
        if find_allowed(*key) is None and full not in self._unknown:
            self._unknown.append(full)
        return StandIn(full)

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a persistent id names; of a class with its source, the class."""
        if not isinstance(pid, tuple) or len(pid) < 3:
            raise CheckpointError(f"the file refers to {short(pid)} outside of the pickle, which is no storage")
        kind, key = pid[1:3]
        return kind if pid[0] in ("module", b"module") else Stored(getattr(kind, "__name__", str(kind)), str(key))

    def _call(self, function: Any, arguments: Any) -> Any:
        if function in _TENSORS:
            storage, offset, size, stride = arguments[:4]
            if any(type(n) is not int or n < 0 for n in (*size, *stride)):
                raise CheckpointError(
                    f"a tensor has size {short(size)} and stride {short(stride)}, which make no sense"
                )
            late = function is constructors.rebuild_tensor_v3  # its storage does not say what it holds
            dtype = arguments[6] if late else getattr(LEGACY.get(storage.kind), "dtype", storage.kind)
            name, itemsize = getattr(dtype, "name", str(dtype)), getattr(dtype, "itemsize", 1)
            return Described(storage, offset, tuple(size), tuple(stride), name.removeprefix("torch."), itemsize)
        if function in _PARAMETERS:
            return arguments[0]
        if function is constructors.rebuild_from_type_v2:
            return self._call(arguments[0], arguments[2])
        if isinstance(function, StandIn):
            return StandIn(function.name, *arguments)
        try:
            return super()._call(function, arguments)
        except (CheckpointError, TypeError, AttributeError):
            return StandIn(getattr(function, "__name__", "?"), *arguments)  # made of stand-ins, or refused

    def _new(self, kind: Any, arguments: Any, keywords: Any) -> Any:
        return self._call(kind, arguments)

    def _set_state(self, made: Any, state: Any) -> None:
        if not isinstance(made, StandIn):
            super()._set_state(made, state)
        elif isinstance(state, dict):
            made.state.update(state)
        else:
            made.parts.append(state)

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], StandIn):
            self.stack[-1].parts.extend(values)
        else:
            super()._extend(values)

    def _set_items(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], StandIn):
            self.stack[-1].state.update(zip(map(str, items[::2]), items[1::2], strict=True))
        else:
            super()._set_items(items)


class Outline(NamedTuple):
    """What is in a file: the object, with stand-ins, and the names of classes and functions that they stand for."""

    content: Any
    unknown: list[str]

    def tensors(self) -> Iterator[tuple[str, Described]]:
        """Every tensor with the way to it, as in a state_dict; a container in two places is entered once."""
        todo: list[tuple[str, Any]] = [("", self.content)]
        seen: set[int] = set()
        while todo:
            name, value = todo.pop()
            if isinstance(value, Described):
                yield name, value
            elif id(value) not in seen:
                children = list(_children(value))
                seen.update([id(value)] if children else ())
                todo.extend((".".join(filter(None, (name, key))), child) for key, child in reversed(children))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, StandIn):
        return value.children()
    if isinstance(value, dict):
        return ((str(key), child) for key, child in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ((str(i), child) for i, child in enumerate(value))
    return iter(())


def outline(f: Any) -> Outline:
    """What is in a checkpoint file, without reading its tensors or making objects of classes that it names.

    Raises: CheckpointError for a file that is damaged or no checkpoint.
    """
    unknown: list[str] = []
    with opened(f) as file:

        def look(stream: Any) -> Any:
            return Looking(stream, unknown=unknown, budget=Budget(0, trusted=False)).load()

        content = look(io.BytesIO(Archive(file).read("data.pkl").data)) if is_zip(file) else pickled_object(file, look)
    return Outline(content, unknown)
