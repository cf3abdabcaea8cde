"""CIFAR-10 and CIFAR-100.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from nptorch.errors import DataError
from nptorch.vision.datasets.archive import extract_tar
from nptorch.vision.datasets.download import REFETCH, fetch
from nptorch.vision.datasets.in_memory import InMemoryImages
from nptorch.vision.datasets.pickles import load_plain
from nptorch.vision.datasets.vision import Transform

_PIXELS = 3 * 32 * 32


class CIFAR10(InMemoryImages):
    """50,000 training and 10,000 test photographs of ten kinds of things, 32 x 32, in colour.

    root: the folder that holds cifar-10-batches-py. Files in place are used as they are; download=True fetches the
    archive if one is missing. data: ndarray, uint8, (N, 32, 32, 3). targets: a list of ints.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html

    Raises: DataError if files are missing or damaged, or cannot be downloaded.
    """

    base_folder = "cifar-10-batches-py"
    urls = ["https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"]
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]
    test_list = ["test_batch"]
    meta = ("batches.meta", "label_names")
    label_key = "labels"

    data: np.ndarray[Any, Any]
    targets: list[int]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        folder = self._folder() / self.base_folder
        if download:
            self.download()
        names = [*(self.train_list if train else self.test_list), self.meta[0]]
        missing = [name for name in names if not (folder / name).exists()]
        if missing:
            raise DataError(
                "Dataset not found or corrupted. You can use download=True to download it, "
                f"or put {', '.join(missing)} into {folder}"
            )
        self.classes = self._read_classes(folder / self.meta[0])
        parts = [self._read_batch(folder / name) for name in names[:-1]]
        planes = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, 3, 32, 32)
        self.data = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        self.targets = [label for _, labels in parts for label in labels]

    def _read_classes(self, file: Path) -> list[str]:
        entry = load_plain(file)
        names = entry.get(self.meta[1]) if isinstance(entry, dict) else None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise DataError(f"{file} should hold a list of class names under {self.meta[1]!r}; {REFETCH}")
        return names

    def _read_batch(self, file: Path) -> tuple[np.ndarray[Any, Any], list[int]]:
        entry = load_plain(file)
        if not isinstance(entry, dict) or "data" not in entry or self.label_key not in entry:
            raise DataError(f"{file} should hold a dictionary with 'data' and {self.label_key!r}; {REFETCH}")
        pixels, labels = entry["data"], entry[self.label_key]
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (_PIXELS,):
            found = (
                f"{pixels.dtype} of shape {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
            )
            raise DataError(f"{file}: 'data' should be uint8 of shape (N, {_PIXELS}) but is {found}; {REFETCH}")
        if not isinstance(labels, list) or len(labels) != len(pixels):
            found = f"{len(labels)}" if isinstance(labels, list) else f"a {type(labels).__name__}"
            raise DataError(
                f"{file}: {self.label_key!r} should be a list of {len(pixels)} labels but is {found}; {REFETCH}"
            )
        count = len(self.classes)
        wrong = next((label for label in labels if not isinstance(label, int) or not 0 <= label < count), None)
        if wrong is not None:
            raise DataError(f"{file}: the label {wrong!r} is none of 0..{count - 1}; {REFETCH}")
        return pixels, labels

    def download(self) -> None:
        """Fetch and unpack the archive if a file is not in place; otherwise the network is not touched."""
        root = self._folder()
        if all((root / self.base_folder / name).exists() for name in [*self.train_list, *self.test_list, self.meta[0]]):
            return
        archive = root / self.urls[0].rpartition("/")[2]
        if not archive.exists():
            fetch(self.urls, archive, md5=self.tgz_md5)
        extract_tar(archive, root)


class CIFAR100(CIFAR10):
    """50,000 training and 10,000 test photographs of a hundred kinds of things, 32 x 32, in colour.

    root: the folder that holds cifar-100-python; the rest as for CIFAR10.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR100.html
    """

    base_folder = "cifar-100-python"
    urls = ["https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"]
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = ["train"]
    test_list = ["test"]
    meta = ("meta", "fine_label_names")
    label_key = "fine_labels"
