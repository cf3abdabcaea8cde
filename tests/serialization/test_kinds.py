"""Values of many kinds in checkpoints: storages, lazy views, generators, namespaces, dates, classes of the user's."""

from __future__ import annotations

import dataclasses
import enum
import io
import struct
import zipfile
from argparse import Namespace
from collections import defaultdict, namedtuple
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim, serialization
from nptorch.errors import CheckpointError
from nptorch.tensor import from_array
from nptorch.utils.data import Subset, TensorDataset
from tests.serialization.files import archive, refused, rezip, tensor

FILES = Path(__file__).parents[1] / "golden" / "checkpoints"


def through(save: Any, load: Any, value: Any, **options: Any) -> Any:
    """The value after one writes and the other reads it."""
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file, **options)


def here(value: Any, **options: Any) -> Any:
    """What comes back to us."""
    return through(serialization.save, serialization.load, value, **options)


PLAIN = {
    "namespace": Namespace(lr=0.1, name="x"), "simple": SimpleNamespace(a=1), "day": date(2020, 2, 3), "path": PurePosixPath("a/b"),
    "moment": datetime(2020, 2, 3, 4, 5, tzinfo=UTC), "span": timedelta(hours=5), "default": defaultdict(list, a=[1]),
    "ellipsis": ..., "kind": np.float32,
}  # fmt: skip


@pytest.mark.parametrize("name", ["kinds", "kinds_legacy"])
@pytest.mark.parametrize("mmap", [False, True])
def test_files_of_pytorch(name: str, mmap: bool) -> None:
    if mmap and "legacy" in name:
        pytest.skip("the older format cannot be mapped")
    found = serialization.load(FILES / f"{name}.pt", mmap=mmap, weights_only=False)
    assert {key: found[key] for key in PLAIN} == PLAIN
    assert found["conjugate"].tolist() == [1 - 2j, 3 + 4j] and found["negative"].tolist() == [-2, 4]
    assert found["typed"].tolist() == [0, 1, 2, 3, 4, 5] and found["longs"].tolist() == [4, 5]
    found["typed"][0] = 9
    assert found["base"][0] == 9  # one memory
    assert found["untyped"].tolist() == list(np.float32(1).tobytes())
    assert found["layout"] is nptorch.strided and found["dtype"] is nptorch.bfloat16
    assert type(found["optimizer"]) is optim.SGD and found["optimizer"].param_groups[0]["lr"] == 0.5
    assert type(found["scheduler"]) is optim.lr_scheduler.StepLR and found["scheduler"].optimizer is found["optimizer"]
    assert found["packed"].data.tolist() == [1, 0, 1] and type(found["packed"]) is nn.utils.rnn.PackedSequence
    assert type(found["dataset"]) is TensorDataset and found["dataset"].tensors[0] is found["base"]
    if "generator" in found:
        assert found["generator"].initial_seed() == 7
        same = nptorch.Generator().manual_seed(7)
        assert nptorch.rand(5, generator=found["generator"]).tolist() == nptorch.rand(5, generator=same).tolist()


def test_plain_values_go_to_pytorch_and_back() -> None:
    torch = pytest.importorskip("torch")
    assert here(PLAIN) == PLAIN
    assert through(serialization.save, torch.load, PLAIN, weights_only=False) == PLAIN


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_what_is_ours_goes_to_pytorch() -> None:
    torch = pytest.importorskip("torch")
    base = nptorch.arange(6.0)
    parameter = nn.Parameter(nptorch.ones(2))
    optimizer = optim.Adam([parameter], lr=0.5)
    parameter.sum().backward()
    optimizer.step()
    ours = {
        "base": base, "untyped": nptorch.ones(2).untyped_storage(), "typed": base.storage(), "layout": nptorch.strided,
        "generator": nptorch.Generator().manual_seed(5), "optimizer": optimizer, "packed": nn.utils.rnn.pack_sequence([base]),
        "dataset": Subset(TensorDataset(base), [1, 2]), "dtype": nptorch.bfloat16, "parameter": parameter,
    }  # fmt: skip
    theirs = through(serialization.save, torch.load, ours, weights_only=False)
    assert theirs["typed"].tolist() == base.tolist() and theirs["typed"].data_ptr() == theirs["base"].data_ptr()
    assert theirs["untyped"].tolist() == ours["untyped"].tolist()
    assert theirs["layout"] is torch.strided and theirs["dtype"] is torch.bfloat16
    assert theirs["generator"].initial_seed() == 5
    wanted = torch.rand(4, generator=torch.Generator().manual_seed(5))
    assert torch.equal(torch.rand(4, generator=theirs["generator"]), wanted)
    assert type(theirs["optimizer"]) is torch.optim.Adam
    assert theirs["optimizer"].param_groups[0]["params"][0] is theirs["parameter"]
    assert theirs["optimizer"].state[theirs["parameter"]]["step"] == 1
    assert theirs["packed"].data.tolist() == base.tolist() and theirs["dataset"][0][0].item() == 1
    again = here(ours)
    assert again["optimizer"].state_dict()["state"][0]["step"] == 1 and again["dataset"][1][0].item() == 2


