"""Checkpoint files made byte by byte, and what loading them must do."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import serialization
from nptorch.errors import CheckpointError
from nptorch.serialization.archive import write_archive


def archive(pickled: bytes, *blocks: bytes) -> io.BytesIO:
    """A checkpoint around a pickle."""
    file = io.BytesIO()
    write_archive(file, "archive", pickled, [np.frombuffer(block, np.uint8) for block in blocks])
    file.seek(0)
    return file


def refused(content: Any, text: str = "cannot load", **options: Any) -> None:
    """Loading raises CheckpointError."""
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    with pytest.raises(CheckpointError, match=text):
        serialization.load(file, **options)


def error_or_value(file: io.BytesIO) -> None:
    """Loading gives a value or a CheckpointError, nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bfloat16 may come along
            serialization.load(file)
    except CheckpointError as error:
        assert str(error).startswith("cannot load 'BytesIO'")


def tensor(
    count: Any = 4, offset: Any = 0, size: Any = (4,), stride: Any = (1,), kind: str = "FloatStorage", key: str = "0"
) -> bytes:
    """The pickle of one tensor."""

    class Stored:
        pass

    class Writer(pickle._Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", "KIND", key, "cpu", count) if isinstance(obj, Stored) else None

    file = io.BytesIO()
    Writer(file, 2).dump(("REBUILD", (Stored(), offset, size, stride, False, None)))
    content = file.getvalue()[:-1]
    kind_bytes, rebuild = b"X\x04\0\0\0KIND", b"X\x07\0\0\0REBUILD"
    content = content.replace(kind_bytes, b"ctorch\n%s\n" % kind.encode()).replace(
        rebuild, b"ctorch._utils\n_rebuild_tensor_v2\n"
    )
    # the tuple of function and arguments becomes a call
    end = content.rindex(b"\x86")
    return content[:end] + b"R."


def rezip(change: Any, compression: int = zipfile.ZIP_STORED) -> io.BytesIO:
    """A good file with the list of its (name, content) changed."""
    good, made = io.BytesIO(), io.BytesIO()
    serialization.save({"a": nptorch.arange(4.0)}, good)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(made, "w", compression) as new:
        for name, content in change([(name, old.read(name)) for name in old.namelist()]):
            new.writestr(name, content)
    made.seek(0)
    return made
