"""The published programs beside NPTORCH_DATA, unchanged: small data in the layout they expect, a seed, what they print."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(os.environ.get("NPTORCH_DATA", ""))
PROGRAMS = DATA.parent / "programs"
SEEDED = """
import runpy, sys
import torch
torch.manual_seed(7)
sys.argv = sys.argv[1:]
sys.path[0] = {folder!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_TIMES = re.compile(r'(?<=time: )[\d.]+|(?<=complete in ")\w+\.?\w*')


class Run(NamedTuple):
    """Programs run one after the other in one folder, each in a process of its own."""

    scripts: tuple[str, ...]
    train: int = 0  # images
    test: int = 0
    root: str = "data"  # of the images, seen from the programs' folder
    lines: int | None = None  # stop when it has printed so many


RUNS = {
    "001": Run(("001_lenet5.py",), train=10_000, test=10, lines=6),
    "002": Run(("002_three_layers.py",), train=300, test=100, root="../data"),
    "003": Run(("003/download_dataset.py", "003/model.py", "003/train.py", "003/test.py"), train=6_400, test=100),
    "004": Run(("004_forward.py", "004_cifar10.py"), train=200, test=100, root="."),
}


def prepare(run: Run, folder: Path) -> None:
    """Lay out the run's images, MNIST's and some that look like CIFAR-10's, so that the programs in `folder` find them."""
    root = folder / run.root
    for part, count in (("train", run.train), ("t10k", run.test)):
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for kind, size, dims in (("images-idx3", 28 * 28, 3), ("labels-idx1", 1, 1)):
            name = f"{part}-{kind}-ubyte"
            with gzip.open(DATA / "mnist" / f"{name}.gz") as file:
                magic, _, *shape = struct.unpack(f">{dims + 1}I", file.read(4 * dims + 4))
                content = struct.pack(f">{dims + 1}I", magic, count, *shape) + file.read(count * size)
            (raw / name).write_bytes(content)
            (raw / f"{name}.gz").write_bytes(b"")  # torchvision asks only whether it is there
    batches = root / "cifar-10-batches-py"
    batches.mkdir()
    for i, name in enumerate(["test_batch", *(f"data_batch_{k}" for k in range(1, 6))]):
        count = run.train // 5 if i else run.test
        labels = np.arange(count) % 10
        waves = np.sin(np.arange(3072) * (labels[:, None] + 1) / 700)
        noise = np.random.RandomState(i).randint(0, 200, (count, 3072))
        pixels = (28 + 8 * waves + noise).clip(0, 255).astype(np.uint8)
        (batches / name).write_bytes(pickle.dumps({"data": pixels, "labels": labels.tolist()}, 2))
    things = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": things}, 2))


def printed(run: Run, command: list[str], folder: Path) -> str:
    """What the run's programs print, times taken out; command: what runs a script."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1", "COLUMNS": "80"}
    folder.mkdir(exist_ok=True)
    shown = ""
    for script in run.scripts:
        driver = folder / "seeded.py"
        driver.write_text(SEEDED.format(folder=str((PROGRAMS / script).parent)))
        process = subprocess.Popen(
            [*command, str(driver), str(PROGRAMS / script)],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            assert process.stdout is not None and process.stderr is not None
            if run.lines is not None:
                shown += "".join(process.stdout.readline() for _ in range(run.lines))
                process.kill()
            else:
                out, errors = process.communicate(timeout=300)
                assert process.returncode == 0, errors
                shown += out
    return _TIMES.sub("#", shown)
