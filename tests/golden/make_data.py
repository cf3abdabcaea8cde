"""Writes data.json: what PyTorch shows in every run of tests/utils/data_runs.py."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.utils.data_runs import RUNS, outcome


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    golden = {name: outcome(torch, name) for name in RUNS}
    (Path(__file__).parent / "data.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
