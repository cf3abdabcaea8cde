"""Writes ops.json and ops.npy: what PyTorch gives on every sample of tests/ops/specs.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.ops.oracle import results
from tests.ops.specs import SAMPLES


def main() -> None:
    index, numbers, at = {}, [], 0
    for s in SAMPLES:
        parts = []
        for shape, dtype, values in results(torch, s):
            numbers.append(values.reshape(-1))
            parts.append([shape, dtype, at, at + values.size])
            at += values.size
        index[s.name] = parts
    here = Path(__file__).parent
    (here / "ops.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")
    np.save(here / "ops.npy", np.concatenate(numbers))


if __name__ == "__main__":
    main()
