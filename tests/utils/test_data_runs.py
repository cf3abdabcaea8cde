"""Every run of data_runs.py shows under nptorch what it shows under PyTorch: order, draws, types and values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nptorch
from tests.utils.data_runs import RUNS, outcome

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "data.json").read_text())


def test_golden_file_is_complete() -> None:
    assert set(GOLDEN) == set(RUNS), "run tests/golden/make_data.py"


@pytest.mark.parametrize("name", RUNS)
def test_run_is_pytorchs(name: str) -> None:
    assert json.loads(json.dumps(outcome(nptorch, name))) == GOLDEN[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in RUNS if "workers" not in name])
def test_golden_run_is_that_of_this_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert json.loads(json.dumps(outcome(torch, name))) == GOLDEN[name]
