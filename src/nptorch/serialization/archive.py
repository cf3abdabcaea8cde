"""The zip files that PyTorch keeps checkpoints in: entries stored as they are, each at a multiple of 64 bytes.

Source: https://pytorch.org/docs/stable/notes/serialization.html#serialized-file-format-for-torch-save
"""

from __future__ import annotations

import functools
import mmap
import os
import struct
import sys
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from nptorch.errors import CheckpointError

ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, lengths of the name and of the extra field
_ZIP64_FIELD = 20
_UTF8 = 0x800
_ZIP64_FROM = 1 << 30
_NEWEST_VERSION = 10
# A directory of this size names a hundred thousand storages; zipfile makes ten times as much of it in memory.
_MAX_DIRECTORY = 8 << 20


def write_archive(file: IO[bytes], root: str, pickled: Any, blocks: list[np.ndarray[Any, Any]]) -> None:
    """Write a pickle and its storages (uint8 arrays), as entries below the folder `root`."""
    with zipfile.ZipFile(file, "w") as archive:
        _write(archive, f"{root}/data.pkl", pickled)
        _write(archive, f"{root}/.format_version", b"1")
        _write(archive, f"{root}/.storage_alignment", b"%d" % ALIGNMENT)
        _write(archive, f"{root}/byteorder", sys.byteorder.encode())
        for key, block in enumerate(blocks):
            _write(archive, f"{root}/data/{key}", block)
        _write(archive, f"{root}/version", b"3\n")
        # PyTorch's is as long and as arbitrary; this one depends on the content alone, so that equal objects give equal files.
        sums = [zlib.crc32(repr([(i.filename, i.CRC, salt) for i in archive.infolist()]).encode()) for salt in range(4)]
        _write(archive, f"{root}/.data/serialization_id", b"%010d%010d%010d%010d" % tuple(sums))


def _write(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.file_size = len(content)
    large = info.file_size > _ZIP64_FROM
    before = archive.fp.tell() + _LOCAL_HEADER.size + len(name.encode()) + (_ZIP64_FIELD if large else 0) + 4  # type: ignore[union-attr]
    padding = -before % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    with archive.open(info, "w", force_zip64=large) as entry:
        entry.write(content)


class _Limited:
    """A file for zipfile, which reads the directory at once, however long the file says that it is."""

    def __init__(self, file: IO[bytes]) -> None:
        self.seek, self.tell, self._read = file.seek, file.tell, file.read

    def read(self, count: int = -1) -> bytes:
        """Raises: CheckpointError for more than a directory may take."""
        if count > _MAX_DIRECTORY:
            raise CheckpointError(f"its directory has {count:,} bytes; up to {_MAX_DIRECTORY:,} are read")
        return self._read(count)


class Archive:
    """A checkpoint's entries, for reading; `path`: where the file is, to map entries into memory instead of reading them.

    shared: whether changes of mapped memory go to the file.
    Raises: CheckpointError if the entries' sizes and places cannot be true.
    """

    def __init__(self, file: IO[bytes], path: str | None = None, *, shared: bool = False) -> None:
        self._file, self._path, self._shared = file, path, shared
        self._length = file.seek(0, os.SEEK_END)
        try:
            with zipfile.ZipFile(_Limited(file)) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise CheckpointError(
                "the file is damaged or cut off: it starts as a zip file but has no directory at its end"
            ) from error
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise CheckpointError("two entries have the same name")
        if any(
            entry.compress_type or entry.flag_bits & 1 or entry.file_size != entry.compress_size for entry in entries
        ):
            raise CheckpointError(
                "its entries are compressed or encrypted, which PyTorch's files never are; pack it with `zip -0`"
            )
        end = self._length
        for entry in sorted(entries, key=lambda entry: -entry.header_offset):
            if entry.header_offset + _LOCAL_HEADER.size + entry.file_size > end:
                raise CheckpointError(f"entry {entry.filename!r} overlaps another one or the end of the file")
            end = entry.header_offset
        self._root = entries[0].filename.partition("/")[0] if entries else ""
        if "data.pkl" not in self:
            raise CheckpointError("it is a zip file without data.pkl, so no checkpoint of save()")
        if "constants.pkl" in self:
            raise CheckpointError(
                "it is a TorchScript archive, which holds code; load it in PyTorch and save its state_dict()"
            )
        version = bytes(self.read("version")).strip() if "version" in self else b"3"
        if not version.isdigit() or int(version) > _NEWEST_VERSION:
            raise CheckpointError(
                f"its format version is {version.decode('ascii', 'replace')}; up to {_NEWEST_VERSION} can be read"
            )

    def __contains__(self, name: str) -> bool:
        return f"{self._root}/{name}" in self._entries

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of an entry, checked against their checksum.

        Raises: CheckpointError if there is no such entry, or the file was changed.
        """
        start, entry = self._locate(name)
        content = np.empty(entry.file_size, np.uint8)
        self._file.seek(start)
        if self._file.readinto(content) != content.size or zlib.crc32(content.data) != entry.CRC:  # type: ignore[attr-defined]
            raise CheckpointError(f"entry {name!r} is damaged: its checksum does not fit")
        return content

    def map(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of an entry, read when they are looked at; changes stay in memory unless `shared`."""
        start, entry = self._locate(name)
        if entry.file_size == 0:
            return np.empty(0, np.uint8)
        return np.frombuffer(self._memory, np.uint8, entry.file_size, start)

    @functools.cached_property
    def _memory(self) -> mmap.mmap:
        assert self._path is not None
        with open(self._path, "r+b" if self._shared else "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_WRITE if self._shared else mmap.ACCESS_COPY)

    def _locate(self, name: str) -> tuple[int, zipfile.ZipInfo]:
        if name not in self:
            raise CheckpointError(f"entry {name!r} is missing")
        entry = self._entries[f"{self._root}/{name}"]
        self._file.seek(entry.header_offset)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
        start = entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        if signature != b"PK\3\4" or start + entry.file_size > self._length:
            raise CheckpointError(f"entry {name!r} is not where the directory says")
        written = self._file.read(name_length).decode("utf-8" if entry.flag_bits & _UTF8 else "cp437")
        if written != entry.orig_filename:
            raise CheckpointError(f"entry {name!r} is called {written!r} where it lies")
        return start, entry
