"""Writes vision_models.json: torchvision's networks, their first weights, outputs and gradients (tests/vision/networks.py)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.vision import networks
from tests.vision.oracle import torchvision

try:
    import torch

    models = torchvision().models
except ImportError as error:
    print(f"vision_models.json stays as it is: {error}")
    sys.exit()


def main() -> None:
    torch.set_num_threads(1)
    found = {name: networks.answer(name, torch, models) for name in networks.SMALL + networks.LARGE}
    text = ",\n".join(f'"{name}": {json.dumps(answer)}' for name, answer in found.items())
    Path(__file__).with_name("vision_models.json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
