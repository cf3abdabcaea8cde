"""Where load() looks for the classes of whole models, and where not."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

import nptorch
from nptorch import serialization
from nptorch.errors import CheckpointError


def through(value: Any, **options: Any) -> Any:
    """What comes back."""
    file = io.BytesIO()
    serialization.save(value, file)
    file.seek(0)
    return serialization.load(file, **options)


MODEL = """
from nptorch import nn
TIMES = {times}
class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)
    def forward(self, x):
        return self.fc(x) * TIMES
"""


@pytest.fixture
def saved_lenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose class is in a module `lenet_model` that is not imported (any more)."""
    (tmp_path / "lenet_model.py").write_text(MODEL.format(times=2))
    monkeypatch.syspath_prepend(str(tmp_path))
    import lenet_model  # type: ignore[import-not-found]

    serialization.save(lenet_model.LeNet(), tmp_path / "LeNet.pkl")
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "lenet_model")
    return tmp_path


def test_class_in_a_file_next_to_the_script(saved_lenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(saved_lenet / "test.py"), raising=False)
    model = serialization.load(saved_lenet / "LeNet.pkl")
    assert type(model).__name__ == "LeNet" and type(model) is sys.modules["lenet_model"].LeNet
    assert model(nptorch.ones(1, 2)).shape == (1, 1)
    monkeypatch.delitem(sys.modules, "lenet_model")


def test_class_in_a_file_in_the_current_folder(saved_lenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved_lenet)
    assert type(serialization.load("LeNet.pkl")).__name__ == "LeNet"
    monkeypatch.delitem(sys.modules, "lenet_model")


def test_class_that_the_running_script_has(saved_lenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace: dict[str, Any] = {"__name__": "elsewhere"}
    exec(MODEL.format(times=3), namespace)
    monkeypatch.setattr(sys.modules["__main__"], "LeNet", namespace["LeNet"], raising=False)
    assert type(serialization.load(saved_lenet / "LeNet.pkl")) is namespace["LeNet"]


def test_files_elsewhere_are_not_imported(
    saved_lenet: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    monkeypatch.syspath_prepend(str(saved_lenet))  # where Python itself would find it
    with pytest.raises(
        CheckpointError, match=r"asks for lenet_model\.LeNet.*If it is a model of module 'lenet_model', import"
    ):
        serialization.load(saved_lenet / "LeNet.pkl")
    assert "lenet_model" not in sys.modules


def test_files_without_the_class_are_not_imported(saved_lenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved_lenet)
    for content in ("import os\nos.mkdir('run')\n", "class LeNet(:", "\0", "def LeNet(): pass"):
        (saved_lenet / "lenet_model.py").write_text(content)
        with pytest.raises(CheckpointError, match="lenet_model"):
            serialization.load("LeNet.pkl")
        assert "lenet_model" not in sys.modules and not (saved_lenet / "run").exists()


def test_file_that_fails_to_import(saved_lenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved_lenet)
    (saved_lenet / "lenet_model.py").write_text("import missing_thing\nclass LeNet: pass")
    with pytest.raises(
        CheckpointError, match=r"lenet_model\.py, which fails to import: No module named 'missing_thing'"
    ):
        serialization.load("LeNet.pkl")
    assert "lenet_model" not in sys.modules


class Config:
    """A class of the user's that is no Module."""

    def __init__(self, width: int) -> None:
        self.width = width


def test_other_classes_must_be_vouched_for() -> None:
    with pytest.raises(CheckpointError, match=r"only nn\.Module classes.*add_safe_globals\(\[Config\]\)"):
        through(Config(3))
    serialization.add_safe_globals([Config])
    try:
        assert through({"config": Config(3)}, weights_only=True)["config"].width == 3
        assert serialization.get_safe_globals() == [Config]
    finally:
        serialization.clear_safe_globals()
    with pytest.raises(CheckpointError, match="Config"):
        through(Config(3))
