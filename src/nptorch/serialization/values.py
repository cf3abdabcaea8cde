"""Containers, numbers and plain values of Python's library that a file may make, each call checked."""

from __future__ import annotations

import os
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from reprlib import repr as short
from types import SimpleNamespace
from typing import Any

from nptorch.errors import CheckpointError
from nptorch.serialization.names import BUILDS, CALLS, NAMES, PLAIN, constructor

MAX_KEY = 10_000
_MAX_COLLISIONS = 100
_LARGE = 1 << 60


class Keys:
    """Looks at what becomes a dictionary's key or a set's element.

    Raises: CheckpointError for a key that would take too long to hash, or for many of one hash.
    """

    def __init__(self) -> None:
        self._hashes: dict[int, Any] = {}
        self._collisions = 0

    def check(self, key: Any) -> None:
        """Nothing, for a key that is harmless."""
        kind = type(key)
        if kind is str or kind is bytes or (kind is int and -_LARGE < key < _LARGE):
            return  # texts hash at random, small integers to themselves
        # Hashing a tuple walks every path to its leaves: sixty nested pairs that share their halves would take years.
        todo, steps = [key], 0
        while todo:
            item = todo.pop()
            steps += 1
            if steps > MAX_KEY:
                raise CheckpointError(f"a dictionary key or set element has more than {MAX_KEY} parts")
            if isinstance(item, tuple | frozenset):
                todo.extend(item)
        if self._hashes.setdefault(hash(key), key) is not key:
            self._collisions += self._hashes[hash(key)] != key
            if self._collisions > _MAX_COLLISIONS:
                raise CheckpointError("its dictionaries have keys that were chosen to collide")


def _collection(kind: Any, hashes: bool) -> None:
    def make(values: Any = (), *rest: Any) -> Any:
        # A range would be a few bytes that grow without limit.
        if not isinstance(values, list | tuple | set | frozenset | dict):
            raise CheckpointError(f"a {kind.__name__} is to be made of a {type(values).__name__}")
        if hashes:
            keys = Keys()
            for value in values:
                keys.check(value)
        return kind(values, *rest)

    CALLS[kind] = make


for _kind in (set, frozenset, Counter, list, tuple, deque):
    _collection(_kind, hashes=_kind in (set, frozenset, Counter))


@constructor("collections", "OrderedDict", OrderedDict)
def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    made: OrderedDict[Any, Any] = OrderedDict()
    keys = Keys()
    for key, value in pairs if isinstance(pairs, list) else ():
        keys.check(key)
        made[key] = value
    return made


@constructor("collections", "defaultdict", defaultdict)
def _defaultdict(factory: Any = None, *rest: Any) -> defaultdict[Any, Any]:
    if rest or factory not in (None, bool, int, float, complex, str, list, tuple, dict, set):
        raise CheckpointError(f"a defaultdict of {short(factory)}")
    return defaultdict(factory)


@constructor("builtins", "complex", complex)
def _complex(real: float, imag: float) -> complex:
    return complex(real, imag)


@constructor("builtins", "slice", slice)
def _slice(start: Any, stop: Any, step: Any) -> slice:
    return slice(start, stop, step)


@constructor("builtins", "range", range)
def _range(start: int, stop: int, step: int) -> range:
    return range(start, stop, step)


@constructor("builtins", "bytearray", bytearray)
def _bytearray(content: Any = b"", encoding: str = "latin-1") -> bytearray:
    if not isinstance(content, str | bytes):
        raise CheckpointError(f"a bytearray is to be made of a {type(content).__name__}")
    return bytearray(_encode(content, encoding) if isinstance(content, str) else content)


@constructor("builtins", "bytes", bytes)
def _bytes() -> bytes:
    return b""


@constructor("_codecs", "encode")
def _encode(text: str, encoding: str) -> bytes:
    # Any other name would make Python import the module of that codec.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise CheckpointError(f"text is to be encoded as {short(encoding)}; bytes are stored as latin1")
    return text.encode("latin1")


def set_attributes(value: Any, state: Any) -> None:
    """Attributes of a dictionary, such as `_metadata` of a state_dict, or of a namespace."""
    if not isinstance(state, dict):
        raise CheckpointError(f"the attributes of a {type(value).__name__} are a {type(state).__name__}")
    vars(value).update(state)


BUILDS.update(dict.fromkeys((OrderedDict, Counter, Namespace, SimpleNamespace), set_attributes))
NAMES["argparse", "Namespace"] = Namespace
PLAIN.add(Namespace)


# --- Python's library ---


@constructor("types", "SimpleNamespace", SimpleNamespace)
def _simple_namespace() -> SimpleNamespace:
    return SimpleNamespace()


def _of_numbers(module: str, kind: Any) -> None:
    @constructor(module, kind.__name__, kind)
    def make(*parts: Any) -> Any:
        # Dates are pickled as a few bytes, spans as three numbers.
        if not all(isinstance(part, bytes | int | timezone | timedelta) for part in parts):
            raise CheckpointError(f"a {kind.__name__} is to be made of {short(parts)}")
        return kind(*parts)


for _moment in (date, datetime, time, timedelta, timezone):
    _of_numbers("datetime", _moment)


def _of_path(name: str, kind: Any) -> None:
    def make(*parts: Any) -> Any:
        if not all(type(part) is str for part in parts):
            raise CheckpointError(f"a path is to be made of {short(parts)}")
        return kind(*parts)

    for module in ("pathlib", "pathlib._local"):
        constructor(module, name, kind)(make)


for _name, _path in {
    "PurePosixPath": PurePosixPath, "PureWindowsPath": PureWindowsPath,
    "PosixPath": type(Path()) if os.name == "posix" else PurePosixPath,
    "WindowsPath": type(Path()) if os.name == "nt" else PureWindowsPath,
}.items():  # fmt: skip
    _of_path(_name, _path)
