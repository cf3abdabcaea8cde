"""Writes distributions.json: samples of a seed, their log densities and the mean of the examples, from PyTorch."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.distributions.examples import ALL, summary


def main() -> None:
    warnings.filterwarnings("ignore", "Singular sample detected")
    found = {f"{name} {number}": summary(torch, name, number) for name, number in ALL}
    Path(__file__).with_name("distributions.json").write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
