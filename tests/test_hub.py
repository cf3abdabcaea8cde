"""Where trained weights are kept, and that no code is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

import nptorch
from nptorch import hub
from nptorch.errors import DataError

NOWHERE = "http://127.0.0.1:1/weights-0123abcd.pth"  # nothing answers there


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_dir", None)


def test_a_file_in_place_is_read_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == f"{tmp_path}/home/hub"
    hub.set_dir(tmp_path / "other")
    assert hub.get_dir() == f"{tmp_path}/other"
    (tmp_path / "other" / "checkpoints").mkdir(parents=True)
    nptorch.save({"w": nptorch.ones(2)}, tmp_path / "other" / "checkpoints" / "weights-0123abcd.pth")
    assert hub.load_state_dict_from_url(NOWHERE, check_hash=True)["w"].tolist() == [1.0, 1.0]
    nptorch.save({"w": nptorch.zeros(2)}, tmp_path / "mine.pth")
    found = hub.load_state_dict_from_url(NOWHERE, model_dir=tmp_path, file_name="mine.pth", map_location="cpu")
    assert found["w"].tolist() == [0.0, 0.0]


def test_a_file_that_cannot_be_fetched_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not download weights-0123abcd.pth.*put the file into .* by hand"):
        hub.load_state_dict_from_url(NOWHERE, model_dir=tmp_path)


def test_code_is_not_fetched() -> None:
    with pytest.raises(RuntimeError, match="would run code from the network"):
        hub.load("pytorch/vision", "resnet18")
