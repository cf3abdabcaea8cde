"""From a file to the object in it: zip or legacy, mapped or read, by an Unpickler or by one that only looks."""

from __future__ import annotations

import functools
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from nptorch.errors import CheckpointError
from nptorch.serialization.archive import Archive
from nptorch.serialization.budget import Budget
from nptorch.serialization.legacy import load_legacy
from nptorch.serialization.options import (
    MAP_SHARED,
    LoadEndianness,
    get_default_load_endianness,
    get_default_mmap_options,
)
from nptorch.serialization.storage import WIDENED, Placement, Storages, stored

_ZIP = b"PK\3\4"
_TAR = (257, b"ustar")


def read(f: Any, unpickler: Callable[..., Any], place: Placement, *, mmap: bool, trusted: bool) -> Any:
    """The object in a path or an open file; `unpickler(stream, load_storage, budget=)` reads one pickle, `place` is map_location.

    trusted: no limit to what its Python objects take.
    Raises: CheckpointError for a file that is damaged, hostile or of another kind.
    """
    storages = Storages(place)
    with opened(f) as file:
        unpickler = functools.partial(unpickler, budget=Budget(_length(file), trusted=trusted))
        if is_zip(file):
            shared = get_default_mmap_options() == MAP_SHARED
            found = _load_archive(Archive(file, _path(f) if mmap else None, shared=shared), storages, unpickler, mmap)
        elif mmap:
            raise CheckpointError(
                "mmap=True needs the zip format of PyTorch 1.6 and later; save it again or leave mmap out"
            )
        else:
            found = load_legacy(file, storages, unpickler)
    if storages.widened:
        warnings.warn(WIDENED, UserWarning, stacklevel=3)
    return found


def is_zip(file: IO[bytes]) -> bool:
    """Whether a file, of which nothing was read yet, is in the zip format; else it may be in the legacy one.

    Raises: CheckpointError if it is in neither.
    """
    start = file.tell()
    head = file.read(_TAR[0] + len(_TAR[1]))
    file.seek(start)
    if head[_TAR[0] :] == _TAR[1]:
        raise CheckpointError(
            "it is a tar file of PyTorch before 0.1.10; load it with an old PyTorch and save it again"
        )
    if not head.startswith((_ZIP, b"\x80")):
        raise CheckpointError(f"it is no checkpoint: it starts with {head[:16]!r}" if head else "the file is empty")
    return head.startswith(_ZIP)


def _length(file: IO[bytes]) -> int:
    start = file.tell()
    length = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    return length


def _default_order() -> str:
    chosen = get_default_load_endianness() or LoadEndianness.LITTLE
    return sys.byteorder if chosen is LoadEndianness.NATIVE else chosen.name.lower()


def _load_archive(archive: Archive, storages: Storages, unpickler: Callable[..., Any], mmap: bool) -> Any:
    order = archive.read("byteorder").tobytes().decode("latin1") if "byteorder" in archive else _default_order()
    if order not in ("little", "big"):
        raise CheckpointError(f"its byte order is {order!r}, not little or big")

    def load_storage(kind: Any, key: str, location: str, count: int) -> Any:
        if key not in storages:
            raw = archive.map(f"data/{key}") if mmap else archive.read(f"data/{key}")
            if raw.nbytes != count * stored(kind).itemsize:
                raise CheckpointError(
                    f"storage {key} has {raw.nbytes} bytes, and {count} elements of {kind.__name__} were promised"
                )
            storages.add(key, kind, raw, location, order)
        return storages.get(key, kind)

    return unpickler(io.BytesIO(archive.read("data.pkl").data), load_storage).load()


@contextmanager
def opened(f: Any) -> Iterator[IO[bytes]]:
    """A path or an open file, for reading a checkpoint; what goes wrong then becomes a CheckpointError that names it.

    Raises: TypeError for anything else, and for a file that is opened as text or cannot seek.
    """
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file, _explained(repr(os.fspath(f))):
            yield file
    elif not (hasattr(f, "read") and hasattr(f, "seek")):
        raise TypeError(f"load() needs a path or a file opened with 'rb' that can seek, got {type(f).__name__}")
    elif isinstance(f, io.TextIOBase):
        raise TypeError("load() needs a file opened with 'rb'; this one is opened as text")
    else:
        with _explained(repr(getattr(f, "name", type(f).__name__))):
            yield f if hasattr(f, "readinto") else io.BytesIO(f.read())


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"cannot load {name}: {error}") from error.__cause__
    except Exception as error:  # a damaged file can stumble over anything
        raise CheckpointError(f"cannot load {name}: the file is damaged ({type(error).__name__}: {error})") from error


def _path(f: Any) -> str:
    if not isinstance(f, str | os.PathLike):
        raise CheckpointError("mmap=True needs the path of a file, not an open file")
    return os.fspath(f)
