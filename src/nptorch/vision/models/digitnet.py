"""The network that reads handwriting: small 3x3 convolutions with batch normalisation, (N, 1, 28, 28) -> (N, classes) scores."""

from __future__ import annotations

from nptorch import nn
from nptorch.tensor import Tensor

__all__ = ["DigitNet"]


def _block(channels_in: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


class DigitNet(nn.Module):
    """Five convolutions in three resolutions, an average over the image, one linear layer: 80,000 parameters."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_block(1, 24), *_block(24, 24), nn.MaxPool2d(2),
            *_block(24, 48), *_block(48, 48), nn.MaxPool2d(2),
            *_block(48, 96), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Linear(96 * 3 * 3, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.classifier(self.layers(x).flatten(1))
