"""Programs as learners write them: each prints under nptorch what it prints under PyTorch on the same seed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nptorch.vision.datasets import Digits
from tests.compat.running import PROGRAMS, difference, output, write_digits

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "programs.json").read_text())


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digits")
    data = Digits(train=True)
    write_digits(root, data.data.numpy(), data.targets.numpy())
    return root


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_prints_what_pytorch_prints(program: Path, digits: Path, tmp_path: Path) -> None:
    found = output([sys.executable, "-m", "nptorch", "run", str(program)], digits, tmp_path)
    assert difference(found, GOLDEN[program.stem]) == ""


def test_a_figure_that_is_off_is_seen() -> None:
    assert difference("loss 1.0000", "loss 1.0000") == ""
    assert difference("loss 1.0100", "loss 1.0000") == "line 1: 'loss 1.0100', PyTorch: 'loss 1.0000'"
    assert difference("epoch 1", "epoch 2") != ""
    assert difference("a\n", "a\nb") != ""
    assert difference("nan", "0.5") != ""
