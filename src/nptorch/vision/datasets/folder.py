"""Images sorted into one folder per class."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from nptorch.vision.datasets.vision import Transform, VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

StrPath = str | os.PathLike[str]


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether the name ends in one of the extensions, in whatever case."""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether the name ends as an image's does."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: StrPath) -> tuple[list[str], dict[str, int]]:
    """The names of the folders inside, sorted, and their numbers.

    Raises: FileNotFoundError if there are none.
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(
            f"Couldn't find any class folder in {os.fspath(directory)}: expected one folder per class"
        )
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: StrPath,
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The files under directory/<class>, at any depth, as sorted (path, class number) pairs.

    Raises: ValueError unless one of extensions and is_valid_file is given; FileNotFoundError for a class without files.
    """
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("exactly one of extensions and is_valid_file must be given")
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError("class_to_idx must have at least one entry")
    if is_valid_file is None:
        assert extensions is not None
        allowed = extensions
        is_valid_file = lambda path: has_file_allowed_extension(path, allowed)
    found, empty = [], []
    for name, number in sorted(class_to_idx.items()):
        paths = [
            os.path.join(folder, file)
            for folder, _, files in sorted(os.walk(os.path.join(os.path.expanduser(directory), name), followlinks=True))
            for file in sorted(files)
        ]
        of_class = [(path, number) for path in paths if is_valid_file(path)]
        found += of_class
        if not of_class:
            empty.append(name)
    if empty and not allow_empty:
        wanted = (
            ""
            if extensions is None
            else f" Supported extensions are: {extensions if isinstance(extensions, str) else ', '.join(extensions)}"
        )
        raise FileNotFoundError(
            f"Found no valid file for the classes {', '.join(empty)} in {os.fspath(directory)}.{wanted}; "
            "pass allow_empty=True to accept that"
        )
    return found


class DatasetFolder(VisionDataset):
    """Files as root/<class>/.../<file>; a sample is (loader(path), class number), then the transforms.

    Attributes: classes, class_to_idx, samples (pairs of path and class number), targets.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.DatasetFolder.html

    Raises: FileNotFoundError for a root without class folders, or (unless allow_empty) a class without files.
    """

    def __init__(
        self,
        root: StrPath,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        self.extensions = extensions
        folder = os.path.expanduser(root)
        self.classes, self.class_to_idx = self.find_classes(folder)
        self.samples = self.make_dataset(folder, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [number for _, number in self.samples]

    @staticmethod
    def make_dataset(
        directory: StrPath,
        class_to_idx: dict[str, int],
        extensions: tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """See make_dataset(); a subclass may override it to choose its files."""
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: StrPath) -> tuple[list[str], dict[str, int]]:
        """See find_classes(); a subclass may override it to choose its classes."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._apply(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


def pil_loader(path: str) -> Any:
    """The image in a file, as RGB."""
    from PIL import Image

    with open(path, "rb") as stream, Image.open(stream) as image:
        return image.convert("RGB")


default_loader = pil_loader


class ImageFolder(DatasetFolder):
    """Images as root/<class>/.../<file>; a sample is (RGB image, class number), then the transforms.

    Attributes: as DatasetFolder, and imgs, the same as samples.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
    """

    def __init__(
        self,
        root: StrPath,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
