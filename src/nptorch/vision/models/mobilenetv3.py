"""MobileNet V3, small and large: (N, 3, H, W) -> (N, classes) scores.

Source: A. Howard et al., "Searching for MobileNetV3", arXiv:1905.02244.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights, fan_out, narrow
from nptorch.vision.models.mobilenetv2 import _make_divisible
from nptorch.vision.models.registry import model
from nptorch.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "MobileNetV3", "MobileNet_V3_Large_Weights", "MobileNet_V3_Small_Weights", "mobilenet_v3_large",
    "mobilenet_v3_small",
]  # fmt: skip

# The paper's tables 1 and 2: channels in, kernel size, expanded channels, channels out, squeeze and excitation,
# activation (RE: ReLU, HS: hard swish), stride.
_LARGE = (
    (16, 3, 16, 16, False, "RE", 1), (16, 3, 64, 24, False, "RE", 2), (24, 3, 72, 24, False, "RE", 1),
    (24, 5, 72, 40, True, "RE", 2), (40, 5, 120, 40, True, "RE", 1), (40, 5, 120, 40, True, "RE", 1),
    (40, 3, 240, 80, False, "HS", 2), (80, 3, 200, 80, False, "HS", 1), (80, 3, 184, 80, False, "HS", 1),
    (80, 3, 184, 80, False, "HS", 1), (80, 3, 480, 112, True, "HS", 1), (112, 3, 672, 112, True, "HS", 1),
    (112, 5, 672, 160, True, "HS", 2), (160, 5, 960, 160, True, "HS", 1), (160, 5, 960, 160, True, "HS", 1),
)  # fmt: skip
_SMALL = (
    (16, 3, 16, 16, True, "RE", 2), (16, 3, 72, 24, False, "RE", 2), (24, 3, 88, 24, False, "RE", 1),
    (24, 5, 96, 40, True, "HS", 2), (40, 5, 240, 40, True, "HS", 1), (40, 5, 240, 40, True, "HS", 1),
    (40, 5, 120, 48, True, "HS", 1), (48, 5, 144, 48, True, "HS", 1),
    (48, 5, 288, 96, True, "HS", 2), (96, 5, 576, 96, True, "HS", 1), (96, 5, 576, 96, True, "HS", 1),
)  # fmt: skip


_SqueezeExcitation = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)


class InvertedResidualConfig:
    """One row of the paper's tables, its channels times width_mult."""

    def __init__(
        self,
        input_channels: int,
        kernel: int,
        expanded_channels: int,
        out_channels: int,
        use_se: bool,
        activation: str,
        stride: int,
        dilation: int,
        width_mult: float,
    ) -> None:
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        """The channels times width_mult, as a multiple of 8."""
        return _make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """To more channels, a convolution in each, squeeze and excitation, and back; added to the input if the shapes allow.

    Raises: ValueError for a stride that is neither 1 nor 2.
    """

    def __init__(
        self,
        cnf: InvertedResidualConfig,
        norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = _SqueezeExcitation,
    ) -> None:
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ValueError(f"illegal stride value: {cnf.stride} instead of 1 or 2")
        activation = nn.Hardswish if cnf.use_hs else nn.ReLU
        layer = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=activation)
        hidden = cnf.expanded_channels
        stride = 1 if cnf.dilation > 1 else cnf.stride
        layers: list[nn.Module] = []
        if hidden != cnf.input_channels:
            layers.append(layer(cnf.input_channels, hidden, kernel_size=1))
        layers.append(layer(hidden, hidden, cnf.kernel, stride, groups=hidden, dilation=cnf.dilation))
        if cnf.use_se:
            layers.append(se_layer(hidden, _make_divisible(hidden // 4, 8)))
        layers.append(layer(hidden, cnf.out_channels, kernel_size=1, activation_layer=None))
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1

    def forward(self, input: Tensor) -> Tensor:
        """(N, channels in, H, W) -> (N, channels out, H/stride, W/stride)."""
        result = self.block(input)
        return result + input if self.use_res_connect else result


class MobileNetV3(nn.Module):
    """Inverted residuals between two convolutions, an average over the image, two linear layers.

    Source: https://pytorch.org/vision/stable/models/mobilenetv3.html

    Raises: ValueError for no rows; TypeError for rows that are no InvertedResidualConfig.
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        rows = inverted_residual_setting
        if not rows:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not all(isinstance(row, InvertedResidualConfig) for row in rows):
            raise TypeError("The inverted_residual_setting should be List[InvertedResidualConfig]")
        block = block or InvertedResidual
        norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        layer = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        last = 6 * rows[-1].out_channels
        self.features = nn.Sequential(
            layer(3, rows[0].input_channels, stride=2),
            *[block(row, norm) for row in rows],
            layer(rows[-1].out_channels, last, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(last, last_channel), nn.Hardswish(inplace=True), nn.Dropout(dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )  # fmt: skip
        draw_weights(self, conv=fan_out, linear=narrow)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _mobilenet_v3(
    table: Sequence[Any],
    last: int,
    width_mult: float = 1.0,
    reduced_tail: bool = False,
    dilated: bool = False,
    **options: Any,
) -> MobileNetV3:
    """reduced_tail: half the channels in the last rows. dilated: a dilation in place of the last stride."""
    part = 2 if reduced_tail else 1
    rows = []
    for i, (before, kernel, expanded, after, excited, activation, stride) in enumerate(table):
        place = i - (len(table) - 3)  # the tail is the last three rows, but for the channels that come into it
        channels = (
            before // part if place > 0 else before,
            kernel,
            expanded // part if place > 0 else expanded,
            after // part if place >= 0 else after,
        )
        dilation = 2 if dilated and place >= 0 else 1
        rows.append(InvertedResidualConfig(*channels, excited, activation, stride, dilation, width_mult))
    return MobileNetV3(rows, InvertedResidualConfig.adjust_channels(last // part, width_mult), **options)


_model = partial(model, network=_mobilenet_v3)
MobileNet_V3_Large_Weights, mobilenet_v3_large = _model(
    "MobileNet_V3_Large", table=_LARGE, last=1280, v1="mobilenet_v3_large-8738ca79", v2="mobilenet_v3_large-5c1a4163"
)
MobileNet_V3_Small_Weights, mobilenet_v3_small = _model(
    "MobileNet_V3_Small", table=_SMALL, last=1024, v1="mobilenet_v3_small-047dcff4"
)
