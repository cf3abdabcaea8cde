"""save() and load(): objects in PyTorch's .pt files.

Loading runs nothing that a file names. The machinery is imported by the first call. Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from nptorch import devices
from nptorch.errors import CheckpointError
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

    A path is replaced only when everything is on the disk. PyTorch reads the file, models with load(weights_only=False); PyTorch
    before 1.6 does with _use_new_zipfile_serialization=False.
    Raises: TypeError for a target of another kind, pickle.PicklingError for an object without a place in a module.
    """
    if pickle_module not in (None, pickle):
        raise ValueError("save() pickles with a pickler of its own; leave pickle_module out")
    from nptorch.serialization import writing

    writing.write(obj, f, pickle_protocol, zipped=_use_new_zipfile_serialization)


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
    the CPU by itself. mmap: read tensors when they are looked at, without their checksums; changes stay in memory.
    weights_only: True takes tensors and plain values; None (the default) also models, optimizers, named tuples; False also objects
    of other classes in your own program's files, which get their attributes without being called, and any number of Python objects:
    without it these may take four times the file, at least 256 MiB. Classes must be imported, or be in a `module.py` next to the
    script or in the current folder; others must be named to add_safe_globals(). bfloat16 becomes float32, with a warning.
    Raises: CheckpointError for a file that is damaged, hostile or of another kind; RuntimeError for a device that is not here.
    """
    if pickle_module not in (None, pickle):
        raise ValueError("load() never leaves reading to another pickle module; leave pickle_module out")
    import functools

    from nptorch.serialization.reading import read
    from nptorch.serialization.unpickler import Unpickler

    trusted = weights_only is False
    unpickler = functools.partial(Unpickler, models=not weights_only, plain=trusted, encoding=encoding)
    return read(f, unpickler, _placement(map_location), mmap=bool(mmap), trusted=trusted)


def _placement(map_location: Any) -> Callable[[UntypedStorage, str], UntypedStorage]:
    if callable(map_location) and not isinstance(map_location, devices.device):

        def call(storage: UntypedStorage, location: str) -> UntypedStorage:
            try:
                moved = map_location(storage, location)
            except Exception as error:
                raise CheckpointError(f"map_location({location!r}) failed: {error}") from error
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
    """The classes and functions that a file names and load(weights_only=True) refuses; nothing is loaded."""
    from nptorch.serialization.standin import outline

    return outline(f).unknown
