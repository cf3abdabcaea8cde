"""Looking into a file without making any object of a class that it names: their places are taken by stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nptorch.errors import CheckpointError
from nptorch.serialization.names import NAMES, find_allowed
from nptorch.serialization.reading import read
from nptorch.serialization.unpickler import Unpickler
from nptorch.tensor import Tensor


class StandIn:
    """In the place of an object, a class or the result of a call: what it is called, what it was made of, and its state."""

    def __init__(self, name: str, *parts: Any) -> None:
        self.name, self.parts = name, list(parts)
        self.state: dict[Any, Any] = {}

    def children(self) -> Iterator[tuple[str, Any]]:
        """What it holds, by name; a Module's parameters, buffers and layers as in its state_dict."""
        for part in self.parts:
            yield "", part
        for key, value in self.state.items():
            yield "" if key in ("_parameters", "_buffers", "_modules") and isinstance(value, dict) else str(key), value


class Looking(Unpickler):
    """An Unpickler for which every name that is not known is a stand-in; `unknown` collects these names."""

    def __init__(self, *args: Any, unknown: list[str], **options: Any) -> None:
        super().__init__(*args, models=False, plain=False, encoding="latin1", **options)
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
        """The storage that a persistent id names, if its kind is known."""
        if isinstance(pid, tuple) and len(pid) > 1 and isinstance(pid[1], StandIn):
            return pid[1]
        return super().persistent_load(pid)

    def _call(self, function: Any, arguments: Any) -> Any:
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

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor with the way to it, as in a state_dict; a container in two places is entered once."""
        todo: list[tuple[str, Any]] = [("", self.content)]
        seen: set[int] = set()
        while todo:
            name, value = todo.pop()
            if isinstance(value, Tensor):
                yield name, value
                continue
            children = list(_children(value))
            if children and id(value) not in seen:
                seen.add(id(value))
                todo.extend((".".join(filter(None, (name, key))), child) for key, child in reversed(children))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, StandIn):
        return value.children()
    if isinstance(value, dict):
        return ((str(key), child) for key, child in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ((str(i), child) for i, child in enumerate(value))
    return iter(())


def outline(f: Any, *, mmap: bool = False) -> Outline:
    """What is in a checkpoint file, without making objects of classes that it names; mmap: without reading the tensors.

    Raises: CheckpointError for a file that is damaged or no checkpoint.
    """
    unknown: list[str] = []

    def unpickler(*args: Any, **options: Any) -> Looking:
        return Looking(*args, unknown=unknown, **options)

    content = read(f, unpickler, lambda storage, location: storage, mmap=mmap, trusted=False, quiet=True)
    return Outline(content, unknown)
