"""torchvision's API: data sets, transforms, networks, pictures of batches."""

from typing import Any

from nptorch.vision import datasets, transforms, utils

__all__ = ["datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils"]


def __getattr__(name: str) -> Any:
    # Imported when first used: a script that reads MNIST needs no ResNet.
    if name in __all__:
        import importlib

        return importlib.import_module(f"nptorch.vision.{name}")
    raise AttributeError(f"module 'nptorch.vision' has no attribute {name!r}", name=name)
