"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write in, which takes the place of `path` when the block ends; if it fails, what was there stays.

    Raises: FileNotFoundError if the folder does not exist.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not target.is_file():  # a folder's error, or a device or pipe, which cannot be replaced
        with open(target, "wb") as file:
            yield file
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {os.fspath(path)!r}: the folder {str(target.parent)!r} does not exist; create it first"
        )
    temporary = target.parent / f".{os.urandom(8).hex()}.tmp"
    try:
        # open() gives the permissions of any new file, which tempfile does not.
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
