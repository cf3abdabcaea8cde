"""State dicts as .pt, .safetensors and .npz files: tensors by name, and a few words about them."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nptorch import dtypes
from nptorch.errors import CheckpointError
from nptorch.serialization.atomic import replacing
from nptorch.serialization.storage import widen
from nptorch.tensor import Tensor, from_array

Array = np.ndarray[Any, Any]

# safetensors' names of element types. Source: https://huggingface.co/docs/safetensors/index#format
_SAFE = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
_SAFE_NAME = {np.dtype(name): safe for safe, name in _SAFE.items()}
# Where a state dict keeps its modules' versions, and under which name the other formats hold that.
_VERSIONS = "_metadata"
_NPZ_METADATA = "__metadata__"


class Tensors(NamedTuple):
    """Arrays by name, texts about them, and the names of those that were bfloat16 in the file."""

    arrays: dict[str, Array]
    metadata: dict[str, str]
    widened: list[str] = []


class Listed(NamedTuple):
    """A tensor of a file that was not read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ModuleNotFoundError as error:
        raise CheckpointError(".safetensors files need the library of that name: pip install safetensors") from error
    return safetensors


@contextmanager
def _opened_safetensors(path: Path) -> Iterator[Any]:
    library = _safetensors()
    try:
        with library.safe_open(path, framework="np") as file:
            yield file
    except library.SafetensorError as error:
        raise CheckpointError(f"cannot load {os.fspath(path)!r}: {error}") from error