@pytest.mark.parametrize("legacy", [False, True])
def test_scalar_and_strided_lazy_views(legacy: bool) -> None:
    torch = pytest.importorskip("torch")
    wave = torch.tensor([[1 + 2j, 3 - 4j], [5j, 6]])
    for value in (wave.T.conj(), wave[0, 0].conj(), wave[:, 1].conj().imag, wave[:0].conj()):
        file = io.BytesIO()
        torch.save(
            [value, wave], file, _use_new_zipfile_serialization=not legacy
        ) if value.is_complex() else torch.save([value, 0], file, _use_new_zipfile_serialization=not legacy)
        file.seek(0)
        assert serialization.load(file)[0].tolist() == value.tolist()


def test_other_things_of_pytorch_are_refused_with_advice() -> None:
    torch = pytest.importorskip("torch")
    for value, text in (
        (torch.eye(2).to_sparse(), "to_dense"),
        (torch.ones(2).to(torch.float8_e5m2), "float8_e5m2"),
        (torch.empty(2, device="meta"), "meta"),
    ):
        with pytest.raises(CheckpointError, match=text):
            through(torch.save, serialization.load, value)


# --- classes of the user's program ---

Point = namedtuple("Point", "x y")


class Pair(NamedTuple):
    """A named tuple with a method."""

    first: Any
    second: Any = None


class Color(enum.Enum):
    """Values with names."""

    RED = 1
    BLUE = "b"


@dataclasses.dataclass
class Config:
    """Settings."""

    width: int = 3
    made = 0

    def __post_init__(self) -> None:
        Config.made += 1


class Vocabulary:
    """A class without ceremony."""

    def __init__(self) -> None:
        raise AssertionError("loading must not call it")


class Careful(Vocabulary):
    """A class that has its own ideas of pickling."""

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("loading must not call it")


class Marked(nptorch.Tensor):
    """A tensor with a name of its own."""


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """This file lies in the folder of the program."""
    monkeypatch.chdir(Path(__file__).parent)


def test_named_tuples() -> None:
    value = {"point": Point(1, nptorch.ones(2)), "pairs": [Pair("a"), Pair(1, Point(2, 3))]}
    found = here(value)
    assert type(found["point"]) is Point and found["point"].y.tolist() == [1, 1]
    assert found["pairs"] == [Pair("a"), Pair(1, Point(2, 3))] and type(found["pairs"][1].second) is Point
    with pytest.raises(CheckpointError, match="weights_only=True"):
        here(value, weights_only=True)
    name = f"{__name__}\nPoint\n".encode()
    refused(archive(b"\x80\x02c" + name + b"K\x01\x85\x81."), "a Point has 2 fields, and the file has 1")


def test_plain_objects_need_trust(own_folder: None) -> None:
    words = object.__new__(Vocabulary)
    words.index = {"a": 1}  # type: ignore[attr-defined]
    config, Config.made = Config(5), 0
    value = [words, config, Color.BLUE]
    found = here(value, weights_only=False)
    assert type(found[0]) is Vocabulary and found[0].index == {"a": 1}
    assert found[1] == config and Config.made == 0 and found[2] is Color.BLUE
    for weights_only in (None, True):
        for part in value:
            with pytest.raises(CheckpointError, match="refused"):
                here(part, weights_only=weights_only)
    with pytest.raises(CheckpointError, match="Careful"):
        here(object.__new__(Careful), weights_only=False)


