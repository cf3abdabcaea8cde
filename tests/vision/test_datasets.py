"""Data sets: what they read, what they refuse, and that a batch at once is the batch of single samples."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch import transforms as T
from nptorch.errors import DataError
from nptorch.kernels.images import image_batch, image_batch_reference
from nptorch.utils.data import Batch, DataLoader, Subset, default_collate
from nptorch.vision.datasets import (
    CIFAR10,
    CIFAR100,
    KMNIST,
    MNIST,
    DatasetFolder,
    Digits,
    FakeData,
    FashionMNIST,
    ImageFolder,
    VisionDataset,
)
from nptorch.vision.datasets.mnist import read_idx
from nptorch.vision.datasets.pickles import load_plain
from tests.vision.files import CIFAR_CLASSES, cifar_batch, idx, write_cifar10, write_mnist, write_pickle

NORMAL = T.Compose([T.ToTensor(), T.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))])
GREY = T.Compose([T.ToTensor(), T.Normalize((0.1307,), (0.3081,))])


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)


# --- MNIST's format ---


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("cls", [MNIST, FashionMNIST, KMNIST])
def test_mnist(tmp_path, offline, cls, zipped):
    write_mnist(tmp_path, name=cls.__name__, zipped=zipped)
    data = cls(tmp_path, download=True)
    assert data.data.shape == (20, 28, 28)
    assert data.data.dtype is nptorch.uint8
    assert data.targets.dtype is nptorch.int64
    image, label = data[3]
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), data.data[3].numpy())
    assert label == data.targets[3].item()
    assert type(label) is int
    assert len(data.classes) == len(data.class_to_idx) == 10
    assert not np.array_equal(cls(tmp_path, train=False).data.numpy(), data.data.numpy())
    with pytest.raises(IndexError):
        data[20]
    for wrong in (1.5, slice(2), "1"):
        with pytest.raises(TypeError, match="integer"):
            data[wrong]
    data.data[0] = 0  # the memory is writable


def test_mnist_class_names():
    assert MNIST.classes[:2] == ["0 - zero", "1 - one"]
    assert FashionMNIST.classes[9] == "Ankle boot"


def test_repr(tmp_path):
    write_mnist(tmp_path)
    assert repr(MNIST(str(tmp_path), train=False, transform=GREY, target_transform=T.Lambda(int))).splitlines() == [
        "Dataset MNIST",
        "    Number of datapoints: 20",
        f"    Root location: {tmp_path}",
        "    Split: Test",
        "    StandardTransform",
        "Transform: Compose(",
        "               ToTensor()",
        "               Normalize(mean=(0.1307,), std=(0.3081,))",
        "           )",
        "Target transform: Lambda()",
    ]


def test_missing_files_are_named(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True to download it") as caught:
        MNIST(tmp_path)
    assert "train-labels-idx1-ubyte" in str(caught.value)
    assert "train-images" not in str(caught.value)
    MNIST(tmp_path, train=False)


IMAGES = idx(np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "starts with"),
        (b"<html>not found</html>", "starts with 3c68746d, not with 00000803"),
        (IMAGES[:9], "ends after 9 bytes, within its header"),
        (IMAGES[:-1], "should hold 60 bytes .* holds 59"),
        (IMAGES + b"x", "should hold 60 bytes .* holds more"),
        (b"\0\0\x0d\3" + IMAGES[4:], "starts with 00000d03"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2**31, 2**31, 2**31), "too large"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_damaged_idx(tmp_path, content, words, zipped):
    file = tmp_path / ("x.gz" if zipped else "x")
    file.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    with pytest.raises(DataError, match=words) as caught:
        read_idx(tmp_path / "x", dims=3)
    assert str(file) in str(caught.value)
    assert "download=True" in str(caught.value)


@pytest.mark.parametrize(
    "content", [gzip.compress(IMAGES, mtime=0)[:-9], gzip.compress(IMAGES, mtime=0)[:30], b"no gzip", b""]
)
def test_damaged_gzip(tmp_path, content):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.gz"):
        read_idx(tmp_path / "x", dims=3)


def test_counts_must_agree(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(19, np.uint8)))
    with pytest.raises(DataError, match=r"20 images but .* 19 labels"):
        MNIST(tmp_path)


@pytest.mark.skipif("NPTORCH_DATA" not in os.environ, reason="NPTORCH_DATA does not name a folder with mnist/*.gz")
def test_real_mnist(tmp_path, offline):
    (tmp_path / "MNIST").mkdir()
    (tmp_path / "MNIST" / "raw").symlink_to(Path(os.environ["NPTORCH_DATA"]) / "mnist")
    train, test = MNIST(tmp_path, download=True), MNIST(tmp_path, train=False)
    assert (len(train), len(test)) == (60000, 10000)
    assert train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert float(train.data.numpy().mean() / 255) == pytest.approx(0.1307, abs=5e-5)
    assert float(train.data.numpy().std() / 255) == pytest.approx(0.3081, abs=5e-5)


# --- CIFAR's format ---


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
def test_cifar10(tmp_path, offline, protocol):
    write_cifar10(tmp_path, protocol)
    data = CIFAR10(tmp_path, download=True)
    assert data.data.shape == (20, 32, 32, 3)
    assert data.data.dtype == np.uint8
    assert data.targets == [label for i in range(1, 6) for label in cifar_batch(seed=i)["labels"]]
    assert data.classes == CIFAR_CLASSES
    assert data.class_to_idx["truck"] == 9
    planes = cifar_batch(seed=2)["data"][1].reshape(3, 32, 32)
    image, label = data[5]
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), planes.transpose(1, 2, 0))
    assert label == data.targets[5]
    assert len(CIFAR10(tmp_path, train=False)) == 4


def test_cifar100(tmp_path):
    folder = tmp_path / "cifar-100-python"
    for name in ("train", "test"):
        write_pickle(folder / name, {**cifar_batch(key="fine_labels"), "coarse_labels": [0] * 4})
    write_pickle(folder / "meta", {"fine_label_names": [f"c{i}" for i in range(100)], "coarse_label_names": []})
    data = CIFAR100(tmp_path)
    assert (len(data), len(data.classes)) == (4, 100)
    assert data.targets == cifar_batch()["labels"]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda batch: [batch], "should hold a dictionary"),
        (lambda batch: {**batch, "data": batch["data"][:, :-1]}, r"uint8 of shape \(4, 3071\)"),
        (lambda batch: {**batch, "data": batch["data"].astype(np.int16)}, "int16"),
        (lambda batch: {**batch, "data": [1, 2]}, "is list"),
        (lambda batch: {**batch, "labels": batch["labels"][1:]}, "4 labels but is 3"),
        (lambda batch: {**batch, "labels": None}, "a NoneType"),
        (lambda batch: {**batch, "labels": [0, 1, 10, 2]}, "label 10 is none of 0..9"),
        (lambda batch: {**batch, "labels": [0, 1, "2", 2]}, "label '2'"),
        (lambda batch: {"data": batch["data"]}, "'labels'"),
    ],
)
def test_cifar_files_that_do_not_fit(tmp_path, change, words):
    folder = write_cifar10(tmp_path)
    write_pickle(folder / "data_batch_3", change(cifar_batch()))
    with pytest.raises(DataError, match=words) as caught:
        CIFAR10(tmp_path)
    assert "data_batch_3" in str(caught.value)


def test_cifar_without_a_file_or_with_bad_classes(tmp_path):
    folder = write_cifar10(tmp_path)
    write_pickle(folder / "batches.meta", {"label_names": [1, 2]})
    with pytest.raises(DataError, match="class names"):
        CIFAR10(tmp_path)
    (folder / "data_batch_3").unlink()
    with pytest.raises(RuntimeError, match=r"Dataset not found or corrupted\. You can use download=True.*data_batch_3"):
        CIFAR10(tmp_path)


class Evil:
    """Its pickle names something to run."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def test_a_pickle_runs_nothing(tmp_path):
    mark = tmp_path / "mark"
    for value in (
        Evil(os.system, f"touch {mark}"),
        Evil(eval, f"open({str(mark)!r}, 'w')"),
        Evil(os.mkdir, str(mark)),
        Evil(getattr, "x", "upper"),
        Evil(np.load, "x"),
        np.array([Evil(os.mkdir, str(mark))], object),
        np.random.RandomState,
    ):
        for wrapped in (value, {"data": value}, [value]):
            write_pickle(tmp_path / "x", wrapped, protocol=2)
            with pytest.raises(DataError, match="was not loaded"):
                load_plain(tmp_path / "x")
    assert not mark.exists()