def list_safetensors(path: Path) -> tuple[list[Listed], dict[str, str]]:
    """The tensors of a .safetensors file and its metadata; nothing but the header is read."""
    with _opened_safetensors(path) as file:
        listed = []
        for name in file.offset_keys():
            entry = file.get_slice(name)
            kind, shape = entry.get_dtype(), tuple(entry.get_shape())
            dtype = {"BF16": "bfloat16", **_SAFE}.get(kind, kind)
            bits = int("".join(filter(str.isdigit, kind.partition("_")[0])) or 8)
            listed.append(Listed(name, shape, dtype, math.prod(shape) * bits // 8))
        return listed, dict(file.metadata() or {})


def read_safetensors(path: Path) -> Tensors:
    """What is in a .safetensors file; bfloat16 becomes float32.

    Raises: CheckpointError for a damaged file, or an element type that NumPy lacks, and without the library.
    """
    arrays, widened = {}, []
    with _opened_safetensors(path) as file:
        for name in file.offset_keys():
            kind = file.get_slice(name).get_dtype()
            if kind == "BF16":
                arrays[name] = _bfloat16_entry(path, name)
                widened.append(name)
            elif kind in _SAFE:
                arrays[name] = file.get_tensor(name)
            else:
                raise CheckpointError(f"{name!r} in {os.fspath(path)!r} is of type {kind}, which NumPy does not have")
        return Tensors(arrays, dict(file.metadata() or {}), widened)


def _bfloat16_entry(path: Path, name: str) -> Array:
    """The numbers of one entry of a file that the library has checked, and would give in a type that NumPy lacks."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        halves = np.frombuffer(file.read(end - begin), "<u2")
    array = np.empty(halves.size, np.float32)
    widen(halves, array)
    return array.reshape(entry["shape"])


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """Write a .safetensors file, all or nothing.

    Raises: CheckpointError for an element type that the format lacks (complex128), and without the library.
    """
    library = _safetensors()
    for name, array in tensors.arrays.items():
        if array.dtype not in _SAFE_NAME:
            raise CheckpointError(f"{name!r} is {array.dtype}, which .safetensors cannot hold; convert it first")
    content = library.numpy.save(
        {k: np.asarray(a, order="C") for k, a in tensors.arrays.items()}, tensors.metadata or None
    )
    with replacing(path) as file:
        file.write(content)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, EOFError, AttributeError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"cannot load {os.fspath(path)!r}: it is no .npz file of numbers ({error})") from error


def list_npz(path: Path) -> tuple[list[Listed], dict[str, str]]:
    """The arrays of an .npz file and its metadata; no numbers are read."""
    listed = []
    with _explained(path), zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            name = entry.removesuffix(".npy")
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                if file.tell() + math.prod(shape) * dtype.itemsize != archive.getinfo(entry).file_size:
                    raise ValueError(f"array {name!r} of shape {shape} is not as long as it says")
            if name != _NPZ_METADATA:
                listed.append(Listed(name, shape, dtype.name, math.prod(shape) * dtype.itemsize))
        return listed, _npz_metadata(path) if f"{_NPZ_METADATA}.npy" in archive.namelist() else {}


def _npz_metadata(path: Path) -> dict[str, str]:
    with np.load(path, allow_pickle=False) as file:
        return json.loads(str(file[_NPZ_METADATA])) if _NPZ_METADATA in file.files else {}


def read_npz(path: Path) -> Tensors:
    """What is in an .npz file, of arrays of numbers only.

    Raises: CheckpointError for a damaged file or one with objects or text in it.
    """
    list_npz(path)  # lengths that lie must not become allocations
    with _explained(path), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != _NPZ_METADATA}
        for name, array in arrays.items():
            try:
                dtypes.of(array.dtype)
            except TypeError:
                raise CheckpointError(
                    f"{name!r} in {os.fspath(path)!r} is of type {array.dtype}, which tensors do not have"
                ) from None
        return Tensors(arrays, _npz_metadata(path))


def write_npz(path: Path, tensors: Tensors) -> None:
    """Write an .npz file, all or nothing; the texts become an entry `__metadata__` in JSON."""
    arrays = dict(tensors.arrays)
    if _NPZ_METADATA in arrays:
        raise CheckpointError(
            f"a tensor called {_NPZ_METADATA!r} has no place in an .npz file, where that is the metadata's name"
        )
    if tensors.metadata:
        arrays[_NPZ_METADATA] = np.array(json.dumps(tensors.metadata))
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def of_state_dict(state: Any, where: str) -> Tensors:
    """The tensors of a state_dict; its modules' versions become metadata.

    Raises: CheckpointError that names the first entry that is no tensor.
    """
    if not isinstance(state, dict):
        raise CheckpointError(
            f"{where} holds a {type(state).__name__}, and what is converted is a state_dict: tensors by name"
        )
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            inside = [k for k, v in state.items() if isinstance(k, str) and isinstance(v, dict) and _is_state_dict(v)]
            raise CheckpointError(
                f"entry {name!r} of {where} is a {type(value).__name__}, and what is converted is a state_dict: tensors by name"
                + (f"; choose a part of it with --key: {', '.join(inside)}" if inside else "")
            )
    attributes = getattr(state, "__dict__", {})
    metadata = {k: v for k, v in attributes.get("metadata", {}).items() if isinstance(k, str) and isinstance(v, str)}
    if _VERSIONS in attributes:
        metadata[_VERSIONS] = json.dumps(attributes[_VERSIONS])
    return Tensors({name: value.detach().numpy() for name, value in state.items()}, metadata)


def _is_state_dict(value: dict[Any, Any]) -> bool:
    return bool(value) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())


def to_state_dict(tensors: Tensors) -> OrderedDict[str, Tensor]:
    """The state_dict; metadata other than the modules' versions is its attribute `metadata`."""
    state: Any = OrderedDict((name, from_array(array)) for name, array in tensors.arrays.items())
    metadata = dict(tensors.metadata)
    if _VERSIONS in metadata:
        state._metadata = OrderedDict(json.loads(metadata.pop(_VERSIONS)))
    if metadata:
        state.metadata = metadata
    return state


# By suffix: what lists, what reads, what writes.
FORMATS = {
    ".safetensors": (list_safetensors, read_safetensors, write_safetensors),
    ".npz": (list_npz, read_npz, write_npz),
}
