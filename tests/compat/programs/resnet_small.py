"""Residual blocks with batch normalisation, kaiming initialisation, a warm-up schedule."""

from typing import Optional

import torch
import torch.nn as nn
from torch import Tensor


def conv3x3(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    expansion: int = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(planes, planes), nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


def make_layer(inplanes, planes, blocks, stride):
    down = (
        nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        if stride != 1
        else None
    )
    return nn.Sequential(
        BasicBlock(inplanes, planes, stride, down), *[BasicBlock(planes, planes) for _ in range(1, blocks)]
    )


torch.manual_seed(0)
model = nn.Sequential(
    conv3x3(3, 8), nn.BatchNorm2d(8), nn.ReLU(), make_layer(8, 8, 1, 1), make_layer(8, 16, 2, 2),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
)  # fmt: skip
for m in model.modules():
    if isinstance(m, nn.Conv2d):
        nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
        nn.init.constant_(m.weight, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: min(1.0, (e + 1) / 4))
y = torch.arange(24) % 4
x = torch.randn(24, 3, 12, 12) + y.view(-1, 1, 1, 1) * 0.5
for epoch in range(6):
    out = model(x)
    loss = nn.CrossEntropyLoss()(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    top2 = out.topk(2, 1)[1].eq(y.view(-1, 1)).any(1).float().mean()
    print(f"{epoch} loss {loss.item():.4f} top-2 {top2.item():.3f} lr {scheduler.get_last_lr()[0]:.4f}")
print(len(model.state_dict()), list(model.state_dict())[-3:])
