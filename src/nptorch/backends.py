"""Switches of the libraries under PyTorch: settable, without effect (https://pytorch.org/docs/stable/backends.html)."""

from __future__ import annotations

import types
from typing import Any


def _backend(name: str, **settings: Any) -> types.ModuleType:
    made = types.ModuleType(f"{__name__}.{name}", f"The switches of {name}.")
    made.is_available = made.is_built = lambda: False  # type: ignore[attr-defined]
    made.__dict__.update(settings)
    return made


cudnn = _backend(
    "cudnn", enabled=False, benchmark=False, deterministic=True, allow_tf32=False, version=lambda: None,
    is_acceptable=lambda tensor: False,
)  # fmt: skip
cuda = _backend("cuda", matmul=types.SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=False))
mps, mkl, mkldnn, openmp, xnnpack = map(_backend, ("mps", "mkl", "mkldnn", "openmp", "xnnpack"))
opt_einsum = _backend("opt_einsum", enabled=False, strategy=None)
