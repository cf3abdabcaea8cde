"""The networks that the commands know, each with the recipe of the program it comes from, and networks from a user's file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nptorch import nn
from nptorch.vision import models


class UsageError(Exception):
    """A wish that cannot be met, with what to do instead; the commands print it as one line."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained unless told otherwise."""

    build: Callable[..., nn.Module]
    input_shape: tuple[int, int, int]
    optimizer: str = "adam"
    lr: float = 1e-3
    momentum: float = 0.0
    batch_size: int = 64
    loss: str = "cross_entropy"
    # None: images in [0, 1], as ToTensor gives them
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


RECIPES = {
    "lenet5": Recipe(models.LeNet5, (1, 28, 28), batch_size=100),
    "lenet": Recipe(models.LeNet, (1, 28, 28)),
    "lenet-bn": Recipe(models.LeNetBN, (1, 28, 28), optimizer="sgd", lr=0.1, momentum=0.7, mean=(0.5,), std=(0.5,)),
    "digitnet": Recipe(models.DigitNet, (1, 28, 28), lr=2e-3, batch_size=128),
    "mlp3": Recipe(
        models.MLP3, (1, 28, 28), optimizer="sgd", lr=1e-3, batch_size=256, loss="nll_loss", mean=(0.5,), std=(0.5,)
    ),
    "cifar-mlp": Recipe(
        models.CifarMLP, (3, 32, 32), lr=1e-4, batch_size=16, mean=(0.49140, 0.48216, 0.44653), std=(0.24703, 0.24349, 0.26159)
    ),
}  # fmt: skip


def recipe(name: str, image_shape: tuple[int, int, int] | None = None) -> Recipe:
    """The recipe of a known name, or one around FILE.py:CLASS.

    Raises: UsageError for a name that is neither, a file that is missing or a class that it does not hold.
    """
    if name in RECIPES:
        return RECIPES[name]
    path, colon, class_name = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise UsageError(
            f"unknown model {name!r}; choose one of {', '.join(RECIPES)}, or FILE.py:CLASS for a network of your own"
        )
    return Recipe(_user_class(Path(path), class_name), image_shape or (1, 28, 28))


def _user_class(path: Path, class_name: str) -> Callable[..., nn.Module]:
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Checkpoints name the class by its module, so that has to be found by name.
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        networks = [
            n
            for n, c in vars(module).items()
            if inspect.isclass(c) and issubclass(c, nn.Module) and c.__module__ == path.stem
        ]
        raise UsageError(f"{path} has no nn.Module named {class_name!r}; it has {', '.join(networks) or 'none'}")
    return found


def build(name: str, classes: int, image_shape: tuple[int, int, int] | None = None) -> nn.Module:
    """The network of a name for a number of classes."""
    make: Any = recipe(name, image_shape).build
    if "num_classes" in inspect.signature(make).parameters:
        return make(num_classes=classes)
    try:
        return make()
    except TypeError as error:
        raise UsageError(
            f"{name}: cannot be made without arguments ({error}); give them defaults, and num_classes if it should fit the data"
        ) from None
