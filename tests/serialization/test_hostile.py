"""Files made to do harm, or broken: one CheckpointError each, and nothing that they name is run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nptorch
from nptorch import nn, serialization
from nptorch.errors import CheckpointError
from nptorch.serialization import legacy
from tests.serialization.files import archive, error_or_value, refused, rezip, tensor

FILES = Path(__file__).parents[1] / "golden" / "checkpoints"


class Call:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments

    def __call__(self) -> None:
        """What pickle wants of a function."""


CALLS = {
    "os.system": Call(os.system, "touch hacked"),
    "eval": Call(eval, "open('hacked', 'w')"),
    "exec": Call(exec, "open('hacked', 'w')"),
    "open": Call(open, "hacked", "w"),
    "import": Call(__import__, "antigravity"),
    "popen": Call(subprocess.Popen, ["touch", "hacked"]),
    "getattr": Call(getattr, nptorch.Tensor, "__init__"),
    "getattr chain": Call(Call(getattr, Call(getattr, [], "__class__"), "__base__")),
    "a layer": Call(nn.Linear, 10**6, 10**6),
    "a function": Call(nn.functional.one_hot, 5, 10**12),
    "load": Call(serialization.load, "other.pt"),
    "bytes": Call(bytes, 10**12),
    "bytearray": Call(bytearray, 10**12),
    "list of a range": Call(list, range(10**12)),
    "set of a range": Call(set, range(10**12)),
    "object array": np.array([{}, os], dtype=object)[:1],
    "record array": np.zeros(2, [("a", "i4")]),
    "array of an array class": Call(np.ndarray, (10**9,)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("weights_only", [None, True, False])
def test_calls_are_refused(
    name: str, weights_only: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    head = b"".join(pickle.dumps(x, 2) for x in (legacy.MAGIC, legacy.PROTOCOL, {}))
    for protocol in range(6):
        for value in (CALLS[name], {"state": [CALLS[name]]}):
            refused(archive(pickle.dumps(value, protocol)), weights_only=weights_only)
            refused(head + pickle.dumps(value, protocol), weights_only=weights_only)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "pickled",
    [
        b"(S'touch hacked'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'touch hacked'\no.",  # OBJ
        b"\x82\x01.",  # EXT1
        b"cos\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"ctorch.nn.modules.linear\nLinear\n(K\x02K\x03tR.",
        b"ctorch.nn.modules.linear\nLinear\n(K\x02K\x03t\x81.",  # NEWOBJ with arguments
        b"c__builtin__\nobject\n)\x81.",
        b"ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00aK\x01e.",  # appends to a dictionary
        b"ctorch.nn.modules.linear\nLinear\n)\x81X\x01\x00\x00\x00aK\x01s.",  # sets an item of a layer
        b"ctorch.nn.modules.linear\nLinear\nX\x01\x00\x00\x00aK\x01s.",
        b"ctorch\nfloat32\n}b.",  # sets the state of a dtype
        b"ctorch.nn.modules.linear\nLinear\n)\x81}X\x08\x00\x00\x00_modulesK\x01sb.",
        b"ctorch.nn.modules.linear\nLinear\n)\x81}X\x0b\x00\x00\x00_parameters}K\x01K\x02ssb.",
        b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
        b"c__builtin__\ngetattr\nctorch._C\n_VariableFunctionsClass\nX\x08\x00\x00\x00__init__\x86R.",
        b"ctorch.nn.functional\nnumpy\n.",
        b"ctorch.nn.init\nmath\n.",
        b"ctorch\nload\n.",
        b"ctorchvision.models.resnet\nos\n.",
        b"cnptorch.nn\nfunctional\n.",
        b"ctorch.storage\n_load_from_bytes\nX\x01\x00\x00\x00a\x85R.",
        b"X\x01\x00\x00\x00aQ.",  # a persistent id of its own
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x02\x00\x00\x00..X\x03\x00\x00\x00cpuK\x01tQ.",
        b"]K\x01\x90.",
    ],
)
def test_instructions_are_refused(pickled: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(archive(pickled))
    assert os.listdir(tmp_path) == []


def test_user_classes_that_are_no_modules_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        ("os", "system"),
        ("nptorch", "Generator"),
        ("sys", "modules"),
        ("pickle", "Unpickler"),
        ("tests", "x.y"),
    ):
        refused(archive(f"c{module}\n{name}\n.".encode()), f"{module}.{name}")


def test_deep_nesting_is_no_crash() -> None:
    depth = 200_000
    found = serialization.load(archive(b"]" * depth + b"a" * (depth - 1) + b"."))
    for _ in range(depth - 1):
        found = found.pop()
    assert found == []
    refused(archive(b"(" * depth + b"."))


def test_keys_that_take_years_to_hash() -> None:
    pairs = b")" + b"q\0h\0\x86" * 1 + b"".join(b"q\x01h\x01\x86" for _ in range(60))
    for pickled in (
        b"}" + pairs + b"Ns.", b"(" + pairs + b"Nd.", b"\x8f(" + pairs + b"\x90.", b"(" + pairs + b"\x91.",
        b"c__builtin__\nset\n]" + pairs + b"a\x85R.", pairs + b")R.", b"ctorch\nSize\n" + pairs + b"\x85R.",
    ):  # fmt: skip
        refused(archive(b"\x80\x04" + pickled))


# --- storages and sizes that lie ---


def test_the_tensor_as_it_should_be() -> None:
    assert serialization.load(archive(tensor(), bytes(16))).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "lies",
    [
        {"count": 5}, {"count": 3}, {"count": 10**15}, {"count": -4}, {"count": "4"}, {"size": (5,)}, {"size": (10**12,)}, {"size": (-1,)},
        {"offset": 1}, {"offset": -1}, {"offset": 10**30}, {"stride": (2,)}, {"stride": (-1,)}, {"stride": (1, 1)}, {"size": (2, 2**62)},
        {"size": 4}, {"size": (4.0,)}, {"size": (True,)}, {"kind": "DoubleStorage"}, {"kind": "Tensor"}, {"key": "1"}, {"key": "../version"},
        {"size": (2**40, 2**40), "stride": (0, 0)},
    ],
)  # fmt: skip
def test_sizes_that_lie(lies: dict[str, Any]) -> None:
    refused(archive(tensor(**lies), bytes(16)))


def test_a_tensor_one_element_too_long() -> None:
    refused(archive(tensor(offset=1), bytes(16)), "reaches beyond its 4 stored elements")


def test_appending_to_a_layer() -> None:
    refused(archive(b"ctorch.nn.modules.container\nSequential\n)\x81(K\x01e."), "appends to a Sequential")


def test_legacy_storage_of_another_length() -> None:
    content = (FILES / "checkpoint_legacy.pt").read_bytes()
    place = content.rindex(struct.pack("<q", 16))  # the random state comes last or all are as long as this one
    refused(content[:place] + struct.pack("<q", 8) + content[place + 8 :], "8 elements, and 16 were promised")


def test_one_storage_of_two_types() -> None:
    both = b"(" + tensor()[2:-1] + tensor(kind="IntStorage")[2:-1] + b"t."
    refused(archive(both, bytes(16)), "read as IntStorage and as FloatStorage")


def test_numpy_arrays_that_lie() -> None:
    good = pickle.dumps(np.arange(3, dtype=np.int16), 2)
    assert serialization.load(archive(good)).tolist() == [0, 1, 2]
    for old, new in ((b"K\x03\x85", b"K\x7f\x85"), (b"i2", b"O8"), (b"i2", b"i8"), (b"numpy ndarray", b"numpy matrix")):
        if old in good:
            refused(archive(good.replace(old, new)))


def test_memory_stays_below_four_times_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    serialization.save({"a": nptorch.ones(1_000_000), "b": nptorch.zeros(300, 300)}, path)
    size = path.stat().st_size
    content = path.read_bytes()
    lies = [content, content[:-100], content.replace(b"\x8a\x03", b"\x8a\x02"), content[: size // 2]]
    for number, changed in enumerate(lies):
        (tmp_path / "b.pt").write_bytes(changed)
        tracemalloc.start()
        try:
            serialization.load(tmp_path / "b.pt")
        except CheckpointError:
            assert number
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * size


# --- zip files that lie ---


def test_archives_that_lie() -> None:
    assert serialization.load(rezip(lambda entries: entries))["a"].tolist() == [0, 1, 2, 3]
    refused(rezip(lambda entries: entries, zipfile.ZIP_DEFLATED), "compressed")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = rezip(lambda entries: [*entries, entries[0]])
    refused(twice, "same name")
    refused(rezip(lambda entries: entries[1:]), "without data.pkl")
    refused(rezip(lambda entries: []), "it is no checkpoint")
    refused(rezip(lambda entries: [e for e in entries if "data/0" not in e[0]]), "'data/0' is missing")
    refused(rezip(lambda entries: [*entries, ("archive/constants.pkl", b"")]), "TorchScript")
    refused(
        rezip(lambda entries: [(n, b"99" if n.endswith("/version") else c) for n, c in entries]), "format version is 99"
    )
    refused(rezip(lambda entries: [(n, b"odd" if n.endswith("byteorder") else c) for n, c in entries]), "byte order")


def test_overlapping_entries() -> None:
    content = rezip(lambda entries: [*entries, *[(f"archive/data/{n}", bytes(1000)) for n in range(1, 9)]]).getvalue()
    start = content.index(b"PK\1\2")
    first = content.index(b"archive/data/1") - 30
    # every large entry points at the same bytes, and these are said to be the whole file
    for n in range(1, 9):
        record = content.index(b"archive/data/%d" % n, start) - 46
        fields = bytearray(content[record : record + 46])
        struct.pack_into("<II", fields, 20, len(content) - first - 50, len(content) - first - 50)
        struct.pack_into("<I", fields, 42, first)
        content = content[:record] + bytes(fields) + content[record + 46 :]
    refused(content, "overlaps another one")


def test_changed_bytes_are_noticed() -> None:
    file = io.BytesIO()
    serialization.save({"a": nptorch.arange(4.0)}, file)
    content = bytearray(file.getvalue())
    place = content.index(np.arange(4.0, dtype=np.float32).tobytes())
    content[place + 5] ^= 1
    refused(bytes(content), "'data/0' is damaged: its checksum")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "mixed.pt", "mixed_legacy.pt"])
def test_every_cut_is_noticed(name: str) -> None:
    if name == "small":
        file = io.BytesIO()
        serialization.save({"a": nptorch.arange(4.0)}, file)
        content = file.getvalue()
    else:
        content = (FILES / name).read_bytes()
    for length in range(len(content)):
        with pytest.raises(CheckpointError):
            serialization.load(io.BytesIO(content[:length]))


MODEL = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_noise_in_the_pickle_is_an_error_or_a_value(data: Any) -> None:
    source = data.draw(st.sampled_from(["mixed.pt", "checkpoint.pt", "model"]))
    file = io.BytesIO()
    if source == "model":
        serialization.save(MODEL, file)
    with zipfile.ZipFile(file if source == "model" else FILES / source) as old:
        names = old.namelist()
        pickled = bytearray(old.read(names[0]))
        blocks = [old.read(name) for name in names if "/data/" in name]
    for _ in range(data.draw(st.integers(1, 4))):
        pickled[data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    error_or_value(archive(bytes(pickled), *blocks))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_noise_in_the_file_is_an_error_or_a_value(data: Any) -> None:
    content = bytearray(
        (FILES / data.draw(st.sampled_from(["mixed.pt", "mixed_legacy.pt", "checkpoint_legacy.pt"]))).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    error_or_value(io.BytesIO(bytes(content)))
