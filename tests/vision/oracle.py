"""torchvision's Python side beside a PyTorch that it was not built for: its C++ operators are left unregistered."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any


def torchvision() -> Any:
    """torchvision, from the folder in the variable TORCHVISION_SITE if it is set.

    Raises: ImportError if it or PyTorch is not there.
    """
    import torch

    sys.path.extend(folder for folder in [os.environ.get("TORCHVISION_SITE")] if folder and folder not in sys.path)
    if importlib.util.find_spec("torchvision") is None:
        raise ImportError("torchvision is not installed, and TORCHVISION_SITE names no folder with it")
    if "torchvision" not in sys.modules:
        torch.library.Library("torchvision", "DEF").define(
            "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
        for name in ("register_fake", "register_autograd"):
            setattr(torch.library, name, _quiet(getattr(torch.library, name)))
    import torchvision as found

    return found


def _quiet(register: Any) -> Any:
    def registered(op: Any, *arguments: Any, **options: Any) -> Any:
        return (lambda f: f) if str(op).startswith("torchvision::") else register(op, *arguments, **options)

    return registered
