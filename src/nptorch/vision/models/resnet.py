"""Residual networks: (N, 3, H, W) -> (N, classes) scores.

Source: K. He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, with the stride in the 3x3
convolution; S. Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", arXiv:1611.05431;
S. Zagoruyko, N. Komodakis, "Wide Residual Networks", arXiv:1605.07146.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.initial import draw_weights, fan_out
from nptorch.vision.models.registry import model

__all__ = [
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNet",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]  # fmt: skip

Norm = Callable[..., nn.Module]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the image's size, but for the stride."""
    return nn.Conv2d(in_planes, out_planes, 3, stride, dilation, dilation, groups, bias=False)


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution."""
    return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, (N, inplanes, H, W) -> (N, planes, H/stride, W/stride).

    Raises: ValueError for groups or another width; NotImplementedError for a dilation.
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError(f"BasicBlock only supports groups=1 and base_width=64, got {groups} and {base_width}")
        if dilation > 1:
            raise NotImplementedError(f"Dilation > 1 not supported in BasicBlock, got {dilation}")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, beside a shortcut: (N, inplanes, H, W) -> (N, 4 planes, H/stride, W/stride)."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Four groups of `layers` blocks each, every group but the first halving the image.

    zero_init_residual: begin with every block as its shortcut. replace_stride_with_dilation: for the last three groups.
    Source: https://pytorch.org/vision/stable/models/resnet.html

    Raises: ValueError unless replace_stride_with_dilation has three elements.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilate = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ValueError(f"replace_stride_with_dilation should be None or a 3-element tuple, got {dilate}")
        self._norm_layer: Any = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        draw_weights(self, conv=fan_out)
        if zero_init_residual:
            for part in self.modules():
                if isinstance(part, (BasicBlock, Bottleneck)):
                    nn.init.zeros_((part.bn3 if isinstance(part, Bottleneck) else part.bn2).weight)

    def _make_layer(self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False) -> nn.Sequential:
        """One group of blocks; self.inplanes and self.dilation are what the groups before it left."""
        first_dilation = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        shortcut = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            shortcut = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride), self._norm_layer(planes * block.expansion)
            )
        common = {"groups": self.groups, "base_width": self.base_width, "norm_layer": self._norm_layer}
        made = [block(self.inplanes, planes, stride, shortcut, dilation=first_dilation, **common)]
        self.inplanes = planes * block.expansion
        made += [block(self.inplanes, planes, dilation=self.dilation, **common) for _ in range(1, blocks)]
        return nn.Sequential(*made)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        return self._forward_impl(x)


_50, _101, _152 = [3, 4, 6, 3], [3, 4, 23, 3], [3, 8, 36, 3]
ResNet18_Weights, resnet18 = model("ResNet18", ResNet, block=BasicBlock, layers=[2, 2, 2, 2], v1="resnet18-f37072fd")
ResNet34_Weights, resnet34 = model("ResNet34", ResNet, block=BasicBlock, layers=[3, 4, 6, 3], v1="resnet34-b627a593")
ResNet50_Weights, resnet50 = model(
    "ResNet50", ResNet, block=Bottleneck, layers=_50, v1="resnet50-0676ba61", v2="resnet50-11ad3fa6"
)
ResNet101_Weights, resnet101 = model(
    "ResNet101", ResNet, block=Bottleneck, layers=_101, v1="resnet101-63fe2227", v2="resnet101-cd907fc2"
)
ResNet152_Weights, resnet152 = model(
    "ResNet152", ResNet, block=Bottleneck, layers=_152, v1="resnet152-394f9c45", v2="resnet152-f82ba261"
)
ResNeXt50_32X4D_Weights, resnext50_32x4d = model(
    "ResNeXt50_32X4D", ResNet, block=Bottleneck, layers=_50, groups=32, width_per_group=4,
    v1="resnext50_32x4d-7cdf4587", v2="resnext50_32x4d-1a0047aa",
)  # fmt: skip
ResNeXt101_32X8D_Weights, resnext101_32x8d = model(
    "ResNeXt101_32X8D", ResNet, block=Bottleneck, layers=_101, groups=32, width_per_group=8,
    v1="resnext101_32x8d-8ba56ff5", v2="resnext101_32x8d-110c445d",
)  # fmt: skip
ResNeXt101_64X4D_Weights, resnext101_64x4d = model(
    "ResNeXt101_64X4D", ResNet, block=Bottleneck, layers=_101, groups=64, width_per_group=4,
    v1="resnext101_64x4d-173b62eb", resize=232,
)  # fmt: skip
Wide_ResNet50_2_Weights, wide_resnet50_2 = model(
    "Wide_ResNet50_2", ResNet, block=Bottleneck, layers=_50, width_per_group=128,
    v1="wide_resnet50_2-95faca4d", v2="wide_resnet50_2-9ba9bcbe",
)  # fmt: skip
Wide_ResNet101_2_Weights, wide_resnet101_2 = model(
    "Wide_ResNet101_2", ResNet, block=Bottleneck, layers=_101, width_per_group=128,
    v1="wide_resnet101_2-32ee1156", v2="wide_resnet101_2-d733dc28",
)  # fmt: skip
