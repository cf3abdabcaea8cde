"""torchvision's networks by name, and the files of their trained weights."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from nptorch import hub
from nptorch.nn.module import Module
from nptorch.vision.transforms.presets import ImageClassification

__all__ = ["Weights", "WeightsEnum", "get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models"]

Builder = Callable[..., Any]
StateDict = dict[str, Any]
_BUILDERS: dict[str, Builder] = {}
_WEIGHTS: dict[str, type[WeightsEnum]] = {}
_CLASSES = 1000  # ImageNet's: what all files are trained for


class Weights(NamedTuple):
    """Where a file of trained weights comes from, and how images must be prepared for it."""

    url: str
    transforms: Callable[[], ImageClassification]


class WeightsEnum(Enum):
    """The files of trained weights of one network; DEFAULT is the best of them."""

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.value.url

    @property
    def transforms(self) -> Callable[[], ImageClassification]:
        """What makes the transform that prepares images."""
        return self.value.transforms

    @classmethod
    def verify(cls, weights: Any) -> Any:
        """The member that is meant, by itself or by its name; None for None.

        Raises: TypeError for another network's weights; KeyError for a name that is not here.
        """
        if isinstance(weights, str):
            return cls[weights.rpartition(".")[2]]
        if weights is not None and not isinstance(weights, cls):
            raise TypeError(f"weights should be a {cls.__name__}, its name, or None; got {weights!r}")
        return weights

    def get_state_dict(self, progress: bool = True, check_hash: bool = False) -> StateDict:
        """The trained weights, read from PyTorch's folder of downloads.

        Raises: DataError if the file is not there; it says where to get it.
        """
        return hub.load_state_dict_from_url(self.url, progress=progress, check_hash=check_hash)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


def model(
    name: str,
    network: Callable[..., Module],
    *,
    v1: str,
    v2: str | None = None,
    resize: int = 256,
    with_weights: dict[str, Any] | None = None,
    renamed: Callable[[StateDict], StateDict] | None = None,
    **fixed: Any,
) -> tuple[Any, Builder]:
    """The enum `<name>_Weights`, and the function `<name in lower case>` that makes network(**fixed, **what it is given).

    v1, v2: the files of weights, without .pth. resize: the edge that v1's images are scaled to.
    with_weights: options that change the network for loading them. renamed: what makes a file's keys the network's.
    """
    files = {"IMAGENET1K_V1": (v1, resize)} | ({} if v2 is None else {"IMAGENET1K_V2": (v2, 232)})
    members = {
        member: Weights(
            f"https://download.pytorch.org/models/{file}.pth",
            partial(ImageClassification, crop_size=224, resize_size=size),
        )
        for member, (file, size) in files.items()
    }
    home = network.__module__
    make: Any = WeightsEnum
    enum = make(f"{name}_Weights", {**members, "DEFAULT": list(members.values())[-1]}, module=home)

    def build(weights: Any = None, progress: bool = True, *, pretrained: bool = False, **options: Any) -> Any:
        wanted = enum["IMAGENET1K_V1"] if pretrained or weights is True else enum.verify(weights or None)
        if wanted is not None:
            options = merged(options, {"num_classes": _CLASSES, **(with_weights or {})}, build.__name__)
        made = network(**merged(options, fixed, build.__name__))
        if wanted is not None:
            state = wanted.get_state_dict(progress, check_hash=True)
            made.load_state_dict(state if renamed is None else renamed(state))
        return made

    build.__name__ = build.__qualname__ = name.lower()
    build.__module__ = home
    build.__doc__ = (
        f"{name}, (N, 3, H, W) -> (N, num_classes) scores; options: see {getattr(network, '__name__', name)}."
    )
    _BUILDERS[build.__name__], _WEIGHTS[build.__name__] = build, enum
    return enum, build


def merged(options: dict[str, Any], fixed: dict[str, Any], name: str) -> dict[str, Any]:
    """The caller's options and those that a name stands for.

    Raises: ValueError where they disagree.
    """
    for key, value in fixed.items():
        if options.get(key, value) != value:
            raise ValueError(f"{name}: the parameter {key!r} expected value {value} but got {options[key]} instead")
    return {**options, **fixed}


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names of the networks, in order; include, exclude: patterns of the shell.

    Source: https://pytorch.org/vision/stable/generated/torchvision.models.list_models.html
    """
    names = {
        n for n, build in _BUILDERS.items() if module is None or build.__module__.rpartition(".")[0] == module.__name__
    }
    chosen = {n for n in names if any(fnmatch.fnmatch(n, p) for p in _patterns(include))} if include else names
    return sorted(n for n in chosen if not any(fnmatch.fnmatch(n, p) for p in _patterns(exclude)))


def _patterns(given: Iterable[str] | str | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def get_model_builder(name: str) -> Builder:
    """The function that makes the network of this name.

    Raises: ValueError if there is none.
    """
    if name.lower() not in _BUILDERS:
        raise ValueError(f"Unknown model {name}; there are {', '.join(list_models())}")
    return _BUILDERS[name.lower()]


def get_model(name: str, **config: Any) -> Any:
    """The network of this name; config: what its function takes."""
    return get_model_builder(name)(**config)


def get_model_weights(name: Builder | str) -> type[WeightsEnum]:
    """The weights of the network of this name, or of this function."""
    return _WEIGHTS[(get_model_builder(name) if isinstance(name, str) else name).__name__]


def get_weight(name: str) -> WeightsEnum:
    """The weights of a full name, as "ResNet50_Weights.IMAGENET1K_V1".

    Raises: ValueError if there is no such enum.
    """
    enum, _, member = name.partition(".")
    for known in _WEIGHTS.values():
        if known.__name__ == enum:
            return known[member]
    raise ValueError(f"The weight enum {enum!r} is not here; weights are named as ResNet50_Weights.IMAGENET1K_V1")
