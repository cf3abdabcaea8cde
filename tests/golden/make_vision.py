"""Writes vision.npz and vision.json: what torchvision's transforms, grids and FakeData give in tests/vision/cases.py."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.vision import cases

try:
    import torch
    from tests.vision.oracle import torchvision as find

    torchvision = find()
    datasets, transforms, utils = torchvision.datasets, torchvision.transforms, torchvision.utils
except ImportError as error:
    print(f"vision.npz stays as it is: {error}")
    sys.exit()


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    images = cases.inputs(lambda image, scale: (transforms.ToTensor() if scale else transforms.PILToTensor())(image))
    asked = cases.cases()
    arrays = {str(i): cases.answer(text, images[name], transforms, torch) for i, (name, text) in enumerate(asked)}
    arrays |= {text: cases.grid(text, utils, torch) for text in cases.GRIDS}
    arrays |= {f"fake{i}": array for i, array in enumerate(cases.fakes(datasets, transforms))}
    names = {"T": transforms, "I": transforms.InterpolationMode, "torch": torch}
    shown = {text: repr(eval(text, names)) for text in cases.REPRS + cases.SHOWN}
    np.savez_compressed(Path(__file__).with_name("vision.npz"), **arrays)
    golden = {"torchvision": torchvision.__version__, "cases": asked, "reprs": shown}
    Path(__file__).with_name("vision.json").write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
