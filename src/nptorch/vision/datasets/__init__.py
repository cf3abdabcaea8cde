"""torchvision.datasets' names (https://pytorch.org/vision/stable/datasets.html), and Digits, which comes with us."""

from nptorch.vision.datasets.cifar import CIFAR10, CIFAR100
from nptorch.vision.datasets.digits import Digits
from nptorch.vision.datasets.fake import FakeData
from nptorch.vision.datasets.folder import DatasetFolder, ImageFolder
from nptorch.vision.datasets.mnist import KMNIST, MNIST, FashionMNIST
from nptorch.vision.datasets.vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "KMNIST",
    "MNIST",
    "DatasetFolder",
    "Digits",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "VisionDataset",
]
