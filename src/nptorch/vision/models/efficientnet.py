"""EfficientNets B0 to B7: (N, 3, H, W) -> (N, classes) scores.

Source: M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights, fan_out
from nptorch.vision.models.mobilenetv2 import _make_divisible
from nptorch.vision.models.registry import File, model
from nptorch.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from nptorch.vision.ops.stochastic_depth import StochasticDepth
from nptorch.vision.transforms.functional.image import InterpolationMode

__all__ = [
    "EfficientNet", *(f"EfficientNet_B{i}_Weights" for i in range(8)), *(f"efficientnet_b{i}" for i in range(8)),
]  # fmt: skip

# The paper's table 1: expansion, kernel size, stride of the first, channels in, channels out, blocks.
_TABLE = (
    (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
)  # fmt: skip


class MBConvConfig:
    """One row of the paper's table, for a network of width_mult times the channels and depth_mult times the blocks."""

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        block: Callable[..., nn.Module] | None = None,
    ) -> None:
        self.expand_ratio = expand_ratio
        self.kernel = kernel
        self.stride = stride
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.num_layers = math.ceil(num_layers * depth_mult)
        self.block = block or MBConv

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        """The channels times width_mult, as a multiple of 8."""
        return _make_divisible(channels * width_mult, 8, min_value)


class MBConv(nn.Module):
    """To more channels, a convolution in each, squeeze and excitation, and back; added to the input where they fit.

    Raises: ValueError for a stride that is neither 1 nor 2.
    """

    def __init__(
        self,
        cnf: MBConvConfig,
        stochastic_depth_prob: float,
        norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = SqueezeExcitation,
    ) -> None:
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ValueError(f"illegal stride value: {cnf.stride} instead of 1 or 2")
        layer = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        hidden = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(
            *([layer(cnf.input_channels, hidden, kernel_size=1)] if hidden != cnf.input_channels else []),
            layer(hidden, hidden, cnf.kernel, cnf.stride, groups=hidden),
            se_layer(hidden, max(1, cnf.input_channels // 4), activation=partial(nn.SiLU, inplace=True)),
            layer(hidden, cnf.out_channels, kernel_size=1, activation_layer=None),
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        """(N, channels in, H, W) -> (N, channels out, H/stride, W/stride)."""
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


class EfficientNet(nn.Module):
    """Stages of MBConv blocks between two convolutions, an average over the image, a linear layer.

    stochastic_depth_prob: of the last block; those before it are left out more rarely.
    Source: https://pytorch.org/vision/stable/models/efficientnet.html

    Raises: ValueError for no rows; TypeError for rows that are no MBConvConfig.
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[MBConvConfig],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Callable[..., nn.Module] | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        rows = inverted_residual_setting
        if not rows:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not all(isinstance(row, MBConvConfig) for row in rows):
            raise TypeError("The inverted_residual_setting should be List[MBConvConfig]")
        norm = norm_layer or nn.BatchNorm2d
        layer = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        features: list[nn.Module] = [layer(3, rows[0].input_channels, stride=2)]
        done, blocks = 0, sum(row.num_layers for row in rows)
        for row in rows:
            cnf, stage = copy.copy(row), []
            for _ in range(row.num_layers):
                stage.append(cnf.block(cnf, stochastic_depth_prob * done / blocks, norm))
                cnf.input_channels, cnf.stride = cnf.out_channels, 1
                done += 1
            features.append(nn.Sequential(*stage))
        last = last_channel or 4 * rows[-1].out_channels
        self.features = nn.Sequential(*features, layer(rows[-1].out_channels, last, kernel_size=1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout, inplace=True), nn.Linear(last, num_classes))
        bound = 1.0 / math.sqrt(num_classes)
        draw_weights(self, conv=fan_out, linear=partial(nn.init.uniform_, a=-bound, b=bound))

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _efficientnet(width: float, depth: float, usual: dict[str, Any], **options: Any) -> EfficientNet:
    """usual: the options that the caller may replace."""
    rows = [MBConvConfig(*row, width_mult=width, depth_mult=depth) for row in _TABLE]
    return EfficientNet(rows, **{**usual, **options})


def _b(number: int, width: float, depth: float, dropout: float, file: str, resize: int, crop: int, **more: Any) -> Any:
    usual: dict[str, Any] = {"dropout": dropout}
    if number >= 5:
        usual["norm_layer"] = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
    name, v1 = f"EfficientNet_B{number}", File(file, resize, crop, InterpolationMode.BICUBIC)
    return model(name, _efficientnet, width=width, depth=depth, usual=usual, v1=v1, **more)


EfficientNet_B0_Weights, efficientnet_b0 = _b(0, 1.0, 1.0, 0.2, "efficientnet_b0_rwightman-7f5810bc", 256, 224)
EfficientNet_B1_Weights, efficientnet_b1 = _b(
    1, 1.0, 1.1, 0.2, "efficientnet_b1_rwightman-bac287d4", 256, 240, v2=File("efficientnet_b1-c27df63c", 255, 240)
)
EfficientNet_B2_Weights, efficientnet_b2 = _b(2, 1.1, 1.2, 0.3, "efficientnet_b2_rwightman-c35c1473", 288, 288)
EfficientNet_B3_Weights, efficientnet_b3 = _b(3, 1.2, 1.4, 0.3, "efficientnet_b3_rwightman-b3899882", 320, 300)
EfficientNet_B4_Weights, efficientnet_b4 = _b(4, 1.4, 1.8, 0.4, "efficientnet_b4_rwightman-23ab8bcd", 384, 380)
EfficientNet_B5_Weights, efficientnet_b5 = _b(5, 1.6, 2.2, 0.4, "efficientnet_b5_lukemelas-1a07897c", 456, 456)
EfficientNet_B6_Weights, efficientnet_b6 = _b(6, 1.8, 2.6, 0.5, "efficientnet_b6_lukemelas-24a108a5", 528, 528)
EfficientNet_B7_Weights, efficientnet_b7 = _b(7, 2.0, 3.1, 0.5, "efficientnet_b7_lukemelas-c5b4e57e", 600, 600)
