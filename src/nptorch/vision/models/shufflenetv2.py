"""ShuffleNets V2: (N, 3, H, W) -> (N, classes) scores.

Source: N. Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", arXiv:1807.11164.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import nptorch
from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.registry import model

__all__ = [
    "ShuffleNetV2", "ShuffleNet_V2_X0_5_Weights", "ShuffleNet_V2_X1_0_Weights", "ShuffleNet_V2_X1_5_Weights",
    "ShuffleNet_V2_X2_0_Weights", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
]  # fmt: skip


def _conv(channels_in: int, channels: int, kernel_size: int = 1, stride: int = 1) -> list[nn.Module]:
    """A convolution, a batch normalisation, ReLU."""
    conv = nn.Conv2d(channels_in, channels, kernel_size, stride, kernel_size // 2, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    """A 3x3 convolution in each channel, a batch normalisation."""
    return [nn.Conv2d(channels, channels, 3, stride, 1, bias=False, groups=channels), nn.BatchNorm2d(channels)]


class InvertedResidual(nn.Module):
    """Half of the channels as they are (or, at a stride, convolved), half through three convolutions; then shuffled.

    Raises: ValueError for a stride outside 1 to 3, or at stride 1 for other channels out than in.
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if stride not in (1, 2, 3):
            raise ValueError(f"illegal stride value: {stride}")
        half = oup // 2
        if stride == 1 and inp != 2 * half:
            raise ValueError(
                f"at stride 1 there must be as many channels out as in, an even number: got {inp} and {oup}"
            )
        self.stride = stride
        self.branch1 = nn.Sequential(*(_depthwise(inp, stride) + _conv(inp, half) if stride > 1 else []))
        self.branch2 = nn.Sequential(
            *_conv(inp if stride > 1 else half, half), *_depthwise(half, stride), *_conv(half, half)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inp, H, W) -> (N, oup, H/stride, W/stride)."""
        left, right = x.chunk(2, dim=1) if self.stride == 1 else (self.branch1(x), x)
        return nn.functional.channel_shuffle(nptorch.cat((left, self.branch2(right)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """Three stages of inverted residuals between two convolutions, an average over the image, a linear layer.

    Source: https://pytorch.org/vision/stable/models/shufflenetv2.html

    Raises: ValueError unless there are 3 stages and 5 numbers of channels.
    """

    def __init__(
        self,
        stages_repeats: Sequence[int],
        stages_out_channels: Sequence[int],
        num_classes: int = 1000,
        inverted_residual: Callable[..., nn.Module] = InvertedResidual,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError(f"expected stages_repeats as list of 3 positive ints, got {stages_repeats}")
        if len(stages_out_channels) != 5:
            raise ValueError(f"expected stages_out_channels as list of 5 positive ints, got {stages_out_channels}")
        self._stage_out_channels = stages_out_channels
        channels, *widths, last = stages_out_channels
        self.conv1 = nn.Sequential(*_conv(3, channels, kernel_size=3, stride=2))
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for i, (repeats, width) in enumerate(zip(stages_repeats, widths, strict=True), 2):
            first = inverted_residual(channels, width, 2)
            self.add_module(
                f"stage{i}", nn.Sequential(first, *[inverted_residual(width, width, 1) for _ in range(repeats - 1)])
            )
            channels = width
        self.conv5 = nn.Sequential(*_conv(channels, last))
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean([2, 3]))


_model = partial(model, network=ShuffleNetV2, stages_repeats=[4, 8, 4])
ShuffleNet_V2_X0_5_Weights, shufflenet_v2_x0_5 = _model(
    "ShuffleNet_V2_X0_5", stages_out_channels=[24, 48, 96, 192, 1024], v1="shufflenetv2_x0.5-f707e7126e"
)
ShuffleNet_V2_X1_0_Weights, shufflenet_v2_x1_0 = _model(
    "ShuffleNet_V2_X1_0", stages_out_channels=[24, 116, 232, 464, 1024], v1="shufflenetv2_x1-5666bf0f80"
)
ShuffleNet_V2_X1_5_Weights, shufflenet_v2_x1_5 = _model(
    "ShuffleNet_V2_X1_5", stages_out_channels=[24, 176, 352, 704, 1024], v1="shufflenetv2_x1_5-3c479a10", resize=232
)
ShuffleNet_V2_X2_0_Weights, shufflenet_v2_x2_0 = _model(
    "ShuffleNet_V2_X2_0", stages_out_channels=[24, 244, 488, 976, 2048], v1="shufflenetv2_x2_0-8be3c8ee", resize=232
)
