"""Multilayer perceptrons over flattened images: (N, ...) -> (N, classes) scores."""

from __future__ import annotations

from nptorch import nn
from nptorch.nn import functional as F
from nptorch.tensor import Tensor

__all__ = ["MLP", "MLP3", "CifarMLP"]


class MLP(nn.Module):
    """Three linear layers, ReLU between them."""

    def __init__(self, features: int, hidden1: int, hidden2: int, num_classes: int = 10) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, hidden1)
        self.fc2 = nn.Linear(hidden1, hidden2)
        self.fc3 = nn.Linear(hidden2, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class MLP3(MLP):
    """784-200-60-classes, for 28x28 images; gives log-probabilities, for NLLLoss."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(784, 200, 60, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of each class."""
        return F.log_softmax(super().forward(x), dim=1)


class CifarMLP(MLP):
    """3072-1000-500-classes, for 32x32 colour images."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(32 * 32 * 3, 1000, 500, num_classes)
