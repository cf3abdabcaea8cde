"""GoogLeNet with batch normalisation: (N, 3, H, W) -> (N, classes) scores.

Source: C. Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import nptorch
from nptorch import nn
from nptorch.nn import functional as F
from nptorch.tensor import Tensor
from nptorch.vision.models.registry import model

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "GoogLeNet_Weights", "googlenet"]

GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])
Layer = Callable[..., nn.Module]

# The paper's table 1: channels in, of the 1x1 branch, before and in the 3x3 branch, before and in the 5x5 branch,
# of the pool branch.
_INCEPTIONS = {
    "3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64), "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128), "5b": (832, 384, 192, 384, 48, 128, 128),
}  # fmt: skip
# What brings ImageNet's normalisation to that of the network's first training: (x - 0.5) / 0.5.
_RESCALE = [(0.229, 0.485), (0.224, 0.456), (0.225, 0.406)]


class BasicConv2d(nn.Module):
    """A convolution, a batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, ...)."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Four branches side by side; the one named 5x5 has a 3x3 kernel, as in torchvision."""

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Layer | None = None,
    ) -> None:
        super().__init__()
        conv = conv_block or BasicConv2d

        def two(narrow: int, wide: int) -> nn.Sequential:
            return nn.Sequential(conv(in_channels, narrow, kernel_size=1), conv(narrow, wide, kernel_size=3, padding=1))

        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = two(ch3x3red, ch3x3)
        self.branch3 = two(ch5x5red, ch5x5)
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv(in_channels, pool_proj, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, channels of all branches, H, W)."""
        return nptorch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """Scores from the middle of the network, which help in training."""

    def __init__(
        self, in_channels: int, num_classes: int, conv_block: Layer | None = None, dropout: float = 0.7
    ) -> None:
        super().__init__()
        self.conv = (conv_block or BasicConv2d)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, num_classes)."""
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x), inplace=True)))


class GoogLeNet(nn.Module):
    """Nine Inception modules; with aux_logits, in training, the output is GoogLeNetOutputs of three scores.

    transform_input: images come normalised for ImageNet, the network wants [-1, 1].
    init_weights: draw the weights anew.
    Source: https://pytorch.org/vision/stable/models/googlenet.html

    Raises: ValueError unless there are three blocks (convolution, Inception, auxiliary scores).
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: Sequence[Layer] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        if blocks is not None and len(blocks) != 3:
            raise ValueError(f"blocks length should be 3 instead of {len(blocks)}")
        conv, inception, aux = blocks or (BasicConv2d, Inception, InceptionAux)
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        poolings = {"4a": ("maxpool3", 3), "5a": ("maxpool4", 2)}
        for name, channels in _INCEPTIONS.items():
            if name in poolings:
                pooling, size = poolings[name]
                self.add_module(pooling, nn.MaxPool2d(size, stride=2, ceil_mode=True))
            self.add_module(f"inception{name}", inception(*channels))
        self.aux1 = aux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights is None or init_weights:
            for layer in self.modules():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.trunc_normal_(layer.weight, mean=0.0, std=0.01, a=-2, b=2)

    def forward(self, x: Tensor) -> Any:
        """Scores for each class, or three of them."""
        if self.transform_input:
            x = nptorch.stack([x[:, i] * (s / 0.5) + (m - 0.5) / 0.5 for i, (s, m) in enumerate(_RESCALE)], 1)
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        scores = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(scores, aux2, aux1) if self.training and self.aux_logits else scores


def _without_aux(state: dict[str, Any]) -> dict[str, Any]:
    """The published file's auxiliary layers were never trained."""
    return {key: value for key, value in state.items() if not key.startswith("aux")}


_model = partial(model, network=GoogLeNet, renamed=_without_aux)
GoogLeNet_Weights, googlenet = _model(
    "GoogLeNet",
    with_weights={"aux_logits": False, "transform_input": True, "init_weights": False},
    v1="googlenet-1378be20",
)
