"""Files of PyTorch read here, and files of ours read by PyTorch."""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim, serialization
from nptorch.errors import CheckpointError
from nptorch.nn import functional as F

HERE = Path(__file__).parents[1] / "golden"
FILES = HERE / "checkpoints"
GOLDEN = json.loads((HERE / "checkpoints.json").read_text())


class Net(nn.Module):
    """The model of make_checkpoints.py."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Linear(8, 3)
        self.activation = nptorch.tanh

    def forward(self, x: Any) -> Any:
        return self.head(self.activation(self.features(x)))


# --- files of PyTorch, from the golden folder ---


@pytest.mark.parametrize("mmap", [False, True])
def test_mixed_values(mmap: bool) -> None:
    with pytest.warns(UserWarning, match="bfloat16 tensors of the file became float32"):
        check_mixed(serialization.load(FILES / "mixed.pt", mmap=mmap))


def test_mixed_values_of_the_legacy_format() -> None:
    with pytest.warns(UserWarning, match="bfloat16 tensors of the file became float32"):
        check_mixed(serialization.load(FILES / "mixed_legacy.pt"))


def check_mixed(found: Any) -> None:
    assert type(found) is OrderedDict
    base = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for name, wanted in {
        "base": base, "transposed": base.T, "row": base[1], "expanded": np.zeros(4, np.float32), "empty": np.empty((0, 3), np.float32),
        "scalar": np.array(7), "bool": np.array([True, False]), "half": np.array([1.5, -2], np.float16),
        "bfloat16": np.array([1.0, 3.140625, -1e30], np.float32), "uint16": np.array([1, 65535], np.uint16),
        "complex": np.array([1 + 2j], np.complex64), "leaf": np.ones(2, np.float32), "parameter": np.zeros(2, np.float32),
        "tagged": np.ones(2, np.float32),
    }.items():  # fmt: skip
        array = found[name]._array
        assert array.dtype == wanted.dtype and array.shape == wanted.shape, name
        np.testing.assert_allclose(array, wanted, rtol=4e-3 if name == "bfloat16" else 0, err_msg=name)
    assert found["bfloat16"]._array[1] == 3.140625
    assert found["leaf"].requires_grad and found["leaf"].is_leaf and not found["base"].requires_grad
    assert type(found["parameter"]) is nn.Parameter and found["parameter"].requires_grad
    assert found["tagged"].tag == "mine"
    assert found["nested"][0]["a"][0] is found["base"]
    found["base"][1, 2] = 50
    assert found["row"].tolist() == [3, 4, 50] and found["transposed"][2, 1] == 50  # views share memory still
    assert type(found["size"]) is nptorch.Size and found["size"] == (1, 2)
    assert found["dtype"] is nptorch.float64 and found["device"] == nptorch.device("cuda:1")
    plain = {
        "number": 1.5, "large": 2**70, "text": "tëxt", "raw": b"\x00\xff", "none": None, "flags": (True, False), "set": {1, 2},
        "slice": slice(1, None, 2), "range": range(2, 9, 3), "frozen": frozenset("a"), "imaginary": 2j, "counter": Counter("aab"),
        "bytearray": bytearray(b"xy"),
    }  # fmt: skip
    for name, value in plain.items():
        assert found[name] == value and type(found[name]) is type(value), name
    assert found["array"].dtype.itemsize == 2 and found["array"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["fortran"].tolist() == [[1.0], [0.0]]
    assert type(found["numpy_scalar"]) is np.float32 and found["numpy_scalar"] == 0.5
    assert found["words"].tolist() == ["ab", "c"]


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint_legacy"])
def test_training_checkpoint(name: str) -> None:
    found = serialization.load(FILES / f"{name}.pt", map_location="cpu", weights_only=True)
    model = Net()
    assert str(model.load_state_dict(found["model"])) == "<All keys matched successfully>"
    assert found["model"]._metadata["features.1"] == {"version": 2}
    for key, value in model.state_dict().items():
        assert float(value.double().sum()) == pytest.approx(GOLDEN["sums"][key], abs=1e-12)
    y = model.eval()(nptorch.tensor(GOLDEN["input"]))
    np.testing.assert_allclose(y.detach().numpy(), GOLDEN["output"], atol=2e-6)
    assert model.features[1].num_batches_tracked.item() == 3
    optimizer = optim.Adam(model.parameters())
    optimizer.load_state_dict(found["optimizer"])
    assert optimizer.state_dict()["state"][0]["step"] == 3
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)
    assert found["scheduler"]["milestones"] == Counter([1, 2]) and found["epoch"] == 3


def test_whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "Net", Net, raising=False)
    model = serialization.load(FILES / "model.pt")
    assert type(model) is Net and not model.training and model.activation is nptorch.tanh
    assert type(model.features[0]) is nn.Conv2d
    np.testing.assert_allclose(model(nptorch.tensor(GOLDEN["input"])).detach().numpy(), GOLDEN["output"], atol=2e-6)
    model.train()(nptorch.tensor(GOLDEN["input"])).sum().backward()
    assert model.head.weight.grad is not None


def test_whole_model_whose_class_is_missing() -> None:
    with pytest.raises(CheckpointError, match=r"__main__\.Net.*import or define the class before load"):
        serialization.load(FILES / "model.pt")


def test_whole_model_is_refused_with_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "Net", Net, raising=False)
    with pytest.raises(CheckpointError, match="weights_only=True"):
        serialization.load(FILES / "model.pt", weights_only=True)


# --- PyTorch itself, where it is installed ---


def through(save: Any, load: Any, value: Any, **options: Any) -> Any:
    """The value after one writes and the other reads it."""
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file, **options)


def equal(ours: Any, theirs: Any) -> bool:
    """Whether a tensor of ours and one of PyTorch's are the same in values, dtype, shape and strides."""
    same = np.array_equal(ours.detach().numpy(), theirs.detach().numpy(), equal_nan=ours._array.dtype.kind in "fc")
    facts = [(str(t.dtype).rpartition(".")[2], tuple(t.shape), t.stride(), t.requires_grad) for t in (ours, theirs)]
    return bool(same) and facts[0] == facts[1]


