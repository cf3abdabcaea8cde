"""Sub-pixel convolution: small images made large, PSNR."""

from math import log10

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super(Net, self).__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 8, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.kaiming_normal_(self.conv2.weight, nonlinearity="relu")
        init.xavier_uniform_(self.conv3.weight)

    def forward(self, x):
        return self.pixel_shuffle(self.conv3(self.relu(self.conv2(self.relu(self.conv1(x))))))


torch.manual_seed(123)
rows = torch.arange(24.0)
target = torch.stack([torch.sin(rows[:, None] * f + rows * 0.3) for f in torch.linspace(0.1, 0.6, 16)]).unsqueeze(1)
small = F.interpolate(target, scale_factor=0.5, mode="bilinear", align_corners=False)
model, criterion = Net(2), nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
print(model)
for epoch in range(20):
    optimizer.zero_grad()
    loss = criterion(model(small), target)
    loss.backward()
    optimizer.step()
    if epoch % 5 == 4:
        print(f"===> Epoch {epoch}: loss {loss.item():.4f}, PSNR: {10 * log10(1 / loss.item()):.3f} dB")
