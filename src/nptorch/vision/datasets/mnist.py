"""MNIST and the data sets in its file format.

Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from nptorch.errors import DataError
from nptorch.tensor import from_array
from nptorch.vision.datasets.archive import extract_gzip
from nptorch.vision.datasets.download import REFETCH, fetch
from nptorch.vision.datasets.in_memory import InMemoryImages
from nptorch.vision.datasets.vision import Transform

DIGIT_CLASSES = [
    "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
    "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine",
]  # fmt: skip

_MAX_BYTES = 2**31  # of one file's pixels


class MNIST(InMemoryImages):
    """60,000 training and 10,000 test images of handwritten digits, 28 x 28.

    root: the folder that holds MNIST/raw/train-images-idx3-ubyte and the others, plain or .gz. Files in place are used
    as they are; download=True fetches only missing ones. data: uint8, (N, 28, 28). targets: int64, (N,).
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html

    Raises: DataError if files are missing or damaged, or cannot be downloaded.
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = DIGIT_CLASSES

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
        if download:
            self.download()
        part = "train" if train else "t10k"
        images = Path(self.raw_folder, f"{part}-images-idx3-ubyte")
        labels = Path(self.raw_folder, f"{part}-labels-idx1-ubyte")
        missing = [file.name for file in (images, labels) if _in_place(file) is None]
        if missing:
            raise DataError(
                "Dataset not found. You can use download=True to download it, "
                f"or put {' and '.join(missing)} (or their .gz) into {self.raw_folder}"
            )
        pixels, targets = read_idx(images, dims=3), read_idx(labels, dims=1)
        if len(pixels) != len(targets):
            raise DataError(
                f"{images} holds {len(pixels)} images but {labels} holds {len(targets)} labels; "
                "delete both and use download=True to fetch them again"
            )
        self.data = from_array(pixels)
        self.targets = from_array(targets.astype(np.int64))

    @property
    def raw_folder(self) -> str:
        """The folder of the files: root/<name of the class>/raw."""
        return os.path.join(self._folder(), type(self).__name__, "raw")

    def download(self) -> None:
        """Fetch and unpack the files that are not in place; without missing files the network is not touched."""
        for name, md5 in self.resources:
            target, archive = Path(self.raw_folder, name.removesuffix(".gz")), Path(self.raw_folder, name)
            if _in_place(target) is None:
                fetch([mirror + name for mirror in self.mirrors], archive, md5=md5)
                extract_gzip(archive, target, max_bytes=_MAX_BYTES)


class FashionMNIST(MNIST):
    """60,000 training and 10,000 test images of clothes in MNIST's format.

    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.
    """

    mirrors = [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


class KMNIST(MNIST):
    """60,000 training and 10,000 test images of cursive Japanese characters in MNIST's format.

    T. Clanuwat et al., "Deep Learning for Classical Japanese Literature", arXiv:1812.01718, 2018.
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/", "https://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def read_idx(path: str | os.PathLike[str], dims: int) -> np.ndarray[Any, Any]:
    """The uint8 array of an IDX file, or of the .gz beside it if only that is there.

    dims: how many dimensions it must have. Source: http://yann.lecun.com/exdb/mnist (the file format).

    Raises: DataError if the file is missing, truncated, too long or not IDX.
    """
    file = _in_place(Path(path))
    if file is None:
        raise DataError(f"{path} does not exist")
    try:
        with gzip.open(file) if file.suffix == ".gz" else open(file, "rb") as stream:
            header = stream.read(4 + 4 * dims)
            magic = bytes([0, 0, 8, dims])
            if header[:4] != magic:
                raise DataError(
                    f"{file} starts with {header[:4].hex()}, not with {magic.hex()} (IDX, uint8, {dims} dims); "
                    f"{REFETCH}"
                )
            if len(header) < 4 + 4 * dims:
                raise DataError(f"{file} ends after {len(header)} bytes, within its header; {REFETCH}")
            shape = struct.unpack(f">{dims}I", header[4:])
            size = math.prod(shape)
            if size > _MAX_BYTES:
                raise DataError(f"{file} claims the shape {list(shape)}, which is too large; {REFETCH}")
            # bytearray, so that the array can be written to; one byte more shows a file that is too long.
            content = bytearray(stream.read(size + 1))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{file} is truncated or no gzip file ({error}); {REFETCH}") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    if len(content) != size:
        found = f"{len(content):,}" if len(content) < size else "more"
        raise DataError(
            f"{file} should hold {size:,} bytes after its header (shape {list(shape)}) but holds {found}; {REFETCH}"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _in_place(path: Path) -> Path | None:
    zipped = path.with_name(path.name + ".gz")
    return path if path.exists() else zipped if zipped.exists() else None