@pytest.mark.parametrize("dtype", [d.name for d in nptorch.dtypes.ALL])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (4, 1, 2)])
def test_torch_reads_our_tensors(dtype: str, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    ours = nptorch.from_numpy(np.array(np.random.default_rng(0).integers(0, 2, shape)).astype(dtype))
    theirs = through(serialization.save, torch.load, ours)
    assert equal(ours, theirs)
    assert equal(through(torch.save, serialization.load, theirs), theirs)


def test_torch_reads_our_values() -> None:
    torch = pytest.importorskip("torch")
    base = nptorch.arange(12.0).reshape(3, 4)
    tagged = nptorch.ones(2)
    tagged.tag = "mine"
    value = {
        "base": base, "column": base[:, 1], "transposed": base.T, "part": base[1:, ::2], "expanded": base[0, :1].expand(5),
        "leaf": nptorch.ones(2, requires_grad=True), "grown": nptorch.ones(2, requires_grad=True) * 2, "tagged": tagged,
        "parameter": nn.Parameter(nptorch.ones(2), requires_grad=False), "size": base.shape, "dtype": nptorch.int32,
        "device": nptorch.device("cuda:0"), "list": [1, "a", None, 2.5, b"raw", 1j], "again": [base],
    }  # fmt: skip
    found = through(serialization.save, torch.load, value, weights_only=False)
    for name in ("base", "column", "transposed", "part", "expanded", "leaf", "tagged"):
        assert equal(value[name], found[name]), name
    assert found["grown"].requires_grad and found["grown"].is_leaf
    assert found["again"][0] is found["base"] and found["column"].data_ptr() == found["base"].data_ptr() + 4
    assert found["tagged"].tag == "mine"
    assert type(found["parameter"]) is torch.nn.Parameter and not found["parameter"].requires_grad
    assert (
        type(found["size"]) is torch.Size
        and found["dtype"] is torch.int32
        and found["device"] == torch.device("cuda:0")
    )
    assert found["list"] == value["list"]


def test_our_archive_looks_like_torchs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import zipfile

    names = []
    for save, tensor in ((serialization.save, nptorch.ones(5)), (torch.save, torch.ones(5))):
        save({"a": tensor}, tmp_path / "model.v2.pt")
        with zipfile.ZipFile(tmp_path / "model.v2.pt") as archive:
            names.append({i.filename: i.file_size for i in archive.infolist()})
            pickled = archive.read("model.v2/data.pkl")
            start = (tmp_path / "model.v2.pt").read_bytes().index(np.ones(5, np.float32).tobytes())
            assert start % 64 == 0
    assert list(names[0].items()) == list(names[1].items())
    file = io.BytesIO()
    serialization.save({"a": nptorch.ones(5)}, file)
    with zipfile.ZipFile(file) as archive:
        assert archive.read("archive/data.pkl") == pickled  # byte for byte


def _optimizers() -> list[Any]:
    return [
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1}),
        ("Adam", {"lr": 0.01}),
        ("AdamW", {"lr": 0.01, "amsgrad": True}),
    ]