def test_plain_objects_of_other_peoples_modules_stay_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="Config"):
        here(Config(), weights_only=False)
    for name in (
        "collections\nChainMap",
        "logging\nLogger",
        "subprocess\nPopen",
        "nptorch.random\nGenerator",
        "pytest\nCollector",
    ):
        refused(archive(b"\x80\x02c" + name.encode() + b"\n)\x81}b."), weights_only=False)


def test_tensors_of_a_class_of_the_users() -> None:
    value = from_array(np.ones(2, np.float32), Marked)
    value.note = "n"
    found = here(value)
    assert type(found) is Marked and found.note == "n" and found.tolist() == [1, 1]
    refused(archive(b"\x80\x02c" + f"{__name__}\nMarked\n".encode() + b")\x81."), "object of")


def test_safe_globals_for_a_while() -> None:
    words = object.__new__(Vocabulary)
    with serialization.safe_globals([Vocabulary]):
        assert type(here(words, weights_only=True)) is Vocabulary
    with pytest.raises(CheckpointError):
        here(words)
    with serialization.safe_globals([(Vocabulary, "old.place.Words")]):
        assert type(serialization.load(archive(b"\x80\x02cold.place\nWords\n)\x81."))) is Vocabulary


def test_names_that_need_trust_are_listed() -> None:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save({"layer": torch.nn.Linear(2, 2), "words": object.__new__(Vocabulary), "x": torch.ones(2)}, file)
    file.seek(0)
    ours = serialization.get_unsafe_globals_in_checkpoint(file)
    file.seek(0)
    assert sorted(ours) == sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))


# --- older layouts, and switches ---


def test_zip_files_before_their_byte_order_was_noted() -> None:
    old = rezip(lambda entries: [(n, c) for n, c in entries if n.endswith((".pkl", "/0", "/version"))])
    assert serialization.load(old)["a"].tolist() == [0, 1, 2, 3]
    serialization.set_default_load_endianness(serialization.LoadEndianness.BIG)
    try:
        old.seek(0)
        swapped = np.arange(4, dtype="<f4").view(">f4").astype("f4")
        assert serialization.load(old)["a"].tolist() == swapped.tolist()
    finally:
        serialization.set_default_load_endianness(None)
    assert serialization.get_default_load_endianness() is None


def test_tensors_before_version_0_4() -> None:
    pickled = tensor().replace(b"_rebuild_tensor_v2", b"_rebuild_tensor")
    end = pickled.rindex(b"\x89N")  # no requires_grad, no hooks
    content = pickled[:end] + b"t" + pickled[pickled.index(b"R.", end) :]
    assert serialization.load(archive(content, struct.pack("<4f", 1, 2, 3, 4))).tolist() == [1, 2, 3, 4]


def test_mapped_memory(tmp_path: Path) -> None:
    import mmap

    path = tmp_path / "a.pt"
    serialization.save({"a": nptorch.zeros(4), "b": nptorch.ones(3)}, path)
    private = serialization.load(path, mmap=True)
    private["a"][0] = 5
    assert serialization.load(path)["a"].tolist() == [0, 0, 0, 0]
    with serialization.set_default_mmap_options(mmap.MAP_SHARED):
        shared = serialization.load(path, mmap=True)
        shared["a"][1] = 7
        assert serialization.get_default_mmap_options() == mmap.MAP_SHARED
    assert serialization.get_default_mmap_options() == mmap.MAP_PRIVATE
    assert serialization.load(path, mmap=True)["a"].tolist() == [0, 7, 0, 0]
    with pytest.raises(ValueError, match="expected mmap.MAP_PRIVATE or mmap.MAP_SHARED"):
        serialization.set_default_mmap_options(99)
    # What is read later is read from the file: the numbers were not there when it was loaded.
    seen = serialization.load(path, mmap=True)
    with zipfile.ZipFile(path) as archive_, open(path, "r+b") as file:
        info = archive_.getinfo("a/data/1")
        file.seek(info.header_offset + 26)
        file.seek(info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4))))
        file.write(np.float32(8).tobytes())
    assert seen["b"].tolist() == [8, 1, 1]
