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


def read(
    f: Any, unpickler: Callable[..., Any], place: Placement, *, mmap: bool, trusted: bool, quiet: bool = False
) -> Any:
    """The object in a path or an open file; `unpickler(stream, load_storage, budget=)` reads one pickle, `place` is map_location.

    trusted: no limit to what its Python objects take; quiet: no warning.
    Raises: CheckpointError for a file that is damaged, hostile or of another kind.
    """
    storages = Storages(place)
    with opened(f) as (file, name):
        try:
            start = file.tell()
            length = file.seek(0, os.SEEK_END) - start
            file.seek(start)
            head = file.read(_TAR[0] + len(_TAR[1]))
            file.seek(start)
            unpickler = functools.partial(unpickler, budget=Budget(length, trusted=trusted))
            if head.startswith(_ZIP):
                shared = get_default_mmap_options() == MAP_SHARED
                found = _load_archive(
                    Archive(file, _path(f) if mmap else None, shared=shared), storages, unpickler, mmap
                )
            else:
                _check_legacy(head, mmap)
                found = load_legacy(file, storages, unpickler)
        except CheckpointError as error:
            raise CheckpointError(f"cannot load {name}: {error}") from error.__cause__
        except Exception as error:  # a damaged file can stumble over anything
            raise CheckpointError(
                f"cannot load {name}: the file is damaged ({type(error).__name__}: {error})"
            ) from error
    if storages.widened and not quiet:
        warnings.warn(WIDENED, UserWarning, stacklevel=3)
    return found


def _check_legacy(head: bytes, mmap: bool) -> None:
    """Raises: CheckpointError unless a file that starts like this may be of PyTorch before 1.6."""
    if head[_TAR[0] :] == _TAR[1]:
        raise CheckpointError(
            "it is a tar file of PyTorch before 0.1.10; load it with an old PyTorch and save it again"
        )
    if not head.startswith(b"\x80"):
        raise CheckpointError(f"it is no checkpoint: it starts with {head[:16]!r}" if head else "the file is empty")
    if mmap:
        raise CheckpointError(
            "mmap=True needs the zip format of PyTorch 1.6 and later; save it again or leave mmap out"
        )


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
def opened(f: Any) -> Iterator[tuple[IO[bytes], str]]:
    """A path or an open file as a file, and its name for messages."""
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            yield file, repr(os.fspath(f))
    elif not (hasattr(f, "read") and hasattr(f, "seek")):
        raise TypeError(f"load() needs a path or a file opened with 'rb' that can seek, got {type(f).__name__}")
    elif isinstance(f, io.TextIOBase):
        raise TypeError("load() needs a file opened with 'rb'; this one is opened as text")
    else:
        yield f if hasattr(f, "readinto") else io.BytesIO(f.read()), repr(getattr(f, "name", type(f).__name__))


def _path(f: Any) -> str:
    if not isinstance(f, str | os.PathLike):
        raise CheckpointError("mmap=True needs the path of a file, not an open file")
    return os.fspath(f)
