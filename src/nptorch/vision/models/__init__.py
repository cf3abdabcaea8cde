"""Networks by name, without weights."""

from nptorch.vision.models.digitnet import DigitNet
from nptorch.vision.models.lenet import LeNet, LeNet5, LeNetBN
from nptorch.vision.models.mlp import MLP, MLP3, CifarMLP

__all__ = ["MLP", "MLP3", "CifarMLP", "DigitNet", "LeNet", "LeNet5", "LeNetBN"]
