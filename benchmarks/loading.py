"""An epoch of 60,000 images through the loader: MNIST if its files are there (environment variable NPTORCH_DATA), else random images of its size."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np


def _data_set(T: Any, root: Path) -> Any:
    """MNIST with ToTensor and Normalize: torchvision's, or ours."""
    package = "torchvision" if T.__name__ == "torch" else "nptorch.vision"
    transforms = importlib.import_module(package + ".transforms")
    datasets = importlib.import_module(package + ".datasets")
    both = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    return datasets.MNIST(str(root), train=True, transform=both)


def write_random_mnist(root: Path) -> None:
    """60,000 random images and labels as MNIST's files, where none are."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for stem, count in (("train", 60000), ("t10k", 10000)):
        for kind, array, shape in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28), np.uint8), (count, 28, 28)),
            ("labels-idx1", rng.integers(0, 10, count, np.uint8), (count,)),
        ):
            header = np.array([0x0800 + len(shape), *shape], ">i4").tobytes()
            (raw / f"{stem}-{kind}-ubyte").write_bytes(header + array.tobytes())


def epoch(T: Any, batch: str) -> dict[str, float]:
    """Seconds for one epoch in batches of that size, shuffled; the second of two."""
    data = importlib.import_module(T.__name__ + ".utils.data")
    loader = data.DataLoader(_data_set(T, Path(os.environ["BENCH_MNIST"])), batch_size=int(batch), shuffle=True)
    for _ in range(2):
        start = time.perf_counter()
        images = sum(len(y) for _, y in loader)
        seconds = time.perf_counter() - start
    assert images == 60000
    return {"ms": seconds * 1e3}
