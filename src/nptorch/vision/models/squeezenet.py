"""SqueezeNets: (N, 3, H, W) -> (N, classes) scores.

Source: F. N. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
arXiv:1602.07360.
"""

from __future__ import annotations

from functools import partial

import nptorch
from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights, narrow
from nptorch.vision.models.registry import model

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]

# The first convolution (channels, kernel size), then what Fire modules squeeze and expand to, and the poolings ("M").
_VERSIONS: dict[str, tuple[tuple[int, int], list[tuple[int, int] | str]]] = {
    "1_0": (
        (96, 7),
        ["M", (16, 64), (16, 64), (32, 128), "M", (32, 128), (48, 192), (48, 192), (64, 256), "M", (64, 256)],
    ),
    "1_1": (
        (64, 3),
        ["M", (16, 64), (16, 64), "M", (32, 128), (32, 128), "M", (48, 192), (48, 192), (64, 256), (64, 256)],
    ),
}


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then 1x1 and 3x3 ones side by side."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) -> (N, both expansions, H, W)."""
        x = self.squeeze_activation(self.squeeze(x))
        sides = self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))
        return nptorch.cat(sides, 1)


class SqueezeNet(nn.Module):
    """A convolution, eight Fire modules and a convolution that makes the scores.

    Raises: ValueError for a version that is neither 1_0 nor 1_1.
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in _VERSIONS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        (channels, kernel), entries = _VERSIONS[version]
        layers: list[nn.Module] = [nn.Conv2d(3, channels, kernel, stride=2), nn.ReLU(inplace=True)]
        for entry in entries:
            if isinstance(entry, str):
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            else:
                squeeze, expand = entry
                layers.append(Fire(channels, squeeze, expand, expand))
                channels = 2 * expand
        self.features = nn.Sequential(*layers)
        scores = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), scores, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        draw_weights(self.features, conv=nn.init.kaiming_uniform_)
        draw_weights(scores, conv=narrow)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.classifier(self.features(x)).flatten(1)


_model = partial(model, network=SqueezeNet)
SqueezeNet1_0_Weights, squeezenet1_0 = _model("SqueezeNet1_0", version="1_0", v1="squeezenet1_0-b66bff10")
SqueezeNet1_1_Weights, squeezenet1_1 = _model("SqueezeNet1_1", version="1_1", v1="squeezenet1_1-b8a52dc0")
