"""Writes vision.npz and vision.json: what torchvision's transforms, grids and FakeData give in tests/vision/cases.py."""

from __future__ import annotations

import importlib
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
    v2 = importlib.import_module("torchvision.transforms.v2")
    for i, (name, text) in enumerate(asked):
        made = cases.answer(text, images[name], v2, torch)
        if not np.array_equal(made, arrays[str(i)]):
            arrays[f"v2 {i}"] = made
    for name in ("rgb", "grey"):
        arrays |= {f"v2 {name} {text}": cases.answer(text, images[name], v2, torch) for text in cases.ON_SAMPLES}
    for text in cases.BATCHES:
        made = cases.batch(text, v2, torchvision.tv_tensors, torch)
        arrays |= {f"v2 {text} {k}": array for k, array in enumerate(made)}
    v2_names = {"T": v2, "I": v2.InterpolationMode, "torch": torch}
    v2_shown = {text: repr(eval(text, v2_names)) for text in cases.REPRS + cases.SHOWN}
    names = {"T": transforms, "I": transforms.InterpolationMode, "torch": torch}
    shown = {text: repr(eval(text, names)) for text in cases.REPRS + cases.SHOWN}
    np.savez_compressed(Path(__file__).with_name("vision.npz"), **arrays)
    golden = {"torchvision": torchvision.__version__, "cases": asked, "reprs": shown, "v2 reprs": v2_shown}
    Path(__file__).with_name("vision.json").write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
