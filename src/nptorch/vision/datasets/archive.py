"""Unpacking downloaded archives without trusting them."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nptorch.errors import DataError
from nptorch.vision.datasets.download import REFETCH

_CHUNK = 1 << 20


def extract_gzip(archive: str | os.PathLike[str], target: str | os.PathLike[str], *, max_bytes: int = 1 << 31) -> None:
    """Unpack a .gz file; `target` appears complete or not at all.

    Raises: DataError if the archive is damaged or unpacks to more than max_bytes.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with gzip.open(archive) as source, open(temporary, "wb") as out:
            _copy(source, out, max_bytes, archive)
        os.replace(temporary, target)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(_damaged(archive, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def extract_tar(archive: str | os.PathLike[str], folder: str | os.PathLike[str], *, max_bytes: int = 1 << 33) -> None:
    """Unpack the plain files and folders of a .tar or .tar.gz into `folder`; every file appears complete or not at all.

    Raises: DataError if the archive is damaged, would write outside `folder`, holds links or devices, or unpacks to
    more than max_bytes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    left = max_bytes
    temporary = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder))
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                place = temporary / _inside(member.name, archive)
                if member.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                source = tar.extractfile(member) if member.isreg() else None
                if source is None:
                    raise DataError(
                        f"{archive} holds {member.name!r}, which is a link or a device; only files are unpacked"
                    )
                place.parent.mkdir(parents=True, exist_ok=True)
                with source, open(place, "wb") as out:
                    left = _copy(source, out, left, archive)
        for entry in temporary.iterdir():
            _move(entry, folder / entry.name)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(_damaged(archive, error)) from error
    finally:
        shutil.rmtree(temporary)


def _inside(name: str, archive: str | os.PathLike[str]) -> PurePosixPath:
    path = PurePosixPath(name)
    # Windows takes backslashes and drive letters for paths, too.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise DataError(f"{archive} holds {name!r}, which would be written outside the folder")
    return path


def _copy(source: Any, out: IO[bytes], limit: int, archive: str | os.PathLike[str]) -> int:
    """Copy all; how much of the limit is left."""
    while chunk := source.read(_CHUNK):
        limit -= len(chunk)
        if limit < 0:
            raise DataError(f"{archive} unpacks to more than the limit; it is not the file it should be, delete it")
        out.write(chunk)
    return limit


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for entry in source.iterdir():
            _move(entry, target / entry.name)
    else:
        os.replace(source, target)


def _damaged(archive: str | os.PathLike[str], error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:  # the disk's fault, not the archive's
        return f"{archive} cannot be unpacked: {error}"
    fault = "no tar archive" if isinstance(error, tarfile.TarError) else error
    return f"{archive} cannot be unpacked ({fault}); {REFETCH}"
