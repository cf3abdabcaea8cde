"""LeNets: (N, 1, 28, 28) -> (N, classes) scores.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11), 1998;
with ReLU and max pooling in place of the original's tanh and trainable averages.
"""

from __future__ import annotations

from nptorch import nn
from nptorch.nn import functional as F
from nptorch.tensor import Tensor

__all__ = ["LeNet", "LeNet5", "LeNetBN"]


class LeNet5(nn.Module):
    """LeNet-5 with three fully connected layers and no activation between them."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        x = self.pool1(F.relu(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        return self.fc3(self.fc2(self.fc1(x.flatten(1))))


class LeNet(nn.Module):
    """LeNet-5 with its layer C5 as a convolution, named as in the paper."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.C1 = nn.Conv2d(1, 6, 5, padding=2)
        self.R1 = nn.ReLU()
        self.S2 = nn.MaxPool2d(2)
        self.C3 = nn.Conv2d(6, 16, 5)
        self.R2 = nn.ReLU()
        self.S4 = nn.MaxPool2d(2)
        self.C5 = nn.Conv2d(16, 120, 5)
        self.R3 = nn.ReLU()
        self.F6 = nn.Linear(120, 84)
        self.R4 = nn.ReLU()
        self.OUT = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        x = self.S2(self.R1(self.C1(x)))
        x = self.S4(self.R2(self.C3(x)))
        x = self.R3(self.C5(x)).flatten(1)
        return self.OUT(self.R4(self.F6(x)))


class LeNetBN(nn.Module):
    """A LeNet of 3x3 convolutions with batch norm after every layer."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(1, 16, 3),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, 3),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
        )
        self.layer2 = nn.Sequential(
            nn.Linear(32 * 25, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(inplace=True),
            nn.Linear(64, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.layer2(self.layer1(x).flatten(1))