@pytest.mark.parametrize("name, options", _optimizers())
def test_training_goes_on_in_the_other_library(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)

    def make(library: Any) -> Any:
        model = library.nn.Sequential(
            library.nn.Linear(4, 3, bias=False), library.nn.BatchNorm1d(3), library.nn.Linear(3, 2)
        )
        return model, getattr(library.optim, name)(model.parameters(), **options)

    def step(library: Any, model: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        model(library.from_numpy(x)).square().sum().backward()
        optimizer.step()

    for first, second, save, load in (
        (torch, nptorch, torch.save, serialization.load),
        (nptorch, torch, serialization.save, torch.load),
    ):
        model, optimizer = make(first)
        step(first, model, optimizer)
        step(first, model, optimizer)
        found = through(save, load, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
        other, continued = make(second)
        other.load_state_dict(found["model"])
        continued.load_state_dict(found["optimizer"])
        step(first, model, optimizer)
        step(second, other, continued)
        for key, value in model.state_dict().items():
            np.testing.assert_allclose(value.numpy(), other.state_dict()[key].numpy(), atol=2e-5, err_msg=key)


def test_every_layer_has_the_name_that_torch_gives_it() -> None:
    torch = pytest.importorskip("torch")
    from nptorch.serialization import classes

    for name in nn.__all__:
        layer = getattr(nn, name)
        if isinstance(layer, type) and issubclass(layer, nn.Module):
            module, written = classes.spelled(layer)  # type: ignore[misc]
            assert getattr(sys.modules[module], written) is getattr(torch.nn, name)
            assert classes.find(module, written, plain=False) is layer


LAYERS = [
    ("Linear", (4, 3), (2, 4)), ("Linear", (4, 3, False), (2, 4)), ("Conv1d", (2, 3, 2), (1, 2, 5)), ("Conv2d", (2, 4, 3, 2, 1), (1, 2, 5, 5)),
    ("Conv2d", (1, 2, 3, 1, "same", 1, 1, True, "reflect"), (1, 1, 5, 5)), ("ConvTranspose2d", (2, 3, 2), (1, 2, 3, 3)),
    ("BatchNorm1d", (3,), (5, 3)), ("BatchNorm2d", (2,), (3, 2, 2, 2)), ("InstanceNorm2d", (2,), (3, 2, 4, 4)), ("LayerNorm", (4,), (2, 4)),
    ("GroupNorm", (2, 4), (2, 4, 3)), ("MaxPool2d", (2,), (1, 1, 4, 4)), ("AvgPool2d", (2,), (1, 1, 4, 4)),
    ("AdaptiveAvgPool2d", (1,), (1, 1, 4, 4)), ("ReLU", (), (3,)), ("LeakyReLU", (0.2,), (3,)), ("GELU", (), (3,)), ("Sigmoid", (), (3,)),
    ("Softmax", (1,), (2, 3)), ("LogSoftmax", (1,), (2, 3)), ("Tanh", (), (3,)), ("PReLU", (), (3,)), ("Flatten", (), (2, 3, 4)),
    ("Dropout", (0.5,), (3,)), ("Identity", (), (3,)), ("ELU", (), (3,)), ("Softplus", (), (3,)), ("Upsample", (None, 2.0), (1, 1, 2, 2)),
    ("ZeroPad2d", (1,), (1, 1, 2, 2)), ("Unflatten", (1, (2, 2)), (3, 4)), ("PixelShuffle", (2,), (1, 4, 2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments, shape", LAYERS, ids=[f"{layer[0]}{i}" for i, layer in enumerate(LAYERS)])
@pytest.mark.parametrize("legacy", [False, True])
def test_layers_travel_whole_both_ways(name: str, arguments: Any, shape: tuple[int, ...], legacy: bool) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    theirs = torch.nn.Sequential(getattr(torch.nn, name)(*arguments)).eval()
    file = io.BytesIO()
    torch.save(theirs, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    ours = serialization.load(file)
    assert type(ours[0]) is getattr(nn, name)
    back = through(serialization.save, torch.load, ours, weights_only=False)
    wanted = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(nptorch.from_numpy(x)).detach().numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(back(torch.from_numpy(x)).detach().numpy(), wanted, atol=1e-6)
    assert repr(ours) == repr(theirs)
    assert vars(theirs[0]).keys() <= vars(ours[0]).keys()
    fresh = through(
        serialization.save, torch.load, nn.Sequential(getattr(nn, name)(*arguments)).eval(), weights_only=False
    )
    assert fresh(torch.from_numpy(x)).shape == wanted.shape


def test_containers_and_losses_travel_whole() -> None:
    torch = pytest.importorskip("torch")
    for library, other, save, load in (
        (torch, nptorch, torch.save, serialization.load),
        (nptorch, torch, serialization.save, torch.load),
    ):
        made = library.nn.ModuleDict(
            {
                "list": library.nn.ModuleList([library.nn.Linear(2, 2), library.nn.ReLU()]),
                "weights": library.nn.ParameterList([library.nn.Parameter(library.ones(2))]),
                "named": library.nn.ParameterDict({"w": library.nn.Parameter(library.zeros(1))}),
                "loss": library.nn.CrossEntropyLoss(weight=library.ones(2), label_smoothing=0.1),
            }
        )
        found = through(save, load, made, **({"weights_only": False} if other is torch else {}))
        assert repr(found).replace("nptorch.", "torch.") == repr(made).replace("nptorch.", "torch.")
        assert found["weights"][0].tolist() == [1, 1] and found["named"]["w"].tolist() == [0]
        scores, labels = [[0.5, 1.5]], [1]
        losses = [m["loss"](k.tensor(scores), k.tensor(labels)).item() for m, k in ((made, library), (found, other))]
        assert losses[0] == pytest.approx(losses[1])


def test_functions_as_attributes() -> None:
    torch = pytest.importorskip("torch")
    ours = [F.relu, F.gelu, nptorch.exp, nptorch.relu, nn.init.ones_, nn.BatchNorm2d]
    theirs = [
        torch.nn.functional.relu,
        torch.nn.functional.gelu,
        torch.exp,
        torch.relu,
        torch.nn.init.ones_,
        torch.nn.BatchNorm2d,
    ]
    assert through(serialization.save, torch.load, ours, weights_only=False) == theirs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert through(torch.save, serialization.load, theirs) == ours


def test_big_endian_file() -> None:
    torch = pytest.importorskip("torch")
    import zipfile

    file = io.BytesIO()
    torch.save({"a": torch.tensor([1.5, -2.0]), "b": torch.tensor([1, 2**40])}, file)
    swapped = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(swapped, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data/0"):
                content = np.frombuffer(content, "<f4").astype(">f4").tobytes()
            if name.endswith("data/1"):
                content = np.frombuffer(content, "<i8").astype(">i8").tobytes()
            new.writestr(name, b"big" if name.endswith("byteorder") else content)
    swapped.seek(0)
    found = serialization.load(swapped)
    assert found["a"].tolist() == [1.5, -2.0] and found["b"].tolist() == [1, 2**40]
    assert found["a"]._array.dtype.isnative


def test_large_entries_are_written_with_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("nptorch.serialization.archive._ZIP64_FROM", 10)
    ours = nptorch.arange(100.0)
    file = io.BytesIO()
    serialization.save(ours, file)
    assert file.getvalue().index(ours.numpy().tobytes()) % 64 == 0
    assert equal(ours, through(serialization.save, torch.load, ours))
    assert through(serialization.save, serialization.load, ours).tolist() == ours.tolist()


def test_sparse_tensors_are_refused_by_name() -> None:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(torch.eye(2).to_sparse(), file)
    file.seek(0)
    with pytest.raises(CheckpointError, match="_rebuild_sparse_tensor"):
        serialization.load(file)
