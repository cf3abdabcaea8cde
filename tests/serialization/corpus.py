"""Small files that attack: every instruction of a pickle where it does not belong, bombs, and zip files that lie."""

from __future__ import annotations

import pickle
import pickletools
import struct
import zipfile
from collections.abc import Iterator

from nptorch.serialization import legacy
from tests.serialization.files import archive, rezip, tensor

# What stands before an instruction: what it finds on the stack.
STACKS = {
    "nothing": b"",
    "numbers": b"K\x01K\x02K\x03",
    "texts": b"X\x02\0\0\0osX\x06\0\0\0system",
    "list": b"](K\x01K\x02",
    "dict": b"}(K\x01K\x02",
    "list as key": b"}(]]",
    "class": b"ccollections\nOrderedDict\n)",
    "function": b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02t",
    "layer": b"ctorch.nn.modules.linear\nLinear\n)\x81}",
    "layer in a mark": b"(ctorch.nn.modules.linear\nLinear\nK\x01",
    "dtype": b"ctorch\nfloat32\nX\x04\0\0\0name",
    "tensor": tensor()[:-1] + b"}",
}
# What follows an instruction that wants an argument, by pickletools' name for its kind.
ARGUMENTS = {
    None: [b""], "uint1": [b"\xff"], "uint2": [b"\xff\xff"], "int4": [b"\xff\xff\xff\xff"], "uint4": [b"\xff\xff\xff\xff"],
    "uint8": [b"\xff" * 8, b"\0\0\0\0\1\0\0\0"], "decimalnl_short": [b"99999999\n", b"-1\n", b"x\n"], "decimalnl_long": [b"9" * 5000 + b"L\n"],
    "floatnl": [b"nan\n", b"x\n"], "float8": [b"\xff" * 8], "stringnl": [b"'a'\n", b"os\n"], "stringnl_noescape": [b"0\n"],
    "stringnl_noescape_pair": [b"os\nsystem\n", b"builtins\neval\n", b"nptorch\nload\n", b"torch.nn.modules.x\nfunctional\n"],
    "unicodestringnl": [b"\\ud800\n"], "string1": [b"\xff"], "string4": [b"\xff\xff\xff\x7f"], "bytes1": [b"\xff"], "bytes4": [b"\xff" * 4],
    "bytes8": [b"\xff" * 7 + b"\x7f", b"\0\0\0\0\1\0\0\0"], "bytearray8": [b"\xff" * 7 + b"\x7f", b"\0\0\0\0\1\0\0\0"],
    "unicodestring1": [b"\xff\xff"], "unicodestring4": [b"\xff\xff\xff\xff"], "unicodestring8": [b"\0\0\0\0\1\0\0\0"],
    "long1": [b"\xff"], "long4": [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff"],
}  # fmt: skip


# What comes before the object in a legacy file.
PICKLED_HEAD = [pickle.dumps(value, 2) for value in (legacy.MAGIC, legacy.PROTOCOL, {})]


def instructions() -> Iterator[tuple[str, bytes]]:
    """Each instruction with lying arguments behind each stack."""
    for code in pickletools.opcodes:
        for argument in ARGUMENTS[code.arg.name if code.arg else None]:
            for what, stack in STACKS.items():
                yield f"{code.name} after {what}", b"\x80\x02" + stack + code.code.encode("latin1") + argument + b"."


def _collisions(count: int) -> list[bytes]:
    """Integers that all have the hash 0."""
    return [b"\x8a\x0a" + ((2**61 - 1) * i).to_bytes(10, "little") for i in range(1, count)]


def _tuple_of_ones(i: int) -> bytes:
    """A tuple of -1 and -2, which have the same hash, by the bits of a number."""
    return b"(" + b"".join(b"J\xff\xff\xff\xff" if i >> bit & 1 else b"J\xfe\xff\xff\xff" for bit in range(14)) + b"t"


def _copies(function: bytes, of: bytes, count: int) -> bytes:
    """A list of many copies of one object, each made by a call of five bytes."""
    return of + b"q\0" + b"0c" + function + b"\nq\x010](" + b"h\x01h\0\x85R" * count + b"e."


def bombs(n: int) -> dict[str, bytes]:
    """Pickles of some n bytes that describe much more, or take long."""
    items = b"".join(b"M" + i.to_bytes(2, "little") + b"N" for i in range(n // 40))
    return {
        "lists": b"]" * n + b".",
        "dictionaries": b"}" * n + b".",
        "sets": b"\x80\x04" + b"\x8f" * n + b".",
        "marks": b"(" * n + b".",
        "memo": b"\x80\x04]" + b"\x94" * n + b".",
        "tuples": b")" + b"\x85" * n + b".",
        "small integers": b"](" + b"K\x07" * n + b"e.",
        "integers": b"](" + b"M\0\x02" * n + b"e.",
        "bytearrays": _copies(b"__builtin__\nbytearray", b"\x80\x04B" + struct.pack("<I", n) + bytes(n), n // 10),
        "lists of a list": _copies(b"__builtin__\nlist", b"](" + b"K\x01" * (n // 2) + b"e", n // 10),
        "sets of a list": _copies(b"__builtin__\nset", b"](" + b"K\x01" * (n // 2) + b"e", n // 100),
        "attributes": b"}(" + items + b"uq\x000ccollections\nOrderedDict\nq\x010](" + b"h\x01)Rh\0b" * (n // 10) + b"e.",
        "colliding keys": b"}(" + b"N".join(_collisions(n // 12)) + b"Nu.",
        "colliding keys one by one": b"}" + b"Ns".join(_collisions(n // 12)) + b"Ns.",
        "colliding elements": b"\x80\x04\x8f(" + b"".join(_collisions(n // 12)) + b"\x90.",
        "colliding tuples": b"}(" + b"".join(_tuple_of_ones(i) + b"N" for i in range(min(n // 80, 2**14))) + b"u.",
        "nested keys": b"})" + b"".join(b"q\x01h\x01\x86" for _ in range(60)) + b"Ns.",
        "digits": b"L" + b"9" * n + b"L\n.",
        "calls with many arguments": b"(" + b"K\x01" * (n // 2) + b"tq\x000ctorch\nSize\nq\x010](" + b"h\x01h\0R" * (n // 8) + b"e.",
    }  # fmt: skip


def _directory(content: bytes, name: bytes) -> int:
    """Where the directory's record of an entry starts."""
    return content.index(name, content.index(b"PK\1\2")) - 46


def _changed(field: int, code: str, value: int, name: bytes = b"archive/data/0") -> bytes:
    """A good file in whose directory one number is another."""
    content = bytearray(archive(tensor(), bytes(16)).getvalue())
    struct.pack_into(code, content, _directory(bytes(content), name) + field, value)
    return bytes(content)


def zips() -> dict[str, bytes]:
    """Zip files that lie about themselves."""
    good = archive(tensor(), bytes(16)).getvalue()
    end = good.index(b"PK\5\6")
    renamed = {
        f"an entry called {new!r}": good.replace(b"archive/data/0", new)
        for new in (b"../../../tmp/a", b"/tmp/a/data/00", b"archive\\data\\0", b"archive/data/\0", b"archive//ata/0", b"archive/../d/0", b"C:archive/da/0")
    }  # fmt: skip
    return {
        **renamed,
        "another name in the directory": good[: good.index(b"PK\1\2")]
        + good[good.index(b"PK\1\2") :].replace(b"data/0", b"data/1"),
        "a wrong checksum": _changed(16, "<I", 1),
        "a size of 4 GiB": _changed(24, "<I", 0xFFFFFFF0),
        "a compressed size of 4 GiB": _changed(20, "<I", 0xFFFFFFF0),
        "a size of nothing": _changed(24, "<I", 0),
        "a place beyond the end": _changed(42, "<I", len(good) + 100),
        "a place in another entry": _changed(42, "<I", 0),
        "compression that nobody knows": _changed(10, "<H", 99),
        "a version that nobody knows": _changed(6, "<H", 0xFFFF),
        "encryption": _changed(8, "<H", 1),
        "the place of the directory": good[: end + 16] + struct.pack("<I", len(good) * 2) + good[end + 20 :],
        "the size of the directory": good[: end + 12] + struct.pack("<I", 0xFFFFFFF0) + good[end + 16 :],
        "a zip64 record that is missing": good[: end + 8] + b"\xff" * 12 + good[end + 20 :],
        "a zip bomb": rezip(
            lambda entries: [(n, bytes(10**6) if n.endswith("/0") else c) for n, c in entries], zipfile.ZIP_DEFLATED
        ).getvalue(),
        "nothing but a directory": b"PK\3\4" + good[good.index(b"PK\1\2") :],
        "an empty directory": b"PK\3\4" + b"PK\5\6" + bytes(18),
    }
