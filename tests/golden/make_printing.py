"""Write printing.json: tensors and the text PyTorch gives them, for tests on machines without it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int32",
    "int64",
    "uint16",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
STYLES = ("normal", "whole", "wide", "special", "tiny", "huge", "zeros")
SHAPES = ((), (0,), (2, 0, 3), (1,), (5,), (30,), (3, 4), (2, 3, 4), (8, 3))
OPTIONS = (
    {},
    {"precision": 2},
    {"precision": 0},
    {"threshold": 10},
    {"threshold": 3, "edgeitems": 1},
    {"threshold": 3, "edgeitems": 0},
    {"linewidth": 30},
    {"sci_mode": True},
    {"sci_mode": False},
    {"profile": "short"},
    {"profile": "full", "edgeitems": 2},
)


def values(shape: tuple[int, ...], style: str, rng: np.random.Generator) -> np.ndarray:
    """float64 values that exercise one way of printing."""
    x = rng.standard_normal(shape)
    if style == "whole":
        return np.round(x * 300)
    if style == "wide":
        return x * 10.0 ** rng.integers(-8, 9, shape)
    if style == "special":
        return np.where(rng.random(shape) < 0.5, rng.choice([np.inf, -np.inf, np.nan, 0.0, -0.0], shape), x)
    if style == "zeros":
        return x * (rng.random(shape) < 0.3)
    return x * {"normal": 1.0, "tiny": 1e-5, "huge": 1e7}[style]


def sample(dtype: str, shape: tuple[int, ...], style: str, rng: np.random.Generator) -> np.ndarray:
    """An array of any dtype from these values."""
    kind = np.dtype(dtype).kind
    with np.errstate(all="ignore"):
        x = values(shape, style, rng)
        if kind == "b":
            return np.asarray(x > 0)
        if kind in "iu":
            return np.asarray(np.nan_to_num(x * 50, posinf=7, neginf=7)).astype(np.int64).astype(dtype)
        return np.asarray(x + 1j * values(shape, style, rng) if kind == "c" else x).astype(dtype)


def main() -> None:
    """One tensor of every dtype, style and shape, each with the next options in turn."""
    rng = np.random.default_rng(5)
    cases = []
    for dtype in DTYPES:
        for style in STYLES if np.dtype(dtype).kind in "fc" else STYLES[:1]:
            for shape in SHAPES:
                array = sample(dtype, shape, style, rng)
                options = OPTIONS[len(cases) % len(OPTIONS)]
                requires_grad = array.dtype.kind in "fc" and len(cases) % 3 == 0
                torch.set_printoptions(profile="default")
                torch.set_printoptions(**options)
                text = repr(torch.from_numpy(array).requires_grad_(requires_grad))
                case = {"dtype": dtype, "shape": shape, "bytes": array.tobytes().hex(), "options": options}
                cases.append({**case, "requires_grad": requires_grad, "text": text})
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_name("printing.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
