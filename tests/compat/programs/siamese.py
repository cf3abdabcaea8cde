"""Two images, one network: pairs of the same or different class, contrastive loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __getitem__(self, index):
        other = (index * 7 + 3) % len(self)
        same = torch.tensor([int(self.labels[index] != self.labels[other])], dtype=torch.float32)
        return self.images[index], self.images[other], same

    def __len__(self):
        return len(self.images)


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.cnn1 = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(1, 4, kernel_size=3),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(4),
            nn.Dropout2d(p=0.2),
        )
        self.fc1 = nn.Sequential(nn.Linear(4 * 8 * 8, 20), nn.ReLU(inplace=True), nn.Linear(20, 5))

    def forward_once(self, x):
        output = self.cnn1(x)
        return self.fc1(output.view(output.size()[0], -1))

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        d = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean((1 - label) * torch.pow(d, 2) + label * torch.pow(torch.clamp(self.margin - d, min=0.0), 2))


torch.manual_seed(0)
labels = torch.randint(0, 4, (96,))
images = torch.randn(96, 1, 8, 8) * 0.3 + labels.view(-1, 1, 1, 1)
net, criterion = SiameseNetwork(), ContrastiveLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.0005)
for epoch in range(4):
    for img0, img1, label in DataLoader(Pairs(images, labels), shuffle=True, batch_size=16):
        optimizer.zero_grad()
        output1, output2 = net(img0, img1)
        loss = criterion(output1, output2, label)
        loss.backward()
        optimizer.step()
    print(f"Epoch number {epoch}\n Current loss {loss.item():.5f}\n")
