"""Writes networks.json: the five networks trained by PyTorch on the embedded digits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.runs.networks import CASES, embedded, run


def main() -> None:
    torch.set_num_threads(1)
    found = {}
    for name, case in CASES.items():
        for dtype, steps in (("float32", 10), ("float64", 100)):
            found[f"{name} {dtype}"] = vars(run(torch, name, dtype, steps, embedded(case.colour)))
    (Path(__file__).parent / "networks.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
