"""The data sets that the commands know by name, and folders of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nptorch import vision
from nptorch.app.catalog import UsageError
from nptorch.app.writing import WrittenDigits
from nptorch.random import Generator
from nptorch.utils.data import Subset, random_split
from nptorch.vision import transforms as T

NAMES = {
    "digits": vision.datasets.Digits,
    "mnist": vision.datasets.MNIST,
    "fashion-mnist": vision.datasets.FashionMNIST,
    "kmnist": vision.datasets.KMNIST,
    "cifar10": vision.datasets.CIFAR10,
    "cifar100": vision.datasets.CIFAR100,
}


@dataclass
class Data:
    """A training and a test set with the same classes."""

    train: Any
    test: Any
    classes: list[str]
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Preparation:
    """How an image becomes a tensor; kept with a run, so that training and testing cannot disagree."""

    shape: tuple[int, int, int]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def steps(self, native: tuple[int, int, int]) -> list[Any]:
        """The transforms from an image of the data set's own shape."""
        steps: list[Any] = []
        if native[0] != self.shape[0]:
            steps.append(T.Grayscale(self.shape[0]))
        if native[1:] != self.shape[1:]:
            steps.append(T.Resize(self.shape[1:]))
        steps.append(T.ToTensor())
        if self.mean is not None and self.std is not None:
            steps.append(T.Normalize(self.mean, self.std))
        return steps


def augmentation(native: tuple[int, int, int]) -> list[Any]:
    """Small shifts and, for photographs, mirror images; digits are turned a little instead."""
    if native[0] == 1:
        return [T.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1))]
    return [T.RandomCrop(native[1:], padding=4), T.RandomHorizontalFlip()]


def open_data(
    name: str,
    root: str | Path,
    preparation: Preparation,
    *,
    augment: bool = False,
    reject: bool = False,
    download: bool = True,
    seed: int = 0,
) -> Data:
    """The data set of a name, or a folder with train/ and test/ (or class folders, split 80:20 by `seed`).

    reject: one class more for what is no digit. Raises: UsageError for a name that is neither, or where nothing can be rejected.
    """
    written = name == "mnist" and augment and preparation == Preparation((1, 28, 28))
    if reject and not written:
        raise UsageError(
            "--reject needs --data mnist and --augment: the class `no digit` is made of varied handwriting"
        )
    if name in NAMES:
        native = (3, 32, 32) if name.startswith("cifar") else (1, 28, 28)
        train_steps = [*(augmentation(native) if augment else []), *preparation.steps(native)]
        options: dict[str, Any] = {} if name == "digits" else {"download": download}
        place: Any = None if name == "digits" else str(root)
        if written:
            train: Any = WrittenDigits(NAMES[name](place, train=True, **options), reject)
        else:
            train = NAMES[name](place, train=True, transform=T.Compose(train_steps), **options)
        test = NAMES[name](place, train=False, transform=T.Compose(preparation.steps(native)), **options)
        return Data(train, test, [str(c) for c in train.classes], native)
    folder = Path(name)
    if not folder.is_dir():
        raise UsageError(
            f"unknown data {name!r}; choose one of {', '.join(NAMES)}, or a folder with one subfolder of images for each class"
        )
    return _folder(folder, preparation, augment, seed)


def _folder(folder: Path, preparation: Preparation, augment: bool, seed: int) -> Data:
    shape = preparation.shape
    to_shape = [T.Grayscale(shape[0])] if shape[0] == 1 else []
    test_steps = T.Compose([*to_shape, T.Resize(shape[1:]), *preparation.steps(shape)])
    extra = augmentation(shape) if augment else []
    train_steps = T.Compose([*to_shape, T.Resize(shape[1:]), *extra, *preparation.steps(shape)])
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        train = vision.datasets.ImageFolder(str(folder / "train"), transform=train_steps)
        test = vision.datasets.ImageFolder(str(folder / "test"), transform=test_steps)
        if train.classes != test.classes:
            raise UsageError(
                f"{folder}: train/ has the classes {train.classes}, test/ has {test.classes}; they must be the same"
            )
        return Data(train, test, list(train.classes), shape)
    whole = vision.datasets.ImageFolder(str(folder), transform=train_steps)
    plain = vision.datasets.ImageFolder(str(folder), transform=test_steps)
    if len(whole) < 2:
        raise UsageError(f"{folder}: needs at least two images to split into training and test, found {len(whole)}")
    held = max(1, len(whole) // 5)
    train_part, test_part = random_split(whole, [len(whole) - held, held], generator=Generator().manual_seed(seed))
    return Data(train_part, Subset(plain, test_part.indices), list(whole.classes), shape)


def targets_of(dataset: Any) -> Sequence[int]:
    """All labels of a data set, in order."""
    if isinstance(dataset, Subset):
        labels = targets_of(dataset.dataset)
        return [labels[i] for i in dataset.indices]
    return [int(t) for t in dataset.targets]
