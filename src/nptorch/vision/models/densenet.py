"""DenseNets: (N, 3, H, W) -> (N, classes) scores.

Source: G. Huang et al., "Densely Connected Convolutional Networks", arXiv:1608.06993.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import nptorch
from nptorch import nn
from nptorch.nn import functional as F
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights
from nptorch.vision.models.registry import model

__all__ = [
    "DenseNet", "DenseNet121_Weights", "DenseNet161_Weights", "DenseNet169_Weights", "DenseNet201_Weights",
    "densenet121", "densenet161", "densenet169", "densenet201",
]  # fmt: skip


class _DenseLayer(nn.Module):
    """growth_rate new channels, made of all that came before through bn_size times as many."""

    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float, memory_efficient: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def forward(self, input: Tensor | list[Tensor]) -> Tensor:
        """The new channels."""
        x = input if isinstance(input, Tensor) else nptorch.cat(input, 1)
        x = self.conv1(self.relu1(self.norm1(x)))
        x = self.conv2(self.relu2(self.norm2(x)))
        return F.dropout(x, self.drop_rate, self.training) if self.drop_rate > 0 else x


class _DenseBlock(nn.ModuleDict):
    """Layers that each see the input and what all layers before it made; all of it is the output."""

    def __init__(self, num_layers: int, num_input_features: int, growth_rate: int, **options: Any) -> None:
        super().__init__()
        for i in range(num_layers):
            layer = _DenseLayer(num_input_features + i * growth_rate, growth_rate, **options)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + num_layers * growth_rate, H, W)."""
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return nptorch.cat(features, 1)


class _Transition(nn.Sequential):
    """To fewer channels and half the size."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Dense blocks of block_config layers, transitions between them, a linear layer.

    memory_efficient: accepted; nothing is computed twice here.
    Source: https://pytorch.org/vision/stable/models/densenet.html
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(num_init_features),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            )
        )
        channels = num_init_features
        common = {"bn_size": bn_size, "drop_rate": drop_rate, "memory_efficient": memory_efficient}
        for i, layers in enumerate(block_config, 1):
            self.features.add_module(f"denseblock{i}", _DenseBlock(layers, channels, growth_rate, **common))
            channels += layers * growth_rate
            if i < len(block_config):
                self.features.add_module(f"transition{i}", _Transition(channels, channels // 2))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        draw_weights(self, conv=nn.init.kaiming_normal_, linear=lambda weight: weight)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        x = F.relu(self.features(x), inplace=True)
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


def _without_dots(state: dict[str, Any]) -> dict[str, Any]:
    """The published files are older than the rule that a layer's name has no dot: norm.1 became norm1."""
    return {re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", key): state[key] for key in state}


_model = partial(model, network=DenseNet, renamed=_without_dots)
DenseNet121_Weights, densenet121 = _model(
    "DenseNet121", growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, v1="densenet121-a639ec97"
)
DenseNet161_Weights, densenet161 = _model(
    "DenseNet161", growth_rate=48, block_config=(6, 12, 36, 24), num_init_features=96, v1="densenet161-8d451a50"
)
DenseNet169_Weights, densenet169 = _model(
    "DenseNet169", growth_rate=32, block_config=(6, 12, 32, 32), num_init_features=64, v1="densenet169-b2777c0a"
)
DenseNet201_Weights, densenet201 = _model(
    "DenseNet201", growth_rate=32, block_config=(6, 12, 48, 32), num_init_features=64, v1="densenet201-c1103571"
)
