"""save() and load(): objects in PyTorch's .pt files.

Loading runs nothing that a file names. Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nptorch import devices
from nptorch.errors import CheckpointError
from nptorch.serialization.archive import Archive, write_archive
from nptorch.serialization.atomic import replacing
from nptorch.serialization.budget import Budget
from nptorch.serialization.legacy import load_legacy
from nptorch.serialization.names import add_safe_globals, clear_safe_globals, get_safe_globals
from nptorch.serialization.pickler import Pickler
from nptorch.serialization.storage import WIDENED, Placement, Storages, stored
from nptorch.serialization.unpickler import Unpickler
from nptorch.storage import TypedStorage, UntypedStorage

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "save"]

_ZIP = b"PK\3\4"
_TAR = (257, b"ustar")


def save(
    obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2, _use_new_zipfile_serialization: bool = True
) -> None:
    """Write an object (a state_dict, a tensor, a model, containers of these) to a path or a binary file.

    A path is replaced only when everything is on the disk. PyTorch reads the file, models with load(weights_only=False).
    Raises: TypeError for a target of another kind, pickle.PicklingError for an object without a place in a module.
    """
    if pickle_module not in (None, pickle) or not _use_new_zipfile_serialization:
        raise ValueError(
            "save() writes PyTorch's zip format with a pickler of its own; leave pickle_module and _use_new_zipfile_serialization out"
        )
    content = io.BytesIO()
    pickler = Pickler(content, pickle_protocol)
    try:
        pickler.dump(obj)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise pickle.PicklingError(
            f"cannot save a {type(obj).__name__}: {error}. What is saved must be made of tensors, plain values and classes at the top "
            "level of a module; for a model, save model.state_dict()"
        ) from error
    except RecursionError:
        raise pickle.PicklingError(f"cannot save a {type(obj).__name__}: it is nested too deeply") from None
    if isinstance(f, str | os.PathLike):
        root = Path(f).stem
        with replacing(f) as file:
            write_archive(file, root if root.isascii() else "archive", content.getbuffer(), pickler.blocks)
    elif hasattr(f, "write"):
        write_archive(f, "archive", content.getbuffer(), pickler.blocks)
    else:
        raise TypeError(f"save() needs a path or a file opened with 'wb', got {type(f).__name__}")


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    encoding: str = "utf-8",
) -> Any:
    """Read what save() wrote, here or in PyTorch, without running anything that the file names.

    map_location: a device, a dictionary of locations or a function (storage, location) -> storage; whatever was on a GPU comes to
    the CPU by itself. weights_only=True refuses models, too. mmap: read tensors when they are looked at, without their checksums.
    Classes of your own models must be imported, or be in a `module.py` next to the script (or in the current folder); others
    must be named to add_safe_globals(). bfloat16 becomes float32.
    Raises: CheckpointError for a file that is damaged, hostile or of another kind; RuntimeError for a device that is not here.
    """
    if pickle_module not in (None, pickle):
        raise ValueError("load() never leaves reading to another pickle module; leave pickle_module out")
    storages = Storages(_placement(map_location))
    with _opened(f) as (file, name):
        try:
            start = file.tell()
            length = file.seek(0, os.SEEK_END) - start
            file.seek(start)
            head = file.read(_TAR[0] + len(_TAR[1]))
            file.seek(start)
            trusted = weights_only is False
            unpickler = functools.partial(
                Unpickler,
                models=not weights_only,
                plain=trusted,
                budget=Budget(length, trusted=trusted),
                encoding=encoding,
            )
            if head.startswith(_ZIP):
                found = _load_archive(Archive(file, _path(f) if mmap else None), storages, unpickler, bool(mmap))
            else:
                _check_legacy(head, bool(mmap))
                found = load_legacy(file, storages, unpickler)
        except CheckpointError as error:
            raise CheckpointError(f"cannot load {name}: {error}") from error.__cause__
        except Exception as error:  # a damaged file can stumble over anything
            raise CheckpointError(
                f"cannot load {name}: the file is damaged ({type(error).__name__}: {error})"
            ) from error
    if storages.widened:
        warnings.warn(WIDENED, UserWarning, stacklevel=2)
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


def _load_archive(archive: Archive, storages: Storages, unpickler: Callable[..., Any], mmap: bool) -> Any:
    order = archive.read("byteorder").tobytes().decode("latin1") if "byteorder" in archive else "little"
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

    return unpickler(io.BytesIO(archive.read("data.pkl")), load_storage).load()


def _placement(map_location: Any) -> Placement:
    if callable(map_location) and not isinstance(map_location, devices.device):

        def call(storage: UntypedStorage, location: str) -> UntypedStorage:
            moved = map_location(storage, location)
            if moved is not None and not isinstance(moved, UntypedStorage | TypedStorage):
                raise CheckpointError(
                    f"map_location returned a {type(moved).__name__}; it must return its first argument or None"
                )
            return storage if moved is None else moved.untyped()

        return call
    for target in map_location.values() if isinstance(map_location, dict) else (map_location,):
        devices.resolve(target)
    return lambda storage, location: storage


@contextmanager
def _opened(f: Any) -> Iterator[tuple[IO[bytes], str]]:
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
