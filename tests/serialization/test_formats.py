"""State dicts between .pt, .safetensors and .npz, and a look into files, as `nptorch convert` and `nptorch show checkpoint` do."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nptorch
from nptorch import nn, serialization
from nptorch.cli import main
from nptorch.serialization import formats

FILES = Path(__file__).parents[1] / "golden" / "checkpoints"
DTYPES = [d for d in nptorch.dtypes.ALL if d is not nptorch.complex128]


def command(*arguments: Any, check: bool = True) -> Result:
    """`nptorch ARGUMENTS`."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert not check or done.exit_code == 0, done.output
    return done


def error(*arguments: Any) -> str:
    """The one line of a command that fails."""
    done = command(*arguments, check=False)
    assert done.exit_code in (1, 2) and isinstance(done.exception, SystemExit), done.exception
    return done.output


def state() -> OrderedDict[str, Any]:
    """A state_dict with every dtype, a number without dimensions, an empty and a strided tensor."""
    made: Any = OrderedDict((d.name, nptorch.tensor([1, 0, 1]).to(d)) for d in DTYPES)
    made["layer.scalar"], made["empty"], made["turned"] = nptorch.tensor(7), nptorch.empty(0, 3), nptorch.rand(3, 2).T
    made._metadata = OrderedDict({"": {"version": 1}, "layer": {"version": 2}})
    return made


@pytest.mark.parametrize(
    "road", [[".safetensors"], [".npz"], [".safetensors", ".npz"], [".npz", ".safetensors", ".pth"]]
)
def test_there_and_back(road: list[str], tmp_path: Path) -> None:
    if ".safetensors" in road:
        pytest.importorskip("safetensors")
    wanted = state()
    serialization.save(wanted, tmp_path / "0.pt")
    names = ["0.pt", *(f"{i}{suffix}" for i, suffix in enumerate(road, 1)), "last.pt"]
    for source, target in itertools.pairwise(names):
        assert f"wrote {len(wanted)} tensors" in command("convert", tmp_path / source, tmp_path / target).output
    found = serialization.load(tmp_path / "last.pt", weights_only=True)
    assert found.keys() == wanted.keys() and found._metadata == wanted._metadata
    for name, tensor in wanted.items():
        assert found[name].dtype is tensor.dtype and found[name].shape == tensor.shape, name
        assert found[name].tolist() == tensor.tolist()


def test_safetensors_of_others_and_for_others(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from safetensors.torch import load_file, save_file

    theirs = {"w": torch.randn(2, 3), "b": torch.tensor([1.0, 3.140625, -1e30]).bfloat16(), "n": torch.tensor(3)}
    save_file(theirs, tmp_path / "a.safetensors", {"format": "pt", "note": "mine"})
    assert "1 of them were bfloat16" in command("convert", tmp_path / "a.safetensors", tmp_path / "a.pt").output
    ours = torch.load(tmp_path / "a.pt")
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor.float() if name == "b" else tensor)
    assert ours.metadata == {"format": "pt", "note": "mine"}
    command("convert", tmp_path / "a.pt", tmp_path / "b.safetensors")
    again = load_file(tmp_path / "b.safetensors")
    assert all(torch.equal(again[name], ours[name]) for name in theirs)
    assert formats.read_safetensors(tmp_path / "b.safetensors").metadata == {"format": "pt", "note": "mine"}
    shown = command("show", "checkpoint", tmp_path / "a.safetensors").output
    assert "bfloat16" in shown and "note=mine" in shown


def test_a_part_of_a_training_checkpoint(tmp_path: Path) -> None:
    source = FILES / "checkpoint.pt"
    assert "choose a part of it with --key: model" in error("convert", source, tmp_path / "a.npz")
    assert "has no part 'modle'; it holds model, optimizer" in error(
        "convert", source, tmp_path / "a.npz", "--key", "modle"
    )
    command("convert", source, tmp_path / "a.npz", "--key", "model")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found["head.weight"].shape == (3, 8)
    assert "--key chooses a part of a .pt file" in error("convert", tmp_path / "a.npz", tmp_path / "b.pt", "--key", "x")


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    serialization.save({"ok": nptorch.ones(1), "z": nptorch.ones(1, dtype=nptorch.complex128)}, tmp_path / "a.pt")
    assert "'z' is complex128, which .safetensors cannot hold" in error(
        "convert", tmp_path / "a.pt", tmp_path / "a.safetensors"
    )
    serialization.save({"ok": nptorch.ones(1), "epoch": 3}, tmp_path / "b.pt")
    assert "entry 'epoch' of" in error("convert", tmp_path / "b.pt", tmp_path / "b.npz")
    serialization.save([1], tmp_path / "c.pt")
    assert "holds a list" in error("convert", tmp_path / "c.pt", tmp_path / "c.npz")
    assert "cannot tell the format" in error("convert", tmp_path / "c.pt", tmp_path / "c.onnx")
    serialization.save({"__metadata__": nptorch.ones(1)}, tmp_path / "d.pt")
    assert "no place in an .npz file" in error("convert", tmp_path / "d.pt", tmp_path / "d.npz")
    np.savez(tmp_path / "e.npz", words=np.array(["a"]))
    assert "'words' in" in error("convert", tmp_path / "e.npz", tmp_path / "e.pt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pt", "b.pt", "c.pt", "d.pt", "e.npz"]
    assert "does not exist" in error("convert", tmp_path / "missing.pt", tmp_path / "a.npz")


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serialization.save({"a": nptorch.ones(1)}, tmp_path / "a.pt")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert "pip install safetensors" in error("convert", tmp_path / "a.pt", tmp_path / "a.safetensors")


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    serialization.save({"a": nptorch.rand(100), "b": nptorch.ones(2)}, tmp_path / "a.pt")
    for suffix in (".safetensors", ".npz"):
        good = tmp_path / f"a{suffix}"
        command("convert", tmp_path / "a.pt", good)
        content = good.read_bytes()
        for length in range(0, len(content), 7):
            (tmp_path / f"cut{suffix}").write_bytes(content[:length])
            for line in (
                error("convert", tmp_path / f"cut{suffix}", tmp_path / "b.pt"),
                error("show", "checkpoint", tmp_path / f"cut{suffix}"),
            ):
                assert "cannot load" in line or "no checkpoint" in line or "damaged" in line, line


