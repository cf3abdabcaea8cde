"""What `nptorch show checkpoint` prints, and `nptorch convert` does."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nptorch.app.catalog import UsageError
from nptorch.errors import CheckpointError
from nptorch.serialization import formats, load, save
from nptorch.serialization.standin import StandIn, outline


class Entry(NamedTuple):
    """A tensor in a file; `first`: the tensor before it that lies in the same memory."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    first: str | None = None


class Contents(NamedTuple):
    """What is in a file: its tensors, plain values beside them, texts about it, and the classes that it would need."""

    format: str
    entries: list[Entry]
    values: dict[str, Any]
    metadata: dict[str, str]
    classes: list[str]
    parts: list[str] = []

    @property
    def parameters(self) -> int:
        """Numbers in all tensors, those in shared memory counted once."""
        return _parameters(self.entries)

    @property
    def bytes(self) -> int:
        """Bytes of all tensors, shared memory counted once."""
        return sum(entry.bytes for entry in self.entries if entry.first is None)


def _parameters(entries: Iterable[Entry]) -> int:
    return sum(math.prod(entry.shape) for entry in entries if entry.first is None)


def kind_of(path: Path) -> str:
    """The format of a file, by what it starts with: .npz is a zip file as .pt is.

    Raises: CheckpointError for a file of another kind.
    """
    with open(path, "rb") as file:
        head = file.read(9)
        if head[:2] == b"PK" and zipfile.is_zipfile(file):
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                return ".npz" if all(name.endswith(".npy") for name in archive.namelist()) else ".pt"
    if head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return ".pt"
    if head[8:9] == b"{":
        return ".safetensors"
    return path.suffix


def look(path: Path) -> Contents:
    """What is in a checkpoint, without making anything of the classes that it names and without reading its tensors."""
    kind = kind_of(path)
    if kind in formats.FORMATS:
        listed, metadata = formats.FORMATS[kind][0](path)
        return Contents(kind[1:], [Entry(*entry) for entry in listed], {}, metadata, [])
    seen = outline(path)
    places: dict[Any, str] = {}
    entries = []
    for name, tensor in seen.tensors():
        first = places.setdefault((tensor.storage, tensor.offset), name)
        size = math.prod(tensor.shape) * tensor.itemsize
        entries.append(Entry(name, tensor.shape, tensor.dtype, size, None if first == name else first))
    top = seen.content if isinstance(seen.content, dict) else {}
    values = {str(k): v for k, v in top.items() if _is_plain(v)}
    parts = [str(k) for k, v in top.items() if isinstance(v, dict | list | tuple | StandIn)]
    return Contents("pt", entries, values, {}, seen.unknown, parts)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def as_json(path: Path, contents: Contents) -> str:
    """One JSON object."""
    return json.dumps(
        {
            "file": str(path),
            "format": contents.format,
            "tensors": [{**entry._asdict(), "shape": list(entry.shape)} for entry in contents.entries],
            "parameters": contents.parameters,
            "bytes": contents.bytes,
            "values": contents.values,
            "metadata": contents.metadata,
            "classes": contents.classes,
        },
        ensure_ascii=False,
    )


def as_text(contents: Contents) -> Iterator[str]:
    """A line for each tensor, then the totals and what else there is."""
    rows = [("tensor", "shape", "dtype", "bytes")]
    rows += [
        (_shown(e.name) or "(the tensor)", "x".join(map(str, e.shape)) or "-", e.dtype, f"{e.bytes:,}")
        for e in contents.entries
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row, entry in zip(rows, [None, *contents.entries], strict=True):
        shared = f"  (shares memory with {_shown(entry.first)})" if entry and entry.first else ""
        yield (
            "  ".join(f"{c:>{w}}" if i == 3 else f"{c:<{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            + shared
        )
    yield ""
    yield (
        f".{contents.format}: {len(contents.entries):,} tensors, {contents.parameters:,} parameters, "
        f"{contents.bytes / 2**20:.2f} MiB"
    )
    for part in contents.parts:
        inside = [entry for entry in contents.entries if entry.name.startswith(f"{part}.")]
        if inside:
            yield f"  {_shown(part)}: {len(inside):,} tensors, {_parameters(inside):,} parameters"
    for title, found in (("values", contents.values), ("metadata", contents.metadata)):
        if found:
            yield f"{title}: " + ", ".join(f"{_shown(k)}={_shown(str(v))}" for k, v in found.items())
    if contents.classes:
        yield "classes and functions that it names: " + ", ".join(map(_shown, contents.classes))


def _shown(text: str) -> str:
    """A text of the file without what could move a terminal's cursor, and not endless."""
    short = text if len(text) <= 120 else text[:117] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


def convert(source: Path, target: Path, key: str | None) -> str:
    """Write the state_dict of a file in the format that the other's name asks for; returns what was done.

    key: the part of a .pt checkpoint that is the state_dict, such as "model".
    Raises: UsageError for a name of no known format; CheckpointError for what a format cannot hold.
    """
    known = (".pt", ".pth", *formats.FORMATS)
    if target.suffix not in known:
        raise UsageError(f"cannot tell the format of {str(target)!r}; its name must end with one of {', '.join(known)}")
    kind = kind_of(source)
    if kind in formats.FORMATS:
        if key is not None:
            raise UsageError(f"--key chooses a part of a .pt file, and {str(source)!r} is a {kind} file")
        tensors = formats.FORMATS[kind][1](source)
    else:
        state = load(source, weights_only=True)
        if key is not None:
            if not isinstance(state, dict) or key not in state:
                found = ", ".join(map(str, state)) if isinstance(state, dict) else f"a {type(state).__name__}"
                raise CheckpointError(f"{str(source)!r} has no part {key!r}; it holds {found}")
            state = state[key]
        tensors = formats.of_state_dict(state, repr(str(source)) if key is None else f"{key!r} of {str(source)!r}")
    if target.suffix in formats.FORMATS:
        formats.FORMATS[target.suffix][2](target, tensors)
    else:
        save(formats.to_state_dict(tensors), target)
    parts = [f"wrote {len(tensors.arrays):,} tensors to {target}"]
    if tensors.widened:
        parts.append(f"{len(tensors.widened)} of them were bfloat16 and are float32 now")
    return "; ".join(parts)
