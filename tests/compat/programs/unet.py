"""Segmentation of discs: skip connections, BCE with logits and dice."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1),
            nn.BatchNorm2d(o),
            nn.ReLU(inplace=True),
            nn.Conv2d(o, o, 3, padding=1),
            nn.ReLU(),
        )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([DoubleConv(1, 4), DoubleConv(4, 8)])
        self.up = nn.ConvTranspose2d(8, 4, kernel_size=2, stride=2)
        self.conv, self.out = DoubleConv(8, 4), nn.Conv2d(4, 1, 1)

    def forward(self, x):
        first = self.down[0](x)
        x = self.up(self.down[1](F.max_pool2d(first, 2)))
        dy, dx = first.size(2) - x.size(2), first.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.out(self.conv(torch.cat([first, x], dim=1)))


torch.manual_seed(0)
yy, xx = torch.meshgrid(torch.arange(17.0), torch.arange(17.0), indexing="ij")
centre = torch.rand(12, 2) * 8 + 4
mask = ((yy - centre[:, 0, None, None]) ** 2 + (xx - centre[:, 1, None, None]) ** 2 < 16).float().unsqueeze(1)
image = mask + 0.4 * torch.randn(mask.shape)
net = UNet()
opt = torch.optim.RMSprop(net.parameters(), lr=0.003, momentum=0.5)
for epoch in range(8):
    logits = net(image)
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * mask).sum((1, 2, 3)) + 1) / (p.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)
    loss = F.binary_cross_entropy_with_logits(logits, mask) + dice.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")