def test_npz_headers_that_lie(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.ones(4, np.float32))
    with zipfile.ZipFile(tmp_path / "a.npz") as old, zipfile.ZipFile(tmp_path / "b.npz", "w") as new:
        new.writestr("a.npy", old.read("a.npy").replace(b"(4,), }          ", b"(4000000000,), } "))
    assert "not as long as it says" in error("convert", tmp_path / "b.npz", tmp_path / "b.pt")
    np.savez(tmp_path / "c.npz", a=np.array([{}], dtype=object))
    assert "cannot load" in error("convert", tmp_path / "c.npz", tmp_path / "b.pt")


def test_show_lists_names_shapes_and_totals(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    tied = {"model": {"a": layer.weight, "b": layer.weight, "c": layer.bias}, "epoch": 4, "note": "x\x1b[2J"}
    serialization.save(tied, tmp_path / "a.pt")
    shown = command("show", "checkpoint", tmp_path / "a.pt").output
    lines = [line.split() for line in shown.splitlines()]
    assert ["model.a", "2x3", "float32", "24"] in lines
    assert ["model.b", "2x3", "float32", "24", "(shares", "memory", "with", "model.a)"] in lines
    assert "3 tensors, 8 parameters, 0.00 MiB" in shown and "model: 3 tensors, 8 parameters" in shown
    assert "epoch=4" in shown and "\x1b" not in shown
    found = json.loads(command("show", "checkpoint", tmp_path / "a.pt", "--json").output)
    assert found["parameters"] == 8 and found["bytes"] == 32 and found["values"] == {"epoch": 4, "note": "x\x1b[2J"}
    assert found["tensors"][1] == {
        "name": "model.b",
        "shape": [2, 3],
        "dtype": "float32",
        "bytes": 24,
        "first": "model.a",
    }


@pytest.mark.parametrize("name", ["model", "checkpoint", "checkpoint_legacy", "mixed", "mixed_legacy", "kinds"])
def test_show_needs_no_class_and_reads_no_tensor(name: str) -> None:
    found = json.loads(command("show", "checkpoint", FILES / f"{name}.pt", "--json").output)
    if name == "model":
        assert "__main__.Net" in found["classes"]
        assert [t["name"] for t in found["tensors"]][-2:] == ["head.weight", "head.bias"] and found["parameters"] == 56
    if name.startswith("mixed"):
        kinds = {t["name"]: t["dtype"] for t in found["tensors"]}
        assert kinds["bfloat16"] == "bfloat16" and kinds["uint16"] == "uint16"


def test_show_runs_nothing(tmp_path: Path) -> None:
    import os
    import pickle

    class Hostile:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/hacked",)

    from tests.serialization.files import archive

    (tmp_path / "a.pt").write_bytes(archive(pickle.dumps({"x": Hostile()}, 2)).getvalue())
    shown = command("show", "checkpoint", tmp_path / "a.pt").output
    assert "names: " in shown and ".system" in shown
    assert "system" in error("convert", tmp_path / "a.pt", tmp_path / "b.npz")
    assert not (tmp_path / "hacked").exists()


SCRIPT = """
import torch
from safetensors.torch import load_file, load_model, save_file, save_model
layer = torch.nn.Linear(3, 2)
save_file(layer.state_dict(), "a.safetensors", {"format": "pt"})
found = load_file("a.safetensors")
assert torch.equal(found["weight"], layer.weight) and list(found) == ["bias", "weight"], found
save_model(layer, "b.safetensors")
other = torch.nn.Linear(3, 2)
print(load_model(other, "b.safetensors"), torch.equal(other.bias, layer.bias))
"""


def test_scripts_with_the_safetensors_library(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "nptorch", "run", "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stdout == "(set(), []) True\n", done.stderr
