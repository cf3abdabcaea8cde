"""Runs the programs beside this file, and compares what they print."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import subprocess
from pathlib import Path

import numpy as np

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
_NUMBER = re.compile(r"(?<![A-Za-z_\d])-?(?:\d+\.\d*(?:e[-+]\d+)?|\d+e[-+]\d+|inf|nan)")


def write_digits(root: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    """The embedded digits as MNIST's and FashionMNIST's files: 160 to train, 100 to test."""
    for folder in (root / "MNIST" / "raw", root / "FashionMNIST" / "raw"):
        folder.mkdir(parents=True)
        for name, part in (("train", slice(0, 160)), ("t10k", slice(160, 260))):
            images = np.ascontiguousarray(pixels[part], np.uint8)
            for kind, header, values in (
                ("images-idx3", struct.pack(">4I", 2051, *images.shape), images),
                ("labels-idx1", struct.pack(">2I", 2049, len(images)), labels[part].astype(np.uint8)),
            ):
                data = header + values.tobytes()
                (folder / f"{name}-{kind}-ubyte").write_bytes(data)
                (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))


def output(command: list[str], digits: Path, cwd: Path) -> str:
    """What the command prints; its own error if it fails."""
    environment = {**os.environ, "DIGITS": str(digits), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def difference(found: str, expected: str, rtol: float = 2e-3, atol: float = 2e-4) -> str:
    """The first line that differs, numbers with a point by more than the tolerance; empty if there is none.

    A number of n decimals was rounded: half a unit of its last place is allowed as well.
    """
    ours, theirs = found.splitlines(), expected.splitlines()
    for i in range(max(len(ours), len(theirs))):
        a, b = (lines[i] if i < len(lines) else "(nothing)" for lines in (ours, theirs))
        numbers = list(zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=False))
        same = "".join(_NUMBER.sub("#", a).split()) == "".join(_NUMBER.sub("#", b).split())  # columns widen with a sign
        if not same or not all(_close(x, y, rtol, atol) for x, y in numbers):
            return f"line {i + 1}: {a!r}, PyTorch: {b!r}"
    return ""


def _close(a: str, b: str, rtol: float, atol: float) -> bool:
    x, y = float(a), float(b)
    if math.isnan(y) or math.isinf(y):
        return a == b
    decimals = len(b.partition(".")[2]) if "e" not in b else 9
    return abs(x - y) <= rtol * abs(y) + max(atol, 1.01 * 10.0**-decimals if decimals < 5 else 0.0)
