"""save() and load(): round trips, targets, and what happens to files when things go wrong."""

from __future__ import annotations

import io
import os
import pickle
import stat
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nptorch
from nptorch import nn, optim, serialization
from nptorch.errors import CheckpointError
from nptorch.serialization import legacy, writing
from nptorch.serialization.archive import write_archive
from nptorch.serialization.pickler import Pickler
from nptorch.storage import UntypedStorage
from nptorch.tensor import Tensor, from_array

HERE = Path(__file__).parents[1]


def through(value: Any, protocol: int = 2, zipped: bool = True, **options: Any) -> Any:
    """What comes back."""
    file = io.BytesIO()
    serialization.save(value, file, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    return serialization.load(file, **options)


# --- round trips ---

KEYS = st.one_of(st.text(), st.integers(), st.binary(), st.booleans(), st.none(), st.tuples(st.integers(), st.text()))
LEAVES = st.one_of(
    KEYS, st.floats(allow_nan=False), st.complex_numbers(allow_nan=False), st.sets(st.integers()), st.frozensets(st.text()),
    st.builds(bytearray, st.binary()), st.builds(slice, st.none() | st.integers(), st.integers()), st.builds(range, st.integers(), st.integers()),
    st.builds(Counter, st.text()), st.builds(deque, st.lists(st.integers()), st.just(7)), st.sampled_from(nptorch.dtypes.ALL),
    st.builds(lambda n: nptorch.Size(n), st.lists(st.integers(0, 9))), st.sampled_from([nptorch.device("cpu"), nptorch.device("cuda:1")]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(KEYS, inner),
        st.tuples(inner, inner),
        st.builds(OrderedDict, st.dictionaries(KEYS, inner)),
    ),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return same([*a.items()], [*b.items()])
    if isinstance(a, list | tuple | deque):
        return len(a) == len(b) and all(map(same, a, b)) and getattr(a, "maxlen", 0) == getattr(b, "maxlen", 0)
    return bool(a == b)


@given(VALUES, st.integers(2, 5), st.booleans())
def test_plain_values_come_back(value: Any, protocol: int, zipped: bool) -> None:
    assert same(through(value, protocol, zipped), value)


@given(
    hnp.arrays(st.sampled_from([d.numpy for d in nptorch.dtypes.ALL]), hnp.array_shapes(min_dims=0, min_side=0)),
    st.data(),
    st.booleans(),
)
def test_tensors_and_views_come_back(array: Any, data: Any, zipped: bool) -> None:
    t = from_array(array)
    if array.ndim:
        index = data.draw(hnp.basic_indices(array.shape, allow_newaxis=False, allow_ellipsis=False))
        view = array[index]
        t = from_array(np.asarray(view).transpose(data.draw(st.permutations(range(np.ndim(view))))))
    zipped |= array.dtype in (np.uint16, np.uint32, np.uint64)  # the older format has no place for them
    found, whole = through([t, from_array(array)], zipped=zipped)
    assert found.dtype is t.dtype and found.shape == t.shape
    assert found._array.tobytes() == t._array.tobytes() and whole._array.tobytes() == array.tobytes()
    assert found._array.flags.writeable and found._array.flags.aligned


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numpy_values_come_back(protocol: int) -> None:
    values = [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(9)[::-2], np.empty((0, 2)), np.array(3),
        np.array(["a", "bcd"]), np.array([b"xy"]), np.array([True]), np.array([1j]), np.float16(1.5), np.int64(-3), np.bool_(True),
    ]  # fmt: skip
    for value, found in zip(values, through(values, protocol), strict=True):
        assert type(found) is type(value) and found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_shared_memory_stays_shared_and_is_stored_once(tmp_path: Path) -> None:
    base = nptorch.zeros(1000, 100)
    serialization.save([base, base.T, base[3], base.view(100_000), base.detach()], tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < base.nbytes + 5000
    for mmap in (False, True):
        found = serialization.load(tmp_path / "a.pt", mmap=mmap)
        found[0][3, 7] = 5
        assert found[1][7, 3] == 5 and found[2][7] == 5 and found[3][307] == 5
        serialization.save(found, tmp_path / "b.pt")
        assert (tmp_path / "b.pt").stat().st_size == (tmp_path / "a.pt").stat().st_size
        again = serialization.load(tmp_path / "b.pt")
        again[1][0, 0] = 9
        assert again[0][0, 0] == 9
    assert not serialization.load(tmp_path / "a.pt")[0].any()  # changes of mapped memory stay in memory


def test_arrays_that_torch_could_not_express_are_copied() -> None:
    record = np.zeros(4, np.dtype([("a", "i1"), ("b", "<f4")]))
    record["b"] = [1, 2, 3, 4]
    for array in (
        np.arange(4.0)[::-1],
        record["b"],
        np.broadcast_to(np.float32(2), (3, 2)),
        np.frombuffer(b"abcdefgh\x01", "<i2", 4),
        np.ndarray((3,), np.float32, np.arange(6, dtype=np.float32).tobytes(), strides=(8,)),
    ):
        assert through(from_array(array)).tolist() == array.tolist()


def test_one_object_in_two_places_stays_one() -> None:
    p = nn.Parameter(nptorch.ones(2))
    found = through({"a": p, "b": [p]})
    assert found["a"] is found["b"][0] and type(found["a"]) is nn.Parameter


def test_defaultdict_and_sets_of_its_kind() -> None:
    found = through(defaultdict(list, {"a": [1]}))
    assert found["missing"] == [] and found["a"] == [1] and through(defaultdict(int))["x"] == 0


class Counting(nn.Module):
    """Counts how often it is made; has state beyond parameters."""

    made = 0

    def __init__(self, width: int) -> None:
        super().__init__()
        Counting.made += 1
        self.layers = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Dropout(0.1))
        self.layers.append(nn.Linear(width, 1, bias=False))
        self.register_buffer("scratch", nptorch.ones(1), persistent=False)
        self.notes = {"width": width}

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_whole_models_come_back_without_being_made_again() -> None:
    model = Counting(4).eval()
    Counting.made = 0
    x = nptorch.randn(3, 2)
    for found in (through(model), through({"best": model})["best"]):
        assert Counting.made == 0 and type(found) is Counting and found.notes == {"width": 4} and not found.training
        np.testing.assert_array_equal(found(x).detach().numpy(), model(x).detach().numpy())
        assert "scratch" not in found.state_dict() and found.scratch.tolist() == [1]
        assert repr(found) == repr(model)
        found.train()(x).sum().backward()
        assert all(p.grad is not None for p in found.parameters())


def test_state_dict_and_optimizer_continue() -> None:
    def make() -> Any:
        model = Counting(3)
        return model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(model: Any, optimizer: Any) -> None:
        nptorch.manual_seed(1)
        optimizer.zero_grad()
        model(nptorch.ones(3, 2) * nptorch.arange(3.0)[:, None]).square().sum().backward()
        optimizer.step()

    model, optimizer = make()
    step(model, optimizer)
    found = through({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, weights_only=True)
    other, continued = make()
    other.load_state_dict(found["model"])
    continued.load_state_dict(found["optimizer"])
    step(model, optimizer)
    step(other, continued)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert a.tolist() == b.tolist()


# --- targets ---


def test_paths_files_and_buffers(tmp_path: Path) -> None:
    for target in (
        tmp_path / "a.pt",
        str(tmp_path / "b.pth"),
        str(tmp_path / "ünï.pt"),
        tmp_path / ".pt",
        tmp_path / "none",
    ):
        serialization.save({"x": nptorch.ones(2)}, target)
        assert serialization.load(target)["x"].tolist() == [1, 1]
    with open(tmp_path / "c.pt", "wb") as file:
        serialization.save([1], file)
    with open(tmp_path / "c.pt", "rb") as file:
        assert serialization.load(file) == [1]
    with open(tmp_path / "c.pt", "rb", buffering=0) as raw:
        assert serialization.load(raw) == [1]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".pt", "a.pt", "b.pth", "c.pt", "none", "ünï.pt"]


def test_stream_that_cannot_seek() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as source, open(writer, "wb") as sink:
        worker = threading.Thread(target=lambda: (serialization.save({"x": nptorch.arange(3)}, sink), sink.close()))
        worker.start()
        content = source.read()
        worker.join()
    assert serialization.load(io.BytesIO(content))["x"].tolist() == [0, 1, 2]


def test_wrong_targets(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a path or a file opened with 'wb', got int"):
        serialization.save([1], 5)
    with pytest.raises(TypeError, match="a path or a file opened with 'rb' that can seek, got NoneType"):
        serialization.load(None)
    with pytest.raises(TypeError, match="opened as text"):
        serialization.load(io.StringIO("x"))
    with pytest.raises(FileNotFoundError, match=r"the folder .* does not exist; create it first"):
        serialization.save([1], tmp_path / "missing" / "a.pt")
    with pytest.raises(FileNotFoundError):
        serialization.load(tmp_path / "missing.pt")
    with pytest.raises(IsADirectoryError):
        serialization.save([1], tmp_path)
    with pytest.raises(ValueError, match="leave pickle_module out"):
        serialization.save([1], tmp_path / "a.pt", pickle_module=os)
    with pytest.raises(ValueError, match="pickle_module"):
        serialization.load(tmp_path / "a.pt", pickle_module=os)


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>", "it is no checkpoint: it starts with b'<!DOCTYPE html>'"),
        (pickle.dumps({"a": 1}), "the magic number is missing"),
        (b"\0" * 257 + b"ustar\0", "tar file"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=f"cannot load .*x.pt.*{text}"):
        serialization.load(tmp_path / "x.pt")


def test_npz_is_no_checkpoint(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones(2))
    with pytest.raises(CheckpointError, match=r"without data\.pkl"):
        serialization.load(tmp_path / "x.npz")


# --- what cannot be saved, and what survives of the old file ---


class Fragile:
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickles of this")


@pytest.mark.parametrize("bad", [lambda: 1, Fragile(), threading.Lock()])
def test_what_cannot_be_pickled_leaves_the_old_file(tmp_path: Path, bad: Any) -> None:
    path = tmp_path / "a.pt"
    serialization.save([1], path)
    with pytest.raises(pickle.PicklingError, match=r"cannot save a dict: .* save model\.state_dict"):
        serialization.save({"x": nptorch.ones(2), "bad": bad}, path)
    assert serialization.load(path) == [1] and os.listdir(tmp_path) == ["a.pt"]


def test_endless_nesting_is_one_clear_error() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(pickle.PicklingError, match="nested too deeply"):
        serialization.save(value, io.BytesIO())
    while value:
        value = value.pop()


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    path = tmp_path / "a.pt"
    serialization.save([1], path)

    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    if moment == "write":
        monkeypatch.setattr(writing, "write_archive", lambda file, *rest, **root: (file.write(b"half"), fail()))
    else:
        monkeypatch.setattr(os, moment, fail)
    with pytest.raises(OSError, match="No space left"):
        serialization.save([2], path)
    monkeypatch.undo()
    assert serialization.load(path) == [1] and os.listdir(tmp_path) == ["a.pt"]


def test_permissions_and_links(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(0o027)
    try:
        serialization.save([1], tmp_path / "new.pt")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new.pt") == 0o640
    (tmp_path / "new.pt").chmod(0o600)
    (tmp_path / "link.pt").symlink_to("new.pt")
    serialization.save([2], tmp_path / "link.pt")
    assert mode(tmp_path / "new.pt") == 0o600
    assert (tmp_path / "link.pt").is_symlink() and serialization.load(tmp_path / "new.pt") == [2]


def test_equal_objects_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        serialization.save({"x": nptorch.arange(4.0)}, tmp_path / name / "m.pt")
    assert (tmp_path / "a" / "m.pt").read_bytes() == (tmp_path / "b" / "m.pt").read_bytes()


# --- map_location ---


def cuda_file() -> io.BytesIO:
    """A file whose tensor was on a GPU: an ordinary one with another location."""
    pickled, file = io.BytesIO(), io.BytesIO()
    pickler = Pickler(pickled, 2)
    pickler.dump({"a": nptorch.arange(3.0)})
    content = pickled.getvalue().replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
    write_archive(file, content, pickler.blocks)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "map_location",
    [None, "cpu", nptorch.device("cpu"), {}, {"cuda:0": "cpu"}, lambda storage, location: storage, lambda storage, location: storage.cpu(),
     lambda storage, location: None],
)  # fmt: skip
def test_tensors_from_a_gpu_come_to_the_cpu(map_location: Any) -> None:
    found = serialization.load(cuda_file(), map_location=map_location)["a"]
    assert found.tolist() == [0, 1, 2] and found.device == nptorch.device("cpu")


def test_map_location_is_told_where_storages_were() -> None:
    seen: list[Any] = []
    serialization.load(cuda_file(), lambda storage, location: seen.append((type(storage), location, storage.nbytes())))
    assert seen == [(UntypedStorage, "cuda:0", 12)]


@pytest.mark.parametrize("map_location", ["cuda", nptorch.device("cuda:0"), {"cuda:0": "cuda:1"}])
def test_map_location_to_a_device_that_is_not_here(map_location: Any) -> None:
    with pytest.raises(RuntimeError, match="is not available"):
        serialization.load(cuda_file(), map_location=map_location)


def test_map_location_that_makes_no_sense() -> None:
    with pytest.raises(CheckpointError, match="map_location returned a int"):
        serialization.load(cuda_file(), map_location=lambda storage, location: 5)
    with pytest.raises(RuntimeError, match="Invalid device string"):
        serialization.load(cuda_file(), map_location="gpu")
    with pytest.raises(RuntimeError, match=r"map_location\('cuda:0'\) failed: device 'cuda:1' is not available"):
        serialization.load(cuda_file(), map_location=lambda storage, location: storage.cuda(1))
    with pytest.raises(CheckpointError, match="made 24 bytes of the 12"):
        serialization.load(cuda_file(), map_location=lambda storage, location: nptorch.UntypedStorage(24))


def test_mmap_needs_a_path(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="path of a file"):
        serialization.load(cuda_file(), mmap=True)
    with pytest.raises(CheckpointError, match="zip format"):
        serialization.load(HERE / "golden" / "checkpoints" / "mixed_legacy.pt", mmap=True)


def test_legacy_parts_of_storages() -> None:
    """PyTorch before 0.4 named a part of a storage in the persistent id."""
    content = io.BytesIO()
    pickler = Pickler(content, 2)
    pickler.dump([nptorch.zeros(2), nptorch.zeros(2)])
    # The first tensor becomes elements 1 and 2 of storage "0", the second elements 2 and 3.
    pickled = content.getvalue()
    for key, start in ((b"0", b"K\x01"), (b"1", b"K\x02")):
        old_end = pickled.index(b"K\x02t", pickled.index(b"X\x01\0\0\0" + key))
        part = b"(X\x01\0\0\0" + (b"p" if key == b"0" else b"q") + start + b"K\x02t"
        pickled = pickled[:old_end] + b"K\x04" + part + b"t" + pickled[old_end + 3 :]
    pickled = pickled.replace(b"X\x01\0\0\0" + b"1", b"X\x01\0\0\0" + b"0")
    head = b"".join(pickle.dumps(value, 2) for value in (legacy.MAGIC, legacy.PROTOCOL, {}))
    storage = np.array([4], "<i8").tobytes() + np.array([5, 6, 7, 8], np.float32).tobytes()
    first, second = serialization.load(io.BytesIO(head + pickled + pickle.dumps(["0"], 2) + storage))
    assert first.tolist() == [6, 7] and second.tolist() == [7, 8]
    first[1] = 0
    assert second[0] == 0
