"""The programs that this project exists for, unchanged, each in a process of its own, print PyTorch's figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.compat.running import difference
from tests.compat.shared_programs import DATA, PROGRAMS, RUNS, prepare, printed

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "shared_programs.json").read_text())


@pytest.mark.slow
@pytest.mark.skipif(
    not (DATA / "mnist").is_dir() or not PROGRAMS.is_dir(), reason="needs NPTORCH_DATA and its programs"
)
@pytest.mark.parametrize("name", RUNS)
def test_prints_what_pytorch_prints(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    prepare(RUNS[name], folder)
    found = printed(RUNS[name], [sys.executable, "-m", "nptorch", "run"], folder)
    assert difference(found, GOLDEN[name], rtol=1e-2) == ""
