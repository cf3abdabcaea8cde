"""VGG networks: (N, 3, H, W) -> (N, classes) scores.

Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv:1409.1556.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights, fan_out, narrow
from nptorch.vision.models.registry import model

__all__ = [
    "VGG", "VGG11_BN_Weights", "VGG11_Weights", "VGG13_BN_Weights", "VGG13_Weights", "VGG16_BN_Weights",
    "VGG16_Weights", "VGG19_BN_Weights", "VGG19_Weights", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
    "vgg16_bn", "vgg19", "vgg19_bn",
]  # fmt: skip

# The paper's columns: channels of the 3x3 convolutions, "M" for a pooling.
cfgs: dict[str, list[int | str]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}


class VGG(nn.Module):
    """`features`, then three linear layers on 7 x 7 places of 512 channels."""

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        if init_weights:
            draw_weights(self, conv=fan_out, linear=narrow)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def make_layers(cfg: Iterable[int | str], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions and poolings of one column of the paper's table."""
    layers: list[nn.Module] = []
    channels = 3
    for entry in cfg:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, entry, kernel_size=3, padding=1))
        layers += [nn.BatchNorm2d(entry)] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
        channels = entry
    return nn.Sequential(*layers)


def _vgg(column: str, batch_norm: bool, **options: Any) -> VGG:
    return VGG(make_layers(cfgs[column], batch_norm), **options)


_model = partial(model, network=_vgg, with_weights={"init_weights": False})
VGG11_Weights, vgg11 = _model("VGG11", column="A", batch_norm=False, v1="vgg11-8a719046")
VGG13_Weights, vgg13 = _model("VGG13", column="B", batch_norm=False, v1="vgg13-19584684")
VGG16_Weights, vgg16 = _model("VGG16", column="D", batch_norm=False, v1="vgg16-397923af")
VGG19_Weights, vgg19 = _model("VGG19", column="E", batch_norm=False, v1="vgg19-dcbb9e9d")
VGG11_BN_Weights, vgg11_bn = _model("VGG11_BN", column="A", batch_norm=True, v1="vgg11_bn-6002323d")
VGG13_BN_Weights, vgg13_bn = _model("VGG13_BN", column="B", batch_norm=True, v1="vgg13_bn-abd245e5")
VGG16_BN_Weights, vgg16_bn = _model("VGG16_BN", column="D", batch_norm=True, v1="vgg16_bn-6c64b313")
VGG19_BN_Weights, vgg19_bn = _model("VGG19_BN", column="E", batch_norm=True, v1="vgg19_bn-c79401a0")