@pytest.mark.parametrize("length", [0, 1, 10, 100, 3000, 12000])
def test_a_cut_pickle(tmp_path, length):
    write_pickle(tmp_path / "x", cifar_batch())
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:length])
    with pytest.raises(DataError, match="is damaged"):
        load_plain(tmp_path / "x")


def test_pickles_with_flipped_bytes_never_give_more_than_a_data_error(tmp_path):
    write_pickle(tmp_path / "x", {**cifar_batch(1), "data": np.zeros((2, 3), np.uint8)})
    whole = (tmp_path / "x").read_bytes()
    for i in range(len(whole)):
        for byte in (0, 0x2E, 0x52, 0xFF):
            (tmp_path / "x").write_bytes(whole[:i] + bytes([byte]) + whole[i + 1 :])
            with suppress(DataError):
                load_plain(tmp_path / "x")


def test_an_array_must_fill_its_bytes(tmp_path):
    written = pickle.dumps(np.arange(6, dtype=np.uint8), protocol=2)
    (tmp_path / "x").write_bytes(written.replace(b"K\x06\x85", b"K\x07\x85"))
    with pytest.raises(DataError, match="shape"):
        load_plain(tmp_path / "x")


@pytest.mark.parametrize("dtype", ["u1", "i8", "<f4", ">f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numbers_are_read(tmp_path, dtype, order):
    array = np.array([[1, 0, 3], [4, 5, 6]], dtype, order=order)
    write_pickle(tmp_path / "x", array, protocol=2)
    made = load_plain(tmp_path / "x")
    assert made.dtype == array.dtype
    assert np.array_equal(made, array)


# --- folders of images ---


@pytest.fixture
def folder(tmp_path):
    for name, count in (("dog", 2), ("cat", 3)):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(count):
            Image.new("L", (4, 3), i * 10).save(tmp_path / name / ("more" if i == 2 else "") / f"{i}.PNG", format="png")
        (tmp_path / name / "notes.txt").write_text("no image")
    return tmp_path


def test_image_folder(folder):
    data = ImageFolder(folder, transform=T.ToTensor())
    assert data.classes == ["cat", "dog"]
    assert data.class_to_idx == {"cat": 0, "dog": 1}
    assert data.targets == [0, 0, 0, 1, 1]
    assert data.imgs is data.samples
    assert [os.path.relpath(path, folder) for path, _ in data.samples] == [
        "cat/0.PNG", "cat/1.PNG", "cat/more/2.PNG", "dog/0.PNG", "dog/1.PNG",
    ]  # fmt: skip
    image, label = data[1]
    assert image.shape == (3, 3, 4)
    assert label == 0
    batch, labels = next(iter(DataLoader(data, batch_size=5)))
    assert batch.shape == (5, 3, 3, 4)
    assert labels.tolist() == data.targets


def test_image_folder_options(folder):
    assert len(ImageFolder(folder, is_valid_file=lambda path: path.endswith("0.PNG"))) == 2
    texts = DatasetFolder(folder, loader=lambda path: Path(path).read_text(), extensions=(".txt",))
    assert texts[0] == ("no image", 0)
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"classes empty.*\.jpg.*allow_empty"):
        ImageFolder(folder)
    assert ImageFolder(folder, allow_empty=True).classes == ["cat", "dog", "empty"]
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        ImageFolder(folder / "empty")
    with pytest.raises(ValueError, match="exactly one"):
        DatasetFolder(folder, loader=str)


def test_a_subclass_may_choose_its_classes(folder):
    class OnlyDogs(ImageFolder):
        def find_classes(self, directory):
            return ["dog"], {"dog": 0}

    assert OnlyDogs(folder).targets == [0, 0]


# --- the others ---


def test_fake_data_repeats_itself():
    data = FakeData(4, (3, 8, 6), transform=T.ToTensor(), target_transform=lambda label: label + 100)
    assert np.array_equal(data[2][0].numpy(), data[2][0].numpy())
    assert data[2][0].shape == (3, 8, 6)
    assert data[2][1] >= 100
    with pytest.raises(IndexError, match="4 samples"):
        data[4]
    assert len(list(data)) == 4


def test_digits():
    train, test = Digits(), Digits(train=False)
    assert (len(train), len(test)) == (1437, 360)
    for data in (train, test):
        counts = np.bincount(data.targets.numpy())
        assert counts.min() >= 0.09 * len(data)
        pixels = data.data.numpy().astype(float)
        assert pixels.shape[1:] == (28, 28)
        assert pixels.max() == 255
        assert pixels[:, [0, -1]].max() == 0
        mass = pixels.sum((1, 2))
        for profile in (pixels.sum(1), pixels.sum(2)):
            assert abs(profile @ np.arange(28) / mass - 13.5).max() < 1.5
    assert [zlib.crc32(data.data.numpy().tobytes()) for data in (train, test)] == [2602821988, 1344485291]
    assert train.classes == MNIST.classes
    assert not any((train.data.numpy() == image).all((1, 2)).any() for image in test.data.numpy()[:20])


def test_both_kinds_of_transforms_are_too_many():
    with pytest.raises(ValueError, match="both kinds"):
        VisionDataset("x", transforms=lambda x, y: (x, y), transform=T.ToTensor())


# --- a batch at once ---


def assert_same_batch(data, indices):
    at_once = data.__getitems__(indices)
    assert type(at_once) is Batch
    for made, wanted in zip(at_once, default_collate([data[i] for i in indices]), strict=True):
        assert made.dtype is wanted.dtype
        assert made.shape == wanted.shape
        assert np.array_equal(made.numpy(), wanted.numpy())


@pytest.mark.parametrize(
    "transform",
    [
        T.ToTensor(),
        GREY,
        T.Compose([T.Grayscale(), T.Compose([T.ToTensor()]), T.Normalize(0.5, nptorch.tensor([0.5]))]),
        T.Compose([T.Resize([28, 28]), T.PILToTensor(), T.ConvertImageDtype(nptorch.float32), T.Resize(28)]),
    ],
)
def test_grey_batches_are_the_batches_of_samples(transform):
    assert_same_batch(Digits(transform=transform), [3, 0, 1436, 3, -1])


@pytest.mark.parametrize("transform", [NORMAL, T.Compose([T.ToTensor(), T.Normalize([0.5], [0.25])])])
def test_colour_batches_are_the_batches_of_samples(tmp_path, transform):
    write_cifar10(tmp_path)
    assert_same_batch(CIFAR10(tmp_path, transform=transform), [7, 0, 19, -20])


@pytest.mark.parametrize(
    "transform",
    [
        None,
        T.Grayscale(),
        T.PILToTensor(),
        T.Lambda(lambda image: 1),
        T.Compose([T.ToTensor(), T.Grayscale()]),
        T.Compose([T.RandomCrop(28), T.ToTensor()]),
        T.Compose([T.Resize(14), T.ToTensor()]),
        T.Compose([T.ToTensor(), T.Normalize(0.5, 0.5), T.Normalize(0.5, 0.5)]),
        type("Mine", (T.ToTensor,), {"__call__": lambda self, image: 2})(),
        type("Mine", (T.Compose,), {"__call__": lambda self, image: 3})([T.ToTensor()]),
    ],
)
def test_other_transforms_see_every_image(transform):
    made = Digits(transform=transform).__getitems__([1, 2])
    assert type(made) is list
    assert len(made) == 2


def test_wrong_transforms_fail_as_for_one_sample():
    for transform in (T.Normalize(0.5, 0.5), T.Compose([T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])):
        with pytest.raises((TypeError, ValueError)):
            Digits(transform=transform).__getitems__([1])


def test_what_the_user_changed_counts():
    data = Digits(transform=T.ToTensor())
    data.data, data.targets = data.data[:5], data.targets[:5] + 100
    assert_same_batch(data, [4, 0])
    with pytest.raises(IndexError, match="index 5 is out of range: Digits has 5 samples"):
        data.__getitems__([0, 5])
    data.target_transform = str
    assert [label for _, label in data.__getitems__([0])] == [str(data.targets[0].item())]


def test_labels_that_are_no_integers_go_one_by_one(tmp_path):
    write_cifar10(tmp_path)
    data = CIFAR10(tmp_path, transform=T.ToTensor())
    data.targets = [True] * 20
    assert type(data.__getitems__([0, 1])) is list


def test_loader_gives_the_same_with_and_without_the_batched_road():
    class OneByOne(Digits):
        def __getitem__(self, index):
            return super().__getitem__(index)

    def batches(data, **options):
        nptorch.manual_seed(4)
        return [(x.numpy(), y.numpy()) for x, y in DataLoader(data, batch_size=500, shuffle=True, **options)]

    at_once = batches(Digits(transform=GREY))
    for other in (
        batches(OneByOne(transform=GREY)),
        batches(Subset(Digits(transform=GREY), range(1437))),
        batches(Digits(transform=GREY), collate_fn=lambda samples: default_collate(list(samples))),
    ):
        assert len(at_once) == len(other) == 3
        for (x, y), (u, v) in zip(at_once, other, strict=True):
            assert np.array_equal(x, u)
            assert np.array_equal(y, v)


@pytest.mark.parametrize(
    "shape, mean, std",
    [
        ((9, 5, 7), None, None),
        ((9, 5, 7), [0.3], [0.7]),
        ((9, 3, 3, 1), [0.3], [0.7]),
        ((9, 6, 4, 3), None, None),
        ((9, 6, 4, 3), [0.3], [0.7]),
        ((9, 6, 4, 3), [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]),
    ],
)
def test_image_batch_is_its_reference(shape, mean, std):
    images = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    rows = np.array([8, 0, 3, 3])
    made = image_batch(images, rows, mean=mean, std=std)
    assert made.dtype == np.float32
    assert np.array_equal(made, image_batch_reference(images, rows, mean=mean, std=std))
