"""A frozen backbone, two learning rates, a new head."""

import torch
from torch import nn

torch.manual_seed(0)
backbone = nn.Sequential()
backbone.add_module("conv1", nn.Conv2d(3, 8, 3, stride=2, bias=False))
backbone.add_module("bn1", nn.BatchNorm2d(8))
backbone.add_module("relu", nn.ReLU(inplace=True))
backbone.add_module("avgpool", nn.AdaptiveAvgPool2d((1, 1)))
backbone.add_module("flatten", nn.Flatten())
model = nn.Module()
model.backbone, model.fc = backbone, nn.Linear(8, 1000)
for param in model.backbone.conv1.parameters():
    param.requires_grad = False
model.fc = nn.Linear(model.fc.in_features, 2)
trainable = [n for n, p in model.named_parameters() if p.requires_grad]
print(trainable, sum(p.numel() for p in model.parameters()))
optimizer = torch.optim.SGD(
    [{"params": model.backbone.bn1.parameters()}, {"params": model.fc.parameters(), "lr": 1e-1}], lr=1e-3, momentum=0.9
)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
x, y = torch.randn(32, 3, 16, 16), torch.arange(32) % 2
x[y == 1, 0] += 1.0
before = model.backbone.conv1.weight.clone()
for epoch in range(10):
    loss = nn.functional.cross_entropy(model.fc(model.backbone(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    print(epoch, f"{loss.item():.4f}", [f"{g['lr']:.5f}" for g in optimizer.param_groups])
print(torch.equal(before, model.backbone.conv1.weight), model.backbone.bn1.num_batches_tracked)
