"""save() and load(): objects in PyTorch's .pt files.

Loading runs nothing that a file names. Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import functools
import io
import os
import pickle
from pathlib import Path
from typing import Any

from nptorch import devices
from nptorch.errors import CheckpointError
from nptorch.serialization.archive import write_archive
from nptorch.serialization.atomic import replacing
from nptorch.serialization.names import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from nptorch.serialization.options import (
    LoadEndianness,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
)
from nptorch.serialization.pickler import Pickler
from nptorch.serialization.reading import read
from nptorch.serialization.standin import outline
from nptorch.serialization.storage import Placement
from nptorch.serialization.unpickler import Unpickler
from nptorch.storage import TypedStorage, UntypedStorage

__all__ = [
    "LoadEndianness",
    "add_safe_globals",
    "clear_safe_globals",
    "default_restore_location",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "safe_globals",
    "save",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
]


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
    trusted = weights_only is False
    unpickler = functools.partial(Unpickler, models=not weights_only, plain=trusted, encoding=encoding)
    return read(f, unpickler, _placement(map_location), mmap=bool(mmap), trusted=trusted)


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


def location_tag(storage: Any) -> str:
    """Where a storage is, in the words of a file."""
    return "cpu"


def default_restore_location(storage: Any, location: str) -> Any:
    """What load() does with a storage without map_location: it comes to the CPU."""
    return storage


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The classes and functions that a zip file names and load(weights_only=True) refuses; nothing is loaded."""
    return outline(f).unknown
